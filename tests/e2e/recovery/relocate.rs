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
