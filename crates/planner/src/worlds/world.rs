//! One triple of trees as a machine and an account in it, and as lines in the tests' notation.
//!
//! All numbers (inodes, ids, records), and which name and which content is which, are dealt by the world's own number, so
//! that no rule can lean on their order. The two contents have one size: only hashes tell them apart. A hash is known where
//! the record has it and the stamps or the version are the record's; what was renamed here must be hashed again. What
//! the account shows no more is in its trash.

use std::fmt::Write;

use super::forest::{Seen, Spot, Triple, What};
use crate::content::Stamp;
use crate::id::{FileId, FolderId, NodeId, RemoteId};
use crate::name::{LocalName, RemoteName};
use crate::policy::{ConflictPolicy, Policy};
use crate::pretend::{Account, Bytes, Disk, Inode, Kind, Machine, Node, Rng, Row, hash_of, size_of, url};
use crate::tree::{Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};

const NAMES: [&str; 3] = ["a", "b", "c"];
const TEXTS: [&str; 2] = ["x", "y"];
/// Both of size 2.
const BYTES: [Bytes; 2] = [1, 4];
/// When agreements began to be made, in seconds; each entry has its own.
const AGREED: i64 = 1_000;
/// How much later everything was written and renamed here that was.
const LATER: i64 = 1_000;
/// When a version came to the account that is older, or newer, than whatever is here.
const BEFORE: (i64, i64) = (20, 30);
const AFTER: (i64, i64) = (9_000, 9_010);

/// Whose versions are the newer ones, in turn: with two files in conflict, each side has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Newer {
    HereFirst,
    ThereFirst,
}

/// See the head of this file.
pub(super) struct World {
    pub(super) number: u64,
    pub(super) triple: Triple,
    /// Of each agreed node.
    pub(super) base_inodes: Vec<Inode>,
    pub(super) base_rows: Vec<RemoteId>,
    /// Of each node that a side shows.
    pub(super) inodes: Vec<Inode>,
    pub(super) rows: Vec<RemoteId>,
    records: Vec<NodeId>,
}

/// The pretended content; `None` for a folder.
pub(super) fn bytes_of(what: What) -> Option<Bytes> {
    match what {
        What::Folder => None,
        What::File(text) => Some(BYTES[usize::from(text)]),
    }
}

/// Says anew which name and which content is which.
fn dealt_words(triple: &mut Triple, rng: &mut Rng) {
    let mut names = [0, 1, 2];
    // Where there are two names, the third is used by nobody.
    let all = triple.base.iter().map(|spot| spot.name);
    let all = all.chain(triple.here.iter().chain(&triple.there).map(|node| node.spot.name));
    let used = if all.max() == Some(2) { 3 } else { 2 };
    rng.shuffle(&mut names[..used]);
    let other = u8::from(rng.one_in(2));
    let deal = |spot: &mut Spot| {
        spot.name = names[usize::from(spot.name)];
        if let What::File(text) = &mut spot.what {
            *text ^= other;
        }
    };
    triple.base.iter_mut().for_each(deal);
    let seen = triple.here.iter_mut().chain(&mut triple.there);
    seen.for_each(|node| deal(&mut node.spot));
}

impl World {
    pub(super) fn new(number: u64, mut triple: Triple) -> Self {
        let mut rng = Rng::new(number);
        dealt_words(&mut triple, &mut rng);
        let mut dealt = |from: u64, count: usize| -> Vec<u64> {
            let mut all: Vec<u64> = (from..).take(count).collect();
            rng.shuffle(&mut all);
            all
        };
        let agreed = triple.base.len();
        let mut inodes = dealt(1, agreed + triple.here.len()).into_iter();
        let ids = dealt(1, agreed);
        // Ids only grow.
        let new_ids = dealt(1 + agreed as u64, triple.there.len());
        let records = dealt(1, agreed).into_iter().map(NodeId).collect();
        let mut inode = || Inode::try_from(inodes.next().unwrap()).unwrap();
        let base_inodes: Vec<Inode> = triple.base.iter().map(|_| inode()).collect();
        let base_rows: Vec<RemoteId> = ids
            .iter()
            .zip(&triple.base)
            .map(|(id, spot)| row_id(*id, spot.what))
            .collect();
        let is = |node: &Seen| node.was.map_or_else(&mut inode, |was| base_inodes[was]);
        let inodes = triple.here.iter().map(is).collect();
        let row = |(node, id): (&Seen, &u64)| {
            node.was
                .map_or_else(|| row_id(*id, node.spot.what), |was| base_rows[was])
        };
        let rows = triple.there.iter().zip(&new_ids).map(row).collect();
        Self {
            number,
            base_inodes,
            base_rows,
            inodes,
            rows,
            records,
            triple,
        }
    }

