//! The engine against a real server of the API in this process: machines with disks of their own, a web user, faults,
//! and a ledger of every request.
//!
//! Process-level truth (kills, exit codes, output) is proved end to end elsewhere; here is what must hold between a pass
//! and the account. Never here: a look into a journal.

mod adopting;
mod budgets;
mod chaos;
mod cut;
mod dialects;
mod died_young;
mod hiccups;
mod histories;
mod lost_answers;
mod quirks;
mod quirks_wire;
mod resident;
mod twins;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::transport::{HttpTransport, Transport};
use devcloud::{Class, Control, Dialect, Options, Server};
use tokio_util::sync::CancellationToken;

use super::{OnceOptions, Outcome, Setup, Sink, run_once};
use crate::config::Config;
use crate::config::load::{Choice, Env, load};
use crate::service::token::FileTokenStore;
use crate::summary::PairSummary;

/// Every dialect, each of which a test must pass in.
const DIALECTS: [Dialect; 3] = [Dialect::Document, Dialect::V4, Dialect::V5];

/// Nobody watches.
struct Quiet;

impl Sink for Quiet {
    fn phase(&self, _pair: &str, _phase: &'static str) {}
    fn totals(&self, _files: u64, _bytes: u64) {}
    fn step_done(&self, _line: &str) {}
    fn bytes(&self, _done: u64) {}
    fn file_done(&self) {}
}

/// A server, and a folder in which machines live.
struct World {
    dir: tempfile::TempDir,
    server: Server,
    control: Control,
}

impl World {
    async fn start(dialect: Dialect) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options::new(dir.path().join("cloud")).dialect(dialect);
        let server = Server::start(options).await.unwrap();
        let control = server.control();
        Self { dir, server, control }
    }

    /// A machine that syncs its folder with a folder of the account.
    fn machine(&self, name: &str, remote: &str) -> Machine {
        self.machine_with(name, remote, "")
    }

    /// The same, with more keys in its pair.
    fn machine_with(&self, name: &str, remote: &str, pair: &str) -> Machine {
        let home = self.dir.path().join(name);
        fs::create_dir_all(home.join("disk")).unwrap();
        fs::create_dir_all(home.join(".config/syncd")).unwrap();
        let text = format!(
            "device_name = \"{name}\"\nstate_dir = \"~/state\"\n[account]\napi_url = \"{}\"\n\
             [timing]\nquiet_period = \"0s\"\nconfirm_after = \"0s\"\nlook_again = \"0s\"\n\
             login_backoff = \"10ms\"\nlate_upload_limit = \"0s\"\n\
             [[sync]]\nname = \"main\"\nlocal = \"~/disk\"\nremote = \"{remote}\"\n{pair}\n",
            self.server.api_url(),
        );
        fs::write(home.join(".config/syncd/config.toml"), text).unwrap();
        let env = Env::of(home.to_str().unwrap(), &[]);
        let config = load(&Choice::default(), &env).unwrap().config;
        fs::create_dir_all(&config.state_dir).unwrap();
        Machine {
            disk: home.join("disk"),
            config,
            keys: (self.server.key1().to_owned(), self.server.key2().to_owned()),
        }
    }

    /// Live paths of the account with their contents, each file once, ids not shown; folders end in `/`.
    fn account(&self) -> Vec<(String, String)> {
        let tree = self.control.tree().unwrap();
        let mut found: Vec<(String, String)> = tree
            .live_files()
            .into_iter()
            .map(|(path, file)| (path.to_owned(), text(self.control.content(file.id).unwrap())))
            .collect();
        let folders = tree.live_folders();
        found.extend(
            folders
                .into_iter()
                .map(|(path, _)| (format!("{path}/"), String::new())),
        );
        found.sort();
        found
    }

    /// The id of the live folder at this path.
    fn folder(&self, path: &str) -> u64 {
        let tree = self.control.tree().unwrap();
        let found = tree.live_folders().into_iter().find(|(at, _)| *at == path);
        found.unwrap_or_else(|| panic!("no folder {path}")).1.id
    }

    /// The id of the live file at this path.
    fn file(&self, path: &str) -> u64 {
        let tree = self.control.tree().unwrap();
        let found = tree.live_files().into_iter().find(|(at, _)| *at == path);
        found.unwrap_or_else(|| panic!("no file {path}")).1.id
    }

