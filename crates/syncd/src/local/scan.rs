//! One look at everything on this disk (design S10–S14, M5).
//!
//! The walk goes by path and reads names and stamps only; each folder is looked at beneath the root's handle before it is
//! entered and again at the end, and one that is not the same both times is hidden. What must never happen: that
//! "could not look" is told as "is not there". Every failure but ENOENT hides; a folder counts as read only if all
//! of it was.

mod look;
mod part;
mod settle;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use planner::content::{ContentHash, Stamp};
use planner::id::{LocalIdentity, LocalKey};
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{LocalKind, LocalNode, LocalTree, pack};

use super::error::LocalError;
use super::ignore::Ignore;
use super::root::Root;
use super::stamp;

pub(crate) use part::{Part, Paths, part};
pub(crate) use settle::settle;

/// The hashes known already: of the journal and of earlier scans.
pub(crate) trait KnownHashes {
    /// BLAKE3 of the file, if a file of this identity, size and stamp was hashed, and the stamp was trusted then
    /// (design S12). In doubt `None`: the file is hashed again.
    fn hash(&self, identity: Option<&LocalIdentity>, size: u64, stamp: Stamp) -> Option<ContentHash>;
}

/// How to scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanOptions {
    /// A file touched more recently than this may still be being written (design S13).
    pub(crate) quiet: Duration,
    /// The system's time when the scan begins, in nanoseconds since 1970; stamps are judged by it.
    pub(crate) now_ns: i64,
}

/// An entry that has no node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Oddity {
    /// Its path, as far as it can be shown.
    pub(crate) shown: String,
    /// Why.
    pub(crate) odd: planner::hold::Odd,
}

/// What a scan saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Scan {
    /// The entries.
    pub(crate) tree: LocalTree,
    /// Entries without a node: names that are not UTF-8.
    pub(crate) oddities: Vec<Oddity>,
    /// Why a folder is hidden or a file unreadable, in the system's words.
    pub(crate) troubles: BTreeMap<LocalKey, String>,
    /// Files that may still be being written: wait `quiet`, then [`settle`].
    pub(crate) young: BTreeSet<LocalKey>,
    /// Regular files that are not ignored.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    now_ns: i64,
    /// Every inode of the root's file system that was met, and by whom first.
    met: BTreeMap<u64, LocalKey>,
    /// After the last look at the disk: who has which inode, made when it is first asked for.
    held: OnceLock<BTreeMap<u64, LocalKey>>,
    /// The next key to give.
    next_key: u32,
}

impl Scan {
    /// Lays out closely what is kept from pass to pass.
    fn pack(&mut self) {
        self.tree.nodes.pack();
        pack(&mut self.met);
    }

    /// Where an entry is.
    pub(crate) fn path(&self, key: LocalKey) -> Option<RelPath> {
        self.tree.nodes.path(key)
    }

    fn is_folder(&self, key: LocalKey) -> bool {
        self.tree.nodes.get(key).is_some_and(LocalNode::is_folder)
    }

    /// Whether this file's stamp will prove later that it did not change (design S12); `None` if it is no file.
    pub(crate) fn trusted(&self, key: LocalKey) -> Option<bool> {
        let file = self.tree.nodes.get(key)?.file()?;
        Some(stamp::trusted(file.stamp, self.now_ns))
    }

    /// Gives those of these entries that are files the hashes that are known by now of just these versions.
    pub(crate) fn fill_in(&mut self, keys: impl IntoIterator<Item = LocalKey>, known: &dyn KnownHashes) {
        let open = keys.into_iter().filter_map(|key| {
            let node = self.tree.nodes.get(key)?;
            let file = node
                .file()
                .filter(|file| file.hash.is_none() && !file.busy && !file.unreadable)?;
            let hash = known.hash(node.identity.as_ref(), file.size, file.stamp)?;
            let mut node = node.clone();
            if let LocalKind::File(file) = &mut node.kind {
                file.hash = Some(hash);
            }
            Some(node)
        });
        for node in open.collect::<Vec<_>>() {
            self.tree.nodes.insert(node);
        }
    }

