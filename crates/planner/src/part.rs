//! A part of three trees that is decided as the whole is: what one change costs, however large the trees are (design §2,
//! property 6).
//!
//! The whole must be at rest but for some places: a plan made from it does nothing elsewhere. Around those places the part
//! takes in what their decisions depend on: all that is in a folder where something may have changed, all that is below a
//! folder that is not where it was, each of these on every side, and the folders above as places. What must never happen
//! here: an entry of the disk left out whose record is in the part, which would be a deletion. That is checked in the end,
//! and where it does not hold there is no part.

mod adopt;
mod look;
#[cfg(test)]
mod tests;
mod unlike;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

pub use self::adopt::Adoption;
use self::look::Look;
pub use self::unlike::unlike;
use crate::id::{FolderId, LocalIdentity, LocalKey, NodeId, RemoteId};
use crate::path::RelPath;
use crate::tree::{LocalNode, LocalTree, RemoteNode, RemoteTree, SyncedNode, SyncedTree};

/// The whole of the account, of which a part asks what it needs.
pub trait Rows {
    /// The live rows directly in a folder (`None`: the pair's root).
    fn inside(&self, folder: Option<FolderId>) -> Vec<RemoteNode>;

    /// The live row with this id.
    fn row(&self, id: RemoteId) -> Option<RemoteNode>;

    /// The same, if it is directly in this folder.
    fn row_in(&self, folder: Option<FolderId>, id: RemoteId) -> Option<RemoteNode> {
        self.row(id).filter(|row| row.parent == folder)
    }
}

impl Rows for RemoteTree {
    fn inside(&self, folder: Option<FolderId>) -> Vec<RemoteNode> {
        let inside = self.nodes.children(folder.map(RemoteId::Folder));
        inside.cloned().collect()
    }

    fn row(&self, id: RemoteId) -> Option<RemoteNode> {
        self.nodes.get(id).cloned()
    }
}

/// Three trees of which all is at rest but for some places.
#[derive(Clone, Copy)]
pub struct Whole<'a> {
    /// What both sides last agreed on.
    pub synced: &'a SyncedTree,
    /// What the disk shows.
    pub local: &'a LocalTree,
    /// The entry of the disk that has an identity.
    pub holder: &'a dyn Fn(LocalIdentity) -> Option<LocalKey>,
    /// What the account shows.
    pub remote: &'a dyn Rows,
}

impl core::fmt::Debug for Whole<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Whole").finish_non_exhaustive()
    }
}

/// Where the whole may not be at rest.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seeds {
    /// Paths of this disk at which something is, or was when the whole was last at rest.
    pub local: BTreeSet<RelPath>,
    /// Folders of this disk below which anything may be another, by path.
    pub below: BTreeSet<RelPath>,
    /// Folders of the account in which a row came, went or is another. What moved did so in two of them.
    pub remote: BTreeSet<Option<FolderId>>,
    /// Folders of this disk that moved as they are, by path, each with the path at which it was when the whole was last at
    /// rest: in them all is where it was, but for the other places.
    pub moved: BTreeMap<RelPath, RelPath>,
}

/// A part of three trees.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Part {
    /// What both sides last agreed on.
    pub synced: SyncedTree,
    /// What the disk shows.
    pub local: LocalTree,
    /// What the account shows; of what is gone the whole knows.
    pub remote: RemoteTree,
    /// The folders of which everything is in the part, by local path, here or as agreed.
    pub open: BTreeSet<RelPath>,
}

/// Takes the part out around these places. `None`: it would have more than `at_most` nodes, those of all sides together, or
/// cannot be told from the rest.
#[must_use]
pub fn part(whole: Whole<'_>, seeds: &Seeds, at_most: usize) -> Option<Part> {
    if whole.local.root_hidden {
        return None;
    }
    let mut cut = Cut {
        look: Look::new(whole),
        synced: BTreeMap::new(),
        local: BTreeMap::new(),
        remote: BTreeMap::new(),
        queue: Vec::new(),
        left: at_most,
    };
    cut.take_along(&seeds.moved);
    for path in &seeds.local {
        cut.open_at(path);
    }
    for path in &seeds.below {
        cut.open_at(path);
        cut.open_below(path);
    }
    for folder in &seeds.remote {
        cut.open(Place::Remote(*folder), Depth::Inside);
    }
    while let Some((place, depth)) = cut.queue.pop() {
        match place {
            Place::Synced(id) => cut.synced(id, depth)?,
            Place::Local(key) => cut.local(key, depth)?,
            Place::Remote(id) => cut.remote(id, depth)?,
        }
    }
    let part = cut.taken();
    cut.is_closed(&part).then_some(part)
}

/// How much of a folder is in the part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Depth {
    /// What is directly in it.
    Inside,
    /// All below it.
    Below,
}

/// A folder as one of the trees has it; `None`: the root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Synced(Option<NodeId>),
    Local(Option<LocalKey>),
    Remote(Option<FolderId>),
}

