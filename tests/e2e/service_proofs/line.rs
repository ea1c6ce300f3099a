//! A network that goes and comes back while both sides change. The status says so, and afterwards nobody has to do anything.

use rustix::process::Signal;

use super::{end, polls, start, status, until, until_equal, until_said};
use crate::world::line::Line;
use crate::world::machine::Running;
use crate::world::settings::quoted;
use crate::world::{Dialect, Machine, World, process};

/// A machine that reaches the account by a line.
fn machine(world: &World) -> (Machine, Line) {
    let line = Line::to(world.cloud.port());
    let mut machine = world.machine("d1");
    polls(&mut machine, "1s", "2s");
    machine.configure(|settings| {
        settings.account.insert("api_url".into(), quoted(&line.api_url()));
        settings.timing.insert("request_timeout".into(), quoted("2s"));
    });
    (machine, line)
}

/// What both sides do while the other cannot be seen.
fn change(world: &World, machine: &Machine, round: &str) {
    machine.write(&format!("{round}/here.txt"), format!("{round} here"));
    machine.write("edited here.txt", format!("edited {round} here"));
    world
        .cloud
        .web_create(&format!("{round}/there.txt"), format!("{round} there").as_bytes());
    world
        .cloud
        .web_edit("edited there.txt", format!("edited {round} there").as_bytes());
}

#[track_caller]
fn until_offline(service: &mut Running, machine: &Machine) {
    until(service, "a status that says offline", || {
        status(machine)["phase"] == "offline"
    });
    let status = status(machine);
    // It may be trying again at this moment.
    assert!(
        status["error"]
            .as_str()
            .is_some_and(|text| text.contains("Next: ")),
        "{status}"
    );
    assert_eq!(status["in_sync"], false, "nobody knows: {status}");
    let text = machine.run(&["status"]);
    assert!(
        text.stdout.contains("offline") || text.stdout.contains("reach"),
        "{text:?}"
    );
}

#[test]
fn without_a_network_the_status_says_offline_and_with_one_it_catches_up_by_itself() {
    let world = World::start(Dialect::Document);
    let (machine, line) = machine(&world);
    machine.write("edited here.txt", "first");
    world.cloud.web_create("edited there.txt", b"first");
    let mut service = start(&machine);
    until_equal(&mut service, &machine, &world.cloud);
    // First somebody says that nobody is there; then nobody says anything, and connections are not even taken.
    line.cut();
    change(&world, &machine, "cut");
    until_offline(&mut service, &machine);
    line.mend();
    until_equal(&mut service, &machine, &world.cloud);
    until(&mut service, "a status that is well again", || {
        status(&machine)["in_sync"] == true
    });
    line.deaden();
    change(&world, &machine, "dead");
    until_offline(&mut service, &machine);
    line.mend();
    until_equal(&mut service, &machine, &world.cloud);
    until(&mut service, "a status that is well again", || {
        status(&machine)["in_sync"] == true
    });
    // At last somebody is there and says nothing.
    line.mute();
    change(&world, &machine, "mute");
    until_offline(&mut service, &machine);
    line.mend();
    until_equal(&mut service, &machine, &world.cloud);
    assert_eq!(machine.read("edited there.txt"), "edited mute there");
    assert_eq!(machine.tree().len(), 11, "{:?}", machine.tree());
    end(service);
}

#[test]
fn a_service_that_starts_without_a_network_begins_when_there_is_one() {
    let world = World::start(Dialect::Document);
    let (machine, line) = machine(&world);
    line.cut();
    machine.write("here.txt", "here");
    world.cloud.web_create("there.txt", b"there");
    let mut service = machine.spawn(&[]);
    until_said(&mut service, &["syncd runs"]);
    until_offline(&mut service, &machine);
    // An end needs no network either.
    end(service);
    let mut service = machine.spawn(&[]);
    until_said(&mut service, &["syncd runs"]);
    until_offline(&mut service, &machine);
    process::signal(service.pid(), Signal::HUP);
    line.mend();
    until_equal(&mut service, &machine, &world.cloud);
    assert_eq!(machine.tree().len(), 2, "{:?}", machine.tree());
    end(service);
}
