//! Into the account's trash (design A6): one look just before, one call, one check. A look that another device may have
//! worked since, or that is long ago, is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::{ApiError, AsOf, FileRow, RowState};
use planner::id::{FileId, FolderId, RemoteId, ShortUrl};
use planner::name::RemoteName;
use tokio::time::Instant;

use super::Failure;
use super::replace::{Replacement, as_agreed, gone};
use crate::remote::account::Account;
use crate::remote::{rows, translate};

/// Looks made for one deletion, each because the one before was of another session or took too long.
const LOOKS: u32 = 3;

/// How old the first listing of a subtree may be when all of it is deleted at once: half of what design A6 allows, so that the
/// call, which may have to wait for its turn, is within [`api::LOOK_LASTS`] as well.
const AT_ONCE_WITHIN: Duration = Duration::from_secs(5);

/// Folders listed before one delete: a bound against absurd trees.
const FOLDER_LIMIT: usize = 1_000_000;

/// The looks for one deletion.
#[derive(Default)]
struct Looks(u32);

impl Looks {
    /// Before a look.
    async fn next(&mut self, account: &Account) -> Result<AsOf, Failure> {
        if self.0 >= LOOKS {
            return Err(Failure::Later(
                "no look at it lasted until the delete: another device keeps signing in, or the server is slow".to_owned(),
            ));
        }
        self.0 = self.0.saturating_add(1);
        account.client.as_of().await.map_err(Failure::of_safe_call)
    }
}

/// Whether a deletion on the strength of a look was done; false: it needs another look.
fn done(result: Result<(), ApiError>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(ApiError::LookAgain) => Ok(false),
        Err(error) => Err(Failure::of_safe_call(error)),
    }
}

/// A file's row as it is just before something is done to it.
pub(super) async fn seen_now(account: &Account, id: FileId) -> Result<FileRow, Failure> {
    let wire = translate::wire_file(id).map_err(Failure::of_safe_call)?;
    let row = account.client.file_info(wire).await;
    row.map_err(Failure::of_safe_call)
}

/// Moves a file to the trash. Repeats are harmless; the answer must say trash.
pub(crate) async fn trash_file(account: &Account, id: FileId) -> Result<(), Failure> {
    let wire = translate::wire_file(id).map_err(Failure::of_safe_call)?;
    let row = account.client.file_delete(wire).await;
    row.map_err(Failure::of_safe_call).and_then(|row| trashed(&row))
}

/// The same for one that was looked at. Answers whether it was done; else it needs another look.
pub(super) async fn trash_file_as_of(account: &Account, id: FileId, as_of: AsOf) -> Result<bool, Failure> {
    let wire = translate::wire_file(id).map_err(Failure::of_safe_call)?;
    let row = account.client.file_delete_as_of(wire, as_of).await;
    if let Ok(row) = &row {
        trashed(row)?;
    }
    done(row.map(|_| ()))
}

fn trashed(row: &FileRow) -> Result<(), Failure> {
    if gone(row) {
        return Ok(());
    }
    Err(Failure::Later(
        "the server says it is deleted, but shows it as live".to_owned(),
    ))
}

/// Moves a file to the trash if it is still as the plan knows it (`wire.md` §8, recipe 6): one look just before. Gone
/// already is as good.
pub(crate) async fn trash_file_as_known(
    account: &Account,
    id: FileId,
    known: Option<&Replacement>,
) -> Result<(), Failure> {
    let trashed = match known {
        Some(known) => retire(account, known).await?,
        None => gone(&seen_now(account, id).await?),
    };
    if trashed {
        return Ok(());
    }
    Err(Failure::Stale("it changed in the account meanwhile".to_owned()))
}

/// The same for an old version, whose new one has its name already. Answers whether it is out of the way: one that somebody
/// changed meanwhile stays.
pub(crate) async fn retire(account: &Account, replaced: &Replacement) -> Result<bool, Failure> {
    trash_if(account, replaced.old, |row| as_agreed(account, row, replaced)).await
}

/// Moves an interim of ours to the trash, if it still bears the interim name (design A3).
pub(crate) async fn trash_interim(account: &Account, id: FileId, name: &str) -> Result<(), Failure> {
    let trashed = trash_if(account, id, |row| row.name == name).await;
    trashed.map(|_| ())
}

/// Moves an arrival of ours that bears a name for users to the trash, if it still is what this row showed. Somebody who
/// found it may have given it other bytes since, and on some servers under its id (`wire.md` Q44): then it stays.
pub(crate) async fn trash_arrival(account: &Account, id: FileId, seen: &FileRow) -> Result<(), Failure> {
    let same =
        |row: &FileRow| row.name == seen.name && row.size == seen.size && row.short_url == seen.short_url;
    trash_if(account, id, same).await.map(|_| ())
}

/// Moves a file to the trash if a look just before shows it so. Answers whether it is in the trash; it may have been before.
async fn trash_if(account: &Account, id: FileId, still: impl Fn(&FileRow) -> bool) -> Result<bool, Failure> {
    let mut looks = Looks::default();
    loop {
        let as_of = looks.next(account).await?;
        let row = seen_now(account, id).await?;
        if gone(&row) {
            return Ok(true);
        }
        if !still(&row) {
            return Ok(false);
        }
        if trash_file_as_of(account, id, as_of).await? {
            return Ok(true);
        }
    }
}

