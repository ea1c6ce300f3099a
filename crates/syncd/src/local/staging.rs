//! `.syncd/staging`: downloads on their way, and copies of files that never hold still (design D2, S13).
//!
//! A staged file is nobody's until a step of [`apply`](super::apply) gives it a place. Whether one that is found here may be
//! dropped is decided with the journal, see [`recover`](super::recover): after an exchange it can hold the user's bytes.

use std::os::fd::{AsFd, OwnedFd};

use planner::content::ContentHash;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::LocalFile;

use super::error::LocalError;
use super::hash;
use super::root::{Area, Root, Spot, own_path};
use super::sys::{self, Errno, Kind};

/// The staging area of a root.
#[derive(Debug)]
pub(crate) struct Staging;

/// A staged file while it is written; hashed on the way. Dropping it leaves the file for a resume.
#[derive(Debug)]
pub(crate) struct StagedFile {
    fd: OwnedFd,
    name: LocalName,
    hasher: blake3::Hasher,
    size: u64,
}

/// A staged file that is complete and on the disk for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Staged {
    /// Its name in the staging area.
    pub(crate) name: LocalName,
    /// BLAKE3.
    pub(crate) hash: ContentHash,
    /// Bytes.
    pub(crate) size: u64,
}

impl Staging {
    /// Makes an empty staged file; one of that name is [`LocalError::Occupied`].
    pub(crate) fn create(root: &Root, name: &LocalName) -> Result<StagedFile, LocalError> {
        let spot = spot(root, name)?;
        let fd = sys::create_file(spot.fd(), spot.name()).map_err(spot.failed("creating it"))?;
        Ok(StagedFile {
            fd,
            name: name.clone(),
            hasher: blake3::Hasher::new(),
            size: 0,
        })
    }

    /// Removes a staged file, if it is there. Only for our own downloads: see the head of this file.
    pub(crate) fn remove(root: &Root, name: &LocalName) -> Result<(), LocalError> {
        spot(root, name)?.remove()
    }

    /// The names in the staging area.
    pub(crate) fn list(root: &Root) -> Result<Vec<LocalName>, LocalError> {
        list(root, Area::Staging)
    }

    /// Copies a file that keeps changing, as it is now (design S13): by sharing its blocks where the file system can, else
    /// byte by byte. Answers where the copy is and how a scan would have seen it; upload it like any other file.
    pub(crate) fn snapshot(
        root: &Root,
        from: &RelPath,
        name: &LocalName,
    ) -> Result<(RelPath, LocalFile), LocalError> {
        let failed = |doing| move |cause| LocalError::at(from, doing, cause);
        let source = root.file(from).map_err(failed("opening it"))?;
        if sys::look_fd(source.as_fd())
            .map_err(failed("looking at it"))?
            .kind
            != Kind::File
        {
            return Err(hash::changed(from));
        }
        Self::remove(root, name)?;
        let mut staged = Self::create(root, name)?;
        if sys::clone_blocks(staged.fd.as_fd(), source.as_fd()).is_err() {
            hash::each_chunk(source.as_fd(), |chunk| sys::write_all(staged.fd.as_fd(), chunk))
                .map_err(failed("copying it"))?;
        }
        sys::seek_start(staged.fd.as_fd()).map_err(staged.failed("reading it"))?;
        let (hash, size) = hash::hash_open(staged.fd.as_fd()).map_err(staged.failed("reading it"))?;
        staged.size = size;
        staged.sync()?;
        let stamp = sys::look_fd(staged.fd.as_fd())
            .map_err(staged.failed("looking at it"))?
            .stamp;
        let file = LocalFile {
            size,
            stamp,
            hash: Some(hash),
            busy: false,
            unreadable: false,
        };
        Ok((own_path(Area::Staging, name), file))
    }
}

