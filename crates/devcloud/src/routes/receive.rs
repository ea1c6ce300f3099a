//! Reads a request's body: forms into parameters, an upload's file to a temporary blob. Never a file into memory.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Limited};
use multer::{Field, Multipart};

use crate::blobs::Content;
use crate::params::disposition;
use crate::quirk_table::Quirk;
use crate::reply::Failure;
use crate::routes::Endpoint;
use crate::routes::call::Call;
use crate::world::World;

/// An url-encoded body, or one text field; what is longer is lost, as on a server with such a limit.
const TEXT_MAX: usize = 1024 * 1024;

/// A received file.
pub(crate) struct Received {
    pub(crate) name: Vec<u8>,
    pub(crate) content: Content,
}

/// Reads the rest of a body that nobody wants, so that the sender can hear the answer.
pub(super) fn drain(world: &Arc<World>, body: Body) {
    if http_body::Body::is_end_stream(&body) {
        return;
    }
    world.spawn(async move {
        let mut data = body.into_data_stream();
        while let Some(Ok(_)) = data.next().await {}
    });
}

/// Reads the body. A connection that breaks meanwhile ends the request: nothing was stored.
pub(super) async fn receive(
    call: &mut Call,
    endpoint: Endpoint,
    headers: &HeaderMap,
    body: Body,
) -> Result<Option<Received>, Failure> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if let Ok(boundary) = multer::parse_boundary(kind) {
        let parts = Multipart::new(body.into_data_stream(), boundary);
        return multipart(call, endpoint, parts, headers).await;
    }
    let limited = Limited::new(body, TEXT_MAX);
    let Ok(whole) = limited.collect().await else {
        return Err(Failure::Drop);
    };
    // A JSON body is not read.
    if kind.starts_with("application/x-www-form-urlencoded") || kind.is_empty() {
        call.params.add_form(&whole.to_bytes());
    }
    Ok(None)
}

async fn multipart(
    call: &mut Call,
    endpoint: Endpoint,
    mut parts: Multipart<'static>,
    headers: &HeaderMap,
) -> Result<Option<Received>, Failure> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let most = call.quirks.count(Quirk::OversizeMisreport, "total");
    let oversize = most > 0 && length.unwrap_or(0) > most;
    let mut received = None;
    loop {
        let field = match parts.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(_) => return Err(Failure::Drop),
        };
        let header = field.headers().get(header::CONTENT_DISPOSITION);
        let (name, filename) = header
            .map(|value| disposition(value.as_bytes()))
            .unwrap_or_default();
        let name = String::from_utf8_lossy(&name.unwrap_or_default()).into_owned();
        match filename {
            Some(filename) if name == "upload_file" && endpoint == Endpoint::Upload && !oversize => {
                if !call.on(Quirk::LateAuth)
                    && let Err(failure) = call.signed_in()
                {
                    drop(field);
                    drain_parts(&call.world, parts);
                    return Err(failure);
                }
                let content = to_disk(call, field).await?;
                received = Some(Received {
                    name: filename,
                    content,
                });
            }
            Some(_) => discard(field).await?,
            None => {
                let value = text(field).await?;
                if !oversize {
                    call.params.add(&name, value);
                }
            }
        }
    }
    if oversize && !call.on(Quirk::OversizeMisreport) {
        return Err(Failure::Page(413, TOO_LARGE));
    }
    Ok(received)
}

/// What a proxy says to a body above its limit.
pub(super) const TOO_LARGE: &str = "<html><head><title>413 Request Entity Too Large</title></head><body><h1>413 Request Entity Too Large</h1></body></html>";

fn drain_parts(world: &Arc<World>, mut parts: Multipart<'static>) {
    world.spawn(async move {
        while let Ok(Some(field)) = parts.next_field().await {
            if discard(field).await.is_err() {
                return;
            }
        }
    });
}

async fn to_disk(call: &mut Call, mut field: Field<'static>) -> Result<Content, Failure> {
    let mut writer = call.world.blobs.writer()?;
    loop {
        match field.chunk().await {
            Ok(Some(chunk)) => {
                let size = u64::try_from(chunk.len()).unwrap_or(0);
                call.open.entry.bytes_in = call.open.entry.bytes_in.saturating_add(size);
                writer = writer.push(&chunk).await?;
            }
            Ok(None) => return Ok(writer.end().await?),
            Err(_) => return Err(Failure::Drop),
        }
    }
}

async fn discard(mut field: Field<'static>) -> Result<(), Failure> {
    while field.chunk().await.map_err(|_| Failure::Drop)?.is_some() {}
    Ok(())
}

async fn text(mut field: Field<'static>) -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| Failure::Drop)? {
        if value.len().saturating_add(chunk.len()) <= TEXT_MAX {
            value.extend_from_slice(&chunk);
        }
    }
    Ok(value)
}
