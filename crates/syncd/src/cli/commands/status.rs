//! `syncd status`: without a service that runs, what the journals know. Asks nobody, changes nothing.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::engine::between::{self, PairStatus};
use crate::exit::Exit;
use crate::report::Report;
use crate::summary::OTHER_DEVICE;
use crate::text::{count, shown};

/// Arguments of `status`.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {}

/// `syncd status --json`.
#[derive(Serialize)]
struct StatusJson {
    v: u8,
    running: bool,
    pairs: Vec<PairStatus>,
}

/// Runs it: there is no service to ask, which is exit 1 (interface §1).
pub(crate) fn run(context: &Context, _args: &StatusArgs) -> Exit {
    match found(context) {
        Ok(pairs) if context.output.is_json() => context.output.object(&StatusJson {
            v: 1,
            running: false,
            pairs,
        }),
        Ok(pairs) => {
            let pairs: String = pairs.iter().map(text).collect();
            context.output.text(&format!("syncd is not running\n{pairs}"));
        }
        Err(report) => return context.output.fail(&report),
    }
    Exit::CouldNotRun
}

fn found(context: &Context) -> Result<Vec<PairStatus>, Report> {
    pairs::each(context, None, between::status)
}

fn text(pair: &PairStatus) -> String {
    let name = shown(&pair.name);
    let Some(agreed) = &pair.last_agreement else {
        let mut out = format!("{name}: both sides never agreed so far\n");
        stop(&mut out, pair);
        return out;
    };
    let mut out = format!(
        "{name}: both sides agreed {agreed}, {}; {}\n",
        count(pair.files, "file", "files"),
        count(pair.problems, "problem", "problems"),
    );
    stop(&mut out, pair);
    out
}

fn stop(out: &mut String, pair: &PairStatus) {
    // Writing to a String does not fail.
    if let Some(stop) = &pair.stop {
        let _ = writeln!(
            out,
            "  STOPPED for safety: {}. Next: {}.",
            shown(&stop.message),
            shown(&stop.next)
        );
    }
    if pair.other_device.is_some() {
        let _ = writeln!(out, "  {OTHER_DEVICE}");
    }
    if pair.conflicts > 0 {
        let _ = writeln!(
            out,
            "  {}; \"syncd conflicts list\" shows them",
            count(pair.conflicts, "open conflict", "open conflicts")
        );
    }
    if pair.held > 0 {
        let _ = writeln!(
            out,
            "  {} held; \"syncd approve --list\" shows them",
            count(pair.held, "item", "items")
        );
    }
    if pair.approved > 0 {
        let _ = writeln!(
            out,
            "  {} approved; the next pass does it",
            count(pair.approved, "item", "items")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::between::KeptStop;

    #[test]
    fn a_stop_stands_out_and_says_what_to_do() {
        let pair = PairStatus {
            name: "main".into(),
            last_agreement: Some("2026-11-23T14:15:03Z".into()),
            files: 1,
            problems: 2,
            stop: Some(KeptStop {
                kind: "brake".into(),
                message: "many".into(),
                next: "look".into(),
                examples: Vec::new(),
                at: 0,
            }),
            held: 12,
            approved: 0,
            conflicts: 2,
            other_device: Some("2026-11-23T14:15:03Z".into()),
        };
        assert_eq!(
            text(&pair),
            "main: both sides agreed 2026-11-23T14:15:03Z, 1 file; 2 problems\n  \
             STOPPED for safety: many. Next: look.\n  \
             another device signs in on this account: they take turns\n  \
             2 open conflicts; \"syncd conflicts list\" shows them\n  12 items held; \"syncd approve --list\" shows them\n"
        );
    }
}
