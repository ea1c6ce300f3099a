//! A model of a server: so many calls at once, each after some time; sessions that live side by side, or one at a time.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use api::transport::{HttpBody, HttpRequest, HttpResponse, Transport, TransportError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::Semaphore;

/// Its address; nothing is there.
pub(crate) const URL: &str = "http://model.invalid/api/v2/";

/// What every device signs in with.
pub(crate) fn credentials() -> api::Credentials {
    api::Credentials::keys("1".repeat(64), "2".repeat(64))
}

/// The server.
pub(crate) struct Server {
    places: Semaphore,
    latency: Duration,
    alone: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tokens: BTreeSet<String>,
    requests: u64,
    sign_ins: u64,
}

impl Server {
    /// `alone`: a sign-in ends all other sessions.
    pub(crate) fn new(places: usize, latency: Duration, alone: bool) -> Self {
        Self {
            places: Semaphore::new(places),
            latency,
            alone,
            state: Mutex::default(),
        }
    }

    /// Calls so far.
    pub(crate) fn requests(&self) -> u64 {
        self.state.lock().unwrap().requests
    }

    /// Sign-ins so far.
    pub(crate) fn sign_ins(&self) -> u64 {
        self.state.lock().unwrap().sign_ins
    }

    fn answer(&self, path: &str, form: &[u8]) -> String {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        if path.ends_with("/authorize") {
            state.sign_ins += 1;
            if self.alone {
                state.tokens.clear();
            }
            let token = format!("{:0>128}", state.sign_ins);
            state.tokens.insert(token.clone());
            return success(&format!(
                r#""data":{{"access_token":"{token}","account_id":"1"}}"#
            ));
        }
        let mut given = url::form_urlencoded::parse(form);
        let token = given.find(|(name, _)| name == "access_token");
        if !token.is_some_and(|(_, token)| state.tokens.contains(&*token)) {
            return r#"{"status":"error","response":"Could not validate access_token and account_id, please reauthenticate or try again.","_status":"error","_datetime":"2026-01-01 00:00:00"}"#.to_owned();
        }
        if path.ends_with("/folder/listing") {
            success(r#""response":"","data":{"folders":[],"files":[]}"#)
        } else {
            success(r#""data":{"id":"1"}"#)
        }
    }
}

fn success(fields: &str) -> String {
    format!(r#"{{{fields},"_status":"success","_datetime":"2026-01-01 00:00:00"}}"#)
}

impl Transport for Server {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let HttpBody::Full(form) = request.body else {
                panic!("a call is a form");
            };
            let place = self.places.acquire().await.unwrap();
            tokio::time::sleep(self.latency).await;
            drop(place);
            let answer = self.answer(request.url.path(), &form);
            Ok(HttpResponse {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: stream::iter([Ok(Bytes::from(answer))]).boxed(),
            })
        })
    }
}
