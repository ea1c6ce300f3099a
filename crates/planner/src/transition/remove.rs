//! Which rows of the account go to its trash, and by how few calls (design A6).
//!
//! A folder goes at once if everything that is in it goes too, apart from what lives on and leaves it first, and from
//! what no machine syncs. Else its removed contents go one by one and the folder stays. *Nothing that the merge did not
//! name as removed, and that could be synced, ever goes with a folder.*

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::id::{RemoteId, TargetKey};
use crate::merge::{Merged, Removal, Trees};
use crate::rule::Rule;
use crate::tree::{Node, RemoteKind, RemoteTree};

/// See the head of this file.
pub(super) struct Doomed<'a> {
    removed: BTreeMap<RemoteId, &'a Removal>,
    /// For each row that goes: the topmost folder that takes it along, or itself.
    covers: BTreeMap<RemoteId, RemoteId>,
    /// Target nodes whose rows are below such a folder now and must leave it first.
    survivors: BTreeMap<RemoteId, BTreeSet<TargetKey>>,
}

impl<'a> Doomed<'a> {
    /// Sorts the removals. What the target owns is never removed.
    pub(super) fn new(trees: Trees<'a>, merged: &'a Merged, owner: &BTreeMap<RemoteId, TargetKey>) -> Self {
        let removed: BTreeMap<RemoteId, &Removal> = merged
            .removed
            .iter()
            .filter_map(|removal| Some((removal.remote?, removal)))
            .filter(|(id, _)| trees.remote.nodes.contains(*id) && !owner.contains_key(id))
            .collect();
        let mut doomed = Self {
            removed,
            covers: BTreeMap::new(),
            survivors: BTreeMap::new(),
        };
        let whole = doomed.whole(trees.remote, merged, owner);
        for id in doomed.removed.keys() {
            if id.folder().is_none() || whole.contains(id) {
                let above = trees.remote.nodes.ancestors(*id).map(Node::key);
                let top = above.take_while(|above| whole.contains(above)).last();
                doomed.covers.insert(*id, top.unwrap_or(*id));
            }
        }
        if !whole.is_empty() {
            // What lies deeper, in a folder that leaves, is carried along.
            for (id, key) in owner {
                let folder = trees.remote.nodes.get(*id).and_then(Node::parent);
                if let Some(top) = folder.and_then(|folder| doomed.covers.get(&folder).copied()) {
                    doomed.survivors.entry(top).or_default().insert(*key);
                }
            }
        }
        doomed
    }

    /// Removed folders of which nothing syncable would be lost that is not removed or about to leave.
    fn whole(
        &self,
        tree: &RemoteTree,
        merged: &Merged,
        owner: &BTreeMap<RemoteId, TargetKey>,
    ) -> BTreeSet<RemoteId> {
        // Folders before what is in them, so that the way back meets children first.
        let mut order: Vec<RemoteId> = Vec::new();
        let is_top = |id: &RemoteId| {
            let parent = tree.nodes.get(*id).and_then(Node::parent);
            parent.is_none_or(|parent| !self.removed.contains_key(&parent))
        };
        let mut queue: Vec<RemoteId> = self
            .removed
            .keys()
            .copied()
            .filter(|id| id.folder().is_some() && is_top(id))
            .collect();
        while let Some(folder) = queue.pop() {
            order.push(folder);
            let inside = tree.nodes.children(Some(folder)).map(|row| row.id);
            queue.extend(inside.filter(|id| id.folder().is_some() && self.removed.contains_key(id)));
        }
        let leaves = |id: RemoteId| {
            let node = owner.get(&id).and_then(|key| merged.target.get(*key));
            // Its folder is removed, so having a name in the account means being elsewhere.
            node.is_some_and(|node| node.remote_name.is_some())
        };
        let mut whole = BTreeSet::new();
        for folder in order.into_iter().rev() {
            let listed =
                tree.nodes.get(folder).map(|row| &row.kind) == Some(&RemoteKind::Folder { readable: true });
            let mut inside = tree.nodes.children(Some(folder));
            let goes = inside.all(|row| {
                let removed = self.removed.contains_key(&row.id);
                (removed && (row.id.folder().is_none() || whole.contains(&row.id)))
                    || (!removed && (leaves(row.id) || (row.ignored && !owner.contains_key(&row.id))))
            });
            if listed && goes {
                whole.insert(folder);
            }
        }
        whole
    }

    /// The rows that take a call each.
    pub(super) fn tops(&self) -> impl Iterator<Item = RemoteId> {
        self.covers
            .iter()
            .filter(|(id, top)| id == top)
            .map(|(id, _)| *id)
    }

    /// Whether this row takes a call of its own.
    pub(super) fn is_top(&self, id: RemoteId) -> bool {
        self.covers.get(&id) == Some(&id)
    }

    /// Who must have left before this row is trashed.
    pub(super) fn survivors(&self, id: RemoteId) -> impl Iterator<Item = &TargetKey> {
        self.survivors.get(&id).into_iter().flatten()
    }

    /// Why the row goes.
    pub(super) fn because(&self, id: RemoteId) -> Option<Rule> {
        self.removed.get(&id).map(|removal| removal.because)
    }

    /// For each row that goes: the row whose step takes it.
    pub(super) fn into_covers(self) -> BTreeMap<RemoteId, RemoteId> {
        self.covers
    }
}
