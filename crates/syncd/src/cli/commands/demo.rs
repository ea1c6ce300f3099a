//! `syncd demo`: its arguments, and how it is told on a terminal. What happens is `crate::demo`'s.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use devcloud::Dialect;
use indicatif::ProgressBar;
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use super::demo_live::Live;
use super::once;
use crate::cli::output::Output;
use crate::cli::signals::Signals;
use crate::cli::{Context, logging};
use crate::config::Log;
use crate::config::load::{Choice, Env};
use crate::demo::{Demo, Heard, Passes, Seen, Side, Trouble, Wish};
use crate::engine::Sink;
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::summary::PairSummary;
use crate::text::{count, shown, size};

/// After the end, threads that still wait for a disk get so long.
const LEAVE: Duration = Duration::from_secs(2);
/// With `--live`, between an act and the pass that carries it over: long enough to read what happens.
const PACE: Duration = Duration::from_millis(700);

/// Options of the demo.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd demo
  syncd demo --live                       watch it happen
  syncd demo --keep ~/demo                leave the account running, to play with
  syncd demo --dialect hostile --faults   an account that makes trouble")]
pub(crate) struct DemoArgs {
    /// Where it puts its files; must be empty or missing [default: a fresh folder for temporary files]
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,

    /// Leave the account running until Ctrl-C, to play with
    #[arg(long)]
    pub(crate) keep: bool,

    /// Which kind of server the account is on
    #[arg(long, default_value = "document", value_parser = dialects())]
    pub(crate) dialect: Dialect,

    /// Let requests fail: a dozen kinds of fault, each at 5 %; takes a minute or two
    #[arg(long)]
    pub(crate) faults: bool,

    /// Draw on the terminal what travels, slowly enough to watch; elsewhere plain lines as without it
    #[arg(long)]
    pub(crate) live: bool,
}

fn dialects() -> impl clap::builder::TypedValueParser<Value = Dialect> {
    PossibleValuesParser::new(["document", "v4", "v5", "hostile"]).try_map(|name| name.parse::<Dialect>())
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &DemoArgs) -> Exit {
    if context.choice.file.is_some() || context.choice.profile.is_some() {
        let next = "leave out --config and --profile";
        let report = Report::new(Kind::Usage, "the demo brings its own configuration", "", next);
        return context.output.fail(&report);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let next = "free memory or processes";
            let report = Report::new(Kind::Internal, "cannot start", error.to_string(), next);
            return context.output.fail(&report);
        }
    };
    // What fails on purpose is no warning.
    logging::start(
        context,
        &Log::default(),
        LevelFilter::ERROR,
        &ProgressBar::hidden(),
    );
    let exit = runtime.block_on(told(context, args));
    runtime.shutdown_timeout(LEAVE);
    exit
}

/// The passes of `--once`, with the demo's configuration alone.
struct OncePasses {
    env: Env,
    sink: Arc<Steps>,
}

impl Passes for OncePasses {
    async fn pass(&self, config: &Path) -> Result<PairSummary, Report> {
        let choice = Choice {
            file: Some(config.to_owned()),
            profile: None,
        };
        let sink: Arc<dyn Sink> = Arc::<Steps>::clone(&self.sink);
        once::only_pair(&choice, &self.env, sink).await
    }
}

/// With `-v`, a line for each step; with `--live`, a picture of it.
struct Steps {
    output: Output,
    verbose: bool,
    live: Arc<Live>,
}

impl Sink for Steps {
    fn phase(&self, _pair: &str, phase: &'static str) {
        self.live.phase(phase);
    }
    fn totals(&self, _files: u64, _bytes: u64) {}
    fn step_done(&self, line: &str) {
        if self.verbose {
            self.live.above(|| self.output.note(&shown(line)));
        }
        self.live.step(line);
    }
    fn bytes(&self, _done: u64) {}
    fn file_done(&self) {}
}

async fn told(context: &Context, args: &DemoArgs) -> Exit {
    let output = context.output;
    let live = Arc::new(Live::new(output, args.live));
    let wish = Wish {
        folder: args.folder.clone(),
        dialect: args.dialect,
        faults: args.faults,
        pace: if live.is_drawn() { PACE } else { Duration::ZERO },
    };
    let demo = match Demo::set(&wish).await {
        Ok(demo) => demo,
        Err(report) => return output.fail(&report),
    };
    let say = |text: &str| {
        if !output.is_json() {
            live.above(|| output.text(text));
        }
    };
    say(&opening(&demo, &wish));
    let passes = OncePasses {
        env: context.env.without_ours(),
        sink: Arc::new(Steps {
            output,
            verbose: context.verbosity > 0,
            live: Arc::clone(&live),
        }),
    };
    let mut acts = Vec::new();
    let played = demo
        .play(&passes, |heard| match heard {
            Heard::Begins(act, all) => live.begin(act.name(), all),
            Heard::Arrived(seen) => {
                live.arrived();
                say(&act_line(seen));
                acts.push(seen.clone());
            }
        })
        .await;
    live.end();
    let sides = demo.sides().unwrap_or_default();
    let exit = match &played {
        Ok(()) => Exit::InSync,
        Err(Trouble::Differs { .. }) => Exit::NotInSync,
        Err(Trouble::Failed(report)) => report.exit(),
    };
    if output.is_json() {
        output.object(&DemoJson::of(&demo, &acts, &sides, &played, exit));
    }
    say(&closing(&demo, args, &sides, &played));
    if let Err(Trouble::Failed(report)) = &played {
        output.error(report);
    }
    if args.keep && played.is_ok() {
        say(&invitation(&demo, context));
        Signals::listen().next().await;
    }
    demo.end().await;
    exit
}

