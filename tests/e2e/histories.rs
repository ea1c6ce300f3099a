//! Histories by their number that need the built program: a disk that changes under its eyes, nested folders, another
//! account in the configuration.

use std::fs;
use std::path::Path;

use crate::checker::{assert_equal, assert_same};
use crate::world::mounts::{in_own_mounts, mount};
use crate::world::native::{Rule, warden};
use crate::world::{Cloud, Dialect, Machine, Run, World};

/// A run that meets these rules.
fn once_meeting(machine: &mut Machine, rules: &[Rule]) -> Run {
    machine.run_through(warden(rules));
    let run = machine.once(&[]);
    machine.run_through(Vec::new());
    run
}

/// The command of a user, in his folder.
fn in_folder(machine: &Machine, command: &str) -> String {
    format!("cd '{}'; {command}", machine.local.display())
}

#[test]
fn h28_what_moves_behind_the_scans_back_is_one_move_and_no_deletion() {
    for what in ["mv b/big.bin a/", "mv b/folder a/"] {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        machine.write("a/here.txt", "here");
        machine.write("b/big.bin", vec![7; 300_000]);
        machine.write("b/folder/deep/file.txt", "file");
        machine.write("b/rest.txt", "rest");
        machine.sync();
        let mark = world.cloud.mark();
        // The scan has passed a/ and is about to read b/.
        let moves = Rule::before("openat", "folder/b", &in_folder(&machine, what));
        let run = once_meeting(&mut machine, &[moves]).expect(0);
        assert_eq!(
            (
                run.count("deleted_local"),
                run.count("deleted_remote"),
                run.count("uploaded")
            ),
            (0, 0, 0),
            "{what}: {run:?}"
        );
        assert_eq!(run.count("moved"), 1, "{what}: {run:?}");
        let asked = world.cloud.since(&mark);
        assert_eq!(
            (asked.mutations, asked.at("/file/upload")),
            (1, 0),
            "{what}: {run:?}"
        );
        assert_same(&machine.tree(), &world.cloud.tree());
        assert!(world.cloud.trash().is_empty(), "{what}");
    }
}

#[test]
fn h28_what_disappears_in_every_look_waits_for_the_next_pass() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    for number in 1..=6 {
        machine.write(&format!("b/{number}.txt"), format!("file {number}"));
    }
    machine.write("other.txt", "other");
    machine.sync();
    let before = world.cloud.tree();
    // One more is gone each time that b/ is read.
    let rules: Vec<Rule> = (1..=4)
        .map(|look| {
            let command = in_folder(&machine, &format!("rm b/{look}.txt"));
            Rule::before("openat", "folder/b", &command).at(look)
        })
        .collect();
    let run = once_meeting(&mut machine, &rules);
    assert_eq!(
        run.count("deleted_remote"),
        0,
        "only one look missed the last one: {run:?}"
    );
    assert_equal(&before, &world.cloud.tree());
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
    assert_eq!(machine.tree().len(), 4, "b/, two files in it, and the other");
}

#[test]
fn h41_nested_folders_are_refused_by_path_and_behind_a_link() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine_at("d1", "/One");
    let link = world.join("link");
    std::os::unix::fs::symlink(&machine.local, &link).unwrap();
    for inner in [machine.local.join("inner"), link.join("inner")] {
        fs::create_dir_all(&inner).unwrap();
        refused_as_nested(&world, &mut machine, &inner);
    }
}

/// The second pair's folder lies within the first one's, and is refused before anything is asked.
fn refused_as_nested(world: &World, machine: &mut Machine, inner: &Path) {
    machine.configure(|settings| {
        settings.sync.truncate(1);
        settings.pair("second", inner, "/Two");
    });
    let mark = world.cloud.mark();
    let run = machine.once(&[]).expect(1);
    assert!(run.said().contains("lies within"), "{run:?}");
    assert_eq!(world.cloud.since(&mark).requests, 0);
}

#[test]
fn h41_a_folder_within_a_bind_mount_of_another_pairs_is_refused() {
    in_own_mounts(
        "histories::h41_a_folder_within_a_bind_mount_of_another_pairs_is_refused",
        || {
            let world = World::start(Dialect::Document);
            let mut machine = world.machine_at("d1", "/One");
            let other = world.join("other");
            fs::create_dir(&other).unwrap();
            machine.mkdir("inner");
            mount(&["--bind", machine.local.to_str().unwrap()], &other);
            for inner in [other.clone(), other.join("inner")] {
                refused_as_nested(&world, &mut machine, &inner);
            }
        },
    );
}

