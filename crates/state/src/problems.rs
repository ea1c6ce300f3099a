//! What is not in sync at present, and why: what `status`, `problems` and `filestatus` show without a daemon.
//!
//! A full pass replaces the whole list; between passes single problems come and go with the steps that cause them.
//! A problem that stays keeps the time at which it began.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::impossible;

/// How an item that is not in sync is counted (the words of `interface.md` §1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProblemKind {
    /// This API or disk can never hold it.
    Skipped,
    /// It waits for a decision or a proof.
    Held,
    /// One more look, or the user, decides.
    Unproved,
    /// It was tried and refused.
    Failed,
    /// In a one-way mode: differs on the side that is never written.
    Drift,
}

impl ProblemKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Skipped,
        Self::Held,
        Self::Unproved,
        Self::Failed,
        Self::Drift,
    ];

    /// The word for it, in the journal and in `--json`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Held => "held",
            Self::Unproved => "unproved",
            Self::Failed => "failed",
            Self::Drift => "drift",
        }
    }
}

impl ToSql for ProblemKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for ProblemKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or_else(|| impossible(format!("problem kind {word:?}")))
    }
}

/// One item that is not in sync.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// Where.
    pub path: String,
    /// How it is counted.
    pub kind: ProblemKind,
    /// Why, in words.
    pub reason: String,
    /// Since when, in seconds since 1970.
    pub since: i64,
}

impl Journal {
    /// All present problems, by path.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn problems(&self) -> Result<Vec<Problem>, JournalError> {
        self.ask("reading the problems", list)
    }

    /// Makes these the present problems. One of the same path, kind and reason keeps the earlier `since` of the two.
    /// Writes only what differs.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn replace_problems(&mut self, problems: &[Problem]) -> Result<(), JournalError> {
        let mut old: BTreeMap<_, i64> = self
            .problems()?
            .into_iter()
            .map(|problem| ((problem.path, problem.kind, problem.reason), problem.since))
            .collect();
        let mut new = Vec::new();
        for problem in problems {
            let key = (problem.path.clone(), problem.kind, problem.reason.clone());
            if old.remove(&key).is_none_or(|since| problem.since < since) {
                new.push(problem);
            }
        }
        if old.is_empty() && new.is_empty() {
            return Ok(());
        }
        self.write(Durability::Relaxed, "recording the problems", |tx| {
            for (path, kind, reason) in old.keys() {
                tx.prepare_cached("DELETE FROM problem WHERE path = ?1 AND kind = ?2 AND reason = ?3")?
                    .execute((path, kind, reason))?;
            }
            new.into_iter().try_for_each(|problem| put(tx, problem))
        })
    }
}

/// Adds a problem; one that is known keeps the earlier time.
pub(crate) fn put(conn: &Connection, problem: &Problem) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO problem (path, kind, reason, since) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (path, kind, reason) DO UPDATE SET since = min(since, excluded.since)",
    )?
    .execute((&problem.path, problem.kind, &problem.reason, problem.since))
    .map(|_| ())
}

/// Drops all problems of exactly this path.
pub(crate) fn remove(conn: &Connection, path: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM problem WHERE path = ?1")?
        .execute([path])
        .map(|_| ())
}

fn list(conn: &Connection) -> rusqlite::Result<Vec<Problem>> {
    conn.prepare_cached("SELECT * FROM problem ORDER BY path, kind, reason")?
        .query_map([], decode)?
        .collect()
}

fn decode(row: &Row<'_>) -> rusqlite::Result<Problem> {
    Ok(Problem {
        path: row.get("path")?,
        kind: row.get("kind")?,
        reason: row.get("reason")?,
        since: row.get("since")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::testing::Home;

    fn problem(path: &str, kind: ProblemKind, since: i64) -> Problem {
        Problem {
            path: path.into(),
            kind,
            reason: format!("why {path}"),
            since,
        }
    }

    #[test]
    fn a_problem_that_stays_keeps_the_time_at_which_it_began() {
        let home = Home::new();
        let mut journal = home.open();
        let kinds = ProblemKind::ALL.map(|kind| problem(kind.word(), kind, 10));
        journal.replace_problems(&kinds).unwrap();
        assert_eq!(journal.problems().unwrap().len(), kinds.len());

        journal
            .replace_problems(&[
                problem("held", ProblemKind::Held, 99),
                problem("new", ProblemKind::Failed, 99),
            ])
            .unwrap();
        let now = [
            problem("held", ProblemKind::Held, 10),
            problem("new", ProblemKind::Failed, 99),
        ];
        assert_eq!(journal.problems().unwrap(), now);
    }

    #[test]
    fn between_passes_single_problems_come_and_go() {
        let home = Home::new();
        let mut journal = home.open();
        let failed = problem("a", ProblemKind::Failed, 5);
        journal.commit(&[Change::Problem(failed.clone())]).unwrap();
        let again = Problem {
            since: 9,
            ..failed.clone()
        };
        journal.commit(&[Change::Problem(again)]).unwrap();
        assert_eq!(journal.problems().unwrap(), [failed]);
        journal.commit(&[Change::NoProblem { path: "a".into() }]).unwrap();
        assert_eq!(journal.problems().unwrap(), []);
    }
}
