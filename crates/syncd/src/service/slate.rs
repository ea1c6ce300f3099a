//! What is known of one pair while the service runs: written by its loop and by the engine's progress, read by whoever
//! asks. Values only, behind a lock that is held for moments.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::desk::{Counts, LISTED, PairState};
use super::events::Events;
use super::limiter::Closed;
use super::pace::{Came, Trigger};
use super::pauses::{Paused, Pauses};
use super::progress::Progress;
use super::window::Window;
use super::{log, pause};
use crate::engine::{Sink, now};
use crate::exit::Exit;
use crate::report::Report;
use crate::summary::{PairSummary, Stop};
use crate::text::{len, shown};

/// Over which requests are counted, in minutes.
const REQUESTS_WINDOW: u64 = 60;

#[derive(Debug)]
struct Inner {
    phase: &'static str,
    progress: Progress,
    requests: Window,
    next_poll: Option<i64>,
    polled: Option<PollFacts>,
    last: Option<PairSummary>,
    /// The same for a status, made once.
    last_json: Option<serde_json::Value>,
    /// When both sides last agreed: a pass that cannot even begin does not know.
    agreed: Option<String>,
    /// The stop that no pass got past since.
    stop: Option<Stop>,
    /// Something changed here since the last pass began.
    changed: bool,
    offline: bool,
    watch: String,
    ended: u64,
    asked: bool,
    pauses: Pauses,
    /// Ends the pass that runs, after its step; none runs without it.
    pass: Option<CancellationToken>,
    beat: Instant,
}

impl Inner {
    fn pause(&self) -> Option<Paused> {
        self.pauses.now()
    }

    fn in_sync(&self) -> bool {
        let still = self.pass.is_none() && self.pause().is_none() && !self.changed;
        still && self.last.as_ref().is_some_and(PairSummary::in_sync)
    }

    fn exit(&self) -> Exit {
        self.last.as_ref().map_or(Exit::InSync, |last| last.exit(false))
    }
}

/// What a look at the account took, and what it can be relied on for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct PollFacts {
    /// Requests, whatever they were for.
    requests: u64,
    /// Folders that were listed.
    listed: u64,
    /// When the oldest listing was taken that the pair relies on now.
    oldest: Instant,
}

/// One pair.
#[derive(Debug)]
pub(crate) struct Slate {
    name: String,
    dir: PathBuf,
    started: Instant,
    events: Arc<Events>,
    inner: Mutex<Inner>,
    bell: Notify,
}

impl Slate {
    /// A pair whose state is kept in that folder, with the pause that it was left in.
    pub(crate) fn new(name: &str, dir: PathBuf, events: Arc<Events>) -> Self {
        let started = Instant::now();
        let inner = Inner {
            phase: "starting",
            progress: Progress::default(),
            requests: Window::default(),
            next_poll: None,
            polled: None,
            last: None,
            last_json: None,
            agreed: None,
            stop: None,
            changed: false,
            offline: false,
            watch: "not watched yet".to_owned(),
            ended: 0,
            asked: false,
            pauses: Pauses::left(pause::read(&dir).map(pause::Pause::moment)),
            pass: None,
            beat: started,
        };
        Self {
            name: name.to_owned(),
            dir,
            started,
            events,
            inner: Mutex::new(inner),
            bell: Notify::new(),
        }
    }

