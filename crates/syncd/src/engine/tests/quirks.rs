//! Quirks of servers, by their number in `wire.md` §7, as far as it is the engine that must survive them.

use std::num::NonZeroU64;
use std::sync::Mutex;
use std::time::Duration;

use api::transport::{HttpRequest, HttpResponse, TransportError};
use futures_util::future::BoxFuture;

use super::*;

/// Another program on the same account uploads a file under its plain name, as a browser does.
async fn upload_elsewhere(machine: &Machine, folder: u64, name: &str, bytes: &'static str) {
    let client = api::Client::new(
        machine.client_config(),
        Arc::new(api::MemoryTokenStore::new()),
        Arc::new(|_| Ok(())),
    )
    .unwrap();
    let request = api::UploadRequest {
        name: name.to_owned(),
        folder: api::Parent::In(api::FolderId::new(folder).unwrap()),
        size: NonZeroU64::new(bytes.len() as u64).unwrap(),
        body: api::UploadBody::from_bytes(bytes.into()),
        progress: Arc::default(),
    };
    // Its answer may be as broken as the name that it carries.
    let _ = client.upload(request).await;
}

/// The reason for a path among the unproved.
fn unproved<'a>(pass: &'a PairSummary, path: &str) -> &'a str {
    let found = pass.unproved.iter().find(|item| item.path == path);
    &found
        .unwrap_or_else(|| panic!("{path} is not among them: {pass:#?}"))
        .reason
}

#[tokio::test]
async fn q39_a_folder_whose_listing_vanishes_because_of_a_name_cut_in_half_deletes_nothing_and_is_named() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("docs/É", "capital");
        one.write("docs/other.txt", "other");
        one.write("docs/sub/deep.txt", "deep");
        one.write("keep.txt", "keep");
        one.sync().await;
        // The server numbers the small letter, for it takes it for equal, and cuts its last byte off.
        let docs = world.folder("/Sync/docs");
        upload_elsewhere(&one, docs, "é", "small").await;
        one.write("docs/other.txt", "other, edited");
        one.write("docs/new.txt", "new");
        one.remove("docs/sub/deep.txt");
        one.write("keep.txt", "kept");
        for round in 0..2 {
            let pass = one.once().await;
            assert!(pass.stop.is_none() && pass.error.is_none(), "{pass:#?}");
            assert_eq!((pass.deleted_local, pass.deleted_remote), (0, 0), "{pass:#?}");
            assert_eq!(
                pass.uploaded,
                u64::from(round == 0),
                "what is elsewhere goes on: {pass:#?}"
            );
            let why = unproved(&pass, "docs");
            assert!(why.contains("cut in half") && why.contains("rename it"), "{why}");
            unproved(&pass, "docs/other.txt");
        }
        let mut expected = vec![
            "/docs/",
            "/docs/new.txt",
            "/docs/other.txt",
            "/docs/sub/",
            "/docs/É",
            "/keep.txt",
        ];
        let tree = one.tree();
        expected.sort_unstable();
        assert_eq!(
            tree.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
            expected
        );
        // The web user does as the message says.
        let broken = world.control.tree().unwrap();
        let broken = broken
            .files
            .iter()
            .find(|row| row.name.contains(" (2)"))
            .unwrap()
            .id;
        world.control.rename_file(broken, "small letter").unwrap();
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.read("docs/small letter"), "small");
        assert_eq!(one.read("docs/other.txt"), "other, edited");
        assert!(!one.disk.join("docs/sub/deep.txt").exists());
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

#[tokio::test]
async fn q39_a_root_whose_listing_vanishes_is_named_and_nothing_is_deleted() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("É", "capital");
        one.write("other.txt", "other");
        one.sync().await;
        upload_elsewhere(&one, world.folder("/Sync"), "é", "small").await;
        let pass = one.once().await;
        let error = pass.error.unwrap();
        assert!(error.cause.contains("cut in half"), "{error:?}");
        assert_eq!((pass.deleted_local, pass.deleted_remote), (0, 0));
        assert_eq!(one.tree().len(), 2);
    }
}

#[tokio::test]
async fn q05_the_accounts_only_folder_is_known_to_be_in_the_trash_by_the_files_that_went_with_it() {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", "/");
    one.write("docs/a.txt", "a");
    one.write("docs/deep/b.txt", "b");
    one.write("keep.txt", "keep");
    one.sync().await;
    world.control.trash_folder(world.folder("/docs")).unwrap();
    until_quiet(&world, &[&one]).await;
    assert_eq!(one.tree(), [("/keep.txt".to_owned(), "keep".to_owned())]);
    assert_settled(&world, "", &[&one]).await;
}

