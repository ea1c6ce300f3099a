//! `syncd --once`: one pass over the pairs, one after the other; then a summary and an exit code.
//!
//! Everything that can be wrong without asking the server is found before it is asked, and before anything is
//! written but the state directory itself.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::{pairs, render};
use crate::cli::progress::Progress;
use crate::cli::signals::Signals;
use crate::cli::{Context, logging};
use crate::config::load::{Choice, Env, load};
use crate::config::{Config, PairConfig};
use crate::engine::{self, OnceOptions, Outcome, Setup, Sink};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::instance::{self, Instance};
use crate::service::limiter::{Closed, Limiter};
use crate::service::pause;
use crate::service::prepare::{client, ground_of, local_folder, one_thread};
use crate::summary::{INTERRUPTED, PAUSED, PairSummary};

/// After the end, threads that still wait for a disk get so long.
const LEAVE: Duration = Duration::from_secs(2);

/// Options of a single pass.
#[derive(Args, Debug, Default)]
pub(crate) struct OnceArgs {
    /// One pass over all pairs, or those named; then exit
    #[arg(long)]
    pub(crate) once: bool,

    /// Pairs of the configuration
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Only show what would be done, with the plan's digest
    #[arg(long, requires = "once")]
    pub(crate) dry_run: bool,

    /// Run only if the plan made now has this digest
    #[arg(long, value_name = "DIGEST", requires = "once", conflicts_with = "dry_run")]
    pub(crate) expect: Option<String>,

    /// Skipped items and drift count as not in sync (exit code 3)
    #[arg(long, requires = "once")]
    pub(crate) strict: bool,
}

/// Runs the pass.
pub(crate) fn run(context: &Context, args: OnceArgs) -> Exit {
    let prepared = match prepare(&context.choice, &context.env, &args) {
        Ok(prepared) => prepared,
        Err(report) => return context.output.fail(&report),
    };
    let ended = online(context, prepared, async |prepared, progress| {
        passes(context, prepared, &args, progress).await
    });
    match ended {
        Ok(outcomes) => render::print(&context.output, &outcomes, &args),
        Err(report) => context.output.fail(&report),
    }
}

/// Runs what needs the account: with a runtime, the log, and a display of progress.
fn online<T>(
    context: &Context,
    prepared: Prepared,
    work: impl AsyncFnOnce(Prepared, &Arc<Progress>) -> Result<T, Report>,
) -> Result<T, Report> {
    let limiter = Limiter::new(prepared.client.clone(), prepared.config.limits.clone());
    let runtime = one_thread()?;
    let verbose = context.verbosity > 0;
    let progress = Arc::new(Progress::new(context.output, verbose));
    let log = &prepared.config.log;
    logging::start(context, log, LevelFilter::WARN, progress.bar());
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = work(prepared, &progress) => ended,
            never = limiter.follow(|_| ()) => match never {},
        }
    });
    runtime.shutdown_timeout(LEAVE);
    ended
}

/// A command about one pair that needs the account: prepared, shown and stopped as a pass is.
pub(super) fn on_pair<T>(
    context: &Context,
    name: &str,
    work: impl AsyncFnOnce(&Setup, &PairConfig, Arc<dyn Sink>) -> T,
) -> Result<T, Report> {
    let args = OnceArgs {
        names: vec![name.to_owned()],
        ..OnceArgs::default()
    };
    let prepared = prepare(&context.choice, &context.env, &args)?;
    online(context, prepared, async |prepared, progress| {
        let chosen = prepared
            .pairs
            .first()
            .and_then(|at| prepared.config.pairs.get(*at));
        let Some(pair) = chosen.cloned() else {
            return Err(pairs::unknown(&prepared.config, name));
        };
        let _held = prepared.instance;
        let setup = Setup {
            config: prepared.config,
            client: prepared.client,
            stop: CancellationToken::new(),
        };
        progress.begin(&pair.name);
        let sink: Arc<dyn Sink> = Arc::<Progress>::clone(progress);
        let ended = tokio::select! {
            done = work(&setup, &pair, sink) => Ok(done),
            report = second_signal(context, &setup.stop) => Err(report),
        };
        progress.end();
        ended
    })
}

/// What was found without asking anybody.
struct Prepared {
    config: Config,
    /// Positions in `config.pairs`.
    pairs: Vec<usize>,
    client: api::Client,
    /// No service works on this state while this lives.
    instance: Option<Instance>,
}

fn prepare(choice: &Choice, env: &Env, args: &OnceArgs) -> Result<Prepared, Report> {
    let config = load(choice, env).map_err(|error| Report::from(&error))?.config;
    let pairs = choose(&config, &args.names)?;
    if args.expect.is_some() && pairs.len() != 1 {
        return Err(Report::new(
            Kind::Usage,
            "--expect needs exactly one pair",
            format!("{} take part, and each has a digest of its own", pairs.len()),
            "name the pair",
        ));
    }
    let ground = ground_of(config, env)?;
    let instance = instance::beside(&ground.config.state_dir)?;
    let client = client(&ground.config, ground.credentials)?;
    Ok(Prepared {
        config: ground.config,
        pairs,
        client,
        instance,
    })
}