    /// The pair's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The pair's folder in the state directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Plain values: a panic elsewhere leaves nothing half written.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn tell(&self, kind: &'static str, text: impl Into<String>) {
        self.events.tell(Some(&self.name), kind, text);
    }

    // ---- what others want of it

    /// A pass is wanted now. Answers the number that [`passed`](Self::passed) reaches with it.
    pub(crate) fn ask(&self) -> u64 {
        let mut inner = self.inner();
        inner.asked = true;
        let number = inner
            .ended
            .saturating_add(if inner.pass.is_some() { 2 } else { 1 });
        drop(inner);
        self.bell.notify_one();
        number
    }

    /// How many passes have ended.
    pub(crate) fn passed(&self) -> u64 {
        self.inner().ended
    }

    /// Paused until then, 0 for ever, or not any more.
    pub(crate) fn set_paused(&self, until: Option<i64>) {
        self.pausing(|pauses| pauses.set_user(until));
    }

    /// Goes on, also within a window that pauses it.
    pub(crate) fn resume(&self) {
        self.pausing(Pauses::resume);
    }

    /// The window that pauses it, or none any more.
    pub(crate) fn set_closed(&self, closed: Option<Closed>) {
        self.pausing(|pauses| pauses.set_closed(closed));
    }

    fn pausing(&self, change: impl FnOnce(&mut Pauses)) {
        let mut inner = self.inner();
        let was = inner.pause();
        change(&mut inner.pauses);
        let is = inner.pause();
        if is.is_some()
            && let Some(pass) = &inner.pass
        {
            pass.cancel();
        }
        drop(inner);
        if was == is {
            return;
        }
        match (was, is) {
            (_, Some(Paused::ByUser(_))) => {
                tracing::info!(pair = self.name, "paused");
                self.tell("paused", "paused");
            }
            (None, Some(Paused::ByWindow(closed))) => {
                tracing::info!(
                    pair = self.name,
                    window = closed.window,
                    "paused by a window of the limits"
                );
                self.tell("paused", format!("paused by the window {}", closed.window));
            }
            (Some(_), None) => {
                tracing::info!(pair = self.name, "resumed");
                self.tell("resumed", "goes on");
            }
            // A pause goes on, by another.
            (Some(_), Some(Paused::ByWindow(_))) | (None, None) => {}
        }
        self.bell.notify_one();
    }

    /// Whether it is paused, and by whom. A pause that is over is none.
    pub(crate) fn paused(&self) -> Option<Paused> {
        self.inner().pause()
    }

    /// How things are.
    pub(crate) fn state(&self) -> PairState {
        let (seconds, inner) = (self.seconds(), self.inner());
        let last = inner.last.as_ref();
        PairState {
            name: self.name.clone(),
            phase: inner.phase,
            doing: inner.progress.doing(),
            now: inner.progress.now(),
            in_sync: inner.in_sync(),
            exit: inner.exit().code(),
            queue: inner.progress.queue(),
            rate: inner.progress.rate(seconds),
            eta: inner.progress.eta(seconds),
            next_poll: inner.next_poll,
            oldest_listing: inner.polled.map(|polled| polled.oldest.elapsed().as_secs()),
            requests_last_hour: inner.requests.sum(seconds / 60, REQUESTS_WINDOW),
            requests_last_poll: inner.polled.map(|polled| polled.requests),
            listed_last_poll: inner.polled.map(|polled| polled.listed),
            last_agreement: inner.agreed.clone(),
            paused_until: inner.pause().map(|pause| pause.until()),
            paused_by: inner.pause().map(|pause| pause.by()),
            last_pass: inner.last_json.clone(),
            counts: last.map(counts).unwrap_or_default(),
            stop: inner.stop.clone(),
            error: last.and_then(|last| last.error.as_ref()).map(Report::line),
            other_device: last.is_some_and(|last| last.other_device),
            watch: inner.watch.clone(),
        }
    }

    /// The phase, and whether both sides are known to be the same.
    pub(crate) fn glance(&self) -> (&'static str, bool) {
        let inner = self.inner();
        (inner.phase, inner.in_sync())
    }

    /// How the last pass ended.
    pub(crate) fn exit(&self) -> Exit {
        self.inner().exit()
    }

    /// How long ago its loop showed that it lives.
    pub(crate) fn silent_for(&self) -> Duration {
        self.inner().beat.elapsed()
    }

    // ---- what its loop notes

    /// Waits until something is wanted.
    pub(crate) async fn wanted(&self) {
        self.bell.notified().await;
    }

    /// Whether a pass is wanted.
    pub(crate) fn is_asked(&self) -> bool {
        self.inner().asked
    }

    /// Its loop lives.
    pub(crate) fn beat(&self) {
        self.inner().beat = Instant::now();
    }

    /// Something changed here.
    pub(crate) fn changed(&self) {
        self.inner().changed = true;
    }

    /// How its folder is watched. Answers whether that is new.
    pub(crate) fn watching(&self, text: &str) -> bool {
        let mut inner = self.inner();
        let new = inner.watch != text;
        if new {
            text.clone_into(&mut inner.watch);
        }
        new
    }

    /// Where it is now, outside a pass.
    pub(crate) fn rest(&self, phase: &'static str, wait: Option<Duration>) {
        let mut inner = self.inner();
        let same = inner.phase == phase;
        inner.phase = phase;
        inner.next_poll = wait.map(|wait| {
            let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
            now().saturating_add(seconds)
        });
        drop(inner);
        if !same {
            self.tell("phase", phase);
        }
    }

    /// A pass begins; `end` ends it after its running step.
    pub(crate) fn begin(&self, end: CancellationToken) {
        let mut inner = self.inner();
        if inner.pause().is_some() {
            end.cancel();
        }
        inner.asked = false;
        inner.changed = false;
        inner.pass = Some(end);
        inner.progress.begin();
        inner.next_poll = None;
    }

    /// A pass that had no chance to begin: what was asked for is still wanted.
    pub(crate) fn not_begun(&self, asked: bool) {
        let mut inner = self.inner();
        inner.pass = None;
        inner.asked |= asked;
        // What it was to look at is still to be looked at.
        inner.changed = true;
    }

    /// A pass has ended that had nothing to look at.
    pub(crate) fn nothing(&self) {
        let mut inner = self.inner();
        inner.pass = None;
        inner.ended = inner.ended.saturating_add(1);
    }

    /// A pass has ended.
    pub(crate) fn end(&self, summary: PairSummary, came: Came, trigger: Trigger, began: Instant) {
        let (seconds, mut inner) = (self.seconds(), self.inner());
        if summary.error.is_none() {
            let oldest = summary.oldest_listing;
            let oldest = oldest.and_then(|age| Instant::now().checked_sub(age));
            inner.polled = Some(PollFacts {
                requests: summary.requests,
                listed: summary.listed,
                oldest: oldest.unwrap_or(began),
            });
        }
        inner.pass = None;
        inner.ended = inner.ended.saturating_add(1);
        inner.progress.end();
        inner
            .requests
            .add(seconds / 60, summary.requests, REQUESTS_WINDOW);
        let was_offline = inner.offline;
        inner.offline = came == Came::Offline;
        let before = inner.last.replace(summary.clone());
        inner.last_json = serde_json::to_value(summary.cut(LISTED).json(false)).ok();
        let stop_before = inner.stop.clone();
        if summary.error.is_none() {
            inner.stop.clone_from(&summary.stop);
        }
        if summary.last_agreement.is_some() {
            inner.agreed.clone_from(&summary.last_agreement);
        }
        drop(inner);
        match (was_offline, came == Came::Offline) {
            (false, true) => self.tell("offline", "the server cannot be reached"),
            (true, false) => {
                tracing::info!(pair = self.name, "the server can be reached again");
                self.tell("online", "the server can be reached again");
            }
            (true, true) | (false, false) => {}
        }
        if let Some(stop) = &summary.stop
            && stop_before.as_ref() != Some(stop)
        {
            let message = shown(&stop.message);
            tracing::error!(
                pair = self.name,
                kind = stop.kind,
                next = stop.next,
                "stopped for safety: {message}"
            );
            self.tell("stop", message);
        }
        for conflict in &summary.conflicts {
            let path = shown(&conflict.path);
            self.tell("conflict", format!("{path}: {}", conflict.reason));
        }
        log::pass(&self.name, &summary, before.as_ref(), trigger);
        let text = summary
            .error
            .as_ref()
            .map_or_else(|| summary.headline(), Report::line);
        self.tell("pass", text);
    }
}

