//! The end of a journal: put out of the way, sound or not, so that a new one begins (`rebuild`), or removed (`forget`).
//!
//! What is put aside stays whole beside the new one. Must never happen here: a moment without the lock between the old
//! journal and the new one; a database that is left without its log under the name that the next open uses.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::JournalError;
use crate::journal::{DATABASE, Journal};
use crate::lock::Lock;
use crate::open::{lock_made, sync_folder};
use crate::random::Random;

/// How many journals may be set aside under one date before the user has to tidy up.
const SET_ASIDE_MAX: u32 = 1_000;

impl Journal {
    /// Moves the journal in `dir`, sound or not, out of the way under a name beside it that ends in `when`, and makes
    /// a new, empty one. Returns that, and the old one's new place; `None` if there was none. `when` is part of a file
    /// name. Ended between the two, the next [`open`](Self::open) makes the new one.
    ///
    /// # Errors
    /// `Locked`, `NotWritable`, `Full`: nothing was moved, or the old one is aside already.
    pub fn begin_anew(dir: &Path, when: &str) -> Result<(Self, Option<PathBuf>), JournalError> {
        let lock = lock_made(dir)?;
        let aside = set_aside(dir, when)?;
        let random = Random::from_system().map_err(JournalError::io(dir))?;
        Ok((Self::open_locked(dir, lock, random)?, aside))
    }

    /// Removes this journal from its folder, with the copies and those that were set aside; the lock file stays, for
    /// others may be waiting at it.
    ///
    /// # Errors
    /// `NotWritable`: some of it may be left; [`end_unread`](Self::end_unread) goes on.
    pub fn end(self) -> Result<(), JournalError> {
        let Self {
            conn, path, _lock, ..
        } = self;
        drop(conn);
        path.parent().map_or(Ok(()), remove_all)
    }

    /// The same for a journal that cannot be opened.
    ///
    /// # Errors
    /// `Locked`, and as [`end`](Self::end).
    pub fn end_unread(dir: &Path) -> Result<(), JournalError> {
        if !dir.is_dir() {
            return Ok(());
        }
        let _lock = Lock::take(dir)?;
        remove_all(dir)
    }
}

/// Under the lock.
fn set_aside(dir: &Path, when: &str) -> Result<Option<PathBuf>, JournalError> {
    let path = dir.join(DATABASE);
    if !path.exists() {
        return Ok(None);
    }
    let name = |number| match number {
        1 => dir.join(format!("{DATABASE}.aside-{when}")),
        more => dir.join(format!("{DATABASE}.aside-{when}-{more}")),
    };
    let Some(aside) = (1..=SET_ASIDE_MAX).map(name).find(|aside| !aside.exists()) else {
        let full = std::io::Error::other("too many journals are set aside in this folder");
        return Err(JournalError::io(&path)(full));
    };
    // The database first: SQLite drops the log of a database that is not there, but would take the database
    // without its log for a whole one.
    fs::rename(&path, &aside).map_err(JournalError::io(&aside))?;
    let log = dir.join(format!("{DATABASE}-wal"));
    if log.exists() {
        let mut beside = aside.clone().into_os_string();
        beside.push("-wal");
        fs::rename(&log, &beside).map_err(JournalError::io(&log))?;
    }
    sync_folder(dir)?;
    Ok(Some(aside))
}

/// Removes every file of a journal's name, the database before its log; under the lock.
fn remove_all(dir: &Path) -> Result<(), JournalError> {
    let failed = || JournalError::io(dir);
    let mut paths = vec![dir.join(DATABASE)];
    for entry in fs::read_dir(dir).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let ours = entry.file_name().to_string_lossy().starts_with(DATABASE);
        if ours {
            paths.push(entry.path());
        }
    }
    for path in paths {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(JournalError::io(&path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    sync_folder(dir)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, contents, file, killed};

    #[test]
    fn a_journal_set_aside_is_whole_and_the_next_one_is_new() {
        let home = Home::new();
        let mut journal = home.open();
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        let id = journal.meta().journal_id;
        journal.set_walked(9).unwrap();
        let unclean = killed(&home);
        drop(journal);
        for home in [unclean, home] {
            let (new, aside) = Journal::begin_anew(home.path(), "2026-11-25").unwrap();
            let aside = aside.unwrap();
            assert!(aside.ends_with("journal.db.aside-2026-11-25"), "{aside:?}");
            assert_ne!(new.meta().journal_id, id);
            assert_eq!(new.synced().unwrap().len(), 0);
            drop(new);
            let walked: i64 = Connection::open(aside)
                .unwrap()
                .query_row("SELECT completed_at FROM walk", [], |row| row.get(0))
                .unwrap();
            assert_eq!(walked, 9);
            let (_, second) = Journal::begin_anew(home.path(), "2026-11-25").unwrap();
            assert!(second.unwrap().ends_with("journal.db.aside-2026-11-25-2"));
        }
    }

    #[test]
    fn a_new_journal_begins_where_there_was_none_or_only_garbage() {
        let home = Home::new();
        let nowhere = home.path().join("pairs/main");
        assert_eq!(Journal::begin_anew(&nowhere, "now").unwrap().1, None);
        let garbage = "x".repeat(5000);
        fs::write(home.path().join(DATABASE), &garbage).unwrap();
        let (new, aside) = Journal::begin_anew(home.path(), "now").unwrap();
        assert_eq!(new.synced().unwrap().len(), 0);
        assert_eq!(fs::read_to_string(aside.unwrap()).unwrap(), garbage);
    }

    #[test]
    fn nothing_of_a_journal_is_left_at_its_end_and_nothing_else_is_touched() {
        for sound in [true, false] {
            let home = Home::new();
            home.open().set_walked(9).unwrap();
            drop(Journal::begin_anew(home.path(), "now").unwrap());
            fs::write(home.path().join("journal.db.version-1"), "a copy").unwrap();
            fs::write(home.path().join("notes.txt"), "the user's").unwrap();
            if sound {
                home.open().end().unwrap();
            } else {
                fs::write(home.path().join(DATABASE), "garbage").unwrap();
                Journal::end_unread(home.path()).unwrap();
            }
            let left: Vec<_> = contents(home.path()).into_keys().collect();
            assert_eq!(left, ["notes.txt"]);
            assert_eq!(home.open().synced().unwrap().len(), 0);
        }
        Journal::end_unread(Path::new("/nowhere/at/all")).unwrap();
    }
}
