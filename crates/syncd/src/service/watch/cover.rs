//! Finding folders and watching them, each before it is listed, so that nothing that is made in it meanwhile is missed.
//!
//! A folder is entered by the path the tree makes for it and then asked who it is: what is found there may be another by
//! now. Then the one that is meant has moved, which will be heard, and what was to be done in it is owed to it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::ear::Ear;
use super::news::News;
use super::reader::{Break, Reader};
use super::tree::{Impossible, Tree, Wd};
use crate::local::root::AREA;
use crate::local::sys::Errno;
use crate::local::sys::inotify::{self, Bell, Queue};

/// Longest piece of a path that is entered at once: the kernel takes 4,096 bytes, and a name has up to 255.
const STRETCH: usize = 3_800;

/// A folder that is not found where it is, and of whose move nothing is heard within this, is lost.
const ASTRAY_MAX: Duration = Duration::from_millis(50);

/// Whether the reader is to end, and what wakes it up then.
#[derive(Debug)]
pub(super) struct Stop {
    asked: AtomicBool,
    pub(super) bell: Bell,
}

impl Stop {
    /// Not yet.
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self {
            asked: AtomicBool::new(false),
            bell: Bell::new()?,
        })
    }

    /// Now.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.bell.ring();
    }

    /// Whether it is asked for.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// What has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// No folder, or none in which anything is synced.
    Nothing,
    /// The folder that is known to be there.
    Known,
    /// One that is watched only from now on.
    New(Wd),
    /// Nobody knows: the folder in which it is has moved.
    Astray,
}

/// What is to be done in a folder as soon as it is found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owed {
    /// It was never listed: all of it is new, and not only what is found to be.
    whole: bool,
    /// It was looked for in vain, and nothing else is heard; until when it is waited.
    until: Option<Instant>,
}

impl Reader {
    /// Watches the ear's folder and all below it.
    pub(super) fn new(ear: &Arc<Ear>, stop: &Arc<Stop>) -> Result<Self, Break> {
        let queue = Queue::new().map_err(|error| match error {
            Errno::MFILE => Break::Failed(format!("{error}; raise fs.inotify.max_user_instances")),
            error => Break::Failed(error.to_string()),
        })?;
        let root = ear.root();
        let failed = |error| Break::of(root, error);
        let folder = inotify::enter_root(root).map_err(failed)?;
        let identity = inotify::look(folder.as_fd()).map_err(failed)?.identity;
        let wd = queue.watch(folder.as_fd(), root).map_err(failed)?;
        let mut reader = Self {
            ear: Arc::clone(ear),
            queue,
            tree: Tree::new(wd, identity),
            device: identity.device,
            stop: Arc::clone(stop),
            moves: Vec::new(),
            owed: BTreeMap::new(),
            signs: Vec::new(),
            partial: false,
        };
        reader.cover(vec![wd])?;
        Ok(reader)
    }

    /// Where a folder is; `None`: away, or not ours.
    pub(super) fn path(&self, wd: Wd) -> Option<PathBuf> {
        let mut path = self.ear.root().to_owned();
        path.extend(self.tree.names(wd)?.iter().map(|name| Path::new(&**name)));
        Some(path)
    }

    /// Whether this is our own area: what is in it is nobody's business, but for the signs that are made there.
    pub(super) fn is_area(&self, wd: Wd) -> bool {
        self.tree.is_at(wd, self.tree.root(), OsStr::new(AREA))
    }

    /// Watches a folder and all below it no more.
    pub(super) fn forget(&mut self, wd: Wd) {
        let over = self.tree.forget(wd);
        self.over(over);
    }

    /// These are not ours any more.
    pub(super) fn over(&mut self, over: Vec<Wd>) {
        for wd in over {
            self.owed.remove(&wd);
            self.queue.unwatch(wd);
        }
    }

