//! The six endpoints of folders.

use std::time::Duration;

use serde_json::Value;

use crate::names::{collation_key, stored};
use crate::params::Given;
use crate::quirk_table::Quirk;
use crate::reply::{Answer, Failure, Outcome};
use crate::routes::call::{Call, Destination, NO_FOLDER, bad_destination};
use crate::routes::rows;
use crate::store::State;
use crate::store::files::FileRow;
use crate::store::folders::FolderRow;

/// A slow listing is never slower than this: a client's own timeout is what tests want to see.
const SLOWEST: Duration = Duration::from_secs(180);

/// `/folder/create`. Same name twice makes two folders.
pub(crate) fn create(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let name = call
        .text("folder_name")
        .ok_or_else(|| Failure::input("Please provide the folder_name param."))?;
    let parent = match call.params.given("parent_id") {
        Given::Number(id) if id > 0 => Some(id),
        Given::Blank | Given::Null | Given::LoudNull => None,
        Given::Number(_) | Given::Text if call.on(Quirk::CreateUnchecked) => None,
        Given::Number(_) | Given::Text => return Err(bad_destination("parent_id")),
    };
    let mut store = call.world.store();
    if let Some(id) = parent {
        call.open.folder(id);
        let row = store.folder(id)?.filter(|row| row.owner == owner);
        if row.is_none() && !call.quirks.on(Quirk::CreateUnchecked) {
            return Err(bad_destination("parent_id"));
        }
        if row.is_some() && !call.quirks.on(Quirk::IntoTrash) && store.below_dead(id)? {
            return Err(bad_destination("parent_id"));
        }
    }
    let mut row = store.add_folder(owner, parent, &stored(&name, &call.quirks), call.now)?;
    if let Given::Number(public @ 0..=2) = call.params.given("is_public") {
        row.public = public;
    }
    let password = call
        .params
        .raw("access_password")
        .filter(|password| password.len() == 32);
    row.password = password.map(|password| String::from_utf8_lossy(password).into_owned());
    store.write_folder(&row, call.now)?;
    call.open.folder(row.id);
    Ok(answered(call, &row).with("response", "Folder successfully created.".into()))
}

fn answered(call: &Call, row: &FolderRow) -> Answer {
    Answer::data(rows::folder(row, &call.world.base, &call.quirks)).named([row.name.as_slice()])
}

/// What a listing is of.
enum Listed {
    Root,
    Nothing,
    Folder(Box<FolderRow>),
}

/// `/folder/listing`, ordered by name, without pages.
pub(crate) async fn listing(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let lenient = call.on(Quirk::BadIdIsRoot);
    let listed = match call.params.given("parent_folder_id") {
        Given::Blank | Given::Null | Given::LoudNull => Listed::Root,
        Given::Number(0) | Given::Text if lenient => Listed::Root,
        Given::Number(id) if id < 0 && lenient => Listed::Nothing,
        Given::Number(id) if id > 0 => Listed::Folder(Box::new(call.own_folder(owner, id, NO_FOLDER)?)),
        Given::Number(_) | Given::Text => return Err(Failure::not_found(NO_FOLDER)),
    };
    let (folders, files) = match &listed {
        Listed::Nothing => (Vec::new(), Vec::new()),
        Listed::Root => in_root(call, owner)?,
        Listed::Folder(row) => in_folder(call, owner, row)?,
    };
    if call.on(Quirk::SlowListing) {
        let count = u32::try_from(folders.len()).unwrap_or(u32::MAX);
        let wait = call
            .quirks
            .duration(Quirk::SlowListing, "per-folder")
            .saturating_mul(count);
        tokio::time::sleep(wait.min(SLOWEST)).await;
    }
    let base = &call.world.base;
    let folder_rows: Vec<Value> = folders
        .iter()
        .map(|row| rows::listed_folder(row, base, &call.quirks))
        .collect();
    let file_rows: Vec<Value> = files.iter().map(|row| rows::listed_file(row, base)).collect();
    let most = usize::try_from(call.quirks.count(Quirk::EmptyTwoHundred, "rows")).unwrap_or(usize::MAX);
    let count = folder_rows.len().saturating_add(file_rows.len());
    let names = folders
        .iter()
        .map(|row| row.name.as_slice())
        .chain(files.iter().map(|row| row.name.as_slice()));
    // Moved, not serialised again: a listing may hold thousands of rows.
    let rows = [("folders", folder_rows), ("files", file_rows)];
    let data = rows
        .into_iter()
        .map(|(key, rows)| (key.to_owned(), Value::Array(rows)))
        .collect();
    let mut answer = Answer::data(Value::Object(data)).named(names);
    answer.unencodable |= most > 0 && count > most;
    Ok(answer)
}

