//! What is in a folder, or in all of a tree, as rows with paths.
//!
//! Folders are entered once each, and no deeper than [`DEPTH_MAX`]: servers accept rings. A folder that cannot be listed is
//! told, never taken for an empty one.

use std::collections::BTreeSet;

use api::{FileRow, FolderRow};
use futures_util::stream::{self, StreamExt as _};
use planner::id::FolderId;

use super::desk::{CALLS, Desk};
use super::fault::{Fault, call};
use super::find::{Found, Item, below as join};
use crate::remote::translate;

/// Folders below each other that are entered (`wire.md` recipe 7).
const DEPTH_MAX: usize = 256;

/// Something in a tree.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Row {
    /// What and where.
    pub(crate) found: Found,
    /// Folders between it and where the walk began.
    pub(crate) depth: usize,
    /// The server lists it although it does not live.
    pub(crate) dead: bool,
}

/// What a walk is to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reach {
    /// How deep; 0 is the folder itself.
    pub(crate) depth: usize,
    /// Also what is in the trash, as far as the server lists it.
    pub(crate) dead: bool,
}

impl Reach {
    /// Everything that lives.
    pub(crate) const ALL: Self = Self {
        depth: DEPTH_MAX,
        dead: false,
    };
}

/// Everything below a folder in the order of a listing: each folder followed by what is in it, folders before files, by name.
/// What could not be listed is in the second part.
pub(crate) async fn below(desk: &Desk, found: &Found, reach: Reach) -> Result<(Vec<Row>, Vec<Fault>), Fault> {
    let folder = found.folder()?;
    let mut rows = list(desk, &found.path, folder, 0, reach).await?;
    let mut failed = Vec::new();
    let mut entered = BTreeSet::from([folder]);
    let mut at = 0;
    // A layer of folders is listed at once, then each one's rows are put behind it.
    while let Some(layer) = layer(&rows, at, reach, &mut entered) {
        let listed: Vec<_> = stream::iter(layer)
            .map(|(path, id)| async move {
                (
                    path.clone(),
                    id,
                    list(desk, &path, Some(id), at.saturating_add(1), reach).await,
                )
            })
            .buffered(CALLS)
            .collect()
            .await;
        let mut grown = Vec::new();
        let mut listed = listed.into_iter().peekable();
        for row in rows {
            let id = folder_of(&row);
            grown.push(row);
            if let Some((_, _, inside)) = listed.next_if(|(_, listed, _)| Some(*listed) == id) {
                match inside {
                    Ok(inside) => grown.extend(inside),
                    Err(fault) if fault.is_fatal() => return Err(fault),
                    Err(fault) => failed.push(fault),
                }
            }
        }
        rows = grown;
        at = at.saturating_add(1);
    }
    Ok((rows, failed))
}

fn folder_of(row: &Row) -> Option<FolderId> {
    match &row.found.item {
        Item::Folder(folder) if !row.dead => translate::folder_id(folder.id),
        Item::Folder(_) | Item::File(_) | Item::Top => None,
    }
}

/// The folders of one depth that were not entered yet, in order; none if there is nothing more to enter.
fn layer(
    rows: &[Row],
    depth: usize,
    reach: Reach,
    entered: &mut BTreeSet<Option<FolderId>>,
) -> Option<Vec<(String, FolderId)>> {
    if depth.saturating_add(1) >= reach.depth {
        return None;
    }
    let folders = rows.iter().filter(|row| row.depth == depth);
    let new = folders.filter_map(|row| Some((row.found.path.clone(), folder_of(row)?)));
    let layer: Vec<_> = new.filter(|(_, id)| entered.insert(Some(*id))).collect();
    (!layer.is_empty()).then_some(layer)
}

async fn list(
    desk: &Desk,
    path: &str,
    folder: Option<FolderId>,
    depth: usize,
    reach: Reach,
) -> Result<Vec<Row>, Fault> {
    let held = desk.held(folder).await.map_err(call(path, "not listed"))?;
    let lives: Vec<bool> = stream::iter(&held.folders)
        .map(|row| desk.lives(row))
        .buffered(CALLS)
        .collect()
        .await;
    let row = |item: Item, name: &str, dead| Row {
        found: Found {
            path: join(path, name),
            item,
        },
        depth,
        dead,
    };
    let folder_row = |it: &FolderRow, dead| row(Item::Folder(it.clone()), &it.name, dead);
    let file_row = |it: &FileRow, dead| row(Item::File(it.clone()), &it.name, dead);
    let mut folders: Vec<Row> = held
        .folders
        .iter()
        .zip(&lives)
        .filter(|(_, lives)| **lives || reach.dead)
        .map(|(it, lives)| folder_row(it, !lives))
        .collect();
    let mut files: Vec<Row> = held.files.iter().map(|it| file_row(it, false)).collect();
    if reach.dead {
        folders.extend(held.dead_folders.iter().map(|it| folder_row(it, true)));
        files.extend(held.dead_files.iter().map(|it| file_row(it, true)));
    }
    for rows in [&mut folders, &mut files] {
        rows.sort_by(|a, b| a.found.name().cmp(b.found.name()));
    }
    folders.append(&mut files);
    Ok(folders)
}
