//! Journals in memory that outlive their [`Journal`] values: for simulations, which open one a dozen times in a blink.
//!
//! What a kill leaves is the same as on a disk: an open transaction is rolled back, everything committed stays. What a
//! shelf cannot show is a power cut or a damaged file. Nothing of it is in the product.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::error::JournalError;
use crate::journal::Journal;
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

/// A journal's connection, which may belong to a shelf.
#[derive(Debug)]
pub(crate) struct Database {
    /// There until this is dropped.
    conn: Option<Connection>,
    /// Where it goes back to then; `None`: it is closed.
    place: Option<(Shelf, PathBuf)>,
}

/// A connection that is closed when it is dropped.
pub(crate) const fn own(conn: Connection) -> Database {
    Database {
        conn: Some(conn),
        place: None,
    }
}

impl Database {
    /// How often its shelf has given it out; `None`: it is of none.
    pub(crate) fn given(&self) -> Option<u64> {
        let (shelf, dir) = self.place.as_ref()?;
        Some(shelf.given(dir))
    }
}

impl std::ops::Deref for Database {
    type Target = Connection;

    #[expect(
        clippy::expect_used,
        reason = "only its drop takes it; nothing of this is in the product"
    )]
    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect("a connection until the drop")
    }
}

impl std::ops::DerefMut for Database {
    #[expect(
        clippy::expect_used,
        reason = "only its drop takes it; nothing of this is in the product"
    )]
    fn deref_mut(&mut self) -> &mut Connection {
        self.conn.as_mut().expect("a connection until the drop")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let (Some((shelf, dir)), Some(conn)) = (self.place.take(), self.conn.take()) {
            shelf.put_back(&dir, conn);
        }
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
        let database = Database {
            conn: Some(conn),
            place: Some((self.clone(), dir.to_owned())),
        };
        Journal::over(database, dir.to_owned(), None, random)
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

    fn put_back(&self, dir: &Path, conn: Connection) {
        // What was gathered and not settled is gone, as when a connection is closed.
        if !conn.is_autocommit() && conn.execute_batch("ROLLBACK").is_err() {
            return;
        }
        if let Some(slot) = self.slots().get_mut(dir) {
            slot.held = Held::Here(conn);
        }
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
