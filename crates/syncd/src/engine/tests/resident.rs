//! Passes of one process: what each costs, and what it may believe of the one before.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use planner::path::RelPath;

use super::super::{Heard, Hearing, Look, Recall, run};
use super::*;

/// Hears what the test tells.
#[derive(Default)]
struct Told(Mutex<Heard>);

impl Hearing for Told {
    fn heard(&self, _surely: bool) -> BoxFuture<'_, Heard> {
        std::future::ready(std::mem::take(&mut *self.0.lock().unwrap())).boxed()
    }

    fn stays(&self) -> BoxFuture<'_, bool> {
        std::future::ready(self.0.lock().unwrap().moved.is_empty()).boxed()
    }
}

/// A machine on which one process goes on.
struct Resident<'a> {
    machine: &'a Machine,
    setup: Setup,
    told: Arc<Told>,
    recall: Recall,
}

/// Nothing is due for a long time.
const QUIET: Look = Look::Due {
    full: Duration::from_secs(100_000),
    next: Duration::ZERO,
};

impl<'a> Resident<'a> {
    fn start(machine: &'a Machine) -> Self {
        let built = machine.client_config();
        let url = &machine.config.account.api_url;
        let store = FileTokenStore::open(&machine.config.state_dir, url, &built.credentials).unwrap();
        let transport = Arc::new(HttpTransport::new(&built).unwrap());
        let client = api::Client::with_transport(built, Arc::new(store), Arc::new(|_| Ok(())), transport);
        let told = Arc::new(Told::default());
        told.0.lock().unwrap().everything = true;
        Self {
            machine,
            setup: Setup {
                config: machine.config.clone(),
                client,
                stop: CancellationToken::new(),
            },
            recall: Recall::with(Arc::<Told>::clone(&told)),
            told,
        }
    }

    async fn pass(&mut self, look: Look) -> Option<PairSummary> {
        let pair = &self.machine.config.pairs[0];
        run(&self.setup, pair, Arc::new(Quiet), &mut self.recall, look).await
    }

    /// A pass that must end in sync.
    async fn look(&mut self, look: Look) -> PairSummary {
        let summary = self.pass(look).await.unwrap();
        assert!(summary.in_sync(), "{summary:#?}");
        summary
    }

    /// A pass for what is told to have changed.
    async fn heard(&mut self, paths: &[&str]) -> Option<PairSummary> {
        self.tell(paths);
        self.pass(Look::Changed).await
    }

    fn tell(&self, paths: &[&str]) {
        let paths: BTreeSet<RelPath> = paths.iter().map(|text| RelPath::parse(text).unwrap()).collect();
        let mut told = self.told.0.lock().unwrap();
        told.changed.extend(paths.iter().cloned());
        told.closed.extend(paths);
    }
}

/// Listings since the last time it was asked.
fn listings(world: &World) -> u64 {
    let count = world.control.totals().at("/folder/listing");
    world.control.reset_ledger();
    count
}

fn at_most(world: &World, most: u64) {
    let count = listings(world);
    assert!(count <= most, "{count} listings, not {most}");
}

/// So many records at most were decided about, of all.
fn decided(pass: &PairSummary, most: usize) {
    let (decided, all) = pass.decided.unwrap();
    assert!(
        decided <= most && decided < all && all >= 80,
        "{decided} of {all}"
    );
}

/// Twenty folders of three files each, in sync, and a process that was there.
async fn settled<'a>(world: &World, machine: &'a Machine) -> Resident<'a> {
    for folder in 0..20 {
        for file in 0..3 {
            machine.write(&format!("f{folder}/{file}.txt"), &format!("{folder} {file}"));
        }
    }
    machine.sync().await;
    let mut resident = Resident::start(machine);
    resident.look(Look::All).await;
    listings(world);
    resident
}

