//! Inodes and names.

use std::collections::BTreeMap;

use planner::content::Stamp;
use planner::hold::Odd;
use planner::id::LocalIdentity;

use crate::local::sys::{Errno, Kind, Meta};
use crate::sim::time;

/// An inode's number.
pub(super) type Ino = u64;

/// What an inode holds.
#[derive(Clone, Debug)]
pub(super) enum Body {
    File(Vec<u8>),
    Folder(BTreeMap<Vec<u8>, Ino>),
    Link,
}

#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) body: Body,
    pub(super) links: u32,
    pub(super) mode: u32,
    mtime: i64,
    pub(super) ctime: i64,
    born: i64,
}

#[derive(Debug)]
pub(super) struct Tree {
    inodes: BTreeMap<Ino, Inode>,
    next: Ino,
    tick_ns: i64,
    /// Every name that was given or taken, in its folder, in order: watchers hear of those that are gone again as well.
    stirred: Vec<(Ino, Vec<u8>)>,
}

/// The device that all of it is on.
const DEVICE: u64 = 7;

impl Tree {
    pub(super) const fn new(tick_ns: i64) -> Self {
        Self {
            inodes: BTreeMap::new(),
            next: 100,
            tick_ns,
            stirred: Vec::new(),
        }
    }

    /// Names that were given or taken, from the first of so many on.
    pub(super) fn stirred_since(&self, count: usize) -> &[(Ino, Vec<u8>)] {
        self.stirred.get(count..).unwrap_or_default()
    }

    /// Watchers hear of a name.
    pub(super) fn stir(&mut self, folder: Ino, name: &str) {
        self.stirred.push((folder, name.as_bytes().to_vec()));
    }

    fn now(&self) -> i64 {
        let now = time::now_ns().unwrap_or_default();
        now.saturating_sub(now.rem_euclid(self.tick_ns.max(1)))
    }

    pub(super) fn new_root(&mut self) -> Ino {
        self.make(Body::Folder(BTreeMap::new()), 0o755)
    }

    pub(super) fn make(&mut self, body: Body, mode: u32) -> Ino {
        let (ino, now) = (self.next, self.now());
        self.next = self.next.saturating_add(1);
        let inode = Inode {
            body,
            links: 1,
            mode,
            mtime: now,
            ctime: now,
            born: now,
        };
        self.inodes.insert(ino, inode);
        ino
    }

    pub(super) fn get(&self, ino: Ino) -> Result<&Inode, Errno> {
        self.inodes.get(&ino).ok_or(Errno::STALE)
    }

    fn get_mut(&mut self, ino: Ino) -> Result<&mut Inode, Errno> {
        self.inodes.get_mut(&ino).ok_or(Errno::STALE)
    }

    pub(super) fn entries(&self, folder: Ino) -> Result<&BTreeMap<Vec<u8>, Ino>, Errno> {
        match &self.get(folder)?.body {
            Body::Folder(entries) => Ok(entries),
            Body::File(_) | Body::Link => Err(Errno::NOTDIR),
        }
    }

    fn entries_mut(&mut self, folder: Ino) -> Result<&mut BTreeMap<Vec<u8>, Ino>, Errno> {
        let now = self.now();
        let inode = self.get_mut(folder)?;
        (inode.mtime, inode.ctime) = (now, now);
        match &mut inode.body {
            Body::Folder(entries) => Ok(entries),
            Body::File(_) | Body::Link => Err(Errno::NOTDIR),
        }
    }

    pub(super) fn child(&self, folder: Ino, name: &str) -> Result<Ino, Errno> {
        if name == "." {
            return self.entries(folder).map(|_| folder);
        }
        self.entries(folder)?
            .get(name.as_bytes())
            .copied()
            .ok_or(Errno::NOENT)
    }

