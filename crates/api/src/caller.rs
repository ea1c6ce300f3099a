//! One call, once: form in, classified answer out. Also what all requests share: transport, limits, counters.
//!
//! The token enters a request only here and in `endpoints/upload.rs`, always addressed to the configured API host.
//! Nothing is repeated here and no login happens here.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::time::Instant;
use url::Url;

use crate::config::Config;
use crate::endpoints::Spec;
use crate::envelope::{Asked, Envelope, Reply, classify};
use crate::error::{ApiError, Lost};
use crate::gate::Gate;
use crate::limit::{Pause, Throttle};
use crate::session::Held;
use crate::transport::{HttpBody, HttpRequest, HttpResponse, Transport};

/// Parameters of a call, in the order they are sent; the token's are added by the caller.
pub(crate) type Params = Vec<(Cow<'static, str>, String)>;

/// Largest answer that is read: a listing of some hundred thousand rows.
const ANSWER_MAX: usize = 256 * 1024 * 1024;
/// Longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a request is for, as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `/authorize`, `/disable_access_token`.
    SignIn,
    /// Changes nothing.
    Read,
    /// Changes something.
    Mutate,
    /// Sends a file.
    Upload,
    /// Fetches a file's bytes.
    Download,
    /// The side-effect-free `folder/move` of wire.md §5.
    Probe,
}

/// Requests that left so far, repeats and redirects included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// See [`Class::SignIn`].
    pub sign_in: u64,
    /// See [`Class::Read`].
    pub read: u64,
    /// See [`Class::Mutate`].
    pub mutate: u64,
    /// See [`Class::Upload`].
    pub upload: u64,
    /// See [`Class::Download`].
    pub download: u64,
    /// See [`Class::Probe`].
    pub probe: u64,
}

impl Requests {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.sign_in
            .saturating_add(self.read)
            .saturating_add(self.mutate)
            .saturating_add(self.upload)
            .saturating_add(self.download)
            .saturating_add(self.probe)
    }
}

#[derive(Default)]
struct Counters([AtomicU64; 6]);

impl Counters {
    const fn cell(&self, class: Class) -> &AtomicU64 {
        let [sign_in, read, mutate, upload, download, probe] = &self.0;
        match class {
            Class::SignIn => sign_in,
            Class::Read => read,
            Class::Mutate => mutate,
            Class::Upload => upload,
            Class::Download => download,
            Class::Probe => probe,
        }
    }
}

/// What all requests share.
pub(crate) struct Caller {
    transport: Arc<dyn Transport>,
    pub(crate) config: Config,
    counters: Counters,
    pub(crate) calls: Arc<Gate>,
    pub(crate) uploads: Arc<Gate>,
    pub(crate) downloads: Arc<Gate>,
    pub(crate) up: Arc<Throttle>,
    pub(crate) down: Arc<Throttle>,
    pub(crate) pause: Pause,
}

/// A whole answer.
pub(crate) struct Answer {
    status: u16,
    location: Option<String>,
    retry_after: Option<Duration>,
    body: Bytes,
}

impl Answer {
    pub(crate) fn classify(&self, asked: Asked) -> Result<Envelope, ApiError> {
        let reply = Reply {
            status: self.status,
            location: self.location.as_deref(),
            retry_after: self.retry_after,
            body: &self.body,
        };
        classify(asked, &reply)
    }

    pub(crate) const fn status(&self) -> u16 {
        self.status
    }
}

impl Caller {
    pub(crate) fn new(config: Config, transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            counters: Counters::default(),
            calls: Gate::new(config.calls),
            uploads: Gate::new(config.uploads),
            downloads: Gate::new(config.downloads),
            up: Arc::new(Throttle::default()),
            down: Arc::new(Throttle::default()),
            pause: Pause::default(),
            config,
        }
    }

    pub(crate) fn requests(&self) -> Requests {
        let count = |class| self.counters.cell(class).load(Ordering::Relaxed);
        Requests {
            sign_in: count(Class::SignIn),
            read: count(Class::Read),
            mutate: count(Class::Mutate),
            upload: count(Class::Upload),
            download: count(Class::Download),
            probe: count(Class::Probe),
        }
    }

    /// The address of an endpoint.
    pub(crate) fn address(&self, path: &str) -> Result<Url, ApiError> {
        self.config
            .api_url
            .join(path)
            .map_err(|_| ApiError::bad_request("not an endpoint's path"))
    }

    /// Hands a request to the transport and counts it.
    pub(crate) async fn send(&self, class: Class, request: HttpRequest) -> Result<HttpResponse, ApiError> {
        self.counters.cell(class).fetch_add(1, Ordering::Relaxed);
        Ok(self.transport.send(request).await?)
    }

    /// One call, once, within the request timeout.
    pub(crate) async fn call(
        &self,
        spec: &Spec,
        params: &Params,
        held: Option<&Held>,
    ) -> Result<Envelope, ApiError> {
        self.pause.over().await;
        let started = Instant::now();
        let request = HttpRequest {
            post: true,
            url: self.address(spec.path)?,
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: HttpBody::Full(form(params, held).into()),
        };
        let exchange = async { collect(self.send(spec.class, request).await?).await };
        let answer = tokio::time::timeout(self.config.timeouts.request, exchange)
            .await
            .unwrap_or_else(|_| Err(ApiError::lost(Lost::Timeout)));
        let asked = if spec.path == "authorize" {
            Asked::SignIn
        } else {
            Asked::Call
        };
        let status = answer.as_ref().map_or(0, Answer::status);
        let result = answer.and_then(|answer| answer.classify(asked));
        self.note(&result);
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => tracing::trace!(endpoint = spec.path, http_status = status, elapsed_ms, "answered"),
            Err(error) => {
                tracing::debug!(endpoint = spec.path, http_status = status, elapsed_ms, %error, "failed")
            }
        }
        result
    }

    /// A server that says "slow down" says it to every request.
    pub(crate) fn note<T>(&self, result: &Result<T, ApiError>) {
        if let Err(ApiError::RateLimited { retry_after }) = result {
            let wait = retry_after
                .unwrap_or(self.config.retry.rate_base)
                .min(self.config.retry.patience);
            self.pause.extend(wait);
        }
    }
}

/// Reads the whole answer.
pub(crate) async fn collect(response: HttpResponse) -> Result<Answer, ApiError> {
    let status = response.status;
    let location = response.header("location").map(str::to_owned);
    let retry_after = response
        .header("retry-after")
        .and_then(|value| retry_after(value, SystemTime::now()));
    let mut pieces = response.body;
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if body.len().saturating_add(piece.len()) > ANSWER_MAX {
            return Err(ApiError::malformed("an answer of more than 256 MiB"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer {
        status,
        location,
        retry_after,
        body: body.freeze(),
    })
}

/// `Retry-After`: seconds, or an HTTP date.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}
/// The call's parameters as a form, behind what the session adds. Apart from the call, because a half-made form must not
/// be held while waiting: it cannot move between threads.
fn form(params: &Params, held: Option<&Held>) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    if let Some(held) = held {
        form.append_pair("access_token", held.token.expose());
        form.append_pair("account_id", &held.account.to_string());
    }
    for (name, value) in params {
        form.append_pair(name, value);
    }
    form.finish()
}
