//! The end of our own area in a folder that is not synced any more (`forget`).
//!
//! Never here: anything of the user's removed. The marker goes, and folders of ours that are empty; the trash and whatever
//! else holds something stays where it is.

use std::os::fd::AsFd;

use super::error::LocalError;
use super::marker;
use super::root::{AREA, Area, Root};
use super::sys::{self, Errno};
use super::trash;

/// Takes the marker and what is empty of our own area away. Answers whether the area is gone altogether.
pub(crate) fn retire(root: &Root) -> Result<bool, LocalError> {
    let failed = |doing| move |cause| LocalError::at(AREA, doing, cause);
    marker::remove(root)?;
    trash::drop_empty(root)?;
    {
        let own = match sys::open_child(root.fd(), AREA) {
            Ok(own) => own,
            Err(Errno::NOENT) => return Ok(true),
            Err(cause) => return Err(failed("opening it")(cause)),
        };
        for area in [Area::Staging, Area::Parked, Area::Trash] {
            unless_filled(sys::remove_folder(own.as_fd(), area.name())).map_err(failed("tidying up"))?;
        }
    }
    let gone = unless_filled(sys::remove_folder(root.fd(), AREA)).map_err(failed("removing it"))?;
    sys::sync(root.fd()).map_err(failed("syncing the root"))?;
    Ok(gone)
}

/// Whether it went; a folder that holds something stays.
fn unless_filled(removed: Result<(), Errno>) -> Result<bool, Errno> {
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::super::marker::Marker;
    use super::super::testing::Disk;
    use super::*;

    fn marked() -> Disk {
        let disk = Disk::new();
        let marker = Marker {
            root_id: String::from("r1"),
            generation: 1,
            journal: String::from("j1"),
        };
        marker::write(&disk.root, &marker).unwrap();
        disk.write("docs/a", "one");
        disk
    }

    #[test]
    fn an_area_that_holds_nothing_goes_and_the_users_files_stay() {
        let disk = marked();
        disk.root.area(Area::Parked).unwrap();
        disk.write(".syncd/trash/2026-11-25/docs/b", "two");
        std::fs::remove_file(disk.root.path().join(".syncd/trash/2026-11-25/docs/b")).unwrap();
        assert_eq!(retire(&disk.root), Ok(true));
        assert!(!disk.exists(".syncd"));
        assert_eq!(disk.files(), ["docs/a=one"]);
        assert_eq!(retire(&disk.root), Ok(true), "a second time");
    }

    #[test]
    fn what_is_in_the_trash_or_anywhere_else_stays() {
        let disk = marked();
        disk.write(".syncd/trash/2026-11-25/docs/b", "two");
        disk.write(".syncd/parked/p", "three");
        assert_eq!(retire(&disk.root), Ok(false));
        let left = [
            ".syncd/parked/p=three",
            ".syncd/trash/2026-11-25/docs/b=two",
            "docs/a=one",
        ];
        assert_eq!(disk.files(), left);
    }
}
