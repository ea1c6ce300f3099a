//! `syncd restore PATH`: brings files back from `.syncd/trash` to where they were; `--list` shows what is there.
//!
//! Never here: a file overwritten. While a pass works on the pair nothing is moved: its journal's lock is held.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use planner::path::RelPath;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::config::{Config, PairConfig};
use crate::engine::between;
use crate::exit::Exit;
use crate::local::trash::{self, Trashed};
use crate::local::versions::{self, Wanted};
use crate::local::{LocalError, Root};
use crate::report::{Kind, Report};
use crate::text::{count, len, shown, size};

/// Arguments of `restore`.
#[derive(Args, Debug)]
pub(crate) struct RestoreArgs {
    /// Where the file, or everything in the folder, was: a path on this disk, or one below the pair's folder
    #[arg(value_name = "PATH", required_unless_present = "list")]
    pub(crate) path: Option<PathBuf>,

    /// Only show what is in the trash, newest first
    #[arg(long)]
    pub(crate) list: bool,

    /// The version that was taken away on this day (UTC), instead of the newest
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<Date>,

    /// The pair, where several have such a path
    #[arg(long, value_name = "NAME")]
    pub(crate) pair: Option<String>,
}

/// `syncd restore --json`, with or without `--list`.
#[derive(Serialize)]
struct RestoreJson {
    v: u8,
    files: Vec<FileJson>,
}

#[derive(Serialize)]
struct FileJson {
    pair: String,
    path: String,
    date: String,
    bytes: u64,
    /// Where it is, or was, below the pair's folder.
    trash: String,
    restored: bool,
    error: Option<String>,
}

/// What of a pair's trash fits.
struct Found<'a> {
    pair: &'a PairConfig,
    root: Root,
    wanted: Vec<Wanted>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &RestoreArgs) -> Exit {
    match told(context, args) {
        Ok(exit) => exit,
        Err(report) => context.output.fail(&report),
    }
}

fn told(context: &Context, args: &RestoreArgs) -> Result<Exit, Report> {
    let config = pairs::configured(context)?;
    let found = find(&config, args)?;
    if args.list {
        list(context, &found);
        return Ok(Exit::InSync);
    }
    let asked = args.path.clone().unwrap_or_default();
    match found.as_slice() {
        [] => Err(not_there(&asked)),
        [found] => restore(context, &config, found),
        _ => {
            let names: Vec<_> = found.iter().map(|found| found.pair.name.as_str()).collect();
            Err(Report::new(
                Kind::Usage,
                "several pairs have it in their trash",
                format!("these: {}", names.join(", ")),
                "name the one you mean with --pair",
            )
            .at(asked.display().to_string()))
        }
    }
}

fn not_there(asked: &Path) -> Report {
    Report::new(
        Kind::LocalFolder,
        "not restored",
        "no trash has a file of this path (and day, if you gave one)",
        "look with \"syncd restore --list\"",
    )
    .at(asked.display().to_string())
}

/// The pairs whose trash has what is asked for; all of it where no path is given.
fn find<'a>(config: &'a Config, args: &RestoreArgs) -> Result<Vec<Found<'a>>, Report> {
    let mut all = Vec::new();
    for pair in pairs::named(config, args.pair.as_deref())? {
        let root = match Root::open(&pair.local) {
            Ok(root) => root,
            Err(LocalError::Missing(_)) => continue,
            Err(error) => return Err(in_pair(pair, &error)),
        };
        let mut items = trash::list(&root).map_err(|error| in_pair(pair, &error))?;
        items.retain(|item| args.date.is_none_or(|date| date == item.date));
        let wanted = match &args.path {
            None => versions::every(items),
            Some(path) => {
                let places = pairs::places(&pair.local, path).into_iter();
                let found = places.map(|path| versions::of(items.clone(), &path));
                let mut found = found.filter(|wanted| !wanted.is_empty());
                found.next().unwrap_or_default()
            }
        };
        if !wanted.is_empty() {
            all.push(Found { pair, root, wanted });
        }
    }
    Ok(all)
}

fn in_pair(pair: &PairConfig, error: &LocalError) -> Report {
    Report::from_root(&pair.local, error)
}

fn list(context: &Context, found: &[Found<'_>]) {
    if context.output.is_json() {
        let files = found.iter().flat_map(|found| {
            let versions = found.wanted.iter().flat_map(|wanted| &wanted.versions);
            versions.map(|item| file_json(found.pair, item, &item.from, false, None))
        });
        let files = files.collect();
        context.output.object(&RestoreJson { v: 1, files });
        return;
    }
    let mut out = String::new();
    for found in found {
        let mut items: Vec<&Trashed> = found.wanted.iter().flat_map(|wanted| &wanted.versions).collect();
        items.sort_by_key(|item| Reverse((item.date, item.stamp.ctime_ns)));
        let _ = writeln!(
            out,
            "{}: {} in the trash",
            shown(&found.pair.name),
            count(len(&items), "file", "files")
        );
        for item in items {
            let _ = writeln!(
                out,
                "  {}  {:>10}  {}",
                item.date,
                size(item.size),
                shown(item.from.as_str())
            );
        }
    }
    if out.is_empty() {
        out.push_str("The trash is empty, or has nothing of this path.\n");
    }
    context.output.text(&out);
}

/// Brings back the newest version of each path, as far as nothing is in its place.
fn restore(context: &Context, config: &Config, found: &Found<'_>) -> Result<Exit, Report> {
    let pair = found.pair;
    let held = between::Quiet::hold(&config.pair_dir(&pair.name));
    let _lock = held.map_err(|report| pairs::of_pair(&pair.name, report))?;
    let mut files = Vec::new();
    let mut failed = Vec::new();
    let mut out = String::new();
    for wanted in &found.wanted {
        let Some(item) = wanted.versions.first() else {
            continue;
        };
        match trash::restore(&found.root, &item.at, &wanted.to) {
            Ok(_) => {
                let _ = writeln!(
                    out,
                    "restored {} of {} ({})",
                    shown(wanted.to.as_str()),
                    item.date,
                    size(item.size)
                );
                files.push(file_json(pair, item, &wanted.to, true, None));
            }
            Err(error) => {
                files.push(file_json(pair, item, &wanted.to, false, Some(error.to_string())));
                failed.push(refused(pair, wanted, &error));
            }
        }
    }
    if context.output.is_json() {
        context.output.object(&RestoreJson { v: 1, files });
    } else {
        context.output.text(&out);
    }
    for report in &failed {
        context.output.error(report);
    }
    Ok(match (failed.len(), found.wanted.len()) {
        (0, _) => Exit::InSync,
        (failed, all) if failed == all => Exit::CouldNotRun,
        _ => Exit::NotInSync,
    })
}

fn refused(pair: &PairConfig, wanted: &Wanted, error: &LocalError) -> Report {
    let next = if matches!(error, LocalError::Occupied { .. }) {
        "move away or rename what is there, then run it again"
    } else {
        "look at the folder and its disk, then run it again"
    };
    Report::new(Kind::LocalFolder, "not restored", error.to_string(), next)
        .at(pair.local.join(wanted.to.as_str()).display().to_string())
        .data("It stays in the trash; nothing was overwritten.")
}

fn file_json(
    pair: &PairConfig,
    item: &Trashed,
    to: &RelPath,
    restored: bool,
    error: Option<String>,
) -> FileJson {
    FileJson {
        pair: pair.name.clone(),
        path: to.to_string(),
        date: item.date.to_string(),
        bytes: item.size,
        trash: item.at.to_string(),
        restored,
        error,
    }
}
