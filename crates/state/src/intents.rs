//! Intents: what was begun and may have happened (design A1, D1).
//!
//! An intent is on disk before the call or rename that it announces, and is the only permission to make it: nobody
//! outside this crate can construct one. A closed intent stays for late arrivals, so that an interim file of ours is
//! never taken for somebody else's, nor somebody else's for ours (history H05).

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{Num, bad, num};
use crate::synced;

/// Version of the text in the `body` column: raised, with a migration, when a variant changes its meaning.
const BODY_VERSION: u32 = 1;

/// Bits of an intent's number: all but the sign of SQLite's integers, so that order and text agree everywhere.
const ID_BITS: u64 = u64::MAX >> 1;

/// An intent's number: random, never given twice by this journal, nor by a copy of it. The last part of interim names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IntentId(pub u64);

/// Something journalled that may have happened. Only [`Journal::begin`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// What was to be done, and what is known of it by now.
    pub body: IntentBody,
    /// When it was begun, in seconds since 1970.
    pub begun_at: i64,
}

/// What was to be done. Ids are the account's bare numbers, hashes BLAKE3 in hex, paths relative to the pair's root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IntentBody {
    /// An upload (design A1–A4).
    Upload {
        /// The name it is sent under: an interim, or the real one on the fast path.
        name_on_wire: String,
        /// Sent under its real name.
        fast: bool,
        /// The folder it goes to; `None`: the pair's root.
        folder: Option<u64>,
        /// The name it gets in the end.
        wanted: String,
        /// Bytes.
        size: u64,
        /// The file on this disk.
        path: String,
        /// Our node, if it has one already.
        node: Option<u64>,
        /// File ids of loosely equal name seen before, which it therefore is not (fast path).
        known_ids: Vec<u64>,
        /// The file id, once an answer or a look told.
        landed: Option<u64>,
        /// The old version that it replaces.
        replaces: Option<Replaced>,
        /// BLAKE3 of its bytes, once read.
        blake3: Option<String>,
    },
    /// A folder made in the account.
    CreateFolder {
        /// The folder it goes to; `None`: the pair's root.
        parent: Option<u64>,
        /// Its name.
        name: String,
        /// The folder on this disk.
        path: String,
        /// Folder ids of this name seen before, which it therefore is not.
        known_ids: Vec<u64>,
    },
    /// A download put in its place on the disk (design D1, D2).
    Place {
        /// Where it goes.
        path: String,
        /// The staging file.
        staging: String,
        /// The file in the account.
        file: u64,
        /// Bytes.
        size: u64,
        /// Its hash, if known.
        hash: Option<String>,
        /// The file it takes the place of.
        over: Option<OldFile>,
    },
    /// An entry set aside because names change places (design M16).
    Park {
        /// Where it was.
        from: String,
        /// Where it is set aside.
        slot: String,
        /// Where it goes in the end; `None`: not known.
        to: Option<String>,
        /// `st_dev`.
        device: u64,
        /// `st_ino`.
        inode: u64,
    },
    /// A file moved to the local trash.
    Trash {
        /// Where it was.
        path: String,
        /// Where in the trash it goes.
        to: String,
    },
}

/// A version in the account that an upload replaces, as it was in Synced.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Its file id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its folder; `None`: the pair's root.
    pub folder: Option<u64>,
    /// Bytes.
    pub size: u64,
    /// The server's second name of it.
    pub short_url: Option<String>,
}

/// A file on the disk that a download takes the place of, as it was last seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldFile {
    /// Bytes.
    pub size: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// BLAKE3, if known.
    pub hash: Option<String>,
}

impl IntentBody {
    /// The name on the wire, if it is an upload.
    fn wire_name(&self) -> Option<&str> {
        match self {
            Self::Upload { name_on_wire, .. } => Some(name_on_wire),
            Self::CreateFolder { .. } | Self::Place { .. } | Self::Park { .. } | Self::Trash { .. } => None,
        }
    }
}

impl Journal {
    /// Journals what is about to be done; on disk when this returns.
    ///
    /// # Errors
    /// `Full`, `Sql`: nothing was journalled, so it must not be done.
    pub fn begin(&mut self, body: IntentBody, now: i64) -> Result<Intent, JournalError> {
        self.begin_with(now, |_| body)
    }

