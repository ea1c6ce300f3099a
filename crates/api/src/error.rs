//! What can go wrong, by what the caller can do about it (wire.md §1.4).
//!
//! No variant holds a token, a key, a download link or a body: server texts pass `redact`, addresses lose their
//! query. The two questions a caller asks first are [`ApiError::is_definite`] and [`ApiError::is_transient`].

use std::time::Duration;

/// Why a request surely never reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// This machine has no way out.
    Offline,
    /// The host name does not resolve.
    Dns,
    /// The TLS handshake failed: certificate, clock, interception.
    Tls,
    /// A proxy is not there, or does not let us through.
    Proxy,
    /// Refused, or nobody answered the connection attempt.
    Connect,
}

/// How the answer got lost, so that nothing is known about the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Reset,
    /// A success code without a body (wire.md Q39).
    Empty,
    /// A page instead of an answer.
    Html,
    /// JSON that ends early.
    Cut,
    /// Neither JSON nor a page.
    Noise,
    /// This HTTP status, without an answer of the API.
    Http(u16),
}

/// Where an API call was redirected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// The address in the configuration is not the site's own.
    WrongBaseUrl,
    /// The site is down for maintenance.
    Maintenance,
}

/// How a download failed although the file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Redirected to an error, login or home page: link expired, blob missing, downloads off.
    ErrorPage,
    /// The server makes no link for it.
    NoLink,
    /// This HTTP status, also with a new link.
    Http(u16),
    /// More redirects than a download needs, or one that leads nowhere.
    Redirects,
    /// The answer to a range request names other bytes than those asked for.
    WrongRange,
    /// The body ended early.
    Short {
        /// Bytes of the file present after it.
        got: u64,
        /// The file's size.
        want: u64,
    },
    /// The body ran on beyond the file's size.
    Long {
        /// The file's size.
        want: u64,
    },
}

/// An error of the account, the wire, or the caller's own stream. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The token is not valid (any more). The client has already tried to renew it.
    #[error("the session is no longer valid")]
    TokenInvalid,
    /// Stop and tell the user. Never retried: a few wrong logins ban the address for a day.
    #[error("the server rejected the credentials (or this address is banned, or the account suspended)")]
    CredentialsRejected,
    /// The site wants the other form of credentials, or a key has the wrong length.
    #[error("the site wants another form of credentials, or a key is incomplete")]
    AuthMode,
    /// There is nothing to sign in with.
    #[error("no credentials are configured")]
    NoCredentials,
    /// The account's package has no API access, or it ended.
    #[error("the account's package does not allow API access")]
    NoApiAccess,
    /// The caller's own check refused the account that the login led to.
    #[error("signed in to an unexpected account: {cause}")]
    AccountRefused {
        /// What the check said.
        cause: String,
    },
    /// Too many logins in the last hour (design A9): another device keeps signing in.
    #[error("too many logins within an hour: another device or program signs in to this account")]
    LoginLimit {
        /// When the next one is allowed.
        retry_after: Duration,
    },
    /// The token store failed.
    #[error("the token store failed: {cause}")]
    Store {
        /// What it said.
        cause: String,
    },
    /// The server did not see our parameters: redirect, proxy, content type.
    #[error("the server received the call without its parameters (a redirect or proxy in between?)")]
    BodyLost,
    /// No such row, or not ours. One such answer proves nothing (wire.md §1.2).
    #[error("not found: {said}")]
    NotFound {
        /// The server's text.
        said: String,
    },
    /// The destination is not active, not ours, or beyond the server's list (Q21): no proof that it is gone.
    #[error("the destination folder is not available")]
    BadDestination,
    /// The request makes no sense: a bug of the caller.
    #[error("the request was not acceptable: {said}")]
    BadRequest {
        /// The server's text, or why it was not even sent.
        said: String,
    },
    /// The server takes no empty files.
    #[error("the server refuses empty files")]
    Empty,
    /// Above a limit of the server.
    #[error("the file is larger than the server accepts")]
    TooBig {
        /// The size that was refused, in bytes: an observed limit.
        observed: Option<u64>,
    },
    /// Refused for good reason: type, word, content, storage. Nothing was stored.
    #[error("the server refused the file: {reason}")]
    UploadRefused {
        /// The server's text.
        reason: String,
    },
    /// The inner transfer, or only its answer, broke: the file may exist. Look, never repeat blindly.
    #[error("the upload may or may not have worked: {said}")]
    UploadAmbiguous {
        /// The server's text.
        said: String,
    },
    /// The connection broke, or stalled, before the last byte of an upload was handed over: nothing was stored.
    #[error("the connection broke during the upload")]
    UploadCutOff,
    /// Not now; minutes later perhaps.
    #[error("the server is busy: {said}")]
    ServerBusy {
        /// The server's text.
        said: String,
    },
    /// This server has no such function.
    #[error("the server does not support this call: {said}")]
    Unsupported {
        /// The server's text.
        said: String,
    },
    /// Slow down.
    #[error("the server asks to slow down")]
    RateLimited {
        /// As the server said.
        retry_after: Option<Duration>,
    },
    /// An error text this client does not know. Nothing follows from it.
    #[error("the server answered with an error: {said}")]
    Refused {
        /// The server's text.
        said: String,
    },
    /// The answer got lost: the work may have been done.
    #[error("no usable answer ({why:?})")]
    Ambiguous {
        /// How.
        why: Lost,
        /// As the server said.
        retry_after: Option<Duration>,
    },
    /// A success without what it must carry. Never "empty", never "gone".
    #[error("the answer is malformed: {what}")]
    Malformed {
        /// What is missing or wrong.
        what: &'static str,
    },
    /// The API call was redirected, and not followed.
    #[error("the server redirects to {location}")]
    Redirect {
        /// Scheme, host and path only.
        location: String,
        /// What it means.
        kind: RedirectKind,
    },
    /// What answers there is not this API.
    #[error("the address does not answer like this API (HTTP {status})")]
    NotThisApi {
        /// HTTP status.
        status: u16,
    },
    /// Nothing was sent.
    #[error("the server cannot be reached ({kind:?}): {cause}")]
    Unreachable {
        /// Which step failed.
        kind: Unreachable,
        /// What the system said.
        cause: String,
    },
    /// The file exists but its bytes do not come. Hold it, delete nothing.
    #[error("the download failed ({how:?})")]
    DownloadBroken {
        /// How.
        how: Broken,
    },
    /// The server cannot resume: start over from byte 0.
    #[error("the server cannot resume this download")]
    RangeIgnored,
    /// The caller's source gave another number of bytes than it declared: the upload is void.
    #[error("the file changed while it was read ({seen} bytes instead of {declared})")]
    SourceChanged {
        /// Bytes declared.
        declared: u64,
        /// Bytes seen, at least.
        seen: u64,
    },
    /// The caller's source failed: the upload is void.
    #[error("reading the source failed: {cause}")]
    Source {
        /// Kind of the I/O error.
        kind: std::io::ErrorKind,
        /// What it said.
        cause: String,
    },
    /// What was looked at may have changed since: another session began, or too much time passed. Nothing was sent; look again.
    #[error("it was looked at too long ago")]
    LookAgain,
    /// The client cannot be built with this configuration.
    #[error("configuration: {cause}")]
    Config {
        /// What is wrong.
        cause: String,
    },
}