/// Answers whether that is more than was known.
fn deepen<K: Ord>(folders: &mut BTreeMap<K, Depth>, folder: K, depth: Depth) -> bool {
    let known = folders.get(&folder).copied();
    if known.is_some_and(|known| known >= depth) {
        return false;
    }
    folders.insert(folder, depth);
    true
}

struct Cut<'a> {
    look: Look<'a>,
    synced: BTreeMap<Option<NodeId>, Depth>,
    local: BTreeMap<Option<LocalKey>, Depth>,
    remote: BTreeMap<Option<FolderId>, Depth>,
    queue: Vec<(Place, Depth)>,
    /// So many nodes more at most.
    left: usize,
}

impl<'a> Cut<'a> {
    /// Opens the folder in which a path is: the deepest there is of those above it, on each tree.
    fn open_at(&mut self, path: &RelPath) {
        let Some((above, _)) = path.split() else {
            return;
        };
        let (mut node, mut entry) = (Some(None), Some(None));
        for name in above.components() {
            if let Some(next) = node.and_then(|folder| self.look.named(folder, name)) {
                self.above_synced(next);
                node = Some(Some(next.id));
            } else if let Some(folder) = node.take() {
                self.open(Place::Synced(folder), Depth::Inside);
            }
            if let Some(next) = entry.and_then(|folder| self.look.entry_named(folder, name)) {
                entry = Some(Some(next.key));
            } else if let Some(folder) = entry.take() {
                self.open(Place::Local(folder), Depth::Inside);
            }
        }
        if let Some(folder) = node {
            self.open(Place::Synced(folder), Depth::Inside);
        }
        if let Some(folder) = entry {
            self.open(Place::Local(folder), Depth::Inside);
        }
    }

    /// Folders that moved as they are need not be opened for that. Others among these are opened with all below them.
    fn take_along(&mut self, moved: &BTreeMap<RelPath, RelPath>) {
        let mut others = Vec::new();
        // The ones above first: a place on record is told by theirs.
        for (now, before) in moved {
            if !self.look.takes_along(now, before) {
                others.push(now);
            }
        }
        for (now, before) in moved {
            self.open_at(now);
            self.open_at(before);
        }
        for path in others {
            self.open_below(path);
        }
    }

    /// Opens a folder with all below it, where there is one.
    fn open_below(&mut self, path: &RelPath) {
        if let Some(node) = self.look.record_at(path) {
            self.open(Place::Synced(node), Depth::Below);
        }
        if let Some(entry) = self.look.entry_at(path) {
            self.open(Place::Local(entry), Depth::Below);
        }
    }

    fn open(&mut self, place: Place, depth: Depth) {
        let news = match place {
            Place::Synced(id) => deepen(&mut self.synced, id, depth),
            Place::Local(key) => deepen(&mut self.local, key, depth),
            Place::Remote(id) => deepen(&mut self.remote, id, depth),
        };
        if news {
            self.queue.push((place, depth));
        }
    }

    fn spend(&mut self, nodes: usize) -> Option<()> {
        self.left = self.left.checked_sub(nodes)?;
        Some(())
    }

    fn synced(&mut self, id: Option<NodeId>, depth: Depth) -> Option<()> {
        match id {
            None => {
                self.open(Place::Local(None), depth);
                self.open(Place::Remote(None), depth);
            }
            Some(id) => {
                let Some(node) = self.look.whole.synced.get(id) else {
                    return Some(());
                };
                let Some(folder) = node.remote().folder() else {
                    return Some(());
                };
                if let Some(entry) = self.look.entry_of(node).filter(|entry| entry.is_folder()) {
                    self.open(Place::Local(Some(entry.key)), depth);
                }
                if self.look.whole.remote.row(node.remote()).is_some() {
                    self.open(Place::Remote(Some(folder)), depth);
                }
                self.above_synced(node);
            }
        }
        let synced = self.look.whole.synced;
        let mut count = 0;
        for node in synced.children(id) {
            count += 1;
            self.node(node, depth);
        }
        self.spend(count)
    }

    /// A record in a folder that is in the part.
    fn node(&mut self, node: &SyncedNode, depth: Depth) {
        let still = self.look.is_still(node);
        let along = self.look.is_along(node);
        let folder = node.remote().folder().is_some();
        if !still {
            // Wherever it went, it is decided with what is there.
            if let Some(row) = self.look.whole.remote.row(node.remote()) {
                self.open(Place::Remote(row.parent), Depth::Inside);
            }
            let entry = node.identity.and_then(self.look.whole.holder);
            if let Some(entry) = entry.and_then(|key| self.look.whole.local.nodes.get(key)) {
                self.open(Place::Local(entry.parent), Depth::Inside);
                if folder && entry.is_folder() && !along {
                    self.open(Place::Local(Some(entry.key)), Depth::Below);
                }
            }
        }
        if folder && (!still && !along || depth == Depth::Below) {
            self.open(Place::Synced(Some(node.id)), Depth::Below);
        }
    }

