//! `syncd service`: the unit it writes, what it asks of systemd, and what it leaves alone. systemd itself is a script that
//! writes down what it was asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::machine::SYNCD;
use crate::world::{Dialect, Machine, World};

/// A systemctl that notes its arguments, and answers as the file beside it says.
const SYSTEMCTL: &str = r#"#!/bin/sh
here=${0%/*}
echo "$@" >> "$here/asked"
case "$*" in *show*) cat "$here/show" ;; esac
if [ -e "$here/fails" ]; then cat "$here/fails" >&2; exit 1; fi
"#;

/// A systemd that does nothing.
pub(crate) struct Systemd(PathBuf);

impl Systemd {
    /// The machine has this one from now on.
    fn on(machine: &mut Machine, world: &World) -> Self {
        let folder = world.join("systemd");
        fs::create_dir(&folder).unwrap();
        machine.env("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
        Self::in_folder(&folder)
    }

    /// For who has this folder in PATH.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let script = folder.join("systemctl");
        fs::write(&script, SYSTEMCTL).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(
            folder.join("show"),
            "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\nResult=success\nMainPID=77\n",
        )
        .unwrap();
        Self(folder.to_owned())
    }

    /// What it was asked since the last question, but for looks.
    fn asked(&self) -> Vec<String> {
        let file = self.0.join("asked");
        let asked = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        let told = asked.lines().filter(|line| !line.contains(" show "));
        told.map(str::to_owned).collect()
    }

    fn fails(&self, words: &str) {
        fs::write(self.0.join("fails"), words).unwrap();
    }
}

fn unit(machine: &Machine, name: &str) -> PathBuf {
    machine
        .config
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("systemd/user")
        .join(name)
}

/// systemd itself has nothing to say against it, where it is at hand.
fn verify(path: &Path, world: &World) {
    let run = world.join("run");
    fs::create_dir_all(&run).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .arg(path)
        .env("XDG_RUNTIME_DIR", &run)
        .output();
    if let Ok(verified) = verified {
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(verified.status.success() && said.is_empty(), "{said}");
    }
}

#[test]
fn an_installed_service_is_known_to_systemd_until_it_is_uninstalled() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let systemd = Systemd::on(&mut machine, &world);
    let path = unit(&machine, "syncd.service");
    machine.run(&["service", "install"]).expect(0);
    let text = fs::read_to_string(&path).unwrap();
    for line in [
        format!("ExecStart={SYNCD}"),
        format!("ExecReload={SYNCD} reload"),
        "Type=notify".into(),
        "RestartPreventExitStatus=1 2 5".into(),
        "WantedBy=default.target".into(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert_eq!(
        systemd.asked(),
        ["--user daemon-reload", "--user enable --now syncd.service"]
    );
    verify(&path, &world);
    let status = machine.run(&["service", "status", "--json"]).expect(0).json();
    assert_eq!(
        (
            &status["installed"],
            &status["ours"],
            &status["active"],
            &status["pid"]
        ),
        (&true.into(), &true.into(), &"active".into(), &77.into()),
        "{status}"
    );
    // Again, after an upgrade: what runs is begun again.
    machine.run(&["service", "install"]).expect(0);
    assert_eq!(
        systemd.asked().last().map(String::as_str),
        Some("--user try-restart syncd.service")
    );
    machine.run(&["service", "stop"]).expect(0);
    machine.run(&["service", "start"]).expect(0);
    assert_eq!(
        systemd.asked(),
        ["--user stop syncd.service", "--user start syncd.service"]
    );
    machine.run(&["service", "uninstall"]).expect(0);
    assert_eq!(
        systemd.asked(),
        ["--user disable --now syncd.service", "--user daemon-reload"]
    );
    assert!(!path.exists());
    // There is nothing left to do, and that is no mistake.
    machine.run(&["service", "uninstall"]).expect(0);
    assert_eq!(systemd.asked(), [""; 0]);
}

#[test]
fn a_profile_and_a_file_are_in_the_units_command() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let systemd = Systemd::on(&mut machine, &world);
    let odd = world.join("a folder with 100% $x");
    fs::create_dir(&odd).unwrap();
    fs::copy(&machine.config, odd.join("my.toml")).unwrap();
    let file = odd.join("my.toml");
    let run = machine.run(&[
        "--profile",
        "work",
        "--config",
        file.to_str().unwrap(),
        "service",
        "install",
        "--json",
    ]);
    let path = unit(&machine, "syncd@work.service");
    assert_eq!(run.expect(0).json()["path"], path.to_str().unwrap());
    let text = fs::read_to_string(&path).unwrap();
    let written = file.to_str().unwrap().replace('%', "%%").replace('$', "$$");
    let line = format!("ExecStart={SYNCD} --config \"{written}\" --profile work");
    assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    assert_eq!(systemd.asked()[1], "--user enable --now syncd@work.service");
    verify(&path, &world);
}

#[test]
fn a_unit_that_somebody_else_wrote_is_left_alone() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let systemd = Systemd::on(&mut machine, &world);
    let path = unit(&machine, "syncd.service");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let theirs = "[Service]\nExecStart=/opt/syncd\n";
    fs::write(&path, theirs).unwrap();
    for command in ["install", "uninstall"] {
        let run = machine.run(&["service", command]).expect(1);
        assert!(run.stderr.contains("did not write"), "{run:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
    }
    assert_eq!(systemd.asked(), [""; 0]);
    // What masks a unit is not written through.
    fs::remove_file(&path).unwrap();
    let target = world.join("target");
    fs::write(&target, "keep").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    machine.run(&["service", "install"]).expect(1);
    machine.run(&["service", "install", "--force"]).expect(0);
    assert!(!path.is_symlink() && fs::read_to_string(&path).unwrap().contains(SYNCD));
    assert_eq!(fs::read_to_string(&target).unwrap(), "keep");
}

#[test]
fn without_systemd_it_says_what_was_written_and_what_to_do() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let path = unit(&machine, "syncd.service");
    let nothing = world.join("nothing");
    fs::create_dir(&nothing).unwrap();
    machine.env("PATH", nothing.to_str().unwrap());
    let run = machine.run(&["service", "install", "--json"]).expect(1);
    assert_eq!(run.json()["error"]["kind"], "no_service_manager");
    for words in [path.to_str().unwrap(), "there is no systemctl", SYNCD, "log.file"] {
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
    assert!(path.exists());
    let status = machine.run(&["service", "status"]).expect(1);
    assert!(status.stdout.contains("does not answer"), "{status:?}");
    // What enabled it by hand goes with it.
    let wants = path.parent().unwrap().join("default.target.wants");
    fs::create_dir(&wants).unwrap();
    std::os::unix::fs::symlink(&path, wants.join("syncd.service")).unwrap();
    machine.run(&["service", "uninstall"]).expect(0);
    assert!(!path.exists() && !wants.join("syncd.service").is_symlink());
}

#[test]
fn what_systemd_refuses_is_told_in_its_words_and_a_user_without_a_manager_is_told_so() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let systemd = Systemd::on(&mut machine, &world);
    systemd.fails("Failed to enable unit: no such luck");
    let run = machine.run(&["service", "install"]).expect(1);
    assert!(
        run.stderr.contains("no such luck") && run.stderr.contains("journalctl"),
        "{run:?}"
    );
    let run = machine.run(&["service", "uninstall"]).expect(1);
    assert!(unit(&machine, "syncd.service").exists(), "{run:?}");
    systemd.fails("Failed to connect to bus: No medium found");
    let run = machine.run(&["service", "start", "--json"]).expect(1);
    assert_eq!(run.json()["error"]["kind"], "no_service_manager", "{run:?}");
    machine.run(&["service", "uninstall"]).expect(0);
    assert!(!unit(&machine, "syncd.service").exists());
    // Nothing that could not run is installed.
    fs::write(&machine.config, "nonsense = 1\n").unwrap();
    let run = machine.run(&["service", "install"]).expect(1);
    assert!(
        run.stderr.contains("nonsense") && !unit(&machine, "syncd.service").exists(),
        "{run:?}"
    );
    fs::remove_file(&machine.config).unwrap();
    machine.run(&["service", "install"]).expect(1);
}