    /// Looks at what has a name now, and watches it with all below it if it is a folder that is not known there.
    pub(super) fn look(&mut self, above: Wd, name: &OsStr) -> Result<Found, Break> {
        if self.partial || self.is_area(above) || !self.tree.holds(above) {
            return Ok(Found::Nothing);
        }
        let Some(folder) = self.find(above)? else {
            self.owe(above, false);
            return Ok(Found::Astray);
        };
        let found = self.watch(folder.as_fd(), above, name)?;
        if let Found::New(wd) = found {
            self.cover(vec![wd])?;
        }
        Ok(found)
    }

    /// Enters a folder where it is known to be; `None`: it is not there, or not any more.
    fn find(&self, wd: Wd) -> Result<Option<OwnedFd>, Break> {
        let (Some(names), Some(identity)) = (self.tree.names(wd), self.tree.identity(wd)) else {
            return Ok(None);
        };
        let found = enter(self.ear.root(), &names)
            .and_then(|folder| Ok((inotify::look(folder.as_fd())?.identity == identity).then_some(folder)));
        match found {
            Err(error) if is_gone(error) => Ok(None),
            found => found.map_err(|error| self.failed(wd, error)),
        }
    }

    /// Watches what has a name in an open folder, if it is a folder.
    fn watch(&mut self, folder: BorrowedFd<'_>, above: Wd, name: &OsStr) -> Result<Found, Break> {
        let handle = match inotify::enter(folder, name) {
            Err(error) if is_gone(error) => return Ok(Found::Nothing),
            entered => entered.map_err(|error| self.failed(above, error))?,
        };
        let meta = inotify::look(handle.as_fd()).map_err(|error| self.failed(above, error))?;
        if meta.mount_root || meta.identity.device != self.device {
            // Another file system is mounted there: nothing in it is synced.
            return Ok(Found::Nothing);
        }
        let Some(mut wd) = self.add(handle.as_fd(), above, name)? else {
            return Ok(Found::Nothing);
        };
        if self.tree.is_at(wd, above, name) {
            return Ok(Found::Known);
        }
        if self.tree.holds(wd) {
            // It moved here, and of its move only half will be heard, or that is still to come. What it took along is
            // known only after a look at all of it.
            if self.tree.is_within(above, wd) {
                return Err(Break::Lost("a folder is below itself"));
            }
            self.is_gone_from_its_place(wd, (above, name))?;
            self.forget(wd);
            match self.add(handle.as_fd(), above, name)? {
                Some(again) => wd = again,
                None => return Ok(Found::Nothing),
            }
        }
        let over = self.tree.add(above, name, wd, meta.identity)?;
        self.over(over);
        Ok(Found::New(wd))
    }

    /// `None`: it is gone.
    fn add(&self, handle: BorrowedFd<'_>, above: Wd, name: &OsStr) -> Result<Option<Wd>, Break> {
        let path = self.path(above).unwrap_or_default().join(name);
        match self.queue.watch(handle, &path) {
            Err(error) if is_gone(error) => Ok(None),
            watched => watched.map(Some).map_err(|error| Break::of(&path, error)),
        }
    }

