//! Shell blocks of the documents, and the commands in them: one reading for who runs them and for who checks that they
//! parse.
//!
//! The word after the fence is `sh` (commands only) or `console` (`$ command`, then what it prints). What follows says how the
//! block is run: nothing: line by line, each to its end; `background: WORDS`: started, and waited for until it says
//! WORDS; `no-run: REASON`: not at all.

use std::path::{Path, PathBuf};

/// How a block is run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// Line by line, each to its end.
    Run,
    /// Started; goes on while the rest of the document is run. It is there once it says these words.
    Background(String),
    /// Not run, for this reason.
    Never(String),
}

/// A command with what the document says that it prints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shown {
    /// The command; several lines if they go on with `\`.
    pub(crate) command: String,
    /// Its output, and the lines of the document that hold it, from 0; `None` in a block of commands only.
    pub(crate) output: Option<(std::ops::Range<usize>, String)>,
}

/// A fenced block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Block {
    /// Line of its fence, from 1.
    pub(crate) line: usize,
    /// How it is run.
    pub(crate) way: Way,
    /// Its commands.
    pub(crate) commands: Vec<Shown>,
}

/// The root of the repository.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// README.md and all of docs, by name.
pub(crate) fn documents() -> Vec<(String, String)> {
    let root = workspace();
    let mut names = Vec::new();
    for folder in ["docs", "docs/howto"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let entries =
            entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()));
        names.extend(entries.filter(|name| name.ends_with(".md")));
    }
    names.push("README.md".to_owned());
    names.sort();
    let text = |name: &String| std::fs::read_to_string(root.join(name)).unwrap();
    names
        .into_iter()
        .map(|name| (name.clone(), text(&name)))
        .collect()
}

/// The shell blocks of a document.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let inside: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| line.trim_start() != "```")
            .collect();
        let (language, how) = info.split_once(' ').unwrap_or((info, ""));
        let commands = match language {
            "sh" if line.starts_with('`') => plain(&inside),
            "console" if line.starts_with('`') => transcript(at + 1, &inside),
            "sh" | "console" | "shell" | "bash" => {
                panic!(
                    "line {}: a shell block is sh or console, not within a list",
                    at + 1
                )
            }
            _ => continue,
        };
        found.push(Block {
            line: at + 1,
            way: way(how),
            commands,
        });
    }
    found
}

fn way(how: &str) -> Way {
    match how.split_once(": ") {
        None if how.is_empty() => Way::Run,
        Some(("background", words)) => Way::Background(words.to_owned()),
        Some(("no-run", reason)) => Way::Never(reason.to_owned()),
        _ => panic!("not known: {how:?}"),
    }
}

fn plain(lines: &[&str]) -> Vec<Shown> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        match commands.last_mut().filter(|_| goes_on) {
            Some(last) => *last += &format!("\n{line}"),
            None => commands.push((*line).to_owned()),
        }
        goes_on = line.ends_with('\\');
    }
    let shown = |command| Shown {
        command,
        output: None,
    };
    commands.into_iter().map(shown).collect()
}

fn transcript(first: usize, lines: &[&str]) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    for (line, at) in lines.iter().zip(first..) {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(Shown {
                command: command.to_owned(),
                output: Some((at + 1..at + 1, String::new())),
            });
            continue;
        }
        let Some(Shown {
            command,
            output: Some((range, text)),
        }) = commands.last_mut()
        else {
            panic!("a transcript begins with \"$ \", not with {line:?}");
        };
        range.end = at + 1;
        if command.ends_with('\\') && text.is_empty() {
            *command += &format!("\n{}", line.strip_prefix("> ").unwrap());
            range.start = at + 1;
        } else {
            *text += &format!("{line}\n");
        }
    }
    commands
}
