//! The three trees, as values. [`Tree`] is the shape they share; what differs is the node.
//!
//! *Absence from a tree means nothing by itself.* A synced node that the remote tree lacks is gone only if
//! [`RemoteTree::gone`] says how that is known; one that the local tree lacks is gone only if the folder it should be
//! in was read (design S1, S2, S10, S11).

#[cfg(test)]
pub(crate) mod build;
mod local;
mod remote;
mod store;
mod synced;

use alloc::collections::BTreeMap;
use core::fmt::Debug;

pub use local::{LocalContents, LocalFile, LocalKind, LocalNode, LocalTree};
pub use remote::{Gone, RemoteFile, RemoteKind, RemoteNode, RemoteTree};
pub use synced::{Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};

use crate::path::RelPath;

/// What a tree needs to know of its nodes.
pub trait Node {
    /// What names a node within its tree.
    type Key: Copy + Ord + Debug;

    /// This node.
    fn key(&self) -> Self::Key;

    /// The folder it is in; `None`: directly in the root of the pair. The root itself is not a node.
    fn parent(&self) -> Option<Self::Key>;

    /// Its local name as text, where it has one; used for paths shown to users.
    fn label(&self) -> &str;
}

/// Nodes by key, and children by folder. Children and nodes come in key order, so every walk is deterministic.
///
/// A parent need not be present (a listing may be torn); such nodes are reachable by key only.
#[derive(Clone, Debug)]
pub struct Tree<N: Node> {
    nodes: store::Store<N>,
    /// What the nodes say of their folders.
    children: BTreeMap<Option<N::Key>, store::Keys<N::Key>>,
}

impl<N: Node + PartialEq> PartialEq for Tree<N> {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
    }
}

impl<N: Node + Eq> Eq for Tree<N> {}

impl<N: Node> Default for Tree<N> {
    fn default() -> Self {
        Self {
            nodes: store::Store::default(),
            children: BTreeMap::new(),
        }
    }
}

impl<N: Node> Tree<N> {
    /// Adds a node; one with the same key is replaced and returned.
    pub fn insert(&mut self, node: N) -> Option<N> {
        let (key, parent) = (node.key(), node.parent());
        let old = self.nodes.insert(node);
        match &old {
            Some(old) if old.parent() == parent => {}
            Some(old) => {
                self.part_from(old.parent(), key);
                self.children.entry(parent).or_default().insert(key);
            }
            None => {
                self.children.entry(parent).or_default().insert(key);
            }
        }
        old
    }

    /// Takes a node out. Its children stay and can be reached by key only.
    pub fn remove(&mut self, key: N::Key) -> Option<N> {
        let node = self.nodes.remove(key)?;
        self.part_from(node.parent(), key);
        Some(node)
    }

    /// A node is not in this folder any more.
    fn part_from(&mut self, parent: Option<N::Key>, key: N::Key) {
        if let Some(siblings) = self.children.get_mut(&parent)
            && !siblings.remove(key)
        {
            self.children.remove(&parent);
        }
    }

    /// Lays out closely what is to be kept.
    pub fn pack(&mut self) {
        self.nodes.pack();
        self.children.values_mut().for_each(store::Keys::pack);
        pack(&mut self.children);
    }

    /// The node with this key.
    #[must_use]
    pub fn get(&self, key: N::Key) -> Option<&N> {
        self.nodes.get(key)
    }

    /// Whether there is a node with this key.
    #[must_use]
    pub fn contains(&self, key: N::Key) -> bool {
        self.nodes.get(key).is_some()
    }

    /// The nodes directly in a folder (`None`: in the root), in key order.
    pub fn children(&self, folder: Option<N::Key>) -> impl Iterator<Item = &N> {
        self.children
            .get(&folder)
            .into_iter()
            .flat_map(store::Keys::iter)
            .filter_map(|key| self.nodes.get(key))
    }

    /// All nodes in key order.
    pub fn iter(&self) -> impl Iterator<Item = &N> {
        self.nodes.iter()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 0
    }

    /// The folders above a node, nearest first. Ends at the root, at a missing parent, or where a ring closes.
    pub fn ancestors(&self, key: N::Key) -> impl Iterator<Item = &N> {
        let mut next = self.nodes.get(key).and_then(N::parent);
        let mut bound = self.nodes.len();
        core::iter::from_fn(move || {
            let node = self.nodes.get(next?)?;
            bound = bound.checked_sub(1)?;
            next = node.parent();
            Some(node)
        })
    }

    /// The labels from the root down to this node, joined; `None` if the chain is torn or a label is no local name.
    #[must_use]
    pub fn path(&self, key: N::Key) -> Option<RelPath> {
        let node = self.nodes.get(key)?;
        let mut labels = alloc::vec![node.label()];
        let mut top = node.parent();
        for above in self.ancestors(key) {
            labels.push(above.label());
            top = above.parent();
        }
        if top.is_some() {
            return None;
        }
        labels.iter().rev().try_fold(RelPath::root(), |path, label| {
            Some(path.join(&crate::name::LocalName::new(*label)?))
        })
    }
}

/// Lays out a map closely that was filled in order, or from one end: every other place of its leaves is empty.
pub fn pack<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    // What is appended to a map that is not empty fills its leaves, and takes no second copy meanwhile.
    let mut rest = core::mem::take(map);
    map.extend(rest.pop_first());
    map.append(&mut rest);
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_packed_map_is_the_same_map() {
        for size in [0_u32, 1, 2, 11, 12, 1_000] {
            let mut map: BTreeMap<u32, u32> =
                (0..size).map(|n| (n.wrapping_mul(7_919) % 10_007, n)).collect();
            let before: Vec<_> = map.clone().into_iter().collect();
            pack(&mut map);
            assert_eq!(map.into_iter().collect::<Vec<_>>(), before);
        }
    }
}
