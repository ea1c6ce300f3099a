//! Histories by their number, as far as they are about absences, dead folders and leaving the pair.

use std::time::Duration;

use super::*;

/// Dialects in which something can come into a dead folder.
const INTO_TRASH: [Dialect; 2] = [Dialect::V4, Dialect::V5];

#[tokio::test]
async fn h01_what_lands_below_a_dead_folder_is_live_again_in_both_places() {
    for dialect in INTO_TRASH {
        for (root, prefix) in [("/", ""), ("/Sync", "/Sync")] {
            let world = World::start(dialect).await;
            let one = world.machine("one", root);
            one.write("keep/k.txt", "k");
            one.write("p/old.txt", "old");
            one.sync().await;
            let folder = world.folder(&format!("{prefix}/p"));
            world.control.trash_folder(folder).unwrap();
            // Another device's upload lands in it after its death.
            world.control.put_file(Some(folder), "late.txt", "late").unwrap();
            until_quiet(&world, &[&one]).await;
            assert_eq!(one.read("p/late.txt"), "late", "{dialect:?} {root}");
            assert_eq!(
                text(
                    world
                        .control
                        .content(world.file(&format!("{prefix}/p/late.txt")))
                        .unwrap()
                ),
                "late"
            );
            assert!(
                !one.disk.join("p/old.txt").exists(),
                "{dialect:?} {root}: what died with it is gone"
            );
            assert_settled(&world, prefix, &[&one]).await;
        }
    }
}

#[tokio::test]
async fn h02_an_expired_file_stays_here_and_is_uploaded_anew() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("old.txt", "old");
        one.write("other.txt", "other");
        one.sync().await;
        // Two days pass for both; the package expires after one.
        let journal = one.config.pair_dir("main").join("journal.db");
        age(&journal, 2 * 24 * 3600);
        world
            .control
            .set_package("days_to_keep_inactive_files", 1)
            .unwrap();
        world.control.purge_file(world.file("/Sync/old.txt")).unwrap();
        one.sync().await;
        assert_eq!(one.read("old.txt"), "old", "{dialect:?}");
        assert_eq!(
            text(world.control.content(world.file("/Sync/old.txt")).unwrap()),
            "old"
        );
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn a_purge_of_a_file_that_was_used_lately_is_a_deletion() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("new.txt", "new");
    one.write("other.txt", "other");
    one.sync().await;
    world
        .control
        .set_package("days_to_keep_inactive_files", 1)
        .unwrap();
    world.control.purge_file(world.file("/Sync/new.txt")).unwrap();
    one.sync().await;
    assert!(!one.disk.join("new.txt").exists());
    assert_settled(&world, "/Sync", &[&one]).await;
}

/// Makes everything in a journal older. A test cannot wait for days, and the engine has no clock of the test's.
fn age(journal: &Path, seconds: i64) {
    let conn = rusqlite::Connection::open(journal).unwrap();
    conn.execute("UPDATE held_id SET since = since - ?1", [seconds])
        .unwrap();
}

#[tokio::test]
async fn h16_a_folder_moved_out_of_the_pair_is_gone_from_all_machines() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        one.write("docs/a.txt", "a");
        one.write("f.txt", "f");
        one.write("keep.txt", "keep");
        one.sync().await;
        two.sync().await;
        let outside = world.control.create_folder(None, "Outside").unwrap();
        world.control.put_file(Some(outside), "x.txt", "x").unwrap();
        world
            .control
            .move_folder(world.folder("/Sync/docs"), Some(outside))
            .unwrap();
        world.control.move_file(world.file("/Sync/f.txt"), None).unwrap();
        until_quiet(&world, &[&one, &two]).await;
        for machine in [&one, &two] {
            assert!(!machine.disk.join("docs").exists(), "{dialect:?}");
            assert!(!machine.disk.join("f.txt").exists(), "{dialect:?}");
        }
        assert_eq!(
            text(world.control.content(world.file("/Outside/docs/a.txt")).unwrap()),
            "a"
        );
        assert_eq!(text(world.control.content(world.file("/f.txt")).unwrap()), "f");
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn h17_a_name_that_one_machine_ignores_is_a_rename_on_the_other() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine_with("one", "/Sync", "exclude = [\"*.tmp\"]");
    let two = world.machine("two", "/Sync");
    one.write("f.txt", "f");
    one.write("keep.txt", "keep");
    one.sync().await;
    two.sync().await;
    world
        .control
        .rename_file(world.file("/Sync/f.txt"), "f.tmp")
        .unwrap();
    until_quiet(&world, &[&one, &two]).await;
    assert!(!one.disk.join("f.txt").exists() && !one.disk.join("f.tmp").exists());
    assert_eq!(two.read("f.tmp"), "f");
    assert_eq!(
        text(world.control.content(world.file("/Sync/f.tmp")).unwrap()),
        "f"
    );
}

