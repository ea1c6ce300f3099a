//! What strikes a request before, during and after its work: faults, throttling, maintenance, redirects, hiccups.
//!
//! Before the work nothing has happened and nothing may happen. After it everything has.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, header};

use crate::faults::Fault;
use crate::quirk_table::Quirk;
use crate::reply::{Failure, Refusal};
use crate::routes::Endpoint;
use crate::routes::call::{Call, NO_FILE, NO_FOLDER};
use crate::world::lock;

pub(super) const BROKEN: &str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>";
pub(super) const MAINTENANCE: &str = "<html><head><title>Maintenance</title></head><body><p>The site is down for maintenance.</p></body></html>";
const TOO_MANY: &str = "<html><body><h1>Too many requests</h1></body></html>";
const CHALLENGE: &str = "<html><head><title>Just a moment...</title></head><body><p>Checking your browser: too many requests. Enable JavaScript and cookies to continue (challenge).</p></body></html>";
/// A dead database speaks HTML with 200.
const PARAGRAPH: &str = "<p>Failed connecting to the database with the supplied connection details.</p>";

/// What strikes before the work.
pub(super) async fn before(call: &mut Call, parts: &Parts) -> Result<(), Failure> {
    if call.faults.contains(&Fault::Latency) {
        let at_once = call.world.running.load(Ordering::Relaxed);
        let later = lock(&call.world.faults).latency(at_once);
        tokio::time::sleep(later).await;
    }
    if call.faults.contains(&Fault::DropBefore) {
        return Err(Failure::Drop);
    }
    faulty(call)?;
    if call.faults.contains(&Fault::TokenLoss) {
        call.world.store().drop_all_tokens()?;
    }
    if call.on(Quirk::Maintenance) {
        return Err(match call.quirks.word(Quirk::Maintenance, "mode") {
            "html" => Failure::Page(200, MAINTENANCE),
            _ => Failure::Redirect(format!("{}/down_for_maintenance", call.world.base)),
        });
    }
    canonical(call, parts)?;
    throttled(call)
}

/// Faults that are answers.
fn faulty(call: &Call) -> Result<(), Failure> {
    let faults = lock(&call.world.faults);
    let whole = |name: &str| format!("{:.0}", faults.knob(name)).parse::<u64>().unwrap_or(0);
    let status = |name: &str| u16::try_from(whole(name)).unwrap_or(500);
    if call.faults.contains(&Fault::TooMany) {
        let json = r#"{"status":"error","response":"Maximum API request limit reached."}"#;
        return Err(Failure::Busy(
            429,
            "application/json",
            json,
            whole("429.retry-after"),
        ));
    }
    if call.faults.contains(&Fault::ServerJson) {
        let json = r#"{"status":"error","response":"Internal server error."}"#;
        return Err(Failure::Busy(
            status("5xx-json.code"),
            "application/json",
            json,
            0,
        ));
    }
    if call.faults.contains(&Fault::ServerHtml) {
        return Err(Failure::Page(status("5xx-html.code"), BROKEN));
    }
    Ok(())
}

/// Q56: another host name, or plain http, is sent to the right one.
fn canonical(call: &Call, parts: &Parts) -> Result<(), Failure> {
    if !call.on(Quirk::CanonicalRedirect) {
        return Ok(());
    }
    let path = parts.uri.path();
    let own = call.world.base.trim_start_matches("http://");
    if call.quirks.flag(Quirk::CanonicalRedirect, "https") {
        return Err(Failure::Redirect(format!("https://{own}{path}")));
    }
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| !host.eq_ignore_ascii_case(own)) {
        return Err(Failure::Redirect(format!("http://{own}{path}")));
    }
    Ok(())
}

/// Q51: more calls in a second, or more at once, than the site likes.
fn throttled(call: &mut Call) -> Result<(), Failure> {
    if !call.on(Quirk::Throttled) {
        return Ok(());
    }
    let most = usize::try_from(call.quirks.count(Quirk::Throttled, "per-second")).unwrap_or(usize::MAX);
    let at_once = usize::try_from(call.quirks.count(Quirk::Throttled, "connections")).unwrap_or(usize::MAX);
    let now = Instant::now();
    let too_fast = {
        let mut recent = lock(&call.world.recent);
        while recent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1))
        {
            recent.pop_front();
        }
        let full = recent.len() >= most;
        if !full {
            recent.push_back(now);
        }
        full
    };
    let too_many = at_once > 0 && call.world.running.load(Ordering::Relaxed) > at_once;
    if !too_fast && !too_many {
        return Ok(());
    }
    let after = call.quirks.count(Quirk::Throttled, "retry-after");
    let kinds = ["json", "text", "html", "challenge"];
    let mut kind = call.quirks.word(Quirk::Throttled, "answer");
    if kind == "mix" {
        let picked = usize::try_from(call.dice.below(4)).unwrap_or(0);
        kind = kinds.get(picked).copied().unwrap_or("json");
    }
    let json = r#"{"status":"error","response":"Maximum API request limit reached."}"#;
    Err(match kind {
        "text" => Failure::Busy(429, "text/plain", "Too many requests, slow down.", after),
        "html" => Failure::Busy(429, "text/html", TOO_MANY, after),
        "challenge" => Failure::Busy(403, "text/html", CHALLENGE, 0),
        _ => Failure::Busy(429, "application/json", json, after),
    })
}

/// What strikes when the request is whole: hiccups of the database, connections lost before the work.
pub(super) fn during(call: &mut Call, endpoint: Endpoint) -> Result<(), Failure> {
    let p = call.quirks.number(Quirk::LostAnswer, "p");
    if call.on(Quirk::LostAnswer) && when(call) != "after" && call.dice.hits(p) {
        call.open.entry.result = "lost before the work".to_owned();
        return Err(Failure::Drop);
    }
    let p = call.quirks.number(Quirk::DbHiccup, "p");
    if endpoint == Endpoint::Authorize || !call.on(Quirk::DbHiccup) || !call.dice.hits(p) {
        return Ok(());
    }
    let about = if call.params.raw("file_id").is_some() {
        Some(NO_FILE)
    } else if call
        .params
        .raw("folder_id")
        .or(call.params.raw("parent_folder_id"))
        .is_some()
    {
        Some(NO_FOLDER)
    } else {
        None
    };
    Err(match (call.dice.below(3), about) {
        (0, Some(text)) => Failure::Refused(Refusal::NotFound, text.to_owned()),
        (0 | 1, _) => Failure::token(),
        _ => Failure::Page(200, PARAGRAPH),
    })
}

fn when(call: &Call) -> &str {
    call.quirks.word(Quirk::LostAnswer, "when")
}

/// Q57: the work is done, nobody hears of it.
pub(super) fn loses_answer(call: &mut Call) -> bool {
    let p = call.quirks.number(Quirk::LostAnswer, "p");
    call.on(Quirk::LostAnswer) && when(call) != "before" && call.dice.hits(p)
}

/// The answer with its body cut in the middle, as if it were whole.
pub(super) fn cut(response: Response<Body>) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(
        parts,
        Body::from(r#"{"response":"File successfully","data":{"id":"12"#),
    )
}
