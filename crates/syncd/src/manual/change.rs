//! Names, places, visibility and the trash, one thing at a time. Every answered row is compared with what was asked.

use api::{Access, FileEdit, FolderEdit, FolderRow, RowState};
use planner::id::FolderId;
use planner::name::RemoteName;

use super::desk::Desk;
use super::fault::{Fault, call, step};
use super::find::{Found, Item, below};
use super::folders::{child, remote_name};
use super::target::Target;
use super::walk::{Reach, below as everything};
use crate::remote::account::Life;
use crate::remote::apply::{self as cloud, Failure};
use crate::remote::translate;

/// Who may see a folder, and behind which password.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visibility {
    /// Who; none: as it is.
    pub(crate) access: Option<Access>,
    /// MD5 of the password, or `null` to take it away; none: as it is.
    pub(crate) password: Option<String>,
}

/// What is to be changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    /// A new name.
    pub(crate) name: Option<String>,
    /// A new type; files only.
    pub(crate) file_type: Option<String>,
    /// Folders only.
    pub(crate) visibility: Visibility,
}

/// The parent of something, as its row says.
fn parent(found: &Found) -> Option<api::Parent> {
    match &found.item {
        Item::Top => None,
        Item::Folder(row) => row.parent,
        Item::File(row) => row.parent,
    }
}

/// The folder it lies in, as a thing of its own.
async fn home(desk: &Desk, found: &Found, happened: &'static str) -> Result<Found, Fault> {
    let unfit = |why: &str| Fault::Unfit {
        path: found.path.clone(),
        happened,
        why: why.to_owned(),
        next: "name a file or a folder in the account".to_owned(),
    };
    match parent(found) {
        Some(api::Parent::Top) => Ok(Found {
            path: "/".to_owned(),
            item: Item::Top,
        }),
        Some(api::Parent::In(id)) => {
            let row = desk.client.folder_info(id).await;
            let row = row.map_err(call(&found.path, happened))?;
            let path = found.path.rsplit_once('/').map_or("", |(above, _)| above);
            let path = if path.is_empty() {
                format!("folder:{id}")
            } else {
                path.to_owned()
            };
            let item = Item::Folder(row);
            Ok(Found { path, item })
        }
        Some(api::Parent::Limbo) | None if matches!(found.item, Item::Top) => {
            Err(unfit("it is the account's root"))
        }
        Some(api::Parent::Limbo) | None => Err(unfit("it lies in no folder")),
    }
}

/// Renames, or changes type, visibility or password. Answers it as it is now.
pub(crate) async fn edit(desk: &Desk, target: &Target, edit: &Edit) -> Result<Found, Fault> {
    const NOT_CHANGED: &str = "not changed";
    let found = desk.one(target).await?.living()?;
    let unfit = |why: &str, next: &str| Fault::Unfit {
        path: found.path.clone(),
        happened: NOT_CHANGED,
        why: why.to_owned(),
        next: next.to_owned(),
    };
    let name = match &edit.name {
        Some(name) => Some(remote_name(name, &found.path, NOT_CHANGED)?),
        None => None,
    };
    let above = home(desk, &found, NOT_CHANGED).await?;
    if let Some(name) = &name
        && let Some(other) = child(desk, &above, name).await?
        && other.id() != found.id()
    {
        return Err(Fault::Taken {
            path: other.path,
            happened: NOT_CHANGED,
            next: "choose another name",
        });
    }
    let item = match &found.item {
        Item::Top => return Err(unfit("it is the account's root", "name a file or a folder in it")),
        Item::File(_) if edit.visibility.access.is_some() || edit.visibility.password.is_some() => {
            return Err(unfit(
                "the API sets visibility and passwords for folders only",
                "set them for its folder",
            ));
        }
        Item::Folder(_) if edit.file_type.is_some() => {
            return Err(unfit("a folder has no type", "leave --type out"));
        }
        Item::File(row) => {
            let mut wanted = FileEdit::of(row.id);
            wanted.name = name.as_ref().map(|name| name.as_str().to_owned());
            wanted.file_type.clone_from(&edit.file_type);
            let row = desk.client.file_edit(&wanted).await;
            Item::File(row.map_err(call(&found.path, NOT_CHANGED))?)
        }
        Item::Folder(row) => {
            let wanted = folder_edit(row, name.as_ref(), &edit.visibility);
            let row = desk.client.folder_edit(&wanted).await;
            Item::Folder(row.map_err(call(&found.path, NOT_CHANGED))?)
        }
    };
    let changed = Found {
        path: below(
            &above.path,
            match &item {
                Item::Top => "",
                Item::Folder(row) => &row.name,
                Item::File(row) => &row.name,
            },
        ),
        item,
    };
    if name.as_ref().is_some_and(|name| name.as_str() != changed.name()) {
        return Err(Fault::Unclear {
            path: changed.path.clone(),
            happened: "renamed, but not as asked",
            why: "the server keeps that name in another form".to_owned(),
        });
    }
    Ok(changed)
}

