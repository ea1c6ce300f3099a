//! Where three trees differ, found by going through them side by side: for who was not there when they came to be at rest.

use alloc::collections::BTreeMap;
use alloc::vec;

use super::look::is_still;
use super::{Seeds, Whole};
use crate::content::ContentHash;
use crate::id::{FolderId, LocalKey, NodeId, RemoteId};
use crate::tree::{LocalContents, LocalKind, LocalNode, RemoteNode, Standing, SyncedNode};

/// A folder as each tree has it; `None`: the root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) record: Option<NodeId>,
    pub(super) entry: Option<LocalKey>,
    pub(super) row: Option<FolderId>,
}

impl Place {
    /// The root.
    pub(super) const fn root() -> Self {
        Self {
            record: None,
            entry: None,
            row: None,
        }
    }
}

/// The folders in which anything is not as agreed, on either side. Below a folder that is not where it was nothing is looked
/// at: a [part](super::part) takes all of it. `None`: the disk's root cannot be read.
///
/// Each tree is gone through once, folder by folder.
#[must_use]
pub fn unlike(whole: Whole<'_>) -> Option<Seeds> {
    if whole.local.root_hidden {
        return None;
    }
    let mut seeds = Seeds::default();
    let mut queue = vec![Place::root()];
    while let Some(at) = queue.pop() {
        match alike(whole, at, |below| queue.push(below)) {
            Alike::Same => {}
            Alike::New | Alike::Other => {
                seeds.remote.insert(at.row);
            }
        }
    }
    Some(seeds)
}

/// What is directly in a folder, beside its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alike {
    /// All is as agreed.
    Same,
    /// All that is on record, and something is there besides.
    New,
    /// Something on record is not.
    Other,
}

/// Compares what is directly in a folder. Folders in it that are where they were agreed to be are answered as well.
pub(super) fn alike(whole: Whole<'_>, at: Place, mut below: impl FnMut(Place)) -> Alike {
    let entries = whole.local.nodes.children(at.entry);
    let mut entries: BTreeMap<&str, &LocalNode> = entries.map(|entry| (entry.name.as_str(), entry)).collect();
    let rows = whole.remote.inside(at.row).into_iter();
    let mut rows: BTreeMap<RemoteId, RemoteNode> = rows.map(|row| (row.id, row)).collect();
    let mut alike = true;
    for node in whole.synced.children(at.record) {
        let entry = entries.remove(node.local_name.as_str());
        let row = rows.remove(&node.remote());
        let (Some(entry), Some(row)) = (entry, row) else {
            alike = false;
            continue;
        };
        if !is_still(node, at.row, entry, &row) {
            alike = false;
            continue;
        }
        alike &= is_alike(node, entry, &row);
        if let Some(folder) = node.remote().folder() {
            below(Place {
                record: Some(node.id),
                entry: Some(entry.key),
                row: Some(folder),
            });
        }
    }
    // What is ignored here takes part in nothing until something else is at its place.
    let new = entries.values().any(|entry| !entry.ignored);
    match (alike, new || !rows.is_empty()) {
        (false, _) => Alike::Other,
        (true, true) => Alike::New,
        (true, false) => Alike::Same,
    }
}

/// Whether what is where it was agreed to be is what was agreed on, and nothing about it waits.
fn is_alike(node: &SyncedNode, entry: &LocalNode, row: &RemoteNode) -> bool {
    // One whose name here is derived may have it because of others (N2).
    let plain = node.local_name.as_str() == node.remote_name.as_str();
    if node.standing != Standing::Agreed || !plain {
        return false;
    }
    match (node.file(), &entry.kind, row.file()) {
        (None, LocalKind::Folder(LocalContents::Read { others: 0 }), None) => true,
        (Some(base), LocalKind::File(file), Some(version)) => {
            let known = |hash: Option<ContentHash>| hash == base.hash || hash.is_none();
            !file.busy
                && !file.unreadable
                && (file.size, version.size) == (base.size, base.size)
                && base.stamp == Some(file.stamp)
                && base.short_url == version.short_url
                && known(file.hash)
                && known(version.hash)
        }
        _ => false,
    }
}
