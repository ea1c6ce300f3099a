//! What questions cost a sync that runs: 500 status requests a second beside it, without them, and with as many to somebody
//! else, which shows what asking alone costs on this machine.
//!
//!     cargo bench -p syncd --bench control -- [--files 3000] [--rate 500] [--askers 5] [--rounds 3]
//!
//! Each round syncs as many new files each way of asking, in turn. The askers keep to their times whatever comes: a late
//! answer counts from when it was due.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and says where"
)]

#[path = "common.rs"]
mod common;
#[path = "../samples.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod samples;
#[path = "spread.rs"]
mod spread;
#[path = "usage.rs"]
mod usage;
#[path = "../world.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests")]
mod world;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{end, option, row, start, until};
use samples::bytes;
use spread::Spread;
use usage::usage;
use world::machine::Running;
use world::socket::Socket;
use world::{Dialect, Machine, World};

/// Who asks, and whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Nobody,
    /// Somebody in this process who answers the same at once.
    Dummy,
    Service,
}

impl Asked {
    const ALL: [Self; 3] = [Self::Nobody, Self::Dummy, Self::Service];
}

/// What a sync took, in one way of asking.
#[derive(Default)]
struct Took {
    time: Spread,
    cpu: Spread,
    answers: Spread,
    failed: u64,
}

/// Answers everybody with the same, until the bench ends.
fn dummy(place: &Path, body: &str) {
    let listener = UnixListener::bind(place).unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut writes, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let reads = BufReader::new(writes.try_clone().unwrap());
                for line in reads.lines().map_while(Result::ok) {
                    // The end of a head; no request has a body.
                    if line.is_empty() && writes.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// Asks every `beat` until it is over: how long each answer took, and how many never came.
fn ask(place: &Path, beat: Duration, first: Duration, over: &AtomicBool) -> (Vec<Duration>, u64) {
    let (mut times, mut failed) = (Vec::new(), 0);
    let mut due = Instant::now() + first;
    let mut socket = None;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = match socket.take() {
            Some(socket) => Ok(socket),
            None => Socket::connect(place),
        }
        .and_then(|mut open| Ok((open.ask("GET", "/v1/status")?, open)));
        match answer {
            Ok((answer, open)) if answer.status == 200 => {
                times.push(due.elapsed());
                socket = Some(open);
            }
            Ok(_) | Err(_) => failed += 1,
        }
        due += beat;
    }
    (times, failed)
}

/// Everything but who is asked.
struct Bench {
    world: World,
    machine: Machine,
    files: u64,
    askers: u64,
    beat: Duration,
    serial: u64,
}

impl Bench {
    /// New files come into the tree at once; answers when the account has them all.
    fn sync(&mut self, service: &mut Running) -> Duration {
        let staging = self.world.join("staging");
        for number in 0..self.files {
            self.serial += 1;
            let folder = staging.join(format!("folder {}", number % 40));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(self.serial.to_string()), bytes(500, self.serial)).unwrap();
        }
        let count = || self.world.cloud.control.totals().at("/file/upload");
        let goal = count() + self.files;
        let name = format!("set {}", self.serial);
        fs::rename(&staging, self.machine.local.join(&name)).unwrap();
        let took = until(service, Instant::now(), Duration::from_millis(5), || {
            count() >= goal
        });
        // What follows the last upload is not measured, but must not run into the next.
        self.machine.run(&["wait", "--timeout", "10m"]).expect(0);
        took
    }

    fn round(&mut self, service: &mut Running, place: Option<&PathBuf>, took: &mut Took) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let askers: Vec<_> = place
                .into_iter()
                .flat_map(|place| (0..self.askers).map(move |number| (place, number)))
                .map(|(place, number)| {
                    let (over, beat) = (&over, self.beat * u32::try_from(self.askers).unwrap());
                    let first = self.beat * u32::try_from(number).unwrap();
                    scope.spawn(move || ask(place, beat, first, over))
                })
                .collect();
            let before = usage(service.pid()).cpu;
            took.time.add(self.sync(service));
            took.cpu.add(usage(service.pid()).cpu - before);
            over.store(true, Ordering::Relaxed);
            for asker in askers {
                let (times, failed) = asker.join().unwrap();
                times.into_iter().for_each(|time| took.answers.add(time));
                took.failed += failed;
            }
        });
    }
}

fn main() {
    if !common::is_asked_for() {
        return;
    }
    let (files, rate, askers) = (option("files", 3_000), option("rate", 500), option("askers", 5));
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    let mut bench = Bench {
        world,
        machine,
        files,
        askers,
        beat: Duration::from_secs(1) / u32::try_from(rate).unwrap(),
        serial: 0,
    };
    let (mut service, _) = start(&bench.machine);
    let place = bench.machine.state.join("control.sock");
    let body = Socket::connect(&place)
        .unwrap()
        .ask("GET", "/v1/status")
        .unwrap()
        .body;
    let stand_in = bench.world.join("dummy.sock");
    dummy(&stand_in, &body);
    // The first one opens connections and fills caches.
    bench.sync(&mut service);
    let mut took: Vec<(Asked, Took)> = Asked::ALL.map(|asked| (asked, Took::default())).into();
    for _ in 0..option("rounds", 3) {
        for (asked, took) in &mut took {
            let place = match asked {
                Asked::Nobody => None,
                Asked::Dummy => Some(&stand_in),
                Asked::Service => Some(&place),
            };
            bench.round(&mut service, place, took);
        }
    }
    println!("a sync of {files} new files, with {rate} status requests a second to …");
    for (asked, took) in &took {
        row(
            &format!("{asked:?}: until the account had all").to_lowercase(),
            &took.time,
        );
        row("  processor of syncd", &took.cpu);
        if *asked != Asked::Nobody {
            row("  an answer, from when it was due", &took.answers);
            row("  without an answer", took.failed);
        }
    }
    let memory = usage(service.pid());
    let resident = format!("{} MiB, {} MiB", memory.resident >> 20, memory.peak >> 20);
    row("resident now, and at most", resident);
    let time = |at: usize| took[at].1.time.median().as_secs_f64();
    row(
        "dummy / nobody, of the medians",
        format!("{:.2}", time(1) / time(0)),
    );
    row(
        "service / nobody, of the medians",
        format!("{:.2}", time(2) / time(0)),
    );
    row(
        "service / dummy, of the medians",
        format!("{:.2}", time(2) / time(1)),
    );
    end(service);
}
