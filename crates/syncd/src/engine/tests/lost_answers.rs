//! Answers that get lost, uploads that come to something else than they should: nothing is there twice, nothing is
//! missing, and it ends.

use api::transport::{HttpRequest, HttpResponse, TransportError};
use futures_util::future::BoxFuture;

use super::*;

/// A few files in a few folders.
fn fill(machine: &Machine) {
    for folder in ["a", "a/b", "c"] {
        for number in 0..3 {
            machine.write(&format!("{folder}/{number}.txt"), &format!("{folder} {number}"));
        }
    }
}

async fn with_fault(dialect: Dialect, fault: &str, p: f64) {
    let world = World::start(dialect).await;
    let one = world.machine("one", "/Sync");
    fill(&one);
    world.control.set_fault(fault, p).unwrap();
    for _ in 0..6 {
        one.once().await;
    }
    one.write("a/1.txt", "edited");
    one.rename("c", "d");
    for _ in 0..6 {
        one.once().await;
    }
    world.control.set_fault(fault, 0.0).unwrap();
    until_quiet(&world, &[&one]).await;
    assert_eq!(one.tree(), below(world.account(), "/Sync"), "{dialect:?} {fault}");
    assert_eq!(one.tree().len(), 12, "{dialect:?} {fault}: {:?}", one.tree());
    assert_eq!(one.read("a/1.txt"), "edited");
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn answers_that_are_lost_after_the_work_leave_nothing_twice() {
    for dialect in DIALECTS {
        with_fault(dialect, "drop-after", 0.3).await;
    }
}

#[tokio::test]
async fn answers_that_are_cut_or_empty_leave_nothing_twice() {
    with_fault(Dialect::V5, "cut-json", 0.3).await;
    with_fault(Dialect::V4, "empty-body", 0.3).await;
}

#[tokio::test]
async fn uploads_of_which_half_is_stored_are_sent_again() {
    for dialect in DIALECTS {
        with_fault(dialect, "upload-truncated", 0.4).await;
    }
}

/// A machine that has synced once, and has more to send.
async fn about_to_send(dialect: Dialect) -> (World, Machine) {
    let world = World::start(dialect).await;
    let one = world.machine("one", "/Sync");
    one.write("keep.txt", "keep");
    one.sync().await;
    fill(&one);
    (world, one)
}

/// Nothing took a conflict name, nothing is missing, and it ends.
async fn all_is_there_once(world: &World, one: &Machine) {
    until_quiet(world, &[one]).await;
    assert_eq!(one.tree().len(), 13, "{:?}", one.tree());
    assert_settled(world, "/Sync", &[one]).await;
}

/// Every upload is stored by half and answered with a failure.
fn store_halves(world: &World, yes: bool) {
    let p = if yes { 1.0 } else { 0.0 };
    world.control.set_fault("upload-truncated", p).unwrap();
    world.control.set_quirk("Q32", yes).unwrap();
    if yes {
        world.control.set_knob("Q32.p", "1").unwrap();
    }
}

#[tokio::test]
async fn an_upload_of_which_half_is_stored_and_the_answer_lost_is_no_conflict_with_ourselves() {
    for dialect in DIALECTS {
        let (world, one) = about_to_send(dialect).await;
        store_halves(&world, true);
        one.once().await;
        store_halves(&world, false);
        all_is_there_once(&world, &one).await;
    }
}

#[tokio::test]
async fn a_half_stored_upload_that_cannot_be_looked_at_yet_is_no_conflict_with_ourselves() {
    for dialect in DIALECTS {
        let (world, one) = about_to_send(dialect).await;
        store_halves(&world, true);
        world.control.set_fault("short-body", 1.0).unwrap();
        one.once().await;
        store_halves(&world, false);
        one.once().await;
        world.control.set_fault("short-body", 0.0).unwrap();
        all_is_there_once(&world, &one).await;
    }
}

#[tokio::test]
async fn half_stored_uploads_and_lost_answers_of_every_call_are_no_conflict_with_ourselves() {
    for dialect in DIALECTS {
        let (world, one) = about_to_send(dialect).await;
        for fault in ["upload-truncated", "empty-body"] {
            world.control.set_fault(fault, 0.5).unwrap();
        }
        for _ in 0..4 {
            one.once().await;
        }
        for fault in ["upload-truncated", "empty-body"] {
            world.control.set_fault(fault, 0.0).unwrap();
        }
        all_is_there_once(&world, &one).await;
    }
}

#[tokio::test]
async fn an_upload_that_is_stored_although_the_answer_says_failed_is_found() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        fill(&one);
        world.control.set_quirk("Q32", true).unwrap();
        world.control.set_knob("Q32.p", "0.5").unwrap();
        for _ in 0..4 {
            one.once().await;
        }
        world.control.set_quirk("Q32", false).unwrap();
        until_quiet(&world, &[&one]).await;
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn h30_a_file_whose_uploads_are_trashed_at_once_is_sent_once_more_and_then_held() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        // An interim takes two calls: between them the scanner strikes.
        one.write("virus'.exe", "bad");
        let mut sent = 0;
        for _ in 0..6 {
            let before = world.control.tree().unwrap().files.len();
            let pass = tokio::select! {
                pass = one.once() => pass,
                () = scanner(&world) => panic!("it scans for ever"),
            };
            sent += world.control.tree().unwrap().files.len() - before;
            assert!(
                pass.error.is_none() && pass.stop.is_none(),
                "{dialect:?} {pass:#?}"
            );
            assert_eq!(one.read("virus'.exe"), "bad", "{dialect:?}");
        }
        assert!(sent <= 2, "{dialect:?}: sent {sent} times");
        let pass = one.once().await;
        assert!(
            pass.held.iter().any(|item| item.path == "virus'.exe"),
            "{dialect:?} {pass:#?}"
        );
        // Other bytes are another file.
        one.write("virus'.exe", "harmless now");
        until_quiet(&world, &[&one]).await;
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

/// Trashes every new file that is not `keep.txt`, as long as it is let. It gets its turn between any two of the pass: a
/// file that a listing had shown live would be a file that was deleted, and not one that was not wanted.
async fn scanner(world: &World) {
    loop {
        let tree = world.control.tree().unwrap();
        let live = tree.live_files();
        for (_, file) in live.into_iter().filter(|(path, _)| !path.ends_with("keep.txt")) {
            world.control.trash_file(file.id).unwrap();
        }
        tokio::task::yield_now().await;
    }
}

/// Sends `late.txt`, which is not answered and arrives a moment later.
async fn send_late(world: &World, machine: &Machine, bytes: &str) {
    world.control.set_quirk("Q20", true).unwrap();
    for (knob, value) in [
        ("Q20.gateway", "0"),
        ("Q20.work", "1"),
        ("Q20.late", "1"),
        ("Q20.p", "1"),
    ] {
        world.control.set_knob(knob, value).unwrap();
    }
    machine.write("late.txt", bytes);
    machine.once().await;
    world.control.set_quirk("Q20", false).unwrap();
}

#[tokio::test]
async fn an_upload_that_arrives_after_it_was_sent_again_goes() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.sync().await;
        send_late(&world, &one, "late").await;
        one.sync().await;
        let sent = usize::try_from(world.control.totals().at("/file/upload")).unwrap();
        while world.control.tree().unwrap().files.len() < sent {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.tree().len(), 2, "{dialect:?} {:?}", one.tree());
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

/// A network on which nothing is heard of what a call to one endpoint came to.
struct Deaf {
    net: HttpTransport,
    endpoint: &'static str,
    /// What happens meanwhile.
    then: Box<dyn Fn() + Send + Sync>,
}

impl Transport for Deaf {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let lost = request.url.path().ends_with(self.endpoint);
        Box::pin(async move {
            let answer = self.net.send(request).await?;
            if lost {
                (self.then)();
                Err(TransportError::Broken("the answer is lost".to_owned()))
            } else {
                Ok(answer)
            }
        })
    }
}

