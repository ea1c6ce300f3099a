//! The walk of a scan: from directory entries to nodes.
//!
//! Each folder is opened beneath the root's handle, must be the one that its own folder showed, and its entries are looked
//! at in that handle: none of them can be of another folder, whatever moves meanwhile. One folder is open at a time, however
//! deep the tree is. Keys are given in the order of the walk, which is by name, so equal disks give equal trees. Identities are
//! believed only where they identify (design M5): one name, seen once, on the root's own file system.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use planner::hold::Odd;
use planner::id::{LocalIdentity, LocalKey};
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{LocalContents, LocalFile, LocalKind, LocalNode};

use super::{KnownHashes, Oddity, Scan, ScanOptions};
use crate::local::error::LocalError;
use crate::local::ignore::{FILE_NAME, Ignore};
use crate::local::root::{AREA, Root};
use crate::local::sys::{self, Errno, Kind, Meta};
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
    let scan = Scan {
        now_ns: options.now_ns,
        ..Scan::default()
    };
    let mut walk = Walk::new(root, ignore, known, options, closed, scan);
    walk.ahead.push(Ahead {
        key: None,
        path: RelPath::root(),
        identity: root.identity(),
    });
    walk.go()?;
    Ok(walk.finish())
}

/// A folder that is to be entered.
struct Ahead {
    key: Option<LocalKey>,
    path: RelPath,
    identity: LocalIdentity,
}

/// A folder that was entered.
struct Entered {
    key: Option<LocalKey>,
    inode: u64,
    /// Entries without a node.
    others: u32,
    hidden: bool,
}

/// A walk, of everything or of what is below one folder.
pub(super) struct Walk<'a> {
    pub(super) root: &'a Root,
    ignore: &'a mut Ignore,
    known: &'a dyn KnownHashes,
    options: ScanOptions,
    /// Files whose writers were seen to close them: they are quiet (design S13).
    closed: &'a BTreeSet<RelPath>,
    pub(super) scan: Scan,
    /// The next one last.
    ahead: Vec<Ahead>,
    entered: Vec<Entered>,
    /// Entries that were met with one identity.
    pub(super) clashes: Vec<Clash>,
}

/// Two entries of one identity: it identifies neither (design M5).
pub(super) struct Clash {
    pub(super) first: LocalKey,
    pub(super) second: LocalKey,
    pub(super) identity: LocalIdentity,
    /// It would identify the second, were that alone.
    pub(super) identifies: bool,
}

impl<'a> Walk<'a> {
    /// One that adds to this scan.
    pub(super) fn new(
        root: &'a Root,
        ignore: &'a mut Ignore,
        known: &'a dyn KnownHashes,
        options: ScanOptions,
        closed: &'a BTreeSet<RelPath>,
        scan: Scan,
    ) -> Self {
        Self {
            root,
            ignore,
            known,
            options,
            closed,
            scan,
            ahead: Vec::new(),
            entered: Vec::new(),
            clashes: Vec::new(),
        }
    }

    /// Takes in everything below the folders that were [added](Self::add).
    pub(super) fn go(&mut self) -> Result<(), LocalError> {
        while let Some(folder) = self.ahead.pop() {
            self.enter(&folder)?;
        }
        Ok(())
    }

    /// Takes in what is in a folder.
    fn enter(&mut self, folder: &Ahead) -> Result<(), LocalError> {
        let (open, names) = match self.approach(folder)? {
            Approach::Enter(open, names) => (open, names),
            Approach::Hide(why) => {
                self.hide(folder.key, &folder.path, why);
                return Ok(());
            }
            // As if it had never been in the listing.
            Approach::Gone => {
                if let Some(key) = folder.key {
                    self.scan.tree.nodes.remove(key);
                }
                return Ok(());
            }
        };
        let mut entered = Entered {
            key: folder.key,
            inode: folder.identity.inode,
            others: 0,
            hidden: false,
        };
        let below = self.ahead.len();
        for name in names {
            match std::str::from_utf8(&name).ok().and_then(LocalName::new) {
                Some(name) => self.take(folder, open.as_fd(), name, &mut entered)?,
                None => {
                    entered.others = entered.others.saturating_add(1);
                    let shown = shown(&folder.path, &name);
                    let odd = Odd::NotUtf8;
                    self.scan.oddities.push(Oddity { shown, odd });
                }
            }
        }
        if let Some(below) = self.ahead.get_mut(below..) {
            below.reverse();
        }
        self.entered.push(entered);
        Ok(())
    }

