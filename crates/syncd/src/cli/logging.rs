//! The log of a command: on standard error, around its progress bar. Where else it goes `service/logs` knows.

use std::io::{self, Write as _};

use indicatif::ProgressBar;
use tracing::level_filters::LevelFilter;

use super::Context;
use crate::config::Log;
use crate::service::logs::{self, Logs, Manner, Takes};

/// Begins to log. `otherwise` holds if neither the command line nor the configuration says anything.
pub(crate) fn start(context: &Context, log: &Log, otherwise: LevelFilter, bar: &ProgressBar) {
    logs::start(log, manner(context, otherwise, bar), false);
}

/// Begins the log of a service, which also keeps a file and can be told to log otherwise.
pub(crate) fn service(context: &Context, log: &Log, otherwise: LevelFilter) -> Logs {
    logs::start(log, manner(context, otherwise, &ProgressBar::hidden()), true)
}

fn manner(context: &Context, otherwise: LevelFilter, bar: &ProgressBar) -> Manner {
    let bar = bar.clone();
    Manner {
        stderr: Box::new(move |line| {
            bar.suspend(|| {
                // A reader that went away ends nothing.
                let _ = io::stderr().lock().write_all(line);
            });
        }),
        takes: if logs::is_journal(&context.env) {
            Takes::Journal
        } else if context.output.has_color() {
            Takes::Colors
        } else {
            Takes::Plain
        },
        terminal: context.output.is_terminal(),
        verbosity: context.verbosity,
        otherwise,
    }
}
