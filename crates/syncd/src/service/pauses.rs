//! Pauses of pairs, kept beside their journals so that they survive a restart. A file of its own: the journal is locked
//! while a pass runs, and a pause must not wait for that.
//!
//! Never here: what a pause means. A file that cannot be read pauses for ever: the user wanted one.
#![expect(clippy::disallowed_methods, reason = "one small file in the state directory")]

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::engine::now;

/// The file in the pair's folder of the state directory.
const FILE: &str = "paused";

/// Its name while it is written.
const NEW: &str = "paused.new";

/// Until when the pair is paused, in seconds since 1970, 0 for ever; `None`: it is not, or not any more.
pub(crate) fn until(pair_dir: &Path) -> Option<i64> {
    match fs::read_to_string(pair_dir.join(FILE)) {
        Ok(text) => {
            let until = text.trim().parse().unwrap_or(0);
            (until == 0 || until > now()).then_some(until)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(0),
    }
}

/// Pauses until then, 0 for ever.
///
/// # Errors
/// The state directory cannot be written.
pub(crate) fn set(pair_dir: &Path, until: i64) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(pair_dir)?;
    let new = pair_dir.join(NEW);
    fs::write(&new, format!("{until}\n"))?;
    fs::rename(&new, pair_dir.join(FILE))
}

/// Ends a pause. None is fine too.
///
/// # Errors
/// The state directory cannot be written.
pub(crate) fn clear(pair_dir: &Path) -> io::Result<()> {
    match fs::remove_file(pair_dir.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_kept_until_it_is_over_or_ended() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("pairs/main");
        assert_eq!(until(&dir), None);
        clear(&dir).unwrap();
        set(&dir, 0).unwrap();
        assert_eq!(until(&dir), Some(0));
        let later = now() + 60;
        set(&dir, later).unwrap();
        assert_eq!(until(&dir), Some(later));
        set(&dir, now() - 1).unwrap();
        assert_eq!(until(&dir), None);
        set(&dir, 0).unwrap();
        clear(&dir).unwrap();
        assert_eq!(until(&dir), None);
    }

    #[test]
    fn a_pause_that_cannot_be_understood_is_one() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(FILE), "soon").unwrap();
        assert_eq!(until(home.path()), Some(0));
    }
}
