//! The way to the account: latency, faults, and the death of who asks. Stands in for the network behind `api::Transport`.
//!
//! The work of a call is one step under the lock, between two waits; what a call did does not depend on whether its
//! answer is awaited. A cut transport never does anything again, as the process it belonged to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::transport::{HttpBody, HttpRequest, HttpResponse, Transport, TransportError};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;

use super::SimAccount;
use super::answer::{Body, Reply};
use super::calls;
use super::faults::{Fault, Kind};
use super::request::{self, Params, Request};
use super::state::Arrival;

/// Calls that pass before the work of a sender who went away is done, at most.
const ORPHAN_MAX: u64 = 4;
const HTML: &str = "text/html; charset=UTF-8";
const BROKEN: &str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>";
const TOO_MANY: &str = r#"{"status":"error","response":"Maximum API request limit reached."}"#;
const INTERNAL: &str = r#"{"status":"error","response":"Internal server error."}"#;

/// One machine's way to the account.
pub(crate) struct SimTransport {
    account: SimAccount,
    cut: Arc<AtomicBool>,
}

/// Waits for ever once the transport was cut.
async fn while_alive(cut: &AtomicBool) {
    if cut.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

async fn wait(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn broken(why: &str) -> TransportError {
    TransportError::Broken(why.to_owned())
}

/// A whole request that nobody has worked on yet. When its sender goes away first, the work may still come.
struct Sent<'a> {
    account: &'a SimAccount,
    /// Further calls until it is worked on without its sender; none: never.
    orphan: Option<u64>,
    request: Option<Request>,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if let Some((calls, request)) = self.orphan.zip(self.request.take()) {
            self.account.state().put_off_request(calls, request);
        }
    }
}

/// What is known of a request before its body was taken.
enum Asked {
    Whole(Request, Kind),
    Upload { content_type: String },
    Nothing,
}

fn asked(http: &HttpRequest) -> Asked {
    let header = |name: &str| {
        let found = http.headers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.clone())
    };
    let Some(path) = request::endpoint(&http.url) else {
        let query = Params::of_form(http.url.query().unwrap_or_default().as_bytes());
        return match query.raw("download_token") {
            Some(token) if !http.post => {
                let (token, range) = (token.to_owned(), header("range"));
                Asked::Whole(Request::Get { token, range }, Kind::Download)
            }
            Some(_) | None => Asked::Nothing,
        };
    };
    match &http.body {
        HttpBody::Stream { .. } => Asked::Upload {
            content_type: header("content-type").unwrap_or_default(),
        },
        HttpBody::Empty => Asked::Whole(call(path, Params::default()), Kind::Read),
        HttpBody::Full(form) => {
            let params = Params::of_form(form);
            let kind = request::kind(&path, &params);
            Asked::Whole(call(path, params), kind)
        }
    }
}

fn call(path: String, params: Params) -> Request {
    Request::Call {
        path,
        params,
        file: None,
    }
}

/// Takes an upload's body to its end; nothing arrived if it breaks off.
async fn take(content_type: &str, body: HttpBody) -> Result<Request, TransportError> {
    let HttpBody::Stream { length, mut stream } = body else {
        return Err(broken("no body"));
    };
    let mut whole = BytesMut::new();
    while let Some(piece) = stream.next().await {
        whole.extend_from_slice(&piece.map_err(|_| broken("the body broke off"))?);
    }
    if u64::try_from(whole.len()) != Ok(length) {
        return Err(broken("a body of another length than announced"));
    }
    let parts = request::multipart(content_type, &whole.freeze());
    let (params, file) = parts.ok_or_else(|| broken("no whole multipart body"))?;
    Ok(Request::Call {
        path: "file/upload".to_owned(),
        params,
        file,
    })
}

/// A refusal before the work, if one strikes.
fn refused(arrival: &mut Arrival) -> Option<Result<Reply, TransportError>> {
    if arrival.struck.by(Fault::DropBefore) {
        return Some(Err(broken("dropped before the work")));
    }
    if arrival.struck.by(Fault::RateLimited) {
        let after = arrival.dice.under(3).to_string();
        return Some(Ok(
            Reply::plain(429, "application/json", TOO_MANY).with("retry-after", after)
        ));
    }
    if arrival.struck.by(Fault::Http500Before) {
        return Some(Ok(if arrival.dice.coin() {
            Reply::plain(500, "application/json", INTERNAL)
        } else {
            Reply::plain(502, HTML, BROKEN)
        }));
    }
    None
}

