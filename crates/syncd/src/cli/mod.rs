//! The command line: what it offers, and the way from an argument to a command's exit code.
//!
//! Only what works is offered. A command is a file in `commands/`: its arguments, whose doc comments are the help,
//! and one function.

pub(crate) mod commands;
mod control;
#[cfg(test)]
mod documents;
mod fit;
mod logging;
mod output;
mod progress;
mod prompt;
#[cfg(test)]
#[cfg(feature = "demo")]
mod reference;
mod signals;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use self::output::Output;
use crate::config::load::{Choice, Env};
use crate::exit::Exit;
use crate::report::{Kind, Report};

macro_rules! examples {
    ($first:literal) => {
        concat!(
            "Examples:\n",
            $first,
            "  syncd init               set up an account and a folder
  syncd --once --dry-run   what a sync would do, and why
  syncd --once             sync once
  syncd                    sync all the time, here; syncd service install does it in the background
  syncd status             how things are"
        )
    };
}

#[cfg(feature = "demo")]
const EXAMPLES: &str = examples!("  syncd demo               see it work, without an account\n");
#[cfg(not(feature = "demo"))]
const EXAMPLES: &str = examples!("");

/// Keeps folders on this machine and folders in a cloud account the same, both ways
#[derive(Parser, Debug)]
#[command(name = "syncd", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) once: commands::once::OnceArgs,

    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Configuration file [default: $XDG_CONFIG_HOME/syncd/config.toml, or $SYNCD_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// Use NAME.toml instead of config.toml, with its own state
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,

    /// Results as one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Log more: -v what is done, -vv why, -vvv what goes over the wire
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// No progress, only errors in the log
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: When,
}

/// When colours are used.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands of this release.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// The whole thing without an account: both sides on this machine, and everything that travels between them
    #[cfg(feature = "demo")]
    Demo(commands::demo::DemoArgs),
    /// Set up an account and a folder: asks, checks, previews the first sync, writes the configuration
    Init(commands::init::InitArgs),
    /// This program as a systemd user unit: install, uninstall, start, stop, status
    #[command(subcommand)]
    Service(commands::service::ServiceCommand),
    /// What the running service does with each pair; without one: what its journal says
    Status(commands::status::StatusArgs),
    /// Look at both sides now
    Sync(commands::sync::SyncArgs),
    /// Wait until everything is in sync; exit code 3 if it is not in time
    Wait(commands::wait::WaitArgs),
    /// Pause pairs, also over a restart
    Pause(commands::pause::PauseArgs),
    /// End a pause
    Resume(commands::pause::ResumeArgs),
    /// End the running service after the step it is at
    #[command(after_help = "Examples:
  syncd stop")]
    Stop,
    /// Let the running service read its configuration again
    #[command(after_help = "Examples:
  syncd config check && syncd reload")]
    Reload,
    /// Other limits of bandwidth, until the next reload or restart
    Limit(commands::limit::LimitArgs),
    /// The last lines of the running service's log
    Log(commands::log::LogArgs),
    /// How files and folders are, and why: synced, uploading, waiting, conflict, skipped, ignored, held, unproved, failed, drift
    Filestatus(commands::filestatus::FilestatusArgs),
    /// What each of the three trees says of a path, and the rule that decides
    Why(commands::why::WhyArgs),
    /// What is not in sync since the last pass, and why
    Problems(commands::problems::ProblemsArgs),
    /// What passes did, newest first, and who allowed what
    History(commands::history::HistoryArgs),
    /// Copies that conflicts left
    #[command(subcommand)]
    Conflicts(commands::conflicts::ConflictsCommand),
    /// Let through, once, what a safety stop holds: too many deletions, a folder restored from a backup
    Approve(commands::approve::ApproveArgs),
    /// Bring files back that a sync moved to .syncd/trash; nothing is overwritten
    Restore(commands::restore::RestoreArgs),
    /// A new journal from both sides, for one that is lost, damaged or does not fit; deletes nothing
    Rebuild(commands::rebuild::RebuildArgs),
    /// Compare both sides with the journal, and change nothing
    Check(commands::check::CheckArgs),
    /// End a pair: its journal goes, all files stay on both sides
    Forget(commands::forget::ForgetArgs),
    /// Tell a pair that its local folder was moved
    Relocate(commands::relocate::RelocateArgs),
    /// What the rules that keep files out of the sync say of a path
    #[command(subcommand)]
    Ignore(commands::ignore::IgnoreCommand),
    /// One line for each thing that can go wrong: fine, or what to do; exit code 3 if there is something
    Doctor(commands::doctor::DoctorArgs),
    /// The configuration in force, where it is, whether it can be used
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// The account itself: list, send, fetch, copy, move, remove; every call of the API
    #[command(subcommand)]
    Remote(commands::remote::RemoteCommand),
    /// Completions for a shell, on standard output
    Completions(commands::completions::CompletionsArgs),
    /// Manual pages, a file for each command, into a folder
    Man(commands::man::ManArgs),
}

/// What every command is given.
pub(crate) struct Context {
    /// The terminal.
    pub(crate) output: Output,
    /// Which configuration.
    pub(crate) choice: Choice,
    /// The environment.
    pub(crate) env: Env,
    /// How much to log: -1 quiet, 0, 1, 2, 3.
    pub(crate) verbosity: i8,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match parsed(std::env::args_os()) {
        Ok(cli) => cli,
        Err(asked) => {
            // Help and version are results; a reader that went away is no error.
            let _ = asked.print();
            return if asked.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::InSync.into()
            };
        }
    };
    let env = Env::process();
    let context = Context {
        output: Output::new(
            cli.global.json,
            cli.global.quiet,
            cli.global.color,
            env.get("NO_COLOR").is_some(),
        ),
        choice: Choice {
            file: cli.global.config,
            profile: cli.global.profile,
        },
        env,
        verbosity: if cli.global.quiet {
            -1
        } else {
            i8::try_from(cli.global.verbose).unwrap_or(i8::MAX)
        },
    };
    dispatch(&context, cli.once, cli.command).into()
}

