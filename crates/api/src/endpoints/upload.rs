//! `/file/upload`: one file in one request, and what its answer is worth.
//!
//! An answer whose file id cannot be read is no success; one with an error text and an id is ambiguous. A body is
//! sent again only if it can be reopened and the failure surely stored nothing. The server sees the token only
//! after the whole body, so a large upload starts on a fresh token and keeps it in use (wire.md §2).

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::body::{Frame, Hashes, Meter, UploadBody, framed};
use crate::caller::{Caller, Class, collect};
use crate::endpoints::{Endpoint, Repeat, param, parent_or_blank};
use crate::envelope::{Asked, Envelope};
use crate::error::{ApiError, Lost};
use crate::id::{FileId, Md5Hex, Parent};
use crate::loose::{self, Object};
use crate::secret::redact;
use crate::session::{Held, Session};
use crate::transport::{HttpBody, HttpRequest};

/// The call's fields; the file itself is streamed by [`crate::Client::upload`].
pub struct FileUpload {
    /// Where it goes; a bad one silently means the root (Q09).
    pub folder: Parent,
}

/// What an upload's answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The new file.
    pub file_id: FileId,
    /// Its short URL; empty if none was given.
    pub short_url: String,
    /// The stored name, before database cuts.
    pub name: String,
    /// The stored size in bytes.
    pub size: Option<u64>,
    /// The server's MD5, where it gives a true one.
    pub md5: Option<Md5Hex>,
    /// Where it was stored, where the answer says so.
    pub folder: Option<Parent>,
}

impl Endpoint for FileUpload {
    const PATH: &'static str = "file/upload";
    const REPEAT: Repeat = Repeat::LookFirst;
    const CLASS: Class = Class::Upload;
    const ERRORS: &'static [&'static str] = &[
        "Did not receive uploaded file.",
        "Filesize received was zero.",
        "PHP Curl module does not exist on your server/web hosting. It will need to be enabled to use this upload feature.",
        "Error uploading file. No response received from: ",
    ];
    type Answer = Receipt;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("folder_id", parent_or_blank(self.folder)?)])
    }

    fn read(&self, envelope: &Envelope) -> Result<Receipt, ApiError> {
        let ambiguous = |said: &str| ApiError::UploadAmbiguous {
            said: said.to_owned(),
        };
        let data = match envelope.value("data") {
            Some(Value::Array(items)) => items.first().and_then(Value::as_object),
            Some(Value::Object(object)) => Some(object),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => None,
        };
        let data = data.ok_or_else(|| ambiguous("success without the file's data"))?;
        let file = data.get("file_id").and_then(FileId::from_json);
        match (file, complaint(data)) {
            (None, Some(reason)) => Err(ApiError::UploadRefused { reason }),
            (Some(_), Some(reason)) => Err(ApiError::UploadAmbiguous { said: reason }),
            (None, None) => Err(ambiguous("success without a file id")),
            (Some(file_id), None) => Ok(Receipt {
                file_id,
                short_url: loose::text(data, "short_url").unwrap_or_default(),
                name: loose::text(data, "name").unwrap_or_default(),
                size: loose::number(data, "size"),
                md5: loose::text(data, "hash").as_deref().and_then(Md5Hex::parse),
                folder: folder_of(data),
            }),
        }
    }
}

fn folder_of(data: &Object) -> Option<Parent> {
    let key = ["folderId", "folder_id"]
        .into_iter()
        .find(|key| data.contains_key(*key))?;
    Parent::from_json(data.get(key))
}

