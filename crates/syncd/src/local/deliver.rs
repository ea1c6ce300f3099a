//! Downloads that a user asked for by hand: a part file beside the target, then one rename.
//!
//! Never here: a byte of an existing file overwritten, unless that was asked for, and then only by a rename of the whole; a
//! place outside of the folder that was named, whatever the account calls its files; two processes that write one part.
//! A part stays when a download is cut: its name tells of which file and size it is, so the next run goes on with it.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use planner::name::LocalName;
use planner::path::RelPath;

use super::error::LocalError;
use super::root::{Root, Spot};
use super::sys::{self, Errno, Kind};

/// Last bytes of a part that are compared with what comes when it goes on (`wire.md` §6.2).
pub(crate) const OVERLAP: u64 = 64 * 1024;

/// How often a part is opened anew that went away at that moment.
const TRIES: usize = 3;

/// What may be at the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// Nothing.
    Nothing,
    /// A file, which the download takes the place of.
    File,
}

/// A part, open for writing at its end.
#[derive(Debug)]
pub(crate) struct Part {
    fd: OwnedFd,
    spot: Spot,
    at: u64,
    tail: Vec<u8>,
}

/// What there is to write to.
#[derive(Debug)]
pub(crate) enum Begun {
    /// A part, new or left by a download that was cut.
    Part(Part),
    /// Another process writes it just now.
    Busy,
}

/// Opens the folder that downloads go to.
pub(crate) fn open(folder: &Path) -> Result<Root, LocalError> {
    Root::open(folder)
}

/// What is at a path below the folder: its size, if it is a file.
pub(crate) fn there(root: &Root, path: &RelPath) -> Result<Option<Option<u64>>, LocalError> {
    let meta = root.user_spot(path)?.look_if_there()?;
    Ok(meta.map(|meta| (meta.kind == Kind::File).then_some(meta.size)))
}

/// Makes a folder unless it is there.
pub(crate) fn folder(root: &Root, path: &RelPath) -> Result<(), LocalError> {
    let spot = root.user_spot(path)?;
    match sys::create_folder(spot.fd(), spot.name()) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) if spot.look()?.kind == Kind::Folder => Ok(()),
        Err(cause) => Err(spot.failed("making the folder")(cause)),
    }
}

/// Makes an empty file, which needs no part.
pub(crate) fn empty(root: &Root, to: &RelPath) -> Result<(), LocalError> {
    let spot = root.user_spot(to)?;
    sys::create_file(spot.fd(), spot.name()).map_err(spot.failed("creating it"))?;
    Ok(())
}

/// Opens the part of that name beside `to`, for a file of `size` bytes. What an earlier run left is taken up.
pub(crate) fn begin(root: &Root, to: &RelPath, name: &LocalName, size: u64) -> Result<Begun, LocalError> {
    // A part's name is one of ours, so that no sync takes it for the user's; where it lies is asked of the target.
    root.user_spot(to)?;
    let above = to.split().map(|(above, _)| above).unwrap_or_default();
    let path = above.join(name);
    for _ in 0..TRIES {
        let spot = root.spot(&path)?;
        let fd = match sys::create_file(spot.fd(), spot.name()) {
            Err(Errno::EXIST) => match sys::open_to_go_on(spot.fd(), spot.name()) {
                // It got its place, or was removed, in between.
                Err(Errno::NOENT) => continue,
                opened => opened.map_err(spot.failed("opening it"))?,
            },
            made => made.map_err(spot.failed("creating it"))?,
        };
        if !sys::lock(fd.as_fd()).map_err(spot.failed("locking it"))? {
            return Ok(Begun::Busy);
        }
        let open = sys::look_fd(fd.as_fd()).map_err(spot.failed("looking at it"))?;
        let named = spot.look_if_there()?;
        if named.is_none_or(|named| named.identity != open.identity) {
            continue;
        }
        if open.kind != Kind::File || open.links != 1 {
            return Err(LocalError::Occupied {
                path: path.to_string(),
            });
        }
        let mut part = Part {
            fd,
            spot,
            at: open.size,
            tail: Vec::new(),
        };
        if part.at > size {
            part.start_over()?;
        }
        if part.at > 0 {
            part.read_tail()?;
        }
        return Ok(Begun::Part(part));
    }
    Ok(Begun::Busy)
}

