//! The log of a service as its owner sees it: file, journal, levels, and what is in none of them.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::samples::bytes;
use crate::service::{end, lines, machine, running, signal, until};
use crate::world::machine::Running;
use crate::world::settings::quoted;
use crate::world::{Dialect, Machine, World};

/// A file is turned over with so many bytes.
const FULL: usize = 10 << 20;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Adds a `[log]` table to what the configuration was.
fn set_log(machine: &Machine, before: &str, table: &str) {
    fs::write(&machine.config, format!("{before}[log]\n{table}\n")).unwrap();
}

fn add_file(service: &mut Running, machine: &Machine, world: &World, name: &str) {
    machine.write(name, name);
    until(service, "the upload", |_| world.cloud.tree().contains_key(name));
}

#[test]
fn the_log_file_is_turned_over_and_follows_the_configuration_while_the_service_runs() {
    let world = World::start(Dialect::Document);
    let machine = machine(&world, "d1");
    let before = read(&machine.config);
    let file = world.join("logs/syncd.log");
    let other = world.join("other.log");
    let place = |path: &Path| quoted(path.to_str().unwrap());
    set_log(&machine, &before, &format!("file = {}\nkeep = 1", place(&file)));
    fs::create_dir(world.join("logs")).unwrap();
    fs::write(&file, vec![b'x'; FULL]).unwrap();
    let mut service = machine.spawn(&[]);
    until(&mut service, "the first lines", |_| {
        read(&file).contains("syncd runs")
    });
    assert_eq!(
        fs::metadata(world.join("logs/syncd.log.1")).unwrap().len(),
        10 << 20
    );
    add_file(&mut service, &machine, &world, "a.txt");
    until(&mut service, "a line for the file", |_| {
        read(&file).contains("upload a.txt")
    });
    // Another place, another form, another level; no line is at both.
    let table = format!(
        "file = {}\nformat = \"json\"\nlevel = \"syncd=debug\"",
        place(&other)
    );
    set_log(&machine, &before, &table);
    signal(&service, Signal::HUP);
    until(&mut service, "lines at the new place", |_| {
        read(&other).contains("the configuration is reloaded")
    });
    let old = read(&file);
    add_file(&mut service, &machine, &world, "b.txt");
    until(&mut service, "a line for the file", |_| {
        read(&other).contains("upload b.txt")
    });
    assert_eq!(read(&file), old);
    for line in read(&other).lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(
            event["timestamp"].is_string() && event["level"].is_string(),
            "{line}"
        );
    }
    assert!(read(&other).contains("\"DEBUG\""), "{}", read(&other));
    let ended = end(service);
    assert_eq!(ended.stderr, "", "the file has it all");
    assert!(read(&other).contains("syncd has ended"));
}

#[test]
fn a_log_file_that_cannot_be_written_stops_nothing_and_is_told_once() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    let place = world.join("taken");
    fs::write(&place, "a file where the folder should be").unwrap();
    let file = place.join("s.log");
    machine.env("SYNCD_LOG__FILE", file.to_str().unwrap());
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    add_file(&mut service, &machine, &world, "a.txt");
    until(&mut service, "the line", |service| {
        lines(service, &["upload a.txt"]) == 1
    });
    // Once there is room, lines go there.
    fs::remove_file(&place).unwrap();
    add_file(&mut service, &machine, &world, "b.txt");
    until(&mut service, "the line in the file", |_| {
        read(&file).contains("upload b.txt")
    });
    let ended = end(service);
    assert_eq!(ended.stderr.matches("cannot be written").count(), 1, "{ended:?}");
    assert!(!ended.stderr.contains("upload b.txt"), "{ended:?}");
}

#[test]
fn the_journal_gets_priorities_and_notes_the_time_itself() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, "d1");
    // A shell that knows its standard error tells it, as systemd does.
    let tell = "export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec \"$@\"";
    machine.run_through(["/bin/sh", "-c", tell, "sh"].map(str::to_owned).to_vec());
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    let ended = end(service);
    let first = ended.stderr.lines().next().unwrap_or_default();
    assert!(first.starts_with("<6> INFO "), "{ended:?}");
    assert!(
        ended.stderr.lines().all(|line| line.starts_with('<')),
        "{ended:?}"
    );
    // Another stream than the one that it speaks of is no journal.
    machine.run_through(Vec::new());
    machine.env("JOURNAL_STREAM", "1:1");
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    let ended = end(service);
    assert!(!ended.stderr.contains('<'), "{ended:?}");
}

