//! Folders made in the account (`wire.md` recipe 5): the parent known alive, the answered row compared, a lost answer looked
//! for and never repeated.

use api::{ApiError, FolderCreate, FolderRow};
use planner::id::FolderId;
use planner::name::{LocalName, RemoteName};
use planner::naming;
use planner::policy::{ServerTraits, Unstorable};

pub(crate) use api::Access;

use super::desk::Desk;
use super::fault::{Fault, call};
use super::find::{Found, Item, below};
use super::target::Target;
use crate::remote::translate;

/// What was not done.
const NOT_MADE: &str = "not made";

/// The name that something new gets in the account: what a server would mangle is escaped, as in a sync.
pub(super) fn remote_name(name: &str, path: &str, happened: &'static str) -> Result<RemoteName, Fault> {
    let unnameable = |why| Fault::Unnameable {
        path: path.to_owned(),
        happened,
        why,
    };
    let local = LocalName::new(name).ok_or_else(|| unnameable("no disk could hold that name"))?;
    naming::to_remote(&local, &ServerTraits::default(), Unstorable::Escape).map_err(|why| {
        unnameable(match why {
            planner::hold::Unnameable::Reserved => "syncd keeps names like this for files on their way",
            planner::hold::Unnameable::Unstorable => "the account cannot hold it",
            planner::hold::Unnameable::TooLong => {
                "it is longer than the 255 characters that the account keeps"
            }
        })
    })
}

/// Makes a folder that must not be there; with `parents` it may be, and what is missing above is made too. Answers it and
/// whether it is new.
pub(crate) async fn make(
    desk: &Desk,
    target: &Target,
    parents: bool,
    access: Access,
    password_md5: Option<&str>,
) -> Result<(Found, bool), Fault> {
    let Some((above, name)) = target.above() else {
        let found = desk.one(target).await?;
        return if parents && found.folder().is_ok() {
            Ok((found, false))
        } else {
            Err(taken(&found.path))
        };
    };
    let above = match desk.folder(&above).await {
        Err(Fault::NotFound { .. }) if parents => {
            // Folders on the way are as private as can be.
            Box::pin(make(desk, &above, true, Access::Private, None)).await?.0
        }
        found => found?,
    };
    let folder = above.folder()?;
    let path = below(&above.path, &name);
    let name = remote_name(&name, &path, NOT_MADE)?;
    match child(desk, &above, &name).await? {
        Some(found) if parents && found.folder().is_ok() => return Ok((found, false)),
        Some(_) => return Err(taken(&path)),
        None => {}
    }
    let row = create(desk, folder, &name, &path, access, password_md5).await?;
    let path = below(&above.path, &row.name);
    let item = Item::Folder(row);
    Ok((Found { path, item }, true))
}

fn taken(path: &str) -> Fault {
    Fault::Taken {
        path: path.to_owned(),
        happened: NOT_MADE,
        next: "choose another name; with -p a folder that is there is enough",
    }
}

/// What has that name in a folder; several are an error.
pub(super) async fn child(desk: &Desk, above: &Found, name: &RemoteName) -> Result<Option<Found>, Fault> {
    let folder = above.folder()?;
    let held = desk.held(folder).await.map_err(call(&above.path, "not listed"))?;
    let path = below(&above.path, name.as_str());
    let mut there = Vec::new();
    for row in held.folders.iter().filter(|row| row.name == name.as_str()) {
        if desk.lives(row).await {
            there.push(Item::Folder(row.clone()));
        }
    }
    let files = held.files.iter().filter(|row| row.name == name.as_str());
    there.extend(files.map(|row| Item::File(row.clone())));
    if there.len() > 1 {
        let ids = there
            .into_iter()
            .map(|item| {
                let path = path.clone();
                Found { path, item }.id()
            })
            .collect();
        return Err(Fault::Ambiguous { path, ids });
    }
    Ok(there.pop().map(|item| Found { path, item }))
}

/// Makes it, and makes sure of the answer.
pub(super) async fn create(
    desk: &Desk,
    parent: Option<FolderId>,
    name: &RemoteName,
    path: &str,
    access: Access,
    password_md5: Option<&str>,
) -> Result<FolderRow, Fault> {
    let place = translate::wire_parent(parent).map_err(call(path, NOT_MADE))?;
    let before = desk.held(parent).await.map_err(call(path, NOT_MADE))?;
    let create = FolderCreate {
        name: name.as_str().to_owned(),
        parent: place,
        access,
        password_md5: password_md5.map(str::to_owned),
    };
    let row = match desk.client.folder_create(&create).await {
        Ok(row) if row.parent == Some(place) => row,
        Ok(_) => {
            return Err(Fault::Unclear {
                path: path.to_owned(),
                happened: "made elsewhere",
                why: "the folder it was to be in is not there any more".to_owned(),
            });
        }
        Err(error) if error.is_definite() => return Err(call(path, NOT_MADE)(error)),
        Err(error) => {
            let held = desk.look(parent).await.map_err(call(path, NOT_MADE))?;
            let known: Vec<api::FolderId> = before.folders.iter().map(|row| row.id).collect();
            let mut new = held.folders.iter().filter(|row| !known.contains(&row.id));
            match new.find(|row| row.name == name.as_str()) {
                Some(row) => row.clone(),
                None => return Err(unclear(path, &error)),
            }
        }
    };
    desk.account.remember_alive(&row);
    // The listing that is kept does not show it yet.
    desk.forget(parent).await;
    Ok(row)
}

fn unclear(path: &str, error: &ApiError) -> Fault {
    Fault::Unclear {
        path: path.to_owned(),
        happened: "not made for sure",
        why: error.to_string(),
    }
}
