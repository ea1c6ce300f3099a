//! `check`: both sides compared with the journal, every local byte read, and on demand every byte of the account.
//!
//! What must never happen here: a change. It looks as a dry run does, on a scratch copy of the journal, and what it
//! downloads is hashed as it comes and written nowhere.

mod compare;
mod read;

use std::sync::Arc;

use planner::tree::SyncedTree;
use state::{Journal, ProblemKind};

pub(crate) use compare::{Difference, Findings};

use super::open::{Halt, Mode, Session, journal_failed, open};
use super::{Setup, Sink, hashes, observe};
use crate::config::PairConfig;
use crate::local::ignore::Ignore;
use crate::local::scan::{self, ScanOptions};
use crate::remote::listings::Wanted;
use crate::report::{Kind, Report};
use crate::text::len;

/// What of the account is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Depth {
    /// Names, places, sizes and versions.
    Listed,
    /// Every byte too.
    Downloaded,
}

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Files on record.
    pub(crate) files: u64,
    /// Folders on record.
    pub(crate) folders: u64,
    /// Bytes read on this disk.
    pub(crate) bytes_local: u64,
    /// Bytes downloaded.
    pub(crate) bytes_remote: u64,
    /// What is not as it is on record.
    pub(crate) findings: Findings,
}

/// Compares both sides of a pair with its journal.
pub(crate) async fn check(
    setup: &Setup,
    pair: &PairConfig,
    depth: Depth,
    sink: Arc<dyn Sink>,
) -> Result<Checked, Report> {
    let done = match known(setup, pair) {
        Ok(()) => compared(setup, pair, depth, sink).await,
        Err(halt) => Err(halt),
    };
    done.map_err(|halt| match halt {
        Halt::Stop(stop) => Report::from_stop(&stop, &pair.name),
        Halt::Error(report) => *report,
    })
}

/// Without a journal there is nothing to compare with.
fn known(setup: &Setup, pair: &PairConfig) -> Result<(), Halt> {
    let journal = Journal::read(&setup.config.pair_dir(&pair.name));
    let journal = journal.map_err(|error| journal_failed(&error, &pair.name))?;
    match journal {
        Some(journal) if journal.meta().root_id.is_some() => Ok(()),
        Some(_) | None => Err(Halt::Error(Box::new(Report::never_synced(&pair.name)))),
    }
}

async fn compared(
    setup: &Setup,
    pair: &PairConfig,
    depth: Depth,
    sink: Arc<dyn Sink>,
) -> Result<Checked, Halt> {
    let mut session = open(setup, pair, Mode::Look, sink).await?;
    let pair_name = session.pair.name.clone();
    session.sink.phase(&pair_name, "looking");
    let looked = observe::account(&session, None, &Wanted::All).await?;
    let (mut disk, mut ignore) = look_here(&session).await?;
    let account = observe::translate(&mut session, looked, &mut ignore)?;
    session.sink.phase(&pair_name, "reading");
    let bytes_local = read::disk(&session, &mut disk).await;
    let mut checked = Checked {
        bytes_local,
        ..Checked::default()
    };
    let mut downloads = read::Downloads::default();
    if depth == Depth::Downloaded {
        session.sink.phase(&pair_name, "downloading to compare");
        downloads = read::account(&session, &account).await?;
        checked.bytes_remote = downloads.bytes;
    }
    if session.stop.is_cancelled() {
        return Err(Halt::Error(Box::new(interrupted(&pair_name))));
    }
    let problems = session.journal.problems();
    let problems = problems.map_err(|error| session.broken(&error))?;
    let skipped = problems
        .into_iter()
        .filter(|problem| problem.kind == ProblemKind::Skipped)
        .map(|problem| (problem.path, problem.reason))
        .collect();
    checked.findings = compare::compare(&compare::Sides {
        synced: &session.synced,
        disk: &disk,
        account: &account,
        downloaded: &downloads.hashes,
        skipped: &skipped,
    });
    for (path, why) in downloads.failed {
        checked.findings.problem(path, why);
    }
    let files = session.synced.iter().filter(|node| node.file().is_some()).count();
    checked.files = u64::try_from(files).unwrap_or(u64::MAX);
    let all = u64::try_from(session.synced.len()).unwrap_or(u64::MAX);
    checked.folders = all.saturating_sub(checked.files);
    Ok(checked)
}

/// A part of an answer would look like one.
fn interrupted(pair: &str) -> Report {
    let cause = "it was asked to stop before everything was compared";
    Report::new(Kind::Interrupted, "not compared", cause, "run it again").at(pair)
}

/// A scan that believes no hash taken before.
async fn look_here(session: &Session) -> Result<(scan::Scan, Ignore), Halt> {
    let root = session.root.clone();
    let (exclude, include) = (session.pair.exclude.clone(), session.pair.include.clone());
    let options = ScanOptions {
        quiet: std::time::Duration::ZERO,
        now_ns: super::clock::now_ns(),
    };
    let disk = crate::blocking::run(move || {
        let mut ignore = Ignore::new(&exclude, &include)?;
        let (known, nothing) = (hashes::Hashes::default(), SyncedTree::default());
        let scan = scan::scan(&root, &mut ignore, &known.with(&nothing), options)?;
        Ok((scan, ignore))
    });
    super::hands::joined(disk.await)
        .map_err(|error| Halt::Error(Box::new(Report::from_root(&session.pair.local, &error))))
}

impl Checked {
    /// Whether everything is as it is on record, and everything could be looked at.
    pub(crate) fn is_equal(&self) -> bool {
        self.findings.differences.is_empty() && self.findings.problems.is_empty()
    }

    /// How many differences there are.
    pub(crate) fn differences(&self) -> u64 {
        len(&self.findings.differences)
    }
}
