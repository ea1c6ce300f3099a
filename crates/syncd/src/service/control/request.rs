//! From a request to a question: method and path, parameters, body. Everything a client can get wrong ends here, with
//! the status that says what.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::{Method, StatusCode, Uri};
use serde::de::DeserializeOwned;

use super::fault::Fault;

/// Largest body; the largest sensible one holds a path.
pub(super) const BODY_MAX: usize = 64 * 1024;

/// A body must be here within this time; it comes from the same machine.
pub(super) const BODY_TIME: Duration = Duration::from_secs(5);

/// What can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    Status,
    Events,
    Log,
    Wait,
    Metrics,
    /// The service is told something.
    Tell(Tell),
    /// A journal is asked something.
    Ask(Ask),
    /// The user decides something that a journal holds.
    Decide(Decide),
}

/// What the service can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tell {
    Sync,
    Pause,
    Resume,
    Limit,
    Reload,
    Stop,
}

/// What a journal can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Conflicts,
    History,
    Problems,
    Held,
    File,
    Why,
}

/// What the user can decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decide {
    Approve,
    Keep,
    Restore,
}

/// Every path, what it answers to GET and to POST, and the parameters of each.
pub(super) const PATHS: &[(&str, Option<Known>, Option<Known>)] = &[
    ("/v1/status", Some((Route::Status, &["pair"])), None),
    ("/v1/events", Some((Route::Events, &["pair"])), None),
    (
        "/v1/conflicts",
        Some((Route::Ask(Ask::Conflicts), &["pair", "all"])),
        Some((Route::Decide(Decide::Keep), &["pair"])),
    ),
    (
        "/v1/history",
        Some((Route::Ask(Ask::History), &["pair", "limit"])),
        None,
    ),
    ("/v1/problems", Some((Route::Ask(Ask::Problems), &["pair"])), None),
    (
        "/v1/approve",
        Some((Route::Ask(Ask::Held), &["pair"])),
        Some((Route::Decide(Decide::Approve), &["pair"])),
    ),
    ("/v1/file", Some((Route::Ask(Ask::File), &["pair", "path"])), None),
    (
        "/v1/why",
        Some((Route::Ask(Ask::Why), &["pair", "path", "ask"])),
        None,
    ),
    ("/v1/log", Some((Route::Log, &["limit", "follow"])), None),
    ("/v1/wait", Some((Route::Wait, &["pair", "timeout"])), None),
    ("/metrics", Some((Route::Metrics, &[])), None),
    ("/v1/sync", None, Some((Route::Tell(Tell::Sync), &["pair"]))),
    ("/v1/pause", None, Some((Route::Tell(Tell::Pause), &["pair"]))),
    ("/v1/resume", None, Some((Route::Tell(Tell::Resume), &["pair"]))),
    ("/v1/limit", None, Some((Route::Tell(Tell::Limit), &[]))),
    ("/v1/reload", None, Some((Route::Tell(Tell::Reload), &[]))),
    ("/v1/stop", None, Some((Route::Tell(Tell::Stop), &[]))),
    (
        "/v1/restore",
        None,
        Some((Route::Decide(Decide::Restore), &["pair"])),
    ),
];

/// A question and its parameters.
pub(super) type Known = (Route, &'static [&'static str]);

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub(super) route: Route,
    parameters: BTreeMap<String, String>,
}

impl Asked {
    /// Reads method, path and parameters.
    pub(super) fn read(method: &Method, uri: &Uri) -> Result<Self, Fault> {
        let Some((path, get, post)) = PATHS.iter().find(|(path, ..)| *path == uri.path()) else {
            let message = format!("there is nothing at {}", uri.path());
            return Err(Fault::new(StatusCode::NOT_FOUND, "not_found", message));
        };
        let known = match *method {
            Method::GET => get,
            Method::POST => post,
            _ => &None,
        };
        let Some((route, names)) = known else {
            let allow = match (get, post) {
                (Some(_), Some(_)) => "GET, POST",
                (Some(_), None) => "GET",
                (None, _) => "POST",
            };
            let message = format!("{path} answers to {allow}");
            let fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
            return Err(Fault {
                allow: Some(allow),
                ..fault
            });
        };
        let mut parameters = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if !names.contains(&name.as_ref()) {
                return Err(Fault::bad(format!("{path} has no parameter \"{name}\"")));
            }
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Fault::bad(format!("the parameter \"{name}\" is there twice")));
            }
        }
        Ok(Self {
            route: *route,
            parameters,
        })
    }

    /// A parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The pair that is named.
    pub(super) fn pair(&self) -> Option<&str> {
        self.text("pair")
    }

    /// A number, at most so large; a larger one counts as that.
    pub(super) fn number(&self, name: &str, otherwise: u32, at_most: u32) -> Result<u32, Fault> {
        match self.text(name) {
            None => Ok(otherwise),
            Some(text) => text
                .parse::<u64>()
                .map(|number| u32::try_from(number).unwrap_or(at_most).min(at_most))
                .map_err(|_| Fault::bad(format!("\"{name}\" takes a number"))),
        }
    }

    /// A yes or no; no where nothing is said.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.text(name) {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(_) => Err(Fault::bad(format!("\"{name}\" takes true or false"))),
        }
    }
}

