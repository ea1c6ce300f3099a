//! Disks that are full, read-only, closed or broken. What does not fit or cannot be done is named; nothing half-written ever
//! has a real name, nothing is taken for deleted, and once the disk is well the rest is done.
//!
//! Disks are small ones of the test's own, in its own mount namespace; errors of a broken disk come from `warden`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::checker::{assert_equal, assert_same};
use crate::samples::bytes;
use crate::world::mounts::{in_own_mounts, mount, mount_disk, resize_disk};
use crate::world::native::{Rule, warden};
use crate::world::{Dialect, Entry, Machine, Run, Tree, World, content_of, disk};

/// Who is not root.
const NOBODY: u32 = 65_534;
/// A disk on which a small file fits, and no large one.
const SMALL: u64 = 1 << 20;
/// A disk on which everything fits.
const LARGE: u64 = 64 << 20;

/// The reason why that is not in sync, of whatever kind: held, failed or unproved.
#[track_caller]
fn reason(run: &Run, path: &str) -> String {
    let named = ["held", "failed", "unproved"].iter().find_map(|kind| {
        let items = run.items(kind);
        items.into_iter().find(|(found, _)| found == path)
    });
    named.unwrap_or_else(|| panic!("{path} is not named: {run:?}")).1
}

/// Every file there has the whole content that the account has under its path.
#[track_caller]
fn assert_nothing_half(machine: &Machine, cloud: &Tree) {
    for (path, entry) in machine.tree() {
        assert_eq!(Some(&entry), cloud.get(&path), "{path} is not as in the account");
    }
}

/// Files that leave no room: as large as the disk allows.
fn fill(folder: &Path) {
    let mut size = 1 << 20;
    let mut serial = 0;
    while size > 0 {
        serial += 1;
        let file = folder.join(format!("filler-{serial}"));
        if std::fs::write(&file, vec![b'x'; size]).is_err() {
            // What was written of it stays: it fills too.
            size /= 2;
        }
    }
}

fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("filler-") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[test]
fn downloads_that_do_not_fit_are_named_and_come_when_there_is_room() {
    in_own_mounts(
        "full_disk::downloads_that_do_not_fit_are_named_and_come_when_there_is_room",
        || {
            // With room asked for in advance, and with none: then the disk itself says no.
            for min_free in ["0", "\"64KiB\""] {
                let world = World::start(Dialect::Document);
                let mut machine = world.machine("d1");
                machine.set("min_free", min_free);
                mount_disk(&machine.local, SMALL);
                machine.write("mine.txt", "mine");
                world.cloud.web_create("small.txt", b"small");
                world.cloud.web_create("deep/large.bin", &bytes(3 * SMALL, 1));
                for _ in 0..2 {
                    let run = machine.once(&[]).expect(3);
                    let why = reason(&run, "deep/large.bin");
                    assert!(
                        why.contains("free") || why.contains("space") || why.contains("room"),
                        "{why}"
                    );
                    assert_eq!(
                        (machine.read("small.txt"), machine.read("mine.txt")),
                        ("small".into(), "mine".into())
                    );
                    assert_nothing_half(&machine, &world.cloud.tree());
                }
                let left = disk::everything(&machine.local.join(".syncd/staging"));
                assert!(left.is_empty(), "what was begun still takes room: {left:?}");
                resize_disk(&machine.local, LARGE);
                machine.settle(3, false);
                assert_same(&machine.tree(), &world.cloud.tree());
                assert_eq!(machine.tree().len(), 4);
            }
        },
    );
}