    /// The machine and the account that these trees are of.
    pub(super) fn begin(&self, conflict: ConflictPolicy, newer: Newer) -> (Machine, Account) {
        let policy = Policy {
            device: "D".into(),
            conflict,
            ..Policy::default()
        };
        let machine = Machine::with(policy, self.disk(), self.synced());
        (machine, self.account(newer))
    }

    fn disk(&self) -> Disk {
        let mut disk = Disk::default();
        for (node, inode) in self.triple.here.iter().zip(&self.inodes) {
            let agreed = Self::agreed_at(*inode);
            let later = agreed + LATER * 1_000_000_000;
            let stamp = match node.was.map(|was| self.triple.base[was]) {
                Some(base) if base.what != node.spot.what => both(later),
                Some(base) if self.is_in_place(&self.triple.here, node, base) => both(agreed),
                Some(_) => Stamp {
                    mtime_ns: agreed,
                    ctime_ns: later,
                },
                None => both(later),
            };
            disk.put(
                *inode,
                Node {
                    parent: node.spot.parent.map(|parent| self.inodes[parent]),
                    name: local_name(node.spot),
                    kind: bytes_of(node.spot.what).map_or(Kind::Folder, Kind::File),
                    stamp,
                    ignored: false,
                },
            );
        }
        disk
    }

    fn account(&self, newer: Newer) -> Account {
        let mut account = Account::default();
        let mut here = newer == Newer::HereFirst;
        for (node, id) in self.triple.there.iter().zip(&self.rows) {
            let edited = node
                .was
                .is_some_and(|was| self.triple.base[was].what != node.spot.what);
            let row = Row {
                version: u32::from(edited),
                appeared: Some(if here { BEFORE } else { AFTER }),
                ..row(node.spot, node.spot.parent.map(|parent| self.rows[parent]), false)
            };
            account.put(*id, row);
            here ^= !node.spot.what.is_folder();
        }
        for (spot, id) in self.triple.base.iter().zip(&self.base_rows) {
            if !account.rows.contains_key(id) {
                account.put(
                    *id,
                    row(*spot, spot.parent.map(|parent| self.base_rows[parent]), true),
                );
            }
        }
        account
    }

    fn synced(&self) -> SyncedTree {
        let mut tree = SyncedTree::default();
        for (at, spot) in self.triple.base.iter().enumerate() {
            let inode = self.base_inodes[at];
            let kind = match (self.base_rows[at], bytes_of(spot.what)) {
                (RemoteId::File(remote), Some(bytes)) => SyncedKind::File(SyncedFile {
                    remote,
                    short_url: Some(url(RemoteId::File(remote), 0)),
                    size: size_of(bytes),
                    hash: Some(hash_of(bytes)),
                    stamp: Some(both(Self::agreed_at(inode))),
                }),
                (RemoteId::Folder(id), _) => SyncedKind::Folder(id),
                (RemoteId::File(_), None) => unreachable!("a file holds bytes"),
            };
            tree.insert(SyncedNode {
                id: self.records[at],
                parent: spot.parent.map(|parent| self.records[parent]),
                remote_name: RemoteName::new(NAMES[usize::from(spot.name)]),
                local_name: local_name(*spot),
                identity: Some(Disk::identity(inode)),
                standing: Standing::Agreed,
                kind,
            });
        }
        tree
    }

