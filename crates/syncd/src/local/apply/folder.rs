//! Folders: made, and removed when empty.

use planner::id::LocalIdentity;
use planner::path::RelPath;

use super::{Done, done};
use crate::local::error::LocalError;
use crate::local::root::Root;
use crate::local::sys::{self, Errno, Kind};

/// Makes a folder, in the one that was meant (see [`Spot::within`](crate::local::root::Spot::within)). One that is there and
/// empty is taken as made: a step that was killed leaves it so, and to the user it is the same. [`LocalError::Occupied`] if
/// anything else is there.
pub(crate) fn create_folder(
    root: &Root,
    path: &RelPath,
    folder: Option<LocalIdentity>,
) -> Result<Done, LocalError> {
    let at = root.user_spot(path)?.within(folder)?;
    match sys::create_folder(at.fd(), at.name()) {
        Ok(()) => at.sync()?,
        Err(Errno::EXIST) => {
            let occupied = LocalError::Occupied {
                path: path.to_string(),
            };
            if at.look()?.kind != Kind::Folder {
                return Err(occupied);
            }
            let inside = sys::open_child(at.fd(), at.name()).map_err(at.failed("opening it"))?;
            let names = sys::names(std::os::fd::AsFd::as_fd(&inside)).map_err(at.failed("listing it"))?;
            if !names.is_empty() {
                return Err(occupied);
            }
        }
        Err(cause) => return Err(at.failed("making the folder")(cause)),
    }
    done(root, &at)
}

/// Removes a folder if it is empty; [`LocalError::NotEmpty`] if anything at all is in it (design D3, history H07).
pub(crate) fn remove_folder(root: &Root, path: &RelPath) -> Result<(), LocalError> {
    let at = root.user_spot(path)?;
    sys::remove_folder(at.fd(), at.name()).map_err(|cause| match cause {
        Errno::EXIST => LocalError::NotEmpty {
            path: path.to_string(),
        },
        Errno::NOTDIR => LocalError::Changed {
            path: path.to_string(),
            what: "it is no folder any more",
        },
        _ => at.failed("removing the folder")(cause),
    })?;
    at.sync()
}

/// Makes the folders above a path, as far as they are not there.
pub(in crate::local) fn make_folders(root: &Root, path: &RelPath) -> Result<(), LocalError> {
    let Some((folder, _)) = path.split() else {
        return Ok(());
    };
    let mut above = RelPath::root();
    for part in folder.components().filter_map(planner::name::LocalName::new) {
        above = above.join(&part);
        let at = root.user_spot(&above)?;
        match sys::create_folder(at.fd(), at.name()) {
            Ok(()) => at.sync()?,
            Err(Errno::EXIST) => {}
            Err(cause) => return Err(at.failed("making the folder")(cause)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::testing::{Disk, path};

    #[test]
    fn a_folder_is_made_where_nothing_is() {
        for disk in Disk::both() {
            let done = create_folder(&disk.root, &path("a"), None).unwrap();
            assert_eq!((done.name.as_str(), done.size), ("a", 0));
            assert_eq!(done.identity, disk.seen("a").identity);
            assert!(
                create_folder(&disk.root, &path("a"), None).is_ok(),
                "an empty one is as good as made"
            );
            disk.write("a/x", "");
            let again = create_folder(&disk.root, &path("a"), None);
            assert!(matches!(again, Err(LocalError::Occupied { .. })));
            let below = create_folder(&disk.root, &path("no/b"), None);
            assert!(matches!(below, Err(LocalError::Vanished { .. })));
            let in_file = create_folder(&disk.root, &path("a/x/b"), None);
            assert!(matches!(in_file, Err(LocalError::Changed { .. })));
        }
    }

    #[test]
    fn h07_what_an_app_writes_into_a_folder_being_removed_stays() {
        let disk = Disk::new();
        disk.write("a/new", "x");
        let error = remove_folder(&disk.root, &path("a")).unwrap_err();
        assert_eq!(
            error,
            LocalError::NotEmpty {
                path: String::from("a")
            }
        );
        assert_eq!(disk.read("a/new"), "x");
        std::fs::remove_file(disk.at("a/new")).unwrap();
        remove_folder(&disk.root, &path("a")).unwrap();
        assert!(!disk.exists("a"));
        assert!(matches!(
            remove_folder(&disk.root, &path("a")),
            Err(LocalError::Vanished { .. })
        ));
    }

    #[test]
    fn a_file_or_link_in_the_folders_place_is_not_removed() {
        let disk = Disk::new();
        disk.write("f", "x");
        disk.folder("d");
        disk.link("d", "l");
        for name in ["f", "l"] {
            let error = remove_folder(&disk.root, &path(name)).unwrap_err();
            assert!(matches!(error, LocalError::Changed { .. }), "{error}");
            assert!(disk.exists(name));
        }
    }

    #[test]
    fn n5_no_step_reaches_into_our_own_area() {
        let disk = Disk::new();
        disk.folder(".syncd/staging");
        for name in [".syncd", ".syncd/x", ".SYNCD/x", "a/.syncd-x"] {
            assert!(
                matches!(
                    create_folder(&disk.root, &path(name), None),
                    Err(LocalError::Denied { .. })
                ),
                "{name}"
            );
            assert!(
                matches!(
                    remove_folder(&disk.root, &path(name)),
                    Err(LocalError::Denied { .. })
                ),
                "{name}"
            );
        }
        assert!(matches!(
            remove_folder(&disk.root, &RelPath::root()),
            Err(LocalError::Denied { .. })
        ));
    }
}
