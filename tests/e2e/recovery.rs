//! Recovery with the built program: a journal that is lost, damaged or of a newer version is rebuilt; both sides are
//! checked; a pair is forgotten; a folder is moved to another place.
//!
//! What all of it shares: nothing is deleted, nothing that is equal is sent, and what is to be done next is said. The
//! only tests that touch the journal's file: they break it, as a disk would.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checker::{assert_equal, assert_same};
use crate::world::disk::everything;
use crate::world::settings::quoted;
use crate::world::{Dialect, Entry, Machine, Run, World};

/// Where SQLite keeps a database's version: a number of four bytes.
const VERSION_AT: usize = 60;

/// A world with one machine and a few files that both sides agree on.
fn agreed() -> (World, Machine) {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    machine.write("a.txt", "one");
    machine.write("docs/b.txt", "two");
    machine.write("docs/deep/c.txt", "three");
    machine.mkdir("empty");
    machine.sync();
    (world, machine)
}

fn state_of(machine: &Machine) -> PathBuf {
    machine.state.join("pairs/main")
}

fn journal_of(machine: &Machine) -> PathBuf {
    state_of(machine).join("journal.db")
}

/// Ways for a journal to be of no use.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Lost,
    Garbled,
    Truncated,
    Newer,
}

impl Harm {
    const ALL: [Self; 4] = [Self::Lost, Self::Garbled, Self::Truncated, Self::Newer];

    fn befall(self, machine: &Machine) {
        let journal = journal_of(machine);
        let mut bytes = fs::read(&journal).unwrap();
        match self {
            Self::Lost => return fs::remove_file(&journal).unwrap(),
            Self::Garbled => bytes[4096..8192].fill(0xa5),
            Self::Truncated => bytes.truncate(bytes.len() / 2),
            Self::Newer => bytes[VERSION_AT..VERSION_AT + 4].copy_from_slice(&99_u32.to_be_bytes()),
        }
        fs::write(&journal, bytes).unwrap();
    }
}

fn rebuild(machine: &Machine) -> Run {
    machine.run(&["rebuild", "main", "--json"])
}

/// A pass that must have nothing to do.
fn assert_idle(world: &World, machine: &Machine) {
    let mark = world.cloud.mark();
    machine.sync();
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
    assert_same(&machine.tree(), &world.cloud.tree());
}

