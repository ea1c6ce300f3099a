//! How long a change takes: from the close of a saved small file to the account that holds it, beside the bare upload call
//! of such a file; and from a change in the account to the disk, after `syncd sync` and by the polls alone.
//!
//!     cargo bench -p syncd --bench latency -- [--files N] [--folders N] [--samples N] [--polled N]
//!         [--poll 2s] [--max-poll 4s] [--full-walk 20s]
//!
//! The server is in this process, syncd a child of it. Everything that is not said above is as a user has it.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and says where"
)]

#[path = "common.rs"]
mod common;
#[path = "filled.rs"]
mod filled;
#[path = "../samples.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod samples;
#[path = "spread.rs"]
mod spread;
#[path = "../world.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests")]
mod world;

use std::fs;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{Client, Credentials, FolderId, MemoryTokenStore, UploadBody, UploadRequest};
use common::{end, option, row, start, text_option, until};
use filled::{fill, place};
use samples::{Dice, bytes};
use spread::Spread;
use tokio::runtime::Runtime;
use world::machine::Running;
use world::settings::quoted;
use world::{Cloud, Dialect, Entry, Machine, Tree, World, content_of};

/// Between two looks at the server's ledger, and at a path.
const LOOK: Duration = Duration::from_micros(500);

/// Bytes of a small file.
const SMALL: u64 = 2_000;

/// What is measured, and against what the files of the samples are compared in the end.
struct Bench {
    world: World,
    machine: Machine,
    files: u64,
    folders: u64,
    samples: u64,
    dice: Dice,
    serial: u64,
    wanted: Tree,
}

impl Bench {
    fn cloud(&self) -> &Cloud {
        &self.world.cloud
    }

    /// A content that was never there.
    fn fresh(&mut self) -> Vec<u8> {
        self.serial += 1;
        bytes(SMALL, 1_000_000 + self.serial)
    }

    /// A folder of the tree; `None` of them is used up before the others.
    fn folder(&mut self) -> String {
        let path = place(self.dice.next() % self.folders, self.folders);
        path.rsplit_once('/').unwrap().0.to_owned()
    }

    /// Users do not save to a beat.
    fn pause(&mut self) {
        std::thread::sleep(Duration::from_millis(300 + self.dice.next() % 900));
    }

    /// Saves a file, and waits until the account has it: uploaded and, if it has to be, `renamed`.
    fn save(&mut self, service: &mut Running, path: &str, renamed: bool) -> Duration {
        let content = self.fresh();
        let entry = Entry::File(content_of(&content));
        self.wanted.insert(path.to_owned(), entry);
        // A look at an empty ledger is cheap.
        self.cloud().control.reset_ledger();
        fs::write(self.machine.local.join(path), &content).unwrap();
        until(service, Instant::now(), LOOK, || {
            let entries = self.cloud().control.ledger().entries;
            let of = |endpoint: &str| {
                let done = |entry: &&devcloud::Entry| entry.endpoint == endpoint && entry.result == "success";
                let files = entries.iter().filter(done).flat_map(|entry| entry.files.clone());
                files.collect::<Vec<u64>>()
            };
            let edited = of("/file/edit");
            of("/file/upload").into_iter().any(|file| {
                let same = self
                    .cloud()
                    .control
                    .content(file)
                    .is_ok_and(|bytes| bytes == content);
                same && (!renamed || edited.contains(&file))
            })
        })
    }

    /// A new file in the account, in that folder; answers the time until it is here. Whoever makes it come is told in
    /// `ask`.
    fn receive(&mut self, service: &mut Running, folder: &str, ask: impl FnOnce(&Machine)) -> Duration {
        let content = self.fresh();
        let path = format!("{folder}/there {}.bin", self.serial);
        let entry = Entry::File(self.cloud().web_create(&format!("synced/{path}"), &content));
        let since = Instant::now();
        self.wanted.insert(path.clone(), entry);
        ask(&self.machine);
        let place = self.machine.local.join(path);
        until(service, since, LOOK, || place.exists())
    }
}

/// The bare call, as a program makes it that has nothing else to do.
struct Bare {
    runtime: Runtime,
    client: Client,
    folder: FolderId,
}

impl Bare {
    fn new(cloud: &Cloud) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut config = api::Config::new(&cloud.api_url()).unwrap();
        let [key1, key2] = cloud.keys();
        config.credentials = Credentials::keys(key1, key2);
        let client = Client::new(config, Arc::new(MemoryTokenStore::new()), Arc::new(|_| Ok(()))).unwrap();
        runtime.block_on(client.account_id()).unwrap();
        let folder = cloud.control.create_folder(None, "bare").unwrap();
        Self {
            runtime,
            client,
            folder: folder.to_string().parse().unwrap(),
        }
    }

    fn upload(&self, name: &str, content: Vec<u8>) -> Duration {
        let size = NonZeroU64::new(u64::try_from(content.len()).unwrap()).unwrap();
        let body = UploadBody::from_bytes(content.into());
        let request = UploadRequest::new(name, self.folder, size, body);
        let since = Instant::now();
        self.runtime.block_on(self.client.upload(request)).unwrap();
        since.elapsed()
    }
}

