//! The service: `syncd` without arguments, from its start to its end, as whoever started it sees it.
//!
//! Nothing here measures time: a test waits for what must come, and gives up only after minutes. That something does not
//! happen is shown beside something that happens meanwhile.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::checker::assert_equal;
use crate::samples::bytes;
use crate::world::machine::Running;
use crate::world::settings::quoted;
use crate::world::{Cloud, Dialect, Entry, Machine, Run, World};

/// What has not come by now does not come. Generous: many tests share two cores.
const LIMIT: Duration = Duration::from_secs(240);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(30);

/// A machine that looks at the account every second.
pub(crate) fn machine(world: &World, name: &str) -> Machine {
    machine_at(world, name, "/")
}

fn machine_at(world: &World, name: &str, remote: &str) -> Machine {
    let mut machine = world.machine_at(name, remote);
    machine.set("poll_interval", &quoted("1s"));
    machine.set("max_poll_interval", &quoted("2s"));
    machine
}

/// Waits for that; the service must go on meanwhile.
#[track_caller]
pub(crate) fn until(service: &mut Running, what: &str, mut come: impl FnMut(&Running) -> bool) {
    let begun = Instant::now();
    while !come(service) {
        let ended = service.ended();
        assert!(
            ended.is_none(),
            "ended before {what}: {ended:?}\n{}",
            service.output()
        );
        assert!(begun.elapsed() < LIMIT, "in vain: {what}\n{}", service.output());
        std::thread::sleep(LOOK);
    }
}

pub(crate) fn signal(service: &Running, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(service.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Ends it as systemd does.
#[track_caller]
pub(crate) fn end(service: Running) -> Run {
    signal(&service, Signal::TERM);
    service.wait().expect(0)
}

pub(crate) fn running(service: &Running) -> bool {
    service.output().contains("syncd runs")
}

/// How often a line with all these words was logged.
pub(crate) fn lines(service: &Running, words: &[&str]) -> usize {
    let is = |line: &&str| words.iter().all(|word| line.contains(word));
    service.output().lines().filter(is).count()
}

fn equal(machine: &Machine, cloud: &Cloud) -> bool {
    machine.tree() == cloud.tree()
}

#[test]
fn a_file_made_here_and_one_made_there_arrive_and_an_end_leaves_a_clean_state() {
    let world = World::start(Dialect::Document);
    let machine = machine(&world, "d1");
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    let here = machine.write("docs/here.txt", "made here");
    until(&mut service, "the upload", |_| {
        world.cloud.tree().get("docs/here.txt") == Some(&Entry::File(here))
    });
    let there = world.cloud.web_create("docs/there.txt", b"made there");
    until(&mut service, "the download", |_| {
        machine.tree().get("docs/there.txt") == Some(&Entry::File(there))
    });
    machine.rename("docs/there.txt", "docs/moved.txt");
    until(&mut service, "the move", |_| equal(&machine, &world.cloud));
    let ended = end(service);
    assert!(ended.said().contains("syncd has ended"), "{ended:?}");
    for key in world.cloud.keys() {
        assert!(!ended.said().contains(&key), "a key in the log");
    }
    // Nothing is left to be done, and nobody holds the state.
    let after = machine.sync();
    assert_eq!(
        (after.count("uploaded"), after.count("downloaded")),
        (0, 0),
        "{after:?}"
    );
    assert_equal(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_second_instance_and_commands_that_work_as_one_are_told_who_holds_the_state() {
    let world = World::start(Dialect::Document);
    let machine = machine(&world, "d1");
    machine.write("a.txt", "a");
    let mut service = machine.spawn(&[]);
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("a.txt")
    });
    let pid = format!("(process {})", service.pid());
    let elsewhere = world.join("elsewhere");
    let refused: [&[&str]; 7] = [
        &[],
        &["--once"],
        &["--once", "--dry-run"],
        &["rebuild", "main"],
        &["check", "main"],
        &["forget", "main"],
        &["relocate", "main", elsewhere.to_str().unwrap()],
    ];
    for args in refused {
        let run = machine.run(args).expect(6);
        assert!(run.said().contains(&pid), "{pid}: {run:?}");
    }
    // What only asks is answered between passes.
    for args in [
        &["history"][..],
        &["problems"],
        &["conflicts", "list"],
        &["approve", "--list"],
    ] {
        until(&mut service, "an answer", |_| machine.run(args).code == 0);
    }
    end(service);
    machine.sync();
}

#[test]
fn an_invalid_configuration_changes_nothing_and_a_valid_one_only_what_it_names() {
    let world = World::start(Dialect::Document);
    let mut machine = machine_at(&world, "d1", "/one");
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    let valid = fs::read_to_string(&machine.config).unwrap();
    fs::write(&machine.config, "nonsense = true\n").unwrap();
    signal(&service, Signal::HUP);
    until(&mut service, "the complaint", |service| {
        lines(service, &["not reloaded", "nonsense"]) == 1
    });
    machine.write("a.txt", "still synced");
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("one/a.txt")
    });
    let second = world.join("second");
    fs::create_dir(&second).unwrap();
    fs::write(second.join("b.txt"), "b").unwrap();
    fs::write(&machine.config, &valid).unwrap();
    machine.configure(|settings| settings.pair("other", &second, "/two"));
    signal(&service, Signal::HUP);
    until(&mut service, "the new pair", |_| {
        world.cloud.tree().contains_key("two/b.txt")
    });
    assert_eq!(
        lines(&service, &["syncing", "pair=\"main\""]),
        1,
        "{}",
        service.output()
    );
    // A pair that goes is left alone, the others go on.
    fs::write(&machine.config, &valid).unwrap();
    signal(&service, Signal::HUP);
    until(&mut service, "its end", |service| {
        lines(service, &["not synced any more", "other"]) == 1
    });
    machine.write("c.txt", "goes on");
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("one/c.txt")
    });
    end(service);
    assert!(second.join("b.txt").exists());
}

