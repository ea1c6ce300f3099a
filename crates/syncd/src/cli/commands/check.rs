//! `syncd check NAME`: compares both sides with the journal. Changes nothing.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::once;
use crate::cli::Context;
use crate::engine::check::{self, Checked, Depth, Difference};
use crate::exit::Exit;
use crate::summary::Item;
use crate::text::{count, shown, size};

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd check main
  syncd check main --download    every byte, too")]
pub(crate) struct CheckArgs {
    /// The pair
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Compare every byte of the account too: all of it is downloaded, and kept nowhere
    #[arg(long)]
    pub(crate) download: bool,
}

/// `syncd check --json`.
#[derive(Serialize)]
struct CheckJson<'a> {
    v: u8,
    pairs: [PairJson<'a>; 1],
}

#[derive(Serialize)]
struct PairJson<'a> {
    name: &'a str,
    equal: bool,
    exit: u8,
    downloaded: bool,
    files: u64,
    folders: u64,
    bytes_local: u64,
    bytes_remote: u64,
    differences: &'a [Difference],
    problems: &'a [Item],
    skipped: &'a [Item],
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &CheckArgs) -> Exit {
    let depth = if args.download {
        Depth::Downloaded
    } else {
        Depth::Listed
    };
    let done = once::on_pair(context, &args.name, async |setup, pair, sink| {
        check::check(setup, pair, depth, sink).await
    });
    match done.and_then(|checked| checked) {
        Ok(checked) => told(context, &args.name, &checked, depth),
        Err(report) => context.output.fail(&report),
    }
}

fn told(context: &Context, name: &str, checked: &Checked, depth: Depth) -> Exit {
    let exit = if checked.is_equal() {
        Exit::InSync
    } else {
        Exit::NotInSync
    };
    if context.output.is_json() {
        let pair = PairJson {
            name,
            equal: checked.is_equal(),
            exit: exit.code(),
            downloaded: depth == Depth::Downloaded,
            files: checked.files,
            folders: checked.folders,
            bytes_local: checked.bytes_local,
            bytes_remote: checked.bytes_remote,
            differences: &checked.findings.differences,
            problems: &checked.findings.problems,
            skipped: &checked.findings.skipped,
        };
        context.output.object(&CheckJson { v: 1, pairs: [pair] });
    } else {
        context.output.text(&text(name, checked, depth));
    }
    exit
}

fn text(name: &str, checked: &Checked, depth: Depth) -> String {
    let mut out = String::new();
    let name = shown(name);
    let records = format!(
        "{} and {} on record",
        count(checked.files, "file", "files"),
        count(checked.folders, "folder", "folders")
    );
    let read = match depth {
        Depth::Listed => format!("{} read here", size(checked.bytes_local)),
        Depth::Downloaded => format!(
            "{} read here, {} downloaded",
            size(checked.bytes_local),
            size(checked.bytes_remote)
        ),
    };
    // Writing to a String does not fail.
    let _ = if checked.is_equal() {
        writeln!(out, "{name}: both sides are as on record; {records}, {read}")
    } else {
        let differences = count(checked.differences(), "difference", "differences");
        writeln!(out, "{name}: {differences}; {records}, {read}")
    };
    for it in &checked.findings.differences {
        let side = if it.side == "local" { "here" } else { "there" };
        let (kind, path, detail) = (it.kind, shown(&it.path), shown(&it.detail));
        let _ = writeln!(out, "  {kind:<10} {side:<5}  {path}: {detail}");
    }
    for (word, items) in [
        ("not looked at", &checked.findings.problems),
        ("skipped", &checked.findings.skipped),
    ] {
        for it in items {
            let _ = writeln!(out, "  {word:<16}  {}: {}", shown(&it.path), shown(&it.reason));
        }
    }
    if !checked.is_equal() {
        let _ = writeln!(
            out,
            "Nothing was changed. \"syncd --once {name} --dry-run\" shows what a pass would do about it."
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::engine::check::Findings;

    #[test]
    fn differences_are_listed_with_their_side() {
        let difference = Difference {
            path: "docs/a\u{1b}[2J".into(),
            side: "remote",
            kind: "missing",
            detail: "it was deleted there".into(),
        };
        let item = |path: &str, reason: &str| Item {
            path: path.into(),
            reason: reason.into(),
        };
        let checked = Checked {
            files: 1,
            folders: 2,
            bytes_local: 3,
            bytes_remote: 0,
            findings: Findings {
                differences: vec![difference],
                problems: vec![item("shut", "cannot be read: denied")],
                skipped: vec![item("pipe", "a named pipe")],
            },
        };
        assert_snapshot!(text("main", &checked, Depth::Listed), @r#"
        main: 1 difference; 1 file and 2 folders on record, 3 B read here
          missing    there  docs/a\u{1b}[2J: it was deleted there
          not looked at     shut: cannot be read: denied
          skipped           pipe: a named pipe
        Nothing was changed. "syncd --once main --dry-run" shows what a pass would do about it.
        "#);
    }

    #[test]
    fn equal_sides_are_one_line() {
        let checked = Checked {
            files: 2,
            bytes_local: 6,
            bytes_remote: 6,
            ..Checked::default()
        };
        assert_snapshot!(text("main", &checked, Depth::Downloaded), @"main: both sides are as on record; 2 files and 0 folders on record, 6 B read here, 6 B downloaded");
    }
}
