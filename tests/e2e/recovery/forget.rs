//! A pair that ends: its journal goes, every file stays.

use super::rebuild::Harm;
use super::*;

#[test]
fn a_forgotten_pair_leaves_every_file_and_is_new_afterwards() {
    let (world, machine) = agreed();
    machine.write("only here.txt", "mine");
    let (here, account) = (machine.tree(), world.cloud.tree());
    let mark = world.cloud.mark();
    let run = machine.run(&["forget", "main"]).expect(0);
    assert!(run.stdout.contains("3 synced files"), "{run:?}");
    let config = machine.config.display().to_string();
    assert!(
        run.stdout.contains(&config),
        "the line to take out is named: {run:?}"
    );
    assert_eq!(world.cloud.since(&mark).requests, 0);
    assert!(!machine.local.join(".syncd").exists());
    assert_eq!(
        everything(&state_of(&machine)).keys().collect::<Vec<_>>(),
        ["lock"]
    );
    assert_equal(&machine.tree(), &here);
    assert_eq!(world.cloud.tree(), account);
    // There is nothing to forget any more, nothing to check and nothing to move.
    let elsewhere = world.join("elsewhere").display().to_string();
    for args in [
        &["forget", "main"][..],
        &["check", "main"],
        &["relocate", "main", &elsewhere],
    ] {
        let run = machine.run(args).expect(1);
        assert!(run.said().contains("never synced"), "{run:?}");
    }
    // The configuration still names it: as at the first time.
    let run = machine.sync();
    assert_eq!(
        (run.count("uploaded"), run.count("downloaded")),
        (1, 0),
        "{run:?}"
    );
    assert_idle(&world, &machine);
}

#[test]
fn the_trash_of_a_forgotten_pair_stays_and_deletions_that_waited_are_not_made() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    for number in 0..30 {
        machine.write(&format!("f{number}"), format!("content of {number}"));
    }
    machine.sync();
    world.cloud.web_trash("f0");
    machine.sync();
    let trash = |machine: &Machine| everything(&machine.local.join(".syncd/trash"));
    let before = trash(&machine);
    assert_eq!(before.len(), 2, "{before:?}");
    for number in 1..28 {
        machine.remove(&format!("f{number}"));
    }
    machine.once(&[]).expect(4);
    let run = machine.run(&["forget", "main", "--json"]).expect(0);
    assert_eq!(run.count("dropped_deletions"), 27, "{run:?}");
    assert_eq!(run.pair()["area"], "filled");
    assert_equal(&trash(&machine), &before);
    assert!(!machine.local.join(".syncd/root-id").exists());
    assert_eq!(
        machine.sync().count("downloaded"),
        27,
        "they were not deleted, so they come back"
    );
}

#[test]
fn what_a_broken_off_run_had_set_aside_comes_out_before_a_pair_is_forgotten() {
    let (_world, machine) = agreed();
    machine.write(".syncd/parked/left by a kill", "the user's");
    machine.write(".syncd/staging/77-3.part", "hal");
    machine.run(&["forget", "main"]).expect(0);
    assert_eq!(machine.read("left by a kill"), "the user's");
    assert!(!machine.local.join(".syncd").exists());
}

#[test]
fn a_pair_whose_journal_is_damaged_or_whose_folder_is_gone_can_be_forgotten() {
    let (_world, machine) = agreed();
    Harm::Garbled.befall(&machine);
    let run = machine.run(&["forget", "main", "--json"]).expect(0);
    assert_eq!(run.pair()["area"], "not_ours", "{run:?}");
    assert!(machine.local.join(".syncd/root-id").exists());
    assert_eq!(machine.tree().len(), 6);

    let (world, machine) = agreed();
    fs::rename(&machine.local, world.join("unplugged")).unwrap();
    let run = machine.run(&["forget", "main", "--json"]).expect(0);
    assert_eq!(run.pair()["area"], "no_folder", "{run:?}");
    assert_eq!(world.cloud.tree().len(), 6);
}
