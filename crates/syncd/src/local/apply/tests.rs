//! Whole passes: the steps one after the other, as the engine takes them.

use planner::name::LocalName;

use crate::local::apply;
use crate::local::root::Probe;
use crate::local::staging::{Staged, Staging};
use crate::local::testing::{Disk, in_own_mounts, path};
use crate::local::trash::TrashPlace;
use crate::local::{LocalError, Root};

fn name(text: &str) -> LocalName {
    LocalName::new(text).unwrap()
}

fn stage(root: &Root, as_name: &str, text: &str) -> Staged {
    let mut file = Staging::create(root, &name(as_name)).unwrap();
    file.write(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

fn today() -> TrashPlace {
    TrashPlace::on("2026-11-23".parse().unwrap())
}

#[test]
fn a_pass_of_every_kind_of_step_leaves_what_was_planned() {
    for disk in Disk::both() {
        let root = &disk.root;
        disk.write("a", "was a");
        disk.write("b", "was b");
        disk.write("old/gone", "gone");
        disk.write("edited", "version 1");
        apply::create_folder(root, &path("new"), None).unwrap();
        apply::place(root, &stage(root, "d1", "down"), &path("new/file"), None).unwrap();
        apply::park(root, &path("a"), &name("0")).unwrap();
        apply::rename(root, &path("b"), &path("a"), None, &disk.seen("b")).unwrap();
        apply::unpark(root, &name("0"), &path("b")).unwrap();
        let seen = disk.seen("edited");
        apply::replace(
            root,
            &stage(root, "d2", "version 2"),
            &path("edited"),
            &seen,
            today(),
        )
        .unwrap();
        let full = apply::remove_folder(root, &path("old")).unwrap_err();
        assert!(full.is_stale(), "{full}");
        apply::trash(root, &path("old/gone"), &disk.seen("old/gone"), today()).unwrap();
        apply::remove_folder(root, &path("old")).unwrap();
        assert_eq!(
            disk.files(),
            [
                ".syncd/trash/2026-11-23/edited=version 1",
                ".syncd/trash/2026-11-23/old/gone=gone",
                "a=was b",
                "b=was a",
                "edited=version 2",
                "new/file=down",
            ]
        );
        assert!(!disk.exists("old"));
    }
}

#[test]
fn n4_names_are_read_back_also_on_a_disk_that_was_never_asked() {
    let asked = Disk::new();
    asked.root.traits(Probe::Write).unwrap();
    for disk in [asked, Disk::new()] {
        for text in ["plain", "e\u{301}", "\u{e9}", "trailing."] {
            let done = apply::create_folder(&disk.root, &path(text), None).unwrap();
            assert_eq!(done.name.as_str(), text);
        }
    }
}

#[test]
fn d7_what_the_disk_refuses_says_what_the_caller_can_do() {
    let disk = Disk::new();
    let long = "n".repeat(256);
    for (at, stale) in [("no/x", true), (long.as_str(), false), (".syncd/x", false)] {
        let error = apply::create_folder(&disk.root, &path(at), None).unwrap_err();
        assert_eq!(error.is_stale(), stale, "{error}");
        assert!(error.to_string().starts_with(at), "{error}");
    }
}

#[test]
fn every_step_ends_with_nothing_of_ours_left_over() {
    for disk in Disk::both() {
        disk.write("a", "1");
        apply::trash(&disk.root, &path("a"), &disk.seen("a"), today()).unwrap();
        disk.write("a", "2");
        let seen = disk.seen("a");
        apply::replace(
            &disk.root,
            &stage(&disk.root, "d", "3"),
            &path("a"),
            &seen,
            today(),
        )
        .unwrap();
        for own in [".syncd/staging", ".syncd/parked"] {
            assert_eq!(std::fs::read_dir(disk.at(own)).unwrap().count(), 0, "{own}");
        }
    }
}

#[test]
fn d2_no_moment_is_without_a_file_at_the_path_while_it_is_replaced() {
    let disk = Disk::new();
    disk.write("a", "0");
    let at = disk.at("a");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_u32;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(std::fs::read_to_string(&at).unwrap().len(), 1);
                reads += 1;
            }
            reads
        });
        for round in 1..=8 {
            let staged = stage(&disk.root, "d", &round.to_string());
            let seen = disk.seen("a");
            apply::replace(&disk.root, &staged, &path("a"), &seen, today()).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(disk.read("a"), "8");
}

#[test]
fn a_full_disk_says_so_and_loses_nothing() {
    in_own_mounts(
        "local::apply::tests::a_full_disk_says_so_and_loses_nothing",
        |mount| {
            let dir = tempfile::tempdir().unwrap();
            mount(&["-t", "tmpfs", "-o", "size=64k", "none"], dir.path());
            let root = Root::open(dir.path()).unwrap();
            assert!(root.free_bytes().unwrap() <= 64 * 1024);
            std::fs::write(dir.path().join("mine"), "mine").unwrap();
            let mut file = Staging::create(&root, &name("d1")).unwrap();
            let error = (0..64).find_map(|_| file.write(&[7; 4096]).err()).unwrap();
            assert!(matches!(error, LocalError::NoSpace { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(dir.path().join("mine")).unwrap(), "mine");
        },
    );
}

#[test]
fn a_disk_that_may_not_be_written_says_so() {
    in_own_mounts(
        "local::apply::tests::a_disk_that_may_not_be_written_says_so",
        |mount| {
            let dir = tempfile::tempdir().unwrap();
            mount(&["-t", "tmpfs", "-o", "ro", "none"], dir.path());
            let root = Root::open(dir.path()).unwrap();
            let error = apply::create_folder(&root, &path("a"), None).unwrap_err();
            assert!(matches!(error, LocalError::Denied { .. }), "{error}");
            assert!(matches!(
                root.traits(Probe::Write),
                Err(LocalError::Denied { .. })
            ));
            assert!(root.traits(Probe::ReadOnly).is_ok());
        },
    );
}
