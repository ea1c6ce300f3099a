//! The account that all machines share. Names repeat, ids never do, and rows stay for ever, if only in the trash.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bytes, hash_of, size_of};
use crate::id::{FileId, FolderId, RemoteId, ShortUrl};
use crate::name::RemoteName;
use crate::naming::{is_ours, loose_key};
use crate::tree::{Gone, RemoteFile, RemoteKind, RemoteNode, RemoteTree, SyncedTree};

/// One row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) parent: Option<FolderId>,
    pub(crate) name: RemoteName,
    /// `None` for a folder.
    pub(crate) bytes: Option<Bytes>,
    /// Counts the versions under this id.
    pub(crate) version: u32,
    pub(crate) trashed: bool,
    /// Moved out of the pair.
    pub(crate) away: bool,
    pub(crate) ignored: bool,
    /// Between which two walks this version came, if anybody says so.
    pub(crate) appeared: Option<(i64, i64)>,
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) rows: BTreeMap<RemoteId, Row>,
    next: u64,
}

impl Account {
    /// Makes a row.
    pub(crate) fn create(
        &mut self,
        parent: Option<FolderId>,
        name: &RemoteName,
        bytes: Option<Bytes>,
    ) -> RemoteId {
        self.next += 1;
        let id = match bytes {
            Some(_) => RemoteId::File(FileId::new(self.next).unwrap()),
            None => RemoteId::Folder(FolderId::new(self.next).unwrap()),
        };
        let row = Row {
            parent,
            name: name.clone(),
            bytes,
            version: 0,
            trashed: false,
            away: false,
            ignored: false,
            appeared: None,
        };
        self.rows.insert(id, row);
        id
    }

    /// A row that was made before the tale begins.
    pub(crate) fn put(&mut self, id: RemoteId, row: Row) {
        self.next = self.next.max(id.get());
        self.rows.insert(id, row);
    }

    /// The row, if it is active and all folders above it are.
    pub(crate) fn live(&self, id: RemoteId) -> Option<&Row> {
        let row = self.rows.get(&id).filter(|row| !row.trashed && !row.away)?;
        self.folder_lives(row.parent).then_some(row)
    }

    /// Whether it or a folder above it is in the trash.
    fn is_trashed(&self, id: RemoteId) -> bool {
        let above = |at: &RemoteId| self.rows.get(at)?.parent.map(RemoteId::Folder);
        std::iter::successors(Some(id), above).any(|at| self.rows.get(&at).is_some_and(|row| row.trashed))
    }

    /// Whether things put there would be seen.
    pub(crate) fn folder_lives(&self, folder: Option<FolderId>) -> bool {
        folder.is_none_or(|id| self.live(RemoteId::Folder(id)).is_some())
    }

    /// Active rows directly in a folder.
    pub(crate) fn children(&self, parent: Option<FolderId>) -> Vec<RemoteId> {
        let inside = self
            .rows
            .iter()
            .filter(|(_, row)| row.parent == parent && !row.trashed && !row.away);
        inside.map(|(id, _)| *id).collect()
    }

    /// All active rows below a folder.
    pub(crate) fn below(&self, folder: FolderId) -> BTreeSet<RemoteId> {
        let mut all = BTreeSet::new();
        let mut queue = vec![folder];
        while let Some(folder) = queue.pop() {
            let inside = self.children(Some(folder));
            queue.extend(inside.iter().filter_map(|id| id.folder()));
            all.extend(inside);
        }
        all
    }

    /// Renames and moves; refuses rings and dead folders.
    pub(crate) fn edit(
        &mut self,
        id: RemoteId,
        name: Option<&RemoteName>,
        parent: Option<Option<FolderId>>,
    ) -> Result<(), String> {
        self.live(id).ok_or("the row is not alive")?;
        if let Some(parent) = parent {
            if !self.folder_lives(parent) {
                return Err("the folder is not alive".to_owned());
            }
            let above = |at: &FolderId| self.rows.get(&RemoteId::Folder(*at))?.parent;
            if std::iter::successors(parent, above).any(|above| RemoteId::Folder(above) == id) {
                return Err(format!("{id:?} would be moved into itself"));
            }
        }
        let row = self.rows.get_mut(&id).ok_or("no such row")?;
        row.parent = parent.unwrap_or(row.parent);
        row.name = name.unwrap_or(&row.name).clone();
        Ok(())
    }

    /// Into the trash.
    pub(crate) fn trash(&mut self, id: RemoteId) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.trashed = true;
        }
    }

    /// What a walk shows to a machine, together with the proofs about what it misses. `known` are hashes of versions
    /// whose bytes this machine has seen.
    pub(crate) fn walk(&self, synced: &SyncedTree, known: &BTreeSet<(FileId, u32)>) -> RemoteTree {
        let mut tree = RemoteTree::default();
        for (id, row) in &self.rows {
            if self.live(*id).is_none() {
                continue;
            }
            let kind = match (row.bytes, id.file()) {
                (Some(bytes), Some(file)) => RemoteKind::File(RemoteFile {
                    size: size_of(bytes),
                    short_url: Some(url(*id, row.version)),
                    hash: known.contains(&(file, row.version)).then(|| hash_of(bytes)),
                    looks: 3,
                    appeared: row.appeared,
                }),
                (Some(_) | None, _) => RemoteKind::Folder { readable: true },
            };
            tree.nodes.insert(RemoteNode {
                id: *id,
                parent: row.parent,
                name: row.name.clone(),
                ignored: row.ignored || is_ours(row.name.as_str(), row.parent.is_none()),
                kind,
            });
        }
        for node in synced.iter().filter(|node| !tree.nodes.contains(node.remote())) {
            let how = if self.is_trashed(node.remote()) {
                Gone::Deleted
            } else {
                Gone::LeftPair
            };
            tree.gone.insert(node.remote(), how);
        }
        tree
    }

    /// How many rows are alive.
    pub(crate) fn live_rows(&self) -> usize {
        self.rows.keys().filter(|id| self.live(**id).is_some()).count()
    }

    /// The account in words.
    pub(crate) fn text(&self) -> String {
        let line = |(id, row): (&RemoteId, &Row)| {
            let gone = if row.trashed {
                "trashed"
            } else if row.away {
                "away"
            } else {
                ""
            };
            let parent = row.parent.map_or(0, FolderId::get);
            format!(
                "  {id:?} in {parent} {} {:?}.{} {gone}\n",
                row.name, row.bytes, row.version
            )
        };
        self.rows.iter().map(line).collect()
    }

    /// All bytes that live here.
    pub(crate) fn contents(&self) -> Vec<Bytes> {
        let live = self.rows.iter().filter(|(id, _)| self.live(**id).is_some());
        let mut all: Vec<Bytes> = live.filter_map(|(_, row)| row.bytes).collect();
        all.sort_unstable();
        all
    }

    /// Whether the server would number an upload of this name.
    pub(crate) fn has_loose_sibling(&self, parent: Option<FolderId>, name: &RemoteName) -> bool {
        let key = loose_key(name.as_str());
        self.children(parent)
            .iter()
            .any(|id| loose_key(self.rows[id].name.as_str()) == key)
    }
}

/// The short URL of a version.
pub(crate) fn url(id: RemoteId, version: u32) -> ShortUrl {
    ShortUrl(format!("{}-{version}", id.get()).into())
}