/// What a folder's edit is to be.
fn folder_edit(row: &FolderRow, name: Option<&RemoteName>, visibility: &Visibility) -> FolderEdit {
    let mut wanted = FolderEdit::of(row.id);
    wanted.name = name.map(|name| name.as_str().to_owned());
    wanted.password_md5.clone_from(&visibility.password);
    // A password alone is ignored by servers: the visibility goes with it as it is (`wire.md` §3.17).
    let now = match row.is_public {
        Some(2) => Access::Public,
        Some(1) => Access::Unlisted,
        Some(_) | None => Access::Private,
    };
    wanted.access = visibility
        .access
        .or_else(|| visibility.password.as_ref().map(|_| now));
    wanted
}

/// Where something goes: into a folder under its own name, or to a path that is not there yet.
pub(super) struct Destination {
    /// The folder.
    pub(super) folder: Found,
    /// Its name there.
    pub(super) name: RemoteName,
}

/// What a last argument means: a folder to put things into, or a new name for a single one.
pub(super) async fn destination(
    desk: &Desk,
    from: &Found,
    to: &Target,
    single: bool,
    happened: &'static str,
) -> Result<Destination, Fault> {
    let there = match desk.one(to).await {
        Ok(found) => Some(found),
        Err(Fault::NotFound { .. } | Fault::NoMatch { .. }) if single => None,
        Err(fault) => return Err(fault),
    };
    let folder = match there {
        Some(found) => match found.folder() {
            Ok(_) => found.living()?,
            Err(fault) if !single => return Err(fault),
            Err(_) => return Err(taken(&found.path, happened)),
        },
        None => {
            let (above, name) = to.above().ok_or_else(|| Fault::NotFound {
                path: to.text.clone(),
                near: None,
            })?;
            let folder = desk.folder(&above).await?;
            let path = below(&folder.path, &name);
            let name = remote_name(&name, &path, happened)?;
            return Ok(Destination { folder, name });
        }
    };
    // A name that is in the account may go from one folder to another as it is.
    let name = RemoteName::new(from.name());
    Ok(Destination { folder, name })
}

pub(super) fn taken(path: &str, happened: &'static str) -> Fault {
    Fault::Taken {
        path: path.to_owned(),
        happened,
        next: "choose another name or folder, or move what is there away first",
    }
}

/// Moves or renames; answers it as it is now.
pub(crate) async fn move_to(desk: &Desk, from: &Found, to: &Target, single: bool) -> Result<Found, Fault> {
    const NOT_MOVED: &str = "not moved";
    let from = from.clone().living()?;
    home(desk, &from, NOT_MOVED).await?;
    let Destination { folder, name } = destination(desk, &from, to, single, NOT_MOVED).await?;
    let into = folder.folder()?;
    let place = translate::wire_parent(into).map_err(call(&from.path, NOT_MOVED))?;
    match child(desk, &folder, &name).await? {
        Some(there) if there.id() == from.id() => return Ok(there),
        Some(there) => return Err(taken(&there.path, NOT_MOVED)),
        None => {}
    }
    let moves = (parent(&from) != Some(place)).then_some(into);
    let renames = (from.name() != name.as_str()).then_some(&name);
    let stored = match &from.item {
        Item::Top => return Ok(from),
        Item::File(row) => {
            let id = translate::file_id(row.id).ok_or_else(|| gone(&from))?;
            cloud::edit_file(&desk.account, id, renames, moves).await
        }
        Item::Folder(row) => {
            let id = translate::folder_id(row.id).ok_or_else(|| gone(&from))?;
            if into == Some(id) {
                return Err(into_itself(&from));
            }
            match cloud::edit_folder(&desk.account, id, renames, moves).await {
                Err(Failure::Stale(_)) if is_below(desk, id, into).await => return Err(into_itself(&from)),
                done => done,
            }
        }
    };
    let stored = stored.map_err(step(&from.path, NOT_MOVED))?;
    desk.forget(into).await;
    let stored = stored.unwrap_or(name);
    Ok(Found {
        path: below(&folder.path, stored.as_str()),
        item: from.item,
    })
}

