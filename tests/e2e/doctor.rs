//! `syncd doctor`: what it finds on a sound set-up and on one that is not, what it leaves alone, and what its archive holds.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use crate::world::{Dialect, Machine, Run, World, disk, in_every_dialect};

/// State by check.
fn states(run: &Run) -> BTreeMap<String, String> {
    let json = run.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .map(|it| (text(&it["check"]), text(&it["state"])))
        .collect()
}

fn synced(dialect: Dialect) -> (World, Machine) {
    let world = World::start(dialect);
    world.cloud.web_create("sub/there.txt", b"there");
    let machine = world.machine("d1");
    machine.write("here-secret-name.txt", "here");
    machine.settle(8, false);
    (world, machine)
}

#[test]
fn a_sound_set_up_is_fine_and_nothing_is_changed_on_any_dialect() {
    in_every_dialect(|dialect| {
        let (world, machine) = synced(dialect);
        if dialect == Dialect::Hostile {
            // Its faults strike at random: what is fine then differs from run to run.
            return;
        }
        std::fs::set_permissions(&machine.state, std::fs::Permissions::from_mode(0o700)).unwrap();
        let before = (disk::everything(&machine.local), world.cloud.tree());
        let mark = world.cloud.mark();
        let run = machine.run(&["doctor", "--json"]);
        assert_eq!(world.cloud.since(&mark).mutations, 0, "{run:?}");
        assert_eq!((disk::everything(&machine.local), world.cloud.tree()), before);
        let run = run.expect(0);
        let states = states(&run);
        for check in [
            "config",
            "credentials",
            "private",
            "dns",
            "api",
            "clock",
            "sign-in",
            "dialect",
            "duplicates",
            "journal",
            "space",
        ] {
            assert_eq!(
                states.get(check).map(String::as_str),
                Some("fine"),
                "{check}: {run:?}"
            );
        }
        let line = match dialect {
            Dialect::V4 => "the 4.5 line",
            Dialect::V5 => "the 5 line",
            Dialect::Document | Dialect::Hostile => "as the document describes it",
        };
        assert!(run.stdout.contains(line), "{run:?}");
    });
}

#[test]
fn a_probe_tells_what_the_server_does_to_names_and_leaves_nothing() {
    for dialect in [Dialect::V4, Dialect::V5, Dialect::Document] {
        let (world, machine) = synced(dialect);
        let before = (machine.tree(), world.cloud.tree());
        let run = machine.run(&["doctor", "--probe"]);
        assert!(run.code == 0 || run.code == 3, "{run:?}");
        assert_eq!((machine.tree(), world.cloud.tree()), before, "{run:?}");
        for said in [
            "names by upload: ",
            "names by edit: ",
            "equal names: ",
            "hash: ",
            "OK   answers: ids are ",
            "file/info gives no hash",
            "OK   dates: dates are ",
            "OK   moves: file/move to the root ",
            "file/edit to the root works",
            "OK   links: links lead to the API's own host; the same one works again; downloads ",
            "a download counts as use",
            "for what is in the trash",
            "OK   probe: ",
            "a rename can be told to overwrite nothing",
        ] {
            assert!(run.stdout.contains(said), "{said}: {run:?}");
        }
        if dialect != Dialect::Document {
            assert!(run.stdout.contains("leading dot became \"dot.txt\""), "{run:?}");
        }
        let (moved, shown, probed) = match dialect {
            Dialect::V4 => (
                "leads into no folder",
                "the root shows trashed folders as if they were alive",
                "the probe tells",
            ),
            Dialect::V5 => (
                "works",
                "the root shows trashed folders, with a state",
                "the probe tells",
            ),
            Dialect::Document | Dialect::Hostile => {
                ("works", "the root shows no trash", "the probe does not tell")
            }
        };
        for said in [
            &format!("file/move to the root {moved}; file/edit to the root works"),
            shown,
            probed,
        ] {
            assert!(run.stdout.contains(said), "{dialect:?}: {said}: {run:?}");
        }
        machine.settle(4, false);
        assert_eq!((machine.tree(), world.cloud.tree()), before);
    }
}

