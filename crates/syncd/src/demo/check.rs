//! Both sides as they are, and how they differ from what they should be. Looks from outside: at the disk, and at the
//! server's own store; never at what syncd says or remembers.
#![expect(
    clippy::disallowed_methods,
    reason = "the demo looks at its own folders from outside"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use devcloud::{Control, RowState};
use walkdir::WalkDir;

/// syncd's own corner of a synced folder.
const OWN: &str = ".syncd";

/// Files by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What a side holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Side {
    /// Its files, with their bytes.
    pub(crate) files: Files,
    /// Its folders.
    pub(crate) folders: BTreeSet<String>,
    /// Paths that are there more than once.
    pub(crate) twins: Vec<String>,
}

impl Side {
    /// The laptop's folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn laptop(root: &Path) -> io::Result<Self> {
        let mut side = Self::default();
        let walk = WalkDir::new(root)
            .min_depth(1)
            .into_iter()
            .filter_entry(|entry| entry.depth() != 1 || entry.file_name() != OWN);
        for entry in walk {
            let entry = entry?;
            let path = entry.path().strip_prefix(root).unwrap_or_else(|_| entry.path());
            let path = path.to_string_lossy().into_owned();
            if entry.file_type().is_dir() {
                side.folders.insert(path);
            } else {
                side.files.insert(path, std::fs::read(entry.path())?);
            }
        }
        Ok(side)
    }

    /// The account.
    ///
    /// # Errors
    /// The server cannot read its own store.
    pub(crate) fn account(control: &Control) -> Result<Self, devcloud::Error> {
        let tree = control.tree()?;
        let mut side = Self::default();
        for (path, _) in tree.live_folders() {
            let path = path.trim_start_matches('/').to_owned();
            if !side.folders.insert(path.clone()) {
                side.twins.push(path);
            }
        }
        for (path, file) in tree.live_files() {
            let path = path.trim_start_matches('/').to_owned();
            if side
                .files
                .insert(path.clone(), control.content(file.id)?)
                .is_some()
            {
                side.twins.push(path);
            }
        }
        Ok(side)
    }
}

/// The contents in the laptop's trash.
///
/// # Errors
/// It cannot be read.
pub(crate) fn laptop_trash(root: &Path) -> io::Result<Vec<Vec<u8>>> {
    let trash = root.join(OWN).join("trash");
    if !trash.try_exists()? {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in WalkDir::new(trash) {
        let entry = entry?;
        if entry.file_type().is_file() {
            found.push(std::fs::read(entry.path())?);
        }
    }
    Ok(found)
}

/// The contents in the account's trash.
///
/// # Errors
/// The server cannot read its own store.
pub(crate) fn account_trash(control: &Control) -> Result<Vec<Vec<u8>>, devcloud::Error> {
    let tree = control.tree()?;
    let trashed = tree.files.iter().filter(|file| file.state == RowState::Trash);
    trashed.map(|file| control.content(file.id)).collect()
}

/// How the two sides differ from what they should hold, a line for each path; empty: not at all. `only_here` is what
/// the account cannot hold.
pub(crate) fn differences(expected: &Files, only_here: &Files, laptop: &Side, account: &Side) -> Vec<String> {
    let mut lines = Vec::new();
    let here: Files = expected
        .iter()
        .chain(only_here)
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    compare(&mut lines, "on the laptop", &here, &laptop.files);
    compare(&mut lines, "in the account", expected, &account.files);
    for path in laptop.folders.symmetric_difference(&account.folders) {
        lines.push(format!("the folder {path} is on one side only"));
    }
    for path in laptop.twins.iter().chain(&account.twins) {
        lines.push(format!("{path} is there twice"));
    }
    lines
}

fn compare(lines: &mut Vec<String>, place: &str, expected: &Files, found: &Files) {
    let paths: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for path in paths {
        match (expected.get(path), found.get(path)) {
            (Some(wanted), Some(there)) if wanted == there => {}
            (Some(_), Some(_)) => lines.push(format!("{path} {place} has other bytes than it should")),
            (Some(_), None) => lines.push(format!("{path} is missing {place}")),
            (None, _) => lines.push(format!("{path} should not be {place}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn whatever_is_missing_other_or_too_much_on_a_side_is_named() {
        let expected = files(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let only_here = files(&[("empty", "")]);
        let laptop = Side {
            files: files(&[("a", "1"), ("b", "2"), ("c", "3"), ("empty", "")]),
            folders: BTreeSet::from(["f".to_owned()]),
            twins: Vec::new(),
        };
        let account = Side {
            files: files(&[("a", "1"), ("b", "x"), ("d", "4")]),
            folders: BTreeSet::new(),
            twins: vec!["a".to_owned()],
        };
        assert_eq!(
            differences(&expected, &only_here, &laptop, &account),
            [
                "b in the account has other bytes than it should",
                "c is missing in the account",
                "d should not be in the account",
                "the folder f is on one side only",
                "a is there twice",
            ]
        );
        let same = Side {
            files: expected.clone(),
            ..laptop.clone()
        };
        let equal = Side {
            folders: laptop.folders.clone(),
            files: expected.clone(),
            twins: Vec::new(),
        };
        assert_eq!(differences(&expected, &Files::new(), &same, &equal), [""; 0]);
    }

    #[test]
    fn the_laptop_is_seen_without_what_is_syncds_own() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".syncd/trash/2026-01-01")).unwrap();
        std::fs::write(dir.path().join(".syncd/trash/2026-01-01/old"), "old").unwrap();
        std::fs::create_dir(dir.path().join("f")).unwrap();
        std::fs::write(dir.path().join("f/a"), "1").unwrap();
        let side = Side::laptop(dir.path()).unwrap();
        assert_eq!(side.files, files(&[("f/a", "1")]));
        assert_eq!(side.folders, BTreeSet::from(["f".to_owned()]));
        assert_eq!(laptop_trash(dir.path()).unwrap(), [b"old".to_vec()]);
    }
}
