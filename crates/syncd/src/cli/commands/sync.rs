//! `syncd sync [NAME]`: the running service looks at both sides now. Does not wait for it.

use clap::Args;

use super::pairs;
use crate::cli::Context;
use crate::cli::control::Control;
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::wire::Syncs;
use crate::text::shown;

/// Arguments of `sync`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd sync
  syncd sync main && syncd wait main")]
pub(crate) struct SyncArgs {
    /// The pair [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &SyncArgs) -> Exit {
    match asked(context, args) {
        Ok(syncs) if context.output.is_json() => context.output.object(&syncs),
        Ok(syncs) => {
            let names: Vec<_> = syncs.pairs.iter().map(|pair| shown(&pair.name)).collect();
            context.output.text(&format!(
                "{}: looking at both sides now; \"syncd wait\" waits for it\n",
                names.join(", ")
            ));
        }
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn asked(context: &Context, args: &SyncArgs) -> Result<Syncs, Report> {
    let config = pairs::configured(context)?;
    let name = args.name.as_deref();
    pairs::named(&config, name)?;
    Control::of(&config)
        .post("/v1/sync", name, &serde_json::json!({}))
        .map_err(|trouble| trouble.report())
}
