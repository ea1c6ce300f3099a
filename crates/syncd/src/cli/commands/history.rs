//! `syncd history [NAME]`: what passes did, newest first. From the journal, or from the service
//! that holds it.

use std::fmt::Write as _;

use clap::Args;

use super::pairs;
use crate::cli::{Context, control};
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::answers;
use crate::service::control::wire::{History, PairHistory};
use crate::text::{shown, size};

/// Arguments of `history`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd history
  syncd history main --limit 200")]
pub(crate) struct HistoryArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Lines of each pair
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &HistoryArgs) -> Exit {
    match found(context, args) {
        Ok(found) if context.output.is_json() => context.output.object(&found),
        Ok(found) => {
            let several = found.pairs.len() > 1;
            let text: String = found.pairs.iter().map(|pair| text(pair, several)).collect();
            context.output.text(&text);
        }
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn found(context: &Context, args: &HistoryArgs) -> Result<History, Report> {
    let config = pairs::configured(context)?;
    let name = args.name.as_deref();
    control::journal(
        &config,
        || answers::history(&config, name, args.limit),
        |control| {
            let limit = args.limit.to_string();
            control.get("/v1/history", &[("pair", name), ("limit", Some(&limit))])
        },
    )
}

fn text(pair: &PairHistory, with_name: bool) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    if with_name || pair.history.is_empty() {
        let empty = if pair.history.is_empty() {
            " nothing yet"
        } else {
            ""
        };
        let _ = writeln!(out, "{}:{empty}", shown(&pair.name));
    }
    for item in &pair.history {
        let at = item.at.as_deref().unwrap_or("-");
        let _ = write!(
            out,
            "{at}  {:6}  {} {}",
            item.side,
            item.action,
            shown(&item.path)
        );
        if let Some(to) = &item.to {
            let _ = write!(out, " -> {}", shown(to));
        }
        if let Some(bytes) = item.bytes {
            let _ = write!(out, " ({})", size(bytes));
        }
        let _ = write!(out, ": {}", shown(&item.reason));
        if let Some(by) = &item.allowed_by {
            let _ = write!(out, "; allowed by {}", shown(by));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::engine::between::HistoryItem;

    #[test]
    fn a_line_says_when_where_what_why_and_who_allowed_it() {
        let item = HistoryItem {
            at: Some("2026-11-23T14:15:03Z".into()),
            pass: 3,
            side: "remote".into(),
            action: "move".into(),
            path: "a\u{1b}[2J".into(),
            to: Some("b".into()),
            bytes: Some(1536),
            reason: "it was moved here".into(),
            allowed_by: Some("ann (uid 7), with syncd approve".into()),
        };
        let mut pair = PairHistory {
            name: "main".into(),
            history: vec![item],
        };
        assert_snapshot!(text(&pair, true), @r"
        main:
        2026-11-23T14:15:03Z  remote  move a\u{1b}[2J -> b (1.5 KiB): it was moved here; allowed by ann (uid 7), with syncd approve
        ");
        pair.history.clear();
        assert_eq!(text(&pair, false), "main: nothing yet\n");
    }
}
