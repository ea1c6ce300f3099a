//! The walk of a scan: from directory entries to nodes.
//!
//! Keys are given in the order of the walk, which is by name, so equal disks give equal trees. Identities are believed only
//! where they identify (design M5): one name, seen once, on the root's own file system.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::Path;

use planner::hold::Odd;
use planner::id::LocalKey;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{LocalContents, LocalFile, LocalKind, LocalNode};

use super::{KnownHashes, Oddity, Scan, ScanOptions};
use crate::local::error::LocalError;
use crate::local::ignore::Ignore;
use crate::local::root::{AREA, Root};
use crate::local::sys::{self, Errno, Kind, Meta, Order, WalkError, Walked};
use crate::local::{marker, stamp};

/// Any of these bits missing, the system is asked whether we may read.
const READ_BITS: u32 = 0o444;

/// Walks the root.
pub(super) fn walk(
    root: &Root,
    ignore: &mut Ignore,
    known: &dyn KnownHashes,
    options: ScanOptions,
    closed: &BTreeSet<RelPath>,
) -> Result<Scan, LocalError> {
    let mut walk = Walk {
        root,
        ignore,
        known,
        options,
        closed,
        scan: Scan {
            now_ns: options.now_ns,
            ..Scan::default()
        },
        folders: Vec::new(),
        stack: Vec::new(),
        clashes: Vec::new(),
    };
    walk.ignore.load(root, &RelPath::root())?;
    walk.enter(None, RelPath::root(), root.identity().inode);
    walk.go(root.path())?;
    Ok(walk.finish())
}

/// Whether the walk goes into an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Enter,
    Skip,
}

/// A folder that was entered.
pub(super) struct Folder {
    key: Option<LocalKey>,
    path: RelPath,
    inode: u64,
    /// Entries without a node.
    others: u32,
    hidden: bool,
}

/// A walk, of everything or of what is below one folder.
pub(super) struct Walk<'a> {
    pub(super) root: &'a Root,
    pub(super) ignore: &'a mut Ignore,
    pub(super) known: &'a dyn KnownHashes,
    pub(super) options: ScanOptions,
    /// Files whose writers were seen to close them: they are quiet (design S13).
    pub(super) closed: &'a BTreeSet<RelPath>,
    pub(super) scan: Scan,
    pub(super) folders: Vec<Folder>,
    /// The folders that the walk is in, from its start, by their place in `folders`.
    pub(super) stack: Vec<usize>,
    /// Entries that were met with one identity.
    pub(super) clashes: Vec<Clash>,
}

/// Two entries of one identity: it identifies neither (design M5).
pub(super) struct Clash {
    pub(super) first: LocalKey,
    pub(super) second: LocalKey,
    pub(super) identity: planner::id::LocalIdentity,
    /// It would identify the second, were that alone.
    pub(super) identifies: bool,
}

