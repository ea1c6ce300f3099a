//! `syncd approve [NAME]`: shows what a safety stop holds, and lets it through once. The next pass acts on it.
//!
//! Never here: anything let through that was not shown, or for more than one pair at a time.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::config::{Config, PairConfig};
use crate::engine::between::{self, Held, HeldItem};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::text::{count, shown};

/// Paths shown of what is held; `--json` has all.
const EXAMPLES: usize = 10;

/// Arguments of `approve`.
#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// The pair; needed where several hold something
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Only show what is held
    #[arg(long)]
    pub(crate) list: bool,
}

/// `syncd approve --json`.
#[derive(Serialize)]
struct ApproveJson<'a> {
    v: u8,
    pairs: Vec<PairHeldJson<'a>>,
}

#[derive(Serialize)]
struct PairHeldJson<'a> {
    name: &'a str,
    approved: bool,
    delete_local: usize,
    delete_remote: usize,
    lost_rows: usize,
    older_folder: bool,
    held: &'a [HeldItem],
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ApproveArgs) -> Exit {
    match told(context, args) {
        Ok(exit) => exit,
        Err(report) => context.output.fail(&report),
    }
}

fn told(context: &Context, args: &ApproveArgs) -> Result<Exit, Report> {
    let config = pairs::configured(context)?;
    let chosen = pairs::named(&config, args.name.as_deref())?;
    let mut found = Vec::new();
    for pair in &chosen {
        let held = between::held(&config.pair_dir(&pair.name))
            .map_err(|report| pairs::of_pair(&pair.name, report))?;
        if !held.is_empty() {
            found.push((*pair, held));
        }
    }
    if !args.list {
        found = allow(context, &config, found)?;
    }
    if context.output.is_json() {
        context.output.object(&json(&found, !args.list));
    } else if found.is_empty() {
        context.output.text(&nothing(&config, &chosen)?);
    } else {
        let text: String = found
            .iter()
            .map(|(pair, held)| text(&pair.name, held, !args.list))
            .collect();
        context.output.text(&text);
    }
    Ok(Exit::InSync)
}

/// Nothing is held; but a pair may be stopped for a reason that no approval can end.
fn nothing(config: &Config, pairs: &[&PairConfig]) -> Result<String, Report> {
    let mut out =
        "Nothing is held. What a safety stop holds is known after the pass that was stopped.\n".to_owned();
    for pair in pairs {
        let stop = between::stopped(&config.pair_dir(&pair.name))
            .map_err(|report| pairs::of_pair(&pair.name, report))?;
        if let Some(stop) = stop {
            let line = format!(
                "{} was stopped: {}. Next: {}.",
                pair.name, stop.message, stop.next
            );
            let _ = writeln!(out, "{}", shown(&line));
        }
    }
    Ok(out)
}

/// Lets the only found set through. One answer is for one question.
fn allow<'a>(
    context: &Context,
    config: &Config,
    found: Vec<(&'a PairConfig, Held)>,
) -> Result<Vec<(&'a PairConfig, Held)>, Report> {
    match found.as_slice() {
        [] => Ok(found),
        [(pair, _)] => {
            let dir = config.pair_dir(&pair.name);
            let held = between::approve(&dir, &pairs::who(&context.env, "syncd approve"))
                .map_err(|report| pairs::of_pair(&pair.name, report))?;
            Ok(vec![(*pair, held)])
        }
        _ => {
            let names: Vec<_> = found.iter().map(|(pair, _)| pair.name.as_str()).collect();
            Err(Report::new(
                Kind::Usage,
                "several pairs hold something",
                format!("these: {}", names.join(", ")),
                "name the one you mean; \"syncd approve --list\" shows what each holds",
            ))
        }
    }
}

fn json<'a>(found: &'a [(&PairConfig, Held)], approved: bool) -> ApproveJson<'a> {
    let pair = |(pair, held): &'a (&PairConfig, Held)| PairHeldJson {
        name: &pair.name,
        approved,
        delete_local: held.count("delete_local"),
        delete_remote: held.count("delete_remote"),
        lost_rows: held.count("lost_row"),
        older_folder: held.older_folder,
        held: &held.deletions,
    };
    ApproveJson {
        v: 1,
        pairs: found.iter().map(pair).collect(),
    }
}

fn text(name: &str, held: &Held, approved: bool) -> String {
    let name = shown(name);
    let word = if approved { "approved" } else { "held" };
    let mut out = String::new();
    // Writing to a String does not fail.
    for (what, side) in [
        ("delete_local", "would be deleted on this machine"),
        ("delete_remote", "would be deleted in the account"),
        (
            "lost_row",
            "the server does not know any more: what is here is uploaded anew",
        ),
    ] {
        let items: Vec<_> = held.deletions.iter().filter(|item| item.what == what).collect();
        if items.is_empty() {
            continue;
        }
        let number = count(u64::try_from(items.len()).unwrap_or(u64::MAX), "item", "items");
        let _ = writeln!(out, "{name}: {word}: {number} that {side}");
        for item in items.iter().take(EXAMPLES) {
            let _ = writeln!(out, "  {}", shown(&item.path));
        }
        let more = items.len().saturating_sub(EXAMPLES);
        if more > 0 {
            let _ = writeln!(out, "  and {more} more; --json lists all");
        }
    }
    if held.older_folder {
        let _ = writeln!(
            out,
            "{name}: {word}: the folder here is older than the journal; both sides are merged without deleting anything"
        );
    }
    let _ = if approved {
        writeln!(
            out,
            "The next pass does it, once (\"syncd --once {name}\"). What is deleted goes to a trash."
        )
    } else {
        writeln!(out, "\"syncd approve {name}\" lets it through, once.")
    };
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_is_held_is_counted_by_side_with_examples() {
        let item = |n: usize| HeldItem {
            path: format!("f{n}\u{1b}[2J"),
            what: "delete_remote",
        };
        let mut held = Held {
            deletions: (0..12).map(item).collect(),
            older_folder: true,
        };
        let told = text("main", &held, true);
        assert!(
            told.starts_with(
                "main: approved: 12 items that would be deleted in the account\n  f0\\u{1b}[2J\n"
            )
        );
        assert!(told.contains("  and 2 more; --json lists all\n"));
        held.deletions.truncate(1);
        assert_snapshot!(text("main", &held, false), @r#"
        main: held: 1 item that would be deleted in the account
          f0\u{1b}[2J
        main: held: the folder here is older than the journal; both sides are merged without deleting anything
        "syncd approve main" lets it through, once.
        "#);
    }
}
