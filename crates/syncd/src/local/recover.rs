//! What a run that ended in the middle of a step left behind (design D1; history H04).
//!
//! Called at start, before the first scan, for every open intent, then once for what no intent claims; and after a step that
//! failed. A half-done step is undone, never finished: the merge decides again. Bytes are told apart by BLAKE3 alone: our
//! own download may be dropped, the base's version may go to the trash if its place is taken, and everything else is the
//! user's and gets its place back, or one beside it under a conflict name.

use planner::content::ContentHash;
use planner::name::LocalName;
use planner::naming::{Shape, conflict};
use planner::path::RelPath;
use planner::policy::DiskTraits;

use super::apply;
use super::error::LocalError;
use super::hash;
use super::root::{Area, Root, Spot};
use super::staging;
use super::sys::Kind;
use super::trash::{self, TrashPlace};

/// Conflict names tried for one file.
const ATTEMPTS_MAX: u32 = 100;

/// An open intent to give a download its place ([`apply::place`], [`apply::replace`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlaceIntent {
    /// The download's name in the staging area.
    pub(crate) staged: LocalName,
    /// Where it was to go.
    pub(crate) path: RelPath,
    /// The download's bytes.
    pub(crate) download: ContentHash,
    /// The bytes of the version it was to replace, if there was one.
    pub(crate) base: Option<ContentHash>,
}

/// How things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping<'a> {
    /// This machine's name in conflict names.
    pub(crate) device: &'a str,
    /// What the disk does to names.
    pub(crate) disk: &'a DiskTraits,
    /// The trash of today.
    pub(crate) trash: TrashPlace,
}

/// What was found and done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Recovered {
    /// Nothing was under way any more: the step was done, or had not begun.
    Nothing,
    /// Our own download was dropped.
    Dropped,
    /// The entry is at its path again.
    PutBack(RelPath),
    /// The path was taken: the entry is beside it.
    KeptBeside(RelPath),
    /// The version that was replaced is in the trash: the step is done.
    Trashed(RelPath),
}

/// Settles an intent to place a download. Everything found is named, the version set aside before the staged file.
pub(crate) fn place(
    root: &Root,
    intent: &PlaceIntent,
    how: Keeping<'_>,
) -> Result<Vec<Recovered>, LocalError> {
    let mut found = Vec::new();
    let aside = root.area_spot(Area::Parked, &apply::aside_name(&intent.staged)?)?;
    if aside.look_if_there()?.is_some() {
        found.push(give_back(root, &aside, &intent.path, intent.base, how)?);
    }
    let staged = staging::spot(root, &intent.staged)?;
    if staged.look_if_there()?.is_some() {
        found.push(settle_staged(root, &staged, intent, how)?);
    }
    if found.is_empty() {
        found.push(Recovered::Nothing);
    }
    Ok(found)
}

fn settle_staged(
    root: &Root,
    staged: &Spot,
    intent: &PlaceIntent,
    how: Keeping<'_>,
) -> Result<Recovered, LocalError> {
    let (bytes, _) = hash::hash_spot(staged)?;
    if bytes == intent.download {
        staged.remove()?;
        return Ok(Recovered::Dropped);
    }
    if intent.base == Some(bytes) {
        // They changed places, and what came out is what was to be replaced.
        return trash::put(root, staged, &intent.path, how.trash).map(Recovered::Trashed);
    }
    // They changed places while the user saved: what came out is the user's.
    keep(root, staged, &intent.path, how)
}

/// Settles an intent to trash a file ([`apply::trash`]). `base`: the bytes that were to go, if they are known.
pub(crate) fn trash(
    root: &Root,
    path: &RelPath,
    base: Option<ContentHash>,
    how: Keeping<'_>,
) -> Result<Recovered, LocalError> {
    let parked = root.area_spot(Area::Parked, &apply::trash_slot(path)?)?;
    match parked.look_if_there()? {
        None => Ok(Recovered::Nothing),
        Some(_) => give_back(root, &parked, path, base, how),
    }
}