/// What strikes the answer after the work.
fn struck(reply: Reply, arrival: &Arrival) -> Result<Reply, TransportError> {
    if arrival.struck.by(Fault::DropAfter) {
        return Err(broken("dropped after the work"));
    }
    if arrival.struck.by(Fault::EmptyBody) {
        return Ok(Reply::plain(200, HTML, ""));
    }
    Ok(if arrival.struck.by(Fault::CutJson) {
        reply.cut()
    } else {
        reply
    })
}

impl SimTransport {
    /// A way to this account.
    pub(super) fn new(account: SimAccount) -> Self {
        Self {
            account,
            cut: Arc::default(),
        }
    }

    /// Kills who uses it: nothing it asked for goes on, no future of it ever ends.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Whether it was cut.
    #[cfg(test)]
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    async fn exchange(&self, http: HttpRequest) -> Result<HttpResponse, TransportError> {
        while_alive(&self.cut).await;
        let (mut arrival, kind, outcome) = match asked(&http) {
            Asked::Nothing => {
                let page = Reply::plain(200, HTML, "<html><body>This page is for people.</body></html>");
                return Ok(self.response(page, 0, Kind::Read));
            }
            Asked::Whole(request, kind) => (self.account.state().arrive(kind), kind, Ok(Some(request))),
            Asked::Upload { content_type } => {
                let arrival = self.account.state().arrive(Kind::Upload);
                let refused = refused(&mut arrival.clone()).is_some();
                let taken = if refused && arrival.early {
                    Ok(None)
                } else {
                    take(&content_type, http.body).await.map(Some)
                };
                (arrival, Kind::Upload, taken)
            }
        };
        while_alive(&self.cut).await;
        let mut sent = Sent {
            account: &self.account,
            orphan: arrival.orphan(ORPHAN_MAX),
            request: outcome?,
        };
        wait(arrival.before_ms).await;
        while_alive(&self.cut).await;
        let request = sent.request.take();
        let outcome = match refused(&mut arrival) {
            Some(refusal) => refusal,
            None => {
                let reply = match &request {
                    Some(request) => self.account.work(request, &mut arrival),
                    None => return Err(broken("no request")),
                };
                struck(reply, &arrival)
            }
        };
        wait(arrival.after_ms).await;
        while_alive(&self.cut).await;
        Ok(self.response(outcome?, arrival.within_ms, kind))
    }

    fn response(&self, reply: Reply, within_ms: u64, kind: Kind) -> HttpResponse {
        let Reply {
            status,
            headers,
            body,
        } = reply;
        let (bytes, breaks) = match body {
            Body::Whole(bytes) => (bytes, false),
            Body::Broken(bytes) => (bytes, true),
        };
        let mut pieces: VecDeque<Result<Bytes, TransportError>> = VecDeque::new();
        if kind == Kind::Download {
            let half = bytes.len() / 2;
            pieces.extend([Ok(bytes.slice(..half)), Ok(bytes.slice(half..))]);
        } else {
            pieces.push_back(Ok(bytes));
        }
        if breaks {
            pieces.push_back(Err(broken("the body broke off")));
        }
        let cut = Arc::clone(&self.cut);
        let wait_ms = if kind == Kind::Download { within_ms } else { 0 };
        let body = stream::unfold((pieces, cut), move |(mut pieces, cut)| async move {
            let piece = pieces.pop_front()?;
            wait(wait_ms).await;
            while_alive(&cut).await;
            Some((piece, (pieces, cut)))
        });
        HttpResponse {
            status,
            headers,
            body: body.boxed(),
        }
    }
}

impl Transport for SimTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

impl SimAccount {
    /// The work of a call, in one step.
    fn work(&self, request: &Request, arrival: &mut Arrival) -> Reply {
        let mut state = self.state();
        let now = state.now();
        calls::perform(&mut state, request, &mut arrival.dice, arrival.struck, now)
    }
}
