//! The one door to the disk: every system call of this room, and nothing else.
//!
//! Everything below a pair's root is reached from the root's own directory handle, component by component without
//! following a link (design D4): by `openat2` where the kernel has it, else by a walk with `O_NOFOLLOW`. What must never
//! happen here: a rename that overwrites, a link that is followed below the root, a path that is trusted because it
//! was looked at before. Failures leave as bare [`Errno`] and get their path and their meaning in `error.rs`. In a
//! simulation the same calls lead to a disk in memory.

#[cfg(target_os = "linux")]
pub(crate) mod inotify;
mod real;
#[cfg(any(test, feature = "sim"))]
mod switch;
mod walk;

use planner::content::Stamp;
use planner::hold::Odd;
use planner::id::LocalIdentity;
pub(crate) use rustix::io::Errno;

pub(super) use self::walk::walk;
pub(crate) use self::walk::{Order, Walked};

#[cfg(not(any(test, feature = "sim")))]
pub(super) use self::real::*;
#[cfg(any(test, feature = "sim"))]
pub(super) use self::switch::*;
// For what users ask for by hand, which no simulation does.
#[cfg(any(test, feature = "sim"))]
pub(super) use self::real::{cut_to_nothing, lock, open_to_go_on, seek_to, spares};

/// Whether any thread sees the disk that this one sees: a simulated one is of one thread.
pub(super) fn is_of_every_thread() -> bool {
    #[cfg(any(test, feature = "sim"))]
    return crate::sim::disk::here().is_none();
    #[cfg(not(any(test, feature = "sim")))]
    true
}

/// How a path below the root is resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resolve {
    /// By `openat2`, in one call.
    Kernel,
    /// Component by component: kernels before 5.6, or a sandbox that refuses `openat2`.
    Walk,
}

/// Which renames the file system knows. A file system that lacks one says so at its first use; this only spares or
/// forces the detour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Renames {
    /// `renameat2` with flags, as far as the file system goes along.
    Flags,
    /// Without flags: link and unlink, or the old file set aside first.
    #[cfg(test)]
    Plain,
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Nothing we sync.
    Other(Odd),
}

/// One look at an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Meta {
    /// What it is.
    pub(crate) kind: Kind,
    /// Who it is, as the file system tells; see [`links`](Self::links) before believing it.
    pub(crate) identity: LocalIdentity,
    /// How many names it has.
    pub(crate) links: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Its times.
    pub(crate) stamp: Stamp,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Owner and group.
    pub(crate) owner: (u32, u32),
    /// Something is mounted here.
    pub(crate) mount_root: bool,
}
