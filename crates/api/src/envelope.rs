//! What an answer means: a pure function of HTTP status, a few headers and the body (wire.md §1.2–§1.4).
//!
//! Order: redirects and 413/429/5xx by status; then the JSON object is found, junk before it skipped; an error in
//! it beats HTTP 200; only then success. It never decides whether a payload suffices (the endpoint does), never
//! panics on any bytes, and treats an empty or unreadable body as "no answer", not as "nothing there".

use std::time::Duration;

use serde_json::Value;

use crate::error::{ApiError, Lost, RedirectKind};
use crate::loose::Object;
use crate::secret::redact;

/// Junk before the JSON is searched this far, and no further.
const SEARCH_MAX: usize = 64 * 1024;
/// Places in the junk that are tried as the start of the object; bounds the work on hostile bodies.
const STARTS_MAX: usize = 256;

/// What was asked: some texts mean different things by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `/authorize`.
    SignIn,
    /// `/file/upload` of so many bytes.
    Upload {
        /// Bytes of the file.
        size: u64,
    },
    /// Everything else.
    Call,
}

/// An HTTP answer as far as its meaning depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Location`.
    pub location: Option<&'a str>,
    /// `Retry-After`, already turned into a duration.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: &'a [u8],
}

/// A success answer: its top-level object.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope(Object);

impl Envelope {
    /// `data` as an object. `false`, null, a list or nothing is [`ApiError::Malformed`]: the row was missing.
    ///
    /// # Errors
    /// Malformed.
    pub fn data(&self) -> Result<&Object, ApiError> {
        self.object("data")
            .ok_or(ApiError::malformed("success without the data it must carry"))
    }

    /// A top-level object.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<&Object> {
        self.0.get(key).and_then(Value::as_object)
    }

    /// A top-level value.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The whole object, for raw calls.
    #[must_use]
    pub fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// Decides what the answer means.
///
/// # Errors
/// Whatever wire.md §1.4 makes of it.
pub fn classify(asked: Asked, reply: &Reply<'_>) -> Result<Envelope, ApiError> {
    match reply.status {
        300..=399 => return Err(redirect(reply.location)),
        413 => {
            return Err(ApiError::TooBig {
                observed: size_of(asked),
            });
        }
        429 => {
            return Err(ApiError::RateLimited {
                retry_after: reply.retry_after,
            });
        }
        500..=599 => {
            if reply.status == 503 && is_throttle_page(reply.body) {
                return Err(ApiError::RateLimited {
                    retry_after: reply.retry_after,
                });
            }
            return Err(ApiError::Ambiguous {
                why: Lost::Http(reply.status),
                retry_after: reply.retry_after,
            });
        }
        _ => {}
    }
    let Some(object) = find_object(reply.body) else {
        return Err(without_object(reply));
    };
    if let Some(text) = error_text(&object) {
        return Err(by_text(asked, reply.status, &text));
    }
    let success = ["_status", "status"]
        .iter()
        .any(|key| status_is(&object, key, "success"));
    if !success {
        return Err(ApiError::malformed("neither success nor error"));
    }
    if reply.status >= 400 {
        return Err(ApiError::malformed("success under an HTTP error status"));
    }
    Ok(Envelope(object))
}

fn size_of(asked: Asked) -> Option<u64> {
    match asked {
        Asked::Upload { size } => Some(size),
        Asked::SignIn | Asked::Call => None,
    }
}

/// Scheme, host and path of a redirect's target: a query may hold secrets.
fn redirect(location: Option<&str>) -> ApiError {
    let raw = location.unwrap_or("nowhere");
    let bare = raw.split(['?', '#']).next().unwrap_or_default();
    let shown = match url::Url::parse(bare) {
        Ok(url) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!(
                "{}://{}{port}{}",
                url.scheme(),
                url.host_str().unwrap_or_default(),
                url.path()
            )
        }
        Err(_) => bare.to_owned(),
    };
    let location: String = shown.chars().filter(|c| !c.is_control()).take(200).collect();
    let kind = if location.to_ascii_lowercase().contains("maintenance") {
        RedirectKind::Maintenance
    } else {
        RedirectKind::WrongBaseUrl
    };
    ApiError::Redirect { location, kind }
}

/// Skips byte order marks and blanks.
fn trimmed(mut body: &[u8]) -> &[u8] {
    loop {
        let rest = body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(body)
            .trim_ascii_start();
        if rest.len() == body.len() {
            return body;
        }
        body = rest;
    }
}

