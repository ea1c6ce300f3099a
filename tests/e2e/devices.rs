//! Several devices on one account whose server keeps one session alive (Q01), and several processes of one device.

use crate::checker::{assert_equal, assert_same};
use crate::world::machine::Running;
use crate::world::{Dialect, Machine, World};

/// A world whose server ends all other sessions at each sign-in, and answers slowly enough for devices to meet.
fn one_session_at_a_time() -> World {
    let world = World::start(Dialect::Document);
    world.cloud.control.set_quirk("Q01", true).unwrap();
    world.cloud.knob("latency.ms", "20");
    world.cloud.fault("latency", 1.0);
    world
}

/// Files that only this machine has.
fn fill(machine: &Machine, name: &str, files: usize) {
    for number in 0..files {
        machine.write(&format!("of {name}/{number}.txt"), format!("{number} of {name}"));
    }
}

#[test]
fn h38_q01_three_busy_devices_take_turns_and_all_finish() {
    let world = one_session_at_a_time();
    let names = ["d1", "d2", "d3"];
    let mut machines = names.map(|name| world.machine(name));
    for (machine, name) in machines.iter_mut().zip(names) {
        // Who lets the others work first must give them time for some calls, on a machine that is busy with all of them.
        machine.configure(|settings| {
            settings.timing.insert("login_backoff".into(), "\"300ms\"".into());
        });
        fill(machine, name, 12);
    }
    let mark = world.cloud.mark();
    let mut met = 0;
    for round in 1..=8 {
        let running: Vec<Running> = machines.iter().map(|machine| machine.spawn_once(&[])).collect();
        let runs: Vec<_> = running.into_iter().map(Running::wait).collect();
        for run in &runs {
            assert!([0, 3].contains(&run.code), "round {round}: {run:?}");
            met += usize::from(run.pair()["other_device"] == true);
        }
        if round == 1 {
            let status = machines
                .each_ref()
                .map(|machine| machine.run(&["status"]).expect(1).stdout);
            let told = status
                .iter()
                .filter(|text| text.contains("another device signs in on this account"));
            assert!(told.count() > 0, "{status:?}");
        }
        let trees = machines.each_ref().map(Machine::tree);
        if runs.iter().all(|run| run.code == 0) && trees.iter().all(|tree| *tree == trees[0]) {
            break;
        }
    }
    let trees = machines.each_ref().map(Machine::tree);
    assert_equal(&trees[0], &trees[1]);
    assert_equal(&trees[0], &trees[2]);
    assert_same(&trees[0], &world.cloud.tree());
    assert_eq!(trees[0].len(), 3 * 13);
    assert!(met > 0, "they never met: this test shows nothing");
    let logins = world.cloud.since(&mark).at("/authorize");
    assert!(logins <= 3 * 30, "{logins} sign-ins");
}

#[test]
fn a_device_alone_on_its_account_is_told_of_no_other() {
    let world = one_session_at_a_time();
    let machine = world.machine("d1");
    machine.write("a.txt", "one");
    assert_eq!(machine.sync().pair()["other_device"], false);
    assert_eq!(machine.sync().pair()["other_device"], false);
    let status = machine.run(&["status"]).expect(1);
    assert!(!status.stdout.contains("another device"), "{status:?}");
}

#[test]
fn processes_of_one_state_directory_share_one_session() {
    let world = one_session_at_a_time();
    let mut machine = world.machine_at("d1", "/One");
    let second = world.join("second");
    std::fs::create_dir(&second).unwrap();
    machine.configure(|settings| settings.pair("second", &second, "/Two"));
    fill(&machine, "main", 6);
    for number in 0..6 {
        std::fs::write(
            second.join(format!("{number}.txt")),
            format!("{number} of second"),
        )
        .unwrap();
    }
    let mark = world.cloud.mark();
    let both = ["main", "second"].map(|pair| machine.spawn_once(&[pair]));
    for running in both {
        running.wait().expect(0);
    }
    assert_eq!(
        world.cloud.since(&mark).at("/authorize"),
        1,
        "both need one, and none ends the other's"
    );

    // The session ends by somebody else's sign-in: one of the two renews it for both.
    world.cloud.control.web(devcloud::WebAction::EndSessions).unwrap();
    let mark = world.cloud.mark();
    let both = ["main", "second"].map(|pair| machine.spawn_once(&[pair]));
    for running in both {
        running.wait().expect(0);
    }
    assert_eq!(world.cloud.since(&mark).at("/authorize"), 1);
    assert!(world.cloud.tree().contains_key("Two/5.txt"));
}
