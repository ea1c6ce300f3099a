//! What the service must show under load and trouble: bursts, a watcher that sees too little, sleep, a clock that is set, a
//! network that goes, two services on one account, rude clients, ends at any moment.
//!
//! Told by what a user sees: two trees, the server's ledger, the status, the log. How many passes that took, and what each
//! looked at, is nobody's business here. Nothing measures time: a test waits for what must come.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::world::disk::Content;
use crate::world::machine::Running;
use crate::world::settings::quoted;
use crate::world::{Cloud, Entry, Machine, Run, Tree, World, disk, process};

mod burst;
mod ending;
mod line;
mod sleep;
mod socket;
mod two;
mod watcher;

/// What has not come by now does not come. Generous: many tests share two cores.
const LIMIT: Duration = Duration::from_secs(400);
/// The same for large sets.
const FULL_LIMIT: Duration = Duration::from_secs(3600);
/// Shortest time between two looks; one that takes long is made seldom.
const LOOK: Duration = Duration::from_millis(30);

/// A machine that looks at the account every second or two.
fn quick(world: &World, name: &str) -> Machine {
    let mut machine = world.machine(name);
    polls(&mut machine, "1s", "2s");
    machine
}

/// How often it looks at the account by itself, and at the latest at everything.
fn polls(machine: &mut Machine, poll: &str, at_most: &str) {
    machine.set("poll_interval", &quoted(poll));
    for key in ["max_poll_interval", "full_walk_interval", "local_scan_interval"] {
        machine.set(key, &quoted(at_most));
    }
}

/// Waits for that; the service must go on meanwhile.
#[track_caller]
fn until(service: &mut Running, what: &str, mut come: impl FnMut() -> bool) {
    let limit = if crate::world::full() { FULL_LIMIT } else { LIMIT };
    let begun = Instant::now();
    loop {
        let looked = Instant::now();
        if come() {
            return;
        }
        let ended = service.ended();
        let said = || tail(&service.output());
        assert!(ended.is_none(), "ended before {what}: {ended:?}\n{}", said());
        assert!(begun.elapsed() < limit, "in vain: {what}\n{}", said());
        std::thread::sleep(LOOK.max(looked.elapsed() * 4));
    }
}

/// The end of a long log.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(80)..].join("\n")
}

/// Waits until both sides are the same.
#[track_caller]
fn until_equal(service: &mut Running, machine: &Machine, cloud: &Cloud) {
    until(service, "agreement", || equal(machine, cloud));
}

/// Whether both sides are the same now. Either may be changing.
fn equal(machine: &Machine, cloud: &Cloud) -> bool {
    here(machine).is_some_and(|tree| Some(tree) == there(cloud))
}

/// Its folder, if it holds still while it is looked at.
fn here(machine: &Machine) -> Option<Tree> {
    disk::look(&machine.local).ok()
}

/// The account, if no two of it have one name at this moment.
fn there(cloud: &Cloud) -> Option<Tree> {
    cloud.look().ok()
}

/// Whether a side that may be changing has that path.
fn has(tree: Option<Tree>, path: &str) -> bool {
    tree.is_some_and(|tree| tree.contains_key(path))
}

/// Whether a side that may be changing has that file, with this content.
fn holds(tree: Option<Tree>, path: &str, content: Content) -> bool {
    tree.is_some_and(|tree| tree.get(path) == Some(&Entry::File(content)))
}

/// Waits until the log has a line with all these words.
#[track_caller]
fn until_said(service: &mut Running, words: &[&str]) {
    let limit = Instant::now() + LIMIT;
    while !said(service, words) {
        assert!(service.ended().is_none(), "{}", service.output());
        assert!(
            Instant::now() < limit,
            "never said: {words:?}\n{}",
            tail(&service.output())
        );
        std::thread::sleep(LOOK);
    }
}

fn said(service: &Running, words: &[&str]) -> bool {
    let is = |line: &str| words.iter().all(|word| line.contains(word));
    service.output().lines().any(is)
}

/// Starts the service, and waits until it has agreed with the account.
#[track_caller]
fn start(machine: &Machine) -> Running {
    let mut service = machine.spawn(&[]);
    until_said(&mut service, &["syncd runs"]);
    until(&mut service, "the first agreement", || {
        status(machine)["in_sync"] == true
    });
    service
}

/// What `syncd status` says of the only pair; null without a service.
fn status(machine: &Machine) -> Value {
    let run = machine.run(&["status", "--json"]);
    run.json().pointer("/pairs/0").cloned().unwrap_or(Value::Null)
}

/// Ends it as systemd does.
#[track_caller]
fn end(service: Running) -> Run {
    process::signal(service.pid(), Signal::TERM);
    let run = service.wait().expect(0);
    assert!(run.said().contains("syncd has ended"), "{run:?}");
    assert!(!run.said().contains("panicked"), "{run:?}");
    run
}

/// Stops it where it stands, as a machine that falls asleep does; [`wake`] lets it go on.
fn freeze(service: &Running) {
    process::signal(service.pid(), Signal::STOP);
    while !process::is_stopped(service.pid()) {
        std::thread::sleep(LOOK);
    }
}

fn wake(service: &Running) {
    process::signal(service.pid(), Signal::CONT);
}
