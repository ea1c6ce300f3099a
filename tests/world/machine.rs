//! A machine: a folder, a state directory, a configuration, and the built `syncd` as a child process.
//!
//! Children get an empty environment but for what a machine has. Only children started here are ever killed, by their
//! handle; none outlives its test.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cloud::Cloud;
use super::disk::{self, Content, Tree};
use super::full;
use super::settings::Settings;

/// A run that takes longer hangs. Generous: many tests share two cores.
const RUN_LIMIT: Duration = Duration::from_secs(600);
/// The same for the large sets: a run of 3,000 files under faults waits for hundreds of attempts.
const FULL_RUN_LIMIT: Duration = Duration::from_secs(3600);
/// Between two looks at a child.
const LOOK: Duration = Duration::from_millis(2);
/// Between two runs while agreement is not reached: what is unproved may need the server's or our clock to move on.
const BETWEEN_RUNS: Duration = Duration::from_millis(250);

/// The program under test.
pub(crate) const SYNCD: &str = env!("CARGO_BIN_EXE_syncd");

/// One machine.
pub(crate) struct Machine {
    /// Its folder.
    pub(crate) local: PathBuf,
    /// Its state directory.
    pub(crate) state: PathBuf,
    /// Its `config.toml`.
    pub(crate) config: PathBuf,
    /// Its credentials file.
    pub(crate) credentials: PathBuf,
    home: PathBuf,
    /// What is written into its configuration.
    settings: Settings,
    /// Environment beside the fixed one.
    env: Vec<(String, String)>,
    /// Runs as this user.
    uid: Option<u32>,
    /// Program and arguments through which syncd is run.
    through: Vec<String>,
    runs: AtomicU64,
}

impl Machine {
    /// A machine that lives in `home`.
    pub(crate) fn new(home: &Path, name: &str, cloud: &Cloud, remote: &str) -> Self {
        let place = |part: &str| home.join(part);
        let (local, state, runs) = (place("folder"), place("state"), place("runs"));
        let config = place(".config/syncd");
        for folder in [home, &local, &state, &runs, &config] {
            fs::create_dir_all(folder).unwrap();
        }
        let credentials = place("credentials.toml");
        let mut settings = Settings::new(name, &state, &cloud.api_url(), &credentials);
        settings.pair("main", &local, remote);
        let machine = Self {
            local,
            state,
            config: config.join("config.toml"),
            credentials,
            home: home.to_owned(),
            settings,
            env: Vec::new(),
            uid: None,
            through: Vec::new(),
            runs: AtomicU64::new(0),
        };
        machine.save_settings();
        machine.save_credentials(&cloud.credentials(), 0o600);
        machine
    }

    /// Changes the configuration.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.save_settings();
    }

    /// Sets a key of the first pair to a TOML value.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.configure(|settings| {
            settings.sync[0].insert(key.to_owned(), value.to_owned());
        });
    }

    fn save_settings(&self) {
        fs::write(&self.config, self.settings.text()).unwrap();
    }

    /// Writes the credentials file.
    pub(crate) fn save_credentials(&self, text: &str, mode: u32) {
        fs::write(&self.credentials, text).unwrap();
        fs::set_permissions(&self.credentials, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// From now on it runs as that user, and all it has is his.
    pub(crate) fn become_user(&mut self, uid: u32) {
        chown(&self.home, uid);
        self.uid = Some(uid);
    }

    /// Adds to its environment.
    pub(crate) fn env(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// From now on syncd is run through this program, whose arguments end with syncd's own; empty: by itself.
    pub(crate) fn run_through(&mut self, words: Vec<String>) {
        self.through = words;
    }

    // ---- its folder

    /// What is in its folder.
    pub(crate) fn tree(&self) -> Tree {
        disk::tree(&self.local)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> Content {
        disk::write(&self.local, path, bytes.as_ref());
        disk::content_of(bytes.as_ref())
    }

    /// Makes a folder.
    pub(crate) fn mkdir(&self, path: &str) {
        fs::create_dir_all(self.local.join(path)).unwrap();
    }

    /// Removes a file or a folder.
    pub(crate) fn remove(&self, path: &str) {
        disk::remove(&self.local, path);
    }

    /// Renames or moves.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        disk::rename(&self.local, from, to);
    }

    /// Reads a file.
    pub(crate) fn read(&self, path: &str) -> String {
        let bytes = fs::read(self.local.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    // ---- its syncd

    /// `syncd ARGS`, to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.spawn(args).wait()
    }

    /// `syncd --once --json ARGS`, to its end.
    pub(crate) fn once(&self, args: &[&str]) -> Run {
        self.spawn_once(args).wait()
    }

    /// `syncd --once --json ARGS`, running.
    pub(crate) fn spawn_once(&self, args: &[&str]) -> Running {
        let args: Vec<&str> = ["--once", "--json"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.spawn(&args)
    }

    /// `syncd ARGS`, not run yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = match self.through.split_first() {
            Some((outer, before)) => {
                let mut command = Command::new(outer);
                command.args(before).arg(self.program());
                command
            }
            None => Command::new(self.program()),
        };
        command
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .args(args)
            .current_dir("/");
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        command
    }

    /// `syncd ARGS`, running.
    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let place = |what: &str| self.home.join("runs").join(format!("{number}.{what}"));
        let (stdout, stderr) = (place("out"), place("err"));
        let mut command = self.command(args);
        command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("{SYNCD}: {error}"));
        Running {
            child,
            stdout,
            stderr,
            what: args.join(" "),
        }
    }

    /// Another user may not be able to reach the build's folder: he gets a copy.
    fn program(&self) -> PathBuf {
        if self.uid.is_none() {
            return SYNCD.into();
        }
        let copy = self.home.join("syncd");
        if !copy.exists() {
            fs::copy(SYNCD, &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        }
        copy
    }

    /// One pass that must end in agreement.
    pub(crate) fn sync(&self) -> Run {
        self.once(&[]).expect(0)
    }

    /// Passes until one agrees (exit code 0), at most `limit`; the number it took. Codes other than 0, 1 and 3 (all
    /// else waits for a user) fail the test, 1 also unless `may_fail`.
    pub(crate) fn settle(&self, limit: u32, may_fail: bool) -> u32 {
        let mut last = None;
        for run in 1..=limit {
            let done = self.once(&[]);
            match done.code {
                0 => return run,
                3 => {}
                1 if may_fail => {}
                _ => panic!("not expected while settling: {done:#?}"),
            }
            last = Some(done);
            std::thread::sleep(BETWEEN_RUNS);
        }
        panic!("no agreement after {limit} runs; the last: {:#?}", last.unwrap());
    }
}

/// Gives a tree to a user.
fn chown(path: &Path, uid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            chown(&entry.unwrap().path(), uid);
        }
    }
}

