//! The same in every dialect: what the web user does arrives here, trash is never taken for life, nor life for trash.

use super::*;

/// Where the pair hangs, and how its paths begin in the account.
const ROOTS: [(&str, &str); 2] = [("/", ""), ("/Sync", "/Sync")];

#[tokio::test]
async fn what_the_web_user_does_arrives_here() {
    for dialect in DIALECTS {
        for (root, prefix) in ROOTS {
            let world = World::start(dialect).await;
            let one = world.machine("one", root);
            one.write("keep/a.txt", "a");
            one.write("docs/b.txt", "b");
            one.write("docs/deep/c.txt", "c");
            one.write("docs/d.txt", "d");
            one.write("top.txt", "top");
            one.sync().await;
            assert_settled(&world, prefix, &[&one]).await;

            let at = |path: &str| format!("{prefix}{path}");
            world.control.trash_file(world.file(&at("/docs/b.txt"))).unwrap();
            world
                .control
                .rename_file(world.file(&at("/docs/d.txt")), "e.txt")
                .unwrap();
            world
                .control
                .move_folder(world.folder(&at("/docs/deep")), Some(world.folder(&at("/keep"))))
                .unwrap();
            world
                .control
                .put_file(Some(world.folder(&at("/keep"))), "new.txt", "new")
                .unwrap();
            one.sync().await;
            assert_eq!(one.read("keep/deep/c.txt"), "c", "{dialect:?} {root}");
            assert_eq!(one.read("docs/e.txt"), "d", "{dialect:?} {root}");
            assert_settled(&world, prefix, &[&one]).await;
        }
    }
}

#[tokio::test]
async fn a_folder_that_the_web_user_deletes_goes_here_and_never_comes_back() {
    for dialect in DIALECTS {
        for (root, prefix) in ROOTS {
            let world = World::start(dialect).await;
            let one = world.machine("one", root);
            one.write("keep/a.txt", "a");
            one.write("docs/b.txt", "b");
            one.write("docs/deep/c.txt", "c");
            one.sync().await;
            world
                .control
                .trash_folder(world.folder(&format!("{prefix}/docs")))
                .unwrap();
            one.sync().await;
            assert!(!one.disk.join("docs").exists(), "{dialect:?} {root}");
            assert_settled(&world, prefix, &[&one]).await;
        }
    }
}

#[tokio::test]
async fn a_deep_folder_that_the_web_user_deletes_goes_here() {
    for dialect in DIALECTS {
        for (root, prefix) in ROOTS {
            let world = World::start(dialect).await;
            let one = world.machine("one", root);
            one.write("a/b/c/d.txt", "d");
            one.write("a/x.txt", "x");
            one.sync().await;
            world
                .control
                .trash_folder(world.folder(&format!("{prefix}/a/b")))
                .unwrap();
            one.sync().await;
            assert!(!one.disk.join("a/b").exists(), "{dialect:?} {root}");
            assert_eq!(one.read("a/x.txt"), "x");
            assert_settled(&world, prefix, &[&one]).await;
        }
    }
}

#[tokio::test]
async fn trash_that_was_never_synced_stays_out() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let old = world.control.create_folder(None, "old").unwrap();
        world.control.put_file(Some(old), "gone.txt", "gone").unwrap();
        world.control.trash_folder(old).unwrap();
        let loose = world.control.put_file(None, "loose.txt", "loose").unwrap();
        world.control.trash_file(loose).unwrap();
        let alive = world.control.create_folder(None, "alive").unwrap();
        world.control.put_file(Some(alive), "here.txt", "here").unwrap();
        let one = world.machine("one", "/");
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.tree(), world.account(), "{dialect:?}");
        assert!(
            !one.disk.join("old").exists() && !one.disk.join("loose.txt").exists(),
            "{dialect:?}"
        );
        assert_settled(&world, "", &[&one]).await;
    }
}

