//! Which entry of the disk is which synced node (design M1–M5).
//!
//! Goes down the synced tree beside the disk, each node looked for where its folder is *now*. What is not found is gone
//! only if that place was read; everything else is hidden (design S10, S11). What must never happen here: a node taken
//! for gone because nobody looked, one entry given to two nodes, or a reused inode number read as a rename.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::content::ContentHash;
use crate::id::{LocalIdentity, LocalKey, NodeId};
use crate::merge::{Compare, Trees};
use crate::name::LocalName;
use crate::naming;
use crate::path::RelPath;
use crate::policy::Policy;
use crate::tree::{LocalContents, LocalFile, LocalKind, LocalNode, SyncedFile, SyncedKind, SyncedNode};

/// What the disk says of a synced node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// It is this entry.
    Entry(LocalKey),
    /// It is not there: its place was read, and no other entry is it.
    Gone,
    /// Its place could not be seen, or holds what is not synced.
    Hidden,
    /// Hashes still to be taken decide whether it moved or went.
    Undecided,
    /// A rule ignores it at its own place.
    Detached,
    /// It was moved to an ignored place.
    ToIgnored,
}

/// Who is who on the disk.
#[derive(Debug, Default)]
pub(crate) struct Identified {
    /// The synced nodes that hang together from the root, parents first.
    pub(crate) order: Vec<NodeId>,
    /// What became of each of them.
    pub(crate) found: BTreeMap<NodeId, Found>,
    /// The node that an entry is, also if it is ignored.
    pub(crate) owner: BTreeMap<LocalKey, NodeId>,
    /// Entries that may turn out to be an undecided node.
    pub(crate) waiting: BTreeSet<LocalKey>,
    /// Hashes to be taken.
    pub(crate) compare: BTreeSet<Compare>,
    /// Entries that are ignored, or lie in what is ignored.
    pub(crate) ignored: BTreeSet<LocalKey>,
}

/// Finds every synced node on the disk.
pub(crate) fn identify(trees: Trees<'_>, policy: &Policy) -> Identified {
    let mut search = Search::new(trees, policy);
    search
        .queue
        .extend(trees.synced.children(None).map(|node| node.id));
    loop {
        if let Some(id) = search.queue.pop_front() {
            search.visit(id, Chance::First);
        } else if let Some(id) = search.deferred.pop_front() {
            search.visit(id, Chance::Last);
        } else {
            break;
        }
    }
    search.pair_by_content();
    search.out
}

/// What is at the path of a synced node.
#[derive(Clone, Copy)]
enum Spot<'a> {
    Entry(&'a LocalNode),
    /// Nothing, and that was seen; or its folder is gone.
    Vacant,
    Hidden,
    /// Its folder is out of the pair in this way.
    Within(Found),
}

/// Whether the place of another node, not yet looked for, may still be left to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chance {
    First,
    Last,
}

/// Whether an entry found by its identity is the node.
enum Proof {
    Same,
    Other,
    NeedsHash(Option<Compare>),
}

struct Search<'a> {
    trees: Trees<'a>,
    policy: &'a Policy,
    device: alloc::string::String,
    names: BTreeMap<(Option<LocalKey>, &'a str), &'a LocalNode>,
    /// Entries by identity; `None` for one seen twice (M5).
    entries: BTreeMap<LocalIdentity, Option<&'a LocalNode>>,
    /// Synced nodes by identity; `None` for one that two claim with equal right.
    nodes: BTreeMap<LocalIdentity, Option<NodeId>>,
    queue: VecDeque<NodeId>,
    deferred: VecDeque<NodeId>,
    out: Identified,
}

impl<'a> Search<'a> {
    fn new(trees: Trees<'a>, policy: &'a Policy) -> Self {
        let mut search = Self {
            trees,
            policy,
            device: naming::device_label(&policy.device),
            names: BTreeMap::new(),
            entries: BTreeMap::new(),
            nodes: BTreeMap::new(),
            queue: VecDeque::new(),
            deferred: VecDeque::new(),
            out: Identified::default(),
        };
        let mut queue: VecDeque<&LocalNode> = trees.local.nodes.children(None).collect();
        while let Some(entry) = queue.pop_front() {
            search.names.insert((entry.parent, entry.name.as_str()), entry);
            if entry.ignored
                || entry
                    .parent
                    .is_some_and(|above| search.out.ignored.contains(&above))
            {
                search.out.ignored.insert(entry.key);
            }
            if let Some(identity) = entry.identity {
                let seen = search.entries.entry(identity);
                seen.and_modify(|other| *other = None).or_insert(Some(entry));
            }
            queue.extend(trees.local.nodes.children(Some(entry.key)));
        }
        let mut claims: BTreeMap<LocalIdentity, Vec<&SyncedNode>> = BTreeMap::new();
        for node in trees.synced.iter() {
            if let Some(identity) = node.identity {
                claims.entry(identity).or_default().push(node);
            }
        }
        for (identity, nodes) in claims {
            let entry = search.entries.get(&identity).copied().flatten();
            search.nodes.insert(identity, claimant(trees, &nodes, entry));
        }
        search
    }