    /// When the agreement on an entry was made.
    fn agreed_at(inode: Inode) -> i64 {
        (AGREED + i64::from(inode)) * 1_000_000_000
    }

    /// Whether a node that a side shows has the name and the folder that were agreed on.
    pub(super) fn is_in_place(&self, side: &[Seen], node: &Seen, base: Spot) -> bool {
        let folder = node.spot.parent.map(|parent| side[parent].was);
        node.spot.name == base.name && folder == base.parent.map(Some)
    }

    pub(super) fn record(&self, at: usize) -> NodeId {
        self.records[at]
    }

    /// The three trees in the notation of `tree/build.rs`.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("synced\n");
        for (at, spot) in self.triple.base.iter().enumerate() {
            let path = path(&self.triple.base, at);
            let line = words(
                &path,
                spot.what,
                Some(self.base_inodes[at]),
                Some(self.base_rows[at]),
            );
            writeln!(text, "  {line}").unwrap();
        }
        text.push_str("local\n");
        let spots: Vec<Spot> = self.triple.here.iter().map(|node| node.spot).collect();
        for (at, node) in self.triple.here.iter().enumerate() {
            let line = words(&path(&spots, at), node.spot.what, Some(self.inodes[at]), None);
            let known = node.was.is_some_and(|was| {
                let base = self.triple.base[was];
                base.what == node.spot.what && self.is_in_place(&self.triple.here, node, base)
            });
            let unhashed = if known || node.spot.what.is_folder() {
                ""
            } else {
                "  unhashed"
            };
            writeln!(text, "  {line}{unhashed}").unwrap();
        }
        text.push_str("remote\n");
        let spots: Vec<Spot> = self.triple.there.iter().map(|node| node.spot).collect();
        for (at, node) in self.triple.there.iter().enumerate() {
            let line = words(&path(&spots, at), node.spot.what, None, Some(self.rows[at]));
            let edited = node
                .was
                .is_some_and(|was| self.triple.base[was].what != node.spot.what);
            writeln!(text, "  {line}{}", if edited { "  url new" } else { "" }).unwrap();
        }
        for id in self.base_rows.iter().filter(|id| !self.rows.contains(id)) {
            writeln!(text, "gone {}", id_words(*id)).unwrap();
        }
        text
    }
}

fn both(time: i64) -> Stamp {
    Stamp {
        mtime_ns: time,
        ctime_ns: time,
    }
}

fn row_id(number: u64, what: What) -> RemoteId {
    if what.is_folder() {
        RemoteId::Folder(FolderId::new(number).unwrap())
    } else {
        RemoteId::File(FileId::new(number).unwrap())
    }
}

fn row(spot: Spot, parent: Option<RemoteId>, trashed: bool) -> Row {
    Row {
        parent: parent.and_then(RemoteId::folder),
        name: RemoteName::new(NAMES[usize::from(spot.name)]),
        bytes: bytes_of(spot.what),
        version: 0,
        trashed,
        away: false,
        ignored: false,
        appeared: None,
    }
}

fn local_name(spot: Spot) -> LocalName {
    LocalName::new(NAMES[usize::from(spot.name)]).unwrap()
}

fn path(spots: &[Spot], at: usize) -> String {
    let name = NAMES[usize::from(spots[at].name)];
    match spots[at].parent {
        None => name.to_owned(),
        Some(parent) => format!("{}/{name}", path(spots, parent)),
    }
}

fn words(path: &str, what: What, inode: Option<Inode>, id: Option<RemoteId>) -> String {
    let mut line = match what {
        What::Folder => format!("{path}/"),
        What::File(text) => format!("{path}  '{}'", TEXTS[usize::from(text)]),
    };
    if let Some(id) = id {
        write!(line, "  {}", id_words(id)).unwrap();
    }
    if let Some(inode) = inode {
        write!(line, "  inode {inode}").unwrap();
    }
    line
}

fn id_words(id: RemoteId) -> String {
    match id {
        RemoteId::Folder(id) => format!("folder {id}"),
        RemoteId::File(id) => format!("file {id}"),
    }
}
