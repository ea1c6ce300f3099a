//! One service for one state directory: a lock that it holds for its whole life, and who holds it.
//!
//! Commands that work as a service does (`--once`, `rebuild`, `check`, `forget`, `relocate`) share the lock among
//! themselves. The journals' own locks protect the journals; this one is for an answer that does not depend on the moment.
#![expect(clippy::disallowed_methods, reason = "locks a file of the state directory")]

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::lock;
use super::prepare::unwritable;
use crate::report::{Kind, Report};

/// The file in the state directory.
const LOCK: &str = "service.lock";

/// Longest text of a pid that is read: ten digits and some blanks.
const PID_TEXT_MAX: u64 = 32;

/// The lock, held until dropped. Its file stays.
#[derive(Debug)]
pub(crate) struct Instance {
    _file: File,
}

/// For a service: the only one on this state.
///
/// # Errors
/// `Busy`, with the other one's process where that is a service; the state directory cannot be written.
pub(crate) fn take(state_dir: &Path) -> Result<Instance, Report> {
    let failed = |error: &io::Error| unwritable(state_dir, &error.to_string());
    let mut file = lock::open(&state_dir.join(LOCK)).map_err(|error| failed(&error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let pid = if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
                // Commands hold it; the pid in the file is that of a service that ended.
                None
            } else {
                pid_in(&mut file)
            };
            return Err(busy("not started", pid));
        }
        Err(error) => return Err(failed(&error.into())),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| failed(&error))?;
    Ok(Instance { _file: file })
}

/// For a command: no service works on this state while the answer lives. `None`: none ever did.
///
/// # Errors
/// `Busy`, with the service's process.
pub(crate) fn beside(state_dir: &Path) -> Result<Option<Instance>, Report> {
    // A lock that cannot be opened is no service's of this user; the journal's lock decides then.
    let Ok(mut file) = File::open(state_dir.join(LOCK)) else {
        return Ok(None);
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(Errno::WOULDBLOCK) => Err(busy("not run", pid_in(&mut file))),
        Ok(()) | Err(_) => Ok(Some(Instance { _file: file })),
    }
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_TEXT_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn busy(happened: &str, pid: Option<u32>) -> Report {
    let by = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
    Report::new(
        Kind::Busy,
        happened,
        format!("another syncd holds this state{by}"),
        "wait until it has ended, or stop it, then run this again",
    )
    .data("Nothing was changed on either side.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_service_or_any_number_of_commands() {
        let home = tempfile::tempdir().unwrap();
        assert!(beside(home.path()).unwrap().is_none(), "no service ever ran");
        let service = take(home.path()).unwrap();
        let me = format!("(process {})", std::process::id());
        for refused in [
            take(home.path()).map(|_| ()).unwrap_err(),
            beside(home.path()).map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(refused.kind, Kind::Busy);
            assert!(refused.cause.contains(&me), "{refused:?}");
        }
        drop(service);
        let commands = [beside(home.path()).unwrap(), beside(home.path()).unwrap()];
        assert!(commands.iter().all(Option::is_some));
        let refused = take(home.path()).unwrap_err();
        assert_eq!(refused.cause, "another syncd holds this state");
        drop(commands);
        assert!(take(home.path()).is_ok());
    }
}
