//! `syncd demo`, as a user runs it: it ends well, says a line for each act, in every dialect; it never meets what is the
//! user's own; and what `--keep` leaves running can be used.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends at the first surprise, and says where"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use terminal::Terminal;

#[path = "world/terminal.rs"]
mod terminal;

/// What happens, in the words of the output.
const ACTS: [&str; 9] = [
    "first sync",
    "edited here",
    "edited there",
    "renamed here",
    "renamed there",
    "deleted here",
    "deleted there",
    "edited on both",
    "nothing new",
];

/// The program, in a world that has only this folder.
fn syncd(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncd"));
    command.env_clear().env("HOME", home).env("TMPDIR", home);
    command
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

fn ends_well(dialect: &str) {
    ends_well_with(&["--dialect", dialect]);
}

/// The same for any options; what it said.
fn ends_well_with(options: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("demo");
    let output = syncd(home.path())
        .arg("demo")
        .args(options)
        .arg(&folder)
        .output()
        .unwrap();
    let (said, errors) = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    assert_eq!(errors, "");
    let lines: Vec<&str> = said.lines().collect();
    let found: Vec<usize> = ACTS
        .iter()
        .map(|act| lines.iter().position(|line| line.starts_with(act)).expect(act))
        .collect();
    assert!(found.is_sorted(), "{said}");
    // Both trees, and where they are.
    for place in [folder.join("laptop"), folder.clone()] {
        assert!(said.contains(place.to_str().unwrap()), "{said}");
    }
    let row = |path: &str| {
        lines
            .iter()
            .copied()
            .find(|line| line.starts_with(path))
            .expect(path)
    };
    assert!(row("Notes/todo.txt").ends_with("28 B        28 B"), "{said}");
    assert!(row("Notes/empty.txt").ends_with("0 B           -"), "{said}");
    assert!(row("Shared/agenda (conflict ").contains(" laptop).txt"), "{said}");
    assert!(folder.join("laptop/Music/ballad.mp3").is_file());
    assert!(!folder.join("laptop/Plans/holiday.txt").exists());
    said
}

#[test]
fn every_act_arrives_on_both_sides_in_dialect_document() {
    ends_well("document");
}

#[test]
fn every_act_arrives_on_both_sides_in_dialect_v4() {
    ends_well("v4");
}

#[test]
fn every_act_arrives_on_both_sides_in_dialect_v5() {
    ends_well("v5");
}

#[test]
fn every_act_arrives_on_both_sides_in_dialect_hostile() {
    ends_well("hostile");
}

#[test]
fn every_act_arrives_though_a_third_of_all_requests_fails() {
    let said = ends_well_with(&["--faults"]);
    let struck = said
        .lines()
        .find(|line| line.ends_with("were struck by a fault."));
    let struck = struck.expect(&said).split(' ').next().unwrap();
    assert!(struck.parse::<u32>().unwrap() > 0, "{said}");
}

#[test]
fn what_travels_is_drawn_on_a_terminal_and_nothing_of_it_elsewhere() {
    let drawn = |seen: &str| seen.contains("of 9 acts") || seen.contains('●');
    assert!(!drawn(&ends_well_with(&["--live"])));
    let home = tempfile::tempdir().unwrap();
    let play = |options: &[&str]| {
        let mut command = syncd(home.path());
        command.env("TERM", "xterm").arg("demo").args(options);
        let mut terminal = Terminal::spawn(command);
        terminal.answer("Everything arrived.", "");
        terminal.end()
    };
    let (code, seen) = play(&["--live"]);
    assert_eq!(code, 0, "{seen}");
    for act in ACTS {
        assert!(seen.contains(act), "{act}: {seen}");
    }
    assert!(drawn(&seen) && seen.contains(" 8 of 9 acts"), "{seen}");
    // It moves. Which of the pictures are seen is a matter of how long each act takes.
    let frames = seen
        .split("laptop ")
        .skip(1)
        .filter_map(|rest| rest.split_once(" account"));
    let frames: std::collections::BTreeSet<_> = frames
        .map(|(frame, _)| frame)
        .filter(|frame| drawn(frame))
        .collect();
    assert!(frames.len() > 2, "{frames:?}: {seen}");
    // The picture goes when all is said.
    let after = seen.rsplit_once("both sides now").unwrap().1;
    assert!(!drawn(after), "{after}");
    for options in [&[][..], &["--live", "-q"], &["--live", "--json"]] {
        let mut command = syncd(home.path());
        command.env("TERM", "xterm").arg("demo").args(options);
        let (code, seen) = Terminal::spawn(command).end();
        assert!(code == 0 && !drawn(&seen), "{options:?}: {seen}");
    }
}

#[test]
fn without_faults_one_pass_is_enough_for_each_act() {
    let home = tempfile::tempdir().unwrap();
    let output = syncd(home.path()).args(["demo", "--json"]).output().unwrap();
    let (said, errors) = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    let acts = value["acts"].as_array().unwrap();
    let names: Vec<_> = acts.iter().map(|act| act["act"].as_str().unwrap()).collect();
    assert_eq!(names, ACTS);
    for act in acts {
        assert_eq!(act["passes"], 1, "{act}");
    }
    let moved = |name: &str| {
        let act = acts.iter().find(|act| act["act"] == name).unwrap();
        (
            act["uploaded"].as_u64().unwrap(),
            act["downloaded"].as_u64().unwrap(),
        )
    };
    // Six of the laptop's seven files go up and four of the account's five come down: one is the same on both sides.
    assert_eq!(moved("first sync"), (6, 4));
    assert_eq!(moved("renamed here"), (0, 0));
    assert_eq!(moved("edited on both"), (1, 1));
    // A fresh folder among the temporary files, which stays.
    let folder = Path::new(value["folder"].as_str().unwrap());
    assert!(folder.starts_with(home.path()) && folder.join("laptop/welcome.txt").is_file());
}

#[test]
fn settings_and_credentials_of_the_user_never_come_into_it() {
    let home = tempfile::tempdir().unwrap();
    let own = home.path().join(".config/syncd");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("config.toml"), "this is not TOML").unwrap();
    let output = syncd(home.path())
        .arg("demo")
        .envs([
            ("SYNCD_API_URL", "http://127.0.0.1:1/api/v2/"),
            ("SYNCD_KEY1", "the user's"),
            ("SYNCD_KEY2", "the user's"),
            ("SYNCD_CONFIG", "/nowhere"),
            ("SYNCD_SYNC__MAIN__LOCAL", "/nowhere"),
            ("SYNCD_STATE_DIR", "/nowhere"),
        ])
        .output()
        .unwrap();
    let (said, errors) = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    assert!(!home.path().join(".local").exists());
    let output = syncd(home.path())
        .args(["demo", "--config", "/nowhere"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_nothing_in_it_changes() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("mine");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("precious"), "x").unwrap();
    let output = syncd(home.path()).arg("demo").arg(&folder).output().unwrap();
    let (said, errors) = text(&output);
    assert_eq!((output.status.code(), said.as_str()), (Some(1), ""));
    assert!(
        errors.contains("it is not empty; nothing in it was changed"),
        "{errors}"
    );
    let names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["precious"]);
}

