//! What is left out: `exclude`, `include`, `.syncignore`, folders of the account by their path; and pairs that write one side
//! only. Leaving something out removes nothing, taking it back merges.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use crate::checker::assert_equal;
use crate::world::{Dialect, Entry, Machine, Tree, World, disk};

/// Everything of one folder in both trees.
fn below(tree: &Tree, folder: &str) -> Tree {
    let folder = format!("{folder}/");
    let mut tree = tree.clone();
    tree.retain(|path, _| path.starts_with(&folder));
    tree
}

fn tested(machine: &Machine, args: &[&str]) -> String {
    let args: Vec<_> = ["ignore", "test"].iter().chain(args).copied().collect();
    machine.run(&args).expect(0).stdout
}

#[test]
fn a_folder_that_is_left_out_stays_on_both_sides_and_merges_when_it_is_taken_back() {
    for rule_is_file in [false, true] {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        for path in [
            "big/same.txt",
            "big/mine.txt",
            "big/theirs.txt",
            "big/both.txt",
            "kept.txt",
        ] {
            machine.write(path, format!("base of {path}"));
        }
        machine.sync();
        if rule_is_file {
            machine.write(".syncignore", "/big/\n");
        } else {
            machine.set("exclude", "[\"/big/\"]");
        }
        let (here, there) = (machine.tree(), world.cloud.tree());
        let run = machine.sync();
        assert_eq!(
            (run.count("deleted_local"), run.count("deleted_remote")),
            (0, 0),
            "{run:?}"
        );
        assert_equal(&below(&here, "big"), &below(&machine.tree(), "big"));
        assert_equal(&below(&there, "big"), &below(&world.cloud.tree(), "big"));
        // Both sides go on by themselves.
        let mine = machine.write("big/mine.txt", "edited here");
        let theirs = world.cloud.web_edit("big/theirs.txt", b"edited there");
        let (here_both, there_both) = (
            machine.write("big/both.txt", "one"),
            world.cloud.web_edit("big/both.txt", b"another"),
        );
        machine.write("big/new here.txt", "new here");
        world.cloud.web_create("big/new there.txt", b"new there");
        machine.write("kept.txt", "still synced");
        let (here, there) = (machine.tree(), world.cloud.tree());
        let run = machine.sync();
        assert_eq!(
            (run.count("uploaded"), run.count("downloaded")),
            (1, 0),
            "{run:?}"
        );
        assert_equal(&below(&here, "big"), &below(&machine.tree(), "big"));
        assert_equal(&below(&there, "big"), &below(&world.cloud.tree(), "big"));
        // Taken back: what one side has arrives on the other; of what differs both versions stay.
        if rule_is_file {
            machine.write(".syncignore", "# nothing\n");
        } else {
            machine.set("exclude", "[]");
        }
        machine.settle(4, false);
        let tree = machine.tree();
        assert_equal(&tree, &world.cloud.tree());
        let has = |content| {
            tree.values()
                .filter(|entry| **entry == Entry::File(content))
                .count()
        };
        assert_eq!(
            [mine, theirs, here_both, there_both].map(has),
            [1; 4],
            "{tree:#?}"
        );
        assert!(tree.contains_key("big/new here.txt") && tree.contains_key("big/new there.txt"));
        assert!(tree.contains_key("big/same.txt"), "{tree:#?}");
    }
}

#[test]
fn a_folder_of_the_account_that_is_left_out_from_the_start_never_comes_down() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("exclude", "[\"/films/\", \"*.iso\"]");
    machine.set("include", "[\"keep.iso\"]");
    for path in [
        "films/a.mkv",
        "films/deep/b.mkv",
        "other/films/c.mkv",
        "x.iso",
        "keep.iso",
    ] {
        world.cloud.web_create(path, path.as_bytes());
    }
    let mark = world.cloud.mark();
    let run = machine.sync();
    assert_eq!(run.count("downloaded"), 2, "{run:?}");
    let paths: Vec<_> = machine.tree().into_keys().collect();
    assert_eq!(paths, ["keep.iso", "other", "other/films", "other/films/c.mkv"]);
    assert_eq!(world.cloud.since(&mark).mutations, 0);
    assert_eq!(world.cloud.tree().len(), 9, "{:#?}", world.cloud.tree());
    machine.set("exclude", "[\"*.iso\"]");
    machine.sync();
    assert!(machine.tree().contains_key("films/deep/b.mkv"));
}

