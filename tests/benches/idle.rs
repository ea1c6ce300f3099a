//! What a service costs that has nothing to do: processor, memory, requests, writes.
//!
//!     cargo bench -p syncd --bench idle -- [--files 100000] [--folders 1000] [--seconds 600] [--settle 60]
//!
//! Both sides begin with the same files, and `first_merge = "size"`, so that nothing is transferred; every other setting is
//! as a user has it. What the first look costs is printed too.

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
#[path = "filled.rs"]
mod filled;
#[path = "../samples.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod samples;
#[path = "usage.rs"]
mod usage;
#[path = "../world.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests")]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{end, option, row, start};
use filled::fill;
use usage::{number_in, usage};
use world::settings::quoted;
use world::{Dialect, World};

/// Size and time of every file below a folder.
fn stamps(folder: &Path) -> BTreeMap<String, (u64, i64)> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                open.push(path);
            } else {
                let time = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
                found.insert(path.display().to_string(), (meta.len(), time));
            }
        }
    }
    found
}

/// Bytes that a process caused to be written to a disk; 0 where the kernel does not say.
fn written(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    number_in(&io, "write_bytes:")
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// Which files of the state directory are not as they were.
fn changes(folder: &Path, before: &BTreeMap<String, (u64, i64)>, now: &BTreeMap<String, (u64, i64)>) {
    let changed: Vec<_> = now
        .iter()
        .filter(|(path, stamp)| before.get(*path) != Some(stamp))
        .collect();
    row("files changed in the state directory", changed.len());
    for (path, (size, _)) in changed {
        let name = Path::new(path).strip_prefix(folder).unwrap();
        row(&format!("  {}", name.display()), format!("{size} B"));
    }
}

fn main() {
    if !common::is_asked_for() {
        return;
    }
    let (files, folders) = (option("files", 100_000), option("folders", 1_000));
    let seconds = option("seconds", 600);
    let world = World::start(Dialect::Document);
    let mut machine = world.machine_at("d1", "/synced");
    machine.configure(|settings| settings.timing.clear());
    machine.set("first_merge", &quoted("size"));
    let since = Instant::now();
    fill(&machine, &world.cloud, files, folders);
    println!("{files} files in {folders} folders on both sides");
    row("made in", format!("{:.1} s", since.elapsed().as_secs_f64()));
    let (service, took) = start(&machine);
    let first = usage(service.pid());
    row("first agreement", format!("{:.1} s", took.as_secs_f64()));
    row("of that processor", format!("{:.1} s", first.cpu.as_secs_f64()));
    row("resident after it", mib(first.resident));
    // What comes of the first look, such as new events, is over by then.
    std::thread::sleep(Duration::from_secs(option("settle", 60)));
    let (before, mark, state) = (usage(service.pid()), world.cloud.mark(), stamps(&machine.state));
    let written_before = written(service.pid());
    let totals = world.cloud.control.totals();
    let begun = Instant::now();
    let end_at = Duration::from_secs(seconds);
    let mut resident = before.resident;
    while begun.elapsed() < end_at {
        std::thread::sleep(Duration::from_secs(1).min(end_at));
        resident = resident.max(usage(service.pid()).resident);
    }
    let (after, asked, now) = (
        usage(service.pid()),
        world.cloud.since(&mark),
        stamps(&machine.state),
    );
    let time = begun.elapsed().as_secs_f64();
    println!("idle for {time:.0} s");
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    row(
        "processor",
        format!("{cpu:.2} s: {:.2} % of a core", cpu * 100.0 / time),
    );
    row(
        "resident now, and at most meanwhile",
        format!("{}, {}", mib(after.resident), mib(resident)),
    );
    row("resident at most since the start", mib(after.peak));
    let per_minute = |count: u64| f64::from(u32::try_from(count).unwrap()) * 60.0 / time;
    row(
        "requests",
        format!("{}: {:.1} a minute", asked.requests, per_minute(asked.requests)),
    );
    for (endpoint, count) in &world.cloud.control.totals().by_endpoint {
        let count = count - totals.at(endpoint);
        if count > 0 {
            row(&format!("  {endpoint}"), count);
        }
    }
    row(
        "changes of the account, downloads",
        format!("{}, {}", asked.mutations, asked.downloads),
    );
    row("bytes written", written(service.pid()) - written_before);
    changes(&machine.state, &state, &now);
    end(service);
}
