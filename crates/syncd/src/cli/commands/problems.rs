//! `syncd problems [NAME]`: what is not in sync since the last pass, and why. From the journal; asks nobody.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::engine::between::{self, ProblemItem};
use crate::exit::Exit;
use crate::report::Report;
use crate::text::{count, len, shown};

/// Arguments of `problems`.
#[derive(Args, Debug)]
pub(crate) struct ProblemsArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `syncd problems --json`.
#[derive(Serialize)]
struct ProblemsJson {
    v: u8,
    pairs: Vec<PairJson>,
}

#[derive(Serialize)]
struct PairJson {
    name: String,
    problems: Vec<ProblemItem>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ProblemsArgs) -> Exit {
    match found(context, args) {
        Ok(pairs) if context.output.is_json() => context.output.object(&ProblemsJson { v: 1, pairs }),
        Ok(pairs) => context.output.text(&pairs.iter().map(text).collect::<String>()),
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn found(context: &Context, args: &ProblemsArgs) -> Result<Vec<PairJson>, Report> {
    pairs::each(context, args.name.as_deref(), |name, dir| {
        Ok(PairJson {
            name: name.to_owned(),
            problems: between::problems(dir)?,
        })
    })
}

fn text(pair: &PairJson) -> String {
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
