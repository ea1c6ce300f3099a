//! How many calls at once a server is fastest with: its knee, beyond which one more only makes all of them wait longer.
//!
//! From time to time one more or one fewer is tried, in turns with what was before, so that a server that becomes slower
//! meanwhile is slower in both. More are kept where they bring at least half of what they would if calls did not hinder each other,
//! fewer where nothing is lost by them. Pure: it is told when calls end, and answers how many there should be.

use std::time::Duration;

use tokio::time::Instant;

/// A measurement is of so many calls at least, and of whole rounds of as many as run at once: they may end together.
const CALLS_MIN: usize = 8;

/// And of so many rounds.
const ROUNDS_MIN: usize = 2;

/// So often each of the two is measured, in turns.
const TURNS: usize = 3;

/// Calls before something is tried, in rounds of as many as run at once; after each refusal twice as many ...
const REST: usize = 8;

/// ... up to this: with calls of 25 ms a try in 13 seconds, which takes half a second and makes half of that a little slower.
const REST_MAX: usize = 512;

/// Of the calls of a measurement, one in so many may have left its place empty for a moment: what was measured then is the
/// server and hardly who asks it.
const IDLE_PART: usize = 4;

/// What fewer may lose: less than that cannot be told from noise.
const LOSS: f64 = 0.04;

/// Looks for the knee.
#[derive(Debug)]
pub(crate) struct Knee {
    /// What it is as far as known.
    base: usize,
    most: usize,
    trial: Option<Trial>,
    /// Calls until something is tried.
    rest: usize,
    /// Rounds of rest after the next refusal.
    patience: usize,
    /// Refused since something was kept last.
    refused: Refused,
}

#[derive(Debug, Default)]
struct Refused {
    more: bool,
    fewer: bool,
}

#[derive(Debug)]
struct Trial {
    other: usize,
    /// Time for each call, of what was before and of what is tried.
    before: Vec<Duration>,
    tried: Vec<Duration>,
    measure: Measure,
}

/// A measurement under way.
#[derive(Debug)]
struct Measure {
    /// Calls that began before it.
    skip: usize,
    /// So many are left to end.
    left: usize,
    calls: usize,
    idle: usize,
    since: Option<Instant>,
}

impl Measure {
    /// Of so many at once, after so many.
    fn new(at_once: usize, before: usize) -> Self {
        let rounds = CALLS_MIN.div_ceil(at_once.max(1)).max(ROUNDS_MIN);
        let calls = at_once.saturating_mul(rounds);
        Self {
            skip: at_once.max(before),
            left: calls,
            calls,
            idle: 0,
            since: None,
        }
    }

    /// A call ended; answers the time for each, when that is known.
    fn ended(&mut self, now: Instant, others_wait: bool) -> Option<Duration> {
        if self.skip > 0 {
            self.skip = self.skip.saturating_sub(1);
            if self.skip == 0 {
                self.since = Some(now);
            }
            return None;
        }
        self.idle = self.idle.saturating_add(usize::from(!others_wait));
        self.left = self.left.saturating_sub(1);
        let took = now.checked_duration_since(self.since?)?;
        let calls = u32::try_from(self.calls).ok()?;
        (self.left == 0).then_some(took)?.checked_div(calls)
    }

    const fn was_idle(&self) -> bool {
        self.idle.saturating_mul(IDLE_PART) > self.calls
    }
}

impl Knee {
    /// Begins with so many at once, and never goes beyond `most`.
    pub(crate) fn new(usual: usize, most: usize) -> Self {
        let most = most.max(1);
        let base = usual.clamp(1, most);
        Self {
            base,
            most,
            trial: None,
            rest: base.saturating_mul(REST),
            patience: REST,
            refused: Refused::default(),
        }
    }

    /// So many there should be now.
    pub(crate) fn limit(&self) -> usize {
        let Some(trial) = &self.trial else {
            return self.base;
        };
        if trial.before.len() > trial.tried.len() {
            trial.other
        } else {
            self.base
        }
    }

