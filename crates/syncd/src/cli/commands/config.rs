//! `syncd config show|path|check`: what holds, where it is, whether it can be used. Changes nothing, asks no server.

use clap::Subcommand;
use serde::Serialize;

use crate::cli::Context;
use crate::config::credentials;
use crate::config::load::{Loaded, load};
use crate::config::show::{self, Shown};
use crate::exit::Exit;
use crate::report::{Report, ReportJson};
use crate::service::prepare::{local_folder, writable_place};
use crate::text::shown;

/// Parts of `config`.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Every key with its value and where that comes from
    #[command(after_help = "Examples:
  syncd config show
  syncd config show --json")]
    Show,
    /// The file that is read
    #[command(after_help = "Examples:
  syncd config path")]
    Path,
    /// Whether everything a run needs is there, without asking the server
    #[command(after_help = "Examples:
  syncd config check
  syncd --config new.toml config check")]
    Check,
}

#[derive(Serialize)]
struct ShowJson<'a> {
    v: u8,
    keys: &'a [Shown],
}

#[derive(Serialize)]
struct PathJson<'a> {
    v: u8,
    path: &'a str,
    exists: bool,
}

#[derive(Serialize)]
struct CheckJson<'a> {
    v: u8,
    ok: bool,
    problems: Vec<ReportJson<'a>>,
}

/// Runs one of them.
pub(crate) fn run(context: &Context, command: &ConfigCommand) -> Exit {
    match command {
        ConfigCommand::Show => match load(&context.choice, &context.env) {
            Ok(loaded) => show(context, &loaded),
            Err(error) => context.output.fail(&Report::from(&error)),
        },
        ConfigCommand::Path => path(context),
        ConfigCommand::Check => check(context),
    }
}

fn show(context: &Context, loaded: &Loaded) -> Exit {
    let keys = show::all(loaded);
    if context.output.is_json() {
        context.output.object(&ShowJson { v: 1, keys: &keys });
    } else {
        context.output.exact(&show::text(&keys));
    }
    Exit::InSync
}

fn path(context: &Context) -> Exit {
    match context.choice.path(&context.env) {
        Ok(path) => {
            let text = path.display().to_string();
            if context.output.is_json() {
                context.output.object(&PathJson {
                    v: 1,
                    path: &text,
                    exists: path.is_file(),
                });
            } else {
                context.output.exact(&format!("{}\n", shown(&text)));
            }
            Exit::InSync
        }
        Err(error) => context.output.fail(&Report::from(&error)),
    }
}

fn check(context: &Context) -> Exit {
    let problems = problems(context);
    if context.output.is_json() {
        let problems_json = problems.iter().map(Report::json).collect();
        context.output.object(&CheckJson {
            v: 1,
            ok: problems.is_empty(),
            problems: problems_json,
        });
    } else {
        for problem in &problems {
            context.output.error(problem);
        }
        if problems.is_empty() {
            context
                .output
                .text("fine: configuration, credentials file, folders\n");
        }
    }
    Exit::of_pairs(problems.iter().map(Report::exit))
}

fn problems(context: &Context) -> Vec<Report> {
    let loaded = match load(&context.choice, &context.env) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Report::from(&error)],
    };
    let config = &loaded.config;
    let credentials = credentials::find(&config.account, &context.env);
    let credentials = credentials.err().map(|error| Report::from(&error));
    let state = writable_place(&config.state_dir).err();
    let folders = config
        .pairs
        .iter()
        .filter_map(|pair| local_folder(config, pair).err());
    credentials.into_iter().chain(state).chain(folders).collect()
}