#[test]
fn the_service_manager_is_told_of_start_reload_life_and_end() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    let path = world.join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(LIMIT)).unwrap();
    machine.env("NOTIFY_SOCKET", path.to_str().unwrap());
    machine.env("WATCHDOG_USEC", "2000000");
    let service = machine.spawn(&[]);
    let wait_for = |wanted: &str| {
        let mut bytes = [0; 4096];
        loop {
            let read = manager
                .recv(&mut bytes)
                .unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            let message = String::from_utf8_lossy(&bytes[..read]).into_owned();
            if message.contains(wanted) {
                return message;
            }
        }
    };
    let ready = wait_for("READY=1");
    assert!(ready.contains("STATUS=1 pair"), "{ready}");
    wait_for("STATUS=1 pair, 1 in sync");
    wait_for("WATCHDOG=1");
    signal(&service, Signal::HUP);
    let reloading = wait_for("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    wait_for("READY=1");
    signal(&service, Signal::TERM);
    wait_for("STOPPING=1");
    service.wait().expect(0);
}

#[test]
fn a_network_that_goes_is_said_once_and_one_that_comes_back_is_used() {
    let folder = tempfile::Builder::new().prefix("syncd-e2e-").tempdir().unwrap();
    let data = folder.path().join("cloud");
    let cloud = Cloud::start(&data, Dialect::Document, 1);
    let port = cloud.port();
    let mut machine = Machine::new(&folder.path().join("d1"), "d1", &cloud, "/");
    machine.set("poll_interval", &quoted("1s"));
    machine.set("max_poll_interval", &quoted("2s"));
    machine.write("a.txt", "before");
    let mut service = machine.spawn(&[]);
    until(&mut service, "the upload", |_| cloud.tree().contains_key("a.txt"));
    drop(cloud);
    machine.write("b.txt", "while it was away");
    until(&mut service, "the complaint", |service| {
        lines(service, &["WARN", "kind=\"offline\""]) > 0
    });
    let cloud = Cloud::start_on(&data, Dialect::Document, 1, port);
    until(&mut service, "the upload", |_| cloud.tree().contains_key("b.txt"));
    until(&mut service, "the good news", |service| {
        lines(service, &["reached again"]) == 1
    });
    let ended = end(service);
    let complaints = ended
        .stderr
        .lines()
        .filter(|line| line.contains("kind=\"offline\""))
        .count();
    assert!(complaints <= 2, "said again and again: {ended:?}");
    assert_equal(&machine.tree(), &cloud.tree());
}

#[test]
fn of_a_burst_of_new_renamed_and_deleted_files_each_that_remains_is_uploaded_once() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    // Long enough that half a burst is not taken for all of it.
    machine.configure(|settings| {
        settings.timing.insert("quiet_period".into(), quoted("1s"));
    });
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", |service| {
        running(service) && world.cloud.control.totals().at("/folder/listing") > 0
    });
    let mark = world.cloud.mark();
    for number in 0..300_u64 {
        let path = format!("new/d{}/f{number}.txt", number % 7);
        machine.write(&path, bytes(100 + number, number));
        match number % 10 {
            0 => machine.remove(&path),
            1..=5 => machine.rename(&path, &format!("new/d{}/renamed {number}.txt", number % 3)),
            _ => {}
        }
    }
    let left = machine
        .tree()
        .values()
        .filter(|entry| matches!(entry, Entry::File(_)))
        .count();
    until(&mut service, "agreement", |_| equal(&machine, &world.cloud));
    // What comes after it is only looking.
    let polls = world.cloud.control.totals().at("/folder/listing");
    until(&mut service, "another poll", |_| {
        world.cloud.control.totals().at("/folder/listing") > polls + 20
    });
    let ended = end(service);
    let asked = world.cloud.since(&mark);
    assert_eq!(
        asked.at("/file/upload"),
        u64::try_from(left).unwrap(),
        "{ended:?}"
    );
    assert_equal(&machine.tree(), &world.cloud.tree());
}