#[test]
fn a_version_that_does_not_fit_leaves_the_old_one_whole_on_both_sides() {
    in_own_mounts(
        "full_disk::a_version_that_does_not_fit_leaves_the_old_one_whole_on_both_sides",
        || {
            let world = World::start(Dialect::Document);
            let machine = world.machine("d1");
            mount_disk(&machine.local, SMALL);
            let old = machine.write("report.bin", bytes(300_000, 1));
            machine.sync();
            let new = world.cloud.web_edit("report.bin", &bytes(2 * SMALL, 2));
            machine.write("beside.txt", "goes up");
            let run = machine.once(&[]).expect(3);
            reason(&run, "report.bin");
            assert_eq!(machine.tree()["report.bin"], Entry::File(old));
            assert_eq!(world.cloud.tree()["report.bin"], Entry::File(new));
            assert!(world.cloud.tree().contains_key("beside.txt"), "{run:?}");
            resize_disk(&machine.local, LARGE);
            machine.settle(3, false);
            assert_eq!(machine.tree()["report.bin"], Entry::File(new));
            assert_same(&machine.tree(), &world.cloud.tree());
        },
    );
}

#[test]
fn with_the_local_disk_full_deletions_and_renames_of_the_account_lose_nothing() {
    in_own_mounts(
        "full_disk::with_the_local_disk_full_deletions_and_renames_of_the_account_lose_nothing",
        || {
            let world = World::start(Dialect::Document);
            let mut machine = world.machine("d1");
            machine.set("max_delete_percent", "100");
            mount_disk(&machine.local, SMALL);
            let kept = machine.write("kept.bin", bytes(100_000, 1));
            let gone = machine.write("gone.bin", bytes(100_000, 2));
            machine.sync();
            world.cloud.web_move("kept.bin", "moved/kept.bin");
            world.cloud.web_trash("gone.bin");
            fill(&machine.local);
            // The filler is the user's too: what of it is in the account is of no interest here.
            let run = machine.once(&[]);
            assert!([0, 1, 3].contains(&run.code), "{run:?}");
            empty(&machine.local);
            machine.settle(4, false);
            let tree = machine.tree();
            assert_eq!(tree["moved/kept.bin"], Entry::File(kept));
            assert!(!tree.contains_key("gone.bin"));
            let trash = disk::everything(&machine.local.join(".syncd/trash"));
            assert!(
                trash.values().any(|entry| *entry == Entry::File(gone)),
                "{trash:?}"
            );
            assert_same(&tree, &world.cloud.tree());
        },
    );
}

#[test]
fn with_the_state_directory_full_it_says_so_and_the_next_run_is_fine() {
    in_own_mounts(
        "full_disk::with_the_state_directory_full_it_says_so_and_the_next_run_is_fine",
        || {
            // Full from the very first run on, and from some run on.
            for fresh in [true, false] {
                let world = World::start(Dialect::Document);
                let machine = world.machine("d1");
                mount_disk(&machine.state, 4 * SMALL);
                machine.write("here.txt", "here");
                world.cloud.web_create("there.txt", b"there");
                if !fresh {
                    machine.sync();
                    machine.write("here.txt", "edited here");
                    world.cloud.web_edit("there.txt", b"edited there");
                    machine.write("new.txt", "new");
                }
                fill(&machine.state);
                let before = (machine.tree(), world.cloud.tree());
                let run = machine.run(&["--once"]).expect(1);
                let said = run.said();
                assert!(
                    said.contains(machine.state.to_str().unwrap()) && said.contains("Next: "),
                    "{run:?}"
                );
                assert_equal(&before.0, &machine.tree());
                assert_equal(&before.1, &world.cloud.tree());
                empty(&machine.state);
                machine.settle(4, false);
                assert_same(&machine.tree(), &world.cloud.tree());
                assert_eq!(machine.tree().len(), if fresh { 2 } else { 3 });
                assert_eq!(machine.sync().count("uploaded"), 0);
            }
        },
    );
}

