//! `syncd history [NAME]`: what passes did, newest first. From the journal; asks nobody.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::engine::between::{self, HistoryItem};
use crate::exit::Exit;
use crate::report::Report;
use crate::text::{shown, size};

/// Arguments of `history`.
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Lines of each pair
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

/// `syncd history --json`.
#[derive(Serialize)]
struct HistoryJson {
    v: u8,
    pairs: Vec<PairJson>,
}

#[derive(Serialize)]
struct PairJson {
    name: String,
    history: Vec<HistoryItem>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &HistoryArgs) -> Exit {
    match found(context, args) {
        Ok(pairs) if context.output.is_json() => context.output.object(&HistoryJson { v: 1, pairs }),
        Ok(pairs) => {
            let several = pairs.len() > 1;
            let text: String = pairs.iter().map(|pair| text(pair, several)).collect();
            context.output.text(&text);
        }
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn found(context: &Context, args: &HistoryArgs) -> Result<Vec<PairJson>, Report> {
    pairs::each(context, args.name.as_deref(), |name, dir| {
        Ok(PairJson {
            name: name.to_owned(),
            history: between::history(dir, args.limit)?,
        })
    })
}

fn text(pair: &PairJson, with_name: bool) -> String {
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

    #[test]
    fn a_line_says_when_where_what_why_and_who_allowed_it() {
        let item = HistoryItem {
            at: Some("2026-11-23T14:15:03Z".into()),
            pass: 3,
            side: "remote",
            action: "move".into(),
            path: "a\u{1b}[2J".into(),
            to: Some("b".into()),
            bytes: Some(1536),
            reason: "it was moved here".into(),
            allowed_by: Some("ann (uid 7), with syncd approve".into()),
        };
        let mut pair = PairJson {
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