/// From here to there: new files, files that are saved again, and the bare call between them.
fn up(bench: &mut Bench, service: &mut Running) {
    let bare = Bare::new(bench.cloud());
    let (mut new, mut again, mut calls) = (Spread::default(), Spread::default(), Spread::default());
    for number in 0..bench.samples {
        let path = format!("{}/saved {number}.bin", bench.folder());
        new.add(bench.save(service, &path, false));
        bench.pause();
        let content = bench.fresh();
        calls.add(bare.upload(&format!("{number}.bin"), content));
        bench.pause();
        // A new version comes under another name first and is held when it has the real one.
        again.add(bench.save(service, &path, true));
        bench.pause();
    }
    println!("from close() of a saved file of {SMALL} B to the account that holds it");
    row("a new file", &new);
    row("a file saved again", &again);
    row("the bare upload call", &calls);
    let ratio = |spread: &Spread| spread.median().as_secs_f64() / calls.median().as_secs_f64();
    row(
        "new file / bare call, of the medians",
        format!("{:.1}", ratio(&new)),
    );
    row(
        "saved again / bare call, of the medians",
        format!("{:.1}", ratio(&again)),
    );
}

/// From there to here, when somebody asks.
fn asked(bench: &mut Bench, service: &mut Running) {
    let mut spread = Spread::default();
    let mut command = Spread::default();
    for _ in 0..bench.samples {
        let folder = bench.folder();
        spread.add(bench.receive(service, &folder, |machine| {
            let since = Instant::now();
            machine.run(&["sync"]).expect(0);
            command.add(since.elapsed());
        }));
        bench.pause();
    }
    println!("from a new file in the account to the disk, with \"syncd sync\" at once");
    row("all of it", &spread);
    row("of that the command itself", &command);
}

/// From there to here, when nobody asks.
fn polled(bench: &mut Bench, service: &mut Running, samples: u64) {
    let (mut active, mut cold) = (Spread::default(), Spread::default());
    let warm = bench.folder();
    // Its first file is what makes it active.
    bench.receive(service, &warm, |_| {});
    for _ in 0..samples {
        bench.pause();
        active.add(bench.receive(service, &warm, |_| {}));
    }
    for number in 0..samples {
        bench.pause();
        // Each a folder in which nothing has happened yet.
        let path = place(number * 7 % bench.folders, bench.folders);
        let folder = path.rsplit_once('/').unwrap().0.to_owned();
        cold.add(bench.receive(service, &folder, |_| {}));
    }
    println!("from a new file in the account to the disk, by polls alone");
    row("a recently active folder", &active);
    row("a folder in which nothing happened", &cold);
}

fn main() {
    if !common::is_asked_for() {
        return;
    }
    let world = World::start(Dialect::Document);
    let mut machine = world.machine_at("d1", "/synced");
    machine.configure(|settings| settings.timing.clear());
    machine.set("first_merge", &quoted("size"));
    let (files, folders) = (option("files", 300), option("folders", 30));
    let mut bench = Bench {
        world,
        machine,
        files,
        folders,
        samples: option("samples", 50),
        dice: Dice::new(option("seed", 1)),
        serial: 0,
        wanted: Tree::new(),
    };
    fill(&bench.machine, bench.cloud(), bench.files, bench.folders);
    println!("{files} files in {folders} folders; every setting as a user has it");
    let (mut service, took) = start(&bench.machine);
    row("first agreement", format!("{:.1} s", took.as_secs_f64()));
    up(&mut bench, &mut service);
    asked(&mut bench, &mut service);
    end(service);
    let keys = [
        ("poll_interval", text_option("poll").unwrap_or("2s".into())),
        (
            "max_poll_interval",
            text_option("max-poll").unwrap_or("4s".into()),
        ),
        (
            "full_walk_interval",
            text_option("full-walk").unwrap_or("20s".into()),
        ),
    ];
    for (key, value) in &keys {
        bench.machine.set(key, &quoted(value));
    }
    let said: Vec<_> = keys
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    println!("with {}", said.join(", "));
    let (mut service, _) = start(&bench.machine);
    polled(&mut bench, &mut service, option("polled", 10));
    end(service);
    let (here, there) = (bench.machine.tree(), bench.cloud().tree());
    for (path, entry) in &bench.wanted {
        assert_eq!(here.get(path), Some(entry), "{path} here");
        assert_eq!(there.get(&format!("synced/{path}")), Some(entry), "{path} there");
    }
}
