//! The six endpoints of folders.

use super::super::answer::{Failure, Object, Outcome};
use super::super::dialect::Dialect;
use super::super::faults::Fault;
use super::super::names::stored;
use super::super::request::Given;
use super::super::rows;
use super::super::store::{File, Folder, Place, RowState};
use super::{Call, Destination, NO_FOLDER, bad_destination, said, with_row};

fn answered(call: &Call<'_>, id: u64, response: Option<&str>) -> Outcome {
    let folder = call.own_folder(id, NO_FOLDER)?;
    let row = rows::folder(folder, &call.state.store, call.dialect());
    with_row(call.dialect(), row, response)
}

/// `/folder/create`. The same name twice makes two folders; the real lines take any number as a parent (Q19).
pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let name = call.text("folder_name");
    let name = name.ok_or_else(|| Failure::refused("Please provide the folder_name param."))?;
    let real = call.dialect().is_real();
    let parent = match call.params.given("parent_id") {
        Given::Number(id) if id > 0 => u64::try_from(id).ok(),
        Given::Blank | Given::Null => None,
        Given::Number(_) | Given::Text if real => None,
        Given::Number(_) | Given::Text => return Err(bad_destination("parent_id")),
    };
    if let Some(id) = parent.filter(|_| !real) {
        let known = call.state.store.folder(id).is_some();
        if !known || call.state.store.below_dead(id) {
            return Err(bad_destination("parent_id"));
        }
    }
    let name = stored(&name, call.dialect());
    let id = call.state.store.add_folder(parent, name, call.now);
    set_public(call, id);
    answered(call, id, Some("Folder successfully created."))
}

fn set_public(call: &mut Call<'_>, id: u64) {
    if let Given::Number(public @ 0..=2) = call.params.given("is_public")
        && let Some(row) = call.state.store.folder_mut(id)
    {
        row.public = u64::try_from(public).unwrap_or(0);
    }
}

/// What a listing is of.
enum Listed {
    Nothing,
    Place(Place, RowState),
}

/// `/folder/listing`, ordered by name, without pages.
pub(super) fn listing(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let listed = match call.params.given("parent_folder_id") {
        Given::Blank | Given::Null | Given::Number(0) | Given::Text => Listed::Place(None, RowState::Active),
        Given::Number(id) => match u64::try_from(id) {
            Err(_) => Listed::Nothing,
            Ok(id) => Listed::Place(Some(id), call.own_folder(id, NO_FOLDER)?.state),
        },
    };
    let dialect = call.dialect();
    if let Listed::Place(place, _) = listed {
        let token = call.token();
        call.state.races.listed(&token, place);
    }
    let store = &call.state.store;
    let (mut folders, mut files): (Vec<&Folder>, Vec<&File>) = match listed {
        Listed::Nothing => (Vec::new(), Vec::new()),
        Listed::Place(place, state) => {
            if state != RowState::Active && !dialect.is_real() {
                return Err(Failure::refused(NO_FOLDER));
            }
            let shown = Shown::of(dialect, place, state);
            (
                store
                    .folders_in(place)
                    .filter(|row| shown.folder(row.state))
                    .collect(),
                store
                    .files_in(place)
                    .filter(|row| shown.file(row.state))
                    .collect(),
            )
        }
    };
    folders.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    files.sort_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    if call.struck.by(Fault::ListingReordered) {
        call.dice.shuffle(&mut folders);
        call.dice.shuffle(&mut files);
    }
    let folders = folders
        .into_iter()
        .map(|row| rows::listed_folder(row, store, dialect))
        .collect();
    let files = files
        .into_iter()
        .map(|row| rows::listed_file(row, dialect))
        .collect();
    let mut data = Object::new(dialect);
    data.list("folders", folders).list("files", files);
    let mut answer = Object::new(dialect);
    answer.object("data", data);
    Ok(answer)
}

/// Which states of rows a listing shows besides the active ones.
struct Shown {
    trashed_folders: bool,
    deleted_folders: bool,
    trashed_files: bool,
}

impl Shown {
    /// Q05, Q06 of the root, Q36 of a trashed folder; a living folder shows what lives.
    fn of(dialect: Dialect, place: Place, state: RowState) -> Self {
        let (root, dead) = (place.is_none(), state != RowState::Active);
        Self {
            trashed_folders: dialect.is_real() && (root || dead),
            deleted_folders: dialect == Dialect::V4 && (root || dead),
            trashed_files: dialect.shows_trashed_files() && (root || dead),
        }
    }

    const fn folder(&self, state: RowState) -> bool {
        match state {
            RowState::Active => true,
            RowState::Trash => self.trashed_folders,
            RowState::Deleted => self.deleted_folders,
        }
    }

