//! `/file/download` and the bytes behind its link (wire.md §6.2).
//!
//! The link is a bearer secret: it gets no token, no cookie, and is in no error or log. A failure comes as a
//! redirect to a page with status 200, so redirects are followed by hand and the only proof of a whole file is its
//! exact length: a stream never ends well with any other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use url::Url;

use crate::caller::{Caller, Class, retry_after};
use crate::endpoints::{Endpoint, Repeat, param};
use crate::envelope::Envelope;
use crate::error::{ApiError, Broken, Lost, RedirectKind};
use crate::gate::Pass;
use crate::id::FileId;
use crate::limit::Throttle;
use crate::loose;
use crate::transport::{HttpBody, HttpRequest, HttpResponse, TransportError};

/// Redirects a download may take.
const REDIRECTS_MAX: usize = 5;
/// Links kept for later; above this the oldest go.
const LINKS_MAX: usize = 1024;

/// Asks for a link. Works for trashed files too; every call makes a row on the server.
pub struct GetLink {
    /// The file.
    pub file: FileId,
}

/// A link to a file's bytes: 24 hours, many uses, no token needed. Prints redacted.
#[derive(Clone)]
pub struct Link {
    url: SecretString,
    /// The stored name.
    pub filename: Option<String>,
}

impl Link {
    /// The address: for the user who asked for it, and the transport.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link([redacted])")
    }
}

impl Endpoint for GetLink {
    const PATH: &'static str = "file/download";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &[
        "Please provide the file_id param.",
        "Could not find file based on file_id.",
        "Could not generate download url.",
    ];
    type Answer = Link;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("file_id", self.file)])
    }

    fn read(&self, envelope: &Envelope) -> Result<Link, ApiError> {
        let data = envelope.data()?;
        if data
            .get("file_id")
            .is_some_and(|id| FileId::from_json(id).is_some_and(|id| id != self.file))
        {
            return Err(ApiError::malformed("the link of another file"));
        }
        let url = loose::filled(data, "download_url").filter(|url| web_address(url).is_some());
        let url = url.ok_or(ApiError::malformed("no usable link"))?;
        Ok(Link {
            url: url.into(),
            filename: loose::text(data, "filename"),
        })
    }
}

fn web_address(text: &str) -> Option<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Links by file, used for a while.
#[derive(Default)]
pub(crate) struct Links(Mutex<BTreeMap<FileId, (Link, Instant)>>);

impl Links {
    pub(crate) fn get(&self, file: FileId, life: Duration) -> Option<Link> {
        let links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links
            .get(&file)
            .filter(|(_, at)| at.elapsed() < life)
            .map(|(link, _)| link.clone())
    }

    pub(crate) fn put(&self, file: FileId, link: Link) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.insert(file, (link, Instant::now()));
        if links.len() > LINKS_MAX
            && let Some(oldest) = links.iter().min_by_key(|(_, (_, at))| *at).map(|(file, _)| *file)
        {
            links.remove(&oldest);
        }
    }

    pub(crate) fn forget(&self, file: FileId) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&file);
    }
}

/// What part of which file is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) size: u64,
    pub(crate) offset: u64,
}

impl Wanted {
    fn range(self) -> Option<String> {
        match (self.offset, self.size) {
            // A plain GET of a 2-byte file gives one byte (Q47); this is right on every variant.
            (0, 2) => Some("bytes=0-2".to_owned()),
            (0, _) => None,
            (offset, _) => Some(format!("bytes={offset}-")),
        }
    }
}

