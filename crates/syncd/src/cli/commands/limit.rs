//! `syncd limit`: other limits of bandwidth for the running service.

use clap::Args;

use super::pairs;
use crate::cli::Context;
use crate::cli::control::Control;
use crate::config::value::{self, Value};
use crate::exit::Exit;
use crate::service::control::wire::{Done, Limiting};
use crate::text::size;

/// Arguments of `limit`.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Examples:
  syncd limit --up 512KiB
  syncd limit --up 0 --down 2MiB    0 takes a limit away")]
pub(crate) struct LimitArgs {
    /// Upload, bytes a second: 512KiB, 2MiB; 0 for no limit; holds until a reload or restart, whatever windows say
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) up: Option<u64>,

    /// Download, the same
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) down: Option<u64>,
}

fn rate(text: &str) -> Result<u64, String> {
    let value = text
        .parse()
        .map_or_else(|_| Value::Text(text.to_owned()), Value::Number);
    value::bytes(&value).ok_or_else(|| "a rate is a number of bytes a second, or 512KiB, 2MiB".to_owned())
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &LimitArgs) -> Exit {
    let limiting = Limiting {
        upload: args.up,
        download: args.down,
    };
    let told = pairs::configured(context).and_then(|config| {
        let told: Result<Done, _> = Control::of(&config).post("/v1/limit", None, &limiting);
        told.map_err(|trouble| trouble.report())
    });
    match told {
        Ok(done) if context.output.is_json() => context.output.object(&done),
        Ok(_) => context.output.text(&text(limiting)),
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn text(limiting: Limiting) -> String {
    let line = |what: &str, limit: Option<u64>| match limit {
        None => String::new(),
        Some(0) => format!("{what}: no limit\n"),
        Some(bytes) => format!("{what}: {}/s\n", size(bytes)),
    };
    line("upload", limiting.upload) + &line("download", limiting.download)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_size_and_nothing_else() {
        assert_eq!(rate("0"), Ok(0));
        assert_eq!(rate("512KiB"), Ok(512 << 10));
        assert!(rate("-1").is_err() && rate("fast").is_err());
        let limiting = Limiting {
            upload: Some(1536),
            download: Some(0),
        };
        assert_eq!(text(limiting), "upload: 1.5 KiB/s\ndownload: no limit\n");
    }
}
