//! Journals in memory that outlive their [`Journal`] values: for simulations, which open one a dozen times in a blink.
//!
//! What a kill leaves is the same as on a disk: an open transaction is rolled back, everything committed stays. What a
//! shelf cannot show is a power cut or a damaged file. Nothing of it is in the product.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::error::JournalError;
use crate::journal::{Database, Journal};
use crate::meta;
use crate::migrate::{self, MIGRATIONS};
use crate::open::high_half;
use crate::random::Random;
use crate::seal::Seal;

/// Who has the database of a name.
enum Held {
    /// Nobody.
    Here(Connection),
    /// A journal that is open.
    Out,
}

/// A place of the shelf.
struct Slot {
    held: Held,
    /// How often it was given out or emptied.
    given: u64,
}

/// Databases in memory by the folder they would be in.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<BTreeMap<PathBuf, Slot>>>);

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shelf")
    }
}

/// Where a database goes back to when its journal is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shelf: Shelf,
    dir: PathBuf,
}

impl Place {
    /// Puts the database back.
    pub(crate) fn put_back(self, conn: Connection) {
        let mut slots = self.shelf.slots();
        if let Some(slot) = slots.get_mut(&self.dir) {
            slot.held = Held::Here(conn);
        }
    }

    /// How often the database was given out.
    pub(crate) fn given(&self) -> u64 {
        self.shelf.given(&self.dir)
    }
}

impl Shelf {
    /// Opens the journal of `dir`, an empty one if the shelf has none. What is random comes from `seed`.
    ///
    /// # Errors
    /// `Locked` while another value has it open; `Sql`.
    pub fn open(&self, dir: &Path, seed: u64) -> Result<Journal, JournalError> {
        let sql = |cause| JournalError::sql("opening a journal in memory", cause);
        let conn = match self.take(dir) {
            Some(Held::Here(conn)) => conn,
            Some(Held::Out) => {
                return Err(JournalError::Locked {
                    pid: Some(std::process::id()),
                });
            }
            None => {
                let mut conn = Connection::open_in_memory().map_err(sql)?;
                migrate::migrate(&mut conn, None, MIGRATIONS)?;
                conn.pragma_update(None, "foreign_keys", true).map_err(sql)?;
                conn
            }
        };
        let mut random = Random::seeded(seed);
        meta::create(&conn, high_half(random.next())).map_err(sql)?;
        let place = Place {
            shelf: self.clone(),
            dir: dir.to_owned(),
        };
        Journal::over(Database::of_shelf(conn, place), dir.to_owned(), None, random)
    }

    /// Opens a journal that was closed with that seal, and says whether nobody had it meanwhile.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reopen(&self, dir: &Path, seed: u64, seal: &Seal) -> Result<(Journal, bool), JournalError> {
        let same = *seal == Seal::of_shelf(self.given(dir));
        Ok((self.open(dir, seed)?, same))
    }

    /// Makes the journal of `dir` an empty one, if it is there and nobody has it open.
    ///
    /// # Errors
    /// `Sql`.
    pub fn empty(&self, dir: &Path) -> Result<(), JournalError> {
        let mut slots = self.slots();
        let Some(Slot {
            held: Held::Here(conn),
            given,
        }) = slots.get_mut(dir)
        else {
            return Ok(());
        };
        *given = given.saturating_add(1);
        let emptied = (|| {
            let tables = conn
                .prepare_cached("SELECT name FROM sqlite_schema WHERE type = 'table'")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<String>>>()?;
            let tx = conn.transaction()?;
            for table in tables {
                tx.prepare_cached(&format!("DELETE FROM {table}"))?.execute([])?;
            }
            tx.commit()
        })();
        emptied.map_err(|cause| JournalError::sql("emptying a journal in memory", cause))
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given(&self, dir: &Path) -> u64 {
        self.slots().get(dir).map_or(0, |slot| slot.given)
    }

    /// What is at a place, which is empty from then on.
    fn take(&self, dir: &Path) -> Option<Held> {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(dir) else {
            let slot = Slot {
                held: Held::Out,
                given: 1,
            };
            slots.insert(dir.to_owned(), slot);
            return None;
        };
        slot.given = slot.given.saturating_add(1);
        Some(std::mem::replace(&mut slot.held, Held::Out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::testing::file;

    #[test]
    fn what_is_committed_is_there_again_and_what_is_emptied_is_gone() {
        let (shelf, dir) = (Shelf::default(), Path::new("pairs/main"));
        let mut journal = shelf.open(dir, 1).unwrap();
        let id = journal.meta().journal_id;
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        assert!(matches!(shelf.open(dir, 2), Err(JournalError::Locked { .. })));
        drop(journal);
        let journal = shelf.open(dir, 3).unwrap();
        assert_eq!(
            (journal.synced().unwrap().len(), journal.meta().journal_id),
            (1, id)
        );
        let seal = journal.seal();
        let (journal, same) = shelf.reopen(dir, 5, &seal).unwrap();
        assert!(same);
        drop(journal);
        assert!(!shelf.reopen(dir, 6, &seal).unwrap().1, "somebody had it");
        shelf.empty(dir).unwrap();
        let journal = shelf.open(dir, 4).unwrap();
        assert_eq!(journal.synced().unwrap().len(), 0);
        assert_ne!(journal.meta().journal_id, id);
    }
}
