//! Names from elsewhere: hostile ones, repeated ones, too long ones, the same letters spelt in two ways. Each content
//! arrives exactly once or is named with the reason, nothing lands outside of the folder, and a second pass has nothing to do.

use std::collections::BTreeSet;

use devcloud::{Control, RowState};

use crate::checker::{assert_equal, assert_same, syncable};
use crate::world::disk::Content;
use crate::world::{Dialect, Entry, Machine, Run, World, content_of, disk};

/// `é` as one character, and as two.
const NFC: &str = "caf\u{e9}.txt";
const NFD: &str = "cafe\u{301}.txt";

/// Names that no disk holds, or that mean something else on one, or that would drive a terminal.
const HOSTILE: [&[u8]; 16] = [
    b"..",
    b".",
    b"../../escaped.txt",
    b"/etc/absolute.txt",
    b"a/b.txt",
    b"nul\0inside.txt",
    b"line\nbreak.txt",
    b"\x1b[2Jterminal.txt",
    b" blanks ",
    b"-rf",
    b"*",
    "⟦41⟧.txt".as_bytes(),
    "…\u{202e}txt.exe".as_bytes(),
    b"CON",
    b"~",
    b"C:\\windows.txt",
];

/// Contents of all files below the machine's folder, without syncd's own corner.
fn here(machine: &Machine) -> Vec<Content> {
    let file = |entry: Entry| match entry {
        Entry::File(content) => Some(content),
        Entry::Folder | Entry::Other(_) => None,
    };
    machine.tree().into_values().filter_map(file).collect()
}

/// Active rows of files: id, name, content, whatever their names.
fn rows(world: &World) -> Vec<(u64, String, u64)> {
    let tree = world.cloud.control.tree().unwrap();
    let active = tree.files.iter().filter(|row| row.state == RowState::Active);
    active.map(|row| (row.id, row.name.clone(), row.size)).collect()
}

/// Runs until nothing more happens; the last run. What can never be stored stays held, so exit code 3 is fine.
#[track_caller]
fn comes_to_rest(world: &World, machine: &Machine) -> Run {
    for _ in 0..6 {
        let mark = world.cloud.mark();
        let before = machine.tree();
        let run = machine.once(&[]);
        assert!([0, 3].contains(&run.code), "{run:?}");
        let did = world.cloud.since(&mark);
        if (did.mutations, did.downloads) == (0, 0) && machine.tree() == before {
            return run;
        }
    }
    panic!("it never comes to rest: {:#?}", machine.tree());
}

/// An edit of each file goes to the very file that it is. It keeps the server's name where that can be set again; where not,
/// the name stands there as it would be set for a file of this machine, and here it stays.
#[track_caller]
fn edits_keep_names(world: &World, machine: &Machine) {
    let plain = |name: &str| !name.contains('\0') && name.trim() == name;
    let names = || -> BTreeSet<String> { rows(world).into_iter().map(|(_, name, _)| name).collect() };
    let here: BTreeSet<String> = machine.tree().into_keys().collect();
    let before = names();
    let mut edited = BTreeSet::new();
    for (path, entry) in machine.tree() {
        if let Entry::File(content) = entry {
            edited.insert(machine.write(&path, format!("edited: {content:?}")));
        }
    }
    assert_eq!(comes_to_rest(world, machine).code, 0);
    assert_eq!(here, machine.tree().into_keys().collect(), "names here changed");
    let lost: Vec<_> = before
        .difference(&names())
        .filter(|name| plain(name))
        .cloned()
        .collect();
    assert!(
        lost.is_empty(),
        "the account's names changed: {lost:?}, now {:?}",
        names()
    );
    let live: BTreeSet<Content> = rows(world)
        .into_iter()
        .map(|(id, _, _)| content_of(&world.cloud.control.content(id).unwrap()))
        .collect();
    assert_eq!(live, edited, "each edit is there");
}

#[test]
fn an_edit_of_a_file_whose_name_there_cannot_be_set_again_arrives_and_keeps_its_name_here() {
    let names: [&[u8]; 8] = [
        b"nul\0inside.txt",
        b" nul\0 and blanks ",
        b"  ",
        b" blanks ",
        b" .txt",
        b"a<b.txt",
        b"tab\t",
        "a\u{1f600}b.txt".as_bytes(),
    ];
    for dialect in [Dialect::Document, Dialect::V4, Dialect::V5] {
        let world = World::start(dialect);
        let (machine, second) = (world.machine("d1"), world.machine("d2"));
        for (number, name) in names.into_iter().enumerate() {
            world
                .cloud
                .control
                .put_file(None, name, format!("first {number}"))
                .unwrap();
        }
        comes_to_rest(&world, &machine);
        comes_to_rest(&world, &second);
        let before = machine.tree();
        assert_eq!(
            (before.len(), second.tree().len()),
            (names.len(), names.len()),
            "{before:?}"
        );
        for (number, path) in before.keys().enumerate() {
            machine.write(path, format!("second, longer {number}"));
        }
        machine.settle(3, false);
        let now = machine.tree();
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            now.keys().collect::<Vec<_>>(),
            "{dialect}"
        );
        assert_eq!(rows(&world).len(), names.len(), "{dialect}: {:?}", rows(&world));
        assert_eq!(
            world.cloud.trash().len(),
            names.len(),
            "{dialect}: each old version is in the trash"
        );
        comes_to_rest(&world, &second);
        let there: BTreeSet<Content> = here(&second).into_iter().collect();
        assert_eq!(
            there,
            here(&machine).into_iter().collect(),
            "{dialect}: {:?}",
            second.tree()
        );
        let mark = world.cloud.mark();
        machine.sync();
        assert_eq!(world.cloud.since(&mark).mutations, 0, "{dialect}");
    }
}

