//! Between passes: what commands ask of a pair's journal, and tell it, while nobody syncs the pair.
//!
//! All of it happens under the journal's lock; where a pass holds that, the answer is who. Never here: a journal made
//! where there is none, a decision.

use std::borrow::Cow;
use std::path::Path;

use planner::hold::Side;
use serde::{Deserialize, Serialize};
use state::{HeldDeletion, HeldWhat, Journal, JournalError};

pub(crate) use super::memo::KeptStop;

use super::memo;
use crate::report::Report;
use crate::text::len;

/// What a safety stop holds, or the user just let through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Held {
    /// Deletions, in order of path.
    pub(crate) deletions: Vec<HeldItem>,
    /// A folder here that is older than the journal.
    pub(crate) older_folder: bool,
}

/// One held deletion.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct HeldItem {
    /// Where.
    pub(crate) path: String,
    /// What would be done: `delete_local`, `delete_remote`, `lost_row`.
    pub(crate) what: Cow<'static, str>,
}

impl Held {
    /// Nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.deletions.is_empty() && !self.older_folder
    }

    /// How many of a kind.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.deletions.iter().filter(|item| item.what == what).count()
    }

    fn of(held: Vec<HeldDeletion>, older_folder: bool) -> Self {
        let item = |held: HeldDeletion| HeldItem {
            path: held.path,
            what: Cow::Borrowed(match held.what {
                HeldWhat::DeleteLocal => "delete_local",
                HeldWhat::DeleteRemote => "delete_remote",
                HeldWhat::LostRow => "lost_row",
            }),
        };
        let mut deletions: Vec<_> = held.into_iter().map(item).collect();
        deletions.sort_by(|a, b| a.path.cmp(&b.path));
        Self {
            deletions,
            older_folder,
        }
    }
}

/// While it lives, no pass works on the pair.
#[derive(Debug)]
pub(crate) struct Quiet {
    /// Never read: its being open is the lock. None where the pair was never synced.
    _journal: Option<Journal>,
}

impl Quiet {
    /// Keeps passes out, or says who is at it.
    pub(crate) fn hold(dir: &Path) -> Result<Self, Report> {
        let journal = Journal::read(dir).map_err(|error| told(dir, &error))?;
        Ok(Self { _journal: journal })
    }
}

/// What the last stop holds. A pair without a journal holds nothing.
pub(crate) fn held(dir: &Path) -> Result<Held, Report> {
    Ok(ask(dir, read_held)?.unwrap_or_default())
}

fn read_held(journal: &Journal) -> Result<Held, JournalError> {
    Ok(Held::of(journal.held_deletions()?, memo::holds_older(journal)?))
}

/// Lets through, once, what the last stop holds, and answers what that was.
pub(crate) fn approve(dir: &Path, by: &str) -> Result<Held, Report> {
    if held(dir)?.is_empty() {
        return Ok(Held::default());
    }
    let now = super::clock::now();
    let approved = Journal::open(dir).and_then(|mut journal| {
        let held = read_held(&journal)?;
        journal.approve(None, by, now)?;
        memo::approve_older(&mut journal, by)?;
        memo::forget_stop(&mut journal)?;
        Ok(held)
    });
    approved.map_err(|error| told(dir, &error))
}

/// Why the pair waits, if it was stopped and no pass came through since.
pub(crate) fn stopped(dir: &Path) -> Result<Option<KeptStop>, Report> {
    Ok(ask(dir, memo::stop)?.flatten())
}

/// What is not in sync, as the last pass found it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ProblemItem {
    /// Where.
    pub(crate) path: String,
    /// `skipped`, `held`, `unproved`, `failed` or `drift`.
    pub(crate) kind: Cow<'static, str>,
    /// Why.
    pub(crate) reason: String,
    /// Since when, RFC 3339.
    pub(crate) since: Option<String>,
}

