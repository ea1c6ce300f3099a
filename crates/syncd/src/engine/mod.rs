//! The engine: one pass over one pair, from looking to settling ([`run_once`]).
//!
//! It is the only writer of the pair's journal. Watchers, walks and workers bring it values; it decides with the planner,
//! and hands steps to the local and the remote side. What is absent: wire formats, SQL, system calls, user sentences.
//! Read in this order: `pass` (the ring), `observe`, `decide`, `gate`, `execute`, `settle`, `resolve`.

mod absent;
mod adopt;
mod aging;
pub(crate) mod between;
mod calm;
pub(crate) mod check;
mod clock;
pub(crate) mod conflicts;
mod copied;
mod decide;
mod deletions;
mod discarded;
mod doubts;
mod dry_run;
pub(crate) mod ending;
mod execute;
mod fetch;
pub(crate) mod filestatus;
mod gate;
mod hands;
mod hashes;
mod intents;
mod memo;
mod observe;
mod open;
mod part;
mod pass;
pub(crate) mod rebuild;
mod recall;
mod record;
mod recover;
pub(crate) mod relocate;
mod resolve;
mod restless;
mod root;
pub(crate) mod says;
mod schedule;
mod see;
mod set_aside;
mod settle;
mod sight;
mod supposed;
mod tally;
mod terms;
#[cfg(test)]
mod tests;
mod tidy;
mod twins;
mod whereabouts;
pub(crate) mod why;
mod words;
mod young;

use tokio_util::sync::CancellationToken;

pub(crate) use clock::{now, on_the_wall, random_id, shown as shown_time};
pub(crate) use gate::SafetyStop;
pub(crate) use pass::{run, run_once};
pub(crate) use recall::{Heard, Hearing, Look, Recall};

use crate::config::Config;
use crate::summary::{DryRun, PairSummary};

/// What all pairs of a process share.
pub(crate) struct Setup {
    /// The configuration.
    pub(crate) config: Config,
    /// The account.
    pub(crate) client: api::Client,
    /// Cancelled when the user wants an end: the running step is finished, no other is begun.
    pub(crate) stop: CancellationToken,
}

/// What one pass is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct OnceOptions {
    /// Only plan.
    pub(crate) dry_run: bool,
    /// Run only if the plan made now has this digest.
    pub(crate) expect: Option<String>,
    /// Skipped items and drift count.
    pub(crate) strict: bool,
}

/// How a pass ended.
pub(crate) enum Outcome {
    /// It ran, or said why it could not.
    Ran(PairSummary),
    /// It was a dry run.
    Planned(DryRun),
}

/// Who watches a pass. Called from any task; must not block.
pub(crate) trait Sink: Send + Sync {
    /// The pair entered a phase.
    fn phase(&self, pair: &str, phase: &'static str);
    /// What there is to do, as far as known.
    fn totals(&self, files: u64, bytes: u64);
    /// A step is begun that takes its time: what it is about, and a line for people.
    fn step_begun(&self, _path: &str, _line: &str) {}
    /// It has ended, whatever came of it.
    fn step_ended(&self, _line: &str) {}
    /// A step is done; a line for people.
    fn step_done(&self, line: &str);
    /// So many more bytes were transferred.
    fn bytes(&self, done: u64);
    /// One more file is done.
    fn file_done(&self);
}
