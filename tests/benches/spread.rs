//! How times are spread, and how that is printed.

use std::fmt;
use std::time::Duration;

/// Times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    /// One more.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that so many of a hundred did not exceed.
    fn percent(&self, percent: usize) -> Duration {
        let mut times = self.0.clone();
        times.sort();
        let at = (times.len() * percent).div_ceil(100).max(1) - 1;
        times.get(at).copied().unwrap_or_default()
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> Duration {
        self.percent(50)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(
            f,
            "n {:>5}   min {:>9.2}   median {:>9.2}   p90 {:>9.2}   p99 {:>9.2}   max {:>9.2} ms",
            self.0.len(),
            ms(self.percent(0)),
            ms(self.median()),
            ms(self.percent(90)),
            ms(self.percent(99)),
            ms(self.percent(100)),
        )
    }
}