#[test]
fn h41_a_pairs_folder_that_is_bind_mounted_out_of_another_ones_is_not_entered_by_that() {
    in_own_mounts(
        "histories::h41_a_pairs_folder_that_is_bind_mounted_out_of_another_ones_is_not_entered_by_that",
        || {
            let world = World::start(Dialect::Document);
            let mut machine = world.machine_at("d1", "/One");
            machine.write("mine.txt", "mine");
            machine.write("inner/theirs.txt", "theirs");
            let other = world.join("other");
            fs::create_dir(&other).unwrap();
            mount(&["--bind", machine.local.join("inner").to_str().unwrap()], &other);
            machine.configure(|settings| settings.pair("second", &other, "/Two"));
            // From the first run on, in whatever order the pairs run: no marker tells yet.
            for _ in 0..3 {
                machine.once(&[]);
                let tree = world.cloud.tree();
                assert!(tree.contains_key("Two/theirs.txt"), "{tree:?}");
                assert!(tree.contains_key("One/mine.txt"), "{tree:?}");
                assert!(!tree.contains_key("One/inner/theirs.txt"), "{tree:?}");
            }
            assert_eq!(machine.read("inner/theirs.txt"), "theirs");
        },
    );
}

/// A machine in agreement that has deleted its file, so that whatever runs against another account would do harm.
fn about_to_delete(world: &World) -> Machine {
    let machine = world.machine("d1");
    machine.write("a.txt", "one");
    machine.sync();
    machine.remove("a.txt");
    machine
}

#[test]
fn h44_another_address_in_the_configuration_stops_the_pair_before_anything_is_asked() {
    let world = World::start(Dialect::Document);
    let mut machine = about_to_delete(&world);
    let other = World::start(Dialect::Document);
    other.cloud.web_create("b.txt", b"of another account");
    // The address alone: the keys, and the token of before, stay.
    let url = format!("\"{}\"", other.cloud.api_url());
    machine.configure(|settings| drop(settings.account.insert("api_url".to_owned(), url)));
    let marks = [world.cloud.mark(), other.cloud.mark()];
    for _ in 0..2 {
        let run = machine.once(&[]).expect(4);
        assert_eq!(run.pair()["stop"]["kind"], "other_api", "{run:?}");
    }
    assert_eq!(world.cloud.since(&marks[0]).requests, 0);
    assert_eq!(other.cloud.since(&marks[1]).requests, 0);
    assert!(machine.tree().is_empty());
}

#[test]
fn h44_keys_of_another_account_stop_the_pair_before_anything_but_the_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(&folder.path().join("first"), Dialect::Document, 1);
    let port = cloud.port();
    let machine = Machine::new(&folder.path().join("d1"), "d1", &cloud, "/");
    machine.write("a.txt", "one");
    machine.sync();
    machine.remove("a.txt");
    let first = cloud.credentials();
    drop(cloud);
    // The same address, and behind it another account. The token of before is cached.
    let other = Cloud::of_another_account(&folder.path().join("second"), Dialect::Document, port);
    other.web_create("a.txt", b"of another account");
    machine.save_credentials(&other.credentials(), 0o600);
    let mark = other.mark();
    let run = machine.once(&[]).expect(4);
    assert_eq!(run.pair()["stop"]["kind"], "other_account", "{run:?}");
    let asked = other.since(&mark);
    assert_eq!((asked.requests, asked.at("/authorize")), (1, 1), "{asked:?}");
    // The next run has a token of that account and need not sign in: it stops all the same, and asks nothing.
    let mark = other.mark();
    let run = machine.once(&[]).expect(4);
    assert_eq!(run.pair()["stop"]["kind"], "other_account", "{run:?}");
    assert_eq!(other.since(&mark).requests, 0);
    assert!(machine.tree().is_empty());
    assert_eq!(other.tree().len(), 1);
    // Back to the keys of before, all is as it was.
    drop(other);
    let cloud = Cloud::start_on(&folder.path().join("first"), Dialect::Document, 1, port);
    machine.save_credentials(&first, 0o600);
    machine.sync();
    assert!(cloud.tree().is_empty());
}
