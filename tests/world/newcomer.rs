//! Somebody who has an account and an empty home, and nothing of syncd's yet.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::machine::{Run, SYNCD};
use super::{Dialect, World};

/// A home, and the account.
pub(crate) struct Newcomer {
    /// The account's server, and where the home is.
    pub(crate) world: World,
    /// The home.
    pub(crate) home: PathBuf,
    /// Environment beside the fixed one.
    pub(crate) env: Vec<(String, String)>,
}

impl Newcomer {
    /// An account on a server of that dialect.
    pub(crate) fn new(dialect: Dialect) -> Self {
        let world = World::start(dialect);
        let home = world.join("home");
        fs::create_dir(&home).unwrap();
        let newcomer = Self {
            world,
            home,
            env: Vec::new(),
        };
        newcomer.save("keys.toml", &newcomer.world.cloud.credentials());
        newcomer
    }

    /// A private file in the home.
    pub(crate) fn save(&self, name: &str, text: &str) {
        let path = self.home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Reads a file of the home.
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.home.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `syncd ARGS` in the home, not run yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(SYNCD);
        command
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .args(args)
            .current_dir(&self.home);
        command
    }

    /// `syncd ARGS`, to its end, with this on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Run {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A child that reads nothing is no failure here.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let done = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Run {
            what: args.join(" "),
            code: done.status.code().unwrap_or(-1),
            stdout: text(done.stdout),
            stderr: text(done.stderr),
        }
    }

    /// `syncd ARGS`, to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, "")
    }

    /// `syncd init` with every answer as a flag, and these.
    pub(crate) fn init(&self, more: &[&str]) -> Run {
        self.init_of("Cloud", "/", more)
    }

    /// The same for these folders.
    pub(crate) fn init_of(&self, local: &str, remote: &str, more: &[&str]) -> Run {
        let url = self.world.cloud.api_url();
        let account = ["init", "--api-url", &url, "--key-file", "keys.toml"];
        let pair = ["--local", local, "--remote", remote];
        let args: Vec<&str> = [&account, &pair[..], more].concat();
        self.run(&args)
    }
}