type Rows = (Vec<FolderRow>, Vec<FileRow>);

fn in_root(call: &Call, owner: i64) -> Result<Rows, Failure> {
    let mut folder_states = vec![State::Active];
    if call.on(Quirk::TrashFoldersAtRoot) {
        folder_states.push(State::Trash);
        if call.quirks.flag(Quirk::TrashFoldersAtRoot, "forever") {
            folder_states.push(State::Deleted);
        }
    }
    let mut file_states = vec![State::Active];
    if call.on(Quirk::TrashFilesAtRoot) {
        file_states.push(State::Trash);
    }
    gathered(call, owner, None, &folder_states, &file_states)
}

fn in_folder(call: &mut Call, owner: i64, row: &FolderRow) -> Result<Rows, Failure> {
    if row.state == State::Active {
        return gathered(call, owner, Some(row.id), &[State::Active], &[State::Active]);
    }
    if !call.on(Quirk::TrashListing) {
        return Err(Failure::not_found(NO_FOLDER));
    }
    if call.quirks.word(Quirk::TrashListing, "rows") == "folders" {
        let every = [State::Active, State::Trash, State::Deleted];
        return gathered(call, owner, Some(row.id), &every, &[State::Active]);
    }
    let both = [State::Active, State::Trash];
    gathered(call, owner, Some(row.id), &both, &both)
}

fn gathered(
    call: &Call,
    owner: i64,
    parent: Option<i64>,
    folder_states: &[State],
    file_states: &[State],
) -> Result<Rows, Failure> {
    let store = call.world.store();
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for state in folder_states {
        folders.extend(store.folders_in(owner, parent, *state)?);
    }
    for state in file_states {
        files.extend(store.files_in(owner, parent, *state)?);
    }
    drop(store);
    // Each state comes ordered; only a mixture must be sorted again.
    if folder_states.len() > 1 {
        folders.sort_by_cached_key(|row| (collation_key(&row.name), row.id));
    }
    if file_states.len() > 1 {
        files.sort_by_cached_key(|row| (collation_key(&row.name), row.id));
    }
    Ok((folders, files))
}

/// `/folder/info`.
pub(crate) fn info(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let keys: &[&str] = match call.quirks.word(Quirk::InfoParam, "param") {
        _ if !call.on(Quirk::InfoParam) => &["folder_id", "parent_folder_id"],
        "folder_id" => &["folder_id"],
        _ => &["parent_folder_id"],
    };
    let key = keys.iter().find(|key| call.params.raw(key).is_some());
    let Some(key) = key else {
        return Err(Failure::not_found(NO_FOLDER));
    };
    let id = call.need_id(key, NO_FOLDER)?;
    let row = call.own_folder(owner, id, NO_FOLDER)?;
    if row.state == State::Deleted && !call.on(Quirk::DeadIdsResolve) {
        return Err(Failure::not_found(NO_FOLDER));
    }
    Ok(answered(call, &row))
}

