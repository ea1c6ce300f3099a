//! A wall clock that is set years forth and back, between runs and in the middle of them. Only the program's own clock is:
//! a preloaded one that a file steers.

use std::fs;
use std::path::PathBuf;

use crate::checker::{Witness, assert_equal, assert_same};
use crate::samples::bytes;
use crate::world::native::clock;
use crate::world::{Dialect, Entry, Machine, World, content_of, disk};

/// Seconds in a year.
const YEAR: i64 = 31_557_600;

/// A machine whose clock can be set.
struct Clock {
    machine: Machine,
    steered_by: PathBuf,
}

impl Clock {
    fn new(world: &World, name: &str) -> Self {
        let mut machine = world.machine(name);
        machine.set("max_delete_percent", "100");
        let steered_by = world.join(&format!("{name}.clock"));
        machine.env("LD_PRELOAD", clock().to_str().unwrap());
        machine.env("E2E_CLOCK", steered_by.to_str().unwrap());
        let clock = Self { machine, steered_by };
        clock.off(0);
        clock
    }

    /// From now on it is off by so many seconds; at once, in a run too.
    fn off(&self, seconds: i64) {
        let new = self.steered_by.with_extension("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(&new, &self.steered_by).unwrap();
    }

    fn trash(&self) -> Vec<Entry> {
        let trash = disk::everything(&self.machine.local.join(".syncd/trash"));
        trash
            .into_values()
            .filter(|entry| *entry != Entry::Folder)
            .collect()
    }
}

#[test]
fn the_clock_of_these_tests_reaches_the_program() {
    let world = World::start(Dialect::Document);
    let clock = Clock::new(&world, "d1");
    clock.machine.write("a.txt", "one");
    clock.off(73 * YEAR);
    let run = clock.machine.sync();
    let at = run.pair()["last_agreement"].as_str().unwrap().to_owned();
    assert!(at.as_str() > "2095", "{at}");
}

#[test]
fn a_clock_that_jumps_by_years_between_runs_loses_nothing() {
    let world = World::start(Dialect::Document);
    let clock = Clock::new(&world, "d1");
    let (machine, cloud) = (&clock.machine, &world.cloud);
    let mut witness = Witness::default();
    let mut wrote = |path: &str, content| witness.wrote(path, content);
    for number in 0..6 {
        let path = format!("docs/{number}.txt");
        wrote(&path, machine.write(&path, format!("first {number}")));
    }
    machine.sync();
    // Forth, back before the disk's own stamps, before any computer, and to where it was.
    for (round, years) in [73, -26, 10, -60, 0].into_iter().enumerate() {
        clock.off(years * YEAR);
        let (here, there) = (format!("docs/{round}.txt"), format!("there/{round}.txt"));
        let old = machine.tree()[&here].clone();
        let Entry::File(old) = old else {
            panic!("{here}: {old:?}")
        };
        wrote(
            &there,
            cloud.web_create(&there, format!("there, {years} years off").as_bytes()),
        );
        wrote(
            &here,
            machine.write(&here, format!("edited here, {years} years off")),
        );
        let new = format!("new {round}.txt");
        wrote(&new, machine.write(&new, format!("new, {years} years off")));
        machine.settle(4, false);
        assert_same(&machine.tree(), &cloud.tree());
        assert!(
            cloud.trash().contains(&old),
            "{years} years: the old version is not in the trash"
        );
        let mark = cloud.mark();
        machine.sync();
        let did = cloud.since(&mark);
        assert_eq!((did.mutations, did.downloads), (0, 0), "{years} years: {did:?}");
    }
    for number in 0..5 {
        witness.dropped(content_of(format!("first {number}").as_bytes()));
    }
    witness.assert_kept_once(&machine.tree());
}

#[test]
fn a_clock_that_jumps_during_runs_loses_nothing_and_deletes_nothing() {
    let world = World::start(Dialect::V4);
    let clocks = [Clock::new(&world, "d1"), Clock::new(&world, "d2")];
    let mut witness = Witness::default();
    for number in 0..20u64 {
        let path = format!("set/{number}.bin");
        witness.wrote(&path, clocks[0].machine.write(&path, bytes(20_000, number)));
    }
    world.cloud.knob("latency.ms", "20");
    world.cloud.fault("latency", 1.0);
    let mut serial = 100;
    for round in 0..4u64 {
        for clock in &clocks {
            let path = format!("set/{}-{round}.bin", serial % 7);
            serial += 1;
            if !clock.machine.local.join(&path).exists() {
                witness.wrote(&path, clock.machine.write(&path, bytes(20_000, serial)));
            }
            let mark = world.cloud.mark();
            let mut running = clock.machine.spawn_once(&[]);
            // With each few requests it is another year.
            running.watch(|_| {
                let requests = i64::try_from(world.cloud.since(&mark).requests).unwrap();
                let years = if requests / 5 % 2 == 0 {
                    requests
                } else {
                    -requests
                };
                clock.off(years * YEAR);
                false
            });
            let run = running.wait();
            assert!([0, 3].contains(&run.code), "{run:?}");
            assert_eq!(
                (run.count("deleted_local"), run.count("deleted_remote")),
                (0, 0),
                "nobody deleted anything: {run:?}"
            );
        }
    }
    world.cloud.fault("latency", 0.0);
    for clock in clocks.iter().chain(&clocks) {
        clock.off(0);
        clock.machine.settle(4, false);
    }
    let tree = clocks[0].machine.tree();
    assert_equal(&tree, &clocks[1].machine.tree());
    assert_same(&tree, &world.cloud.tree());
    witness.assert_kept_once(&tree);
}

#[test]
fn h32_a_clock_that_is_wrong_for_some_runs_does_not_empty_the_trash() {
    let world = World::start(Dialect::Document);
    let clock = Clock::new(&world, "d1");
    let old = clock.machine.write("a.txt", "old version");
    let gone = clock.machine.write("b.txt", "deleted there");
    clock.machine.write("c.txt", "stays");
    clock.machine.sync();
    world.cloud.web_edit("a.txt", b"new version");
    world.cloud.web_trash("b.txt");
    clock.machine.settle(3, false);
    let kept = [Entry::File(old), Entry::File(gone)];
    let holds = |when: &str| {
        let trash = clock.trash();
        for entry in &kept {
            assert!(trash.contains(entry), "{when}: {entry:?} is not in {trash:?}");
        }
    };
    holds("before");
    // For some runs each, as a wrong clock lasts until somebody sees it.
    for years in [73, 73, 0, -30, -30, 0, 10, 73, 10, 73, 74, 0, 73, 0] {
        clock.off(years * YEAR);
        clock.machine.sync();
        holds(&format!("with the clock {years} years off"));
    }
    // But what is really old goes: the clock runs on by a day at a time.
    for day in 1..40 {
        clock.off(day * 80_000);
        clock.machine.sync();
    }
    assert_eq!(clock.trash(), [], "nothing is kept for ever");
}

#[test]
fn versions_made_while_the_clock_was_wrong_are_restored_by_name() {
    let world = World::start(Dialect::Document);
    let clock = Clock::new(&world, "d1");
    clock.machine.write("a.txt", "old version");
    clock.machine.sync();
    clock.off(73 * YEAR);
    world.cloud.web_edit("a.txt", b"new version");
    clock.machine.settle(3, false);
    clock.off(0);
    clock.machine.sync();
    clock.machine.rename("a.txt", "new.txt");
    clock
        .machine
        .run(&["restore", clock.machine.local.join("a.txt").to_str().unwrap()])
        .expect(0);
    let texts: Vec<_> = clock
        .machine
        .tree()
        .keys()
        .map(|path| clock.machine.read(path))
        .collect();
    assert!(
        texts.contains(&"old version".to_owned()),
        "{:?}",
        clock.machine.tree()
    );
    clock.machine.settle(3, false);
    assert_same(&clock.machine.tree(), &world.cloud.tree());
}
