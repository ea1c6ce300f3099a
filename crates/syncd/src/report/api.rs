//! What the client's errors mean for somebody who wants to sync. One arm per error; a new one does not compile
//! without its sentence.

use api::{ApiError, Broken, Lost, RedirectKind, Unreachable};

use super::{Given, Kind, Report};

/// Said where the account's side failed and nothing here was touched.
const SAFE: &str = "Nothing was changed by this; what was done before stays done.";
const LATER: &str = "run it again later";

impl Report {
    /// An error that ended a pass (or kept it from starting), told for the address it happened at.
    pub(crate) fn from_api(error: &ApiError, api_url: &str) -> Self {
        Self::from_api_given(error, api_url, Given::InFile)
    }

    /// The same for somebody who gives settings in that way.
    pub(crate) fn from_api_given(error: &ApiError, api_url: &str, given: Given) -> Self {
        sign_in(error)
            .or_else(|| wrong_place(error, given))
            .unwrap_or_else(|| in_the_way(error, given))
            .at(api_url)
    }

    /// An error of signing in. What is no answer of the API there, where nothing has ever answered as it should, most
    /// likely means another address.
    pub(crate) fn from_sign_in(error: &ApiError, api_url: &str) -> Self {
        Self::from_sign_in_given(error, api_url, Given::InFile)
    }

    /// The same for somebody who gives settings in that way.
    pub(crate) fn from_sign_in_given(error: &ApiError, api_url: &str, given: Given) -> Self {
        let why = if let ApiError::Malformed { what } = error {
            what
        } else if let ApiError::Ambiguous { why: Lost::Html, .. } = error {
            "a page instead of an answer"
        } else if let ApiError::Ambiguous {
            why: Lost::Noise | Lost::Cut,
            ..
        } = error
        {
            "something that is not JSON"
        } else {
            return Self::from_api_given(error, api_url, given);
        };
        let cause = format!("the address answers the sign-in with {why}");
        Self::new(
            Kind::NotThisApi,
            "not this API, or a site in trouble",
            cause,
            address(given),
        )
        .data(SAFE)
        .at(api_url)
    }
}

fn address(given: Given) -> String {
    format!(
        "check {} against the address in the account's API settings",
        given.api_url()
    )
}

/// Errors of who we are.
fn sign_in(error: &ApiError) -> Option<Report> {
    let report =
        |kind, happened: &str, cause: &str, next: &str| Some(Report::new(kind, happened, cause, next));
    if let ApiError::CredentialsRejected = error {
        let cause = "the credentials are wrong, or the account is suspended, or this internet address is banned for a day after too many wrong attempts; it was tried once and is not tried again by itself";
        return report(
            Kind::Rejected,
            "the server rejected the credentials",
            cause,
            "correct the credentials file (or the variables), then run it again",
        );
    }
    if let ApiError::AuthMode = error {
        let cause = "the site wants the other form (key1 and key2, or username and password), or a key is incomplete (a key has 64 characters)";
        return report(
            Kind::Rejected,
            "the server does not take this form of credentials",
            cause,
            "put the other form, or the whole keys, into the credentials file",
        );
    }
    if let ApiError::NoCredentials = error {
        return report(
            Kind::NoCredentials,
            "cannot sign in",
            "there are no credentials",
            "put key1 and key2 into the credentials file, or set SYNCD_KEY1 and SYNCD_KEY2",
        );
    }
    if let ApiError::NoApiAccess = error {
        return report(
            Kind::NoApiAccess,
            "the account may not use the API",
            "its package does not allow it, or has ended",
            "choose a package with API access on the site",
        );
    }
    if let ApiError::AccountRefused { cause } = error {
        return Some(
            Report::new(Kind::OtherAccount, "the credentials belong to another account", cause, "use the credentials of the account this state belongs to, or another profile for the other account")
                .data("Nothing was read or written there."),
        );
    }
    if let ApiError::LoginLimit { retry_after } = error {
        let wait = retry_after.as_secs().div_ceil(60);
        return Some(
            Report::new(
                Kind::Server,
                "too many sign-ins within an hour",
                "each sign-in ends the session of the other devices of this account, and one of them keeps signing in",
                format!("find that device or program, or wait {wait} minutes; an account per device avoids it"),
            )
            .data(SAFE),
        );
    }
    if let ApiError::Store { cause } = error {
        return report(
            Kind::State,
            "the session's token cannot be kept",
            cause,
            "make the state directory writable for this user",
        );
    }
    None
}

