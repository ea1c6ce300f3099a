//! The account of a test: a devcloud in this process, seen from outside of its API. Its whole tree, its trash, its
//! ledger, its switches.
//!
//! Nothing here goes through the API, so nothing here is counted in the ledger.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use devcloud::{Class, Control, Dialect, FAULTS, Options, RowState, Server, Totals};
use tokio::runtime::Runtime;

use super::disk::{Content, Entry, Tree};
use super::settings::quoted;

/// The server; clones are the same.
#[derive(Clone)]
pub(crate) struct Cloud {
    pub(crate) control: Control,
    host: Arc<Host>,
}

/// What keeps it alive. The server goes before its runtime.
struct Host {
    server: Server,
    _runtime: Runtime,
}

/// A place in the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Mark(Totals);

/// What was asked since a mark.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// All requests, downloads included.
    pub(crate) requests: u64,
    /// Requests that may change something.
    pub(crate) mutations: u64,
    /// Downloads of contents.
    pub(crate) downloads: u64,
    /// Bytes of files that were sent.
    pub(crate) bytes_up: u64,
    /// Bytes of files that were fetched.
    pub(crate) bytes_down: u64,
    /// By endpoint.
    endpoints: std::collections::BTreeMap<String, u64>,
}

impl Asked {
    /// Requests of one endpoint, such as `/folder/listing`.
    pub(crate) fn at(&self, endpoint: &str) -> u64 {
        self.endpoints.get(endpoint).copied().unwrap_or(0)
    }
}

impl Cloud {
    /// Starts an empty server.
    pub(crate) fn start(data: &Path, dialect: Dialect, seed: u64) -> Self {
        Self::start_on(data, dialect, seed, 0)
    }

    /// Starts a server with what is in `data`, on that port of loopback; 0: any.
    pub(crate) fn start_on(data: &Path, dialect: Dialect, seed: u64, port: u16) -> Self {
        let mut options = Options::new(data).dialect(dialect);
        options.seed = seed;
        options.listen.set_port(port);
        Self::of(options)
    }

    /// Starts an empty server whose account is another than everybody else's, on that port.
    pub(crate) fn of_another_account(data: &Path, dialect: Dialect, port: u16) -> Self {
        let mut options = Options::new(data).dialect(dialect);
        options.account += 1;
        options.listen.set_port(port);
        Self::of(options)
    }

    fn of(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(Server::start(options)).unwrap();
        let cloud = Self {
            control: server.control(),
            host: Arc::new(Host {
                server,
                _runtime: runtime,
            }),
        };
        // A late upload (Q20) comes within `late_upload_limit`, which is short in tests too.
        cloud.knob("Q20.late", "0.3");
        cloud
    }

    /// Its address.
    pub(crate) fn api_url(&self) -> String {
        self.host.server.api_url().to_owned()
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.host.server.address().port()
    }

    /// What `credentials.toml` holds.
    pub(crate) fn credentials(&self) -> String {
        let server = &self.host.server;
        format!(
            "key1 = {}\nkey2 = {}\n",
            quoted(server.key1()),
            quoted(server.key2())
        )
    }

    /// The same for who signs in with a password.
    pub(crate) fn login(&self) -> String {
        let server = &self.host.server;
        format!(
            "username = {}\npassword = {}\n",
            quoted(server.username()),
            quoted(server.password())
        )
    }

    /// What must never be said, whoever signs in.
    pub(crate) fn password(&self) -> &str {
        self.host.server.password()
    }

    /// What must never be said.
    pub(crate) fn keys(&self) -> [String; 2] {
        [
            self.host.server.key1().to_owned(),
            self.host.server.key2().to_owned(),
        ]
    }

    /// Everything live and reachable, by path, with names as the server has them. No path is there twice, and nothing
    /// live is out of reach.
    #[track_caller]
    pub(crate) fn tree(&self) -> Tree {
        self.look()
            .unwrap_or_else(|what| panic!("{what}\n{}", self.mutations()))
    }

