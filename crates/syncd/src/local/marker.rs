//! `.syncd/root-id`: the marker that says which pair a folder belongs to (design §6).
//!
//! It is replaced as a whole and synced, so a crash leaves the old one or the new one. What must never happen: that a marker
//! that cannot be read passes for one that is not there; the pair would then take a strange folder for its own.

use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};

use super::error::LocalError;
use super::root::{AREA, Root};
use super::sys::{self, Errno};

/// Its name below `.syncd`.
pub(super) const NAME: &str = "root-id";
const PATH: &str = ".syncd/root-id";
const NEW: &str = "root-id.new";
/// Ours are about 150 bytes; more is none of ours.
const MAX_BYTES: usize = 4096;

/// What the marker says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// Names this root, whatever path leads to it.
    pub(crate) root_id: String,
    /// Raised at each start that may write: a restored backup shows by an older one.
    pub(crate) generation: u64,
    /// The journal that belongs to it.
    pub(crate) journal: String,
}

/// Reads the marker; `None` if there is none. [`LocalError::Damaged`] if it is not one of ours.
pub(crate) fn read(root: &Root) -> Result<Option<Marker>, LocalError> {
    let failed = |doing| move |cause| LocalError::at(PATH, doing, cause);
    let own = match sys::open_child(root.fd(), AREA) {
        Ok(own) => own,
        Err(Errno::NOENT) => return Ok(None),
        Err(cause) => return Err(failed("opening its folder")(cause)),
    };
    let file = match sys::open_at_for_reading(own.as_fd(), NAME) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(cause) => return Err(failed("opening it")(cause)),
    };
    let damaged = |cause: String| LocalError::Damaged {
        path: String::from(PATH),
        cause,
    };
    let bytes = super::hash::read_small(file.as_fd(), MAX_BYTES)
        .map_err(failed("reading it"))?
        .ok_or_else(|| damaged(String::from("it is too large")))?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| damaged(error.to_string()))
}

/// Writes the marker, for good when this returns.
pub(crate) fn write(root: &Root, marker: &Marker) -> Result<(), LocalError> {
    let own = root.own()?;
    let failed = |doing| move |cause| LocalError::at(PATH, doing, cause);
    let text = serde_json::to_vec(marker).map_err(|error| LocalError::Damaged {
        path: String::from(PATH),
        cause: error.to_string(),
    })?;
    match sys::remove_file(own.as_fd(), NEW) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(cause) => return Err(failed("removing a half-written one")(cause)),
    }
    let file = sys::create_file(own.as_fd(), NEW).map_err(failed("creating it"))?;
    sys::write_all(file.as_fd(), &text).map_err(failed("writing it"))?;
    sys::sync(file.as_fd()).map_err(failed("syncing it"))?;
    sys::rename_own(own.as_fd(), NEW, NAME).map_err(failed("renaming it"))?;
    sys::sync(own.as_fd()).map_err(failed("syncing its folder"))?;
    sys::sync(root.fd()).map_err(failed("syncing the root"))
}

/// Removes the marker, and one that was half-written: the folder belongs to no pair any more.
pub(super) fn remove(root: &Root) -> Result<(), LocalError> {
    let failed = |doing| move |cause| LocalError::at(PATH, doing, cause);
    let own = match sys::open_child(root.fd(), AREA) {
        Ok(own) => own,
        Err(Errno::NOENT) => return Ok(()),
        Err(cause) => return Err(failed("opening its folder")(cause)),
    };
    for name in [NAME, NEW] {
        match sys::remove_file(own.as_fd(), name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(cause) => return Err(failed("removing it")(cause)),
        }
    }
    sys::sync(own.as_fd()).map_err(failed("syncing its folder"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Disk;
    use super::*;

    fn marker(generation: u64) -> Marker {
        Marker {
            root_id: String::from("r1"),
            generation,
            journal: String::from("j1"),
        }
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let disk = Disk::new();
        assert_eq!(read(&disk.root), Ok(None));
        for generation in [1, 2] {
            write(&disk.root, &marker(generation)).unwrap();
            assert_eq!(read(&disk.root), Ok(Some(marker(generation))));
        }
    }

    #[test]
    fn a_half_written_marker_of_a_killed_run_is_in_nobodys_way() {
        let disk = Disk::new();
        disk.write(".syncd/root-id.new", "{\"root");
        assert_eq!(read(&disk.root), Ok(None));
        write(&disk.root, &marker(7)).unwrap();
        assert_eq!(read(&disk.root), Ok(Some(marker(7))));
    }

    #[test]
    fn a_damaged_marker_is_not_a_missing_one() {
        let disk = Disk::new();
        for text in ["", "{", "{\"root_id\":\"r1\"}", &"x".repeat(5000)] {
            disk.write(".syncd/root-id", text);
            assert!(
                matches!(read(&disk.root), Err(LocalError::Damaged { .. })),
                "{text:.20}"
            );
        }
    }

    #[test]
    fn a_marker_behind_a_link_is_not_believed() {
        let disk = Disk::new();
        disk.write(
            "elsewhere/root-id",
            "{\"root_id\":\"r1\",\"generation\":1,\"journal\":\"j1\"}",
        );
        disk.link("elsewhere", ".syncd");
        assert!(matches!(read(&disk.root), Err(LocalError::Changed { .. })));
        assert!(write(&disk.root, &marker(2)).is_err());
    }
}
