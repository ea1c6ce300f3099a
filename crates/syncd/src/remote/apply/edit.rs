//! Renames and moves: one call each, and the answered row is the check (design A7, `wire.md` Q13, Q14).

use api::{FileEdit, FolderEdit};
use planner::id::{FileId, FolderId};
use planner::name::RemoteName;

use super::Failure;
use crate::remote::account::{Account, Life};
use crate::remote::translate;

/// How many folders up a chain is followed before a folder is moved (design A7).
const CHAIN_LIMIT: usize = 64;

/// Renames and/or moves a file; answers the new name as stored, if it was to get one. The name in the answer to a mere move
/// is no agreement: somebody may have renamed it a moment ago, and the next look shows that.
pub(crate) async fn edit_file(
    account: &Account,
    id: FileId,
    name: Option<&RemoteName>,
    folder: Option<Option<FolderId>>,
) -> Result<Option<RemoteName>, Failure> {
    let mut edit = FileEdit::of(translate::wire_file(id).map_err(Failure::of_safe_call)?);
    if let Some(name) = name {
        edit = edit.name(name.as_str());
    }
    let place = match folder {
        Some(folder) => Some(account.place(folder).map_err(Failure::of_safe_call)?),
        None => None,
    };
    if let Some(place) = place {
        edit = edit.folder(place);
    }
    let row = account
        .client
        .file_edit(&edit)
        .await
        .map_err(Failure::of_safe_call)?;
    if !row.is_active() {
        return Err(Failure::Stale(
            "it was deleted in the account meanwhile".to_owned(),
        ));
    }
    if place.is_some_and(|place| row.parent != Some(place)) {
        return Err(not_moved(account, folder).await);
    }
    Ok(name.map(|_| RemoteName::new(row.name)))
}

/// Renames and/or moves a folder; answers as [`edit_file`]. Before a move the chain above the target is read: it must
/// not contain the folder itself (`wire.md` Q15).
pub(crate) async fn edit_folder(
    account: &Account,
    id: FolderId,
    name: Option<&RemoteName>,
    folder: Option<Option<FolderId>>,
) -> Result<Option<RemoteName>, Failure> {
    let mut edit = FolderEdit::of(translate::wire_folder(id).map_err(Failure::of_safe_call)?);
    if let Some(name) = name {
        edit = edit.name(name.as_str());
    }
    let place = match folder {
        Some(folder) => {
            no_ring(account, id, folder).await?;
            Some(account.place(folder).map_err(Failure::of_safe_call)?)
        }
        None => None,
    };
    if let Some(place) = place {
        edit = edit.parent(place);
    }
    let row = account
        .client
        .folder_edit(&edit)
        .await
        .map_err(Failure::of_safe_call)?;
    if matches!(row.state, Some(api::RowState::Trash | api::RowState::Deleted)) {
        return Err(Failure::Stale(
            "it was deleted in the account meanwhile".to_owned(),
        ));
    }
    if place.is_some_and(|place| row.parent != Some(place)) {
        return Err(not_moved(account, folder).await);
    }
    // The row's date changed with our edit: what was proved of the old one holds for the new one.
    account.remember_alive(&row);
    Ok(name.map(|_| RemoteName::new(row.name)))
}

/// The server said yes and moved nothing: the folder is gone, or it is one that this server does not find among its first
/// ones (`wire.md` Q14, Q21). The latter no repeat changes.
async fn not_moved(account: &Account, folder: Option<Option<FolderId>>) -> Failure {
    let alive = match folder.flatten() {
        Some(folder) => account.life(folder).await.0 == Life::Alive,
        None => true,
    };
    if alive {
        return Failure::Refused(
            "the server does not move anything into its folder, though that is there: it may have too many folders"
                .to_owned(),
        );
    }
    Failure::Stale("the server did not move it: the folder is not there any more".to_owned())
}

async fn no_ring(account: &Account, id: FolderId, target: Option<FolderId>) -> Result<(), Failure> {
    let mut next = target;
    for _ in 0..CHAIN_LIMIT {
        let Some(folder) = next else { return Ok(()) };
        if folder == id {
            return Err(Failure::Stale(
                "another device moved the target folder into it".to_owned(),
            ));
        }
        let wire = translate::wire_folder(folder).map_err(Failure::of_safe_call)?;
        let row = account
            .client
            .folder_info(wire)
            .await
            .map_err(Failure::of_safe_call)?;
        match account.within(row.parent) {
            Some(above) => next = above,
            None => {
                return Err(Failure::Stale(
                    "the target folder left the synced folder".to_owned(),
                ));
            }
        }
    }
    Err(Failure::Refused(format!(
        "the target lies more than {CHAIN_LIMIT} folders deep"
    )))
}