#[tokio::test]
async fn one_change_costs_its_folder_and_not_the_tree() {
    for (dialect, root) in DIALECTS
        .into_iter()
        .flat_map(|dialect| [(dialect, "/Sync"), (dialect, "/")])
    {
        let world = World::start(dialect).await;
        let one = world.machine("one", root);
        let mut resident = settled(&world, &one).await;
        one.write("f3/new.txt", "new");
        let pass = resident.heard(&["f3/new.txt"]).await.unwrap();
        assert_eq!(pass.uploaded, 1, "{pass:#?}");
        assert!(pass.in_sync(), "{pass:#?}");
        // Its folder before and after, and what is above it after.
        at_most(&world, 4);
        one.rename("f3/new.txt", "f4/moved.txt");
        one.remove("f5/0.txt");
        let pass = resident
            .heard(&["f3/new.txt", "f4/moved.txt", "f5/0.txt"])
            .await
            .unwrap();
        assert_eq!(
            (pass.uploaded, pass.moved, pass.deleted_remote),
            (0, 1, 1),
            "{pass:#?}"
        );
        at_most(&world, 9);
        one.write("f6/1.txt", "edited");
        one.write("made/deep/x.txt", "x");
        let pass = resident.heard(&["f6/1.txt", "made"]).await.unwrap();
        assert_eq!(pass.uploaded, 2, "{pass:#?}");
        at_most(&world, 10);
        assert_settled(&world, if root == "/" { "" } else { root }, &[&one]).await;
    }
}

#[tokio::test]
async fn h03_another_file_under_an_id_of_before_is_no_edit_to_a_service_either() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    one.write("f3/last.txt", "ours");
    resident.heard(&["f3/last.txt"]).await.unwrap();
    // The database of an hour ago: it gives the id out again, to another.
    let file = world.file("/Sync/f3/last.txt");
    let (files, folders) = (vec![file], Vec::new());
    let lost = devcloud::WebAction::LoseRows { files, folders };
    world.control.web(lost).unwrap();
    let folder = Some(world.folder("/Sync/f3"));
    let again = world.control.put_file(folder, "another.txt", "theirs").unwrap();
    assert_eq!(again, file, "without that this shows nothing");
    for number in 0..2 {
        let name = format!("f3/new {number}.txt");
        one.write(&name, "new");
        let pass = resident.heard(&[&name]).await.unwrap();
        let moved = (pass.moved, pass.downloaded, pass.deleted_local);
        assert_eq!(moved, (0, 0, 0), "{pass:#?}");
        assert_eq!(one.read("f3/last.txt"), "ours");
        assert!(!one.disk.join("f3/another.txt").exists());
    }
}

#[tokio::test]
async fn a_process_that_begins_decides_about_what_differs() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        drop(settled(&world, &one).await);
        // Until times prove that no file changed, each is looked at again.
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        one.sync().await;
        let pass = one.sync().await;
        assert_eq!(pass.decided, Some((0, 80)), "{dialect:?}");
        one.rename("f3/1.txt", "f4/moved.txt");
        one.remove("f5/0.txt");
        let folder = world.folder("/Sync/f6");
        world
            .control
            .put_file(Some(folder), "theirs.txt", "theirs")
            .unwrap();
        let pass = one.once().await;
        let done = (pass.moved, pass.deleted_remote, pass.downloaded);
        assert_eq!(done, (1, 1, 1), "{dialect:?} {pass:#?}");
        decided(&pass, 20);
        assert_eq!(one.read("f6/theirs.txt"), "theirs");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn a_pass_decides_about_what_changed_and_what_that_depends_on() {
    let world = World::start(Dialect::Document).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    // Until times prove that no file changed, each is looked at again.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    resident.look(Look::All).await;
    let everything = resident.look(Look::All).await;
    assert_eq!(everything.decided, Some((80, 80)));
    one.write("f3/new.txt", "new");
    let pass = resident.heard(&["f3/new.txt"]).await.unwrap();
    assert_eq!((pass.uploaded, pass.in_sync()), (1, true), "{pass:#?}");
    decided(&pass, 5);
    one.rename("f3/1.txt", "f4/moved.txt");
    one.remove("f5/0.txt");
    let paths = ["f3/1.txt", "f4/moved.txt", "f5/0.txt"];
    let pass = resident.heard(&paths).await.unwrap();
    assert_eq!((pass.moved, pass.deleted_remote), (1, 1), "{pass:#?}");
    decided(&pass, 14);
    one.write("made/deep/x.txt", "x");
    let pass = resident.heard(&["made"]).await.unwrap();
    assert_eq!(pass.uploaded, 1, "{pass:#?}");
    // The top, where it was made, and what the pass before did something to.
    decided(&pass, 35);
    one.rename("f7", "made/f7");
    let pass = resident.heard(&["f7", "made/f7"]).await.unwrap();
    assert_eq!(
        (pass.moved, pass.uploaded, pass.downloaded),
        (1, 0, 0),
        "{pass:#?}"
    );
    decided(&pass, 35);
    // And what changed there.
    let folder = world.folder("/Sync/f9");
    world.control.put_file(Some(folder), "theirs.txt", "t").unwrap();
    one.write("f9/0.txt", "edited");
    let pass = resident.heard(&["f9/0.txt"]).await.unwrap();
    assert_eq!((pass.uploaded, pass.downloaded), (1, 1), "{pass:#?}");
    decided(&pass, 40);
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn what_is_as_it_was_asks_nobody() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    let before = resident.setup.client.requests().total();
    assert_eq!(resident.heard(&[]).await, None);
    assert_eq!(resident.heard(&["f1", "nowhere/x"]).await, None);
    one.write("f1/tmp", "x");
    one.remove("f1/tmp");
    assert_eq!(resident.heard(&["f1/tmp"]).await, None);
    assert_eq!(resident.setup.client.requests().total(), before);
    // And what we did ourselves is told to us as well.
    world
        .control
        .put_file(Some(world.folder("/Sync/f1")), "theirs.txt", "t")
        .unwrap();
    let pass = resident.look(Look::All).await;
    assert_eq!(pass.downloaded, 1);
    assert_eq!(resident.heard(&["f1/theirs.txt"]).await, None);
}