/// How much two words must have in common to be offered for each other; as clap measures it for what it sees itself.
const SIMILAR: f64 = 0.7;

/// The arguments, in order. Names of pairs stand where commands do, and so belong to `--once` alone: what is there without it
/// was meant for a command.
fn parsed<T: Into<OsString> + Clone>(args: impl IntoIterator<Item = T>) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(args)?;
    match cli.once.names.first() {
        Some(name) if !cli.once.once => Err(no_command(name)),
        _ => Ok(cli),
    }
}

/// What clap says of a word that is no command.
fn no_command(name: &str) -> clap::Error {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let mut command = Cli::command();
    let mut near: Vec<(f64, String)> = command
        .get_subcommands()
        .map(|command| {
            (
                strsim::jaro(name, command.get_name()),
                command.get_name().to_owned(),
            )
        })
        .filter(|(similar, _)| *similar > SIMILAR)
        .collect();
    near.sort_by(|one, other| one.0.total_cmp(&other.0));
    let near: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
    let usage = command.render_usage();
    let mut error = clap::Error::new(ErrorKind::InvalidSubcommand).with_cmd(&command);
    error.insert(
        ContextKind::InvalidSubcommand,
        ContextValue::String(name.to_owned()),
    );
    if !near.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near));
    }
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    error
}

fn dispatch(context: &Context, once: commands::once::OnceArgs, command: Option<Command>) -> Exit {
    match command {
        Some(_) if once.once => context.output.fail(&Report::new(
            Kind::Usage,
            "--once takes names of pairs",
            "a command stands where one was expected",
            "syncd --once [NAME…]",
        )),
        #[cfg(feature = "demo")]
        Some(Command::Demo(args)) => commands::demo::run(context, &args),
        Some(Command::Init(args)) => commands::init::run(context, &args),
        Some(Command::Service(command)) => commands::service::run(context, &command),
        Some(Command::Status(args)) => commands::status::run(context, &args),
        Some(Command::Sync(args)) => commands::sync::run(context, &args),
        Some(Command::Wait(args)) => commands::wait::run(context, &args),
        Some(Command::Pause(args)) => commands::pause::pause(context, &args),
        Some(Command::Resume(args)) => commands::pause::resume(context, &args),
        Some(Command::Stop) => commands::stop::stop(context),
        Some(Command::Reload) => commands::stop::reload(context),
        Some(Command::Limit(args)) => commands::limit::run(context, &args),
        Some(Command::Log(args)) => commands::log::run(context, &args),
        Some(Command::Filestatus(args)) => commands::filestatus::run(context, &args),
        Some(Command::Ignore(command)) => commands::ignore::run(context, &command),
        Some(Command::Why(args)) => commands::why::run(context, &args),
        Some(Command::Problems(args)) => commands::problems::run(context, &args),
        Some(Command::History(args)) => commands::history::run(context, &args),
        Some(Command::Conflicts(command)) => commands::conflicts::run(context, &command),
        Some(Command::Approve(args)) => commands::approve::run(context, &args),
        Some(Command::Restore(args)) => commands::restore::run(context, &args),
        Some(Command::Rebuild(args)) => commands::rebuild::run(context, &args),
        Some(Command::Check(args)) => commands::check::run(context, &args),
        Some(Command::Forget(args)) => commands::forget::run(context, &args),
        Some(Command::Relocate(args)) => commands::relocate::run(context, &args),
        Some(Command::Doctor(args)) => commands::doctor::run(context, &args),
        Some(Command::Config(command)) => commands::config::run(context, &command),
        Some(Command::Remote(command)) => commands::remote::run(context, command),
        Some(Command::Completions(args)) => commands::completions::run(context, &args),
        Some(Command::Man(args)) => commands::man::run(context, &args),
        None if once.once => commands::once::run(context, once),
        None => commands::serve::run(context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        parsed(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn once_takes_names_before_and_after_its_flags() {
        let cli = parse("syncd --once a --dry-run b --json").unwrap();
        assert_eq!(cli.once.names, ["a", "b"]);
        assert!(cli.once.once && cli.once.dry_run && cli.global.json && cli.command.is_none());
    }

    #[test]
    fn flags_of_once_need_once() {
        for line in [
            "syncd a",
            "syncd --dry-run",
            "syncd --strict",
            "syncd --expect x",
            "syncd --once -v -q",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn only_what_works_is_offered() {
        let command = Cli::command();
        let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        let demo = if cfg!(feature = "demo") {
            &["demo"][..]
        } else {
            &[]
        };
        let rest = "init service status sync wait pause resume stop reload limit log filestatus why problems history conflicts approve restore rebuild check forget relocate ignore doctor config remote completions man";
        let rest: Vec<_> = rest.split_whitespace().collect();
        assert_eq!(names, [demo, &rest].concat());
    }

    #[test]
    fn global_options_stand_anywhere() {
        assert!(parse("syncd --json config show").unwrap().global.json);
        assert!(parse("syncd config show --json").unwrap().global.json);
    }
}