    /// Decides about one node whose folder is decided, and queues what is in it.
    fn visit(&mut self, id: NodeId, chance: Chance) {
        let Some(node) = self.trees.synced.get(id) else {
            return;
        };
        let spot = self.spot(node);
        let Some(found) = self.look(node, spot, chance) else {
            self.deferred.push_back(id);
            return;
        };
        self.out.order.push(id);
        self.out.found.insert(id, found);
        let children = self.trees.synced.children(Some(id)).map(|child| child.id);
        self.queue.extend(children);
    }

    fn spot(&self, node: &SyncedNode) -> Spot<'a> {
        let (folder, hidden) = match node.parent {
            None => (None, self.trees.local.root_hidden),
            Some(parent) => match self.out.found.get(&parent) {
                Some(Found::Entry(key)) => {
                    let kind = self.trees.local.nodes.get(*key).map(|entry| &entry.kind);
                    (
                        Some(*key),
                        !matches!(kind, Some(LocalKind::Folder(LocalContents::Read { .. }))),
                    )
                }
                Some(Found::Gone) => return Spot::Vacant,
                Some(found @ (Found::Detached | Found::ToIgnored)) => return Spot::Within(*found),
                Some(Found::Hidden | Found::Undecided) | None => return Spot::Hidden,
            },
        };
        match self.names.get(&(folder, node.local_name.as_str())) {
            Some(entry) => Spot::Entry(entry),
            None if hidden => Spot::Hidden,
            None => Spot::Vacant,
        }
    }

    /// M1, M2, M3, in this order; `None`: ask again when the others had their turn.
    fn look(&mut self, node: &'a SyncedNode, spot: Spot<'a>, chance: Chance) -> Option<Found> {
        let by_identity = self.by_identity(node);
        let here = match spot {
            Spot::Entry(entry) if same_kind(node, entry) && !self.out.owner.contains_key(&entry.key) => {
                Some(entry)
            }
            Spot::Entry(_) | Spot::Vacant | Spot::Hidden | Spot::Within(_) => None,
        };
        if let (Some(entry), Some(same)) = (here, by_identity)
            && entry.key == same.key
        {
            return Some(self.claim(node, entry, Found::Detached));
        }
        // What lies at its path is another synced node, or something this node cannot be: it may have moved (M2).
        let rival = here.and_then(|entry| self.rival(node, entry));
        if let Some(moved) = by_identity.filter(|_| here.is_none() || rival.is_some()) {
            match self.prove(node, moved) {
                Proof::Same => return Some(self.claim(node, moved, Found::ToIgnored)),
                Proof::NeedsHash(compare) => {
                    self.out.waiting.insert(moved.key);
                    self.out.compare.extend(compare);
                    return Some(Found::Undecided);
                }
                Proof::Other => {}
            }
        }
        if let Some(entry) = here.filter(|entry| !self.rose(node, rival, entry)) {
            if rival.is_some() && chance == Chance::First {
                return None;
            }
            // Another node may turn out to be this entry: until then it is nobody's, and said to wait.
            if self.out.waiting.contains(&entry.key) {
                return Some(Found::Undecided);
            }
            return Some(self.claim(node, entry, Found::Detached));
        }
        Some(match spot {
            Spot::Vacant => Found::Gone,
            Spot::Hidden => Found::Hidden,
            Spot::Within(found) => found,
            // Whatever it is, a rule covers the path now.
            Spot::Entry(entry) if self.out.ignored.contains(&entry.key) => Found::Detached,
            Spot::Entry(entry) => match entry.kind {
                LocalKind::Other(_) => Found::Hidden,
                LocalKind::File(_) | LocalKind::Folder(_) => Found::Gone,
            },
        })
    }

    fn claim(&mut self, node: &SyncedNode, entry: &LocalNode, if_ignored: Found) -> Found {
        self.out.owner.insert(entry.key, node.id);
        if self.out.ignored.contains(&entry.key) {
            if_ignored
        } else {
            Found::Entry(entry.key)
        }
    }

    /// The one free entry of this node's identity and kind.
    fn by_identity(&self, node: &SyncedNode) -> Option<&'a LocalNode> {
        let identity = node.identity?;
        if self.nodes.get(&identity) != Some(&Some(node.id)) {
            return None;
        }
        let entry = (*self.entries.get(&identity)?)?;
        (same_kind(node, entry) && !self.out.owner.contains_key(&entry.key)).then_some(entry)
    }

    /// Whether it bears the name of a conflict copy that this device makes of the node.
    fn is_own_copy(&self, node: &SyncedNode, entry: &LocalNode) -> bool {
        if naming::is_conflict_copy(&entry.name).is_none_or(|copy| copy.device != self.device) {
            return false;
        }
        let (disk, shape) = (&self.policy.disk, naming::Shape::from(node.remote()));
        // A copy is made of the plain name, also where the node has a derived one (N2).
        let plain = naming::to_local(&node.remote_name, disk, self.policy.unstorable).ok();
        let is_of = |name: &LocalName| naming::is_conflict_of(&entry.name, name, shape, disk).is_some();
        entry.name != node.local_name && (is_of(&node.local_name) || plain.is_some_and(|name| is_of(&name)))
    }

    /// The other synced node that this entry is by identity, if that was not found elsewhere.
    fn rival(&self, node: &SyncedNode, entry: &LocalNode) -> Option<NodeId> {
        let identity = entry.identity?;
        self.entries.get(&identity).copied().flatten()?;
        let other = (*self.nodes.get(&identity)?)?;
        (other != node.id && !self.out.found.contains_key(&other)).then_some(other)
    }

    /// Whether the folder at a folder's path is one that was in it and took its place, which goes before what a path says
    /// (M2). It cannot be found before its folder is: that one is gone, and so its own old path is vacant.
    fn rose(&self, node: &SyncedNode, rival: Option<NodeId>, entry: &LocalNode) -> bool {
        let rival = rival.and_then(|id| self.trees.synced.get(id));
        rival.is_some_and(|rival| {
            let mut above = self.trees.synced.ancestors(rival.id);
            above.any(|above| above.id == node.id) && matches!(self.prove(rival, entry), Proof::Same)
        })
    }

    /// A birth time proves an identity. Without one the number may be reused (H26): a file must have the bytes, a
    /// folder a child that is known by name and number, or nothing on both sides.
    ///
    /// A file at the name of its own conflict copy must have the bytes as well. With others it is the version of this
    /// machine in a conflict that was cut short, which is finished and not taken for a rename (M12). With those of the
    /// record there was no such conflict: it is the file itself, which the user moved there, or which gave way to another
    /// of its name, here and not yet in the account.
    fn prove(&self, node: &SyncedNode, entry: &LocalNode) -> Proof {
        // Whether it is in an ignored place or nowhere comes to the same: it is not in the pair.
        let ignored = self.out.ignored.contains(&entry.key);
        let certain = entry.identity.is_some_and(|identity| identity.is_certain());
        let copy = !entry.is_folder() && self.is_own_copy(node, entry);
        if (ignored || certain) && !copy {
            return Proof::Same;
        }
        match (&node.kind, &entry.kind) {
            (SyncedKind::File(base), LocalKind::File(file)) => prove_bytes(base, file, entry.key),
            (SyncedKind::Folder(_), LocalKind::Folder(_)) => {
                let mut children = self.trees.synced.children(Some(node.id)).peekable();
                let empty = children.peek().is_none()
                    && self.trees.local.nodes.children(Some(entry.key)).next().is_none();
                let known = children.any(|child| {
                    let seen = self.names.get(&(Some(entry.key), child.local_name.as_str()));
                    child.identity.is_some() && seen.is_some_and(|seen| seen.identity == child.identity)
                });
                if empty || known { Proof::Same } else { Proof::Other }
            }
            _ => Proof::Other,
        }
    }

    /// M4: files gone and files new that have one size and one hash are the same ones.
    fn pair_by_content(&mut self) {
        let mut gone: BTreeMap<u64, Vec<(&SyncedNode, ContentHash)>> = BTreeMap::new();
        for id in &self.out.order {
            let node = self.trees.synced.get(*id);
            if self.out.found.get(id) == Some(&Found::Gone)
                && let Some((node, file)) = node.and_then(|node| Some((node, node.file()?)))
                && let Some(hash) = file.hash.filter(|_| file.size > 0)
            {
                gone.entry(file.size).or_default().push((node, hash));
            }
        }
        let mut new: BTreeMap<u64, Vec<(&LocalNode, &LocalFile)>> = BTreeMap::new();
        for entry in self.names.values() {
            if let Some(file) = entry.file()
                && gone.contains_key(&file.size)
                && self.is_free(entry)
                && !file.unreadable
            {
                new.entry(file.size).or_default().push((entry, file));
            }
        }
        for (size, entries) in new {
            if let Some(nodes) = gone.get(&size) {
                self.pair_size(nodes, &entries);
            }
        }
    }

    fn is_free(&self, entry: &LocalNode) -> bool {
        let own_copy =
            || naming::is_conflict_copy(&entry.name).is_some_and(|copy| copy.device == self.device);
        !self.out.owner.contains_key(&entry.key) && !self.out.ignored.contains(&entry.key) && !own_copy()
    }

    fn pair_size(&mut self, nodes: &[(&SyncedNode, ContentHash)], entries: &[(&LocalNode, &LocalFile)]) {
        // By path, so that it does not matter how the scan numbered them (property 5).
        let mut known: BTreeMap<ContentHash, BTreeMap<Option<RelPath>, &LocalNode>> = BTreeMap::new();
        let mut unknown = false;
        for (entry, file) in entries {
            match file.hash.filter(|_| !file.busy) {
                Some(hash) => {
                    let path = self.trees.local.nodes.path(entry.key);
                    known.entry(hash).or_default().insert(path, entry);
                }
                None => {
                    unknown = true;
                    self.out.waiting.insert(entry.key);
                    if !file.busy {
                        self.out.compare.insert(Compare::Local(entry.key));
                    }
                }
            }
        }
        // Those that kept their names first, so that copies of one file do not change places.
        let mut left = Vec::new();
        for (node, hash) in nodes {
            let named = known.get_mut(hash).and_then(|entries| {
                let found = entries.iter().find(|(_, entry)| entry.name == node.local_name);
                let path = found?.0.clone();
                entries.remove(&path)
            });
            match named {
                Some(entry) => self.pair(node, entry),
                None => left.push((*node, *hash)),
            }
        }
        for (node, hash) in left {
            match known.get_mut(&hash).and_then(BTreeMap::pop_first) {
                Some((_, entry)) => self.pair(node, entry),
                None if unknown => {
                    self.out.found.insert(node.id, Found::Undecided);
                }
                None => {}
            }
        }
    }

    fn pair(&mut self, node: &SyncedNode, entry: &LocalNode) {
        self.out.owner.insert(entry.key, node.id);
        self.out.found.insert(node.id, Found::Entry(entry.key));
    }
}

