//! What was seen of both sides and is worth keeping over a restart: looks, walks, proofs, absences, notes.
//!
//! Every row can be made again by looking again; none is an agreement. So these writes may be lost in a power cut,
//! and each table is pruned to what the last pass still shows. A call that changes nothing writes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use planner::id::{FileId, FolderId, RemoteId};
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{self, Num, file_id, folder_id, num};

/// Counted looks (saturating), and the walks between which the version appeared: last without, first with it.
pub type Looks = (u8, Option<(i64, i64)>);

/// What is known about a synced node that the account does not show (design S2, S3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Absence {
    /// When it was first missed.
    pub missed_at: i64,
    /// When it was seen in the trash.
    pub trashed_at: Option<i64>,
    /// When the server said that it has no such row.
    pub lost_at: Option<i64>,
}

/// A row of `row_look`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Counted {
    size: u64,
    looks: u8,
    last_without: Option<i64>,
    first_seen: i64,
    last_counted: i64,
}

impl Journal {
    /// Counts a look at each of these unsynced rows (id and size) and says how often each was seen by now. A look
    /// counts if the last that did is `at_least_apart` or longer ago, and if its folder was listed now (`is_fresh`); a new
    /// size under an id begins anew. Rows that are not passed are forgotten.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn count_looks(
        &mut self,
        rows: &[(FileId, u64)],
        is_fresh: impl Fn(FileId) -> bool,
        now: i64,
        at_least_apart: Duration,
    ) -> Result<BTreeMap<FileId, Looks>, JournalError> {
        let asked = sizes(rows);
        let known = self.ask("reading looks", |conn| load_looks(conn, &asked))?;
        self.looks(&asked, is_fresh, (now, at_least_apart), known)
    }

    /// The same where only a part of the account was looked at: rows that are not passed are as they were.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn count_looks_among(
        &mut self,
        rows: &[(FileId, u64)],
        is_fresh: impl Fn(FileId) -> bool,
        now: i64,
        at_least_apart: Duration,
    ) -> Result<BTreeMap<FileId, Looks>, JournalError> {
        let asked = sizes(rows);
        let known = self.ask("reading looks", |conn| {
            let mut select = conn.prepare_cached("SELECT * FROM row_look WHERE file_id = ?1")?;
            let mut known = Known::default();
            for id in asked.keys() {
                let counted = select.query_row([Num(id.get())], decode_look).optional()?;
                known.rows.extend(counted);
            }
            Ok(known)
        })?;
        self.looks(&asked, is_fresh, (now, at_least_apart), known)
    }

    fn looks(
        &mut self,
        asked: &BTreeMap<FileId, u64>,
        is_fresh: impl Fn(FileId) -> bool,
        (now, at_least_apart): (i64, Duration),
        known: Known,
    ) -> Result<BTreeMap<FileId, Looks>, JournalError> {
        self.hear(now);
        let apart_s = i64::try_from(at_least_apart.as_secs()).unwrap_or(i64::MAX);
        let last_walk = self.walked_at()?;
        let Known { rows: old, others } = known;
        let new: BTreeMap<_, _> = asked
            .iter()
            .map(|(&id, &size)| {
                let known = old.get(&id).filter(|counted| counted.size == size);
                let counted = known.map_or_else(
                    || first_look(size, last_walk, now),
                    |known| {
                        if is_fresh(id) {
                            known.again(now, apart_s)
                        } else {
                            *known
                        }
                    },
                );
                (id, counted)
            })
            .collect();
        if new != old || !others.is_empty() {
            self.write(Durability::Relaxed, "counting looks", |tx| {
                store_looks(tx, &old, &new, &others)
            })?;
        }
        Ok(new
            .into_iter()
            .map(|(id, counted)| {
                let bracket = counted.last_without.map(|without| (without, counted.first_seen));
                (id, (counted.looks, bracket))
            })
            .collect())
    }

    /// Since when every folder was listed.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn walked_at(&self) -> Result<Option<i64>, JournalError> {
        self.ask("reading the last walk", |conn| {
            conn.prepare_cached("SELECT completed_at FROM walk")?
                .query_row([], |row| row.get(0))
                .optional()
        })
    }

    /// Notes that every folder was listed then or later. To be called after its rows were passed to [`count_looks`](Self::count_looks).
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn set_walked(&mut self, now: i64) -> Result<(), JournalError> {
        self.hear(now);
        self.write(Durability::Relaxed, "noting a walk", |tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO walk (only_row, completed_at) VALUES (1, ?1)")?
                .execute([now])
                .map(|_| ())
        })
    }

    /// Folders proved alive, each with the date its row had then (design S3, S6).
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn proved(&self) -> Result<BTreeMap<FolderId, Option<String>>, JournalError> {
        self.ask("reading proved folders", |conn| {
            conn.prepare_cached("SELECT * FROM proved_folder")?
                .query_map([], |row| Ok((folder_id(row, "folder_id")?, row.get("date")?)))?
                .collect()
        })
    }

    /// Makes these the folders proved alive.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn replace_proved(
        &mut self,
        proved: &BTreeMap<FolderId, Option<String>>,
    ) -> Result<(), JournalError> {
        let old = self.proved()?;
        if old == *proved {
            return Ok(());
        }
        self.write(Durability::Relaxed, "recording proved folders", |tx| {
            for id in old.keys().filter(|id| !proved.contains_key(id)) {
                tx.prepare_cached("DELETE FROM proved_folder WHERE folder_id = ?1")?
                    .execute([Num(id.get())])?;
            }
            for (id, date) in proved.iter().filter(|&(id, date)| old.get(id) != Some(date)) {
                tx.prepare_cached("INSERT OR REPLACE INTO proved_folder (folder_id, date) VALUES (?1, ?2)")?
                    .execute((Num(id.get()), date))?;
            }
            Ok(())
        })
    }

    /// What is known about synced nodes that the account does not show.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn absences(&self) -> Result<BTreeMap<RemoteId, Absence>, JournalError> {
        self.ask("reading absences", |conn| {
            conn.prepare_cached("SELECT * FROM absence")?
                .query_map([], decode_absence)?
                .collect()
        })
    }

    /// Makes these the absences. Durable: that a file was seen in the trash cannot be seen again once it is purged.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn replace_absences(&mut self, absences: &BTreeMap<RemoteId, Absence>) -> Result<(), JournalError> {
        let old = self.absences()?;
        if old == *absences {
            return Ok(());
        }
        self.write(Durability::Full, "recording absences", |tx| {
            for id in old.keys().filter(|id| !absences.contains_key(id)) {
                tx.prepare_cached("DELETE FROM absence WHERE is_file = ?1 AND remote_id = ?2")?
                    .execute(row::remote_columns(*id))?;
            }
            for (id, absence) in absences
                .iter()
                .filter(|&(id, absence)| old.get(id) != Some(absence))
            {
                let (is_file, number) = row::remote_columns(*id);
                tx.prepare_cached(
                    "INSERT OR REPLACE INTO absence (is_file, remote_id, missed_at, trashed_at, lost_at)
                        VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((
                    is_file,
                    number,
                    absence.missed_at,
                    absence.trashed_at,
                    absence.lost_at,
                ))?;
            }
            Ok(())
        })
    }

    /// Small facts by key: what the server was seen to do (`server.…`), a pause that survives a restart.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn notes(&self) -> Result<BTreeMap<String, String>, JournalError> {
        self.ask("reading notes", |conn| {
            conn.prepare_cached("SELECT key, value FROM note")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Keeps a small fact, or drops it (`None`). Durable.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn set_note(&mut self, key: &str, value: Option<&str>) -> Result<(), JournalError> {
        self.write(Durability::Full, "keeping a note", |tx| {
            match value {
                Some(value) => tx
                    .prepare_cached("INSERT OR REPLACE INTO note (key, value) VALUES (?1, ?2)")?
                    .execute((key, value)),
                None => tx
                    .prepare_cached("DELETE FROM note WHERE key = ?1")?
                    .execute([key]),
            }
            .map(|_| ())
        })
    }
}

impl Counted {
    /// After one more look.
    fn again(self, now: i64, apart_s: i64) -> Self {
        if now < self.last_counted {
            // The clock went back: wait from here, neither counting this look nor waiting for the old time to return.
            return Self {
                last_counted: now,
                ..self
            };
        }
        if now.saturating_sub(self.last_counted) < apart_s {
            return self;
        }
        // A row that is watched for days is not written at each look.
        if self.looks == u8::MAX {
            return self;
        }
        Self {
            looks: self.looks.saturating_add(1),
            last_counted: now,
            ..self
        }
    }
}

const fn first_look(size: u64, last_without: Option<i64>, now: i64) -> Counted {
    Counted {
        size,
        looks: 1,
        last_without,
        first_seen: now,
        last_counted: now,
    }
}

fn sizes(rows: &[(FileId, u64)]) -> BTreeMap<FileId, u64> {
    rows.iter().copied().collect()
}

/// What was counted before.
#[derive(Default)]
struct Known {
    /// Of the rows that are asked for.
    rows: BTreeMap<FileId, Counted>,
    /// Of others, which are to be forgotten: their ids only, for after a first sync they are as many as there are files.
    others: Vec<FileId>,
}

fn load_looks(conn: &Connection, asked: &BTreeMap<FileId, u64>) -> rusqlite::Result<Known> {
    let mut known = Known::default();
    let mut select = conn.prepare_cached("SELECT * FROM row_look")?;
    for row in select.query_map([], decode_look)? {
        let (id, counted) = row?;
        if asked.contains_key(&id) {
            known.rows.insert(id, counted);
        } else {
            known.others.push(id);
        }
    }
    Ok(known)
}

fn decode_look(row: &Row<'_>) -> rusqlite::Result<(FileId, Counted)> {
    let counted = Counted {
        size: num(row, "size")?,
        looks: row.get("looks")?,
        last_without: row.get("last_without")?,
        first_seen: row.get("first_seen")?,
        last_counted: row.get("last_counted")?,
    };
    Ok((file_id(row, "file_id")?, counted))
}

fn store_looks(
    tx: &Connection,
    old: &BTreeMap<FileId, Counted>,
    new: &BTreeMap<FileId, Counted>,
    others: &[FileId],
) -> rusqlite::Result<()> {
    let mut delete = tx.prepare_cached("DELETE FROM row_look WHERE file_id = ?1")?;
    for id in others {
        delete.execute([Num(id.get())])?;
    }
    let mut insert = tx.prepare_cached(
        "INSERT OR REPLACE INTO row_look (file_id, size, looks, last_without, first_seen, last_counted)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (id, row) in new.iter().filter(|&(id, row)| old.get(id) != Some(row)) {
        insert.execute((
            Num(id.get()),
            Num(row.size),
            row.looks,
            row.last_without,
            row.first_seen,
            row.last_counted,
        ))?;
    }
    Ok(())
}

fn decode_absence(row: &Row<'_>) -> rusqlite::Result<(RemoteId, Absence)> {
    let absence = Absence {
        missed_at: row.get("missed_at")?,
        trashed_at: row.get("trashed_at")?,
        lost_at: row.get("lost_at")?,
    };
    Ok((row::remote_id(row, "is_file", "remote_id")?, absence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Home, contents};

    const APART: Duration = Duration::from_secs(5);

    fn id(number: u64) -> FileId {
        FileId::new(number).unwrap()
    }

    #[test]
    fn a_row_of_a_folder_that_was_not_listed_was_not_looked_at() {
        let home = Home::new();
        let mut journal = home.open();
        let rows = [(id(1), 10)];
        let mut looks =
            |fresh: bool, now| journal.count_looks(&rows, |_| fresh, now, APART).unwrap()[&id(1)].0;
        assert_eq!(looks(true, 0), 1);
        assert_eq!(looks(false, 1_000), 1);
        assert_eq!(looks(true, 2_000), 2);
    }

    #[test]
    fn only_looks_that_lie_apart_are_counted() {
        let home = Home::new();
        let mut journal = home.open();
        let mut looks = |now| journal.count_looks(&[(id(1), 10)], |_| true, now, APART).unwrap()[&id(1)].0;
        let counted: Vec<_> = [0, 1, 4, 5, 9, 10, 11, 15].into_iter().map(&mut looks).collect();
        assert_eq!(counted, [1, 1, 1, 2, 2, 3, 3, 4]);
    }

    #[test]
    fn looks_outlive_a_restart_and_are_saturated() {
        let home = Home::new();
        let mut journal = home.open();
        for now in 0..299 {
            journal
                .count_looks(&[(id(1), 10)], |_| true, now, Duration::ZERO)
                .unwrap();
            if now == 1 {
                drop(journal);
                journal = home.open();
                let looks = journal.count_looks(&[(id(1), 10)], |_| true, 1, APART).unwrap();
                assert_eq!(looks[&id(1)].0, 2);
            }
        }
        let looks = journal
            .count_looks(&[(id(1), 10)], |_| true, 300, Duration::ZERO)
            .unwrap();
        assert_eq!(looks[&id(1)].0, u8::MAX);
    }

    #[test]
    fn looks_at_a_part_leave_those_at_the_rest_as_they_were() {
        let home = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(home.path()).unwrap();
        journal
            .count_looks(&[(id(1), 10), (id(2), 20)], |_| true, 0, APART)
            .unwrap();
        let part = journal
            .count_looks_among(&[(id(2), 20)], |_| true, 100, APART)
            .unwrap();
        assert_eq!((part.len(), part[&id(2)].0), (1, 2));
        let all = journal
            .count_looks(&[(id(1), 10), (id(2), 20)], |_| true, 200, APART)
            .unwrap();
        assert_eq!((all[&id(1)].0, all[&id(2)].0), (2, 3));
    }

    #[test]
    fn another_size_or_a_row_that_was_away_begins_anew() {
        let home = Home::new();
        let mut journal = home.open();
        let rows = [(id(1), 10), (id(2), 20)];
        journal.count_looks(&rows, |_| true, 0, APART).unwrap();
        let looks = journal
            .count_looks(&[(id(1), 11), (id(2), 20)], |_| true, 10, APART)
            .unwrap();
        assert_eq!((looks[&id(1)].0, looks[&id(2)].0), (1, 2));
        let looks = journal.count_looks(&[(id(1), 11)], |_| true, 20, APART).unwrap();
        assert_eq!((looks[&id(1)].0, looks.len()), (2, 1));
        let looks = journal.count_looks(&rows, |_| true, 30, APART).unwrap();
        assert_eq!((looks[&id(1)].0, looks[&id(2)].0), (1, 1));
    }

    #[test]
    fn a_version_appeared_between_the_walk_before_and_its_first_sight() {
        let home = Home::new();
        let mut journal = home.open();
        let looks = journal.count_looks(&[(id(1), 10)], |_| true, 100, APART).unwrap();
        assert_eq!(looks[&id(1)].1, None, "there was no walk before");
        journal.set_walked(100).unwrap();
        let rows = [(id(1), 10), (id(2), 20)];
        let looks = journal.count_looks(&rows, |_| true, 160, APART).unwrap();
        assert_eq!((looks[&id(1)].1, looks[&id(2)].1), (None, Some((100, 160))));
        journal.set_walked(160).unwrap();
        let looks = journal.count_looks(&rows, |_| true, 220, APART).unwrap();
        assert_eq!(looks[&id(2)], (2, Some((100, 160))));
    }

    #[test]
    fn a_clock_set_back_neither_counts_a_look_nor_waits_for_the_old_time() {
        let home = Home::new();
        let mut journal = home.open();
        let mut looks = |now| journal.count_looks(&[(id(1), 10)], |_| true, now, APART).unwrap()[&id(1)].0;
        let counted: Vec<_> = [4_000_000_000, 100, 104, 105]
            .into_iter()
            .map(&mut looks)
            .collect();
        assert_eq!(counted, [1, 1, 1, 2]);
    }

    #[test]
    fn what_did_not_change_is_not_written() {
        let home = Home::new();
        let mut journal = home.open();
        let proved = BTreeMap::from([(FolderId::new(3).unwrap(), None)]);
        let absences = BTreeMap::from([(RemoteId::File(id(1)), missed(1))]);
        journal.count_looks(&[(id(1), 10)], |_| true, 0, APART).unwrap();
        journal.replace_proved(&proved).unwrap();
        journal.replace_absences(&absences).unwrap();
        journal.replace_problems(&[]).unwrap();
        journal.record_synced_count(0).unwrap();
        let before = contents(home.path());
        journal.count_looks(&[(id(1), 10)], |_| true, 1, APART).unwrap();
        journal.replace_proved(&proved).unwrap();
        journal.replace_absences(&absences).unwrap();
        journal.replace_problems(&[]).unwrap();
        journal.record_synced_count(1).unwrap();
        assert_eq!(contents(home.path()), before);
    }

    const fn missed(missed_at: i64) -> Absence {
        Absence {
            missed_at,
            trashed_at: None,
            lost_at: None,
        }
    }

    #[test]
    fn proofs_absences_and_notes_are_what_was_given_last() {
        let home = Home::new();
        let (folder, other) = (FolderId::new(3).unwrap(), FolderId::new(u64::MAX).unwrap());
        let date = Some("2026-11-23 14:15:03".to_owned());
        let proofs = [
            BTreeMap::from([(folder, None), (other, date.clone())]),
            BTreeMap::from([(folder, date)]),
            BTreeMap::new(),
        ];
        let seen = Absence {
            trashed_at: Some(2),
            lost_at: Some(3),
            ..missed(1)
        };
        // A file and a folder of one number are two.
        let absences = [
            BTreeMap::from([
                (RemoteId::File(id(3)), missed(1)),
                (RemoteId::Folder(folder), missed(2)),
            ]),
            BTreeMap::from([(RemoteId::File(id(3)), seen)]),
            BTreeMap::new(),
        ];
        for (proved, absent) in proofs.iter().zip(&absences) {
            home.open_once(|journal| {
                journal.replace_proved(proved).unwrap();
                journal.replace_absences(absent).unwrap();
            });
            let journal = home.open();
            assert_eq!(
                (&journal.proved().unwrap(), &journal.absences().unwrap()),
                (proved, absent)
            );
        }
        let mut journal = home.open();
        for (key, value) in [
            ("server.astral", Some("no")),
            ("pause", Some("1")),
            ("server.astral", Some("yes")),
            ("pause", None),
        ] {
            journal.set_note(key, value).unwrap();
        }
        let notes = BTreeMap::from([("server.astral".to_owned(), "yes".to_owned())]);
        assert_eq!(journal.notes().unwrap(), notes);
    }
}
