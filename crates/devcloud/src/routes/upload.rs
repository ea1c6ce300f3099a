//! `/file/upload`: the checks after the last byte, the inner step that stores, and the many ways its answer goes wrong.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::hex_secret;
use crate::blobs::{Content, off_thread};
use crate::dialect::Quirks;
use crate::faults::Fault;
use crate::names;
use crate::params::Given;
use crate::quirk_table::Quirk;
use crate::reply::{Answer, Failure, Outcome};
use crate::routes::call::{Call, bad_destination};
use crate::routes::receive::{Received, TOO_LARGE};
use crate::store::files::{FileRow, NewFile};
use crate::store::{State, Store};
use crate::world::{World, package};

const GATEWAY: &str = "<html><head><title>504 Gateway Time-out</title></head><body><center><h1>504 Gateway Time-out</h1></center></body></html>";
const ZERO: &str = "Filesize received was zero.";

/// A file on its way from the temporary blob to its row.
pub(crate) struct Incoming {
    pub(crate) world: Arc<World>,
    pub(crate) quirks: Arc<Quirks>,
    pub(crate) owner: i64,
    pub(crate) folder: Option<i64>,
    /// The name as sent.
    pub(crate) name: Vec<u8>,
    pub(crate) content: Content,
    pub(crate) ip: String,
    pub(crate) source: &'static str,
}

/// A stored file and the name its answer gives: before the database cut it.
pub(crate) struct Stored {
    pub(crate) row: FileRow,
    pub(crate) said: Vec<u8>,
}

impl Incoming {
    /// Chooses the name among its neighbours and stores. With Q34 others may slip in between.
    pub(crate) async fn store(self) -> Result<Stored, Failure> {
        let Self {
            world,
            quirks,
            owner,
            folder,
            name,
            content,
            ip,
            source,
        } = self;
        let now = world.clock.now();
        let mangled = names::uploaded(&name, &quirks, now);
        let mut free = None;
        if quirks.on(Quirk::DuplicateRace) {
            free = Some(chosen(&world.store(), &quirks, owner, folder, &mangled)?);
            let window = quirks.duration(Quirk::DuplicateRace, "window");
            if !window.is_zero() {
                tokio::time::sleep(window).await;
            }
        }
        off_thread(move || {
            let mut store = world.store();
            let free = match free {
                Some(free) => free,
                None => chosen(&store, &quirks, owner, folder, &mangled).map_err(std::io::Error::other)?,
            };
            let said = names::cleaned(&free, &quirks);
            // Kept under the store's lock: a purge of the last equal content cannot come between.
            world.blobs.keep(&content)?;
            let new = NewFile {
                owner: Some(owner),
                folder,
                name: names::stored(&said, &quirks),
                extension: names::extension(&said, &quirks),
                mime: names::mime(&mangled).to_owned(),
                size: content.size,
                md5: content.md5.clone(),
                ip,
                source,
            };
            let row = store.add_file(&new, now).map_err(std::io::Error::other)?;
            Ok(Stored { row, said })
        })
        .await
        .map_err(Failure::from)
    }
}

/// The name among its neighbours, where the server looks at them.
fn chosen(
    store: &Store,
    quirks: &Quirks,
    owner: i64,
    folder: Option<i64>,
    name: &[u8],
) -> rusqlite::Result<Vec<u8>> {
    if !quirks.on(Quirk::NumberOnCollision) {
        return Ok(name.to_vec());
    }
    store.free_name(owner, folder, name, quirks.on(Quirk::CollationEqual))
}

/// `/file/upload`.
pub(super) async fn upload(call: &mut Call, received: Option<Received>) -> Outcome {
    let owner = call.signed_in()?;
    let Some(Received { name, content }) = received else {
        return Err(Failure::input("Did not receive uploaded file."));
    };
    refuse_size(call, &content)?;
    let (owner, folder) = place(call, owner)?;
    if let Some(reason) = refusal(call, owner, &name, content.size)? {
        return refused(call, &reason);
    }
    let content = drifted(call, content).await?;
    let incoming = Incoming {
        world: Arc::clone(&call.world),
        quirks: Arc::clone(&call.quirks),
        owner,
        folder,
        name,
        content,
        ip: call.ip.clone(),
        source: "api",
    };
    let incoming = in_time(call, incoming).await?;
    let stored = incoming.store().await?;
    call.open.file(stored.row.id);
    if let Some(folder) = folder
        && call.world.store().in_ring(folder)?
    {
        // The file is there; recalculating sizes up a ring never ends.
        return Err(Failure::Crash);
    }
    let p = call.quirks.number(Quirk::StoredButError, "p");
    if call.on(Quirk::StoredButError) && call.dice.hits(p) {
        let text = format!(
            "Error uploading file. Failed reading response from: {}/ajax/file_upload_handler",
            call.world.base
        );
        return Err(Failure::input(text));
    }
    Ok(receipt(call, &stored))
}

