//! The engine's door to time and chance. Decisions get both as values from here.
#![expect(clippy::disallowed_methods, reason = "the door to the clock")]

use std::time::SystemTime;

/// Seconds since 1970; before it, 0. Only for ages and records: what is quiet is measured on a monotonic clock.
pub(crate) fn now() -> i64 {
    #[cfg(any(test, feature = "sim"))]
    if let Some(now) = crate::sim::time::now_ns() {
        return now.div_euclid(1_000_000_000);
    }
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Nanoseconds since 1970, as the disk stamps files.
pub(crate) fn now_ns() -> i64 {
    #[cfg(any(test, feature = "sim"))]
    if let Some(now) = crate::sim::time::now_ns() {
        return now;
    }
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// From the beginning of a run: whether the system's clock was set while it went on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    wall: i64,
    steady: tokio::time::Instant,
}

impl Watch {
    /// Begins.
    pub(crate) fn start() -> Self {
        Self {
            wall: now(),
            steady: tokio::time::Instant::now(),
        }
    }

    /// By how many seconds the system's clock went on more, or less, than time did.
    pub(crate) fn off_by(&self) -> u64 {
        let passed = i64::try_from(self.steady.elapsed().as_secs()).unwrap_or(i64::MAX);
        now().saturating_sub(self.wall).abs_diff(passed)
    }
}

/// A new id that nobody else has: 128 random bits in hex.
pub(crate) fn random_id() -> String {
    #[cfg(any(test, feature = "sim"))]
    if let Some(drawn) = crate::sim::time::draw() {
        return format!("{drawn:032x}");
    }
    format!("{:032x}", rand::random::<u128>())
}

/// What this machine's clock shows, in its zone: for limits that go by the time of the day.
pub(crate) fn on_the_wall() -> jiff::ZonedDateTime {
    jiff::ZonedDateTime::now()
}

/// Today in UTC, by which trash folders are named.
pub(crate) fn today() -> jiff::civil::Date {
    #[cfg(any(test, feature = "sim"))]
    if let Ok(now) = jiff::Timestamp::from_second(now())
        && crate::sim::time::now_ns().is_some()
    {
        return jiff::tz::Offset::UTC.to_datetime(now).date();
    }
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
}

/// Opens a pair's journal for writing; its random numbers are the system's, or a simulation's.
pub(crate) fn journal(dir: &std::path::Path) -> Result<state::Journal, state::JournalError> {
    #[cfg(any(test, feature = "sim"))]
    if let Some(seed) = crate::sim::time::draw() {
        return crate::sim::time::shelf().open(dir, seed);
    }
    state::Journal::open(dir)
}

/// Opens a journal that this process closed; whether nobody had it meanwhile.
pub(crate) fn reopen(
    dir: &std::path::Path,
    seal: &state::Seal,
) -> Result<(state::Journal, bool), state::JournalError> {
    #[cfg(any(test, feature = "sim"))]
    if let Some(seed) = crate::sim::time::draw() {
        return crate::sim::time::shelf().reopen(dir, seed, seal);
    }
    state::Journal::reopen(dir, seal)
}

/// A moment as users and JSON see it: `2026-11-24T14:15:03Z`.
pub(crate) fn shown(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds)
        .ok()
        .map(|at| at.to_string())
}

/// A moment as part of a file name: `2026-11-24-141503` (UTC).
pub(crate) fn file_stamp(seconds: i64) -> String {
    match shown(seconds) {
        Some(text) => text.trim_end_matches('Z').replace('T', "-").replace(':', ""),
        None => seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_part_of_a_file_name() {
        assert_eq!(file_stamp(1_795_529_703), "2026-11-24-141503");
    }
}
