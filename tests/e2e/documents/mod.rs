//! The shell blocks of README.md and docs are run, each document in a home of its own. What a transcript shows is what the
//! program says: `docs/tutorial.md` is written by these tests.
//!
//!     SYNCD_DOCS_WRITE=1 cargo test -p syncd --test e2e documents::       writes what transcripts show anew
//!
//! How blocks are marked is in `tests/shell_blocks.rs`. Beside the blocks the words of a document are the only source.

mod same;
mod stage;

use std::collections::BTreeSet;

use self::stage::Stage;
use crate::shell_blocks::{Block, Shown, Way, blocks, documents, workspace};
use crate::world::terminal::Terminal;

/// Documents with blocks that are run, each by the test that prepares its home.
const RUN: [&str; 13] = [
    "README.md",
    "docs/configuration.md",
    "docs/control-api.md",
    "docs/exit-codes.md",
    "docs/howto/backup-only.md",
    "docs/howto/behind-a-proxy.md",
    "docs/howto/new-machine.md",
    "docs/howto/selective-sync.md",
    "docs/howto/two-machines.md",
    "docs/howto/very-large-trees.md",
    "docs/metrics.md",
    "docs/remote.md",
    "docs/tutorial.md",
];

/// Commands that may end so, beside 0: a dry run that finds work, a machine that is not as the doctor wants it.
const ALSO: [(&str, i32); 2] = [("syncd --once --dry-run", 3), ("syncd doctor", 3)];

fn document(name: &str) -> String {
    std::fs::read_to_string(workspace().join(name)).unwrap()
}

/// Runs the blocks of a document, and writes or compares what its transcripts show.
fn play(stage: &mut Stage, name: &str) {
    let text = document(name);
    let mut shows = Vec::new();
    for Block { line, way, commands } in blocks(&text) {
        for Shown { command, output } in commands {
            let at = format!("{name}, block of line {line}: {command}");
            match (&way, output) {
                (Way::Never(_), _) => {}
                (Way::Background(words), _) => stage.start(&command, words),
                (Way::Run, Some((lines, _))) => shows.push((lines, said(stage, &command, &at))),
                (Way::Run, None) => run(stage, &command, &at),
            }
        }
    }
    let mut now: Vec<&str> = text.split_inclusive('\n').collect();
    for (lines, said) in shows.iter().rev() {
        now.splice(lines.clone(), [said.as_str()]);
    }
    let now = now.concat();
    if now == text {
        return;
    }
    assert!(
        std::env::var_os("SYNCD_DOCS_WRITE").is_some(),
        "{name} does not show what the program says; \"SYNCD_DOCS_WRITE=1 cargo test -p syncd --test e2e documents::\" \
         writes:\n{now}"
    );
    std::fs::write(workspace().join(name), now).unwrap();
}

/// A command that must end well.
fn run(stage: &mut Stage, command: &str, at: &str) {
    if command.split('#').next().unwrap().trim() == "syncd init" {
        return answer(stage);
    }
    let (code, said) = stage.run(command);
    let may = ALSO
        .iter()
        .any(|(begin, also)| command.starts_with(begin) && *also == code);
    assert!(code == 0 || may, "{at}: exit {code}: {said}");
    assert!(!said.starts_with("{\"error\""), "{at}: {said}");
}

/// What a transcript shows of a command.
fn said(stage: &mut Stage, command: &str, at: &str) -> String {
    let (code, said) = stage.run(command);
    let mut said = stage.same.shown(&said);
    assert!(said.is_empty() || said.ends_with('\n'), "{at}: {said}");
    if code != 0 {
        said += &format!("[exit code {code}]\n");
    }
    let is_shell = |line: &str| line.starts_with("$ ") || line.starts_with("```");
    assert!(!said.lines().any(is_shell), "{at}: {said}");
    said
}

