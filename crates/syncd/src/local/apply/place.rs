//! Downloads that get their place, over nothing or over the version that was there (design D2).

use std::os::fd::AsFd;

use planner::id::LocalIdentity;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::LocalNode;

use super::{Done, came_out_as_seen, done, file_of, same};
use crate::local::error::LocalError;
use crate::local::hash;
use crate::local::root::{Area, Root, Spot};
use crate::local::staging::{self, Staged};
use crate::local::sys::{self, Kind, Meta};
use crate::local::trash::{self, TrashPlace};

/// Gives a download a path where nothing is, in the folder that was meant (see [`Spot::within`]); [`LocalError::Occupied`]
/// if something is.
pub(crate) fn place(
    root: &Root,
    staged: &Staged,
    to: &RelPath,
    folder: Option<LocalIdentity>,
) -> Result<Done, LocalError> {
    let from = staging::spot(root, &staged.name)?;
    still_ours(&from, staged)?;
    let there = root.user_spot(to)?.within(folder)?;
    from.rename_new(&there, Kind::File)?;
    done(root, &there)
}

/// Gives a download the path of a file, which must be as the scan saw it and goes to the trash.
///
/// The two change places in one call; then what came out is looked at. If that is not what the scan saw, they change back.
/// Whatever happens, no moment is without a file at the path, and after an error the staging area holds either the
/// download or bytes that [`recover`](crate::local::recover) knows how to keep.
pub(crate) fn replace(
    root: &Root,
    staged: &Staged,
    path: &RelPath,
    seen: &LocalNode,
    trash: TrashPlace,
) -> Result<Done, LocalError> {
    let from = staging::spot(root, &staged.name)?;
    let new = still_ours(&from, staged)?;
    let there = root.user_spot(path)?;
    let old = there.look()?;
    same(path, seen, &old)?;
    let file = sys::open_at_for_reading(from.fd(), from.name()).map_err(from.failed("opening it"))?;
    sys::inherit(file.as_fd(), &new, &old).map_err(from.failed("setting its permissions"))?;
    let ready = from.look()?;
    if !from.exchange(&there)? {
        return replace_in_steps(
            root,
            Swap {
                from: &from,
                there: &there,
                old: &old,
                seen,
                trash,
            },
        );
    }
    from.sync()?;
    there.sync()?;
    if !came_out_as_seen(&from, &old, file_of(path, seen)?)? {
        put_back(&from, &there, &ready)?;
        return Err(hash::changed(path));
    }
    let trashed = trash::put(root, &from, path, trash)?;
    Ok(Done {
        trashed: Some(trashed),
        ..done_with(root, &there, &ready)?
    })
}

/// What comes after an exchange that took out something else than the scan saw.
///
/// Our download was in the user's place for a moment. If it was changed there, both versions are the user's: then nothing
/// is moved any more, and the staged one comes back as a conflict (design D1).
fn put_back(from: &Spot, there: &Spot, ready: &Meta) -> Result<(), LocalError> {
    match there.look_if_there()? {
        Some(meta) if is_version(&meta, ready) => {
            from.exchange(there)?;
            from.sync()?;
            there.sync()
        }
        Some(_) => Ok(()),
        None => from.rename_new(there, Kind::File),
    }
}

struct Swap<'a> {
    from: &'a Spot,
    there: &'a Spot,
    old: &'a Meta,
    seen: &'a LocalNode,
    trash: TrashPlace,
}

/// The same on a file system that cannot exchange: the old file is set aside and looked at, then the new one gets the name
/// if nothing has it by then.
fn replace_in_steps(root: &Root, swap: Swap<'_>) -> Result<Done, LocalError> {
    let Swap {
        from,
        there,
        old,
        seen,
        trash,
    } = swap;
    let path = &there.path;
    let aside = root.area_spot(Area::Parked, &aside_name(&from.name)?)?;
    there.rename_new(&aside, Kind::File)?;
    let placed = match came_out_as_seen(&aside, old, file_of(path, seen)?) {
        Ok(true) => from.rename_new(there, Kind::File),
        Ok(false) => Err(hash::changed(path)),
        Err(error) => Err(error),
    };
    if let Err(error) = placed {
        // If the name was taken meanwhile, the old version stays aside until it is recovered beside it.
        aside.rename_new(there, Kind::File)?;
        return Err(error);
    }
    let trashed = trash::put(root, &aside, path, trash)?;
    Ok(Done {
        trashed: Some(trashed),
        ..done(root, there)?
    })
}

/// Where the old version waits while a download takes its place in steps.
pub(in crate::local) fn aside_name(staged: &LocalName) -> Result<LocalName, LocalError> {
    LocalName::new(format!("old-{staged}")).ok_or_else(|| LocalError::Unnameable {
        path: staged.to_string(),
        cause: sys::Errno::INVAL,
    })
}

