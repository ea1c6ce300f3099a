//! Quirks of transfers and answers, by their number in `wire.md` §7: each alone, as harsh as it gets, under a machine that
//! sends, fetches, edits, moves and deletes. Nothing is lost, nothing is there twice, and it ends.

use super::*;

/// Passes under a quirk that strikes at random; each may fail.
const TROUBLED: usize = 6;

/// A server with one quirk more.
async fn quirky(dialect: Dialect, quirk: &str, knobs: &[(&str, &str)]) -> World {
    let world = World::start(dialect).await;
    world.control.set_quirk(quirk, true).unwrap();
    for (knob, value) in knobs {
        world.control.set_knob(&format!("{quirk}.{knob}"), value).unwrap();
    }
    world
}

fn large(byte: char) -> String {
    byte.to_string().repeat(150_000)
}

/// Two machines under a quirk that strikes at random. Passes may fail under it, but none may stop or delete unasked.
async fn is_survived(quirk: &str, knobs: &[(&str, &str)]) {
    for dialect in [Dialect::Document, Dialect::V5] {
        let world = quirky(dialect, quirk, knobs).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        let case = format!("{quirk} {dialect:?}");
        let turns = |deletions: u64| {
            let (one, two, case) = (&one, &two, &case);
            async move {
                for machine in [one, two].into_iter().cycle().take(TROUBLED) {
                    let pass = machine.once().await;
                    assert!(pass.stop.is_none(), "{case}: {pass:#?}");
                    let deleted = pass.deleted_local + pass.deleted_remote;
                    assert!(deleted <= deletions, "{case}: {pass:#?}");
                }
            }
        };
        one.write("docs/two.txt", "2b");
        one.write("docs/large.bin", &large('l'));
        one.write("docs/It's \"one\".txt", "an interim");
        one.write("gone.txt", "gone");
        turns(0).await;
        one.write("docs/two.txt", "a new version");
        one.rename("docs/large.bin", "moved.bin");
        turns(0).await;
        one.remove("gone.txt");
        turns(1).await;
        world.control.set_quirk(quirk, false).unwrap();
        until_quiet(&world, &[&one, &two]).await;
        let expected = [
            ("/docs/".to_owned(), String::new()),
            ("/docs/It's \"one\".txt".to_owned(), "an interim".to_owned()),
            ("/docs/two.txt".to_owned(), "a new version".to_owned()),
            ("/moved.bin".to_owned(), large('l')),
        ];
        for machine in [&one, &two] {
            assert!(machine.tree() == expected, "{case}: {:?}", names(machine));
        }
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

fn names(machine: &Machine) -> Vec<String> {
    machine.tree().into_iter().map(|(path, _)| path).collect()
}

#[tokio::test]
async fn q04_errors_of_every_shape_are_errors() {
    let knobs = [("key", "mix"), ("http", "mix")];
    is_survived("Q04", &knobs).await;
}

#[tokio::test]
async fn q30_a_hash_that_is_none_or_a_placeholder_is_not_compared() {
    for mode in ["false", "placeholder", "mix"] {
        is_survived("Q30", &[("mode", mode), ("above", "1")]).await;
    }
}

#[tokio::test]
async fn q31_a_success_with_an_error_in_it_is_a_failure() {
    is_survived("Q31", &[("p", "0.4")]).await;
}

#[tokio::test]
async fn q37_numbers_of_every_type_are_read() {
    is_survived("Q37", &[("mode", "per-row")]).await;
}

#[tokio::test]
async fn q38_junk_before_the_object_is_passed_over() {
    is_survived("Q38", &[("errors", "1"), ("success", "0.5")]).await;
}

#[tokio::test]
async fn q41_answers_of_a_database_that_hiccups_delete_nothing() {
    is_survived("Q41", &[("p", "0.05")]).await;
}

#[tokio::test]
async fn q50_a_download_of_another_length_is_never_placed() {
    for mode in ["short", "long"] {
        is_survived("Q50", &[("mode", mode), ("p", "0.4")]).await;
    }
}

#[tokio::test]
async fn q57_a_lost_answer_before_or_after_the_work_leaves_nothing_twice() {
    is_survived("Q57", &[("p", "0.1"), ("when", "both")]).await;
}

#[tokio::test]
async fn q60_a_file_stored_with_another_size_is_sent_again() {
    is_survived("Q60", &[("p", "0.4")]).await;
}

#[tokio::test]
async fn q46_q48_a_download_that_is_resumed_elsewhere_starts_over() {
    for mode in ["restart", "shift"] {
        let world = quirky(Dialect::V5, "Q48", &[("mode", mode), ("p", "1")]).await;
        let one = world.machine("one", "/Sync");
        one.sync().await;
        let root = world.folder("/Sync");
        // No two places of it are alike, so a wrong start is a wrong file.
        let text: String = (0..60_000).map(|number| format!("{number},")).collect();
        world.control.put_file(Some(root), "large.txt", &text).unwrap();
        world.control.set_fault("short-body", 0.7).unwrap();
        for _ in 0..6 {
            one.once().await;
            assert!(
                !one.disk.join("large.txt").exists() || one.read("large.txt") == text,
                "{mode}"
            );
        }
        world.control.set_fault("short-body", 0.0).unwrap();
        until_quiet(&world, &[&one]).await;
        assert!(one.read("large.txt") == text, "{mode}");
    }
}

#[tokio::test]
async fn q02_a_session_that_ends_while_files_are_sent_costs_a_sign_in_and_no_file() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = quirky(dialect, "Q02", &[]).await;
        let one = world.machine("one", "/Sync");
        for number in 0..6 {
            one.write(&format!("{number}.bin"), &large('x'));
        }
        let other_device = async {
            while world.control.totals().at("/file/upload") < 2 {
                tokio::task::yield_now().await;
            }
            world.control.web(devcloud::WebAction::EndSessions).unwrap();
        };
        let (pass, ()) = tokio::join!(one.once(), other_device);
        assert!(pass.in_sync(), "{pass:#?}");
        assert_eq!(world.control.totals().at("/authorize"), 2, "{dialect:?}");
        assert_eq!(pass.uploaded, 6, "{pass:#?}");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn q09_q14_q19_what_is_put_into_a_folder_that_dies_meanwhile_is_live_again_once() {
    for dialect in [Dialect::V4, Dialect::V5] {
        for purged in [false, true] {
            let world = World::start(dialect).await;
            let one = world.machine("one", "/Sync");
            one.write("docs/old.txt", "old");
            one.write("moves.txt", "moves");
            one.write("keep.txt", "keep");
            one.sync().await;
            one.write("docs/new.txt", "new");
            one.write("docs/sub/deep.txt", "deep");
            one.rename("moves.txt", "docs/moves.txt");
            let docs = world.folder("/Sync/docs");
            world.control.reset_ledger();
            let web_user = async {
                // The walk is through, or nearly: what comes after it does not know.
                while world.control.totals().at("/folder/listing") < 2 {
                    tokio::task::yield_now().await;
                }
                world.control.trash_folder(docs).unwrap();
                if purged {
                    world.control.purge_folder(docs).unwrap();
                }
            };
            let (pass, ()) = tokio::join!(one.once(), web_user);
            assert!(pass.stop.is_none(), "{pass:#?}");
            until_quiet(&world, &[&one]).await;
            let case = format!("{dialect:?} purged {purged}: {:?}", world.account());
            for (path, text) in [
                ("new.txt", "new"),
                ("sub/deep.txt", "deep"),
                ("moves.txt", "moves"),
            ] {
                assert_eq!(one.read(&format!("docs/{path}")), text, "{case}");
                let there: Vec<_> = world
                    .account()
                    .into_iter()
                    .filter(|(_, bytes)| bytes == text)
                    .collect();
                assert_eq!(there.len(), 1, "{case}");
            }
            assert_settled(&world, "/Sync", &[&one]).await;
        }
    }
}

#[tokio::test]
async fn q13_a_move_to_the_accounts_top_does_not_end_in_limbo() {
    for dialect in DIALECTS {
        let world = quirky(dialect, "Q13", &[("move", "on")]).await;
        let one = world.machine("one", "/");
        one.write("docs/a.txt", "a");
        one.write("docs/sub/b.txt", "b");
        one.sync().await;
        one.rename("docs/a.txt", "a.txt");
        one.rename("docs/sub", "sub");
        one.sync().await;
        assert_eq!(text(world.control.content(world.file("/a.txt")).unwrap()), "a");
        assert_eq!(
            text(world.control.content(world.file("/sub/b.txt")).unwrap()),
            "b"
        );
        assert_settled(&world, "", &[&one]).await;
    }
}

#[tokio::test]
async fn q45_a_file_whose_bytes_are_gone_there_is_named_and_no_page_takes_its_place() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = quirky(dialect, "Q45", &[]).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        let root = world.folder("/Sync");
        let file = world
            .control
            .put_file(Some(root), "page.html", "<html>mine</html>")
            .unwrap();
        world
            .control
            .web(devcloud::WebAction::LoseContent { file })
            .unwrap();
        world
            .control
            .put_file(Some(root), "fine.html", "<html>fine</html>")
            .unwrap();
        for _ in 0..2 {
            let pass = one.once().await;
            assert!(
                pass.stop.is_none() && pass.error.is_none() && !pass.in_sync(),
                "{pass:#?}"
            );
            assert_eq!((pass.deleted_local, pass.deleted_remote), (0, 0), "{pass:#?}");
        }
        assert_eq!(names(&one), ["/fine.html", "/keep.txt"]);
        assert_eq!(
            one.read("fine.html"),
            "<html>fine</html>",
            "a page may be a file too"
        );
    }
}