#[test]
fn who_follows_the_log_sees_what_was_and_what_comes_until_the_service_ends() {
    let world = World::start(Dialect::Document);
    let machine = machine(&world, "d1");
    let mut service = machine.spawn(&[]);
    until(&mut service, "a start", running);
    let follower = machine.spawn(&["log", "--follow"]);
    let objects = machine.spawn(&["log", "--follow", "--json", "--limit", "1"]);
    until(&mut service, "what was", |_| {
        follower.output().contains("syncd runs")
    });
    until(&mut service, "a line", |_| !objects.output().trim().is_empty());
    add_file(&mut service, &machine, &world, "a.txt");
    until(&mut service, "what comes", |_| {
        follower.output().contains("upload a.txt")
    });
    end(service);
    follower.wait().expect(0);
    let told = objects.wait().expect(0);
    let mut last = 0;
    for line in told.stdout.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let seq = line["seq"].as_u64().unwrap();
        assert!(last == 0 || seq == last + 1, "{told:?}");
        last = seq;
    }
    assert!(told.stdout.contains("upload a.txt"), "{told:?}");
    let without = machine.run(&["log", "-f"]).expect(1);
    assert!(without.stderr.contains("syncd is not running"), "{without:?}");
}

/// Everything below a folder that is text of a token's file.
fn tokens(state: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(state.join("tokens")).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(file) = serde_json::from_str::<serde_json::Value>(&read(&path)) {
            found.extend(file["token"].as_str().map(str::to_owned));
        }
    }
    found
}

#[test]
fn a_whole_run_at_the_finest_level_says_no_secret() {
    let world = World::start(Dialect::Document);
    let cloud = &world.cloud;
    let credentials = [("keys", cloud.credentials()), ("login", cloud.login())];
    for (name, credentials) in credentials {
        let mut machine = machine(&world, name);
        machine.save_credentials(&credentials, 0o600);
        let file = world.join(&format!("{name}.log"));
        machine.env("SYNCD_LOG__FILE", file.to_str().unwrap());
        machine.env("SYNCD_LOG__LEVEL", "trace");
        let large = format!("{name} there.bin");
        cloud.web_create(&large, &bytes(300_000, 7));
        let mut service = machine.spawn(&[]);
        add_file(&mut service, &machine, &world, &format!("{name} here.txt"));
        until(&mut service, "the download", |_| {
            machine.local.join(&large).exists()
        });
        machine.rename(&large, &format!("{name} moved.bin"));
        until(&mut service, "the move", |_| {
            cloud.tree().contains_key(&format!("{name} moved.bin"))
        });
        let mut secrets = tokens(&machine.state);
        assert!(!secrets.is_empty(), "no token on disk");
        // Answers that tell of trouble are logged too.
        cloud.fault("5xx-json", 0.5);
        add_file(&mut service, &machine, &world, &format!("{name} later.txt"));
        cloud.fault("5xx-json", 0.0);
        let asked = [
            machine.run(&["status", "--json"]),
            machine.run(&["log", "--limit", "1000"]),
        ];
        let ended = end(service);
        let once = machine.spawn(&["--once", "-vvv"]).wait();
        secrets.extend(tokens(&machine.state));
        secrets.extend(cloud.keys());
        secrets.extend([cloud.password().to_owned(), "download_token".to_owned()]);
        let log = read(&file);
        assert!(log.contains("TRACE") && log.contains("signed in"), "{log}");
        let said = [log, ended.said(), once.said(), asked[0].said(), asked[1].said()];
        for secret in &secrets {
            assert!(secret.len() > 5, "{secret}");
            for text in &said {
                let line = text.lines().find(|line| line.contains(secret.as_str()));
                assert!(line.is_none(), "a secret: {line:?}");
            }
        }
    }
}
