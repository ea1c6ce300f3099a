//! The engine's face: one pass over one pair.
//!
//! Placeholder until the engine's rooms are wired up: it answers that it cannot run, and does nothing.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::{Config, PairConfig};
use crate::report::{Kind, Report};
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
    /// A step is done; a line for people.
    fn step_done(&self, line: &str);
    /// So many more bytes were transferred.
    fn bytes(&self, done: u64);
    /// One more file is done.
    fn file_done(&self);
}

/// One pass over one pair.
pub(crate) async fn run_once(
    setup: &Setup,
    pair: &PairConfig,
    options: &OnceOptions,
    sink: Arc<dyn Sink>,
) -> Outcome {
    sink.phase(&pair.name, "failed");
    let _ = (setup.client.requests(), &setup.stop, options);
    let report = Report::new(
        Kind::Internal,
        "cannot run",
        "this build has no engine",
        "install a released build",
    );
    Outcome::Ran(PairSummary::could_not_run(&pair.name, report))
}