#[tokio::test]
async fn q51_a_server_that_turns_calls_away_is_waited_for() {
    for answer in ["json", "text", "html", "challenge"] {
        let knobs = [("per-second", "60"), ("retry-after", "1"), ("answer", answer)];
        let world = quirky(Dialect::V5, "Q51", &knobs).await;
        let one = world.machine("one", "/Sync");
        for number in 0..30 {
            one.write(&format!("{number}.txt"), &format!("{number}"));
        }
        for _ in 0..6 {
            let pass = one.once().await;
            assert!(pass.stop.is_none(), "{pass:#?}");
            assert_eq!((pass.deleted_local, pass.deleted_remote), (0, 0), "{answer}");
        }
        world.control.set_quirk("Q51", false).unwrap();
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.tree().len(), 30, "{answer}");
        assert!(
            world.control.totals().at("/authorize") <= 1,
            "it is no reason to sign in"
        );
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn q52_maintenance_is_an_error_and_no_deletion() {
    for mode in ["html", "redirect"] {
        let world = World::start(Dialect::V5).await;
        let one = world.machine("one", "/Sync");
        one.write("docs/a.txt", "a");
        one.sync().await;
        world.control.set_quirk("Q52", true).unwrap();
        world.control.set_knob("Q52.mode", mode).unwrap();
        one.write("b.txt", "b");
        for _ in 0..2 {
            let pass = one.once().await;
            assert!(pass.error.is_some(), "{mode}: {pass:#?}");
            assert_eq!(names(&one), ["/b.txt", "/docs/", "/docs/a.txt"]);
        }
        world.control.set_quirk("Q52", false).unwrap();
        one.sync().await;
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn q58_a_folder_that_is_shared_with_us_is_never_written() {
    let world = quirky(Dialect::V5, "Q58", &[]).await;
    let name = devcloud::Name(b"Theirs".to_vec());
    let theirs = world
        .control
        .web(devcloud::WebAction::ShareFolder { name })
        .unwrap()
        .unwrap();
    let one = world.machine("one", "/");
    one.write("Theirs/mine.txt", "mine");
    one.write("keep.txt", "keep");
    until_quiet(&world, &[&one]).await;
    assert_eq!(one.read("Theirs/mine.txt"), "mine");
    let tree = world.control.tree().unwrap();
    let there = tree.files.iter().filter(|row| row.name == "mine.txt");
    for row in there {
        assert_ne!(
            row.folder,
            Some(theirs),
            "it would be theirs, and not found by us"
        );
    }
    assert_eq!(
        text(world.control.content(world.file("/Theirs/mine.txt")).unwrap()),
        "mine"
    );
}

#[tokio::test]
async fn q59_a_file_of_no_bytes_there_is_made_here_and_neither_fetched_nor_sent() {
    for dialect in DIALECTS {
        let world = quirky(dialect, "Q59", &[]).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        world
            .control
            .put_file(Some(world.folder("/Sync")), "zero.txt", "")
            .unwrap();
        world.control.reset_ledger();
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.read("zero.txt"), "");
        assert_eq!(world.control.totals().at("/file/download"), 0);
        one.sync().await;
        assert_eq!(world.control.totals().at("/file/upload"), 0);
    }
}

/// A client as the machine's engine has one.
fn client(machine: &Machine) -> api::Client {
    let store = Arc::new(api::MemoryTokenStore::new());
    api::Client::new(machine.client_config(), store, Arc::new(|_| Ok(()))).unwrap()
}

#[tokio::test]
async fn q49_a_link_that_ended_is_renewed_once() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = quirky(dialect, "Q49", &[("life", "600")]).await;
        let one = world.machine("one", "/Sync");
        let file = world.control.put_file(None, "a.txt", "bytes").unwrap();
        let client = client(&one);
        for _ in 0..2 {
            let mut body = client
                .download(api::FileId::new(file).unwrap(), 5, 0)
                .await
                .unwrap();
            assert_eq!(body.chunk().await.unwrap().unwrap(), "bytes");
            world.control.advance(std::time::Duration::from_secs(1200));
        }
        let links = world.control.totals().at("/file/download");
        assert_eq!(links, 2, "{dialect:?}: the second use asks for another link");
    }
}

#[tokio::test]
async fn q53_importing_is_told_to_be_unsupported() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = quirky(dialect, "Q53", &[]).await;
        let one = world.machine("one", "/Sync");
        let said = client(&one)
            .import_add("https://example.org/a.txt", api::Parent::Top)
            .await;
        assert!(
            matches!(said, Err(api::ApiError::Unsupported { .. })),
            "{dialect:?}: {said:?}"
        );
    }
}

#[tokio::test]
async fn q56_a_redirect_to_another_name_of_the_site_is_an_error_that_names_it() {
    let world = quirky(Dialect::V5, "Q56", &[]).await;
    let mut one = world.machine("one", "/Sync");
    one.write("a.txt", "a");
    let right = one.config.account.api_url.clone();
    one.config.account.api_url = right.as_str().replace("127.0.0.1", "localhost").parse().unwrap();
    let pass = one.once().await;
    let error = format!("{:?}", pass.error.unwrap());
    assert!(error.contains("127.0.0.1"), "{error}");
    assert!(world.control.tree().unwrap().files.is_empty());
    one.config.account.api_url = right;
    one.sync().await;
}
