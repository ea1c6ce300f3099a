//! How much at once and how fast: adaptive concurrency, bandwidth, and the pause a server asked for.
//!
//! The number in flight never exceeds the caller's maximum, halves when the server is overloaded and grows by one
//! after a round of successes, up to what the server took before; beyond that only after many, and more each time that
//! was too much. Nothing here knows what it limits.

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
    max: usize,
    limit: usize,
    /// Permits still out that must not come back.
    debt: usize,
    successes: usize,
    halved: Option<Instant>,
    /// What the server takes: one less than was too much. Unlimited as long as nothing was.
    taken: usize,
    /// Rounds of successes before more than that is tried.
    patience: usize,
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
            taken: usize::MAX,
            patience: PATIENCE,
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
        if state.limit < state.max && state.successes >= state.limit.saturating_mul(rounds) {
            state.successes = 0;
            if state.limit > state.taken {
                // A whole round of more than it took: it takes more now.
                state.taken = usize::MAX;
                state.patience = (state.patience / 2).max(PATIENCE);
            }
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

/// A bandwidth limit in bytes per second; 0 is none. A token bucket, kept as the moment at which it would be full again:
/// whatever was idle before, in any time `t` at most `rate × (t + BURST)` bytes pass, and one piece.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    rate: AtomicU64,
    /// Grows with each new rate, so that who waits notices.
    changes: AtomicU64,
    /// When everything that passed is paid for.
    paid: Mutex<Option<Instant>>,
}

/// What the bucket holds: so much time's worth of bytes may pass at once. Without any, each piece that comes a little late
/// would make the whole slower than its rate.
const BURST: Duration = Duration::from_millis(100);

/// A wait is cut into pieces of this length, so that a new rate takes effect soon.
const SLICE: Duration = Duration::from_millis(250);

/// Smallest piece that a slow rate cuts bytes into: smaller ones would be more frame than bytes.
const PIECE_MIN: u64 = 512;