/// The text of `error`: null, false, 0 and blank are none.
fn complaint(data: &Object) -> Option<String> {
    match data.get("error") {
        None | Some(Value::Null | Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some("no reason given".to_owned()),
        Some(Value::String(text)) => Some(redact(text)).filter(|text| !text.is_empty() && text != "0"),
        Some(Value::Number(number)) => (number.as_u64() != Some(0)).then(|| format!("error {number}")),
        Some(Value::Array(list)) => (!list.is_empty()).then(|| "several reasons".to_owned()),
        Some(Value::Object(_)) => Some("no readable reason".to_owned()),
    }
}

/// A file to be sent.
pub struct UploadRequest {
    /// The name to send; what the server makes of it is in [`Uploaded::name`].
    pub name: String,
    /// Where it goes. Must be known alive; limbo is refused unsent.
    pub folder: Parent,
    /// Bytes of the file, exactly.
    pub size: NonZeroU64,
    /// The bytes.
    pub body: UploadBody,
    /// Counts bytes of the file handed to the network; starts over with each attempt.
    pub progress: Arc<AtomicU64>,
}

impl UploadRequest {
    /// A request without an observer of its progress.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        folder: impl Into<Parent>,
        size: NonZeroU64,
        body: UploadBody,
    ) -> Self {
        Self {
            name: name.into(),
            folder: folder.into(),
            size,
            body,
            progress: Arc::default(),
        }
    }
}

/// A finished upload. Claimed by the server, not yet shown by a listing: compare name, size and hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The new file.
    pub file_id: FileId,
    /// Its short URL; empty if none was given.
    pub short_url: String,
    /// The stored name, as the server reports it.
    pub name: String,
    /// The stored size in bytes, as the server reports it.
    pub size: Option<u64>,
    /// The server's MD5, where it gives a true one.
    pub md5: Option<Md5Hex>,
    /// Where it was stored, where the answer says so.
    pub folder: Option<Parent>,
    /// Hashes and length of what was sent.
    pub sent: Hashes,
}

impl Uploaded {
    /// Whether size and MD5 as reported agree with what was sent; none if the server reported neither.
    #[must_use]
    pub fn content_agrees(&self) -> Option<bool> {
        let size = self.size.map(|size| size == self.sent.bytes);
        let md5 = self.md5.as_ref().map(|md5| *md5 == Md5Hex::of(self.sent.md5));
        match (size, md5) {
            (None, None) => None,
            (size, md5) => Some(size.unwrap_or(true) && md5.unwrap_or(true)),
        }
    }
}

/// Token losses that one upload survives.
const SESSIONS_MAX: u32 = 2;

/// Sends a file, again only where that cannot store it twice.
pub(crate) async fn upload(
    caller: &Caller,
    session: &Session,
    mut request: UploadRequest,
) -> Result<Uploaded, ApiError> {
    if request.name.is_empty() || request.name.contains(['\r', '\n', '\0']) {
        return Err(ApiError::bad_request(
            "an upload's name must not be empty or hold CR, LF or NUL",
        ));
    }
    let endpoint = FileUpload {
        folder: request.folder,
    };
    let folder = parent_or_blank(request.folder)?;
    let large = request.size.get() >= caller.config.session.large_upload;
    let mut sessions = 0u32;
    let mut attempt = 1u32;
    loop {
        // Before the token is looked at: what waited long for its place must not begin with one that ended meanwhile.
        let pass = caller.uploads.enter().await;
        let sent = Instant::now();
        let held = if large {
            session.fresh_token().await
        } else {
            session.token().await
        };
        let (error, held) = match held {
            Err(error) => (error, None),
            Ok(held) => {
                let span = tracing::debug_span!("call", endpoint = FileUpload::PATH, attempt);
                let once = async {
                    let result = send(caller, session, &mut request, &folder, &held, large).await;
                    pass.report(&result);
                    caller.note(&result);
                    result
                };
                match once.instrument(span).await {
                    Ok((envelope, hashes)) => {
                        session.worked();
                        return endpoint.read(&envelope).map(|receipt| finished(receipt, hashes));
                    }
                    Err(error) => (error, Some(held)),
                }
            }
        };
        drop(pass);
        if let (ApiError::TokenInvalid, Some(held)) = (&error, &held) {
            // Renewed also when this body is spent: the caller's next try finds a good token.
            session.lost(held, sent).await?;
            sessions = sessions.saturating_add(1);
            if sessions > SESSIONS_MAX || !request.body.can_reopen() {
                return Err(error);
            }
            continue;
        }
        let spent = held.is_some() && !request.body.can_reopen();
        let wait = caller
            .config
            .retry
            .wait(Repeat::LookFirst, &error, attempt, rand::random());
        let Some(wait) = wait.filter(|_| !spent) else {
            return Err(error);
        };
        tokio::time::sleep(wait).await;
        attempt = attempt.saturating_add(1);
    }
}