/// The node that an identity is of; `None` if two claim it with equal right.
///
/// Two records name one entry while a conflict is half done: the copy has its own already, and that of the file, which is
/// yet to be fetched, still names the entry that became the copy. A rename keeps size and modification time, so the one
/// whose bytes are there is told from the other wherever the user puts it. Or an entry that was found where a new record
/// put it was another one's a moment ago, or the number came to another entry, and the record that had it must wait to be
/// forgotten: then path and identity match for one of them (M1). Were it nobody's, what was at that path before could take
/// the entry, and the two would be made and removed by turns.
fn claimant(trees: Trees<'_>, nodes: &[&SyncedNode], entry: Option<&LocalNode>) -> Option<NodeId> {
    if let [node] = nodes {
        return Some(node.id);
    }
    let entry = entry?;
    let only = |alike: &dyn Fn(&SyncedNode) -> bool| {
        let mut found = nodes.iter().filter(|node| alike(node));
        let first = found.next()?;
        found.next().is_none().then_some(first.id)
    };
    let path = trees.local.nodes.path(entry.key);
    only(&|node| is_version(node, entry) != Some(false))
        .or_else(|| only(&|node| trees.synced.path(node.id) == path))
        .or_else(|| only(&|node| is_version(node, entry) == Some(true)))
}

/// Whether size and modification time of the entry are those on record; `None` if no time is.
fn is_version(node: &SyncedNode, entry: &LocalNode) -> Option<bool> {
    let (Some(base), Some(file)) = (node.file(), entry.file()) else {
        return Some(false);
    };
    match base.stamp {
        Some(stamp) => Some(base.size == file.size && stamp.mtime_ns == file.stamp.mtime_ns),
        None => (base.size != file.size).then_some(false),
    }
}

const fn same_kind(node: &SyncedNode, entry: &LocalNode) -> bool {
    matches!(
        (&node.kind, &entry.kind),
        (SyncedKind::File(_), LocalKind::File(_)) | (SyncedKind::Folder(_), LocalKind::Folder(_))
    )
}

fn prove_bytes(base: &SyncedFile, file: &LocalFile, key: LocalKey) -> Proof {
    let Some(hash) = base.hash.filter(|_| base.size == file.size) else {
        return Proof::Other;
    };
    match file.hash {
        Some(known) if known == hash => Proof::Same,
        Some(_) => Proof::Other,
        // One that cannot be hashed now is asked for again when it can.
        None => Proof::NeedsHash((!file.busy && !file.unreadable).then_some(Compare::Local(key))),
    }
}