impl Throttle {
    pub(crate) fn set(&self, bytes_per_s: u64) {
        if self.rate.swap(bytes_per_s, Ordering::Relaxed) != bytes_per_s {
            // What is owed is owed at the old rate: the new one begins without debts.
            *lock(&self.paid) = None;
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Largest piece that should pass at once: with larger ones a slow rate would be long silences between bursts.
    pub(crate) fn piece(&self) -> u64 {
        match self.rate.load(Ordering::Relaxed) {
            0 => u64::MAX,
            rate => (rate / 10).max(PIECE_MIN),
        }
    }

    /// How long these bytes have to wait, which are then taken as sent.
    fn reserve(&self, bytes: u64) -> Duration {
        let rate = self.rate.load(Ordering::Relaxed);
        if rate == 0 {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let cost = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate);
        let mut paid = lock(&self.paid);
        let full = now.checked_sub(BURST).unwrap_or(now);
        let start = paid.map_or(full, |at| at.max(full));
        *paid = start.checked_add(cost);
        start.duration_since(now)
    }

    /// Waits until these bytes may pass. `alive` is called while waiting: the wait is ours, not a stall.
    pub(crate) async fn take(&self, bytes: u64, alive: impl Fn()) {
        let mut seen = self.changes.load(Ordering::Relaxed);
        let mut left = self.reserve(bytes);
        while !left.is_zero() {
            let piece = left.min(SLICE);
            tokio::time::sleep(piece).await;
            alive();
            left = left.saturating_sub(piece);
            let now = self.changes.load(Ordering::Relaxed);
            if now != seen {
                seen = now;
                left = self.reserve(bytes);
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
        let gate = Gate::new(8);
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
        let gate = Gate::new(16);
        for takes in [9, 4, 1] {
            crowd(&gate, 500, takes).await;
            assert!(
                gate.limit() <= takes + 1,
                "{} where {takes} are taken",
                gate.limit()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bandwidth_is_shared_and_zero_is_none() {
        let throttle = Throttle::default();
        let start = Instant::now();
        throttle.take(1 << 30, || {}).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        throttle.set(1000);
        futures_util::future::join_all((0..5).map(|_| throttle.take(1000, || {}))).await;
        assert_eq!(start.elapsed(), Duration::from_secs(4) - BURST);
        // The clock was idle for an hour: what that saved is the bucket, no more.
        tokio::time::advance(Duration::from_secs(3600)).await;
        let start = Instant::now();
        for _ in 0..3 {
            throttle.take(1000, || {}).await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(2) - BURST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_rate_reaches_who_waits_already_and_the_same_one_changes_nothing() {
        let throttle = Throttle::default();
        throttle.set(1);
        throttle.take(10_000, || {}).await;
        let start = Instant::now();
        let wait = throttle.take(10_000, || {});
        tokio::pin!(wait);
        tokio::select! {
            () = &mut wait => panic!("10,000 bytes at one a second"),
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
        }
        throttle.set(1);
        tokio::select! {
            () = &mut wait => panic!("the same rate"),
            () = tokio::time::sleep(Duration::from_secs(60)) => {}
        }
        throttle.set(0);
        wait.await;
        assert!(start.elapsed() <= Duration::from_secs(120) + SLICE);
        assert_eq!(throttle.piece(), u64::MAX);
        throttle.set(1 << 20);
        assert_eq!(throttle.piece(), (1 << 20) / 10);
        throttle.set(1);
        assert_eq!(throttle.piece(), PIECE_MIN);
    }

    /// Bytes and the pauses before them, as several senders make them.
    async fn passed(rate: u64, senders: &[Vec<(u64, u64)>]) -> Vec<(Duration, u64)> {
        let throttle = Throttle::default();
        throttle.set(rate);
        let (start, log) = (Instant::now(), Mutex::new(Vec::new()));
        let send = async |pieces: &[(u64, u64)]| {
            for (idle_ms, bytes) in pieces {
                tokio::time::sleep(Duration::from_millis(*idle_ms)).await;
                throttle.take(*bytes, || {}).await;
                lock(&log).push((start.elapsed(), *bytes));
            }
        };
        futures_util::future::join_all(senders.iter().map(|pieces| send(pieces))).await;
        log.into_inner().unwrap()
    }

    proptest::proptest! {
        #![proptest_config(crate::cases::cases_or(500))]

        #[test]
        fn no_time_sees_more_than_its_rate_and_one_bucket_and_who_never_idles_gets_all_of_it(
            rate in 1_000_u64..1_000_000,
            senders in proptest::collection::vec(
                proptest::collection::vec((proptest::prop_oneof![0_u64..1, 0_u64..3000], 1_u64..300_000), 1..12),
                1..4,
            ),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            let log = runtime.block_on(passed(rate, &senders));
            let largest = log.iter().map(|(_, bytes)| *bytes).max().unwrap();
            // The timer goes by milliseconds.
            let tick = Duration::from_millis(2);
            for (first, (from, _)) in log.iter().enumerate() {
                let mut sum = 0;
                for (to, bytes) in &log[first..] {
                    sum += bytes;
                    let time = *to - *from + BURST + tick;
                    let most = u128::from(rate) * time.as_micros() / 1_000_000 + u128::from(largest);
                    proptest::prop_assert!(u128::from(sum) <= most, "{sum} bytes from {from:?} to {to:?}: {most}");
                }
            }
            let idle: u64 = senders.iter().flatten().map(|(idle, _)| idle).sum();
            let bytes: u64 = log.iter().map(|(_, bytes)| bytes).sum();
            let end = log.iter().map(|(at, _)| *at).max().unwrap();
            let ticks = tick * u32::try_from(log.len()).unwrap();
            let longest = Duration::from_millis(idle) + Duration::from_micros(bytes * 1_000_000 / rate) + ticks;
            proptest::prop_assert!(end <= longest, "{end:?}, not {longest:?}");
        }
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