/// A machine that hears nothing of what comes of calls to an endpoint in its next pass.
async fn once_deaf(
    machine: &Machine,
    endpoint: &'static str,
    then: impl Fn() + Send + Sync + 'static,
) -> PairSummary {
    let net = HttpTransport::new(&machine.client_config()).unwrap();
    let then = Box::new(then);
    machine.once_through(Arc::new(Deaf { net, endpoint, then })).await
}

/// A machine that has synced once, and looks for what it sent as long as it takes.
async fn patient(world: &World) -> Machine {
    let mut one = world.machine("one", "/Sync");
    one.config.timing.late_upload_limit = std::time::Duration::from_secs(600);
    one.write("keep.txt", "keep");
    one.sync().await;
    one
}

#[tokio::test]
async fn a_file_put_back_after_a_deletion_of_which_the_answer_was_lost_stays() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = patient(&world).await;
        one.write("docs/f.txt", "once more");
        one.sync().await;
        // Out of the pair and back: it is the same file to this disk.
        let aside = world.dir.path().join("aside");
        fs::rename(one.disk.join("docs/f.txt"), &aside).unwrap();
        let pass = once_deaf(&one, "/file/delete", || {}).await;
        assert!(!pass.in_sync(), "{dialect:?} {pass:#?}");
        fs::rename(&aside, one.disk.join("docs/f.txt")).unwrap();
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.read("docs/f.txt"), "once more", "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn a_deletion_of_which_the_answer_was_lost_is_one() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = patient(&world).await;
        one.write("f.txt", "gone soon");
        one.sync().await;
        one.remove("f.txt");
        once_deaf(&one, "/file/delete", || {}).await;
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.tree().len(), 1, "{dialect:?} {:?}", one.tree());
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn an_upload_that_is_moved_before_it_was_seen_is_one_that_moved() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = patient(&world).await;
        one.write("f.txt", "mine");
        let root = world.folder("/Sync");
        let folder = world.control.create_folder(Some(root), "moved").unwrap();
        let control = world.server.control();
        once_deaf(&one, "/file/upload", move || {
            let tree = control.tree().unwrap();
            let sent = tree
                .live_files()
                .into_iter()
                .find(|(path, _)| *path == "/Sync/f.txt");
            if let Some((_, file)) = sent {
                control.move_file(file.id, Some(folder)).unwrap();
            }
        })
        .await;
        until_quiet(&world, &[&one]).await;
        assert!(!one.disk.join("f.txt").exists(), "{dialect:?} {:?}", one.tree());
        assert_eq!(one.read("moved/f.txt"), "mine", "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn an_upload_that_arrives_beside_somebody_elses_of_its_name_is_there_once() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = World::start(dialect).await;
        let one = patient(&world).await;
        send_late(&world, &one, "mine").await;
        let root = world.folder("/Sync");
        let theirs = "theirs, which is longer";
        world.control.put_file(Some(root), "late.txt", theirs).unwrap();
        one.once().await;
        while world.control.tree().unwrap().files.len() < 3 {
            one.once().await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        until_quiet(&world, &[&one]).await;
        // Some servers let two files have one name: here one of them has another then.
        for tree in [one.tree(), below(world.account(), "/Sync")] {
            let count = |bytes: &str| tree.iter().filter(|(_, held)| held == bytes).count();
            assert_eq!(
                (tree.len(), count("mine"), count(theirs)),
                (3, 1, 1),
                "{dialect:?} {tree:?}"
            );
        }
    }
}