/// Settles an intent to park an entry ([`apply::park`]) that was at `from`.
pub(crate) fn park(
    root: &Root,
    slot: &LocalName,
    from: &RelPath,
    how: Keeping<'_>,
) -> Result<Recovered, LocalError> {
    let parked = root.area_spot(Area::Parked, slot)?;
    match parked.look_if_there()? {
        None => Ok(Recovered::Nothing),
        Some(_) => keep(root, &parked, from, how),
    }
}

/// Brings out what is parked though no intent says so: changes of spelling that were under way, and everything else if the
/// journal is not the one that parked it. To be called after all intents were settled, before the first scan.
pub(crate) fn leftovers(root: &Root, how: Keeping<'_>) -> Result<Vec<Recovered>, LocalError> {
    let mut found = Vec::new();
    for (slot, from) in apply::turns(root)? {
        let parked = root.area_spot(Area::Parked, &slot)?;
        if parked.look_if_there()?.is_some() {
            let from = if from.is_root() {
                RelPath::root().join(&slot)
            } else {
                from
            };
            found.push(keep(root, &parked, &from, how)?);
        }
        apply::finish_turn(root, &slot)?;
    }
    for slot in staging::list(root, Area::Parked)? {
        let parked = root.area_spot(Area::Parked, &slot)?;
        found.push(keep(root, &parked, &RelPath::root().join(&slot), how)?);
    }
    Ok(found)
}

/// Back to its path; if that is taken, the base's version goes to the trash and any other beside it.
fn give_back(
    root: &Root,
    from: &Spot,
    path: &RelPath,
    base: Option<ContentHash>,
    how: Keeping<'_>,
) -> Result<Recovered, LocalError> {
    let taken = root.look(path).is_ok();
    if taken && base.is_some() && Some(hash::hash_spot(from)?.0) == base {
        return trash::put(root, from, path, how.trash).map(Recovered::Trashed);
    }
    keep(root, from, path, how)
}

/// Back to its path, or beside it; if the folders of the path cannot be had any more, to the root of the pair.
fn keep(root: &Root, from: &Spot, path: &RelPath, how: Keeping<'_>) -> Result<Recovered, LocalError> {
    let kept = apply::make_folders(root, path).and_then(|()| keep_in_folder(root, from, path, how));
    match (kept, path.split()) {
        (Err(LocalError::Changed { .. } | LocalError::Vanished { .. }), Some((parent, name)))
            if !parent.is_root() =>
        {
            keep_in_folder(root, from, &RelPath::root().join(&name), how)
        }
        (kept, _) => kept,
    }
}

fn keep_in_folder(
    root: &Root,
    from: &Spot,
    path: &RelPath,
    how: Keeping<'_>,
) -> Result<Recovered, LocalError> {
    let meta = from.look()?;
    match from.rename_new(&root.user_spot(path)?, meta.kind) {
        Ok(()) => return Ok(Recovered::PutBack(path.clone())),
        Err(LocalError::Occupied { .. }) => {}
        Err(error) => return Err(error),
    }
    let Some((parent, name)) = path.split() else {
        return Err(hash::changed(path));
    };
    let shape = if meta.kind == Kind::Folder {
        Shape::Folder
    } else {
        Shape::File
    };
    for attempt in 1..=ATTEMPTS_MAX {
        let beside = conflict(&name, meta.stamp.mtime_ns, how.device, attempt, shape, how.disk);
        let beside = parent.join(&beside);
        match from.rename_new(&root.user_spot(&beside)?, meta.kind) {
            Ok(()) => return Ok(Recovered::KeptBeside(beside)),
            Err(LocalError::Occupied { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(LocalError::Occupied {
        path: path.to_string(),
    })
}

#[cfg(test)]
mod tests;
