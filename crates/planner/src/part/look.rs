//! What belongs to what, asked one by one: the entry at a record's path, the record at an entry's, the record of a row.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::Whole;
use crate::id::{FolderId, LocalKey, NodeId, RemoteId};
use crate::naming::same_on_disk;
use crate::path::RelPath;
use crate::policy::DiskTraits;
use crate::tree::{LocalContents, LocalKind, LocalNode, RemoteKind, RemoteNode, SyncedNode};

/// Asks the whole.
pub(super) struct Look<'a> {
    pub(super) whole: Whole<'a>,
    /// Of folders that were asked about: what is in them, by name.
    nodes: Names<'a, NodeId, SyncedNode>,
    entries: Names<'a, LocalKey, LocalNode>,
    /// By the id in the account.
    rows: RefCell<BTreeMap<Option<NodeId>, BTreeMap<RemoteId, &'a SyncedNode>>>,
    /// Records of folders of the account that were asked about.
    folders: RefCell<BTreeMap<FolderId, Option<NodeId>>>,
    /// Folders that moved here with all that is in them: what is in one is looked for where it is now.
    along: BTreeMap<NodeId, &'a LocalNode>,
    /// The same by their entries.
    taken: BTreeMap<LocalKey, &'a SyncedNode>,
}

type Names<'a, K, N> = RefCell<BTreeMap<Option<K>, BTreeMap<&'a str, &'a N>>>;

impl<'a> Look<'a> {
    pub(super) const fn new(whole: Whole<'a>) -> Self {
        Self {
            whole,
            nodes: RefCell::new(BTreeMap::new()),
            entries: RefCell::new(BTreeMap::new()),
            rows: RefCell::new(BTreeMap::new()),
            folders: RefCell::new(BTreeMap::new()),
            along: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// Whether all that a folder holds is decided as if the folder had not moved: it is where it was on record, but for its
    /// own place here, at which nothing else is or was. Its contents are looked for there from now on.
    pub(super) fn takes_along(&mut self, now: &RelPath, before: &RelPath) -> bool {
        let whole = self.whole;
        let entry = self.entry_at(now).flatten();
        let Some(entry) = entry.and_then(|key| whole.local.nodes.get(key)) else {
            return false;
        };
        // What we move ourselves is on record where it is.
        if self.node_at(entry).is_some_and(|node| self.is_still(node)) {
            return true;
        }
        let node = self.record_at(before).flatten();
        let Some(node) = node.and_then(|id| whole.synced.get(id)) else {
            return false;
        };
        let above = node.parent.and_then(|above| whole.synced.get(above));
        let folder = above.and_then(|above| above.remote().folder());
        let row = whole.remote.row(node.remote());
        let as_agreed = node.identity.is_some()
            && folder.is_some() == node.parent.is_some()
            && row.is_some_and(|row| is_still(node, folder, entry, &row));
        // Both places are of this folder alone, and it went to one that both sides know.
        let vacant = self.entry_of(node).is_none() && self.node_at(entry).is_none();
        if !(as_agreed && vacant && self.is_free(entry)) {
            return false;
        }
        self.along.insert(node.id, entry);
        self.taken.insert(entry.key, node);
        true
    }

    /// Whether nobody else can want the place of an entry: its folder is one that both sides know, and nothing else is new in
    /// it on either, but for what takes part in nothing.
    fn is_free(&self, entry: &LocalNode) -> bool {
        let whole = self.whole;
        let above = entry.parent.and_then(|above| whole.local.nodes.get(above));
        let record = above.and_then(|above| self.node_at(above));
        let folder = record.and_then(|record| record.remote().folder());
        if entry.parent.is_some() != folder.is_some() {
            return false;
        }
        let known = |row: &RemoteNode| {
            let node = self.node_of(row);
            node.is_some_and(|node| node.remote_name == row.name)
        };
        // Who is ignored has its name all the same.
        let folding = DiskTraits {
            folds_case: true,
            folds_normalisation: true,
            ..DiskTraits::default()
        };
        let apart = |name: &str| !same_on_disk(name, entry.name.as_str(), &folding);
        let mut beside = whole.local.nodes.children(entry.parent);
        let mut rows = whole.remote.inside(folder).into_iter();
        beside.all(|other| {
            let nobody = other.ignored && apart(other.name.as_str());
            other.key == entry.key || nobody || self.node_at(other).is_some()
        }) && rows.all(|row| known(&row) || row.ignored && apart(row.name.as_str()))
    }

    /// Whether a record's folder moved here with all that is in it.
    pub(super) fn is_along(&self, node: &SyncedNode) -> bool {
        self.along.contains_key(&node.id)
    }

    /// The entry at a path.
    #[expect(
        clippy::option_option,
        reason = "no such entry, and the root, which has no key"
    )]
    pub(super) fn entry_at(&self, path: &RelPath) -> Option<Option<LocalKey>> {
        let mut names = path.components();
        names.try_fold(None, |folder, name| {
            Some(Some(self.entry_named(folder, name)?.key))
        })
    }

