//! The database: the only place that speaks SQL. Accounts' settings, files, folders, tokens, links, imports.
//!
//! WAL without syncs: a killed server keeps everything, a power cut need not. Every public operation is one
//! transaction. Nothing here knows a quirk: callers say what to write, this keeps counts and indexes true.
//! A listing is one indexed range; its cost is the rows of that folder.

pub(crate) mod files;
pub(crate) mod folders;
pub(crate) mod house;
pub(crate) mod sessions;

use std::path::Path;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

/// The one database connection.
pub(crate) struct Store {
    conn: Connection,
}

/// State of a file or folder row. Rows are never removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Live.
    Active,
    /// Recoverable.
    Trash,
    /// Purged; only the row is left.
    Deleted,
}

impl State {
    /// As the API says it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Trash => "trash",
            Self::Deleted => "deleted",
        }
    }
}

impl ToSql for State {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number: i64 = match self {
            Self::Active => 0,
            Self::Trash => 1,
            Self::Deleted => 2,
        };
        Ok(number.into())
    }
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Active),
            1 => Ok(Self::Trash),
            2 => Ok(Self::Deleted),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folders(
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL, parent INTEGER, name BLOB NOT NULL,
    key TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, public INTEGER NOT NULL DEFAULT 0, password TEXT,
    added INTEGER NOT NULL, updated INTEGER, touched INTEGER, hash TEXT NOT NULL, shared INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0, shown INTEGER NOT NULL DEFAULT 0, n_files INTEGER NOT NULL DEFAULT 0,
    n_folders INTEGER NOT NULL DEFAULT 0, n_trash INTEGER NOT NULL DEFAULT 0, downloads INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS folders_in ON folders(parent, owner, state, key, id);
CREATE INDEX IF NOT EXISTS folders_by_name ON folders(owner, state, key, id);
CREATE INDEX IF NOT EXISTS folders_dead ON folders(updated) WHERE state = 1;
CREATE TABLE IF NOT EXISTS files(
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER, folder INTEGER, name BLOB NOT NULL, key TEXT NOT NULL,
    extension TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, short TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
    mime TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL, lost INTEGER NOT NULL DEFAULT 0,
    uploaded INTEGER NOT NULL, updated INTEGER, accessed INTEGER, downloads INTEGER NOT NULL DEFAULT 0,
    ip TEXT NOT NULL, source TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS files_in ON files(folder, owner, state, key, id);
CREATE INDEX IF NOT EXISTS files_dead ON files(updated) WHERE state = 1;
CREATE INDEX IF NOT EXISTS files_blob ON files(md5, size) WHERE state < 2;
CREATE TRIGGER IF NOT EXISTS file_added AFTER INSERT ON files WHEN NEW.state = 0 AND NEW.folder IS NOT NULL BEGIN
    UPDATE folders SET n_files = n_files + 1, downloads = downloads + NEW.downloads WHERE id = NEW.folder; END;
CREATE TRIGGER IF NOT EXISTS file_changed AFTER UPDATE OF folder, state, downloads ON files BEGIN
    UPDATE folders SET n_files = n_files - 1, downloads = downloads - OLD.downloads
        WHERE OLD.state = 0 AND id = OLD.folder;
    UPDATE folders SET n_files = n_files + 1, downloads = downloads + NEW.downloads
        WHERE NEW.state = 0 AND id = NEW.folder; END;
CREATE TRIGGER IF NOT EXISTS folder_added AFTER INSERT ON folders WHEN NEW.parent IS NOT NULL BEGIN
    UPDATE folders SET n_folders = n_folders + 1 WHERE id = NEW.parent; END;
CREATE TRIGGER IF NOT EXISTS folder_changed AFTER UPDATE OF parent, state ON folders BEGIN
    UPDATE folders SET n_folders = n_folders - (OLD.state = 0), n_trash = n_trash - (OLD.state = 1)
        WHERE id = OLD.parent;
    UPDATE folders SET n_folders = n_folders + (NEW.state = 0), n_trash = n_trash + (NEW.state = 1)
        WHERE id = NEW.parent; END;
CREATE TABLE IF NOT EXISTS tokens(token TEXT PRIMARY KEY, owner INTEGER NOT NULL, created INTEGER NOT NULL,
    used INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cookies(cookie TEXT PRIMARY KEY, owner INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures(ip TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS bans(ip TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links(token TEXT PRIMARY KEY, file INTEGER NOT NULL, ip TEXT NOT NULL,
    created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS imports(id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL, url TEXT NOT NULL,
    folder INTEGER, status TEXT NOT NULL, created INTEGER NOT NULL, started INTEGER, finished INTEGER,
    size INTEGER, file INTEGER);
";

impl Store {
    /// Opens or makes the database in a directory.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "OFF")?;
        conn.pragma_update(None, "cache_size", -32_768)?;
        conn.set_prepared_statement_cache_capacity(128);
        conn.execute_batch(SCHEMA)?;
        Ok(Self { conn })
    }

    /// A stored setting.
    pub(crate) fn setting(&self, key: &str) -> rusqlite::Result<Option<String>> {
        let mut get = self
            .conn
            .prepare_cached("SELECT value FROM settings WHERE key = ?1")?;
        get.query_row([key], |row| row.get(0)).optional()
    }

    /// Stores a setting.
    pub(crate) fn set_setting(&self, key: &str, value: &str) -> rusqlite::Result<()> {
        let sql = "INSERT INTO settings VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value";
        self.conn.prepare_cached(sql)?.execute(params![key, value])?;
        Ok(())
    }

    /// A stored setting, made and stored if there is none.
    pub(crate) fn setting_or(&self, key: &str, make: impl FnOnce() -> String) -> rusqlite::Result<String> {
        if let Some(value) = self.setting(key)? {
            return Ok(value);
        }
        let value = make();
        self.set_setting(key, &value)?;
        Ok(value)
    }
}
