//! The door to SQL: opening under the lock, checking, and the one way to write.
//!
//! Must never happen here: a second writer, a write outside a transaction, a journal used that SQLite's own check
//! finds unsound. Agreements and intents are on disk before their call returns; observations may be lost in a power
//! cut (never half of them), for they can be seen again. Killing the process loses neither.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::JournalError;
use crate::lock::Lock;
use crate::meta::{self, Meta};
use crate::migrate::{self, MIGRATIONS};
use crate::random::Random;
use crate::row::Num;

/// Name of the database in the state folder of a pair.
pub(crate) const DATABASE: &str = "journal.db";

/// How many journals may be set aside in one folder before the user has to tidy up.
const SET_ASIDE_MAX: u32 = 1_000;

/// How long to wait for a curious user's `sqlite3` on the same file.
const BUSY: Duration = Duration::from_secs(1);

/// Prepared statements kept: more than there are different ones in this crate.
const STATEMENTS: usize = 64;

/// Size in bytes to which the write-ahead log is cut back after a large commit.
const LOG_KEPT: i64 = 16 << 20;

/// What a power cut may take back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Durability {
    /// Nothing, once the call returned.
    Full,
    /// The last observations, as whole transactions.
    Relaxed,
}

/// The journal of one pair, locked for as long as it is open.
///
/// Reading takes `&self`, writing `&mut self`; each write is one transaction, and a call that returns an error
/// changed nothing.
#[derive(Debug)]
pub struct Journal {
    conn: Connection,
    /// The database, for messages.
    path: PathBuf,
    pub(crate) meta: Meta,
    /// The next node id to give out.
    pub(crate) next_node: u64,
    /// The same as the database has it.
    stored_next_node: u64,
    /// The last time any caller told us; stamps what has no time of its own.
    pub(crate) heard: i64,
    pub(crate) random: Random,
    /// Dropped last: after the database is closed.
    _lock: Lock,
}

