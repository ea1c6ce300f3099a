//! The log on standard error, and its last lines in memory for those who ask a service for them.
//!
//! Only our own crates speak below warnings: libraries log addresses and headers there, and those hold tokens.

use std::io::{self, Write};

use indicatif::ProgressBar;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::config::Log;
use crate::service::control::recent::Recent;

/// Our crates.
const OURS: [&str; 5] = ["syncd", "api", "planner", "state", "devcloud"];

/// Writes around the progress bar.
#[derive(Clone)]
struct AroundBar(ProgressBar);

impl Write for AroundBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for AroundBar {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Begins to log. `verbosity` is that of the command line and wins over the configuration; `otherwise` holds if
/// neither says anything.
pub(crate) fn start(log: &Log, verbosity: i8, otherwise: LevelFilter, color: bool, bar: &ProgressBar) {
    let targets = filter(log.level.as_deref(), verbosity, otherwise);
    let writer = AroundBar(bar.clone());
    let layer = if log.json {
        fmt::layer().json().with_writer(writer).boxed()
    } else {
        fmt::layer()
            .with_writer(writer)
            .with_ansi(color)
            .with_target(false)
            .boxed()
    };
    let layer = layer
        .with_filter(targets.clone())
        .with_filter(filter_fn(may_speak));
    let recent = fmt::layer()
        .with_writer(Recent)
        .with_ansi(false)
        .with_target(false)
        .with_filter(targets)
        .with_filter(filter_fn(may_speak));
    // Somebody else's subscriber stays.
    let _ = tracing_subscriber::registry().with(layer).with(recent).try_init();
}

fn may_speak(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= tracing::Level::WARN || OURS.contains(&root)
}

fn filter(level: Option<&str>, verbosity: i8, otherwise: LevelFilter) -> Targets {
    let plain = |level| Targets::new().with_default(level);
    match (verbosity, level) {
        (..0, _) => plain(LevelFilter::ERROR),
        (0, Some(text)) => text.parse().unwrap_or_else(|_| plain(otherwise)),
        (0, None) => plain(otherwise),
        (1, _) => plain(LevelFilter::INFO),
        (2, _) => plain(LevelFilter::DEBUG),
        (3.., _) => plain(LevelFilter::TRACE),
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn the_command_line_wins_over_the_configuration_and_that_over_the_command() {
        let enabled = |level, verbosity, at: Level| {
            filter(level, verbosity, LevelFilter::WARN).would_enable("syncd", &at)
        };
        assert!(enabled(None, 0, Level::WARN) && !enabled(None, 0, Level::INFO));
        assert!(enabled(Some("info"), 0, Level::INFO) && !enabled(Some("info"), 0, Level::DEBUG));
        assert!(!enabled(Some("trace"), -1, Level::WARN));
        assert!(enabled(Some("error"), 2, Level::DEBUG) && !enabled(None, 2, Level::TRACE));
        assert!(enabled(Some("syncd=trace"), 0, Level::TRACE));
    }
}
