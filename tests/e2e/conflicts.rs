//! Two versions of one file: what each policy makes of them, and `syncd conflicts keep`, from the command line to both
//! trashes.

use serde_json::Value;

use crate::checker::assert_same;
use crate::world::native::{Rule, warden};
use crate::world::{Dialect, Machine, Run, World, content_of, disk};

/// A world in which `a.txt` was edited on both sides and kept twice: theirs under the name, ours beside it.
fn kept_twice() -> (World, Machine, String) {
    kept_twice_in(Dialect::Document)
}

fn kept_twice_in(dialect: Dialect) -> (World, Machine, String) {
    let world = World::start(dialect);
    let machine = world.machine("d1");
    machine.write("docs/a.txt", "one");
    machine.write("other.txt", "other");
    machine.sync();
    machine.write("docs/a.txt", "this machine's");
    world.cloud.web_edit("docs/a.txt", b"the account's");
    machine.sync();
    let copy = copies(&machine).pop().unwrap();
    (world, machine, copy)
}

/// Conflict copies on the machine's disk.
fn copies(machine: &Machine) -> Vec<String> {
    let tree = machine.tree();
    tree.keys()
        .filter(|path| path.contains(" (conflict "))
        .cloned()
        .collect()
}

/// What `syncd conflicts list` says, `--json`.
fn listed(machine: &Machine, args: &[&str]) -> Vec<Value> {
    let args: Vec<&str> = ["conflicts", "list", "--json"]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    let run = machine.run(&args).expect(0);
    run.pair()["conflicts"].as_array().unwrap().clone()
}

fn keep(machine: &Machine, which: &str, path: &str) -> Run {
    machine.run(&["conflicts", "keep", which, path, "--json"])
}

/// Texts in the local trash.
fn in_local_trash(machine: &Machine, text: &str) -> bool {
    let trash = disk::everything(&machine.local.join(".syncd/trash"));
    trash
        .values()
        .any(|entry| *entry == disk::Entry::File(content_of(text.as_bytes())))
}

fn in_accounts_trash(world: &World, text: &str) -> bool {
    world.cloud.trash().contains(&content_of(text.as_bytes()))
}

/// A pass that brings the account in line without a new conflict and without moving bytes; a second has nothing to do.
fn comes_in_line(world: &World, machine: &Machine) {
    let run = machine.sync();
    assert_eq!(
        run.pair()["conflicts"].as_array().map(Vec::len),
        Some(0),
        "{run:?}"
    );
    assert_eq!(
        (run.count("uploaded"), run.count("downloaded")),
        (0, 0),
        "{run:?}"
    );
    assert_same(&machine.tree(), &world.cloud.tree());
    let mark = world.cloud.mark();
    machine.sync();
    assert_eq!(world.cloud.since(&mark).mutations, 0);
}

fn blake3_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

#[test]
fn a_conflict_is_on_record_with_both_versions_and_who_decided() {
    let (_world, machine, copy) = kept_twice();
    let open = listed(&machine, &[]);
    assert_eq!(open.len(), 1, "{open:?}");
    let conflict = &open[0];
    assert_eq!(conflict["path"], "docs/a.txt");
    assert_eq!(conflict["copy"], Value::from(copy));
    assert_eq!(conflict["policy"], "keep-both");
    assert_eq!(conflict["open"], true);
    assert_eq!(conflict["device"], "d1");
    assert_eq!(conflict["local"]["bytes"], 14);
    assert_eq!(conflict["local"]["blake3"], blake3_of("this machine's"));
    assert_eq!(conflict["remote"]["bytes"], 13);
    assert_eq!(conflict["remote"]["blake3"], blake3_of("the account's"));
    assert!(
        conflict["at"].is_string() && conflict["reason"].is_string(),
        "{conflict}"
    );
    let keys: Vec<&String> = conflict.as_object().unwrap().keys().collect();
    let promised = "at blake3 bytes closed_at closed_by copy device local modified open outcome path path_bytes policy \
        reason remote";
    let promised: Vec<&str> = promised
        .split_whitespace()
        .filter(|key| *key != "blake3")
        .collect();
    assert_eq!(keys, promised);
}

