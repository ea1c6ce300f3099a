//! The world of an end-to-end test: one devcloud in this process, and machines that run the built `syncd` against it
//! over loopback.
//!
//! Every world has its own temporary folder, server and runtime, so that tests run side by side. Never here: a look
//! into syncd's journal or memory. What a test knows, a user could see too: two trees, the program's output, its exit
//! code, and the server's ledger.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

#[path = "world/bus.rs"]
pub(crate) mod bus;
#[path = "world/cloud.rs"]
pub(crate) mod cloud;
#[path = "world/disk.rs"]
pub(crate) mod disk;
#[path = "world/line.rs"]
pub(crate) mod line;
#[path = "world/machine.rs"]
pub(crate) mod machine;
#[path = "world/mounts.rs"]
pub(crate) mod mounts;
#[path = "world/native.rs"]
pub(crate) mod native;
#[path = "world/newcomer.rs"]
pub(crate) mod newcomer;
#[path = "world/process.rs"]
pub(crate) mod process;
#[path = "world/settings.rs"]
pub(crate) mod settings;
#[path = "world/socket.rs"]
pub(crate) mod socket;
#[path = "world/terminal.rs"]
pub(crate) mod terminal;
#[path = "world/web.rs"]
pub(crate) mod web;

pub(crate) use cloud::Cloud;
pub(crate) use devcloud::Dialect;
pub(crate) use disk::{Entry, Tree, content_of};
pub(crate) use machine::{Machine, Run};

/// A server, and a folder in which machines live.
pub(crate) struct World {
    /// The server; stopped before its folder goes.
    pub(crate) cloud: Cloud,
    folder: tempfile::TempDir,
}

impl World {
    /// A server of that dialect, empty.
    pub(crate) fn start(dialect: Dialect) -> Self {
        Self::seeded(dialect, 1)
    }

    /// A server of that dialect whose faults and random quirks follow from `seed`.
    pub(crate) fn seeded(dialect: Dialect, seed: u64) -> Self {
        let folder = tempfile::Builder::new().prefix("syncd-e2e-").tempdir().unwrap();
        // Machines may run as another user, who must reach his own folders below this one.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let cloud = Cloud::start(&folder.path().join("cloud"), dialect, seed);
        Self { cloud, folder }
    }

    /// A machine that syncs its folder with the account's root.
    pub(crate) fn machine(&self, name: &str) -> Machine {
        self.machine_at(name, "/")
    }

    /// A machine that syncs its folder with that folder of the account.
    pub(crate) fn machine_at(&self, name: &str, remote: &str) -> Machine {
        Machine::new(&self.folder.path().join(name), name, &self.cloud, remote)
    }

    /// A place in this world.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Runs a story in all four dialects at once (most of its time is waiting), or in that of `SYNCD_TEST_DIALECT`; fails
/// with the first that fails, after all have ended.
pub(crate) fn in_every_dialect(story: impl Fn(Dialect) + Sync) {
    let mut dialects = vec![Dialect::Document, Dialect::V4, Dialect::V5, Dialect::Hostile];
    if let Ok(only) = std::env::var("SYNCD_TEST_DIALECT") {
        dialects = vec![only.parse().unwrap()];
    }
    std::thread::scope(|scope| {
        let start = |dialect: Dialect| {
            let story = &story;
            let named = std::thread::Builder::new().name(format!("dialect {dialect}"));
            named.spawn_scoped(scope, move || story(dialect)).unwrap()
        };
        let running: Vec<_> = dialects.into_iter().map(start).collect();
        let ended: Vec<_> = running
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        if let Some(panic) = ended.into_iter().find_map(Result::err) {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Whether the large sets are asked for: `SYNCD_TEST_FULL=1`.
pub(crate) fn full() -> bool {
    std::env::var_os("SYNCD_TEST_FULL").is_some_and(|value| value == "1")
}

/// A number from the environment, or what the normal run takes.
pub(crate) fn number(variable: &str, normal: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable} takes a number, not {text:?}")),
        Err(_) => normal,
    }
}
