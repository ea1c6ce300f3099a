//! The walk of a scan: from directory entries to nodes.
//!
//! Each folder is opened beneath the root's handle, must be the one that its own folder showed, and its entries are looked
//! at in that handle (`look`): none of them can be of another folder, whatever moves meanwhile. Few folders are open at a time,
//! however deep the tree is. Keys are given in the order of the walk, level by level and by name, so equal disks give equal trees.
//! Identities are believed only where they identify (design M5): one name, seen once, on the root's own file system.

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::AsFd;
use std::sync::mpsc;

use planner::hold::Odd;
use planner::id::{LocalIdentity, LocalKey};
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{LocalContents, LocalFile, LocalKind, LocalNode};

use super::look::{self, Ahead, CHANGED, NESTED, Shown};
use super::{KnownHashes, Oddity, Scan, ScanOptions};
use crate::local::error::LocalError;
use crate::local::ignore::Ignore;
use crate::local::root::Root;
use crate::local::stamp;
use crate::local::sys::{self, Errno, Kind, Meta};

/// Any of these bits missing, the system is asked whether we may read.
const READ_BITS: u32 = 0o444;

/// Folders that were looked into and wait to be taken in.
const SHOWN: usize = 64;

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
    walk.ahead.push_back(Ahead {
        key: None,
        path: RelPath::root(),
        identity: root.identity(),
    });
    walk.go_beside()?;
    Ok(walk.finish())
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
    ahead: VecDeque<Ahead>,
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
            ahead: VecDeque::new(),
            entered: Vec::new(),
            clashes: Vec::new(),
        }
    }

    /// Takes in everything below the folders that were [added](Self::add).
    pub(super) fn go(&mut self) -> Result<(), LocalError> {
        while let Some(folder) = self.ahead.pop_front() {
            let shown = look::into(self.root, &folder);
            self.enter(&folder, shown)?;
        }
        Ok(())
    }

    /// The same, where a thread of its own looks into the folders, one after the other, while what the ones before showed
    /// is taken in: either takes about as long.
    fn go_beside(&mut self) -> Result<(), LocalError> {
        let alone = std::thread::available_parallelism().is_ok_and(|threads| threads.get() == 1);
        if alone || !sys::is_of_every_thread() {
            return self.go();
        }
        let root = self.root;
        std::thread::scope(|scope| {
            let (ask, asked) = mpsc::channel::<Ahead>();
            let (tell, told) = mpsc::sync_channel(SHOWN);
            let looker = std::thread::Builder::new().name(String::from("scan"));
            let looker = looker.spawn_scoped(scope, move || {
                for folder in asked {
                    let shown = look::into(root, &folder);
                    if tell.send((folder, shown)).is_err() {
                        break;
                    }
                }
            });
            if looker.is_err() {
                return self.go();
            }
            let mut open = 0_usize;
            loop {
                while let Some(folder) = self.ahead.pop_front() {
                    open = open.saturating_add(1);
                    ask.send(folder).map_err(|_| broke_off())?;
                }
                if open == 0 {
                    return Ok(());
                }
                let (folder, shown) = told.recv().map_err(|_| broke_off())?;
                open = open.saturating_sub(1);
                self.enter(&folder, shown)?;
            }
        })
    }

    /// Takes in what a folder showed.
    fn enter(&mut self, folder: &Ahead, shown: Shown) -> Result<(), LocalError> {
        let inside = match shown {
            Shown::Inside(inside) => inside,
            Shown::Hidden(why) => {
                self.hide(folder.key, &folder.path, why);
                return Ok(());
            }
            Shown::Gone => {
                if let Some(key) = folder.key {
                    self.scan.tree.nodes.remove(key);
                }
                return Ok(());
            }
        };
        match &inside.rules {
            Some(open) => self.ignore.load_open(open.as_fd(), &folder.path)?,
            None => self.ignore.unload(&folder.path),
        }
        let mut entered = Entered {
            key: folder.key,
            inode: folder.identity.inode,
            others: 0,
            hidden: false,
        };
        for (name, meta) in inside.entries {
            let text = std::str::from_utf8(&name).ok().and_then(LocalName::new);
            let (Some(name), Some(meta)) = (text, meta) else {
                entered.others = entered.others.saturating_add(1);
                let shown = shown_as(&folder.path, &name);
                let odd = Odd::NotUtf8;
                self.scan.oddities.push(Oddity { shown, odd });
                continue;
            };
            match meta {
                Ok(meta) => {
                    let key = self.next_key()?;
                    self.add(Entry {
                        key,
                        parent: folder.key,
                        path: folder.path.join(&name),
                        name,
                        meta,
                    });
                }
                // Gone since its folder was listed, as if it had never been in the listing.
                Err(Errno::NOENT) => {}
                Err(cause) => {
                    entered.hidden = true;
                    self.trouble(folder.key, || format!("{}: {cause}", folder.path.join(&name)));
                }
            }
        }
        self.entered.push(entered);
        Ok(())
    }

    /// Whether folders were read.
    pub(super) fn has_read(&self) -> bool {
        !self.entered.is_empty()
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
                None => self.ahead.push_back(Ahead {
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

    /// Whether a folder can move with all that is in it, that is, what is in it would be taken in at its new path as it was at
    /// its old one.
    pub(super) fn takes_rules_along(&self, from: &RelPath, to: &RelPath, meta: &Meta) -> bool {
        self.closed_by(meta).is_none()
            && self.ignore.ignored_here(to, true).is_none()
            && self.ignore.speak_alike(from, to)
    }

    /// Rule files in a folder that moved hold where it is now.
    pub(super) fn move_rules(&mut self, from: &RelPath, to: &RelPath) {
        self.ignore.moved(from, to);
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

/// The thread that looks into folders is gone.
fn broke_off() -> LocalError {
    LocalError::Io {
        path: String::from("."),
        doing: "looking into its folders",
        cause: Errno::CANCELED,
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

/// A path that cannot be told exactly.
fn shown_as(above: &RelPath, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if above.is_root() {
        name.into_owned()
    } else {
        format!("{above}/{name}")
    }
}