#[test]
fn keep_local_gives_this_machines_version_the_name_and_both_trashes_hold_the_other() {
    for dialect in [Dialect::Document, Dialect::V4, Dialect::V5] {
        let (world, machine, copy) = kept_twice_in(dialect);
        let said = keep(&machine, "local", "docs/a.txt").expect(0).json();
        assert_eq!(said["kept"], "local");
        assert_eq!(said["conflicts"][0]["copy"], Value::from(copy));
        assert!(
            said["conflicts"][0]["trash"]
                .as_str()
                .unwrap()
                .ends_with("/docs/a.txt"),
            "{said}"
        );
        assert_eq!(machine.read("docs/a.txt"), "this machine's");
        assert_eq!(copies(&machine), [""; 0]);
        assert!(in_local_trash(&machine, "the account's"));
        comes_in_line(&world, &machine);
        assert!(in_accounts_trash(&world, "the account's"));
        assert_eq!(listed(&machine, &[]), [Value::Null; 0]);
        let all = listed(&machine, &["--all"]);
        assert_eq!(all[0]["outcome"], "local");
        assert!(
            all[0]["closed_by"]
                .as_str()
                .unwrap()
                .contains("syncd conflicts keep"),
            "{all:?}"
        );
        let history = machine.run(&["history"]).expect(0);
        assert!(history.stdout.contains("keep local docs/a.txt"), "{history:?}");
    }
}

#[test]
fn keep_remote_leaves_the_accounts_version_and_the_copy_goes_to_both_trashes() {
    let (world, machine, copy) = kept_twice();
    let on_disk = machine.local.join(&copy);
    keep(&machine, "remote", on_disk.to_str().unwrap()).expect(0);
    assert_eq!(machine.read("docs/a.txt"), "the account's");
    assert_eq!(copies(&machine), [""; 0]);
    assert!(in_local_trash(&machine, "this machine's"));
    comes_in_line(&world, &machine);
    assert!(in_accounts_trash(&world, "this machine's"));
    assert_eq!(listed(&machine, &["--all"])[0]["outcome"], "remote");
    // What was put away can be had again.
    machine.run(&["restore", &copy]).expect(0);
    assert_eq!(machine.read(&copy), "this machine's");
}

#[test]
fn keep_both_only_closes_the_record() {
    let (world, machine, copy) = kept_twice();
    keep(&machine, "both", "docs/a.txt").expect(0);
    assert_eq!(
        (machine.read("docs/a.txt"), machine.read(&copy)),
        ("the account's".into(), "this machine's".into())
    );
    comes_in_line(&world, &machine);
    assert_eq!(listed(&machine, &[]), [Value::Null; 0]);
    assert_eq!(listed(&machine, &["--all"])[0]["outcome"], "both");
    keep(&machine, "both", "docs/a.txt").expect(1);
}

#[test]
fn a_version_that_changed_since_the_conflict_is_not_touched() {
    for which in ["local", "remote"] {
        for edited in ["docs/a.txt", "the copy"] {
            let (_world, machine, copy) = kept_twice();
            let path = if edited == "the copy" {
                copy.as_str()
            } else {
                edited
            };
            machine.write(path, "edited since");
            let before = machine.tree();
            let run = keep(&machine, which, "docs/a.txt").expect(1);
            assert!(run.said().contains("changed since the conflict"), "{run:?}");
            assert!(run.said().contains(path), "{run:?}");
            assert_eq!(machine.tree(), before);
            assert_eq!(listed(&machine, &[]).len(), 1);
        }
    }
}

#[test]
fn an_edit_of_equal_size_and_time_is_a_change_too() {
    let (_world, machine, copy) = kept_twice();
    let file = machine.local.join(&copy);
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    machine.write(&copy, "THIS MACHINE'S");
    std::fs::File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    keep(&machine, "remote", &copy).expect(1);
    assert_eq!(machine.read(&copy), "THIS MACHINE'S");
}