    /// Takes in one entry of an open folder.
    fn take(
        &mut self,
        folder: &Ahead,
        open: BorrowedFd<'_>,
        name: LocalName,
        entered: &mut Entered,
    ) -> Result<(), LocalError> {
        let meta = match sys::look_at(open, name.as_str()) {
            Ok(meta) => meta,
            // Gone since its folder was listed, as if it had never been in the listing.
            Err(Errno::NOENT) => return Ok(()),
            Err(cause) => {
                entered.hidden = true;
                self.trouble(folder.key, || format!("{}: {cause}", folder.path.join(&name)));
                return Ok(());
            }
        };
        let key = self.next_key()?;
        self.add(Entry {
            key,
            parent: folder.key,
            path: folder.path.join(&name),
            name,
            meta,
        });
        Ok(())
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

    /// Makes a node of an entry. What is in a folder is taken in by [`go`](Self::go).
    pub(super) fn add(&mut self, entry: Entry) {
        let key = entry.key;
        let ignored = self
            .ignore
            .ignored_here(&entry.path, entry.meta.kind == Kind::Folder)
            .is_some();
        let identity = self.identity(&entry);
        let kind = match entry.meta.kind {
            Kind::File => LocalKind::File(self.file(&entry, ignored)),
            Kind::Other(odd) => LocalKind::Other(odd),
            // Until it was entered, and seen to be the same afterwards.
            Kind::Folder => LocalKind::Folder(LocalContents::Hidden),
        };
        if entry.meta.kind == Kind::Folder && !ignored {
            match self.closed_by(&entry.meta) {
                Some(why) => self.hide(Some(key), &entry.path, String::from(why)),
                None => self.ahead.push(Ahead {
                    key: Some(key),
                    path: entry.path,
                    identity: entry.meta.identity,
                }),
            }
        }
        self.scan.tree.nodes.insert(LocalNode {
            key,
            parent: entry.parent,
            name: entry.name,
            identity,
            ignored,
            kind,
        });
    }

    /// Why a folder is not entered, whatever is in it.
    fn closed_by(&self, meta: &Meta) -> Option<&'static str> {
        if meta.mount_root || meta.identity.device != self.root.identity().device {
            return Some("another file system is mounted here");
        }
        // Nested roots (S14): known by the configuration, or by their marker.
        let nested = self.root.is_of_another_pair(meta.identity);
        nested.then_some(NESTED)
    }

    /// M5: an identity with more than one name, or met twice, identifies nothing, for none of those that have it.
    fn identity(&mut self, entry: &Entry) -> Option<LocalIdentity> {
        let said = entry.meta.identity;
        let single = match entry.meta.kind {
            Kind::Folder => true,
            Kind::File => entry.meta.links == 1,
            Kind::Other(_) => false,
        };
        if said.device != self.root.identity().device {
            return None;
        }
        let identifies = single && !entry.meta.mount_root;
        let first = self.scan.met.get(&said.inode).copied();
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
        self.scan.met.insert(said.inode, entry.key);
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
        file.hash = self.known.hash(Some(&meta.identity), meta.size, meta.stamp);
        let quiet = i64::try_from(self.options.quiet.as_nanos()).unwrap_or(i64::MAX);
        let closed = self.closed.contains(&entry.path);
        if file.hash.is_none() && !closed && stamp::is_near(meta.stamp, self.options.now_ns, quiet) {
            self.scan.young.insert(entry.key);
        }
        file
    }