#[tokio::test]
async fn what_is_done_in_a_folder_before_anything_in_it_is_heard_of_is_found() {
    let world = World::start(Dialect::Document).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    let root = world.folder("/Sync");
    let web = world.control.create_folder(Some(root), "web").unwrap();
    let deep = world.control.create_folder(Some(web), "deep").unwrap();
    world
        .control
        .put_file(Some(deep), "file.txt", "made there")
        .unwrap();
    assert_eq!(resident.look(Look::All).await.downloaded, 1);
    // We made the folder, and before the watcher is in it, somebody else was.
    one.write("web/deep/file.txt", "edited here");
    resident.tell(&["web"]);
    resident.told.0.lock().unwrap().anew = BTreeSet::from([RelPath::parse("web").unwrap()]);
    let pass = resident.pass(Look::Changed).await.unwrap();
    assert_eq!((pass.uploaded, pass.in_sync()), (1, true), "{pass:#?}");
}

#[tokio::test]
async fn a_change_there_is_seen_soon_where_something_happened_lately_and_elsewhere_in_its_turn() {
    let world = World::start(Dialect::Document).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    let put = |folder: &str, name: &str| {
        let folder = world.folder(folder);
        world.control.put_file(Some(folder), name, name).unwrap();
    };
    one.write("f3/mine.txt", "m");
    resident.heard(&["f3/mine.txt"]).await.unwrap();
    listings(&world);
    put("/Sync/f3", "warm.txt");
    let pass = resident.look(QUIET).await;
    assert_eq!(pass.downloaded, 1, "its folder is active");
    at_most(&world, 5);
    let full = Duration::from_millis(400);
    put("/Sync/f9", "cold.txt");
    tokio::time::sleep(full).await;
    let next = Duration::ZERO;
    assert_eq!(resident.look(Look::Due { full, next }).await.downloaded, 1);
    assert!(pass.oldest_listing.is_some());
}

#[tokio::test]
async fn what_moved_there_is_where_it_was_seen_last() {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    let (file, to) = (world.file("/Sync/f1/0.txt"), world.folder("/Sync"));
    world.control.move_file(file, Some(to)).unwrap();
    // Only its new folder is listed.
    one.write("near.txt", "n");
    let pass = resident.heard(&["near.txt"]).await.unwrap();
    assert_eq!(
        (pass.uploaded, pass.downloaded, pass.moved),
        (1, 0, 1),
        "{pass:#?}"
    );
    // And only its old one.
    let (file, to) = (world.file("/Sync/f4/1.txt"), world.folder("/Sync/f5"));
    world.control.rename_file(file, "once in f4").unwrap();
    world.control.move_file(file, Some(to)).unwrap();
    one.write("f4/near.txt", "n4");
    let pass = resident.heard(&["f4/near.txt"]).await.unwrap();
    assert_eq!(
        (pass.uploaded, pass.downloaded, pass.moved),
        (1, 0, 1),
        "{pass:#?}"
    );
    // And a folder that is listed after its death is no empty one.
    let folder = world.folder("/Sync/f7");
    world.control.trash_folder(folder).unwrap();
    one.write("f8/near.txt", "n8");
    let pass = resident.heard(&["f8/near.txt", "f7/0.txt"]).await.unwrap();
    assert_eq!((pass.uploaded, pass.deleted_local), (1, 4), "{pass:#?}");
    until_quiet(&world, &[&one]).await;
    assert_settled(&world, "/Sync", &[&one]).await;
    assert!(!one.disk.join("f7").exists());
}

