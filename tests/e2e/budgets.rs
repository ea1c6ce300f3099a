//! What each workload of the bench `work` may ask of the server, at a small size: requests and bytes, never times.
//!
//! The formulas are those of docs/performance.md. N: files, D: folders, the pair's own among them, E: edits. A request more
//! for each file, or a file sent twice, and a test here is red.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checker::assert_same;
use crate::samples::bytes;
use crate::world::cloud::Asked;
use crate::world::machine::Running;
use crate::world::process::signal;
use crate::world::socket::Socket;
use crate::world::{Dialect, Machine, World};

/// Files.
const N: u64 = 60;
/// Folders below the pair's, two of them at the top.
const BELOW: u64 = 6;
/// All folders.
const D: u64 = BELOW + 1;
/// Bytes of a file.
const SIZE: u64 = 4096;

fn path(file: u64) -> String {
    match file % BELOW {
        top @ 0..2 => format!("top {top}/file {file}.bin"),
        folder => format!("top {}/folder {folder}/file {file}.bin", folder % 2),
    }
}

fn fill(machine: &Machine) {
    for file in 0..N {
        machine.write(&path(file), bytes(SIZE, file));
    }
}

/// An account and a machine that have agreed on the files.
fn agreed() -> (World, Machine) {
    let world = World::start(Dialect::Document);
    let machine = world.machine_at("d1", "/synced");
    fill(&machine);
    machine.sync();
    (world, machine)
}

/// What one pass asks.
fn pass(world: &World, machine: &Machine) -> Asked {
    let mark = world.cloud.mark();
    machine.sync();
    let asked = world.cloud.since(&mark);
    let there: crate::world::Tree = world
        .cloud
        .tree()
        .into_iter()
        .filter_map(|(path, entry)| Some((path.strip_prefix("synced/")?.to_owned(), entry)))
        .collect();
    assert_same(&machine.tree(), &there);
    asked
}

#[test]
fn w1_a_first_upload_asks_once_for_each_file_and_twice_for_each_folder() {
    let world = World::start(Dialect::Document);
    let machine = world.machine_at("d1", "/synced");
    fill(&machine);
    let asked = pass(&world, &machine);
    assert!(asked.requests <= N + 2 * D + 10, "{asked:?}");
    assert_eq!(asked.mutations, N + D, "{asked:?}");
    assert_eq!((asked.bytes_up, asked.bytes_down), (N * SIZE, 0), "{asked:?}");
}

#[test]
fn w2_nothing_changed_asks_once_for_each_folder() {
    let (world, machine) = agreed();
    let asked = pass(&world, &machine);
    assert!(asked.requests <= D + 10, "{asked:?}");
    assert_eq!(
        (asked.mutations, asked.bytes_up, asked.bytes_down),
        (0, 0, 0),
        "{asked:?}"
    );
}

#[test]
fn w3_an_edit_asks_four_times_and_three_of_them_change_something() {
    const E: u64 = 20;
    let (world, machine) = agreed();
    let mut touched = BTreeSet::new();
    for file in 0..E {
        machine.write(&path(file), bytes(SIZE, 1_000 + file));
        touched.insert(file % BELOW);
    }
    let touched = u64::try_from(touched.len()).unwrap();
    let asked = pass(&world, &machine);
    assert!(asked.requests <= 4 * E + D + 2 * touched + 10, "{asked:?}");
    assert_eq!(asked.mutations, 3 * E, "{asked:?}");
    assert_eq!((asked.bytes_up, asked.bytes_down), (E * SIZE, 0), "{asked:?}");
}

/// Waits for the service to say that both sides are the same, `and` more.
fn until_in_sync(machine: &Machine, service: &mut Running, and: impl Fn() -> bool) {
    service.watch(|_| {
        let status = Socket::connect(&machine.state.join("control.sock"))
            .and_then(|mut socket| socket.ask("GET", "/v1/status"));
        let said = status
            .ok()
            .and_then(|answer| answer.json().pointer("/pairs/0/in_sync")?.as_bool());
        std::thread::sleep(Duration::from_millis(20));
        said == Some(true) && and()
    });
    assert!(service.ended().is_none(), "{}", service.output());
}

#[test]
fn w4_a_renamed_folder_is_one_call_of_a_service() {
    let (world, machine) = agreed();
    let mut service = machine.spawn(&[]);
    until_in_sync(&machine, &mut service, || true);
    let mark = world.cloud.mark();
    machine.rename("top 0", "another name");
    until_in_sync(&machine, &mut service, || {
        world.cloud.tree().contains_key("synced/another name")
    });
    let asked = world.cloud.since(&mark);
    assert_eq!(
        (asked.mutations, asked.bytes_up, asked.bytes_down),
        (1, 0, 0),
        "{asked:?}"
    );
    // A look at the folder it is in before, and one after.
    assert!(asked.requests <= 10, "{asked:?}");
    signal(service.pid(), rustix::process::Signal::TERM);
    service.wait().expect(0);
}

#[test]
fn w5_a_first_download_asks_twice_for_each_file_and_once_for_each_folder() {
    let (world, _) = agreed();
    let second = world.machine_at("d2", "/synced");
    let asked = pass(&world, &second);
    assert!(asked.requests <= 2 * N + D + 10, "{asked:?}");
    assert_eq!((asked.mutations, asked.downloads), (0, N), "{asked:?}");
    assert_eq!((asked.bytes_up, asked.bytes_down), (0, N * SIZE), "{asked:?}");
}

#[test]
fn w6_changes_there_ask_twice_for_each_file_that_comes_and_once_for_each_that_goes() {
    const EACH: u64 = 10;
    let (world, machine) = agreed();
    for n in 0..EACH {
        let there = |file: u64| format!("synced/{}", path(file));
        world
            .cloud
            .web_create(&format!("synced/top 0/new {n}"), &bytes(SIZE, 2_000 + n));
        world.cloud.web_edit(&there(n), &bytes(SIZE, 3_000 + n));
        world
            .cloud
            .web_move(&there(EACH + n), &format!("synced/top 1/renamed {n}"));
        world.cloud.web_trash(&there(2 * EACH + n));
    }
    let asked = pass(&world, &machine);
    // Of what is gone, an edit's old version too, the account is asked whether it is.
    assert!(asked.requests <= 2 * (2 * EACH) + 2 * EACH + D + 10, "{asked:?}");
    assert_eq!((asked.mutations, asked.downloads), (0, 2 * EACH), "{asked:?}");
    assert_eq!(
        (asked.bytes_up, asked.bytes_down),
        (0, 2 * EACH * SIZE),
        "{asked:?}"
    );
}