/// Kind, side and path of every difference that a check names.
fn differences(run: &Run) -> BTreeSet<String> {
    let pair = run.pair();
    let list = pair["differences"].as_array().unwrap();
    let word = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    list.iter()
        .map(|item| {
            format!(
                "{} {} {}",
                word(item, "path"),
                word(item, "side"),
                word(item, "kind")
            )
        })
        .collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

// ---- a journal that is of no use

#[test]
fn a_pass_refuses_a_journal_that_is_damaged_or_newer_and_names_the_way_on() {
    for (harm, code) in [(Harm::Garbled, 4), (Harm::Truncated, 4), (Harm::Newer, 1)] {
        let (world, machine) = agreed();
        harm.befall(&machine);
        machine.write("new.txt", "new");
        let (journal, account) = (fs::read(journal_of(&machine)).unwrap(), world.cloud.tree());
        for args in [&["--once"][..], &["--once", "--dry-run"]] {
            let run = machine.run(args).expect(code);
            assert!(run.said().contains("syncd rebuild main"), "{harm:?}: {run:?}");
        }
        for command in ["status", "problems", "approve"] {
            let run = machine.run(&[command]).expect(1);
            assert!(run.said().contains("syncd rebuild main"), "{harm:?}: {run:?}");
        }
        assert_eq!(fs::read(journal_of(&machine)).unwrap(), journal, "{harm:?}");
        assert_eq!(world.cloud.tree(), account);
    }
}

#[test]
fn a_rebuild_of_equal_sides_sends_nothing_and_deletes_nothing() {
    for harm in Harm::ALL {
        let (world, machine) = agreed();
        // Deleted since the last agreement, and so on record nowhere: it comes back rather than goes.
        machine.remove("docs/b.txt");
        harm.befall(&machine);
        let mark = world.cloud.mark();
        let run = rebuild(&machine).expect(0);
        let did = world.cloud.since(&mark);
        assert_eq!(did.mutations, 0, "{harm:?}: {did:?}");
        // Two files of equal size were compared, the third one came back.
        assert_eq!(
            (did.downloads, run.count("downloaded")),
            (3, 1),
            "{harm:?}: {run:?}"
        );
        assert_eq!(machine.read("docs/b.txt"), "two");
        let kept = run.json()["journal_kept"].clone();
        match harm {
            Harm::Lost => assert_eq!(kept, Value::Null),
            Harm::Garbled | Harm::Truncated | Harm::Newer => {
                let kept = kept.as_str().unwrap();
                assert!(kept.contains("journal.db.aside-20"), "{kept}");
                assert!(Path::new(kept).is_file());
            }
        }
        let history = machine.run(&["history"]).expect(0);
        assert!(history.stdout.contains("with syncd rebuild"), "{history:?}");
        assert_idle(&world, &machine);
        machine.run(&["check", "main", "--download"]).expect(0);
    }
}

#[test]
fn a_rebuild_keeps_both_versions_of_what_differs_whatever_the_policy() {
    for policy in ["prefer-local", "prefer-remote", "keep-both"] {
        let (world, mut machine) = agreed();
        machine.set("conflict", &quoted(policy));
        Harm::Garbled.befall(&machine);
        machine.write("a.txt", "ONE");
        machine.write("docs/b.txt", "two, and longer");
        machine.write("mine.txt", "mine");
        world.cloud.web_create("theirs.txt", b"theirs");
        let run = rebuild(&machine).expect(0);
        assert_eq!(run.pair()["conflicts"].as_array().unwrap().len(), 2, "{run:?}");
        let gone = ["deleted_local", "deleted_remote"].map(|key| run.count(key));
        assert_eq!(gone, [0, 0], "{run:?}");
        assert!(world.cloud.trash().is_empty(), "{policy}");
        assert!(!machine.local.join(".syncd/trash").exists(), "{policy}");
        let texts: BTreeSet<String> = machine
            .tree()
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::File(_)))
            .map(|(path, _)| machine.read(path))
            .collect();
        for text in ["one", "ONE", "two", "two, and longer", "three", "mine", "theirs"] {
            assert!(texts.contains(text), "{policy}: {text} is lost: {texts:?}");
        }
        assert_idle(&world, &machine);
        // From here on the pair's policy holds again.
        machine.write("a.txt", "newer here");
        world.cloud.web_edit("a.txt", b"newer there");
        let copies = machine.sync().pair()["conflicts"].as_array().unwrap().len();
        let kept = machine
            .tree()
            .values()
            .filter(|entry| matches!(entry, Entry::File(_)))
            .count();
        let expected = if policy == "keep-both" { 8 } else { 7 };
        assert_eq!((copies, kept), (1, expected), "{policy}: {:#?}", machine.tree());
    }
}

