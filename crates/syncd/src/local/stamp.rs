//! What times tell and what they do not (design S12, S13). Pure: the time is given.
//!
//! A second write within one tick of the file system's clock leaves the same stamp. So a stamp proves that a file did not
//! change only if it was already old when it was taken.

use planner::content::Stamp;

/// Bytes can change without a new stamp for this long: two seconds (design S12).
const WINDOW_NS: i64 = 2_000_000_000;
/// Tick of a file system that counts whole seconds; FAT counts in twos.
const COARSE_NS: i64 = 2_000_000_000;
/// Tick of all others: no kernel's clock ticks slower than this.
const FINE_NS: i64 = 10_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// Whether a stamp taken at `now_ns` proves later that nothing changed.
///
/// Times far ahead are trusted: they are some other clock's, and any write would replace them by an earlier one.
pub(super) fn trusted(stamp: Stamp, now_ns: i64) -> bool {
    let whole = [stamp.mtime_ns, stamp.ctime_ns]
        .iter()
        .all(|time| time % SECOND_NS == 0);
    let tick = if whole { COARSE_NS } else { FINE_NS };
    !is_near(stamp, now_ns, WINDOW_NS.saturating_add(tick))
}

/// Whether the file was touched less than `window_ns` before (or after) `now_ns`.
pub(super) fn is_near(stamp: Stamp, now_ns: i64, window_ns: i64) -> bool {
    let near = |time: i64| now_ns.saturating_sub(time).saturating_abs() < window_ns;
    near(stamp.mtime_ns) || near(stamp.ctime_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_500_000_000;

    fn touched(before_ns: i64) -> Stamp {
        Stamp {
            mtime_ns: NOW - before_ns,
            ctime_ns: NOW - before_ns,
        }
    }

    #[test]
    fn s12_a_stamp_is_trusted_once_two_seconds_and_a_tick_have_passed() {
        assert!(!trusted(touched(0), NOW));
        assert!(!trusted(touched(2_005_000_000), NOW));
        assert!(trusted(touched(2_010_000_000), NOW));
    }

    #[test]
    fn s12_whole_seconds_are_a_coarse_clock() {
        let whole = touched(2_500_000_000);
        assert!(!trusted(whole, NOW), "{whole:?}");
        assert!(trusted(touched(4_500_000_000), NOW));
    }

    #[test]
    fn s12_a_restored_mtime_does_not_hide_a_young_change() {
        let stamp = Stamp {
            mtime_ns: 1,
            ctime_ns: NOW - 1,
        };
        assert!(!trusted(stamp, NOW));
    }

    #[test]
    fn h32_times_of_a_clock_that_jumped_are_no_reason_to_wait_forever() {
        assert!(trusted(touched(-70 * 365 * 86_400 * SECOND_NS), NOW));
        assert!(trusted(
            Stamp {
                mtime_ns: i64::MIN,
                ctime_ns: i64::MAX
            },
            NOW
        ));
    }
}
