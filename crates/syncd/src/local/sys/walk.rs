//! Walking a tree by path. What a walk says only tells names: whatever is done to an entry goes through a handle and looks
//! again.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Errno;

/// In which order a walk goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Folders before what is in them, by name.
    ByName,
    /// What is in a folder before the folder.
    ContentsFirst,
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Walked {
    /// Its path, with that of the walk's start.
    pub(crate) path: PathBuf,
    /// 0 for the start itself.
    pub(crate) depth: usize,
    /// It is a folder, and no link to one.
    pub(crate) is_folder: bool,
    /// It is a regular file.
    pub(crate) is_file: bool,
}

/// A walk under way.
pub(crate) enum Walker {
    /// By the kernel.
    Real(walkdir::IntoIter),
    /// On a simulated disk.
    #[cfg(any(test, feature = "sim"))]
    Simulated(crate::sim::disk::Walk),
}

/// Begins a walk.
pub(in crate::local) fn walk(start: &Path, order: Order) -> Walker {
    #[cfg(any(test, feature = "sim"))]
    if let Some(disk) = crate::sim::disk::here() {
        return Walker::Simulated(disk.walk(start, order));
    }
    let walk = WalkDir::new(start);
    Walker::Real(match order {
        Order::ByName => walk.sort_by_file_name().into_iter(),
        Order::ContentsFirst => walk.contents_first(true).into_iter(),
    })
}

impl Walker {}

impl Iterator for Walker {
    type Item = Result<Walked, Errno>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = match self {
            Self::Real(walk) => walk,
            #[cfg(any(test, feature = "sim"))]
            Self::Simulated(walk) => return walk.next(),
        };
        Some(match walk.next()? {
            Ok(entry) => Ok(Walked {
                depth: entry.depth(),
                is_folder: entry.file_type().is_dir(),
                is_file: entry.file_type().is_file(),
                path: entry.into_path(),
            }),
            Err(error) => Err(error
                .io_error()
                .and_then(Errno::from_io_error)
                .unwrap_or(Errno::IO)),
        })
    }
}
