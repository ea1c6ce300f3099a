//! What `syncd doctor` looks at, a family of checks a file: what is on this machine (`setup`, `machine`, `journal`), what the
//! server is (`server`), what the account holds (`account`), and what only a trial tells (`probe`). `bundle` is all of it for
//! somebody who helps, without names and secrets.
//!
//! Gathering and judging are apart: what judges is a function of values. Nothing is changed but by `probe`, which is asked for.
//! Never here: a terminal, a repair.

pub(crate) mod account;
pub(crate) mod bundle;
pub(crate) mod journal;
pub(crate) mod machine;
pub(crate) mod probe;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod trials;

use serde::Serialize;

use crate::report::Report;

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it should be.
    Fine,
    /// The user should do something.
    Todo,
    /// It could not be looked at, and something else says why.
    Unknown,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Finding {
    /// What was looked at: a stable word for programs.
    pub(crate) check: &'static str,
    /// The pair, where it is about one.
    pub(crate) pair: Option<String>,
    /// How it is.
    pub(crate) state: State,
    /// What was seen, without a full stop. May hold paths and names.
    pub(crate) says: String,
    /// What to do, where there is something.
    pub(crate) next: Option<String>,
}

impl Finding {
    /// All is well.
    pub(crate) fn fine(check: &'static str, says: impl Into<String>) -> Self {
        Self {
            check,
            pair: None,
            state: State::Fine,
            says: says.into(),
            next: None,
        }
    }

    /// Something is to be done.
    pub(crate) fn todo(check: &'static str, says: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            state: State::Todo,
            next: Some(next.into()),
            ..Self::fine(check, says)
        }
    }

    /// It could not be looked at.
    pub(crate) fn unknown(check: &'static str, says: impl Into<String>) -> Self {
        Self {
            state: State::Unknown,
            ..Self::fine(check, says)
        }
    }

    /// What a report says.
    pub(crate) fn of(check: &'static str, report: &Report) -> Self {
        let place = report
            .path
            .as_deref()
            .map_or_else(String::new, |path| format!("{path}: "));
        let cause = if report.cause.is_empty() {
            String::new()
        } else {
            format!(": {}", report.cause)
        };
        Self::todo(
            check,
            format!("{place}{}{cause}", report.happened),
            report.next.clone(),
        )
    }

    /// The same, about a pair.
    #[must_use]
    pub(crate) fn about(mut self, pair: &str) -> Self {
        self.pair = Some(pair.to_owned());
        self
    }
}