fn gone(found: &Found) -> Fault {
    Fault::Dead {
        path: found.path.clone(),
    }
}

fn into_itself(found: &Found) -> Fault {
    Fault::Unfit {
        path: found.path.clone(),
        happened: "not moved",
        why: "a folder cannot go into itself".to_owned(),
        next: "choose another folder".to_owned(),
    }
}

/// Whether a place lies in a folder, as far as the chain above it can be read.
async fn is_below(desk: &Desk, folder: FolderId, place: Option<FolderId>) -> bool {
    let mut next = place;
    for _ in 0..64 {
        let Some(id) = next else { return false };
        if id == folder {
            return true;
        }
        let Ok(wire) = translate::wire_folder(id) else {
            return false;
        };
        next = match desk.client.folder_info(wire).await {
            Ok(row) => row
                .parent
                .and_then(api::Parent::folder)
                .and_then(translate::folder_id),
            Err(_) => return false,
        };
    }
    false
}

/// What went to the trash.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Removed {
    /// What.
    pub(crate) found: Found,
    /// Files that went with a folder.
    pub(crate) files: u64,
    /// Folders that went with it.
    pub(crate) folders: u64,
}

/// Moves something to the account's trash; a folder with all that is in it only if `whole`.
pub(crate) async fn remove(desk: &Desk, found: &Found, whole: bool) -> Result<Removed, Fault> {
    const NOT_REMOVED: &str = "not removed";
    let found = found.clone().living()?;
    let unfit = |why: &str, next: &str| Fault::Unfit {
        path: found.path.clone(),
        happened: NOT_REMOVED,
        why: why.to_owned(),
        next: next.to_owned(),
    };
    match &found.item {
        Item::Top => Err(unfit(
            "it is the account's root, which is never removed",
            "name what is in it",
        )),
        Item::File(row) => {
            let answer = desk.client.file_delete(row.id).await;
            let answer = answer.map_err(call(&found.path, NOT_REMOVED))?;
            match answer.state {
                Some(RowState::Trash | RowState::Deleted) => Ok(Removed {
                    found,
                    files: 0,
                    folders: 0,
                }),
                Some(RowState::Active | RowState::Other(_)) | None => Err(unseen(&found)),
            }
        }
        Item::Folder(_) if !whole => Err(unfit(
            "it is a folder",
            "give -r to remove it with all that is in it",
        )),
        Item::Folder(row) => {
            let (rows, failed) = everything(desk, &found, Reach::ALL).await?;
            if let Some(fault) = failed.into_iter().next() {
                return Err(fault);
            }
            let folders = rows
                .iter()
                .filter(|row| matches!(row.found.item, Item::Folder(_)))
                .count();
            let files = rows.len().saturating_sub(folders);
            let id = translate::folder_id(row.id).ok_or_else(|| gone(&found))?;
            let answer = desk.client.folder_delete(row.id).await;
            answer.map_err(call(&found.path, NOT_REMOVED))?;
            if desk.account.life(id).await.0 == Life::Alive {
                return Err(unseen(&found));
            }
            Ok(Removed {
                found,
                files: u64::try_from(files).unwrap_or(u64::MAX),
                folders: u64::try_from(folders).unwrap_or(u64::MAX),
            })
        }
    }
}

fn unseen(found: &Found) -> Fault {
    Fault::Unclear {
        path: found.path.clone(),
        happened: "not removed for sure",
        why: "the server says it is deleted, but shows it as live".to_owned(),
    }
}
