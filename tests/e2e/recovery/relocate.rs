//! A pair whose folder was moved or copied to another place.

use super::*;

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
fn a_whole_copy_goes_on_without_relocate_and_what_is_done_in_it_later_counts() {
    let (world, mut machine) = agreed();
    let new = world.join("copy");
    copy_tree(&machine.local, &new);
    configure_local(&mut machine, &new);
    assert_idle(&world, &machine);
    machine.remove("docs/b.txt");
    let run = machine.sync();
    assert_eq!(run.count("deleted_remote"), 1, "{run:?}");
    // And a folder that was only renamed is the same, whatever was done to it meanwhile.
    machine.write("a.txt", "edited");
    machine.remove("docs/deep/c.txt");
    let renamed = world.join("renamed");
    fs::rename(&machine.local, &renamed).unwrap();
    configure_local(&mut machine, &renamed);
    let run = machine.sync();
    let done = ["uploaded", "deleted_remote"].map(|key| run.count(key));
    assert_eq!(done, [1, 1], "{run:?}");
    assert_same(&machine.tree(), &world.cloud.tree());
}

/// A machine that was told of a copy of its folder by its configuration alone, and the folder of before; something was
/// done to the copy.
fn at_a_copy(harm: impl FnOnce(&Path)) -> (World, Machine, std::path::PathBuf) {
    let (world, mut machine) = agreed();
    let (original, copy) = (machine.local.clone(), world.join("copy"));
    copy_tree(&original, &copy);
    harm(&copy);
    configure_local(&mut machine, &copy);
    (world, machine, original)
}

/// It stops, whatever it is asked, before anything else; nothing changes anywhere.
fn assert_stops_at_the_copy(world: &World, machine: &Machine) {
    let before = (machine.tree(), world.cloud.tree());
    for args in [&["--dry-run"][..], &[], &[]] {
        let mark = world.cloud.mark();
        let run = machine.once(args).expect(4);
        let stop = &run.pair()["stop"];
        assert_eq!(stop["kind"], "root_copied", "{run:?}");
        let (said, next) = (stop["message"].as_str().unwrap(), stop["next"].as_str().unwrap());
        assert!(said.contains("1 of 6 synced files and folders"), "{said}");
        let command = format!("syncd relocate main {}", machine.local.display());
        assert!(next.contains(&command), "{next}");
        assert!(stop["examples"].to_string().contains("docs/b.txt"), "{run:?}");
        assert_eq!(world.cloud.since(&mark).requests, 0, "{run:?}");
    }
    assert_eq!((machine.tree(), world.cloud.tree()), before);
}

#[test]
fn a_copy_in_which_something_is_missing_stops_the_pair_until_it_is_whole() {
    let (world, machine, original) = at_a_copy(|copy| fs::remove_file(copy.join("docs/b.txt")).unwrap());
    assert_stops_at_the_copy(&world, &machine);
    fs::copy(original.join("docs/b.txt"), machine.local.join("docs/b.txt")).unwrap();
    assert_idle(&world, &machine);
}

#[test]
fn a_copy_with_other_bytes_stops_the_pair_and_the_way_it_names_loses_neither_version() {
    let (world, machine, _) = at_a_copy(|copy| fs::write(copy.join("docs/b.txt"), "TWO").unwrap());
    assert_stops_at_the_copy(&world, &machine);
    relocate(&machine, &machine.local, &[]).expect(0);
    let run = machine.sync();
    let done = ["deleted_local", "deleted_remote"].map(|key| run.count(key));
    assert_eq!(done, [0, 0], "{run:?}");
    assert!(world.cloud.trash().is_empty());
    assert_eq!(
        machine.read("docs/b.txt"),
        "two",
        "the account's version keeps the name"
    );
    let names: Vec<String> = machine
        .tree()
        .into_keys()
        .filter(|path| path.contains("b (conflict"))
        .collect();
    assert_eq!(names.len(), 1, "{:?}", machine.tree());
    assert_eq!(machine.read(&names[0]), "TWO");
    assert_same(&machine.tree(), &world.cloud.tree());
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
