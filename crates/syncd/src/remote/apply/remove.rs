//! Into the account's trash (design A6): one look just before, one call, one check.

use std::collections::BTreeSet;

use api::{ApiError, RowState};
use planner::id::{FileId, FolderId, RemoteId};

use super::Failure;
use super::replace::{Replacement, as_agreed, gone};
use crate::remote::account::Account;
use crate::remote::translate;
use crate::remote::walk;

/// Folders listed before one delete: a bound against absurd trees.
const FOLDER_LIMIT: usize = 1_000_000;

/// Moves a file to the trash. Repeats are harmless; the answer must say trash.
pub(crate) async fn trash_file(account: &Account, id: FileId) -> Result<(), Failure> {
    let wire = translate::wire_file(id).map_err(Failure::of_safe_call)?;
    match account.client.file_delete(wire).await {
        Ok(row) if matches!(row.state, Some(RowState::Trash | RowState::Deleted)) => Ok(()),
        Ok(_) => Err(Failure::Later(
            "the server says it is deleted, but shows it as live".to_owned(),
        )),
        Err(error) => Err(Failure::of_safe_call(error)),
    }
}

/// Moves a file to the trash if it is still as the plan knows it (`wire.md` §8, recipe 6): one look just before. Gone
/// already is as good.
pub(crate) async fn trash_file_as_known(
    account: &Account,
    id: FileId,
    known: Option<&Replacement>,
) -> Result<(), Failure> {
    let wire = translate::wire_file(id).map_err(Failure::of_safe_call)?;
    let row = account
        .client
        .file_info(wire)
        .await
        .map_err(Failure::of_safe_call)?;
    if gone(&row) {
        return Ok(());
    }
    if known.is_none_or(|known| !as_agreed(account, &row, known)) {
        return Err(Failure::Stale("it changed in the account meanwhile".to_owned()));
    }
    trash_file(account, id).await
}

/// Moves an interim of ours to the trash, if it still bears the interim name (design A3).
pub(crate) async fn trash_interim(account: &Account, id: FileId, name: &str) -> Result<(), Failure> {
    let wire = translate::wire_file(id).map_err(Failure::of_safe_call)?;
    let row = account
        .client
        .file_info(wire)
        .await
        .map_err(Failure::of_safe_call)?;
    if gone(&row) || row.name != name {
        return Ok(());
    }
    trash_file(account, id).await
}

/// A folder as the plan knows it.
#[derive(Clone, Debug)]
pub(crate) struct FolderAsKnown {
    /// Which.
    pub(crate) id: FolderId,
    /// Everything that may go with it.
    pub(crate) contents: BTreeSet<RemoteId>,
    /// Interim names of ours, and others long abandoned, which keep nothing (design M15).
    pub(crate) ignored: BTreeSet<RemoteId>,
}

/// Lists the folder's subtree once more; anything that the plan does not delete stops it. Then one call takes all.
pub(crate) async fn trash_folder(account: &Account, known: &FolderAsKnown) -> Result<(), Failure> {
    let mut queue = vec![known.id];
    let mut seen = BTreeSet::new();
    while let Some(folder) = queue.pop() {
        if !seen.insert(folder) || seen.len() > FOLDER_LIMIT {
            continue;
        }
        let raw = match walk::list(account, Some(folder)).await {
            Ok(raw) => raw,
            Err(error @ ApiError::NotFound { .. }) if folder == known.id => {
                return Err(Failure::of_safe_call(error));
            }
            Err(error) => return Err(Failure::of_safe_call(error)),
        };
        let files = raw
            .listed()
            .files
            .iter()
            .filter_map(|row| translate::file_id(row.id))
            .map(RemoteId::File);
        let folders: Vec<FolderId> = raw
            .listed()
            .folders
            .iter()
            .filter_map(|row| translate::folder_id(row.id))
            .collect();
        let all = files.chain(folders.iter().copied().map(RemoteId::Folder));
        for id in all {
            if !known.contents.contains(&id) && !known.ignored.contains(&id) {
                return Err(Failure::Stale(
                    "something new is in the folder that was to be deleted".to_owned(),
                ));
            }
        }
        queue.extend(folders);
    }
    let wire = translate::wire_folder(known.id).map_err(Failure::of_safe_call)?;
    account
        .client
        .folder_delete(wire)
        .await
        .map_err(Failure::of_safe_call)
}
