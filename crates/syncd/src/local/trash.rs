//! `.syncd/trash/DATE/…`: what this program took away, under the path it had (design D3).
//!
//! Files come in one by one and go out by date, never early. Folders in here are only places to keep names apart. What must
//! never happen: one trashed file replaces another.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use jiff::civil::Date;
use planner::content::Stamp;
use planner::name::LocalName;
use planner::path::RelPath;

use super::apply::{self, Done};
use super::error::LocalError;
use super::root::{AREA, Area, Root, Spot, own_path};
use super::sys::{self, Errno, Kind, Order, Walked};

/// Numbers tried for a name that is taken. More versions of one path in one day are an error of that path.
const NUMBERS_MAX: u32 = 1000;
/// Room for such a number, in bytes.
const NUMBER_BYTES: usize = 8;
/// A component on common disks.
const NAME_BYTES: usize = 255;

/// Where in the trash things go: the folder of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TrashPlace {
    date: Date,
}

/// A file in the trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trashed {
    /// The day it came in.
    pub(crate) date: Date,
    /// Where it was, apart from numbers that kept names apart.
    pub(crate) from: RelPath,
    /// Where it is, below the root of the pair.
    pub(crate) at: RelPath,
    /// Bytes.
    pub(crate) size: u64,
    /// Its times.
    pub(crate) stamp: Stamp,
}

impl TrashPlace {
    /// The trash of this day.
    pub(crate) const fn on(date: Date) -> Self {
        Self { date }
    }

    fn folder(self) -> Option<LocalName> {
        LocalName::new(self.date.to_string())
    }
}