/// A demo that was left running; gone with the test, however that ends.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn what_keep_leaves_running_can_be_synced_with_until_it_is_told_to_end() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("a $folder \"here\"");
    let child = syncd(home.path())
        .args(["demo", "--keep"])
        .arg(&folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut kept = Kept(child);
    let mut lines = BufReader::new(kept.0.stdout.take().unwrap()).lines();
    let invited = lines
        .find(|line| line.as_ref().unwrap().contains("--config"))
        .expect("an invitation")
        .unwrap();
    assert!(invited.contains("config.toml' --once"), "{invited}");

    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let at = folder.join(name);
        std::fs::metadata(at).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("credentials.toml"), mode("")), (0o600, 0o700));
    let once = || {
        let output = syncd(home.path())
            .arg("--config")
            .arg(folder.join("config.toml"))
            .args(["--once", "--json"])
            .output()
            .unwrap();
        let (said, errors) = text(&output);
        assert_eq!(output.status.code(), Some(0), "{said}{errors}");
        let value: serde_json::Value = serde_json::from_str(&said).unwrap();
        value["pairs"][0].clone()
    };
    std::fs::write(folder.join("laptop/new.txt"), "new").unwrap();
    assert_eq!(once()["uploaded"], 1);
    assert_eq!(once()["uploaded"], 0);

    let id = rustix::process::Pid::from_child(&kept.0);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert_eq!(kept.0.wait().unwrap().code(), Some(0));
}

#[test]
fn it_needs_no_root_certificates_on_the_machine() {
    let home = tempfile::tempdir().unwrap();
    let nothing = home.path().join("nothing");
    std::fs::create_dir(&nothing).unwrap();
    // Where the system's would be looked for.
    let output = syncd(home.path())
        .env("SSL_CERT_FILE", nothing.join("none.pem"))
        .env("SSL_CERT_DIR", &nothing)
        .arg("demo")
        .output()
        .unwrap();
    let (said, errors) = text(&output);
    assert!(output.status.success(), "{said}{errors}");
}