    /// Opens a folder beneath the handle, and lists it.
    fn approach(&mut self, folder: &Ahead) -> Result<Approach, LocalError> {
        let open = match self.root.folder(&folder.path) {
            Ok(open) => open,
            Err(Errno::NOENT) if folder.key.is_some() => return Ok(Approach::Gone),
            Err(cause) => return Ok(Approach::Hide(cause.to_string())),
        };
        let looked = sys::look_fd(open.as_fd());
        if !looked.is_ok_and(|again| again.identity == folder.identity) {
            return Ok(Approach::Hide(String::from(CHANGED)));
        }
        let mut names = match sys::names(open.as_fd()) {
            Ok(names) => names,
            Err(cause) => return Ok(Approach::Hide(cause.to_string())),
        };
        names.sort_unstable();
        // A disk that folds case has them by any spelling.
        let has = |name: &str| {
            let mut all = names.iter();
            all.any(|(there, _)| there.eq_ignore_ascii_case(name.as_bytes()))
        };
        if folder.key.is_some() && has(AREA) {
            match sys::look_at(open.as_fd(), &format!("{AREA}/{}", marker::NAME)) {
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Ok(_) => return Ok(Approach::Hide(String::from(NESTED))),
                Err(cause) => return Ok(Approach::Hide(cause.to_string())),
            }
        }
        if has(FILE_NAME) {
            self.ignore.load_open(open.as_fd(), &folder.path)?;
        } else {
            self.ignore.unload(&folder.path);
        }
        let names = names.into_iter().map(|(name, _)| name).collect();
        Ok(Approach::Enter(open, names))
    }

    /// Nothing is known of what is in a folder.
    fn hide(&mut self, key: Option<LocalKey>, path: &RelPath, why: String) {
        self.ignore.keep(path);
        if key.is_none() {
            self.scan.tree.root_hidden = true;
        }
        self.trouble(key, || why);
    }

    /// Why not everything in a folder could be seen; the first reason stays.
    fn trouble(&mut self, key: Option<LocalKey>, why: impl FnOnce() -> String) {
        if let Some(key) = key {
            self.scan.troubles.entry(key).or_insert_with(why);
        }
    }

    /// Looks at every folder that was entered again beneath the handle.
    pub(super) fn finish(mut self) -> Scan {
        for folder in std::mem::take(&mut self.entered) {
            let Some(key) = folder.key else {
                self.scan.tree.root_hidden |= folder.hidden;
                continue;
            };
            let (Some(path), Some(node)) = (self.scan.path(key), self.scan.tree.nodes.get(key).cloned())
            else {
                continue;
            };
            let contents = match self.root.look(&path) {
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
                self.trouble(Some(key), || String::from(CHANGED));
            }
            self.scan.tree.nodes.insert(LocalNode {
                kind: LocalKind::Folder(contents),
                ..node
            });
        }
        self.scan
    }
}

/// Why the folder of another pair is not entered.
const NESTED: &str = "it is the root of another pair";

/// Why a folder is hidden that was not the same both times.
const CHANGED: &str = "it changed during the scan";

/// What a node is made of.
pub(super) struct Entry {
    pub(super) key: LocalKey,
    pub(super) parent: Option<LocalKey>,
    pub(super) name: LocalName,
    pub(super) path: RelPath,
    pub(super) meta: Meta,
}

enum Approach {
    /// It is open; its names, in order.
    Enter(OwnedFd, Vec<Vec<u8>>),
    Hide(String),
    Gone,
}

/// A path that cannot be told exactly.
fn shown(above: &RelPath, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if above.is_root() {
        name.into_owned()
    } else {
        format!("{above}/{name}")
    }
}
