//! Runs that end between a call and its record, after which the user goes on: our own half-done work is never taken for
//! somebody else's.

use super::*;

/// A pass that ends, as by a kill, as soon as the account shows what it waited for.
async fn cut_when(world: &World, machine: &Machine, shown: impl Fn(&World) -> bool) {
    let seen = async {
        while !shown(world) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = seen => {}
        _ = machine.once() => {}
    }
    assert!(shown(world), "the pass never did it");
}

fn shows(path: &'static str) -> impl Fn(&World) -> bool {
    move |world| world.account().iter().any(|(at, _)| at == path)
}

async fn assert_ends_as(world: &World, machine: &Machine, tree: &[(&str, &str)]) {
    assert_ends_at(world, machine, tree).await;
    assert_settled(world, "/Sync", &[machine]).await;
}

/// The same for names that are others in the account.
async fn assert_ends_at(world: &World, machine: &Machine, tree: &[(&str, &str)]) {
    until_quiet(world, &[machine]).await;
    let tree: Vec<(String, String)> = tree
        .iter()
        .map(|(path, bytes)| ((*path).to_owned(), (*bytes).to_owned()))
        .collect();
    assert_eq!(machine.tree(), tree);
}

#[tokio::test]
async fn a_file_moved_after_its_upload_was_cut_off_is_one_file() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        one.write("new.txt", "new");
        cut_when(&world, &one, shows("/Sync/new.txt")).await;
        one.rename("new.txt", "moved.txt");
        assert_ends_as(&world, &one, &[("/keep.txt", "keep"), ("/moved.txt", "new")]).await;
    }
}

#[tokio::test]
async fn a_file_deleted_after_its_upload_was_cut_off_stays_deleted() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        one.write("new.txt", "new");
        cut_when(&world, &one, shows("/Sync/new.txt")).await;
        one.remove("new.txt");
        assert_ends_as(&world, &one, &[("/keep.txt", "keep")]).await;
    }
}

#[tokio::test]
async fn a_folder_deleted_after_its_making_was_cut_off_stays_deleted() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        one.write("new/deep/a.txt", "a");
        cut_when(&world, &one, shows("/Sync/new/deep/a.txt")).await;
        one.remove("new");
        assert_ends_as(&world, &one, &[("/keep.txt", "keep")]).await;
    }
}

#[tokio::test]
async fn a_folder_renamed_then_deleted_after_the_rename_was_cut_off_stays_deleted() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.write("old/a.txt", "a");
        one.sync().await;
        one.rename("old", "renamed");
        cut_when(&world, &one, shows("/Sync/renamed/")).await;
        one.remove("renamed");
        assert_ends_as(&world, &one, &[("/keep.txt", "keep")]).await;
    }
}

#[tokio::test]
async fn a_file_moved_on_after_its_move_was_cut_off_goes_where_the_user_put_it_last() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("a/x.txt", "x");
        one.write("b/y.txt", "y");
        one.sync().await;
        one.rename("a/x.txt", "b/x.txt");
        cut_when(&world, &one, shows("/Sync/b/x.txt")).await;
        one.rename("b/x.txt", "z.txt");
        assert_ends_as(
            &world,
            &one,
            &[("/a/", ""), ("/b/", ""), ("/b/y.txt", "y"), ("/z.txt", "x")],
        )
        .await;
    }
}

#[tokio::test]
async fn a_folder_made_for_a_download_that_was_cut_off_is_nobodys() {
    let world = World::start(Dialect::Document).await;
    let one = world.machine("one", "/Sync");
    one.write("keep.txt", "keep");
    one.sync().await;
    let root = world.folder("/Sync");
    let folder = world.control.create_folder(Some(root), "there").unwrap();
    world.control.put_file(Some(folder), "a.txt", "a").unwrap();
    let disk = one.disk.clone();
    cut_when(&world, &one, move |_| disk.join("there").exists()).await;
    world.control.rename_folder(folder, "elsewhere").unwrap();
    let ends = [
        ("/elsewhere/", ""),
        ("/elsewhere/a.txt", "a"),
        ("/keep.txt", "keep"),
    ];
    assert_ends_as(&world, &one, &ends).await;
}

#[tokio::test]
async fn a_folder_deleted_there_after_its_rename_here_was_cut_off_is_deleted() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.write("old/a.txt", "a");
        one.sync().await;
        let folder = world.folder("/Sync/old");
        world.control.rename_folder(folder, "renamed").unwrap();
        let disk = one.disk.clone();
        cut_when(&world, &one, move |_| disk.join("renamed").exists()).await;
        world.control.trash_folder(folder).unwrap();
        assert_ends_as(&world, &one, &[("/keep.txt", "keep")]).await;
    }
}

#[tokio::test]
async fn h15_a_replacement_cut_off_before_the_old_version_is_trashed_survives_that_its_copy_is_deleted_elsewhere()
 {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        one.write("f.txt", "first");
        one.write("keep.txt", "keep");
        one.sync().await;
        two.sync().await;
        let old = world.file("/Sync/f.txt");
        one.write("f.txt", "second, longer");
        // The new version has the name; the old one is not trashed yet.
        let named = |world: &World| {
            let tree = world.control.tree().unwrap();
            let there = tree
                .live_files()
                .into_iter()
                .filter(|(at, _)| *at == "/Sync/f.txt");
            there.count() == 2
        };
        cut_when(&world, &one, named).await;
        let tree = world.control.tree().unwrap();
        let mut files = tree.live_files().into_iter();
        let new = files
            .find(|(at, file)| *at == "/Sync/f.txt" && file.id != old)
            .unwrap()
            .1
            .id;
        // The other machine shows both after some looks, and its user deletes the one with the odd name.
        let copy = format!("f (id {new}).txt");
        for _ in 0..6 {
            two.once().await;
            if two.disk.join(&copy).exists() {
                break;
            }
        }
        assert_eq!(two.read(&copy), "second, longer", "{dialect:?}: {:?}", two.tree());
        two.remove(&copy);
        two.once().await;
        let tree = world.control.tree().unwrap();
        assert!(
            tree.live_files().iter().all(|(_, file)| file.id != new),
            "{dialect:?}: it is in the trash"
        );
        // The first machine returns.
        until_quiet(&world, &[&one, &two]).await;
        for machine in [&one, &two] {
            assert_eq!(
                machine.read("f.txt"),
                "second, longer",
                "{dialect:?}: {:?}",
                machine.tree()
            );
            assert_eq!(machine.tree().len(), 2, "{dialect:?}: {:?}", machine.tree());
        }
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn a_replacement_cut_off_between_the_two_names_of_a_server_that_mangles_the_first_keeps_its_name_here()
{
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        let root = world.folder("/Sync");
        world.control.put_file(Some(root), "a<b.txt", "first").unwrap();
        one.sync().await;
        one.write("a<b.txt", "second, longer");
        // As the server made it of the name that was set first.
        cut_when(&world, &one, shows("/Sync/a")).await;
        assert_ends_at(
            &world,
            &one,
            &[("/a<b.txt", "second, longer"), ("/keep.txt", "keep")],
        )
        .await;
        assert_eq!(world.account().len(), 3, "{:?}", world.account());
    }
}
