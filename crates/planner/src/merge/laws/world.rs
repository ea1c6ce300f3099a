//! A tree grown, agreed on, and disturbed on both sides: the worlds that the laws of the merge are tried on.
//!
//! A world knows what every file really holds, also where the trees do not say so yet.

use std::collections::BTreeMap;
use std::fmt;

use crate::content::Stamp;
use crate::hold::Odd;
use crate::id::{FileId, LocalIdentity, LocalKey, NodeId, RemoteId, ShortUrl};
use crate::name::{LocalName, RemoteName};
use crate::policy::{ConflictPolicy, Direction, FirstMerge, Policy};
use crate::tree::build::{Case, case, file_id, folder_id, hash_of, stamp_of};
use crate::tree::{
    Gone, LocalContents, LocalFile, LocalKind, LocalNode, Node, RemoteFile, RemoteKind, RemoteNode, Standing,
    SyncedFile, SyncedKind, SyncedNode,
};

const NAMES: [&str; 8] = ["a", "b", "c", "A", "a (id 101)", "d.txt", "\u{e9}", "e\u{301}"];
const TEXTS: [&str; 6] = ["x", "y", "zz", "ww", "longer text", ""];

/// One disturbance: what, of which node, how.
pub(super) type Op = (u8, u8, u8);

/// Three trees and the truth behind them.
#[derive(Clone)]
pub(super) struct World {
    pub(super) case: Case,
    pub(super) here: BTreeMap<LocalKey, String>,
    pub(super) there: BTreeMap<FileId, String>,
    /// What was agreed on: what a file still holds that no listing shows.
    agreed: BTreeMap<FileId, String>,
    next: u64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trees = self.case.trees();
        writeln!(f, "{:?}", self.case.policy)?;
        for node in trees.synced.iter() {
            writeln!(f, "synced {:?} {:?}", trees.synced.path(node.id), node)?;
        }
        for entry in trees.local.nodes.iter() {
            let path = trees.local.nodes.path(entry.key);
            writeln!(f, "local {:?} {:?} {:?}", path, self.here.get(&entry.key), entry)?;
        }
        for row in trees.remote.nodes.iter() {
            let text = row.file_id().map(|id| &self.there[&id]);
            writeln!(
                f,
                "remote {:?} {:?} {:?}",
                trees.remote.nodes.path(row.id),
                text,
                row
            )?;
        }
        writeln!(f, "gone {:?}", trees.remote.gone)?;
        let hidden = (trees.local.root_hidden, trees.remote.root_unreadable);
        writeln!(f, "{hidden:?}")?;
        f.write_str(&self.case.render(&self.case.merged()))
    }
}

