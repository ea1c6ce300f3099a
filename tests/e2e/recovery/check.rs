//! Both sides compared with the journal, and nothing changed.

use super::*;

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