fn parse(bytes: &[u8]) -> Option<Object> {
    let object: Object = serde_json::from_slice(bytes).ok()?;
    (object.contains_key("_status") || object.contains_key("status")).then_some(object)
}

/// The answer's object: the whole body, or the first one in the junk that runs to the end and has a status.
fn find_object(body: &[u8]) -> Option<Object> {
    let body = trimmed(body);
    if body.first() == Some(&b'{')
        && let Some(object) = parse(body)
    {
        return Some(object);
    }
    let prefix = body.get(..SEARCH_MAX).unwrap_or(body);
    let starts = prefix.windows(2).enumerate().filter(|(_, pair)| pair == b"{\"");
    starts
        .take(STARTS_MAX)
        .find_map(|(at, _)| body.get(at..).and_then(parse))
}

fn status_is(object: &Object, key: &str, wanted: &str) -> bool {
    object
        .get(key)
        .and_then(Value::as_str)
        .is_some_and(|status| status.eq_ignore_ascii_case(wanted))
}

/// The text of an error; none if the object is no error.
fn error_text(object: &Object) -> Option<String> {
    if !["_status", "status"]
        .iter()
        .any(|key| status_is(object, key, "error"))
    {
        return None;
    }
    // Unknown actions carry their text under the key "0" (wire.md §1.2).
    let texts: Vec<&str> = ["response", "0"]
        .iter()
        .filter_map(|key| object.get(*key).and_then(Value::as_str))
        .collect();
    Some(texts.join(" "))
}

fn lower_prefix(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..SEARCH_MAX).unwrap_or(body)).to_lowercase()
}