#[tokio::test]
async fn a_file_that_vanished_counts_only_if_it_is_nowhere_by_then() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    world.mutations();
    one.rename("f1/0.txt", "f2/here.txt");
    // Only half of it was heard; the other half comes before the second look.
    let pass = resident.heard(&["f1/0.txt"]).await.unwrap();
    assert_eq!(pass.deleted_remote, 1, "nobody ever told of the rest: it is gone");
    resident.tell(&["f2/here.txt"]);
    let pass = resident.pass(Look::Changed).await.unwrap();
    assert_eq!(pass.uploaded, 1);
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn who_was_at_the_journal_or_the_folder_meanwhile_is_noticed() {
    let world = World::start(Dialect::V5).await;
    let one = world.machine("one", "/Sync");
    let mut resident = settled(&world, &one).await;
    // Another process had the journal: everything is looked at, though nothing was heard.
    one.write("f1/unheard.txt", "u");
    one.sync().await;
    one.write("f1/unheard2.txt", "u2");
    let pass = resident.heard(&[]).await.unwrap();
    assert_eq!(pass.uploaded, 1);
    assert!(listings(&world) > 20);
    // The folder is another one now.
    let away = one.disk.with_file_name("away");
    fs::rename(&one.disk, &away).unwrap();
    fs::create_dir(&one.disk).unwrap();
    let pass = resident.heard(&["f1/0.txt"]).await.unwrap();
    assert_eq!(pass.stop.unwrap().kind, "marker_missing");
    fs::remove_dir(&one.disk).unwrap();
    fs::rename(&away, &one.disk).unwrap();
    resident.look(Look::All).await;
    assert_settled(&world, "/Sync", &[&one]).await;
}

#[tokio::test]
async fn what_a_process_knows_survives_each_kind_of_look() {
    let world = World::start(Dialect::Document).await;
    let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
    let mut resident = settled(&world, &one).await;
    two.sync().await;
    for round in 0..6 {
        let (mine, theirs) = (format!("f{round}/mine"), format!("f{round}/theirs"));
        one.write(&mine, &format!("mine {round}"));
        two.write(&theirs, &format!("theirs {round}"));
        one.write("f9/0.txt", &format!("edit {round}"));
        two.rename(&format!("f1{round}/1.txt"), &format!("f1{round}/renamed {round}"));
        two.sync().await;
        resident.tell(&[&mine, "f9/0.txt"]);
        match round % 3 {
            0 => resident.pass(Look::Changed).await.unwrap(),
            1 => resident.pass(QUIET).await.unwrap(),
            _ => resident.pass(Look::All).await.unwrap(),
        };
        two.sync().await;
    }
    resident.told.0.lock().unwrap().everything = true;
    resident.look(Look::All).await;
    until_quiet(&world, &[&one, &two]).await;
    assert_settled(&world, "/Sync", &[&one, &two]).await;
}

#[tokio::test]
async fn h06_where_looks_are_late_what_died_soon_after_its_upload_is_put_back_too() {
    let world = World::start(Dialect::Document).await;
    let mut machine = world.machine("one", "/Sync");
    machine.config.pairs[0].poll_interval = Duration::from_secs(1);
    machine.write("docs/old.txt", "old");
    machine.write("keep.txt", "keep");
    machine.sync().await;
    // A folder that is as young as what is in it would go with it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut one = Resident::start(&machine);
    one.look(Look::All).await;
    machine.write("docs/new.txt", "new");
    assert_eq!(one.heard(&["docs/new.txt"]).await.unwrap().uploaded, 1);
    world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
    // Another device takes the session meanwhile, or this one sleeps: polls are left out.
    tokio::time::sleep(Duration::from_secs(4)).await;
    one.look(Look::All).await;
    assert_eq!(machine.read("docs/new.txt"), "new");
    assert!(!machine.disk.join("docs/old.txt").exists());
    // By then it was seen to live for longer.
    tokio::time::sleep(Duration::from_secs(3)).await;
    one.look(Look::All).await;
    world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    one.look(Look::All).await;
    assert!(!machine.disk.join("docs").exists());
}