#[test]
fn what_is_in_no_conflict_cannot_be_kept() {
    let (_world, machine, copy) = kept_twice();
    for path in ["other.txt", "nowhere.txt", "/etc/passwd"] {
        let run = keep(&machine, "local", path).expect(1);
        assert!(run.said().contains("syncd conflicts list"), "{run:?}");
    }
    machine.remove("docs/a.txt");
    keep(&machine, "remote", &copy).expect(1);
    assert_eq!(machine.read(&copy), "this machine's");
    keep(&machine, "sideways", &copy).expect(2);
}

#[test]
fn keep_local_still_works_where_the_other_version_was_deleted_by_hand() {
    let (world, machine, _) = kept_twice();
    machine.remove("docs/a.txt");
    keep(&machine, "local", "docs/a.txt").expect(0);
    assert_eq!(machine.read("docs/a.txt"), "this machine's");
    comes_in_line(&world, &machine);
}

#[test]
fn a_copy_that_the_user_renames_or_deletes_is_settled_by_hand() {
    for settle in [
        |machine: &Machine, copy: &str| machine.remove(copy),
        |machine: &Machine, copy: &str| machine.rename(copy, "docs/mine.txt"),
    ] {
        let (_world, machine, copy) = kept_twice();
        settle(&machine, &copy);
        machine.sync();
        assert_eq!(listed(&machine, &[]), [Value::Null; 0]);
        assert_eq!(listed(&machine, &["--all"])[0]["outcome"], "by_hand");
    }
}

#[test]
fn a_conflict_follows_its_folder() {
    let (world, machine, copy) = kept_twice();
    machine.rename("docs", "papers");
    machine.sync();
    let open = listed(&machine, &[]);
    assert_eq!(open[0]["path"], "papers/a.txt");
    assert_eq!(open[0]["copy"], Value::from(copy.replace("docs/", "papers/")));
    keep(&machine, "local", "papers/a.txt").expect(0);
    comes_in_line(&world, &machine);
    assert_eq!(machine.read("papers/a.txt"), "this machine's");
}

#[test]
fn while_a_pass_works_on_the_pair_nothing_is_settled() {
    let (world, machine, copy) = kept_twice();
    world.cloud.knob("latency.ms", "300");
    world.cloud.fault("latency", 1.0);
    let mark = world.cloud.mark();
    let mut pass = machine.spawn_once(&[]);
    pass.watch(|_| world.cloud.since(&mark).at("/folder/listing") > 0);
    assert!(pass.ended().is_none(), "the pass is too fast for this test");
    let run = keep(&machine, "remote", &copy).expect(6);
    assert!(run.said().contains(&pass.pid().to_string()), "{run:?}");
    world.cloud.fault("latency", 0.0);
    pass.wait().expect(0);
    assert_eq!(machine.read(&copy), "this machine's");
}

#[test]
fn another_machine_sees_the_copy_and_leaves_the_choice_of_its_version_to_the_machine_it_is_of() {
    let (world, d1, copy) = kept_twice();
    let d2 = world.machine("d2");
    d2.sync();
    let open = listed(&d2, &[]);
    assert_eq!(
        (&open[0]["copy"], &open[0]["device"]),
        (&Value::from(copy.as_str()), &Value::from("d1"))
    );
    let run = keep(&d2, "local", &copy).expect(1);
    assert!(run.said().contains("the version of d1"), "{run:?}");
    keep(&d2, "remote", &copy).expect(0);
    comes_in_line(&world, &d2);
    d1.settle(3, false);
    assert_eq!(copies(&d1), [""; 0]);
    assert!(in_local_trash(&d1, "this machine's"));
    assert_eq!(listed(&d1, &[]), [Value::Null; 0]);
}

/// Edits on both sides until the path is held; the copies, oldest first.
fn held() -> (World, Machine, Vec<String>) {
    let (world, machine, _) = kept_twice();
    for round in 2..=4 {
        machine.write("docs/a.txt", format!("this machine's {round}"));
        world
            .cloud
            .web_edit("docs/a.txt", format!("the account's {round}").as_bytes());
        let run = machine.once(&[]);
        assert_eq!(run.code, if round < 4 { 0 } else { 3 }, "{run:?}");
    }
    let copies = copies(&machine);
    assert_eq!(copies.len(), 3);
    (world, machine, copies)
}

