//! The door to the terminal: results to standard output, everything else to standard error.
//!
//! A reader that goes away (`syncd … | head`) ends nothing: what cannot be written is dropped.

use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;

use serde::Serialize;

use super::When;
use crate::exit::Exit;
use crate::report::{Report, ReportJson};

/// How this run talks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    stderr: Stderr,
}

/// What standard error is.
#[derive(Clone, Copy, Debug)]
struct Stderr {
    terminal: bool,
    color: bool,
}

/// An error before any pair ran, as JSON.
#[derive(Serialize)]
struct Failure<'a> {
    v: u8,
    pairs: [(); 0],
    error: ReportJson<'a>,
}

impl Output {
    /// What the options and the terminal say.
    pub(crate) fn new(json: bool, quiet: bool, color: When, no_color: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !no_color,
        };
        Self {
            json,
            quiet,
            stderr: Stderr { terminal, color },
        }
    }

    /// Results are one JSON object.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Neither progress nor notes.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Standard error is a terminal.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.stderr.terminal
    }

    /// Standard error takes colours.
    pub(crate) const fn has_color(&self) -> bool {
        self.stderr.color
    }

    /// A result as text.
    pub(crate) fn text(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Bytes of a result as they are; it ends when nobody reads them any more.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> ControlFlow<()> {
        match io::stdout().lock().write_all(bytes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// All that was written is handed on.
    pub(crate) fn flush(&self) {
        let _ = io::stdout().lock().flush();
    }

    /// A piece of a result that has no end by itself; it ends when nobody reads it any more.
    pub(crate) fn piece(&self, text: &str) -> ControlFlow<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Before a result that takes the place of the last one: on a terminal the screen is cleared.
    pub(crate) fn afresh(&self) {
        if !self.json && io::stdout().is_terminal() {
            self.text("\u{1b}[H\u{1b}[2J");
        }
    }

    /// A result as one line of JSON.
    pub(crate) fn object(&self, value: &impl Serialize) {
        // Our own values: strings, numbers and lists, which always have a JSON form.
        if let Ok(mut text) = serde_json::to_string(value) {
            text.push('\n');
            self.text(&text);
        }
    }

    /// A line beside the results; not with `-q`.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// An error line.
    pub(crate) fn error(&self, report: &Report) {
        let (on, off) = if self.stderr.color {
            ("\u{1b}[1;31m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        let _ = writeln!(io::stderr().lock(), "{on}syncd:{off} {}", report.line());
    }

    /// The end of a command that could not do its work.
    pub(crate) fn fail(&self, report: &Report) -> Exit {
        self.error(report);
        if self.json {
            self.object(&Failure {
                v: 1,
                pairs: [],
                error: report.json(),
            });
        }
        report.exit()
    }
}
