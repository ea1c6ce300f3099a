//! The engine's door to time and chance. Decisions get both as values from here.
#![expect(clippy::disallowed_methods, reason = "the door to the clock")]

use std::time::SystemTime;

/// Seconds since 1970; before it, 0. Only for ages and records: what is quiet is measured on a monotonic clock.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Nanoseconds since 1970, as the disk stamps files.
pub(crate) fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A new id that nobody else has: 128 random bits in hex.
pub(crate) fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Today in UTC, by which trash folders are named.
pub(crate) fn today() -> jiff::civil::Date {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
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
