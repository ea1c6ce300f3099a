//! A machine and an account that agree already.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::Options;
use crate::common::text_option;
use crate::curl::make_folders;
use crate::layout::Layout;
use crate::measure::{self, Cost};
use crate::world::settings::quoted;
use crate::world::{Cloud, Dialect, Machine, World};

/// The folder of the account.
pub(crate) const TOP: &str = "synced";

/// From then on what was just written is old: a file is looked at twice while its stamps are young.
pub(crate) const GROWN_UP: Duration = Duration::from_millis(2_500);

/// A server that answers at once.
pub(crate) fn world() -> World {
    World::start(Dialect::Document)
}

/// From now on it answers after so many milliseconds.
pub(crate) fn slow_down(cloud: &Cloud, latency: u64) {
    cloud.knob("latency.ms", &latency.to_string());
    cloud.fault("latency", if latency == 0 { 0.0 } else { 1.0 });
}

/// A machine as a user has it.
pub(crate) fn machine(world: &World, name: &str, top: &str) -> Machine {
    let mut machine = world.machine_at(name, &format!("/{top}"));
    machine.configure(|settings| settings.timing.clear());
    if let Some(at_once) = text_option("at-once") {
        machine.env("SYNCD_LIMITS__CONCURRENCY", &at_once);
    }
    if let Some(words) = text_option("through") {
        machine.run_through(words.split(' ').map(str::to_owned).collect());
    }
    machine
}

/// Puts a layout into the account, without the API.
pub(crate) fn fill_account(cloud: &Cloud, top: &str, layout: Layout) {
    let folders = make_folders(cloud, top, layout);
    for file in 0..layout.files {
        let path = layout.path(file);
        let (folder, name) = path.rsplit_once('/').unwrap();
        let content = layout.content(file, 0);
        cloud
            .control
            .put_file(Some(folders[folder]), name, content)
            .unwrap();
    }
}

/// Both sides, filled in one process each.
pub(crate) fn fill_both(machine: &Machine, cloud: &Cloud, layout: Layout) {
    std::thread::scope(|scope| {
        scope.spawn(|| layout.write(&machine.local));
        fill_account(cloud, TOP, layout);
    });
}

/// A world whose only machine has synced already; the server is as slow as it is asked to be from then on. The first pass
/// believes sizes.
pub(crate) fn agreed(options: &Options, layout: Layout) -> (World, Machine, Cost) {
    let world = world();
    let mut machine = machine(&world, "d1", TOP);
    machine.set("first_merge", &quoted("size"));
    fill_both(&machine, &world.cloud, layout);
    std::thread::sleep(GROWN_UP);
    let (cost, _) = measure::syncd(&world.cloud, || machine.spawn_once(&[]));
    slow_down(&world.cloud, options.latency);
    (world, machine, cost)
}

/// Bytes of everything below a folder, as they are on the disk.
pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        sum += if meta.is_dir() {
            bytes_in(&entry.path())
        } else {
            meta.len()
        };
    }
    sum
}
