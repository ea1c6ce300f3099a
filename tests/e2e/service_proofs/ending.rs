//! Ends in the middle of work, at whatever moment: each is clean, nothing is lost or sent twice, the next start goes on.

use super::{end, equal, quick, until, until_equal, until_said};
use crate::checker::{Witness, assert_equal};
use crate::samples::{Dice, bytes};
use crate::world::{Dialect, Entry, World, number};

#[test]
fn ends_at_any_moment_of_a_sync_both_ways_lose_nothing_and_send_nothing_twice() {
    let world = World::start(Dialect::Document);
    let machine = quick(&world, "d1");
    let mut witness = Witness::default();
    let count = 120;
    for number in 0..count {
        let (here, there) = (
            format!("up/{}/{number}", number % 9),
            format!("down/{}/{number}", number % 9),
        );
        witness.wrote(&here, machine.write(&here, bytes(3_000 + number, number)));
        witness.wrote(
            &there,
            world
                .cloud
                .web_create(&there, &bytes(3_000 + number, 1_000 + number)),
        );
    }
    let requests = || world.cloud.control.totals().requests;
    let mut dice = Dice::new(number("SYNCD_TEST_SEED", 1));
    let mut early = 0;
    for round in 0..6 {
        let goal = requests() + 3 + dice.next() % 60;
        let mut service = machine.spawn(&[]);
        until_said(&mut service, &["syncd runs"]);
        until(&mut service, "some work", || {
            requests() >= goal || equal(&machine, &world.cloud)
        });
        let ended = end(service);
        early += u32::from(!equal(&machine, &world.cloud));
        // Meanwhile life goes on.
        let path = format!("between {round}.txt");
        witness.wrote(&path, machine.write(&path, format!("written after end {round}")));
        assert!(
            !ended.said().contains("does not end"),
            "the server was well: {ended:?}"
        );
    }
    assert!(early >= 3, "most ends came too late to show anything: {early}");
    let mut service = machine.spawn(&[]);
    until_equal(&mut service, &machine, &world.cloud);
    end(service);
    let tree = machine.tree();
    witness.assert_kept_once(&tree);
    assert_equal(&tree, &world.cloud.tree());
    let files = tree
        .values()
        .filter(|entry| matches!(entry, Entry::File(_)))
        .count();
    assert_eq!(u64::try_from(files).unwrap(), 2 * count + 6);
    let uploads = world.cloud.control.totals().at("/file/upload");
    assert_eq!(uploads, count + 6, "each file of this side was sent once");
    machine.sync();
}
