//! Recovery with the built program: a journal that is lost, damaged or of a newer version is rebuilt; both sides are
//! checked; a pair is forgotten; a folder is moved to another place.
//!
//! What all of it shares: nothing is deleted, nothing that is equal is sent, and what is to be done next is said. The
//! only tests that touch the journal's file: they break it, as a disk would.

mod check;
mod forget;
mod rebuild;
mod relocate;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::basic::agreed;
use crate::checker::{assert_equal, assert_same};
use crate::world::disk::everything;
use crate::world::settings::quoted;
use crate::world::{Dialect, Entry, Machine, Run, World};

fn state_of(machine: &Machine) -> PathBuf {
    machine.state.join("pairs/main")
}

fn journal_of(machine: &Machine) -> PathBuf {
    state_of(machine).join("journal.db")
}

/// A pass that must have nothing to do.
fn assert_idle(world: &World, machine: &Machine) {
    let mark = world.cloud.mark();
    machine.sync();
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
    assert_same(&machine.tree(), &world.cloud.tree());
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn while_another_process_holds_the_pair_each_is_refused_and_nothing_is_touched() {
    let (world, machine) = agreed();
    world.cloud.knob("latency.ms", "400");
    world.cloud.fault("latency", 1.0);
    let mark = world.cloud.mark();
    let mut holder = machine.spawn_once(&[]);
    holder.watch(|_| world.cloud.since(&mark).at("/folder/listing") > 0);
    assert!(holder.ended().is_none(), "it is too fast for this test");
    let new = machine.local.display().to_string();
    let commands: [&[&str]; 4] = [
        &["forget", "main"],
        &["relocate", "main", &new],
        &["rebuild", "main"],
        &["check", "main"],
    ];
    // All at once: the holder's run is short.
    let running: Vec<_> = commands.iter().map(|args| machine.spawn(args)).collect();
    for run in running {
        let run = run.wait().expect(6);
        assert!(run.said().contains(&holder.pid().to_string()), "{run:?}");
    }
    world.cloud.fault("latency", 0.0);
    holder.wait().expect(0);
    assert_idle(&world, &machine);
}

#[test]
fn a_name_that_is_no_pair_is_answered_with_those_that_are() {
    let (_world, machine) = agreed();
    for args in [
        &["rebuild", "nope"][..],
        &["check", "nope"],
        &["forget", "nope"],
        &["relocate", "nope", "/tmp"],
    ] {
        let run = machine.run(args).expect(2);
        assert!(run.said().contains("main"), "{run:?}");
    }
    for args in [&["rebuild"][..], &["check"], &["forget"], &["relocate", "main"]] {
        machine.run(args).expect(2);
    }
}
