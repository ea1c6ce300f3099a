//! Where the commands of a document are run: a home, a shell that lives as long as the document, the built program as
//! `syncd`, an account on loopback.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::same::Same;
use crate::unit::Systemd;
use crate::world::machine::SYNCD;
use crate::world::process::signal;
use crate::world::{Dialect, World};

/// A command that takes longer hangs. Generous: many tests share two cores.
const LIMIT: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(5);
/// Said by the shell after each command.
const DONE: char = '\u{1}';

/// Of cargo a document needs one thing: the program, which is there.
const CARGO: &str = r#"#!/bin/sh
[ "$1 $2 $3 $4" = "run -p syncd --" ] || { echo "not here: cargo $*"; exit 1; }
shift 4
exec syncd "$@"
"#;

/// A document's world.
pub(super) struct Stage {
    /// The account that stands for the real one, and the folder of everything.
    pub(super) world: World,
    /// The home.
    pub(super) home: PathBuf,
    /// What differs from run to run.
    pub(super) same: Same,
    env: Vec<(String, String)>,
    shell: Shell,
    beside: Vec<Beside>,
}

impl Stage {
    /// An empty home.
    pub(super) fn new() -> Self {
        let world = World::start(Dialect::Document);
        let (home, programs, run) = (world.join("ann"), world.join("bin"), world.join("run"));
        for folder in [&home, &programs, &run] {
            fs::create_dir(folder).unwrap();
        }
        std::os::unix::fs::symlink(SYNCD, programs.join("syncd")).unwrap();
        let cargo = programs.join("cargo");
        fs::write(&cargo, CARGO).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        Systemd::in_folder(&programs);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let env: Vec<(String, String)> = [
            ("HOME", text(&home)),
            ("USER", "ann".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
            ("PATH", format!("{}:/usr/bin:/bin", programs.display())),
            ("XDG_RUNTIME_DIR", text(&run)),
            ("TMPDIR", text(&run)),
            ("SYNCD_DEVICE_NAME", "laptop".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let shell = Shell::start(command("sh", &home, &env));
        Self {
            same: Same::of(&home),
            world,
            home,
            env,
            shell,
            beside: Vec::new(),
        }
    }

    /// A program in the home, not started.
    pub(super) fn command(&self, program: &str) -> Command {
        command(program, &self.home, &self.env)
    }

    /// A command of the document, to its end: its exit code, and all it said.
    pub(super) fn run(&mut self, written: &str) -> (i32, String) {
        self.shell.run(&self.same.run(&self.real(written)))
    }

    /// What stands for the reader's own account is the one of this test.
    fn real(&self, written: &str) -> String {
        let [key1, key2] = self.world.cloud.keys();
        written
            .replace(
                "https://pixelcloudstorage.com/api/v2/",
                &self.world.cloud.api_url(),
            )
            .replace("SYNCD_KEY1=…", &format!("SYNCD_KEY1={key1}"))
            .replace("SYNCD_KEY2=…", &format!("SYNCD_KEY2={key2}"))
    }

    /// A command of the document that goes on beside the rest; returns when it has said these words.
    pub(super) fn start(&mut self, written: &str, words: &str) {
        let output = self.world.join(&format!("beside.{}", self.beside.len()));
        let file = File::create(&output).unwrap();
        // In the place and with the variables that the shell has now.
        let (code, place) = self.shell.run("pwd; export -p");
        assert_eq!(code, 0, "{place}");
        let (place, variables) = place.split_once('\n').unwrap();
        let line = format!("{variables}\nexec {}", self.same.run(&self.real(written)));
        let child = self
            .command("sh")
            .current_dir(place)
            .args(["-c", &line])
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut beside = Beside(child);
        let begun = Instant::now();
        loop {
            let said = String::from_utf8_lossy(&fs::read(&output).unwrap()).into_owned();
            if said.contains(words) {
                self.same.learn(&said);
                break;
            }
            let ended = beside.0.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < LIMIT,
                "{written}: never said {words:?} ({ended:?}): {said}"
            );
            std::thread::sleep(LOOK);
        }
        self.beside.push(beside);
    }
}

fn command(program: &str, home: &Path, env: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .current_dir(home);
    command
}

/// Something that was started and goes on; ended with the document.
struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            signal(self.0.id(), Signal::TERM);
            let begun = Instant::now();
            while matches!(self.0.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(LOOK);
            }
        }
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A shell that is told one command after another.
struct Shell {
    child: Child,
    told: Option<ChildStdin>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Shell {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = child.stdin.take().unwrap();
        told.write_all(b"exec 2>&1\n").unwrap();
        let mut output = child.stdout.take().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                all.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            child,
            told: Some(told),
            said,
        }
    }

    fn run(&mut self, command: &str) -> (i32, String) {
        self.said.lock().unwrap().clear();
        // In this shell, so that "cd" and variables stay; what it reads is nothing.
        let line = format!("{{ {command}\n}} < /dev/null\nprintf '\\001%d\\n' \"$?\"\n");
        self.told.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let begun = Instant::now();
        loop {
            let said = String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned();
            if let Some((output, code)) = said.split_once(DONE)
                && let Some(code) = code.strip_suffix('\n')
            {
                return (code.parse().unwrap(), output.to_owned());
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < LIMIT,
                "{command}: does not end ({ended:?}): {said}"
            );
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Its end of input is its end; a command that hangs in it is its own matter.
        drop(self.told.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