#[tokio::test]
async fn h20_a_ring_of_folders_is_undone() {
    for dialect in INTO_TRASH {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("a/a.txt", "a");
        one.write("b/b.txt", "b");
        one.write("keep.txt", "keep");
        one.sync().await;
        let (a, b) = (world.folder("/Sync/a"), world.folder("/Sync/b"));
        world.control.move_folder(a, Some(b)).unwrap();
        world.control.move_folder(b, Some(a)).unwrap();
        until_quiet(&world, &[&one]).await;
        let files: Vec<String> = world.account().into_iter().map(|(path, _)| path).collect();
        assert!(
            files.iter().any(|path| path.ends_with("/a.txt")),
            "{dialect:?} {files:?}"
        );
        assert!(
            files.iter().any(|path| path.ends_with("/b.txt")),
            "{dialect:?} {files:?}"
        );
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn h03_rows_that_went_back_in_time_delete_nothing() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    for name in ["a", "b", "c", "d"] {
        one.write(&format!("{name}.txt"), name);
    }
    one.sync().await;
    let files = ["a", "b", "c"].map(|name| world.file(&format!("/Sync/{name}.txt")));
    let folders = Vec::new();
    world
        .control
        .web(devcloud::WebAction::LoseRows {
            files: files.to_vec(),
            folders,
        })
        .unwrap();
    for _ in 0..2 {
        let pass = one.once().await;
        assert_eq!(pass.stop.map(|stop| stop.kind), Some("lost_rows"));
    }
    assert_eq!(one.tree().len(), 4);
}

#[tokio::test]
async fn h03_another_file_under_an_id_of_before_is_no_edit() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    for name in ["a", "b", "c"] {
        one.write(&format!("{name}.txt"), &format!("text {name}"));
    }
    one.sync().await;
    // The database of last night: it gives the ids of today out again, to others.
    let root = world.folder("/Sync");
    let files = ["a", "b", "c"].map(|name| world.file(&format!("/Sync/{name}.txt")));
    world
        .control
        .web(devcloud::WebAction::LoseRows {
            files: files.to_vec(),
            folders: Vec::new(),
        })
        .unwrap();
    for number in 0..2 {
        let name = format!("another {number}.txt");
        let id = world
            .control
            .put_file(Some(root), &name, format!("another {number}"))
            .unwrap();
        assert!(files.contains(&id), "without that this shows nothing");
    }
    for _ in 0..2 {
        let pass = one.once().await;
        assert_eq!(pass.stop.map(|stop| stop.kind), Some("lost_rows"));
        assert_eq!(
            (one.read("a.txt"), one.read("b.txt")),
            ("text a".into(), "text b".into())
        );
    }
    let mut journal = state::Journal::open(&one.config.pair_dir("main")).unwrap();
    journal
        .approve(None, "test", crate::engine::clock::now())
        .unwrap();
    drop(journal);
    until_quiet(&world, &[&one]).await;
    let texts: Vec<String> = one.tree().into_iter().map(|(_, text)| text).collect();
    for text in ["text a", "text b", "text c", "another 0", "another 1"] {
        assert_eq!(
            texts.iter().filter(|it| *it == text).count(),
            1,
            "{text}: {:?}",
            one.tree()
        );
    }
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn h31_an_edit_of_equal_size_is_sent_whatever_its_times_say() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("f.txt", "one");
    let times = || fs::metadata(one.disk.join("f.txt")).unwrap().modified().unwrap();
    one.sync().await;
    for (text, restored) in [("two", false), ("six", true), ("ten", true)] {
        let before = times();
        one.write("f.txt", text);
        if restored {
            let file = fs::File::options()
                .write(true)
                .open(one.disk.join("f.txt"))
                .unwrap();
            file.set_modified(before).unwrap();
        }
        let pass = one.sync().await;
        assert_eq!((pass.uploaded, pass.downloaded), (1, 0), "{text}: {pass:#?}");
        assert_eq!(
            super::text(world.control.content(world.file("/Sync/f.txt")).unwrap()),
            text
        );
    }
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn h42_bytes_swapped_at_equal_size_are_taken_at_the_next_download() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("f.txt", "one");
    one.write("keep.txt", "keep");
    one.sync().await;
    world
        .control
        .swap_content(world.file("/Sync/f.txt"), "two")
        .unwrap();
    world
        .control
        .rename_file(world.file("/Sync/f.txt"), "g.txt")
        .unwrap();
    one.remove("f.txt");
    until_quiet(&world, &[&one]).await;
    assert_eq!(one.read("g.txt"), "two");
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn what_was_seen_in_the_trash_and_is_purged_and_lost_after_that_is_a_deletion() {
    let world = World::start(Dialect::Document).await;
    let one = world.machine("one", "/Sync");
    for number in 0..4 {
        one.write(&format!("docs/{number}.txt"), &format!("{number}"));
    }
    one.write("keep.txt", "keep");
    one.sync().await;
    world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
    one.sync().await;
    world.control.advance(Duration::from_secs(40 * 24 * 3600));
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn h11_trash_at_the_root_is_neither_made_here_nor_deleted_again_on_a_server_that_proves_nothing() {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", "/");
    one.write("docs/a.txt", "a");
    one.write("empty/b.txt", "b");
    one.sync().await;
    world.control.trash_folder(world.folder("/empty")).unwrap();
    // Neither a state in the rows, nor a probe: both ends of the move answer alike.
    world.control.set_quirk("Q16", false).unwrap();
    for _ in 0..3 {
        let pass = one.once().await;
        assert!(pass.stop.is_none() && pass.error.is_none(), "{pass:#?}");
        assert_eq!(
            (pass.uploaded, pass.downloaded, pass.deleted_remote),
            (0, 0, 0),
            "{pass:#?}"
        );
        assert_eq!(one.read("docs/a.txt"), "a");
    }
}

#[tokio::test]
async fn h29_an_upload_that_could_not_be_settled_is_no_conflict_with_ourselves() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("keep.txt", "keep");
    one.sync().await;
    // The walk, the upload and nothing after it: listings fail from then on.
    one.write("f.txt", "first");
    let failing = async {
        while world.control.totals().at("/file/upload") < 2 {
            tokio::task::yield_now().await;
        }
        world.control.set_fault("5xx-json", 1.0).unwrap();
    };
    tokio::join!(one.once(), failing);
    one.write("f.txt", "second, longer");
    one.once().await;
    world.control.set_fault("5xx-json", 0.0).unwrap();
    until_quiet(&world, &[&one]).await;
    assert_eq!(one.tree().len(), 2, "{:?}", one.tree());
    assert_eq!(one.read("f.txt"), "second, longer");
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn a_folder_purged_before_anybody_looked_goes_here_if_its_files_say_so() {
    for dialect in INTO_TRASH {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("docs/a.txt", "a");
        one.write("docs/deep/b.txt", "b");
        one.write("keep.txt", "keep");
        one.sync().await;
        let docs = world.folder("/Sync/docs");
        world.control.trash_folder(docs).unwrap();
        world.control.purge_folder(docs).unwrap();
        until_quiet(&world, &[&one]).await;
        assert!(!one.disk.join("docs").exists(), "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn h21_a_folder_kept_for_an_empty_file_is_not_made_again_and_again() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("docs/a.txt", "a");
        one.write("docs/empty.txt", "");
        one.write("keep.txt", "keep");
        one.sync().await;
        world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
        one.sync().await;
        assert_eq!(one.read("docs/empty.txt"), "");
        assert!(!one.disk.join("docs/a.txt").exists(), "{dialect:?}");
        world.mutations();
        for _ in 0..2 {
            one.sync().await;
        }
        assert_eq!(world.mutations(), 0, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_foreign_interim_younger_than_a_week_keeps_its_folder_and_an_old_one_does_not() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("docs/a.txt", "a");
    one.write("keep.txt", "keep");
    one.sync().await;
    let docs = world.folder("/Sync/docs");
    let name = "syncd-up-00000001-00000000000000aa.txt";
    world.control.put_file(Some(docs), name, "theirs").unwrap();
    one.sync().await;
    one.remove("docs");
    one.once().await;
    assert_eq!(
        world.folder("/Sync/docs"),
        docs,
        "it is kept for the upload that is under way"
    );
    let journal = rusqlite::Connection::open(one.config.pair_dir("main").join("journal.db")).unwrap();
    journal
        .execute(
            "UPDATE row_look SET first_seen = first_seen - 700000, last_without = last_without - 700000",
            [],
        )
        .unwrap();
    drop(journal);
    one.write("docs/b.txt", "b");
    one.sync().await;
    one.remove("docs");
    until_quiet(&world, &[&one]).await;
    assert!(
        world.account().iter().all(|(path, _)| !path.contains("/docs")),
        "{:?}",
        world.account()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h35_a_file_that_never_holds_still_is_sent_from_a_copy_at_last() {
    let world = World::start(Dialect::Document).await;
    let mut one = world.machine("one", "/Sync");
    one.config.timing.quiet_period = Duration::from_millis(60);
    one.config.timing.restless_after = Duration::ZERO;
    one.write("log", "line 0000\n");
    let (log, end) = (one.disk.join("log"), CancellationToken::new());
    let writer = {
        let end = end.clone();
        tokio::task::spawn_blocking(move || {
            let mut log = fs::OpenOptions::new().append(true).open(log).unwrap();
            let mut number = 1;
            while !end.is_cancelled() {
                std::io::Write::write_all(&mut log, format!("line {number:04}\n").as_bytes()).unwrap();
                number += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
        })
    };
    for pass in 1..=2 {
        let summary = one.once().await;
        assert_eq!(summary.uploaded, 0, "{pass}: {summary:#?}");
        assert_eq!(summary.held.len(), 1, "{pass}: {summary:#?}");
    }
    assert_eq!(one.once().await.uploaded, 1);
    let sent = text(world.control.content(world.file("/Sync/log")).unwrap());
    assert!(
        sent.starts_with("line 0000\nline 0001\n") && sent.ends_with('\n'),
        "{sent}"
    );
    end.cancel();
    writer.await.unwrap();
    // When it holds still, all of it comes.
    one.sync().await;
    assert_eq!(
        text(world.control.content(world.file("/Sync/log")).unwrap()),
        one.read("log")
    );
    assert!(one.read("log").len() > sent.len());
    assert_settled(&world, "/Sync", &[&one]).await;
}
