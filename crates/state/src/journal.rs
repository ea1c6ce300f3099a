//! The door to SQL: the journal as a value, and the one way to write.
//!
//! Must never happen here: a second writer, a write outside a transaction. Agreements and intents are on disk before
//! their call returns; observations may be lost in a power cut (never half of them), for they can be seen again.
//! Killing the process loses neither. Who has much to write at once gathers it: then [`Journal::settle`] is the call that
//! brings it to the disk, or the [`Flush`] that [`Journal::settle_behind`] answers.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::error::JournalError;
use crate::lock::Lock;
use crate::meta::Meta;
use crate::random::Random;
use crate::row::Num;

/// Name of the database in the state folder of a pair.
pub(crate) const DATABASE: &str = "journal.db";

/// The write-ahead log of a database.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// What a power cut may take back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// Nothing, once the call returned.
    Full,
    /// The last observations, as whole transactions.
    Relaxed,
}

/// What was committed, and may not be on the disk yet: a kill does not take it back, a power cut may.
#[derive(Debug)]
#[must_use = "what it stands for is not on the disk before it was waited for"]
pub struct Flush {
    log: File,
    path: PathBuf,
}

impl Flush {
    /// Brings it to the disk; blocks for as long as that takes. Needs no journal, which may be written to meanwhile.
    ///
    /// # Errors
    /// The disk is full or broken: any part of it may be lost.
    pub fn wait(self) -> Result<(), JournalError> {
        self.log.sync_data().map_err(JournalError::io(self.path))
    }
}

/// The connection of a journal, closed when it is dropped. In a simulation it goes back to its shelf instead.
#[cfg(not(any(test, feature = "shelf")))]
pub(crate) type Database = Connection;

/// A connection that is closed when it is dropped.
#[cfg(not(any(test, feature = "shelf")))]
pub(crate) const fn own(conn: Connection) -> Database {
    conn
}

#[cfg(any(test, feature = "shelf"))]
pub(crate) use crate::shelf::{Database, own};

/// An open transaction, rolled back when it is dropped. Its statements are kept prepared, which rusqlite's own are not: a
/// pass makes dozens of small ones.
struct Open<'a>(&'a Connection);

impl<'a> Open<'a> {
    fn begin(conn: &'a Connection) -> rusqlite::Result<Self> {
        conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(conn))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(|_| ())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // After a commit, and after errors at which SQLite rolled back itself, none is open any more.
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            tracing::debug!(%error, "a transaction could not be rolled back: it ends with the connection");
        }
    }
}

/// The journal of one pair, locked for as long as it is open.
///
/// Reading takes `&self`, writing `&mut self`; each write is one transaction, and a call that returns an error
/// changed nothing. Between [`gather`](Self::gather) and [`settle`](Self::settle) all are one.
#[derive(Debug)]
pub struct Journal {
    pub(crate) conn: Database,
    /// The database, for messages.
    pub(crate) path: PathBuf,
    pub(crate) meta: Meta,
    /// The next node id to give out.
    pub(crate) next_node: u64,
    /// The same as the database has it.
    pub(crate) stored_next_node: u64,
    /// The last time any caller told us; stamps what has no time of its own.
    pub(crate) heard: i64,
    pub(crate) random: Random,
    /// Nothing of it is on a disk, so nothing is synchronised.
    pub(crate) in_memory: bool,
    /// What the connection is set to; `None`: not known.
    pub(crate) durability: Option<Durability>,
    /// Writes are parts of one transaction, which the first of them opens.
    pub(crate) gathering: bool,
    /// The write-ahead log, once SQLite brought a commit to the disk itself, and with it the log's name in its folder.
    pub(crate) log: Option<File>,
    /// Dropped last: after the database is closed. `None` only for one in memory whose folder is not there.
    pub(crate) _lock: Option<Lock>,
}

impl Journal {
    /// Tells the journal the time. It stamps what has no time of its own: the closing of intents, the age of
    /// agreements. Every call that takes a time tells it as well.
    pub const fn hear(&mut self, now: i64) {
        self.heard = now;
    }

