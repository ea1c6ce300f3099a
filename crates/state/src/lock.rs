//! The lock of one pair's state folder: whoever holds it is the only one who opens the journal (design §4).
//!
//! It is the kernel's (`flock`), so it ends with its holder however that ends. The file stays: removing it would let
//! two processes hold two files of one name. The pid in it is for messages only and decides nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::JournalError;

/// Name of the lock file in the state folder of a pair.
const LOCK: &str = "lock";

/// Longest text of a pid that is read from a lock file: ten digits and some blanks.
const PID_TEXT_MAX: u64 = 32;

/// A lock that we held ourselves a moment ago may be held on by a child of ours that is just being started: what is open is
/// its as well, until it is another program. So often it is tried again ...
const OWN_TRIES: u32 = 20;

/// ... after this.
const OWN_WAIT: Duration = Duration::from_millis(10);

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Never read: its being open is the lock.
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder that exists, without waiting for another process, and writes our pid into it.
    ///
    /// # Errors
    /// `Locked` if somebody holds it, `NotWritable` if the file cannot be made or locked.
    pub(crate) fn take(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(JournalError::io(&path))?;
        let mut tries = OWN_TRIES;
        let mut holder = None;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) => {
                    holder = holder.or_else(|| pid_in(&mut file));
                    tries = tries.saturating_sub(1);
                    if tries == 0 || holder != Some(std::process::id()) {
                        return Err(JournalError::Locked { pid: holder });
                    }
                    std::thread::sleep(OWN_WAIT);
                }
                Err(other) => return Err(JournalError::io(&path)(other.into())),
            }
        }
        // A service takes it at each pass: what is there already is not written again.
        if pid_in(&mut file) != Some(std::process::id()) {
            write_pid(&mut file).map_err(JournalError::io(&path))?;
        }
        Ok(Self { _file: file })
    }
}

/// Replaces the text by our pid.
fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The pid in the file; `None` if its holder has not written it yet, or something else is in there.
fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_TEXT_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_holder_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        match Lock::take(dir.path()) {
            Err(JournalError::Locked { pid }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(Lock::take(dir.path()).is_ok());
    }

    #[test]
    fn a_lock_that_a_child_of_ours_still_has_for_a_moment_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        // As between a fork and the other program: the same opening of the file, held on.
        let inherited = first._file.try_clone().unwrap();
        drop(first);
        let child = std::thread::spawn(move || {
            std::thread::sleep(OWN_WAIT * 3);
            drop(inherited);
        });
        assert!(Lock::take(dir.path()).is_ok());
        child.join().unwrap();
    }

    #[test]
    fn a_longer_text_left_behind_does_not_mix_with_the_pid() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK), "4294967295 and some more text\n").unwrap();
        let _held = Lock::take(dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join(LOCK)).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
    }
}
