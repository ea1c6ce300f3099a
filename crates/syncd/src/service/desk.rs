//! What can be asked of a running service: the seam between those who ask (the control socket, signals) and the one who
//! knows (the service). Values only: no HTTP, no journal, no engine.
//!
//! What must never be in an answer: keys, tokens, addresses of downloads.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::broadcast;

use crate::config::Config;

/// Why a question is not answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no pair of this name.
    #[error("there is no pair \"{0}\"")]
    NoSuchPair(String),
    /// The question makes no sense as it was asked.
    #[error("{0}")]
    Bad(String),
    /// The service could not do it; the words are for the user.
    #[error("{0}")]
    Failed(String),
    /// It has to end something else first: ask again in a moment.
    #[error("it is busy just now: ask again in a moment")]
    Busy,
}

/// What happened, for those who listen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Event {
    /// Grows by one with each event; a gap means that some were missed.
    pub(crate) seq: u64,
    /// Seconds since 1970.
    pub(crate) at: i64,
    /// The pair it is about, if about one.
    pub(crate) pair: Option<String>,
    /// `phase`, `step`, `pass`, `stop`, `conflict`, `paused`, `resumed`, `reloaded`, `offline`, `online`, `ending`.
    pub(crate) kind: &'static str,
    /// In words, for people.
    pub(crate) text: String,
}

/// One pair of a running service, as `GET /v1/status` shows it. Keys are a promise: added, never renamed (interface §1).
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub(crate) struct PairState {
    /// The pair.
    pub(crate) name: String,
    /// `starting`, `looking`, `comparing`, `syncing`, `settling`, `idle`, `paused`, `offline`, `stopped`, `failed`.
    pub(crate) phase: &'static str,
    /// The last step that was done, for people.
    pub(crate) doing: Option<String>,
    /// Steps that are being done just now; the first of them.
    pub(crate) now: Vec<Doing>,
    /// Whether the last pass left both sides the same, and nothing was seen to change since.
    pub(crate) in_sync: bool,
    /// The exit code that `--once` would have ended with.
    pub(crate) exit: u8,
    /// What the pass that runs still has to do.
    pub(crate) queue: Queue,
    /// Bytes a second over the last ten seconds.
    pub(crate) rate: u64,
    /// Seconds until the queue is empty at that rate, if there is one.
    pub(crate) eta: Option<u64>,
    /// When the next look at the account is due, seconds since 1970; `None` while paused or stopped.
    pub(crate) next_poll: Option<i64>,
    /// The age in seconds of the oldest folder listing that is relied on; `None` before the first pass.
    pub(crate) oldest_listing: Option<u64>,
    /// Requests in the last hour.
    pub(crate) requests_last_hour: u64,
    /// Requests of the last pass; `None` before the first.
    pub(crate) requests_last_poll: Option<u64>,
    /// Folders of the account that it listed, where that is known.
    pub(crate) listed_last_poll: Option<u64>,
    /// When both sides last agreed, RFC 3339.
    pub(crate) last_agreement: Option<String>,
    /// Until when the pair is paused, seconds since 1970; 0 for ever; `None`: it is not paused.
    pub(crate) paused_until: Option<i64>,
    /// Who paused it: `user`, or a `window` of the limits.
    pub(crate) paused_by: Option<&'static str>,
    /// The last pass, with the keys of `--once --json`; of each of its lists at most [`LISTED`] items.
    pub(crate) last_pass: Option<serde_json::Value>,
    /// How many items each of its lists has.
    pub(crate) counts: Counts,
    /// Why the pair waits for the user.
    pub(crate) stop: Option<crate::summary::Stop>,
    /// Why the last pass could not run: what happened, why, what next.
    pub(crate) error: Option<String>,
    /// Another device signs in on this account, and the two take turns.
    pub(crate) other_device: bool,
    /// How this side is watched: `watching`, or why it is scanned instead, with what to do.
    pub(crate) watch: String,
}

/// Items of each list of a pass in a status; `GET /v1/problems` has all.
pub(crate) const LISTED: usize = 100;

/// Steps in a status that are being done.
pub(crate) const DOING: usize = 8;

/// A step that is being done.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Doing {
    /// What it is about, below the pair's folder.
    pub(crate) path: String,
    /// For people.
    pub(crate) text: String,
}

/// Lengths of a pass's lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Conflicts settled.
    pub(crate) conflicts: u64,
    /// What can never be held.
    pub(crate) skipped: u64,
    /// What waits for a decision or a proof.
    pub(crate) held: u64,
    /// What one more look decides.
    pub(crate) unproved: u64,
    /// What was refused.
    pub(crate) failed: u64,
    /// What differs on the side that is never written.
    pub(crate) drift: u64,
}

/// What is still to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Queue {
    /// Files.
    pub(crate) files: u64,
    /// Bytes.
    pub(crate) bytes: u64,
}

/// A running service.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ServiceState {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Always true: somebody answered.
    pub(crate) running: bool,
    /// Process.
    pub(crate) pid: u32,
    /// Release.
    pub(crate) version: &'static str,
    /// When it started, seconds since 1970.
    pub(crate) since: i64,
    /// Pairs, in the order of the configuration.
    pub(crate) pairs: Vec<PairState>,
    /// The limits that hold now.
    pub(crate) limits: LimitsState,
}

/// Limits as they hold now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct LimitsState {
    /// Bytes a second; 0: no limit.
    pub(crate) upload: u64,
    /// Bytes a second; 0: no limit.
    pub(crate) download: u64,
    /// `syncd limit` said one of them.
    pub(crate) by_command: bool,
    /// Windows of the configuration that hold now, by their times and days.
    pub(crate) windows: Vec<String>,
    /// One of them pauses the pairs.
    pub(crate) pause: bool,
    /// When windows next change any of this, seconds since 1970; `None`: not within a week.
    pub(crate) until: Option<i64>,
}

/// The one who knows. Everything here returns at once; what takes time is begun, and seen in status and events.
pub(crate) trait Desk: Send + Sync + 'static {
    /// How things are, of all pairs or one.
    fn status(&self, pair: Option<&str>) -> Result<ServiceState, Refusal>;
    /// Events from now on.
    fn events(&self) -> broadcast::Receiver<Event>;
    /// Looks at both sides now. Answers the number that [`Desk::passed`] must reach for a pass begun after this.
    fn sync(&self, pair: Option<&str>) -> Result<Vec<(String, u64)>, Refusal>;
    /// How many passes of this pair were begun and have ended; a pass begun after `sync` answered *n* has ended when this
    /// is at least *n*.
    fn passed(&self, pair: &str) -> Result<u64, Refusal>;
    /// Pauses for so many seconds, or until `resume`. Survives a restart.
    fn pause(&self, pair: Option<&str>, seconds: Option<u64>) -> Result<(), Refusal>;
    /// Ends a pause.
    fn resume(&self, pair: Option<&str>) -> Result<(), Refusal>;
    /// Reads the configuration again; an invalid one changes nothing and is told.
    fn reload(&self) -> Result<(), Refusal>;
    /// Ends the service after the running step.
    fn stop(&self);
    /// Bytes a second, 0 for no limit; `None` leaves it. Until the next reload or restart.
    fn limit(&self, upload: Option<u64>, download: Option<u64>) -> Result<(), Refusal>;
    /// The configuration in force: where the folders of pairs are, for the choices that a user makes between two files.
    fn config(&self) -> Arc<Config>;
    /// The state folder of a pair, for questions that its journal answers between passes.
    fn pair_dir(&self, pair: &str) -> Result<std::path::PathBuf, Refusal>;
}