    /// The entry that has an identity.
    pub(crate) fn holder(&self, identity: LocalIdentity) -> Option<LocalKey> {
        let key = if self.met.is_empty() {
            self.held().get(&identity.inode)
        } else {
            self.met.get(&identity.inode)
        };
        let key = *key?;
        let entry = self.tree.nodes.get(key)?;
        (entry.identity == Some(identity)).then_some(key)
    }

    fn held(&self) -> &BTreeMap<u64, LocalKey> {
        self.held.get_or_init(|| {
            let entries = self.tree.nodes.iter();
            let held = entries.filter_map(|entry| Some((entry.identity?.inode, entry.key)));
            held.collect()
        })
    }

    /// No look at some paths follows: what only that needs is not kept.
    pub(crate) fn last(self) -> Self {
        Self {
            met: BTreeMap::new(),
            held: OnceLock::new(),
            ..self
        }
    }

    /// Those of these paths at which there are folders now.
    pub(crate) fn folders_among<'a>(&self, paths: impl Iterator<Item = &'a RelPath>) -> BTreeSet<RelPath> {
        // What is in a folder is gone through once, however many of the paths are in it.
        let mut by_folder: BTreeMap<RelPath, BTreeSet<LocalName>> = BTreeMap::new();
        for (folder, name) in paths.filter_map(RelPath::split) {
            by_folder.entry(folder).or_default().insert(name);
        }
        let mut found = BTreeSet::new();
        for (folder, names) in by_folder {
            let entry = self.at(&folder);
            if entry.is_none() && !folder.is_root() {
                continue;
            }
            let inside = self.tree.nodes.children(entry.map(|entry| entry.key));
            let folders = inside.filter(|entry| entry.is_folder() && names.contains(&entry.name));
            found.extend(folders.map(|entry| folder.join(&entry.name)));
        }
        found
    }

    /// The scan as if only these entries of it were there.
    pub(crate) fn of(&self, tree: LocalTree) -> Self {
        let keys = || tree.nodes.iter().map(|node| node.key);
        let trouble = |key| Some((key, self.troubles.get(&key)?.clone()));
        Self {
            oddities: self.oddities.clone(),
            troubles: keys().filter_map(trouble).collect(),
            young: keys().filter(|key| self.young.contains(key)).collect(),
            files: 0,
            bytes: 0,
            now_ns: self.now_ns,
            met: BTreeMap::new(),
            held: OnceLock::new(),
            next_key: self.next_key,
            tree,
        }
    }

    /// What was learned of some of its entries.
    pub(crate) fn take_back(&mut self, part: &Self) {
        for node in part.tree.nodes.iter() {
            if self.tree.nodes.get(node.key).is_some_and(|known| known != node) {
                self.tree.nodes.insert(node.clone());
            }
        }
    }

    /// The entry at a path.
    pub(crate) fn at(&self, path: &RelPath) -> Option<&LocalNode> {
        let (mut folder, mut entry) = (None, None);
        for part in path.components() {
            let mut inside = self.tree.nodes.children(folder);
            let found = inside.find(|node| node.name.as_str() == part)?;
            (folder, entry) = (Some(found.key), Some(found));
        }
        entry
    }
}

/// Scans the whole pair. Fails only if nothing can be said at all: the root is not there or another folder now, or an
/// ignore rule cannot be read.
pub(crate) fn scan(
    root: &Root,
    ignore: &mut Ignore,
    known: &dyn KnownHashes,
    options: ScanOptions,
) -> Result<Scan, LocalError> {
    scan_with(root, ignore, known, options, &BTreeSet::new())
}

/// The same, where the writers of some files were seen to close them.
pub(crate) fn scan_with(
    root: &Root,
    ignore: &mut Ignore,
    known: &dyn KnownHashes,
    options: ScanOptions,
    closed: &BTreeSet<RelPath>,
) -> Result<Scan, LocalError> {
    root.check()?;
    ignore.begin();
    let mut scan = walk::walk(root, ignore, known, options, closed)?;
    scan.pack();
    ignore.end();
    // A disk unmounted half-way would show as a folder that is empty from there on.
    root.check()?;
    Ok(scan)
}

#[cfg(test)]
mod tests;
