//! `/file/url_upload_add` and `_status`: fetches a file over http, from loopback addresses only.
//!
//! An import that a stopped server left open is taken up again at the next start.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use url::{Host, Url};

use crate::blobs::Content;
use crate::clock::date;
use crate::params::Given;
use crate::quirk_table::Quirk;
use crate::reply::{Answer, Failure, Outcome};
use crate::routes::call::{Call, bad_destination};
use crate::routes::upload::Incoming;
use crate::routes::without_imports;
use crate::store::State;
use crate::store::sessions::ImportRow;
use crate::world::World;

/// `/file/url_upload_add`.
pub(super) fn add(call: &mut Call) -> Outcome {
    without_imports(call)?;
    let owner = call.signed_in()?;
    let encoded = call.params.raw("file_url_base64");
    let encoded = encoded.ok_or_else(|| Failure::input("Please provide the file_url_base64 param."))?;
    let unreadable =
        || Failure::input("Could not parse the file_url_base64 parameter. Ensure it's base64 encoded.");
    let decoded = STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let url = decoded
        .and_then(|text| Url::parse(&text).ok())
        .filter(|url| url.has_host())
        .ok_or_else(unreadable)?;
    let folder = match call.params.given("folder_id") {
        Given::Number(id) if id > 0 => {
            let row = call.world.store().folder(id)?;
            let good = row.is_some_and(|row| row.owner == owner && row.state == State::Active);
            if !good && !call.on(Quirk::FolderFallback) {
                return Err(bad_destination("folder_id"));
            }
            good.then_some(id)
        }
        Given::Blank | Given::Null | Given::LoudNull | Given::Number(_) | Given::Text => None,
    };
    let id = call
        .world
        .store()
        .add_import(owner, url.as_str(), folder, call.now)?;
    start(&call.world, id);
    let data = json!({"scheduled_item_id": id, "url": url.as_str()});
    Ok(Answer::data(data).with("response", "File download from URL scheduled".into()))
}

/// `/file/url_upload_status`.
pub(super) fn status(call: &mut Call) -> Outcome {
    without_imports(call)?;
    let owner = call.signed_in()?;
    let unknown = "Could not find scheduled item based on scheduled_item_id.";
    let id = call.need_id("scheduled_item_id", unknown)?;
    let store = call.world.store();
    let row = store.import(id)?.filter(|row| row.owner == owner);
    let row = row.ok_or_else(|| Failure::not_found(unknown))?;
    let file = match row.file {
        Some(file) => store.file(file)?,
        None => None,
    };
    let day = |at: Option<i64>| at.map_or(Value::Null, |at| date(at).into());
    let base = &call.world.base;
    let downloaded = file.map(|file| {
        let name = String::from_utf8_lossy(&file.name).into_owned();
        let url = format!("{base}/{}/{name}", file.short);
        json!({"file_id": file.id, "name": name, "size": file.size, "url": url})
    });
    let data = json!({
        "scheduled_item_id": row.id, "status": row.status, "created": date(row.created), "started": day(row.started),
        "finished": day(row.finished), "total_size": row.size.unwrap_or(0), "downloaded_file": downloaded,
    });
    Ok(Answer::data(data).with("response", "Scheduled URL file download found".into()))
}

/// Works on an import in the background.
pub(crate) fn start(world: &Arc<World>, id: i64) {
    let shared = Arc::clone(world);
    world.spawn(async move {
        if let Err(error) = work(&shared, id).await {
            tracing::warn!(?error, "an import failed");
        }
    });
}

async fn work(world: &Arc<World>, id: i64) -> Result<(), Failure> {
    let row = world.store().import(id)?;
    let Some(mut row) = row else { return Ok(()) };
    row.status = "downloading".to_owned();
    row.started = Some(world.clock.now());
    world.store().write_import(&row)?;
    let file = fetch(world, &mut row).await;
    row.finished = Some(world.clock.now());
    row.status = if file.is_some() { "complete" } else { "failed" }.to_owned();
    row.file = file;
    world.store().write_import(&row)?;
    Ok(())
}

async fn fetch(world: &Arc<World>, row: &mut ImportRow) -> Option<i64> {
    let url = Url::parse(&row.url).ok().filter(may_be_fetched)?;
    let name = url
        .path_segments()
        .and_then(|mut segments| segments.next_back().map(str::to_owned))?;
    let name: Vec<u8> = percent_encoding::percent_decode_str(&name).collect();
    let content = download(world, url).await?;
    row.size = Some(content.size);
    let incoming = Incoming {
        world: Arc::clone(world),
        quirks: world.quirks(),
        owner: row.owner,
        folder: row.folder,
        name: if name.is_empty() {
            b"index.html".to_vec()
        } else {
            name
        },
        content,
        ip: "127.0.0.1".to_owned(),
        source: "remote",
    };
    incoming.store().await.ok().map(|stored| stored.row.id)
}

/// Plain http to this machine: the server of a test must not reach out.
fn may_be_fetched(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && loopback
}

async fn download(world: &Arc<World>, url: Url) -> Option<Content> {
    let response = world
        .http
        .get(url)
        .send()
        .await
        .ok()
        .filter(|response| response.status() == 200)?;
    let mut writer = world.blobs.writer().ok()?;
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        writer = writer.push(&chunk.ok()?).await.ok()?;
    }
    writer.end().await.ok().filter(|content| content.size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_fetched() {
        for (url, may) in [
            ("http://127.0.0.1:9/a", true),
            ("http://localhost/a", true),
            ("http://[::1]/a", true),
            ("https://127.0.0.1/a", false),
            ("http://example.org/a", false),
            ("http://10.0.0.1/a", false),
        ] {
            assert_eq!(may_be_fetched(&Url::parse(url).unwrap()), may, "{url}");
        }
    }
}
