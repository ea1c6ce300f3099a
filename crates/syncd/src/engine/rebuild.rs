//! `rebuild`: a new journal from both sides (design §6).
//!
//! Everything that can fail without a journal is tried before the old one is put aside; then one pass meets both sides
//! anew. It deletes nothing, for nothing is on record; what is equal is adopted; of what differs both versions stay,
//! whatever the pair's policy (`memo::begin_rebuild`). Never here: a folder made in the account, which would be the
//! wrong one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use planner::hold::Side;
use state::{Change, HistoryEntry, Journal, JournalError, Meta, RemoteRoot};

use super::open::{FirstRoot, Halt, Mode, find_marker, first_root, journal_failed, open_root, sign_in};
use super::pass::halted;
use super::{OnceOptions, Outcome, Setup, Sink, memo, run_once};
use crate::config::PairConfig;
use crate::remote::account::{Account, Life};
use crate::report::Report;
use crate::summary::PairSummary;

/// How a rebuild ended.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    /// What the merging pass did, or why there was none.
    pub(crate) summary: PairSummary,
    /// Where the old journal is now, if there was one and it came so far.
    pub(crate) kept: Option<PathBuf>,
}

/// Puts the pair's journal aside, whatever state it is in, and merges both sides into a new one.
pub(crate) async fn rebuild(setup: &Setup, pair: &PairConfig, by: &str, sink: Arc<dyn Sink>) -> Rebuilt {
    let kept = match begin(setup, pair, by).await {
        Ok(kept) => kept,
        Err(halt) => {
            let summary = PairSummary {
                name: pair.name.clone(),
                ..PairSummary::default()
            };
            return Rebuilt {
                summary: halted(summary, halt),
                kept: None,
            };
        }
    };
    let summary = match run_once(setup, pair, &OnceOptions::default(), sink).await {
        Outcome::Ran(summary) => summary,
        Outcome::Planned(plan) => plan.summary,
    };
    Rebuilt { summary, kept }
}

/// Checks both sides, then makes the new journal.
async fn begin(setup: &Setup, pair: &PairConfig, by: &str) -> Result<Option<PathBuf>, Halt> {
    let dir = setup.config.pair_dir(&pair.name);
    let broken = |error: &JournalError| journal_failed(error, &pair.name);
    let before = facts(&dir).map_err(|error| broken(&error))?;
    let no_facts = Meta {
        journal_id: 0,
        api_url: None,
        account: None,
        remote_root: None,
        root_id: None,
        generation: 0,
        agreed_at: None,
    };
    let before = before.unwrap_or(no_facts);
    let root = open_root(setup, pair, &before)?;
    find_marker(&root, true)?;
    let api_url = setup.config.account.api_url.to_string();
    let account = sign_in(setup, None, &api_url).await?;
    let remote_root = remote_root(setup, pair, &before, (&account, &api_url)).await?;
    let now = super::clock::now();
    let (mut journal, kept) =
        Journal::begin_anew(&dir, &super::clock::file_stamp(now)).map_err(|error| broken(&error))?;
    let facts = Meta {
        api_url: Some(api_url),
        account: Some(account),
        remote_root: Some(remote_root),
        ..journal.meta().clone()
    };
    let begun = memo::begin_rebuild(&mut journal)
        .and_then(|()| journal.set_meta(facts))
        .and_then(|()| journal.commit(&[Change::History(entry(now, by))]));
    begun.map_err(|error| broken(&error))?;
    Ok(kept)
}

/// What a sound journal says of itself. One that is damaged, or of another version, says nothing that could be trusted.
fn facts(dir: &Path) -> Result<Option<Meta>, JournalError> {
    match Journal::read(dir) {
        Ok(journal) => Ok(journal.map(|journal| journal.meta().clone())),
        Err(
            error @ (JournalError::Locked { .. }
            | JournalError::NotWritable { .. }
            | JournalError::Full { .. }),
        ) => Err(error),
        Err(
            JournalError::Damaged { .. }
            | JournalError::Newer { .. }
            | JournalError::Torn { .. }
            | JournalError::NoSuchIntent { .. }
            | JournalError::Sql { .. },
        ) => Ok(None),
    }
}

/// The folder of the account: the one that the configuration names, else the one that the old journal followed when it
/// was renamed there.
async fn remote_root(
    setup: &Setup,
    pair: &PairConfig,
    before: &Meta,
    (account, api_url): (&str, &str),
) -> Result<RemoteRoot, Halt> {
    let found = first_root(setup, pair, Mode::Look, api_url).await?;
    if let FirstRoot::There(root) = found {
        return Ok(root.map_or(RemoteRoot::Top, RemoteRoot::Folder));
    }
    let same = before.account.as_deref() == Some(account) && before.api_url.as_deref() == Some(api_url);
    if let (Some(RemoteRoot::Folder(id)), true) = (before.remote_root, same) {
        let asked = Account::new(setup.client.clone(), None, std::collections::BTreeMap::new());
        if asked.life(id).await.0 == Life::Alive {
            return Ok(RemoteRoot::Folder(id));
        }
    }
    let why = "it is not there, and a rebuild makes none: what is here would all be uploaded anew";
    Err(Halt::Error(Box::new(Report::remote_root(pair, why))))
}

fn entry(at: i64, by: &str) -> HistoryEntry {
    HistoryEntry {
        at,
        pass: 0,
        side: Side::Local,
        action: "rebuild".to_owned(),
        path: String::new(),
        to: None,
        bytes: None,
        reason: "a new journal was made from both sides".to_owned(),
        allowed_by: Some(by.to_owned()),
        deleted_files: 0,
    }
}
