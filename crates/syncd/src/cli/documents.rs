//! What documents and the help show of the command line is what it takes: a flag that is renamed there and not here is found.

#[path = "../../../../tests/shell_blocks.rs"]
mod shell_blocks;
#[path = "../../../../tests/shell_words.rs"]
mod shell_words;

use clap::{Command, CommandFactory as _};

use self::shell_blocks::{Block, Shown, Way, blocks, documents};
use self::shell_words::simple_commands;
use super::{Cli, parsed};

/// The command lines of syncd in a line of shell, and whether each parses.
fn check(line: &str) -> Vec<Result<(), String>> {
    let commands = simple_commands(line).into_iter();
    let ours = commands.filter(|words| words.first().is_some_and(|word| word == "syncd"));
    let ours = ours.filter(|words| cfg!(feature = "demo") || words.get(1).is_none_or(|word| word != "demo"));
    ours.map(|words| {
        parsed(&words)
            .map(drop)
            .map_err(|error| format!("{}: {error}", words.join(" ")))
    })
    .collect()
}

#[test]
fn every_command_line_of_the_documents_parses() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for (name, text) in documents() {
        for Block { line, way, commands } in blocks(&text) {
            for Shown { command, output } in commands {
                // What stands for a secret is no argument.
                let checked = check(&command.replace('…', "x"));
                seen += checked.len();
                let says = format!("{name}, block of line {line} ({way:?}, shows {output:?})");
                let errors = checked.into_iter().filter_map(Result::err);
                wrong.extend(errors.map(|error| format!("{says}: {error}")));
            }
        }
    }
    assert!(seen > 30, "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_word_that_the_command_line_does_not_take_is_found() {
    let all = "A=1 syncd --once --nope | grep x; cargo run -p syncd -- status --watch > /dev/null # syncd x";
    let checked = check(all);
    assert_eq!(checked.len(), 2, "{checked:?}");
    assert!(checked[0].is_err() && checked[1].is_ok(), "{checked:?}");
    let quoted = simple_commands(r#"syncd why "a b" 'c "d"' e\ f && syncd stop"#);
    assert_eq!(
        quoted,
        [
            vec!["syncd", "why", "a b", "c \"d\"", "e f"],
            vec!["syncd", "stop"]
        ]
    );
    assert_eq!(
        blocks("```sh no-run: why\nx\n```\n")[0].way,
        Way::Never("why".into())
    );
}

/// Commands without parts, by their whole names.
fn leaves(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    let parts: Vec<_> = command
        .get_subcommands()
        .filter(|part| part.get_name() != "help")
        .collect();
    if parts.is_empty() || name == "syncd" {
        found.push((name.to_owned(), command.clone()));
    }
    for part in parts {
        leaves(part, &format!("{name} {}", part.get_name()), found);
    }
}

#[test]
fn the_help_of_every_command_has_examples_of_it_that_parse() {
    let mut found = Vec::new();
    leaves(&Cli::command(), "syncd", &mut found);
    assert!(found.len() > 50, "{}", found.len());
    let mut wrong = Vec::new();
    for (name, command) in found {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let Some(examples) = help.strip_prefix("Examples:\n") else {
            wrong.push(format!("{name}: no examples"));
            continue;
        };
        let mut its_own = false;
        for line in examples.lines().take_while(|line| !line.is_empty()) {
            let line = line.strip_prefix("  ").unwrap();
            // A note follows after some blanks.
            let line = line.split("  ").next().unwrap();
            its_own |= line.contains(&name)
                || (name.starts_with("syncd service") && line.ends_with("service install"));
            let checked = check(line);
            if checked.is_empty() {
                wrong.push(format!("{name}: no command: {line}"));
            }
            wrong.extend(checked.into_iter().filter_map(Result::err));
        }
        if !its_own {
            wrong.push(format!("{name}: no example of it"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_mistypes_a_command_or_a_flag_is_told_what_was_meant() {
    let lines = [
        ("syncd statsu", "status"),
        ("syncd conflicts lits", "list"),
        ("syncd remote mkidr /a", "mkdir"),
        ("syncd --once --dryrun", "--dry-run"),
        ("syncd remote put --relpace a /b", "--replace"),
        ("syncd completions bsh", "bash"),
    ];
    for (line, meant) in lines {
        let error = parsed(line.split(' ')).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("similar") && said.contains(&format!("'{meant}'")),
            "{line}: {said}"
        );
    }
}
