//! Info, edit, delete, move, copy and the link of a file.

use serde_json::json;

use crate::auth::hex_secret;
use crate::names::{extension, stored};
use crate::params::Given;
use crate::quirk_table::Quirk;
use crate::reply::{Answer, Failure, Outcome, Refusal};
use crate::routes::call::{Call, Destination, NO_FILE, bad_destination};
use crate::routes::rows;
use crate::store::State;
use crate::store::files::{FileRow, NewFile};

fn answered(call: &Call, row: &FileRow) -> Answer {
    Answer::data(rows::file(row, &call.world.base, &call.quirks)).named([row.name.as_slice()])
}

/// `/file/info`: any state; success is no proof of life.
pub(crate) fn info(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let row = call.own_file(owner, id)?;
    Ok(answered(call, &row))
}

/// `/file/edit`.
pub(crate) fn edit(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    call.usable_file(owner, id)?;
    let limbo = call.on(Quirk::RootLimbo);
    let wanted = match call.params.given("folder_id") {
        Given::Blank => None,
        Given::Null => Some(Destination::Root),
        Given::LoudNull if limbo => Some(Destination::Limbo),
        Given::LoudNull => Some(Destination::Root),
        Given::Number(folder) if folder > 0 => Some(call.folder_destination(owner, folder)?),
        Given::Number(_) | Given::Text => Some(Destination::Bad),
    };
    if wanted == Some(Destination::Bad) && !call.on(Quirk::EditIgnoresBadParent) {
        return Err(bad_destination("folder_id"));
    }
    let mut store = call.world.store();
    // Read again under the lock: one column is written, nothing another call just did is undone.
    let Some(mut row) = store.file(id)? else {
        return Err(Failure::not_found(NO_FILE));
    };
    if let Some(folder) = wanted.and_then(Destination::column) {
        row.folder = folder;
    }
    if let Some(name) = call.text("filename") {
        row.name = stored(&name, &call.quirks);
        row.extension = extension(&name, &call.quirks);
    }
    if let Some(mime) = call.text("fileType") {
        row.mime = String::from_utf8_lossy(&mime).into_owned();
    }
    store.write_file(&row, call.now)?;
    drop(store);
    Ok(answered(call, &row).with("response", "File successfully updated.".into()))
}

/// `/file/delete`: to the trash, and out of its folder.
pub(crate) async fn delete(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let row = call.own_file(owner, id)?;
    if row.state != State::Active && !call.on(Quirk::DeleteRepeats) {
        return Err(Failure::not_found(NO_FILE));
    }
    let mut row = reread(call, row).await?;
    if row.state != State::Deleted {
        row.state = State::Trash;
        row.folder = None;
        row.updated = Some(call.now);
        call.world.store().write_file(&row, call.now)?;
    }
    Ok(answered(call, &row).with("response", "File successfully set as deleted.".into()))
}

/// `/file/move`.
pub(crate) async fn shift(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let row = call.usable_file(owner, id)?;
    let to_limbo = call.on(Quirk::RootLimbo) && call.quirks.flag(Quirk::RootLimbo, "move");
    let destination = match call.params.given("new_parent_folder_id") {
        Given::Blank => return Err(Failure::input("Please provide the new_parent_folder_id param.")),
        Given::Null | Given::LoudNull if to_limbo => Destination::Limbo,
        Given::Null | Given::LoudNull => Destination::Root,
        Given::Number(folder) if folder > 0 => call.folder_destination(owner, folder)?,
        Given::Number(_) | Given::Text => Destination::Bad,
    };
    let folder = destination
        .column()
        .ok_or_else(|| bad_destination("new_parent_folder_id"))?;
    let mut row = reread(call, row).await?;
    row.folder = folder;
    call.world.store().write_file(&row, call.now)?;
    Ok(answered(call, &row).with("response", "File successfully moved.".into()))
}

/// The row to be written: with Q22 the one read before a pause, so that what others write meanwhile is undone.
async fn reread(call: &Call, row: FileRow) -> Result<FileRow, Failure> {
    if call.on(Quirk::WholeRowWrite) {
        tokio::time::sleep(call.quirks.duration(Quirk::WholeRowWrite, "window")).await;
        return Ok(row);
    }
    call.world
        .store()
        .file(row.id)?
        .ok_or_else(|| Failure::not_found(NO_FILE))
}

/// `/file/copy`. The owner of the copy is the session's, not the token's.
pub(crate) fn copy(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let row = call.usable_file(owner, id)?;
    let destination = match call.params.given("copy_to_folder_id") {
        Given::Blank => return Err(Failure::input("Please provide the copy_to_folder_id param.")),
        Given::Null | Given::LoudNull if call.on(Quirk::RootLimbo) => Destination::Limbo,
        Given::Null | Given::LoudNull => Destination::Root,
        Given::Number(folder) if folder > 0 => call.folder_destination(owner, folder)?,
        Given::Number(_) | Given::Text => Destination::Bad,
    };
    let folder = destination
        .column()
        .ok_or_else(|| bad_destination("copy_to_folder_id"))?;
    let mut store = call.world.store();
    let session = match &call.cookie {
        Some(cookie) => store.cookie(cookie)?,
        None => None,
    };
    let copy_owner = if call.quirks.on(Quirk::CopyOwnerless) {
        session
    } else {
        Some(owner)
    };
    let mut name = row.name.clone();
    if !call.quirks.on(Quirk::CopyKeepsName) {
        name = store.free_name(owner, folder, &name, call.quirks.on(Quirk::CollationEqual))?;
    }
    let new = NewFile {
        owner: copy_owner,
        folder,
        extension: extension(&name, &call.quirks),
        name,
        mime: row.mime.clone(),
        size: row.size,
        md5: row.md5.clone(),
        ip: call.ip.clone(),
        source: "api",
    };
    let copy = store.add_file(&new, call.now)?;
    drop(store);
    call.open.file(copy.id);
    if copy.owner != Some(owner) {
        return Err(Failure::not_found(NO_FILE));
    }
    let answer = Answer::text("File successfully copyied.")
        .with(
            "original_file",
            json!({"data": rows::file(&row, &call.world.base, &call.quirks)}),
        )
        .with(
            "new_file",
            json!({"data": rows::file(&copy, &call.world.base, &call.quirks)}),
        );
    Ok(answer.named([row.name.as_slice(), copy.name.as_slice()]))
}

/// `/file/download`: a link, by id or short URL.
pub(crate) fn link(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let short = call
        .params
        .raw("short_url")
        .map(|short| String::from_utf8_lossy(short).into_owned());
    let id = match (call.params.given("file_id"), short) {
        (Given::Blank, Some(short)) => {
            let found = call.world.store().file_by_short(&short)?;
            found.ok_or_else(|| Failure::not_found(NO_FILE))?.id
        }
        _ => call.need_id("file_id", NO_FILE)?,
    };
    let row = call.usable_file(owner, id)?;
    if row.state == State::Deleted {
        return Err(Failure::Refused(
            Refusal::Server,
            "Could not generate download url.".to_owned(),
        ));
    }
    let token = hex_secret(64);
    call.world.store().add_link(&token, id, &call.ip, call.now)?;
    let url = format!("{}/{}?download_token={token}", call.world.base, row.short);
    let data = json!({
        "file_id": id.to_string(), "filename": String::from_utf8_lossy(&row.name), "download_url": url,
    });
    Ok(Answer::data(data).named([row.name.as_slice()]))
}