#[tokio::test]
async fn h05_the_interim_of_a_cloned_machine_is_let_alone() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    one.write("keep.txt", "keep");
    one.sync().await;
    let conn = rusqlite::Connection::open(one.config.pair_dir("main").join("journal.db")).unwrap();
    let id: i64 = conn
        .query_row("SELECT journal_id FROM meta", [], |row| row.get(0))
        .unwrap();
    drop(conn);
    let name = format!("syncd-up-{id:08x}-00000000000000aa.txt");
    let root = world.folder("/Sync");
    world.control.put_file(Some(root), &name, "the clone's").unwrap();
    one.sync().await;
    assert_eq!(
        world.file(&format!("/Sync/{name}")),
        world.file(&format!("/Sync/{name}"))
    );
    assert_eq!(one.tree().len(), 1);
}

/// A pass that is cut off at some moment: nothing of the process is left but what is on the disk and in the account.
async fn cut_off(machine: &Machine, after_us: u64) {
    let pass = tokio::time::timeout(std::time::Duration::from_micros(after_us), machine.once());
    drop(pass.await);
    // What it had handed to other threads ends on its own.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_pass_that_is_cut_off_anywhere_loses_nothing_and_leaves_nothing_twice() {
    for (round, dialect) in DIALECTS.into_iter().cycle().take(9).enumerate() {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        let two = world.machine("two", "/Sync");
        fill(&one);
        let mut after_us = 3_000 + 1_700 * u64::try_from(round).unwrap();
        for _ in 0..8 {
            cut_off(&one, after_us).await;
            cut_off(&two, after_us).await;
            after_us += 4_100;
        }
        until_quiet(&world, &[&one, &two]).await;
        one.write("a/1.txt", "edited at one");
        two.write("c/0.txt", "edited at two");
        one.rename("a/b", "e");
        two.remove("a/0.txt");
        for _ in 0..6 {
            cut_off(&one, after_us).await;
            cut_off(&two, after_us).await;
            after_us += 3_300;
        }
        until_quiet(&world, &[&one, &two]).await;
        assert_eq!(one.tree(), two.tree(), "{dialect:?} {round}");
        assert_eq!(one.tree().len(), 11, "{dialect:?} {round}: {:?}", one.tree());
        assert_eq!(two.read("a/1.txt"), "edited at one");
        assert_eq!(one.read("c/0.txt"), "edited at two");
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn a_hostile_server_is_outlived() {
    let world = World::start(Dialect::Hostile).await;
    let one = world.machine("one", "/Sync");
    let two = world.machine("two", "/Sync");
    fill(&one);
    for _ in 0..8 {
        one.once().await;
        two.once().await;
    }
    one.write("a/1.txt", "edited");
    two.once().await;
    for _ in 0..8 {
        one.once().await;
        two.once().await;
    }
    world.control.set_dialect(Dialect::V4);
    until_quiet(&world, &[&one, &two]).await;
    assert_eq!(one.tree(), two.tree());
    assert_eq!(one.tree().len(), 12, "{:?}", one.tree());
    assert_settled(&world, "/Sync", &[&one, &two]).await;
}
