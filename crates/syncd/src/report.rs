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
mod engine;
mod keep;
mod manual;

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
    /// What stops the passes of a pair until the user decides.
    SafetyStop,
    /// Another process holds the state.
    Busy,
    /// What was asked for is not there.
    NotFound,
    /// No service runs.
    NotRunning,
    /// There is no systemd that could be asked.
    NoServiceManager,
    /// The running service, or systemd, does not do it.
    Refused,
    /// The user stopped it.
    Interrupted,
    /// The plan is not the expected one.
    OtherPlan,
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
            Self::SafetyStop => "safety_stop",
            Self::Busy => "busy",
            Self::NotFound => "not_found",
            Self::NotRunning => "not_running",
            Self::NoServiceManager => "no_service_manager",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
            Self::OtherPlan => "other_plan",
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
            | Self::NotFound
            | Self::NotRunning
            | Self::NoServiceManager
            | Self::Refused
            | Self::Interrupted
            | Self::OtherPlan
            | Self::Internal => Exit::CouldNotRun,
            Self::NoCredentials | Self::Rejected | Self::NoApiAccess => Exit::NoAccess,
            Self::OtherAccount | Self::SafetyStop => Exit::SafetyStop,
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

/// How settings are given by who reads a report: what to do about one names it so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    /// In the configuration file.
    InFile,
    /// As flags of `syncd init`, before there is a file.
    AsFlag,
}

impl Given {
    /// The address of the API.
    const fn api_url(self) -> &'static str {
        match self {
            Self::InFile => "account.api_url",
            Self::AsFlag => "--api-url",
        }
    }

    /// More root certificates.
    const fn ca_file(self) -> &'static str {
        match self {
            Self::InFile => "account.ca_file",
            Self::AsFlag => "--ca-file",
        }
    }

    /// What allows plain http.
    const fn allow_http(self) -> &'static str {
        match self {
            Self::InFile => "set account.allow_http = true",
            Self::AsFlag => "give --allow-http",
        }
    }
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

    /// What a mistake in what was given means.
    pub(crate) fn of_config(error: &ConfigError, given: Given) -> Self {
        config::report(error, given)
    }

    /// The same for somebody who gave as flags what the configuration will hold.
    #[must_use]
    pub(crate) fn given_as_flags(mut self) -> Self {
        let words = |given: Given| [given.api_url(), given.ca_file(), given.allow_http()];
        for (file, flag) in words(Given::InFile).into_iter().zip(words(Given::AsFlag)) {
            self.next = self.next.replace(file, flag);
        }
        self
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
        config::report(error, Given::InFile)
    }
}

impl From<&CredentialsError> for Report {
    fn from(error: &CredentialsError) -> Self {
        config::credentials(error)
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use ::api::{ApiError, Lost, RedirectKind, Unreachable};

    const URL: &str = "https://a.example/api/v2/";

    fn told(error: &ApiError) -> (u8, String) {
        let report = Report::from_api(error, URL);
        (report.exit().code(), report.line())
    }

    #[test]
    fn what_names_keys_of_a_file_can_name_flags_instead() {
        let unreachable = |kind| ApiError::Unreachable {
            kind,
            cause: "no".into(),
        };
        for error in [
            unreachable(Unreachable::Dns),
            unreachable(Unreachable::Tls),
            ApiError::NotThisApi { status: 404 },
            ApiError::Ambiguous {
                why: Lost::Html,
                retry_after: None,
            },
        ] {
            let in_file = Report::from_api(&error, URL);
            let as_flag = Report::from_api_given(&error, URL, Given::AsFlag);
            assert_ne!(in_file, as_flag);
            assert_eq!(in_file.given_as_flags(), as_flag);
        }
    }

    #[test]
    fn text_and_json_say_the_same() {
        let report = Report::new(Kind::Offline, "h", "c", "n").at("p").data("D.");
        assert_eq!(report.line(), "p: h: c. D. Next: n.");
        let json = serde_json::to_string(&report.json()).unwrap();
        let whole =
            r#"{"kind":"offline","path":"p","happened":"h","cause":"c","data":"D.","next":"n","exit":1}"#;
        assert_eq!(json, whole);
    }

    #[test]
    fn who_may_not_sign_in_is_exit_5() {
        for error in [
            ApiError::CredentialsRejected,
            ApiError::AuthMode,
            ApiError::NoCredentials,
            ApiError::NoApiAccess,
        ] {
            assert_eq!(told(&error).0, 5, "{error}");
        }
        assert_snapshot!(told(&ApiError::CredentialsRejected).1, @"https://a.example/api/v2/: the server rejected the credentials: the credentials are wrong, or the account is suspended, or this internet address is banned for a day after too many wrong attempts; it was tried once and is not tried again by itself. Next: correct the credentials file (or the variables), then run it again.");
    }

    #[test]
    fn offline_and_wrong_addresses_are_exit_1() {
        let offline = ApiError::Unreachable {
            kind: Unreachable::Dns,
            cause: "no such name".into(),
        };
        let html = ApiError::Ambiguous {
            why: Lost::Html,
            retry_after: None,
        };
        let other = ApiError::NotThisApi { status: 404 };
        let moved = ApiError::Redirect {
            location: "https://b.example/api".into(),
            kind: RedirectKind::WrongBaseUrl,
        };
        for error in [&offline, &html, &other, &moved] {
            assert_eq!(told(error).0, 1, "{error}");
        }
        assert_snapshot!(told(&offline).1, @"https://a.example/api/v2/: the server's name is not found: no such name. Nothing was sent. Next: check the connection and account.api_url.");
        assert_snapshot!(told(&html).1, @"https://a.example/api/v2/: no usable answer from the server: it answers with a web page instead of an answer of the API. Nothing was changed by this; what was done before stays done. Next: check account.api_url against the address in the account's API settings.");
        assert_snapshot!(told(&other).1, @"https://a.example/api/v2/: not this API: the address answers with HTTP 404 and a page, or something else that is no answer of the File Upload API v2. Next: check account.api_url against the address in the account's API settings.");
        assert_snapshot!(told(&moved).1, @"https://a.example/api/v2/: not the API's own address: the server redirects to https://b.example/api. Next: set account.api_url to the address it redirects to, if you trust it.");
    }

    #[test]
    fn another_account_is_a_safety_stop() {
        let error = ApiError::AccountRefused {
            cause: "account 8 instead of 7".into(),
        };
        assert_eq!(told(&error).0, 4);
    }

    #[test]
    fn a_file_name_in_a_report_cannot_drive_the_terminal() {
        let report = Report::new(Kind::Config, "h", "c", "n").at("a\u{1b}[2J");
        assert!(!report.line().contains('\u{1b}'));
    }
}
