//! W9 and the scan: many files, none of which moves.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Options;
use crate::common::option;
use crate::filled::{agreed, bytes_in};
use crate::layout::Layout;
use crate::measure;
use crate::running::find;
use crate::table::{Costs, Goal, Table, fastest, float};
use crate::world::Machine;

/// Bytes of a file; what is in them is never read.
const TINY: u64 = 64;

fn layout(options: &Options, name: &str, files: u64) -> Layout {
    let files = option(name, files);
    Layout {
        size: TINY,
        ..options.layout.of(files)
    }
}

/// Bytes of everything in the state directory.
fn journal(machine: &Machine) -> u64 {
    bytes_in(&machine.state)
}

/// W9: equal trees on both sides meet, and meet again; in two sizes, so that what is for each file can be told.
pub(crate) fn adopted(options: &Options, table: &mut Table) {
    let large = layout(options, "adopted", 40_000);
    let small = options.layout.of(large.files / 4);
    let small = Layout { size: TINY, ..small };
    let what = format!(
        "{} files in {} folders on both sides, first_merge = \"size\"",
        large.files, large.folders
    );
    table.begin("W9", &what);
    let mut seen = Vec::new();
    for layout in [small, large] {
        let (world, machine, first) = agreed(options, layout);
        let (again, _) = measure::syncd(&world.cloud, || machine.spawn_once(&[]));
        let nodes = float(layout.files + layout.folders);
        let peaks = [float(first.peak), float(again.peak)];
        table.row(&format!("{} files: adoption", layout.files), &vec![first]);
        table.row(&format!("{} files: nothing changed", layout.files), &vec![again]);
        let each = float(journal(&machine)) / float(layout.files);
        seen.push((nodes, peaks, each));
    }
    let (less, more) = (&seen[0], &seen[1]);
    for (what, at) in [("adoption", 0), ("nothing changed", 1)] {
        let slope = (more.1[at] - less.1[at]) / (more.0 - less.0);
        table.note(&format!("{what}: bytes of memory for each more node"), slope);
    }
    let most = more.1[0].max(more.1[1]) / 1_048_576.0;
    table.goal(&Goal {
        what: "peak MiB",
        measured: most,
        most: 600.0,
    });
    table.goal(&Goal {
        what: "journal, bytes for each file",
        measured: more.2,
        most: 400.0,
    });
}

/// Seconds from a line of the log to another, of the first of each.
pub(crate) fn between(log: &str, from: &str, to: &str) -> f64 {
    let mut at = BTreeMap::new();
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let message = line["message"]
            .as_str()
            .or_else(|| line["fields"]["message"].as_str());
        let time = line["timestamp"].as_str().or_else(|| line["time"].as_str());
        let (Some(message), Some(time)) = (message, time) else {
            continue;
        };
        let time = time.rsplit_once('T').unwrap().1.trim_end_matches('Z').to_owned();
        at.entry(message.to_owned()).or_insert(time);
    }
    let seconds = |message: &str| -> f64 {
        let time = at
            .get(message)
            .unwrap_or_else(|| panic!("the log does not say {message:?}:\n{log}"));
        time.split(':')
            .fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap())
    };
    // Past midnight it goes on from the beginning.
    (seconds(to) - seconds(from)).rem_euclid(86_400.0)
}

/// The scan alone, as the log tells of it, beside `find`.
pub(crate) fn scanned(options: &Options, table: &mut Table) {
    let layout = layout(options, "scanned", 100_000);
    table.begin(
        "scan",
        &format!("{} files unchanged; the floor is find", layout.files),
    );
    let (world, mut machine, _) = agreed(options, layout);
    machine.env("SYNCD_LOG__FORMAT", "json");
    let (mut ours, mut theirs) = (Costs::new(), Costs::new());
    let mut scans = Vec::new();
    for _ in 0..options.runs {
        let (cost, log) = measure::syncd(&world.cloud, || machine.spawn_once(&["-vv"]));
        scans.push(between(
            &log,
            "the folder is looked at",
            "the folder was looked at",
        ));
        ours.push(cost);
        theirs.push(find(&world.cloud, &machine));
    }
    table.row("syncd --once, all of it", &ours);
    table.row("find", &theirs);
    let least = scans.into_iter().fold(f64::INFINITY, f64::min);
    table.note("seconds of the scan", least);
    table.goal(&Goal {
        what: "scan / find",
        measured: least / fastest(&theirs).as_secs_f64(),
        most: 1.5,
    });
}