    /// The same while somebody works on it: for moments two versions may have one name.
    pub(crate) fn look(&self) -> Result<Tree, String> {
        let held = self.control.tree().unwrap();
        let mut tree = Tree::new();
        let mut add = |path: &Option<String>, what: String, entry: Entry| {
            let path = path
                .as_deref()
                .ok_or_else(|| format!("{what} is live, but cannot be reached"))?;
            let path = path.trim_start_matches('/').to_owned();
            match tree.insert(path.clone(), entry) {
                None => Ok(()),
                Some(_) => Err(format!("{path} is twice in the account: {what}")),
            }
        };
        for folder in held
            .folders
            .iter()
            .filter(|folder| folder.state == RowState::Active)
        {
            add(
                &folder.path,
                format!("folder {}, {:?}", folder.id, folder.name),
                Entry::Folder,
            )?;
        }
        for file in held.files.iter().filter(|file| file.state == RowState::Active) {
            let content = content(file.size, &file.md5);
            add(
                &file.path,
                format!("file {}, {:?}", file.id, file.name),
                Entry::File(content),
            )?;
        }
        Ok(tree)
    }

    /// What changed the account, a line for each request, for a test that fails.
    pub(crate) fn mutations(&self) -> String {
        let report = self.control.ledger();
        let mutations = report.entries.iter().filter(|entry| entry.class == Class::Mutate);
        let lines = mutations.map(|entry| {
            let devcloud::Entry {
                seq,
                at_ms,
                endpoint,
                files,
                folders,
                http,
                result,
                faults,
                ..
            } = entry;
            format!(
                "{seq} {at_ms} {endpoint} files {files:?} folders {folders:?}: {http} {result} {faults:?}"
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Contents in the trash.
    pub(crate) fn trash(&self) -> BTreeSet<Content> {
        let held = self.control.tree().unwrap();
        let trashed = held.files.iter().filter(|file| file.state == RowState::Trash);
        trashed.map(|file| content(file.size, &file.md5)).collect()
    }

    // ---- its ledger

    /// Where the ledger stands.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.control.totals())
    }

    /// What was asked since then.
    pub(crate) fn since(&self, mark: &Mark) -> Asked {
        let now = self.control.totals();
        let class = |class: Class| now.of(class) - mark.0.of(class);
        let endpoints = now
            .by_endpoint
            .iter()
            .map(|(name, count)| (name.clone(), count - mark.0.at(name)));
        Asked {
            requests: now.requests - mark.0.requests,
            mutations: class(Class::Mutate),
            downloads: class(Class::Download),
            bytes_up: now.bytes_in - mark.0.bytes_in,
            bytes_down: now.bytes_out - mark.0.bytes_out,
            endpoints: endpoints.filter(|(_, count)| *count > 0).collect(),
        }
    }

    // ---- its switches

    /// Names of all faults.
    pub(crate) fn faults() -> impl Iterator<Item = &'static str> {
        FAULTS.iter().map(|(_, name, _)| *name)
    }

    /// Sets a fault's probability.
    pub(crate) fn fault(&self, name: &str, chance: f64) {
        self.control.set_fault(name, chance).unwrap();
    }

    /// Sets a knob of a quirk or of a fault.
    pub(crate) fn knob(&self, name: &str, value: &str) {
        self.control.set_knob(name, value).unwrap();
    }

    /// Sets a limit of the package, and has the server enforce it.
    pub(crate) fn package(&self, key: &str, value: &str) {
        self.knob("Q11.package", "on");
        self.control.set_package(key, value).unwrap();
    }
}

/// A content as the server knows it.
fn content(size: u64, md5: &str) -> Content {
    let mut bytes = [0; 16];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&md5[at..at + 2], 16).unwrap();
    }
    Content { size, md5: bytes }
}
