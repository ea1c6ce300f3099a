//! A file of the account copied by the server, in the place of an upload of the same bytes (design A8).
//!
//! Most servers make a copy that belongs to nobody (`wire.md` Q24): the first copy of a process is a trial that only a listing
//! ends well, and nobody else copies meanwhile. What must never happen: a copy that counts because the server said so, a
//! second copy after an answer that was lost. The caller holds an upload's intent; a lost copy is looked for as a lost
//! upload under its real name is.

use api::{ApiError, FileEdit, FileRow};
use planner::content::ContentHash;
use planner::id::{FileId, ShortUrl};
use planner::name::RemoteName;

use super::{Failure, Landed, Wanted, trash_file};
use crate::remote::account::Account;
use crate::remote::translate;

/// Why it is sent instead.
const NO_COPIES: &str = "the server makes no copies that are this account's: it is sent instead";

/// A file of the account that has the name and the bytes that are wanted, as it is on record.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    /// Its id.
    pub(crate) file: FileId,
    /// Its version's second name.
    pub(crate) short_url: Option<ShortUrl>,
    /// BLAKE3 of it.
    pub(crate) hash: ContentHash,
}

/// Copies it.
///
/// # Errors
/// [`Failure::Stale`] where the server does not copy: then nothing of it is left, and it may be sent.
pub(crate) async fn copy(account: &Account, twin: &Twin, wanted: &Wanted) -> Result<Landed, Failure> {
    let copying = account.client.copying();
    let _trial = match copying.works() {
        Some(true) => None,
        Some(false) => return Err(Failure::Stale(NO_COPIES.to_owned())),
        None => Some(copying.trial().await),
    };
    // Another one may have found it out while this one waited.
    let proved = match copying.works() {
        Some(false) => return Err(Failure::Stale(NO_COPIES.to_owned())),
        known => known.is_some(),
    };
    let place = account.place(wanted.folder).map_err(Failure::of_unsafe_call)?;
    let source = translate::wire_file(twin.file).map_err(Failure::of_safe_call)?;
    let copy = match account.client.file_copy(source, place).await {
        Ok(copied) if is_as_known(&copied.original, twin, wanted) => copied.copy,
        // Somebody changed what was copied: the copy is of no use.
        Ok(copied) => {
            let copy = translate::file_id(copied.copy.id);
            let copy = copy.ok_or(Failure::Unknown("the answer names no file".to_owned()))?;
            return Err(undone(account, copy).await);
        }
        Err(ApiError::NotFound { .. } | ApiError::BadDestination | ApiError::Unsupported { .. }) => {
            // Where the file itself is there, it is the copy that is nobody's.
            if account
                .client
                .file_info(source)
                .await
                .is_ok_and(|row| row.is_active())
            {
                copying.learn(false);
            }
            return Err(Failure::Stale(NO_COPIES.to_owned()));
        }
        Err(error) => return Err(Failure::of_unsafe_call(error)),
    };
    let file = translate::file_id(copy.id).ok_or(Failure::Unknown("the answer names no file".to_owned()))?;
    let seen = settled(account, &copy, place, wanted).await;
    let is_whole = |row: &FileRow| {
        row.is_active()
            && row.parent == Some(place)
            && row.size == wanted.size.get()
            && row.name == wanted.name.as_str()
    };
    let row = match seen {
        Ok(row) if is_whole(&row) => row,
        Ok(_) => {
            // Once more would be no better.
            copying.learn(false);
            return Err(undone(account, file).await);
        }
        // It is there somewhere: a look tells.
        Err(error) => return Err(Failure::Unknown(error.to_string())),
    };
    if !proved {
        let listing = account.client.folder_listing(place).await;
        let listing = listing.map_err(|error| Failure::Unknown(error.to_string()))?;
        let listed = listing.files.iter().any(|row| row.id == copy.id && is_whole(row));
        copying.learn(listed);
        if !listed {
            return Err(undone(account, file).await);
        }
    }
    Ok(Landed {
        file,
        short_url: translate::short_url(&row.short_url),
        name: RemoteName::new(row.name.as_str()),
        hash: twin.hash,
    })
}

/// Whether what was copied still is the version on record. By its size where no second name is known.
fn is_as_known(row: &FileRow, twin: &Twin, wanted: &Wanted) -> bool {
    let seen = translate::short_url(&row.short_url);
    let same = seen.is_none() || twin.short_url.is_none() || seen == twin.short_url;
    same && row.size == wanted.size.get()
}

/// The row of a copy at its place: one into the root may have come into no folder at all (`wire.md` Q13), and one beside an
/// equal name may have been numbered.
async fn settled(
    account: &Account,
    copy: &FileRow,
    place: api::Parent,
    wanted: &Wanted,
) -> Result<FileRow, ApiError> {
    let mut edit = FileEdit::of(copy.id);
    if copy.name != wanted.name.as_str() {
        edit = edit.name(wanted.name.as_str());
    }
    if copy.parent != Some(place) {
        edit = edit.folder(place);
    }
    if edit.name.is_some() || edit.folder.is_some() {
        account.client.file_edit(&edit).await
    } else {
        account.client.file_info(copy.id).await
    }
}

/// A copy that is not what was asked for goes: it is ours, and what it was made of is still here.
async fn undone(account: &Account, file: FileId) -> Failure {
    match trash_file(account, file).await {
        Ok(()) => Failure::Stale("the server's copy is not the file that was copied".to_owned()),
        Err(Failure::Fatal(error)) => Failure::Fatal(error),
        Err(_) => Failure::Unknown("the server's copy is not the file that was copied".to_owned()),
    }
}
