//! One wrong answer at a chosen question, as a database that hiccups gives it (`wire.md` Q41): it proves nothing, and
//! nothing follows from it.

use std::sync::Mutex;
use std::time::Duration;

use api::transport::{HttpBody, HttpRequest, HttpResponse, TransportError};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};

use super::*;

/// The network, with a database behind it that hiccups: which call gets which answer, and how often.
pub(super) struct Hiccup {
    network: HttpTransport,
    /// Part of the address, and parts of the form.
    question: (&'static str, Vec<String>),
    answer: &'static str,
    left: Mutex<u32>,
}

/// What a server says of a destination that it does not find.
const NO_DESTINATION: &str = r#"{"status":"error","response":"Could not find the destination folder.","_datetime":"2026-11-25 07:00:00"}"#;
/// What it says of a folder that it does not find.
const NO_FOLDER: &str = r#"{"status":"error","response":"Could not find folder based on folder_id.","_datetime":"2026-11-25 07:00:00"}"#;
/// What it says of a file that it does not find.
pub(super) const NO_FILE: &str = r#"{"status":"error","response":"Could not find file based on file_id.","_datetime":"2026-11-25 07:00:00"}"#;
/// What it says of a token that it does not find.
const NO_TOKEN: &str = r#"{"status":"error","response":"Could not validate access_token and account_id, please reauthenticate or try again.","_datetime":"2026-11-25 07:00:00"}"#;

impl Hiccup {
    pub(super) fn new(
        machine: &Machine,
        path: &'static str,
        form: &[String],
        answer: &'static str,
        times: u32,
    ) -> Arc<Self> {
        Arc::new(Self {
            network: HttpTransport::new(&machine.client_config()).unwrap(),
            question: (path, form.to_vec()),
            answer,
            left: Mutex::new(times),
        })
    }

    /// The probe of that folder.
    fn at_the_probe(machine: &Machine, folder: u64, times: u32) -> Arc<Self> {
        let form = ["folder_id=0".to_owned(), format!("new_parent_folder_id={folder}")];
        Self::new(machine, "/folder/move", &form, NO_DESTINATION, times)
    }

    fn strikes(&self, request: &HttpRequest) -> bool {
        let HttpBody::Full(form) = &request.body else {
            return false;
        };
        let form = String::from_utf8_lossy(form).into_owned();
        let asked: Vec<&str> = form.split('&').collect();
        let mut left = self.left.lock().unwrap();
        let (path, fields) = &self.question;
        let meant = request.url.path().ends_with(path) && fields.iter().all(|f| asked.contains(&f.as_str()));
        if meant && *left > 0 {
            *left -= 1;
            return true;
        }
        false
    }

    /// Every hiccup happened: without it a test shows nothing.
    pub(super) fn all_struck(&self) {
        assert_eq!(
            *self.left.lock().unwrap(),
            0,
            "{:?} was not asked so often",
            self.question
        );
    }
}

impl Transport for Hiccup {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        if !self.strikes(&request) {
            return self.network.send(request);
        }
        let body = futures_util::stream::once(async { Ok(self.answer.into()) }).boxed();
        std::future::ready(Ok(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body,
        }))
        .boxed()
    }
}

/// A V4 world, whose folder rows carry no state: one machine with two folders.
async fn stateless(root: &str) -> (World, Machine) {
    let world = World::start(Dialect::V4).await;
    let one = world.machine("one", root);
    one.write("docs/a.txt", "a");
    one.write("docs/deep/b.txt", "b");
    one.write("keep/k.txt", "k");
    world.control.create_folder(None, "beside").unwrap();
    one.sync().await;
    (world, one)
}

fn did_nothing(pass: &PairSummary) {
    let done = (
        pass.uploaded,
        pass.downloaded,
        pass.deleted_local,
        pass.deleted_remote,
    );
    assert_eq!(done, (0, 0, 0, 0), "{pass:#?}");
    assert!(pass.stop.is_none() && pass.error.is_none(), "{pass:#?}");
}

#[tokio::test]
async fn h10_a_negative_probe_of_a_live_folder_at_the_root_does_nothing() {
    // Twice within one moment is one hiccup: proofs are `confirm_after` apart.
    for times in [1, 2] {
        let (world, one) = stateless("/").await;
        // Its row gets a new date, so that it is asked for again.
        world.control.advance(Duration::from_secs(5));
        let folder = world.folder("/docs");
        world.control.rename_folder(folder, "papers").unwrap();
        let hiccup = Hiccup::at_the_probe(&one, folder, times);
        let pass = one.once_through(Arc::clone(&hiccup) as _).await;
        hiccup.all_struck();
        did_nothing(&pass);
        assert_eq!(one.tree().len(), 7, "{:?}", one.tree());
        until_quiet(&world, &[&one]).await;
        assert_eq!(one.read("papers/deep/b.txt"), "b");
        assert_settled(&world, "", &[&one]).await;
    }
}

#[tokio::test]
async fn h10_one_negative_probe_of_the_pairs_own_root_does_nothing() {
    let (world, one) = stateless("/Sync").await;
    let hiccup = Hiccup::at_the_probe(&one, world.folder("/Sync"), 1);
    passes_by(&world, &one, hiccup).await;
}

/// One pass through this does nothing, and afterwards all is as it was.
async fn passes_by(world: &World, one: &Machine, hiccup: Arc<Hiccup>) {
    let before = one.tree();
    let pass = one.once_through(Arc::clone(&hiccup) as _).await;
    hiccup.all_struck();
    did_nothing(&pass);
    assert_eq!(one.tree(), before);
    assert_settled(world, "/Sync", &[one]).await;
}

#[tokio::test]
async fn h10_a_live_root_that_is_not_found_once_does_nothing() {
    let (world, one) = stateless("/Sync").await;
    let form = [format!("folder_id={}", world.folder("/Sync"))];
    let hiccup = Hiccup::new(&one, "/folder/info", &form, NO_FOLDER, 1);
    passes_by(&world, &one, hiccup).await;
}

#[tokio::test]
async fn h37_a_good_token_that_is_not_found_once_is_no_reason_to_sign_in() {
    for dialect in DIALECTS {
        let world = World::start(dialect).await;
        let one = world.machine("one", "/Sync");
        one.write("a.txt", "a");
        one.sync().await;
        one.write("b.txt", "b");
        for call in ["/account/package", "/folder/listing"] {
            world.mutations();
            let hiccup = Hiccup::new(&one, call, &[], NO_TOKEN, 1);
            let pass = one.once_through(Arc::clone(&hiccup) as _).await;
            hiccup.all_struck();
            assert!(pass.in_sync(), "{dialect:?} {call}: {pass:#?}");
            assert_eq!(world.control.totals().at("/authorize"), 0, "{dialect:?} {call}");
        }
        assert_settled(&world, "/Sync", &[&one]).await;
    }
}
