//! How much at once and how fast: adaptive concurrency, bandwidth, and the pause a server asked for.
//!
//! The number in flight never exceeds the caller's maximum, halves when the server is overloaded and grows by one
//! after a round of successes. Nothing here knows what it limits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The guarded values are plain numbers: a panic elsewhere cannot leave them half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Overloads closer together than this count once: requests that were in flight together fail together.
const HALVE_EVERY: Duration = Duration::from_secs(1);

/// A concurrency limit that adapts.
#[derive(Debug)]
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    state: Mutex<GateState>,
}

#[derive(Debug)]
struct GateState {
    max: usize,
    limit: usize,
    /// Permits still out that must not come back.
    debt: usize,
    successes: usize,
    halved: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        let state = GateState {
            max,
            limit: max,
            debt: 0,
            successes: 0,
            halved: None,
        };
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(max)),
            state: Mutex::new(state),
        })
    }

    /// Waits for a place. Dropping the pass (or this future) frees it.
    pub(crate) async fn enter(self: &Arc<Self>) -> Pass {
        // The semaphore is never closed; were it, unlimited beats stuck.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        Pass {
            gate: Arc::clone(self),
            permit,
        }
    }

    /// A new maximum; the current limit follows it down at once and up by successes.
    pub(crate) fn set_max(&self, max: usize) {
        let mut state = lock(&self.state);
        state.max = max.clamp(1, Semaphore::MAX_PERMITS);
        if state.limit > state.max {
            let limit = state.max;
            self.shrink(&mut state, limit);
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

    /// Adapts to how a request went.
    pub(crate) fn report<T>(&self, result: &Result<T, crate::error::ApiError>) {
        match result {
            Ok(_) => self.succeeded(),
            Err(error) if error.is_overload() => self.overloaded(),
            Err(_) => {}
        }
    }

    fn overloaded(&self) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        if state
            .halved
            .is_some_and(|at| now.duration_since(at) < HALVE_EVERY)
        {
            return;
        }
        state.halved = Some(now);
        state.successes = 0;
        let limit = (state.limit / 2).max(1);
        self.shrink(&mut state, limit);
    }

    fn succeeded(&self) {
        let mut state = lock(&self.state);
        state.successes = state.successes.saturating_add(1);
        if state.limit < state.max && state.successes >= state.limit {
            state.successes = 0;
            state.limit = state.limit.saturating_add(1);
            if state.debt > 0 {
                state.debt = state.debt.saturating_sub(1);
            } else {
                self.permits.add_permits(1);
            }
        }
    }
}

/// A place in a [`Gate`].
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Pass {
    /// Tells the gate how it went.
    pub(crate) fn report<T>(&self, result: &Result<T, crate::error::ApiError>) {
        self.gate.report(result);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = lock(&self.gate.state);
        if state.debt > 0
            && let Some(permit) = self.permit.take()
        {
            state.debt = state.debt.saturating_sub(1);
            permit.forget();
        }
    }
}

/// A bandwidth limit in bytes per second; 0 is none.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    rate: AtomicU64,
    next: Mutex<Option<Instant>>,
}

/// A wait is cut into pieces of this length, so that a new rate takes effect soon.
const SLICE: Duration = Duration::from_millis(250);

impl Throttle {
    pub(crate) fn set(&self, bytes_per_s: u64) {
        self.rate.store(bytes_per_s, Ordering::Relaxed);
        *lock(&self.next) = None;
    }

    /// How long these bytes have to wait, which are then taken as sent.
    fn reserve(&self, bytes: u64) -> Duration {
        let rate = self.rate.load(Ordering::Relaxed);
        if rate == 0 {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let cost = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate);
        let mut next = lock(&self.next);
        let start = next.map_or(now, |at| at.max(now));
        *next = start.checked_add(cost);
        start.duration_since(now)
    }

    /// Waits until these bytes may pass. `alive` is called while waiting: the wait is ours, not a stall.
    pub(crate) async fn take(&self, bytes: u64, alive: impl Fn()) {
        let rate = self.rate.load(Ordering::Relaxed);
        let mut left = self.reserve(bytes);
        while !left.is_zero() {
            let piece = left.min(SLICE);
            tokio::time::sleep(piece).await;
            alive();
            left = left.saturating_sub(piece);
            if self.rate.load(Ordering::Relaxed) != rate {
                left = self.reserve(bytes);
                if self.rate.load(Ordering::Relaxed) == 0 {
                    return;
                }
            }
        }
    }
}

/// A pause for everything that goes to one host.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until: Mutex<Option<Instant>>,
}

impl Pause {
    /// Nothing leaves for this long, unless a longer pause is on.
    pub(crate) fn extend(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        let mut current = lock(&self.until);
        if until > *current {
            *current = until;
        }
    }

    /// Waits it out.
    pub(crate) async fn over(&self) {
        loop {
            let until = *lock(&self.until);
            match until {
                Some(at) if at > Instant::now() => tokio::time::sleep_until(at).await,
                Some(_) | None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ApiError, Lost};

    #[tokio::test(start_paused = true)]
    async fn the_limit_halves_on_overload_once_per_burst_and_grows_back_to_the_maximum() {
        let gate = Gate::new(8);
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
        gate.set_max(3);
        assert_eq!((gate.limit(), gate.permits.available_permits()), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn bandwidth_is_shared_and_zero_is_none() {
        let throttle = Throttle::default();
        let start = Instant::now();
        throttle.take(1 << 30, || {}).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        throttle.set(1000);
        for _ in 0..5 {
            throttle.take(1000, || {}).await;
        }
        assert_eq!(start.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_the_longest_counts() {
        let pause = Pause::default();
        pause.extend(Duration::from_secs(9));
        pause.extend(Duration::from_secs(2));
        let start = Instant::now();
        pause.over().await;
        assert_eq!(start.elapsed().as_secs(), 9);
    }
}
