//! `syncd pause` and `syncd resume`: with a service that runs through it, without one in the pairs' state folders, where
//! the next one finds it.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::pairs;
use super::wait::{seconds, span};
use crate::cli::Context;
use crate::cli::control::{Control, Trouble};
use crate::config::{Config, PairConfig};
use crate::engine::shown_time;
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::control::wire::{Done, Pausing};
use crate::service::pause::{self, Pause};
use crate::text::shown;

/// Arguments of `pause`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd pause                 all pairs, until syncd resume
  syncd pause main --for 2h")]
pub(crate) struct PauseArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// For so long: 30m, 2h, 1d [default: until resume]
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    pub(crate) time: Option<Duration>,
}

/// Arguments of `resume`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd resume
  syncd resume main")]
pub(crate) struct ResumeArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// `syncd pause --json` and `syncd resume --json`.
#[derive(Serialize)]
struct PausedJson<'a> {
    v: u8,
    pairs: Vec<PairJson<'a>>,
}

#[derive(Serialize)]
struct PairJson<'a> {
    name: &'a str,
    /// Seconds since 1970, 0 for ever; `None`: it is not paused.
    paused_until: Option<i64>,
}

/// Pauses.
pub(crate) fn pause(context: &Context, args: &PauseArgs) -> Exit {
    let length = args.time.map(seconds);
    let pausing = Pause::lasting(length);
    change(
        context,
        args.name.as_deref(),
        Some(pausing),
        |control, name| control.post("/v1/pause", name, &Pausing { seconds: length }),
        |config, pair| pause::write(&config.pair_dir(&pair.name), pausing),
    )
}

/// Ends a pause.
pub(crate) fn resume(context: &Context, args: &ResumeArgs) -> Exit {
    change(
        context,
        args.name.as_deref(),
        None,
        |control, name| control.post("/v1/resume", name, &serde_json::json!({})),
        |config, pair| pause::clear(&config.pair_dir(&pair.name)).map(|_| ()),
    )
}

fn change(
    context: &Context,
    name: Option<&str>,
    then: Option<Pause>,
    through: impl FnOnce(&Control, Option<&str>) -> Result<Done, Trouble>,
    directly: impl Fn(&Config, &PairConfig) -> std::io::Result<()>,
) -> Exit {
    let done = pairs::configured(context).and_then(|config| {
        let chosen: Vec<PairConfig> = pairs::named(&config, name)?.into_iter().cloned().collect();
        match through(&Control::of(&config), name) {
            Ok(_) => {}
            Err(Trouble::NoService(_)) => {
                for pair in &chosen {
                    directly(&config, pair).map_err(|error| unwritable(&config, pair, &error))?;
                }
            }
            Err(trouble) => return Err(trouble.report()),
        }
        Ok(chosen)
    });
    let chosen = match done {
        Ok(chosen) => chosen,
        Err(report) => return context.output.fail(&report),
    };
    if context.output.is_json() {
        let paused_until = then.map(|pause| pause.until.unwrap_or(0));
        let pair = |pair| PairJson {
            name: pair,
            paused_until,
        };
        let pairs = chosen.iter().map(|it| pair(it.name.as_str())).collect();
        context.output.object(&PausedJson { v: 1, pairs });
    } else {
        let text: String = chosen.iter().map(|pair| text(&pair.name, then)).collect();
        context.output.text(&text);
    }
    Exit::InSync
}

fn unwritable(config: &Config, pair: &PairConfig, error: &std::io::Error) -> Report {
    let next = "make it a folder that this user may write to, or set state_dir";
    Report::new(
        Kind::State,
        "the pause cannot be written down",
        error.to_string(),
        next,
    )
    .at(config.pair_dir(&pair.name).display().to_string())
}

fn text(name: &str, then: Option<Pause>) -> String {
    let name = shown(name);
    match then.map(|pause| pause.until) {
        None => format!("{name}: not paused\n"),
        Some(None) => format!("{name}: paused; \"syncd resume {name}\" ends it\n"),
        Some(Some(until)) => {
            let until = shown_time(until).unwrap_or_else(|| "a far day".to_owned());
            format!("{name}: paused until {until}; \"syncd resume {name}\" ends it earlier\n")
        }
    }
}