#[test]
fn remote_names_that_no_disk_holds_arrive_under_other_names_and_never_outside() {
    for dialect in [Dialect::Document, Dialect::V4] {
        let world = World::start(dialect);
        let machine = world.machine("d1");
        std::fs::write(world.join("bystander.txt"), "not in the pair").unwrap();
        let folder = world.cloud.control.create_folder(None, "..").unwrap();
        let nested = world.cloud.control.create_folder(Some(folder), "..").unwrap();
        let mut meant = BTreeSet::new();
        for (number, name) in HOSTILE.into_iter().enumerate() {
            for (at, place) in [None, Some(nested)].into_iter().enumerate() {
                let text = format!("{number} in {at}");
                world.cloud.control.put_file(place, name, &text).unwrap();
                meant.insert(content_of(text.as_bytes()));
            }
        }
        let outside = |world: &World| {
            let mut all = disk::everything(&world.join(""));
            all.retain(|path, _| !path.starts_with("d1/") && !path.starts_with("cloud"));
            all
        };
        let before = outside(&world);
        let run = comes_to_rest(&world, &machine);
        assert_eq!(outside(&world), before, "something was written outside");
        let found = here(&machine);
        let unique: BTreeSet<Content> = found.iter().copied().collect();
        assert_eq!(
            found.len(),
            unique.len(),
            "something is there twice: {:#?}",
            machine.tree()
        );
        let held = run.items("held").len() + run.items("skipped").len();
        let missing: Vec<_> = meant.difference(&unique).collect();
        assert_eq!(
            missing.len(),
            held,
            "{missing:?} of {:#?}: {run:?}",
            machine.tree()
        );
        assert_eq!(held, 0, "all of these can be escaped: {run:?}");
        assert!(unique.is_subset(&meant), "{:#?}", machine.tree());
        // No name in a message may drive the user's terminal.
        let text = machine.run(&["--once", "-v"]).said();
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");

        edits_keep_names(&world, &machine);
        assert_eq!(rows(&world).len(), meant.len());
    }
}

#[test]
fn remote_names_of_255_bytes_fit_and_longer_ones_are_held_by_name() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    let fits = [
        "a".repeat(255),
        format!("{}.txt", "b".repeat(251)),
        format!("{}é", "c".repeat(253)),
    ];
    let long = [
        "d".repeat(256),
        format!("{}.txt", "e".repeat(300)),
        "f".repeat(2000),
        format!("{}é", "g".repeat(254)),
        format!("{}/", "h".repeat(250)),
    ];
    for name in fits.iter().chain(&long) {
        world.cloud.control.put_file(None, name, name).unwrap();
    }
    world
        .cloud
        .web_create(&format!("{}/inside.txt", "i".repeat(300)), b"inside");
    let run = comes_to_rest(&world, &machine);
    assert_eq!(run.code, 3);
    let tree = machine.tree();
    let names: Vec<&str> = tree.keys().map(String::as_str).collect();
    assert_eq!(names, fits.iter().map(String::as_str).collect::<Vec<_>>());
    let held = run.items("held");
    for start in ["d", "e", "f", "g", "h", "i"] {
        let named = held
            .iter()
            .any(|(path, why)| path.starts_with(&start.repeat(20)) && why.contains("long"));
        assert!(named, "{start}: {run:?}");
    }
    // Held is not lost, and not in the way: the account keeps all of them.
    assert_eq!(rows(&world).len(), fits.len() + long.len() + 1);
}

#[test]
fn names_of_255_bytes_here_go_up_whole_or_are_held() {
    let world = World::start(Dialect::V4);
    let machine = world.machine("d1");
    let name = format!("{}.txt", "n".repeat(251));
    machine.write(&name, "at the limit");
    machine.write("beside.txt", "beside");
    comes_to_rest(&world, &machine);
    let there = world.cloud.tree();
    assert_eq!(
        there.get(&name),
        Some(&Entry::File(content_of(b"at the limit"))),
        "{there:?}"
    );
    machine.write(&name, "edited at the limit");
    comes_to_rest(&world, &machine);
    assert_same(&machine.tree(), &world.cloud.tree());
}

/// What the active files of that name hold, in order.
fn texts_of(control: &Control, name: &str) -> Vec<String> {
    let tree = control.tree().unwrap();
    let active = tree
        .files
        .iter()
        .filter(|row| row.state == RowState::Active && row.name == name);
    let mut texts: Vec<String> = active
        .map(|row| String::from_utf8(control.content(row.id).unwrap()).unwrap())
        .collect();
    texts.sort();
    texts
}