    /// Walks a path without following a link.
    pub(super) fn walk(&self, root: Ino, path: &str) -> Result<Ino, Errno> {
        let mut at = root;
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if matches!(self.get(at)?.body, Body::Link) {
                return Err(Errno::LOOP);
            }
            at = self.child(at, part)?;
        }
        Ok(at)
    }

    pub(super) fn add(&mut self, folder: Ino, name: &str, body: Body, mode: u32) -> Result<Ino, Errno> {
        if self.child(folder, name).is_ok() {
            return Err(Errno::EXIST);
        }
        self.takes_entries(folder)?;
        let ino = self.make(body, mode);
        self.entries_mut(folder)?.insert(name.as_bytes().to_vec(), ino);
        self.stir(folder, name);
        Ok(ino)
    }

    /// A folder that was removed takes nothing any more, though somebody has it open.
    fn takes_entries(&self, folder: Ino) -> Result<(), Errno> {
        self.entries(folder)?;
        match self.get(folder)?.links {
            0 => Err(Errno::NOENT),
            _ => Ok(()),
        }
    }

    fn touch_name(&mut self, ino: Ino) -> Result<(), Errno> {
        let now = self.now();
        self.get_mut(ino)?.ctime = now;
        Ok(())
    }

    fn drop_link(&mut self, ino: Ino) -> Result<(), Errno> {
        self.touch_name(ino)?;
        let inode = self.get_mut(ino)?;
        inode.links = inode.links.saturating_sub(1);
        Ok(())
    }

    pub(super) fn unlink(&mut self, folder: Ino, name: &str) -> Result<(), Errno> {
        let ino = self.child(folder, name)?;
        if matches!(self.get(ino)?.body, Body::Folder(_)) {
            return Err(Errno::ISDIR);
        }
        self.entries_mut(folder)?.remove(name.as_bytes());
        self.stir(folder, name);
        self.drop_link(ino)
    }

    pub(super) fn rmdir(&mut self, folder: Ino, name: &str) -> Result<(), Errno> {
        let ino = self.child(folder, name)?;
        if !self.entries(ino)?.is_empty() {
            return Err(Errno::NOTEMPTY);
        }
        self.entries_mut(folder)?.remove(name.as_bytes());
        self.stir(folder, name);
        self.drop_link(ino)
    }

    /// Whether `ino` is `folder` or somewhere in it.
    pub(super) fn holds(&self, folder: Ino, ino: Ino) -> bool {
        folder == ino
            || self
                .entries(folder)
                .is_ok_and(|entries| entries.values().any(|child| self.holds(*child, ino)))
    }

    /// Renames; what has the name goes, if that is allowed.
    pub(super) fn rename(&mut self, from: (Ino, &str), to: (Ino, &str), over: bool) -> Result<(), Errno> {
        let ino = self.child(from.0, from.1)?;
        let there = self.child(to.0, to.1).ok();
        if there == Some(ino) {
            return Ok(());
        }
        if there.is_some() && !over {
            return Err(Errno::EXIST);
        }
        if self.holds(ino, to.0) {
            return Err(Errno::INVAL);
        }
        if let Some(there) = there {
            if matches!(self.get(there)?.body, Body::Folder(_)) {
                return Err(Errno::ISDIR);
            }
            self.drop_link(there)?;
        }
        self.takes_entries(to.0)?;
        self.entries_mut(from.0)?.remove(from.1.as_bytes());
        self.entries_mut(to.0)?.insert(to.1.as_bytes().to_vec(), ino);
        self.stir(from.0, from.1);
        self.stir(to.0, to.1);
        self.touch_name(ino)
    }

    pub(super) fn exchange(&mut self, one: (Ino, &str), other: (Ino, &str)) -> Result<(), Errno> {
        let (first, second) = (self.child(one.0, one.1)?, self.child(other.0, other.1)?);
        if self.holds(first, other.0) || self.holds(second, one.0) {
            return Err(Errno::INVAL);
        }
        self.entries_mut(one.0)?.insert(one.1.as_bytes().to_vec(), second);
        self.entries_mut(other.0)?
            .insert(other.1.as_bytes().to_vec(), first);
        self.stir(one.0, one.1);
        self.stir(other.0, other.1);
        self.touch_name(first)?;
        self.touch_name(second)
    }

    pub(super) fn bytes(&self, ino: Ino) -> Result<&Vec<u8>, Errno> {
        match &self.get(ino)?.body {
            Body::File(bytes) => Ok(bytes),
            Body::Folder(_) => Err(Errno::ISDIR),
            Body::Link => Err(Errno::LOOP),
        }
    }

    /// Puts bytes at a place of a file; what is behind them stays.
    pub(super) fn write(&mut self, ino: Ino, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        let mut whole = self.bytes(ino)?.clone();
        whole.resize(whole.len().max(at.saturating_add(bytes.len())), 0);
        for (to, from) in whole.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
        self.set_bytes(ino, whole)
    }

    /// Writes a file anew.
    pub(super) fn set_bytes(&mut self, ino: Ino, bytes: Vec<u8>) -> Result<(), Errno> {
        let now = self.now();
        let inode = self.get_mut(ino)?;
        (inode.mtime, inode.ctime) = (now, now);
        inode.body = Body::File(bytes);
        Ok(())
    }

    pub(super) fn set_mode(&mut self, ino: Ino, mode: u32) -> Result<(), Errno> {
        self.touch_name(ino)?;
        self.get_mut(ino)?.mode = mode;
        Ok(())
    }

    /// New times, as programs that restore them set.
    pub(super) fn touch(&mut self, ino: Ino) -> Result<(), Errno> {
        let now = self.now();
        let inode = self.get_mut(ino)?;
        (inode.mtime, inode.ctime) = (now, now);
        Ok(())
    }

    pub(super) fn look(&self, ino: Ino) -> Result<Meta, Errno> {
        let inode = self.get(ino)?;
        let (kind, size) = match &inode.body {
            Body::File(bytes) => (Kind::File, bytes.len()),
            Body::Folder(_) => (Kind::Folder, 0),
            Body::Link => (Kind::Other(Odd::Symlink), 1),
        };
        Ok(Meta {
            kind,
            identity: LocalIdentity {
                device: DEVICE,
                inode: ino,
                birth_ns: Some(inode.born),
            },
            links: inode.links,
            size: u64::try_from(size).unwrap_or(u64::MAX),
            stamp: Stamp {
                mtime_ns: inode.mtime,
                ctime_ns: inode.ctime,
            },
            mode: inode.mode,
            owner: (1000, 1000),
            mount_root: false,
        })
    }
}
