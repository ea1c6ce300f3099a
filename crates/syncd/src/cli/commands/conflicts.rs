//! `syncd conflicts list`: two versions that met, and what became of them. `syncd conflicts keep`: the user's choice
//! between them. Works on the journal and this disk, or asks the service that holds it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::pairs;
use crate::cli::{Context, control};
use crate::engine::conflicts::ConflictItem;
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::answers::{self, Settling};
use crate::service::control::wire::{Conflicts, Keep, Kept, PairConflicts, Which};
use crate::text::{count, len, shown, size};

/// Parts of `conflicts`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConflictsCommand {
    /// Conflicts that wait for you, each with its two versions
    List(ListArgs),
    /// Settle a conflict: which version has the name. The other one goes to the trash
    Keep(KeepArgs),
}

/// Arguments of `conflicts list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd conflicts list
  syncd conflicts list main --all    also those that ended")]
pub(crate) struct ListArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Also those that ended, and how
    #[arg(long)]
    pub(crate) all: bool,
}

/// Arguments of `conflicts keep`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd conflicts keep local ~/Cloud/todo.txt     this machine's version gets the name
  syncd conflicts keep remote ~/Cloud/todo.txt    the account's version keeps it
  syncd conflicts keep both ~/Cloud/todo.txt      both files stay")]
pub(crate) struct KeepArgs {
    /// local: this machine's version gets the name; remote: the account's version keeps it; both: both files stay
    #[arg(value_name = "WHICH")]
    pub(crate) which: Which,

    /// The file in conflict, or the copy: a path on this disk, or one below the pair's folder
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// The pair, where several have such a path
    #[arg(long, value_name = "NAME")]
    pub(crate) pair: Option<String>,
}

/// Runs one of them.
pub(crate) fn run(context: &Context, command: &ConflictsCommand) -> Exit {
    let ran = match command {
        ConflictsCommand::List(args) => list(context, args),
        ConflictsCommand::Keep(args) => keep(context, args),
    };
    match ran {
        Ok(()) => Exit::InSync,
        Err(report) => context.output.fail(&report),
    }
}

fn list(context: &Context, args: &ListArgs) -> Result<(), Report> {
    let config = pairs::configured(context)?;
    let name = args.name.as_deref();
    let found: Conflicts = control::journal(
        &config,
        || answers::conflicts(&config, name, args.all),
        |control| {
            let all = args.all.then_some("true");
            control.get("/v1/conflicts", &[("pair", name), ("all", all)])
        },
    )?;
    if context.output.is_json() {
        context.output.object(&found);
    } else {
        context
            .output
            .text(&found.pairs.iter().map(text).collect::<String>());
    }
    Ok(())
}

fn text(pair: &PairConflicts) -> String {
    let name = shown(&pair.name);
    let (open, ended): (Vec<_>, Vec<_>) = pair.conflicts.iter().partition(|conflict| conflict.open);
    let mut out = if open.is_empty() {
        format!("{name}: no open conflicts\n")
    } else {
        let number = count(len(&open), "open conflict", "open conflicts");
        format!("{name}: {number}. Compare, then say \"syncd conflicts keep local|remote|both PATH\".\n")
    };
    for conflict in open {
        open_text(&mut out, conflict);
    }
    for conflict in ended {
        let when = conflict.closed_at.as_deref().unwrap_or("at an unknown time");
        let how = conflict.outcome.as_deref().unwrap_or_default().replace('_', " ");
        let by = conflict
            .closed_by
            .as_deref()
            .map_or_else(String::new, |by| format!(" ({by})"));
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "  {}: ended {when}: {how}{}",
            shown(&conflict.path),
            shown(&by)
        );
    }
    out
}

fn open_text(out: &mut String, conflict: &ConflictItem) {
    let of = match conflict.path_bytes {
        Some(bytes) => format!("{} ({})", shown(&conflict.path), size(bytes)),
        None => format!("{}, which is not there any more", shown(&conflict.path)),
    };
    let Some(copy) = &conflict.copy else {
        let _ = writeln!(out, "  {of}");
        return;
    };
    let bytes = conflict
        .bytes
        .map_or_else(String::new, |bytes| format!(" ({})", size(bytes)));
    let _ = writeln!(out, "  {}{bytes}", shown(copy));
    let device = conflict.device.as_deref().unwrap_or("this machine");
    let _ = writeln!(out, "    is the version of {} of {of}", shown(device));
}

fn keep(context: &Context, args: &KeepArgs) -> Result<(), Report> {
    let config = pairs::configured(context)?;
    let by = pairs::who(&context.env, "syncd conflicts keep");
    let kept = control::either(&args.path, |path| {
        let wish = Settling {
            pair: args.pair.clone(),
            path: path.to_owned(),
            which: args.which,
            by: by.clone(),
        };
        let asked = Keep {
            keep: args.which,
            path: path.to_owned(),
        };
        control::journal(
            &config,
            || answers::keep(&config, &wish),
            |control| control.post("/v1/conflicts", args.pair.as_deref(), &asked),
        )
    })?;
    control::look_now(&config, &kept.pair);
    tell(context, &kept);
    Ok(())
}

fn tell(context: &Context, kept: &Kept) {
    if context.output.is_json() {
        context.output.object(kept);
        return;
    }
    let mut out = String::new();
    for item in &kept.conflicts {
        let path = shown(&item.path);
        let _ = match (kept.kept, &item.trash) {
            (Which::Both, _) => writeln!(out, "{path}: both files stay"),
            (_, Some(trash)) => writeln!(
                out,
                "{path}: settled; the other version is {}. The next pass tells the account.",
                shown(trash)
            ),
            (_, None) => writeln!(out, "{path}: settled. The next pass tells the account."),
        };
    }
    context.output.text(&out);
}
