//! How many calls at once: within the caller's bounds, near the server's knee, and fewer where it turns calls away.
//!
//! The number in flight halves when the server is overloaded and grows by one after a round of successes, up to what the
//! server took before; beyond that only after many, and more each time that was too much. Nothing here knows what it limits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::knee::Knee;

/// How many of a kind may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtOnce {
    /// To begin with.
    pub usual: usize,
    /// Never more; what is fastest between one and this is looked for, unless it is the usual.
    pub most: usize,
}

impl AtOnce {
    /// So many, whether or not the server is as fast with fewer.
    #[must_use]
    pub const fn fixed(at_once: usize) -> Self {
        Self {
            usual: at_once,
            most: at_once,
        }
    }

    /// The same, at least one.
    fn sound(self) -> Self {
        let most = self.most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            usual: self.usual.clamp(1, most),
            most,
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The guarded values are plain numbers: a panic elsewhere cannot leave them half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Overloads closer together than this count once: requests that were in flight together fail together.
const HALVE_EVERY: Duration = Duration::from_secs(1);

/// Rounds of successes before more is tried than the server was seen to take. Each try costs the pause that a server asks
/// for, a second or more: with so few at once as eight, a try a round would be most of the time spent waiting.
const PATIENCE: usize = 8;

/// The most of them, after many tries that were too much: with calls of 25 ms a try in about seven minutes.
const PATIENCE_MAX: usize = 16_384;

/// A concurrency limit that adapts.
#[derive(Debug)]
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    state: Mutex<GateState>,
}

#[derive(Debug)]
struct GateState {
    at_once: AtOnce,
    /// The server's knee, if it is looked for.
    knee: Option<Knee>,
    limit: usize,
    /// Permits still out that must not come back.
    debt: usize,
    /// Who waits for a place.
    waiting: usize,
    successes: usize,
    halved: Option<Instant>,
    /// What the server takes: one less than was too much. Unlimited as long as nothing was.
    taken: usize,
    /// Rounds of successes before more than that is tried.
    patience: usize,
}

impl GateState {
    /// What there should be, if the server takes it.
    fn aim(&self) -> usize {
        self.knee.as_ref().map_or(self.at_once.usual, Knee::limit)
    }
}

/// Who waits; counted out when it is not waited for any more.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.waiting = state.waiting.saturating_sub(1);
    }
}