#[test]
fn a_rebuild_that_was_cut_off_goes_on_without_a_loser() {
    let (world, mut machine) = agreed();
    machine.set("conflict", &quoted("prefer-remote"));
    Harm::Garbled.befall(&machine);
    machine.write("a.txt", "ONE");
    world.cloud.knob("latency.ms", "200");
    world.cloud.fault("latency", 1.0);
    let mut running = machine.spawn(&["rebuild", "main"]);
    // The old journal is aside: from here on only the new one knows that both sides meet anew.
    let state = state_of(&machine);
    running.watch(|_| {
        let names = fs::read_dir(&state)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names
            .into_iter()
            .any(|name| name.to_string_lossy().contains("aside"))
    });
    let mark = world.cloud.mark();
    running.watch(|_| world.cloud.since(&mark).at("/folder/listing") > 0);
    assert!(running.kill(), "it was too fast for this test");
    world.cloud.fault("latency", 0.0);
    machine.settle(3, false);
    let tree = machine.tree();
    let versions = tree
        .keys()
        .filter(|path| path.starts_with("a ") || *path == "a.txt");
    let texts: BTreeSet<String> = versions.map(|path| machine.read(path)).collect();
    assert_eq!(texts, BTreeSet::from(["one".to_owned(), "ONE".to_owned()]));
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_rebuild_makes_no_folder_in_the_account_and_follows_one_that_was_renamed() {
    let world = World::start(Dialect::Document);
    let machine = world.machine_at("d1", "/Cloud");
    machine.write("a.txt", "one");
    machine.sync();
    world.cloud.web_move("Cloud", "Renamed");
    let account = world.cloud.tree();
    // A sound journal knows where the folder went.
    rebuild(&machine).expect(0);
    assert_eq!(world.cloud.tree(), account);
    // A damaged one does not, and a new folder would be the wrong one.
    Harm::Garbled.befall(&machine);
    let journal = fs::read(journal_of(&machine)).unwrap();
    let run = machine.run(&["rebuild", "main"]).expect(1);
    assert!(run.said().contains("a rebuild makes none"), "{run:?}");
    assert_eq!(world.cloud.tree(), account);
    assert_eq!(
        fs::read(journal_of(&machine)).unwrap(),
        journal,
        "the old one is not put aside"
    );
}

#[test]
fn a_marker_that_is_lost_or_damaged_stops_the_pair_and_a_rebuild_makes_a_new_one() {
    let (world, machine) = agreed();
    let marker = machine.local.join(".syncd/root-id");
    for text in [None, Some("{")] {
        match text {
            None => fs::remove_file(&marker).unwrap(),
            Some(text) => fs::write(&marker, text).unwrap(),
        }
        let run = machine.run(&["--once"]).expect(4);
        assert!(run.said().contains("syncd rebuild main"), "{run:?}");
        let mark = world.cloud.mark();
        rebuild(&machine).expect(0);
        assert_eq!(world.cloud.since(&mark).mutations, 0);
        assert_idle(&world, &machine);
    }
}

#[test]
fn a_journal_that_is_lost_is_made_anew_by_a_pass_without_a_loser_too() {
    let (world, mut machine) = agreed();
    machine.set("conflict", &quoted("prefer-remote"));
    machine.write("a.txt", "ONE");
    machine.remove("docs/b.txt");
    Harm::Lost.befall(&machine);
    let run = machine.sync();
    assert_eq!(
        (run.count("deleted_local"), run.count("deleted_remote")),
        (0, 0),
        "{run:?}"
    );
    assert_eq!(run.pair()["conflicts"].as_array().unwrap().len(), 1, "{run:?}");
    assert_eq!(machine.read("docs/b.txt"), "two");
    assert!(world.cloud.trash().is_empty() && !machine.local.join(".syncd/trash").exists());
    assert_idle(&world, &machine);
}

// ---- check

#[test]
fn a_check_of_equal_sides_says_so_and_changes_nothing() {
    let (world, machine) = agreed();
    let here = everything(&machine.local);
    let state = everything(&state_of(&machine));
    let mark = world.cloud.mark();
    let run = machine.run(&["check", "main", "--json"]).expect(0);
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
    let pair = run.pair();
    assert_eq!(pair["equal"], true);
    assert_eq!((run.count("files"), run.count("folders")), (3, 3), "{run:?}");
    assert_eq!((run.count("bytes_local"), run.count("bytes_remote")), (11, 0));
    let run = machine.run(&["check", "main", "--download", "--json"]).expect(0);
    assert_eq!(run.count("bytes_remote"), 11, "{run:?}");
    assert_eq!(world.cloud.since(&mark).mutations, 0);
    assert_equal(&everything(&machine.local), &here);
    let lock = |tree: &crate::world::Tree| {
        let mut tree = tree.clone();
        tree.remove("lock");
        tree
    };
    assert_equal(&lock(&everything(&state_of(&machine))), &lock(&state));
}

#[test]
fn a_check_finds_every_kind_of_difference_on_each_side() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    for side in ["here", "there"] {
        for kind in ["bytes", "gone", "moved", "size", "same"] {
            machine.write(&format!("{kind} {side}"), format!("content of {kind} {side}"));
        }
    }
    machine.sync();
    machine.run(&["check", "main", "--download"]).expect(0);

    let text = fs::read_to_string(machine.local.join("bytes here")).unwrap();
    machine.write("bytes here", text.to_uppercase());
    machine.remove("gone here");
    machine.rename("moved here", "elsewhere here");
    machine.write("size here", "another");
    machine.write("new here", "new");
    machine.write("empty", "");
    let cloud = &world.cloud;
    cloud.web_swap("bytes there", b"CONTENT OF BYTES THERE");
    cloud.web_trash("gone there");
    cloud.web_move("moved there", "elsewhere there");
    cloud.web_swap("size there", b"another");
    cloud.web_create("new there", b"new");

    let mark = cloud.mark();
    let listed = machine.run(&["check", "main", "--json"]).expect(3);
    let downloaded = machine.run(&["check", "main", "--download", "--json"]).expect(3);
    assert_eq!(cloud.since(&mark).mutations, 0);
    let mut expected: BTreeSet<String> = [
        "bytes here local bytes",
        "gone here local missing",
        "gone there remote missing",
        "moved here local place",
        "moved there remote place",
        "new here local unrecorded",
        "new there remote unrecorded",
        "size here local size",
        "size there remote size",
    ]
    .map(str::to_owned)
    .into();
    assert_eq!(differences(&listed), expected, "{listed:?}");
    expected.insert("bytes there remote bytes".to_owned());
    assert_eq!(differences(&downloaded), expected, "{downloaded:?}");
    let skipped = listed.items("skipped");
    assert_eq!(skipped.len(), 1, "{listed:?}");
    assert_eq!(skipped[0].0, "empty");
    // For people too.
    let said = machine.run(&["check", "main"]).expect(3).stdout;
    assert!(said.contains("bytes      here   bytes here: "), "{said}");
}

