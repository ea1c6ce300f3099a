//! `syncd conflicts [list]`: conflict copies that are still there, here and in the account. From the journal; asks nobody.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::engine::between::{self, ConflictCopy};
use crate::exit::Exit;
use crate::report::Report;
use crate::text::{count, len, shown, size};

/// Parts of `conflicts`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConflictsCommand {
    /// Copies that a conflict left, each with the file that it is a version of
    List(ListArgs),
}

/// Arguments of `conflicts list`.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `syncd conflicts list --json`.
#[derive(Serialize)]
struct ConflictsJson {
    v: u8,
    pairs: Vec<PairJson>,
}

#[derive(Serialize)]
struct PairJson {
    name: String,
    conflicts: Vec<ConflictCopy>,
}

/// Runs one of them.
pub(crate) fn run(context: &Context, command: &ConflictsCommand) -> Exit {
    let ConflictsCommand::List(args) = command;
    match found(context, args) {
        Ok(pairs) if context.output.is_json() => context.output.object(&ConflictsJson { v: 1, pairs }),
        Ok(pairs) => context.output.text(&pairs.iter().map(text).collect::<String>()),
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn found(context: &Context, args: &ListArgs) -> Result<Vec<PairJson>, Report> {
    pairs::each(context, args.name.as_deref(), |name, dir| {
        Ok(PairJson {
            name: name.to_owned(),
            conflicts: between::conflicts(dir)?,
        })
    })
}

fn text(pair: &PairJson) -> String {
    let name = shown(&pair.name);
    if pair.conflicts.is_empty() {
        return format!("{name}: no open conflicts\n");
    }
    let number = count(len(&pair.conflicts), "open conflict", "open conflicts");
    let mut out = format!("{name}: {number}. Compare, and delete or rename what you do not want.\n");
    for copy in &pair.conflicts {
        // Writing to a String does not fail.
        let _ = writeln!(out, "  {} ({})", shown(&copy.copy), size(copy.bytes));
        let of = match copy.path_bytes {
            Some(bytes) => format!("{} ({})", shown(&copy.path), size(bytes)),
            None => format!("{}, which is not there any more", shown(&copy.path)),
        };
        let _ = writeln!(out, "    is the version of {} of {of}", shown(&copy.device));
    }
    out
}