    /// The record at a path.
    #[expect(
        clippy::option_option,
        reason = "no such record, and the root, which has none"
    )]
    pub(super) fn record_at(&self, path: &RelPath) -> Option<Option<NodeId>> {
        let mut names = path.components();
        names.try_fold(None, |folder, name| Some(Some(self.named(folder, name)?.id)))
    }

    /// The record of that name in a folder.
    pub(super) fn named(&self, folder: Option<NodeId>, name: &str) -> Option<&'a SyncedNode> {
        let mut nodes = self.nodes.borrow_mut();
        let names = nodes.entry(folder).or_insert_with(|| {
            let inside = self.whole.synced.children(folder);
            inside.map(|node| (node.local_name.as_str(), node)).collect()
        });
        names.get(name).copied()
    }

    /// The entry of that name in a folder.
    pub(super) fn entry_named(&self, folder: Option<LocalKey>, name: &str) -> Option<&'a LocalNode> {
        let mut entries = self.entries.borrow_mut();
        let names = entries.entry(folder).or_insert_with(|| {
            let inside = self.whole.local.nodes.children(folder);
            inside.map(|entry| (entry.name.as_str(), entry)).collect()
        });
        names.get(name).copied()
    }

    /// What is at the path of a record.
    pub(super) fn entry_of(&self, node: &SyncedNode) -> Option<&'a LocalNode> {
        if let Some(entry) = self.along.get(&node.id) {
            return Some(entry);
        }
        let folder = match node.parent {
            None => None,
            Some(above) => Some(self.entry_of(self.whole.synced.get(above)?)?.key),
        };
        self.entry_named(folder, node.local_name.as_str())
    }

    /// The record of what was at the path of an entry.
    pub(super) fn node_at(&self, entry: &LocalNode) -> Option<&'a SyncedNode> {
        if let Some(node) = self.taken.get(&entry.key) {
            return Some(node);
        }
        let folder = match entry.parent {
            None => None,
            Some(above) => Some(self.node_at(self.whole.local.nodes.get(above)?)?.id),
        };
        self.named(folder, entry.name.as_str())
    }

    /// The record of a row that is in the folder it was agreed to be in.
    pub(super) fn node_of(&self, row: &RemoteNode) -> Option<&'a SyncedNode> {
        let folder = self.folder_of(row.parent)?;
        self.recorded(folder, row.id)
    }

    /// The record in a folder of what has this id in the account.
    fn recorded(&self, folder: Option<NodeId>, id: RemoteId) -> Option<&'a SyncedNode> {
        let mut rows = self.rows.borrow_mut();
        let ids = rows.entry(folder).or_insert_with(|| {
            let inside = self.whole.synced.children(folder);
            inside.map(|node| (node.remote(), node)).collect()
        });
        ids.get(&id).copied()
    }

    /// The record of a folder of the account that is where it was agreed to be, as are those above it. Up and down again, for
    /// a server may nest folders deeper than a stack is.
    #[expect(
        clippy::option_option,
        reason = "no such folder, and the root, which has no record"
    )]
    fn folder_of(&self, id: Option<FolderId>) -> Option<Option<NodeId>> {
        let mut folders = self.folders.borrow_mut();
        let mut way = Vec::new();
        let mut at = id;
        let mut found = loop {
            let Some(folder) = at else { break Some(None) };
            if let Some(known) = folders.get(&folder) {
                break known.map(Some);
            }
            // In a ring none is where it was.
            folders.insert(folder, None);
            way.push(folder);
            match self.whole.remote.row(RemoteId::Folder(folder)) {
                Some(row) => at = row.parent,
                None => break None,
            }
        };
        for folder in way.into_iter().rev() {
            let node = found.and_then(|above| self.recorded(above, RemoteId::Folder(folder)));
            found = node.map(|node| Some(node.id));
            folders.insert(folder, node.map(|node| node.id));
        }
        found
    }

    /// Whether a record's folder or file is where it was agreed to be on both sides.
    pub(super) fn is_still(&self, node: &SyncedNode) -> bool {
        if self.is_along(node) {
            return false;
        }
        let folder = match node.parent {
            None => None,
            Some(above) => match self.whole.synced.get(above) {
                Some(above) => above.remote().folder(),
                None => return false,
            },
        };
        self.entry_of(node).is_some_and(|entry| {
            let row = self.whole.remote.row(node.remote());
            row.is_some_and(|row| is_still(node, folder, entry, &row))
        })
    }
}

/// Whether what has a record's path here and its id there is that file or folder, where it was agreed to be: in this folder of
/// the account, and under these names.
pub(super) fn is_still(
    node: &SyncedNode,
    folder: Option<FolderId>,
    entry: &LocalNode,
    row: &RemoteNode,
) -> bool {
    let kind = match &entry.kind {
        LocalKind::File(_) => node.file().is_some(),
        LocalKind::Folder(LocalContents::Read { .. }) => node.file().is_none(),
        LocalKind::Folder(LocalContents::Hidden) | LocalKind::Other(_) => false,
    };
    let here = kind && entry.identity == node.identity && !entry.ignored;
    let readable = !matches!(row.kind, RemoteKind::Folder { readable: false });
    here && readable && row.parent == folder && row.name == node.remote_name && !row.ignored
}
