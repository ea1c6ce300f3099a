//! What `syncd remote put` and `get` cost beside `curl --parallel`, which makes the same requests to the same server.
//!
//!     cargo bench -p syncd --bench manual -- [--files 1000] [--mib 64] [--rounds 3]
//!
//! The small files are 4 KiB each, in one folder. Each round has both send and fetch all of them, in turn, then one big file;
//! who is first changes with the rounds.
//! `--mib 2048` is a file of 2 GiB. curl's share of `get` is one call for each link and one for the bytes; its token is
//! taken beforehand, syncd's session is there as well.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and says where"
)]

#[path = "common.rs"]
#[expect(dead_code, reason = "shared with the other benches")]
mod common;
#[path = "curl_session.rs"]
mod curl_session;
#[path = "../samples.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod samples;
#[path = "spread.rs"]
mod spread;
#[path = "../world.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests")]
mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{is_asked_for, option, row};
use curl_session::{link_in, sign_in};
use samples::bytes;
use spread::Spread;
use world::{Dialect, Machine, World};

/// Transfers at once, for both.
const AT_ONCE: &str = "4";

/// Bytes of a small file.
const SMALL: u64 = 4096;

fn main() {
    if !is_asked_for() {
        return;
    }
    let (files, mib, rounds) = (option("files", 1000), option("mib", 64), option("rounds", 3));
    let mut bench = Bench::new(files, mib);
    let mut small = [
        Spread::default(),
        Spread::default(),
        Spread::default(),
        Spread::default(),
    ];
    let mut big = [
        Spread::default(),
        Spread::default(),
        Spread::default(),
        Spread::default(),
    ];
    for round in 0..rounds {
        for (times, set) in [(&mut small, "small"), (&mut big, "big")] {
            for (spread, time) in times.iter_mut().zip(bench.round(set, round)) {
                spread.add(time);
            }
        }
    }
    for (what, times) in [
        (format!("{files} files of 4 KiB"), &small),
        (format!("a file of {mib} MiB"), &big),
    ] {
        println!("{what}");
        let [put, curl_put, get, curl_get] = times;
        row("syncd remote put", put);
        row("curl, the same uploads", curl_put);
        row("ratio of the medians", ratio(put, curl_put));
        row("syncd remote get", get);
        row("curl, the same links and downloads", curl_get);
        row("ratio of the medians", ratio(get, curl_get));
    }
}

fn ratio(ours: &Spread, theirs: &Spread) -> String {
    format!(
        "{:.2}",
        ours.median().as_secs_f64() / theirs.median().as_secs_f64()
    )
}

struct Bench {
    world: World,
    machine: Machine,
    /// `access_token` and `account_id`.
    session: [String; 2],
}

impl Bench {
    fn new(files: u64, mib: u64) -> Self {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("bench");
        machine.configure(|settings| settings.sync.clear());
        for n in 0..files {
            machine.write(&format!("small/f{n:05}.bin"), bytes(SMALL, n));
        }
        machine.write("big/big.bin", bytes(mib << 20, 1));
        let session = sign_in(&world);
        machine.run(&["remote", "login"]).expect(0);
        Self {
            world,
            machine,
            session,
        }
    }

    /// put and get by syncd and by curl.
    fn round(&mut self, set: &str, round: u64) -> [Duration; 4] {
        let sources = self.sources(set);
        let (ours, theirs) = (format!("{set}-syncd-{round}"), format!("{set}-curl-{round}"));
        for folder in [&ours, &theirs] {
            self.machine.run(&["remote", "mkdir", folder]).expect(0);
        }
        let into = format!("/{ours}");
        let mut args = vec!["remote", "-q", "put"];
        args.extend(sources.iter().map(|path| path.to_str().unwrap()));
        args.push(&into);
        let put = || {
            timed(|| {
                self.machine.run(&args).expect(0);
            })
        };
        let curl_put = || self.curl_put(&sources, self.folder(&theirs));
        // The disk still writes what the first one brought while the second is measured.
        let (put, curl_put) = in_turn(round, put, curl_put);
        let back = self.machine.local.join(&ours);
        fs::create_dir(&back).unwrap();
        let get = || {
            timed(|| {
                let to = back.to_str().unwrap();
                self.machine
                    .run(&["remote", "-q", "get", &into, "--to", to])
                    .expect(0);
            })
        };
        let curl_get = || self.curl_get(&ours, sources.len());
        let (get, curl_get) = in_turn(round, get, curl_get);
        assert_eq!(fs::read_dir(back.join(&ours)).unwrap().count(), sources.len());
        [put, curl_put, get, curl_get]
    }

    fn sources(&self, set: &str) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.machine.local.join(set)).unwrap();
        let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }

    fn folder(&self, name: &str) -> u64 {
        let held = self.world.cloud.control.tree().unwrap();
        held.folders.iter().find(|row| row.name == name).unwrap().id
    }

    fn api(&self, path: &str) -> String {
        format!("{}{path}", self.world.cloud.api_url())
    }

    fn curl_put(&self, sources: &[PathBuf], folder: u64) -> Duration {
        let [token, account] = &self.session;
        let mut config = String::new();
        for path in sources {
            let _ = writeln!(
                config,
                "next\nurl = \"{}\"\nform = \"access_token={token}\"\nform = \"account_id={account}\"\n\
                 form = \"folder_id={folder}\"\nform = \"upload_file=@{}\"\noutput = \"/dev/null\"",
                self.api("file/upload"),
                path.display()
            );
        }
        timed(|| self.curl(&config))
    }

    /// A link for each, then the bytes behind each.
    fn curl_get(&self, folder: &str, count: usize) -> Duration {
        let [token, account] = &self.session;
        let held = self.world.cloud.control.tree().unwrap();
        let prefix = format!("/{folder}/");
        let files = held.files.iter();
        let files: Vec<u64> = files
            .filter(|row| row.path.as_ref().is_some_and(|path| path.starts_with(&prefix)))
            .map(|row| row.id)
            .collect();
        assert_eq!(files.len(), count);
        let to = self.machine.local.join(format!("{folder}-by-curl"));
        fs::create_dir(&to).unwrap();
        let mut links = String::new();
        for file in &files {
            let _ = writeln!(
                links,
                "next\nurl = \"{}\"\ndata = \"access_token={token}&account_id={account}&file_id={file}\"\noutput = \"{}\"",
                self.api("file/download"),
                to.join(format!("{file}.json")).display()
            );
        }
        timed(|| {
            self.curl(&links);
            let mut config = String::new();
            for file in &files {
                let url = link_in(&to.join(format!("{file}.json")));
                let out = to.join(format!("{file}.bin"));
                let _ = writeln!(config, "next\nurl = \"{url}\"\noutput = \"{}\"", out.display());
            }
            self.curl(&config);
        })
    }

    fn curl(&self, config: &str) {
        let file = self.world.join("curl.config");
        fs::write(&file, config.trim_start_matches("next\n")).unwrap();
        let status = Command::new("curl")
            .args([
                "--silent",
                "--fail",
                "--parallel",
                "--parallel-max",
                AT_ONCE,
                "--config",
            ])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "curl: {status}");
    }
}

/// Both, the second of them first in every other round.
fn in_turn<T>(round: u64, ours: impl FnOnce() -> T, theirs: impl FnOnce() -> T) -> (T, T) {
    if round.is_multiple_of(2) {
        let ours = ours();
        (ours, theirs())
    } else {
        let theirs = theirs();
        (ours(), theirs)
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