    /// From now on until [`settle`](Self::settle) all writes are one transaction: they come to the disk together, and in
    /// one flush. Nothing that must not happen before they are there may happen in between.
    pub const fn gather(&mut self) {
        self.gathering = true;
    }

    /// Brings to the disk what was written since [`gather`](Self::gather).
    ///
    /// # Errors
    /// The disk is full or broken: nothing of it is there.
    pub fn settle(&mut self) -> Result<(), JournalError> {
        self.settle_behind()?.map_or(Ok(()), Flush::wait)
    }

    /// Commits what was written since [`gather`](Self::gather), and leaves it to the caller to wait for the disk, beside other
    /// work: SQLite writes to its log without waiting, and [`Flush`] is what it would have done. `None`: it is on the disk.
    ///
    /// # Errors
    /// The disk is full or broken: nothing of it is there.
    pub fn settle_behind(&mut self) -> Result<Option<Flush>, JournalError> {
        self.gathering = false;
        // After errors at which SQLite rolled back itself none is open any more, and whoever met them knows.
        if self.conn.is_autocommit() {
            return Ok(None);
        }
        let done = Open(&self.conn).commit();
        done.map_err(|cause| {
            self.stored_next_node = 0;
            JournalError::sql("committing what was gathered", cause).at(&self.path)
        })?;
        if self.in_memory {
            return Ok(None);
        }
        let path = log_of(&self.path);
        match &self.log {
            Some(log) => {
                let log = log.try_clone().map_err(JournalError::io(&path))?;
                Ok(Some(Flush { log, path }))
            }
            // SQLite waited for the disk itself; should its log not open, it goes on to.
            None => {
                self.log = File::open(path).ok();
                Ok(None)
            }
        }
    }

    /// The one way to write: `work` in one transaction, committed when it succeeds, gone when it fails. Records on
    /// the way which node ids were given out, so that none that is stored anywhere is ever given again.
    pub(crate) fn write<T>(
        &mut self,
        durability: Durability,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let next_node = self.next_node;
        let changed = next_node != self.stored_next_node;
        let all = |conn: &Connection| {
            let value = work(conn)?;
            if changed {
                conn.prepare_cached("UPDATE meta SET next_node = ?1")?
                    .execute([Num(next_node)])?;
            }
            Ok(value)
        };
        let written = if self.gathering {
            self.write_within(all)
        } else {
            self.write_alone(durability, all)
        };
        let value = written.map_err(|cause| JournalError::sql(doing, cause).at(&self.path))?;
        self.stored_next_node = next_node;
        Ok(value)
    }

    /// A transaction of its own.
    fn write_alone<T>(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.synchronise(durability)?;
        let open = Open::begin(&self.conn)?;
        let value = work(open.0)?;
        open.commit()?;
        Ok(value)
    }

    /// A part of the transaction in which writes are gathered; gone by itself when it fails.
    fn write_within<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.conn.is_autocommit() {
            self.synchronise(if self.log.is_some() {
                Durability::Relaxed
            } else {
                Durability::Full
            })?;
            self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        self.conn.prepare_cached("SAVEPOINT part")?.execute([])?;
        let worked = work(&self.conn);
        if worked.is_err() && !self.conn.is_autocommit() {
            self.conn.prepare_cached("ROLLBACK TO part")?.execute([])?;
        }
        if !self.conn.is_autocommit() {
            self.conn.prepare_cached("RELEASE part")?.execute([])?;
        }
        worked
    }

    /// Sets what a power cut may take back from the next transaction.
    fn synchronise(&mut self, durability: Durability) -> rusqlite::Result<()> {
        if self.in_memory || self.durability == Some(durability) {
            return Ok(());
        }
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Relaxed => "NORMAL",
        };
        // Not known until this has come to its end.
        self.durability = None;
        self.conn.pragma_update(None, "synchronous", synchronous)?;
        self.durability = Some(durability);
        Ok(())
    }

    /// The one way to read.
    pub(crate) fn ask<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        work(&self.conn).map_err(|cause| JournalError::sql(doing, cause).at(&self.path))
    }
}
