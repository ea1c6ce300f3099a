//! A journal that its process has closed for a while, and will open again: whether anybody had it open meanwhile.
//!
//! Never here: a journal taken for untouched by its name or its age alone. Change times are the file system's, set by nobody.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::error::JournalError;
use crate::journal::{DATABASE, Journal};

/// What a journal was when it was closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal(Mark);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Mark {
    /// Not to be told: it counts as touched.
    Unknown,
    /// Of the database's file, with its log written back.
    File {
        device: u64,
        inode: u64,
        size: u64,
        changed: (i64, i64),
        written: (i64, i64),
    },
    /// How often a shelf gave it out.
    #[cfg(any(test, feature = "shelf"))]
    Shelf(u64),
}

impl Seal {
    /// Of the files in `dir`, which nobody has open.
    fn of(dir: &Path) -> Self {
        let log = fs::symlink_metadata(dir.join(format!("{DATABASE}-wal")));
        let no_log = log.map_or_else(
            |error| error.kind() == std::io::ErrorKind::NotFound,
            |log| log.len() == 0,
        );
        match fs::symlink_metadata(dir.join(DATABASE)) {
            Ok(file) if no_log => Self(Mark::File {
                device: file.dev(),
                inode: file.ino(),
                size: file.len(),
                changed: (file.ctime(), file.ctime_nsec()),
                written: (file.mtime(), file.mtime_nsec()),
            }),
            Ok(_) | Err(_) => Self(Mark::Unknown),
        }
    }

    /// Of a journal on a shelf, which gave it out so often.
    #[cfg(any(test, feature = "shelf"))]
    pub(crate) const fn of_shelf(given: u64) -> Self {
        Self(Mark::Shelf(given))
    }

    pub(crate) fn holds(&self, dir: &Path) -> bool {
        self.0 != Mark::Unknown && *self == Self::of(dir)
    }
}

impl Journal {
    /// Closes the journal. What it was then tells later whether somebody else had it.
    #[must_use]
    pub fn seal(self) -> Seal {
        let Self {
            conn, path, _lock, ..
        } = self;
        #[cfg(any(test, feature = "shelf"))]
        if let Some(given) = conn.given() {
            return Seal::of_shelf(given);
        }
        drop(conn);
        // Before the lock goes.
        path.parent().map_or(Seal(Mark::Unknown), Seal::of)
    }

    /// Opens a journal that this process closed, and says whether it is as it was then. If it is, nothing of it is checked
    /// again.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reopen(dir: &Path, seal: &Seal) -> Result<(Self, bool), JournalError> {
        let lock = crate::open::lock_made(dir)?;
        if seal.holds(dir) {
            return Self::open_sealed(dir, lock).map(|journal| (journal, true));
        }
        let random = crate::random::Random::from_system().map_err(JournalError::io(dir))?;
        Self::open_locked(dir, lock, random).map(|journal| (journal, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::testing::file;

    #[test]
    fn a_journal_that_nobody_had_meanwhile_is_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        let seal = journal.seal();
        let (journal, same) = Journal::reopen(dir.path(), &seal).unwrap();
        assert!(same);
        assert_eq!(journal.synced().unwrap().len(), 1);
        assert!(
            matches!(Journal::open(dir.path()), Err(JournalError::Locked { .. })),
            "it is locked again"
        );
    }

    #[test]
    fn one_that_somebody_wrote_to_or_put_another_in_place_of_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Journal::open(dir.path()).unwrap().seal();
        let mut other = Journal::open(dir.path()).unwrap();
        other.commit(&[Change::Put(file(1, None))]).unwrap();
        drop(other);
        let (journal, same) = Journal::reopen(dir.path(), &seal).unwrap();
        assert!(!same);
        assert_eq!(journal.synced().unwrap().len(), 1);
        let seal = journal.seal();
        let database = dir.path().join(DATABASE);
        fs::copy(&database, dir.path().join("copy")).unwrap();
        fs::rename(dir.path().join("copy"), &database).unwrap();
        let (journal, same) = Journal::reopen(dir.path(), &seal).unwrap();
        assert!(!same);
        let seal = journal.seal();
        fs::write(dir.path().join(format!("{DATABASE}-wal")), "x").unwrap();
        assert!(!seal.holds(dir.path()), "with a log that is not written back");
    }

    #[test]
    fn who_only_read_it_leaves_it_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let seal = Journal::open(dir.path()).unwrap().seal();
        drop(Journal::read(dir.path()).unwrap());
        assert!(Journal::reopen(dir.path(), &seal).unwrap().1);
    }
}
