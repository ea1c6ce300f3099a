//! The life of one pair in a service: a pass, a wait, a pass. One at a time, and no pair waits for another.
//!
//! Every pass is a whole one, so nothing depends on what the watcher saw: what it missed is found by the next. Dropping a
//! pass between two of its awaits is as safe as a power cut, and is done only when it does not end in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ear::Batch;
use super::pace::{Bounds, Came, Next, Pace, Trigger, worked};
use super::pause;
use super::prepare::local_folder;
use super::slate::Slate;
use super::watch::Watch;
use crate::config::{Config, PairConfig};
use crate::engine::{self, OnceOptions, Outcome, Setup, Sink, now};
use crate::summary::PairSummary;

/// A running step gets so long to its end; then the pass is given up. The service has to be gone within 10 s.
const GIVE_UP: Duration = Duration::from_secs(8);

/// What a pair lives with.
pub(crate) struct Life {
    /// The configuration.
    pub(crate) config: Config,
    /// The pair's part of it.
    pub(crate) pair: PairConfig,
    /// The account; shared with the other pairs.
    pub(crate) client: api::Client,
    /// Where everything is noted.
    pub(crate) slate: Arc<Slate>,
    /// Ends it.
    pub(crate) stop: CancellationToken,
    /// How often it shows that it lives, if somebody wants to know.
    pub(crate) beat: Option<Duration>,
}

impl Life {
    /// Lives until it is stopped.
    pub(crate) async fn live(&self) {
        let timing = &self.config.timing;
        let mut pace = Pace::new(Bounds {
            poll: self.pair.poll_interval,
            max_poll: self.pair.max_poll_interval,
            again: timing.quiet_period.max(timing.look_again),
        });
        let mut watch = Watch::new(&self.pair.local);
        let mut trigger = Trigger::Start;
        while !self.stop.is_cancelled() {
            if let Some(until) = self.slate.paused() {
                self.pause(until).await;
                trigger = Trigger::Asked;
                continue;
            }
            let Some((came, worked)) = self.pass(&mut watch, trigger).await else {
                return;
            };
            let mut next = pace.after(came, worked, trigger, rand::random());
            if !watch.is_whole() && came.heeds_changes() {
                next.within = next.within.map(|wait| wait.min(self.pair.local_scan_interval));
            }
            if came != Came::Busy {
                self.slate.rest(phase(came), next.within);
            }
            match self.wait(&watch, came, next).await {
                // Nothing came of the one before.
                Some(Trigger::Poll) if came == Came::Busy => {}
                Some(next) => trigger = next,
                None => return,
            }
        }
    }

    /// Returns at the latest when somebody wants something.
    async fn pause(&self, until: i64) {
        self.slate.rest(crate::summary::PAUSED, None);
        let left = u64::try_from(until.saturating_sub(now())).unwrap_or(0);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.slate.wanted() => {}
            () = self.next_beat() => self.slate.beat(),
            () = sleep(Duration::from_secs(left)), if until != 0 => {
                if now() >= until && self.slate.paused() == Some(until) {
                    if let Err(error) = pause::clear(self.slate.dir()) {
                        // It is over by its own time as well.
                        tracing::debug!(%error, "the end of a pause could not be noted");
                    }
                    self.slate.set_paused(None);
                }
            }
        }
    }

    /// One pass: what it came to, and whether it did something. `None` if it was given up because the service ends.
    async fn pass(&self, watch: &mut Watch, trigger: Trigger) -> Option<(Came, bool)> {
        let asked = self.slate.is_asked();
        let end = self.stop.child_token();
        self.slate.begin(end.clone());
        let began = Instant::now();
        let given_up = async {
            self.stop.cancelled().await;
            sleep(GIVE_UP).await;
        };
        let work = self.look(watch, trigger, end);
        tokio::pin!(given_up, work);
        let summary = loop {
            tokio::select! {
                summary = &mut work => break summary,
                () = &mut given_up => {
                    tracing::warn!(
                        pair = self.pair.name,
                        "the running step does not end; the next start finishes or undoes it"
                    );
                    return None;
                }
                () = self.next_beat() => self.slate.beat(),
            }
        };
        let (came, worked) = (Came::of(&summary), worked(&summary));
        if came == Came::Busy {
            self.slate.not_begun(asked);
        } else {
            self.slate.end(summary, came, trigger, began);
        }
        Some((came, worked))
    }

    async fn look(&self, watch: &mut Watch, trigger: Trigger, end: CancellationToken) -> PairSummary {
        let rescan = self.pair.local_scan_interval;
        let batch = watch.before_pass(rescan).await;
        let how = watch.text(rescan);
        if self.slate.watching(&how) && !watch.is_whole() {
            tracing::warn!(pair = self.pair.name, "{how}");
        }
        self.whole_pass(&batch, trigger, end).await
    }

    /// A pass over everything, whatever changed.
    async fn whole_pass(&self, batch: &Batch, trigger: Trigger, end: CancellationToken) -> PairSummary {
        tracing::debug!(
            pair = self.pair.name,
            trigger = trigger.word(),
            paths = batch.paths.len(),
            everything = batch.everything,
            "looking"
        );
        if let Err(report) = local_folder(&self.config, &self.pair) {
            return PairSummary::could_not_run(&self.pair.name, report);
        }
        let setup = Setup {
            config: self.config.clone(),
            client: self.client.clone(),
            stop: end,
        };
        let sink: Arc<dyn Sink> = Arc::<Slate>::clone(&self.slate);
        match engine::run_once(&setup, &self.pair, &OnceOptions::default(), sink).await {
            Outcome::Ran(summary) => summary,
            Outcome::Planned(plan) => plan.summary,
        }
    }

    /// Waits for the next pass; `None`: for none, the service ends.
    async fn wait(&self, watch: &Watch, came: Came, next: Next) -> Option<Trigger> {
        let heeded = Instant::now().checked_add(next.changes_after);
        let settled = async {
            watch.settled(self.config.timing.quiet_period).await;
            if let Some(heeded) = heeded {
                sleep_until(heeded).await;
            }
        };
        let due = async {
            match next.within {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(due, settled);
        let mut changed = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = self.slate.wanted() => {
                    if self.slate.is_asked() || self.slate.paused().is_some() {
                        return Some(Trigger::Asked);
                    }
                }
                () = watch.changed(), if !changed => {
                    changed = true;
                    self.slate.changed();
                }
                () = &mut settled, if changed && came.heeds_changes() => return Some(Trigger::Change),
                () = &mut due => return Some(Trigger::Poll),
                () = self.next_beat() => self.slate.beat(),
            }
        }
    }

    async fn next_beat(&self) {
        match self.beat {
            Some(beat) => sleep(beat).await,
            None => std::future::pending().await,
        }
    }
}

/// The phase of a pair between passes.
const fn phase(came: Came) -> &'static str {
    match came {
        Came::Done | Came::Open | Came::Refused | Came::Busy => "idle",
        Came::Offline => "offline",
        Came::Failed | Came::ShutOut => "failed",
        Came::Stopped => "stopped",
    }
}
