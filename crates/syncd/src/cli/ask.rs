//! Secrets from the user: a line of standard input, or of the terminal without an echo. Never from an argument.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::os::fd::AsFd as _;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

use super::output::Output;
use crate::report::{Kind, Report};

/// Longest secret that is read, in bytes.
const SECRET_MAX: u64 = 4096;

/// One line of standard input.
///
/// # Errors
/// It is empty, or cannot be read.
pub(crate) fn line(what: &str) -> Result<SecretString, Report> {
    let mut line = String::new();
    let read = io::stdin().lock().take(SECRET_MAX).read_line(&mut line);
    read.map_err(|error| unread(what, &error.to_string()))?;
    let secret = line.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(unread(what, "standard input holds none"));
    }
    Ok(SecretString::from(secret))
}

/// A line that is typed twice at the terminal, which does not show it.
///
/// # Errors
/// There is no terminal; the two differ; it is empty.
pub(crate) fn twice(output: &Output, what: &str) -> Result<SecretString, Report> {
    if !io::stdin().is_terminal() {
        return Err(unread(
            what,
            "standard input is no terminal; --password-stdin reads it from there",
        ));
    }
    let first = unseen(output, &format!("{what}: "))?;
    let second = unseen(output, &format!("{what}, once more: "))?;
    if first != second {
        return Err(unread(what, "the two are not the same"));
    }
    if first.is_empty() {
        return Err(unread(what, "it is empty"));
    }
    Ok(SecretString::from(first))
}

fn unseen(output: &Output, prompt: &str) -> Result<String, Report> {
    let stdin = io::stdin();
    let before = tcgetattr(stdin.as_fd()).map_err(|error| unread(prompt, &error.to_string()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    let _echo = Echo(before);
    tcsetattr(stdin.as_fd(), OptionalActions::Flush, &silent)
        .map_err(|error| unread(prompt, &error.to_string()))?;
    output.prompt(prompt);
    let mut line = String::new();
    let read = stdin.lock().take(SECRET_MAX).read_line(&mut line);
    output.prompt("\n");
    read.map_err(|error| unread(prompt, &error.to_string()))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Gives the terminal back as it was.
struct Echo(Termios);

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, &self.0);
    }
}

fn unread(what: &str, cause: &str) -> Report {
    Report::new(
        Kind::Usage,
        format!("no {}", what.trim_end_matches([':', ' ']).to_lowercase()),
        cause,
        "give it on standard input, in one line",
    )
}
