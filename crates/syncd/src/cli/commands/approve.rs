//! `syncd approve [NAME]`: shows what a safety stop holds, and lets it through once. The next pass acts on it.
//!
//! Never here: anything let through that was not shown, or for more than one pair at a time.

use std::fmt::Write as _;

use clap::Args;

use super::pairs;
use crate::cli::{Context, control};
use crate::config::Config;
use crate::engine::between;
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::answers;
use crate::service::control::wire::{Approvals, PairHeld};
use crate::text::{count, shown};

/// Paths shown of what is held; `--json` has all.
const EXAMPLES: usize = 10;

/// Arguments of `approve`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd approve --list    what is held
  syncd approve main      let it through, once")]
pub(crate) struct ApproveArgs {
    /// The pair; needed where several hold something
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Only show what is held
    #[arg(long)]
    pub(crate) list: bool,
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
    let found = if args.list {
        list(&config, args.name.as_deref())?
    } else {
        allow(context, &config, args.name.as_deref())?
    };
    if context.output.is_json() {
        context.output.object(&found);
    } else if found.pairs.is_empty() {
        context.output.text(&nothing(&config, args.name.as_deref())?);
    } else {
        context
            .output
            .text(&found.pairs.iter().map(text).collect::<String>());
    }
    Ok(Exit::InSync)
}

fn list(config: &Config, name: Option<&str>) -> Result<Approvals, Report> {
    control::journal(
        config,
        || answers::held(config, name),
        |control| control.get("/v1/approve", &[("pair", name)]),
    )
}

/// Lets the only found set through. One answer is for one question.
fn allow(context: &Context, config: &Config, name: Option<&str>) -> Result<Approvals, Report> {
    let by = pairs::who(&context.env, "syncd approve");
    let approved = control::journal(
        config,
        || answers::approve(config, name, &by),
        |control| control.post("/v1/approve", name, &serde_json::json!({})),
    )?;
    for pair in &approved.pairs {
        control::look_now(config, &pair.name);
    }
    Ok(approved)
}

/// Nothing is held; but a pair may be stopped for a reason that no approval can end.
fn nothing(config: &Config, name: Option<&str>) -> Result<String, Report> {
    let mut out =
        "Nothing is held. What a safety stop holds is known after the pass that was stopped.\n".to_owned();
    for pair in pairs::named(config, name)? {
        // A pass that works on it just now is not stopped.
        let Ok(Some(stop)) = between::stopped(&config.pair_dir(&pair.name)) else {
            continue;
        };
        let line = format!(
            "{} was stopped: {}. Next: {}.",
            pair.name, stop.message, stop.next
        );
        let _ = writeln!(out, "{}", shown(&line));
    }
    Ok(out)
}

fn text(held: &PairHeld) -> String {
    let name = shown(&held.name);
    let word = if held.approved { "approved" } else { "held" };
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
        let items: Vec<_> = held.held.iter().filter(|item| item.what == what).collect();
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
    let _ = if held.approved {
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
    use crate::engine::between::HeldItem;

    #[test]
    fn what_is_held_is_counted_by_side_with_examples() {
        let item = |n: usize| HeldItem {
            path: format!("f{n}\u{1b}[2J"),
            what: "delete_remote".into(),
        };
        let mut held = PairHeld {
            name: "main".into(),
            approved: true,
            delete_local: 0,
            delete_remote: 12,
            lost_rows: 0,
            older_folder: true,
            held: (0..12).map(item).collect(),
        };
        let told = text(&held);
        assert!(
            told.starts_with(
                "main: approved: 12 items that would be deleted in the account\n  f0\\u{1b}[2J\n"
            )
        );
        assert!(told.contains("  and 2 more; --json lists all\n"));
        held.held.truncate(1);
        held.approved = false;
        assert_snapshot!(text(&held), @r#"
        main: held: 1 item that would be deleted in the account
          f0\u{1b}[2J
        main: held: the folder here is older than the journal; both sides are merged without deleting anything
        "syncd approve main" lets it through, once.
        "#);
    }
}