impl Part {
    /// Bytes that are there.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// The last of them, at most [`OVERLAP`].
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    fn read_tail(&mut self) -> Result<(), LocalError> {
        let from = self.at.saturating_sub(OVERLAP);
        sys::seek_to(self.fd.as_fd(), from).map_err(self.failed("reading it"))?;
        let mut tail = Vec::new();
        let read = super::hash::each_chunk(self.fd.as_fd(), |chunk| {
            tail.extend_from_slice(chunk);
            Ok(())
        });
        let read = read.map_err(self.failed("reading it"))?;
        self.at = from.saturating_add(read);
        self.tail = tail;
        Ok(())
    }

    /// Drops all that is there.
    pub(crate) fn start_over(&mut self) -> Result<(), LocalError> {
        sys::cut_to_nothing(self.fd.as_fd()).map_err(self.failed("emptying it"))?;
        self.at = 0;
        self.tail.clear();
        Ok(())
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), LocalError> {
        sys::write_all(self.fd.as_fd(), bytes).map_err(self.failed("writing it"))?;
        self.at = self
            .at
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Gives it its place in the same folder.
    pub(crate) fn place(self, root: &Root, to: &RelPath, over: Over) -> Result<(), LocalError> {
        let there = root.user_spot(to)?;
        let old = there.look_if_there()?;
        match (over, old) {
            (Over::File, Some(old)) if old.kind == Kind::File => {
                let new = sys::look_fd(self.fd.as_fd()).map_err(self.failed("looking at it"))?;
                sys::inherit(self.fd.as_fd(), &new, &old).map_err(self.failed("setting its permissions"))?;
                sys::rename_own(self.spot.fd(), self.spot.name(), there.name())
                    .map_err(there.failed("renaming"))
            }
            (Over::File | Over::Nothing, Some(_)) => Err(LocalError::Occupied { path: to.to_string() }),
            (Over::File | Over::Nothing, None) => sys::rename_new(
                (self.spot.fd(), self.spot.name()),
                (there.fd(), there.name()),
                Kind::File,
                self.spot.renames,
            )
            .map_err(there.failed("renaming")),
        }
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(Errno) -> LocalError {
        self.spot.failed(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    fn part(disk: &Disk, to: &str, size: u64) -> Part {
        let name = LocalName::new("7.part").unwrap();
        match begin(&disk.root, &path(to), &name, size).unwrap() {
            Begun::Part(part) => part,
            Begun::Busy => panic!("busy"),
        }
    }

    #[test]
    fn a_part_that_was_left_goes_on_and_never_takes_the_place_of_anything_unasked() {
        let disk = Disk::new();
        let mut first = part(&disk, "a", 6);
        first.write(b"one").unwrap();
        drop(first);
        let mut second = part(&disk, "a", 6);
        assert_eq!((second.at(), second.tail()), (3, &b"one"[..]));
        second.write(b"two").unwrap();
        disk.write("a", "the user's");
        assert!(matches!(
            second.place(&disk.root, &path("a"), Over::Nothing),
            Err(LocalError::Occupied { .. })
        ));
        assert_eq!(std::fs::read_to_string(disk.at("a")).unwrap(), "the user's");
        let third = part(&disk, "a", 6);
        assert_eq!(third.at(), 6);
        third.place(&disk.root, &path("a"), Over::File).unwrap();
        assert_eq!(std::fs::read_to_string(disk.at("a")).unwrap(), "onetwo");
    }

    #[test]
    fn a_part_is_written_by_one_process_and_one_that_is_too_long_starts_over() {
        let disk = Disk::new();
        let mut first = part(&disk, "a", 3);
        first.write(b"one").unwrap();
        let name = LocalName::new("7.part").unwrap();
        assert!(matches!(
            begin(&disk.root, &path("a"), &name, 3).unwrap(),
            Begun::Busy
        ));
        drop(first);
        assert_eq!(part(&disk, "a", 2).at(), 0);
    }

    #[test]
    fn nothing_gets_a_place_behind_a_link_or_over_a_folder() {
        let disk = Disk::new();
        disk.write("there/x", "x");
        std::os::unix::fs::symlink("there", disk.at("link")).unwrap();
        assert!(folder(&disk.root, &path("link")).is_err());
        assert!(folder(&disk.root, &path("there")).is_ok());
        let name = LocalName::new("7.part").unwrap();
        assert!(begin(&disk.root, &path("link/x"), &name, 3).is_err());
        let part = part(&disk, "there", 0);
        assert!(part.place(&disk.root, &path("there"), Over::File).is_err());
    }
}
