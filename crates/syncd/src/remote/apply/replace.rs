//! New bytes for a file that is in the account (design A4): the new version gets the name first, the old one goes last,
//! so that there is never a moment without a live copy.

use api::{FileRow, RowState};
use planner::id::{FileId, FolderId, ShortUrl};
use planner::name::RemoteName;

use super::remove::{retire, trash_file_as_of};
use super::upload::{Landed, Wanted, finish_interim};
use super::{Failure, trash_interim};
use crate::remote::account::Account;
use crate::remote::translate;

/// The old version as it was agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    /// Its id.
    pub(crate) old: FileId,
    /// Its name in the account.
    pub(crate) name: RemoteName,
    /// The folder within the pair; `None`: its root.
    pub(crate) folder: Option<FolderId>,
    /// Its bytes.
    pub(crate) size: u64,
    /// Its version's second name.
    pub(crate) short_url: Option<ShortUrl>,
}

/// After the interim upload: is the old version as agreed? Then the new one takes its name, and the old one goes.
/// Otherwise the new one is trashed and everything is merged anew.
pub(crate) async fn finish_replacement(
    account: &Account,
    wanted: &Wanted,
    replaced: &Replacement,
    landed: Landed,
) -> Result<Landed, Failure> {
    let old = translate::wire_file(replaced.old).map_err(Failure::of_safe_call)?;
    let as_of = account.client.as_of().await;
    let as_of = as_of.map_err(|error| still_open(Failure::of_safe_call(error)))?;
    match account.client.file_info(old).await {
        Ok(row) if as_agreed(account, &row, replaced) => {}
        Ok(row) if gone(&row) && wanted.is_named(landed.name.as_str()) => {
            // A resumed replacement whose last call had arrived: nothing is left to do.
            return Ok(landed);
        }
        Ok(_) => {
            // Under its interim name nobody else knows it. Under the real one it may be what others hold by now: then
            // it stays, and the merge decides (design A1).
            if planner::naming::parse_interim(landed.name.as_str()).is_some() {
                trash_interim(account, landed.file, landed.name.as_str()).await?;
            }
            return Err(Failure::Stale("it changed in the account meanwhile".to_owned()));
        }
        Err(error) => return Err(still_open(Failure::of_safe_call(error))),
    }
    let landed = finish_interim(account, wanted, landed).await?;
    let retired = match trash_file_as_of(account, replaced.old, as_of).await {
        Ok(false) => retire(account, replaced).await,
        other => other,
    };
    match retired {
        Ok(true) => Ok(landed),
        // A later look at the open intent finds the same, and lets both be.
        Ok(false) => Err(Failure::Unknown("the old version changed meanwhile".to_owned())),
        // Both versions are live: the old one goes later.
        Err(failure) => Err(still_open(failure)),
    }
}

/// The new version is in the account: whatever failed, the intent stays open.
fn still_open(failure: Failure) -> Failure {
    match failure {
        Failure::Fatal(error) => Failure::Fatal(error),
        Failure::Stale(why)
        | Failure::Later(why)
        | Failure::Held(why)
        | Failure::Refused(why)
        | Failure::Unknown(why) => Failure::Unknown(why),
    }
}

pub(super) fn gone(row: &FileRow) -> bool {
    matches!(row.state, Some(RowState::Trash | RowState::Deleted))
}

pub(super) fn as_agreed(account: &Account, row: &FileRow, replaced: &Replacement) -> bool {
    let version = replaced.short_url.is_none() || translate::short_url(&row.short_url) == replaced.short_url;
    row.is_active()
        && version
        && row.size == replaced.size
        && row.name == replaced.name.as_str()
        && account.within(row.parent) == Some(replaced.folder)
}
