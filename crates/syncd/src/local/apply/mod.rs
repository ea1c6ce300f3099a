//! Acting on the disk: one function for each kind of local step (design §5).
//!
//! Every function looks again at what it is about to change (D5), changes it by one rename that overwrites nothing, makes that
//! last before it returns, and reads back what the disk made of it (N4). If the disk is not as the scan saw it, nothing is
//! changed, or all is put back, and the error says so. What must never happen: a plain rename over something, an unlink of
//! anything but our own download, a folder removed with something in it.

mod folder;
mod place;
mod remove;
mod rename;

use planner::content::{ContentHash, Stamp};
use planner::id::LocalIdentity;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{LocalFile, LocalKind, LocalNode};

use super::error::LocalError;
use super::hash;
use super::root::{Root, Spot};
use super::stamp;
use super::sys::{self, Errno, Kind, Meta};

pub(super) use folder::make_folders;
pub(crate) use folder::{create_folder, remove_folder};
pub(super) use place::aside_name;
pub(crate) use place::{place, replace};
pub(super) use remove::slot_of as trash_slot;
pub(crate) use remove::trash;
pub(super) use rename::{finish_turn, turns};
pub(crate) use rename::{park, rename, unpark};

/// What a step found when it was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Done {
    /// The name as the disk stored it (design N4).
    pub(crate) name: LocalName,
    /// What the entry is; `None` where that identifies nothing.
    pub(crate) identity: Option<LocalIdentity>,
    /// Bytes; 0 for folders.
    pub(crate) size: u64,
    /// Its times.
    pub(crate) stamp: Stamp,
    /// Whether the stamp proves later that nothing changed (design S12). Mostly not, for a step touches what it changes.
    pub(crate) trusted: bool,
    /// Where in the trash the old version is, if there was one.
    pub(crate) trashed: Option<RelPath>,
}

/// What is at a place after a step.
pub(super) fn done(root: &Root, at: &Spot) -> Result<Done, LocalError> {
    let meta = at.look()?;
    // The folder was changed just now: its time is the file system's own idea of now.
    let now = sys::look_fd(at.fd())
        .map_err(at.failed("looking at its folder"))?
        .stamp
        .ctime_ns;
    let single = meta.kind == Kind::Folder || meta.links == 1;
    Ok(Done {
        name: name_as_stored(root, at, &meta)?,
        identity: single.then_some(meta.identity),
        size: if meta.kind == Kind::File { meta.size } else { 0 },
        stamp: meta.stamp,
        trusted: stamp::trusted(meta.stamp, now),
        trashed: None,
    })
}

/// N4: the name in the folder's listing. Asked only where a disk may have made another one of it.
fn name_as_stored(root: &Root, at: &Spot, meta: &Meta) -> Result<LocalName, LocalError> {
    if root.keeps_names() {
        return Ok(at.name.clone());
    }
    let mut other = None;
    for (name, inode) in sys::names(at.fd()).map_err(at.failed("listing its folder"))? {
        if name == at.name().as_bytes() {
            return Ok(at.name.clone());
        }
        if inode == meta.identity.inode {
            other = String::from_utf8(name).ok().and_then(LocalName::new);
        }
    }
    Ok(other.unwrap_or_else(|| at.name.clone()))
}

/// D5: that the entry is the one the scan saw; for a file also that its version is.
pub(super) fn same(path: &RelPath, seen: &LocalNode, meta: &Meta) -> Result<(), LocalError> {
    same_entry(path, seen, meta)?;
    match &seen.kind {
        LocalKind::File(file) => hash::same_version(path, file, meta),
        LocalKind::Folder(_) | LocalKind::Other(_) => Ok(()),
    }
}

/// That the entry is the one the scan saw, whatever is in it. Where identity says nothing a file must have its stamps.
pub(super) fn same_entry(path: &RelPath, seen: &LocalNode, meta: &Meta) -> Result<(), LocalError> {
    let kind = match &seen.kind {
        LocalKind::File(_) => Kind::File,
        LocalKind::Folder(_) => Kind::Folder,
        LocalKind::Other(_) => return Err(hash::changed(path)),
    };
    let known = match (seen.identity, &seen.kind) {
        (Some(identity), _) => identity == meta.identity,
        (None, LocalKind::File(file)) => meta.size == file.size && meta.stamp == file.stamp,
        (None, LocalKind::Folder(_) | LocalKind::Other(_)) => true,
    };
    if kind == meta.kind && known {
        Ok(())
    } else {
        Err(hash::changed(path))
    }
}

/// D5, after the rename that took a file out of its place: that it is the version which the scan saw and `before` showed.
///
/// The rename itself gave it a new change time. A write just before it shows by size or modification time; one within the
/// same tick of the clock shows by its bytes only, so a young file is hashed.
pub(super) fn came_out_as_seen(out: &Spot, before: &Meta, seen: &LocalFile) -> Result<bool, LocalError> {
    let meta = out.look()?;
    let alike = meta.kind == Kind::File
        && meta.identity == before.identity
        && meta.size == before.size
        && meta.stamp.mtime_ns == before.stamp.mtime_ns;
    if !alike {
        return Ok(false);
    }
    let now = sys::look_fd(out.fd())
        .map_err(out.failed("looking at its folder"))?
        .stamp
        .ctime_ns;
    match seen.hash {
        Some(hash) if !stamp::trusted(before.stamp, now) => Ok(hash::hash_spot(out)?.0 == hash),
        Some(_) | None => Ok(true),
    }
}

/// The file of a node, which the step needs to be one.
pub(super) fn file_of<'a>(path: &RelPath, seen: &'a LocalNode) -> Result<&'a LocalFile, LocalError> {
    seen.file().ok_or_else(|| hash::changed(path))
}

/// A name in our own area that is made of a path: the same in every run.
pub(super) fn slot_name(prefix: &str, path: &RelPath) -> Result<LocalName, LocalError> {
    let hash = ContentHash(*blake3::hash(path.as_str().as_bytes()).as_bytes()).to_string();
    let short = hash.get(..32).unwrap_or(&hash);
    LocalName::new(format!("{prefix}-{short}")).ok_or_else(|| LocalError::Unnameable {
        path: path.to_string(),
        cause: Errno::INVAL,
    })
}

#[cfg(test)]
mod tests;
