//! The web side: downloads by link, and the pages that failed downloads are redirected to.
//!
//! A body is streamed from disk; its ledger entry is written when the last byte is handed over or the client is gone.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, header};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, SeekFrom};

use crate::dialect::Quirks;
use crate::faults::{Dice, Fault, Target};
use crate::ledger::{Class, Open};
use crate::params::Params;
use crate::quirk_table::Quirk;
use crate::ranges::{Span, span};
use crate::reply::{dropped, plain, redirect};

use crate::routes::strike::{BROKEN, MAINTENANCE};
use crate::store::State;
use crate::store::files::FileRow;
use crate::world::{World, lock};

/// Bytes read and sent at a time.
const CHUNK: usize = 256 * 1024;
const PAGE: &str = "<!DOCTYPE html><html><head><title>File Upload Script</title></head><body><p>This page is for people.</p></body></html>";
/// Long enough for what is buffered to leave.
const FLUSH: Duration = Duration::from_millis(20);
/// How far a wrong-length body is off at most.
const WRONG_BY: u64 = 16;

/// Answers a request outside the API.
pub(super) async fn answer(world: &Arc<World>, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
    let mut params = Params::default();
    params.add_form(request.uri().query().unwrap_or_default().as_bytes());
    let token = params
        .raw("download_token")
        .map(|token| String::from_utf8_lossy(token).into_owned());
    match (request.method(), token) {
        (&Method::GET, Some(token)) => {
            let range = request
                .headers()
                .get(header::RANGE)
                .and_then(|range| range.to_str().ok());
            download(world, peer, &token, range).await
        }
        _ => plain(200, "text/html; charset=UTF-8", PAGE),
    }
}

async fn download(world: &Arc<World>, peer: SocketAddr, token: &str, range: Option<&str>) -> Response<Body> {
    let mut open = world
        .ledger
        .open(world.clock.now_ms(), "GET /download", Class::Download);
    let mut dice = Dice::new(world.seed, open.seq());
    let faults = lock(&world.faults).draw(&mut dice, Target::Download);
    open.entry.faults = faults.iter().map(|fault| fault.name().to_owned()).collect();
    let quirks = world.quirks();
    if faults.contains(&Fault::Latency) {
        let later = lock(&world.faults).latency(world.running.load(Ordering::Relaxed));
        tokio::time::sleep(later).await;
    }
    let ended = |mut open: Open, result: &str, response: Response<Body>| {
        open.entry.result = result.to_owned();
        let gone = response.extensions().get::<crate::reply::Dropped>().is_some();
        open.entry.http = if gone { 0 } else { response.status().as_u16() };
        response
    };
    if faults.contains(&Fault::DropBefore) {
        return ended(open, "dropped", dropped());
    }
    if faults.contains(&Fault::TooMany) {
        let mut response = plain(429, "text/plain", "Too many concurrent download requests");
        let after = lock(&world.faults).knob("429.retry-after");
        if let Ok(value) = HeaderValue::from_str(&format!("{after:.0}")) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        return ended(open, "busy 429", response);
    }
    if faults.contains(&Fault::ServerHtml) {
        return ended(open, "page 502", plain(502, "text/html", BROKEN));
    }
    if quirks.on(Quirk::Maintenance) {
        let response = match quirks.word(Quirk::Maintenance, "mode") {
            "html" => plain(200, "text/html", MAINTENANCE),
            _ => redirect(302, &format!("{}/down_for_maintenance", world.base)),
        };
        return ended(open, "maintenance", response);
    }
    let found = match linked(world, token, &peer.ip().to_string(), &quirks).await {
        Ok(found) => found,
        Err(why) => return ended(open, why, failed(world, &quirks, why)),
    };
    let (row, file) = found;
    open.file(row.id);
    let mut span = span(range, row.size.unsigned_abs(), &quirks, &mut dice);
    wrong_length(&mut span, &quirks, &mut dice);
    let stall = lock(&world.faults).seconds("stalled-body.seconds");
    let half = span.length.div_euclid(2);
    let sender = Sender {
        file,
        at: 0,
        size: row.size.unsigned_abs().saturating_sub(span.start),
        length: span.length,
        instead: span.instead,
        cut: faults.contains(&Fault::ShortBody).then_some(half),
        stall: faults.contains(&Fault::StalledBody).then_some((half, stall)),
        open: Some(open),
    };
    send(sender, &row, &span).await
}

/// The file behind a link, or why there is none.
async fn linked(
    world: &Arc<World>,
    token: &str,
    ip: &str,
    quirks: &Quirks,
) -> Result<(FileRow, File), &'static str> {
    let now = world.clock.now();
    let row = {
        let store = world.store();
        let link = store.link(token).ok().flatten().ok_or("bad link")?;
        if quirks.on(Quirk::LinkLife) {
            let life = i64::try_from(quirks.duration(Quirk::LinkLife, "life").as_secs()).unwrap_or(i64::MAX);
            if now.saturating_sub(link.created) > life {
                return Err("expired link");
            }
            if quirks.flag(Quirk::LinkLife, "ip") && link.ip != ip {
                return Err("link of another address");
            }
        }
        store.file(link.file).ok().flatten().ok_or("no file")?
    };
    if quirks.on(Quirk::DownloadErrorPage) && !quirks.flag(Quirk::DownloadErrorPage, "downloads") {
        return Err("downloads off");
    }
    if row.state == State::Deleted || row.lost {
        return Err("no content");
    }
    let path = world.blobs.path(&row.md5, row.size);
    let file = File::open(path).await.map_err(|_| "no content")?;
    if world.store().count_download(row.id, now).is_err() {
        tracing::warn!("a download could not be counted");
    }
    Ok((row, file))
}