/// Moves a file from a place of ours into the trash, as having been at `from`. Answers where it is.
pub(super) fn put(
    root: &Root,
    what: &Spot,
    from: &RelPath,
    place: TrashPlace,
) -> Result<RelPath, LocalError> {
    let Some((folders, name)) = from.split() else {
        return Err(super::hash::changed(from));
    };
    let day = place.folder().ok_or_else(|| super::hash::changed(from))?;
    let mut at = own_path(Area::Trash, &day);
    let mut open = sub_folder(root.area(Area::Trash)?.as_fd(), &day, &at)?.1;
    for part in folders.components().filter_map(LocalName::new) {
        let (named, below) = sub_folder(open.as_fd(), &part, &at)?;
        at = at.join(&named);
        open = below;
    }
    for number in 1..=NUMBERS_MAX {
        let name = numbered(&name, number);
        let to = Spot {
            folder: sys::open_child(open.as_fd(), ".")
                .map_err(|cause| LocalError::at(&at, "opening the trash", cause))?,
            path: at.join(&name),
            name,
            renames: what.renames,
        };
        match what.rename_new(&to, Kind::File) {
            Ok(()) => return Ok(to.path),
            Err(LocalError::Occupied { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(LocalError::Occupied {
        path: at.join(&name).to_string(),
    })
}

/// Opens a folder in the trash, made if it is not there; another name if a file has this one.
fn sub_folder(
    above: BorrowedFd<'_>,
    name: &LocalName,
    path: &RelPath,
) -> Result<(LocalName, OwnedFd), LocalError> {
    for number in 1..=NUMBERS_MAX {
        let name = numbered(name, number);
        let opened =
            sys::create_own_folder(above, name.as_str()).and_then(|()| sys::open_child(above, name.as_str()));
        match opened {
            Ok(open) => {
                sys::sync(above).map_err(|cause| LocalError::at(path, "syncing it", cause))?;
                return Ok((name, open));
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {}
            Err(cause) => {
                return Err(LocalError::at(
                    path.join(&name),
                    "making a folder in the trash",
                    cause,
                ));
            }
        }
    }
    Err(LocalError::Occupied {
        path: path.join(name).to_string(),
    })
}

/// `name`, then `name (2)` and so on; shortened where the number would make it too long.
fn numbered(name: &LocalName, number: u32) -> LocalName {
    if number < 2 {
        return name.clone();
    }
    let mut stem = name.as_str();
    while stem.len().saturating_add(NUMBER_BYTES) > NAME_BYTES {
        let shorter = stem.char_indices().next_back().and_then(|(at, _)| stem.get(..at));
        stem = shorter.unwrap_or_default();
    }
    LocalName::new(format!("{stem} ({number})")).unwrap_or_else(|| name.clone())
}

/// What is in the trash, by day and path. Nothing is made.
pub(crate) fn list(root: &Root) -> Result<Vec<Trashed>, LocalError> {
    let mut all = Vec::new();
    for (date, day) in folders(root)? {
        let top = own_path(Area::Trash, &day);
        for entry in sys::walk(&root.path().join(top.as_str()), Order::ByName) {
            let entry = entry.map_err(|cause| unlisted(&top, cause))?;
            if !entry.is_file {
                continue;
            }
            let Some(from) = relative(&entry) else { continue };
            let at = from
                .components()
                .filter_map(LocalName::new)
                .fold(top.clone(), |at, part| at.join(&part));
            let meta = root
                .look(&at)
                .map_err(|cause| LocalError::at(&at, "looking at it", cause))?;
            all.push(Trashed {
                date,
                from,
                at,
                size: meta.size,
                stamp: meta.stamp,
            });
        }
    }
    Ok(all)
}

/// Brings a trashed file back to a path where nothing is; folders on the way are made.
pub(crate) fn restore(root: &Root, at: &RelPath, to: &RelPath) -> Result<Done, LocalError> {
    let area = own_path(Area::Trash, &day_of(at).ok_or_else(|| super::hash::changed(at))?);
    if !area.contains(at) {
        return Err(super::hash::changed(at));
    }
    let from = root.spot(at)?;
    let kind = from.look()?.kind;
    if kind != Kind::File {
        return Err(super::hash::changed(at));
    }
    apply::make_folders(root, to)?;
    let to = root.user_spot(to)?;
    from.rename_new(&to, kind)?;
    apply::done(root, &to)
}

fn day_of(at: &RelPath) -> Option<LocalName> {
    at.components().nth(2).and_then(LocalName::new)
}

/// Removes these days for good. How old they are is the engine's to know: their names are of a clock that may have been
/// wrong.
pub(crate) fn purge(root: &Root, old: &BTreeSet<Date>) -> Result<(), LocalError> {
    for (date, day) in folders(root)? {
        if old.contains(&date) {
            remove_tree(root, &own_path(Area::Trash, &day))?;
        }
    }
    Ok(())
}

/// The days of which there is something.
pub(crate) fn days(root: &Root) -> Result<BTreeSet<Date>, LocalError> {
    Ok(folders(root)?.into_iter().map(|(date, _)| date).collect())
}

/// Removes days of which everything was restored: they hold folders only.
pub(super) fn drop_empty(root: &Root) -> Result<(), LocalError> {
    for (_, day) in folders(root)? {
        let top = own_path(Area::Trash, &day);
        let mut walk = sys::walk(&root.path().join(top.as_str()), Order::ByName);
        let empty = walk.all(|entry| entry.is_ok_and(|entry| entry.is_folder));
        if empty {
            remove_tree(root, &top)?;
        }
    }
    Ok(())
}

/// Removes a tree of the trash, entry by entry beneath the handle; what a walk by path says only tells names.
fn remove_tree(root: &Root, top: &RelPath) -> Result<(), LocalError> {
    for entry in sys::walk(&root.path().join(top.as_str()), Order::ContentsFirst) {
        let entry = entry.map_err(|cause| unlisted(top, cause))?;
        // A name that is not UTF-8 cannot have come from here; its folder then stays, and so does it.
        let Some(below) = relative(&entry) else { continue };
        let at = below
            .components()
            .filter_map(LocalName::new)
            .fold(top.clone(), |at, part| at.join(&part));
        let spot = root.spot(&at)?;
        let removed = match spot.look_if_there()?.map(|meta| meta.kind) {
            None => Ok(()),
            Some(Kind::Folder) => sys::remove_folder(spot.fd(), spot.name()),
            Some(Kind::File | Kind::Other(_)) => sys::remove_file(spot.fd(), spot.name()),
        };
        removed.map_err(spot.failed("emptying the trash"))?;
    }
    Ok(())
}

/// The days that have a folder; others are none of ours.
fn folders(root: &Root) -> Result<Vec<(Date, LocalName)>, LocalError> {
    let names = super::staging::list(root, Area::Trash)?;
    Ok(names
        .into_iter()
        .filter_map(|name| {
            let date: Date = name.as_str().parse().ok()?;
            (date.to_string() == name.as_str()).then_some((date, name))
        })
        .collect())
}

/// The path of an entry below the start of its walk.
fn relative(entry: &Walked) -> Option<RelPath> {
    let parts: Option<Vec<&str>> = entry
        .path
        .iter()
        .rev()
        .take(entry.depth)
        .map(std::ffi::OsStr::to_str)
        .collect();
    let mut parts = parts?;
    parts.reverse();
    RelPath::parse(&parts.join("/"))
}

fn unlisted(top: &RelPath, cause: Errno) -> LocalError {
    debug_assert!(top.as_str().starts_with(AREA), "only the trash is walked here");
    LocalError::at(top, "listing the trash", cause)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn put_away(disk: &Disk, name: &str, day: &str) -> RelPath {
        let spot = disk.root.spot(&path(name)).unwrap();
        put(&disk.root, &spot, &path(name), TrashPlace::on(date(day))).unwrap()
    }

    #[test]
    fn d3_a_trashed_file_keeps_its_path_and_replaces_nothing() {
        for disk in Disk::both() {
            for text in ["one", "two", "three"] {
                disk.write("docs/deep/a.txt", text);
                put_away(&disk, "docs/deep/a.txt", "2026-11-23");
            }
            assert_eq!(
                disk.files(),
                [
                    ".syncd/trash/2026-11-23/docs/deep/a.txt (2)=two",
                    ".syncd/trash/2026-11-23/docs/deep/a.txt (3)=three",
                    ".syncd/trash/2026-11-23/docs/deep/a.txt=one",
                ]
            );
        }
    }

    #[test]
    fn a_file_in_the_trash_does_not_block_a_folder_of_its_name() {
        let disk = Disk::new();
        disk.write("a", "file");
        put_away(&disk, "a", "2026-11-23");
        disk.write("a/b", "below");
        assert_eq!(
            put_away(&disk, "a/b", "2026-11-23").as_str(),
            ".syncd/trash/2026-11-23/a (2)/b"
        );
    }

    #[test]
    fn the_longest_name_can_be_there_twice() {
        let disk = Disk::new();
        let name = "é".repeat(127);
        for _ in 0..2 {
            disk.write(&name, "x");
            put_away(&disk, &name, "2026-11-23");
        }
        assert_eq!(disk.files().len(), 2);
    }

    #[test]
    fn only_the_days_that_are_named_are_purged() {
        let disk = Disk::new();
        for day in ["2026-10-01", "2026-10-24", "2026-11-23", "2027-01-01"] {
            disk.write("a/b", day);
            put_away(&disk, "a/b", day);
        }
        disk.write(".syncd/trash/notes/x", "not ours");
        purge(
            &disk.root,
            &BTreeSet::from([date("2026-10-01"), date("2025-01-01")]),
        )
        .unwrap();
        let left = ["2026-10-24", "2026-11-23", "2027-01-01"].map(date);
        assert_eq!(days(&disk.root).unwrap(), BTreeSet::from(left));
        let listed: BTreeSet<Date> = list(&disk.root)
            .unwrap()
            .into_iter()
            .map(|item| item.date)
            .collect();
        assert_eq!(listed, BTreeSet::from(left));
        assert!(disk.exists(".syncd/trash/notes/x"));
    }

    #[test]
    fn what_is_in_the_trash_can_be_restored_where_nothing_is() {
        let disk = Disk::new();
        disk.write("docs/a", "one");
        let at = put_away(&disk, "docs/a", "2026-11-23");
        std::fs::remove_dir(disk.at("docs")).unwrap();
        let item = list(&disk.root).unwrap().remove(0);
        assert_eq!((item.from.as_str(), &item.at, item.size), ("docs/a", &at, 3));
        restore(&disk.root, &at, &path("docs/a")).unwrap();
        assert_eq!(disk.read("docs/a"), "one");
        put_away(&disk, "docs/a", "2026-11-23");
        disk.write("docs/a", "two");
        let again = restore(&disk.root, &at, &path("docs/a"));
        assert!(matches!(again, Err(LocalError::Occupied { .. })));
        assert!(
            restore(&disk.root, &path("docs/a"), &path("b")).is_err(),
            "only from the trash"
        );
        assert_eq!(disk.read("docs/a"), "two");
    }

    #[test]
    fn a_link_in_the_trash_is_not_followed_when_it_is_purged() {
        let disk = Disk::new();
        disk.write("keep/x", "mine");
        disk.folder(".syncd/trash/2020-01-01");
        disk.link("../../../keep", ".syncd/trash/2020-01-01/l");
        purge(&disk.root, &BTreeSet::from([date("2020-01-01")])).unwrap();
        assert_eq!(disk.files(), ["keep/x=mine"]);
    }
}