/// The pairs named, else those enabled.
fn choose(config: &Config, names: &[String]) -> Result<Vec<usize>, Report> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !config.pairs.iter().any(|pair| pair.name == **name))
    {
        return Err(pairs::unknown(config, unknown));
    }
    let taken = |pair: &PairConfig| {
        if names.is_empty() {
            pair.enabled
        } else {
            names.contains(&pair.name)
        }
    };
    let chosen: Vec<_> = config
        .pairs
        .iter()
        .enumerate()
        .filter(|(_, pair)| taken(pair))
        .map(|(at, _)| at)
        .collect();
    if chosen.is_empty() {
        return Err(Report::new(
            Kind::Config,
            "there is nothing to do",
            "no pair is enabled",
            "set enabled = true for one, or name a pair",
        ));
    }
    Ok(chosen)
}

/// All passes, or why they were given up.
async fn passes(
    context: &Context,
    prepared: Prepared,
    args: &OnceArgs,
    progress: &Arc<Progress>,
) -> Result<Vec<Outcome>, Report> {
    let Prepared {
        config,
        pairs,
        client,
        instance: _held,
    } = prepared;
    let setup = Setup {
        config,
        client,
        stop: CancellationToken::new(),
    };
    let options = OnceOptions {
        dry_run: args.dry_run,
        expect: args.expect.clone(),
        strict: args.strict,
    };
    let work = async {
        let mut outcomes = Vec::new();
        for pair in pairs.iter().filter_map(|at| setup.config.pairs.get(*at)) {
            outcomes.push(pass(&setup, pair, &options, progress).await);
        }
        outcomes
    };
    let limiter = Limiter::new(setup.client.clone(), setup.config.limits.clone());
    // A window that begins now ends the running steps as a signal does.
    let closing = limiter.follow(|closed| {
        if closed.is_some() && !args.dry_run {
            setup.stop.cancel();
        }
    });
    if limiter.closed().is_some() && !args.dry_run {
        setup.stop.cancel();
    }
    let ended = tokio::select! {
        outcomes = work => Ok(outcomes),
        report = second_signal(context, &setup.stop) => Err(report),
        never = closing => match never {},
    };
    progress.end();
    let closed = limiter.closed().filter(|_| !args.dry_run);
    ended.map(|mut outcomes| {
        if let Some(closed) = closed {
            outcomes.iter_mut().for_each(|outcome| close(outcome, &closed));
        }
        outcomes
    })
}

/// What was not done because a window of the limits pauses the pairs is paused, not interrupted.
fn close(outcome: &mut Outcome, closed: &Closed) {
    if let Outcome::Ran(summary) = outcome
        && summary.phase == INTERRUPTED
    {
        summary.phase = PAUSED;
        summary.window = Some(closed.window.clone());
    }
}

async fn pass(setup: &Setup, pair: &PairConfig, options: &OnceOptions, progress: &Arc<Progress>) -> Outcome {
    if setup.stop.is_cancelled() {
        let summary = PairSummary {
            name: pair.name.clone(),
            phase: INTERRUPTED,
            ..PairSummary::default()
        };
        return Outcome::Ran(summary);
    }
    if !options.dry_run && pause::read(&setup.config.pair_dir(&pair.name)).is_some() {
        let summary = PairSummary {
            name: pair.name.clone(),
            phase: PAUSED,
            ..PairSummary::default()
        };
        return Outcome::Ran(summary);
    }
    if let Err(report) = local_folder(&setup.config, pair) {
        return Outcome::Ran(PairSummary::could_not_run(&pair.name, report));
    }
    progress.begin(&pair.name);
    let sink: Arc<dyn Sink> = Arc::<Progress>::clone(progress);
    engine::run_once(setup, pair, options, sink).await
}

/// One pass over the first pair of a configuration, from reading its file on, as `--once` makes it.
#[cfg(feature = "demo")]
pub(crate) async fn only_pair(
    choice: &Choice,
    env: &Env,
    sink: Arc<dyn Sink>,
) -> Result<PairSummary, Report> {
    let Prepared {
        config,
        pairs,
        client,
        instance: _held,
    } = prepare(choice, env, &OnceArgs::default())?;
    let setup = Setup {
        config,
        client,
        stop: CancellationToken::new(),
    };
    let first = pairs.first().and_then(|at| setup.config.pairs.get(*at));
    let Some(pair) = first else {
        return Err(Report::new(
            Kind::Config,
            "there is nothing to do",
            "no pair is enabled",
            "",
        ));
    };
    local_folder(&setup.config, pair)?;
    match engine::run_once(&setup, pair, &OnceOptions::default(), sink).await {
        Outcome::Ran(summary) => Ok(summary),
        Outcome::Planned(plan) => Ok(plan.summary),
    }
}

/// The first signal asks for an end between two steps; the second one gives up at once. Both are safe: what is half
/// done is journalled.
async fn second_signal(context: &Context, stop: &CancellationToken) -> Report {
    let mut signals = Signals::listen();
    let mut first = true;
    loop {
        signals.next().await;
        if !first {
            break;
        }
        first = false;
        stop.cancel();
        context
            .output
            .note("syncd: stopping after the running step; once more to stop at once");
    }
    Report::new(
        Kind::Interrupted,
        "stopped at once",
        "two signals asked for it",
        "run it again",
    )
    .data("Nothing is lost: the next run finishes or undoes what was half done.")
}
