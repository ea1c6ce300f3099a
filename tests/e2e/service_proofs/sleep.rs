//! A machine that sleeps, and one whose clock is set while the service runs. Both carry on, and changes go both ways again.

use std::fs;
use std::time::Duration;

use super::{end, freeze, has, here, quick, start, there, until, until_equal, wake};
use crate::checker::Witness;
use crate::world::native::clock;
use crate::world::{Dialect, Entry, World, full};

/// Seconds in a year.
const YEAR: i64 = 31_557_600;

#[test]
fn a_service_that_was_stopped_for_a_while_carries_on_both_ways() {
    let asleep = Duration::from_secs(if full() { 60 } else { 10 });
    let world = World::start(Dialect::Document);
    let machine = quick(&world, "d1");
    let cloud = &world.cloud;
    for name in [
        "edited here",
        "edited there",
        "moved here",
        "moved there",
        "gone here",
        "gone there",
    ] {
        machine.write(&format!("set/{name}.txt"), name);
    }
    let mut service = start(&machine);
    until_equal(&mut service, &machine, cloud);
    freeze(&service);
    let mut witness = Witness::default();
    let change = |path: &str, text: &str| machine.write(path, text);
    witness.wrote(
        "set/edited here.txt",
        change("set/edited here.txt", "while it slept, here"),
    );
    witness.wrote("new/here.txt", change("new/here.txt", "new while it slept, here"));
    machine.rename("set/moved here.txt", "new/moved here.txt");
    machine.remove("set/gone here.txt");
    witness.wrote(
        "set/edited there.txt",
        cloud.web_edit("set/edited there.txt", b"while it slept, there"),
    );
    witness.wrote(
        "web/there.txt",
        cloud.web_create("web/there.txt", b"new while it slept, there"),
    );
    cloud.web_move("set/moved there.txt", "web/moved there.txt");
    cloud.web_trash("set/gone there.txt");
    std::thread::sleep(asleep);
    wake(&service);
    until_equal(&mut service, &machine, cloud);
    for path in ["new/moved here.txt", "web/moved there.txt"] {
        assert!(machine.tree().contains_key(path), "{:?}", machine.tree());
    }
    for path in ["set/gone here.txt", "set/gone there.txt"] {
        assert!(!machine.tree().contains_key(path), "{:?}", machine.tree());
    }
    // And it is awake.
    witness.wrote("late here.txt", machine.write("late here.txt", "late here"));
    witness.wrote(
        "late there.txt",
        cloud.web_create("late there.txt", b"late there"),
    );
    until(&mut service, "what came later", || {
        has(here(&machine), "late there.txt") && has(there(cloud), "late here.txt")
    });
    until_equal(&mut service, &machine, cloud);
    witness.wrote("set/moved here.txt", crate::world::content_of(b"moved here"));
    witness.wrote("set/moved there.txt", crate::world::content_of(b"moved there"));
    witness.assert_kept_once(&machine.tree());
    end(service);
}

#[test]
fn a_clock_that_is_set_while_the_service_runs_stops_nothing() {
    let world = World::start(Dialect::Document);
    let mut machine = quick(&world, "d1");
    let cloud = &world.cloud;
    let steered_by = world.join("clock");
    let off = |seconds: i64| {
        let new = steered_by.with_extension("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(&new, &steered_by).unwrap();
    };
    off(0);
    machine.env("LD_PRELOAD", clock().to_str().unwrap());
    machine.env("E2E_CLOCK", steered_by.to_str().unwrap());
    machine.write("edited here.txt", "first, here");
    machine.write("edited there.txt", "first, there");
    let mut service = start(&machine);
    // An hour, a year, a life; forth and back.
    for (round, seconds) in [3_600, -3_600, YEAR, -YEAR, 60 * YEAR, -40 * YEAR, 0]
        .into_iter()
        .enumerate()
    {
        off(seconds);
        let new_here = machine.write(&format!("here/{round}.txt"), format!("{seconds} s off, here"));
        let new_there = cloud.web_create(
            &format!("there/{round}.txt"),
            format!("{seconds} s off, there").as_bytes(),
        );
        let edited_here = machine.write("edited here.txt", format!("edited {seconds} s off, here"));
        let edited_there = cloud.web_edit(
            "edited there.txt",
            format!("edited {seconds} s off, there").as_bytes(),
        );
        until(
            &mut service,
            &format!("what changed with the clock {seconds} s off"),
            || {
                let Some(local) = here(&machine) else { return false };
                there(cloud).is_some_and(|remote| remote == local)
                    && [
                        (format!("here/{round}.txt"), new_here),
                        (format!("there/{round}.txt"), new_there),
                        ("edited here.txt".to_owned(), edited_here),
                        ("edited there.txt".to_owned(), edited_there),
                    ]
                    .into_iter()
                    .all(|(path, content)| local.get(&path) == Some(&Entry::File(content)))
            },
        );
        // Nothing of the rounds before went, and nothing is there twice.
        assert_eq!(machine.tree().len(), 4 + 2 * (round + 1), "{:?}", machine.tree());
    }
    end(service);
}
