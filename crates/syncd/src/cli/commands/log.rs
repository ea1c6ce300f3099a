//! `syncd log`: the last lines of the running service's log.

use clap::Args;

use super::pairs;
use crate::cli::Context;
use crate::cli::control::Control;
use crate::exit::Exit;
use crate::service::control::wire::Log;
use crate::text::shown;

/// Arguments of `log`.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// Lines; the service keeps a thousand
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &LogArgs) -> Exit {
    let asked = pairs::configured(context).and_then(|config| {
        let limit = args.limit.to_string();
        let asked: Result<Log, _> = Control::of(&config).get("/v1/log", &[("limit", Some(&limit))]);
        asked.map_err(|trouble| trouble.report())
    });
    match asked {
        Ok(log) if context.output.is_json() => context.output.object(&log),
        Ok(log) => {
            let text: String = log.lines.iter().map(|line| shown(line) + "\n").collect();
            context.output.text(&text);
        }
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}
