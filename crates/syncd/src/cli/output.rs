//! The door to the terminal: results to standard output, everything else to standard error.
//!
//! A reader that goes away (`syncd … | head`) ends nothing: what cannot be written is dropped. Text for people fits the
//! width of the terminal it goes to; what is no terminal, a file or a script, gets every line whole.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;
use serde::Serialize;

use super::When;
use super::fit::fit;
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
        self.exact(&self.fitting(text, io::stdout()));
    }

    /// A result in lines that must stay what they are: a script, a link, a path, a drawing.
    pub(crate) fn exact(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Text as it goes there.
    fn fitting<'a>(&self, text: &'a str, to: impl AsFd) -> Cow<'a, str> {
        match columns(to) {
            Some(columns) if !self.json => Cow::Owned(fit(text, columns)),
            Some(_) | None => Cow::Borrowed(text),
        }
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
        let text = self.fitting(text, io::stdout());
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Before a result that takes the place of the last one: on a terminal the screen is cleared.
    pub(crate) fn afresh(&self) {
        if !self.json && io::stdout().is_terminal() {
            self.exact("\u{1b}[H\u{1b}[2J");
        }
    }

    /// A result as one line of JSON.
    pub(crate) fn object(&self, value: &impl Serialize) {
        // Our own values: strings, numbers and lists, which always have a JSON form.
        if let Ok(mut text) = serde_json::to_string(value) {
            text.push('\n');
            self.exact(&text);
        }
    }

    /// A line beside the results; not with `-q`.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            let line = self.fitting(line, io::stderr());
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
        let line = format!("syncd: {}", report.line());
        let line = self.fitting(&line, io::stderr());
        let line = line.strip_prefix("syncd:").unwrap_or(&line);
        let _ = writeln!(io::stderr().lock(), "{on}syncd:{off}{line}");
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

/// The columns of a terminal; none for what is none, or does not tell.
fn columns(to: impl AsFd) -> Option<usize> {
    let size = tcgetwinsize(to).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}