/// Listings of a folder of the account so far.
fn listings(cloud: &Cloud, path: &str) -> usize {
    let tree = cloud.control.tree().unwrap();
    let folder = tree
        .folders
        .iter()
        .find(|folder| folder.path.as_deref() == Some(path));
    let Some(folder) = folder.map(|folder| folder.id) else {
        return 0;
    };
    let ledger = cloud.control.ledger();
    let of =
        |entry: &&devcloud::Entry| entry.endpoint == "/folder/listing" && entry.folders.contains(&folder);
    ledger.entries.iter().filter(of).count()
}

#[test]
fn an_idle_pair_is_looked_at_when_a_poll_is_due_and_not_before() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine_at("d1", "/quiet");
    machine.set("poll_interval", &quoted("1h"));
    machine.set("max_poll_interval", &quoted("1h"));
    let busy = world.join("busy");
    fs::create_dir(&busy).unwrap();
    machine.configure(|settings| {
        settings.pair("busy", &busy, "/busy");
        let pair = settings.sync.last_mut().unwrap();
        pair.insert("poll_interval".into(), quoted("1s"));
        pair.insert("max_poll_interval".into(), quoted("1s"));
    });
    world.cloud.web_create("quiet/deep/there.txt", b"there");
    let mut service = machine.spawn(&["-vv"]);
    machine.write("deep/here.txt", "here");
    until(&mut service, "agreement", |_| {
        world.cloud.tree().contains_key("quiet/deep/here.txt")
            && machine.tree().contains_key("deep/there.txt")
    });
    // What the pair wrote here itself is a change too, once.
    let cloud = &world.cloud;
    let polls = |at_least: usize| {
        let from = listings(cloud, "/busy");
        move |_: &Running| listings(cloud, "/busy") >= from + at_least
    };
    until(&mut service, "its own echo", polls(3));
    let before = listings(&world.cloud, "/quiet");
    assert!(before > 0, "{}", service.output());
    until(&mut service, "polls of the other pair", polls(5));
    let after = listings(&world.cloud, "/quiet");
    assert_eq!(before, after, "{}", service.output());
    end(service);
}

#[test]
fn a_pair_that_cannot_run_holds_no_other() {
    let world = World::start(Dialect::Document);
    let mut machine = machine_at(&world, "d1", "/one");
    let missing = world.join("missing");
    machine.configure(|settings| {
        settings.pair("missing", &missing, "/two");
        let pair = settings.sync.last_mut().unwrap();
        pair.insert("poll_interval".into(), quoted("1s"));
        pair.insert("max_poll_interval".into(), quoted("1s"));
    });
    let mut service = machine.spawn(&[]);
    until(&mut service, "the complaint", |service| {
        lines(service, &["WARN", "missing", "does not exist"]) > 0
    });
    machine.write("a.txt", "a");
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("one/a.txt")
    });
    fs::create_dir(&missing).unwrap();
    write(&missing, "b.txt");
    until(&mut service, "the other upload", |_| {
        world.cloud.tree().contains_key("two/b.txt")
    });
    // The folder is watched as well by now.
    write(&missing, "c.txt");
    until(&mut service, "another one", |_| {
        world.cloud.tree().contains_key("two/c.txt")
    });
    end(service);
}

fn write(folder: &Path, name: &str) {
    fs::write(folder.join(name), name).unwrap();
}

#[test]
fn a_pair_that_is_paused_is_skipped_by_a_single_pass_and_waits_in_the_service() {
    let world = World::start(Dialect::Document);
    let machine = machine_at(&world, "d1", "/one");
    machine.write("a.txt", "a");
    machine.sync();
    machine.run(&["pause"]).expect(0);
    machine.write("b.txt", "b");
    let run = machine.once(&[]).expect(3);
    assert_eq!(run.pair()["phase"], "paused", "{run:?}");
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    let ended = end(service);
    assert!(!world.cloud.tree().contains_key("one/b.txt"), "{ended:?}");
    machine.run(&["resume"]).expect(0);
    machine.sync();
    assert!(world.cloud.tree().contains_key("one/b.txt"));
}

