//! How long the days of the local trash have been kept, counted so that no wrong clock makes them older (design D3,
//! history H32). Pure.
//!
//! Neither the dates by which the days are named nor the clock of one run count: time passes from run to run, by what the
//! clock went on since the run before, and by a day at most. A clock that is years off, ahead or back, once or several
//! times in a row, is worth a day each time, and what it went ahead it loses when it is set back. Never here: a day of the
//! trash that is removed before so much time was seen to pass. Runs that are rare keep it longer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Seconds of a day: the most that may pass between two runs.
const A_DAY: i64 = 24 * 60 * 60;

/// What is noted from run to run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ages {
    /// When the last run ended, by its clock, in seconds since 1970.
    heard: Option<i64>,
    /// Seconds that were seen to pass.
    passed: i64,
    /// For each day of the trash, when something came into it last at the latest, in seconds passed.
    filled: BTreeMap<String, i64>,
}

/// What a run knows of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Seconds since 1970, as the clock has it.
    pub(super) now: i64,
    /// The day by whose name this run put things into the trash, if its clock did not jump.
    pub(super) today: Date,
    /// The clock was set while the run went on: no day of it means anything.
    pub(super) jumped: bool,
}

impl Ages {
    /// Time goes on to the end of a run that found these days in the trash. Answers those that were kept for so many days.
    pub(super) fn go_on(&mut self, at: Moment, days: &BTreeSet<Date>, keep_days: u32) -> BTreeSet<Date> {
        let since = self.heard.map_or(0, |heard| at.now.saturating_sub(heard));
        self.passed = self.passed.saturating_add(since.clamp(-A_DAY, A_DAY));
        self.heard = Some(at.now);
        let mut before = std::mem::take(&mut self.filled);
        for day in days {
            let name = day.to_string();
            let known = before.remove(&name);
            let filled = self.filled.entry(name).or_insert(known.unwrap_or(self.passed));
            if at.jumped || *day == at.today {
                *filled = self.passed;
            }
        }
        if at.jumped {
            return BTreeSet::new();
        }
        // One day more: a run that begins before midnight fills a day that is over when it ends.
        let keep = i64::from(keep_days).saturating_add(1).saturating_mul(A_DAY);
        let filled = |day: &Date| self.filled.get(&day.to_string()).copied();
        let is_old = |filled: i64| self.passed.saturating_sub(filled) >= keep;
        let old = days.iter().filter(|day| filled(day).is_some_and(is_old));
        old.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_600_000;
    const YEAR: i64 = 31_557_600;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// One run after another, at these times; the days of the trash that went, and when.
    fn runs(ages: &mut Ages, times: impl IntoIterator<Item = i64>) -> Vec<(i64, Date)> {
        let mut trash = BTreeSet::from([date("2026-11-20")]);
        let mut went = Vec::new();
        for now in times {
            let at = Moment {
                now,
                today: jiff::tz::Offset::UTC
                    .to_datetime(jiff::Timestamp::from_second(now).unwrap())
                    .date(),
                jumped: false,
            };
            for day in ages.go_on(at, &trash, 30) {
                trash.remove(&day);
                went.push((now, day));
            }
        }
        went
    }

    #[test]
    fn a_day_goes_when_it_was_kept_for_so_many_days_and_not_before() {
        let hourly = (0..40 * 24).map(|hour| NOW + hour * 3_600);
        let went = runs(&mut Ages::default(), hourly);
        assert_eq!(went, [(NOW + 31 * A_DAY, date("2026-11-20"))]);
    }

    #[test]
    fn h32_wrong_clocks_one_after_the_other_empty_nothing() {
        let times = [0, 10, 73, 20, -56, 0, 73, 74, 75, 0, 10, 73].map(|years| NOW + years * YEAR);
        for order in [times.to_vec(), times.into_iter().rev().collect()] {
            assert_eq!(runs(&mut Ages::default(), order), []);
        }
    }

    #[test]
    fn h32_a_clock_that_is_wrong_at_every_start_empties_nothing() {
        // A board without a clock of its own: 1970 at each start, and right once the network is there.
        let times = (0..500).flat_map(|start| [start * 60, NOW + start * 600]);
        assert_eq!(runs(&mut Ages::default(), times), []);
    }

    #[test]
    fn h32_what_came_in_under_a_date_far_off_is_kept_as_long_as_anything() {
        for day in ["1970-01-01", "2099-06-01"] {
            let mut ages = Ages::default();
            let mut gone = None;
            for number in 0..40 {
                let at = Moment {
                    now: NOW + number * A_DAY,
                    today: date("2026-11-25"),
                    jumped: false,
                };
                let old = ages.go_on(at, &BTreeSet::from([date(day)]), 30);
                if gone.is_none() && !old.is_empty() {
                    gone = Some(number);
                }
            }
            assert_eq!(gone, Some(31), "{day}");
        }
    }

    #[test]
    fn a_clock_that_is_set_during_a_run_begins_everything_anew() {
        let mut ages = Ages::default();
        assert_eq!(runs(&mut ages, (0..31).map(|day| NOW + day * A_DAY)), []);
        let jumped = Moment {
            now: NOW + 31 * A_DAY,
            today: date("2026-12-26"),
            jumped: true,
        };
        let days = BTreeSet::from([date("2026-11-20")]);
        assert_eq!(ages.go_on(jumped, &days, 30), BTreeSet::new());
        let next = Moment {
            now: NOW + 32 * A_DAY,
            jumped: false,
            ..jumped
        };
        assert_eq!(ages.go_on(next, &days, 30), BTreeSet::new());
    }

    #[test]
    fn the_day_that_is_filled_today_is_new_each_time() {
        let mut ages = Ages::default();
        let days = BTreeSet::from([date("1970-01-01")]);
        for number in 0..400 {
            // Its clock goes on, but every start is on that day.
            let at = Moment {
                now: number * 3_600 * 23,
                today: date("1970-01-01"),
                jumped: false,
            };
            assert_eq!(ages.go_on(at, &days, 30), BTreeSet::new());
        }
    }
}
