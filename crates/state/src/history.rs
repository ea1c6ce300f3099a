//! What happened, line by line, for people. Append-only and bounded: the oldest lines go first.
//!
//! Nothing is ever decided from these lines; what the brake counts is kept apart (`brake.rs`).

use planner::hold::Side;
use rusqlite::{Connection, Row, named_params};

use crate::brake;
use crate::error::JournalError;
use crate::journal::Journal;
use crate::row::{Num, SideWord, num, num_opt, side};

/// Lines kept: some hundred bytes each, so that the journal of a busy pair stays in the tens of megabytes.
const LINES_KEPT: i64 = 100_000;

/// One finished step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryEntry {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The number of the pass it belongs to.
    pub pass: u64,
    /// The side that was changed.
    pub side: Side,
    /// What was done, in the word that dry runs and `--json` use as `kind`.
    pub action: String,
    /// Where.
    pub path: String,
    /// Where to, if it moved.
    pub to: Option<String>,
    /// Bytes up- or downloaded.
    pub bytes: Option<u64>,
    /// Why: the rule in words.
    pub reason: String,
    /// Who let a held deletion through.
    pub allowed_by: Option<String>,
    /// Files that this deleted on [`side`](Self::side), a folder as its files; 0 for everything else. The brake counts
    /// these.
    pub deleted_files: u64,
}

impl Journal {
    /// The newest lines, newest first.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn history(&self, limit: u32) -> Result<Vec<HistoryEntry>, JournalError> {
        self.ask("reading the history", |conn| {
            conn.prepare_cached("SELECT * FROM history ORDER BY seq DESC LIMIT ?1")?
                .query_map([limit], decode)?
                .collect()
        })
    }

    /// The number of the last pass that left a line; 0 if none did.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn last_pass(&self) -> Result<u64, JournalError> {
        self.ask("reading the last pass", |conn| {
            conn.prepare_cached("SELECT coalesce(max(pass), 0) FROM history")?
                .query_row([], |row| num(row, 0))
        })
    }
}

/// Adds a line, drops what is beyond the bound, and counts what was deleted.
pub(crate) fn append(conn: &Connection, entry: &HistoryEntry) -> rusqlite::Result<()> {
    append_bounded(conn, entry, LINES_KEPT)
}

fn append_bounded(conn: &Connection, entry: &HistoryEntry, kept: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO history (at, pass, side, action, path, to_path, bytes, reason, allowed_by, deleted_files)
            VALUES (:at, :pass, :side, :action, :path, :to_path, :bytes, :reason, :allowed_by, :deleted_files)",
    )?
    .execute(named_params! {
        ":at": entry.at,
        ":pass": Num(entry.pass),
        ":side": SideWord(entry.side),
        ":action": entry.action,
        ":path": entry.path,
        ":to_path": entry.to,
        ":bytes": entry.bytes.map(Num),
        ":reason": entry.reason,
        ":allowed_by": entry.allowed_by,
        ":deleted_files": Num(entry.deleted_files),
    })?;
    conn.prepare_cached("DELETE FROM history WHERE seq <= ?1")?
        .execute([conn.last_insert_rowid().saturating_sub(kept)])?;
    if entry.deleted_files > 0 {
        brake::count(conn, entry.at, entry.side, entry.deleted_files)?;
    }
    Ok(())
}

fn decode(row: &Row<'_>) -> rusqlite::Result<HistoryEntry> {
    Ok(HistoryEntry {
        at: row.get("at")?,
        pass: num(row, "pass")?,
        side: side(row, "side")?,
        action: row.get("action")?,
        path: row.get("path")?,
        to: row.get("to_path")?,
        bytes: num_opt(row, "bytes")?,
        reason: row.get("reason")?,
        allowed_by: row.get("allowed_by")?,
        deleted_files: num(row, "deleted_files")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::journal::Durability;
    use crate::testing::{Home, deletion};

    #[test]
    fn history_comes_newest_first_and_keeps_every_field() {
        let home = Home::new();
        let mut journal = home.open();
        let moved = HistoryEntry {
            to: Some("b/c".into()),
            bytes: Some(u64::MAX),
            allowed_by: Some("approve by 1000".into()),
            pass: 7,
            ..deletion(5, Side::Remote, 0)
        };
        let changes = [
            Change::History(deletion(1, Side::Local, 1)),
            Change::History(moved.clone()),
        ];
        journal.commit(&changes).unwrap();
        assert_eq!(journal.history(1).unwrap(), [moved]);
        assert_eq!(journal.history(10).unwrap().len(), 2);
        assert_eq!(journal.last_pass().unwrap(), 7);
    }

    #[test]
    fn the_oldest_lines_go_when_there_are_too_many_but_the_brake_still_counts_them() {
        let home = Home::new();
        let mut journal = home.open();
        journal
            .write(Durability::Full, "testing", |tx| {
                (0..10).try_for_each(|at| append_bounded(tx, &deletion(at, Side::Local, 1), 3))
            })
            .unwrap();
        let times: Vec<i64> = journal.history(100).unwrap().iter().map(|line| line.at).collect();
        assert_eq!(times, [9, 8, 7]);
        assert_eq!(journal.deletions_since(0, Side::Local).unwrap(), 10);
    }
}
