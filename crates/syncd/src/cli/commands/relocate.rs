//! `syncd relocate NAME NEWDIR`: the pair's folder on this machine is somewhere else now.
//!
//! Never here: a change of the configuration. It is the user's; the line to change is named.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::forget::configured_at;
use super::pairs;
use super::pairs::who;
use crate::cli::Context;
use crate::config::PairConfig;
use crate::config::check::overlap;
use crate::config::load::load;
use crate::engine::relocate::{self, Relocated};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::instance;
use crate::text::{count, len, shown};

/// Paths shown of those that meet the account anew; `--json` has all.
const EXAMPLES: usize = 10;

/// Arguments of `relocate`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  mv ~/Cloud /mnt/disk/Cloud && syncd relocate main /mnt/disk/Cloud")]
pub(crate) struct RelocateArgs {
    /// The pair
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Where its folder is now
    #[arg(value_name = "NEWDIR")]
    pub(crate) folder: PathBuf,
}

/// `syncd relocate --json`.
#[derive(Serialize)]
struct RelocateJson<'a> {
    v: u8,
    pairs: [PairJson<'a>; 1],
}

#[derive(Serialize)]
struct PairJson<'a> {
    name: &'a str,
    from: String,
    to: String,
    same_folder: bool,
    carried: u64,
    read: u64,
    anew: &'a [String],
    old_is_there: bool,
    /// Where the configuration names the folder.
    configured_at: &'a str,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &RelocateArgs) -> Exit {
    match told(context, args) {
        Ok(()) => Exit::InSync,
        Err(report) => context.output.fail(&report),
    }
}

fn told(context: &Context, args: &RelocateArgs) -> Result<(), Report> {
    let loaded = load(&context.choice, &context.env).map_err(|error| Report::from(&error))?;
    let config = &loaded.config;
    let (at, pair) = pairs::one(config, &args.name)?;
    let new = std::path::absolute(&args.folder).map_err(|error| {
        let next = "name the folder";
        Report::new(Kind::Usage, "NEWDIR is no path", error.to_string(), next)
    })?;
    if let Some(other) = overlap(config, &pair.name, &new) {
        let cause = format!("it overlaps with {other}");
        let next = "move the folder to a place of its own";
        return Err(
            Report::new(Kind::Config, "this folder cannot be a pair's", cause, next)
                .at(new.display().to_string())
                .data("Nothing was changed."),
        );
    }
    let _held = instance::beside(&loaded.config.state_dir)?;
    let done = relocate::relocate(config, pair, &new, &who(&context.env, "syncd relocate"))?;
    let configured_at = configured_at(&loaded, at, "local");
    if context.output.is_json() {
        let pair = PairJson {
            name: &pair.name,
            from: pair.local.display().to_string(),
            to: new.display().to_string(),
            same_folder: done.same_folder,
            carried: done.carried,
            read: done.read,
            anew: &done.anew,
            old_is_there: done.old_is_there,
            configured_at: &configured_at,
        };
        context.output.object(&RelocateJson { v: 1, pairs: [pair] });
    } else {
        context.output.text(&text(pair, &new, &done, &configured_at));
    }
    Ok(())
}

fn text(pair: &PairConfig, new: &Path, done: &Relocated, configured_at: &str) -> String {
    let name = shown(&pair.name);
    let (old, new) = (
        shown(&pair.local.display().to_string()),
        shown(&new.display().to_string()),
    );
    let mut out = format!("{name}: its journal knows {new} as its folder now");
    // Writing to a String does not fail.
    let _ = if done.same_folder {
        writeln!(out, "; it is the folder that was synced last")
    } else {
        writeln!(out, "; {} carried over", count(done.carried, "record", "records"))
    };
    if !done.anew.is_empty() {
        let _ = writeln!(
            out,
            "  {} on record not there, or with other bytes. Nothing is deleted for that: what is missing comes back \
             from the account, and of what differs both versions stay.",
            count(len(&done.anew), "item is", "items are")
        );
        for path in done.anew.iter().take(EXAMPLES) {
            let _ = writeln!(out, "    {}", shown(path));
        }
        let more = done.anew.len().saturating_sub(EXAMPLES);
        if more > 0 {
            let _ = writeln!(out, "    and {more} more; --json lists all");
        }
    }
    if done.old_is_there {
        let _ = writeln!(
            out,
            "  {old} is still there, and is not synced any more once this is changed:"
        );
    }
    if pair.local.as_path() == Path::new(&new) {
        let _ = writeln!(
            out,
            "  The configuration names this folder already ({}).",
            shown(configured_at)
        );
    } else {
        let _ = writeln!(
            out,
            "  Now set local = \"{new}\" for this pair ({}); until then runs look for {old}.",
            shown(configured_at)
        );
    }
    out
}
