//! What a user names on this disk to be sent by hand: one file, or a folder with all that is in it.
//!
//! Only looks. The folder that holds it is opened by its path, links on the way are the user's choice; from there on
//! nothing follows a link.

use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use planner::hold::Odd;
use planner::name::LocalName;
use planner::naming::is_ours;
use planner::path::RelPath;
use planner::tree::LocalFile;

use super::error::LocalError;
use super::root::Root;
use super::sys::{self, Errno, Kind, Meta};

/// Entries of one folder that is sent: a bound against absurd trees.
const ENTRIES_MAX: usize = 5_000_000;

/// What a path names.
#[derive(Debug)]
pub(crate) enum Picked {
    /// A file.
    File(PickedFile),
    /// A folder.
    Folder(Root),
    /// What cannot be sent; what it is.
    Other(&'static str),
}

/// A file, and how it looks now.
#[derive(Clone, Debug)]
pub(crate) struct PickedFile {
    /// The folder it was reached from.
    pub(crate) root: Root,
    /// Where it is below that.
    pub(crate) path: RelPath,
    /// As it was seen.
    pub(crate) seen: LocalFile,
}

/// What is in a folder that is sent.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// A folder, before all that is in it.
    Folder(RelPath),
    /// A file.
    File(RelPath, LocalFile),
    /// What cannot be sent: its path for people, and what it is.
    Other(String, &'static str),
}

/// Looks at what each of these paths names. Files of one folder share its handle: a shell's `*` may be more files than a process may
/// have open.
pub(crate) fn pick(paths: &[PathBuf]) -> Vec<Result<Picked, LocalError>> {
    let mut roots = BTreeMap::new();
    paths.iter().map(|path| pick_one(path, &mut roots)).collect()
}

/// `roots`: folders that are open already.
fn pick_one(path: &Path, roots: &mut BTreeMap<PathBuf, Root>) -> Result<Picked, LocalError> {
    let Some(name) = path.file_name() else {
        return Root::open(path).map(Picked::Folder);
    };
    let unnameable = || LocalError::Unnameable {
        path: path.display().to_string(),
        cause: Errno::ILSEQ,
    };
    let name = name.to_str().and_then(LocalName::new).ok_or_else(unnameable)?;
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        Some(_) | None => Path::new("."),
    };
    let root = if let Some(root) = roots.get(above) {
        root.clone()
    } else {
        let root = Root::open(above)?;
        roots.insert(above.to_owned(), root.clone());
        root
    };
    let inside = RelPath::root().join(&name);
    let meta = root
        .look(&inside)
        .map_err(|cause| LocalError::at(path.display(), "looking at it", cause))?;
    Ok(match meta.kind {
        Kind::File => Picked::File(PickedFile {
            root,
            path: inside,
            seen: seen(&meta),
        }),
        Kind::Folder => Picked::Folder(Root::open(path)?),
        Kind::Other(odd) => Picked::Other(named(odd)),
    })
}

impl PickedFile {
    /// Whether it still is what was picked.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.root
            .look(&self.path)
            .is_ok_and(|meta| super::hash::same_version(&self.path, &self.seen, &meta).is_ok())
    }
}

/// Everything in a folder, each folder before what is in it, by name.
pub(crate) fn everything(root: &Root) -> Result<Vec<Entry>, LocalError> {
    let mut entries = Vec::new();
    let mut open = vec![RelPath::root()];
    while let Some(folder) = open.pop() {
        if !folder.is_root() {
            entries.push(Entry::Folder(folder.clone()));
        }
        let mut below = Vec::new();
        list(root, &folder, &mut entries, &mut below)?;
        below.reverse();
        open.append(&mut below);
        if entries.len() > ENTRIES_MAX {
            return Err(LocalError::at(folder, "listing it", Errno::OVERFLOW));
        }
    }
    Ok(entries)
}

fn list(
    root: &Root,
    folder: &RelPath,
    entries: &mut Vec<Entry>,
    below: &mut Vec<RelPath>,
) -> Result<(), LocalError> {
    let failed = |cause| LocalError::at(folder, "listing it", cause);
    let fd = root.folder(folder).map_err(failed)?;
    let mut names = sys::names(fd.as_fd()).map_err(failed)?;
    names.sort();
    for (name, _) in names {
        let Some(name) = String::from_utf8(name.clone()).ok().and_then(LocalName::new) else {
            let shown = String::from_utf8_lossy(&name).into_owned();
            entries.push(Entry::Other(shown, "its name is not UTF-8"));
            continue;
        };
        let path = folder.join(&name);
        if is_ours(name.as_str(), folder.is_root()) {
            entries.push(Entry::Other(path.to_string(), "it is syncd's own"));
            continue;
        }
        let meta = sys::look_at(fd.as_fd(), name.as_str())
            .map_err(|cause| LocalError::at(&path, "looking at it", cause))?;
        match meta.kind {
            Kind::File => entries.push(Entry::File(path, seen(&meta))),
            Kind::Folder => below.push(path),
            Kind::Other(odd) => entries.push(Entry::Other(path.to_string(), named(odd))),
        }
    }
    Ok(())
}

fn seen(meta: &Meta) -> LocalFile {
    LocalFile {
        size: meta.size,
        stamp: meta.stamp,
        hash: None,
        busy: false,
        unreadable: false,
    }
}

const fn named(odd: Odd) -> &'static str {
    match odd {
        Odd::Symlink => "it is a symbolic link",
        Odd::Pipe => "it is a named pipe",
        Odd::Socket => "it is a socket",
        Odd::Device => "it is a device",
        Odd::NotUtf8 => "its name is not UTF-8",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Disk;
    use super::*;

    #[test]
    fn a_folder_comes_before_what_is_in_it_and_nothing_follows_a_link() {
        let disk = Disk::new();
        disk.write("b/c/d", "one");
        disk.write("b/a", "two");
        disk.write("a", "");
        std::os::unix::fs::symlink("/etc", disk.at("link")).unwrap();
        let told: Vec<_> = everything(&disk.root)
            .unwrap()
            .into_iter()
            .map(|entry| match entry {
                Entry::Folder(path) => format!("folder {path}"),
                Entry::File(path, seen) => format!("file {path} {}", seen.size),
                Entry::Other(path, what) => format!("{path}: {what}"),
            })
            .collect();
        assert_eq!(
            told,
            [
                "file a 0",
                "link: it is a symbolic link",
                "folder b",
                "file b/a 3",
                "folder b/c",
                "file b/c/d 3"
            ]
        );
    }

    #[test]
    fn a_file_that_changed_since_is_known() {
        let disk = Disk::new();
        disk.write("a", "one");
        let Picked::File(file) = pick_one(&disk.at("a"), &mut BTreeMap::new()).unwrap() else {
            panic!("a file");
        };
        assert!(file.is_unchanged());
        disk.write("a", "three");
        assert!(!file.is_unchanged());
        assert!(pick_one(&disk.at("none"), &mut BTreeMap::new()).is_err());
        assert!(matches!(
            pick_one(&disk.at(""), &mut BTreeMap::new()).unwrap(),
            Picked::Folder(_)
        ));
    }
}
