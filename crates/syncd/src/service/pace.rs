//! When a pair looks again: after what a pass came to, how long to wait, and what may end the wait sooner. Pure.

use std::time::Duration;

use crate::exit::Exit;
use crate::report::Kind;
use crate::summary::PairSummary;

/// First wait after a pass that left something open: long enough not to spin where all waiting times are 0.
const AGAIN_MIN: Duration = Duration::from_secs(1);

/// First wait after the server could not be reached, or something was refused.
const RETRY_MIN: Duration = Duration::from_secs(1);

/// Changes that come to nothing (files that are never synced, our own) are looked at in this distance at first ...
const HOLD_MIN: Duration = Duration::from_secs(1);

/// ... and at last in this: every look asks the server too.
const HOLD_MAX: Duration = Duration::from_secs(15);

/// Wait while a command has the journal: it asks a copy, which takes a moment.
const BUSY: Duration = Duration::from_millis(500);

/// What a pass came to, as far as the next one is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Came {
    /// Everything that can be done now is done.
    Done,
    /// Something is still being written, or wants one more look.
    Open,
    /// Something was refused.
    Refused,
    /// Nothing can be reached.
    Offline,
    /// It could not run.
    Failed,
    /// The server does not let us in: asking again by ourselves could get this address banned.
    ShutOut,
    /// The pair waits for the user.
    Stopped,
    /// A command has the journal just now.
    Busy,
}

impl Came {
    /// Of a finished pass.
    pub(crate) fn of(summary: &PairSummary) -> Self {
        if let Some(report) = &summary.error {
            return if report.exit() == Exit::NoAccess {
                Self::ShutOut
            } else if report.kind == Kind::Busy {
                Self::Busy
            } else if report.kind == Kind::Offline {
                Self::Offline
            } else {
                Self::Failed
            };
        }
        if summary.stop.is_some() {
            Self::Stopped
        } else if !summary.unproved.is_empty() {
            Self::Open
        } else if !summary.failed.is_empty() {
            Self::Refused
        } else {
            Self::Done
        }
    }

    /// Whether a change on this disk is a reason to look sooner. Where nothing can be done about it, it waits.
    pub(crate) const fn heeds_changes(self) -> bool {
        match self {
            Self::Done | Self::Open | Self::Refused | Self::Failed => true,
            Self::Offline | Self::ShutOut | Self::Stopped | Self::Busy => false,
        }
    }
}

/// Whether a pass changed anything on either side.
pub(crate) fn worked(summary: &PairSummary) -> bool {
    let done = [
        summary.uploaded,
        summary.downloaded,
        summary.moved,
        summary.deleted_local,
        summary.deleted_remote,
    ];
    done.iter().any(|count| *count > 0) || !summary.conflicts.is_empty()
}

/// What began a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    /// The service started, or its configuration changed.
    Start,
    /// Something changed on this disk.
    Change,
    /// It was time to look at the account.
    Poll,
    /// Somebody asked.
    Asked,
}

impl Trigger {
    /// For the log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Change => "change",
            Self::Poll => "poll",
            Self::Asked => "asked",
        }
    }
}

/// Limits of the waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    /// Between polls.
    pub(crate) poll: Duration,
    /// Between polls of a quiet account.
    pub(crate) max_poll: Duration,
    /// Two looks so far apart show that a file is quiet, and count as two.
    pub(crate) again: Duration,
}

/// When to look again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Next {
    /// At the latest after this; `None`: when somebody asks.
    pub(crate) within: Option<Duration>,
    /// For a change on this disk, not before this.
    pub(crate) changes_after: Duration,
}

/// The rhythm of a pair.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    bounds: Bounds,
    poll: Duration,
    again: Duration,
    retry: Duration,
    hold: Duration,
}

/// Up to a tenth earlier.
fn early(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 10.0)
}

/// Twice as long, but no longer than that.
fn longer(wait: &mut Duration, at_most: Duration) -> Duration {
    let now = *wait;
    *wait = now.saturating_mul(2).min(at_most);
    now
}

