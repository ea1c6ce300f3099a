//! `syncd conflicts list`: two versions that met, and what became of them. `syncd conflicts keep`: the user's choice
//! between them. Works on the journal and this disk; asks nobody, and is refused while a pass works on the pair.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use planner::path::RelPath;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::config::PairConfig;
use crate::engine::conflicts::{self, Choice, ConflictItem, KeepError, Kept, Wish};
use crate::exit::Exit;
use crate::report::{Kind, Report};
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

/// What stays.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    /// This machine's version.
    Local,
    /// The account's version.
    Remote,
    /// Both.
    Both,
}

impl Which {
    const fn choice(self) -> Choice {
        match self {
            Self::Local => Choice::Local,
            Self::Remote => Choice::Remote,
            Self::Both => Choice::Both,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Both => "both",
        }
    }
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
    conflicts: Vec<ConflictItem>,
}

/// `syncd conflicts keep --json`.
#[derive(Serialize)]
struct KeptJson {
    v: u8,
    pair: String,
    kept: &'static str,
    conflicts: Vec<KeptItem>,
}

#[derive(Serialize)]
struct KeptItem {
    path: String,
    copy: String,
    /// Where the other version is now, below the pair's folder.
    trash: Option<String>,
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
    let pairs = pairs::each(context, args.name.as_deref(), |name, dir| {
        Ok(PairJson {
            name: name.to_owned(),
            conflicts: conflicts::list(dir, args.all)?,
        })
    })?;
    if context.output.is_json() {
        context.output.object(&ConflictsJson { v: 1, pairs });
    } else {
        context.output.text(&pairs.iter().map(text).collect::<String>());
    }
    Ok(())
}

fn text(pair: &PairJson) -> String {
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
        let how = conflict.outcome.unwrap_or_default().replace('_', " ");
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
    let mut found: Vec<(&PairConfig, RelPath)> = Vec::new();
    let mut asked: Option<(&PairConfig, RelPath)> = None;
    for pair in pairs::named(&config, args.pair.as_deref())? {
        for path in pairs::places(&pair.local, &args.path) {
            let open = conflicts::open_at(&config.pair_dir(&pair.name), &path);
            if open.map_err(|error| Report::from_keep(pair, &path, &KeepError::Journal(error)))? {
                found.push((pair, path));
                break;
            }
            asked.get_or_insert((pair, path));
        }
    }
    let (pair, path) = match (found.len(), asked) {
        (0, Some((pair, path))) => return Err(Report::from_keep(pair, &path, &KeepError::Unknown)),
        (0, None) => return Err(nowhere(args)),
        (1, _) => found.remove(0),
        _ => {
            let names: Vec<_> = found.iter().map(|(pair, _)| pair.name.as_str()).collect();
            return Err(several(args, &names));
        }
    };
    let dir = config.pair_dir(&pair.name);
    let by = pairs::who(&context.env, "syncd conflicts keep");
    let wish = Wish {
        pair,
        dir: &dir,
        device: &config.device_name,
        path: &path,
        choice: args.which.choice(),
        by: &by,
    };
    let kept = conflicts::keep(wish).map_err(|error| Report::from_keep(pair, &path, &error))?;
    tell(context, pair, args.which, kept);
    Ok(())
}

fn nowhere(args: &KeepArgs) -> Report {
    Report::new(
        Kind::LocalFolder,
        "not settled",
        "it is in no pair's folder",
        "look with \"syncd conflicts list\"",
    )
    .at(args.path.display().to_string())
}

fn several(args: &KeepArgs, names: &[&str]) -> Report {
    Report::new(
        Kind::Usage,
        "several pairs have an open conflict of this path",
        format!("these: {}", names.join(", ")),
        "name the one you mean with --pair",
    )
    .at(args.path.display().to_string())
}

fn tell(context: &Context, pair: &PairConfig, which: Which, kept: Vec<Kept>) {
    if context.output.is_json() {
        let items = kept.into_iter().map(|kept| KeptItem {
            path: kept.path,
            copy: kept.copy,
            trash: kept.trashed,
        });
        context.output.object(&KeptJson {
            v: 1,
            pair: pair.name.clone(),
            kept: which.word(),
            conflicts: items.collect(),
        });
        return;
    }
    let mut out = String::new();
    for kept in kept {
        let path = shown(&kept.path);
        let _ = match (which, &kept.trashed) {
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
