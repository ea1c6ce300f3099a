//! The kernel's watches of folders, and what finding the folders to be watched needs. Names are bytes here: what is watched
//! need not be what is synced.

use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
pub(crate) use rustix::fs::inotify::ReadFlags as Flags;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::{Errno, Meta, real};

/// Bytes of events that are read at once.
const BUFFER: usize = 64 * 1024;

/// Where the kernel shows a process its open files.
const LINKS: &str = "/proc/self/fd";

/// One thing the kernel says.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Of which watch.
    pub(crate) wd: i32,
    /// What.
    pub(crate) flags: Flags,
    /// What two halves of a rename have in common.
    pub(crate) cookie: u32,
    /// Of which entry of the watched folder; `None`: of the folder itself.
    pub(crate) name: Option<OsString>,
}

/// A queue of events, and the watches that fill it.
pub(crate) struct Queue {
    fd: OwnedFd,
    buffer: Vec<MaybeUninit<u8>>,
    links: &'static str,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("fd", &self.fd)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Without any watch. [`Errno::MFILE`]: this user has too many of them.
    pub(crate) fn new() -> Result<Self, Errno> {
        Ok(Self {
            fd: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?,
            buffer: vec![MaybeUninit::uninit(); BUFFER],
            links: LINKS,
        })
    }

    /// Watches an open folder that is, or was just now, at this path. [`Errno::NOSPC`]: the kernel watches no more.
    ///
    /// By way of the handle, so that it is that folder and no other that is watched, whatever is renamed meanwhile. Where
    /// the kernel does not show handles (no `/proc`), by the path, and it is looked afterwards whether the path still leads
    /// to the folder; if not, [`Errno::NOENT`].
    pub(crate) fn watch(&self, folder: BorrowedFd<'_>, path: &Path) -> Result<i32, Errno> {
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let link = format!("{}/{}", self.links, folder.as_raw_fd());
        match inotify::add_watch(&self.fd, link, flags) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
            result => return result,
        }
        let wd = inotify::add_watch(&self.fd, path, flags | WatchFlags::DONT_FOLLOW)?;
        let there = look(enter(CWD, path.as_os_str())?.as_fd())?;
        let is_it = there.identity == look(folder)?.identity;
        if is_it { Ok(wd) } else { Err(Errno::NOENT) }
    }

    /// Watches no more so; that the watch is over already is no failure.
    pub(crate) fn unwatch(&self, wd: i32) {
        // The kernel knows it no more when its folder is gone; nothing else can fail.
        let _ = inotify::remove_watch(&self.fd, wd);
    }

    /// Takes out some events, if there are any; answers whether there were.
    pub(crate) fn read(&mut self, into: &mut Vec<Event>) -> Result<bool, Errno> {
        let mut reader = inotify::Reader::new(&self.fd, &mut self.buffer);
        loop {
            match reader.next() {
                Ok(event) => into.push(Event {
                    wd: event.wd(),
                    flags: event.events(),
                    cookie: event.cookie(),
                    name: event
                        .file_name()
                        .map(|name| OsStr::from_bytes(name.to_bytes()).to_owned()),
                }),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error),
            }
            if reader.is_buffer_empty() {
                return Ok(true);
            }
        }
    }

    /// Waits for an event, for the bell, or so long.
    pub(crate) fn wait(&self, bell: &Bell, longest: Option<Duration>) -> Result<(), Errno> {
        let mut fds = [
            PollFd::new(&self.fd, PollFlags::IN),
            PollFd::new(&bell.0, PollFlags::IN),
        ];
        let longest = longest.and_then(|time| Timespec::try_from(time).ok());
        match rustix::event::poll(&mut fds, longest.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How many folders the kernel watches for it.
    #[cfg(test)]
    pub(crate) fn watches(&self) -> usize {
        let path = format!("/proc/self/fdinfo/{}", self.fd.as_raw_fd());
        let said = std::fs::read_to_string(path).unwrap();
        said.lines()
            .filter(|line| line.starts_with("inotify wd:"))
            .count()
    }

    /// Where no `/proc` is.
    #[cfg(test)]
    pub(crate) fn without_links(mut self) -> Self {
        self.links = "/nowhere";
        self
    }
}

/// Ends a wait of another thread.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    /// One that was not rung.
    pub(crate) fn new() -> Result<Self, Errno> {
        rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Self)
    }

    /// Rings, for good.
    pub(crate) fn ring(&self) {
        // Fails only after it was rung more often than can be counted.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// Enters a root, for looking; links on the way to it are the user's choice.
pub(crate) fn enter_root(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
}

/// Enters a folder below one, for looking; it itself is no link. Whether it is the right one is for the caller to see.
pub(crate) fn enter(folder: BorrowedFd<'_>, below: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::openat(folder, below, flags, Mode::empty()))
}

/// Looks at what is open.
pub(crate) fn look(fd: BorrowedFd<'_>) -> Result<Meta, Errno> {
    real::look_fd(fd)
}

/// The names in a folder that are folders, or of which the file system does not say what they are.
pub(crate) fn folders(folder: BorrowedFd<'_>) -> Result<Vec<OsString>, Errno> {
    real::listed(folder, |entry| {
        let may_be = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        may_be.then(|| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn without_proc_a_folder_is_watched_by_its_path_if_that_still_leads_to_it() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (home.path().join("one"), home.path().join("other"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&other).unwrap();
        let with = Queue::new().unwrap();
        let without = Queue::new().unwrap().without_links();
        let handle = enter_root(&one).unwrap();
        for queue in [&with, &without] {
            let wd = queue.watch(handle.as_fd(), &one).unwrap();
            assert_eq!(queue.watch(handle.as_fd(), &one), Ok(wd), "it is watched already");
        }
        assert_eq!(without.watch(handle.as_fd(), &other), Err(Errno::NOENT));
        fs::rename(&one, home.path().join("moved")).unwrap();
        assert_eq!(without.watch(handle.as_fd(), &one), Err(Errno::NOENT));
        assert!(with.watch(handle.as_fd(), &one).is_ok(), "the path says nothing");
    }

    #[test]
    fn folders_alone_are_listed_and_a_bell_ends_a_wait() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("folder")).unwrap();
        fs::write(home.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("folder", home.path().join("link")).unwrap();
        let handle = enter_root(home.path()).unwrap();
        assert_eq!(folders(handle.as_fd()).unwrap(), ["folder"]);
        assert!(enter(handle.as_fd(), "link".as_ref()).is_err());
        let mut queue = Queue::new().unwrap();
        let bell = Bell::new().unwrap();
        bell.ring();
        queue.wait(&bell, None).unwrap();
        assert!(!queue.read(&mut Vec::new()).unwrap());
    }
}