#[test]
fn ignore_test_names_the_rule_and_where_it_stands() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("exclude", "[\"*.tmp\", \"/build/\"]");
    machine.set("include", "[\"good.tmp\"]");
    machine.write("docs/.syncignore", "# mine\n*.log\n!keep.log\n");
    machine.mkdir("build");
    let absolute = machine.local.join("docs/deep/a.log");
    let text = tested(
        &machine,
        &[
            absolute.to_str().unwrap(),
            "docs/keep.log",
            "a.tmp",
            "good.tmp",
            "build",
            "build/out/x.o",
            ".syncd/root-id",
            "nowhere/build",
        ],
    );
    let from = machine.config.display();
    let line = |key: &str| {
        let text = std::fs::read_to_string(&machine.config).unwrap();
        1 + text.lines().position(|line| line.starts_with(key)).unwrap()
    };
    let exclude = format!("of exclude ({from}:{})", line("exclude"));
    let expected = [
        "docs/deep/a.log: ignored: the rule \"*.log\" (docs/.syncignore, line 2)".to_owned(),
        "docs/keep.log: no rule; it is synced".to_owned(),
        format!("a.tmp: ignored: the rule \"*.tmp\", number 1 {exclude}"),
        "good.tmp: no rule; it is synced".to_owned(),
        format!("build: ignored: the rule \"/build/\", number 2 {exclude}"),
        format!("build/out/x.o: the folder build is ignored: the rule \"/build/\", number 2 {exclude}"),
        ".syncd/root-id: the folder .syncd is ignored: it is one of syncd's own names".to_owned(),
        "nowhere/build: no rule; it is synced".to_owned(),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    // What does not exist is a folder if it is written like one.
    machine.remove("build");
    assert_eq!(tested(&machine, &["build"]), "build: no rule; it is synced\n");
    assert!(tested(&machine, &["build/"]).starts_with("build: ignored"));
    let json = machine
        .run(&["--json", "ignore", "test", "docs/x.log"])
        .expect(0)
        .json();
    assert_eq!(
        json["paths"][0],
        serde_json::json!({"pair": "main", "path": "docs/x.log", "ignored": true, "rule": {
            "pattern": "*.log", "source": "docs/.syncignore", "line": 2, "from": null, "above": null}})
    );
    let outside = machine.run(&["ignore", "test", "/elsewhere/a"]).expect(1);
    assert!(
        outside.said().contains("it is in no pair's folder"),
        "{outside:?}"
    );
}

/// Content and modification time of everything, also of folders.
fn stamps(root: &Path) -> BTreeMap<String, (Entry, SystemTime)> {
    let all = disk::everything(root).into_iter();
    all.filter(|(path, _)| !path.starts_with(".syncd"))
        .map(|(path, entry)| {
            let modified = std::fs::symlink_metadata(root.join(&path))
                .unwrap()
                .modified()
                .unwrap();
            (path, (entry, modified))
        })
        .collect()
}

/// A synced pair in which everything happened that can, in that direction.
fn disturbed(direction: &str) -> (World, Machine) {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.set("max_delete_percent", "100");
    for name in [
        "both",
        "here",
        "there",
        "gone here",
        "gone there",
        "moved here",
        "moved there",
        "same",
    ] {
        machine.write(&format!("docs/{name}.txt"), format!("base of {name}"));
    }
    machine.sync();
    machine.set("direction", &format!("\"{direction}\""));
    machine.write("docs/both.txt", "mine");
    world.cloud.web_edit("docs/both.txt", b"theirs");
    machine.write("docs/here.txt", "edited here");
    world.cloud.web_edit("docs/there.txt", b"edited there");
    machine.remove("docs/gone here.txt");
    world.cloud.web_trash("docs/gone there.txt");
    machine.rename("docs/moved here.txt", "moved away here.txt");
    world
        .cloud
        .web_move("docs/moved there.txt", "moved away there.txt");
    machine.write("new/here.txt", "new here");
    world.cloud.web_create("new/there.txt", b"new there");
    (world, machine)
}

#[test]
fn an_upload_pair_never_writes_this_disk_and_lists_what_differs() {
    let (world, machine) = disturbed("upload");
    let before = stamps(&machine.local);
    let first = machine.once(&[]);
    for _ in 0..3 {
        machine.once(&[]);
    }
    let last = machine.once(&[]).expect(0);
    assert_eq!(before, stamps(&machine.local), "{first:?}");
    assert_eq!(
        (last.count("downloaded"), last.count("deleted_local")),
        (0, 0),
        "{last:?}"
    );
    let drift: Vec<_> = last.items("drift").into_iter().map(|(path, _)| path).collect();
    let there = world.cloud.tree();
    // What was deleted on the side that is written, and nowhere else, is drift too (design M17).
    for (path, entry) in machine.tree() {
        let same = there.get(&path) == Some(&entry);
        assert!(
            same || drift.contains(&path),
            "{path} is neither in the account nor drift: {drift:?}"
        );
    }
    assert!(drift.contains(&"docs/gone there.txt".to_owned()), "{drift:?}");
    assert_eq!(there["docs/both.txt"], machine.tree()["docs/both.txt"]);
    assert!(drift.contains(&"new/there.txt".to_owned()), "{drift:?}");
    machine.once(&["--strict"]).expect(3);
}

#[test]
fn a_download_pair_never_writes_the_account_and_lists_what_differs() {
    let (world, machine) = disturbed("download");
    let (mark, before) = (world.cloud.mark(), world.cloud.tree());
    for _ in 0..4 {
        machine.once(&[]);
    }
    let last = machine.once(&[]).expect(0);
    assert_eq!(
        world.cloud.since(&mark).mutations,
        0,
        "{}",
        world.cloud.mutations()
    );
    assert_equal(&before, &world.cloud.tree());
    let drift: Vec<_> = last.items("drift").into_iter().map(|(path, _)| path).collect();
    let here = machine.tree();
    for (path, entry) in world.cloud.tree() {
        // What was moved here only is drift under its name here.
        let named = path.replace("docs/moved here", "moved away here");
        let same = here.get(&path) == Some(&entry);
        assert!(
            same || drift.contains(&named),
            "{path} is neither here nor drift: {drift:?}"
        );
    }
    assert!(drift.contains(&"docs/gone here.txt".to_owned()), "{drift:?}");
    assert_eq!(here["docs/both.txt"], before["docs/both.txt"]);
    assert!(drift.contains(&"new/here.txt".to_owned()), "{drift:?}");
    machine.once(&["--strict"]).expect(3);
}
