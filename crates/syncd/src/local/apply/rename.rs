//! Names that change: moves, parking, and a new spelling of the same name on a disk that folds.

use std::os::fd::AsFd;

use planner::id::LocalIdentity;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::LocalNode;

use super::{Done, done, same_entry, slot_name};
use crate::local::error::LocalError;
use crate::local::hash;
use crate::local::root::{Area, Root, Spot};
use crate::local::sys::{self, Meta};

/// Renames a file or folder to a path where nothing is, in the folder that was meant (see [`Spot::within`]). Its content may
/// have changed since the scan; that is another matter (design M10).
pub(crate) fn rename(
    root: &Root,
    from: &RelPath,
    to: &RelPath,
    folder: Option<LocalIdentity>,
    seen: &LocalNode,
) -> Result<Done, LocalError> {
    let here = root.user_spot(from)?;
    let there = root.user_spot(to)?.within(folder)?;
    let before = here.look()?;
    same_entry(from, seen, &before)?;
    match here.rename_new(&there, before.kind) {
        Ok(()) => {}
        // On a disk that folds names the new spelling finds the entry itself.
        Err(LocalError::Occupied { .. }) if is_itself(&there, &before)? => {
            turn(root, &here, &there, &before)?
        }
        Err(error) => return Err(error),
    }
    if there.look()?.identity == before.identity {
        return done(root, &there);
    }
    // Something else took its name between the look and the rename. Whatever it is, it goes back.
    there.rename_new(&here, before.kind)?;
    Err(hash::changed(from))
}

/// Whether the name is another spelling of this entry's, and not a second link to it.
fn is_itself(there: &Spot, before: &Meta) -> Result<bool, LocalError> {
    let found = there.look_if_there()?;
    Ok(found.is_some_and(|meta| meta.identity == before.identity)
        && (before.links == 1 || before.kind == sys::Kind::Folder))
}

/// Gives an entry another spelling of its name by way of a parking place. A note there says where it came from, so that
/// a run that is killed in between can be undone without the journal (design D1).
fn turn(root: &Root, here: &Spot, there: &Spot, before: &Meta) -> Result<(), LocalError> {
    let slot = slot_name(TURN, &here.path)?;
    let parked = root.area_spot(Area::Parked, &slot)?;
    let note = note_spot(root, &slot)?;
    write_note(&note, &here.path)?;
    here.rename_new(&parked, before.kind)?;
    match parked.rename_new(there, before.kind) {
        Ok(()) => note.remove(),
        Err(error) => {
            parked.rename_new(here, before.kind)?;
            note.remove()?;
            Err(error)
        }
    }
}

/// Prefix of parking places for a change of spelling.
const TURN: &str = "turn";
/// Suffix of the notes beside them.
const NOTE: &str = ".from";
/// Longest note: a path as the system takes it.
const NOTE_BYTES: usize = 64 * 1024;

fn note_spot(root: &Root, slot: &LocalName) -> Result<Spot, LocalError> {
    let name = LocalName::new(format!("{slot}{NOTE}")).ok_or_else(|| LocalError::Unnameable {
        path: slot.to_string(),
        cause: sys::Errno::INVAL,
    })?;
    root.area_spot(Area::Parked, &name)
}

fn write_note(note: &Spot, from: &RelPath) -> Result<(), LocalError> {
    note.remove()?;
    let file = sys::create_file(note.fd(), note.name()).map_err(note.failed("creating it"))?;
    sys::write_all(file.as_fd(), from.as_str().as_bytes()).map_err(note.failed("writing it"))?;
    sys::sync(file.as_fd()).map_err(note.failed("syncing it"))?;
    note.sync()
}

/// Changes of spelling that were under way: parking places, and where their entries came from.
pub(in crate::local) fn turns(root: &Root) -> Result<Vec<(LocalName, RelPath)>, LocalError> {
    let mut found = Vec::new();
    for name in crate::local::staging::list(root, Area::Parked)? {
        let slot = name.as_str().strip_suffix(NOTE).and_then(LocalName::new);
        let Some(slot) = slot.filter(|slot| slot.as_str().starts_with(TURN)) else {
            continue;
        };
        let note = root.area_spot(Area::Parked, &name)?;
        let file = sys::open_at_for_reading(note.fd(), note.name()).map_err(note.failed("opening it"))?;
        let bytes = hash::read_small(file.as_fd(), NOTE_BYTES).map_err(note.failed("reading it"))?;
        // A note that was not written to its end was not followed by a move.
        let from = bytes
            .and_then(|bytes| RelPath::parse(&String::from_utf8(bytes).ok()?))
            .unwrap_or_default();
        found.push((slot, from));
    }
    Ok(found)
}

/// The note of a change of spelling that is settled.
pub(in crate::local) fn finish_turn(root: &Root, slot: &LocalName) -> Result<(), LocalError> {
    note_spot(root, slot)?.remove()
}

/// Sets an entry aside under `.syncd`, because names change places (design M16). The intent is journalled first.
pub(crate) fn park(root: &Root, path: &RelPath, slot: &LocalName) -> Result<Done, LocalError> {
    let here = root.user_spot(path)?;
    let parked = root.area_spot(Area::Parked, slot)?;
    here.rename_new(&parked, here.look()?.kind)?;
    done(root, &parked)
}

