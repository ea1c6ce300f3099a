//! Which watched folder is where: values only. What the kernel says names a watch and an entry in its folder; this tree
//! makes a path of it.
//!
//! A folder that moves takes everything below it along, at no cost. Invariants: a watch has one place, an entry one watch,
//! and no folder is below itself. One that left its place and is not yet seen elsewhere is away, and so is all below it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::sync::Arc;

use planner::id::LocalIdentity;

/// A watch, as the kernel numbers them. A number is not given twice.
pub(super) type Wd = i32;

/// Where a folder is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    /// The root of all.
    Root,
    /// In this folder, with this name.
    In(Wd, Arc<OsStr>),
    /// It left its place.
    Away,
}

/// A watched folder.
#[derive(Debug)]
struct Folder {
    place: Place,
    /// Which folder it is; as long as it is watched no other can be it.
    identity: LocalIdentity,
    /// The watched folders in it.
    children: BTreeMap<Arc<OsStr>, Wd>,
}

/// What cannot be: the tree stays as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Impossible;

/// All watched folders below a root.
#[derive(Debug)]
pub(super) struct Tree {
    root: Wd,
    folders: HashMap<Wd, Folder>,
}

impl Tree {
    /// Of a root alone.
    pub(super) fn new(root: Wd, identity: LocalIdentity) -> Self {
        let folder = Folder {
            place: Place::Root,
            identity,
            children: BTreeMap::new(),
        };
        Self {
            root,
            folders: HashMap::from([(root, folder)]),
        }
    }

    /// The root's watch.
    pub(super) const fn root(&self) -> Wd {
        self.root
    }

    /// Whether this watch is one of ours.
    pub(super) fn holds(&self, wd: Wd) -> bool {
        self.folders.contains_key(&wd)
    }

    /// Which folder is watched so.
    pub(super) fn identity(&self, wd: Wd) -> Option<LocalIdentity> {
        self.folders.get(&wd).map(|folder| folder.identity)
    }

    /// The watched folder of this name.
    pub(super) fn child(&self, wd: Wd, name: &OsStr) -> Option<Wd> {
        self.folders.get(&wd)?.children.get(name).copied()
    }

    /// Whether a watched folder is in this one.
    pub(super) fn has_children(&self, wd: Wd) -> bool {
        self.folders
            .get(&wd)
            .is_some_and(|folder| !folder.children.is_empty())
    }

    /// The names on the way from the root to this folder; `None`: it is away, or not ours.
    pub(super) fn names(&self, wd: Wd) -> Option<Vec<Arc<OsStr>>> {
        let mut names = Vec::new();
        let mut at = wd;
        loop {
            match &self.folders.get(&at)?.place {
                Place::Root => break,
                Place::In(above, name) => {
                    names.push(Arc::clone(name));
                    at = *above;
                }
                Place::Away => return None,
            }
        }
        names.reverse();
        Some(names)
    }

    /// Whether a folder is this one, or somewhere below it.
    pub(super) fn is_within(&self, wd: Wd, above: Wd) -> bool {
        let mut at = wd;
        loop {
            if at == above {
                return true;
            }
            match self.folders.get(&at).map(|folder| &folder.place) {
                Some(Place::In(above, _)) => at = *above,
                Some(Place::Root | Place::Away) | None => return false,
            }
        }
    }

    /// A folder that was not watched before. Answers the watches that are over, of the one that had its place.
    pub(super) fn add(
        &mut self,
        above: Wd,
        name: &OsStr,
        wd: Wd,
        identity: LocalIdentity,
    ) -> Result<Vec<Wd>, Impossible> {
        if self.holds(wd) || !self.holds(above) {
            return Err(Impossible);
        }
        let folder = Folder {
            place: Place::Away,
            identity,
            children: BTreeMap::new(),
        };
        self.folders.insert(wd, folder);
        self.put(wd, above, name)
    }

    /// The folder of this name leaves its place, and is away with all below it until it is put somewhere.
    pub(super) fn take(&mut self, above: Wd, name: &OsStr) -> Option<Wd> {
        let wd = self.folders.get_mut(&above)?.children.remove(name)?;
        if let Some(folder) = self.folders.get_mut(&wd) {
            folder.place = Place::Away;
        }
        Some(wd)
    }

    /// One that is away is here now. Answers the watches that are over, of the one that had its place.
    pub(super) fn put(&mut self, wd: Wd, above: Wd, name: &OsStr) -> Result<Vec<Wd>, Impossible> {
        if !self.is_away(wd) || !self.holds(above) || self.is_within(above, wd) {
            return Err(Impossible);
        }
        let over = match self.child(above, name) {
            Some(other) => self.forget(other),
            None => Vec::new(),
        };
        let name: Arc<OsStr> = Arc::from(name);
        if let Some(folder) = self.folders.get_mut(&above) {
            folder.children.insert(Arc::clone(&name), wd);
        }
        if let Some(folder) = self.folders.get_mut(&wd) {
            folder.place = Place::In(above, name);
        }
        Ok(over)
    }

    /// Whether it left its place.
    pub(super) fn is_away(&self, wd: Wd) -> bool {
        self.folders
            .get(&wd)
            .is_some_and(|folder| folder.place == Place::Away)
    }

    /// Whether this is where the folder is.
    pub(super) fn is_at(&self, wd: Wd, above: Wd, name: &OsStr) -> bool {
        self.child(above, name) == Some(wd)
    }

