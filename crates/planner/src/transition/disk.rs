//! The disk as it will be after the steps planned so far: who lies where, under which name, by which step.
//!
//! Only what is touched is copied out of the scan: a plan for one file in a tree of a million looks at one folder.
//! Invariant: a folder's names are indexed before anything in it moves, so an index never misses a move.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{LocalKey, TargetKey};
use crate::name::LocalName;
use crate::naming::fold_key;
use crate::path::RelPath;
use crate::policy::DiskTraits;
use crate::tree::LocalTree;

/// Something that is or will be on the disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Entry {
    /// The scan saw it.
    Seen(LocalKey),
    /// A step of this plan makes it.
    New(TargetKey),
}

/// A folder: `None` is the root of the pair.
pub(super) type Room = Option<Entry>;

/// Where an entry is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Spot {
    /// In a folder, under a name.
    In(Room, LocalName),
    /// Set aside.
    Parked(u32),
    /// Not there: not made yet, or removed.
    Nowhere,
}

/// See the head of this file.
pub(super) struct Disk<'a> {
    tree: &'a LocalTree,
    traits: &'a DiskTraits,
    changed: BTreeMap<Entry, Spot>,
    rooms: BTreeMap<Room, BTreeMap<String, BTreeSet<Entry>>>,
}

impl<'a> Disk<'a> {
    /// The disk as the scan saw it.
    pub(super) fn new(tree: &'a LocalTree, traits: &'a DiskTraits) -> Self {
        Self {
            tree,
            traits,
            changed: BTreeMap::new(),
            rooms: BTreeMap::new(),
        }
    }

    /// What the disk takes names for: equal for names that are one entry.
    pub(super) fn key(&self, name: &LocalName) -> String {
        fold_key(name.as_str(), self.traits)
    }

    /// Where the entry is by now.
    pub(super) fn spot(&self, entry: Entry) -> Spot {
        if let Some(spot) = self.changed.get(&entry) {
            return spot.clone();
        }
        match entry {
            Entry::New(_) => Spot::Nowhere,
            Entry::Seen(key) => self.tree.nodes.get(key).map_or(Spot::Nowhere, |node| {
                Spot::In(node.parent.map(Entry::Seen), node.name.clone())
            }),
        }
    }

    /// The folder the entry is in by now; `None` if it is in none.
    pub(super) fn room(&self, entry: Entry) -> Option<Room> {
        match self.spot(entry) {
            Spot::In(room, _) => Some(room),
            Spot::Parked(_) | Spot::Nowhere => None,
        }
    }

    /// The folders above the entry by now, nearest first.
    pub(super) fn above(&self, entry: Entry) -> impl Iterator<Item = Entry> {
        let mut next = self.room(entry).flatten();
        // A scan has no rings and a step makes none; the bound only keeps a wrong tree from hanging us.
        let mut bound = self.tree.nodes.len() + self.changed.len();
        core::iter::from_fn(move || {
            let here = next?;
            bound = bound.checked_sub(1)?;
            next = self.room(here).flatten();
            Some(here)
        })
    }

    /// The entry's path by now; `None` while it, or a folder above it, is set aside or not there.
    pub(super) fn path(&self, entry: Entry) -> Option<RelPath> {
        let mut names: Vec<LocalName> = Vec::new();
        for at in core::iter::once(entry).chain(self.above(entry)) {
            match self.spot(at) {
                Spot::In(_, name) => names.push(name),
                Spot::Parked(_) | Spot::Nowhere => return None,
            }
        }
        Some(
            names
                .iter()
                .rev()
                .fold(RelPath::root(), |path, name| path.join(name)),
        )
    }

    /// The path of a name in a folder.
    pub(super) fn path_in(&self, room: Room, name: &LocalName) -> Option<RelPath> {
        let folder = match room {
            None => RelPath::root(),
            Some(entry) => self.path(entry)?,
        };
        Some(folder.join(name))
    }

    /// Who has this name in this folder by now, as the disk compares names.
    pub(super) fn occupants(&mut self, room: Room, name: &LocalName) -> Vec<Entry> {
        let key = self.key(name);
        let names = self.index(room);
        names.get(&key).into_iter().flatten().copied().collect()
    }

    /// What is in the folder by now, by name.
    pub(super) fn contents(&mut self, room: Room) -> Vec<Entry> {
        self.index(room).values().flatten().copied().collect()
    }

    /// Records that a step put the entry there.
    pub(super) fn put(&mut self, entry: Entry, spot: Spot) {
        if let Spot::In(room, name) = self.spot(entry) {
            let key = self.key(&name);
            if let Some(entries) = self.index(room).get_mut(&key) {
                entries.remove(&entry);
            }
        }
        if let Spot::In(room, name) = &spot {
            let key = self.key(name);
            self.index(*room).entry(key).or_default().insert(entry);
        }
        self.changed.insert(entry, spot);
    }

    fn index(&mut self, room: Room) -> &mut BTreeMap<String, BTreeSet<Entry>> {
        let (tree, traits) = (self.tree, self.traits);
        self.rooms.entry(room).or_insert_with(|| {
            let mut names: BTreeMap<String, BTreeSet<Entry>> = BTreeMap::new();
            let parent = match room {
                None => None,
                Some(Entry::Seen(key)) => Some(key),
                Some(Entry::New(_)) => return names,
            };
            for node in tree.nodes.children(parent) {
                let key = fold_key(node.name.as_str(), traits);
                names.entry(key).or_default().insert(Entry::Seen(node.key));
            }
            names
        })
    }
}
