//! A server that is no faster for more calls at once, and one that turns them away.

use std::path::PathBuf;

use crate::Options;
use crate::common::option;
use crate::curl::{Curl, make_folders};
use crate::filled::{GROWN_UP, machine, slow_down, world};
use crate::layout::Layout;
use crate::measure;
use crate::table::{Costs, Table, fastest, float};

/// The first upload by syncd, and by curl with 1 to 16 at once. From `--knee` calls at once on each more makes all of them
/// `--crowd` milliseconds later; then the server turns away what is beyond `--knee` instead.
pub(crate) fn knee(options: &Options, table: &mut Table) {
    let layout = options.layout.of(option("crowded", 600));
    let (knee, crowd) = (option("knee", 3), option("crowd", 20));
    let what = format!(
        "first upload of {} files; beyond {knee} calls at once each is {crowd} ms later",
        layout.files
    );
    table.begin("knee", &what);
    let world = world();
    slow_down(&world.cloud, options.latency);
    world.cloud.knob("latency.knee", &knee.to_string());
    world.cloud.knob("latency.crowd-ms", &crowd.to_string());
    let curl = Curl::new(&world);
    let mut ours = Costs::new();
    for run in 0..options.runs {
        ours.push(upload(&world, layout, &format!("syncd {run}")));
    }
    table.row("syncd --once", &ours);
    let sources = machine(&world, "sources", "sources");
    layout.write(&sources.local);
    let mut best = f64::INFINITY;
    for at_once in [1, 2, 3, 4, 6, 8, 16] {
        let mut theirs = Costs::new();
        for run in 0..options.runs {
            let folders = make_folders(&world.cloud, &format!("curl {at_once} {run}"), layout);
            let files = (0..layout.files).map(|file| {
                let path = layout.path(file);
                let folder = folders[path.rsplit_once('/').unwrap().0];
                (sources.local.join(path), folder)
            });
            theirs.push(curl.put_at(at_once, files.collect::<Vec<(PathBuf, u64)>>()));
        }
        table.row(&format!("curl, {at_once} at once"), &theirs);
        best = best.min(fastest(&theirs).as_secs_f64());
    }
    table.note("time / curl at its best", fastest(&ours).as_secs_f64() / best);
    world.cloud.knob("latency.crowd-ms", "0");
    let refusals = "Q51.connections";
    world.cloud.knob(refusals, &knee.to_string());
    world.cloud.knob("Q51.per-second", "1000000");
    world.cloud.control.set_quirk("Q51", true).unwrap();
    world.cloud.control.reset_ledger();
    let mut turned_away = Costs::new();
    for run in 0..options.runs {
        turned_away.push(upload(&world, layout, &format!("syncd turned away {run}")));
    }
    table.row("beyond it: 429", &turned_away);
    let refused = world
        .cloud
        .control
        .ledger()
        .entries
        .iter()
        .filter(|entry| entry.http == 429)
        .count();
    let refused = float(u64::try_from(refused).unwrap());
    table.note("calls turned away, a run", refused / float(options.runs));
}

fn upload(world: &crate::world::World, layout: Layout, name: &str) -> measure::Cost {
    world.cloud.control.create_folder(None, name).unwrap();
    let machine = machine(world, name, name);
    layout.write(&machine.local);
    std::thread::sleep(GROWN_UP);
    measure::syncd(&world.cloud, || machine.spawn_once(&[])).0
}
