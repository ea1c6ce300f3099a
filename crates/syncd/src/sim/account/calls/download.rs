//! `/file/download` and the GET of its link: which bytes, and what the headers say of them (wire.md §6.2).

use devcloud::ranges::plain_span;

use super::super::answer::{Body, Failure, Object, Outcome, Reply};
use super::super::dialect::Dialect;
use super::super::faults::{Fault, Struck};
use super::super::rows::{BASE, short_url};
use super::super::state::State;
use super::super::store::RowState;
use super::{Call, NO_FILE};
use crate::sim::rng::Rng;

/// Links of the real lines end after so many seconds (Q49).
const LINK_LIFE: u64 = 86_400;

/// `/file/download`: a link.
pub(super) fn link(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let token = format!("{:016x}{:016x}", call.dice.draw(), call.state.calls);
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
    let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let span = plain_span(range, size, dialect.rules());
    // Contents of a simulation are small.
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
    let last = within(span.start.saturating_add(span.length));
    let whole = match span.instead {
        Some(instead) => bytes::Bytes::from_static(instead),
        None => content.slice(within(span.start).min(last)..last),
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