fn counts(last: &PairSummary) -> Counts {
    Counts {
        conflicts: len(&last.conflicts),
        skipped: len(&last.skipped),
        held: len(&last.held),
        unproved: len(&last.unproved),
        failed: len(&last.failed),
        drift: len(&last.drift),
    }
}

impl Sink for Slate {
    fn phase(&self, _pair: &str, phase: &'static str) {
        let mut inner = self.inner();
        let same = inner.phase == phase;
        inner.phase = phase;
        drop(inner);
        if !same {
            self.tell("phase", phase);
        }
    }

    fn totals(&self, files: u64, bytes: u64) {
        self.inner().progress.totals(files, bytes);
    }

    fn step_begun(&self, path: &str, line: &str) {
        self.inner().progress.step_begun(path, shown(line));
    }

    fn step_ended(&self, line: &str) {
        self.inner().progress.step_ended(&shown(line));
    }

    fn step_done(&self, line: &str) {
        let line = shown(line);
        tracing::info!(pair = self.name, "{line}");
        self.inner().progress.step_done(line.clone());
        self.tell("step", line);
    }

    fn bytes(&self, done: u64) {
        let seconds = self.seconds();
        self.inner().progress.bytes(seconds, done);
    }

    fn file_done(&self) {
        self.inner().progress.file_done();
    }
}

#[cfg(test)]
mod tests;
