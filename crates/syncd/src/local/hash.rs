//! Reading a file's bytes: BLAKE3 of exactly the file that the scan saw (design S12, D5, D6).
//!
//! Stamps are compared before and after: a hash is given only for bytes that nobody changed meanwhile, as far as stamps can
//! tell. Memory is one buffer, whatever the file's size.

use std::os::fd::{AsFd, BorrowedFd};

use planner::content::{ContentHash, Stamp};
use planner::path::RelPath;
use planner::tree::LocalFile;

use super::error::LocalError;
use super::root::{Root, Spot};
use super::sys::{self, Errno, Kind, Meta};

/// Read at once: large enough that system calls do not count, small enough for many at a time.
pub(super) const CHUNK: usize = 256 * 1024;

/// The bytes of a file as of a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hashed {
    /// BLAKE3.
    pub(crate) hash: ContentHash,
    /// Its times, before and after.
    pub(crate) stamp: Stamp,
    /// Bytes.
    pub(crate) size: u64,
}

/// Hashes the file, if it is and stays as the scan saw it; else [`LocalError::Changed`].
pub(crate) fn hash_file(root: &Root, path: &RelPath, seen: &LocalFile) -> Result<Hashed, LocalError> {
    let failed = |doing| move |cause| LocalError::at(path, doing, cause);
    let file = root.file(path).map_err(failed("opening it"))?;
    let check = || {
        let meta = sys::look_fd(file.as_fd()).map_err(failed("looking at it"))?;
        same_version(path, seen, &meta)
    };
    check()?;
    let (hash, size) = hash_open(file.as_fd()).map_err(failed("reading it"))?;
    check()?;
    if size != seen.size {
        return Err(changed(path));
    }
    Ok(Hashed {
        hash,
        stamp: seen.stamp,
        size,
    })
}

/// BLAKE3 of what is at a path now, whatever a scan saw there.
pub(crate) fn hash_now(root: &Root, path: &RelPath) -> Result<ContentHash, LocalError> {
    let file = root
        .file(path)
        .map_err(|cause| LocalError::at(path, "opening it", cause))?;
    let (hash, _) = hash_open(file.as_fd()).map_err(|cause| LocalError::at(path, "reading it", cause))?;
    Ok(hash)
}

/// BLAKE3 of the first `length` bytes of what is at a path now, and of all of it.
pub(crate) fn hash_with_start(
    root: &Root,
    path: &RelPath,
    length: u64,
) -> Result<(ContentHash, ContentHash), LocalError> {
    let failed = |doing| move |cause| LocalError::at(path, doing, cause);
    let file = root.file(path).map_err(failed("opening it"))?;
    let (mut start, mut all) = (blake3::Hasher::new(), blake3::Hasher::new());
    let mut left = length;
    each_chunk(file.as_fd(), |chunk| {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        start.update(chunk.get(..taken).unwrap_or_default());
        left = left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
        all.update(chunk);
        Ok(())
    })
    .map_err(failed("reading it"))?;
    let hash = |hasher: &blake3::Hasher| ContentHash(hasher.finalize().into());
    Ok((hash(&start), hash(&all)))
}

/// BLAKE3 of what is at a path, if it has this size and nobody touched it since `before_ns` (nanoseconds since 1970), as
/// far as its stamps tell; else [`LocalError::Changed`].
pub(crate) fn hash_untouched(
    root: &Root,
    path: &RelPath,
    size: u64,
    before_ns: i64,
) -> Result<ContentHash, LocalError> {
    let failed = |doing| move |cause| LocalError::at(path, doing, cause);
    let file = root.file(path).map_err(failed("opening it"))?;
    let check = || {
        let meta = sys::look_fd(file.as_fd()).map_err(failed("looking at it"))?;
        let old = meta.stamp.mtime_ns < before_ns && meta.stamp.ctime_ns < before_ns;
        if meta.kind == Kind::File && meta.size == size && old {
            Ok(())
        } else {
            Err(changed(path))
        }
    };
    check()?;
    let (hash, _) = hash_open(file.as_fd()).map_err(failed("reading it"))?;
    check()?;
    Ok(hash)
}

/// That a look shows the very version the scan saw, by size and times.
pub(super) fn same_version(path: &RelPath, seen: &LocalFile, meta: &Meta) -> Result<(), LocalError> {
    if meta.kind == Kind::File && meta.size == seen.size && meta.stamp == seen.stamp {
        Ok(())
    } else {
        Err(changed(path))
    }
}

/// The file is not as it was seen.
pub(super) fn changed(path: &RelPath) -> LocalError {
    LocalError::Changed {
        path: path.to_string(),
        what: "it changed since it was looked at",
    }
}

/// Hashes what is at a place now, whoever wrote it.
pub(super) fn hash_spot(spot: &Spot) -> Result<(ContentHash, u64), LocalError> {
    let file = sys::open_at_for_reading(spot.fd(), spot.name()).map_err(spot.failed("opening it"))?;
    hash_open(file.as_fd()).map_err(spot.failed("reading it"))
}

