//! The kernel's system calls, as the door ([`super`]) offers them. Platform code lives here and nowhere else.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use planner::content::Stamp;
use planner::hold::Odd;
use planner::id::LocalIdentity;
use rustix::fs::{
    Access, AtFlags, DirEntry, FileType, FlockOperation, Gid, Mode, OFlags, RawMode, RenameFlags,
    ResolveFlags, StatxAttributes, StatxFlags, Uid,
};

use super::{Errno, Kind, Meta, Renames, Resolve};

/// Mode of files we make, before the user's umask.
const FILE_MODE: RawMode = 0o666;
/// Mode of folders we make for the user, before the user's umask.
const FOLDER_MODE: RawMode = 0o777;
/// Mode of folders in our own area: nobody else's business.
const OWN_MODE: RawMode = 0o700;
/// How often a resolution is tried again that the kernel broke off because something was renamed meanwhile.
const RESOLVE_TRIES: usize = 16;

/// Opens the root itself; links on the way to it are the user's choice.
pub(in crate::local) fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
}

/// Whether the kernel resolves for us.
pub(in crate::local) fn resolve_of(root: BorrowedFd<'_>) -> Resolve {
    match open_by_kernel(root, ".", OFlags::PATH | OFlags::DIRECTORY) {
        Ok(_) => Resolve::Kernel,
        Err(_) => Resolve::Walk,
    }
}

/// Opens a folder below the root for listing, syncing and acting in it. The empty path is the root.
pub(in crate::local) fn open_folder(
    root: BorrowedFd<'_>,
    path: &str,
    how: Resolve,
) -> Result<OwnedFd, Errno> {
    open_beneath(root, path, OFlags::RDONLY | OFlags::DIRECTORY, how)
}

/// Opens a file below the root for reading. Never waits, whatever took the file's place.
pub(in crate::local) fn open_file(root: BorrowedFd<'_>, path: &str, how: Resolve) -> Result<OwnedFd, Errno> {
    open_beneath(
        root,
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
        how,
    )
}

/// Looks at an entry below the root, itself and not what it links to.
pub(in crate::local) fn look_beneath(root: BorrowedFd<'_>, path: &str, how: Resolve) -> Result<Meta, Errno> {
    look_fd(open_beneath(root, path, OFlags::PATH, how)?.as_fd())
}

fn open_beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags, how: Resolve) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { "." } else { path };
    match how {
        Resolve::Kernel => open_by_kernel(root, path, flags),
        Resolve::Walk => open_by_walk(root, path, flags),
    }
}

fn open_by_kernel(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    let mut tries = RESOLVE_TRIES;
    loop {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) if tries > 0 => tries -= 1,
            result => return result,
        }
    }
}

/// The same by hand. No mount is entered, of whatever device.
fn open_by_walk(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let device = look_fd(root)?.identity.device;
    let enter = |above: BorrowedFd<'_>, name: &str, flags: OFlags| {
        let opened = open_at(above, name, flags)?;
        let meta = look_fd(opened.as_fd())?;
        let mounted = meta.mount_root || (meta.kind == Kind::Folder && meta.identity.device != device);
        if mounted { Err(Errno::XDEV) } else { Ok(opened) }
    };
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = open_at(root, ".", OFlags::PATH | OFlags::DIRECTORY)?;
    if path == "." {
        // The root itself may well be a mount.
        return open_at(at.as_fd(), ".", flags);
    }
    for part in above.split('/').filter(|part| !part.is_empty()) {
        at = enter(at.as_fd(), part, OFlags::PATH | OFlags::DIRECTORY)?;
    }
    enter(at.as_fd(), name, flags)
}

fn open_at(folder: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::openat(folder, name, flags, Mode::empty()))
}