/// One try: redirects followed, status and range checked, no byte read yet.
pub(crate) async fn open(
    caller: &Caller,
    link: &Link,
    wanted: Wanted,
    pass: Pass,
) -> Result<DownloadStream, ApiError> {
    let mut url = web_address(link.expose()).ok_or(ApiError::malformed("no usable link"))?;
    for _ in 0..=REDIRECTS_MAX {
        let mut headers = vec![("accept-encoding", "identity".to_owned())];
        headers.extend(wanted.range().map(|range| ("range", range)));
        let request = HttpRequest {
            post: false,
            url: url.clone(),
            headers,
            body: HttpBody::Empty,
        };
        let sent = tokio::time::timeout(
            caller.config.timeouts.request,
            caller.send(Class::Download, request),
        );
        let response = sent
            .await
            .unwrap_or_else(|_| Err(ApiError::lost(Lost::Timeout)))?;
        tracing::debug!(http_status = response.status, "download answered");
        if !(300..=399).contains(&response.status) {
            check(&response, wanted)?;
            check_length(&response, wanted)?;
            return Ok(DownloadStream {
                body: response.body,
                at: wanted.offset,
                size: wanted.size,
                stall: caller.config.timeouts.download_stall,
                throttle: Arc::clone(&caller.down),
                ended: false,
                _pass: Some(pass),
            });
        }
        let target = response
            .header("location")
            .and_then(|location| url.join(location).ok());
        let target = target.filter(|url| matches!(url.scheme(), "http" | "https"));
        url = target.ok_or(ApiError::DownloadBroken {
            how: Broken::Redirects,
        })?;
        refuse_error_page(&url, link.filename.as_deref())?;
    }
    Err(ApiError::DownloadBroken {
        how: Broken::Redirects,
    })
}

/// A redirect to one of the site's pages is how a failed download looks.
fn refuse_error_page(url: &Url, filename: Option<&str>) -> Result<(), ApiError> {
    let path = url.path().to_ascii_lowercase();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.split_once('.').map_or(last, |(stem, extension)| {
        if matches!(extension, "html" | "htm" | "php") {
            stem
        } else {
            last
        }
    });
    if stem == "down_for_maintenance" {
        let location = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        return Err(ApiError::Redirect {
            location,
            kind: RedirectKind::Maintenance,
        });
    }
    // A file may be called like a page; then only the page's own parameter tells them apart.
    let has_reason = url.query_pairs().any(|(key, _)| key == "e");
    let is_file = filename.is_some_and(|name| name.eq_ignore_ascii_case(last)) && !has_reason;
    let page = matches!(stem, "error" | "register" | "login" | "index") && !is_file;
    let home = last.is_empty() && url.query().is_none();
    if page || home {
        Err(ApiError::DownloadBroken {
            how: Broken::ErrorPage,
        })
    } else {
        Ok(())
    }
}

fn check(response: &HttpResponse, wanted: Wanted) -> Result<(), ApiError> {
    let after = response
        .header("retry-after")
        .and_then(|value| retry_after(value, std::time::SystemTime::now()));
    let range = response.header("content-range").map(parse_range);
    match response.status {
        200 if wanted.offset == 0 => Ok(()),
        200 | 416 if wanted.offset > 0 => Err(ApiError::RangeIgnored),
        206 => match range {
            Some(Some((start, total)))
                if start == wanted.offset && total.is_none_or(|t| t == wanted.size) =>
            {
                Ok(())
            }
            // Some servers give a bare 206 to plain requests; the length will tell.
            None if wanted.offset == 0 => Ok(()),
            Some(_) | None if wanted.offset > 0 => Err(ApiError::RangeIgnored),
            Some(_) | None => Err(ApiError::DownloadBroken {
                how: Broken::WrongRange,
            }),
        },
        429 => Err(ApiError::RateLimited { retry_after: after }),
        status @ 500..=599 => Err(ApiError::Ambiguous {
            why: Lost::Http(status),
            retry_after: after,
        }),
        status => Err(ApiError::DownloadBroken {
            how: Broken::Http(status),
        }),
    }
}