#[tokio::test]
async fn a_trashed_root_of_the_same_name_is_passed_over() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let dead = world.control.create_folder(None, "Sync").unwrap();
        world.control.put_file(Some(dead), "gone.txt", "gone").unwrap();
        world.control.trash_folder(dead).unwrap();
        let other = world.control.create_folder(None, "Other").unwrap();
        world.control.put_file(Some(other), "x.txt", "x").unwrap();
        let one = world.machine("one", "/Sync");
        one.write("a.txt", "a");
        one.sync().await;
        assert_eq!(
            world.file("/Sync/a.txt"),
            world.file("/Sync/a.txt"),
            "{dialect:?}"
        );
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn a_pairs_own_root_in_the_trash_stops_it() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let other = world.control.create_folder(None, "Other").unwrap();
        world.control.put_file(Some(other), "x.txt", "x").unwrap();
        let one = world.machine("one", "/Sync");
        one.write("a.txt", "a");
        one.sync().await;
        world.control.trash_folder(world.folder("/Sync")).unwrap();
        let pass = one.once().await;
        assert_eq!(
            pass.stop.map(|stop| stop.kind),
            Some("remote_root_gone"),
            "{dialect:?}"
        );
        assert_eq!(one.read("a.txt"), "a");
    }
}

#[tokio::test]
async fn what_is_deleted_here_goes_to_the_accounts_trash() {
    for dialect in DIALECTS {
        for (root, prefix) in ROOTS {
            let world = World::start(dialect).await;
            let one = world.machine("one", root);
            one.write("keep/a.txt", "a");
            one.write("docs/b.txt", "b");
            one.write("docs/deep/c.txt", "c");
            one.write("one.txt", "1");
            one.sync().await;
            world.mutations();
            one.remove("docs");
            one.remove("one.txt");
            one.sync().await;
            assert_eq!(
                world.mutations(),
                2,
                "{dialect:?} {root}: one call for the folder, one for the file"
            );
            assert_settled(&world, prefix, &[&one]).await;
        }
    }
}

#[tokio::test]
async fn one_row_that_is_lost_is_kept_and_two_stop_the_pair() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        for name in ["a", "b", "c"] {
            one.write(&format!("{name}.txt"), name);
        }
        one.sync().await;
        let lose = |path: &str| devcloud::WebAction::LoseRows {
            files: vec![world.file(path)],
            folders: Vec::new(),
        };
        world.control.web(lose("/Sync/a.txt")).unwrap();
        let pass = one.once().await;
        assert!(pass.stop.is_none(), "{pass:#?}");
        assert!(!pass.in_sync(), "{dialect:?}: it is reported");
        assert_eq!(one.read("a.txt"), "a");
        world.control.web(lose("/Sync/b.txt")).unwrap();
        let pass = one.once().await;
        assert_eq!(pass.stop.map(|stop| stop.kind), Some("lost_rows"), "{dialect:?}");
        assert_eq!(
            (one.read("a.txt"), one.read("b.txt")),
            ("a".to_owned(), "b".to_owned())
        );
    }
}

#[tokio::test]
async fn a_folder_that_the_server_does_not_find_is_not_asked_for_again_and_again() {
    let world = World::start(Dialect::V5).await;
    world.control.set_knob("Q21.limit", "2").unwrap();
    let one = world.machine("one", "/Sync");
    for name in ["a", "b", "z"] {
        one.write(&format!("{name}/{name}.txt"), name);
    }
    one.sync().await;
    world.mutations();
    one.rename("a/a.txt", "z/moved.txt");
    let pass = one.once().await;
    assert!(!pass.in_sync() && pass.stop.is_none(), "{pass:#?}");
    assert!(world.mutations() <= 1, "one try a run");
    assert_eq!(one.read("z/moved.txt"), "a");
    world.control.set_knob("Q21.limit", "1000").unwrap();
    one.sync().await;
    assert_settled(&world, "/Sync", &[&one]).await;
}
