//! Intents: what was begun and may have happened (design A1, D1).
//!
//! An intent is on disk before the call or rename that it announces, and is the only permission to make it: nobody
//! outside this crate can construct one. A closed intent stays for late arrivals, so that an interim file of ours is
//! never taken for somebody else's, nor somebody else's for ours (history H05).

use rusqlite::{Connection, Row};

use crate::error::JournalError;
use crate::intent_body::{BODY_VERSION, IntentBody};
use crate::journal::{Durability, Journal};
use crate::row::{Num, num};

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
            .execute((Num(id.0), BODY_VERSION, body.encode()?, now))?;
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

    /// What was begun since this time, open or cleared, oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn recent_intents(&self, since: i64) -> Result<Vec<Intent>, JournalError> {
        self.ask("reading recent intents", |conn| {
            conn.prepare_cached("SELECT * FROM intent WHERE begun_at >= ?1 ORDER BY seq")?
                .query_map([since], decode)?
                .collect()
        })
    }

    /// Uploads that were cleared although nobody knows that they arrived, oldest first: they may still (design A1).
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn unlanded_uploads(&self) -> Result<Vec<Intent>, JournalError> {
        let sql = "SELECT * FROM intent WHERE closed_at IS NOT NULL AND body LIKE '{\"upload\":%'
            AND body LIKE '%\"landed\":null%' ORDER BY seq";
        let intents = self.ask("reading uploads without an answer", |conn| list(conn, sql))?;
        // A name may hold the same text: what the body says decides.
        let unlanded = |intent: &Intent| matches!(intent.body, IntentBody::Upload { landed: None, .. });
        Ok(intents.into_iter().filter(unlanded).collect())
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
        .execute((Num(id.0), BODY_VERSION, body.encode()?))
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

fn decode(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let body: String = row.get("body")?;
    let body = IntentBody::decode(row.get("body_version")?, &body)?;
    Ok(Intent {
        id: IntentId(num(row, "id")?),
        body,
        begun_at: row.get("begun_at")?,
    })
}

#[cfg(test)]
mod tests {
    use planner::id::NodeId;
    use planner::name::RemoteName;
    use planner::naming::interim;

    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, contents, file, killed};

    fn upload(name: &str) -> IntentBody {
        IntentBody::Upload {
            name_on_wire: name.into(),
            fast: false,
            folder: None,
            wanted: "a.txt".into(),
            size: 3,
            path: "docs/a.txt".into(),
            node: Some(4),
            known_ids: vec![1, 2],
            landed: None,
            replaces: None,
            blake3: None,
        }
    }

    fn trash() -> IntentBody {
        IntentBody::Trash {
            path: "a".into(),
            to: ".syncd/trash/a".into(),
        }
    }

    /// The upload of an interim that is named after its intent and this journal.
    fn begin_interim(journal: &mut Journal, now: i64) -> (IntentId, String) {
        let ours = journal.meta().journal_id;
        let name = |id: IntentId| interim(ours, id.0, &RemoteName::new("a.txt")).to_string();
        let intent = journal.begin_with(now, |id| upload(&name(id))).unwrap();
        (intent.id, name(intent.id))
    }

    #[test]
    fn an_intent_is_on_the_disk_before_begin_returns() {
        let home = Home::new();
        let mut journal = home.open();
        let intent = journal.begin(upload("x"), 5).unwrap();
        assert_eq!(killed(&home).open().open_intents().unwrap(), [intent]);
    }

    #[test]
    fn what_is_gathered_comes_to_the_disk_with_one_call_and_not_before() {
        let home = Home::new();
        let mut journal = home.open();
        journal.gather();
        let first = journal.begin(upload("x"), 5).unwrap();
        let second = journal.begin(upload("y"), 6).unwrap();
        let unknown = Change::ClearIntent(IntentId(first.id.0 ^ 1));
        let failed = journal.commit(&[Change::ClearIntent(second.id), unknown]);
        assert!(failed.is_err(), "and is gone by itself");
        assert_eq!(journal.open_intents().unwrap().len(), 2, "whoever writes sees it");
        assert_eq!(killed(&home).open().open_intents().unwrap(), []);
        journal.settle().unwrap();
        assert_eq!(killed(&home).open().open_intents().unwrap().len(), 2);
        journal.commit(&[Change::ClearIntent(first.id)]).unwrap();
        assert_eq!(
            killed(&home).open().open_intents().unwrap(),
            [second],
            "as before"
        );
    }

    #[test]
    fn what_is_settled_behind_is_in_the_log_at_once_and_on_the_disk_when_it_was_waited_for() {
        let home = Home::new();
        let mut journal = home.open();
        let mut flushes = 0;
        for number in 0..5_usize {
            journal.gather();
            journal.begin(upload("x"), 5).unwrap();
            if let Some(flush) = journal.settle_behind().unwrap() {
                flushes += 1;
                // Other writes need not wait for it.
                journal.set_walked(7).unwrap();
                flush.wait().unwrap();
            }
            assert_eq!(killed(&home).open().open_intents().unwrap().len(), number + 1);
        }
        assert_eq!(flushes, 4, "the first brings the log's own name to the disk");
        assert!(journal.settle_behind().unwrap().is_none(), "nothing was gathered");
        journal.gather();
        journal.begin(upload("y"), 6).unwrap();
        journal.settle().unwrap();
        assert_eq!(killed(&home).open().open_intents().unwrap().len(), 6);
    }

    #[test]
    fn what_was_gathered_and_not_settled_is_gone_with_the_journal() {
        let home = Home::new();
        let mut journal = home.open();
        journal.gather();
        journal.begin(upload("x"), 5).unwrap();
        drop(journal);
        assert_eq!(home.open().open_intents().unwrap(), []);
    }

    #[test]
    fn a_result_and_the_end_of_its_intent_are_recorded_together_or_not_at_all() {
        let home = Home::new();
        let mut journal = home.open();
        let intent = journal.begin(upload("x"), 5).unwrap();
        let stranger = IntentId(intent.id.0 ^ 1);
        for change in [
            Change::ClearIntent(stranger),
            Change::UpdateIntent(stranger, trash()),
        ] {
            let all = [Change::Put(file(1, None)), Change::ClearIntent(intent.id), change];
            assert!(matches!(
                journal.commit(&all),
                Err(JournalError::NoSuchIntent { .. })
            ));
            assert!(journal.synced().unwrap().is_empty());
            assert_eq!(journal.open_intents().unwrap().len(), 1);
        }
        journal
            .commit(&[Change::Put(file(1, None)), Change::ClearIntent(intent.id)])
            .unwrap();
        assert!(journal.synced().unwrap().contains(NodeId(1)));
        assert!(journal.open_intents().unwrap().is_empty());
    }

    #[test]
    fn a_cleared_upload_is_known_by_all_its_names_until_it_is_forgotten() {
        let home = Home::new();
        let mut journal = home.open();
        let (id, first) = begin_interim(&mut journal, 100);
        let open = journal.begin(upload("still open"), 100).unwrap();
        journal
            .commit(&[Change::UpdateIntent(id, upload("second name"))])
            .unwrap();
        journal.hear(900);
        journal.commit(&[Change::ClearIntent(id)]).unwrap();
        // Clearing it again does not make it younger.
        journal.hear(5_000);
        journal.commit(&[Change::ClearIntent(id)]).unwrap();
        assert_eq!(journal.closed_intents().unwrap().len(), 1);

        assert_eq!(journal.forget_old_intents(900).unwrap(), 0);
        for name in [first.as_str(), "second name", "still open"] {
            assert!(journal.held_interim(name).unwrap(), "{name}");
        }
        assert!(!journal.held_interim("somebody else's").unwrap());
        assert!(!journal.held_interim(&first.to_uppercase()).unwrap());

        assert_eq!(journal.forget_old_intents(901).unwrap(), 1);
        assert!(!journal.held_interim(&first).unwrap());
        assert!(!journal.held_interim("second name").unwrap());
        assert_eq!(journal.forget_old_intents(i64::MAX).unwrap(), 0, "open ones stay");
        assert_eq!(journal.open_intents().unwrap(), [open]);
    }

    #[test]
    fn uploads_of_which_nothing_came_are_told_from_those_that_landed() {
        let home = Home::new();
        let mut journal = home.open();
        let open = journal.begin(upload("open"), 10).unwrap();
        let lost = journal.begin(upload("lost"), 20).unwrap();
        let mut landed = journal.begin(upload("landed"), 30).unwrap();
        let trash = journal.begin(trash(), 40).unwrap();
        if let IntentBody::Upload { landed, .. } = &mut landed.body {
            *landed = Some(7);
        }
        let ended = [lost.id, landed.id, trash.id].map(Change::ClearIntent);
        journal
            .commit(&[Change::UpdateIntent(landed.id, landed.body.clone())])
            .unwrap();
        journal.commit(&ended).unwrap();
        assert_eq!(journal.unlanded_uploads().unwrap(), [lost]);
        assert_eq!(journal.open_intents().unwrap(), [open]);
        assert_eq!(journal.recent_intents(30).unwrap(), [landed, trash]);
    }

    #[test]
    fn an_intent_is_not_cleared_before_it_was_begun_even_if_the_clock_went_back() {
        let home = Home::new();
        let mut journal = home.open();
        let intent = journal.begin(trash(), 1_000).unwrap();
        journal.hear(3);
        journal.commit(&[Change::ClearIntent(intent.id)]).unwrap();
        assert_eq!(journal.forget_old_intents(1_000).unwrap(), 0);
        assert_eq!(journal.forget_old_intents(1_001).unwrap(), 1);
    }

    #[test]
    fn a_copied_journal_never_makes_the_interim_name_of_its_twin() {
        let home = Home::new();
        let mut journal = home.open();
        begin_interim(&mut journal, 1);
        let twin = killed(&home);
        let mut copy = twin.open();
        assert_eq!(copy.meta(), journal.meta());
        for now in 2..20 {
            let (_, name) = begin_interim(&mut journal, now);
            assert!(!copy.held_interim(&name).unwrap());
            let (_, name) = begin_interim(&mut copy, now);
            assert!(!journal.held_interim(&name).unwrap());
        }
    }

    #[test]
    fn a_seed_replays_and_does_not_repeat_itself_when_it_starts_again() {
        let (one, other) = (Home::new(), Home::new());
        let run = |home: &Home| {
            let mut journal = Journal::open_seeded(home.path(), 42).unwrap();
            let ids: Vec<_> = (0..3)
                .map(|now| journal.begin(trash(), now).unwrap().id)
                .collect();
            (journal.meta().journal_id, ids)
        };
        let first = run(&one);
        assert_eq!(run(&other), first);
        let again = run(&one);
        assert!(again.1.iter().all(|id| !first.1.contains(id)));
        assert_eq!(again.0, first.0);
        assert!(first.1.iter().all(|id| id.0 <= ID_BITS));
    }

    #[test]
    fn an_intent_of_a_version_we_do_not_know_is_not_guessed_at() {
        let home = Home::new();
        let mut journal = home.open();
        journal.begin(trash(), 1).unwrap();
        for sql in [
            "UPDATE intent SET body_version = 1, body = '{\"upload\":{}}'",
            "UPDATE intent SET body_version = 9",
        ] {
            journal
                .write(Durability::Full, "testing", |tx| tx.execute_batch(sql))
                .unwrap();
            assert!(matches!(
                journal.open_intents(),
                Err(JournalError::Damaged { .. })
            ));
        }
        drop(journal);
        assert!(!contents(home.path()).is_empty());
    }
}
