//! How fast: bandwidth, and the pause a server asked for. Nothing here knows what it limits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::gate::lock;

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
