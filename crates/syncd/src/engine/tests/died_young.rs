//! H06: a folder is deleted that somebody had just put something into. Nothing that the one who deleted it had not seen goes
//! along, and nothing is put back twice.

use std::sync::Mutex;
use std::time::Duration;

use api::transport::{HttpRequest, HttpResponse, TransportError};
use futures_util::future::BoxFuture;

use super::*;

/// Files, each holding its own path, that both machines have.
async fn agree(one: &Machine, two: &Machine, paths: &[&str]) {
    for path in paths {
        one.write(path, path);
    }
    one.sync().await;
    two.sync().await;
}

#[tokio::test]
async fn h06_a_file_that_died_with_its_folder_just_after_our_upload_is_put_back() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        one.write("docs/old.txt", "old");
        one.write("keep.txt", "keep");
        one.sync().await;
        two.sync().await;
        two.write("docs/new.txt", "new");
        two.write("docs/made/here.txt", "here");
        two.sync().await;
        // The first device's deletion takes it along.
        world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
        until_quiet(&world, &[&two, &one]).await;
        for machine in [&one, &two] {
            assert_eq!(machine.read("docs/new.txt"), "new", "{dialect:?}");
            assert_eq!(machine.read("docs/made/here.txt"), "here", "{dialect:?}");
            assert!(!machine.disk.join("docs/old.txt").exists(), "{dialect:?}");
        }
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn h06_what_was_moved_into_a_folder_just_before_it_died_is_put_back() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        agree(
            &one,
            &two,
            &["docs/old.txt", "a.txt", "pics/b.txt", "pics/c/d.txt", "keep.txt"],
        )
        .await;
        two.rename("a.txt", "docs/a.txt");
        two.rename("pics", "docs/pics");
        two.sync().await;
        world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
        until_quiet(&world, &[&one, &two]).await;
        let kept = [
            ("docs/a.txt", "a.txt"),
            ("docs/pics/b.txt", "pics/b.txt"),
            ("docs/pics/c/d.txt", "pics/c/d.txt"),
        ];
        for (path, bytes) in kept {
            assert_eq!(one.read(path), bytes, "{dialect:?}");
        }
        assert!(!one.disk.join("docs/old.txt").exists(), "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn h06_what_one_uploaded_and_another_moved_into_a_folder_that_died_is_put_back_once() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let (one, two) = (world.machine("one", "/Sync"), world.machine("two", "/Sync"));
        agree(&one, &two, &["docs/old.txt", "keep.txt", "a.txt"]).await;
        two.rename("a.txt", "docs/b.txt");
        two.sync().await;
        world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
        until_quiet(&world, &[&one, &two]).await;
        let kept = [
            ("/docs/", ""),
            ("/docs/b.txt", "a.txt"),
            ("/keep.txt", "keep.txt"),
        ];
        let kept: Vec<(String, String)> = kept.map(|(path, bytes)| (path.into(), bytes.into())).into();
        assert_eq!(one.tree(), kept, "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}

#[tokio::test]
async fn h06_what_came_later_into_a_new_folder_is_put_back_and_what_came_with_it_is_not() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("keep.txt", "keep");
        one.write("docs/first.txt", "first");
        one.sync().await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        one.write("docs/later.txt", "later");
        one.sync().await;
        world.control.trash_folder(world.folder("/Sync/docs")).unwrap();
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.read("docs/later.txt"), "later", "{dialect:?}");
        assert!(!one.disk.join("docs/first.txt").exists(), "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}

/// Lets another machine work just before the first call of an endpoint leaves.
struct Meanwhile {
    net: HttpTransport,
    endpoint: &'static str,
    other: Mutex<Option<Arc<Machine>>>,
}

impl Transport for Meanwhile {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let now = request.url.path().ends_with(self.endpoint);
        let other = now.then(|| self.other.lock().unwrap().take()).flatten();
        Box::pin(async move {
            if let Some(other) = other {
                let pass = tokio::task::spawn_blocking(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread();
                    let runtime = { runtime }.enable_all().build().unwrap();
                    runtime.block_on(other.once())
                });
                assert!(pass.await.unwrap().in_sync());
            }
            self.net.send(request).await
        })
    }
}

#[tokio::test]
async fn h06_what_came_while_the_session_was_taken_is_not_deleted_along() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        world.control.set_quirk("Q01", true).unwrap();
        let (one, two) = (
            world.machine("one", "/Sync"),
            Arc::new(world.machine("two", "/Sync")),
        );
        one.write("docs/old.txt", "old");
        one.write("f.txt", "first");
        one.sync().await;
        two.sync().await;
        one.remove("docs");
        two.write("docs/new.txt", "new");
        let between = |endpoint| {
            Arc::new(Meanwhile {
                net: HttpTransport::new(&one.client_config()).unwrap(),
                endpoint,
                other: Mutex::new(Some(Arc::clone(&two))),
            })
        };
        one.once_through(between("/folder/delete")).await;
        // Neither put back nor restored: it never died.
        world.file("/Sync/docs/new.txt");
        assert!(world.mutations() > 0);
        until_quiet(&world, &[&one, &two]).await;
        assert_eq!(one.read("docs/new.txt"), "new", "{dialect:?}");
        // The same of a file: the other one renames it meanwhile.
        one.remove("f.txt");
        two.rename("f.txt", "g.txt");
        one.once_through(between("/file/delete")).await;
        world.file("/Sync/g.txt");
        until_quiet(&world, &[&one, &two]).await;
        assert_eq!(one.read("g.txt"), "first", "{dialect:?}");
        assert_settled(&world, "/Sync", &[&one, &two]).await;
    }
}
