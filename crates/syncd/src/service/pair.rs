//! The life of one pair in a service: a pass, a wait, a pass. One at a time, and no pair waits for another.
//!
//! What a pass looks at depends on why it is made; what the watcher missed is found by the scan of everything that is due
//! each `local_scan_interval`. Dropping a pass between two of its awaits is as safe as a power cut, and is done only when it does not end in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::pace::{Bounds, Came, Next, Pace, Trigger, worked};
use super::pause;
use super::pauses::Paused;
use super::prepare::local_folder;
use super::slate::Slate;
use super::watch::Watch;
use crate::config::{Config, PairConfig};
use crate::engine::{self, Look, Recall, Setup, Sink, now};
use crate::summary::PairSummary;

/// A running step gets so long to its end; then the pass is given up. The service has to be gone within 10 s.
const GIVE_UP: Duration = Duration::from_secs(8);

/// Changes that came to nothing when they were looked at are looked at no oftener than this.
const AFTER_NOTHING: Duration = Duration::from_millis(500);

/// What a pass came to.
enum Passed {
    /// This, and whether it did something.
    Came(Came, bool),
    /// Nothing had changed here, and that was all it was to look at.
    Nothing,
    /// It was given up, because the service ends.
    GivenUp,
}

/// What is waited for between two passes.
struct Rest {
    /// What the last pass came to that was not for nothing.
    came: Came,
    /// When the account is polled, at the latest.
    until: Option<Instant>,
    /// When a change here is heeded, at the earliest.
    heeded: Option<Instant>,
}

impl Rest {
    /// Before the first pass.
    fn begin() -> Self {
        Self {
            came: Came::Done,
            until: Some(Instant::now()),
            heeded: None,
        }
    }

    fn after(came: Came, next: Next) -> Self {
        let now = Instant::now();
        Self {
            came,
            until: next.within.and_then(|wait| now.checked_add(wait)),
            heeded: now.checked_add(next.changes_after),
        }
    }

    /// Changes are heeded only after this.
    fn heed(&mut self, wait: Duration) {
        self.heeded = Instant::now().checked_add(wait);
    }

    fn left(&self) -> Option<Duration> {
        let now = Instant::now();
        self.until.map(|until| until.saturating_duration_since(now))
    }
}

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
        let watch = Arc::new(Watch::new(&self.pair.local, self.pair.local_scan_interval));
        let mut recall = Recall::with(Arc::<Watch>::clone(&watch));
        let mut trigger = Trigger::Start;
        let mut rest = Rest::begin();
        while !self.stop.is_cancelled() {
            if let Some(paused) = self.slate.paused() {
                self.pause(&paused).await;
                trigger = Trigger::Asked;
                continue;
            }
            let look = self.look(trigger, &pace);
            match self.pass(&watch, &mut recall, trigger, look).await {
                Passed::GivenUp => return,
                Passed::Nothing => rest.heed(AFTER_NOTHING),
                Passed::Came(came, worked) => {
                    let mut next = pace.after(came, worked, trigger, rand::random());
                    if !watch.is_whole() && came.heeds_changes() {
                        next.within = next.within.map(|wait| wait.min(self.pair.local_scan_interval));
                    }
                    rest = Rest::after(came, next);
                }
            }
            if rest.came != Came::Busy {
                self.slate.rest(phase(rest.came), rest.left());
            }
            match self.wait(&watch, &rest).await {
                // Nothing came of the one before.
                Some(Trigger::Poll) if rest.came == Came::Busy => {}
                Some(next) => trigger = next,
                None => return,
            }
        }
    }

    /// What a pass for this reason looks at.
    const fn look(&self, trigger: Trigger, pace: &Pace) -> Look {
        match trigger {
            Trigger::Start | Trigger::Asked => Look::All,
            Trigger::Change => Look::Changed,
            Trigger::Poll => Look::Due {
                full: self.pair.full_walk_interval,
                next: pace.poll(),
            },
        }
    }

    /// Returns at the latest when somebody wants something.
    async fn pause(&self, paused: &Paused) {
        self.slate.rest(crate::summary::PAUSED, None);
        // The end of a window is told.
        let until = match paused {
            Paused::ByUser(until) => *until,
            Paused::ByWindow(_) => 0,
        };
        let left = u64::try_from(until.saturating_sub(now())).unwrap_or(0);
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.slate.wanted() => {}
            () = self.next_beat() => self.slate.beat(),
            () = sleep(Duration::from_secs(left)), if until != 0 => {
                if now() >= until && self.slate.paused() == Some(Paused::ByUser(until)) {
                    if let Err(error) = pause::clear(self.slate.dir()) {
                        // It is over by its own time as well.
                        tracing::debug!(%error, "the end of a pause could not be noted");
                    }
                    self.slate.set_paused(None);
                }
            }
        }
    }

    /// One pass, and what it came to.
    async fn pass(&self, watch: &Watch, recall: &mut Recall, trigger: Trigger, look: Look) -> Passed {
        let asked = self.slate.is_asked();
        let end = self.stop.child_token();
        self.slate.begin(end.clone());
        let began = Instant::now();
        let given_up = async {
            self.stop.cancelled().await;
            sleep(GIVE_UP).await;
        };
        let work = self.work(watch, recall, trigger, look, end);
        tokio::pin!(given_up, work);
        let summary = loop {
            tokio::select! {
                summary = &mut work => break summary,
                () = &mut given_up => {
                    tracing::warn!(
                        pair = self.pair.name,
                        "the running step does not end; the next start finishes or undoes it"
                    );
                    return Passed::GivenUp;
                }
                () = self.next_beat() => self.slate.beat(),
            }
        };
        let Some(summary) = summary else {
            self.slate.nothing();
            return Passed::Nothing;
        };
        let (came, worked) = (Came::of(&summary), worked(&summary));
        if came == Came::Busy {
            self.slate.not_begun(asked);
        } else {
            self.slate.end(summary, came, trigger, began);
        }
        Passed::Came(came, worked)
    }

    async fn work(
        &self,
        watch: &Watch,
        recall: &mut Recall,
        trigger: Trigger,
        look: Look,
        end: CancellationToken,
    ) -> Option<PairSummary> {
        tracing::debug!(pair = self.pair.name, trigger = trigger.word(), "looking");
        if let Err(report) = local_folder(&self.config, &self.pair) {
            return Some(PairSummary::could_not_run(&self.pair.name, report));
        }
        let setup = Setup {
            config: self.config.clone(),
            client: self.client.clone(),
            stop: end,
        };
        let sink: Arc<dyn Sink> = Arc::<Slate>::clone(&self.slate);
        let summary = engine::run(&setup, &self.pair, sink, recall, look).await;
        let how = watch.text();
        if self.slate.watching(&how) && !watch.is_whole() {
            tracing::warn!(pair = self.pair.name, "{how}");
        }
        summary
    }

    /// Waits for the next pass; `None`: for none, the service ends.
    async fn wait(&self, watch: &Watch, rest: &Rest) -> Option<Trigger> {
        let settled = async {
            watch.settled(self.config.timing.quiet_period).await;
            if let Some(heeded) = rest.heeded {
                sleep_until(heeded).await;
            }
        };
        let due = async {
            match rest.until {
                Some(until) => sleep_until(until).await,
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
                () = &mut settled, if changed && rest.came.heeds_changes() => return Some(Trigger::Change),
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