impl World {
    /// A policy out of a number.
    pub(super) fn new(policy: u16) -> Self {
        let bits = |shift: u32, count: u16| (policy >> shift) % count;
        let case = case().policy(|chosen: &mut Policy| {
            chosen.direction = match bits(0, 8) {
                0 => Direction::Upload,
                1 => Direction::Download,
                _ => Direction::Both,
            };
            chosen.conflict = match bits(3, 8) {
                0 => ConflictPolicy::PreferLocal,
                1 => ConflictPolicy::PreferRemote,
                2 => ConflictPolicy::PreferNewer,
                _ => ConflictPolicy::KeepBoth,
            };
            chosen.disk.folds_case = bits(6, 4) == 0;
            chosen.disk.folds_normalisation = bits(8, 4) == 0;
            chosen.server.max_upload = (bits(10, 4) == 0).then_some(5);
            if bits(12, 8) == 0 {
                chosen.first_merge = FirstMerge::Size;
            }
        });
        Self {
            case,
            here: BTreeMap::new(),
            there: BTreeMap::new(),
            agreed: BTreeMap::new(),
            next: 1,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Adds an agreed node.
    pub(super) fn grow(&mut self, (above, name, what): Op) {
        let folders: Vec<&SyncedNode> = self
            .case
            .synced
            .iter()
            .filter(|node| node.file().is_none())
            .collect();
        let above = nth(&folders, above, true).map(|node| (node.id, node.remote()));
        let name = NAMES[usize::from(name) % NAMES.len()];
        let text = TEXTS[usize::from(what >> 2) % TEXTS.len()];
        let number = self.number();
        let key = LocalKey(u32::try_from(number).unwrap());
        let local_parent = above.map(|(id, _)| LocalKey(u32::try_from(id.0).unwrap()));
        if self.taken_here(local_parent, name) {
            return;
        }
        let folder = what % 3 == 0;
        let id = 100 + number;
        let kind = if folder {
            SyncedKind::Folder(folder_id(id))
        } else {
            self.here.insert(key, text.to_owned());
            self.agreed.insert(file_id(id), text.to_owned());
            SyncedKind::File(SyncedFile {
                remote: file_id(id),
                short_url: Some(url(id)),
                size: text.len() as u64,
                hash: (what % 16 != 1).then(|| hash_of(text)),
                stamp: (what % 16 != 2).then(|| stamp_of(text)),
            })
        };
        self.case.synced.insert(SyncedNode {
            id: NodeId(number),
            parent: above.map(|(id, _)| id),
            remote_name: RemoteName::new(name),
            local_name: LocalName::new(name).unwrap(),
            identity: Some(identity(number, what)),
            standing: if what % 8 == 5 {
                Standing::Published
            } else {
                Standing::Agreed
            },
            kind,
        });
        self.add_here(local_parent, name, number, (!folder).then_some(text), what);
        self.add_there(above.map(|(_, id)| id), name, id, (!folder).then_some(text));
    }

    fn taken_here(&self, parent: Option<LocalKey>, name: &str) -> bool {
        let disk = &self.case.policy.disk;
        let mut entries = self.case.local.nodes.children(parent);
        entries.any(|entry| crate::naming::same_on_disk(entry.name.as_str(), name, disk))
    }

    pub(super) fn add_here(
        &mut self,
        parent: Option<LocalKey>,
        name: &str,
        number: u64,
        text: Option<&str>,
        how: u8,
    ) -> LocalKey {
        let key = LocalKey(u32::try_from(number).unwrap());
        let kind = match text {
            None => LocalKind::Folder(LocalContents::Read { others: 0 }),
            Some(text) => {
                self.here.insert(key, text.to_owned());
                LocalKind::File(LocalFile {
                    size: text.len() as u64,
                    stamp: stamp_of(text),
                    hash: how.is_multiple_of(2).then(|| hash_of(text)),
                    busy: false,
                    unreadable: false,
                })
            }
        };
        self.case.local.nodes.insert(LocalNode {
            key,
            parent,
            name: LocalName::new(name).unwrap(),
            identity: Some(identity(number, how)),
            ignored: false,
            kind,
        });
        key
    }

    pub(super) fn add_there(
        &mut self,
        parent: Option<RemoteId>,
        name: &str,
        id: u64,
        text: Option<&str>,
    ) -> RemoteId {
        let (id, kind) = match text {
            None => (
                RemoteId::Folder(folder_id(id)),
                RemoteKind::Folder { readable: true },
            ),
            Some(text) => {
                self.there.insert(file_id(id), text.to_owned());
                let file = RemoteFile {
                    size: text.len() as u64,
                    short_url: Some(url(id)),
                    hash: None,
                    looks: 1,
                    appeared: None,
                };
                (RemoteId::File(file_id(id)), RemoteKind::File(file))
            }
        };
        self.case.remote.nodes.insert(RemoteNode {
            id,
            parent: parent.and_then(RemoteId::folder),
            name: RemoteName::new(name),
            ignored: false,
            kind,
        });
        id
    }

    fn change_here(&mut self, key: LocalKey, change: impl FnOnce(&mut LocalNode)) {
        let mut entry = self.case.local.nodes.remove(key).unwrap();
        change(&mut entry);
        self.case.local.nodes.insert(entry);
    }

    fn write_here(&mut self, key: LocalKey, text: &str, how: u8) {
        let now = i64::try_from(self.number()).unwrap();
        self.here.insert(key, text.to_owned());
        self.change_here(key, |entry| {
            if let LocalKind::File(file) = &mut entry.kind {
                file.size = text.len() as u64;
                file.hash = how.is_multiple_of(2).then(|| hash_of(text));
                file.stamp = Stamp {
                    mtime_ns: now * 1_000_000_000,
                    ctime_ns: now * 1_000_000_000,
                };
            }
        });
    }

    fn remove_here(&mut self, key: LocalKey) {
        self.empty_here(key);
        self.case.local.nodes.remove(key);
    }

    fn empty_here(&mut self, key: LocalKey) {
        let children = self.case.local.nodes.children(Some(key));
        for child in children.map(|entry| entry.key).collect::<Vec<_>>() {
            self.remove_here(child);
        }
    }

    fn is_within_here(&self, key: LocalKey, goal: Option<LocalKey>) -> bool {
        let nodes = &self.case.local.nodes;
        goal.is_some_and(|goal| goal == key || nodes.ancestors(goal).any(|above| above.key == key))
    }

    /// Does something on the disk.
    pub(super) fn disturb_here(&mut self, (op, which, how): Op) {
        let all: Vec<&LocalNode> = self.case.local.nodes.iter().collect();
        let picked = nth(&all, which, false)
            .map(|entry| (entry.key, entry.parent, entry.is_folder(), entry.name.clone()));
        let folders: Vec<&LocalNode> = all.into_iter().filter(|entry| entry.is_folder()).collect();
        let goal = nth(&folders, how, true).map(|entry| entry.key);
        let name = NAMES[usize::from(how) % NAMES.len()];
        let text = TEXTS[usize::from(how >> 3) % TEXTS.len()];
        if matches!(op % 18, 0 | 1) {
            if !self.taken_here(goal, name) {
                let number = self.number();
                self.add_here(goal, name, number, (op % 18 == 0).then_some(text), how);
            }
            return;
        }
        let Some((key, parent, folder, old)) = picked else {
            return;
        };
        match op % 18 {
            2 | 3 if !self.taken_here(parent, name) => {
                self.change_here(key, |entry| entry.name = LocalName::new(name).unwrap());
            }
            4..=6 if !self.is_within_here(key, goal) && !self.taken_here(goal, old.as_str()) => {
                self.change_here(key, |entry| entry.parent = goal);
            }
            7 | 8 => self.remove_here(key),
            9 | 10 if !folder => self.write_here(key, text, how),
            11 if !folder => {
                let number = self.number();
                self.write_here(key, text, how);
                self.change_here(key, |entry| entry.identity = Some(identity(number, 0)));
            }
            12 => {
                self.empty_here(key);
                self.change_here(key, |entry| entry.ignored = true);
            }
            13 if folder => {
                self.empty_here(key);
                self.change_here(key, |entry| entry.kind = LocalKind::Folder(LocalContents::Hidden));
            }
            14 if !folder => self.change_here(key, |entry| {
                if let LocalKind::File(file) = &mut entry.kind {
                    file.busy = how.is_multiple_of(2);
                    file.unreadable = !file.busy;
                }
            }),
            15 if !folder => {
                self.here.remove(&key);
                self.change_here(key, |entry| entry.kind = LocalKind::Other(Odd::Symlink));
            }
            16 if !folder => self.write_here(key, "", how),
            17 if how < 20 => {
                self.remove_here(key);
                self.case.local.root_hidden = true;
            }
            _ => {}
        }
    }

    fn change_there(&mut self, id: RemoteId, change: impl FnOnce(&mut RemoteNode)) {
        let mut row = self.case.remote.nodes.remove(id).unwrap();
        change(&mut row);
        self.case.remote.nodes.insert(row);
    }

    /// Takes a row and all below it out, saying how it went, if that is known.
    fn remove_there(&mut self, id: RemoteId, gone: Option<Gone>) {
        for child in self.below_there(id) {
            self.remove_there(child, gone);
        }
        self.case.remote.nodes.remove(id);
        match (gone, id.file()) {
            (Some(gone), _) => {
                self.case.remote.gone.insert(id, gone);
            }
            (None, Some(file)) => self
                .there
                .extend(self.agreed.get(&file).map(|text| (file, text.clone()))),
            (None, None) => {}
        }
    }

    fn below_there(&self, id: RemoteId) -> Vec<RemoteId> {
        self.case
            .remote
            .nodes
            .children(Some(id))
            .map(|row| row.id)
            .collect()
    }

    /// Does something in the account.
    pub(super) fn disturb_there(&mut self, (op, which, how): Op) {
        let all: Vec<&RemoteNode> = self.case.remote.nodes.iter().collect();
        let picked = nth(&all, which, false).map(|row| (row.id, row.parent(), row.name.clone()));
        let folders: Vec<&RemoteNode> = all.into_iter().filter(|row| row.file().is_none()).collect();
        let goal = nth(&folders, how, true).map(|row| row.id);
        let name = NAMES[usize::from(how) % NAMES.len()];
        let text = TEXTS[usize::from(how >> 3) % TEXTS.len()];
        if matches!(op % 18, 0 | 1) {
            let number = 100 + self.number();
            self.add_there(goal, name, number, (op % 18 == 0).then_some(text));
            return;
        }
        let Some((id, parent, old)) = picked else {
            return;
        };
        match op % 18 {
            2 | 3 => self.change_there(id, |row| row.name = RemoteName::new(name)),
            4..=6 => {
                let within = goal == Some(id)
                    || goal.is_some_and(|goal| {
                        self.case.remote.nodes.ancestors(goal).any(|above| above.id == id)
                    });
                if !within {
                    self.change_there(id, |row| row.parent = goal.and_then(RemoteId::folder));
                }
            }
            7 | 8 => self.remove_there(id, Some(Gone::Deleted)),
            9 => {
                let ways = [Gone::LeftPair, Gone::Expired, Gone::LostApproved, Gone::DiedYoung];
                self.remove_there(id, Some(ways[usize::from(how) % ways.len()]));
            }
            10 => self.remove_there(id, None),
            11 | 12 => self.edit_there(id, text),
            13 if id.file().is_some() => {
                let number = 100 + self.number();
                self.remove_there(id, Some(Gone::Deleted));
                self.add_there(parent, old.as_str(), number, Some(text));
            }
            14 if id.file().is_some() => {
                let number = 100 + self.number();
                self.add_there(parent, old.as_str(), number, Some(text));
            }
            15 if how < 20 => {
                self.remove_there(id, None);
                self.case.remote.root_unreadable = true;
            }
            15 => self.change_there(id, |row| row.ignored = true),
            16 if id.file().is_none() => {
                for child in self.below_there(id) {
                    self.remove_there(child, None);
                }
                self.change_there(id, |row| row.kind = RemoteKind::Folder { readable: false });
            }
            17 => {
                let text = id.file().map(|file| self.there[&file].clone());
                self.change_there(id, |row| {
                    if let RemoteKind::File(file) = &mut row.kind {
                        file.hash = text.map(|text| hash_of(&text));
                        file.appeared = Some((i64::from(how), i64::from(how) + 10));
                    }
                });
            }
            _ => {}
        }
    }

    fn edit_there(&mut self, id: RemoteId, text: &str) {
        let Some(file) = id.file() else {
            return;
        };
        let version = self.number();
        self.there.insert(file, text.to_owned());
        self.change_there(id, |row| {
            if let RemoteKind::File(file) = &mut row.kind {
                file.size = text.len() as u64;
                file.short_url = Some(url(1000 + version));
                file.hash = None;
            }
        });
    }
}

pub(super) fn url(id: u64) -> ShortUrl {
    ShortUrl(format!("u{id}").into())
}

pub(super) fn identity(number: u64, how: u8) -> LocalIdentity {
    LocalIdentity {
        device: 1,
        inode: 1000 + number,
        birth_ns: (how % 4 != 3).then_some(5),
    }
}

/// One of these, or none: `or_root` leaves room for the root.
fn nth<'a, T>(list: &[&'a T], number: u8, or_root: bool) -> Option<&'a T> {
    let count = list.len() + usize::from(or_root);
    if count == 0 {
        return None;
    }
    list.get(usize::from(number) % count).copied()
}