impl ApiError {
    pub(crate) const fn malformed(what: &'static str) -> Self {
        Self::Malformed { what }
    }

    pub(crate) const fn lost(why: Lost) -> Self {
        Self::Ambiguous {
            why,
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(said: impl Into<String>) -> Self {
        Self::BadRequest { said: said.into() }
    }

    /// Surely nothing happened on the server: a call that failed so may be made again, whatever it does.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        match self {
            Self::TokenInvalid
            | Self::CredentialsRejected
            | Self::AuthMode
            | Self::NoCredentials
            | Self::NoApiAccess
            | Self::AccountRefused { .. }
            | Self::LoginLimit { .. }
            | Self::Store { .. }
            | Self::BodyLost
            | Self::NotFound { .. }
            | Self::BadDestination
            | Self::BadRequest { .. }
            | Self::Empty
            | Self::TooBig { .. }
            | Self::UploadRefused { .. }
            | Self::UploadCutOff
            | Self::ServerBusy { .. }
            | Self::Unsupported { .. }
            | Self::RateLimited { .. }
            | Self::Redirect { .. }
            | Self::NotThisApi { .. }
            | Self::Unreachable { .. }
            | Self::DownloadBroken { .. }
            | Self::RangeIgnored
            | Self::SourceChanged { .. }
            | Self::Source { .. }
            | Self::LookAgain
            | Self::Config { .. } => true,
            Self::UploadAmbiguous { .. }
            | Self::Refused { .. }
            | Self::Ambiguous { .. }
            | Self::Malformed { .. } => false,
        }
    }

    /// It may go away by itself: worth another try later (a look first, where it is not definite).
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::TokenInvalid
            | Self::LoginLimit { .. }
            | Self::Store { .. }
            | Self::UploadAmbiguous { .. }
            | Self::UploadCutOff
            | Self::ServerBusy { .. }
            | Self::RateLimited { .. }
            | Self::Ambiguous { .. }
            | Self::Malformed { .. }
            | Self::Unreachable { .. }
            | Self::SourceChanged { .. }
            | Self::LookAgain
            | Self::Redirect {
                kind: RedirectKind::Maintenance,
                ..
            }
            | Self::RangeIgnored
            | Self::DownloadBroken {
                how: Broken::Short { .. } | Broken::WrongRange,
            } => true,
            Self::CredentialsRejected
            | Self::AuthMode
            | Self::NoCredentials
            | Self::NoApiAccess
            | Self::AccountRefused { .. }
            | Self::BodyLost
            | Self::NotFound { .. }
            | Self::BadDestination
            | Self::BadRequest { .. }
            | Self::Empty
            | Self::TooBig { .. }
            | Self::UploadRefused { .. }
            | Self::Unsupported { .. }
            | Self::Refused { .. }
            | Self::Redirect {
                kind: RedirectKind::WrongBaseUrl,
                ..
            }
            | Self::NotThisApi { .. }
            | Self::DownloadBroken { .. }
            | Self::Source { .. }
            | Self::Config { .. } => false,
        }
    }

    /// How long the server asked to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if let Self::RateLimited { retry_after } | Self::Ambiguous { retry_after, .. } = self {
            return *retry_after;
        }
        if let Self::LoginLimit { retry_after } = self {
            Some(*retry_after)
        } else {
            None
        }
    }

    /// The server shows signs of overload: fewer requests at once, please.
    pub(crate) const fn is_overload(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::ServerBusy { .. }
                | Self::Ambiguous {
                    why: Lost::Timeout | Lost::Http(500..=599),
                    ..
                }
        )
    }
}