fn opening(demo: &Demo, wish: &Wish) -> String {
    let faults = if wish.faults { ", every fault at 5 %" } else { "" };
    format!(
        "A laptop and an account, both on this machine; nothing leaves it.\n\
         \x20 laptop   {}\n\
         \x20 account  {} (server: {}{faults})\n\
         \x20 all of it is in {}\n\n",
        shown(&demo.place.laptop.display().to_string()),
        demo.api_url(),
        wish.dialect,
        shown(&demo.place.root.display().to_string()),
    )
}

fn act_line(seen: &Seen) -> String {
    let (up, down) = seen.transferred;
    let mut facts = Vec::new();
    if up > 0 {
        facts.push(format!("{up} up"));
    }
    if down > 0 {
        facts.push(format!("{down} down"));
    }
    facts.push(count(seen.requests, "request", "requests"));
    if seen.passes > 1 {
        facts.push(format!("{} passes", seen.passes));
    }
    format!(
        "{:<15} {} ({}, {:.2} s)\n",
        seen.act.name(),
        seen.act.outcome(),
        facts.join(", "),
        seen.took.as_secs_f64()
    )
}

/// Both trees side by side, and how it ended.
fn closing(demo: &Demo, args: &DemoArgs, sides: &(Side, Side), played: &Result<(), Trouble>) -> String {
    let mut out = String::new();
    if let Err(Trouble::Differs { act, lines }) = played {
        let _ = writeln!(out, "{:<15} DID NOT ARRIVE:", act.name());
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
    }
    trees(&mut out, sides);
    let (requests, struck) = demo.requests();
    if args.faults {
        let _ = writeln!(out, "{struck} of {requests} requests were struck by a fault.");
    }
    let root = shown(&demo.place.root.display().to_string());
    match played {
        Ok(()) => {
            let _ = writeln!(out, "Everything arrived. It stays in {root} until you remove it.");
            if !args.keep {
                let _ = writeln!(out, "To play with it: the same command with --keep.");
            }
        }
        Err(_) => {
            let _ = writeln!(out, "Everything stays in {root} as it is.");
        }
    }
    out
}

fn trees(out: &mut String, (laptop, account): &(Side, Side)) {
    let paths: BTreeSet<&String> = laptop.files.keys().chain(account.files.keys()).collect();
    let wide = paths
        .iter()
        .map(|path| shown(path).chars().count())
        .max()
        .unwrap_or(0);
    let _ = writeln!(
        out,
        "\n{:wide$}  {:>10}  {:>10}",
        "both sides now", "laptop", "account"
    );
    for path in paths {
        let bytes = |side: &Side| {
            side.files
                .get(path)
                .map_or_else(|| "-".to_owned(), |bytes| size(crate::text::len(bytes)))
        };
        let _ = writeln!(
            out,
            "{:wide$}  {:>10}  {:>10}",
            shown(path),
            bytes(laptop),
            bytes(account)
        );
    }
    out.push('\n');
}

fn invitation(demo: &Demo, context: &Context) -> String {
    let program =
        std::env::current_exe().map_or_else(|_| "syncd".to_owned(), |path| path.display().to_string());
    let mut out = format!(
        "\nThe account stays until Ctrl-C. Change something in the laptop's folder, then in another terminal:\n\
         \x20 {program} --config {} --once\n\
         To change the account, as a web user would:\n\
         \x20 curl -d '{{\"action\":\"put-file\",\"name\":\"hello.txt\",\"content\":{{\"text\":\"hello\"}}}}' {}/web\n",
        quoted(&demo.place.config),
        demo.dev_url(),
    );
    if context.env.ours().next().is_some() {
        out.push_str(
            "Variables that begin with SYNCD_ are set; they win over that file, so unset them there first.\n",
        );
    }
    out
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// `syncd demo --json`.
#[derive(Serialize)]
struct DemoJson<'a> {
    v: u8,
    exit: u8,
    folder: String,
    api_url: &'a str,
    acts: Vec<ActJson>,
    differs: &'a [String],
    laptop: Vec<FileJson<'a>>,
    account: Vec<FileJson<'a>>,
    error: Option<crate::report::ReportJson<'a>>,
}

#[derive(Serialize)]
struct ActJson {
    act: &'static str,
    outcome: &'static str,
    uploaded: u64,
    downloaded: u64,
    requests: u64,
    passes: u32,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct FileJson<'a> {
    path: &'a str,
    bytes: u64,
}

impl<'a> DemoJson<'a> {
    fn of(
        demo: &'a Demo,
        acts: &[Seen],
        (laptop, account): &'a (Side, Side),
        played: &'a Result<(), Trouble>,
        exit: Exit,
    ) -> Self {
        let files = |side: &'a Side| {
            let files = side.files.iter();
            files
                .map(|(path, bytes)| FileJson {
                    path,
                    bytes: crate::text::len(bytes),
                })
                .collect()
        };
        let act = |seen: &Seen| ActJson {
            act: seen.act.name(),
            outcome: seen.act.outcome(),
            uploaded: seen.transferred.0,
            downloaded: seen.transferred.1,
            requests: seen.requests,
            passes: seen.passes,
            elapsed_ms: u64::try_from(seen.took.as_millis()).unwrap_or(u64::MAX),
        };
        let (differs, error) = match played {
            Ok(()) => (&[][..], None),
            Err(Trouble::Differs { lines, .. }) => (lines.as_slice(), None),
            Err(Trouble::Failed(report)) => (&[][..], Some(report.json())),
        };
        Self {
            v: 1,
            exit: exit.code(),
            folder: demo.place.root.display().to_string(),
            api_url: demo.api_url(),
            acts: acts.iter().map(act).collect(),
            differs,
            laptop: files(laptop),
            account: files(account),
            error,
        }
    }
}