#[tokio::test]
async fn q05_the_accounts_only_folder_stays_while_one_file_of_it_is_not_known_to_be_dead() {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", "/");
    one.write("docs/a.txt", "a");
    one.write("docs/b.txt", "b");
    one.sync().await;
    let (docs, b) = (world.folder("/docs"), world.file("/docs/b.txt"));
    world.control.trash_folder(docs).unwrap();
    let form = [format!("file_id={b}")];
    let hiccup = hiccups::Hiccup::new(&one, "/file/info", &form, hiccups::NO_FILE, 1);
    let pass = one.once_through(Arc::clone(&hiccup) as _).await;
    hiccup.all_struck();
    assert_eq!((pass.deleted_local, pass.uploaded), (0, 0), "{pass:#?}");
    assert_eq!(one.tree().len(), 3);
    until_quiet(&world, &[&one]).await;
    assert!(one.tree().is_empty(), "{:?}", one.tree());
}

#[tokio::test]
async fn q05_an_empty_folder_that_nothing_tells_about_is_kept_and_the_user_is_told_what_helps() {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", "/");
    one.write("docs/a.txt", "a");
    one.sync().await;
    // It is emptied on both sides, and then trashed.
    world.control.trash_file(world.file("/docs/a.txt")).unwrap();
    one.sync().await;
    let docs = world.folder("/docs");
    world.control.advance(Duration::from_secs(5));
    world.control.trash_folder(docs).unwrap();
    for _ in 0..2 {
        let pass = one.once().await;
        let why = unproved(&pass, "docs");
        assert!(why.contains("make a new folder there"), "{why}");
        assert_eq!((pass.deleted_local, pass.uploaded), (0, 0), "{pass:#?}");
        assert!(one.disk.join("docs").exists());
    }
    // As it says.
    world.control.create_folder(None, "any").unwrap();
    until_quiet(&world, &[&one]).await;
    assert!(!one.disk.join("docs").exists());
    assert!(one.disk.join("any").exists());
}

#[tokio::test]
async fn q05_a_pairs_root_in_the_trash_stops_it_where_no_other_folder_is() {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", "/Sync");
    one.write("a.txt", "a");
    one.write("docs/b.txt", "b");
    one.sync().await;
    world.control.trash_folder(world.folder("/Sync")).unwrap();
    for _ in 0..2 {
        let pass = one.once().await;
        assert_eq!(pass.stop.map(|stop| stop.kind), Some("remote_root_gone"));
    }
    assert_eq!(one.tree().len(), 3);
}

/// The network, and what somebody does in the account just before the first call of an endpoint.
struct JustBefore {
    network: HttpTransport,
    endpoint: &'static str,
    deed: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Transport for JustBefore {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        if request.url.path().ends_with(self.endpoint)
            && let Some(deed) = self.deed.lock().unwrap().take()
        {
            deed();
        }
        self.network.send(request)
    }
}

#[tokio::test]
async fn q25_a_copy_beside_a_file_that_has_its_name_since_then_is_told_from_it() {
    let world = World::start(Dialect::Document).await;
    let one = world.machine_with("one", "/Sync", "server_copy = true");
    one.write("a/name.txt", "the same");
    one.write("b/other.txt", "other");
    one.sync().await;
    one.write("b/name.txt", "the same");
    let folder = world.folder("/Sync/b");
    let control = world.server.control();
    let between = Arc::new(JustBefore {
        network: HttpTransport::new(&one.client_config()).unwrap(),
        endpoint: "/file/copy",
        deed: Mutex::new(Some(Box::new(move || {
            control.put_file(Some(folder), "name.txt", "another").unwrap();
        }))),
    });
    one.once_through(Arc::clone(&between) as _).await;
    assert!(between.deed.lock().unwrap().is_none(), "nothing was copied");
    until_quiet(&world, &[&one]).await;
    assert_settled(&world, "/Sync", &[&one]).await;
    let held: Vec<String> = one.tree().into_iter().map(|(_, bytes)| bytes).collect();
    let times = |bytes: &str| held.iter().filter(|found| *found == bytes).count();
    assert_eq!(
        (times("the same"), times("another"), times("other")),
        (2, 1, 1),
        "{:?}",
        one.tree()
    );
}
