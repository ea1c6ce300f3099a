//! The two numbers of the brake (design §6): what was deleted on a side within the last hour, and how many files were
//! synced when that hour began.
//!
//! They are kept apart from history, which is bounded by lines: a hundred thousand deletions in an hour (history H33)
//! must not push their own count out. Both tables are bounded by a day.

use planner::hold::Side;
use rusqlite::{Connection, OptionalExtension as _};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{Num, SideWord, num};
use crate::synced;

/// The sliding time over which deletions are counted, in seconds.
const HOUR_S: i64 = 60 * 60;

/// How long counts are kept, in seconds: far more than is asked for, so that a clock set back an hour or two still
/// finds them.
const KEPT_S: i64 = 24 * HOUR_S;

impl Journal {
    /// Files deleted on this side since then, that second included, as far as history entries said so
    /// ([`HistoryEntry::deleted_files`](crate::HistoryEntry::deleted_files)).
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn deletions_since(&self, at: i64, side: Side) -> Result<u64, JournalError> {
        self.ask("counting deletions", |conn| {
            conn.prepare_cached("SELECT coalesce(sum(files), 0) FROM deletion WHERE at >= ?1 AND side = ?2")?
                .query_row((at, SideWord(side)), |row| num(row, 0))
        })
    }

    /// Notes how many files are synced now. To be called when a pass ends; costs nothing while the number stays.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn record_synced_count(&mut self, now: i64) -> Result<(), JournalError> {
        let files = self.ask("counting the synced files", synced::count_files)?;
        self.note_synced_count(now, files)
    }

    /// The same, for who knows how many there are.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn note_synced_count(&mut self, now: i64, files: u64) -> Result<(), JournalError> {
        self.hear(now);
        let files = Num(files);
        let last = self.ask("reading the last number of synced files", |conn| {
            conn.prepare_cached("SELECT at, files FROM synced_count ORDER BY at DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Num>(1)?)))
                .optional()
        })?;
        if last.is_some_and(|(at, last)| last == files && at <= now) {
            return Ok(());
        }
        self.write(Durability::Relaxed, "noting the number of synced files", |tx| {
            // Counts from a future that the clock has left again would hide later ones.
            tx.prepare_cached("DELETE FROM synced_count WHERE at > ?1")?
                .execute([now])?;
            // The newest count of before stays: it still says what was there when the day began.
            tx.prepare_cached(
                "DELETE FROM synced_count WHERE at <
                    (SELECT max(at) FROM synced_count WHERE at <= ?1)",
            )?
            .execute([now.saturating_sub(KEPT_S)])?;
            tx.prepare_cached(
                "INSERT INTO synced_count (at, files) VALUES (?1, ?2)
                    ON CONFLICT (at) DO UPDATE SET files = excluded.files",
            )?
            .execute((now, files))
            .map(|_| ())
        })
    }

    /// How many files were synced when the hour that ends now began. Where no count is that old, the oldest there is;
    /// where there is none, the files synced now.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn synced_at_hour_start(&self, now: i64) -> Result<u64, JournalError> {
        self.ask("reading the number of synced files", |conn| {
            let count = |sql: &str, at: i64| {
                conn.prepare_cached(sql)?
                    .query_row([at], |row| num(row, 0))
                    .optional()
            };
            let start = now.saturating_sub(HOUR_S);
            if let Some(files) = count(
                "SELECT files FROM synced_count WHERE at <= ?1 ORDER BY at DESC LIMIT 1",
                start,
            )? {
                return Ok(files);
            }
            match count(
                "SELECT files FROM synced_count WHERE at > ?1 ORDER BY at LIMIT 1",
                start,
            )? {
                Some(files) => Ok(files),
                None => synced::count_files(conn),
            }
        })
    }
}

/// Adds to what was deleted in this second, and drops what is a day away.
pub(crate) fn count(conn: &Connection, at: i64, side: Side, files: u64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM deletion WHERE at < ?1 OR at > ?2")?
        .execute((at.saturating_sub(KEPT_S), at.saturating_add(KEPT_S)))?;
    conn.prepare_cached(
        "INSERT INTO deletion (at, side, files) VALUES (?1, ?2, ?3)
            ON CONFLICT (at, side) DO UPDATE SET files = files + excluded.files",
    )?
    .execute((at, SideWord(side), Num(files)))
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, deletion, file};

    #[test]
    fn each_direction_counts_for_itself_and_only_since_then() {
        let home = Home::new();
        let mut journal = home.open();
        for (at, side, files) in [
            (100, Side::Local, 5),
            (200, Side::Local, 7),
            (200, Side::Local, 1),
            (200, Side::Remote, 40),
        ] {
            journal
                .commit(&[Change::History(deletion(at, side, files))])
                .unwrap();
        }
        assert_eq!(journal.deletions_since(200, Side::Local).unwrap(), 8);
        assert_eq!(journal.deletions_since(100, Side::Local).unwrap(), 13);
        assert_eq!(journal.deletions_since(0, Side::Remote).unwrap(), 40);
        assert_eq!(journal.deletions_since(201, Side::Remote).unwrap(), 0);
    }

    #[test]
    fn the_hour_begins_with_the_last_count_before_it() {
        let home = Home::new();
        let mut journal = home.open();
        assert_eq!(journal.synced_at_hour_start(50).unwrap(), 0);
        journal
            .commit(&[Change::Put(file(1, None)), Change::Put(file(2, None))])
            .unwrap();
        journal.record_synced_count(1_000).unwrap();
        journal.commit(&[Change::Forget(planner::id::NodeId(1))]).unwrap();
        journal.record_synced_count(2_000).unwrap();
        assert_eq!(
            journal.synced_at_hour_start(1_500).unwrap(),
            2,
            "no count is an hour old"
        );
        assert_eq!(journal.synced_at_hour_start(1_000 + HOUR_S).unwrap(), 2);
        assert_eq!(journal.synced_at_hour_start(2_000 + HOUR_S).unwrap(), 1);
    }

    #[test]
    fn a_day_later_the_last_count_of_the_day_before_is_still_known() {
        let home = Home::new();
        let mut journal = home.open();
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        journal.record_synced_count(1_000).unwrap();
        let later = 1_000 + 3 * KEPT_S;
        journal
            .commit(&[Change::Put(file(2, None)), Change::Put(file(3, None))])
            .unwrap();
        journal.record_synced_count(later).unwrap();
        assert_eq!(journal.synced_at_hour_start(later).unwrap(), 1);
        assert_eq!(journal.synced_at_hour_start(later + HOUR_S).unwrap(), 3);
    }

    #[test]
    fn counts_from_a_future_that_the_clock_left_again_are_dropped() {
        let home = Home::new();
        let mut journal = home.open();
        journal.record_synced_count(1_000).unwrap();
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        journal.record_synced_count(4_000_000_000).unwrap();
        journal.commit(&[Change::Put(file(2, None))]).unwrap();
        journal.record_synced_count(2_000).unwrap();
        assert_eq!(journal.synced_at_hour_start(2_000 + HOUR_S).unwrap(), 2);
        assert_eq!(journal.synced_at_hour_start(4_000_000_000 + HOUR_S).unwrap(), 2);
    }
}
