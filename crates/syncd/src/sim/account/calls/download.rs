//! `/file/download` and the GET of its link: which bytes, and what the headers say of them (wire.md §6.2).

use super::super::answer::{Body, Failure, Object, Outcome, Reply};
use super::super::dialect::Dialect;
use super::super::faults::{Fault, Struck};
use super::super::rng::Rng;
use super::super::rows::{BASE, short_url};
use super::super::state::State;
use super::super::store::RowState;
use super::{Call, NO_FILE};

/// Links of the real lines end after so many seconds (Q49).
const LINK_LIFE: u64 = 86_400;

/// `/file/download`: a link.
pub(super) fn link(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let token = format!("{:016x}{:016x}", call.dice.next(), call.state.calls);
    let file = call.usable_file(id)?;
    if file.state == RowState::Deleted {
        return Err(Failure::refused("Could not generate download url."));
    }
    let mut data = Object::new(call.dialect());
    data.number("file_id", id).name("filename", &file.name).text(
        "download_url",
        &format!("{BASE}/{}?download_token={token}", short_url(id)),
    );
    call.state.store.links.insert(token, (id, call.now));
    let mut answer = Object::new(call.dialect());
    answer.object("data", data);
    Ok(answer)
}

/// GET of a link.
pub(super) fn get(
    state: &mut State,
    token: &str,
    range: Option<&str>,
    (dice, struck): (&mut Rng, Struck),
    now: u64,
) -> Reply {
    let dialect = state.dialect;
    let Some((id, made)) = state.store.links.get(token).copied() else {
        return failed(dialect, "bad+link");
    };
    if dialect.is_real() && now.saturating_sub(made) > LINK_LIFE {
        return failed(dialect, "expired+link");
    }
    let file = state
        .store
        .file_mut(id)
        .filter(|file| file.state != RowState::Deleted);
    let Some(file) = file else {
        return failed(dialect, "no+content");
    };
    file.downloads = file.downloads.saturating_add(1);
    file.accessed = Some(now);
    let content = file.content.clone();
    let span = span(range, content.len(), dialect);
    let last = content.len().min(span.start.saturating_add(span.length));
    let whole = match span.instead {
        Some(instead) => bytes::Bytes::from_static(instead),
        None => content.slice(span.start.min(last)..last),
    };
    let mut reply = Reply::plain(span.status, "application/octet-stream", whole.clone());
    reply = reply.with("content-length", span.length.to_string());
    if let Some(range) = span.range {
        reply = reply.with("content-range", range);
    }
    if struck.by(Fault::ShortDownload) && !whole.is_empty() {
        let half = whole.slice(..whole.len() / 2);
        // A server that ends early, or a connection that breaks.
        reply.body = if dice.coin() {
            Body::Whole(half)
        } else {
            Body::Broken(half)
        };
    }
    reply
}

/// A failed download is a redirect to a page with status 200 (Q45); the document promises an honest 404.
fn failed(dialect: Dialect, why: &str) -> Reply {
    let html = "text/html; charset=UTF-8";
    if dialect.is_real() {
        return Reply::plain(302, html, "").with("location", format!("{BASE}/error?e={why}"));
    }
    Reply::plain(404, html, "<html><body><h1>Not Found</h1></body></html>")
}

/// A download's answer.
struct Span {
    status: u16,
    start: usize,
    length: usize,
    range: Option<String>,
    instead: Option<&'static [u8]>,
}

impl Span {
    fn whole(size: usize) -> Self {
        Self {
            status: 200,
            start: 0,
            length: size,
            range: None,
            instead: None,
        }
    }

    fn part(start: usize, length: usize, size: usize) -> Self {
        let last = start.saturating_add(length).saturating_sub(1);
        Self {
            status: 206,
            start,
            length,
            range: Some(format!("bytes {start}-{last}/{size}")),
            instead: None,
        }
    }
}

type Asked = Option<(Option<usize>, Option<usize>)>;

/// What a Range header asks for: first and last, both optional. Several ranges are none.
fn asked(header: Option<&str>) -> Asked {
    let (first, last) = header?.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        if text.trim().is_empty() {
            Some(None)
        } else {
            text.trim().parse().ok().map(Some)
        }
    };
    Some((number(first)?, number(last)?))
}

fn span(header: Option<&str>, size: usize, dialect: Dialect) -> Span {
    let asked = asked(header);
    match dialect {
        Dialect::Document => proper(asked, size),
        Dialect::V4 | Dialect::V5 if !is_two_bytes(asked, size) => open_only(asked, size, dialect),
        Dialect::V4 => Span::part(0, 2, size),
        Dialect::V5 => Span {
            length: 1,
            instead: Some(b"1"),
            ..Span::part(0, 2, size)
        },
    }
}

/// The iPad check of the real lines: start 0, end 1 (Q47).
const fn is_two_bytes(asked: Asked, size: usize) -> bool {
    match asked {
        None | Some((Some(0), None)) => size == 2,
        Some((Some(0), Some(1))) => size >= 2,
        Some(_) => false,
    }
}

/// The real lines know `bytes=N-` only (Q46).
fn open_only(asked: Asked, size: usize, dialect: Dialect) -> Span {
    let (start, length) = match asked {
        None | Some((None | Some(0), None)) => {
            let said = format!("bytes 0-{}/{size}", size.saturating_sub(1));
            return Span {
                range: (dialect == Dialect::V4).then_some(said),
                ..Span::whole(size)
            };
        }
        // `-N` is read as `0-N`.
        Some((first, Some(last))) => {
            let start = first.unwrap_or(0);
            (start, last.saturating_sub(start).saturating_add(1))
        }
        Some((Some(start), None)) => (start, size.saturating_sub(start)),
    };
    if start >= size {
        let range = Some(format!("bytes {start}-{}/{size}", size.saturating_sub(1)));
        return Span {
            status: 206,
            length: 0,
            range,
            ..Span::part(size, 0, size)
        };
    }
    Span::part(start, length.min(size.saturating_sub(start)), size)
}

fn proper(asked: Asked, size: usize) -> Span {
    let (start, end) = match asked {
        None | Some((None, None)) => return Span::whole(size),
        Some((None, Some(last))) => (size.saturating_sub(last), size),
        Some((Some(start), None)) => (start, size),
        Some((Some(start), Some(last))) if last < start => return Span::whole(size),
        Some((Some(start), Some(last))) => (start, last.saturating_add(1).min(size)),
    };
    if start >= size {
        return Span {
            status: 416,
            range: Some(format!("bytes */{size}")),
            ..Span::part(size, 0, size)
        };
    }
    Span::part(start, end.saturating_sub(start), size)
}
