//! How an outcome becomes an HTTP answer: envelope, shape of errors, loose types. JSON is written by hand, for speed.

use std::fmt::Write as _;

use bytes::Bytes;

use super::clock::date;
use super::dialect::Dialect;

/// A JSON object that is being written.
pub(super) struct Object {
    text: String,
    dialect: Dialect,
    /// A name in it is not UTF-8: the encoder of the real lines gives nothing at all (Q39).
    pub(super) unencodable: bool,
}

impl Object {
    /// An empty one.
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            text: String::from("{"),
            dialect,
            unencodable: false,
        }
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    /// A string.
    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        quote(&mut self.text, value);
        self
    }

    /// A name.
    pub(super) fn name(&mut self, key: &str, value: &[u8]) -> &mut Self {
        match std::str::from_utf8(value) {
            Ok(text) => self.text(key, text),
            Err(_) => {
                self.unencodable = true;
                self.text(key, &String::from_utf8_lossy(value))
            }
        }
    }

    /// A column of the database that holds a number: a string, or a number.
    pub(super) fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key);
        // Writing to a String cannot fail.
        let _ = if self.dialect.is_plain_number(key) {
            write!(self.text, "{value}")
        } else {
            write!(self.text, "\"{value}\"")
        };
        self
    }

    /// The same, or null.
    pub(super) fn number_or_null(&mut self, key: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A computed count: always a number.
    pub(super) fn count(&mut self, key: &str, value: usize) -> &mut Self {
        self.key(key);
        let _ = write!(self.text, "{value}");
        self
    }

    /// A date, or null.
    pub(super) fn date(&mut self, key: &str, at: Option<u64>) -> &mut Self {
        match at {
            Some(at) => self.text(key, &date(at)),
            None => self.raw(key, "null"),
        }
    }

    /// JSON as it is.
    pub(super) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.text.push_str(json);
        self
    }

    /// An object inside.
    pub(super) fn object(&mut self, key: &str, inner: Self) -> &mut Self {
        self.unencodable |= inner.unencodable;
        self.raw(key, &inner.end())
    }

    /// A list of objects inside.
    pub(super) fn list(&mut self, key: &str, inner: Vec<Self>) -> &mut Self {
        self.key(key);
        self.text.push('[');
        for (at, object) in inner.into_iter().enumerate() {
            self.unencodable |= object.unencodable;
            if at > 0 {
                self.text.push(',');
            }
            self.text.push_str(&object.end());
        }
        self.text.push(']');
        self
    }

    fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() && c.is_ascii() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// No success.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error of the API with its text.
    Refused(String),
    /// The endpoint has no such action.
    NoMethod(String),
    /// The script died: 500 without a body.
    Crash,
    /// The gateway gave up: 504.
    Gateway,
}

impl Failure {
    /// An error of the API.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    /// The token is not, or no longer, one of the account's.
    pub(super) fn token() -> Self {
        Self::refused("Could not validate access_token and account_id, please reauthenticate or try again.")
    }
}

/// What a call comes to.
pub(super) type Outcome = Result<Object, Failure>;

/// An answer's body.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// These bytes.
    Whole(Bytes),
    /// These bytes, then the connection breaks.
    Broken(Bytes),
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

impl Reply {
    /// An answer of a status, type and body.
    pub(super) fn plain(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            body: Body::Whole(body.into()),
        }
    }

    /// The same with a header more.
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Its JSON, ended in the middle.
    pub(super) fn cut(mut self) -> Self {
        if let Body::Whole(bytes) = &mut self.body {
            bytes.truncate(bytes.len() / 2);
        }
        self
    }
}

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=UTF-8";
const GATEWAY: &str = "<html><head><title>504 Gateway Time-out</title></head><body><center><h1>504 Gateway Time-out</h1></center></body></html>";

/// Words an outcome as the dialect does.
pub(super) fn render(outcome: Outcome, dialect: Dialect, now: u64) -> Reply {
    let mut object = Object::new(dialect);
    match outcome {
        Ok(answer) if answer.unencodable && dialect.is_real() => Reply::plain(200, HTML, ""),
        Ok(mut answer) => {
            answer.text("_status", "success").text("_datetime", &date(now));
            Reply::plain(200, JSON, answer.end())
        }
        Err(Failure::Refused(text)) => {
            object.text(dialect.error_key(), "error").text("response", &text);
            object.text("_datetime", &date(now));
            Reply::plain(200, JSON, object.end())
        }
        Err(Failure::NoMethod(text)) => {
            object.text("0", &text).text("_status", "error");
            object.text("_datetime", &date(now));
            Reply::plain(404, "application/json", object.end())
        }
        Err(Failure::Crash) => Reply::plain(500, HTML, ""),
        Err(Failure::Gateway) => Reply::plain(504, HTML, GATEWAY),
    }
}