#[test]
fn an_end_in_the_middle_of_uploads_is_clean_and_the_next_start_goes_on() {
    let world = World::start(Dialect::Document);
    let machine = machine(&world, "d1");
    let count = 200;
    for number in 0..count {
        machine.write(&format!("many/{number}.bin"), bytes(20_000 + number, number));
    }
    let mut service = machine.spawn(&[]);
    let uploads = || world.cloud.control.totals().at("/file/upload");
    until(&mut service, "some uploads", |_| uploads() >= 5);
    let ended = end(service);
    let early = uploads();
    assert!(
        early < count,
        "the signal came too late to show anything: {ended:?}"
    );
    let mut service = machine.spawn(&[]);
    until(&mut service, "the rest", |_| equal(&machine, &world.cloud));
    end(service);
    assert_eq!(uploads(), count, "nothing was sent twice");
    machine.sync();
}

#[test]
fn where_the_kernel_watches_too_few_folders_it_says_what_to_do_and_misses_nothing() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    // A limit in a user namespace of its own; nobody else's changes.
    let limited = "echo 3 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    let through = [
        "/usr/bin/unshare",
        "--user",
        "--map-root-user",
        "/bin/sh",
        "-c",
        limited,
        "sh",
    ];
    machine.run_through(through.map(str::to_owned).to_vec());
    for number in 0..6 {
        machine.write(&format!("folder {number}/a.txt"), bytes(50, number));
    }
    let mut service = machine.spawn(&[]);
    until(&mut service, "the hint", |service| {
        lines(service, &["WARN", "fs.inotify.max_user_watches"]) == 1
    });
    machine.write("folder 5/deep/b.txt", "found by scanning");
    until(&mut service, "agreement", |_| equal(&machine, &world.cloud));
    let there = world.cloud.web_create("folder 5/there.txt", b"there");
    until(&mut service, "the download", |_| {
        machine.tree().get("folder 5/there.txt") == Some(&Entry::File(there))
    });
    end(service);
}

#[test]
fn a_server_that_does_not_answer_does_not_hold_up_an_end() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("poll_interval", &quoted("1h"));
    // Only the end can be what ends the wait.
    machine.configure(|settings| {
        settings.timing.insert("request_timeout".into(), quoted("10m"));
    });
    machine.write("a.txt", "a");
    let mut service = machine.spawn(&["-vv"]);
    until(&mut service, "a whole pass", |service| {
        lines(service, &["1 uploaded"]) == 1
    });
    world.cloud.knob("latency.ms", "3600000");
    world.cloud.fault("latency", 1.0);
    let passes = lines(&service, &["looking"]);
    machine.write("b.txt", "b");
    until(&mut service, "a pass that waits", |service| {
        lines(service, &["looking"]) > passes
    });
    let ended = end(service);
    assert!(ended.stderr.contains("does not end"), "{ended:?}");
    world.cloud.fault("latency", 0.0);
    machine.settle(5, false);
    assert_equal(&machine.tree(), &world.cloud.tree());
}

#[test]
fn the_command_line_asks_and_tells_the_running_service() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    // Nothing comes by itself within this test.
    machine.set("poll_interval", &quoted("1h"));
    machine.set("max_poll_interval", &quoted("1h"));
    machine.write("a.txt", "a");
    let mut service = machine.spawn(&[]);
    until(&mut service, "the upload", |_| {
        world.cloud.tree().contains_key("a.txt")
    });
    machine.run(&["wait", "--timeout", "2m"]).expect(0);
    let status = machine.run(&["status", "--json"]).expect(0).json();
    assert_eq!(
        (&status["running"], &status["pid"], &status["pairs"][0]["in_sync"]),
        (&true.into(), &service.pid().into(), &true.into()),
        "{status}"
    );
    // A change in the account is there after a word.
    let there = world.cloud.web_create("there.txt", b"made there");
    machine.run(&["sync"]).expect(0);
    machine.run(&["wait", "--timeout", "2m"]).expect(0);
    assert_eq!(machine.tree().get("there.txt"), Some(&Entry::File(there)));
    // A pause holds, and is said.
    machine.run(&["pause"]).expect(0);
    until(&mut service, "the pause", |_| {
        let status = machine.run(&["status", "--json"]).json();
        status["pairs"][0]["phase"] == "paused"
    });
    let late = machine.write("late.txt", "while paused");
    machine.run(&["resume"]).expect(0);
    until(&mut service, "the upload after the pause", |_| {
        world.cloud.tree().get("late.txt") == Some(&Entry::File(late))
    });
    machine.run(&["history"]).expect(0);
    machine.run(&["stop"]).expect(0);
    let ended = service.wait().expect(0);
    assert!(ended.said().contains("syncd has ended"), "{ended:?}");
    machine.run(&["pause"]).expect(0);
    let status = machine.run(&["status", "--json"]).expect(1).json();
    assert_eq!(
        (&status["running"], &status["pairs"][0]["paused_until"]),
        (&false.into(), &0.into()),
        "{status}"
    );
}