#[test]
fn a_state_directory_that_fills_up_during_a_run_loses_nothing_and_leaves_nothing_twice() {
    in_own_mounts(
        "full_disk::a_state_directory_that_fills_up_during_a_run_loses_nothing_and_leaves_nothing_twice",
        || {
            let world = World::start(Dialect::V4);
            let machine = world.machine("d1");
            mount_disk(&machine.state, 4 * SMALL);
            machine.write("a.txt", "one");
            machine.sync();
            let mut meant = machine.tree();
            for number in 0..40u64 {
                let path = format!("new-{number}.bin");
                let content = machine.write(&path, bytes(2_000, number));
                meant.insert(path, Entry::File(content));
                let path = format!("there-{number}.bin");
                let content = world.cloud.web_create(&path, &bytes(2_000, 100 + number));
                meant.insert(path, Entry::File(content));
            }
            let mark = world.cloud.mark();
            let mut running = machine.spawn_once(&[]);
            running.watch(|_| world.cloud.since(&mark).at("/file/upload") >= 3);
            fill(&machine.state);
            let run = running.wait();
            assert_eq!(run.code, 1, "it can write its journal on a full disk: {run:?}");
            let error = &run.pair()["error"];
            assert!(
                error["path"]
                    .as_str()
                    .unwrap()
                    .starts_with(machine.state.to_str().unwrap()),
                "{run:?}"
            );
            // It did something, so it must not say that it did nothing.
            assert!(error["data"].as_str().unwrap().contains("stays done"), "{run:?}");
            assert_eq!(error["happened"], "not synced to the end", "{run:?}");
            empty(&machine.state);
            machine.settle(6, false);
            assert_equal(&meant, &machine.tree());
            assert_same(&machine.tree(), &world.cloud.tree());
        },
    );
}

#[test]
fn a_local_folder_that_became_read_only_deletes_nothing_and_catches_up() {
    in_own_mounts(
        "full_disk::a_local_folder_that_became_read_only_deletes_nothing_and_catches_up",
        || {
            let world = World::start(Dialect::Document);
            let mut machine = world.machine("d1");
            machine.set("max_delete_percent", "100");
            mount_disk(&machine.local, LARGE);
            for name in ["a.txt", "b.txt", "docs/c.txt", "docs/d.txt"] {
                machine.write(name, name);
            }
            machine.sync();
            machine.write("a.txt", "edited here before");
            world.cloud.web_edit("b.txt", b"edited there");
            world.cloud.web_trash("docs/c.txt");
            world.cloud.web_move("docs/d.txt", "moved there.txt");
            world.cloud.web_create("new/there.txt", b"new there");
            mount(&["-o", "remount,ro"], &machine.local);
            let before = machine.tree();
            let there = world.cloud.tree();
            for _ in 0..2 {
                let run = machine.once(&[]);
                assert!([1, 3].contains(&run.code), "{run:?}");
                assert!(run.said().to_lowercase().contains("read-only"), "{run:?}");
                assert_equal(&before, &machine.tree());
                let now = world.cloud.tree();
                for path in there.keys() {
                    assert!(now.contains_key(path), "{path} is gone from the account: {run:?}");
                }
            }
            mount(&["-o", "remount,rw"], &machine.local);
            machine.settle(4, false);
            let tree = machine.tree();
            assert_same(&tree, &world.cloud.tree());
            let content = |text: &str| Entry::File(content_of(text.as_bytes()));
            assert_eq!(tree["a.txt"], content("edited here before"));
            assert_eq!(tree["b.txt"], content("edited there"));
            assert_eq!(tree["moved there.txt"], content("docs/d.txt"));
            assert_eq!(tree["new/there.txt"], content("new there"));
            assert!(!tree.contains_key("docs/c.txt"));
        },
    );
}