/// Q45: a failed download is a redirect to a page with status 200; else an honest 404.
fn failed(world: &World, quirks: &Quirks, why: &str) -> Response<Body> {
    if quirks.on(Quirk::DownloadErrorPage) {
        let why = why.replace(' ', "+");
        return redirect(302, &format!("{}/error?e={why}", world.base));
    }
    plain(
        404,
        "text/html; charset=UTF-8",
        "<html><body><h1>Not Found</h1></body></html>",
    )
}

/// Q50: the announced length is plausible and wrong.
fn wrong_length(span: &mut Span, quirks: &Quirks, dice: &mut Dice) {
    let p = quirks.number(Quirk::WrongLengthBody, "p");
    if !quirks.on(Quirk::WrongLengthBody) || !dice.hits(p) || span.length == 0 {
        return;
    }
    let mode = quirks.word(Quirk::WrongLengthBody, "mode");
    let short = mode == "short" || (mode == "mix" && dice.coin());
    let by = dice.below(WRONG_BY).saturating_add(1);
    span.length = if short {
        span.length.saturating_sub(by)
    } else {
        span.length.saturating_add(by)
    };
}

struct Sender {
    file: File,
    /// Bytes sent.
    at: u64,
    /// Bytes that the file has from here.
    size: u64,
    /// Bytes announced; what the file does not have is filled up.
    length: u64,
    instead: Option<&'static [u8]>,
    cut: Option<u64>,
    stall: Option<(u64, Duration)>,
    open: Option<Open>,
}

async fn send(mut sender: Sender, row: &FileRow, span: &Span) -> Response<Body> {
    let file = &mut sender.file;
    if file.seek(SeekFrom::Start(span.start)).await.is_err() {
        return plain(500, "text/html", "");
    }
    if let Some(open) = &mut sender.open {
        open.entry.http = span.status;
        open.entry.result = "aborted".to_owned();
    }
    if span.length == 0 {
        sender.end();
    }
    let body = Body::from_stream(stream::try_unfold(sender, |mut sender| async move {
        let chunk = sender.next().await?;
        Ok::<_, io::Error>(chunk.map(|chunk| (chunk, sender)))
    }));
    let mut response = plain(span.status, "application/octet-stream", body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, span.length.into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(value) = span
        .range
        .as_deref()
        .and_then(|range| HeaderValue::from_str(range).ok())
    {
        headers.insert(header::CONTENT_RANGE, value);
    }
    if let Ok(kind) = HeaderValue::from_str(&row.mime) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let name = String::from_utf8_lossy(&row.name)
        .replace(['"', '\\'], "")
        .replace(|c: char| c.is_control(), "");
    if let Ok(value) = HeaderValue::from_bytes(format!("attachment; filename=\"{name}\"").as_bytes()) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

impl Sender {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some((at, wait)) = self.stall
            && self.at >= at
        {
            self.stall = None;
            tokio::time::sleep(wait).await;
        }
        if self.cut.is_some_and(|cut| self.at >= cut) {
            // What was sent so far leaves before the connection breaks, headers above all.
            tokio::time::sleep(FLUSH).await;
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "cut short on purpose",
            ));
        }
        if self.at >= self.length {
            self.end();
            return Ok(None);
        }
        // A stop in the middle ends a chunk there.
        let stops = [self.cut, self.stall.map(|(at, _)| at), Some(self.length)];
        let stop = stops
            .into_iter()
            .flatten()
            .filter(|stop| *stop > self.at)
            .min()
            .unwrap_or(self.length);
        let want = usize::try_from(stop.saturating_sub(self.at))
            .unwrap_or(CHUNK)
            .min(CHUNK);
        let chunk = self.read(want).await?;
        let sent = u64::try_from(chunk.len()).unwrap_or(0);
        self.at = self.at.saturating_add(sent);
        if let Some(open) = &mut self.open {
            open.entry.bytes_out = open.entry.bytes_out.saturating_add(sent);
        }
        if self.at >= self.length {
            self.end();
        }
        Ok(Some(chunk))
    }

    async fn read(&mut self, want: usize) -> io::Result<Bytes> {
        if let Some(instead) = self.instead {
            return Ok(Bytes::from_static(
                instead.get(..want.min(instead.len())).unwrap_or_default(),
            ));
        }
        if self.at >= self.size {
            return Ok(Bytes::from(vec![b'\n'; want]));
        }
        let mut buffer = BytesMut::with_capacity(want);
        let mut limited = (&mut self.file).take(u64::try_from(want).unwrap_or(0));
        while limited.read_buf(&mut buffer).await? > 0 {}
        if buffer.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(buffer.freeze())
    }

    fn end(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.entry.result = "success".to_owned();
        }
    }
}
