//! The door to the user: questions on a terminal. They are written to standard error, and answered only where standard input
//! is a terminal too; otherwise nothing is asked at all.
//!
//! What is typed at a hidden question is never shown. Who has no terminal may give one secret on standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use dialoguer::console::Term;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Input, MultiSelect, Select};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret as _, SecretString};

use super::output::Output;
use crate::report::{Kind, Report};
use crate::text::shown;

/// Rows of a list that are shown at once.
const ROWS: usize = 12;
/// Longest secret that is read, bytes.
const SECRET_MAX: usize = 4096;
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const CTRL_U: u8 = 21;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// Who asks.
pub(crate) struct Prompt {
    theme: Box<dyn Theme>,
    asks: bool,
}

impl Prompt {
    /// One that asks where there is a terminal, unless `silent`.
    pub(crate) fn new(output: Output, silent: bool) -> Self {
        let theme: Box<dyn Theme> = if output.has_color() {
            Box::new(ColorfulTheme::default())
        } else {
            Box::new(SimpleTheme)
        };
        Self {
            theme,
            asks: !silent && output.is_terminal() && io::stdin().is_terminal(),
        }
    }

    /// Whether there is somebody to ask.
    pub(crate) const fn asks(&self) -> bool {
        self.asks
    }

    /// A line of text; asked again until `check` has nothing against it.
    pub(crate) fn text(
        &self,
        question: &str,
        usual: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Report> {
        let mut input = Input::<String>::with_theme(&*self.theme).with_prompt(question);
        if let Some(usual) = usual {
            input = input.default(usual.to_owned());
        }
        input
            .validate_with(|text: &String| check(text))
            .interact_text()
            .map_err(gone)
    }

    /// A line that is not shown.
    pub(crate) fn secret(&self, question: &str) -> Result<SecretString, Report> {
        // Not key by key, as lists are: between two keys the terminal would show what is pasted.
        let ask = || {
            let _ = write!(io::stderr().lock(), "{question}: ");
            let quiet = Quiet::begin()?;
            let typed = line();
            drop(quiet);
            let _ = writeln!(io::stderr().lock());
            typed
        };
        ask().map(SecretString::from).map_err(gone)
    }

    /// The same for one that nobody can check: it is typed twice.
    pub(crate) fn secret_twice(&self, what: &str) -> Result<SecretString, Report> {
        if !self.asks {
            let cause = "standard input is no terminal; --password-stdin reads it from there";
            return Err(no_secret(what, cause));
        }
        let first = self.secret(what)?;
        let second = self.secret(&format!("{what}, once more"))?;
        match first.expose_secret() {
            one if one != second.expose_secret() => Err(no_secret(what, "the two are not the same")),
            "" => Err(no_secret(what, "it is empty")),
            _ => Ok(first),
        }
    }

    /// One of these; its place.
    pub(crate) fn one_of(&self, question: &str, items: &[String]) -> Result<usize, Report> {
        let list = Select::with_theme(&*self.theme).with_prompt(question);
        let list = list.items(safe(items)).max_length(ROWS).default(0);
        list.interact().map_err(gone)
    }

    /// Any of these; their places.
    pub(crate) fn any_of(&self, question: &str, items: &[String]) -> Result<Vec<usize>, Report> {
        let list = MultiSelect::with_theme(&*self.theme).with_prompt(question);
        list.items(safe(items)).max_length(ROWS).interact().map_err(gone)
    }

    /// Yes or no.
    pub(crate) fn confirm(&self, question: &str, usual: bool) -> Result<bool, Report> {
        let ask = Confirm::with_theme(&*self.theme).with_prompt(question);
        ask.default(usual).interact().map_err(gone)
    }
}

/// A secret on standard input: its first line.
///
/// # Errors
/// It is empty, too long, or cannot be read.
pub(crate) fn secret_of_stdin(what: &str) -> Result<SecretString, Report> {
    let mut line = Vec::new();
    let bound = u64::try_from(SECRET_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let read = io::stdin().lock().take(bound).read_until(b'\n', &mut line);
    read.map_err(|error| no_secret(what, &error.to_string()))?;
    let line = String::from_utf8(line).map_err(|_| no_secret(what, "it is not UTF-8"))?;
    match line.trim_end_matches(['\n', '\r']) {
        "" => Err(no_secret(what, "standard input holds none")),
        long if long.len() > SECRET_MAX => Err(no_secret(what, "it is longer than 4,096 bytes")),
        secret => Ok(SecretString::from(secret)),
    }
}

fn no_secret(what: &str, cause: &str) -> Report {
    let happened = format!("no {}", what.to_lowercase());
    Report::new(
        Kind::Usage,
        happened,
        cause,
        "give it on standard input, in one line",
    )
}

/// Names come from strangers.
fn safe(items: &[String]) -> Vec<String> {
    items.iter().map(|item| shown(item)).collect()
}

/// A terminal that shows nothing of what is typed, and leaves Ctrl-C to us, while this lives.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(stdin(), OptionalActions::Drain, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Up to the end of the line, byte by byte: what was typed ahead belongs to the next question.
fn line() -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0u8; 1];
        let count = rustix::io::retry_on_intr(|| rustix::io::read(stdin(), &mut byte))?;
        match byte {
            _ if count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            [b'\r' | b'\n'] => break,
            [CTRL_C] => return Err(io::ErrorKind::Interrupted.into()),
            [CTRL_D] if bytes.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            [CTRL_U] => bytes.clear(),
            [BACKSPACE | DELETE] => {
                // A whole character.
                while bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            [other] if bytes.len() < SECRET_MAX => bytes.push(other),
            [_] => {}
        }
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("what was typed is not UTF-8"))
}

/// Ctrl-C, or a terminal that is gone.
fn gone(error: impl Into<io::Error>) -> Report {
    // A list hides the cursor while it is shown.
    let _ = Term::stderr().show_cursor();
    let error = error.into();
    let ended = [io::ErrorKind::Interrupted, io::ErrorKind::UnexpectedEof].contains(&error.kind());
    let cause = if ended {
        "no answer was given".to_owned()
    } else {
        error.to_string()
    };
    Report::new(Kind::Interrupted, "stopped", cause, "run it again")
}
