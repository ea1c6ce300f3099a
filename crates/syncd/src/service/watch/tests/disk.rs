//! Tests: a folder on this machine, and what users do to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::local::root::AREA;

pub(super) fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// A root with our own area in it, and a place beside it.
pub(super) struct Disk {
    home: tempfile::TempDir,
    pub(super) root: PathBuf,
}

impl Disk {
    pub(super) fn new(folders: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        fs::create_dir_all(root.join(AREA)).unwrap();
        let disk = Self { home, root };
        for folder in folders {
            disk.mkdir(folder);
        }
        disk
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(super) fn mkdir(&self, path: &str) {
        fs::create_dir_all(self.at(path)).unwrap();
    }

    pub(super) fn write(&self, path: &str) {
        fs::write(self.at(path), "x").unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).unwrap();
    }

    /// All folders below a path, and itself, but what is in our area.
    pub(super) fn folders(&self, of: &Path) -> BTreeSet<PathBuf> {
        let walk = walkdir::WalkDir::new(of).into_iter();
        let walk = walk.filter_entry(|entry| entry.path().parent() != Some(&self.root.join(AREA)));
        let walk = walk.map(Result::unwrap);
        walk.filter(|entry| entry.file_type().is_dir())
            .map(walkdir::DirEntry::into_path)
            .collect()
    }
}

/// One change of a random kind; what cannot be done is not done.
pub(super) fn disturb(disk: &Disk, random: &mut SmallRng, number: usize) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = disk.folders(&disk.root).into_iter().collect();
    folders.retain(|folder| !folder.starts_with(disk.at(AREA)));
    let some = folders.choose(random)?.clone();
    // Few names, so that they are taken, left and taken again.
    let name = format!("n{}", random.random_range(0..4));
    let new = folders.choose(random)?.join(&name);
    let out = disk.out(&format!("out {}", random.random_range(0..3)));
    match random.random_range(0..12) {
        0..=2 => drop(fs::create_dir(&new)),
        3 => drop(fs::create_dir_all(new.join("deep/er"))),
        4..=6 if some != disk.root => drop(fs::rename(&some, &new)),
        7 if some != disk.root => drop(fs::rename(&some, &out)),
        8 => drop(fs::rename(&out, &new)),
        9 if some != disk.root => {
            let other = folders.choose(random)?;
            let _ = renameat_with(CWD, &some, CWD, other, RenameFlags::EXCHANGE);
        }
        10 if some != disk.root && !some.starts_with(&out) => drop(fs::remove_dir_all(&some)),
        11 if out.exists() && some != disk.root => {
            let _ = renameat_with(CWD, &out, CWD, &some, RenameFlags::EXCHANGE);
        }
        _ => {
            let file = some.join(format!("file {number}"));
            fs::write(&file, "x").ok()?;
            return Some(file);
        }
    }
    None
}
