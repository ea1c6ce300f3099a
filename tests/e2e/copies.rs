//! `server_copy`: what the account holds already is copied there, as long as the server is seen to make copies that are ours.

use crate::samples::bytes;
use crate::world::{Dialect, Machine, World};

/// Larger than what goes up in one call (design A2).
const LARGE: u64 = 9 << 20;

fn copying(dialect: Dialect) -> (World, Machine) {
    let world = World::start(dialect);
    let mut machine = world.machine("d1");
    machine.configure(|settings| {
        settings.sync[0].insert("server_copy".into(), "true".into());
    });
    (world, machine)
}

fn originals(machine: &Machine) {
    machine.write("a/small.txt", "small");
    machine.write("a/large.bin", bytes(LARGE, 7));
    machine.write("a/deep/other.txt", "something else");
}

/// As `cp -r a b`.
fn copy_here(machine: &Machine) {
    machine.write("b/small.txt", "small");
    machine.write("b/large.bin", bytes(LARGE, 7));
    machine.write("b/deep/other.txt", "something else");
}

#[test]
fn a_folder_that_was_copied_here_is_copied_there_and_no_byte_is_sent() {
    let (world, machine) = copying(Dialect::Document);
    originals(&machine);
    machine.settle(4, false);
    copy_here(&machine);
    // Of the same name and size only, of another name, and new.
    machine.write("c/small.txt", "SMALL");
    machine.write("renamed.txt", "small");
    let mark = world.cloud.mark();
    machine.settle(4, false);
    let asked = world.cloud.since(&mark);
    assert_eq!(asked.at("/file/copy"), 3, "{asked:?}");
    assert_eq!(asked.at("/file/upload"), 2, "{asked:?}");
    assert!(asked.bytes_up < 10_000, "{asked:?}");
    assert_eq!(world.cloud.tree(), machine.tree());
    // What was copied is what it seems: another machine gets it.
    let second = world.machine("d2");
    second.settle(4, false);
    assert_eq!(second.tree(), machine.tree());
    // And it is a file of its own.
    machine.write("b/small.txt", "edited");
    machine.remove("a/large.bin");
    machine.settle(4, false);
    assert_eq!(world.cloud.tree(), machine.tree());
    assert_eq!(machine.read("a/small.txt"), "small");
}

#[test]
fn q24_where_copies_are_nobodys_one_is_tried_and_everything_is_sent() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let (world, machine) = copying(dialect);
        originals(&machine);
        machine.settle(4, false);
        copy_here(&machine);
        let mark = world.cloud.mark();
        machine.sync();
        let asked = world.cloud.since(&mark);
        assert_eq!(
            (asked.at("/file/copy"), asked.at("/file/upload")),
            (1, 3),
            "{asked:?}"
        );
        // What is nobody's shows to the server alone: a machine sees the account as it is.
        let second = world.machine("d2");
        second.settle(4, false);
        assert_eq!(second.tree(), machine.tree());
        let mark = world.cloud.mark();
        machine.sync();
        assert_eq!(world.cloud.since(&mark).mutations, 0);
    }
}

#[test]
fn without_the_key_nothing_is_copied_there() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    originals(&machine);
    machine.settle(4, false);
    copy_here(&machine);
    let mark = world.cloud.mark();
    machine.settle(4, false);
    let asked = world.cloud.since(&mark);
    assert_eq!(
        (asked.at("/file/copy"), asked.at("/file/upload")),
        (0, 3),
        "{asked:?}"
    );
}

#[test]
fn a_copy_whose_answer_is_lost_is_looked_for_and_not_made_twice() {
    let (world, mut machine) = copying(Dialect::Document);
    machine.configure(|settings| {
        settings
            .timing
            .insert("late_upload_limit".into(), "\"1s\"".into());
    });
    originals(&machine);
    machine.settle(4, false);
    copy_here(&machine);
    // A third of all answers does not come; all of the work is done.
    world.cloud.fault("drop-after", 0.33);
    for _ in 0..6 {
        machine.once(&[]);
    }
    world.cloud.fault("drop-after", 0.0);
    machine.settle(12, true);
    // The tree fails where a name is there twice.
    assert_eq!(world.cloud.tree(), machine.tree());
    assert_eq!(machine.tree().len(), 10, "{:?}", machine.tree());
}

#[test]
fn what_was_changed_in_the_account_since_the_last_look_is_not_taken_for_the_same() {
    let (world, machine) = copying(Dialect::Document);
    originals(&machine);
    machine.settle(4, false);
    world.cloud.web_edit("a/small.txt", b"changed there, and longer");
    copy_here(&machine);
    machine.settle(6, false);
    assert_eq!(machine.read("b/small.txt"), "small");
    assert_eq!(machine.read("a/small.txt"), "changed there, and longer");
    assert_eq!(world.cloud.tree(), machine.tree());
}