/// Hashes from here to the end.
pub(super) fn hash_open(file: BorrowedFd<'_>) -> Result<(ContentHash, u64), Errno> {
    let mut hasher = blake3::Hasher::new();
    let size = each_chunk(file, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok((ContentHash(hasher.finalize().into()), size))
}

/// Reads from here to the end, a chunk at a time; answers how many bytes there were.
pub(super) fn each_chunk(
    file: BorrowedFd<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), Errno>,
) -> Result<u64, Errno> {
    let mut buffer = vec![0; CHUNK];
    let mut size: u64 = 0;
    loop {
        let count = sys::read(file, &mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            return Ok(size);
        };
        take(chunk)?;
        size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// All bytes of a file that should be small; `None` if there are more than `max`.
pub(super) fn read_small(file: BorrowedFd<'_>, max: usize) -> Result<Option<Vec<u8>>, Errno> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = sys::read(file, &mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else {
            return Ok(Some(bytes));
        };
        bytes.extend_from_slice(chunk);
        if bytes.len() > max {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    #[test]
    fn the_hash_is_blake3_of_all_bytes() {
        let disk = Disk::new();
        let bytes = "x".repeat(CHUNK + 17);
        disk.write("a", &bytes);
        let seen = disk.seen_file("a");
        let hashed = hash_file(&disk.root, &path("a"), &seen).unwrap();
        assert_eq!(hashed.hash.0, *blake3::hash(bytes.as_bytes()).as_bytes());
        assert_eq!((hashed.size, hashed.stamp), (seen.size, seen.stamp));
    }

    #[test]
    fn the_start_of_a_file_is_told_from_all_of_it() {
        let disk = Disk::new();
        let bytes = "x".repeat(CHUNK + 17) + "end";
        disk.write("a", &bytes);
        for length in [1, CHUNK - 1, CHUNK, CHUNK + 5, bytes.len()] {
            let (start, all) = hash_with_start(&disk.root, &path("a"), length as u64).unwrap();
            assert_eq!(start.0, *blake3::hash(&bytes.as_bytes()[..length]).as_bytes());
            assert_eq!(all.0, *blake3::hash(bytes.as_bytes()).as_bytes());
        }
    }

    #[test]
    fn a_file_touched_since_has_no_hash() {
        let disk = Disk::new();
        disk.write("a", "one");
        let seen = disk.seen_file("a");
        let after = seen.stamp.ctime_ns + 1;
        let hash = hash_untouched(&disk.root, &path("a"), 3, after).unwrap();
        assert_eq!(hash.0, *blake3::hash(b"one").as_bytes());
        for (size, before) in [(4, after), (3, seen.stamp.ctime_ns)] {
            let touched = hash_untouched(&disk.root, &path("a"), size, before);
            assert!(matches!(touched, Err(LocalError::Changed { .. })));
        }
    }

    #[test]
    fn a_file_that_is_not_as_seen_has_no_hash() {
        let disk = Disk::new();
        disk.write("a", "one");
        let seen = disk.seen_file("a");
        disk.write("a", "two!");
        assert!(matches!(
            hash_file(&disk.root, &path("a"), &seen),
            Err(LocalError::Changed { .. })
        ));
    }

    #[test]
    fn h31_an_edit_with_restored_size_and_mtime_is_not_as_seen() {
        let disk = Disk::new();
        disk.write("a", "one");
        let seen = disk.seen_file("a");
        disk.write_keeping_mtime("a", "two");
        assert!(matches!(
            hash_file(&disk.root, &path("a"), &seen),
            Err(LocalError::Changed { .. })
        ));
    }

    #[test]
    fn d4_a_file_that_became_a_link_is_not_opened() {
        let disk = Disk::new();
        disk.write("a", "one");
        disk.write("secret", "one");
        let seen = disk.seen_file("a");
        disk.replace_by_link("a", "secret");
        for root in disk.roots() {
            assert!(matches!(
                hash_file(&root, &path("a"), &seen),
                Err(LocalError::Changed { .. })
            ));
        }
    }

    #[test]
    fn d4_a_folder_that_became_a_link_is_not_followed() {
        let disk = Disk::new();
        disk.write("sub/a", "one");
        disk.write("other/a", "one");
        let seen = disk.seen_file("sub/a");
        disk.replace_by_link("sub", "other");
        for root in disk.roots() {
            assert!(matches!(
                hash_file(&root, &path("sub/a"), &seen),
                Err(LocalError::Changed { .. })
            ));
        }
    }

    #[test]
    fn a_pipe_that_took_the_files_place_does_not_block() {
        let disk = Disk::new();
        disk.write("a", "one");
        let seen = disk.seen_file("a");
        disk.replace_by_pipe("a");
        assert!(matches!(
            hash_file(&disk.root, &path("a"), &seen),
            Err(LocalError::Changed { .. })
        ));
    }
}