/// Zero bytes, or more than PHP lets in.
fn refuse_size(call: &Call, content: &Content) -> Result<(), Failure> {
    if content.size == 0 && call.on(Quirk::ZeroRefused) {
        return Err(Failure::input(ZERO));
    }
    let knob = call.quirks.count(Quirk::OversizeMisreport, "file");
    let limit = if knob > 0 {
        knob
    } else {
        package_limit(call, "max_upload_size")?
    };
    if limit == 0 || content.size.unsigned_abs() <= limit {
        return Ok(());
    }
    Err(if call.on(Quirk::OversizeMisreport) {
        Failure::input(ZERO)
    } else {
        Failure::Page(413, TOO_LARGE)
    })
}

/// A limit of the package, 0 where it is none or not enforced.
fn package_limit(call: &Call, key: &str) -> Result<u64, Failure> {
    if !call.quirks.flag(Quirk::OversizeMisreport, "package") {
        return Ok(0);
    }
    let package = package(&call.world.store())?;
    Ok(package.get(key).and_then(|limit| limit.parse().ok()).unwrap_or(0))
}

/// Whose the file becomes, and where it goes.
fn place(call: &mut Call, owner: i64) -> Result<(i64, Option<i64>), Failure> {
    let fallback = call.on(Quirk::FolderFallback);
    let id = match call.params.given("folder_id") {
        Given::Number(id) if id > 0 => id,
        Given::Blank | Given::Null | Given::LoudNull => return Ok((owner, None)),
        Given::Number(_) | Given::Text if fallback => return Ok((owner, None)),
        Given::Number(_) | Given::Text => return Err(bad_destination("folder_id")),
    };
    call.open.folder(id);
    let store = call.world.store();
    let row = store.folder(id)?;
    let row = row.filter(|row| row.owner == owner || (row.shared && call.quirks.on(Quirk::ForeignOwner)));
    let usable = match row {
        Some(row) if row.state == State::Active && !store.below_dead(id)? => Some(row.owner),
        Some(row) if call.quirks.on(Quirk::IntoTrash) => Some(row.owner),
        Some(_) | None => None,
    };
    match usable {
        Some(owner) => Ok((owner, Some(id))),
        None if fallback => Ok((owner, None)),
        None => Err(bad_destination("folder_id")),
    }
}

/// Why the inner step refuses the file.
fn refusal(call: &mut Call, owner: i64, name: &[u8], size: i64) -> Result<Option<String>, Failure> {
    let p = call.quirks.number(Quirk::SuccessWithError, "p");
    if call.on(Quirk::SuccessWithError) && call.dice.hits(p) {
        return Ok(Some("Could not move the file into storage.".to_owned()));
    }
    if call.on(Quirk::TypePolicy) && !allowed(&call.quirks, name) {
        return Ok(Some("acceptFileTypes".to_owned()));
    }
    let package = package(&call.world.store())?;
    if package.get("can_upload").is_some_and(|can| can == "0") {
        return Ok(Some("Uploading is currently disabled on the site.".to_owned()));
    }
    let room = package_limit(call, "max_storage_bytes")?;
    let used = if room > 0 {
        call.world.store().bytes_of(owner)?
    } else {
        0
    };
    if room > 0 && used.saturating_add(size).unsigned_abs() > room {
        return Ok(Some(
            "The file does not fit into the remaining storage of the account.".to_owned(),
        ));
    }
    Ok(None)
}

fn allowed(quirks: &Quirks, name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name).to_lowercase();
    let extension = text
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension)
        .to_owned();
    let allow = quirks.list(Quirk::TypePolicy, "allow");
    let deny = quirks.list(Quirk::TypePolicy, "deny");
    let words = quirks.list(Quirk::TypePolicy, "words");
    (allow.is_empty() || allow.contains(&extension))
        && !deny.contains(&extension)
        && !words.iter().any(|word| text.contains(word.as_str()))
}

