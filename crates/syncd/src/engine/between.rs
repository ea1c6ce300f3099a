//! Between passes: what commands ask of a pair's journal, and tell it, while nobody syncs the pair.
//!
//! All of it happens under the journal's lock; where a pass holds that, the answer is who. Never here: a journal made
//! where there is none, a decision.

use std::path::Path;

use serde::Serialize;
use state::{HeldDeletion, HeldWhat, Journal, JournalError};

use super::memo::{self, KeptStop};
use crate::report::Report;

/// What a safety stop holds, or the user just let through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Held {
    /// Deletions, in order of path.
    pub(crate) deletions: Vec<HeldItem>,
    /// A folder here that is older than the journal.
    pub(crate) older_folder: bool,
}

/// One held deletion.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct HeldItem {
    /// Where.
    pub(crate) path: String,
    /// What would be done: `delete_local`, `delete_remote`, `lost_row`.
    pub(crate) what: &'static str,
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
            what: match held.what {
                HeldWhat::DeleteLocal => "delete_local",
                HeldWhat::DeleteRemote => "delete_remote",
                HeldWhat::LostRow => "lost_row",
            },
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
        let journal = Journal::read(dir).map_err(|error| told(&error))?;
        Ok(Self { _journal: journal })
    }
}

/// What the last stop holds. A pair without a journal holds nothing.
pub(crate) fn held(dir: &Path) -> Result<Held, Report> {
    let Some(journal) = Journal::read(dir).map_err(|error| told(&error))? else {
        return Ok(Held::default());
    };
    read_held(&journal).map_err(|error| told(&error))
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
    approved.map_err(|error| told(&error))
}

/// Why the pair waits, if it was stopped and no pass came through since.
pub(crate) fn stopped(dir: &Path) -> Result<Option<KeptStop>, Report> {
    match Journal::read(dir).map_err(|error| told(&error))? {
        Some(journal) => memo::stop(&journal).map_err(|error| told(&error)),
        None => Ok(None),
    }
}

fn told(error: &JournalError) -> Report {
    Report::from_journal_command(error)
}
