//! A new folder in the account. Names repeat there; two of one name are brought together by `engine/twins`, not here.

use api::{Access, FolderCreate};
use planner::id::FolderId;
use planner::name::RemoteName;

use super::Failure;
use crate::remote::account::Account;
use crate::remote::translate;

/// A folder that is in the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Made {
    /// Its id.
    pub(crate) id: FolderId,
    /// Its name as stored.
    pub(crate) name: RemoteName,
}

/// Makes a folder. The caller holds a journalled intent: the call must not be repeated blindly.
pub(crate) async fn create_folder(
    account: &Account,
    parent: Option<FolderId>,
    name: &RemoteName,
) -> Result<Made, Failure> {
    let place = account.place(parent).map_err(Failure::of_unsafe_call)?;
    let create = FolderCreate {
        name: name.as_str().to_owned(),
        parent: place,
        access: Access::Private,
        password_md5: None,
    };
    let row = account
        .client
        .folder_create(&create)
        .await
        .map_err(Failure::of_unsafe_call)?;
    let id = translate::folder_id(row.id).ok_or(Failure::Unknown("the answer names no folder".to_owned()))?;
    if row.parent != Some(place) {
        return Err(Failure::Unknown("the folder was made elsewhere".to_owned()));
    }
    account.remember_alive(&row);
    Ok(Made {
        id,
        name: RemoteName::new(row.name),
    })
}