    /// Requests that may have changed the account since the last time it was asked.
    fn mutations(&self) -> u64 {
        let count = self.control.totals().of(Class::Mutate);
        self.control.reset_ledger();
        count
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A disk and a journal.
struct Machine {
    disk: PathBuf,
    config: Config,
    keys: (String, String),
}

impl Machine {
    /// One pass, as `--once` makes it, in a process of its own.
    async fn once(&self) -> PairSummary {
        let transport = HttpTransport::new(&self.client_config()).unwrap();
        self.once_through(Arc::new(transport)).await
    }

    /// What its client is built with.
    fn client_config(&self) -> api::Config {
        let mut built = api::Config::new(self.config.account.api_url.as_str()).unwrap();
        built.credentials = api::Credentials::keys(self.keys.0.as_str(), self.keys.1.as_str());
        built.session.login_backoff = self.config.timing.login_backoff;
        built.session.logins_per_hour = 1_000;
        built.retry.base = std::time::Duration::from_millis(5);
        built.retry.rate_base = std::time::Duration::from_millis(5);
        built
    }

    /// The same over a network of the test's.
    async fn once_through(&self, transport: Arc<dyn Transport>) -> PairSummary {
        let built = self.client_config();
        let url = &self.config.account.api_url;
        let store = FileTokenStore::open(&self.config.state_dir, url, &built.credentials).unwrap();
        let client = api::Client::with_transport(built, Arc::new(store), Arc::new(|_| Ok(())), transport);
        let setup = Setup {
            config: self.config.clone(),
            client,
            stop: CancellationToken::new(),
        };
        let pair = self.config.pairs[0].clone();
        match run_once(&setup, &pair, &OnceOptions::default(), Arc::new(Quiet)).await {
            Outcome::Ran(summary) => summary,
            Outcome::Planned(_) => panic!("it was no dry run"),
        }
    }

    /// One pass that must end in sync.
    async fn sync(&self) -> PairSummary {
        let summary = self.once().await;
        assert!(summary.in_sync(), "{summary:#?}");
        summary
    }

    fn write(&self, path: &str, bytes: &str) {
        let path = self.disk.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.disk.join(path)).unwrap()
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.disk.join(from), self.disk.join(to)).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.disk.join(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }

    /// Paths with contents, as [`World::account`] shows them.
    fn tree(&self) -> Vec<(String, String)> {
        let mut found = BTreeMap::new();
        list(&self.disk, "", &mut found);
        found.into_iter().collect()
    }
}

fn list(folder: &Path, above: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name == ".syncd" {
            continue;
        }
        let path = format!("{above}/{name}");
        if entry.file_type().unwrap().is_dir() {
            found.insert(format!("{path}/"), String::new());
            list(&entry.path(), &path, found);
        } else {
            found.insert(path, text(fs::read(entry.path()).unwrap()));
        }
    }
}

/// What is below a folder of the account, as a machine that syncs it sees it.
fn below(tree: Vec<(String, String)>, root: &str) -> Vec<(String, String)> {
    let inside = tree.into_iter().filter_map(|(path, bytes)| {
        let path = path.strip_prefix(root)?.to_owned();
        (path != "/").then_some((path, bytes))
    });
    inside.collect()
}

/// Both sides hold the same, and a further pass does nothing.
async fn assert_settled(world: &World, root: &str, machines: &[&Machine]) {
    for machine in machines {
        let account = below(world.account(), root);
        assert_eq!(machine.tree(), account, "the disk and the account");
    }
    world.mutations();
    for machine in machines {
        let again = machine.sync().await;
        let moved = (
            again.uploaded,
            again.downloaded,
            again.moved,
            again.deleted_local,
            again.deleted_remote,
        );
        assert_eq!(moved, (0, 0, 0, 0, 0), "{again:#?}");
    }
    assert_eq!(world.mutations(), 0, "a further pass changed the account");
}

/// Passes of all machines, in turn, until none does anything, within a bound.
async fn until_quiet(world: &World, machines: &[&Machine]) {
    for _ in 0..12 {
        world.mutations();
        let mut idle = true;
        for machine in machines {
            let pass = machine.once().await;
            assert!(pass.error.is_none() && pass.stop.is_none(), "{pass:#?}");
            let done =
                pass.uploaded + pass.downloaded + pass.moved + pass.deleted_local + pass.deleted_remote;
            idle &= done == 0 && pass.in_sync();
        }
        if idle && world.mutations() == 0 {
            return;
        }
    }
    panic!("it never settles: {:#?}", world.account());
}