#[test]
fn what_is_to_be_done_is_said_with_exit_3() {
    let (world, machine) = synced(Dialect::V5);
    world.cloud.web_create("sub/twice.txt", b"one");
    world.cloud.web_create("sub/other.txt", b"two");
    let rename = world.cloud.control.tree().unwrap();
    let file = rename.files.iter().find(|file| file.name == "other.txt").unwrap();
    world.cloud.control.rename_file(file.id, "twice.txt").unwrap();
    std::fs::set_permissions(&machine.state, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = machine.run(&["doctor"]).expect(3);
    assert!(
        run.stdout
            .contains("TODO duplicates (main): names that are more than once in one folder: twice.txt"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("TODO private: ") && run.stdout.contains("chmod 700"),
        "{run:?}"
    );
    machine.save_credentials("key1 = \"a\"\nkey2 = \"b\"\n", 0o644);
    let run = machine.run(&["doctor"]).expect(3);
    assert!(
        run.stdout.contains("TODO credentials: ") && run.stdout.contains("chmod 600"),
        "{run:?}"
    );
}

#[test]
fn a_server_that_is_away_is_told_at_the_step_that_failed_and_no_configuration_is_exit_1() {
    let (_world, mut machine) = synced(Dialect::V4);
    machine.configure(|settings| {
        settings
            .account
            .insert("api_url".into(), "\"http://127.0.0.1:1/api/v2/\"".into());
    });
    let run = machine.run(&["doctor"]).expect(3);
    assert!(
        run.stdout.contains("TODO dns: ") && run.stdout.contains("?    clock: "),
        "{run:?}"
    );
    std::fs::remove_file(&machine.config).unwrap();
    let run = machine.run(&["doctor"]).expect(1);
    assert!(run.said().contains("no configuration"), "{run:?}");
}

#[test]
fn the_archive_is_private_holds_no_name_and_no_secret_and_overwrites_nothing() {
    let (world, machine) = synced(Dialect::V4);
    let path = world.join("support.json");
    let name = path.to_str().unwrap();
    let run = machine.run(&["doctor", "--bundle", name]);
    assert!(run.code == 0 || run.code == 3, "{run:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let [key1, key2] = world.cloud.keys();
    let home = machine.local.to_str().unwrap();
    for secret in [
        "here-secret-name",
        "there.txt",
        "sub",
        &key1,
        &key2,
        home,
        "127.0.0.1",
    ] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["pairs"][0]["files"], 2, "{text}");
    assert!(
        json["pairs"][0]["history"].as_array().unwrap().len() >= 2,
        "{text}"
    );
    let run = machine.run(&["doctor", "--bundle", name]).expect(1);
    assert!(run.said().contains("it is there already"), "{run:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn it_works_while_a_service_runs() {
    let (world, machine) = synced(Dialect::V5);
    let service = machine.spawn(&[]);
    let begun = std::time::Instant::now();
    while machine.run(&["status"]).code != 0 {
        assert!(begun.elapsed().as_secs() < 60, "{}", service.output());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let run = machine.run(&["doctor", "--json"]);
    assert_eq!(
        states(&run).get("journal").map(String::as_str),
        Some("fine"),
        "{run:?}"
    );
    assert_eq!(
        states(&run).get("sign-in").map(String::as_str),
        Some("fine"),
        "{run:?}"
    );
    // The archive is whole, though the service holds the journal between two questions.
    let (path, name) = (machine.state.join("support.json"), "support.json");
    let run = machine.run(&["doctor", "--json", "--bundle", path.to_str().unwrap()]);
    assert!(run.json()["bundle"].as_str().unwrap().ends_with(name), "{run:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["pairs"][0]["files"], 2, "{text}");
    assert!(
        json["pairs"][0]["history"].as_array().unwrap().len() >= 2,
        "{text}"
    );
    for secret in world.cloud.keys() {
        assert!(!text.contains(&secret), "{text}");
    }
    assert!(!text.contains("there.txt"), "{text}");
    machine.run(&["stop"]).expect(0);
    service.wait().expect(0);
}
