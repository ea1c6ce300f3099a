//! Nodes in key order, laid out closely: runs of a few dozen, each a vector, and the keys of what is in a folder.
//!
//! A B-tree that is filled in key order, as every tree here is, leaves half of each leaf empty, and a node is some two hundred
//! bytes. Here what comes in order fills one run after another. What comes between goes into its run, which is split
//! when it is full.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Node;

/// Bytes of a run: so few that a node put between others moves some kilobytes. Allocators have blocks of just this size; of sizes
/// between two of theirs a sixth would be wasted.
const RUN_BYTES: usize = 16 * 1024;

/// Keys in a folder that are held in one vector; more go into a tree.
const FEW: usize = 256;

/// The nodes of a tree.
#[derive(Clone, Debug)]
pub(super) struct Store<N: Node> {
    /// None is empty; each in key order, and one after the other.
    runs: Vec<Vec<N>>,
    /// The first key of each run, side by side, so that looking for a run touches no node.
    firsts: Vec<N::Key>,
    len: usize,
}

impl<N: Node> Default for Store<N> {
    fn default() -> Self {
        Self {
            runs: Vec::new(),
            firsts: Vec::new(),
            len: 0,
        }
    }
}

/// Where a key is, or would be: its run, and its place there.
struct Place {
    run: usize,
    at: Result<usize, usize>,
}

impl<N: Node> Store<N> {
    /// Nodes in a run at most.
    const RUN: usize = {
        let fits = RUN_BYTES / size_of::<N>();
        if fits < 4 { 4 } else { fits }
    };

    fn place(&self, key: N::Key) -> Option<Place> {
        let run = self
            .firsts
            .partition_point(|first| *first <= key)
            .saturating_sub(1);
        let nodes = self.runs.get(run)?;
        Some(Place {
            run,
            at: nodes.binary_search_by(|node| node.key().cmp(&key)),
        })
    }

    /// The node with this key.
    pub(super) fn get(&self, key: N::Key) -> Option<&N> {
        let place = self.place(key)?;
        self.runs.get(place.run)?.get(place.at.ok()?)
    }

    /// All nodes in key order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &N> {
        self.runs.iter().flatten()
    }

    /// How many nodes there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a node; one with the same key is replaced and returned.
    pub(super) fn insert(&mut self, node: N) -> Option<N> {
        let key = node.key();
        let Some(Place { run, at }) = self.place(key) else {
            self.begin(0, node);
            return None;
        };
        let is_last = run.saturating_add(1) == self.runs.len();
        let nodes = self.runs.get_mut(run)?;
        let at = match at {
            Ok(at) => return nodes.get_mut(at).map(|old| core::mem::replace(old, node)),
            Err(at) => at,
        };
        if nodes.len() < Self::RUN {
            self.len = self.len.saturating_add(1);
            if at == 0 {
                self.firsts
                    .iter_mut()
                    .skip(run)
                    .take(1)
                    .for_each(|first| *first = key);
            }
            nodes.insert(at, node);
            return None;
        }
        if is_last && at == nodes.len() {
            self.begin(self.runs.len(), node);
            return None;
        }
        let mut upper = Vec::with_capacity(Self::RUN);
        upper.extend(nodes.drain(Self::RUN / 2..));
        if let Some(first) = upper.first() {
            self.firsts.insert(run.saturating_add(1), first.key());
            self.runs.insert(run.saturating_add(1), upper);
        }
        self.insert(node)
    }

    /// A run of its own.
    fn begin(&mut self, at: usize, node: N) {
        self.firsts.insert(at, node.key());
        // Small trees are many: what is for one run only grows as it is needed.
        let mut run = Vec::with_capacity(if self.runs.is_empty() { 1 } else { Self::RUN });
        run.push(node);
        self.runs.insert(at, run);
        self.len = self.len.saturating_add(1);
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, key: N::Key) -> Option<N> {
        let Place { run, at } = self.place(key)?;
        let (nodes, at) = (self.runs.get_mut(run)?, at.ok()?);
        let node = nodes.remove(at);
        self.len = self.len.saturating_sub(1);
        match nodes.first() {
            Some(first) if at == 0 => {
                let first = first.key();
                self.firsts
                    .iter_mut()
                    .skip(run)
                    .take(1)
                    .for_each(|known| *known = first);
            }
            Some(_) => {}
            None => {
                self.runs.remove(run);
                self.firsts.remove(run);
            }
        }
        Some(node)
    }

    /// Fills the runs again that were split or taken from.
    pub(super) fn pack(&mut self) {
        let close = |run: &Vec<N>| run.len() == Self::RUN && run.capacity() == Self::RUN;
        let Some((last, others)) = self.runs.split_last_mut() else {
            return;
        };
        if others.iter().all(close) {
            last.shrink_to_fit();
            return;
        }
        let runs = core::mem::take(&mut self.runs);
        self.firsts.clear();
        let mut nodes = runs.into_iter().flatten();
        let mut left = self.len;
        while left > 0 {
            let mut run = Vec::with_capacity(left.min(Self::RUN));
            run.extend(nodes.by_ref().take(Self::RUN));
            let Some(first) = run.first() else { return };
            self.firsts.push(first.key());
            left = left.saturating_sub(run.len());
            self.runs.push(run);
        }
        self.firsts.shrink_to_fit();
        self.runs.shrink_to_fit();
    }
}

