//! What can go wrong with the journal, by what the caller can do about it.
//!
//! Whence: SQLite's and the system's errors, each joined with what this crate was doing. Whither: the engine's
//! safety stops and `report.rs`. An error never means that half of a commit was written.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;

/// Why the journal could not be opened, read or written. Nothing was changed by the call that returned it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process (or another open in this one) holds the journal: wait, or tell the user who.
    #[error("the journal is in use by another process")]
    Locked {
        /// The holder, if it had written its id already.
        pid: Option<u32>,
    },
    /// The file is not a sound journal: a safety stop; the way on is a rebuild (design §6).
    #[error("the journal is damaged: {cause}")]
    Damaged {
        /// What was found.
        cause: String,
    },
    /// A later version of the program wrote it: only that version may use it.
    #[error("the journal has version {found}, this program knows up to {known}")]
    Newer {
        /// The journal's version.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The state folder or a file in it cannot be written: permissions, or a read-only file system.
    #[error("cannot write {path}")]
    NotWritable {
        /// Which.
        path: PathBuf,
        /// The system's words.
        #[source]
        cause: io::Error,
    },
    /// No space left for the journal: free some, then the same call can be made again.
    #[error("no space left while {doing}")]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// The changes would have left a node without its folder: a mistake of the caller, refused as a whole.
    #[error("{doing} would leave a node without its folder")]
    Torn {
        /// What was being done.
        doing: &'static str,
    },
    /// A change names an intent that this journal does not hold: a mistake of the caller, refused as a whole.
    #[error("{doing}: no such intent")]
    NoSuchIntent {
        /// What was being done.
        doing: &'static str,
    },
    /// Anything else SQLite reports, such as an IO error of the disk.
    #[error("the journal failed while {doing}")]
    Sql {
        /// What was being done.
        doing: &'static str,
        /// SQLite's words.
        #[source]
        cause: rusqlite::Error,
    },
}

impl JournalError {
    /// Sorts SQLite's error by what can be done about it.
    pub(crate) fn sql(doing: &'static str, cause: rusqlite::Error) -> Self {
        use rusqlite::Error as Sql;
        if let Sql::StatementChangedRows(_) = cause {
            return Self::NoSuchIntent { doing };
        }
        // What a query of ours cannot make of a row, no writer of ours has stored.
        let unreadable = matches!(
            cause,
            Sql::FromSqlConversionFailure(..)
                | Sql::IntegralValueOutOfRange(..)
                | Sql::InvalidColumnType(..)
                | Sql::Utf8Error(..)
                | Sql::QueryReturnedNoRows
        );
        let code = cause.sqlite_error_code();
        if unreadable || matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            return Self::Damaged {
                cause: format!("{doing}: {cause}"),
            };
        }
        if let Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) = code {
            return Self::NotWritable {
                path: PathBuf::from(crate::journal::DATABASE),
                cause: io::Error::other(cause),
            };
        }
        let foreign_key = cause
            .sqlite_error()
            .is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY);
        if foreign_key {
            return Self::Torn { doing };
        }
        match code {
            Some(ErrorCode::DiskFull) => Self::Full { doing },
            Some(ErrorCode::DatabaseBusy) => Self::Locked { pid: None },
            Some(_) | None => Self::Sql { doing, cause },
        }
    }

    /// A thread that waited for the disk ended before the disk answered.
    #[must_use]
    pub fn broke_off() -> Self {
        Self::NotWritable {
            path: PathBuf::from(crate::journal::DATABASE),
            cause: io::Error::other("waiting for the disk broke off"),
        }
    }

    /// Names the place, where SQLite's error did not.
    #[must_use]
    pub(crate) fn at(self, database: &std::path::Path) -> Self {
        if let Self::NotWritable { cause, .. } = self {
            let path = database.to_owned();
            return Self::NotWritable { path, cause };
        }
        self
    }

    /// A system error at a path of the state folder.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        let doing = "writing to the state folder";
        move |cause| {
            if let io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded = cause.kind() {
                return Self::Full { doing };
            }
            Self::NotWritable { path, cause }
        }
    }
}
