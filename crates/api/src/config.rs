//! What a client is built with. Values only: where they come from (files, environment) is the caller's business.

use std::time::Duration;

use url::Url;

use crate::error::ApiError;
use crate::gate::AtOnce;
use crate::retry::RetryPolicy;
use crate::secret::Credentials;

/// Everything a [`crate::Client`] needs to know. [`Config::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// Base address; endpoints are joined to it.
    pub api_url: Url,
    /// What to sign in with; without any, only a stored token can be used.
    pub credentials: Credentials,
    /// `User-Agent`.
    pub user_agent: String,
    /// Extra root certificates, PEM (the configuration's `ca_file`, read by the caller).
    pub extra_roots_pem: Option<Vec<u8>>,
    /// Proxy for everything but loopback (`http://`, `https://`, `socks5://`, `socks5h://`); without one the
    /// environment's. `NO_PROXY` is honoured either way.
    pub proxy: Option<String>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// When and how often calls are repeated.
    pub retry: RetryPolicy,
    /// Sign-in behaviour.
    pub session: SessionPolicy,
    /// Short calls at once; later changed with [`crate::Client::set_concurrency`], as the next two.
    pub calls: AtOnce,
    /// Uploads at once. 2–4 suffice where the server is near (wire.md §6.1).
    pub uploads: AtOnce,
    /// Downloads at once.
    pub downloads: AtOnce,
}

impl Config {
    /// Defaults for this address; credentials empty.
    ///
    /// # Errors
    /// [`ApiError::Config`] if it is not an `http(s)` address with a host.
    pub fn new(api_url: &str) -> Result<Self, ApiError> {
        let bad = |cause: &str| ApiError::Config {
            cause: format!("api_url: {cause}"),
        };
        let mut url = Url::parse(api_url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(bad("not an http or https address"));
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(bad("must not hold a user name, a query or a fragment"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self {
            api_url: url,
            credentials: Credentials::default(),
            user_agent: concat!("syncd/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots_pem: None,
            proxy: None,
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            session: SessionPolicy::default(),
            calls: AtOnce::fixed(8),
            uploads: AtOnce::fixed(4),
            downloads: AtOnce::fixed(4),
        })
    }
}

/// Bounds on waiting.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// TCP and TLS; nothing is sent before.
    pub connect: Duration,
    /// A whole call, answer included. Listings of big folders take tens of seconds.
    pub request: Duration,
    /// No byte of an upload taken by the network for so long.
    pub upload_stall: Duration,
    /// After the last byte of an upload, plus its size at `answer_bytes_per_s`.
    pub upload_answer: Duration,
    /// How fast the server is trusted to pass an upload on to its storage.
    pub answer_bytes_per_s: u64,
    /// No byte of a download for so long.
    pub download_stall: Duration,
    /// Idle connections are closed after this. Shorter than what common servers use (5 s), so that a call is not
    /// sent into a connection the server is just closing: for an upload that would be an ambiguous end.
    pub pool_idle: Duration,
    /// A download link is used for so long (servers: 24 h).
    pub link_life: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            request: Duration::from_secs(120),
            upload_stall: Duration::from_secs(90),
            upload_answer: Duration::from_secs(300),
            answer_bytes_per_s: 5_000_000,
            download_stall: Duration::from_secs(90),
            pool_idle: Duration::from_secs(4),
            link_life: Duration::from_secs(12 * 3600),
        }
    }
}

/// How a client signs in (design A9, wire.md §2).
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    /// First ceiling of the random wait after a token was lost young.
    pub login_backoff: Duration,
    /// The ceiling doubles up to this.
    pub login_backoff_max: Duration,
    /// Without a lost token for so long, the ceiling is `login_backoff` again.
    pub quiet: Duration,
    /// A token lost before this age was ended by another device.
    pub young: Duration,
    /// Who was answered within this is at work: two who lose their sessions to each other so must make room for each other.
    pub at_work: Duration,
    /// Logins within a sliding hour, at most.
    pub logins_per_hour: usize,
    /// Uploads from this size need a fresh token, bytes.
    pub large_upload: u64,
    /// Fresh: used within this.
    pub fresh: Duration,
    /// The token is touched this often while a large upload runs.
    pub touch_every: Duration,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            login_backoff: Duration::from_secs(5),
            login_backoff_max: Duration::from_secs(60),
            quiet: Duration::from_secs(300),
            young: Duration::from_secs(600),
            at_work: Duration::from_secs(10),
            logins_per_hour: 30,
            large_upload: 8 * 1024 * 1024,
            fresh: Duration::from_secs(60),
            touch_every: Duration::from_secs(600),
        }
    }
}
