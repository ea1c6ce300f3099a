//! A sign that whoever watches the folder must hear of: when it is heard, so is everything that happened before it
//! (design S11).

use std::os::fd::AsFd as _;
use std::path::Path;

use super::error::LocalError;
use super::root::AREA;
use super::sys;

/// Makes a file of that name in our own area, and removes it. Fails if there is no such area: then nothing of ours is made.
pub(crate) fn ring(root: &Path, name: &str) -> Result<(), LocalError> {
    let failed = |doing| move |cause| LocalError::at(format!("{AREA}/{name}"), doing, cause);
    let folder = sys::open_root(root).map_err(failed("opening the folder"))?;
    let own = sys::open_child(folder.as_fd(), AREA).map_err(failed("opening our own folder"))?;
    // One that a kill left is of an earlier process; its removal is heard as well.
    let made = sys::create_file(own.as_fd(), name);
    sys::remove_file(own.as_fd(), name).map_err(failed("removing it"))?;
    made.map(drop).or_else(|cause| match cause {
        sys::Errno::EXIST => Ok(()),
        cause => Err(failed("creating it")(cause)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Disk;
    use super::*;

    #[test]
    fn a_folder_without_our_area_stays_as_it_is() {
        let disk = Disk::new();
        assert!(ring(disk.dir.path(), "heard-1").is_err());
        assert!(!disk.at(AREA).exists());
        disk.folder(AREA);
        ring(disk.dir.path(), "heard-1").unwrap();
        disk.write(".syncd/heard-2", "left");
        ring(disk.dir.path(), "heard-2").unwrap();
        assert_eq!(std::fs::read_dir(disk.at(AREA)).unwrap().count(), 0);
    }
}
