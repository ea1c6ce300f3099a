//! Amounts over a window of time, in a bounded number of entries. Pure: time comes from the caller.

use std::collections::VecDeque;

/// Amounts by the time they came in, with as many entries as the window has units.
#[derive(Debug, Default)]
pub(crate) struct Window(VecDeque<(u64, u64)>);

impl Window {
    /// So much more came in, in that unit of time.
    pub(crate) fn add(&mut self, at: u64, amount: u64, window: u64) {
        match self.0.back_mut() {
            Some((last, sum)) if *last == at => *sum = sum.saturating_add(amount),
            Some(_) | None => self.0.push_back((at, amount)),
        }
        while self
            .0
            .front()
            .is_some_and(|(first, _)| first.saturating_add(window) <= at)
        {
            self.0.pop_front();
        }
    }

    /// What came in within the last units.
    pub(crate) fn sum(&self, at: u64, window: u64) -> u64 {
        let recent = self.0.iter().filter(|(when, _)| when.saturating_add(window) > at);
        recent.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_does_not_count_and_is_not_kept() {
        let mut window = Window::default();
        for at in 0..1000 {
            window.add(at, 1, 10);
            window.add(at, 2, 10);
        }
        assert_eq!(window.0.len(), 10);
        assert_eq!(window.sum(999, 10), 30);
        assert_eq!(window.sum(1003, 10), 18);
        assert_eq!(window.sum(2000, 10), 0);
    }
}
