//! What a folder and an account do to each other, one thing at a time, and with two machines.

use crate::checker::{Witness, assert_equal, assert_same};
use crate::world::{Dialect, Machine, World, disk};

/// A world with one machine and a few files that both sides agree on.
pub(crate) fn agreed() -> (World, Machine) {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    machine.write("a.txt", "one");
    machine.write("docs/b.txt", "two");
    machine.write("docs/deep/c.txt", "three");
    machine.mkdir("empty");
    machine.sync();
    assert_same(&machine.tree(), &world.cloud.tree());
    (world, machine)
}

/// A pass that ends in agreement and transfers nothing; then both sides are the same.
fn sync_without_transfer(world: &World, machine: &Machine) {
    let run = machine.sync();
    assert_eq!(
        (run.count("uploaded"), run.count("downloaded")),
        (0, 0),
        "{run:?}"
    );
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn files_and_folders_go_up_and_a_second_pass_has_nothing_to_do() {
    let (world, machine) = agreed();
    let mark = world.cloud.mark();
    let run = machine.sync();
    let done = [
        "uploaded",
        "downloaded",
        "moved",
        "deleted_local",
        "deleted_remote",
    ]
    .map(|key| run.count(key));
    assert_eq!(done, [0; 5], "{run:?}");
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
    assert_eq!(world.cloud.tree().len(), 6);
}

#[test]
fn files_and_folders_come_down() {
    let world = World::start(Dialect::Document);
    world.cloud.web_create("photos/2026/cat.jpg", b"miau");
    world.cloud.web_create("note.txt", b"remember");
    world.cloud.web_mkdir("photos/none");
    let machine = world.machine("d1");
    let run = machine.sync();
    assert_eq!((run.count("downloaded"), run.count("uploaded")), (2, 0));
    assert_eq!(machine.read("photos/2026/cat.jpg"), "miau");
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn an_edit_travels_up_and_down_and_the_old_version_is_in_the_accounts_trash() {
    let (world, machine) = agreed();
    machine.write("a.txt", "one and more");
    world.cloud.web_edit("docs/b.txt", b"two and more");
    let run = machine.sync();
    assert_eq!((run.count("uploaded"), run.count("downloaded")), (1, 1));
    assert_eq!(machine.read("docs/b.txt"), "two and more");
    assert_same(&machine.tree(), &world.cloud.tree());
    assert!(world.cloud.trash().contains(&disk::content_of(b"one")));
}

#[test]
fn an_edit_of_equal_size_travels_up() {
    let (world, machine) = agreed();
    machine.write("a.txt", "eno");
    assert_eq!(machine.sync().count("uploaded"), 1);
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn bytes_swapped_under_an_id_come_down() {
    let (world, machine) = agreed();
    world.cloud.web_swap("a.txt", b"another size");
    assert_eq!(machine.sync().count("downloaded"), 1);
    assert_eq!(machine.read("a.txt"), "another size");
}

#[test]
fn a_rename_or_move_here_is_one_there() {
    let (world, machine) = agreed();
    machine.rename("a.txt", "docs/renamed.txt");
    sync_without_transfer(&world, &machine);
    assert!(world.cloud.tree().contains_key("docs/renamed.txt"));
}

#[test]
fn a_rename_or_move_there_is_one_here() {
    let (world, machine) = agreed();
    world.cloud.web_move("docs/b.txt", "b here.txt");
    sync_without_transfer(&world, &machine);
    assert_eq!(machine.read("b here.txt"), "two");
}

#[test]
fn a_folder_renamed_here_and_one_moved_there_keep_their_files() {
    let (world, machine) = agreed();
    machine.rename("docs", "papers");
    sync_without_transfer(&world, &machine);
    world.cloud.web_move("papers/deep", "empty/deeper");
    sync_without_transfer(&world, &machine);
    assert_eq!(machine.read("empty/deeper/c.txt"), "three");
}

#[test]
fn a_file_renamed_here_and_edited_there_is_no_conflict() {
    let (world, machine) = agreed();
    machine.rename("a.txt", "z.txt");
    world.cloud.web_edit("a.txt", b"edited there");
    machine.sync();
    assert_eq!(machine.read("z.txt"), "edited there");
    assert_same(&machine.tree(), &world.cloud.tree());
    assert_eq!(machine.tree().len(), 6);
}

#[test]
fn two_names_swapped_here_are_swapped_there() {
    let (world, machine) = agreed();
    machine.rename("a.txt", "parked");
    machine.rename("docs/b.txt", "a.txt");
    machine.rename("parked", "docs/b.txt");
    sync_without_transfer(&world, &machine);
    assert_eq!(
        world.cloud.tree()["a.txt"],
        disk::Entry::File(disk::content_of(b"two"))
    );
}

#[test]
fn what_is_deleted_here_is_in_the_accounts_trash() {
    let (world, machine) = agreed();
    machine.remove("a.txt");
    machine.remove("docs");
    let run = machine.sync();
    assert!(run.count("deleted_remote") > 0, "{run:?}");
    assert_same(&machine.tree(), &world.cloud.tree());
    assert_eq!(machine.tree().len(), 1);
    for lost in ["one", "two", "three"] {
        assert!(
            world.cloud.trash().contains(&disk::content_of(lost.as_bytes())),
            "{lost}"
        );
    }
}

#[test]
fn what_is_deleted_there_is_in_the_trash_here() {
    let (world, machine) = agreed();
    world.cloud.web_trash("a.txt");
    world.cloud.web_trash("docs");
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
    assert_eq!(machine.tree().len(), 1);
    let kept: Vec<_> = disk::everything(&machine.local.join(".syncd/trash"))
        .into_values()
        .collect();
    for lost in ["one", "two", "three"] {
        assert!(
            kept.contains(&disk::Entry::File(disk::content_of(lost.as_bytes()))),
            "{lost} in {kept:?}"
        );
    }
}

#[test]
fn a_file_edited_here_survives_its_deletion_there_and_the_other_way_round() {
    let (world, machine) = agreed();
    machine.write("a.txt", "edited here");
    world.cloud.web_trash("a.txt");
    world.cloud.web_edit("docs/b.txt", b"edited there");
    machine.remove("docs/b.txt");
    machine.settle(3, false);
    assert_eq!(
        (machine.read("a.txt"), machine.read("docs/b.txt")),
        ("edited here".into(), "edited there".into())
    );
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_conflict_keeps_both_versions_on_both_sides() {
    let (world, machine) = agreed();
    machine.write("a.txt", "mine");
    world.cloud.web_edit("a.txt", b"theirs");
    let run = machine.sync();
    assert_eq!(machine.read("a.txt"), "theirs");
    let tree = machine.tree();
    let copies: Vec<_> = tree
        .keys()
        .filter(|path| path.starts_with("a (conflict "))
        .collect();
    assert_eq!(copies.len(), 1, "{tree:?}");
    assert!(copies[0].ends_with(" d1).txt"), "{copies:?}");
    assert_eq!(machine.read(copies[0]), "mine");
    assert_same(&tree, &world.cloud.tree());
    let pair = run.pair();
    assert_eq!(pair["conflicts"].as_array().map(Vec::len), Some(1), "{run:?}");
    assert_eq!(pair["conflicts"][0]["path"], "a.txt");
    sync_without_transfer(&world, &machine);
}

#[test]
fn equal_bytes_on_both_sides_are_no_conflict() {
    let (world, machine) = agreed();
    machine.write("a.txt", "the same");
    world.cloud.web_edit("a.txt", b"the same");
    machine.write("new.txt", "just so");
    world.cloud.web_create("new.txt", b"just so");
    let run = machine.sync();
    assert_eq!(run.count("uploaded"), 0);
    assert_eq!(run.pair()["conflicts"].as_array().map(Vec::len), Some(0));
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_pair_may_be_a_folder_that_the_account_does_not_have_yet() {
    let world = World::start(Dialect::Document);
    world.cloud.web_create("elsewhere.txt", b"not ours");
    let machine = world.machine_at("d1", "/Backups/laptop");
    machine.write("a.txt", "one");
    machine.settle(3, false);
    assert!(world.cloud.tree().contains_key("Backups/laptop/a.txt"));
    assert!(!machine.tree().contains_key("elsewhere.txt"));
    // From now on the pair follows the folder's id, not its name.
    world.cloud.web_move("Backups/laptop", "Renamed");
    machine.write("b.txt", "two");
    machine.settle(3, false);
    assert!(world.cloud.tree().contains_key("Renamed/b.txt"));
}

#[test]
fn ignored_names_stay_where_they_are() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    machine.write(".syncignore", "*.o\n/build/\n");
    for path in [
        "a.o",
        "build/x",
        "x.part",
        ".DS_Store",
        "src/b.o",
        "src/b.c",
        ".syncd-mine",
    ] {
        machine.write(path, path);
    }
    machine.sync();
    let tree = world.cloud.tree();
    assert_eq!(tree.keys().collect::<Vec<_>>(), [".syncignore", "src", "src/b.c"]);
}

#[test]
fn everything_may_come_from_the_environment() {
    let world = World::start(Dialect::Document);
    world.cloud.web_create("note.txt", b"remember");
    let mut machine = world.machine("d1");
    for file in [&machine.config, &machine.credentials] {
        std::fs::remove_file(file).unwrap();
    }
    let [key1, key2] = world.cloud.keys();
    let local = machine.local.to_str().unwrap().to_owned();
    for (name, value) in [
        ("SYNCD_API_URL", world.cloud.api_url()),
        ("SYNCD_SYNC__MAIN__LOCAL", local),
        ("SYNCD_SYNC__MAIN__REMOTE", "/".to_owned()),
        ("SYNCD_KEY1", key1),
        ("SYNCD_KEY2", key2),
    ] {
        machine.env(name, &value);
    }
    machine.sync();
    assert_eq!(machine.read("note.txt"), "remember");
}

#[test]
fn no_secret_is_ever_said() {
    let (world, machine) = agreed();
    let keys = world.cloud.keys();
    for args in [&["-v"][..], &["-v", "-v"], &["--dry-run"]] {
        machine.write("secret.txt", args.concat());
        let said = machine.once(args).said();
        for key in &keys {
            assert!(!said.contains(key.as_str()), "a secret in: {said}");
        }
    }
}

#[test]
fn a_second_process_is_refused_and_told_who_works() {
    let (world, machine) = agreed();
    world.cloud.knob("latency.ms", "300");
    world.cloud.fault("latency", 1.0);
    let mark = world.cloud.mark();
    let mut first = machine.spawn_once(&[]);
    first.watch(|_| world.cloud.since(&mark).at("/folder/listing") > 0);
    assert!(first.ended().is_none(), "the first is too fast for this test");
    let second = machine.once(&[]).expect(6);
    assert!(second.said().contains(&first.pid().to_string()), "{second:?}");
    world.cloud.fault("latency", 0.0);
    first.wait().expect(0);
}

// ---- two machines

#[test]
fn what_one_machine_does_reaches_the_other() {
    let (world, d1) = agreed();
    let d2 = world.machine("d2");
    d2.sync();
    assert_equal(&d1.tree(), &d2.tree());

    d1.write("new.txt", "from d1");
    d1.rename("docs", "papers");
    d1.write("a.txt", "edited by d1");
    d1.sync();
    d2.write("from d2.txt", "from d2");
    d2.settle(3, false);
    assert_eq!(d2.read("a.txt"), "edited by d1");
    assert!(d2.tree().contains_key("papers/deep/c.txt"));
    d2.remove("papers/b.txt");
    d2.settle(3, false);
    d1.settle(3, false);
    assert_equal(&d1.tree(), &d2.tree());
    assert_same(&d1.tree(), &world.cloud.tree());
    assert!(!d1.tree().contains_key("papers/b.txt"));
}

#[test]
fn machines_that_change_the_same_things_at_once_lose_nothing() {
    for dialect in [Dialect::Document, Dialect::V5] {
        let world = World::start(dialect);
        let machines = [world.machine("d1"), world.machine("d2")];
        let mut witness = Witness::default();
        witness.wrote("shared.txt", machines[0].write("shared.txt", "base"));
        witness.wrote(
            "Docs/base.txt",
            machines[0].write("Docs/base.txt", "base of docs"),
        );
        for machine in &machines {
            machine.settle(4, false);
        }
        for (machine, name) in machines.iter().zip(["d1", "d2"]) {
            witness.dropped(disk::content_of(b"base"));
            witness.wrote(
                "shared.txt",
                machine.write("shared.txt", format!("edited by {name}")),
            );
            witness.wrote(
                "New",
                machine.write(&format!("New/of {name}.txt"), format!("new of {name}")),
            );
            witness.wrote("both", machine.write("both.txt", format!("made by {name}")));
        }
        machines[0].rename("Docs", "Papers");
        witness.wrote("Docs/late.txt", machines[1].write("Docs/late.txt", "late"));
        // At once, then in turns until both agree.
        let both: Vec<_> = machines.iter().map(|machine| machine.spawn_once(&[])).collect();
        both.into_iter().for_each(|running| drop(running.wait()));
        for _ in 0..3 {
            for machine in &machines {
                machine.settle(6, false);
            }
        }
        let trees = machines.each_ref().map(Machine::tree);
        assert_equal(&trees[0], &trees[1]);
        assert_same(&trees[0], &world.cloud.tree());
        witness.assert_kept_once(&trees[0]);
    }
}