    /// The folder in which this one is, and its name there.
    pub(super) fn place(&self, wd: Wd) -> Option<(Wd, Arc<OsStr>)> {
        match &self.folders.get(&wd)?.place {
            Place::In(above, name) => Some((*above, Arc::clone(name))),
            Place::Root | Place::Away => None,
        }
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn watches(&self) -> std::collections::BTreeSet<Wd> {
        self.folders.keys().copied().collect()
    }

    /// A folder and all below it are ours no more. Answers their watches.
    pub(super) fn forget(&mut self, wd: Wd) -> Vec<Wd> {
        if let Some((above, name)) = self.place(wd)
            && self.is_at(wd, above, &name)
            && let Some(folder) = self.folders.get_mut(&above)
        {
            folder.children.remove(&name);
        }
        let mut over = Vec::new();
        let mut open = vec![wd];
        while let Some(next) = open.pop() {
            if let Some(folder) = self.folders.remove(&next) {
                over.push(next);
                open.extend(folder.children.into_values());
            }
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(inode: u64) -> LocalIdentity {
        LocalIdentity {
            device: 1,
            inode,
            birth_ns: None,
        }
    }

    /// `a` (2) with `b` (3) with `c` (4), and `d` (5) beside it.
    fn tree() -> Tree {
        let mut tree = Tree::new(1, identity(1));
        for (above, name, wd) in [(1, "a", 2), (2, "b", 3), (3, "c", 4), (1, "d", 5)] {
            let number = u64::try_from(wd).unwrap();
            assert_eq!(tree.add(above, name.as_ref(), wd, identity(number)), Ok(vec![]));
        }
        tree
    }

    fn path(tree: &Tree, wd: Wd) -> Option<String> {
        let names = tree.names(wd)?;
        let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
        Some(names.join("/"))
    }

    #[test]
    fn a_path_is_made_of_names_and_a_folder_that_moves_takes_along_what_is_below_it() {
        let mut tree = tree();
        assert_eq!(path(&tree, 1).unwrap(), "");
        assert_eq!(path(&tree, 4).unwrap(), "a/b/c");
        assert_eq!(tree.take(2, "b".as_ref()), Some(3));
        assert_eq!((path(&tree, 3), path(&tree, 4)), (None, None), "it is away");
        assert_eq!(tree.child(2, "b".as_ref()), None);
        assert_eq!(tree.put(3, 5, "e".as_ref()), Ok(vec![]));
        assert_eq!(path(&tree, 4).unwrap(), "d/e/c");
        assert_eq!(tree.take(1, "d".as_ref()), Some(5));
        assert_eq!(tree.put(5, 2, "f".as_ref()), Ok(vec![]));
        assert_eq!(path(&tree, 4).unwrap(), "a/f/e/c");
        assert_eq!(tree.identity(4), Some(identity(4)));
        assert!(tree.is_within(4, 2) && tree.is_within(2, 2) && !tree.is_within(2, 4));
    }

    #[test]
    fn who_had_the_place_is_over_with_all_below_it() {
        let mut tree = tree();
        assert_eq!(tree.take(1, "d".as_ref()), Some(5));
        let mut over = tree.put(5, 1, "a".as_ref()).unwrap();
        over.sort_unstable();
        assert_eq!(over, [2, 3, 4]);
        assert_eq!(path(&tree, 5).unwrap(), "a");
        assert!(!tree.holds(3));
        assert_eq!(tree.add(1, "a".as_ref(), 6, identity(6)), Ok(vec![5]));
        assert_eq!(tree.forget(6), [6]);
        assert!(!tree.has_children(1));
        assert_eq!(tree.forget(6), [] as [Wd; 0]);
    }

    #[test]
    fn an_entry_of_another_watch_stays_when_one_is_forgotten() {
        let mut tree = tree();
        tree.take(1, "a".as_ref()).unwrap();
        tree.add(1, "a".as_ref(), 7, identity(7)).unwrap();
        let mut over = tree.forget(2);
        over.sort_unstable();
        assert_eq!(over, [2, 3, 4]);
        assert!(tree.is_at(7, 1, "a".as_ref()));
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let mut tree = tree();
        assert_eq!(tree.put(3, 5, "x".as_ref()), Err(Impossible), "it never left");
        assert_eq!(tree.put(9, 5, "x".as_ref()), Err(Impossible), "nobody knows it");
        assert_eq!(tree.add(1, "x".as_ref(), 3, identity(3)), Err(Impossible));
        assert_eq!(tree.add(9, "x".as_ref(), 10, identity(10)), Err(Impossible));
        tree.take(1, "a".as_ref()).unwrap();
        assert_eq!(tree.put(2, 4, "x".as_ref()), Err(Impossible), "below itself");
        assert_eq!(tree.put(2, 2, "x".as_ref()), Err(Impossible), "in itself");
        assert_eq!(tree.put(2, 1, "a".as_ref()), Ok(vec![]));
        assert_eq!(path(&tree, 4).unwrap(), "a/b/c");
        assert_eq!(tree.take(1, "nothing".as_ref()), None);
    }

    #[test]
    fn names_are_bytes() {
        use std::os::unix::ffi::OsStrExt as _;
        let mut tree = tree();
        let name = OsStr::from_bytes(b"\xff\xfe");
        tree.add(5, name, 8, identity(8)).unwrap();
        assert_eq!(tree.names(8).unwrap().last().unwrap().as_bytes(), b"\xff\xfe");
    }
}
