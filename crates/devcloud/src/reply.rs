//! How an outcome becomes an HTTP answer: the envelope, the shape of errors, loose types, junk, empty bodies.
//!
//! Handlers say what happened; only this file knows how the active dialect words it on the wire.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::clock::date;
use crate::dialect::Quirks;
use crate::faults::Dice;
use crate::quirk_table::Quirk;

/// A success.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Top-level fields, `data` above all.
    pub(crate) fields: Map<String, Value>,
    /// The session cookie to set.
    pub(crate) cookie: Option<String>,
    /// A name in it is not UTF-8: the encoder of the real server gives nothing at all.
    pub(crate) unencodable: bool,
}

impl Answer {
    /// An answer with `data`.
    pub(crate) fn data(data: Value) -> Self {
        Self::default().with("data", data)
    }

    /// An answer with the text of success.
    pub(crate) fn text(response: &str) -> Self {
        Self::default().with("response", response.into())
    }

    /// The same with a field more.
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// The same, noting whether its names can be encoded.
    pub(crate) fn named<'a>(mut self, names: impl IntoIterator<Item = &'a [u8]>) -> Self {
        self.unencodable |= names.into_iter().any(|name| std::str::from_utf8(name).is_err());
        self
    }
}

/// As which HTTP error a refusal counts, where the site uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400.
    Input,
    /// 401.
    Token,
    /// 404.
    NotFound,
    /// 500.
    Server,
}

/// No success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the API with its text.
    Refused(Refusal, String),
    /// The endpoint has no such action.
    NoMethod(String),
    /// The script died: 500 without a body.
    Crash,
    /// A page instead of an answer.
    Page(u16, &'static str),
    /// Throttled: status, content type, body, `Retry-After`.
    Busy(u16, &'static str, &'static str, u64),
    /// Somewhere else.
    Redirect(String),
    /// The connection is closed without an answer.
    Drop,
}

impl Failure {
    pub(crate) fn input(text: impl Into<String>) -> Self {
        Self::Refused(Refusal::Input, text.into())
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::Refused(Refusal::NotFound, text.into())
    }

    pub(crate) fn token() -> Self {
        let text = "Could not validate access_token and account_id, please reauthenticate or try again.";
        Self::Refused(Refusal::Token, text.to_owned())
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the database refused");
        Self::Crash
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(%error, "the storage refused");
        Self::Crash
    }
}

/// What a handler answers.
pub(crate) type Outcome = Result<Answer, Failure>;

/// Marks a response that must not be sent: the connection is dropped instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropped;

/// A response that drops the connection.
pub(crate) fn dropped() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Dropped);
    response
}

/// What was answered, for the ledger, and how.
pub(crate) struct Rendered {
    pub(crate) result: String,
    pub(crate) response: Response<Body>,
}

/// Words an outcome as the dialect does.
pub(crate) fn render(outcome: Outcome, quirks: &Quirks, dice: &mut Dice, now: i64) -> Rendered {
    match outcome {
        Ok(answer) => success(answer, quirks, dice, now),
        Err(failure) => failed(failure, quirks, dice, now),
    }
}

fn success(answer: Answer, quirks: &Quirks, dice: &mut Dice, now: i64) -> Rendered {
    let mut fields = answer.fields;
    fields.insert("_status".to_owned(), "success".into());
    fields.insert("_datetime".to_owned(), date(now).into());
    let mut body = Value::Object(fields);
    if quirks.on(Quirk::LooseTypes) {
        loosen(&mut body, quirks.word(Quirk::LooseTypes, "mode"), dice);
    }
    let empty = quirks.on(Quirk::EmptyTwoHundred)
        && (answer.unencodable || dice.hits(quirks.number(Quirk::EmptyTwoHundred, "p")));
    if empty {
        return Rendered {
            result: "empty".to_owned(),
            response: plain(200, "text/html", ""),
        };
    }
    let junk = dice.hits(quirks.number(Quirk::JunkBeforeJson, "success"));
    let mut response = encoded(200, &body, quirks, dice, junk);
    let cookie = answer
        .cookie
        .map(|value| format!("filehosting={value}; path=/; HttpOnly"));
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    Rendered {
        result: "success".to_owned(),
        response,
    }
}

