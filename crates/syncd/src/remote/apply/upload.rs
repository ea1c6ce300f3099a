//! A new file in the account (design A2, A3). The caller holds a journalled intent; nothing here repeats an upload.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use api::{FileEdit, FileRow, UploadBody, UploadRequest, Uploaded};
use planner::content::ContentHash;
use planner::id::{FileId, FolderId, ShortUrl};
use planner::name::{PlainName, RemoteName};
use planner::naming::{self, Again};

use super::{Failure, is_fatal, trash_file};
use crate::remote::account::Account;
use crate::remote::translate;

/// A file that is now in the account under its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Landed {
    /// Its id.
    pub(crate) file: FileId,
    /// Its version's second name.
    pub(crate) short_url: Option<ShortUrl>,
    /// Its name as stored.
    pub(crate) name: RemoteName,
    /// BLAKE3 of what was sent.
    pub(crate) hash: ContentHash,
}

/// Where a file shall be and how it shall be called.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The folder within the pair; `None`: its root.
    pub(crate) folder: Option<FolderId>,
    /// Its name.
    pub(crate) name: RemoteName,
    /// Its size in bytes.
    pub(crate) size: NonZeroU64,
}

impl Wanted {
    /// Whether a file of this name has the name that is wanted, or what stands for it where it cannot be set.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        match naming::set_again(&self.name) {
            Again::Kept | Again::Never => self.name.as_str() == name,
            Again::MayBeMangled(escaped) => self.name.as_str() == name || escaped.as_str() == name,
            Again::Only(escaped) => escaped.as_str() == name,
        }
    }

    /// Whether a server that mangles names may have made any other one of it, on the way to the escaped form.
    pub(crate) fn may_be_mangled(&self) -> bool {
        matches!(naming::set_again(&self.name), Again::MayBeMangled(_))
    }
}

/// Uploads under `name`: the real one (design A2), or an interim (A3) that [`finish_interim`] ends. Wrong bytes are
/// trashed at once (`wire.md` Q60).
pub(crate) async fn upload(
    account: &Account,
    wanted: &Wanted,
    name: &PlainName,
    body: UploadBody,
    progress: Arc<AtomicU64>,
) -> Result<Landed, Failure> {
    let folder = account.place(wanted.folder).map_err(Failure::of_unsafe_call)?;
    let request = UploadRequest {
        name: name.as_str().to_owned(),
        folder,
        size: wanted.size,
        body,
        progress,
    };
    let up = account
        .client
        .upload(request)
        .await
        .map_err(Failure::of_unsafe_call)?;
    let file =
        translate::file_id(up.file_id).ok_or(Failure::Unknown("the answer names no file".to_owned()))?;
    if let Some(wrong) = wrong_bytes(&up, wanted.size) {
        // Ours and known to be wrong: it may go.
        return match account.client.file_delete(up.file_id).await {
            Ok(_) => Err(Failure::Stale(wrong)),
            Err(error) if is_fatal(&error) => Err(Failure::Fatal(error)),
            Err(_) => Err(Failure::Unknown(wrong)),
        };
    }
    Ok(Landed {
        file,
        short_url: translate::short_url(&up.short_url),
        name: RemoteName::new(up.name.as_str()),
        hash: ContentHash(up.sent.blake3),
    })
}

/// What the answer says of the bytes, where it says anything (design A2).
fn wrong_bytes(up: &Uploaded, size: NonZeroU64) -> Option<String> {
    match (up.content_agrees(), up.size) {
        (Some(false), Some(stored)) if stored != size.get() => Some(format!(
            "the server stored {stored} of {size} bytes; it is sent again"
        )),
        (Some(false), _) => Some("the server stored other bytes than were sent; it is sent again".to_owned()),
        (Some(true) | None, _) => None,
    }
}

/// Gives a file of ours its real name and place in one call, and compares the answered row (design A3).
pub(crate) async fn finish_interim(
    account: &Account,
    wanted: &Wanted,
    landed: Landed,
) -> Result<Landed, Failure> {
    let file = translate::wire_file(landed.file).map_err(Failure::of_safe_call)?;
    let again = naming::set_again(&wanted.name);
    let name = match &again {
        Again::Only(escaped) => escaped,
        Again::Kept | Again::MayBeMangled(_) | Again::Never => &wanted.name,
    };
    let edit = FileEdit::of(file).name(name.as_str());
    let mut row = account.client.file_edit(&edit).await.map_err(unfinished)?;
    if let Again::MayBeMangled(escaped) = &again
        && row.is_active()
        && row.name != name.as_str()
    {
        // This server does not keep such names: left as it is now, it would be another name on every machine.
        let edit = FileEdit::of(file).name(escaped.as_str());
        row = account.client.file_edit(&edit).await.map_err(unfinished)?;
    }
    let place = account.place(wanted.folder).map_err(Failure::of_safe_call)?;
    if row.is_active() && row.parent != Some(place) {
        // Q09: the server fell back to the root, or somebody moved it. One repair, then it is not ours to fight over.
        row = account
            .client
            .file_edit(&FileEdit::of(file).folder(place))
            .await
            .map_err(unfinished)?;
    }
    if let Some(why) = wrong_place_or_bytes(&row, place, wanted) {
        // Ours, and of use to nobody: what it was made of is still here.
        return Err(match trash_file(account, landed.file).await {
            Ok(()) => Failure::Stale(why),
            Err(Failure::Fatal(error)) => Failure::Fatal(error),
            Err(_) => Failure::Unknown(why),
        });
    }
    if !row.is_active() {
        return Err(Failure::Stale(
            "the uploaded file was put into the trash at once".to_owned(),
        ));
    }
    Ok(Landed {
        name: RemoteName::new(row.name.as_str()),
        ..landed
    })
}

/// The file is there under an interim name: until that is finished, nothing else may be done about its item.
fn unfinished(error: api::ApiError) -> Failure {
    match Failure::of_safe_call(error) {
        Failure::Later(why) | Failure::Refused(why) | Failure::Held(why) => Failure::Unknown(why),
        other @ (Failure::Stale(_) | Failure::Unknown(_) | Failure::Fatal(_)) => other,
    }
}

/// Why a live upload of ours is not what it should be, as its row says.
fn wrong_place_or_bytes(row: &FileRow, place: api::Parent, wanted: &Wanted) -> Option<String> {
    if !row.is_active() {
        None
    } else if row.parent != Some(place) {
        Some("the folder it was uploaded to is not there any more".to_owned())
    } else if row.size != wanted.size.get() {
        Some(format!("the server holds {} of {} bytes", row.size, wanted.size))
    } else {
        None
    }
}