impl<N: Node + PartialEq> PartialEq for Store<N> {
    fn eq(&self, other: &Self) -> bool {
        // How they came to be in their runs says nothing.
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<N: Node + Eq> Eq for Store<N> {}

/// Keys of what is in one folder, in order. Most folders have few, and what is added comes last.
#[derive(Clone, Debug)]
pub(super) enum Keys<K> {
    /// In order.
    Few(Vec<K>),
    /// Too many to move them for each one put between.
    Many(BTreeSet<K>),
}

impl<K> Default for Keys<K> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: Copy + Ord> Keys<K> {
    /// Adds one, if it is not there.
    pub(super) fn insert(&mut self, key: K) {
        match self {
            Self::Few(keys) => {
                if let Err(at) = keys.binary_search(&key) {
                    keys.insert(at, key);
                }
                if keys.len() > FEW {
                    *self = Self::Many(core::mem::take(keys).into_iter().collect());
                }
            }
            Self::Many(keys) => {
                keys.insert(key);
            }
        }
    }

    /// Takes one out. Answers whether others are left.
    pub(super) fn remove(&mut self, key: K) -> bool {
        match self {
            Self::Few(keys) => {
                if let Ok(at) = keys.binary_search(&key) {
                    keys.remove(at);
                }
                !keys.is_empty()
            }
            Self::Many(keys) => {
                keys.remove(&key);
                if keys.len() <= FEW / 2 {
                    *self = Self::Few(keys.iter().copied().collect());
                }
                true
            }
        }
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = K> {
        let (few, many) = match self {
            Self::Few(keys) => (Some(keys), None),
            Self::Many(keys) => (None, Some(keys)),
        };
        few.into_iter()
            .flatten()
            .chain(many.into_iter().flatten())
            .copied()
    }

    /// Lays them out closely.
    pub(super) fn pack(&mut self) {
        match self {
            Self::Few(keys) => keys.shrink_to_fit(),
            Self::Many(keys) => {
                let mut rest = core::mem::take(keys);
                keys.extend(rest.pop_first());
                keys.append(&mut rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Numbered(u16, u32);

    impl Node for Numbered {
        type Key = u16;

        fn key(&self) -> u16 {
            self.0
        }

        fn parent(&self) -> Option<u16> {
            None
        }

        fn label(&self) -> &'static str {
            ""
        }
    }

    fn sound(store: &Store<Numbered>) {
        let firsts: Vec<u16> = store.runs.iter().map(|run| run[0].0).collect();
        assert_eq!(firsts, store.firsts);
        assert!(store.runs.iter().all(|run| run.len() <= Store::<Numbered>::RUN));
    }

    #[test]
    fn what_comes_in_order_fills_one_run_after_another() {
        let mut store = Store::default();
        for key in 0..10_000 {
            store.insert(Numbered(key, 0));
        }
        assert_eq!(store.runs.len(), 10_000_usize.div_ceil(Store::<Numbered>::RUN));
        sound(&store);
    }

    proptest! {
        #[test]
        fn it_is_the_map_of_the_same_nodes(
            steps in proptest::collection::vec((0_u8..8, 0_u16..3_000, any::<u32>()), 0..5_000),
        ) {
            let (mut store, mut map) = (Store::default(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0..5 => {
                        let node = Numbered(key, value);
                        prop_assert_eq!(store.insert(node.clone()), map.insert(key, node));
                    }
                    5 | 6 => prop_assert_eq!(store.remove(key), map.remove(&key)),
                    _ => store.pack(),
                }
                prop_assert_eq!(store.get(key), map.get(&key));
            }
            sound(&store);
            prop_assert_eq!(store.len(), map.len());
            prop_assert!(store.iter().eq(map.values()));
            let mut packed = store.clone();
            packed.pack();
            sound(&packed);
            prop_assert_eq!(&packed, &store);
            prop_assert!(packed.iter().eq(map.values()));
        }

        #[test]
        fn keys_are_the_set_of_the_same_keys(
            steps in proptest::collection::vec((0_u8..9, 0_u16..600), 0..3_000),
            rarely in 2_u8..8,
        ) {
            let (mut keys, mut set) = (Keys::default(), BTreeSet::new());
            for (what, key) in steps {
                if what < rarely {
                    keys.insert(key);
                    set.insert(key);
                } else if what == 8 {
                    keys.pack();
                } else {
                    set.remove(&key);
                    prop_assert_eq!(keys.remove(key), !set.is_empty());
                }
                prop_assert!(keys.iter().eq(set.iter().copied()));
            }
        }
    }
}