    /// Something went wrong that says nothing about speed: what was measured is void.
    pub(crate) fn disturbed(&mut self) {
        if self.trial.take().is_some() {
            self.rest = self.base.saturating_mul(REST);
        }
    }

    /// A call ended; `others_wait`: another takes its place at once.
    pub(crate) fn ended(&mut self, now: Instant, others_wait: bool) {
        let base = self.base;
        let Some(trial) = &mut self.trial else {
            self.rest = self.rest.saturating_sub(1);
            if self.rest == 0 && others_wait {
                self.begin();
            }
            return;
        };
        let Some(each) = trial.measure.ended(now, others_wait) else {
            return;
        };
        if trial.measure.was_idle() {
            self.disturbed();
            return;
        }
        if trial.before.len() == trial.tried.len() {
            trial.before.push(each);
            trial.measure = Measure::new(trial.other, base);
        } else {
            trial.tried.push(each);
            trial.measure = Measure::new(base, trial.other);
            self.judge();
        }
    }

    /// Tries one more or one fewer, whichever was not refused.
    fn begin(&mut self) {
        let more = self.base.saturating_add(1);
        let fewer = self.base.saturating_sub(1);
        let other = if more <= self.most && !self.refused.more {
            more
        } else if fewer >= 1 && !self.refused.fewer {
            fewer
        } else {
            // Nothing can be tried: both were refused, or there is no room.
            self.refused = Refused::default();
            self.rest = self.base.saturating_mul(self.patience);
            self.patience = self.patience.saturating_mul(2).min(REST_MAX);
            return;
        };
        self.trial = Some(Trial {
            other,
            before: Vec::new(),
            tried: Vec::new(),
            measure: Measure::new(self.base, 0),
        });
    }

    fn judge(&mut self) {
        let Some(trial) = &self.trial else { return };
        let pairs = trial.before.iter().zip(&trial.tried);
        let mut gains: Vec<f64> = pairs
            .map(|(before, tried)| before.as_secs_f64() / tried.as_secs_f64().max(f64::MIN_POSITIVE))
            .collect();
        gains.sort_by(f64::total_cmp);
        let (base, other) = (self.base, trial.other);
        // What half of one more, or of one fewer, is worth where calls do not hinder each other.
        let half = 0.5 / small(base);
        let hopeless = gains.first().is_none_or(|worst| *worst < 1.0 - half);
        if gains.len() < TURNS && !hopeless {
            return;
        }
        let middle = gains.get(gains.len() / 2).copied().unwrap_or(0.0);
        let least = if other > base { 1.0 + half } else { 1.0 - LOSS };
        self.trial = None;
        self.rest = 1;
        if !hopeless && middle >= least {
            self.base = other;
            self.patience = REST;
            // Where it came from is known to be worse.
            self.refused = Refused {
                more: other < base,
                fewer: other > base,
            };
        } else if other > base {
            self.refused.more = true;
        } else {
            self.refused.fewer = true;
        }
    }
}