/// Opens a child folder of an open folder.
pub(in crate::local) fn open_child(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    open_at(folder, name, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Opens a file in an open folder for reading.
pub(in crate::local) fn open_at_for_reading(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    open_at(folder, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
}

/// Makes a file that was not there, for reading and writing.
pub(in crate::local) fn create_file(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::io::retry_on_intr(|| rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(FILE_MODE)))
}

/// Opens a file of ours in an open folder for reading and for writing on.
pub(in crate::local) fn open_to_go_on(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    open_at(folder, name, OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY)
}

/// Locks an open file against other processes, until it is closed; `false`: another one holds it.
pub(in crate::local) fn lock(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    match rustix::fs::flock(fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        // Some network file systems have no locks: then there is nothing to wait for.
        Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Goes to a place in a file.
pub(in crate::local) fn seek_to(fd: BorrowedFd<'_>, at: u64) -> Result<(), Errno> {
    rustix::fs::seek(fd, rustix::fs::SeekFrom::Start(at)).map(|_| ())
}

/// Empties a file of ours.
pub(in crate::local) fn cut_to_nothing(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::ftruncate(fd, 0)?;
    seek_to(fd, 0)
}

/// Makes a folder that was not there, for the user.
pub(in crate::local) fn create_folder(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(FOLDER_MODE))
}

/// Makes a folder of our own area unless it is there.
pub(in crate::local) fn create_own_folder(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(OWN_MODE)) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

/// Looks at an entry of an open folder, itself and not what it links to.
pub(in crate::local) fn look_at(folder: BorrowedFd<'_>, name: &str) -> Result<Meta, Errno> {
    statx(folder, name, AtFlags::SYMLINK_NOFOLLOW)
}

/// Looks at what is open.
pub(in crate::local) fn look_fd(fd: BorrowedFd<'_>) -> Result<Meta, Errno> {
    statx(fd, "", AtFlags::EMPTY_PATH)
}

fn statx(folder: BorrowedFd<'_>, name: &str, how: AtFlags) -> Result<Meta, Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let said =
        rustix::io::retry_on_intr(|| rustix::fs::statx(folder, name, how | AtFlags::NO_AUTOMOUNT, wanted))?;
    let kind = match FileType::from_raw_mode(RawMode::from(said.stx_mode)) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Other(Odd::Symlink),
        FileType::Fifo => Kind::Other(Odd::Pipe),
        FileType::Socket => Kind::Other(Odd::Socket),
        FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Kind::Other(Odd::Device),
    };
    let born = StatxFlags::from_bits_retain(said.stx_mask).contains(StatxFlags::BTIME);
    let attributes = said.stx_attributes & said.stx_attributes_mask;
    Ok(Meta {
        kind,
        identity: LocalIdentity {
            device: rustix::fs::makedev(said.stx_dev_major, said.stx_dev_minor),
            inode: said.stx_ino,
            birth_ns: born.then(|| nanoseconds(&said.stx_btime)),
        },
        links: said.stx_nlink,
        size: said.stx_size,
        stamp: Stamp {
            mtime_ns: nanoseconds(&said.stx_mtime),
            ctime_ns: nanoseconds(&said.stx_ctime),
        },
        mode: u32::from(said.stx_mode) & 0o7777,
        owner: (said.stx_uid, said.stx_gid),
        mount_root: attributes.contains(StatxAttributes::MOUNT_ROOT),
    })
}

fn nanoseconds(time: &rustix::fs::StatxTimestamp) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(time.tv_nsec))
}

/// Whether we may read the entry, by the bits and lists of the system; the opening still has the last word.
pub(in crate::local) fn may_read(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    rustix::fs::accessat(folder, name, Access::READ_OK, AtFlags::EACCESS)
}