/// Brings a parked entry to a path where nothing is.
pub(crate) fn unpark(root: &Root, slot: &LocalName, to: &RelPath) -> Result<Done, LocalError> {
    let parked = root.area_spot(Area::Parked, slot)?;
    let there = root.user_spot(to)?;
    parked.rename_new(&there, parked.look()?.kind)?;
    done(root, &there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::testing::{Disk, path};

    fn slot(text: &str) -> LocalName {
        LocalName::new(text).unwrap()
    }

    #[test]
    fn a_file_or_folder_is_renamed_where_nothing_is() {
        for disk in Disk::both() {
            disk.write("docs/a", "one");
            disk.folder("to");
            let seen = disk.seen("docs");
            let done = rename(&disk.root, &path("docs"), &path("to/papers"), None, &seen).unwrap();
            assert_eq!((done.name.as_str(), done.identity), ("papers", seen.identity));
            let seen = disk.seen("to/papers/a");
            rename(&disk.root, &path("to/papers/a"), &path("b"), None, &seen).unwrap();
            assert_eq!(disk.files(), ["b=one"]);
        }
    }

    #[test]
    fn a_rename_never_overwrites() {
        for disk in Disk::both() {
            disk.write("a", "one");
            disk.write("b", "two");
            disk.write("d/x", "three");
            disk.folder("e");
            disk.link("nowhere", "l");
            for (from, to) in [
                ("a", "b"),
                ("a", "e"),
                ("a", "l"),
                ("d", "e/../b"),
                ("d", "e"),
                ("d", "l"),
            ] {
                let Some(to) = RelPath::parse(to) else { continue };
                let error = rename(&disk.root, &path(from), &to, None, &disk.seen(from)).unwrap_err();
                assert!(
                    matches!(error, LocalError::Occupied { .. }),
                    "{from} to {to}: {error}"
                );
            }
            assert_eq!(disk.files(), ["a=one", "b=two", "d/x=three"]);
            assert!(disk.exists("e") && disk.exists("l"));
        }
    }

    #[test]
    fn another_entry_under_the_old_name_is_left_alone() {
        let disk = Disk::new();
        disk.write("a", "one");
        let seen = disk.seen("a");
        disk.save_by_rename("a", "two");
        let error = rename(&disk.root, &path("a"), &path("b"), None, &seen).unwrap_err();
        assert!(matches!(error, LocalError::Changed { .. }));
        assert_eq!(disk.files(), ["a=two"]);
    }

    #[test]
    fn m10_an_edited_file_is_renamed_all_the_same() {
        let disk = Disk::new();
        disk.write("a", "one");
        let seen = disk.seen("a");
        disk.write("a", "longer");
        rename(&disk.root, &path("a"), &path("b"), None, &seen).unwrap();
        assert_eq!(disk.files(), ["b=longer"]);
    }

    #[test]
    fn d4_a_folder_on_the_way_that_became_a_link_is_not_followed() {
        let disk = Disk::new();
        disk.write("a", "one");
        disk.folder("to");
        let outside = tempfile::tempdir().unwrap();
        let seen = disk.seen("a");
        std::fs::remove_dir(disk.at("to")).unwrap();
        std::os::unix::fs::symlink(outside.path(), disk.at("to")).unwrap();
        for root in disk.roots() {
            let error = rename(&root, &path("a"), &path("to/a"), None, &seen).unwrap_err();
            assert!(matches!(error, LocalError::Changed { .. }), "{error}");
        }
        assert_eq!(disk.files(), ["a=one"]);
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn m16_names_change_places_by_parking() {
        for disk in Disk::both() {
            disk.write("a/x", "one");
            disk.write("b", "two");
            park(&disk.root, &path("a"), &slot("0")).unwrap();
            rename(&disk.root, &path("b"), &path("a"), None, &disk.seen("b")).unwrap();
            assert!(matches!(
                unpark(&disk.root, &slot("0"), &path("a")),
                Err(LocalError::Occupied { .. })
            ));
            unpark(&disk.root, &slot("0"), &path("b")).unwrap();
            assert_eq!(disk.files(), ["a=two", "b/x=one"]);
        }
    }

    #[test]
    fn another_spelling_goes_by_a_parking_place_with_a_note() {
        let disk = Disk::new();
        disk.write("a/Name", "one");
        let (here, there) = (
            disk.root.spot(&path("a/Name")).unwrap(),
            disk.root.spot(&path("a/NAME")).unwrap(),
        );
        let before = here.look().unwrap();
        turn(&disk.root, &here, &there, &before).unwrap();
        assert_eq!(disk.files(), ["a/NAME=one"], "and the note is gone");
        disk.write("a/Other", "two");
        let other = disk.root.spot(&path("a/Other")).unwrap();
        assert!(turn(&disk.root, &other, &there, &other.look().unwrap()).is_err());
        assert_eq!(disk.files(), ["a/NAME=one", "a/Other=two"], "all is back");
    }

    #[test]
    fn h40_a_name_that_finds_the_entry_itself_is_no_obstacle() {
        // On a disk that folds names `NAME` finds `Name`; here the same spelling stands in for it.
        for disk in Disk::both() {
            disk.write("a/Name", "one");
            for at in ["a/Name", "a"] {
                let seen = disk.seen(at);
                let done = rename(&disk.root, &path(at), &path(at), None, &seen).unwrap();
                assert_eq!(done.identity, seen.identity);
            }
            assert_eq!(disk.files(), ["a/Name=one"]);
        }
    }

    #[test]
    fn a_second_link_is_not_taken_for_another_spelling() {
        let disk = Disk::new();
        disk.write("a", "one");
        std::fs::hard_link(disk.at("a"), disk.at("b")).unwrap();
        let error = rename(&disk.root, &path("a"), &path("b"), None, &disk.seen("a")).unwrap_err();
        assert!(matches!(error, LocalError::Occupied { .. }));
        assert!(disk.exists("a") && disk.exists("b"));
    }
}