fn failed(failure: Failure, quirks: &Quirks, dice: &mut Dice, now: i64) -> Rendered {
    let (result, response) = match failure {
        Failure::Refused(kind, text) => {
            let response = refused(kind, &text, quirks, dice, now);
            (text, response)
        }
        Failure::NoMethod(text) => {
            let body = json!({"0": text, "_status": "error", "_datetime": date(now)});
            (text, plain(404, "application/json", body.to_string()))
        }
        Failure::Crash => ("crash".to_owned(), plain(500, "text/html", "")),
        Failure::Page(status, page) => (
            format!("page {status}"),
            plain(status, "text/html; charset=UTF-8", page),
        ),
        Failure::Busy(status, kind, body, after) => {
            let mut response = plain(status, kind, body);
            if after > 0 {
                response.headers_mut().insert(header::RETRY_AFTER, after.into());
            }
            (format!("busy {status}"), response)
        }
        Failure::Redirect(to) => (format!("redirect to {to}"), redirect(302, &to)),
        Failure::Drop => ("dropped".to_owned(), dropped()),
    };
    Rendered { result, response }
}

fn refused(kind: Refusal, text: &str, quirks: &Quirks, dice: &mut Dice, now: i64) -> Response<Body> {
    let shaped = quirks.on(Quirk::ErrorShape);
    let pick = |word: &str, dice: &mut Dice| match word {
        "mix" => dice.coin(),
        other => other == "status" || other == "on",
    };
    let http = shaped && pick(quirks.word(Quirk::ErrorShape, "http"), dice);
    let short = shaped && (pick(quirks.word(Quirk::ErrorShape, "key"), dice) || http);
    let status = match kind {
        _ if !http => 200,
        Refusal::Input => 400,
        Refusal::Token => 401,
        Refusal::NotFound => 404,
        Refusal::Server => 500,
    };
    let key = if short { "status" } else { "_status" };
    let body = json!({key: "error", "response": text, "_datetime": date(now)});
    let junk = dice.hits(quirks.number(Quirk::JunkBeforeJson, "errors"));
    encoded(status, &body, quirks, dice, junk)
}

const WARNING: &str = "<br />\n<b>Warning</b>:  mysqli_query(): {gone away} in <b>/app/core/Database.php</b> on line <b>212</b><br />\n";

fn encoded(status: u16, body: &Value, quirks: &Quirks, dice: &mut Dice, junk: bool) -> Response<Body> {
    // Numbers, strings and lists always encode; were it otherwise, the real server would answer nothing, too.
    let json = serde_json::to_vec(body).unwrap_or_default();
    if !(junk && quirks.on(Quirk::JunkBeforeJson)) {
        return plain(status, "application/json; charset=utf-8", json);
    }
    let before = if dice.coin() { WARNING } else { "\u{FEFF}\n" };
    plain(
        status,
        "text/html; charset=UTF-8",
        [before.as_bytes(), &json].concat(),
    )
}

/// A response of a status, type and body.
pub(crate) fn plain(status: u16, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A redirect.
pub(crate) fn redirect(status: u16, to: &str) -> Response<Body> {
    let mut response = plain(status, "text/html; charset=UTF-8", "");
    if let Ok(value) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Columns of the database that hold numbers: strings by default, ints on newer PHP.
const NUMBERS: &[&str] = &[
    "id",
    "parentId",
    "totalSize",
    "isPublic",
    "fileSize",
    "downloads",
    "folderId",
    "level_id",
    "languageId",
    "size",
    "file_id",
    "account_id",
    "max_upload_size",
    "can_upload",
    "max_storage_bytes",
    "concurrent_uploads",
    "concurrent_downloads",
    "days_to_keep_inactive_files",
    "total_downloads",
    "child_folder_count",
    "file_count",
];

fn loosen(value: &mut Value, mode: &str, dice: &mut Dice) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| loosen(item, mode, dice)),
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                if NUMBERS.contains(&key.as_str()) {
                    loosen_number(key, field, mode, dice);
                } else {
                    loosen(field, mode, dice);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn loosen_number(key: &str, field: &mut Value, mode: &str, dice: &mut Dice) {
    let as_int = match mode {
        // One column is always the same, as a server is.
        "mixed" => key.len().is_multiple_of(2),
        "per-row" => dice.coin(),
        _ => return,
    };
    let changed = match field {
        Value::String(text) if as_int => text.parse::<i64>().ok().map(Value::from),
        Value::Number(number) if !as_int && mode == "per-row" => Some(number.to_string().into()),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    };
    if let Some(changed) = changed {
        *field = changed;
    }
}