fn finished(receipt: Receipt, sent: Hashes) -> Uploaded {
    let Receipt {
        file_id,
        short_url,
        name,
        size,
        md5,
        folder,
    } = receipt;
    Uploaded {
        file_id,
        short_url,
        name,
        size,
        md5,
        folder,
        sent,
    }
}

/// One attempt.
async fn send(
    caller: &Caller,
    session: &Session,
    request: &mut UploadRequest,
    folder: &str,
    held: &Held,
    large: bool,
) -> Result<(Envelope, Hashes), ApiError> {
    caller.pause.over().await;
    let size = request.size.get();
    let account = held.account.to_string();
    let fields = [
        ("access_token", held.token.expose()),
        ("account_id", account.as_str()),
        ("folder_id", folder),
    ];
    let frame = Frame::new(&fields, &request.name);
    let length = frame
        .length(size)
        .ok_or(ApiError::bad_request("larger than any file can be"))?;
    let source = request.body.open().await;
    let source = source.map_err(|error| ApiError::Source {
        kind: error.kind(),
        cause: redact(&error.to_string()),
    })?;
    let meter = Meter::new(Arc::clone(&request.progress));
    let content_type = frame.content_type.clone();
    let stream = framed(frame, source, size, Arc::clone(&caller.up), Arc::clone(&meter));
    let http = HttpRequest {
        post: true,
        url: caller.address(FileUpload::PATH)?,
        headers: vec![("content-type", content_type)],
        body: HttpBody::Stream { length, stream },
    };
    let timeouts = &caller.config.timeouts;
    let passing_on = size.checked_div(timeouts.answer_bytes_per_s).unwrap_or(0);
    let answer_time = timeouts
        .upload_answer
        .saturating_add(Duration::from_secs(passing_on));
    let answer = tokio::select! {
        // An answer that is there counts, whatever else happened at the same moment.
        biased;
        answer = async { collect(caller.send(Class::Upload, http).await?).await } => answer,
        () = meter.overdue(timeouts.upload_stall, answer_time) => Err(ApiError::lost(Lost::Timeout)),
        error = keep_in_use(session, held, caller.config.session.touch_every), if large => Err(error),
    };
    // The source's own end explains a broken request better than the network's words for it.
    if let Some(Err(error)) = meter.outcome() {
        return Err(error);
    }
    let answer = match answer {
        // Without its closing boundary no server sees a whole file: nothing was stored.
        Err(ApiError::Ambiguous {
            why: Lost::Timeout | Lost::Reset,
            ..
        }) if !meter.is_whole() => {
            return Err(ApiError::UploadCutOff);
        }
        answer => answer?,
    };
    let envelope = answer.classify(Asked::Upload { size });
    tracing::debug!(http_status = answer.status(), bytes = size, "answered");
    match meter.outcome() {
        Some(Ok(hashes)) => Ok((envelope?, hashes)),
        // A success before the whole body was sent is about something else than our file.
        Some(Err(_)) | None => {
            envelope?;
            Err(ApiError::UploadAmbiguous {
                said: "success before the whole file was sent".to_owned(),
            })
        }
    }
}

/// Touches the token for as long as the upload runs; ends only when it is lost, which dooms the upload.
async fn keep_in_use(session: &Session, held: &Held, every: Duration) -> ApiError {
    loop {
        tokio::time::sleep(every).await;
        match session.touch(held).await {
            Ok(now) if now.token != held.token => return ApiError::TokenInvalid,
            // A touch that gets lost proves nothing; the next one comes.
            Ok(_) | Err(_) => {}
        }
    }
}
