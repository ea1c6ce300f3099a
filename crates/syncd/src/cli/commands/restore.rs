//! `syncd restore PATH`: brings files back from `.syncd/trash` to where they were; `--list` shows what is there.
//!
//! Never here: a file overwritten. A service that works on the pair just now does it between two passes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;

use super::pairs;
use crate::cli::{Context, control};
use crate::config::Config;
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::control::restoring::{self, Restoring};
use crate::service::control::wire::{Restore, Restored, RestoredItem, VERSION};
use crate::text::{count, len, shown, size};

/// Arguments of `restore`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd restore --list
  syncd restore ~/Cloud/todo.txt
  syncd restore Photos --date 2026-03-14    all that was taken from a folder on that day")]
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

/// Runs it.
pub(crate) fn run(context: &Context, args: &RestoreArgs) -> Exit {
    match told(context, args) {
        Ok(exit) => exit,
        Err(report) => context.output.fail(&report),
    }
}

fn told(context: &Context, args: &RestoreArgs) -> Result<Exit, Report> {
    let config = pairs::configured(context)?;
    let wish = |path: Option<&str>| Restoring {
        pair: args.pair.clone(),
        path: path.map(str::to_owned),
        date: args.date,
    };
    if args.list {
        let found = match &args.path {
            None => restoring::list(&config, &wish(None))?,
            Some(path) => listed(&config, path, wish)?,
        };
        list(context, &found);
        return Ok(Exit::InSync);
    }
    let path = args.path.clone().unwrap_or_default();
    let restored = control::either(&path, |path| {
        let asked = Restore {
            path: path.to_owned(),
            date: args.date.map(|date| date.to_string()),
        };
        control::journal(
            &config,
            || restoring::restore(&config, &wish(Some(path))),
            |control| control.post("/v1/restore", args.pair.as_deref(), &asked),
        )
    })?;
    if let Some(file) = restored.files.first() {
        control::look_now(&config, &file.pair);
    }
    Ok(tell(context, &config, &restored))
}

/// What the trash has of a path, as the user means it.
fn listed(
    config: &Config,
    path: &Path,
    wish: impl Fn(Option<&str>) -> Restoring,
) -> Result<Restored, Report> {
    let nothing = || Report::new(Kind::NotFound, "not in the trash", "", "");
    let found = control::either(path, |path| {
        let found = restoring::list(config, &wish(Some(path)))?;
        if found.files.is_empty() {
            Err(nothing())
        } else {
            Ok(found)
        }
    });
    match found {
        Err(report) if report.kind == Kind::NotFound => Ok(Restored {
            v: VERSION,
            files: Vec::new(),
        }),
        found => found,
    }
}

fn list(context: &Context, found: &Restored) {
    if context.output.is_json() {
        context.output.object(found);
        return;
    }
    let mut pairs: Vec<&str> = found.files.iter().map(|file| file.pair.as_str()).collect();
    pairs.dedup();
    let mut out = String::new();
    for pair in pairs {
        let mut items: Vec<&RestoredItem> = found.files.iter().filter(|file| file.pair == pair).collect();
        // Stable: the versions of a path stay newest first within a day.
        items.sort_by(|a, b| b.date.cmp(&a.date));
        let number = count(len(&items), "file", "files");
        let _ = writeln!(out, "{}: {number} in the trash", shown(pair));
        for item in items {
            let _ = writeln!(
                out,
                "  {}  {:>10}  {}",
                item.date,
                size(item.bytes),
                shown(&item.path)
            );
        }
    }
    if out.is_empty() {
        out.push_str("The trash is empty, or has nothing of this path.\n");
    }
    context.output.text(&out);
}

/// What came back, and what did not and why.
fn tell(context: &Context, config: &Config, restored: &Restored) -> Exit {
    let mut out = String::new();
    let mut failed: usize = 0;
    for file in &restored.files {
        if let Some(error) = &file.error {
            failed += 1;
            context.output.error(&refused(config, file, error));
        } else {
            let _ = writeln!(
                out,
                "restored {} of {} ({})",
                shown(&file.path),
                file.date,
                size(file.bytes)
            );
        }
    }
    if context.output.is_json() {
        context.output.object(restored);
    } else {
        context.output.text(&out);
    }
    match (failed, restored.files.len()) {
        (0, _) => Exit::InSync,
        (failed, all) if failed == all => Exit::CouldNotRun,
        _ => Exit::NotInSync,
    }
}

fn refused(config: &Config, file: &RestoredItem, error: &str) -> Report {
    let local = config.pairs.iter().find(|pair| pair.name == file.pair);
    let at = local.map_or_else(
        || file.path.clone(),
        |pair| pair.local.join(&file.path).display().to_string(),
    );
    Report::new(
        Kind::LocalFolder,
        "not restored",
        error,
        "if something is in its place, move that away; else look at the folder and its disk; then run it again",
    )
    .at(at)
    .data("It stays in the trash; nothing was overwritten.")
}
