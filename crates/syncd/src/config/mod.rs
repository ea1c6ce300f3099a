//! The configuration: where it is found, how its layers are read, and the values everything else is built from.
//!
//! Below this module nobody reads a file, a variable or a default again. `keys.rs` is the one list of keys; secrets
//! are not part of it (`credentials.rs`), so a `Config` may be shown and logged.

pub(crate) mod check;
pub(crate) mod credentials;
pub(crate) mod error;
#[cfg(test)]
mod fuzz;
pub(crate) mod keyring;
pub(crate) mod keys;
pub(crate) mod layers;
pub(crate) mod load;
pub(crate) mod paths;
pub(crate) mod show;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod value;
pub(crate) mod windows;

use std::path::PathBuf;
use std::time::Duration;

use planner::policy::{ConflictPolicy, Direction, FirstMerge, Unstorable};
use secrecy::SecretString;
use url::Url;

use keyring::Keyring;
use windows::Window;

/// New nodes that a first sync decides about at once, those of all sides together: some 20 MB.
pub(crate) const ADOPT_AT_ONCE: usize = 20_000;

/// Everything the user chose.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Journals, tokens, logs. Absolute.
    pub(crate) state_dir: PathBuf,
    /// This machine's name in conflict names; 1 to 20 characters.
    pub(crate) device_name: String,
    /// The account.
    pub(crate) account: Account,
    /// Bandwidth and concurrency.
    pub(crate) limits: Limits,
    /// The control socket of a running service. Absolute.
    pub(crate) socket: PathBuf,
    /// Logging.
    pub(crate) log: Log,
    /// Conflicts and safety stops are told to the desktop.
    pub(crate) notify_desktop: bool,
    /// Waiting times.
    pub(crate) timing: Timing,
    /// New nodes that a first sync decides about at once. No key: a bound of memory, which only tests make smaller.
    pub(crate) adopt_at_once: usize,
    /// The pairs, in the order of the file; none only for a command about the account alone. Their names differ also when
    /// case is ignored.
    pub(crate) pairs: Vec<PairConfig>,
}

impl Config {
    /// The folder that is the pair's own: journal, lock, history.
    pub(crate) fn pair_dir(&self, name: &str) -> PathBuf {
        self.state_dir.join("pairs").join(name)
    }
}

/// The account and the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Base address, `https`, or `http` where that was allowed; ends in `/`; holds no user name and no query.
    pub(crate) api_url: Url,
    /// Where the credentials file would be.
    pub(crate) credentials_file: PathBuf,
    /// When the system keyring is asked for credentials.
    pub(crate) keyring: UseKeyring,
    /// Where they would be in it.
    pub(crate) in_keyring: Keyring,
    /// Extra root certificates, PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// Its address may hold a password.
    pub(crate) proxy: Option<SecretString>,
}

/// When the system keyring is asked for credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum UseKeyring {
    /// Where there is no credentials file.
    Auto,
    /// In the place of a file.
    Only,
    /// Not at all.
    Never,
}

/// Bandwidth and concurrency.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes per second where no window says otherwise; 0 is none.
    pub(crate) upload: u64,
    /// The same downwards.
    pub(crate) download: u64,
    /// Calls at once; `None` lets the client adapt.
    pub(crate) concurrency: Option<usize>,
    /// Other limits at some times, in the order of the file.
    pub(crate) windows: Vec<Window>,
}

/// Logging.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Log {
    /// A level, or levels by crate; `None` if the user chose none.
    pub(crate) level: Option<String>,
    /// JSON instead of text.
    pub(crate) json: bool,
    /// The service's log file. Absolute, in no pair's folder.
    pub(crate) file: Option<PathBuf>,
    /// Old log files that are kept; at most 1,000.
    pub(crate) keep: u32,
}

/// Waiting times, for slow servers and for tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Timing {
    /// A file is quiet when two looks so far apart are equal (design S13).
    pub(crate) quiet_period: Duration,
    /// Between two negative proofs (design S3).
    pub(crate) confirm_after: Duration,
    /// Between looks that count (design §3).
    pub(crate) look_again: Duration,
    /// First ceiling of the random wait before signing in again (design A9).
    pub(crate) login_backoff: Duration,
    /// How long an intent lives on for late arrivals (design A1).
    pub(crate) sweep_after: Duration,
    /// How long an upload whose answer was lost may still arrive (design A1).
    pub(crate) late_upload_limit: Duration,
    /// One call, answer included.
    pub(crate) request_timeout: Duration,
    /// A file that keeps changing for so long is sent from a copy (design S13).
    pub(crate) restless_after: Duration,
    /// Longest first wait before a call is repeated.
    pub(crate) retry_pause: Duration,
}

/// A folder of the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum RemoteSpec {
    /// By path, `/`-separated, without leading or trailing `/`; empty is the account's root.
    Path(String),
    /// By id.
    Id(u64),
}

/// A local folder and a folder of the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PairConfig {
    /// 1 to 64 of `a-z A-Z 0-9 . _ -`, beginning with a letter or digit: a folder name in the state directory.
    pub(crate) name: String,
    /// Absolute. It may be missing.
    pub(crate) local: PathBuf,
    /// Where in the account.
    pub(crate) remote: RemoteSpec,
    /// Which sides are written.
    pub(crate) direction: Direction,
    /// Who wins.
    pub(crate) conflict: ConflictPolicy,
    /// What is believed at the first meeting.
    pub(crate) first_merge: FirstMerge,
    /// What happens to names that a side cannot hold.
    pub(crate) unstorable: Unstorable,
    /// Patterns in gitignore syntax.
    pub(crate) exclude: Vec<String>,
    /// Patterns that are synced although `exclude` matches them.
    pub(crate) include: Vec<String>,
    /// The brake; 1 to 100; 100 is none (design §6).
    pub(crate) max_delete_percent: u8,
    /// Free bytes that downloads leave on the disk.
    pub(crate) min_free: u64,
    /// Days that `.syncd/trash` keeps.
    pub(crate) trash_days: u32,
    /// Between polls.
    pub(crate) poll_interval: Duration,
    /// Between polls of a quiet account.
    pub(crate) max_poll_interval: Duration,
    /// Every folder is listed at least so often (design S6).
    pub(crate) full_walk_interval: Duration,
    /// Every local folder is scanned at least so often.
    pub(crate) local_scan_interval: Duration,
    /// A status older than this is stale.
    pub(crate) stale_after: Duration,
    /// `file/copy` may be used (design A8).
    pub(crate) server_copy: bool,
    /// Takes part in runs that name no pair.
    pub(crate) enabled: bool,
}
