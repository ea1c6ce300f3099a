//! Looking for what an interrupted call left in the account (design A1). Only looks; what follows is the engine's.

use api::{ApiError, FileRow};
use planner::id::{FileId, FolderId};

use super::account::Account;
use super::{translate, walk};

/// What a look for an upload under an interim name found.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is there.
    There(Box<FileRow>),
    /// It is not there as far as these listings show.
    NotSeen,
}

/// Looks for an interim name in the folder it was sent to, and in the account's top, where servers put uploads whose
/// folder they did not like (`wire.md` Q09).
pub(crate) async fn find_interim(
    account: &Account,
    folder: Option<FolderId>,
    name: &str,
) -> Result<Found, ApiError> {
    let in_folder = match walk::list(account, folder).await {
        Ok(raw) => raw.listed().files.iter().find(|row| row.name == name).cloned(),
        // The folder is not there any more: the file may be in the top.
        Err(ApiError::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    if let Some(row) = in_folder {
        return Ok(Found::There(Box::new(row)));
    }
    if folder.is_none() && account.root.is_none() {
        return Ok(Found::NotSeen);
    }
    let top = account.client.folder_listing(api::Parent::Top).await?;
    Ok(
        match top
            .files
            .into_iter()
            .find(|row| row.is_active() && row.name == name)
        {
            Some(row) => Found::There(Box::new(row)),
            None => Found::NotSeen,
        },
    )
}

/// The row of a file whose id is known.
pub(crate) async fn look_at(account: &Account, file: FileId) -> Result<FileRow, ApiError> {
    account.client.file_info(translate::wire_file(file)?).await
}