impl Gate {
    pub(crate) fn new(at_once: AtOnce) -> Arc<Self> {
        let at_once = at_once.sound();
        let state = GateState {
            at_once,
            knee: knee(at_once),
            limit: at_once.usual,
            debt: 0,
            waiting: 0,
            successes: 0,
            halved: None,
            taken: usize::MAX,
            patience: PATIENCE,
        };
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(at_once.usual)),
            state: Mutex::new(state),
        })
    }

    /// Waits for a place. Dropping the pass (or this future) frees it.
    pub(crate) async fn enter(self: &Arc<Self>) -> Pass {
        let waiting = {
            let mut state = lock(&self.state);
            state.waiting = state.waiting.saturating_add(1);
            Waiting(self)
        };
        // The semaphore is never closed; were it, unlimited beats stuck.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        drop(waiting);
        Pass {
            gate: Arc::clone(self),
            permit,
        }
    }

    /// Other bounds; the same ones change nothing. The limit follows them down at once and up by successes.
    pub(crate) fn set(&self, at_once: AtOnce) {
        let at_once = at_once.sound();
        let mut state = lock(&self.state);
        if state.at_once == at_once {
            return;
        }
        state.at_once = at_once;
        state.knee = knee(at_once);
        if state.limit > at_once.usual {
            self.shrink(&mut state, at_once.usual);
        }
    }

    /// Places there are now.
    pub(crate) fn limit(&self) -> usize {
        lock(&self.state).limit
    }

    fn shrink(&self, state: &mut GateState, limit: usize) {
        let surplus = state.limit.saturating_sub(limit);
        let forgotten = self.permits.forget_permits(surplus);
        state.debt = state.debt.saturating_add(surplus.saturating_sub(forgotten));
        state.limit = limit;
    }

    fn grow(&self, state: &mut GateState, limit: usize) {
        let more = limit.saturating_sub(state.limit);
        let owed = state.debt.min(more);
        state.debt = state.debt.saturating_sub(owed);
        self.permits.add_permits(more.saturating_sub(owed));
        state.limit = state.limit.max(limit);
    }

    /// Adapts to how a request went.
    pub(crate) fn report<T>(&self, result: &Result<T, ApiError>) {
        match result {
            Ok(_) => self.succeeded(),
            Err(error) if error.is_overload() => self.overloaded(),
            Err(_) => {
                if let Some(knee) = &mut lock(&self.state).knee {
                    knee.disturbed();
                }
            }
        }
    }

    fn overloaded(&self) {
        let mut state = lock(&self.state);
        if let Some(knee) = &mut state.knee {
            knee.disturbed();
        }
        let now = Instant::now();
        if state
            .halved
            .is_some_and(|at| now.duration_since(at) < HALVE_EVERY)
        {
            return;
        }
        state.halved = Some(now);
        state.successes = 0;
        let limit = if state.limit > state.taken {
            // One more was tried, and was one too many.
            state.patience = state.patience.saturating_mul(2).min(PATIENCE_MAX);
            state.taken
        } else {
            state.taken = state.limit.saturating_sub(1).max(1);
            state.limit / 2
        };
        self.shrink(&mut state, limit.max(1));
    }

    fn succeeded(&self) {
        let mut state = lock(&self.state);
        state.successes = state.successes.saturating_add(1);
        let rounds = if state.limit == state.taken {
            state.patience
        } else {
            1
        };
        if state.limit < state.aim() && state.successes >= state.limit.saturating_mul(rounds) {
            state.successes = 0;
            if state.limit > state.taken {
                // A whole round of more than it took: it takes more now.
                state.taken = usize::MAX;
                state.patience = (state.patience / 2).max(PATIENCE);
            }
            let limit = state.limit.saturating_add(1);
            self.grow(&mut state, limit);
        }
    }

    /// A place is empty again.
    fn left(&self, permit: &mut Option<OwnedSemaphorePermit>) {
        let mut state = lock(&self.state);
        let (aim, others_wait) = (state.aim(), state.waiting > 0);
        // Below what it aims at the server turned calls away: its speed says nothing about more at once.
        if state.limit == aim
            && let Some(knee) = &mut state.knee
        {
            knee.ended(Instant::now(), others_wait);
            let aim = knee.limit();
            if aim < state.limit {
                self.shrink(&mut state, aim);
            } else if aim <= state.taken {
                self.grow(&mut state, aim);
            }
        }
        if state.debt > 0
            && let Some(permit) = permit.take()
        {
            state.debt = state.debt.saturating_sub(1);
            permit.forget();
        }
    }
}

/// Only where there is anything to choose.
fn knee(at_once: AtOnce) -> Option<Knee> {
    (at_once.usual < at_once.most).then(|| Knee::new(at_once.usual, at_once.most))
}

