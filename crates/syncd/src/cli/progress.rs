//! How a pass shows itself while it runs: a bar on a terminal, a line for each finished step otherwise.
//!
//! Goes to standard error only, and may be dropped without loss: results come from the summary.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::engine::Sink;
use crate::text::shown;

/// Redrawn so often also when nothing comes in, so that a stalled transfer is seen to stall.
const TICK: Duration = Duration::from_millis(200);
const LOOKING: &str = "{spinner} {prefix}: {msg} ({elapsed})";
const MOVING: &str = "{spinner} {prefix}: {msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";

/// Shows a pass.
pub(crate) struct Progress {
    output: Output,
    bar: ProgressBar,
    lines: bool,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    phase: &'static str,
    done: u64,
    total: u64,
}

impl Progress {
    /// For this terminal; `verbose` shows a line for each step beside the bar too.
    pub(crate) fn new(output: Output, verbose: bool) -> Self {
        let drawn = output.is_terminal() && !output.is_quiet();
        let bar = if drawn {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let lines = !output.is_quiet() && (verbose || !output.is_terminal());
        Self {
            output,
            bar,
            lines,
            files: Mutex::default(),
        }
    }

    /// The bar, for whoever else writes to standard error.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// A new pair begins.
    pub(crate) fn begin(&self, pair: &str) {
        self.with(|files| *files = Files::default());
        self.bar.reset();
        self.bar.set_prefix(shown(pair));
        self.style(LOOKING);
        if self.output.is_terminal() && !self.output.is_quiet() {
            self.bar.enable_steady_tick(TICK);
        }
    }

    /// Nothing more to show; the bar goes.
    pub(crate) fn end(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
    }

    fn style(&self, template: &str) {
        // The templates are constants; a bad one would leave the default style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Files) -> T) -> T {
        // Counters only: a panic elsewhere leaves nothing half written.
        change(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn message(&self) {
        let message = self.with(|files| match files.total {
            0 => files.phase.to_owned(),
            total => format!("{} {}/{total} files", files.phase, files.done),
        });
        self.bar.set_message(message);
    }
}

impl Sink for Progress {
    fn phase(&self, _pair: &str, phase: &'static str) {
        self.with(|files| files.phase = phase);
        self.message();
    }

    fn totals(&self, files: u64, bytes: u64) {
        self.with(|seen| seen.total = files);
        self.bar.set_length(bytes);
        self.style(if bytes > 0 { MOVING } else { LOOKING });
        self.message();
    }

    fn step_done(&self, line: &str) {
        if self.lines {
            self.bar.suspend(|| self.output.note(&shown(line)));
        }
    }

    fn bytes(&self, done: u64) {
        self.bar.inc(done);
    }

    fn file_done(&self) {
        self.with(|files| files.done = files.done.saturating_add(1));
        self.message();
    }
}
