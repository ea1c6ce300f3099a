//! Two versions of a file side by side, of which the user keeps one: looked at closely just before anything moves.
//!
//! Here is only the looking: what then moves goes by the doors of `apply`, which look again. Never here: a file that is
//! taken for the one that was meant because its size is the same.

use planner::content::ContentHash;
use planner::id::LocalKey;
use planner::path::RelPath;
use planner::tree::{LocalContents, LocalFile, LocalKind, LocalNode};

use super::error::LocalError;
use super::hash;
use super::root::Root;
use super::sys::Kind;

/// What is at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// Nothing.
    Nothing,
    /// A file; with its bytes if they were read.
    File(LocalNode),
    /// A folder.
    Folder,
    /// Neither.
    Other,
}

/// What is at a path now, a file without its bytes.
pub(crate) fn glance(root: &Root, path: &RelPath) -> Result<Seen, LocalError> {
    Ok(match entry(root, path)? {
        None => Seen::Nothing,
        Some(node) => match node.kind {
            LocalKind::File(_) => Seen::File(node),
            LocalKind::Folder(_) => Seen::Folder,
            LocalKind::Other(_) => Seen::Other,
        },
    })
}

/// What is at a path now as an entry of a tree, whatever it is: a file without its bytes, a folder as if it was read.
pub(crate) fn entry(root: &Root, path: &RelPath) -> Result<Option<LocalNode>, LocalError> {
    let spot = match root.user_spot(path) {
        Ok(spot) => spot,
        Err(LocalError::Vanished { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(meta) = spot.look_if_there()? else {
        return Ok(None);
    };
    let (identity, kind) = match meta.kind {
        Kind::Folder => (
            Some(meta.identity),
            LocalKind::Folder(LocalContents::Read { others: 0 }),
        ),
        Kind::File => (
            (meta.links == 1).then_some(meta.identity),
            LocalKind::File(LocalFile {
                size: meta.size,
                stamp: meta.stamp,
                hash: None,
                busy: false,
                unreadable: false,
            }),
        ),
        Kind::Other(odd) => (None, LocalKind::Other(odd)),
    };
    Ok(Some(LocalNode {
        key: LocalKey(0),
        parent: None,
        name: spot.name.clone(),
        identity,
        ignored: false,
        kind,
    }))
}

/// What is at a path now. [`LocalError::Changed`] if it changes while its bytes are read.
pub(crate) fn look(root: &Root, path: &RelPath) -> Result<Seen, LocalError> {
    let seen = glance(root, path)?;
    let Seen::File(node) = &seen else {
        return Ok(seen);
    };
    let Some(file) = node.file().cloned() else {
        return Ok(seen);
    };
    let hash = Some(hash::hash_file(root, path, &file)?.hash);
    Ok(Seen::File(LocalNode {
        kind: LocalKind::File(LocalFile { hash, ..file }),
        ..node.clone()
    }))
}

/// The bytes of a file that [`look`] saw.
pub(crate) fn bytes_of(seen: &LocalNode) -> Option<ContentHash> {
    seen.file().and_then(|file| file.hash)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    #[test]
    fn a_file_is_looked_at_with_its_bytes_and_anything_else_is_no_version() {
        let disk = Disk::new();
        disk.write("docs/a", "one");
        disk.folder("b");
        disk.link("docs/a", "c");
        let Ok(Seen::File(seen)) = look(&disk.root, &path("docs/a")) else {
            panic!("it is a file")
        };
        assert_eq!(bytes_of(&seen).unwrap().0, *blake3::hash(b"one").as_bytes());
        assert_eq!(seen.identity, disk.seen("docs/a").identity);
        let folder = entry(&disk.root, &path("docs")).unwrap().unwrap();
        assert!(folder.is_folder() && folder.identity.is_some());
        for (at, wanted) in [
            ("docs/x", Seen::Nothing),
            ("none/x", Seen::Nothing),
            ("b", Seen::Folder),
            ("c", Seen::Other),
        ] {
            assert_eq!(look(&disk.root, &path(at)), Ok(wanted), "{at}");
        }
    }
}