/// A child that runs.
pub(crate) struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    what: String,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Looks until it ends or `until` says so.
    pub(crate) fn watch(&mut self, mut until: impl FnMut(&Self) -> bool) {
        let limit = if full() { FULL_RUN_LIMIT } else { RUN_LIMIT };
        let begun = Instant::now();
        while self.ended().is_none() && !until(self) {
            assert!(
                begun.elapsed() < limit,
                "syncd {} hangs:\n{}",
                self.what,
                self.output()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// `kill -9`. Answers whether it still ran.
    pub(crate) fn kill(mut self) -> bool {
        let running = self.ended().is_none();
        if running {
            self.child.kill().unwrap();
        }
        self.child.wait().unwrap();
        running
    }

    /// Its end.
    pub(crate) fn wait(mut self) -> Run {
        self.watch(|_| false);
        let status = self.child.wait().unwrap();
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Run {
            what: std::mem::take(&mut self.what),
            code: status.code().unwrap_or(-1),
            stdout: read(&self.stdout),
            stderr: read(&self.stderr),
        }
    }

    /// What it said so far.
    pub(crate) fn output(&self) -> String {
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        format!("{}\n{}", read(&self.stdout), read(&self.stderr))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only a failing test gets here with a child that runs.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What a child said.
#[derive(Clone)]
pub(crate) struct Run {
    /// Its arguments.
    pub(crate) what: String,
    /// Its exit code; -1: a signal.
    pub(crate) code: i32,
    /// What it printed as a result.
    pub(crate) stdout: String,
    /// What it said beside.
    pub(crate) stderr: String,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            what,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "syncd {what}: exit {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}

impl Run {
    /// The same, if its exit code is that.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Its result.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// What it says of the only pair.
    #[track_caller]
    pub(crate) fn pair(&self) -> Value {
        self.json()
            .pointer("/pairs/0")
            .cloned()
            .unwrap_or_else(|| panic!("no pair: {self:?}"))
    }

    /// A number of the only pair.
    #[track_caller]
    pub(crate) fn count(&self, key: &str) -> u64 {
        self.pair()
            .get(key)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("no number {key}: {self:?}"))
    }

    /// Path and reason of all items of a kind (`skipped`, `held`, …) of the only pair.
    #[track_caller]
    pub(crate) fn items(&self, kind: &str) -> Vec<(String, String)> {
        let pair = self.pair();
        let items = pair
            .get(kind)
            .and_then(Value::as_array)
            .unwrap_or_else(|| panic!("no {kind}: {self:?}"));
        let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        items
            .iter()
            .map(|item| (text(item, "path"), text(item, "reason")))
            .collect()
    }

    /// Everything it said.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stderr, self.stdout)
    }
}
