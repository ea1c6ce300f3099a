//! Many devices on one account: what they ask of a server, and how they fare where each sign-in ends the others' sessions.
//!
//!     cargo bench -p api --bench fleet -- [--hours 2] [--folders 100] [--poll 300] [--full-walk 600] [--latency 50]
//!         [--places 8] [--devices N] [--spread 100] [--jitter 10]
//!
//! Real is the API client of each device: its session, its waiting before it signs in again, its limits. The server is a
//! model that answers `--places` calls at once, each after `--latency` milliseconds; time is the runtime's and does not pass.
//! Every device has a pair of `--folders` folders in which nothing happens, and looks at its share of them every `--poll`
//! seconds, so that each is listed within `--full-walk` seconds, as a service does. They start within `--spread` per cent of
//! that time; 0 is a power cut that ended. A poll comes up to `--jitter` per cent early.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and says where"
)]

mod server;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use server::Server;

/// Sizes of the fleet.
const DEVICES: [u64; 9] = [1, 2, 3, 5, 10, 30, 100, 300, 1_000];

/// Listings that a poll asks for whatever is due: of the pair's own folder, and of what was busy lately.
const ALWAYS: u64 = 2;

/// Calls at once, as a pair has it.
const AT_ONCE: usize = 8;

/// First wait after a poll that failed; doubled each time, up to the time between polls.
const RETRY: Duration = Duration::from_secs(1);

/// What is measured.
#[derive(Clone, Copy)]
struct Setting {
    devices: u64,
    time: Duration,
    poll: Duration,
    listings: u64,
    latency: Duration,
    places: usize,
    spread: f64,
    jitter: f64,
    /// A sign-in ends all other sessions (`wire.md` Q01).
    alone: bool,
}

/// What came of it.
#[derive(Default)]
struct Found {
    failed: AtomicU64,
    /// How long polls took that came to their end.
    took: Mutex<Vec<Duration>>,
    /// How long each device had seen nothing when a poll came to its end.
    blind: Mutex<Vec<Duration>>,
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("a bench: \"cargo bench -p api --bench fleet\" runs it");
        return;
    }
    let poll = Duration::from_secs(option("poll", 300));
    let folders = option("folders", 100);
    let full_walk = option("full-walk", 600).max(1);
    let due = folders
        .saturating_mul(poll.as_secs())
        .div_ceil(full_walk)
        .min(folders);
    let setting = Setting {
        devices: 0,
        time: Duration::from_secs(option("hours", 2) * 3600),
        poll,
        listings: due + ALWAYS,
        latency: Duration::from_millis(option("latency", 50)),
        places: usize::try_from(option("places", 8)).unwrap(),
        spread: count(option("spread", 100)) / 100.0,
        jitter: count(option("jitter", 10)) / 100.0,
        alone: false,
    };
    println!(
        "{folders} folders a device, {} listings a poll, a poll every {} s; the server answers {} calls at once, each after {} ms",
        setting.listings,
        poll.as_secs(),
        setting.places,
        setting.latency.as_millis()
    );
    let only = std::env::args()
        .any(|arg| arg == "--devices")
        .then(|| option("devices", 1));
    for alone in [false, true] {
        println!();
        println!(
            "{}",
            if alone {
                "each sign-in ends all other sessions"
            } else {
                "sessions side by side"
            }
        );
        println!(
            "  {:>7} {:>12} {:>22} {:>13} {:>19} {:>21}",
            "devices",
            "requests/min",
            "sign-ins/h per device",
            "polls failed",
            "a poll: median, p95",
            "seen after: p50, p95"
        );
        for devices in DEVICES {
            if only.is_none_or(|only| only == devices) {
                measure(Setting {
                    devices,
                    alone,
                    ..setting
                });
            }
        }
    }
}

/// A number: of the argument `--NAME N`, or that one.
fn option(name: &str, usual: u64) -> u64 {
    let flag = format!("--{name}");
    let args: Vec<String> = std::env::args().collect();
    let given = args
        .iter()
        .zip(args.iter().skip(1))
        .find(|(arg, _)| **arg == flag);
    given.map_or(usual, |(_, value)| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{flag} takes a number, not {value:?}"))
    })
}

fn measure(setting: Setting) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let server = Arc::new(Server::new(setting.places, setting.latency, setting.alone));
    let found = Arc::new(Found::default());
    runtime.block_on(async {
        for number in 0..setting.devices {
            let device = device(setting, number, Arc::clone(&server), Arc::clone(&found));
            tokio::spawn(device);
        }
        tokio::time::sleep(setting.time).await;
    });
    let minutes = setting.time.as_secs_f64() / 60.0;
    let each = count(server.sign_ins()) / count(setting.devices) / minutes * 60.0;
    let mut took = std::mem::take(&mut *found.took.lock().unwrap());
    let mut blind = std::mem::take(&mut *found.blind.lock().unwrap());
    let failed = found.failed.load(Relaxed);
    let polls = failed + u64::try_from(took.len()).unwrap();
    println!(
        "  {:>7} {:>12.0} {:>22.1} {:>11.0} % {:>9.1} s {:>6.1} s {:>10.0} s {:>6.0} s",
        setting.devices,
        count(server.requests()) / minutes,
        each,
        100.0 * count(failed) / count(polls).max(1.0),
        percent(&mut took, 50),
        percent(&mut took, 95),
        percent(&mut blind, 50),
        percent(&mut blind, 95),
    );
}

fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn percent(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = times.len().saturating_sub(1) * percent / 100;
    times.get(at).map_or(f64::NAN, Duration::as_secs_f64)
}

/// A device that polls for ever.
async fn device(setting: Setting, number: u64, server: Arc<Server>, found: Arc<Found>) {
    let mut config = api::Config::new(server::URL).unwrap();
    config.credentials = server::credentials();
    let store = Arc::new(api::MemoryTokenStore::default());
    let client = api::Client::with_transport(config, store, Arc::new(|_| Ok(())), server);
    tokio::time::sleep(setting.poll.mul_f64(setting.spread * rand::random::<f64>())).await;
    let (mut seen, mut retry) = (Instant::now(), RETRY);
    loop {
        let begun = Instant::now();
        let wait = match poll(&client, setting.listings, number).await {
            Ok(()) => {
                found.took.lock().unwrap().push(begun.elapsed());
                found.blind.lock().unwrap().push(seen.elapsed());
                seen = Instant::now();
                retry = RETRY;
                setting.poll.mul_f64(1.0 - setting.jitter * rand::random::<f64>())
            }
            Err(_) => {
                found.failed.fetch_add(1, Relaxed);
                let wait = retry.mul_f64(0.75 + rand::random::<f64>() / 2.0);
                retry = retry.saturating_mul(2).min(setting.poll);
                wait
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// The listings of one poll.
async fn poll(client: &api::Client, listings: u64, number: u64) -> Result<(), api::ApiError> {
    let folders = (1..=listings).map(|folder| number * 1_000_000 + folder);
    let asked = folders.map(|folder| client.folder_listing(api::FolderId::new(folder).unwrap()));
    let mut answers = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}
