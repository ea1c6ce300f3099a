//! What a sync costs: workloads W1 to W9, a scan, one large file; each beside what is the least that somebody could do.
//!
//!     cargo bench -p syncd --bench work -- [--only W1,scan] [--files 2000] [--folders 100] [--size 4096]
//!         [--latency 20] [--runs 3] [--mib 256] [--json FILE]
//!
//! `--through "/usr/bin/strace -f -c -o FILE"` runs syncd through another program, to see what it does.
//!
//! A floor is `curl --parallel` with the same requests, as many at once; `find` for what looks at a disk; hashing, and
//! `sync` of a file. Subject and floor take turns, each on its own copy; ratios are of the fastest of each. The server is in
//! this process and answers after `--latency` milliseconds. Settings are a user's, but for those that a workload names.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench ends at the first surprise, and says where"
)]

#[path = "../common.rs"]
#[expect(dead_code, reason = "shared with the other benches")]
mod common;
#[path = "../curl_session.rs"]
mod curl_session;
#[path = "../../samples.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod samples;
#[path = "../usage.rs"]
#[expect(dead_code, reason = "shared with the other benches")]
mod usage;
#[path = "../../world.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests")]
mod world;

mod big;
mod crowd;
mod curl;
mod filled;
mod layout;
mod measure;
mod passes;
mod running;
mod table;
mod transfers;

use std::fs;

use common::{is_asked_for, option, text_option};
use layout::Layout;
use table::Table;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The tree of most workloads.
    pub(crate) layout: Layout,
    /// Before each answer, in milliseconds.
    pub(crate) latency: u64,
    /// How often each is measured.
    pub(crate) runs: u64,
    /// Size of the one large file.
    pub(crate) mib: u64,
}

/// Workloads by name, each with what measures it.
type Workload = (&'static str, fn(&Options, &mut Table));

const ALL: [Workload; 12] = [
    ("W1", transfers::first_upload),
    ("W2", passes::nothing_changed),
    ("W3", passes::edited),
    ("W4", running::renamed),
    ("W5", transfers::first_download),
    ("W6", passes::changed_there),
    ("W7", running::saved),
    ("W8", running::cold_start),
    ("W9", big::adopted),
    ("scan", big::scanned),
    ("throughput", transfers::one_large_file),
    ("knee", crowd::knee),
];

fn main() {
    if !is_asked_for() {
        return;
    }
    let options = Options {
        layout: Layout {
            files: option("files", 2_000),
            folders: option("folders", 100),
            size: option("size", 4_096),
            family: 10,
            tops: None,
        },
        latency: option("latency", 20),
        runs: option("runs", 3),
        mib: option("mib", 256),
    };
    let only = text_option("only").unwrap_or_default();
    let only: Vec<&str> = only.split(',').filter(|word| !word.is_empty()).collect();
    for name in &only {
        assert!(ALL.iter().any(|(known, _)| known == name), "no workload {name}");
    }
    let mut table = Table::default();
    println!("{options:?}");
    for (name, measure) in ALL {
        if only.is_empty() || only.contains(&name) {
            measure(&options, &mut table);
        }
    }
    if let Some(file) = text_option("json") {
        fs::write(file, table.json(&options)).unwrap();
    }
}
