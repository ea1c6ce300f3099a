//! `syncd status`: what the running service says; without one what the journals know. Changes nothing.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::live::{Limits, Live};
use super::pairs;
use crate::cli::Context;
use crate::cli::control::{Control, Trouble};
use crate::config::Config;
use crate::engine::between::{self, PairStatus};
use crate::engine::{now, on_the_wall};
use crate::exit::Exit;
use crate::report::Report;
use crate::service::desk::LimitsState;
use crate::service::{limiter, pause};
use crate::summary::OTHER_DEVICE;
use crate::text::{count, shown};

/// Between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Arguments of `status`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd status
  syncd status --watch
  syncd status --json")]
pub(crate) struct StatusArgs {
    /// Show it anew whenever it changes, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
}

/// `syncd status --json` without a service.
#[derive(Serialize)]
struct StatusJson {
    v: u8,
    running: bool,
    pairs: Vec<PairJson>,
    /// Those of the configuration, as "--once" keeps to them now.
    limits: LimitsState,
}

/// What a journal knows, and the pause that lies beside it.
#[derive(Serialize)]
struct PairJson {
    #[serde(flatten)]
    known: PairStatus,
    /// Seconds since 1970; 0: until `resume`; null: not paused.
    paused_until: Option<i64>,
}

/// What is shown, and how the command ends.
struct Shown {
    text: String,
    exit: Exit,
}

/// Runs it. Without a service to ask it is exit 1 (interface §1).
pub(crate) fn run(context: &Context, args: &StatusArgs) -> Exit {
    let mut last = String::new();
    loop {
        let shown = match look(context) {
            Ok(shown) => shown,
            Err(report) => return context.output.fail(&report),
        };
        if shown.text != last {
            if args.watch {
                context.output.afresh();
            }
            context.output.text(&shown.text);
            last = shown.text;
        }
        if !args.watch {
            return shown.exit;
        }
        std::thread::sleep(WATCH_EVERY);
    }
}

fn look(context: &Context) -> Result<Shown, Report> {
    let config = pairs::configured(context)?;
    let json = context.output.is_json();
    let asked: Result<serde_json::Value, _> = Control::of(&config).get("/v1/status", &[]);
    let value = match asked {
        Ok(value) => value,
        Err(Trouble::NoService(_)) => return without(&config, json),
        Err(trouble) => return Err(trouble.report()),
    };
    let live: Live =
        serde_json::from_value(value.clone()).map_err(|error| Trouble::Broken(error.to_string()).report())?;
    let stale_after = |name: &str| {
        let pair = config.pairs.iter().find(|pair| pair.name == name);
        pair.map(|pair| pair.stale_after.as_secs())
    };
    let now = now();
    Ok(Shown {
        text: if json {
            format!("{value}\n")
        } else {
            live.text(now)
        },
        exit: live.exit(now, stale_after),
    })
}

/// What the journals know.
fn without(config: &Config, json: bool) -> Result<Shown, Report> {
    let mut pairs = Vec::new();
    for pair in &config.pairs {
        let status = between::status(&pair.name, &config.pair_dir(&pair.name));
        pairs.push(status.map_err(|report| pairs::of_pair(&pair.name, report))?);
    }
    let limits = limiter::configured(&config.limits, &on_the_wall());
    let text = if json {
        let pair = |known: PairStatus| PairJson {
            paused_until: pause::read(&config.pair_dir(&known.name)).map(pause::Pause::moment),
            known,
        };
        let value = StatusJson {
            v: 1,
            running: false,
            pairs: pairs.into_iter().map(pair).collect(),
            limits,
        };
        serde_json::to_string(&value).unwrap_or_default() + "\n"
    } else {
        let paused = |name: &str| pause::read(&config.pair_dir(name)).is_some();
        let pairs = pairs
            .iter()
            .map(|pair| text(pair) + note(&pair.name, paused(&pair.name)).as_str());
        let mut out = "syncd is not running\n".to_owned();
        Limits::from(&limits).text(&mut out, now());
        out + &pairs.collect::<String>()
    };
    Ok(Shown {
        text,
        exit: Exit::CouldNotRun,
    })
}

fn note(name: &str, paused: bool) -> String {
    if paused {
        format!("  paused; \"syncd resume {}\" ends it\n", shown(name))
    } else {
        String::new()
    }
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