impl Journal {
    /// Opens the journal in `dir`, making folder and journal where there are none and bringing an older one up to
    /// this version (a copy of it stays beside it).
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Newer`, `NotWritable`, `Full`: the journal is as it was.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let random = Random::from_system().map_err(JournalError::io(dir))?;
        Self::open_drawing(dir, random)
    }

    /// As [`open`](Self::open), but everything random comes from `seed`: for simulations that must replay.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_seeded(dir: &Path, seed: u64) -> Result<Self, JournalError> {
        Self::open_drawing(dir, Random::seeded(seed))
    }

    fn open_drawing(dir: &Path, mut random: Random) -> Result<Self, JournalError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(JournalError::io(dir))?;
        let lock = Lock::take(dir)?;
        let path = dir.join(DATABASE);
        create_private(&path)?;
        let mut conn = connect(&path)?;
        migrate::refuse(&conn, MIGRATIONS)?;
        check(&conn)?;
        migrate::migrate(&mut conn, Some(dir), MIGRATIONS)?;
        conn.pragma_update(None, "journal_mode", "WAL")
            .and_then(|()| conn.pragma_update(None, "foreign_keys", true))
            .and_then(|()| meta::create(&conn, high_half(random.next())))
            .map_err(|cause| JournalError::sql("opening the journal", cause).at(&path))?;
        Self::over(conn, path, lock, random)
    }

    /// The journal for a dry run: a copy in memory of what `dir` holds, so that whatever is done with it leaves the
    /// files as they are. Only the lock file is written. `None` if there is no journal yet.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(dir: &Path) -> Result<Option<Self>, JournalError> {
        if !dir.is_dir() {
            return Ok(None);
        }
        let lock = Lock::take(dir)?;
        let path = dir.join(DATABASE);
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            return Ok(None);
        }
        let doing = "copying the journal into memory";
        let sql = |cause| JournalError::sql(doing, cause);
        let mut conn = Connection::open_in_memory().map_err(sql)?;
        migrate::copy_pages(&connect_untouched(&path)?, &mut conn).map_err(sql)?;
        check(&conn)?;
        if migrate::version(&conn)? == 0 {
            return Ok(None);
        }
        migrate::migrate(&mut conn, None, MIGRATIONS)?;
        conn.pragma_update(None, "foreign_keys", true).map_err(sql)?;
        let random = Random::from_system().map_err(JournalError::io(dir))?;
        Self::over(conn, path, lock, random).map(Some)
    }

    /// Moves the journal in `dir`, sound or not, out of the way under a new name beside it, so that the next
    /// [`open`](Self::open) makes a new one (`rebuild`, `forget`). Returns the new place; `None` if there was none.
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

    fn over(conn: Connection, path: PathBuf, lock: Lock, random: Random) -> Result<Self, JournalError> {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        let (meta, next_node) =
            meta::load(&conn).map_err(|cause| JournalError::sql("reading the pair's facts", cause))?;
        let heard = conn
            .query_row(
                "SELECT max(coalesce((SELECT max(begun_at) FROM intent), 0),
                    coalesce((SELECT at FROM history ORDER BY seq DESC LIMIT 1), 0))",
                [],
                |row| row.get(0),
            )
            .map_err(|cause| JournalError::sql("reading the last time", cause))?;
        Ok(Self {
            conn,
            path,
            meta,
            next_node,
            stored_next_node: next_node,
            heard,
            random,
            _lock: lock,
        })
    }

    /// Tells the journal the time. It stamps what has no time of its own: the closing of intents, the age of
    /// agreements. Every call that takes a time tells it as well.
    pub const fn hear(&mut self, now: i64) {
        self.heard = now;
    }

    /// The one way to write: `work` in one transaction, committed when it succeeds, gone when it fails. Records on
    /// the way which node ids were given out, so that none that is stored anywhere is ever given again.
    pub(crate) fn write<T>(
        &mut self,
        durability: Durability,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let next_node = self.next_node;
        let changed = next_node != self.stored_next_node;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Relaxed => "NORMAL",
        };
        let written = (|| {
            self.conn.pragma_update(None, "synchronous", synchronous)?;
            let tx = self
                .conn
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&tx)?;
            if changed {
                tx.prepare_cached("UPDATE meta SET next_node = ?1")?
                    .execute([Num(next_node)])?;
            }
            tx.commit()?;
            Ok(value)
        })();
        let value = written.map_err(|cause| JournalError::sql(doing, cause).at(&self.path))?;
        self.stored_next_node = next_node;
        Ok(value)
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

/// Makes an empty file that only its owner can read; one that is there stays as it is.
pub(crate) fn create_private(path: &Path) -> Result<(), JournalError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(JournalError::io(path)(error)),
    }
}

fn sync_folder(dir: &Path) -> Result<(), JournalError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(JournalError::io(dir))
}

/// Opens the database for use. Exclusive locking keeps the log's index in memory: no shared-memory file, and it
/// works where memory cannot be shared between machines.
fn connect(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    (|| {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        Ok(conn)
    })()
    .map_err(|cause| JournalError::sql("opening the journal", cause).at(path))
}

/// Opens the database so that neither it nor its log is changed, not even by closing it. Only under the lock.
fn connect_untouched(path: &Path) -> Result<Connection, JournalError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log_is_empty = fs::metadata(&log).map_or(0, |file| file.len()) == 0;
    (|| {
        if log_is_empty {
            // Nobody else has it open: SQLite may take the file as immutable and so makes no files of its own.
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            return Connection::open_with_flags(immutable_uri(path), flags);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.pragma_update(None, "query_only", true)?;
        Ok(conn)
    })()
    .map_err(|cause| JournalError::sql("opening the journal for reading", cause).at(path))
}

/// The path as a URI that SQLite opens as immutable.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// SQLite's own check of the file, and of what its rows refer to.
fn check(conn: &Connection) -> Result<(), JournalError> {
    let doing = "checking the journal";
    let sql = |cause| JournalError::sql(doing, cause);
    let verdict: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(sql)?;
    if verdict != "ok" {
        return Err(JournalError::Damaged { cause: verdict });
    }
    migrate::check_references(conn).map_err(sql)
}

/// The upper 32 bits.
fn high_half(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
