//! Transfers that are cut, disturbed, refused, repeated.

use std::fs;
use std::io::Write as _;

use super::{alone, good, remote};
use crate::samples::bytes;
use crate::world::{Dialect, Machine, content_of, disk, in_every_dialect};

fn at(machine: &Machine, name: &str) -> String {
    machine.local.join(name).to_str().unwrap().to_owned()
}

#[test]
fn what_is_sent_comes_back_the_same_in_every_dialect() {
    in_every_dialect(|dialect| {
        let (world, machine) = alone(dialect);
        let names = [
            "a.txt",
            "it's \"x\".txt",
            "deep/er/.dot",
            "deep/a<b",
            "deep/B.TXT",
            "deep/b.txt",
            "two",
        ];
        for (seed, name) in (0..).zip(names) {
            let size = if name == "two" { 2 } else { 20_000 + seed };
            disk::write(&machine.local, &format!("bag/{name}"), &bytes(size, seed));
        }
        let sent = disk::tree(&machine.local.join("bag"));
        good(
            dialect,
            &machine,
            &["put", "-r", "--replace", &at(&machine, "bag"), "/"],
        );
        let back = at(&machine, "back");
        fs::create_dir(&back).unwrap();
        good(dialect, &machine, &["get", "/bag", "--to", &back, "--resume"]);
        assert_eq!(
            disk::tree(&machine.local.join("back/bag")),
            sent,
            "{:#?}",
            world.cloud.tree()
        );
    });
}

#[test]
fn more_files_are_sent_than_a_process_may_have_open() {
    let (world, mut machine) = alone(Dialect::Document);
    let files: Vec<String> = (0..300).map(|n| format!("f{n}")).collect();
    for name in &files {
        machine.write(name, name);
    }
    machine.run_through(vec!["/usr/bin/prlimit".to_owned(), "--nofile=128".to_owned()]);
    let sources: Vec<String> = files.iter().map(|name| at(&machine, name)).collect();
    let mut words = vec!["put"];
    words.extend(sources.iter().map(String::as_str));
    words.push("/");
    let run = remote(&machine, &words);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(world.cloud.tree().len(), files.len());
}