/// A number of calls at once as a factor.
fn small(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    use rand::rngs::SmallRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    static ASKED: AtomicU64 = AtomicU64::new(0);

    /// A server: each call takes `alone_ms`, and with more than `knee` at once `crowd_ms` for each more; `noise` in per cent.
    struct Server {
        knee: usize,
        alone_ms: f64,
        crowd_ms: f64,
        noise: f64,
    }

    /// So many calls to a server; there is always one that waits. Answers the limit after each hundredth of them.
    fn asked(server: &Server, knee: &mut Knee, calls: usize, random: &mut SmallRng) -> Vec<usize> {
        // Each time later than the time before.
        let begin = Instant::now() + Duration::from_hours(1_000 * ASKED.fetch_add(1, Relaxed));
        let mut now = 0.0;
        let mut running: Vec<f64> = Vec::new();
        let mut limits = Vec::new();
        for call in 0..calls {
            while running.len() < knee.limit() {
                let at_once = running.len() + 1;
                let crowd = small(at_once.saturating_sub(server.knee)) * server.crowd_ms;
                let noise = 1.0 + server.noise * (random.random::<f64>() - 0.5);
                running.push(now + (server.alone_ms + crowd) * noise);
            }
            running.sort_by(f64::total_cmp);
            now = running.remove(0);
            knee.ended(begin + Duration::from_secs_f64(now / 1000.0), true);
            if call % (calls / 100) == 0 {
                limits.push(knee.limit());
            }
        }
        limits
    }

    #[test]
    fn the_knee_is_found_from_below_and_from_above_and_kept_in_noise() {
        let mut random = SmallRng::seed_from_u64(1);
        for at in 1..=12 {
            for noise in [0.0, 0.3] {
                let server = Server {
                    knee: at,
                    alone_ms: 20.0,
                    crowd_ms: 20.0,
                    noise,
                };
                let mut knee = Knee::new(4, 16);
                asked(&server, &mut knee, 4_000, &mut random);
                let limits = asked(&server, &mut knee, 20_000, &mut random);
                let near = limits.iter().filter(|limit| limit.abs_diff(at) <= 1).count();
                assert!(near >= 98, "knee {at}, noise {noise}: {limits:?}");
                let exact = limits.iter().filter(|limit| **limit == at).count();
                assert!(exact >= 80, "knee {at}, noise {noise}: {limits:?}");
            }
        }
    }

    #[test]
    fn where_more_never_hurts_the_most_is_used_and_never_more() {
        let mut random = SmallRng::seed_from_u64(2);
        let server = Server {
            knee: 1000,
            alone_ms: 50.0,
            crowd_ms: 0.0,
            noise: 0.2,
        };
        for most in [1, 2, 7, 16] {
            let mut knee = Knee::new(4, most);
            asked(&server, &mut knee, 4_000, &mut random);
            let limits = asked(&server, &mut knee, 10_000, &mut random);
            assert!(limits.iter().all(|limit| *limit <= most), "{limits:?}");
            let full = limits.iter().filter(|limit| **limit == most).count();
            assert!(full >= 90, "{most}: {limits:?}");
        }
    }

    #[test]
    fn a_server_whose_knee_moves_is_followed() {
        let mut random = SmallRng::seed_from_u64(3);
        let mut knee = Knee::new(4, 16);
        for at in [9, 2, 6, 1, 12] {
            let server = Server {
                knee: at,
                alone_ms: 20.0,
                crowd_ms: 20.0,
                noise: 0.2,
            };
            asked(&server, &mut knee, 60_000, &mut random);
            assert!(knee.base.abs_diff(at) <= 1, "{} at a knee of {at}", knee.base);
        }
    }

    #[test]
    fn who_has_nothing_to_ask_learns_nothing_and_changes_nothing() {
        let mut knee = Knee::new(4, 16);
        let begin = Instant::now();
        for call in 0..10_000 {
            knee.ended(begin + Duration::from_millis(call * 10), false);
            assert_eq!(knee.limit(), 4);
        }
        // What is measured between pauses is the pauses.
        let mut knee = Knee::new(4, 16);
        for call in 0..10_000 {
            knee.ended(begin + Duration::from_millis(call * 10), call % 2 == 0);
            assert_eq!(knee.base, 4);
        }
    }

    #[test]
    fn an_error_ends_a_trial() {
        let mut knee = Knee::new(4, 16);
        let begin = Instant::now();
        let mut calls = 0;
        while knee.limit() == 4 {
            calls += 1;
            knee.ended(begin + Duration::from_millis(calls * 10), true);
        }
        assert_eq!(knee.limit(), 5);
        knee.disturbed();
        assert_eq!(knee.limit(), 4);
        // And the clock that a machine's sleep moved is no reason for anything.
        let mut knee = Knee::new(4, 16);
        for _ in 0..1_000 {
            knee.ended(begin, true);
        }
        assert!(knee.limit() <= 16);
    }
}
