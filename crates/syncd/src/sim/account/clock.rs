//! The account's time: seconds since a fixed date plus what the runtime's (paused) clock has run since the first look.
//!
//! Never the system's clock: outside a runtime no time passes at all.

use tokio::time::Instant;

/// 2023-11-14 22:13:20.
const START_S: u64 = 1_700_000_000;
const DAY_S: u64 = 86_400;

/// Time since the first look.
#[derive(Debug, Default)]
pub(super) struct Clock(Option<Instant>);

impl Clock {
    /// Seconds since 1970.
    pub(super) fn now(&mut self) -> u64 {
        if tokio::runtime::Handle::try_current().is_err() {
            return START_S;
        }
        let now = Instant::now();
        let origin = *self.0.get_or_insert(now);
        START_S.saturating_add(now.duration_since(origin).as_secs())
    }
}

struct Civil {
    year: u64,
    month: u64,
    day: u64,
}

/// The civil date of a day since 1970, by Howard Hinnant's `civil_from_days`.
fn civil(days: u64) -> Civil {
    let z = days.saturating_add(719_468);
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    Civil { year, month, day }
}

/// A date as the API writes it: `Y-m-d H:i:s`.
pub(super) fn date(seconds: u64) -> String {
    let Civil { year, month, day } = civil(seconds / DAY_S);
    let of_day = seconds % DAY_S;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_form_of_the_document() {
        assert_eq!(date(1_736_299_672), "2025-01-08 01:27:52");
        assert_eq!(date(1_709_164_800), "2024-02-29 00:00:00");
    }
}