#[test]
fn a_name_that_is_taken_is_refused_and_replaced_only_when_asked() {
    let (world, machine) = alone(Dialect::Document);
    let old = world.cloud.web_create("a.txt", b"the old one");
    machine.write("a.txt", "the new one!");
    let run = remote(&machine, &["put", &at(&machine, "a.txt"), "/"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("--replace"), "{run:?}");
    assert_eq!(world.cloud.trash().len(), 0);
    let run = remote(
        &machine,
        &["put", "--replace", "--json", &at(&machine, "a.txt"), "/"],
    )
    .expect(0);
    assert!(run.json()["items"][0]["replaced"].is_u64(), "{run:?}");
    assert!(
        world.cloud.trash().contains(&old),
        "the old version is in the trash"
    );
    assert_eq!(
        good(Dialect::Document, &machine, &["cat", "a.txt"]).stdout,
        "the new one!"
    );
}

#[test]
fn nothing_here_is_overwritten_unless_asked() {
    let (world, machine) = alone(Dialect::Document);
    world.cloud.web_create("a.txt", b"from there");
    machine.write("a.txt", "the user's");
    let to = machine.local.to_str().unwrap().to_owned();
    let run = remote(&machine, &["get", "a.txt", "--to", &to]);
    assert_eq!(
        (run.code, machine.read("a.txt").as_str()),
        (1, "the user's"),
        "{run:?}"
    );
    assert!(run.stderr.contains("--force"), "{run:?}");
    remote(&machine, &["get", "a.txt", "--to", &to, "--force"]).expect(0);
    assert_eq!(machine.read("a.txt"), "from there");
}

#[test]
fn some_done_and_some_not_is_exit_3_and_empty_files_are_never_sent() {
    let (world, machine) = alone(Dialect::Document);
    machine.write("a.txt", "one");
    machine.write("empty", "");
    let (a, empty, none) = (at(&machine, "a.txt"), at(&machine, "empty"), at(&machine, "none"));
    let mark = world.cloud.mark();
    let run = remote(&machine, &["put", "--json", &a, &empty, &none, "/"]).expect(3);
    let answer = run.json();
    assert_eq!(answer["items"].as_array().unwrap().len(), 1, "{run:?}");
    assert_eq!(answer["failed"].as_array().unwrap().len(), 2, "{run:?}");
    assert_eq!(world.cloud.since(&mark).at("/file/upload"), 1);
    assert!(run.stderr.contains("holds no empty files"), "{run:?}");
}

#[test]
fn a_download_that_was_cut_goes_on_where_it_was() {
    let (world, machine) = alone(Dialect::Document);
    let size = 4_000_000;
    let content = bytes(size, 7);
    let file = world.cloud.control.put_file(None, "big.bin", &content).unwrap();
    let to = machine.local.to_str().unwrap().to_owned();
    let stat = remote(&machine, &["stat", "big.bin", "--json"]).json();
    let version = stat["items"][0]["short_url"].as_str().unwrap().to_owned();
    let part = machine
        .local
        .join(format!(".syncd-get-{file}-{size}-{version}.part"));
    fs::write(&part, &content[..3_000_000]).unwrap();
    let run = remote(&machine, &["get", "big.bin", "--to", &to, "--json"]).expect(0);
    assert_eq!(run.json()["items"][0]["resumed"], 3_000_000, "{run:?}");
    assert_eq!(
        disk::content_at(&machine.local.join("big.bin")),
        content_of(&content)
    );
    assert!(!part.exists());

    // A part of other bytes is found out, and fetched from the start.
    fs::remove_file(machine.local.join("big.bin")).unwrap();
    fs::write(&part, bytes(3_000_000, 8)).unwrap();
    let run = remote(&machine, &["get", "big.bin", "--to", &to, "--json"]).expect(0);
    assert_eq!(run.json()["items"][0]["resumed"], 0, "{run:?}");
    assert_eq!(
        disk::content_at(&machine.local.join("big.bin")),
        content_of(&content)
    );
}

#[test]
fn a_download_whose_process_is_killed_leaves_its_part_and_nothing_else() {
    let (world, mut machine) = alone(Dialect::Document);
    machine.configure(|settings| {
        settings
            .top
            .insert("limits.download".to_owned(), "\"1MiB\"".to_owned());
    });
    let content = bytes(3 << 20, 7);
    world.cloud.control.put_file(None, "big.bin", &content).unwrap();
    let to = machine.local.to_str().unwrap().to_owned();
    let mut running = machine.spawn(&["remote", "get", "big.bin", "--to", &to]);
    let part = || {
        let names = fs::read_dir(&machine.local).unwrap().map(|it| it.unwrap());
        names
            .into_iter()
            .find(|it| it.file_name().to_string_lossy().starts_with(".syncd-get-"))
    };
    running.watch(|_| part().is_some_and(|it| it.metadata().unwrap().len() > 500_000));
    assert!(running.kill(), "it was slow enough");
    assert!(!machine.local.join("big.bin").exists());
    let there = part().unwrap().metadata().unwrap().len();
    machine.configure(|settings| {
        settings.top.remove("limits.download");
    });
    let run = remote(&machine, &["get", "big.bin", "--to", &to, "--json"]).expect(0);
    assert_eq!(run.json()["items"][0]["resumed"], there, "{run:?}");
    assert_eq!(
        disk::content_at(&machine.local.join("big.bin")),
        content_of(&content)
    );
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_stored_and_that_is_said() {
    let (world, mut machine) = alone(Dialect::Document);
    machine.configure(|settings| {
        settings
            .top
            .insert("limits.upload".to_owned(), "\"1MiB\"".to_owned());
    });
    machine.write("log", bytes(3 << 20, 7));
    let running = machine.spawn(&["remote", "put", &at(&machine, "log"), "/"]);
    let mut log = fs::OpenOptions::new()
        .append(true)
        .open(machine.local.join("log"))
        .unwrap();
    let mut running = running;
    // It never holds still until the command gives up.
    running.watch(|_| {
        log.write_all(b"one more line\n").unwrap();
        false
    });
    let run = running.wait().expect(1);
    assert!(run.stderr.contains("it changed meanwhile"), "{run:?}");
    assert!(world.cloud.tree().is_empty(), "{:?}", world.cloud.tree());
}

#[test]
fn trash_is_not_listed_but_a_file_in_it_can_be_fetched_by_its_id() {
    in_every_dialect(|dialect| {
        let (world, machine) = alone(dialect);
        let file = world.cloud.control.put_file(None, "a.txt", b"one").unwrap();
        // Where rows do not say what is in the trash, a folder that lives shows that the probe tells it.
        world.cloud.web_mkdir("stays");
        world.cloud.web_mkdir("gone");
        world.cloud.web_trash("gone");
        good(dialect, &machine, &["rm", &format!("file:{file}")]);
        assert_eq!(good(dialect, &machine, &["ls"]).stdout, "stays/\n", "{dialect}");
        if dialect != Dialect::Document {
            assert_eq!(
                good(dialect, &machine, &["cat", &format!("file:{file}")]).stdout,
                "one"
            );
        }
        let run = remote(&machine, &["mv", &format!("file:{file}"), "/b.txt"]);
        assert_eq!(run.code, 1, "{run:?}");
    });
}

#[test]
fn lost_answers_make_no_second_file() {
    let (world, machine) = alone(Dialect::Document);
    world.cloud.control.set_quirk("Q57", true).unwrap();
    world.cloud.knob("Q57.p", "0.3");
    world.cloud.knob("Q57.when", "after");
    for n in 0..12 {
        machine.write(&format!("bag/f{n}"), format!("content of {n}"));
    }
    let bag = at(&machine, "bag");
    for _ in 0..8 {
        if remote(&machine, &["put", "-r", "--replace", &bag, "/"]).code == 0 {
            break;
        }
    }
    world.cloud.control.set_quirk("Q57", false).unwrap();
    let live = world.cloud.tree();
    assert_eq!(live.len(), 13, "each once: {live:?}");
}
