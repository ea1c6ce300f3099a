//! `syncd problems [NAME]`: what is not in sync since the last pass, and why. From the journal, or from the
//! service that holds it.

use std::fmt::Write as _;

use clap::Args;

use super::pairs;
use crate::cli::{Context, control};
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::answers;
use crate::service::control::wire::{PairProblems, Problems};
use crate::text::{count, len, shown};

/// Arguments of `problems`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd problems
  syncd problems main --json")]
pub(crate) struct ProblemsArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ProblemsArgs) -> Exit {
    match found(context, args) {
        Ok(found) if context.output.is_json() => context.output.object(&found),
        Ok(found) => context
            .output
            .text(&found.pairs.iter().map(text).collect::<String>()),
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn found(context: &Context, args: &ProblemsArgs) -> Result<Problems, Report> {
    let config = pairs::configured(context)?;
    let name = args.name.as_deref();
    control::journal(
        &config,
        || answers::problems(&config, name),
        |control| control.get("/v1/problems", &[("pair", name)]),
    )
}

fn text(pair: &PairProblems) -> String {
    let name = shown(&pair.name);
    if pair.problems.is_empty() {
        return format!("{name}: no problems after the last pass\n");
    }
    let mut out = format!("{name}: {}\n", count(len(&pair.problems), "problem", "problems"));
    for item in &pair.problems {
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "  {:8}  {}  {}: {}",
            item.kind,
            item.since.as_deref().unwrap_or("-"),
            shown(&item.path),
            shown(&item.reason)
        );
    }
    out
}
