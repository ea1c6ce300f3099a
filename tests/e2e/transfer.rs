//! Many files of every kind of name go up, and a second machine brings them down, byte for byte, in every dialect.
//!
//! 300 files in the normal run. All 3,000 in 300 folders, 600 MB at most, in every dialect:
//!
//!     SYNCD_TEST_FULL=1 cargo test --release -p syncd --test e2e transfer

use std::collections::BTreeSet;

use crate::checker::{as_local, assert_equal, differences, syncable};
use crate::samples::every_kind;
use crate::world::{Dialect, Machine, Run, Tree, World, full, in_every_dialect};

/// Runs to agreement that each machine may need. A server without faults and quirks of chance needs one.
fn runs(dialect: Dialect) -> u32 {
    if dialect == Dialect::Hostile { 12 } else { 1 }
}

/// Passes until nothing but what is held is left, and the last of them.
fn sync(machine: &Machine, dialect: Dialect) -> Run {
    let mut last = machine.once(&[]);
    for _ in 1..runs(dialect) {
        let open = last.code != 0 && last.code != 3
            || ["failed", "unproved"]
                .iter()
                .any(|kind| !last.items(kind).is_empty());
        if !open {
            break;
        }
        last = machine.once(&[]);
    }
    for kind in ["failed", "unproved"] {
        assert!(last.items(kind).is_empty(), "{last:?}");
    }
    last
}

/// What is not in the account is named as skipped or held, each with a reason; nothing else is.
fn assert_named(local: &Tree, remote: &Tree, run: &Run) {
    let there = as_local(remote);
    let missing: BTreeSet<&str> = local
        .keys()
        .filter(|path| !there.contains_key(*path))
        .map(String::as_str)
        .collect();
    let (skipped, held) = (run.items("skipped"), run.items("held"));
    let named: BTreeSet<&str> = skipped
        .iter()
        .chain(&held)
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(missing, named, "{run:?}");
    assert!(skipped.iter().chain(&held).all(|(_, reason)| !reason.is_empty()));
    run.clone().expect(if held.is_empty() { 0 } else { 3 });
}

fn travels(dialect: Dialect) {
    let world = World::start(dialect);
    let d1 = world.machine("d1");
    for sample in every_kind(if full() { 3000 } else { 300 }, 11) {
        d1.write(&sample.path, sample.bytes());
    }
    let written = d1.tree();

    let up = sync(&d1, dialect);
    assert_equal(&written, &d1.tree());
    let remote = world.cloud.tree();
    assert_named(&written, &remote, &up);
    let in_account = as_local(&remote);
    let wrong = differences(&in_account, &written);
    let wrong: Vec<_> = wrong.iter().filter(|line| !line.contains("None here")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");

    let d2 = world.machine("d2");
    let down = sync(&d2, dialect);
    assert_eq!(down.code, 0, "{down:?}");
    let mut arrived = syncable(&written);
    arrived.retain(|path, _| in_account.contains_key(path));
    assert_equal(&arrived, &d2.tree());

    for machine in [&d1, &d2] {
        let mark = world.cloud.mark();
        let run = sync(machine, dialect);
        assert_eq!(
            (run.count("uploaded"), run.count("downloaded"), run.count("moved")),
            (0, 0, 0),
            "{run:?}"
        );
        let did = world.cloud.since(&mark);
        assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
    }
    assert_equal(&written, &d1.tree());
    assert_equal(&remote, &world.cloud.tree());
}

#[test]
fn files_of_every_kind_travel_byte_for_byte_in_every_dialect() {
    in_every_dialect(travels);
}
