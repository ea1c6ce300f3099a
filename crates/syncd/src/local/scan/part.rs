//! A look at some paths only, taken into what the scan before saw: what one change costs, however large the folder is.
//!
//! Each path is looked at in its folder's handle, a folder that is new at its place with all below it; one that was at another
//! place before is one entry that moved (`along`). Never here: a guess. Where the result could differ from that of a whole scan
//! (hard links, rule files, names that are not text, a disk that folds names), it says so, and everything is scanned.

mod along;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd as _, OwnedFd};

use planner::id::{LocalIdentity, LocalKey};
use planner::name::LocalName;
use planner::path::RelPath;
use planner::policy::DiskTraits;
use planner::tree::{LocalContents, LocalKind, LocalNode};

use super::walk::{Clash, Entry, Walk};
use super::{KnownHashes, Scan, ScanOptions};
use crate::local::error::LocalError;
use crate::local::ignore::{FILE_NAME, Ignore};
use crate::local::marker;
use crate::local::root::{AREA, Root};
use crate::local::sys::{self, Errno, Kind, Meta};

/// Paths looked at one by one; beyond it a scan of everything is no dearer.
pub(crate) const PATHS_MAX: usize = 20_000;

/// What a look at some paths came to.
#[derive(Debug)]
pub(crate) enum Part {
    /// The scan as a whole one would be, as far as these paths go.
    Seen {
        /// Everything, with what was seen just now.
        scan: Box<Scan>,
        /// Paths of which nothing is left, here or elsewhere in what was seen.
        vanished: BTreeSet<RelPath>,
        /// Paths that were looked at, folders that are new to the tree with all below them. All else is as it was.
        looked: BTreeSet<RelPath>,
        /// Folders that moved, each by where it is, with where it was: all that is in it is in it as before, but for the
        /// paths that were looked at.
        moved: BTreeMap<RelPath, RelPath>,
        /// Folders were read.
        read: bool,
    },
    /// Only a whole scan can tell; why, for the log.
    Unsure(&'static str),
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paths<'a> {
    /// Where something may have changed; in a folder that moved, by where that is now, or was when the scan before ended.
    pub(crate) changed: &'a BTreeSet<RelPath>,
    /// Files whose writers were seen to close them.
    pub(crate) closed: &'a BTreeSet<RelPath>,
    /// Folders of which everything is looked at, known or not.
    pub(crate) anew: &'a BTreeSet<RelPath>,
    /// Folders that moved and in which nothing changed but at these paths: what is known of them is known where they are now.
    pub(crate) moved: &'a BTreeSet<RelPath>,
    /// What the disk does to names.
    pub(crate) disk: &'a DiskTraits,
}

/// Looks at some paths. `before` is the newest scan, and what changed since it began must be among the paths.
///
/// # Errors
/// As a whole scan.
pub(crate) fn part(
    root: &Root,
    ignore: &mut Ignore,
    known: &dyn KnownHashes,
    options: ScanOptions,
    (before, paths): (Scan, Paths<'_>),
) -> Result<Part, LocalError> {
    root.check()?;
    if before.tree.root_hidden {
        return Ok(Part::Unsure("not all of the folder could be seen before"));
    }
    if paths.disk.folds_case || paths.disk.folds_normalisation {
        return Ok(Part::Unsure("the disk folds names"));
    }
    if paths.changed.len() > PATHS_MAX {
        return Ok(Part::Unsure("too much changed"));
    }
    let mut look = Look {
        walk: Walk::new(
            root,
            ignore,
            known,
            options,
            paths.closed,
            Scan {
                now_ns: options.now_ns,
                ..before
            },
        ),
        anew: paths.anew,
        told_moved: paths.moved,
        names: BTreeMap::new(),
        sound: BTreeSet::new(),
        open: None,
        done: BTreeSet::new(),
        left: Vec::new(),
        moved: BTreeMap::new(),
        queue: paths.changed.clone(),
        missed: Some(BTreeSet::new()),
        behind: BTreeSet::new(),
    };
    match look.everything() {
        Ok(()) => {}
        Err(Trouble::Unsure(why)) => return Ok(Part::Unsure(why)),
        Err(Trouble::Failed(error)) => return Err(error),
    }
    let vanished = look.vanished();
    let moved = look.moved();
    let looked = look.done;
    let read = look.walk.has_read();
    let scan = look.walk.finish();
    root.check()?;
    Ok(Part::Seen {
        scan: Box::new(scan),
        vanished,
        looked,
        moved,
        read,
    })
}

/// Why a path could not be taken in.
enum Trouble {
    Unsure(&'static str),
    Failed(LocalError),
}

impl From<LocalError> for Trouble {
    fn from(error: LocalError) -> Self {
        Self::Failed(error)
    }
}

/// A node that was taken out.
struct Left {
    path: RelPath,
    identity: Option<LocalIdentity>,
}

struct Look<'a> {
    walk: Walk<'a>,
    anew: &'a BTreeSet<RelPath>,
    told_moved: &'a BTreeSet<RelPath>,
    /// The entries of folders that were asked for, by name.
    names: BTreeMap<Option<LocalKey>, BTreeMap<LocalName, LocalKey>>,
    /// Folders that were seen to be those of the tree.
    sound: BTreeSet<LocalKey>,
    /// The one in which was looked last.
    open: Option<(LocalKey, OwnedFd)>,
    done: BTreeSet<RelPath>,
    left: Vec<Left>,
    /// Folders that moved: where each was when this look began.
    moved: BTreeMap<LocalKey, RelPath>,
    /// Folders before what is in them.
    queue: BTreeSet<RelPath>,
    /// Folders that are not at their places: one of them may turn up at another of the paths, and counts as gone only after
    /// those. `None`: that was so.
    missed: Option<BTreeSet<RelPath>>,
    /// Paths in those.
    behind: BTreeSet<RelPath>,
}

impl Look<'_> {
    /// Looks at all paths, and at those to which they lead.
    fn everything(&mut self) -> Result<(), Trouble> {
        loop {
            while let Some(path) = self.queue.pop_first() {
                self.at(&path)?;
            }
            let clashes = std::mem::take(&mut self.walk.clashes);
            for clash in &clashes {
                self.settle(clash)?;
            }
            if !clashes.is_empty() {
                continue;
            }
            let Some(missed) = self.missed.take() else {
                return Ok(());
            };
            self.done.retain(|path| !missed.contains(path));
            self.queue.extend(missed);
            self.queue.append(&mut self.behind);
        }
    }

    /// Two entries were met with one identity. If the first of them is not at its place any more, it is the second's.
    fn settle(&mut self, clash: &Clash) -> Result<(), Trouble> {
        if let Some(at) = self.walk.scan.path(clash.first) {
            match self.walk.root.look(&at) {
                Ok(there) if there.identity == clash.identity => return Ok(()),
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {
                    self.take_out(clash.first)?;
                    self.done.remove(&at);
                    self.queue.insert(at);
                }
                Err(_) => return Err(Trouble::Unsure("something cannot be looked at")),
            }
        }
        let inode = clash.identity.inode;
        if let Some(node) = self.walk.scan.tree.nodes.get(clash.second).cloned() {
            self.walk.scan.met.insert(inode, clash.second);
            self.walk.scan.tree.nodes.insert(LocalNode {
                identity: clash.identifies.then_some(clash.identity),
                ..node
            });
        }
        Ok(())
    }

    /// Looks at a path, or at the folder above it that is not as the tree has it.
    fn at(&mut self, path: &RelPath) -> Result<(), Trouble> {
        let Some((parent, name)) = path.split() else {
            return Err(Trouble::Unsure("the folder itself changed"));
        };
        if name.as_str() == FILE_NAME {
            return Err(Trouble::Unsure("a rule file changed"));
        }
        let Some(folder) = self.way(&parent, path)? else {
            return Ok(());
        };
        if !self.done.insert(path.clone()) {
            return Ok(());
        }
        let there = match self.look_in(folder, &parent, &name)? {
            Ok(meta) => Some(meta),
            Err(Errno::NOENT) => None,
            // It hides: only a whole scan says what of.
            Err(_) => return Err(Trouble::Unsure("something cannot be looked at")),
        };
        let known = self.child(folder, &name);
        match (known, there) {
            (None, None) => Ok(()),
            (Some(key), None) => match &mut self.missed {
                Some(missed) if self.walk.scan.is_folder(key) => {
                    missed.insert(path.clone());
                    Ok(())
                }
                Some(_) | None => self.take_out(key),
            },
            (known, Some(meta)) => self.take_in(known, folder, path, name, meta),
        }
    }

    /// What an entry is. It is looked at in the folder of the tree, wherever that is by now: a folder that moves away meanwhile
    /// does not seem to be empty.
    fn look_in(
        &mut self,
        folder: Option<LocalKey>,
        path: &RelPath,
        name: &LocalName,
    ) -> Result<Result<Meta, Errno>, Trouble> {
        let Some(key) = folder else {
            return Ok(sys::look_at(self.walk.root.fd(), name.as_str()));
        };
        if let Some((_, open)) = self.open.as_ref().filter(|(known, _)| *known == key) {
            return Ok(sys::look_at(open.as_fd(), name.as_str()));
        }
        let node = self.walk.scan.tree.nodes.get(key);
        let identity = node.and_then(|node| node.identity);
        let opened = self.walk.root.folder(path);
        let opened = opened.map_err(|_| Trouble::Unsure("a folder cannot be looked into"))?;
        let is_it = sys::look_fd(opened.as_fd()).is_ok_and(|meta| Some(meta.identity) == identity);
        if !is_it {
            return Err(Trouble::Unsure("a folder was another one between two looks"));
        }
        let looked = sys::look_at(opened.as_fd(), name.as_str());
        self.open = Some((key, opened));
        Ok(looked)
    }

    /// The folder at a path, as the tree has it; `None` if what is in it is of no account, or a folder above was looked at
    /// instead, or is missed so far: then `aim`, which is in it, is looked at later.
    #[expect(
        clippy::option_option,
        reason = "no such folder, and the root, which has no key"
    )]
    fn way(&mut self, path: &RelPath, aim: &RelPath) -> Result<Option<Option<LocalKey>>, Trouble> {
        let mut at = None;
        let mut above = RelPath::root();
        for part in path.components() {
            let Some(name) = LocalName::new(part) else {
                return Err(Trouble::Unsure("a name that is not text"));
            };
            let here = above.join(&name);
            let mut key = self.child(at, &name);
            let node = key.and_then(|key| self.walk.scan.tree.nodes.get(key));
            if node.is_some_and(|node| node.ignored) {
                return Ok(None);
            }
            if !self.is_sound(key, &here) {
                // What is there now is looked at whole, if anything is.
                self.at(&here)?;
                let now = self.child(at, &name);
                if self.missed.as_ref().is_some_and(|missed| missed.contains(&here)) {
                    self.behind.insert(aim.clone());
                    return Ok(None);
                }
                if now.is_some_and(|now| self.moved.contains_key(&now)) && self.is_sound(now, &here) {
                    key = now;
                } else if now.is_some() && now == key && self.is_read(now) {
                    // It is the known one after all, or was looked at before it became another: what is below is not known.
                    return Err(Trouble::Unsure("a folder was another one between two looks"));
                } else {
                    return Ok(None);
                }
            }
            at = key;
            above = here;
        }
        Ok(Some(at))
    }

    /// Whether all that is in a folder is known.
    fn is_read(&self, key: Option<LocalKey>) -> bool {
        let node = key.and_then(|key| self.walk.scan.tree.nodes.get(key));
        node.is_some_and(|node| matches!(node.kind, LocalKind::Folder(LocalContents::Read { .. })))
    }

    /// Whether a folder of which everything is known is at its path.
    fn is_sound(&mut self, key: Option<LocalKey>, path: &RelPath) -> bool {
        let Some(key) = key.filter(|_| self.is_read(key)) else {
            return false;
        };
        if self.sound.contains(&key) {
            return true;
        }
        let identity = self.walk.scan.tree.nodes.get(key).and_then(|node| node.identity);
        let here = self.walk.root.look(path);
        let sound = here.is_ok_and(|meta| meta.kind == Kind::Folder && identity == Some(meta.identity));
        if sound {
            self.sound.insert(key);
        }
        sound
    }

    fn child(&mut self, folder: Option<LocalKey>, name: &LocalName) -> Option<LocalKey> {
        let nodes = &self.walk.scan.tree.nodes;
        let names = self.names.entry(folder).or_insert_with(|| {
            let inside = nodes.children(folder);
            inside.map(|node| (node.name.clone(), node.key)).collect()
        });
        names.get(name).copied()
    }

    /// An entry as it is now, in place of what was known of it.
    fn take_in(
        &mut self,
        known: Option<LocalKey>,
        folder: Option<LocalKey>,
        path: &RelPath,
        name: LocalName,
        meta: Meta,
    ) -> Result<(), Trouble> {
        let is_folder = meta.kind == Kind::Folder;
        if meta.kind == Kind::File && meta.links != 1 {
            return Err(Trouble::Unsure("a file has several names"));
        }
        if let Some(key) = known {
            let node = self.walk.scan.tree.nodes.get(key);
            let same = node.is_some_and(|node| node.is_folder() && node.identity == Some(meta.identity));
            let hidden =
                node.is_some_and(|node| matches!(node.kind, LocalKind::Folder(LocalContents::Hidden)));
            if is_folder && same && !hidden && !self.anew.contains(path) {
                return self.same_folder(path);
            }
            self.take_out(key)?;
        }
        if let Some(other) = self.met(meta.identity) {
            self.came_from(other, &meta)?;
            if self.comes_along(other, folder, path, &meta) {
                return self.take_along(other, folder, path, name);
            }
            self.leave(other)?;
        }
        let key = self.walk.next_key()?;
        let entry = Entry {
            key,
            parent: folder,
            name: name.clone(),
            path: path.clone(),
            meta,
        };
        self.walk.add(entry);
        self.walk.go()?;
        if self.walk.scan.tree.nodes.contains(key)
            && let Some(names) = self.names.get_mut(&folder)
        {
            names.insert(name, key);
        }
        Ok(())
    }

    /// A folder of which only its own facts changed: its entries have paths of their own. It must still be readable.
    fn same_folder(&self, path: &RelPath) -> Result<(), Trouble> {
        if self.is_open(path) {
            Ok(())
        } else {
            Err(Trouble::Unsure("a folder cannot be seen any more"))
        }
    }

    /// Whether a folder can be listed and its entries looked at, and is not the root of another pair.
    fn is_open(&self, path: &RelPath) -> bool {
        let Ok(open) = self.walk.root.folder(path) else {
            return false;
        };
        let marker = sys::look_at(open.as_fd(), &format!("{AREA}/{}", marker::NAME));
        matches!(marker, Err(Errno::NOENT | Errno::NOTDIR))
            && sys::may_read(self.walk.root.fd(), path.as_str()).is_ok()
    }

    /// What is new at a place was met at another one: there it is gone by now, or it is one file with two names.
    fn came_from(&self, other: LocalKey, meta: &Meta) -> Result<(), Trouble> {
        let Some(at) = self.walk.scan.path(other) else {
            return Err(Trouble::Unsure("a file was met that is nowhere"));
        };
        match self.walk.root.look(&at) {
            Ok(there) if there.identity == meta.identity => {
                Err(Trouble::Unsure("one file was met at two places"))
            }
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(_) => Err(Trouble::Unsure("something cannot be looked at")),
        }
    }

    /// An entry is at its place no more: what is there instead is looked at.
    fn leave(&mut self, other: LocalKey) -> Result<(), Trouble> {
        let at = self.walk.scan.path(other);
        self.take_out(other)?;
        if let Some(at) = at {
            self.done.remove(&at);
            self.queue.insert(at);
        }
        Ok(())
    }

    /// Takes a node out, with all below it.
    fn take_out(&mut self, top: LocalKey) -> Result<(), Trouble> {
        let Some(path) = self.walk.scan.path(top) else {
            return Ok(());
        };
        let mut below = vec![(top, path)];
        while let Some((key, path)) = below.pop() {
            let scan = &mut self.walk.scan;
            let inside = scan.tree.nodes.children(Some(key));
            below.extend(inside.map(|node| (node.key, path.join(&node.name))));
            let Some(node) = scan.tree.nodes.remove(key) else {
                continue;
            };
            match &node.kind {
                LocalKind::Folder(LocalContents::Read { others }) if *others > 0 => {
                    return Err(Trouble::Unsure("names that are not text were in it"));
                }
                LocalKind::File(file) if !node.ignored => {
                    scan.files = scan.files.saturating_sub(1);
                    scan.bytes = scan.bytes.saturating_sub(file.size);
                }
                LocalKind::File(_) | LocalKind::Folder(_) | LocalKind::Other(_) => {}
            }
            scan.troubles.remove(&key);
            scan.young.remove(&key);
            self.names.remove(&Some(key));
            if let Some(names) = self.names.get_mut(&node.parent) {
                names.remove(&node.name);
            }
            self.sound.remove(&key);
            self.moved.remove(&key);
            self.left.push(Left {
                path,
                identity: node.identity,
            });
        }
        Ok(())
    }

    /// Who was met with an inode, and is there still.
    fn met(&self, identity: LocalIdentity) -> Option<LocalKey> {
        let scan = &self.walk.scan;
        let here = identity.device == self.walk.root.identity().device;
        let key = scan.met.get(&identity.inode).copied().filter(|_| here);
        key.filter(|key| scan.tree.nodes.contains(*key))
    }

    /// The topmost paths of which nothing is left: neither an entry there, nor anywhere the one that was there.
    fn vanished(&mut self) -> BTreeSet<RelPath> {
        let mut gone = BTreeSet::new();
        for left in std::mem::take(&mut self.left) {
            let elsewhere = left.identity.and_then(|identity| self.met(identity)).is_some();
            if !elsewhere && !self.is_taken(&left.path) {
                gone.insert(left.path);
            }
        }
        let top = |path: &&RelPath| !path.split().is_some_and(|(above, _)| gone.contains(&above));
        gone.iter().filter(top).cloned().collect()
    }

    fn is_taken(&mut self, path: &RelPath) -> bool {
        let mut at = None;
        for part in path.components() {
            at = LocalName::new(part).and_then(|name| self.child(at, &name));
            if at.is_none() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