/// A server that promises more than this version has holds another one by now, however much of it comes: what comes of a
/// body that is cut could be as long by chance.
fn check_length(response: &HttpResponse, wanted: Wanted) -> Result<(), ApiError> {
    // The length of what is packed says nothing.
    let plain = response.header("content-encoding").is_none();
    let promised = response.header("content-length").filter(|_| plain);
    let promised = promised.and_then(|length| length.trim().parse::<u64>().ok());
    if promised.is_some_and(|more| more > wanted.size.saturating_sub(wanted.offset)) {
        return Err(ApiError::DownloadBroken {
            how: Broken::Long { want: wanted.size },
        });
    }
    Ok(())
}

/// `bytes START-END/TOTAL` → start and total (`*` is none).
fn parse_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (span, total) = value.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let start = span.split_once('-')?.0.trim().parse().ok()?;
    let total = match total.trim() {
        "*" => None,
        digits => Some(digits.parse().ok()?),
    };
    Some((start, total))
}

/// A file's bytes from an offset to its exact end.
pub struct DownloadStream {
    body: BoxStream<'static, Result<Bytes, TransportError>>,
    at: u64,
    size: u64,
    stall: Duration,
    throttle: Arc<Throttle>,
    ended: bool,
    /// The place among the downloads; none for a file of which nothing is missing.
    _pass: Option<Pass>,
}

impl fmt::Debug for DownloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadStream")
            .field("at", &self.at)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl DownloadStream {
    /// A stream of nothing: the whole file is there already.
    pub(crate) fn nothing(size: u64) -> Self {
        let body = futures_util::stream::empty().boxed();
        let throttle = Arc::default();
        Self {
            body,
            at: size,
            size,
            stall: Duration::MAX,
            throttle,
            ended: true,
            _pass: None,
        }
    }

    /// Bytes of the file up to which it was read.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// The next bytes; none at the end, which comes only after exactly the file's size. Cancel-safe, but a piece
    /// that waits for the bandwidth limit is lost with the future: then drop the stream and resume.
    ///
    /// # Errors
    /// [`ApiError::DownloadBroken`] with `Short` or `Long`, or a lost connection. What was read so far is good
    /// only as the start of a resumed download whose overlap is compared. After an error the stream is over.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.ended {
            return Ok(None);
        }
        let result = self.read().await;
        self.ended = !matches!(result, Ok(Some(_)));
        result
    }

    async fn read(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            let next = tokio::time::timeout(self.stall, self.body.next());
            let piece = next.await.map_err(|_| ApiError::lost(Lost::Timeout))?;
            let Some(piece) = piece else {
                let (got, want) = (self.at, self.size);
                return if got == want {
                    Ok(None)
                } else {
                    Err(ApiError::DownloadBroken {
                        how: Broken::Short { got, want },
                    })
                };
            };
            let piece = piece?;
            if piece.is_empty() {
                continue;
            }
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let at = self.at.saturating_add(length);
            if at > self.size {
                return Err(ApiError::DownloadBroken {
                    how: Broken::Long { want: self.size },
                });
            }
            self.throttle.take(length, || {}).await;
            self.at = at;
            return Ok(Some(piece));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, None)));
        for bad in [
            "",
            "bytes",
            "bytes */10",
            "bytes 5/10",
            "items 5-9/10",
            "bytes 5-9/x",
        ] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn pages_are_told_from_files() {
        let is_page = |url: &str, name| refuse_error_page(&Url::parse(url).unwrap(), name).is_err();
        for page in [
            "/error?e=x",
            "/error.html?e=x",
            "/sub/login",
            "/register.html",
            "/",
            "/index.php",
            "/down_for_maintenance",
        ] {
            assert!(is_page(&format!("https://host{page}"), None), "{page}");
        }
        for file in [
            "/2Vv/error.txt",
            "/files/my_error.log",
            "/f/abc?token=1",
            "/?file=1&t=2",
        ] {
            assert!(!is_page(&format!("https://host{file}"), None), "{file}");
        }
        assert!(!is_page("https://host/2Vv/error.html", Some("error.html")));
        assert!(is_page("https://host/error.html?e=gone", Some("error.html")));
    }
}