/// Errors of where we are.
fn wrong_place(error: &ApiError, given: Given) -> Option<Report> {
    let (api_url, ca_file) = (given.api_url(), given.ca_file());
    let report =
        |kind, happened: &str, cause: &str, next: &str| Some(Report::new(kind, happened, cause, next));
    if let ApiError::NotThisApi { status } = error {
        let cause = format!(
            "the address answers with HTTP {status} and a page, or something else that is no answer of the File Upload API v2"
        );
        return report(Kind::NotThisApi, "not this API", &cause, &address(given));
    }
    if let ApiError::Redirect { location, kind } = error {
        return match kind {
            RedirectKind::WrongBaseUrl => report(
                Kind::NotThisApi,
                "not the API's own address",
                &format!("the server redirects to {location}"),
                &format!("set {api_url} to the address it redirects to, if you trust it"),
            ),
            RedirectKind::Maintenance => report(
                Kind::Server,
                "the site is down for maintenance",
                &format!("it redirects to {location}"),
                LATER,
            ),
        };
    }
    if let ApiError::BodyLost = error {
        let cause = "the server received the call without its parameters: something in between (a redirect, a proxy) drops them";
        return report(
            Kind::NotThisApi,
            "the calls do not arrive whole",
            cause,
            &format!("check {api_url} (https, the site's own name) and account.proxy"),
        );
    }
    if let ApiError::Config { cause } = error {
        return report(
            Kind::Config,
            "the connection cannot be set up",
            cause,
            &format!("correct {ca_file} or account.proxy"),
        );
    }
    if let ApiError::Unreachable { kind, cause } = error {
        let (happened, next) = match kind {
            Unreachable::Offline => (
                "this machine is offline",
                "connect it, then run it again".to_owned(),
            ),
            Unreachable::Dns => (
                "the server's name is not found",
                format!("check the connection and {api_url}"),
            ),
            Unreachable::Tls => (
                "no secure connection",
                format!(
                    "check this machine's clock, and whether something intercepts the connection ({ca_file} adds a root certificate)"
                ),
            ),
            Unreachable::Proxy => (
                "the proxy does not let it through",
                "check account.proxy, its user and password too; without that key the proxy is that of the environment (HTTPS_PROXY, ALL_PROXY)".to_owned(),
            ),
            Unreachable::Connect => (
                "the server cannot be reached",
                format!("check the connection, account.proxy and {api_url}, or run it again later"),
            ),
        };
        return Some(Report::new(Kind::Offline, happened, cause, next).data("Nothing was sent."));
    }
    None
}

/// Errors of a call that was understood, or got lost.
fn in_the_way(error: &ApiError, given: Given) -> Report {
    if let ApiError::Ambiguous { why, .. } = error {
        return lost(*why, given);
    }
    let (kind, happened, next) = match error {
        ApiError::TokenInvalid | ApiError::LookAgain => (
            Kind::Server,
            "the session ends again and again",
            "end other programs that sign in to this account, or run it again later",
        ),
        ApiError::RateLimited { .. } => (Kind::Server, "the server asks to slow down", LATER),
        ApiError::ServerBusy { .. } => (Kind::Server, "the server is busy", LATER),
        ApiError::NotFound { .. } | ApiError::BadDestination => (
            Kind::Server,
            "the server does not find what it listed",
            "run it again: the account may be changing",
        ),
        ApiError::Unsupported { .. } => (
            Kind::NotThisApi,
            "the server lacks a function that syncing needs",
            "ask the site which version of the API it offers",
        ),
        ApiError::BadRequest { .. } => (
            Kind::Internal,
            "the server refused a call",
            "report this as a bug",
        ),
        ApiError::Empty | ApiError::TooBig { .. } | ApiError::UploadRefused { .. } => (
            Kind::Server,
            "the server refused a file",
            "see the site's limits for files",
        ),
        ApiError::UploadAmbiguous { .. } => (
            Kind::Server,
            "an upload ended unclear",
            "run it again: it looks before it sends anything twice",
        ),
        ApiError::UploadCutOff => (Kind::Server, "the connection broke during an upload", LATER),
        ApiError::Malformed { .. } | ApiError::Refused { .. } => (
            Kind::Server,
            "the server's answer is of no use",
            "run it again; if it stays so, report it with the text above",
        ),
        ApiError::DownloadBroken { how } => (Kind::Server, broken(*how), LATER),
        ApiError::RangeIgnored => (Kind::Server, "a download cannot be resumed", LATER),
        ApiError::SourceChanged { .. } => (
            Kind::LocalFolder,
            "a file changed while it was sent",
            "run it again when it is quiet",
        ),
        ApiError::Source { .. } => (
            Kind::LocalFolder,
            "a file cannot be read",
            "check its permissions and the disk",
        ),
        // Told above.
        ApiError::Ambiguous { .. }
        | ApiError::CredentialsRejected
        | ApiError::AuthMode
        | ApiError::NoCredentials
        | ApiError::NoApiAccess
        | ApiError::AccountRefused { .. }
        | ApiError::LoginLimit { .. }
        | ApiError::Store { .. }
        | ApiError::NotThisApi { .. }
        | ApiError::Redirect { .. }
        | ApiError::BodyLost
        | ApiError::Config { .. }
        | ApiError::Unreachable { .. } => (Kind::Server, "the call failed", LATER),
        // Not known to this release: the error's own words serve.
        _ => (Kind::Server, "the call failed", LATER),
    };
    Report::new(kind, happened, error.to_string(), next).data(SAFE)
}

fn lost(why: Lost, given: Given) -> Report {
    let address = address(given);
    let (kind, cause, next) = match why {
        Lost::Html => (
            Kind::NotThisApi,
            "it answers with a web page instead of an answer of the API".to_owned(),
            address.as_str(),
        ),
        Lost::Noise => (
            Kind::NotThisApi,
            "it answers with something that is no answer of the API".to_owned(),
            address.as_str(),
        ),
        // Whether nobody is there or somebody who says nothing: the pair waits for the line either way.
        Lost::Timeout => (
            Kind::Offline,
            "it did not answer in time".to_owned(),
            "run it again later; timing.request_timeout allows more time",
        ),
        Lost::Reset => (Kind::Server, "the connection broke".to_owned(), LATER),
        Lost::Empty | Lost::Cut => (Kind::Server, "the answer was empty or cut off".to_owned(), LATER),
        Lost::Http(status) => (Kind::Server, format!("it answered with HTTP {status}"), LATER),
    };
    Report::new(kind, "no usable answer from the server", cause, next).data(SAFE)
}

const fn broken(how: Broken) -> &'static str {
    match how {
        Broken::ErrorPage | Broken::NoLink => "the server does not hand out a file that it lists",
        Broken::Http(_) | Broken::Redirects => "a download link does not work",
        Broken::WrongRange | Broken::Short { .. } | Broken::Long { .. } => {
            "a download has another length than the file"
        }
    }
}
