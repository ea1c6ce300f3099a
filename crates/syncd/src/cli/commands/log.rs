//! `syncd log`: the last lines of the running service's log, and with `--follow` all that come.

use std::ops::ControlFlow;

use clap::Args;

use super::pairs;
use crate::cli::Context;
use crate::cli::control::Control;
use crate::cli::output::Output;
use crate::config::Config;
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::wire::{Log, LogLine};
use crate::text::shown;

/// Arguments of `log`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd log
  syncd log --limit 200
  syncd log --follow")]
pub(crate) struct LogArgs {
    /// Lines; the service keeps a thousand
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,

    /// Show new lines as they come, until interrupted or the service ends; with --json an object a line
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &LogArgs) -> Exit {
    let told = pairs::configured(context).and_then(|config| {
        if args.follow {
            follow(&context.output, &config, args)
        } else {
            last(&context.output, &config, args)
        }
    });
    match told {
        Ok(()) => Exit::InSync,
        Err(report) => context.output.fail(&without(report)),
    }
}

/// Where the lines are once nobody keeps them.
fn without(report: Report) -> Report {
    if report.kind != crate::report::Kind::NotRunning {
        return report;
    }
    let next = "look into log.file of the configuration, or with \"journalctl --user -u syncd\"; start it with \"syncd\"";
    Report::new(report.kind, report.happened, report.cause, next)
}

fn last(output: &Output, config: &Config, args: &LogArgs) -> Result<(), Report> {
    let limit = args.limit.to_string();
    let asked: Result<Log, _> = Control::of(config).get("/v1/log", &[("limit", Some(&limit))]);
    let log = asked.map_err(|trouble| trouble.report())?;
    if output.is_json() {
        output.object(&log);
    } else {
        let text: String = log.lines.iter().map(|line| shown(line) + "\n").collect();
        output.text(&text);
    }
    Ok(())
}

fn follow(output: &Output, config: &Config, args: &LogArgs) -> Result<(), Report> {
    let limit = args.limit.to_string();
    let asked = [("limit", Some(limit.as_str())), ("follow", Some("true"))];
    let mut seq = None;
    Control::of(config)
        .listen("/v1/log", &asked, |data| {
            let Ok(line) = serde_json::from_str::<LogLine>(data) else {
                // That lines were missed is seen by their numbers.
                return ControlFlow::Continue(());
            };
            let missed = seq.map_or(0, |seq: u64| line.seq.saturating_sub(seq).saturating_sub(1));
            if missed > 0 {
                output.note(&format!("syncd: {missed} lines came too fast and are left out"));
            }
            seq = Some(line.seq);
            if output.is_json() {
                output.piece(&format!("{data}\n"))
            } else {
                output.piece(&(shown(&line.line) + "\n"))
            }
        })
        .map_err(|trouble| trouble.report())
}