/// All present problems, by path.
pub(crate) fn problems(dir: &Path) -> Result<Vec<ProblemItem>, Report> {
    let problems = ask(dir, Journal::problems)?.unwrap_or_default();
    let item = |problem: state::Problem| ProblemItem {
        kind: Cow::Borrowed(problem.kind.word()),
        since: super::clock::shown(problem.since),
        path: problem.path,
        reason: problem.reason,
    };
    Ok(problems.into_iter().map(item).collect())
}

/// One line of history.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct HistoryItem {
    /// When, RFC 3339.
    pub(crate) at: Option<String>,
    /// The pass it belongs to.
    pub(crate) pass: u64,
    /// `local` or `remote`: the side that was changed.
    pub(crate) side: Cow<'static, str>,
    /// What was done.
    pub(crate) action: String,
    /// Where.
    pub(crate) path: String,
    /// Where to, if it moved.
    pub(crate) to: Option<String>,
    /// Bytes transferred.
    pub(crate) bytes: Option<u64>,
    /// Why.
    pub(crate) reason: String,
    /// Who let it through, if it was held.
    pub(crate) allowed_by: Option<String>,
}

/// The newest lines, newest first.
pub(crate) fn history(dir: &Path, limit: u32) -> Result<Vec<HistoryItem>, Report> {
    let lines = ask(dir, |journal| journal.history(limit))?.unwrap_or_default();
    let item = |line: state::HistoryEntry| HistoryItem {
        at: super::clock::shown(line.at),
        pass: line.pass,
        side: Cow::Borrowed(match line.side {
            Side::Local => "local",
            Side::Remote => "remote",
        }),
        action: line.action,
        path: line.path,
        to: line.to,
        bytes: line.bytes,
        reason: line.reason,
        allowed_by: line.allowed_by,
    };
    Ok(lines.into_iter().map(item).collect())
}

/// What a pair's journal knows while nothing runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PairStatus {
    /// The pair.
    pub(crate) name: String,
    /// When both sides last agreed, RFC 3339.
    pub(crate) last_agreement: Option<String>,
    /// Synced files.
    pub(crate) files: u64,
    /// Items that are not in sync, of every kind.
    pub(crate) problems: u64,
    /// Why the pair waits, if it was stopped and no pass came through since.
    pub(crate) stop: Option<KeptStop>,
    /// Items that wait for `approve`.
    pub(crate) held: u64,
    /// Items that were approved and wait for the next pass.
    pub(crate) approved: u64,
    /// Conflicts that wait for the user.
    pub(crate) conflicts: u64,
    /// Since when passes take turns with another device that signs in, RFC 3339; `None`: the last one did not.
    pub(crate) other_device: Option<String>,
}

/// What the journal of this pair knows.
pub(crate) fn status(name: &str, dir: &Path) -> Result<PairStatus, Report> {
    let known = ask(dir, |journal| {
        Ok(PairStatus {
            name: name.to_owned(),
            last_agreement: journal.meta().agreed_at.and_then(super::clock::shown),
            files: journal.synced_files()?,
            problems: len(&journal.problems()?),
            stop: memo::stop(journal)?,
            held: len(&journal.held_deletions()?),
            approved: u64::try_from(journal.approvals()?.len()).unwrap_or(u64::MAX),
            conflicts: super::conflicts::open_count(journal)?,
            other_device: memo::other_device(journal)?.and_then(super::clock::shown),
        })
    })?;
    Ok(known.unwrap_or_else(|| PairStatus {
        name: name.to_owned(),
        ..PairStatus::default()
    }))
}

/// Asks a copy of the journal; `None` if the pair has none yet.
pub(super) fn ask<T>(
    dir: &Path,
    question: impl FnOnce(&Journal) -> Result<T, JournalError>,
) -> Result<Option<T>, Report> {
    let journal = Journal::read(dir).map_err(|error| told(dir, &error))?;
    journal
        .map(|journal| question(&journal))
        .transpose()
        .map_err(|error| told(dir, &error))
}

/// The folder of a pair bears its name.
fn told(dir: &Path, error: &JournalError) -> Report {
    let pair = dir.file_name().unwrap_or_default().to_string_lossy();
    Report::from_journal_command(error, &pair)
}
