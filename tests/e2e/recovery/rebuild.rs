//! A journal that is lost, damaged or of a newer version: a pass refuses it, a rebuild makes a new one and deletes nothing.

use super::*;

/// Where SQLite keeps a database's version: a number of four bytes.
const VERSION_AT: usize = 60;

/// Ways for a journal to be of no use.
#[derive(Clone, Copy, Debug)]
pub(super) enum Harm {
    Lost,
    Garbled,
    Truncated,
    Newer,
}

impl Harm {
    const ALL: [Self; 4] = [Self::Lost, Self::Garbled, Self::Truncated, Self::Newer];

    pub(super) fn befall(self, machine: &Machine) {
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
