//! Kills between any two calls of a step, and what the next start makes of them.

use super::super::staging::{Staged, Staging};
use super::super::testing::{Disk, path};
use super::*;

fn name(text: &str) -> LocalName {
    LocalName::new(text).unwrap()
}

fn how(disk: &DiskTraits) -> Keeping<'_> {
    Keeping {
        device: "DEV",
        disk,
        trash: TrashPlace::on("2026-11-23".parse().unwrap()),
    }
}

fn hash_of(text: &str) -> ContentHash {
    ContentHash(*blake3::hash(text.as_bytes()).as_bytes())
}

fn stage(disk: &Disk, text: &str) -> Staged {
    let mut file = Staging::create(&disk.root, &name("d1")).unwrap();
    file.write(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

fn intent(base: Option<&str>) -> PlaceIntent {
    PlaceIntent {
        staged: name("d1"),
        path: path("docs/a"),
        download: hash_of("new"),
        base: base.map(hash_of),
    }
}

/// The one conflict copy in a listing.
fn is_beside(file: &str, text: &str) -> bool {
    file.starts_with("docs/a (conflict ") && file.ends_with(&format!(" DEV)={text}"))
}

fn settle(disk: &Disk, base: Option<&str>) -> Vec<Recovered> {
    let traits = DiskTraits::default();
    let found = place(&disk.root, &intent(base), how(&traits)).unwrap();
    let again = place(&disk.root, &intent(base), how(&traits)).unwrap();
    assert_eq!(again, [Recovered::Nothing], "a second start finds nothing to do");
    found
}

#[test]
fn d1_killed_before_the_exchange_the_download_is_dropped() {
    let disk = Disk::new();
    disk.write("docs/a", "old");
    stage(&disk, "new");
    assert_eq!(settle(&disk, Some("old")), [Recovered::Dropped]);
    assert_eq!(disk.files(), ["docs/a=old"]);
}

#[test]
fn d1_killed_after_the_exchange_the_old_version_goes_to_the_trash() {
    let disk = Disk::new();
    disk.write(".syncd/staging/d1", "old");
    disk.write("docs/a", "new");
    let at = path(".syncd/trash/2026-11-23/docs/a");
    assert_eq!(settle(&disk, Some("old")), [Recovered::Trashed(at)]);
    assert_eq!(disk.files(), [".syncd/trash/2026-11-23/docs/a=old", "docs/a=new"]);
}

#[test]
fn d1_killed_after_the_last_rename_there_is_nothing_to_do() {
    let disk = Disk::new();
    disk.write("docs/a", "new");
    assert_eq!(settle(&disk, Some("old")), [Recovered::Nothing]);
}

#[test]
fn h04_bytes_the_user_saved_just_before_the_exchange_come_back_beside_it() {
    let disk = Disk::new();
    disk.write(".syncd/staging/d1", "saved a moment ago");
    disk.write("docs/a", "new");
    let found = settle(&disk, Some("old"));
    assert!(
        matches!(found.as_slice(), [Recovered::KeptBeside(_)]),
        "{found:?}"
    );
    let files = disk.files();
    assert!(is_beside(&files[0], "saved a moment ago"), "{files:?}");
    assert_eq!(files[1..], ["docs/a=new"]);
}

#[test]
fn h04_bytes_of_the_user_get_their_path_back_if_nothing_is_there() {
    let disk = Disk::new();
    disk.write(".syncd/staging/d1", "saved");
    assert_eq!(settle(&disk, None), [Recovered::PutBack(path("docs/a"))]);
    assert_eq!(disk.files(), ["docs/a=saved"], "its folder is made again");
}

#[test]
fn d2_killed_with_the_old_version_set_aside_it_gets_its_place_back() {
    let disk = Disk::plain();
    stage(&disk, "new");
    disk.write(".syncd/parked/old-d1", "old");
    let found = settle(&disk, Some("old"));
    assert_eq!(found, [Recovered::PutBack(path("docs/a")), Recovered::Dropped]);
    assert_eq!(disk.files(), ["docs/a=old"]);
}

#[test]
fn d2_killed_with_the_new_version_in_place_the_one_set_aside_goes_to_the_trash() {
    let disk = Disk::plain();
    disk.write(".syncd/parked/old-d1", "old");
    disk.write("docs/a", "new");
    let at = path(".syncd/trash/2026-11-23/docs/a");
    assert_eq!(settle(&disk, Some("old")), [Recovered::Trashed(at)]);
}

#[test]
fn d2_what_the_user_wrote_is_kept_beside_what_took_its_place() {
    let disk = Disk::plain();
    disk.write(".syncd/parked/old-d1", "edited");
    disk.write("docs/a", "saved anew");
    let found = settle(&disk, Some("old"));
    assert!(
        matches!(found.as_slice(), [Recovered::KeptBeside(_)]),
        "{found:?}"
    );
    let files = disk.files();
    assert!(is_beside(&files[0], "edited"), "{files:?}");
    assert_eq!(files[1..], ["docs/a=saved anew"]);
}

#[test]
fn h04_a_parked_entry_is_back_at_its_place_after_a_kill() {
    for disk in Disk::both() {
        let traits = DiskTraits::default();
        disk.write("docs/a", "one");
        apply::park(&disk.root, &path("docs"), &name("0")).unwrap();
        let found = park(&disk.root, &name("0"), &path("docs"), how(&traits)).unwrap();
        assert_eq!(found, Recovered::PutBack(path("docs")));
        assert_eq!(disk.files(), ["docs/a=one"]);
        assert_eq!(
            park(&disk.root, &name("0"), &path("docs"), how(&traits)),
            Ok(Recovered::Nothing)
        );
    }
}

#[test]
fn a_parked_folder_whose_name_is_taken_comes_back_beside_it() {
    for disk in Disk::both() {
        let traits = DiskTraits::default();
        disk.write("v1.2/a", "one");
        apply::park(&disk.root, &path("v1.2"), &name("0")).unwrap();
        disk.write("v1.2/b", "two");
        let found = park(&disk.root, &name("0"), &path("v1.2"), how(&traits)).unwrap();
        let Recovered::KeptBeside(at) = found else {
            panic!("{found:?}")
        };
        assert!(
            at.as_str().starts_with("v1.2 (conflict ") && at.as_str().ends_with(" DEV)"),
            "{at}"
        );
        assert_eq!(disk.read(&format!("{at}/a")), "one");
        assert_eq!(disk.read("v1.2/b"), "two");
    }
}

#[test]
fn a_file_whose_folder_became_a_file_comes_back_in_the_root() {
    let disk = Disk::new();
    let traits = DiskTraits::default();
    disk.write("docs/a", "one");
    apply::park(&disk.root, &path("docs/a"), &name("0")).unwrap();
    std::fs::remove_dir(disk.at("docs")).unwrap();
    disk.write("docs", "a file now");
    let found = park(&disk.root, &name("0"), &path("docs/a"), how(&traits)).unwrap();
    assert_eq!(found, Recovered::PutBack(path("a")));
    assert_eq!(disk.files(), ["a=one", "docs=a file now"]);
}

#[test]
fn d1_killed_on_the_way_to_the_trash_a_file_comes_back() {
    let disk = Disk::new();
    let traits = DiskTraits::default();
    let slot = apply::trash_slot(&path("docs/a")).unwrap();
    disk.write(&format!(".syncd/parked/{slot}"), "one");
    let found = trash(&disk.root, &path("docs/a"), Some(hash_of("one")), how(&traits)).unwrap();
    assert_eq!(found, Recovered::PutBack(path("docs/a")));
    assert_eq!(disk.files(), ["docs/a=one"]);
    let again = trash(&disk.root, &path("docs/a"), Some(hash_of("one")), how(&traits));
    assert_eq!(again, Ok(Recovered::Nothing));
}

#[test]
fn what_no_intent_claims_comes_out_where_users_see_it() {
    let disk = Disk::new();
    let traits = DiskTraits::default();
    disk.write(".syncd/parked/turn-1", "one");
    disk.write(".syncd/parked/turn-1.from", "docs/A");
    disk.write(".syncd/parked/turn-2.from", "docs/done already");
    disk.write(".syncd/parked/7", "parked by another journal");
    let found = leftovers(&disk.root, how(&traits)).unwrap();
    assert_eq!(
        found,
        [Recovered::PutBack(path("docs/A")), Recovered::PutBack(path("7"))]
    );
    assert_eq!(disk.files(), ["7=parked by another journal", "docs/A=one"]);
    assert_eq!(leftovers(&disk.root, how(&traits)), Ok(Vec::new()));
}