#[test]
fn h36_a_held_path_is_let_go_when_its_copies_are_settled() {
    for which in ["remote", "both"] {
        let (world, machine, old) = held();
        let open = listed(&machine, &[]);
        assert_eq!(open.len(), 3, "{open:?}");
        let run = keep(&machine, "local", "docs/a.txt").expect(2);
        assert!(run.said().contains(&old[0]), "{run:?}");
        keep(&machine, which, "docs/a.txt").expect(0);
        machine.sync();
        assert_eq!(machine.read("docs/a.txt"), "the account's 4");
        let now = copies(&machine);
        assert_eq!(now.len(), if which == "both" { 4 } else { 1 }, "{now:?}");
        assert!(now.iter().any(|copy| machine.read(copy) == "this machine's 4"));
        assert_eq!(listed(&machine, &[]).len(), 1);
        assert_same(&machine.tree(), &world.cloud.tree());
    }
}

// ---- policies

/// `a.txt` edited on both sides under a policy; the machine after the pass that met it.
fn decided_by(policy: &str, ours_is_newer: bool) -> (World, Machine) {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("conflict", &format!("\"{policy}\""));
    machine.write("a.txt", "one");
    machine.sync();
    machine.write("a.txt", "this machine's");
    world.cloud.web_edit("a.txt", b"the account's");
    let modified = std::time::SystemTime::now();
    let span = std::time::Duration::from_secs(3600);
    let modified = if ours_is_newer {
        modified + span
    } else {
        modified - span
    };
    let file = std::fs::File::options()
        .append(true)
        .open(machine.local.join("a.txt"))
        .unwrap();
    file.set_modified(modified).unwrap();
    let run = machine.sync();
    assert_eq!(
        run.pair()["conflicts"].as_array().map(Vec::len),
        Some(1),
        "{run:?}"
    );
    assert_same(&machine.tree(), &world.cloud.tree());
    (world, machine)
}

/// One conflict on record, closed, with this policy and outcome.
fn assert_decided(machine: &Machine, policy: &str, outcome: &str) {
    assert_eq!(listed(machine, &[]), [Value::Null; 0]);
    let all = listed(machine, &["--all"]);
    assert_eq!(all.len(), 1, "{all:?}");
    let conflict = &all[0];
    assert_eq!(
        (&conflict["policy"], &conflict["outcome"], &conflict["copy"]),
        (&Value::from(policy), &Value::from(outcome), &Value::Null)
    );
    assert_eq!(conflict["local"]["bytes"], 14);
    assert_eq!(conflict["remote"]["bytes"], 13);
}

#[test]
fn prefer_local_puts_the_accounts_version_into_its_trash() {
    let (world, machine) = decided_by("prefer-local", false);
    assert_eq!(machine.read("a.txt"), "this machine's");
    assert!(in_accounts_trash(&world, "the account's"));
    assert_eq!(machine.tree().len(), 1);
    assert_decided(&machine, "prefer-local", "local");
    comes_in_line(&world, &machine);
}

#[test]
fn prefer_remote_puts_this_machines_version_into_its_trash_and_it_can_be_restored() {
    let (world, machine) = decided_by("prefer-remote", true);
    assert_eq!(machine.read("a.txt"), "the account's");
    assert!(in_local_trash(&machine, "this machine's"));
    assert_decided(&machine, "prefer-remote", "remote");
    comes_in_line(&world, &machine);
    machine.rename("a.txt", "theirs.txt");
    machine.run(&["restore", "a.txt"]).expect(0);
    assert_eq!(machine.read("a.txt"), "this machine's");
}

#[test]
fn prefer_newer_takes_the_later_version_and_the_other_is_in_its_sides_trash() {
    let (world, machine) = decided_by("prefer-newer", true);
    assert_eq!(machine.read("a.txt"), "this machine's");
    assert!(in_accounts_trash(&world, "the account's"));
    assert_decided(&machine, "prefer-newer", "local");

    let (_world, machine) = decided_by("prefer-newer", false);
    assert_eq!(machine.read("a.txt"), "the account's");
    assert!(in_local_trash(&machine, "this machine's"));
    assert_decided(&machine, "prefer-newer", "remote");
}