/// A page that says "slow down" or wants a human.
fn is_throttle_page(body: &[u8]) -> bool {
    let text = lower_prefix(body);
    [
        "too many",
        "captcha",
        "challenge",
        "checking your browser",
        "rate limit",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

/// No object of the API in the body.
fn without_object(reply: &Reply<'_>) -> ApiError {
    let body = trimmed(reply.body);
    if matches!(reply.status, 200 | 403) && is_throttle_page(body) {
        return ApiError::RateLimited {
            retry_after: reply.retry_after,
        };
    }
    if matches!(reply.status, 404 | 405) {
        return ApiError::NotThisApi { status: reply.status };
    }
    let why = if reply.status >= 400 {
        Lost::Http(reply.status)
    } else if body.is_empty() {
        Lost::Empty
    } else if body.first() == Some(&b'<')
        || ["<html", "<!doctype", "<body", "</p>", "<br"]
            .iter()
            .any(|tag| lower_prefix(body).contains(tag))
    {
        Lost::Html
    } else {
        match serde_json::from_slice::<Value>(body) {
            Ok(_) => return ApiError::malformed("JSON, but not an answer of the API"),
            Err(error) if error.is_eof() => Lost::Cut,
            Err(_) => Lost::Noise,
        }
    };
    ApiError::Ambiguous {
        why,
        retry_after: reply.retry_after,
    }
}

/// What a text of wire.md §1.4 means.
#[derive(Clone, Copy)]
enum Meaning {
    TokenInvalid,
    CredentialsRejected,
    AuthMode,
    NoApiAccess,
    BodyLost,
    NotFound,
    BadDestination,
    BadRequest,
    EmptyOrTooBig,
    UploadRefused,
    UploadAmbiguous,
    ServerBusy,
    Unsupported,
    NoLink,
}

/// Lower-case parts of error texts, in the order they are tried: the special before the general.
const TEXTS: &[(&str, Meaning)] = &[
    ("could not validate access_token", Meaning::TokenInvalid),
    ("could not authenticate user", Meaning::CredentialsRejected),
    ("please provide key1", Meaning::AuthMode),
    ("please provide key2", Meaning::AuthMode),
    ("please provide the key1", Meaning::AuthMode),
    ("please provide the key2", Meaning::AuthMode),
    ("please provide a username", Meaning::AuthMode),
    ("please provide a password", Meaning::AuthMode),
    ("account level does not have access", Meaning::NoApiAccess),
    ("please provide the access_token", Meaning::BodyLost),
    ("please provide the account_id", Meaning::BodyLost),
    ("no response received from", Meaning::UploadAmbiguous),
    ("failed reading response from", Meaning::UploadAmbiguous),
    ("error uploading file to", Meaning::UploadAmbiguous),
    ("error on:", Meaning::UploadRefused),
    ("filesize received was zero", Meaning::EmptyOrTooBig),
    ("could not find the destination folder", Meaning::BadDestination),
    ("could not find file based on", Meaning::NotFound),
    ("could not find folder based on", Meaning::NotFound),
    ("failed creating the folder", Meaning::ServerBusy),
    ("no available upload servers", Meaning::ServerBusy),
    ("uploading is currently disabled", Meaning::ServerBusy),
    ("could not generate download url", Meaning::NoLink),
    ("can not match new_parent_folder_id", Meaning::BadRequest),
    ("did not receive uploaded file", Meaning::BadRequest),
    ("could not parse the file_url_base64", Meaning::BadRequest),
    ("php curl module", Meaning::Unsupported),
    ("demo mode", Meaning::Unsupported),
    ("api user must be an admin", Meaning::Unsupported),
    ("no method found", Meaning::Unsupported),
    ("failed deleting the folder", Meaning::NotFound),
    ("failed moving the folder", Meaning::NotFound),
    // Any other parameter that is missing.
    ("please provide the", Meaning::BadRequest),
];

fn meaning(lower: &str) -> Option<Meaning> {
    let known = TEXTS
        .iter()
        .find(|(part, _)| lower.contains(part))
        .map(|(_, meaning)| *meaning);
    // "Failed deleting/moving/copying/… the file."
    known.or_else(|| (lower.contains("failed") && lower.contains("the file")).then_some(Meaning::NotFound))
}

fn by_text(asked: Asked, status: u16, text: &str) -> ApiError {
    let said = redact(text);
    let Some(meaning) = meaning(&text.to_lowercase()) else {
        return by_status(asked, status, said);
    };
    let upload = size_of(asked);
    match meaning {
        Meaning::TokenInvalid => ApiError::TokenInvalid,
        Meaning::CredentialsRejected => ApiError::CredentialsRejected,
        Meaning::AuthMode => ApiError::AuthMode,
        Meaning::NoApiAccess => ApiError::NoApiAccess,
        // Above the server's total body limit PHP drops all parameters (wire.md Q11).
        Meaning::BodyLost if upload.is_some() => ApiError::TooBig { observed: upload },
        Meaning::BodyLost => ApiError::BodyLost,
        Meaning::NotFound => ApiError::NotFound { said },
        Meaning::BadDestination => ApiError::BadDestination,
        Meaning::BadRequest => ApiError::BadRequest { said },
        Meaning::EmptyOrTooBig if upload == Some(0) => ApiError::Empty,
        Meaning::EmptyOrTooBig => ApiError::TooBig { observed: upload },
        Meaning::UploadRefused => ApiError::UploadRefused {
            reason: refusal(text),
        },
        Meaning::UploadAmbiguous => ApiError::UploadAmbiguous { said },
        Meaning::ServerBusy => ApiError::ServerBusy { said },
        Meaning::Unsupported => ApiError::Unsupported { said },
        Meaning::NoLink => ApiError::DownloadBroken {
            how: crate::error::Broken::NoLink,
        },
    }
}

/// An error text nobody knows: then the status counts, where the document gives it a meaning.
fn by_status(asked: Asked, status: u16, said: String) -> ApiError {
    match (asked, status) {
        (Asked::SignIn, 401) => ApiError::CredentialsRejected,
        (Asked::Call | Asked::Upload { .. }, 401) => ApiError::TokenInvalid,
        (Asked::SignIn | Asked::Call, 400) => ApiError::BadRequest { said },
        // Upload texts may be translated by the site: it may as well have stored the file.
        (Asked::Upload { .. }, _) => ApiError::UploadAmbiguous { said },
        (Asked::SignIn | Asked::Call, _) => ApiError::Refused { said },
    }
}

/// "Error on: ADDRESS reason": the reason follows the address.
fn refusal(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let after = lower
        .find("error on:")
        .and_then(|at| text.get(at..))
        .and_then(|rest| rest.get("error on:".len()..));
    let rest = after.unwrap_or(text).trim();
    let rest = match rest.split_once(char::is_whitespace) {
        Some((address, reason)) if address.contains("://") || address.starts_with("//") => reason,
        _ => rest,
    };
    redact(rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ':' | '-')))
}