/// `/folder/edit`.
pub(crate) fn edit(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let id = call.need_id("folder_id", NO_FOLDER)?;
    let mut row = call.own_folder(owner, id, NO_FOLDER)?;
    if row.state != State::Active && !call.on(Quirk::DeadIdsResolve) {
        return Err(Failure::not_found(NO_FOLDER));
    }
    let forgiving = call.on(Quirk::EditIgnoresBadParent);
    let wanted = match call.params.given("parent_id") {
        Given::Blank => None,
        Given::Null => Some(Destination::Root),
        Given::LoudNull if !forgiving => Some(Destination::Root),
        Given::Number(parent) if parent > 0 => Some(call.folder_destination(owner, parent)?),
        Given::Number(_) | Given::LoudNull | Given::Text => Some(Destination::Bad),
    };
    match wanted {
        Some(Destination::Root) => row.parent = None,
        Some(Destination::Folder(parent)) => {
            refuse_cycle(call, id, parent)?;
            row.parent = Some(parent);
        }
        Some(Destination::Bad | Destination::Limbo) if !forgiving => {
            return Err(bad_destination("parent_id"));
        }
        Some(Destination::Bad | Destination::Limbo) | None => {}
    }
    if let Some(name) = call.text("folder_name") {
        row.name = stored(&name, &call.quirks);
    }
    let public = call.params.given("is_public");
    if let Given::Number(public @ 0..=2) = public {
        row.public = public;
    }
    let password = call
        .params
        .raw("access_password")
        .map(|text| String::from_utf8_lossy(text).into_owned());
    match password {
        // `null` alone is ignored; beside `is_public` it takes the password away.
        Some(text) if text == "null" && public == Given::Blank => {}
        Some(text) if text == "null" => row.password = None,
        Some(text) => row.password = Some(text),
        None => {}
    }
    row.updated = Some(call.now);
    let mut store = call.world.store();
    store.write_folder(&row, call.now)?;
    let row = store.folder(id)?.unwrap_or(row);
    drop(store);
    Ok(answered(call, &row).with("response", "Folder successfully updated.".into()))
}

fn refuse_cycle(call: &Call, id: i64, parent: i64) -> Result<(), Failure> {
    if !call.on(Quirk::Cycles) && call.world.store().is_below(parent, id)? {
        return Err(Failure::input(
            "Can not match new_parent_folder_id with a folder inside folder_id.",
        ));
    }
    Ok(())
}

/// `/folder/delete`: everything inside at this instant.
pub(crate) fn delete(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let unknown = if call.on(Quirk::DeadIdsResolve) {
        "Failed deleting the folder."
    } else {
        NO_FOLDER
    };
    let id = call.need_id("folder_id", unknown)?;
    let row = call.own_folder(owner, id, unknown)?;
    if row.state != State::Active && !call.on(Quirk::DeleteRepeats) {
        return Err(Failure::not_found(unknown));
    }
    let mut store = call.world.store();
    if !call.quirks.on(Quirk::DeleteRecursiveNow) && store.is_filled(&row) {
        return Err(Failure::input("Folder is not empty."));
    }
    if store.in_ring(id)? {
        return Err(Failure::Crash);
    }
    if row.state != State::Deleted {
        store.trash_folder(id, call.now)?;
    }
    Ok(Answer::text("Folder successfully set as deleted."))
}

/// `/folder/move`. On the real lines the destination is checked before the folder: that makes the probe.
pub(crate) fn shift(call: &mut Call) -> Outcome {
    let owner = call.signed_in()?;
    let failed = "Failed moving the folder.";
    let sources = call.on(Quirk::DeadIdsResolve);
    let id = call.need_id("folder_id", if sources { failed } else { NO_FOLDER })?;
    let given = call.params.given("new_parent_folder_id");
    if given == Given::Blank {
        return Err(Failure::input("Please provide the new_parent_folder_id param."));
    }
    if given == Given::Number(id) {
        return Err(Failure::input(
            "Can not match new_parent_folder_id with folder_id.",
        ));
    }
    let living = |row: &FolderRow| row.owner == owner && (sources || row.state == State::Active);
    if !sources {
        call.open.folder(id);
        let known = call.world.store().folder(id)?.filter(living);
        known.ok_or_else(|| Failure::not_found(NO_FOLDER))?;
    }
    let destination = match given {
        Given::Null | Given::LoudNull => Destination::Root,
        Given::Number(parent) if parent > 0 => call.folder_destination(owner, parent)?,
        Given::Number(_) | Given::Text | Given::Blank => Destination::Bad,
    };
    let parent = destination
        .column()
        .ok_or_else(|| bad_destination("new_parent_folder_id"))?;
    let mut row = call.own_folder(owner, id, failed)?;
    if let Some(parent) = parent {
        refuse_cycle(call, id, parent)?;
    }
    row.parent = parent;
    row.updated = Some(call.now);
    let mut store = call.world.store();
    store.write_folder(&row, call.now)?;
    let row = store.folder(id)?.unwrap_or(row);
    drop(store);
    Ok(answered(call, &row).with("response", "Folder successfully moved.".into()))
}
