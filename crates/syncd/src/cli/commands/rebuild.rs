//! `syncd rebuild NAME`: a new journal, made by comparing both sides. The way on where the old one is lost, damaged, or
//! does not fit.
//!
//! Never here: an old journal removed. It is kept aside, and named.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::once::{self, OnceArgs};
use super::pairs::who;
use super::render;
use crate::cli::Context;
use crate::engine::Outcome;
use crate::engine::rebuild::{self, Rebuilt};
use crate::exit::Exit;
use crate::summary::PairJson;
use crate::text::shown;

/// Arguments of `rebuild`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd rebuild main")]
pub(crate) struct RebuildArgs {
    /// The pair
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `syncd rebuild --json`: what `--once` says, and where the old journal is.
#[derive(Serialize)]
struct RebuildJson<'a> {
    v: u8,
    pairs: [PairJson<'a>; 1],
    journal_kept: Option<String>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &RebuildArgs) -> Exit {
    let by = who(&context.env, "syncd rebuild");
    let done = once::on_pair(context, &args.name, async |setup, pair, sink| {
        rebuild::rebuild(setup, pair, &by, sink).await
    });
    match done {
        Ok(rebuilt) => told(context, rebuilt),
        Err(report) => context.output.fail(&report),
    }
}

fn told(context: &Context, rebuilt: Rebuilt) -> Exit {
    let Rebuilt { summary, kept } = rebuilt;
    if context.output.is_json() {
        context.output.object(&RebuildJson {
            v: 1,
            pairs: [summary.json(false)],
            journal_kept: kept.map(|path| path.display().to_string()),
        });
        return summary.exit(false);
    }
    if let Some(path) = &kept {
        context.output.text(&kept_text(&summary.name, path));
    }
    render::print(&context.output, &[Outcome::Ran(summary)], &OnceArgs::default())
}

fn kept_text(name: &str, path: &Path) -> String {
    format!(
        "{}: the old journal is kept as {}; nothing reads it any more\n",
        shown(name),
        shown(&path.display().to_string())
    )
}
