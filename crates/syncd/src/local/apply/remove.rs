//! Files that go to the trash (design D3, D5).

use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::LocalNode;

use super::{Done, came_out_as_seen, done, file_of, same, slot_name};
use crate::local::error::LocalError;
use crate::local::hash;
use crate::local::root::{Area, Root};
use crate::local::sys::Kind;
use crate::local::trash::{self, TrashPlace};

/// Moves a file to the trash, if it is as the scan saw it. The intent is journalled first: on its way the file is looked at
/// in a parking place, from where it comes back if this run is killed (see [`recover`](crate::local::recover)).
pub(crate) fn trash(
    root: &Root,
    path: &RelPath,
    seen: &LocalNode,
    place: TrashPlace,
) -> Result<Done, LocalError> {
    let file = file_of(path, seen)?;
    let here = root.user_spot(path)?;
    let before = here.look()?;
    same(path, seen, &before)?;
    let parked = root.area_spot(Area::Parked, &slot_of(path)?)?;
    here.rename_new(&parked, Kind::File)?;
    let checked = match came_out_as_seen(&parked, &before, file) {
        Ok(true) => Ok(()),
        Ok(false) => Err(hash::changed(path)),
        Err(error) => Err(error),
    };
    if let Err(error) = checked {
        // If the name was taken meanwhile, it stays parked until it is recovered beside it.
        parked.rename_new(&here, Kind::File)?;
        return Err(error);
    }
    let at = done(root, &parked)?;
    let trashed = trash::put(root, &parked, path, place)?;
    Ok(Done {
        name: here.name.clone(),
        trashed: Some(trashed),
        ..at
    })
}

/// The parking place of a file on its way to the trash.
pub(in crate::local) fn slot_of(path: &RelPath) -> Result<LocalName, LocalError> {
    slot_name("trash", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::testing::{Disk, path};

    fn today() -> TrashPlace {
        TrashPlace::on("2026-11-23".parse().unwrap())
    }

    #[test]
    fn d3_a_removed_file_is_in_the_trash_under_its_path() {
        for disk in Disk::both() {
            disk.write("docs/a", "one");
            let done = trash(&disk.root, &path("docs/a"), &disk.seen("docs/a"), today()).unwrap();
            assert_eq!(disk.files(), [".syncd/trash/2026-11-23/docs/a=one"]);
            assert_eq!((done.name.as_str(), done.size), ("a", 3));
            assert_eq!(done.trashed, Some(path(".syncd/trash/2026-11-23/docs/a")));
            assert!(disk.exists("docs"), "the folder is another step's");
        }
    }

    #[test]
    fn d5_a_file_that_changed_since_the_scan_is_not_removed() {
        for disk in Disk::both() {
            for save in [Disk::write_keeping_mtime, Disk::save_by_rename] {
                disk.write("a", "one");
                let seen = disk.seen("a");
                save(&disk, "a", "two");
                let error = trash(&disk.root, &path("a"), &seen, today()).unwrap_err();
                assert!(matches!(error, LocalError::Changed { .. }), "{error}");
                assert_eq!(disk.files(), ["a=two"]);
            }
        }
    }

    #[test]
    fn h31_a_same_size_edit_within_the_clocks_tick_is_put_back() {
        for disk in Disk::both() {
            disk.write("a", "two");
            let mut seen = disk.seen("a");
            let planner::tree::LocalKind::File(file) = &mut seen.kind else {
                panic!()
            };
            file.hash = Some(planner::content::ContentHash(*blake3::hash(b"one").as_bytes()));
            let error = trash(&disk.root, &path("a"), &seen, today()).unwrap_err();
            assert!(matches!(error, LocalError::Changed { .. }), "{error}");
            assert_eq!(disk.files(), ["a=two"]);
        }
    }

    #[test]
    fn a_folder_or_link_in_the_files_place_is_not_removed() {
        let disk = Disk::new();
        disk.write("a", "one");
        disk.write("b", "one");
        let seen = disk.seen("a");
        disk.replace_by_link("a", "b");
        assert!(matches!(
            trash(&disk.root, &path("a"), &seen, today()),
            Err(LocalError::Changed { .. })
        ));
        std::fs::remove_file(disk.at("a")).unwrap();
        assert!(matches!(
            trash(&disk.root, &path("a"), &seen, today()),
            Err(LocalError::Vanished { .. })
        ));
        disk.folder("a");
        assert!(matches!(
            trash(&disk.root, &path("a"), &seen, today()),
            Err(LocalError::Changed { .. })
        ));
        assert!(disk.exists("a"));
    }
}