    /// Of a folder that was met elsewhere. Two names for one folder (a bind mount that cannot be told) are more than a watch
    /// can follow.
    fn is_gone_from_its_place(&self, wd: Wd, elsewhere: (Wd, &OsStr)) -> Result<(), Break> {
        let Some((above, name)) = self.tree.place(wd) else {
            return Ok(());
        };
        let Some(folder) = self.find(above)? else {
            return Ok(());
        };
        let there = inotify::enter(folder.as_fd(), &name).and_then(|folder| inotify::look(folder.as_fd()));
        match there {
            Ok(meta) if Some(meta.identity) == self.tree.identity(wd) => {
                let path = |wd, name: &OsStr| self.path(wd).unwrap_or_default().join(name);
                Err(Break::Failed(format!(
                    "{} and {} are the same folder",
                    path(above, &name).display(),
                    path(elsewhere.0, elsewhere.1).display()
                )))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Lists watched folders, and watches and lists what is below them.
    fn cover(&mut self, mut open: Vec<Wd>) -> Result<(), Break> {
        while let Some(wd) = open.pop() {
            if self.stop.is_asked() {
                return Err(Break::Stopped);
            }
            if self.is_area(wd) || !self.tree.holds(wd) {
                continue;
            }
            match self.list(wd)? {
                Some(new) => open.extend(new),
                None => self.owe(wd, true),
            }
        }
        Ok(())
    }

    /// Watches the folders in a folder; those that were not are answered. `None`: it is not where it was.
    fn list(&mut self, wd: Wd) -> Result<Option<Vec<Wd>>, Break> {
        let Some(folder) = self.find(wd)? else {
            return Ok(None);
        };
        let names: Vec<OsString> = match inotify::folders(folder.as_fd()) {
            // It was removed after it was entered.
            Err(error) if is_gone(error) => return Ok(None),
            listed => listed.map_err(|error| self.failed(wd, error))?,
        };
        let mut new = Vec::new();
        for name in names {
            if let Found::New(child) = self.watch(folder.as_fd(), wd, &name)? {
                new.push(child);
            }
        }
        Ok(Some(new))
    }

    fn owe(&mut self, wd: Wd, whole: bool) {
        self.owed.entry(wd).or_default().whole |= whole;
    }

    /// Does what is owed to folders that are where they are known to be by now. Nothing else is to be heard at the moment.
    /// Answers until when the others are waited for.
    pub(super) fn pay(&mut self, now: Instant) -> Result<Option<Instant>, Break> {
        for (wd, owed) in std::mem::take(&mut self.owed) {
            if !self.tree.holds(wd) {
                continue;
            }
            if let Some(new) = self.list(wd)? {
                self.cover(new.clone())?;
                let told = if owed.whole { vec![wd] } else { new };
                for wd in told.into_iter().filter(|wd| self.tree.holds(*wd)) {
                    self.ear
                        .hear(self.path(wd).map_or(News::Everything, News::Folder));
                }
                continue;
            }
            // One that is away is waited for as long as the other half of its move is.
            let until = owed.until.filter(|_| self.tree.names(wd).is_some());
            if until.is_some_and(|until| until <= now) {
                return Err(Break::Lost("a folder is not where it was, and did not move"));
            }
            let still = self.owed.entry(wd).or_default();
            still.whole |= owed.whole;
            still.until = until;
        }
        let later = now.checked_add(ASTRAY_MAX).unwrap_or(now);
        let untils = self.owed.values_mut();
        Ok(untils.map(|owed| *owed.until.get_or_insert(later)).min())
    }

    fn failed(&self, wd: Wd, error: Errno) -> Break {
        Break::of(&self.path(wd).unwrap_or_default(), error)
    }
}

impl From<Impossible> for Break {
    fn from(_: Impossible) -> Self {
        Self::Lost("what was heard contradicts itself")
    }
}

impl Break {
    /// What a failure at a path comes to.
    fn of(path: &Path, error: Errno) -> Self {
        match error {
            Errno::NOSPC => Self::Limited,
            error => Self::Failed(format!("{}: {error}", path.display())),
        }
    }
}

/// Enters the folder of these names below a root.
fn enter(root: &Path, names: &[Arc<OsStr>]) -> Result<OwnedFd, Errno> {
    let mut at = inotify::enter_root(root)?;
    let mut below = OsString::new();
    for name in names {
        if below.len().saturating_add(name.len()) > STRETCH {
            at = inotify::enter(at.as_fd(), &below)?;
            below.clear();
        }
        if !below.is_empty() {
            below.push("/");
        }
        below.push(name);
    }
    if below.is_empty() {
        return Ok(at);
    }
    inotify::enter(at.as_fd(), &below)
}

/// Nothing is there, or nothing that is a folder: whoever moved or removed it is heard of.
fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE)
}
