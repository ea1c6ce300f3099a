//! `syncd --once`: one pass over the pairs, one after the other; then a summary and an exit code.
//!
//! Everything that can be wrong without asking the server is found before it is asked, and before anything is
//! written but the state directory itself.
#![expect(
    clippy::disallowed_methods,
    reason = "looks at the state directory and the CA file before anything else runs"
)]

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustix::fs::{Access, access};
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::{pairs, render};
use crate::cli::progress::Progress;
use crate::cli::{Context, logging};
use crate::config::load::{Choice, Env, load};
use crate::config::{Config, PairConfig, credentials};
use crate::engine::{self, OnceOptions, Outcome, Setup, Sink};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::token::FileTokenStore;
use crate::summary::{INTERRUPTED, PairSummary};

/// After the end, threads that still wait for a disk get so long.
const LEAVE: Duration = Duration::from_secs(2);

/// Options of a single pass.
#[derive(Args, Debug, Default)]
pub(crate) struct OnceArgs {
    /// One pass over all pairs, or those named; then exit
    #[arg(long)]
    pub(crate) once: bool,

    /// Pairs of the configuration
    #[arg(value_name = "NAME", requires = "once")]
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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        let next = "free memory or processes";
        Report::new(Kind::Internal, "cannot start", error.to_string(), next)
    })?;
    let verbose = context.verbosity > 0;
    let progress = Arc::new(Progress::new(context.output, verbose));
    let log = &prepared.config.log;
    logging::start(
        log,
        context.verbosity,
        LevelFilter::WARN,
        context.output.has_color(),
        progress.bar(),
    );
    let ended = runtime.block_on(work(prepared, &progress));
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
    let credentials =
        credentials::find(&config.account.credentials_file, env).map_err(|error| Report::from(&error))?;
    state_folder(&config.state_dir)?;
    let client = client(&config, credentials)?;
    Ok(Prepared {
        config,
        pairs,
        client,
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

fn unwritable(path: &Path, cause: &str) -> Report {
    let next = "make it a folder that this user may write to, or set state_dir";
    Report::new(Kind::State, "the state directory is not writable", cause, next)
        .at(path.display().to_string())
}

/// Makes the state directory, private, and makes sure that it can be written to.
fn state_folder(path: &Path) -> Result<(), Report> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| unwritable(path, &error.to_string()))?;
    writable_place(path)
}

/// Whether the state directory, or the folder it would be made in, can be written to. Changes nothing.
pub(crate) fn writable_place(path: &Path) -> Result<(), Report> {
    let Some(there) = path.ancestors().find(|path| path.symlink_metadata().is_ok()) else {
        return Err(unwritable(path, "no folder above it exists"));
    };
    if !there.is_dir() {
        return Err(unwritable(path, &format!("{} is not a folder", there.display())));
    }
    access(there, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| unwritable(path, &error.to_string()))
}

/// A folder that is missing before its first sync is a mistake; afterwards it is a safety stop, and the engine's.
pub(crate) fn local_folder(config: &Config, pair: &PairConfig) -> Result<(), Report> {
    let known = config.pair_dir(&pair.name).exists();
    match std::fs::metadata(&pair.local) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !known => Err(Report::new(
            Kind::LocalFolder,
            format!("the local folder of the pair \"{}\" does not exist", pair.name),
            "it was never synced, so it may be a typing error, or a disk that is not mounted",
            "make the folder, or correct the configuration",
        )
        .at(pair.local.display().to_string())),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn client(config: &Config, credentials: api::Credentials) -> Result<api::Client, Report> {
    let url = config.account.api_url.as_str();
    let report = |error: &api::ApiError| Report::from_api(error, url);
    let store = FileTokenStore::open(&config.state_dir, &config.account.api_url, &credentials)
        .map_err(|error| unwritable(&config.state_dir, &error.to_string()))?;
    let mut built = api::Config::new(url).map_err(|error| report(&error))?;
    built.credentials = credentials;
    built.timeouts.request = config.timing.request_timeout;
    built.timeouts.connect = built.timeouts.connect.min(config.timing.request_timeout);
    built.retry.base = config.timing.retry_pause;
    built.retry.max = built.retry.max.max(config.timing.retry_pause);
    built.session.login_backoff = config.timing.login_backoff;
    built.session.login_backoff_max = built.session.login_backoff_max.max(config.timing.login_backoff);
    built.proxy = config
        .account
        .proxy
        .as_ref()
        .map(|proxy| proxy.expose_secret().to_owned());
    if let Some(calls) = config.limits.concurrency {
        built.max_calls = calls;
        built.max_uploads = built.max_uploads.min(calls);
        built.max_downloads = calls;
    }
    if let Some(path) = &config.account.ca_file {
        let pem = std::fs::read(path).map_err(|error| {
            Report::new(
                Kind::Config,
                "account.ca_file cannot be read",
                error.to_string(),
                "correct account.ca_file",
            )
            .at(path.display().to_string())
        })?;
        built.extra_roots_pem = Some(pem);
    }
    // Each pair compares the account with its own journal; here any will do.
    let client =
        api::Client::new(built, Arc::new(store), Arc::new(|_| Ok(()))).map_err(|error| report(&error))?;
    client.set_bandwidth(config.limits.upload, config.limits.download);
    Ok(client)
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
    let ended = tokio::select! {
        outcomes = work => Ok(outcomes),
        report = second_signal(context, &setup.stop) => Err(report),
    };
    progress.end();
    ended
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
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers a signal ends the process, which is as safe as a power cut.
        return std::future::pending().await;
    };
    let mut first = true;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
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