    const fn file(&self, state: RowState) -> bool {
        match state {
            RowState::Active => true,
            RowState::Trash => self.trashed_files,
            RowState::Deleted => false,
        }
    }
}

/// `/folder/info`: the document's server and the real ones read another parameter each (Q23).
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let real = call.dialect().is_real();
    let key = if real { "folder_id" } else { "parent_folder_id" };
    if call.params.raw(key).is_none() {
        return Err(Failure::refused(NO_FOLDER));
    }
    let id = call.need_id(key, NO_FOLDER)?;
    if call.own_folder(id, NO_FOLDER)?.state == RowState::Deleted && !real {
        return Err(Failure::refused(NO_FOLDER));
    }
    answered(call, id, None)
}

/// `/folder/edit`: what is blank is kept; on the real lines a bad parent is ignored with success (Q14), and a folder may
/// go into its own subtree (Q15).
pub(super) fn edit(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("folder_id", NO_FOLDER)?;
    let real = call.dialect().is_real();
    if call.own_folder(id, NO_FOLDER)?.state != RowState::Active && !real {
        return Err(Failure::refused(NO_FOLDER));
    }
    let wanted = match call.params.given("parent_id") {
        Given::Blank => None,
        Given::Null => Some(Destination::Root),
        Given::Number(parent) if parent > 0 => Some(call.folder_destination(parent)),
        Given::Number(_) | Given::Text => Some(Destination::Bad),
    };
    let place = match wanted.map(Destination::place) {
        Some(None) if !real => return Err(bad_destination("parent_id")),
        Some(None) | None => None,
        Some(Some(place)) => Some(place),
    };
    if let Some(place) = place {
        refuse_cycle(call, id, place)?;
        call.state.store.place_folder(id, place, call.now);
    }
    if let Some(name) = call.text("folder_name") {
        let kept = stored(&name, call.dialect());
        call.state.store.rename_folder(id, kept);
    }
    set_public(call, id);
    if let Some(row) = call.state.store.folder_mut(id) {
        row.updated = Some(call.now);
    }
    answered(call, id, Some("Folder successfully updated."))
}

fn refuse_cycle(call: &Call<'_>, id: u64, parent: Place) -> Result<(), Failure> {
    let Some(parent) = parent.filter(|_| !call.dialect().is_real()) else {
        return Ok(());
    };
    if call.state.store.is_below(parent, id) {
        let text = "Can not match new_parent_folder_id with a folder inside folder_id.";
        return Err(Failure::refused(text));
    }
    Ok(())
}

/// `/folder/delete`: everything inside at this instant.
pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let unknown = if call.dialect().is_real() {
        "Failed deleting the folder."
    } else {
        NO_FOLDER
    };
    let id = call.need_id("folder_id", unknown)?;
    let state = call.own_folder(id, unknown)?.state;
    if call.state.store.in_ring(id) {
        return Err(Failure::Crash);
    }
    if state != RowState::Deleted {
        let token = call.token();
        call.state.races.folder_goes(&token, &call.state.store, id);
        call.state.store.trash_folder(id, call.now);
    }
    Ok(said(call.dialect(), "Folder successfully set as deleted."))
}

/// `/folder/move`. On the real lines the destination is checked before the folder: that makes the probe.
pub(super) fn shift(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let real = call.dialect().is_real();
    let failed = "Failed moving the folder.";
    let id = call.need_id("folder_id", if real { failed } else { NO_FOLDER })?;
    let given = call.params.given("new_parent_folder_id");
    if given == Given::Blank {
        return Err(Failure::refused("Please provide the new_parent_folder_id param."));
    }
    if given == call.params.given("folder_id") {
        return Err(Failure::refused(
            "Can not match new_parent_folder_id with folder_id.",
        ));
    }
    if !real && call.own_folder(id, NO_FOLDER)?.state != RowState::Active {
        return Err(Failure::refused(NO_FOLDER));
    }
    let destination = match given {
        Given::Null => Destination::Root,
        Given::Number(parent) if parent > 0 => call.folder_destination(parent),
        Given::Number(_) | Given::Text | Given::Blank => Destination::Bad,
    };
    let place = destination
        .place()
        .ok_or_else(|| bad_destination("new_parent_folder_id"))?;
    call.own_folder(id, failed)?;
    refuse_cycle(call, id, place)?;
    call.state.store.place_folder(id, place, call.now);
    if let Some(row) = call.state.store.folder_mut(id) {
        row.updated = Some(call.now);
    }
    answered(call, id, Some("Folder successfully moved."))
}
