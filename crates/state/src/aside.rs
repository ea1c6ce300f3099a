//! Putting a journal out of the way, sound or not, so that a new one can be made (`rebuild`, `forget`).
//!
//! Nothing is deleted: the old one stays whole beside the new one. Must never happen here: a database that is left without
//! its log under the name that the next open uses.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::JournalError;
use crate::journal::{DATABASE, Journal};
use crate::lock::Lock;
use crate::open::sync_folder;

/// How many journals may be set aside in one folder before the user has to tidy up.
const SET_ASIDE_MAX: u32 = 1_000;

impl Journal {
    /// Moves the journal in `dir`, sound or not, out of the way under a new name beside it, so that the next
    /// [`open`](Self::open) makes a new one. Returns the new place; `None` if there was none.
    ///
    /// # Errors
    /// `Locked`, `NotWritable`: nothing was moved.
    pub fn set_aside(dir: &Path) -> Result<Option<PathBuf>, JournalError> {
        if !dir.is_dir() {
            return Ok(None);
        }
        let _lock = Lock::take(dir)?;
        let path = dir.join(DATABASE);
        if !path.exists() {
            return Ok(None);
        }
        let free = (1..=SET_ASIDE_MAX)
            .map(|number| dir.join(format!("{DATABASE}.aside-{number}")))
            .find(|aside| !aside.exists());
        let Some(aside) = free else {
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
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, file, killed};

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
            let aside = Journal::set_aside(home.path()).unwrap().unwrap();
            assert_eq!(Journal::set_aside(home.path()).unwrap(), None);
            let new = home.open();
            assert_ne!(new.meta().journal_id, id);
            assert_eq!(new.synced().unwrap().len(), 0);
            drop(new);
            let walked: i64 = Connection::open(aside)
                .unwrap()
                .query_row("SELECT completed_at FROM walk", [], |row| row.get(0))
                .unwrap();
            assert_eq!(walked, 9);
            assert!(
                Journal::set_aside(home.path())
                    .unwrap()
                    .unwrap()
                    .ends_with("journal.db.aside-2")
            );
        }
    }
}
