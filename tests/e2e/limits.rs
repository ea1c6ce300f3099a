//! Limits of bandwidth and their windows. Times are only ever compared from below: a limited transfer cannot be faster than
//! its rate, however slow the machine is.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::checker::assert_equal;
use crate::samples::bytes;
use crate::service::{end, lines, machine, running, until};
use crate::world::native::clock;
use crate::world::{Dialect, Entry, Machine, World};

fn limit(machine: &mut Machine, limits: &str) {
    machine.configure(|settings| {
        settings.top.insert("limits".to_owned(), limits.to_owned());
    });
}

/// Its clock shows this time of the day (UTC) now, and goes on from there.
fn clock_shows(machine: &mut Machine, steered_by: &PathBuf, hour: u64, minute: u64, second: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let wanted = hour * 3600 + minute * 60 + second;
    let off = wanted as i64 - (now % 86_400) as i64;
    std::fs::write(steered_by, off.to_string()).unwrap();
    machine.env("LD_PRELOAD", clock().to_str().unwrap());
    machine.env("E2E_CLOCK", steered_by.to_str().unwrap());
}

fn status(machine: &Machine) -> serde_json::Value {
    machine.run(&["--json", "status"]).json()
}

#[test]
fn without_a_service_status_says_what_the_next_pass_keeps_to() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let none = machine.run(&["status"]).expect(1);
    assert!(!none.stdout.contains("limits"), "{none:?}");
    limit(
        &mut machine,
        "{ upload = \"1MiB\", window = [{ download = \"100KiB\" }] }",
    );
    let said = machine.run(&["status"]).expect(1);
    let line = "limits: upload 1.0 MiB/s, download 100.0 KiB/s; in the window ";
    assert!(said.stdout.contains(line), "{said:?}");
    let limits = &status(&machine)["limits"];
    assert_eq!(
        (&limits["upload"], &limits["download"]),
        (&1_048_576.into(), &102_400.into())
    );
}

#[test]
fn transfers_are_no_faster_than_their_rate_both_ways() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    limit(&mut machine, "{ upload = \"100KiB\" }");
    for number in 0..4 {
        machine.write(&format!("{number}.bin"), bytes(100 * 1024, number));
    }
    let begun = Instant::now();
    let run = machine.sync();
    let took = begun.elapsed();
    assert_eq!(run.count("bytes_up"), 400 * 1024, "{run:?}");
    assert!(took >= Duration::from_secs(3), "400 KiB at 100 KiB/s in {took:?}");
    let mut other = world.machine("d2");
    // What a window says holds for one pass too.
    limit(
        &mut other,
        "{ download = 1, window = [{ download = \"100KiB\" }] }",
    );
    let begun = Instant::now();
    let run = other.sync();
    let took = begun.elapsed();
    assert_eq!(run.count("bytes_down"), 400 * 1024, "{run:?}");
    assert!(took >= Duration::from_secs(3), "400 KiB at 100 KiB/s in {took:?}");
    assert_equal(&machine.tree(), &other.tree());
}

#[test]
fn a_new_limit_reaches_a_transfer_that_runs_and_holds_until_a_reload() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    limit(&mut machine, "{ upload = \"1KiB\" }");
    let content = machine.write("large.bin", bytes(2 << 20, 1));
    let mut service = machine.spawn(&[]);
    until(&mut service, "the upload's beginning", |_| {
        let status = status(&machine);
        status["limits"]["upload"] == 1024 && status["pairs"][0]["now"][0]["path"] == "large.bin"
    });
    // At that rate it would take half an hour.
    machine.run(&["limit", "--up", "0", "--down", "5MiB"]).expect(0);
    let limits = status(&machine)["limits"].clone();
    assert_eq!(
        (&limits["upload"], &limits["download"], &limits["by_command"]),
        (&0.into(), &(5 << 20).into(), &true.into()),
        "{limits}"
    );
    until(&mut service, "the upload", |_| {
        world.cloud.tree().get("large.bin") == Some(&Entry::File(content))
    });
    machine.run(&["reload"]).expect(0);
    until(&mut service, "the limit of the configuration", |_| {
        let limits = status(&machine)["limits"].clone();
        limits["upload"] == 1024 && limits["download"] == 0 && limits["by_command"] == false
    });
    let text = machine.run(&["status"]).stdout;
    assert!(
        text.contains("limits: upload 1.0 KiB/s, download no limit\n"),
        "{text}"
    );
    end(service);
}