#[test]
fn a_folder_that_may_not_be_written_fails_by_name_and_its_neighbours_are_synced() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("max_delete_percent", "100");
    for name in [
        "closed/edited.txt",
        "closed/deleted.txt",
        "closed/moved.txt",
        "open/edited.txt",
        "closed/gone here.txt",
    ] {
        machine.write(name, name);
    }
    if rustix::process::geteuid().is_root() {
        machine.become_user(NOBODY);
    }
    machine.sync();
    machine.remove("closed/gone here.txt");
    let mode = |mode: u32| {
        let closed = machine.local.join("closed");
        std::fs::set_permissions(closed, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o555);
    world.cloud.web_edit("closed/edited.txt", b"edited there");
    world.cloud.web_trash("closed/deleted.txt");
    world.cloud.web_move("closed/moved.txt", "open/moved.txt");
    world.cloud.web_create("closed/new.txt", b"new there");
    world.cloud.web_edit("open/edited.txt", b"edited there too");
    let run = machine.once(&[]).expect(3);
    for path in ["closed/edited.txt", "closed/deleted.txt", "closed/new.txt"] {
        let why = reason(&run, path).to_lowercase();
        assert!(
            why.contains("permission") || why.contains("denied"),
            "{path}: {why}"
        );
    }
    assert_eq!(machine.read("closed/edited.txt"), "closed/edited.txt");
    assert_eq!(machine.read("closed/deleted.txt"), "closed/deleted.txt");
    assert_eq!(machine.read("closed/moved.txt"), "closed/moved.txt");
    assert_eq!(machine.read("open/edited.txt"), "edited there too");
    let there = world.cloud.tree();
    assert!(
        !there.contains_key("closed/gone here.txt"),
        "a deletion here needs nothing of this disk"
    );
    assert!(there.contains_key("open/moved.txt") && there.contains_key("closed/new.txt"));
    mode(0o755);
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
    assert_eq!(machine.read("closed/edited.txt"), "edited there");
    assert!(!machine.tree().contains_key("closed/deleted.txt"));
}

#[test]
fn what_a_broken_disk_does_not_show_is_not_taken_for_deleted() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("max_delete_percent", "100");
    for name in ["good/a.txt", "broken/b.txt", "broken/deep/c.txt", "sector.txt"] {
        machine.write(name, name);
    }
    machine.sync();
    machine.write("good/a.txt", "edited here");
    machine.write("sector.txt", "edited here, then the sector broke");
    let before = world.cloud.tree();
    machine.run_through(warden(&[
        Rule::fails("getdents64", "folder/broken", "EIO"),
        Rule::fails("read", "folder/sector.txt", "EIO"),
    ]));
    let run = machine.once(&[]).expect(3);
    reason(&run, "sector.txt");
    reason(&run, "broken");
    let now = world.cloud.tree();
    assert_eq!(now.len(), before.len(), "{now:?}");
    assert_eq!(now["sector.txt"], before["sector.txt"]);
    assert_eq!(now["broken/deep/c.txt"], before["broken/deep/c.txt"]);
    assert_ne!(now["good/a.txt"], before["good/a.txt"], "{run:?}");
    machine.run_through(Vec::new());
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_disk_that_fails_while_a_download_is_written_gives_no_file_its_name() {
    for (call, error) in [
        ("write", "EIO"),
        ("fsync", "EIO"),
        ("write", "ENOSPC"),
        ("write", "EDQUOT"),
        ("renameat2", "EIO"),
    ] {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        machine.write("old.bin", "old");
        machine.sync();
        world.cloud.web_edit("old.bin", &bytes(600_000, 1));
        world.cloud.web_create("new.bin", &bytes(600_000, 2));
        machine.run_through(warden(&[Rule::fails(call, ".syncd/staging/", error)]));
        let run = machine.once(&[]).expect(3);
        for path in ["old.bin", "new.bin"] {
            reason(&run, path);
        }
        assert_eq!(machine.tree().len(), 1, "{call} {error}: {:?}", machine.tree());
        assert_eq!(machine.read("old.bin"), "old", "{call} {error}");
        machine.run_through(Vec::new());
        machine.settle(4, false);
        assert_same(&machine.tree(), &world.cloud.tree());
        assert_eq!(machine.tree().len(), 2);
    }
}
