//! The same files with every fault at 5 %: runs are repeated until both sides agree; nothing is lost, nothing twice.
//!
//! 40 files in the normal run; all 3,000:
//!
//!     SYNCD_TEST_FULL=1 cargo test --release -p syncd --test e2e faults

use crate::checker::{Witness, assert_equal, assert_same, syncable};
use crate::samples::{bytes, every_kind};
use crate::world::{Cloud, Dialect, Entry, Machine, World, full, in_every_dialect};

/// Of each fault.
const CHANCE: f64 = 0.05;
/// Runs within which a machine must agree. Each run may end at one of a few calls that are asked once only.
const RUNS: u32 = 60;

pub(crate) fn every_fault(cloud: &Cloud, chance: f64) {
    for name in Cloud::faults() {
        cloud.fault(name, chance);
    }
    // Waiting shows nothing; a lost token at most once a minute, as promised.
    for (knob, value) in [
        ("latency.ms", "20"),
        ("429.retry-after", "1"),
        ("stalled-body.seconds", "1"),
        ("token-loss.min-interval", "60"),
    ] {
        cloud.knob(knob, value);
    }
}

fn agrees_at_last(dialect: Dialect) {
    let world = World::seeded(dialect, 29);
    let machines = [world.machine("d1"), world.machine("d2")];
    let [d1, d2] = &machines;
    let mut witness = Witness::default();
    for sample in every_kind(if full() { 3000 } else { 40 }, 13) {
        witness.wrote(&sample.path, d1.write(&sample.path, sample.bytes()));
    }
    every_fault(&world.cloud, CHANCE);
    let taken = machines.each_ref().map(|machine| machine.settle(RUNS, true));

    // Both sides go on working while the network does not.
    change(d1, &world.cloud, &mut witness);
    let again = [d1, d2, d1].map(|machine| machine.settle(RUNS, true));
    println!("{dialect}: runs to agreement {taken:?}, after changes {again:?}");

    every_fault(&world.cloud, 0.0);
    for machine in [d1, d2, d1] {
        machine.settle(12, dialect == Dialect::Hostile);
    }
    assert_same(&d1.tree(), &world.cloud.tree());
    assert_equal(&syncable(&d1.tree()), &d2.tree());
    witness.assert_kept_once(&d1.tree());
}

/// Edits, a rename and deletions on both sides, each of files the other side leaves alone.
fn change(machine: &Machine, cloud: &Cloud, witness: &mut Witness) {
    // Plain names only: on the web a path is found by its name there.
    let plain = |path: &str| {
        path.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-./".contains(c))
    };
    let tree = machine.tree();
    let files = tree.iter().filter_map(|(path, entry)| match entry {
        Entry::File(content) => Some((path, content)),
        Entry::Folder | Entry::Other(_) => None,
    });
    let files: Vec<_> = files
        .filter(|(path, content)| content.size > 0 && plain(path))
        .collect();
    assert!(files.len() >= 8, "{files:?}");
    for (number, (path, old)) in files.into_iter().enumerate().take(8) {
        let new = bytes(5000, 0xE0_0000 + u64::try_from(number).unwrap());
        match number {
            0 | 1 => {
                witness.dropped(*old);
                witness.wrote(path, machine.write(path, new));
            }
            2 | 3 => {
                witness.dropped(*old);
                witness.wrote(path, cloud.web_edit(path, &new));
            }
            4 => {
                witness.dropped(*old);
                machine.remove(path);
            }
            5 => {
                witness.dropped(*old);
                cloud.web_trash(path);
            }
            6 => machine.rename(path, "renamed here.txt"),
            _ => cloud.web_move(path, "renamed there.txt"),
        }
    }
}

/// All dialects at once: most of the time is spent waiting for the client's next attempt.
#[test]
fn with_every_fault_both_sides_agree_at_last_in_every_dialect() {
    in_every_dialect(agrees_at_last);
}
