//! The tree of a workload: so many files of one size in so many folders, some to a top folder, all from a seed.

use std::fs;
use std::path::Path;

use crate::samples::bytes;

/// Files, spread evenly over folders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Files.
    pub(crate) files: u64,
    /// Folders, the top ones among them.
    pub(crate) folders: u64,
    /// Bytes of a file.
    pub(crate) size: u64,
    /// Folders below one top folder, and it.
    pub(crate) family: u64,
    /// So many top folders are in one folder above them; `None`: they are at the top.
    pub(crate) tops: Option<u64>,
}

impl Layout {
    /// The same size and shape with another number of files, and as many folders as make a like number of files in each.
    pub(crate) fn of(self, files: u64) -> Self {
        let each = (self.files / self.folders.max(1)).max(1);
        Self {
            files,
            folders: (files / each).max(1),
            ..self
        }
    }

    /// A folder's path.
    pub(crate) fn folder(self, number: u64) -> String {
        let top = number / self.family;
        let above = self.tops.map(|tops| format!("part {}/", top / tops));
        let above = above.unwrap_or_default();
        if number.is_multiple_of(self.family) {
            format!("{above}top {top}")
        } else {
            format!("{above}top {top}/folder {number}")
        }
    }

    /// Its folders, and the one in which it is.
    pub(crate) fn all_folders(self) -> u64 {
        let tops = self.folders.div_ceil(self.family);
        self.folders + 1 + self.tops.map_or(0, |each| tops.div_ceil(each))
    }

    /// Where a file is.
    pub(crate) fn path(self, file: u64) -> String {
        format!("{}/file {file}.bin", self.folder(file % self.folders))
    }

    /// What is in it, in a version of it.
    pub(crate) fn content(self, file: u64, version: u64) -> Vec<u8> {
        bytes(self.size, (version << 32) + file)
    }

    /// Makes it on this disk.
    pub(crate) fn write(self, root: &Path) {
        for number in 0..self.folders {
            fs::create_dir_all(root.join(self.folder(number))).unwrap();
        }
        for file in 0..self.files {
            fs::write(root.join(self.path(file)), self.content(file, 0)).unwrap();
        }
    }
}