/// Reads a body: at most [`BODY_MAX`] bytes, within [`BODY_TIME`].
pub(super) async fn body<B>(body: B) -> Result<Bytes, Fault>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let too_large = || {
        let message = format!("a body has at most {BODY_MAX} bytes");
        Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    };
    // Known before a byte is read, where the client says so.
    if body.size_hint().lower() > u64::try_from(BODY_MAX).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_MAX).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Fault::bad(format!("the body cannot be read: {error}"))),
        Err(_) => Err(Fault::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "the body did not come in time",
        )),
    }
}

/// A body as a value; an empty one is an object without keys.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let text = match body.trim_ascii() {
        b"" => b"{}",
        text => text,
    };
    if !text.starts_with(b"{") {
        return Err(Fault::bad("the body: it is no JSON object"));
    }
    serde_json::from_slice(text).map_err(|error| Fault::bad(format!("the body: {error}")))
}

#[cfg(test)]
mod tests {
    use super::super::wire::{Empty, Keep, Pausing, Which};
    use super::*;

    fn read(method: Method, uri: &str) -> Result<Asked, (u16, &'static str)> {
        Asked::read(&method, &uri.parse().unwrap()).map_err(|fault| (fault.status.as_u16(), fault.kind))
    }

    #[test]
    fn a_request_is_known_by_method_and_path_and_has_only_its_own_parameters() {
        let asked = read(Method::GET, "/v1/file?path=a%20b%2Fc&pair=main").unwrap();
        assert_eq!(
            (asked.route, asked.text("path")),
            (Route::Ask(Ask::File), Some("a b/c"))
        );
        assert_eq!(
            read(Method::POST, "/v1/conflicts").unwrap().route,
            Route::Decide(Decide::Keep)
        );
        for (method, uri, wanted) in [
            (Method::GET, "/", (404, "not_found")),
            (Method::GET, "/v2/status", (404, "not_found")),
            (Method::GET, "/v1/status/", (404, "not_found")),
            (Method::POST, "/v1/status", (405, "method_not_allowed")),
            (Method::GET, "/v1/stop", (405, "method_not_allowed")),
            (Method::HEAD, "/v1/status", (405, "method_not_allowed")),
            (Method::GET, "/v1/status?piar=main", (400, "bad_request")),
            (Method::GET, "/v1/status?pair=a&pair=b", (400, "bad_request")),
        ] {
            assert_eq!(read(method, uri).unwrap_err(), wanted, "{uri}");
        }
    }

    #[test]
    fn numbers_are_bounded_and_flags_are_words() {
        let asked = read(Method::GET, "/v1/history?limit=99999999999").unwrap();
        assert_eq!(asked.number("limit", 50, 1000).unwrap(), 1000);
        assert!(!asked.flag("all").unwrap());
        let bad = read(Method::GET, "/v1/history?limit=many").unwrap();
        assert_eq!(
            bad.number("limit", 50, 1000).unwrap_err().status,
            StatusCode::BAD_REQUEST
        );
        assert!(
            read(Method::GET, "/v1/conflicts?all")
                .unwrap()
                .flag("all")
                .unwrap()
        );
    }

    #[test]
    fn a_body_is_what_is_expected_or_an_error_that_says_where() {
        assert_eq!(json::<Pausing>(b" \n").unwrap(), Pausing { seconds: None });
        let keep = json::<Keep>(br#"{"keep":"remote","path":"a"}"#).unwrap();
        assert_eq!(keep.keep, Which::Remote);
        for bad in [
            &b"{"[..],
            b"[]",
            br#"{"second":1}"#,
            br#"{"seconds":-1}"#,
            b"\xff",
        ] {
            assert_eq!(json::<Pausing>(bad).unwrap_err().kind, "bad_request");
        }
        assert!(json::<Empty>(br#"{"a":1}"#).is_err());
    }
}
