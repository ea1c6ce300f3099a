//! `syncd forget NAME`: ends a pair. Its journal goes, all files stay on both sides.
//!
//! Never here: a change of the configuration, which is the user's.

use clap::Args;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::config::PairConfig;
use crate::config::load::{Loaded, load};
use crate::engine::ending::{self, Area, Forgotten};
use crate::exit::Exit;
use crate::report::Report;
use crate::service::instance;
use crate::text::{count, shown};

/// Arguments of `forget`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd forget main")]
pub(crate) struct ForgetArgs {
    /// The pair
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `syncd forget --json`.
#[derive(Serialize)]
struct ForgetJson<'a> {
    v: u8,
    pairs: [PairJson<'a>; 1],
}

#[derive(Serialize)]
struct PairJson<'a> {
    name: &'a str,
    forgotten: bool,
    files: u64,
    dropped_deletions: u64,
    unsettled: u64,
    /// `gone`, `filled`, `not_ours` or `no_folder`: `.syncd` in the pair's folder.
    area: &'static str,
    journal_readable: bool,
    /// Where the configuration names the pair.
    configured_at: &'a str,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ForgetArgs) -> Exit {
    match forget(context, args) {
        Ok(()) => Exit::InSync,
        Err(report) => context.output.fail(&report),
    }
}

fn forget(context: &Context, args: &ForgetArgs) -> Result<(), Report> {
    let loaded = load(&context.choice, &context.env).map_err(|error| Report::from(&error))?;
    let (at, pair) = pairs::one(&loaded.config, &args.name)?;
    let _held = instance::beside(&loaded.config.state_dir)?;
    let done = ending::forget(&loaded.config, pair)?;
    let configured_at = configured_at(&loaded, at, "name");
    if context.output.is_json() {
        let pair = json(pair, &done, &configured_at);
        context.output.object(&ForgetJson { v: 1, pairs: [pair] });
    } else {
        context.output.text(&text(pair, &done, &configured_at));
    }
    Ok(())
}

/// The file, with its line where that is known, or the variable that sets a key of a pair.
pub(super) fn configured_at(loaded: &Loaded, at: usize, key: &str) -> String {
    let layers = &loaded.layers;
    let origin = layers.origin(&format!("sync[{at}].{key}"));
    origin.unwrap_or_else(|| layers.file()).to_owned()
}

fn json<'a>(pair: &'a PairConfig, done: &Forgotten, configured_at: &'a str) -> PairJson<'a> {
    PairJson {
        name: &pair.name,
        forgotten: true,
        files: done.files,
        dropped_deletions: done.deletions,
        unsettled: done.unsettled,
        area: match done.area {
            Area::Gone => "gone",
            Area::Filled => "filled",
            Area::NotOurs => "not_ours",
            Area::NoFolder => "no_folder",
        },
        journal_readable: done.readable,
        configured_at,
    }
}

fn text(pair: &PairConfig, done: &Forgotten, configured_at: &str) -> String {
    let (name, folder) = (shown(&pair.name), shown(&pair.local.display().to_string()));
    let files = count(done.files, "synced file", "synced files");
    let mut lines = vec![if done.readable {
        format!("{name}: forgotten; its {files} and all other files stay, here and in the account")
    } else {
        format!(
            "{name}: forgotten, though its journal could not be read; all files stay, here and in the account"
        )
    }];
    lines.extend(match done.area {
        Area::Gone => None,
        Area::Filled => Some(format!(
            "{folder}/.syncd stays: files that syncd had moved to the trash are in it; delete it when you want"
        )),
        Area::NotOurs => Some(format!(
            "{folder}/.syncd stays as it is: nothing proves that it is this pair's"
        )),
        Area::NoFolder => Some(format!(
            "{folder} is not there now: the .syncd in it, wherever it is, stays"
        )),
    });
    if done.deletions > 0 {
        let waiting = count(done.deletions, "deletion", "deletions");
        lines.push(format!("{waiting} that waited for a pass are not made any more"));
    }
    if done.unsettled > 0 {
        let open = count(done.unsettled, "change", "changes");
        lines.push(format!(
            "the end of {open} begun in the account is not known: a file named syncd-up-… may be left there"
        ));
    }
    lines.push(format!(
        "The configuration still names the pair ({}): take it out there, or the next run syncs it anew, as at the first \
         time",
        shown(configured_at)
    ));
    lines.join("\n  ") + "\n"
}