#[test]
fn a_window_that_pauses_holds_one_pass_and_a_service_and_the_user_can_go_on() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    limit(&mut machine, "{ window = [{ pause = true }] }");
    machine.write("a.txt", "a");
    let mark = world.cloud.mark();
    let run = machine.once(&[]).expect(3);
    assert_eq!(run.pair()["phase"], "paused", "{run:?}");
    let run = machine.run(&["--once"]).expect(3);
    assert!(
        run.stdout
            .contains("paused by the window every day of the limits"),
        "{run:?}"
    );
    assert_eq!(world.cloud.since(&mark).requests, 0, "nobody was asked");
    // Who only wants to see a plan gets it.
    let plan = machine.once(&["--dry-run"]).expect(3).json();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{plan}");
    let mark = world.cloud.mark();
    let mut service = machine.spawn(&[]);
    until(&mut service, "the pause", |_| {
        let pair = status(&machine)["pairs"][0].clone();
        pair["phase"] == "paused" && pair["paused_by"] == "window"
    });
    let refused = machine.run(&["sync", "main"]).expect(1);
    assert!(refused.said().contains("syncd resume main"), "{refused:?}");
    let text = machine.run(&["status"]).expect(3).stdout;
    assert!(text.contains("main: paused by a window of the limits"), "{text}");
    assert_eq!(world.cloud.since(&mark).requests, 0, "nobody was asked");
    machine.run(&["resume"]).expect(0);
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("a.txt")
    });
    // A configuration without the window needs no resume.
    machine.run(&["pause"]).expect(0);
    machine.run(&["resume"]).expect(0);
    limit(&mut machine, "{ upload = 0 }");
    machine.run(&["reload"]).expect(0);
    machine.write("b.txt", "b");
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("b.txt")
    });
    end(service);
}

#[test]
fn a_service_goes_on_when_the_window_ends() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    limit(
        &mut machine,
        "{ window = [{ from = \"22:30\", to = \"06:00\", pause = true }] }",
    );
    clock_shows(&mut machine, &world.join("clock"), 5, 59, 40);
    machine.write("a.txt", "a");
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    assert_eq!(
        lines(&service, &["paused by a window", "22:30-06:00 every day"]),
        1,
        "{}",
        service.output()
    );
    let mark = world.cloud.mark();
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("a.txt")
    });
    assert_eq!(lines(&service, &["resumed"]), 1, "{}", service.output());
    assert!(world.cloud.since(&mark).requests > 0);
    end(service);
}

#[test]
fn one_pass_over_which_a_window_comes_ends_after_its_running_steps() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    limit(
        &mut machine,
        "{ upload = \"100KiB\", window = [{ from = \"22:30\", to = \"06:00\", pause = true }] }",
    );
    let steered_by = world.join("clock");
    clock_shows(&mut machine, &steered_by, 22, 29, 56);
    for number in 0..60 {
        machine.write(&format!("{number}.bin"), bytes(50 * 1024, number));
    }
    let run = machine.once(&[]).expect(3);
    assert_eq!(run.pair()["phase"], "paused", "{run:?}");
    let uploaded = run.count("uploaded");
    assert!(uploaded < 60, "30 s of uploads in 4 s: {run:?}");
    // Every step that began has ended, and left nothing half done.
    assert_eq!(
        u64::try_from(world.cloud.tree().len()).unwrap(),
        uploaded,
        "{run:?}"
    );
    limit(&mut machine, "{ upload = 0 }");
    let rest = machine.sync();
    assert_eq!(rest.count("uploaded"), 60 - uploaded, "{rest:?}");
    assert_equal(&machine.tree(), &world.cloud.tree());
}
