//! `--dry-run` shows what would be done and does none of it; `--expect` runs that plan and no other.

use serde_json::Value;

use crate::checker::assert_same;
use crate::world::{Dialect, Machine, Tree, World, disk};

/// A world with work to do in every direction: nothing is synced yet, both sides have files, one path on both.
fn with_work() -> (World, Machine) {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    machine.write("here/up.txt", "goes up");
    machine.write("both.txt", "mine");
    world.cloud.web_create("there/down.txt", b"comes down");
    world.cloud.web_create("both.txt", b"ours");
    (world, machine)
}

/// All that a dry run must not touch: the folder with `.syncd`, and the account with its trash.
fn untouched(world: &World, machine: &Machine) -> (Tree, Tree, usize) {
    (
        disk::everything(&machine.local),
        world.cloud.tree(),
        world.cloud.trash().len(),
    )
}

fn digest(machine: &Machine) -> String {
    let plan = machine.once(&["--dry-run"]).json();
    plan["digest"]
        .as_str()
        .unwrap_or_else(|| panic!("no digest: {plan}"))
        .to_owned()
}

#[test]
fn a_dry_run_shows_each_step_with_its_reason_and_writes_nothing_on_either_side() {
    let (world, machine) = with_work();
    let before = untouched(&world, &machine);
    let mark = world.cloud.mark();
    let run = machine.once(&["--dry-run"]).expect(3);
    assert_eq!(untouched(&world, &machine), before);
    assert_eq!(world.cloud.since(&mark).mutations, 0);

    let plan = run.json();
    assert_eq!(plan["v"], 1);
    let steps = plan["steps"].as_array().unwrap_or_else(|| panic!("{run:?}"));
    for step in steps {
        for key in ["side", "kind", "path", "to", "bytes", "rule", "reason"] {
            assert!(step.get(key).is_some(), "no {key} in {step}");
        }
        assert!(
            ["local", "remote"].contains(&step["side"].as_str().unwrap()),
            "{step}"
        );
        assert!(
            step["rule"].as_str().is_some_and(|rule| !rule.is_empty()),
            "{step}"
        );
        assert!(
            step["reason"].as_str().is_some_and(|reason| !reason.is_empty()),
            "{step}"
        );
    }
    let named = |name: &str| {
        steps
            .iter()
            .any(|step| step["path"].as_str().is_some_and(|path| path.contains(name)))
    };
    assert!(named("up.txt") && named("down.txt"), "{run:?}");
    let compared = plan["compare"].as_array().unwrap();
    assert!(
        compared.iter().all(|path| path.as_str() == Some("both.txt")) && !compared.is_empty(),
        "{run:?}"
    );
}

#[test]
fn a_dry_run_of_a_synced_pair_writes_nothing_and_finds_nothing() {
    let (world, machine) = with_work();
    machine.sync();
    let before = untouched(&world, &machine);
    let run = machine.once(&["--dry-run"]).expect(0);
    assert_eq!(run.json()["steps"].as_array().map(Vec::len), Some(0));
    assert_eq!(untouched(&world, &machine), before);
    machine.remove("here");
    let run = machine.once(&["--dry-run"]).expect(3);
    assert!(run.json()["steps"].to_string().contains("here"), "{run:?}");
    assert!(world.cloud.tree().contains_key("here/up.txt"));
}

#[test]
fn the_plan_as_text_names_paths_and_the_digest() {
    let (_world, machine) = with_work();
    let digest = digest(&machine);
    let text = machine.run(&["--once", "--dry-run"]).expect(3).stdout;
    for part in ["up.txt", "down.txt", "both.txt", digest.as_str()] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}

#[test]
fn the_same_plan_has_the_same_digest_and_runs_when_it_is_expected() {
    let (world, machine) = with_work();
    let expected = digest(&machine);
    assert_eq!(digest(&machine), expected);
    machine.once(&["--expect", &expected]).expect(0);
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn another_plan_than_the_expected_one_is_not_run() {
    let (world, machine) = with_work();
    let expected = digest(&machine);
    machine.write("one more.txt", "not in that plan");
    let before = (machine.tree(), world.cloud.tree());
    let mark = world.cloud.mark();
    let run = machine.once(&["--expect", &expected]);
    assert_ne!(run.code, 0, "{run:?}");
    assert_eq!((machine.tree(), world.cloud.tree()), before);
    assert_eq!(world.cloud.since(&mark).mutations, 0);
    assert!(run.said().contains(&expected), "{run:?}");
}

#[test]
fn the_json_of_a_run_has_every_promised_key() {
    let (_world, machine) = with_work();
    let run = machine.sync().json();
    assert_eq!(run["v"], 1);
    let pair = &run["pairs"][0];
    for key in [
        "name",
        "phase",
        "in_sync",
        "exit",
        "uploaded",
        "downloaded",
        "moved",
        "deleted_local",
        "deleted_remote",
        "conflicts",
        "skipped",
        "held",
        "unproved",
        "failed",
        "drift",
        "bytes_up",
        "bytes_down",
        "requests",
        "last_agreement",
        "stop",
    ] {
        assert!(pair.get(key).is_some(), "no {key} in {pair}");
    }
    assert_eq!(pair["name"], "main");
    assert_eq!(
        (&pair["in_sync"], &pair["exit"], &pair["stop"]),
        (&Value::Bool(true), &Value::from(0), &Value::Null)
    );
    assert!(pair["requests"].as_u64().unwrap() > 0);
    assert!(pair["last_agreement"].as_str().unwrap().starts_with("20"));
}

#[test]
fn the_text_is_grouped_and_sorted_and_says_since_when() {
    let (world, machine) = with_work();
    machine.sync();
    machine.write("b.txt", "new");
    machine.write("a.txt", "new");
    machine.remove("here/up.txt");
    world.cloud.web_edit("there/down.txt", b"edited there");
    let text = machine.run(&["--once", "--dry-run"]).expect(3).stdout;
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in:\n{text}"));
    let order = [
        "main: ",
        "  in the account: ",
        "    delete there (1)\n      here/up.txt: deleted on this machine since the last agreement ",
        "    upload (2)\n      a.txt (3 B): new on this machine since the last agreement ",
        "      b.txt (3 B): new on this machine",
        "  on this machine: ",
        "there/down.txt",
        "edited in the account since the last agreement ",
        "  digest ",
    ]
    .map(place);
    assert!(order.is_sorted(), "{text}");
    let plan = machine.once(&["--dry-run"]).json();
    let reasons = plan["steps"].to_string();
    assert!(
        reasons.contains("deleted on this machine since the last agreement"),
        "{plan}"
    );
}

#[test]
fn a_plan_that_changed_there_is_not_run_and_the_new_one_is() {
    let (world, machine) = with_work();
    machine.sync();
    machine.remove("here/up.txt");
    let expected = digest(&machine);
    // What the account says counts as much as what this disk does; the time that passed does not.
    assert_eq!(digest(&machine), expected);
    world.cloud.web_create("there/new.txt", b"meanwhile");
    let before = (machine.tree(), world.cloud.tree());
    let run = machine.once(&["--expect", &expected]).expect(1);
    assert!(run.said().contains(&expected), "{run:?}");
    assert_eq!((machine.tree(), world.cloud.tree()), before);
    let other = digest(&machine);
    assert_ne!(other, expected);
    machine.once(&["--expect", &other]).expect(0);
    assert_same(&machine.tree(), &world.cloud.tree());
    assert!(machine.tree().contains_key("there/new.txt"));
    // It was for that plan, not for ever.
    machine.write("later.txt", "later");
    machine.once(&["--expect", &other]).expect(1);
}