impl Walk<'_> {
    /// Takes in everything below a folder that was [entered](Self::enter).
    pub(super) fn go(&mut self, start: &Path) -> Result<(), LocalError> {
        let mut entries = sys::walk(start, Order::ByName);
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.depth == 0 => {}
                Ok(entry) => {
                    // Only what the walk takes for a folder has been opened by it and can be skipped.
                    if self.take(&entry)? == Next::Skip && entry.is_folder {
                        entries.skip_folder();
                    }
                }
                Err(error) => self.fail(&error),
            }
        }
        Ok(())
    }

    fn enter(&mut self, key: Option<LocalKey>, path: RelPath, inode: u64) {
        self.stack.push(self.folders.len());
        self.folders.push(Folder {
            key,
            path,
            inode,
            others: 0,
            hidden: false,
        });
    }

    /// The folder whose entries have this depth.
    fn above(&mut self, depth: usize) -> Option<&mut Folder> {
        let at = *self.stack.get(depth.checked_sub(1)?)?;
        self.folders.get_mut(at)
    }

    /// One entry of the walk.
    fn take(&mut self, entry: &Walked) -> Result<Next, LocalError> {
        self.stack.truncate(entry.depth);
        let Some(folder) = self.above(entry.depth) else {
            return Ok(Next::Skip);
        };
        let (parent, above) = (folder.key, folder.path.clone());
        let Some(name) = entry.name().to_str().and_then(LocalName::new) else {
            folder.others = folder.others.saturating_add(1);
            let shown = shown(&above, entry.name());
            self.scan.oddities.push(Oddity {
                shown,
                odd: Odd::NotUtf8,
            });
            return Ok(Next::Skip);
        };
        let path = above.join(&name);
        let meta = match sys::look_at(self.root.fd(), path.as_str()) {
            Ok(meta) => meta,
            // Gone since its folder was listed, as if it had never been in the listing.
            Err(Errno::NOENT) => return Ok(Next::Skip),
            Err(cause) => {
                self.hide_above(entry.depth, &format!("{path}: {cause}"));
                return Ok(Next::Skip);
            }
        };
        let key = self.next_key()?;
        self.add(
            Entry {
                key,
                parent,
                name,
                path,
                meta,
            },
            entry.is_folder,
        )
    }

    pub(super) fn next_key(&mut self) -> Result<LocalKey, LocalError> {
        let key = self.scan.next_key;
        self.scan.next_key = key.checked_add(1).ok_or_else(|| LocalError::Io {
            path: String::from("."),
            doing: "counting its entries",
            cause: Errno::OVERFLOW,
        })?;
        Ok(LocalKey(key))
    }

    /// Makes a node of an entry; `listed` says whether its folder's listing calls it a folder.
    pub(super) fn add(&mut self, entry: Entry, listed: bool) -> Result<Next, LocalError> {
        let key = entry.key;
        let ignored = self
            .ignore
            .ignored_here(&entry.path, entry.meta.kind == Kind::Folder)
            .is_some();
        let (kind, next) = match entry.meta.kind {
            Kind::File => (LocalKind::File(self.file(&entry, ignored)), Next::Skip),
            Kind::Other(odd) => (LocalKind::Other(odd), Next::Skip),
            Kind::Folder if ignored => (LocalKind::Folder(LocalContents::Hidden), Next::Skip),
            Kind::Folder => match self.approach(&entry, listed)? {
                Approach::Enter => (LocalKind::Folder(LocalContents::Read { others: 0 }), Next::Enter),
                Approach::Hide => (LocalKind::Folder(LocalContents::Hidden), Next::Skip),
                Approach::Gone => return Ok(Next::Skip),
            },
        };
        let identity = self.identity(&entry);
        self.scan.paths.insert(key, entry.path.clone());
        if next == Next::Enter {
            self.enter(Some(key), entry.path, entry.meta.identity.inode);
        }
        self.scan.tree.nodes.insert(LocalNode {
            key,
            parent: entry.parent,
            name: entry.name,
            identity,
            ignored,
            kind,
        });
        Ok(next)
    }

    /// M5: an identity with more than one name, or met twice, identifies nothing, for none of those that have it.
    fn identity(&mut self, entry: &Entry) -> Option<planner::id::LocalIdentity> {
        let said = entry.meta.identity;
        let single = match entry.meta.kind {
            Kind::Folder => true,
            Kind::File => entry.meta.links == 1,
            Kind::Other(_) => false,
        };
        let here = said.device == self.root.identity().device && !entry.meta.mount_root;
        let identifies = single && here;
        let first = self.scan.met.get(&(said.device, said.inode)).copied();
        // Who was taken out since is met no more.
        if let Some(node) = first.and_then(|key| self.scan.tree.nodes.get(key)).cloned() {
            let first = node.key;
            self.scan.tree.nodes.insert(LocalNode {
                identity: None,
                ..node
            });
            self.clashes.push(Clash {
                first,
                second: entry.key,
                identity: said,
                identifies,
            });
            return None;
        }
        self.scan.met.insert((said.device, said.inode), entry.key);
        identifies.then_some(said)
    }

    fn file(&mut self, entry: &Entry, ignored: bool) -> LocalFile {
        let meta = &entry.meta;
        let mut file = LocalFile {
            size: meta.size,
            stamp: meta.stamp,
            hash: None,
            busy: false,
            unreadable: false,
        };
        if ignored {
            return file;
        }
        self.scan.files = self.scan.files.saturating_add(1);
        self.scan.bytes = self.scan.bytes.saturating_add(meta.size);
        let trouble = if meta.mount_root {
            Some(String::from("something is mounted on it"))
        } else if meta.mode & READ_BITS == READ_BITS {
            None
        } else {
            sys::may_read(self.root.fd(), entry.path.as_str())
                .err()
                .map(|cause| cause.to_string())
        };
        if let Some(trouble) = trouble {
            file.unreadable = true;
            self.scan.troubles.insert(entry.key, trouble);
            return file;
        }
        file.hash = self
            .known
            .hash(&entry.path, Some(&meta.identity), meta.size, meta.stamp);
        let quiet = i64::try_from(self.options.quiet.as_nanos()).unwrap_or(i64::MAX);
        let closed = self.closed.contains(&entry.path);
        if file.hash.is_none() && !closed && stamp::is_near(meta.stamp, self.options.now_ns, quiet) {
            self.scan.young.insert(entry.key);
        }
        file
    }

    /// The look beneath the handle before a folder is entered.
    fn approach(&mut self, entry: &Entry, listed: bool) -> Result<Approach, LocalError> {
        if entry.meta.mount_root || entry.meta.identity.device != self.root.identity().device {
            return Ok(self.hide(entry, String::from("another file system is mounted here")));
        }
        if !listed {
            return Ok(self.hide(entry, String::from("it changed during the scan")));
        }
        let open = match self.root.folder(&entry.path) {
            Ok(open) => open,
            Err(Errno::NOENT) => return Ok(Approach::Gone),
            Err(cause) => return Ok(self.hide(entry, cause.to_string())),
        };
        let looked = sys::look_fd(open.as_fd());
        if !looked.is_ok_and(|again| again.identity == entry.meta.identity) {
            return Ok(self.hide(entry, String::from("it changed during the scan")));
        }
        // Nested roots (S14): known by the configuration, or by their marker, and by the way whether names in it can be
        // looked at.
        if self.root.is_of_another_pair(entry.meta.identity) {
            return Ok(self.hide(entry, String::from("it is the root of another pair")));
        }
        match sys::look_at(open.as_fd(), &format!("{AREA}/{}", marker::NAME)) {
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Ok(_) => return Ok(self.hide(entry, String::from("it is the root of another pair"))),
            Err(cause) => return Ok(self.hide(entry, cause.to_string())),
        }
        self.ignore.load_open(open.as_fd(), &entry.path)?;
        Ok(Approach::Enter)
    }

    fn hide(&mut self, entry: &Entry, why: String) -> Approach {
        self.ignore.keep(&entry.path);
        self.scan.troubles.insert(entry.key, why);
        Approach::Hide
    }

    /// Not everything in the folder of this depth's entries could be seen.
    fn hide_above(&mut self, depth: usize, why: &str) {
        let key = match self.above(depth) {
            Some(folder) => {
                folder.hidden = true;
                folder.key
            }
            None => None,
        };
        match key {
            Some(key) => {
                self.scan.troubles.entry(key).or_insert_with(|| String::from(why));
            }
            None => self.scan.tree.root_hidden = true,
        }
    }

    /// The walk could not read on. See [`WalkError`] for what its path means.
    fn fail(&mut self, error: &WalkError) {
        let of_folder = error.path.as_ref().is_some_and(|path| {
            let last = self.stack.get(error.depth).and_then(|at| self.folders.get(*at));
            last.is_some_and(|folder| *path == self.root.path().join(folder.path.as_str()))
        });
        let depth = if of_folder {
            error.depth.saturating_add(1)
        } else {
            error.depth
        };
        self.stack.truncate(depth.max(1));
        self.hide_above(depth.max(1), &error.text);
    }

    /// Looks at every folder that was entered again beneath the handle.
    pub(super) fn finish(mut self) -> Scan {
        for folder in &self.folders {
            let Some(key) = folder.key else {
                self.scan.tree.root_hidden |= folder.hidden;
                continue;
            };
            let Some(node) = self.scan.tree.nodes.get(key).cloned() else {
                continue;
            };
            let contents = match self.root.look(&folder.path) {
                Ok(meta)
                    if meta.kind == Kind::Folder && meta.identity.inode == folder.inode && !folder.hidden =>
                {
                    LocalContents::Read {
                        others: folder.others,
                    }
                }
                Ok(_) | Err(_) => LocalContents::Hidden,
            };
            if contents == LocalContents::Hidden {
                self.scan
                    .troubles
                    .entry(key)
                    .or_insert_with(|| String::from("it changed during the scan"));
            }
            self.scan.tree.nodes.insert(LocalNode {
                kind: LocalKind::Folder(contents),
                ..node
            });
        }
        self.scan
    }
}

/// What a node is made of.
pub(super) struct Entry {
    pub(super) key: LocalKey,
    pub(super) parent: Option<LocalKey>,
    pub(super) name: LocalName,
    pub(super) path: RelPath,
    pub(super) meta: Meta,
}

enum Approach {
    Enter,
    Hide,
    Gone,
}

/// A path that cannot be told exactly.
fn shown(above: &RelPath, name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if above.is_root() {
        name.into_owned()
    } else {
        format!("{above}/{name}")
    }
}
