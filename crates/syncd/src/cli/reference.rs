//! `docs/cli.md`: every command and every argument, written from the definition that the help comes from.
//!
//!     SYNCD_DOCS_WRITE=1 cargo test -p syncd --lib cli::reference       writes it anew
#![expect(
    clippy::disallowed_methods,
    reason = "holds a document of the sources against the code, or writes it"
)]

use std::fmt::Write as _;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::Cli;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

const HEAD: &str = "# The command line

Every command with its arguments, as `syncd help COMMAND` says it; a test writes this page from the program's own definition. What the exit
codes mean is in [exit-codes.md](exit-codes.md), what commands print with `--json` in [control-api.md](control-api.md) and
[remote.md](remote.md).

**Options of every command:**

";

/// The page.
fn page() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut out = HEAD.to_owned();
    for arg in cli.get_arguments().filter(|arg| arg.is_global_set()) {
        item(arg, &mut out);
    }
    command(&cli, "syncd", &mut out);
    out
}

/// A command and, below it, its parts.
fn command(command: &Command, name: &str, out: &mut String) {
    let parts: Vec<_> = command
        .get_subcommands()
        .filter(|part| part.get_name() != "help" && !part.is_hide_set())
        .collect();
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.unwrap_or_else(|| panic!("{name} says nothing of itself"));
    let _ = write!(
        out,
        "\n## {name}\n\n{}.\n",
        about.to_string().trim_end_matches('.')
    );
    let _ = write!(
        out,
        "\n```text\n{}\n```\n",
        usage(command, name, !parts.is_empty())
    );
    let own = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !arg.is_hide_set())
        .filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
    let mut items = String::new();
    for arg in own {
        item(arg, &mut items);
    }
    if !items.is_empty() {
        let _ = write!(out, "\n{items}");
    }
    if let Some(after) = command.get_after_help() {
        let _ = write!(out, "\n```text\n{}\n```\n", after.to_string().trim_end());
    }
    for part in parts {
        self::command(part, &format!("{name} {}", part.get_name()), out);
    }
}

/// How it is called.
fn usage(command: &Command, name: &str, parts: bool) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    assert!(usage.starts_with("syncd"), "{name}: {usage}");
    let lines: Vec<&str> = usage.lines().map(str::trim).collect();
    let usage = lines.join("\n");
    // Of the program itself both ways are told; a family of commands is only called with one of them.
    assert!(!parts || usage.contains("COMMAND"), "{name}: {usage}");
    usage
}

/// An argument, as an item of a list.
fn item(arg: &Arg, out: &mut String) {
    let mut names = Vec::new();
    names.extend(arg.get_short().map(|short| format!("-{short}")));
    names.extend(arg.get_long().map(|long| format!("--{long}")));
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let mut shown = names.join(", ");
    if takes {
        let values = arg.get_value_names().unwrap_or_default();
        let values: Vec<String> = values.iter().map(|value| format!("<{value}>")).collect();
        let values = values.join(" ");
        let many = arg
            .get_num_args()
            .is_some_and(|count| count.max_values() > 1 && values.matches('<').count() < 2);
        let dots = if many || (matches!(arg.get_action(), ArgAction::Append) && names.is_empty()) {
            "…"
        } else {
            ""
        };
        let blank = if shown.is_empty() { "" } else { " " };
        shown = format!("{shown}{blank}{values}{dots}");
    }
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    assert!(!help.is_empty(), "{shown} says nothing of itself");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = write!(out, "- `{shown}`: {}", escaped(&help));
    let may: Vec<_> = arg.get_possible_values();
    if takes && !may.is_empty() {
        let may: Vec<String> = may
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(PossibleValue::get_name)
            .map(|name| format!("`{name}`"))
            .collect();
        let _ = write!(out, "; one of {}", may.join(", "));
    }
    let fallback: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if takes && !fallback.is_empty() {
        let _ = write!(out, "; without it `{}`", fallback.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(out, "; or the variable `{}`", variable.to_string_lossy());
    }
    out.push('\n');
}

/// What Markdown would take for something else.
fn escaped(text: &str) -> String {
    text.replace('*', "\\*")
        .replace('<', "\\<")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

#[test]
fn the_page_of_the_command_line_is_in_step_with_it() {
    let now = page();
    if std::env::var_os("SYNCD_DOCS_WRITE").is_some() {
        return std::fs::write(PAGE, now).unwrap();
    }
    let told = std::fs::read_to_string(PAGE).unwrap_or_default();
    let differs = told.lines().zip(now.lines()).find(|(told, now)| told != now);
    assert!(
        told == now,
        "docs/cli.md is not what the program takes, first at {differs:?}; \"SYNCD_DOCS_WRITE=1 cargo test -p syncd --lib \
         cli::reference\" writes it"
    );
}
