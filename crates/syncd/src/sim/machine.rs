//! The computers of a simulated world, and the processes on them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::load::{Choice, Env, load};
use crate::config::{Config, RemoteSpec};
use crate::engine::{Hearing, Look, Recall};

use super::account::{SimAccount, SimTransport};
use super::base::Base;
use super::disk::{Disk, Ear};
use super::rng::Rng;
use super::time;

/// One simulated computer.
pub(super) struct Machine {
    pub(super) config: Config,
    token: api::MemoryTokenStore,
    /// What its process goes on with from pass to pass, if it is a service and lives.
    pub(super) service: RefCell<Option<Service>>,
    /// What passes of a service look at; none if each pass is a process of its own.
    pub(super) looks: Option<RefCell<Rng>>,
}

/// A process that makes one pass after another.
pub(super) struct Service {
    pub(super) recall: Recall,
    pub(super) client: api::Client,
    pub(super) wire: Arc<SimTransport>,
}

/// Histories from this seed on have machines on which syncd runs as a service.
pub(super) const SERVICES: u64 = 2_000_000;

/// Histories from this seed on have folders that syncd may not look into for a pass.
pub(super) const SHUT: u64 = 3_000_000;

/// Histories from this seed on have accounts whose database hiccups.
pub(super) const HICCUPS: u64 = 4_000_000;

/// Histories from this seed on are of pairs with all of the account, to its top.
pub(super) const TOP: u64 = 5_000_000;

/// Histories from this seed on have databases that hiccup whenever they may, in two of five calls.
pub(super) const OFTEN: u64 = 6_000_000;

impl Machine {
    /// Whether syncd runs on it as a service.
    pub(super) const fn is_service(&self) -> bool {
        self.looks.is_some()
    }

    /// What the next pass looks at. Who is to come to rest must see what is in the account.
    pub(super) fn look(&self, calm: bool) -> Look {
        let Some(looks) = &self.looks else {
            return Look::All;
        };
        match looks.borrow_mut().below(5) {
            0 => Look::All,
            1 | 2 if !calm => Look::Changed,
            _ if calm => Look::Due {
                full: Duration::ZERO,
                next: Duration::ZERO,
            },
            _ => Look::Due {
                full: Duration::from_secs(600),
                next: Duration::from_secs(60),
            },
        }
    }

    /// A process begins.
    pub(super) fn process(&self, number: usize, account: &SimAccount) -> Result<Service, String> {
        let wire = account.transport();
        let mut built = api::Config::new(&SimAccount::api_url()).map_err(|error| error.to_string())?;
        let (key1, key2) = SimAccount::keys();
        built.credentials = api::Credentials::keys(key1, key2);
        built.session.login_backoff = Duration::ZERO;
        built.session.logins_per_hour = 100_000;
        // Without waits there is nothing to draw: a history must be the same each time.
        (built.retry.base, built.retry.rate_base) = (Duration::ZERO, Duration::ZERO);
        let client = api::Client::with_transport(
            built,
            Arc::new(self.token.clone()),
            Arc::new(|_| Ok(())),
            Arc::clone(&wire) as Arc<dyn api::transport::Transport>,
        );
        let recall = match &self.looks {
            Some(looks) => {
                let ear: Arc<dyn Hearing> = Arc::new(Ear::new(number, looks.borrow_mut().draw()));
                Recall::with(ear)
            }
            None => Recall::default(),
        };
        Ok(Service { recall, client, wire })
    }
}

/// Where worlds of one thread keep their journals; the folder goes with this value.
pub(crate) struct Workshop {
    dir: PathBuf,
    config: Config,
}

/// Why no world could be made; never a finding.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

impl Workshop {
    /// In memory where the system offers it.
    pub(crate) fn new(name: &str) -> Result<Self, Broken> {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_path_buf()
        } else {
            std::env::temp_dir()
        };
        let dir = base.join(format!("syncd-sim-{}-{name}", std::process::id()));
        let broken = |error: &dyn std::fmt::Display| Broken(format!("{}: {error}", dir.display()));
        let home = dir.join("home");
        std::fs::create_dir_all(home.join(".config/syncd")).map_err(|error| broken(&error))?;
        let text = "device_name = \"D\"\nstate_dir = \"~/state\"\n[account]\napi_url = \"https://cloud.example/api/v2/\"\n\
                    [[sync]]\nname = \"main\"\nlocal = \"~/disk\"\nremote = \"/Sync\"\nexclude = []\nmax_delete_percent = 100\nmin_free = 0\n";
        std::fs::write(home.join(".config/syncd/config.toml"), text).map_err(|error| broken(&error))?;
        let env = Env::of(&home.to_string_lossy(), &[]);
        let config = load(&Choice::default(), &env)
            .map_err(|error| broken(&format!("{error:?}")))?
            .config;
        Ok(Self { dir, config })
    }

    /// A machine with a new journal.
    pub(super) fn machine(&self, number: usize, seed: u64) -> Result<Machine, Broken> {
        let mut config = self.config.clone();
        config.device_name = format!("D{number}");
        config.state_dir = self.dir.join(format!("m{number}"));
        for dir in config.pairs.iter().map(|pair| config.pair_dir(&pair.name)) {
            let emptied = time::shelf().empty(&dir);
            emptied.map_err(|error| Broken(error.to_string()))?;
        }
        for pair in &mut config.pairs {
            pair.local = Disk::root(number);
            pair.remote = RemoteSpec::Path(Base::of(seed).name().to_owned());
            // A process goes on until it is killed.
            pair.local_scan_interval = Duration::from_secs(200_000);
        }
        if seed.is_multiple_of(2) {
            // Whatever both sides have alike is put on record first.
            config.adopt_at_once = 1;
        }
        let mut rng = Rng::new(seed ^ 0x5E41 ^ (u64::try_from(number).unwrap_or(0) << 40));
        let is_service = seed >= SERVICES && !rng.one_in(4);
        Ok(Machine {
            config,
            token: api::MemoryTokenStore::new(),
            service: RefCell::default(),
            looks: is_service.then(|| RefCell::new(rng)),
        })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What stays is in memory, and named by this process.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
