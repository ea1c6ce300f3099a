//! Pauses of pairs, kept beside their journals so that they survive a restart: `paused.json` in the pair's state folder.
//! A file of its own, for the journal is locked while a pass runs, and a pause must not wait for that.
//!
//! Must never happen here: a pause that is lost. A file that cannot be understood pauses for ever, for the user wanted one.
#![expect(clippy::disallowed_methods, reason = "one small file in the state directory")]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engine::now;

/// The file in the pair's state folder.
const FILE: &str = "paused.json";

/// Largest file that is read, bytes; ours has some thirty.
const FILE_MAX: u64 = 4096;

/// A pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Pause {
    /// Until when, seconds since 1970; `None`: until it is ended.
    pub(crate) until: Option<i64>,
}

impl Pause {
    /// One of so many seconds from now, or one without an end.
    pub(crate) fn lasting(seconds: Option<u64>) -> Self {
        let until = |seconds: u64| now().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
        Self {
            until: seconds.map(until),
        }
    }

    /// One until a moment in seconds since 1970; 0: until it is ended.
    pub(crate) fn until(moment: i64) -> Self {
        Self {
            until: Some(moment).filter(|moment| *moment != 0),
        }
    }

    /// The moment as [`until`](Self::until) takes it.
    pub(crate) fn moment(self) -> i64 {
        self.until.unwrap_or(0)
    }
}

/// The pause of a pair; `None`: it has none, or it is over.
pub(crate) fn read(pair_dir: &Path) -> Option<Pause> {
    let for_ever = Pause { until: None };
    let pause = match File::open(pair_dir.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(_) => for_ever,
        Ok(file) => {
            let mut bytes = Vec::new();
            let read = file.take(FILE_MAX).read_to_end(&mut bytes);
            read.ok()
                .and_then(|_| serde_json::from_slice(&bytes).ok())
                .unwrap_or(for_ever)
        }
    };
    pause.until.is_none_or(|until| until > now()).then_some(pause)
}

/// Pauses a pair. The folder is made, private, where the pair was never synced.
///
/// # Errors
/// The state directory cannot be written: whatever was there before stays.
pub(crate) fn write(pair_dir: &Path, pause: Pause) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(pair_dir)?;
    // Two who pause at once each have a file of their own; the last rename holds.
    let new = pair_dir.join(format!("{FILE}.{}.new", crate::engine::random_id()));
    let written = put(&new, pause).and_then(|()| fs::rename(&new, pair_dir.join(FILE)));
    if written.is_err() {
        let _ = fs::remove_file(&new);
        return written;
    }
    File::open(pair_dir)?.sync_all()
}

fn put(new: &Path, pause: Pause) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)?;
    let text = serde_json::to_vec(&pause).map_err(io::Error::other)?;
    file.write_all(&text)?;
    file.sync_all()
}

/// Ends a pause; answers whether there was a file.
///
/// # Errors
/// The state directory cannot be written: the pause stays.
pub(crate) fn clear(pair_dir: &Path) -> io::Result<bool> {
    match fs::remove_file(pair_dir.join(FILE)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_pause_is_kept_until_it_is_over_or_ended() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("pairs/main");
        assert_eq!(read(&dir), None);
        assert!(!clear(&dir).unwrap());
        write(&dir, Pause::lasting(None)).unwrap();
        assert_eq!(read(&dir), Some(Pause { until: None }));
        let later = Pause::lasting(Some(60));
        write(&dir, later).unwrap();
        assert_eq!(read(&dir), Some(later));
        write(&dir, Pause { until: Some(now()) }).unwrap();
        assert_eq!(read(&dir), None, "it is over");
        assert!(clear(&dir).unwrap());
        assert_eq!(read(&dir), None);
    }

    #[test]
    fn a_pause_is_private_and_leaves_nothing_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("pairs/main");
        write(&dir, Pause::lasting(Some(u64::MAX))).unwrap();
        write(&dir, Pause::lasting(None)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(dir.join(FILE)).unwrap(), r#"{"until":null}"#);
    }

    #[test]
    fn a_pause_that_cannot_be_understood_is_one_without_an_end() {
        let home = tempfile::tempdir().unwrap();
        for text in ["", "soon", r#"{"until":"tomorrow"}"#, "\u{0}"] {
            fs::write(home.path().join(FILE), text).unwrap();
            assert_eq!(read(home.path()), Some(Pause { until: None }), "{text:?}");
        }
    }
}