    /// As [`begin`](Self::begin), for a body that holds the intent's own number (an interim name).
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_with(
        &mut self,
        now: i64,
        body: impl FnOnce(IntentId) -> IntentBody,
    ) -> Result<Intent, JournalError> {
        self.hear(now);
        let id = self.draw_intent_id()?;
        let body = body(id);
        self.write(Durability::Full, "journalling an intent", |tx| {
            tx.prepare_cached(
                "INSERT INTO intent (id, body_version, body, begun_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((Num(id.0), BODY_VERSION, encode(&body)?, now))?;
            keep_name(tx, id, &body)
        })?;
        Ok(Intent {
            id,
            body,
            begun_at: now,
        })
    }

    /// A number no intent here has. A collision is a freak, except for a simulation that starts from its seed again.
    fn draw_intent_id(&mut self) -> Result<IntentId, JournalError> {
        loop {
            let id = IntentId(self.random.next() & ID_BITS);
            let taken = self.ask("drawing an intent's number", |conn| {
                conn.prepare_cached("SELECT 1 FROM intent WHERE id = ?1")?
                    .exists([Num(id.0)])
            })?;
            if !taken {
                return Ok(id);
            }
        }
    }

    /// What was begun and not cleared, oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn open_intents(&self) -> Result<Vec<Intent>, JournalError> {
        self.ask("reading the open intents", |conn| {
            list(conn, "SELECT * FROM intent WHERE closed_at IS NULL ORDER BY seq")
        })
    }

    /// What was cleared and not forgotten yet, oldest first: late arrivals are looked for by these.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn closed_intents(&self) -> Result<Vec<Intent>, JournalError> {
        self.ask("reading the closed intents", |conn| {
            list(
                conn,
                "SELECT * FROM intent WHERE closed_at IS NOT NULL ORDER BY seq",
            )
        })
    }

    /// Whether this journal holds or held an upload intent that was on the wire under exactly this name (design A3).
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn held_interim(&self, name: &str) -> Result<bool, JournalError> {
        self.ask("looking up an interim name", |conn| {
            conn.prepare_cached("SELECT 1 FROM intent_name WHERE name = ?1")?
                .exists([name])
        })
    }

    /// Forgets intents that were cleared before this time (`sweep_after`), and says how many. Open ones stay.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn forget_old_intents(&mut self, before: i64) -> Result<usize, JournalError> {
        self.write(Durability::Relaxed, "forgetting old intents", |tx| {
            synced::prune_held_ids(tx)?;
            tx.prepare_cached("DELETE FROM intent WHERE closed_at < ?1")?
                .execute([before])
        })
    }
}

/// Closes an intent; one that is closed already keeps its time.
pub(crate) fn close(conn: &Connection, id: IntentId, now: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE intent SET closed_at = coalesce(closed_at, max(begun_at, ?2)) WHERE id = ?1")?
        .execute((Num(id.0), now))
        .and_then(exactly_one)
}

/// Replaces what is known about an intent. Names it had on the wire before stay known.
pub(crate) fn update(conn: &Connection, id: IntentId, body: &IntentBody) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE intent SET body_version = ?2, body = ?3 WHERE id = ?1")?
        .execute((Num(id.0), BODY_VERSION, encode(body)?))
        .and_then(exactly_one)?;
    keep_name(conn, id, body)
}

fn keep_name(conn: &Connection, id: IntentId, body: &IntentBody) -> rusqlite::Result<()> {
    if let Some(name) = body.wire_name() {
        conn.prepare_cached("INSERT OR IGNORE INTO intent_name (name, intent) VALUES (?1, ?2)")?
            .execute((name, Num(id.0)))?;
    }
    Ok(())
}

fn exactly_one(rows: usize) -> rusqlite::Result<()> {
    match rows {
        1 => Ok(()),
        other => Err(rusqlite::Error::StatementChangedRows(other)),
    }
}

fn list(conn: &Connection, sql: &str) -> rusqlite::Result<Vec<Intent>> {
    conn.prepare_cached(sql)?.query_map([], decode)?.collect()
}

fn encode(body: &IntentBody) -> rusqlite::Result<String> {
    serde_json::to_string(body).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn decode(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let version: u32 = row.get("body_version")?;
    if version != BODY_VERSION {
        return Err(bad(format!("an intent of version {version}")));
    }
    let body: String = row.get("body")?;
    let body = serde_json::from_str(&body)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
    Ok(Intent {
        id: IntentId(num(row, "id")?),
        body,
        begun_at: row.get("begun_at")?,
    })
}
