//! `[[limits.window]]`: limits that hold at some times of the day, by what the clock of this machine shows. Pure: the time
//! and its zone come from the caller.
//!
//! A window holds while the clock on the wall shows a time within it. So an hour that the clock leaves out is in no window,
//! and one that it shows twice is in its windows twice. Of windows that overlap, the last in the file decides, for each
//! key that it has; what no window says is said by `[limits]`.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan as _, ZonedDateTime};

use super::Limits;
use super::value::DAYS;

/// How far ahead a change is looked for, in days: windows repeat each week, so one that does not come by then never comes.
const AHEAD: i64 = 8;

/// One window.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    /// Where it stands: file and line.
    pub(crate) at: String,
    /// From (included) and to (not included), which differ; to is on the next day if it is the earlier one. `None`: whole
    /// days.
    pub(crate) clock: Option<(Time, Time)>,
    /// On which days it begins, from Monday on; at least one.
    pub(crate) days: [bool; 7],
    /// Bytes per second; 0 is none.
    pub(crate) upload: Option<u64>,
    /// Bytes per second; 0 is none.
    pub(crate) download: Option<u64>,
    /// Whether the pairs are paused.
    pub(crate) pause: Option<bool>,
}

impl Window {
    fn begins_on(&self, date: Date) -> bool {
        let day = usize::try_from(date.weekday().to_monday_zero_offset());
        let day = day.ok().and_then(|day| self.days.get(day));
        day.is_some_and(|begins| *begins)
    }

    /// Whether the clock shows a time within it.
    fn holds(&self, clock: DateTime) -> bool {
        let (date, time) = (clock.date(), clock.time());
        let today = self.begins_on(date);
        match self.clock {
            None => today,
            Some((from, to)) if from < to => today && from <= time && time < to,
            Some((from, to)) => {
                let yesterday = date.yesterday().is_ok_and(|date| self.begins_on(date));
                (today && from <= time) || (yesterday && time < to)
            }
        }
    }

    /// Its times and days, for people: `22:00-06:00 mon, tue`.
    pub(crate) fn shown(&self) -> String {
        let time = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        let days: Vec<_> = DAYS.iter().zip(self.days).filter(|(_, on)| *on).collect();
        let days: Vec<_> = days.into_iter().map(|(day, _)| *day).collect();
        let days = if days.len() == DAYS.len() {
            "every day".to_owned()
        } else {
            days.join(", ")
        };
        match self.clock {
            Some((from, to)) => format!("{}-{} {days}", time(from), time(to)),
            None => days,
        }
    }

    /// The moments at which the clock shows its beginning or its end, on the days around this one. An hour that is shown
    /// twice has two; one that is left out has some nearby, which do no harm.
    fn edges<'a>(&'a self, now: &'a ZonedDateTime) -> impl Iterator<Item = Timestamp> + 'a {
        let (from, to) = self.clock.unwrap_or((Time::midnight(), Time::midnight()));
        let times = if from == to { vec![from] } else { vec![from, to] };
        let dates = (-1..=AHEAD).filter_map(|days| now.date().checked_add(days.days()).ok());
        dates.flat_map(move |date| {
            let zone = now.time_zone().clone();
            times.clone().into_iter().flat_map(move |time| {
                let at = zone.to_ambiguous_timestamp(date.to_datetime(time));
                [at.earlier(), at.later()].into_iter().filter_map(Result::ok)
            })
        })
    }
}

/// What holds at some moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InForce<'a> {
    /// Bytes per second; 0 is none.
    pub(crate) upload: u64,
    /// Bytes per second; 0 is none.
    pub(crate) download: u64,
    /// The window that pauses the pairs.
    pub(crate) pause: Option<&'a Window>,
    /// All windows that hold, in the order of the file.
    pub(crate) windows: Vec<&'a Window>,
}