#[test]
fn prefer_newer_keeps_both_where_the_order_cannot_be_told() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("conflict", "\"prefer-newer\"");
    machine.write("a.txt", "this machine's");
    // Nobody saw the account without it: when it came cannot be told.
    world.cloud.web_create("a.txt", b"the account's");
    machine.sync();
    assert_eq!(machine.read("a.txt"), "the account's");
    let copy = copies(&machine).pop().unwrap();
    assert_eq!(machine.read(&copy), "this machine's");
    assert_eq!(listed(&machine, &[])[0]["policy"], "prefer-newer");
    assert_same(&machine.tree(), &world.cloud.tree());
}

/// From now on syncd is killed just before its so-manieth rename. The call goes on when the command ends, so that waits for
/// the last thread to be gone.
fn killed_at_rename(machine: &mut Machine, at: u32) {
    let kill = "for p in $(cat /proc/$PPID/task/$PPID/children); do [ $p = $$ ] && continue; kill -9 $p; \
                until grep -q 'State:.Z' /proc/$p/status && [ $(ls /proc/$p/task | wc -l) = 1 ]; do :; done; done";
    machine.run_through(warden(&[Rule::before("renameat2", "", kill).at(at)]));
}

#[test]
fn a_choice_that_is_killed_between_its_steps_loses_neither_version_and_can_be_made_again() {
    // Before the account's version is taken off its place; before it goes to the trash; after that, before this machine's
    // gets the name.
    for at in [1, 2, 3] {
        for pass_between in [false, true] {
            let case = format!("killed at rename {at}, a pass between: {pass_between}");
            let (world, mut machine, copy) = kept_twice();
            killed_at_rename(&mut machine, at);
            let killed = keep(&machine, "local", "docs/a.txt");
            assert!(!killed.stdout.contains("kept"), "{case}: {killed:?}");
            machine.run_through(Vec::new());
            let tree = machine.tree();
            assert_eq!(tree.contains_key("docs/a.txt"), at == 1, "{case}: {tree:?}");
            assert_eq!(machine.read(&copy), "this machine's", "{case}");
            assert!(at < 3 || in_local_trash(&machine, "the account's"), "{case}");
            if pass_between {
                machine.settle(3, false);
                assert_same(&machine.tree(), &world.cloud.tree());
                assert_eq!(machine.read(&copy), "this machine's", "{case}");
                let live = machine.tree().contains_key("docs/a.txt");
                assert!(live || in_accounts_trash(&world, "the account's"), "{case}");
            }
            assert_eq!(listed(&machine, &[]).len(), 1, "{case}: it is still open");
            if at < 3 && !pass_between {
                // Its own half-done step comes first.
                let run = keep(&machine, "local", "docs/a.txt").expect(1);
                assert!(run.said().contains("syncd --once"), "{case}: {run:?}");
                machine.settle(3, false);
            }
            keep(&machine, "local", "docs/a.txt").expect(0);
            assert_eq!(machine.read("docs/a.txt"), "this machine's", "{case}");
            comes_in_line(&world, &machine);
            assert_eq!(machine.tree().len(), 3, "{case}: {:?}", machine.tree());
            assert!(in_local_trash(&machine, "the account's"), "{case}");
            assert!(in_accounts_trash(&world, "the account's"), "{case}");
            assert!(listed(&machine, &[]).is_empty(), "{case}");
        }
    }
}

#[test]
fn a_choice_for_the_accounts_version_that_is_killed_is_made_by_making_it_again() {
    let (world, mut machine, copy) = kept_twice();
    killed_at_rename(&mut machine, 1);
    keep(&machine, "remote", "docs/a.txt");
    machine.run_through(Vec::new());
    assert_eq!(machine.read(&copy), "this machine's");
    machine.settle(3, false);
    keep(&machine, "remote", "docs/a.txt").expect(0);
    comes_in_line(&world, &machine);
    assert_eq!(machine.read("docs/a.txt"), "the account's");
    assert!(in_local_trash(&machine, "this machine's") && in_accounts_trash(&world, "this machine's"));
}