impl Pace {
    /// At the start.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let bounds = Bounds {
            max_poll: bounds.max_poll.max(bounds.poll),
            again: bounds.again.max(AGAIN_MIN),
            ..bounds
        };
        Self {
            bounds,
            poll: bounds.poll,
            again: bounds.again,
            retry: RETRY_MIN,
            hold: Duration::ZERO,
        }
    }

    /// Until the next poll, if nothing happens.
    pub(crate) const fn poll(&self) -> Duration {
        self.poll
    }

    /// After a pass that came to this, and did something on either side or not. `jitter` is a number from 0 to 1, by which
    /// machines that lost the same server do not come back all at once, and those that were started together do not ask
    /// together for ever (`docs/scale.md`).
    pub(crate) fn after(&mut self, came: Came, worked: bool, trigger: Trigger, jitter: f64) -> Next {
        let Bounds {
            poll,
            max_poll,
            again,
        } = self.bounds;
        if came != Came::Open {
            self.again = again;
        }
        if !matches!(came, Came::Offline | Came::Failed | Came::Refused) {
            self.retry = RETRY_MIN;
        }
        let looked = came.heeds_changes() || came == Came::Stopped;
        if worked {
            self.poll = poll;
            self.hold = Duration::ZERO;
        } else if looked && trigger == Trigger::Poll {
            longer(&mut self.poll, max_poll);
        } else if looked && trigger == Trigger::Change {
            self.hold = self.hold.saturating_mul(2).clamp(HOLD_MIN, HOLD_MAX);
        }
        let within = match came {
            Came::Done | Came::Stopped => Some(early(self.poll, jitter)),
            Came::Open => Some(longer(&mut self.again, poll.max(again)).min(self.poll)),
            Came::Refused => Some(longer(&mut self.retry, max_poll).min(self.poll)),
            Came::Offline | Came::Failed => {
                let wait = longer(&mut self.retry, max_poll);
                Some(wait.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0))
            }
            Came::Busy => Some(BUSY),
            Came::ShutOut => None,
        };
        Next {
            within,
            changes_after: self.hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;
    use crate::summary::Item;

    const BOUNDS: Bounds = Bounds {
        poll: Duration::from_secs(60),
        max_poll: Duration::from_secs(300),
        again: Duration::from_secs(5),
    };

    fn waits(pace: &mut Pace, came: Came, trigger: Trigger, times: usize) -> Vec<u64> {
        // The one that leaves a wait as it is.
        let jitter = if came == Came::Offline { 0.5 } else { 0.0 };
        let wait = |_| pace.after(came, false, trigger, jitter).within.unwrap().as_secs();
        (0..times).map(wait).collect()
    }

    #[test]
    fn polls_of_a_quiet_account_grow_apart_and_come_back_with_the_first_change() {
        let mut pace = Pace::new(BOUNDS);
        assert_eq!(
            waits(&mut pace, Came::Done, Trigger::Poll, 4),
            [120, 240, 300, 300]
        );
        assert_eq!(waits(&mut pace, Came::Done, Trigger::Change, 1), [300]);
        let [soon, late] = [1.0, 0.0].map(|jitter| {
            let mut pace = pace.clone();
            pace.after(Came::Done, true, Trigger::Poll, jitter)
                .within
                .unwrap()
        });
        assert_eq!((soon.as_secs(), late), (54, BOUNDS.poll), "machines drift apart");
    }

    #[test]
    fn what_is_open_is_looked_at_soon_then_less_and_less_often_but_never_rarer_than_polls() {
        let mut pace = Pace::new(BOUNDS);
        assert_eq!(
            waits(&mut pace, Came::Open, Trigger::Asked, 6),
            [5, 10, 20, 40, 60, 60]
        );
        waits(&mut pace, Came::Done, Trigger::Asked, 1);
        assert_eq!(waits(&mut pace, Came::Open, Trigger::Asked, 1), [5]);
    }

    #[test]
    fn an_unreachable_server_is_tried_soon_and_then_as_rarely_as_a_quiet_one() {
        let mut pace = Pace::new(BOUNDS);
        let waited = waits(&mut pace, Came::Offline, Trigger::Poll, 11);
        assert_eq!(waited, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        waits(&mut pace, Came::Done, Trigger::Asked, 1);
        let [low, high] = [0.0, 1.0].map(|jitter| {
            let mut pace = pace.clone();
            pace.after(Came::Offline, false, Trigger::Poll, jitter)
                .within
                .unwrap()
        });
        assert_eq!((low.as_millis(), high.as_millis()), (750, 1250));
    }

    #[test]
    fn one_file_that_is_refused_for_ever_does_not_make_a_busy_account_seen_rarely() {
        let mut pace = Pace::new(BOUNDS);
        for _ in 0..12 {
            pace.after(Came::Refused, true, Trigger::Poll, 0.5);
        }
        assert_eq!(
            pace.after(Came::Refused, true, Trigger::Poll, 0.5).within,
            Some(BOUNDS.poll)
        );
    }

    #[test]
    fn changes_that_come_to_nothing_are_looked_at_less_often_until_one_does_not() {
        let mut pace = Pace::new(BOUNDS);
        let mut hold = |worked| {
            pace.after(Came::Done, worked, Trigger::Change, 0.5)
                .changes_after
                .as_secs()
        };
        assert_eq!([(); 6].map(|()| hold(false)), [1, 2, 4, 8, 15, 15]);
        assert_eq!(hold(true), 0);
    }

    #[test]
    fn who_is_shut_out_does_not_knock_again_by_himself() {
        let mut pace = Pace::new(BOUNDS);
        assert_eq!(pace.after(Came::ShutOut, false, Trigger::Poll, 0.5).within, None);
        assert!(!Came::ShutOut.heeds_changes());
    }

    #[test]
    fn a_pass_is_judged_by_what_stands_in_the_way_first() {
        let item = || Item {
            path: "a".into(),
            reason: "b".into(),
        };
        let mut summary = PairSummary::default();
        assert!(!worked(&summary));
        assert_eq!(Came::of(&summary), Came::Done);
        summary.uploaded = 1;
        assert!(worked(&summary));
        assert_eq!(Came::of(&summary), Came::Done);
        summary.failed.push(item());
        assert_eq!(Came::of(&summary), Came::Refused);
        summary.unproved.push(item());
        assert_eq!(Came::of(&summary), Came::Open);
        for (kind, came) in [
            (Kind::Offline, Came::Offline),
            (Kind::Busy, Came::Busy),
            (Kind::Server, Came::Failed),
            (Kind::Rejected, Came::ShutOut),
            (Kind::NoApiAccess, Came::ShutOut),
        ] {
            summary.error = Some(Report::new(kind, "h", "c", "n"));
            assert_eq!(Came::of(&summary), came, "{kind:?}");
        }
    }
}
