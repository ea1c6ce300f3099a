//! Errors become sentences here, and only here. Text and JSON render the same value; the exit code follows from its
//! kind.
//!
//! A report names the path, what happened, the cause, whether the data is safe where that is a question, and what to
//! do next. It never holds a secret: what comes in from the client is redacted there, and no configuration value
//! that could be one is quoted.

use serde::Serialize;

use crate::config::credentials::CredentialsError;
use crate::config::error::ConfigError;
use crate::exit::Exit;
use crate::text::shown;

mod api;
mod config;

/// What kind of trouble it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The command line.
    Usage,
    /// The configuration.
    Config,
    /// The credentials file is not usable, or not private.
    CredentialsFile,
    /// The state directory, the journal or the token file.
    State,
    /// The local folder of a pair.
    LocalFolder,
    /// Nothing can be reached.
    Offline,
    /// Something answers, but not this API.
    NotThisApi,
    /// The server answers, but not usefully now.
    Server,
    /// There is nothing to sign in with.
    NoCredentials,
    /// The server does not take the credentials.
    Rejected,
    /// The account may not use the API.
    NoApiAccess,
    /// Another account than the pair's.
    OtherAccount,
    /// Another process holds the state.
    Busy,
    /// Not part of this release.
    NotInThisRelease,
    /// The user stopped it.
    Interrupted,
    /// A bug of ours, or a condition nobody thought of.
    Internal,
}

impl Kind {
    /// Its name in JSON; a promise.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::CredentialsFile => "credentials_file",
            Self::State => "state",
            Self::LocalFolder => "local_folder",
            Self::Offline => "offline",
            Self::NotThisApi => "not_this_api",
            Self::Server => "server",
            Self::NoCredentials => "no_credentials",
            Self::Rejected => "rejected",
            Self::NoApiAccess => "no_api_access",
            Self::OtherAccount => "other_account",
            Self::Busy => "busy",
            Self::NotInThisRelease => "not_in_this_release",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }

    /// The exit code that follows (interface §1).
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::Usage => Exit::Usage,
            Self::Config
            | Self::CredentialsFile
            | Self::State
            | Self::LocalFolder
            | Self::Offline
            | Self::NotThisApi
            | Self::Server
            | Self::NotInThisRelease
            | Self::Interrupted
            | Self::Internal => Exit::CouldNotRun,
            Self::NoCredentials | Self::Rejected | Self::NoApiAccess => Exit::NoAccess,
            Self::OtherAccount => Exit::SafetyStop,
            Self::Busy => Exit::Busy,
        }
    }
}

/// One thing the user must know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// Its kind; the exit code follows.
    pub(crate) kind: Kind,
    /// The file (with `:LINE` where there is one), address or variable it is about.
    pub(crate) path: Option<String>,
    /// What happened, in a few words, without a full stop.
    pub(crate) happened: String,
    /// Why, without a full stop; may be empty where `happened` says it all.
    pub(crate) cause: String,
    /// What this means for the user's data, where that is a question; whole sentences.
    pub(crate) data: Option<Box<str>>,
    /// What to do, without a full stop.
    pub(crate) next: String,
}

/// A report as JSON.
#[derive(Serialize)]
pub(crate) struct ReportJson<'a> {
    kind: &'static str,
    path: Option<&'a str>,
    happened: &'a str,
    cause: &'a str,
    data: Option<&'a str>,
    next: &'a str,
    exit: u8,
}

impl Report {
    /// A report without a path and without a word about data.
    pub(crate) fn new(
        kind: Kind,
        happened: impl Into<String>,
        cause: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            path: None,
            happened: happened.into(),
            cause: cause.into(),
            data: None,
            next: next.into(),
        }
    }

    /// The same, about this path.
    #[must_use]
    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same, with what it means for the data.
    #[must_use]
    pub(crate) fn data(mut self, data: impl Into<Box<str>>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        self.kind.exit()
    }

    /// One line: `PATH: happened: cause. Data. Next: next.`
    pub(crate) fn line(&self) -> String {
        let mut line = String::new();
        if let Some(path) = &self.path {
            line.push_str(path);
            line.push_str(": ");
        }
        line.push_str(&self.happened);
        if !self.cause.is_empty() {
            line.push_str(": ");
            line.push_str(&self.cause);
        }
        line.push('.');
        if let Some(data) = &self.data {
            line.push(' ');
            line.push_str(data);
        }
        if !self.next.is_empty() {
            line.push_str(" Next: ");
            line.push_str(&self.next);
            line.push('.');
        }
        shown(&line)
    }

    /// The same value as JSON.
    pub(crate) fn json(&self) -> ReportJson<'_> {
        ReportJson {
            kind: self.kind.name(),
            path: self.path.as_deref(),
            happened: &self.happened,
            cause: &self.cause,
            data: self.data.as_deref(),
            next: &self.next,
            exit: self.exit().code(),
        }
    }
}

impl From<&ConfigError> for Report {
    fn from(error: &ConfigError) -> Self {
        config::report(error)
    }
}

impl From<&CredentialsError> for Report {
    fn from(error: &CredentialsError) -> Self {
        config::credentials(error)
    }
}
