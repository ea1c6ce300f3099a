//! The door in a simulation: a thread that has a simulated disk sees that one, every other the kernel's.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use super::{Errno, Kind, Meta, Renames, Resolve, real};
use crate::sim::disk;

/// Each call goes to the simulated disk of this thread, if it has one.
macro_rules! doors {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(
            #[allow(clippy::missing_docs_in_private_items, reason = "documented in `real`")]
            pub(in crate::local) fn $name($($arg: $kind),*) -> $out {
                match disk::here() {
                    Some(disk) => disk.$name($($arg),*),
                    None => real::$name($($arg),*),
                }
            }
        )*
    };
}

doors! {
    open_root(path: &Path) -> Result<OwnedFd, Errno>;
    resolve_of(root: BorrowedFd<'_>) -> Resolve;
    open_folder(root: BorrowedFd<'_>, path: &str, how: Resolve) -> Result<OwnedFd, Errno>;
    open_file(root: BorrowedFd<'_>, path: &str, how: Resolve) -> Result<OwnedFd, Errno>;
    look_beneath(root: BorrowedFd<'_>, path: &str, how: Resolve) -> Result<Meta, Errno>;
    open_child(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno>;
    open_at_for_reading(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno>;
    create_file(folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno>;
    create_folder(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno>;
    create_own_folder(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno>;
    look_at(folder: BorrowedFd<'_>, name: &str) -> Result<Meta, Errno>;
    look_fd(fd: BorrowedFd<'_>) -> Result<Meta, Errno>;
    may_read(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno>;
    rename_new(from: (BorrowedFd<'_>, &str), to: (BorrowedFd<'_>, &str), kind: Kind, how: Renames) -> Result<(), Errno>;
    exchange(one: (BorrowedFd<'_>, &str), other: (BorrowedFd<'_>, &str), how: Renames) -> Result<bool, Errno>;
    rename_own(folder: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno>;
    remove_file(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno>;
    remove_folder(folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno>;
    sync(fd: BorrowedFd<'_>) -> Result<(), Errno>;
    read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno>;
    write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno>;
    seek_start(fd: BorrowedFd<'_>) -> Result<(), Errno>;
    clone_blocks(to: BorrowedFd<'_>, from: BorrowedFd<'_>) -> Result<(), Errno>;
    inherit(fd: BorrowedFd<'_>, new: &Meta, old: &Meta) -> Result<(), Errno>;
    names(folder: BorrowedFd<'_>) -> Result<Vec<(Vec<u8>, u64)>, Errno>;
    space(fd: BorrowedFd<'_>) -> Result<(u64, usize), Errno>;
}
