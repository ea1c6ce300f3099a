//! `syncd wait [NAME]`: until everything is in sync, after a look that begins now. Exit code 0, or 3 where the time is over.

use std::time::Duration;

use clap::Args;

use super::pairs;
use crate::cli::Context;
use crate::cli::control::Control;
use crate::config::value;
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::wire::Waited;
use crate::text::shown;

/// The answer may come a little later than the time that was asked for.
const GRACE: Duration = Duration::from_secs(30);

/// Arguments of `wait`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd wait
  syncd wait main --timeout 30s    then its exit code says whether it is in sync")]
pub(crate) struct WaitArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Longest time: 30s, 5m, 2h
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = span)]
    pub(crate) timeout: Duration,
}

/// A time as the configuration writes it.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    value::span(text).ok_or_else(|| "a time is 30s, 5m, 2h or 1d".to_owned())
}

/// Whole seconds, not less than what was asked for.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &WaitArgs) -> Exit {
    match waited(context, args) {
        Ok(waited) => {
            if context.output.is_json() {
                context.output.object(&waited);
            } else {
                context.output.text(&text(&waited));
            }
            if waited.in_sync {
                Exit::InSync
            } else {
                Exit::NotInSync
            }
        }
        Err(report) => context.output.fail(&report),
    }
}

fn waited(context: &Context, args: &WaitArgs) -> Result<Waited, Report> {
    let config = pairs::configured(context)?;
    let name = args.name.as_deref();
    pairs::named(&config, name)?;
    let timeout = seconds(args.timeout);
    Control::of(&config)
        .get_within(
            "/v1/wait",
            &[("pair", name), ("timeout", Some(&timeout.to_string()))],
            Duration::from_secs(timeout).saturating_add(GRACE),
        )
        .map_err(|trouble| trouble.report())
}

fn text(waited: &Waited) -> String {
    let line = |pair: &crate::service::control::wire::WaitedItem| {
        let name = shown(&pair.name);
        if pair.in_sync {
            format!("{name}: in sync\n")
        } else {
            format!(
                "{name}: not in sync in time ({}); \"syncd status\" says why\n",
                shown(&pair.phase)
            )
        }
    };
    waited.pairs.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_never_cut_short() {
        assert_eq!(seconds(span("5m").unwrap()), 300);
        assert_eq!(seconds(span("250ms").unwrap()), 1);
        assert!(span("soon").is_err() && span("5").is_err());
    }
}
