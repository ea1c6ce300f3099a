//! `syncd demo --live`: what the demo does just now, drawn on the terminal. Two lines that move, below what was said already.
//!
//! Standard error only. Without a terminal nothing is drawn: the lines of the demo are the same with it and without.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::Output;
use crate::text::shown;

/// Between two pictures.
const TICK: Duration = Duration::from_millis(80);
/// What travels, a picture after the other; the last one is for nothing.
const TO_ACCOUNT: [&str; 6] = ["●─────", "─●────", "──●───", "───●──", "────●─", "─────●"];
const TO_LAPTOP: [&str; 6] = ["─────●", "────●─", "───●──", "──●───", "─●────", "●─────"];
const BOTH: [&str; 6] = ["●────●", "─●──●─", "──●●──", "─●──●─", "●────●", "──────"];
const TEMPLATE: &str =
    "{prefix:15} laptop {spinner} account   {msg}\n{pos:>2} of {len} acts  [{bar:24}] {elapsed}";

/// Where something travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Travel {
    ToAccount,
    ToLaptop,
    Both,
}

impl Travel {
    /// Of a step, by its line.
    fn of(line: &str) -> Self {
        match line.split(' ').next() {
            Some("upload") => Self::ToAccount,
            Some("download") => Self::ToLaptop,
            _ => Self::Both,
        }
    }

    const fn pictures(self) -> &'static [&'static str; 6] {
        match self {
            Self::ToAccount => &TO_ACCOUNT,
            Self::ToLaptop => &TO_LAPTOP,
            Self::Both => &BOTH,
        }
    }
}

/// The picture.
pub(super) struct Live {
    bar: ProgressBar,
    drawn: bool,
    travel: Mutex<Travel>,
}

impl Live {
    /// Drawn if it is wished for and there is a terminal to draw on.
    pub(super) fn new(output: Output, wished: bool) -> Self {
        let drawn = wished && output.is_terminal() && !output.is_quiet() && !output.is_json();
        let bar = if drawn {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            drawn,
            travel: Mutex::new(Travel::Both),
        }
    }

    /// Whether somebody watches.
    pub(super) const fn is_drawn(&self) -> bool {
        self.drawn
    }

    /// Says something above the picture.
    pub(super) fn above(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    /// An act begins, of so many.
    pub(super) fn begin(&self, act: &str, all: usize) {
        self.bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
        self.bar.set_prefix(act.to_owned());
        self.bar.set_message("");
        self.show(Travel::Both);
        if self.drawn {
            self.bar.enable_steady_tick(TICK);
        }
    }

    /// It has arrived.
    pub(super) fn arrived(&self) {
        self.bar.inc(1);
    }

    /// What a pass does now.
    pub(super) fn phase(&self, phase: &'static str) {
        self.bar.set_message(phase);
    }

    /// What it has done.
    pub(super) fn step(&self, line: &str) {
        self.bar.set_message(shown(line));
        self.show(Travel::of(line));
    }

    /// Nothing more to show; the picture goes.
    pub(super) fn end(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }

    fn show(&self, travel: Travel) {
        // A panic elsewhere leaves nothing half written.
        let mut now = self.travel.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *now, travel) == travel && self.bar.position() > 0 {
            return;
        }
        // The template is a constant; a bad one would leave the default style.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            let style = style.tick_strings(travel.pictures());
            self.bar.set_style(style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one_and_a_step_goes_where_its_bytes_go() {
        ProgressStyle::with_template(TEMPLATE).unwrap();
        assert_eq!(Travel::of("upload Notes/todo.txt (28 B)"), Travel::ToAccount);
        assert_eq!(Travel::of("download a"), Travel::ToLaptop);
        assert_eq!(Travel::of("move a -> b"), Travel::Both);
    }
}