/// That the staged file is the one that was downloaded: it lies where users can reach it.
fn still_ours(from: &Spot, staged: &Staged) -> Result<Meta, LocalError> {
    let meta = from.look()?;
    if meta.kind == Kind::File && meta.size == staged.size && meta.links == 1 {
        Ok(meta)
    } else {
        Err(hash::changed(&from.path))
    }
}

/// Whether a look shows this version, apart from the change time that renames set.
fn is_version(meta: &Meta, version: &Meta) -> bool {
    meta.kind == version.kind
        && meta.identity == version.identity
        && meta.size == version.size
        && meta.stamp.mtime_ns == version.stamp.mtime_ns
}

/// What is at the path if it is still our download; else our download as it was, which the next scan will find changed.
fn done_with(root: &Root, there: &Spot, ready: &Meta) -> Result<Done, LocalError> {
    let now = done(root, there).ok();
    let ours = there
        .look_if_there()?
        .is_some_and(|meta| is_version(&meta, ready));
    match now {
        Some(done) if ours => Ok(done),
        Some(_) | None => Ok(Done {
            name: there.name.clone(),
            identity: Some(ready.identity),
            size: ready.size,
            stamp: ready.stamp,
            trusted: false,
            trashed: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::local::staging::Staging;
    use crate::local::testing::{Disk, path};

    fn stage(disk: &Disk, text: &str) -> Staged {
        let name = LocalName::new("d1").unwrap();
        Staging::remove(&disk.root, &name).unwrap();
        let mut file = Staging::create(&disk.root, &name).unwrap();
        file.write(text.as_bytes()).unwrap();
        file.finish().unwrap()
    }

    fn trash() -> TrashPlace {
        TrashPlace::on("2026-11-23".parse().unwrap())
    }

    #[test]
    fn d2_a_download_is_placed_where_nothing_is() {
        for disk in Disk::both() {
            disk.folder("docs");
            let staged = stage(&disk, "new");
            let done = place(&disk.root, &staged, &path("docs/a"), None).unwrap();
            let seen = disk.seen("docs/a");
            assert_eq!(
                (done.name.as_str(), done.size, done.identity),
                ("a", 3, seen.identity)
            );
            assert_eq!(Some(done.stamp), seen.file().map(|file| file.stamp));
            assert!(!done.trusted, "its change time is now");
            assert_eq!(disk.files(), ["docs/a=new"]);
        }
    }

    #[test]
    fn a_download_goes_into_the_folder_that_was_meant() {
        for disk in Disk::both() {
            disk.folder("docs");
            disk.folder("music");
            let meant = disk.seen("docs").identity;
            std::fs::rename(disk.at("docs"), disk.at("papers")).unwrap();
            std::fs::rename(disk.at("music"), disk.at("docs")).unwrap();
            let staged = stage(&disk, "new");
            let error = place(&disk.root, &staged, &path("docs/a"), meant).unwrap_err();
            assert!(error.is_stale(), "{error}");
            assert_eq!(disk.files(), [".syncd/staging/d1=new"]);
            place(&disk.root, &staged, &path("papers/a"), meant).unwrap();
            assert_eq!(disk.files(), ["papers/a=new"]);
        }
    }

    #[test]
    fn d2_a_download_is_never_placed_over_anything() {
        for disk in Disk::both() {
            disk.write("a", "mine");
            disk.folder("d");
            disk.link("nowhere", "l");
            for to in ["a", "d", "l"] {
                let staged = stage(&disk, "new");
                let error = place(&disk.root, &staged, &path(to), None).unwrap_err();
                assert!(matches!(error, LocalError::Occupied { .. }), "{error}");
            }
            assert_eq!(disk.files(), [".syncd/staging/d1=new", "a=mine"]);
            let staged = stage(&disk, "new");
            let error = place(&disk.root, &staged, &path("no/a"), None).unwrap_err();
            assert!(matches!(error, LocalError::Vanished { .. }), "{error}");
        }
    }

    #[test]
    fn d2_the_old_version_of_a_replaced_file_is_in_the_trash() {
        for disk in Disk::both() {
            disk.write("docs/a", "old");
            let staged = stage(&disk, "new");
            let seen = disk.seen("docs/a");
            let done = replace(&disk.root, &staged, &path("docs/a"), &seen, trash()).unwrap();
            assert_eq!(disk.files(), [".syncd/trash/2026-11-23/docs/a=old", "docs/a=new"]);
            assert_eq!(done.trashed, Some(path(".syncd/trash/2026-11-23/docs/a")));
            assert_eq!(done.identity, disk.seen("docs/a").identity);
        }
    }

    #[test]
    fn d4_a_replaced_file_keeps_its_permission_bits() {
        for disk in Disk::both() {
            disk.write("a", "old");
            let mode = |bits| std::fs::Permissions::from_mode(bits);
            std::fs::set_permissions(disk.at("a"), mode(0o4750)).unwrap();
            let staged = stage(&disk, "new");
            replace(&disk.root, &staged, &path("a"), &disk.seen("a"), trash()).unwrap();
            let bits = std::fs::metadata(disk.at("a")).unwrap().permissions().mode();
            assert_eq!(
                bits & 0o7777,
                0o750,
                "but rights are not lent to bytes from elsewhere"
            );
        }
    }

    #[test]
    fn d5_a_file_that_changed_since_the_scan_is_not_replaced() {
        for disk in Disk::both() {
            disk.write("a", "old");
            let seen = disk.seen("a");
            disk.write_keeping_mtime("a", "mine");
            let staged = stage(&disk, "new");
            let error = replace(&disk.root, &staged, &path("a"), &seen, trash()).unwrap_err();
            assert!(matches!(error, LocalError::Changed { .. }), "{error}");
            assert_eq!(disk.files(), [".syncd/staging/d1=new", "a=mine"]);
        }
    }

    #[test]
    fn d5_bytes_that_are_not_the_bases_are_put_back_though_stamps_agree() {
        for disk in Disk::both() {
            disk.write("a", "edited within the tick");
            let mut seen = disk.seen("a");
            let planner::tree::LocalKind::File(file) = &mut seen.kind else {
                panic!()
            };
            file.hash = Some(planner::content::ContentHash([7; 32]));
            let staged = stage(&disk, "new");
            let error = replace(&disk.root, &staged, &path("a"), &seen, trash()).unwrap_err();
            assert!(matches!(error, LocalError::Changed { .. }), "{error}");
            assert_eq!(
                disk.files(),
                [".syncd/staging/d1=new", "a=edited within the tick"]
            );
        }
    }

    #[test]
    fn d2_what_came_out_of_an_exchange_goes_back_unless_the_user_was_there_again() {
        let disk = Disk::new();
        let staged = stage(&disk, "new");
        let (from, there) = (
            staging::spot(&disk.root, &staged.name).unwrap(),
            disk.root.spot(&path("a")).unwrap(),
        );
        let ready = from.look().unwrap();
        // The user saved just before the exchange.
        disk.write("a", "saved");
        assert_eq!(from.exchange(&there), Ok(true));
        put_back(&from, &there, &ready).unwrap();
        assert_eq!(disk.files(), [".syncd/staging/d1=new", "a=saved"]);
        // And once more into the file that was there for a moment: nothing moves, recovery keeps both.
        assert_eq!(from.exchange(&there), Ok(true));
        disk.write("a", "saved again");
        put_back(&from, &there, &ready).unwrap();
        assert_eq!(disk.files(), [".syncd/staging/d1=saved", "a=saved again"]);
        // And removed it.
        std::fs::remove_file(disk.at("a")).unwrap();
        put_back(&from, &there, &ready).unwrap();
        assert_eq!(disk.files(), ["a=saved"]);
    }

    #[test]
    fn what_replaced_our_download_at_once_is_not_reported_as_ours() {
        let disk = Disk::new();
        let staged = stage(&disk, "new");
        let ready = staging::spot(&disk.root, &staged.name).unwrap().look().unwrap();
        place(&disk.root, &staged, &path("a"), None).unwrap();
        disk.save_by_rename("a", "mine");
        let there = disk.root.spot(&path("a")).unwrap();
        let told = done_with(&disk.root, &there, &ready).unwrap();
        let seen = disk.seen("a");
        assert_ne!(told.identity, seen.identity);
        assert_ne!(Some(told.stamp), seen.file().map(|file| file.stamp));
    }

    #[test]
    fn d4_a_link_in_the_place_of_the_file_or_its_folder_is_not_written_through() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("a"), "not ours").unwrap();
        for disk in Disk::both() {
            disk.write("docs/a", "old");
            let seen = disk.seen("docs/a");
            let staged = stage(&disk, "new");
            std::fs::rename(disk.at("docs"), disk.at("gone")).unwrap();
            std::os::unix::fs::symlink(outside.path(), disk.at("docs")).unwrap();
            for error in [
                replace(&disk.root, &staged, &path("docs/a"), &seen, trash()).unwrap_err(),
                place(&disk.root, &staged, &path("docs/b"), None).unwrap_err(),
            ] {
                assert!(matches!(error, LocalError::Changed { .. }), "{error}");
            }
            assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
            assert_eq!(
                std::fs::read_to_string(outside.path().join("a")).unwrap(),
                "not ours"
            );
        }
    }

    #[test]
    fn a_staged_file_that_somebody_touched_is_not_placed() {
        let disk = Disk::new();
        let staged = stage(&disk, "new");
        disk.write(".syncd/staging/d1", "other bytes");
        let error = place(&disk.root, &staged, &path("a"), None).unwrap_err();
        assert!(matches!(error, LocalError::Changed { .. }));
    }

    #[test]
    fn n4_a_name_too_long_for_the_disk_is_told_as_such() {
        let disk = Disk::new();
        let staged = stage(&disk, "new");
        let error = place(&disk.root, &staged, &path(&"n".repeat(256)), None).unwrap_err();
        assert!(matches!(error, LocalError::Unnameable { .. }), "{error}");
    }
}
