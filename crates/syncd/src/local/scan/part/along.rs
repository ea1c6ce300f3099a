//! A folder that moved, with all that is in it: one entry that is elsewhere, however much it holds.
//!
//! Whatever changes in a folder is heard of by where the folder is, or was when it changed. So what is in one that moved is as it
//! was, but for the paths that were told; those are looked at where they are now. Where the user's rules could speak otherwise of
//! what is in it, it is looked at like one that is new.

use std::collections::{BTreeMap, BTreeSet};

use planner::id::LocalKey;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::LocalNode;

use super::{Look, Trouble};
use crate::local::sys::{Kind, Meta};

impl Look<'_> {
    /// Whether an entry that was met elsewhere is a folder that comes to a place with all that is in it.
    pub(super) fn comes_along(
        &self,
        other: LocalKey,
        folder: Option<LocalKey>,
        path: &RelPath,
        meta: &Meta,
    ) -> bool {
        let (scan, tree) = (&self.walk.scan, &self.walk.scan.tree.nodes);
        let (Some(node), Some(at)) = (tree.get(other), scan.path(other)) else {
            return false;
        };
        let is_it = meta.kind == Kind::Folder && node.identity == Some(meta.identity);
        let above = folder.into_iter().flat_map(|key| tree.ancestors(key));
        let ring = folder == Some(other) || above.into_iter().any(|above| above.key == other);
        is_it
            && !ring
            && !node.ignored
            && self.is_read(Some(other))
            && self.told_moved.contains(path)
            && !self.anew.contains(path)
            // Those are shown by where they were.
            && scan.oddities.is_empty()
            && self.walk.takes_rules_along(&at, path, meta)
    }

    /// Moves a folder in the tree.
    pub(super) fn take_along(
        &mut self,
        other: LocalKey,
        folder: Option<LocalKey>,
        path: &RelPath,
        name: LocalName,
    ) -> Result<(), Trouble> {
        let known = self.walk.scan.path(other).zip(self.first(other));
        let node = self.walk.scan.tree.nodes.get(other).cloned();
        let (Some((at, first)), Some(node)) = (known, node) else {
            return Err(Trouble::Unsure("a folder was met that is nowhere"));
        };
        self.same_folder(path)?;
        if let Some(names) = self.names.get_mut(&node.parent) {
            names.remove(&node.name);
        }
        if let Some(names) = self.names.get_mut(&folder) {
            names.insert(name.clone(), other);
        }
        self.walk.scan.tree.nodes.insert(LocalNode {
            parent: folder,
            name,
            ..node
        });
        self.moved.insert(other, first);
        self.sound.insert(other);
        self.walk.move_rules(&at, path);
        self.redirect(&at, path);
        Ok(())
    }

    /// What is to be looked at, or was, in a folder that moved is where that is now; and what is at its old place by now, if
    /// anything is, is looked at as well: a path does not say which of the two it was told of.
    fn redirect(&mut self, from: &RelPath, to: &RelPath) {
        let moved = |paths: &[RelPath]| -> Vec<RelPath> {
            let moved = paths.iter().map(|path| path.moved(from, to));
            moved.collect()
        };
        let mut ahead = within(&self.queue, from);
        ahead.extend(take_within(&mut self.behind, from));
        self.queue.extend(moved(&ahead));
        if let Some(missed) = &mut self.missed {
            missed.remove(from);
            let inside = take_within(missed, from);
            missed.extend(moved(&inside));
        }
        let seen = take_within(&mut self.done, from);
        self.done.extend(moved(&seen));
        self.queue.extend(ahead);
        self.queue.extend(seen);
        self.done.remove(from);
        self.queue.insert(from.clone());
    }

    /// Where an entry was when this look began.
    fn first(&self, key: LocalKey) -> Option<RelPath> {
        let tree = &self.walk.scan.tree.nodes;
        let mut names = Vec::new();
        let mut at = Some(key);
        let mut path = RelPath::root();
        while let Some(key) = at {
            if let Some(first) = self.moved.get(&key) {
                path = first.clone();
                break;
            }
            let node = tree.get(key)?;
            names.push(&node.name);
            at = node.parent;
        }
        Some(names.into_iter().rev().fold(path, |path, name| path.join(name)))
    }

    /// Folders that moved, by where they are, with where they were.
    pub(super) fn moved(&self) -> BTreeMap<RelPath, RelPath> {
        let moved = self.moved.iter().filter_map(|(key, first)| {
            let now = self.walk.scan.path(*key)?;
            (now != *first).then(|| (now, first.clone()))
        });
        moved.collect()
    }
}

/// Those of these paths that are in a folder, or below one that is.
fn within(paths: &BTreeSet<RelPath>, folder: &RelPath) -> Vec<RelPath> {
    // Names that go on where the folder's ends may come between it and what is in it.
    let from_it = paths
        .range(folder..)
        .take_while(|path| path.as_str().starts_with(folder.as_str()));
    let within = from_it.filter(|path| *path != folder && folder.contains(path));
    within.cloned().collect()
}

/// Takes them out.
fn take_within(paths: &mut BTreeSet<RelPath>, folder: &RelPath) -> Vec<RelPath> {
    let taken = within(paths, folder);
    for path in &taken {
        paths.remove(path);
    }
    taken
}
