//! The server's clock: the machine's time plus an offset that tests move.
//!
//! Everything that expires (tokens, links, trash, bans, inactive files) asks this clock, so a test never waits for
//! days. Real waiting (latency, gateways, stalls) never goes through it: it uses the runtime's timers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Wall time with a movable offset.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// Milliseconds since 1970, offset included.
    pub(crate) fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let real = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        real.saturating_add(self.offset_ms())
    }

    /// Seconds since 1970, offset included.
    pub(crate) fn now(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// The offset in milliseconds.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Sets the offset.
    pub(crate) fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// Moves the clock by so many milliseconds, backwards too.
    pub(crate) fn advance_ms(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

/// A date as the API writes it: `Y-m-d H:i:s`, server-local (this server lives in UTC).
pub(crate) fn date(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%d %H:%M:%S")
}

/// The twelve digits that name an upload without a name.
pub(crate) fn twelve_digits(seconds: i64) -> String {
    formatted(seconds, "%y%m%d%H%M%S")
}

fn formatted(seconds: i64, format: &str) -> String {
    let at = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .strftime(format)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_form_of_the_document() {
        assert_eq!(date(1_736_299_672), "2025-01-08 01:27:52");
        assert_eq!(twelve_digits(1_736_299_672), "250108012752");
    }

    #[test]
    fn the_offset_moves_the_clock_both_ways() {
        let clock = Clock::default();
        let before = clock.now();
        clock.advance_ms(86_400_000);
        assert!(clock.now() >= before + 86_400);
        clock.set_offset_ms(-86_400_000);
        assert!(clock.now() <= before - 86_390);
    }
}