/// A refusal inside: an error, or with Q31 a success that holds one, or one without an id.
fn refused(call: &mut Call, reason: &str) -> Outcome {
    if call.on(Quirk::SuccessWithError) {
        let error = if call.dice.coin() {
            json!(reason)
        } else {
            Value::Null
        };
        let data = json!([{"name": "", "size": "0", "error": error}]);
        return Ok(Answer::data(data).with("response", "File uploaded".into()));
    }
    Err(Failure::input(format!(
        "Error on: {}/ajax/file_upload_handler: {reason}",
        call.world.base
    )))
}

/// Q60 and the fault that stores half: what is kept is not what was sent.
async fn drifted(call: &mut Call, content: Content) -> Result<Content, Failure> {
    let p = call.quirks.number(Quirk::SizeDrift, "p");
    let size = if call.faults.contains(&Fault::UploadTruncated) {
        content.size.div_euclid(2).max(1)
    } else if call.on(Quirk::SizeDrift) && call.dice.hits(p) {
        content.size.saturating_sub(1).max(1)
    } else {
        return Ok(content);
    };
    if size >= content.size {
        return Ok(content);
    }
    Ok(off_thread(move || content.cut(size)).await?)
}

/// Q20: the gateway gives up before the server does, and the file appears later.
async fn in_time(call: &mut Call, incoming: Incoming) -> Result<Incoming, Failure> {
    if !call.on(Quirk::LateSuccess) {
        return Ok(incoming);
    }
    let gateway = call.quirks.duration(Quirk::LateSuccess, "gateway");
    let work = call.quirks.duration(Quirk::LateSuccess, "work");
    let late = call.quirks.duration(Quirk::LateSuccess, "late");
    let struck = call.dice.hits(call.quirks.number(Quirk::LateSuccess, "p"));
    if !struck && work < gateway {
        tokio::time::sleep(work).await;
        return Ok(incoming);
    }
    let patience = if struck { Duration::ZERO } else { gateway };
    let world = Arc::clone(&call.world);
    world.spawn(async move {
        tokio::time::sleep(patience.saturating_add(late)).await;
        if incoming.store().await.is_err() {
            tracing::warn!("a late upload could not be stored");
        }
    });
    tokio::time::sleep(patience).await;
    Err(Failure::Page(504, GATEWAY))
}

fn receipt(call: &mut Call, stored: &Stored) -> Answer {
    let Stored { row, said } = stored;
    let url = format!("{}/{}", call.world.base, row.short);
    let delete = hex_secret(32);
    let name = String::from_utf8_lossy(said).into_owned();
    let hash = shown_hash(call, row);
    let data = json!([{
        "name": name, "size": row.size.to_string(), "type": row.mime, "error": null, "url": url,
        "delete_url": format!("{url}~d?{delete}"), "info_url": format!("{url}~i"), "delete_type": "DELETE",
        "delete_hash": delete, "hash": hash, "stats_url": format!("{url}~s"), "short_url": row.short,
        "file_id": row.id.to_string(), "unique_hash": row.hash,
        "url_html": format!("<a href=\"{url}\" target=\"_blank\">view {name}</a>"),
        "url_bbcode": format!("[url]{url}[/url]"),
    }]);
    Answer::data(data)
        .with("response", "File uploaded".into())
        .named([said.as_slice()])
}

fn shown_hash(call: &mut Call, row: &FileRow) -> Value {
    let placeholder = || Value::from(format!("{}-{}", row.uploaded, hex_secret(21)));
    if !call.on(Quirk::HashShape) {
        return row.md5.clone().into();
    }
    let above = row.size.unsigned_abs() > call.quirks.count(Quirk::HashShape, "above");
    match (call.quirks.word(Quirk::HashShape, "mode"), above) {
        ("placeholder", true) => placeholder(),
        ("placeholder", false) => row.md5.clone().into(),
        ("mix", _) => match call.dice.below(3) {
            0 => Value::Bool(false),
            1 => placeholder(),
            _ => row.md5.clone().into(),
        },
        _ => Value::Bool(false),
    }
}