/// A folder as the plan knows it.
#[derive(Clone, Debug)]
pub(crate) struct FolderAsKnown {
    /// Which.
    pub(crate) id: FolderId,
    /// Its name and the folder it is in (`None`: the pair's root), as they were seen.
    pub(crate) place: Option<(RemoteName, Option<FolderId>)>,
    /// Everything that may go with it.
    pub(crate) contents: BTreeSet<RemoteId>,
    /// Versions of the files in it, size and second name, as they were seen: on some servers an edit keeps the id
    /// (`wire.md` Q44), and nobody meant to delete what it wrote.
    pub(crate) versions: BTreeMap<FileId, (u64, Option<ShortUrl>)>,
    /// Interim names of ours, and others long abandoned, which keep nothing (design M15).
    pub(crate) ignored: BTreeSet<RemoteId>,
}

impl FolderAsKnown {
    fn covers(&self, id: RemoteId) -> bool {
        self.contents.contains(&id) || self.ignored.contains(&id)
    }

    /// Whether a file that may go is still the version that was seen.
    fn is_version(&self, row: &FileRow) -> bool {
        let seen = translate::file_id(row.id).and_then(|id| self.versions.get(&id));
        seen.is_none_or(|(size, url)| {
            row.size == *size && (url.is_none() || translate::short_url(&row.short_url) == *url)
        })
    }
}

/// A folder as it is listed just before it goes: what is in it must be known, or it stays.
async fn list_known(
    account: &Account,
    known: &FolderAsKnown,
    folder: FolderId,
) -> Result<Vec<FolderId>, Failure> {
    let raw = rows::list(account, Some(folder))
        .await
        .map_err(Failure::of_safe_call)?;
    let listed = raw.listed();
    let files = listed.files.iter().filter_map(|row| translate::file_id(row.id));
    let folders: Vec<FolderId> = listed
        .folders
        .iter()
        .filter_map(|row| translate::folder_id(row.id))
        .collect();
    let below = folders.iter().copied().map(RemoteId::Folder);
    let mut all = files.map(RemoteId::File).chain(below);
    let changed = raw.files().iter().any(|row| !known.is_version(row));
    if changed || all.any(|id| !known.covers(id)) {
        return Err(Failure::Stale(
            "something new or changed is in the folder that was to be deleted".to_owned(),
        ));
    }
    Ok(folders)
}

/// Lists the folder's subtree once more; anything that the plan does not delete stops it, and so does another name or
/// place. Then one call takes all; if the listings took long, each folder goes by itself from the bottom up, listed just
/// before (design A6, history H06).
pub(crate) async fn trash_folder(account: &Account, known: &FolderAsKnown) -> Result<(), Failure> {
    let mut looks = Looks::default();
    loop {
        let as_of = looks.next(account).await?;
        let begun = Instant::now();
        let order = list_all(account, known).await?;
        if !is_there(account, known).await? {
            return Ok(());
        }
        if begun.elapsed() > AT_ONCE_WITHIN {
            // What is listed before what is in it goes after it.
            for folder in order.into_iter().rev() {
                trash_listed(account, known, folder).await?;
            }
            return Ok(());
        }
        if delete(account, known.id, as_of).await? {
            return Ok(());
        }
    }
}

/// The folder and those in it, each before what is in it; everything in them is known.
async fn list_all(account: &Account, known: &FolderAsKnown) -> Result<Vec<FolderId>, Failure> {
    let mut queue = vec![known.id];
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(folder) = queue.pop() {
        if seen.len() >= FOLDER_LIMIT {
            return Err(Failure::Refused("the folder holds too many folders".to_owned()));
        }
        if seen.insert(folder) {
            order.push(folder);
            queue.extend(list_known(account, known, folder).await?);
        }
    }
    Ok(order)
}

/// Whether the folder is not in the trash yet; another name or place stops it.
async fn is_there(account: &Account, known: &FolderAsKnown) -> Result<bool, Failure> {
    let top = translate::wire_folder(known.id).map_err(Failure::of_safe_call)?;
    let row = account.client.folder_info(top).await;
    let row = row.map_err(Failure::of_safe_call)?;
    if matches!(row.state, Some(RowState::Trash | RowState::Deleted)) {
        return Ok(false);
    }
    let moved = known.place.as_ref().is_some_and(|(name, parent)| {
        row.name != name.as_str() || account.within(row.parent) != Some(*parent)
    });
    if moved {
        return Err(Failure::Stale(
            "it was moved or renamed in the account meanwhile".to_owned(),
        ));
    }
    Ok(true)
}

/// One folder, listed just before.
async fn trash_listed(account: &Account, known: &FolderAsKnown, folder: FolderId) -> Result<(), Failure> {
    let mut looks = Looks::default();
    loop {
        let as_of = looks.next(account).await?;
        list_known(account, known, folder).await?;
        // Its listing may be so large that it takes longer by itself.
        if delete(account, folder, as_of.from_now()).await? {
            return Ok(());
        }
    }
}

async fn delete(account: &Account, folder: FolderId, as_of: AsOf) -> Result<bool, Failure> {
    let wire = translate::wire_folder(folder).map_err(Failure::of_safe_call)?;
    done(account.client.folder_delete_as_of(wire, as_of).await)
}