    /// A folder whose place changed is decided with what else is at that place, and so is one whose name here is not that in the
    /// account: it may have it because of others there (N2).
    fn above_synced(&mut self, node: &SyncedNode) {
        let synced = self.look.whole.synced;
        for node in core::iter::once(node).chain(synced.ancestors(node.id)) {
            let derived = node.local_name.as_str() != node.remote_name.as_str();
            if derived || !self.look.is_still(node) {
                self.open(Place::Synced(node.parent), Depth::Inside);
            }
        }
    }

    fn local(&mut self, key: Option<LocalKey>, depth: Depth) -> Option<()> {
        let local = self.look.whole.local;
        match key {
            None => self.open(Place::Synced(None), depth),
            Some(key) => {
                let Some(entry) = local.nodes.get(key) else {
                    return Some(());
                };
                match self.look.node_at(entry) {
                    Some(node) if node.remote().folder().is_some() => {
                        self.open(Place::Synced(Some(node.id)), depth);
                    }
                    Some(_) | None => self.open(Place::Local(entry.parent), Depth::Inside),
                }
            }
        }
        let mut count = 0;
        for entry in local.nodes.children(key) {
            count += 1;
            // A folder in the place of a file is new as well.
            let new = || {
                let node = self.look.node_at(entry);
                node.is_none_or(|node| node.remote().folder().is_none())
            };
            if entry.is_folder() && !entry.ignored && (depth == Depth::Below || new()) {
                self.open(Place::Local(Some(entry.key)), Depth::Below);
            }
        }
        self.spend(count)
    }

    fn remote(&mut self, id: Option<FolderId>, depth: Depth) -> Option<()> {
        let rows = self.look.whole.remote;
        match id {
            None => self.open(Place::Synced(None), depth),
            Some(folder) => {
                // One that is gone went from another, which changed by that.
                let Some(row) = rows.row(RemoteId::Folder(folder)) else {
                    return Some(());
                };
                match self.look.node_of(&row) {
                    Some(node) => self.open(Place::Synced(Some(node.id)), depth),
                    None => self.open(Place::Remote(row.parent), Depth::Inside),
                }
            }
        }
        let mut count = 0;
        for row in rows.inside(id) {
            count += 1;
            if let Some(folder) = row.id.folder()
                && (depth == Depth::Below || self.look.node_of(&row).is_none())
            {
                self.open(Place::Remote(Some(folder)), Depth::Below);
            }
        }
        self.spend(count)
    }

    /// All that is in the part.
    fn taken(&self) -> Part {
        let whole = self.look.whole;
        let mut part = Part::default();
        for id in self.synced.keys() {
            let node = id.and_then(|id| whole.synced.get(id));
            let above = node.into_iter().flat_map(|node| whole.synced.ancestors(node.id));
            for node in above.chain(node).chain(whole.synced.children(*id)) {
                part.synced.insert(node.clone());
            }
            part.open.extend(match id {
                Some(id) => whole.synced.path(*id),
                None => Some(RelPath::root()),
            });
        }
        for key in self.local.keys() {
            let entry = key.and_then(|key| whole.local.nodes.get(key));
            let above = entry
                .into_iter()
                .flat_map(|entry| whole.local.nodes.ancestors(entry.key));
            for entry in above.chain(entry).chain(whole.local.nodes.children(*key)) {
                part.local.nodes.insert(entry.clone());
            }
            part.open.extend(key.and_then(|key| whole.local.nodes.path(key)));
        }
        for id in self.remote.keys() {
            let mut above = *id;
            while let Some(row) = above.and_then(|id| whole.remote.row(RemoteId::Folder(id))) {
                above = row.parent;
                // What is above it is there already, or this is a ring.
                if part.remote.nodes.insert(row).is_some() {
                    break;
                }
            }
            for row in whole.remote.inside(*id) {
                part.remote.nodes.insert(row);
            }
        }
        part
    }

    /// Whether whatever a record in the part speaks of is in it, and the record of whatever is.
    fn is_closed(&self, part: &Part) -> bool {
        let node_is_in = |node: &SyncedNode| {
            let here = self.look.entry_of(node);
            let held = node.identity.and_then(self.look.whole.holder);
            let there = self.look.whole.remote.row(node.remote());
            here.is_none_or(|entry| part.local.nodes.contains(entry.key))
                && held.is_none_or(|key| part.local.nodes.contains(key))
                && there.is_none_or(|row| part.remote.nodes.contains(row.id))
        };
        let entry_is_in = |entry: &LocalNode| {
            let node = self.look.node_at(entry);
            node.is_none_or(|node| part.synced.contains(node.id))
        };
        let row_is_in = |row: &RemoteNode| {
            let node = self.look.node_of(row);
            node.is_none_or(|node| part.synced.contains(node.id))
        };
        part.synced.iter().all(node_is_in)
            && part.local.nodes.iter().all(entry_is_in)
            && part.remote.nodes.iter().all(row_is_in)
    }
}