#[test]
fn what_cannot_be_read_is_a_problem_and_no_difference() {
    let (_world, mut machine) = agreed();
    machine.become_user(12_345);
    let shut = machine.local.join("docs/deep");
    fs::set_permissions(&shut, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let run = machine.run(&["check", "main", "--json"]).expect(3);
    assert!(differences(&run).is_empty(), "{run:?}");
    let problems = run.items("problems");
    assert_eq!(problems[0].0, "docs/deep", "{run:?}");
    fs::set_permissions(&shut, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

// ---- forget

#[test]
fn a_forgotten_pair_leaves_every_file_and_is_new_afterwards() {
    let (world, machine) = agreed();
    machine.write("only here.txt", "mine");
    let (here, account) = (machine.tree(), world.cloud.tree());
    let mark = world.cloud.mark();
    let run = machine.run(&["forget", "main"]).expect(0);
    assert!(run.stdout.contains("3 synced files"), "{run:?}");
    let config = machine.config.display().to_string();
    assert!(
        run.stdout.contains(&config),
        "the line to take out is named: {run:?}"
    );
    assert_eq!(world.cloud.since(&mark).requests, 0);
    assert!(!machine.local.join(".syncd").exists());
    assert_eq!(
        everything(&state_of(&machine)).keys().collect::<Vec<_>>(),
        ["lock"]
    );
    assert_equal(&machine.tree(), &here);
    assert_eq!(world.cloud.tree(), account);
    // There is nothing to forget any more, nothing to check and nothing to move.
    let elsewhere = world.join("elsewhere").display().to_string();
    for args in [
        &["forget", "main"][..],
        &["check", "main"],
        &["relocate", "main", &elsewhere],
    ] {
        let run = machine.run(args).expect(1);
        assert!(run.said().contains("never synced"), "{run:?}");
    }
    // The configuration still names it: as at the first time.
    let run = machine.sync();
    assert_eq!(
        (run.count("uploaded"), run.count("downloaded")),
        (1, 0),
        "{run:?}"
    );
    assert_idle(&world, &machine);
}

#[test]
fn the_trash_of_a_forgotten_pair_stays_and_deletions_that_waited_are_not_made() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    for number in 0..30 {
        machine.write(&format!("f{number}"), format!("content of {number}"));
    }
    machine.sync();
    world.cloud.web_trash("f0");
    machine.sync();
    let trash = |machine: &Machine| everything(&machine.local.join(".syncd/trash"));
    let before = trash(&machine);
    assert_eq!(before.len(), 2, "{before:?}");
    for number in 1..28 {
        machine.remove(&format!("f{number}"));
    }
    machine.once(&[]).expect(4);
    let run = machine.run(&["forget", "main", "--json"]).expect(0);
    assert_eq!(run.count("dropped_deletions"), 27, "{run:?}");
    assert_eq!(run.pair()["area"], "filled");
    assert_equal(&trash(&machine), &before);
    assert!(!machine.local.join(".syncd/root-id").exists());
    assert_eq!(
        machine.sync().count("downloaded"),
        27,
        "they were not deleted, so they come back"
    );
}

#[test]
fn what_a_broken_off_run_had_set_aside_comes_out_before_a_pair_is_forgotten() {
    let (_world, machine) = agreed();
    machine.write(".syncd/parked/left by a kill", "the user's");
    machine.write(".syncd/staging/77-3.part", "hal");
    machine.run(&["forget", "main"]).expect(0);
    assert_eq!(machine.read("left by a kill"), "the user's");
    assert!(!machine.local.join(".syncd").exists());
}

#[test]
fn a_pair_whose_journal_is_damaged_or_whose_folder_is_gone_can_be_forgotten() {
    let (_world, machine) = agreed();
    Harm::Garbled.befall(&machine);
    let run = machine.run(&["forget", "main", "--json"]).expect(0);
    assert_eq!(run.pair()["area"], "not_ours", "{run:?}");
    assert!(machine.local.join(".syncd/root-id").exists());
    assert_eq!(machine.tree().len(), 6);

    let (world, machine) = agreed();
    fs::rename(&machine.local, world.join("unplugged")).unwrap();
    let run = machine.run(&["forget", "main", "--json"]).expect(0);
    assert_eq!(run.pair()["area"], "no_folder", "{run:?}");
    assert_eq!(world.cloud.tree().len(), 6);
}

// ---- relocate

/// The machine's configuration names this folder from now on.
fn configure_local(machine: &mut Machine, folder: &Path) {
    machine.set("local", &quoted(folder.to_str().unwrap()));
    machine.local = folder.to_owned();
}

fn relocate(machine: &Machine, folder: &Path, args: &[&str]) -> Run {
    let args: Vec<&str> = ["relocate", "main", folder.to_str().unwrap()]
        .into_iter()
        .chain(args.iter().copied())
        .collect();
    machine.run(&args)
}

#[test]
fn a_folder_that_was_moved_goes_on_where_it_is_and_what_was_done_to_it_travels() {
    let (world, mut machine) = agreed();
    let new = world.join("moved");
    fs::rename(&machine.local, &new).unwrap();
    let run = machine.run(&["--once"]).expect(4);
    assert!(run.said().contains("is not there"), "{run:?}");
    let run = relocate(&machine, &new, &[]).expect(0);
    assert!(
        run.stdout.contains(&format!("local = \"{}\"", new.display())),
        "{run:?}"
    );
    configure_local(&mut machine, &new);
    assert_idle(&world, &machine);
    // It is the same folder: an edit and a deletion made before are an edit and a deletion.
    machine.write("a.txt", "edited");
    machine.remove("docs/b.txt");
    let newest = world.join("moved again");
    fs::rename(&machine.local, &newest).unwrap();
    let run = relocate(&machine, &newest, &["--json"]).expect(0);
    assert_eq!(run.pair()["same_folder"], true, "{run:?}");
    configure_local(&mut machine, &newest);
    let run = machine.sync();
    assert_eq!(
        (run.count("uploaded"), run.count("deleted_remote")),
        (1, 1),
        "{run:?}"
    );
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_folder_that_was_copied_goes_on_and_nothing_is_transferred() {
    let (world, mut machine) = agreed();
    let new = world.join("copy");
    copy_tree(&machine.local, &new);
    let run = relocate(&machine, &new, &["--json"]).expect(0);
    let pair = run.pair();
    assert_eq!(
        (&pair["same_folder"], &pair["old_is_there"]),
        (&false.into(), &true.into()),
        "{run:?}"
    );
    assert_eq!((run.count("carried"), run.count("read")), (6, 3), "{run:?}");
    assert_eq!(pair["anew"].as_array().unwrap().len(), 0, "{run:?}");
    configure_local(&mut machine, &new);
    assert_idle(&world, &machine);
}

#[test]
fn an_incomplete_copy_deletes_nothing_and_broken_bytes_in_it_replace_nothing() {
    let (world, mut machine) = agreed();
    machine.set("conflict", &quoted("prefer-local"));
    let new = world.join("copy");
    copy_tree(&machine.local, &new);
    fs::remove_dir_all(new.join("docs")).unwrap();
    fs::write(new.join("a.txt"), "o").unwrap();
    let run = relocate(&machine, &new, &["--json"]).expect(0);
    let anew = ["a.txt", "docs", "docs/b.txt", "docs/deep", "docs/deep/c.txt"];
    let named: BTreeSet<&str> = run.pair()["anew"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .map(|path| *anew.iter().find(|it| **it == path).unwrap())
        .collect();
    assert_eq!(named, BTreeSet::from(anew), "{run:?}");
    configure_local(&mut machine, &new);
    let run = machine.sync();
    let done = ["deleted_local", "deleted_remote"].map(|key| run.count(key));
    assert_eq!(done, [0, 0], "{run:?}");
    assert_eq!(
        machine.read("a.txt"),
        "one",
        "the account's version keeps the name"
    );
    assert_eq!(machine.read("docs/deep/c.txt"), "three");
    assert!(world.cloud.trash().is_empty());
    assert_idle(&world, &machine);
}

#[test]
fn a_folder_that_is_not_the_pairs_or_overlaps_another_is_refused() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine_at("d1", "/first");
    machine.write("a.txt", "one");
    machine.sync();
    let other = world.join("other pair");
    fs::create_dir(&other).unwrap();
    machine.configure(|settings| settings.pair("second", &other, "/second"));
    fs::create_dir_all(other.join("inner")).unwrap();
    let stranger = world.join("stranger");
    copy_tree(&machine.local, &stranger);
    fs::remove_dir_all(stranger.join(".syncd")).unwrap();
    let older = world.join("older");
    copy_tree(&machine.local, &older);
    machine.once(&["main"]).expect(0);
    machine.once(&["main"]).expect(0);
    for (folder, word) in [
        (&stranger, "root-id"),
        (&older, "generation"),
        (&other, "overlaps"),
        (&other.join("inner"), "overlaps"),
        (&machine.state, "overlaps"),
        (&world.join("nowhere"), "nowhere"),
    ] {
        let run = relocate(&machine, folder, &[]).expect(1);
        assert!(run.said().contains(word), "{}: {run:?}", folder.display());
    }
    let run = machine.once(&["main"]).expect(0);
    assert_eq!(run.count("uploaded") + run.count("downloaded"), 0, "{run:?}");
}

// ---- all of them

#[test]
fn while_another_process_holds_the_pair_each_is_refused_and_nothing_is_touched() {
    let (world, machine) = agreed();
    world.cloud.knob("latency.ms", "400");
    world.cloud.fault("latency", 1.0);
    let mark = world.cloud.mark();
    let mut holder = machine.spawn_once(&[]);
    holder.watch(|_| world.cloud.since(&mark).at("/folder/listing") > 0);
    assert!(holder.ended().is_none(), "it is too fast for this test");
    let new = machine.local.display().to_string();
    let commands: [&[&str]; 4] = [
        &["forget", "main"],
        &["relocate", "main", &new],
        &["rebuild", "main"],
        &["check", "main"],
    ];
    // All at once: the holder's run is short.
    let running: Vec<_> = commands.iter().map(|args| machine.spawn(args)).collect();
    for run in running {
        let run = run.wait().expect(6);
        assert!(run.said().contains(&holder.pid().to_string()), "{run:?}");
    }
    world.cloud.fault("latency", 0.0);
    holder.wait().expect(0);
    assert_idle(&world, &machine);
}

#[test]
fn a_name_that_is_no_pair_is_answered_with_those_that_are() {
    let (_world, machine) = agreed();
    for args in [
        &["rebuild", "nope"][..],
        &["check", "nope"],
        &["forget", "nope"],
        &["relocate", "nope", "/tmp"],
    ] {
        let run = machine.run(args).expect(2);
        assert!(run.said().contains("main"), "{run:?}");
    }
    for args in [&["rebuild"][..], &["check"], &["forget"], &["relocate", "main"]] {
        machine.run(args).expect(2);
    }
}
