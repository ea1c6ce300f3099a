//! The one place where a request leaves this process, behind a trait so that a simulation can stand in.
//!
//! It follows no redirect, keeps no cookie, decompresses nothing and repeats nothing. It knows neither endpoints
//! nor tokens; who calls it decides what is sent where. Nothing it reports names an address: links are secrets.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::sync::{Once, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use url::{Host, Url};

use crate::config::Config;
use crate::error::{ApiError, Lost, Unreachable};

/// A request. `Content-Length` is always sent with a body.
pub struct HttpRequest {
    /// `POST` for calls and uploads, else `GET`.
    pub post: bool,
    /// Where to. May be a secret (download links).
    pub url: Url,
    /// Headers besides host, length and user agent.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: HttpBody,
}

/// A request's body.
pub enum HttpBody {
    /// None.
    Empty,
    /// All at once.
    Full(Bytes),
    /// A stream of exactly this many bytes. Its error aborts the request.
    Stream {
        /// Bytes in all.
        length: u64,
        /// The bytes.
        stream: BoxStream<'static, io::Result<Bytes>>,
    },
}

/// An answer: head, and a body that is still arriving.
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BoxStream<'static, Result<Bytes, TransportError>>,
}

impl HttpResponse {
    /// A header's first value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent.
    #[error("not reachable: {1}")]
    Unreachable(Unreachable, String),
    /// Something may have been sent; the connection timed out.
    #[error("timed out")]
    Timeout,
    /// Something may have been sent; the connection broke.
    #[error("connection broke: {0}")]
    Broken(String),
    /// The transport cannot be set up.
    #[error("{0}")]
    Setup(String),
}

impl From<TransportError> for ApiError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable(kind, cause) => Self::Unreachable { kind, cause },
            TransportError::Timeout => Self::lost(Lost::Timeout),
            TransportError::Broken(_) => Self::lost(Lost::Reset),
            TransportError::Setup(cause) => Self::Config { cause },
        }
    }
}

/// Sends requests. Dropping the future or the body gives the request up.
pub trait Transport: Send + Sync {
    /// Sends one and waits for the head of the answer.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>>;
}

/// The real thing, over `reqwest` with `rustls`.
pub struct HttpTransport {
    settings: Settings,
    direct: OnceLock<Result<reqwest::Client, TransportError>>,
    proxied: OnceLock<Result<reqwest::Client, TransportError>>,
}

struct Settings {
    user_agent: String,
    roots: Vec<reqwest::Certificate>,
    proxy: Option<reqwest::Proxy>,
    connect: Duration,
    pool_idle: Duration,
}

static PROVIDER: Once = Once::new();

impl HttpTransport {
    /// Checks certificates and proxy; connections are made on demand.
    ///
    /// # Errors
    /// [`ApiError::Config`] if the certificates or the proxy cannot be used.
    pub fn new(config: &Config) -> Result<Self, ApiError> {
        PROVIDER.call_once(|| {
            // An error means that the process has one already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let roots = match &config.extra_roots_pem {
            Some(pem) => reqwest::Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|roots| !roots.is_empty())
                .ok_or(ApiError::Config {
                    cause: "ca_file holds no usable PEM certificate".to_owned(),
                })?,
            None => Vec::new(),
        };
        let proxy = match &config.proxy {
            Some(address) => {
                let proxy = reqwest::Proxy::all(address.as_str()).map_err(|_| ApiError::Config {
                    cause: "the proxy's address cannot be used".to_owned(),
                })?;
                Some(proxy.no_proxy(reqwest::NoProxy::from_env()))
            }
            None => None,
        };
        let settings = Settings {
            user_agent: config.user_agent.clone(),
            roots,
            proxy,
            connect: config.timeouts.connect,
            pool_idle: config.timeouts.pool_idle,
        };
        Ok(Self {
            settings,
            direct: OnceLock::new(),
            proxied: OnceLock::new(),
        })
    }

    /// Loopback never goes through a proxy, whatever the environment says.
    fn client(&self, url: &Url) -> Result<&reqwest::Client, TransportError> {
        let direct = is_loopback(url);
        let cell = if direct { &self.direct } else { &self.proxied };
        cell.get_or_init(|| self.settings.build(direct))
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl Settings {
    fn build(&self, direct: bool) -> Result<reqwest::Client, TransportError> {
        let base = || {
            let builder = reqwest::Client::builder()
                .user_agent(self.user_agent.as_str())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(self.connect)
                .pool_idle_timeout(self.pool_idle)
                .tcp_keepalive(Duration::from_secs(60));
            match (&self.proxy, direct) {
                (_, true) => builder.no_proxy(),
                (Some(proxy), false) => builder.proxy(proxy.clone()),
                (None, false) => builder,
            }
        };
        // A machine without any system roots still reaches a server by the extra ones, or without TLS.
        base()
            .tls_certs_merge(self.roots.iter().cloned())
            .build()
            .or_else(|_| base().tls_certs_only(self.roots.iter().cloned()).build())
            .map_err(|error| {
                TransportError::Setup(format!(
                    "TLS or proxy setup: {}",
                    root_cause(&error.without_url())
                ))
            })
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let client = self.client(&request.url)?;
            let method = if request.post {
                reqwest::Method::POST
            } else {
                reqwest::Method::GET
            };
            let mut builder = client.request(method, request.url);
            for (name, value) in request.headers {
                builder = builder.header(name, value);
            }
            builder = match request.body {
                HttpBody::Empty => builder,
                HttpBody::Full(bytes) => builder.body(bytes),
                HttpBody::Stream { length, stream } => builder
                    .header(reqwest::header::CONTENT_LENGTH, length)
                    .body(reqwest::Body::wrap_stream(stream)),
            };
            let response = builder.send().await.map_err(translate)?;
            let status = response.status().as_u16();
            let headers = response.headers().iter().map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            });
            let headers = headers.collect();
            let body = response
                .bytes_stream()
                .map(|piece| piece.map_err(translate))
                .boxed();
            Ok(HttpResponse {
                status,
                headers,
                body,
            })
        })
    }
}

/// Whether the address names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn translate(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_connect() {
        return connect_failure(&error);
    }
    if error.is_builder() {
        return TransportError::Setup(root_cause(&error));
    }
    if error.is_timeout() {
        TransportError::Timeout
    } else {
        TransportError::Broken(root_cause(&error))
    }
}

/// How the connector's words for what a proxy answered begin; it has no type for them that can be named.
const PROXY_SAYS: [&str; 2] = ["tunnel error", "SOCKS error"];

fn connect_failure(error: &reqwest::Error) -> TransportError {
    let mut kind = Unreachable::Connect;
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.downcast_ref::<rustls::Error>().is_some() {
            kind = Unreachable::Tls;
        } else if let Some(io) = cause.downcast_ref::<io::Error>() {
            if matches!(
                io.kind(),
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown
            ) {
                kind = Unreachable::Offline;
            }
            if is_tls(io) {
                kind = Unreachable::Tls;
            }
        } else if cause.to_string().starts_with("dns error") {
            kind = Unreachable::Dns;
        } else if PROXY_SAYS
            .iter()
            .any(|start| cause.to_string().starts_with(start))
        {
            kind = Unreachable::Proxy;
        }
        source = cause.source();
    }
    TransportError::Unreachable(kind, root_cause(error))
}

/// Whether rustls speaks out of an `io::Error`, which hides it from `source()`; the connector wraps one in another.
fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>() || inner.downcast_ref::<io::Error>().is_some_and(is_tls)
    })
}

/// The innermost cause's text; the outer ones repeat it, or name addresses.
fn root_cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    crate::secret::redact(&text)
}
