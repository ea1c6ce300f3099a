//! Where a row of the account is, also one that no listing has shown yet.

use crate::id::{FolderId, RemoteId};
use crate::merge::{TargetNode, Trees};
use crate::name::RemoteName;

/// A row's place in the account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row<'a> {
    /// The folder; `None`: the pair's root.
    pub(super) parent: Option<FolderId>,
    /// The name.
    pub(super) name: &'a RemoteName,
}

/// The place of a target node's row: as the walk showed it, or, of a published node that no listing shows yet, as
/// recorded. `None`: it has no row, or nothing is known of it.
pub(super) fn row_of<'a>(trees: Trees<'a>, node: &TargetNode) -> Option<Row<'a>> {
    let id = node.remote?;
    if let Some(row) = trees.remote.nodes.get(id) {
        return Some(Row {
            parent: row.parent,
            name: &row.name,
        });
    }
    let synced = trees
        .synced
        .get(node.synced?)
        .filter(|synced| synced.remote() == id)?;
    let parent = match synced.parent {
        None => None,
        Some(parent) => Some(trees.synced.get(parent)?.remote().folder()?),
    };
    Some(Row {
        parent,
        name: &synced.remote_name,
    })
}

/// The same, of a row that is a folder.
pub(super) fn folder_of(node: &TargetNode) -> Option<FolderId> {
    node.remote.and_then(RemoteId::folder)
}