/// Renames an entry to a name that nothing has; [`Errno::EXIST`] if something has it. Never overwrites.
pub(in crate::local) fn rename_new(
    from: (BorrowedFd<'_>, &str),
    to: (BorrowedFd<'_>, &str),
    kind: Kind,
    how: Renames,
) -> Result<(), Errno> {
    let first = match how {
        Renames::Flags => rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE),
        #[cfg(test)]
        Renames::Plain => Err(Errno::INVAL),
    };
    match first {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        result => return result,
    }
    if kind == Kind::Folder {
        // A rename over a folder works only while that one is empty, so this can replace nothing but our own.
        rustix::fs::mkdirat(to.0, to.1, Mode::from_raw_mode(OWN_MODE))?;
        return rustix::fs::renameat(from.0, from.1, to.0, to.1).inspect_err(|_| {
            // Of the two errors the rename's is the one to tell; an empty folder that stays is seen by the next scan.
            let _ = rustix::fs::unlinkat(to.0, to.1, AtFlags::REMOVEDIR);
        });
    }
    rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
    rustix::fs::unlinkat(from.0, from.1, AtFlags::empty())
}

/// Lets two entries change places. `false`: the file system cannot, and nothing happened.
pub(in crate::local) fn exchange(
    one: (BorrowedFd<'_>, &str),
    other: (BorrowedFd<'_>, &str),
    how: Renames,
) -> Result<bool, Errno> {
    let done = match how {
        Renames::Flags => rustix::fs::renameat_with(one.0, one.1, other.0, other.1, RenameFlags::EXCHANGE),
        #[cfg(test)]
        Renames::Plain => Err(Errno::INVAL),
    };
    match done {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a rename can be told to overwrite nothing, tried on two files of our own area that may be lost. `false`: it takes
/// the detour of [`rename_new`].
pub(in crate::local) fn spares(
    from: (BorrowedFd<'_>, &str),
    to: (BorrowedFd<'_>, &str),
) -> Result<bool, Errno> {
    match rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => Ok(true),
        Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renames over whatever has the name: for files of our own area alone.
pub(in crate::local) fn rename_own(folder: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno> {
    rustix::fs::renameat(folder, from, folder, to)
}

/// Removes a file's name: for our own area, and for our own downloads.
pub(in crate::local) fn remove_file(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    rustix::fs::unlinkat(folder, name, AtFlags::empty())
}

/// Removes a folder that is empty.
pub(in crate::local) fn remove_folder(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)
}

/// Brings an open file's or folder's state to the disk itself.
pub(in crate::local) fn sync(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    match rustix::io::retry_on_intr(|| rustix::fs::fsync(fd)) {
        // Some network and FUSE file systems have nothing to do for a folder and say so.
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        result => result,
    }
}

/// Reads on; 0 at the end.
pub(in crate::local) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut *buffer))
}

/// Writes all of it.
pub(in crate::local) fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(fd, bytes))?;
        bytes = match bytes.get(written..) {
            Some(rest) if written > 0 => rest,
            Some(_) | None => return Err(Errno::IO),
        };
    }
    Ok(())
}

/// Goes to a file's start.
pub(in crate::local) fn seek_start(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::seek(fd, rustix::fs::SeekFrom::Start(0)).map(|_| ())
}

/// Makes `to` share the blocks of `from`; fails where the file system cannot.
pub(in crate::local) fn clone_blocks(to: BorrowedFd<'_>, from: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::ioctl_ficlone(to, from)
}

/// Gives a new file the permissions of the one it replaces, and its owner as far as we may.
///
/// The bits that lend rights to a program (setuid, setgid) are not for bytes from elsewhere.
pub(in crate::local) fn inherit(fd: BorrowedFd<'_>, new: &Meta, old: &Meta) -> Result<(), Errno> {
    if new.owner != old.owner {
        let (user, group) = old.owner;
        // Only root may give a file away; for everybody else the bits below are all there is to keep.
        let _ = rustix::fs::fchown(fd, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
    }
    let mode = old.mode & 0o777;
    if new.mode == mode && new.owner == old.owner {
        // Also the only way on file systems that have no bits of their own and refuse to set any.
        return Ok(());
    }
    rustix::fs::fchmod(fd, Mode::from_raw_mode(mode))
}

/// The raw names in a folder with their inode numbers, without `.` and `..`.
pub(in crate::local) fn names(folder: BorrowedFd<'_>) -> Result<Vec<(Vec<u8>, u64)>, Errno> {
    listed(folder, |entry| {
        Some((entry.file_name().to_bytes().to_vec(), entry.ino()))
    })
}

/// What is wanted of the entries of a folder, without `.` and `..`.
pub(super) fn listed<T>(
    folder: BorrowedFd<'_>,
    mut wanted: impl FnMut(&DirEntry) -> Option<T>,
) -> Result<Vec<T>, Errno> {
    // A handle of its own, so that nobody else's place in the listing moves.
    let own = open_at(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut listed = Vec::new();
    for entry in rustix::fs::Dir::new(own)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            listed.extend(wanted(&entry));
        }
    }
    Ok(listed)
}

/// Bytes that are free to us, and the longest name in bytes.
pub(in crate::local) fn space(fd: BorrowedFd<'_>) -> Result<(u64, usize), Errno> {
    let said = rustix::fs::fstatvfs(fd)?;
    let free = said.f_bavail.saturating_mul(said.f_frsize);
    Ok((free, usize::try_from(said.f_namemax).unwrap_or(usize::MAX)))
}
