//! Info, edit, delete and move of a file.

use super::super::answer::{Failure, Outcome};
use super::super::names::{extension, stored};
use super::super::request::Given;
use super::super::rows;
use super::super::store::RowState;
use super::{Call, Destination, NO_FILE, bad_destination, with_row};

fn answered(call: &Call<'_>, id: u64, response: Option<&str>) -> Outcome {
    let row = rows::file(call.own_file(id)?, call.dialect());
    with_row(call.dialect(), row, response)
}

/// `/file/info`: any state; success is no proof of life.
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let token = call.token();
    call.state.races.looked(&token, id);
    answered(call, id, None)
}

/// `/file/edit`: what is blank is kept; a bad folder is ignored with success on the real lines (Q14).
pub(super) fn edit(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let state = call.usable_file(id)?.state;
    let wanted = match call.params.given("folder_id") {
        Given::Blank => None,
        Given::Null => Some(Destination::Root),
        Given::Number(folder) if folder > 0 => Some(call.folder_destination(folder)),
        Given::Number(_) | Given::Text => Some(Destination::Bad),
    };
    if wanted == Some(Destination::Bad) && !call.dialect().is_real() {
        return Err(bad_destination("folder_id"));
    }
    if let Some(place) = wanted.and_then(Destination::place) {
        call.state.store.place_file(id, place, state, call.now);
    }
    if let Some(name) = call.text("filename") {
        let (kept, end) = (stored(&name, call.dialect()), extension(&name, call.dialect()));
        call.state.store.rename_file(id, kept, end);
    }
    answered(call, id, Some("File successfully updated."))
}

/// `/file/delete`: to the trash, and out of its folder. Repeats succeed (Q17).
pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    if call.own_file(id)?.state != RowState::Deleted {
        let token = call.token();
        call.state.races.file_goes(&token, &call.state.store, id);
        call.state.store.place_file(id, None, RowState::Trash, call.now);
    }
    answered(call, id, Some("File successfully set as deleted."))
}

/// `/file/move`. On the 4.5 line `null` is limbo, not the root (Q13).
pub(super) fn shift(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    let id = call.need_id("file_id", NO_FILE)?;
    let state = call.usable_file(id)?.state;
    let destination = match call.params.given("new_parent_folder_id") {
        Given::Blank => return Err(Failure::refused("Please provide the new_parent_folder_id param.")),
        Given::Null if call.dialect().root_is_limbo() => Destination::Limbo,
        Given::Null => Destination::Root,
        Given::Number(folder) if folder > 0 => call.folder_destination(folder),
        Given::Number(_) | Given::Text => Destination::Bad,
    };
    let place = destination
        .place()
        .ok_or_else(|| bad_destination("new_parent_folder_id"))?;
    call.state.store.place_file(id, place, state, call.now);
    answered(call, id, Some("File successfully moved."))
}
