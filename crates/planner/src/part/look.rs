//! What belongs to what, asked one by one: the entry at a record's path, the record at an entry's, the record of a row.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::Whole;
use crate::id::{FolderId, LocalKey, NodeId, RemoteId};
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
        }
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
        let folder = match node.parent {
            None => None,
            Some(above) => Some(self.entry_of(self.whole.synced.get(above)?)?.key),
        };
        self.entry_named(folder, node.local_name.as_str())
    }

    /// The record of what was at the path of an entry.
    pub(super) fn node_at(&self, entry: &LocalNode) -> Option<&'a SyncedNode> {
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
