//! An exclusive lock on a file, among tasks and processes of one host.
//!
//! The file stays when the lock ends: removing it would let two processes lock two files of one name. A lock ends
//! with its process, however that ends.
#![expect(clippy::disallowed_methods, reason = "locks files of the state directory")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// Between two tries. A lock is held for a sign-in, which takes a second or so; a waiting thread would outlive its
/// task, a try does not.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// The lock, held until dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// Opens a lock file, made private to the user if it is missing.
///
/// # Errors
/// It cannot be opened, or is a link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default())
        .open(path)
}

/// Tries once: `None` if somebody else holds it. The file is made if it is missing, private to the user.
///
/// # Errors
/// The file cannot be opened or locked.
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<FileLock>> {
    let file = open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(FileLock { _file: file })),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the lock, at most so long: `None` if somebody still holds it then. May be dropped at any time.
///
/// # Errors
/// As [`try_lock`].
pub(crate) async fn lock(path: PathBuf, at_most: Duration) -> io::Result<Option<FileLock>> {
    let end = tokio::time::Instant::now().checked_add(at_most);
    loop {
        let path = path.clone();
        // A disk that hangs must not hold the runtime.
        let tried = tokio::task::spawn_blocking(move || try_lock(&path))
            .await
            .map_err(io::Error::other)??;
        if tried.is_some() || end.is_none_or(|end| tokio::time::Instant::now() >= end) {
            return Ok(tried);
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}