impl StagedFile {
    /// Bytes written so far: where a resumed download goes on.
    pub(crate) const fn offset(&self) -> u64 {
        self.size
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), LocalError> {
        sys::write_all(self.fd.as_fd(), bytes).map_err(self.failed("writing it"))?;
        self.hasher.update(bytes);
        self.size = self
            .size
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Brings all that was written to the disk; then [`offset`](Self::offset) may be journalled as durable.
    pub(crate) fn sync(&self) -> Result<(), LocalError> {
        sys::sync(self.fd.as_fd()).map_err(self.failed("syncing it"))
    }

    /// Ends the file, for good when this returns.
    pub(crate) fn finish(self) -> Result<Staged, LocalError> {
        self.sync()?;
        let hash = ContentHash(self.hasher.finalize().into());
        Ok(Staged {
            name: self.name,
            hash,
            size: self.size,
        })
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(Errno) -> LocalError {
        let path = own_path(Area::Staging, &self.name);
        move |cause| LocalError::at(path, doing, cause)
    }
}

/// The place of a staged file.
pub(super) fn spot(root: &Root, name: &LocalName) -> Result<Spot, LocalError> {
    root.area_spot(Area::Staging, name)
}

/// The names in a folder of our own area; none if it is not there. Nothing is made.
pub(super) fn list(root: &Root, area: Area) -> Result<Vec<LocalName>, LocalError> {
    let path = format!("{}/{}", super::root::AREA, area.name());
    let at = RelPath::parse(&path).unwrap_or_default();
    let folder = match root.folder(&at) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(cause) => return Err(LocalError::at(at, "opening it", cause)),
    };
    let names = sys::names(folder.as_fd()).map_err(|cause| LocalError::at(at, "listing it", cause))?;
    let mut names: Vec<LocalName> = names
        .into_iter()
        .filter_map(|(name, _)| LocalName::new(String::from_utf8(name).ok()?))
        .collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    fn name(text: &str) -> LocalName {
        LocalName::new(text).unwrap()
    }

    #[test]
    fn a_download_is_hashed_on_the_way() {
        let disk = Disk::new();
        let mut file = Staging::create(&disk.root, &name("d1")).unwrap();
        file.write(b"one ").unwrap();
        file.write(b"two").unwrap();
        let staged = file.finish().unwrap();
        assert_eq!(
            (staged.size, staged.hash.0),
            (7, *blake3::hash(b"one two").as_bytes())
        );
        assert_eq!(disk.files(), [".syncd/staging/d1=one two"]);
        assert!(matches!(
            Staging::create(&disk.root, &name("d1")),
            Err(LocalError::Occupied { .. })
        ));
    }

    #[test]
    fn the_staging_area_is_listed_without_being_made() {
        let disk = Disk::new();
        assert_eq!(Staging::list(&disk.root), Ok(Vec::new()));
        assert!(!disk.exists(".syncd"));
        Staging::create(&disk.root, &name("d2")).unwrap();
        Staging::create(&disk.root, &name("d1")).unwrap();
        assert_eq!(Staging::list(&disk.root), Ok(vec![name("d1"), name("d2")]));
        Staging::remove(&disk.root, &name("d1")).unwrap();
        Staging::remove(&disk.root, &name("d1")).unwrap();
        assert_eq!(Staging::list(&disk.root), Ok(vec![name("d2")]));
    }

    #[test]
    fn h35_a_file_that_never_holds_still_is_copied_as_it_is() {
        let disk = Disk::new();
        disk.write("big.log", "line 1\n");
        let (at, file) = Staging::snapshot(&disk.root, &path("big.log"), &name("s1")).unwrap();
        disk.write("big.log", "line 1\nline 2\n");
        assert_eq!(at.as_str(), ".syncd/staging/s1");
        assert_eq!(disk.read(at.as_str()), "line 1\n");
        let hashed = hash::hash_file(&disk.root, &at, &file).unwrap();
        assert_eq!(Some(hashed.hash), file.hash);
        Staging::snapshot(&disk.root, &path("big.log"), &name("s1")).unwrap();
        assert_eq!(disk.read(".syncd/staging/s1"), "line 1\nline 2\n");
    }
}
