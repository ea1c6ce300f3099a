//! Two machines that do the same at once (histories H12, H13, H18; design A1, A4, A6).

use super::*;

/// A second row of one name beside a synced one, as another device's upload at the same instant leaves it: its id is
/// smaller than ours, because it was made before ours was sent.
async fn racing(dialect: Dialect, theirs: &str) -> (World, Machine) {
    let world = World::start(dialect).await;
    let one = world.machine("one", "/Sync");
    one.write("keep.txt", "keep");
    one.sync().await;
    let root = world.folder("/Sync");
    let id = world
        .control
        .put_file(Some(root), "elsewhere.bin", theirs)
        .unwrap();
    let elsewhere = world.control.create_folder(None, "Elsewhere").unwrap();
    world.control.move_file(id, Some(elsewhere)).unwrap();
    one.write("f.txt", "mine");
    one.sync().await;
    world.control.rename_file(id, "f.txt").unwrap();
    world.control.move_file(id, Some(root)).unwrap();
    (world, one)
}

#[tokio::test]
async fn h13_two_equal_uploads_at_once_leave_one_file() {
    for dialect in DIALECTS {
        let (world, one) = racing(dialect, "mine").await;
        until_quiet(&world, &[&one]).await;
        let files: Vec<_> = below(world.account(), "/Sync");
        assert_eq!(files.len(), 2, "{dialect:?} {files:?}");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn h12_of_two_different_uploads_at_once_the_larger_id_takes_the_conflict_name() {
    for dialect in DIALECTS {
        let (world, one) = racing(dialect, "theirs").await;
        let two = world.machine("two", "/Sync");
        until_quiet(&world, &[&one, &two]).await;
        for machine in [&one, &two] {
            assert_eq!(machine.read("f.txt"), "theirs", "{dialect:?}");
            let copies: Vec<_> = machine
                .tree()
                .into_iter()
                .filter(|(_, bytes)| bytes == "mine")
                .collect();
            assert_eq!(copies.len(), 1, "{dialect:?} {copies:?}");
            assert!(copies[0].0.contains(" (conflict "), "{dialect:?} {copies:?}");
        }
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn h14_an_old_version_that_comes_back_is_no_twin() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("f.txt", "old");
        one.write("keep.txt", "keep");
        one.sync().await;
        let (old, root) = (world.file("/Sync/f.txt"), world.folder("/Sync"));
        one.write("f.txt", "newer");
        one.sync().await;
        world.control.restore_file(old, Some(root)).unwrap();
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.read("f.txt"), "newer", "{dialect:?}");
        assert_eq!(one.read(&format!("f (id {old}).txt")), "old", "{dialect:?}");
    }
}

#[tokio::test]
async fn h18_two_folders_made_at_once_become_one_with_both_contents() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        let root = world.folder("/Sync");
        let theirs = world.control.create_folder(None, "Docs").unwrap();
        world
            .control
            .put_file(Some(theirs), "theirs.txt", "theirs")
            .unwrap();
        one.write("Docs/mine.txt", "mine");
        one.write("Docs/deep/d.txt", "deep");
        one.sync().await;
        world.control.move_folder(theirs, Some(root)).unwrap();
        let two = world.machine("two", "/Sync");
        until_quiet(&world, &[&one, &two]).await;
        for machine in [&one, &two] {
            assert_eq!(machine.read("Docs/mine.txt"), "mine", "{dialect:?}");
            assert_eq!(machine.read("Docs/theirs.txt"), "theirs", "{dialect:?}");
            assert_eq!(machine.read("Docs/deep/d.txt"), "deep", "{dialect:?}");
        }
        assert_eq!(world.folder("/Sync/Docs"), theirs, "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn h19_two_folders_that_a_user_made_are_never_poured_together() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("keep.txt", "keep");
    one.sync().await;
    let root = world.folder("/Sync");
    for number in 0..2 {
        let folder = world.control.create_folder(Some(root), "Docs").unwrap();
        world
            .control
            .put_file(Some(folder), "a.txt", format!("{number}"))
            .unwrap();
    }
    until_quiet(&world, &[&one]).await;
    let folders = one
        .tree()
        .into_iter()
        .filter(|(path, _)| path.ends_with('/'))
        .count();
    assert_eq!(folders, 2, "{:?}", one.tree());
    let tree = world.control.tree().unwrap();
    assert_eq!(
        tree.live_folders()
            .iter()
            .filter(|(path, _)| *path == "/Sync/Docs")
            .count(),
        2
    );
}

#[tokio::test]
async fn two_machines_with_equal_trees_meet_without_twins() {
    for dialect in DIALECTS.into_iter().cycle().take(6) {
        let world = World::start(dialect).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        for machine in [&one, &two] {
            machine.write("a/b/c.txt", "c");
            machine.write("a/d.txt", "d");
            machine.write("e.txt", "e");
        }
        let (first, second) = tokio::join!(one.once(), two.once());
        drop((first, second));
        until_quiet(&world, &[&one, &two]).await;
        assert_eq!(one.tree(), two.tree(), "{dialect:?}");
        assert_eq!(one.tree().len(), 5, "{dialect:?} {:?}", one.tree());
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}