#[test]
fn repeated_remote_names_are_told_apart_and_an_edit_finds_its_own_file() {
    for dialect in [Dialect::Document, Dialect::V4] {
        let world = World::start(dialect);
        let mut machine = world.machine("d1");
        machine.set("max_delete_percent", "100");
        let control = world.cloud.control.clone();
        let ids: Vec<u64> = ["first", "second", "third"]
            .iter()
            .map(|text| control.put_file(None, "same.txt", text).unwrap())
            .collect();
        let folders: Vec<u64> = [0, 1]
            .iter()
            .map(|_| control.create_folder(None, "Same").unwrap())
            .collect();
        for (folder, text) in folders.iter().zip(["in the first", "in the second"]) {
            control.put_file(Some(*folder), "inside.txt", text).unwrap();
        }
        comes_to_rest(&world, &machine);
        let mut texts: Vec<String> = Vec::new();
        for (path, entry) in machine.tree() {
            if entry != Entry::Folder {
                texts.push(machine.read(&path));
            }
        }
        texts.sort();
        assert_eq!(
            texts,
            ["first", "in the first", "in the second", "second", "third"],
            "{:?}",
            machine.tree()
        );
        let find = |text: &str| {
            let tree = machine.tree();
            let wanted = Entry::File(content_of(text.as_bytes()));
            tree.into_iter()
                .find(|(_, entry)| *entry == wanted)
                .map(|(path, _)| path)
                .unwrap()
        };
        // One of them is edited here: that one, no other, and its name there is the plain one.
        let (first, second, third) = (find("first"), find("second"), find("third"));
        machine.write(&second, "second, edited");
        comes_to_rest(&world, &machine);
        assert_eq!(
            texts_of(&control, "same.txt"),
            ["first", "second, edited", "third"]
        );
        assert_eq!(machine.read(&second), "second, edited", "its name here stays");
        // One is deleted here: that one.
        machine.remove(&third);
        comes_to_rest(&world, &machine);
        assert_eq!(texts_of(&control, "same.txt"), ["first", "second, edited"]);
        // One is deleted there: that one.
        let left = control.tree().unwrap();
        assert!(
            left.files
                .iter()
                .any(|row| row.id == ids[0] && row.state == RowState::Active)
        );
        control.trash_file(ids[0]).unwrap();
        comes_to_rest(&world, &machine);
        assert_eq!(texts_of(&control, "same.txt"), ["second, edited"]);
        let all: Vec<Content> = here(&machine);
        assert!(
            all.contains(&content_of(b"second, edited")) && !all.contains(&content_of(b"first")),
            "{first}: {all:?}"
        );
    }
}

#[test]
fn the_same_letters_spelt_in_two_ways_are_two_files_on_a_disk_that_tells_them_apart() {
    for dialect in [Dialect::Document, Dialect::V4, Dialect::V5] {
        let world = World::start(dialect);
        let (d1, d2) = (world.machine("d1"), world.machine("d2"));
        d1.write(NFC, "one character");
        d1.write(NFD, "two characters");
        d1.write(&format!("cafe\u{301}/{NFC}"), "in a folder");
        d1.settle(4, false);
        d2.settle(4, false);
        assert_equal(&syncable(&d1.tree()), &d2.tree());
        assert_eq!(d2.read(NFC), "one character");
        assert_eq!(d2.read(NFD), "two characters");
        // Each is changed by its own name.
        d2.write(NFD, "two characters, edited");
        d2.settle(4, false);
        d1.settle(4, false);
        assert_eq!(
            (d1.read(NFC), d1.read(NFD)),
            ("one character".into(), "two characters, edited".into())
        );
        for machine in [&d1, &d2] {
            let mark = world.cloud.mark();
            machine.sync();
            assert_eq!(world.cloud.since(&mark).mutations, 0, "{dialect}: they fight");
        }
    }
}

#[test]
fn a_rename_from_one_spelling_to_the_other_is_a_rename_on_either_side() {
    for dialect in [Dialect::Document, Dialect::V4] {
        let world = World::start(dialect);
        let machine = world.machine("d1");
        machine.write(NFC, "one");
        machine.write("stays.txt", "stays");
        machine.settle(3, false);
        let mark = world.cloud.mark();
        machine.rename(NFC, NFD);
        machine.settle(3, false);
        assert_same(&machine.tree(), &world.cloud.tree());
        assert_eq!(machine.tree().keys().next().map(String::as_str), Some(NFD));
        world.cloud.web_move(NFD, NFC);
        machine.settle(3, false);
        assert_same(&machine.tree(), &world.cloud.tree());
        assert_eq!(machine.tree().keys().next().map(String::as_str), Some(NFC));
        let did = world.cloud.since(&mark);
        assert_eq!(
            (did.at("/file/upload"), did.downloads),
            (0, 0),
            "{dialect}: {did:?}"
        );
    }
}