impl Limits {
    /// What holds at that moment, at that place.
    pub(crate) fn at(&self, now: &ZonedDateTime) -> InForce<'_> {
        let clock = now.datetime();
        let windows: Vec<_> = self.windows.iter().filter(|window| window.holds(clock)).collect();
        let mut force = InForce {
            upload: self.upload,
            download: self.download,
            pause: None,
            windows: Vec::new(),
        };
        for window in &windows {
            force.upload = window.upload.unwrap_or(force.upload);
            force.download = window.download.unwrap_or(force.download);
            force.pause = match window.pause {
                Some(true) => Some(*window),
                Some(false) => None,
                None => force.pause,
            };
        }
        InForce { windows, ..force }
    }

    /// When a window next changes something that `same` looks at; `None`: never, or not within a week.
    pub(crate) fn next_change(
        &self,
        now: &ZonedDateTime,
        same: impl Fn(&InForce<'_>, &InForce<'_>) -> bool,
    ) -> Option<Timestamp> {
        let (here, force) = (now.timestamp(), self.at(now));
        let mut edges: Vec<_> = self.windows.iter().flat_map(|window| window.edges(now)).collect();
        let far = here.checked_add((AHEAD * 24).hours()).unwrap_or(Timestamp::MAX);
        let shifts = now.time_zone().following(here);
        edges.extend(
            shifts
                .map(|shift| shift.timestamp())
                .take_while(|at| *at < far && !self.windows.is_empty()),
        );
        edges.sort_unstable();
        edges.dedup();
        let mut later = edges.into_iter().filter(|at| *at > here);
        later.find(|at| !same(&force, &self.at(&at.to_zoned_datetime(now.time_zone().clone()))))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    const WEEK: [bool; 7] = [true; 7];

    fn window(clock: Option<(&str, &str)>, days: [bool; 7]) -> Window {
        Window {
            at: "config.toml:1".into(),
            clock: clock.map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap())),
            days,
            upload: Some(7),
            download: None,
            pause: None,
        }
    }

    fn limits(windows: Vec<Window>) -> Limits {
        Limits {
            upload: 100,
            download: 200,
            concurrency: None,
            windows,
        }
    }

    fn berlin(at: &str) -> ZonedDateTime {
        at.parse::<DateTime>()
            .unwrap()
            .to_zoned_datetime(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
            .unwrap()
    }

    fn upload(limits: &Limits, at: &ZonedDateTime) -> u64 {
        limits.at(at).upload
    }

    /// The changes of a week, as the clock there shows them.
    fn changes(limits: &Limits, from: &str, count: usize) -> Vec<String> {
        let mut now = berlin(from);
        let mut out = Vec::new();
        for _ in 0..count {
            let Some(at) = limits.next_change(&now, |a, b| a == b) else {
                break;
            };
            now = at.to_zoned_datetime(now.time_zone().clone());
            out.push(now.strftime("%a %H:%M %:z").to_string());
        }
        out
    }

    #[test]
    fn a_window_holds_from_its_first_minute_until_before_its_last() {
        let limits = limits(vec![window(Some(("09:00", "17:30")), WEEK)]);
        for (at, expected) in [
            ("2026-11-24 08:59:59", 100),
            ("2026-11-24 09:00:00", 7),
            ("2026-11-24 17:29:59.999", 7),
            ("2026-11-24 17:30:00", 100),
        ] {
            assert_eq!(upload(&limits, &berlin(at)), expected, "{at}");
        }
        let force = limits.at(&berlin("2026-11-24 12:00:00"));
        assert_eq!((force.download, force.pause), (200, None), "what it does not say");
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        // 2026-11-27 is a Friday.
        let friday = [false, false, false, false, true, false, false];
        let limits = limits(vec![window(Some(("22:00", "06:00")), friday)]);
        for (at, expected) in [
            ("2026-11-26 23:00:00", 100),
            ("2026-11-27 05:00:00", 100),
            ("2026-11-27 21:59:00", 100),
            ("2026-11-27 22:00:00", 7),
            ("2026-11-28 05:59:00", 7),
            ("2026-11-28 06:00:00", 100),
            ("2026-11-28 23:00:00", 100),
        ] {
            assert_eq!(upload(&limits, &berlin(at)), expected, "{at}");
        }
        assert_eq!(
            changes(&limits, "2026-11-26 12:00:00", 3),
            ["Fri 22:00 +01:00", "Sat 06:00 +01:00", "Fri 22:00 +01:00"]
        );
    }

    #[test]
    fn whole_days_end_at_midnight_and_a_whole_week_never() {
        let weekend = [false, false, false, false, false, true, true];
        let limits_of = |days| limits(vec![window(None, days)]);
        assert_eq!(
            changes(&limits_of(weekend), "2026-11-25 12:00:00", 3),
            ["Sat 00:00 +01:00", "Mon 00:00 +01:00", "Sat 00:00 +01:00"]
        );
        let always = limits_of(WEEK);
        assert_eq!(upload(&always, &berlin("2026-11-25 12:00:00")), 7);
        assert_eq!(changes(&always, "2026-11-25 12:00:00", 1), [""; 0]);
        assert_eq!(changes(&limits(Vec::new()), "2026-11-25 12:00:00", 1), [""; 0]);
    }

    #[test]
    fn an_hour_that_the_clock_leaves_out_is_in_no_window_and_one_shown_twice_is_in_it_twice() {
        // Clocks go forth on 2026-03-29 from 02:00 to 03:00, back on 2026-10-25 from 03:00 to 02:00.
        let left_out = limits(vec![window(Some(("02:15", "02:45")), WEEK)]);
        assert_eq!(
            changes(&left_out, "2026-03-28 12:00:00", 2),
            ["Mon 02:15 +02:00", "Mon 02:45 +02:00"]
        );
        let begins_within = limits(vec![window(Some(("02:30", "05:00")), WEEK)]);
        assert_eq!(
            changes(&begins_within, "2026-03-28 12:00:00", 2),
            ["Sun 03:00 +02:00", "Sun 05:00 +02:00"]
        );
        let ends_within = limits(vec![window(Some(("01:00", "02:30")), WEEK)]);
        assert_eq!(
            changes(&ends_within, "2026-03-28 12:00:00", 2),
            ["Sun 01:00 +01:00", "Sun 03:00 +02:00"]
        );
        assert_eq!(
            changes(&left_out, "2026-10-24 12:00:00", 4),
            [
                "Sun 02:15 +02:00",
                "Sun 02:45 +02:00",
                "Sun 02:15 +01:00",
                "Sun 02:45 +01:00"
            ]
        );
        assert_eq!(
            changes(&begins_within, "2026-10-24 12:00:00", 4),
            [
                "Sun 02:30 +02:00",
                "Sun 02:00 +01:00",
                "Sun 02:30 +01:00",
                "Sun 05:00 +01:00"
            ]
        );
        // Over the night of the change the window is an hour shorter, or longer, as the night is.
        let night = limits(vec![window(Some(("22:00", "06:00")), WEEK)]);
        assert_eq!(
            changes(&night, "2026-10-24 12:00:00", 2),
            ["Sat 22:00 +02:00", "Sun 06:00 +01:00"]
        );
    }

    #[test]
    fn of_windows_that_overlap_the_last_decides_for_each_key_that_it_has() {
        let mut slow = window(Some(("08:00", "20:00")), WEEK);
        slow.pause = Some(true);
        let mut noon = window(Some(("12:00", "13:00")), WEEK);
        (noon.upload, noon.download, noon.pause) = (None, Some(0), Some(false));
        let limits = limits(vec![slow.clone(), noon]);
        let before = berlin("2026-11-24 11:00:00");
        let force = limits.at(&before);
        assert_eq!((force.upload, force.download, force.pause), (7, 200, Some(&slow)));
        let force = limits.at(&berlin("2026-11-24 12:30:00"));
        assert_eq!((force.upload, force.download, force.pause), (7, 0, None));
        assert_eq!(force.windows.len(), 2);
        let pause_ends = limits.next_change(&before, |a, b| a.pause == b.pause);
        let uploads = limits.next_change(&before, |a, b| a.upload == b.upload);
        assert_eq!(pause_ends, Some(berlin("2026-11-24 12:00:00").timestamp()));
        assert_eq!(uploads, Some(berlin("2026-11-24 20:00:00").timestamp()));
    }

    #[test]
    fn a_window_is_shown_by_its_times_and_days() {
        let days = [true, false, true, false, false, false, false];
        assert_eq!(
            window(Some(("22:00", "06:05")), days).shown(),
            "22:00-06:05 mon, wed"
        );
        assert_eq!(window(None, WEEK).shown(), "every day");
        assert_eq!(window(None, days).shown(), "mon, wed");
    }

    proptest::proptest! {
        #![proptest_config(crate::cases::cases_or(40))]

        /// Minute by minute for a day: nothing changes before the change that is foretold, and something does then.
        #[test]
        fn the_next_change_is_the_first_minute_that_differs(
            spans in proptest::collection::vec((0_i8..24, 0_i8..60, 0_i8..24, 0_i8..60, 1_u8..128), 1..4),
            day in 0_i64..366,
            minute in 0_i64..1440,
        ) {
            let windows = spans.iter().zip(1..).map(|((h1, m1, h2, m2, days), upload)| {
                let (from, to) = (Time::constant(*h1, *m1, 0, 0), Time::constant(*h2, *m2, 0, 0));
                Window {
                    at: String::new(),
                    clock: (from != to).then_some((from, to)),
                    days: std::array::from_fn(|day| days >> day & 1 == 1),
                    upload: Some(upload),
                    download: None,
                    pause: None,
                }
            });
            let limits = limits(windows.collect());
            let start = berlin("2026-01-01 00:00:00");
            let now = start.checked_add((day * 1440 + minute).minutes()).unwrap();
            let foretold = limits.next_change(&now, |a, b| a.upload == b.upload);
            let mut minutes = (1..1440_i64).map(|minutes| now.checked_add(minutes.minutes()).unwrap());
            let found = minutes.find(|at| upload(&limits, at) != upload(&limits, &now));
            let within = foretold.filter(|at| *at < now.timestamp() + 1440.minutes());
            proptest::prop_assert_eq!(found.map(|at| at.timestamp()), within);
        }
    }
}