/// Somebody at the terminal who takes what is offered.
fn answer(stage: &Stage) {
    let mut command = stage.command("syncd");
    command.args(["--color", "never", "init"]);
    let [key1, key2] = stage.world.cloud.keys();
    let mut terminal = Terminal::spawn(command);
    for (question, keys) in [
        ("Address of the API", stage.world.cloud.api_url()),
        ("Sign in with", String::new()),
        ("key1 (not shown)", key1),
        ("key2 (not shown)", key2),
        ("Folder of the account", String::new()),
        ("Folder on this machine", String::new()),
    ] {
        terminal.answer(question, &format!("{keys}\r"));
    }
    terminal.answer("Write ", "y");
    terminal.answer("Sync in the background", "n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
}

/// A set-up that syncs all of the account with `~/Cloud`.
fn set_up(stage: &mut Stage) {
    stage.world.cloud.web_create("docs/a.txt", b"there");
    let keys = stage.home.join("keys.toml");
    std::fs::write(&keys, stage.world.cloud.credentials()).unwrap();
    for command in [
        "chmod 600 keys.toml",
        "syncd init --api-url https://pixelcloudstorage.com/api/v2/ --key-file keys.toml --local Cloud --remote /",
        "syncd --once",
    ] {
        let (code, said) = stage.run(command);
        assert_eq!(code, 0, "{command}: {said}");
    }
}

#[test]
fn the_readme_is_as_it_says() {
    let mut stage = Stage::new();
    stage.world.cloud.web_create("there.txt", b"there");
    play(&mut stage, "README.md");
    let here = std::fs::read_to_string(stage.home.join("Cloud/there.txt")).unwrap();
    assert_eq!(here, "there");
}

#[test]
fn a_configuration_of_variables_alone_is_enough() {
    let mut stage = Stage::new();
    stage.world.cloud.web_create("there.txt", b"there");
    play(&mut stage, "docs/configuration.md");
    assert!(stage.home.join("Cloud/there.txt").is_file());
}

#[test]
fn curl_is_enough_for_the_control_socket() {
    let mut stage = Stage::new();
    set_up(&mut stage);
    stage.start("syncd", "syncd runs");
    play(&mut stage, "docs/control-api.md");
    let (code, said) = stage.run("syncd status");
    assert!(code == 3 && said.contains("paused"), "{code}: {said}");
}

#[test]
fn metrics_become_a_file_for_a_collector() {
    let mut stage = Stage::new();
    set_up(&mut stage);
    stage.start("syncd", "syncd runs");
    play(&mut stage, "docs/metrics.md");
    let samples = std::fs::read_to_string(stage.home.join("syncd.prom")).unwrap();
    assert!(
        samples.contains("syncd_pair_in_sync{pair=\"main\"} "),
        "{samples}"
    );
}

#[test]
fn a_script_takes_the_exit_code() {
    let mut stage = Stage::new();
    set_up(&mut stage);
    play(&mut stage, "docs/exit-codes.md");
}

#[test]
fn the_account_by_hand_needs_a_few_variables_alone() {
    let mut stage = Stage::new();
    play(&mut stage, "docs/remote.md");
    assert!(stage.home.join("harbour.jpg").is_file());
}

#[test]
fn the_tutorial_is_what_the_program_says() {
    play(&mut Stage::new(), "docs/tutorial.md");
}

#[test]
fn each_how_to_works_on_a_machine_that_is_set_up() {
    for name in RUN.iter().filter(|name| name.starts_with("docs/howto/")) {
        let mut stage = Stage::new();
        set_up(&mut stage);
        play(&mut stage, name);
        let there = stage.world.cloud.tree();
        match *name {
            "docs/howto/backup-only.md" => assert!(there.contains_key("letter.txt"), "{there:?}"),
            "docs/howto/selective-sync.md" => {
                assert!(there.contains_key(".syncignore"), "{there:?}");
                assert!(
                    !there
                        .keys()
                        .any(|path| path.contains("film") || path.contains("out")),
                    "{there:?}"
                );
            }
            "docs/howto/new-machine.md" => assert!(stage.home.join("Elsewhere/docs/a.txt").is_file()),
            _ => {}
        }
    }
}

#[test]
fn every_document_with_commands_is_run_and_what_is_not_has_a_reason() {
    let mut run = BTreeSet::new();
    let mut never = Vec::new();
    for (name, text) in documents() {
        for block in blocks(&text) {
            assert!(!block.commands.is_empty(), "{name}: {block:?}");
            match block.way {
                Way::Run | Way::Background(_) => drop(run.insert(name.clone())),
                Way::Never(reason) => never.push(format!("{name}: {reason}")),
            }
        }
    }
    assert_eq!(run, RUN.map(str::to_owned).into());
    println!("{} blocks are not run:\n{}", never.len(), never.join("\n"));
    insta::assert_snapshot!(never.join("\n"), @r"
    README.md: it is the run in which this is read
    README.md: builds a release
    docs/configuration.md: it needs a desktop session
    docs/howto/headless-server.md: needs root and a running systemd; packaging/test-service runs it under one
    docs/howto/very-large-trees.md: needs root, and changes the machine
    docs/install.md: builds a release
    docs/install.md: needs root, and a package
    docs/performance.md: they measure, and take minutes
    docs/scale.md: a minute of processor time
    docs/testing.md: these take hours; `CI_SLOW=1 .ci/run` has most of them
    docs/testing.md: minutes to hours; `crates/syncd/src/sim` runs 500 of them
    docs/testing.md: they measure, and take minutes
    ");
}