/// A place in a [`Gate`].
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pass {
    /// Tells the gate how it went.
    pub(crate) fn report<T>(&self, result: &Result<T, ApiError>) {
        self.gate.report(result);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.left(&mut self.permit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Lost;

    #[tokio::test(start_paused = true)]
    async fn the_limit_halves_on_overload_once_per_burst_and_grows_back_to_the_maximum() {
        let gate = Gate::new(AtOnce::fixed(8));
        let passes = futures_util::future::join_all((0..8).map(|_| gate.enter())).await;
        for pass in &passes {
            pass.report::<()>(&Err(ApiError::RateLimited { retry_after: None }));
        }
        assert_eq!(gate.limit(), 4);
        drop(passes);
        assert_eq!(gate.permits.available_permits(), 4);
        tokio::time::advance(Duration::from_secs(2)).await;
        gate.enter()
            .await
            .report::<()>(&Err(ApiError::lost(Lost::Http(502))));
        assert_eq!((gate.limit(), gate.permits.available_permits()), (2, 2));
        for _ in 0..1000 {
            gate.enter().await.report(&Ok(()));
        }
        assert_eq!((gate.limit(), gate.permits.available_permits()), (8, 8));
        gate.set(AtOnce::fixed(3));
        assert_eq!((gate.limit(), gate.permits.available_permits()), (3, 3));
    }

    /// So many calls, each in a round of as many as the gate lets in, to a server that turns away what is beyond `takes`.
    /// Answers how many it turned away, and the limit after each round.
    async fn crowd(gate: &Arc<Gate>, calls: usize, takes: usize) -> (usize, Vec<usize>) {
        let (mut left, mut refused, mut limits) = (calls, 0, Vec::new());
        while left > 0 {
            let at_once = gate.limit().min(left);
            let passes = futures_util::future::join_all((0..at_once).map(|_| gate.enter())).await;
            for (number, pass) in passes.iter().enumerate() {
                if number < takes {
                    pass.report(&Ok(()));
                    left -= 1;
                } else {
                    pass.report::<()>(&Err(ApiError::RateLimited { retry_after: None }));
                    refused += 1;
                }
            }
            drop(passes);
            tokio::time::advance(Duration::from_secs(2)).await;
            limits.push(gate.limit());
        }
        (refused, limits)
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_takes_is_found_and_kept_and_more_is_tried_seldom() {
        let gate = Gate::new(AtOnce::fixed(8));
        let (refused, limits) = crowd(&gate, 10_000, 3).await;
        assert!(refused <= 30, "{refused} of 10,000 calls were turned away");
        let full = limits.iter().skip(20).filter(|limit| **limit >= 3).count();
        assert_eq!(full, limits.len() - 20, "{limits:?}");
        // Tries become rarer: most of those turned away were so in the first tenth.
        let (refused, _) = crowd(&gate, 10_000, 3).await;
        assert!(refused <= 5, "{refused} of the next 10,000");
        // A server that takes everything again is used to the full in the end.
        crowd(&gate, 200_000, 8).await;
        assert_eq!(gate.limit(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_less_and_less_is_followed_down() {
        let gate = Gate::new(AtOnce::fixed(16));
        for takes in [9, 4, 1] {
            crowd(&gate, 500, takes).await;
            assert!(
                gate.limit() <= takes + 1,
                "{} where {takes} are taken",
                gate.limit()
            );
        }
    }

    /// So many calls by `callers` to a server of 20 ms that makes all of them 20 ms later for each more than `knee` at once.
    async fn serve(gate: &Arc<Gate>, calls: usize, callers: usize, knee: usize) {
        let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let call = async |_| {
            for _ in 0..calls / callers {
                let pass = gate.enter().await;
                let now = inside.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                let crowd = u64::try_from(now.saturating_sub(knee)).unwrap();
                tokio::time::sleep(Duration::from_millis(20 + 20 * crowd)).await;
                inside.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
                pass.report(&Ok(()));
            }
        };
        futures_util::future::join_all((0..callers).map(call)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_knee_of_a_server_is_found_and_its_bounds_are_kept() {
        let bounds = AtOnce { usual: 4, most: 16 };
        for knee in [2, 3, 9] {
            let gate = Gate::new(bounds);
            serve(&gate, 4_000, 32, knee).await;
            assert!(gate.limit().abs_diff(knee) <= 1, "{} of {knee}", gate.limit());
            gate.set(bounds);
            assert!(
                gate.limit().abs_diff(knee) <= 1,
                "the same bounds: {}",
                gate.limit()
            );
            gate.set(AtOnce::fixed(2));
            assert_eq!(gate.limit(), 2);
            serve(&gate, 1_000, 32, 100).await;
            assert_eq!(gate.limit(), 2);
            assert_eq!(gate.permits.available_permits(), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_turns_away_is_not_asked_for_more_because_it_is_fast() {
        let gate = Gate::new(AtOnce { usual: 4, most: 16 });
        let (refused, _) = crowd(&gate, 10_000, 3).await;
        assert!(refused <= 40, "{refused} of 10,000 calls were turned away");
        assert!(gate.limit() <= 4);
    }
}
