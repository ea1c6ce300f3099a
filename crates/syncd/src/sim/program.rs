//! `syncd-sim`: lives the histories of a range of seeds on all cores, and shortens one that fails.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::history::History;
use super::machine::{Broken, Workshop};
use super::world::live;

/// What a range of seeds came to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Histories lived.
    pub(crate) histories: u64,
    /// Passes made in them.
    pub(crate) passes: u64,
    /// Those of them that decided about a part of their pair.
    pub(crate) parts: u64,
    /// Calls of the accounts and of the disks.
    pub(crate) calls: (u64, u64),
    /// Failing seeds with what was violated.
    pub(crate) failures: BTreeMap<u64, String>,
}

/// What a search says while it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News<'a> {
    /// So many histories are lived.
    Lived(u64),
    /// A seed violates something.
    Failed(u64, &'a str),
}

/// Lives the histories of `seeds` on so many threads; ends early after `most` failures.
pub(crate) fn search(
    seeds: std::ops::Range<u64>,
    threads: usize,
    most: usize,
    progress: &(dyn Fn(News<'_>) + Sync),
) -> Result<Found, Broken> {
    let next = AtomicU64::new(seeds.start);
    let enough = AtomicBool::new(false);
    let all = Mutex::new(Found::default());
    let broken = Mutex::new(None);
    let work = |thread: usize| -> Result<(), Broken> {
        let workshop = Workshop::new(&thread.to_string())?;
        while !enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let ended = live(&workshop, &History::of(seed), false)?;
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.histories += 1;
            all.passes += ended.passes;
            all.parts += ended.parts;
            all.calls.0 += ended.calls.0;
            all.calls.1 += ended.calls.1;
            if let Some(violation) = ended.violation {
                progress(News::Failed(seed, &violation));
                all.failures.insert(seed, violation);
                enough.store(all.failures.len() >= most, Ordering::Relaxed);
            }
            progress(News::Lived(all.histories));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        for thread in 0..threads.max(1) {
            let (work, broken) = (&work, &broken);
            scope.spawn(move || {
                if let Err(error) = work(thread) {
                    *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
        }
    });
    match broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// The first line of a violation, by which a shortened history is the same failure.
fn kind(violation: &str) -> String {
    let line = violation.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_ascii_digit()).take(40).collect()
}

/// Tells a failing history as short as it can be made.
pub(crate) fn tell(workshop: &Workshop, seed: u64, logged: &dyn Fn()) -> Result<String, Broken> {
    let whole = History::of(seed);
    let Some(violation) = live(workshop, &whole, false)?.violation else {
        return Ok(format!("seed {seed}: nothing is violated"));
    };
    let wanted = kind(&violation);
    let fails = |history: &History| {
        live(workshop, history, false)
            .is_ok_and(|ended| ended.violation.is_some_and(|found| kind(&found) == wanted))
    };
    let short = whole.shrunk(&fails);
    logged();
    let ended = live(workshop, &short, true)?;
    Ok(format!(
        "seed {seed}: {} of {} steps, {} machines\n{}\n{}",
        short.steps.len(),
        whole.steps.len(),
        short.machines,
        ended.story,
        ended.violation.unwrap_or_else(|| violation.clone())
    ))
}

#[cfg(feature = "sim")]
mod command {
    //! The command line.
    #![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program's output")]

    use std::process::ExitCode;
    use std::time::Instant;

    use clap::Parser;

    use super::{Broken, News, Workshop, search, tell};

    /// Lives the histories of many simulated worlds and looks for anything lost, doubled or never coming to rest.
    #[derive(Debug, Parser)]
    #[command(name = "syncd-sim")]
    struct Args {
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many seeds.
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// Threads; as many as there are cores when left out.
        #[arg(long)]
        threads: Option<usize>,
        /// Ends after so many failing seeds.
        #[arg(long, default_value_t = 1)]
        failures: usize,
        /// Tells the history of one seed, as short as it still fails.
        #[arg(long)]
        replay: Option<u64>,
        /// With --replay: also what syncd logs, to stderr.
        #[arg(long)]
        log: bool,
    }

    /// The program.
    #[must_use]
    pub fn run() -> ExitCode {
        match go(&Args::parse()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(Broken(why)) => {
                eprintln!("syncd-sim: {why}");
                ExitCode::from(2)
            }
        }
    }

    fn go(args: &Args) -> Result<bool, Broken> {
        // A killed process unwinds without a word; what panics else is told with its history.
        std::panic::set_hook(Box::new(|_| {}));
        let workshop = Workshop::new("told")?;
        if let Some(seed) = args.replay {
            let log = || {
                if args.log {
                    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
                    // Only the first of two can be set.
                    let _ = lines
                        .without_time()
                        .with_ansi(false)
                        .with_writer(std::io::stderr)
                        .try_init();
                }
            };
            let story = tell(&workshop, seed, &log)?;
            println!("{story}");
            return Ok(story.ends_with("nothing is violated"));
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let begun = Instant::now();
        let seeds = args.from..args.from.saturating_add(args.seeds);
        let found = search(
            seeds,
            args.threads.unwrap_or(cores),
            args.failures,
            &|news| match news {
                News::Lived(done) if done % 10_000 == 0 => {
                    eprintln!("{done} histories, {} s", begun.elapsed().as_secs());
                }
                News::Lived(_) => {}
                News::Failed(seed, why) => {
                    eprintln!("seed {seed}: {}", why.lines().next().unwrap_or_default())
                }
            },
        )?;
        println!(
            "{} histories, {} passes ({} about a part), {} calls of accounts, {} of disks; {} violated, {} s",
            found.histories,
            found.passes,
            found.parts,
            found.calls.0,
            found.calls.1,
            found.failures.len(),
            begun.elapsed().as_secs()
        );
        for (seed, violation) in &found.failures {
            println!("seed {seed}: {}", violation.lines().next().unwrap_or_default());
        }
        if let Some(seed) = found.failures.keys().next() {
            println!("{}", tell(&workshop, *seed, &|| {})?);
        }
        Ok(found.failures.is_empty())
    }
}

#[cfg(feature = "sim")]
pub use command::run;
