//! W1, W5 and the one large file: everything goes over the wire.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Options;
use crate::curl::{Curl, ids, make_folders};
use crate::filled::{GROWN_UP, TOP, fill_account, machine, slow_down, world};
use crate::measure::{self, Cost};
use crate::samples::bytes;
use crate::table::{Costs, Goal, Table, fastest, float};
use crate::world::{Machine, World};

/// W1: a folder that the account does not know yet.
pub(crate) fn first_upload(options: &Options, table: &mut Table) {
    let layout = options.layout;
    table.begin("W1", "first upload; the floor is curl with the uploads alone");
    let world = world();
    slow_down(&world.cloud, options.latency);
    let curl = Curl::new(&world);
    let (mut ours, mut theirs) = (Costs::new(), Costs::new());
    for run in 0..options.runs {
        let (here, there) = (format!("syncd {run}"), format!("curl {run}"));
        let machine = machine(&world, &here, &here);
        layout.write(&machine.local);
        std::thread::sleep(GROWN_UP);
        ours.push(measure::syncd(&world.cloud, || machine.spawn_once(&[])).0);
        assert_eq!(
            u64::try_from(ids(&world.cloud, &here).files.len()).unwrap(),
            layout.files
        );
        let folders = make_folders(&world.cloud, &there, layout);
        let files = (0..layout.files).map(|file| {
            let path = layout.path(file);
            let folder = folders[path.rsplit_once('/').unwrap().0];
            (machine.local.join(path), folder)
        });
        theirs.push(curl.put(files.collect::<Vec<_>>()));
    }
    // A folder of the account that is made for the pair is looked at twice, seconds apart.
    world.cloud.control.create_folder(None, "is there").unwrap();
    let machine = machine(&world, "is there", "is there");
    layout.write(&machine.local);
    std::thread::sleep(GROWN_UP);
    let there = vec![measure::syncd(&world.cloud, || machine.spawn_once(&[])).0];
    table.row("syncd --once", &ours);
    table.row("syncd, the top folder is there", &there);
    table.row("curl", &theirs);
    table.requests(&ours, "N + 2D + 10", layout.files + 2 * layout.all_folders() + 10);
    table.ratio(&ours, &theirs, Some(1.15));
    let measured = fastest(&there).as_secs_f64() / fastest(&theirs).as_secs_f64();
    table.note("time / floor, the top folder is there", measured);
}

/// W5: a second machine, which has nothing.
pub(crate) fn first_download(options: &Options, table: &mut Table) {
    let layout = options.layout;
    table.begin("W5", "first download; the floor is curl with links and downloads");
    let world = world();
    fill_account(&world.cloud, TOP, layout);
    slow_down(&world.cloud, options.latency);
    let curl = Curl::new(&world);
    let (mut ours, mut theirs) = (Costs::new(), Costs::new());
    for run in 0..options.runs {
        let machine = machine(&world, &format!("syncd {run}"), TOP);
        ours.push(measure::syncd(&world.cloud, || machine.spawn_once(&[])).0);
        for file in 0..layout.files {
            let got = fs::read(machine.local.join(layout.path(file))).unwrap();
            assert!(got == layout.content(file, 0), "file {file} is another");
        }
        let to = world.join(&format!("curl {run}"));
        for number in 0..layout.folders {
            fs::create_dir_all(to.join(layout.folder(number))).unwrap();
        }
        let files = ids(&world.cloud, TOP).files;
        let files: Vec<(u64, PathBuf)> = files.into_iter().map(|(path, id)| (id, to.join(path))).collect();
        theirs.push(curl.get(&files));
    }
    table.row("syncd --once", &ours);
    table.row("curl", &theirs);
    table.requests(&ours, "2N + D + 10", 2 * layout.files + layout.all_folders() + 10);
    table.ratio(&ours, &theirs, Some(1.15));
}

/// Time of `sync FILE`, and of hashing it once.
fn synced_and_hashed(world: &World, file: &Path) -> Cost {
    let synced = measure::other(&world.cloud, Command::new("sync").arg(file));
    let begun = Instant::now();
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut fs::File::open(file).unwrap(), &mut hasher).unwrap();
    std::hint::black_box(hasher.finalize());
    let hashed = Cost {
        wall: begun.elapsed(),
        ..Cost::default()
    };
    synced + hashed
}

/// One file of `--mib`, up and down again.
pub(crate) fn one_large_file(options: &Options, table: &mut Table) {
    let size = options.mib << 20;
    let what = format!(
        "one file of {} MiB; the floor is curl, then sync FILE, then hashing it once",
        options.mib
    );
    table.begin("throughput", &what);
    let world = world();
    slow_down(&world.cloud, options.latency);
    let curl = Curl::new(&world);
    let mut costs = [Costs::new(), Costs::new(), Costs::new(), Costs::new()];
    for run in 0..options.runs {
        let (here, there) = (format!("syncd {run}"), format!("curl {run}"));
        // That it is made would be seconds of waiting, whatever the size.
        world.cloud.control.create_folder(None, &here).unwrap();
        let up = machine(&world, &here, &here);
        let file = up.local.join("big.bin");
        fs::write(&file, bytes(size, run)).unwrap();
        measure::other(&world.cloud, Command::new("sync").arg(&file));
        std::thread::sleep(GROWN_UP);
        costs[0].push(measure::syncd(&world.cloud, || up.spawn_once(&[])).0);
        let folder = world.cloud.control.create_folder(None, &there).unwrap();
        costs[1].push(curl.put([(file.clone(), folder)]) + synced_and_hashed(&world, &file));
        let down: Machine = machine(&world, &format!("down {run}"), &here);
        costs[2].push(measure::syncd(&world.cloud, || down.spawn_once(&[])).0);
        assert_eq!(fs::metadata(down.local.join("big.bin")).unwrap().len(), size);
        let (id, place) = (
            ids(&world.cloud, &here).files["big.bin"],
            world.join("by curl.bin"),
        );
        costs[3].push(curl.get(&[(id, place.clone())]) + synced_and_hashed(&world, &place));
        for gone in [&file, &place, &down.local.join("big.bin")] {
            fs::remove_file(gone).unwrap();
        }
    }
    let names = [
        "up: syncd --once",
        "up: floor",
        "down: syncd --once",
        "down: floor",
    ];
    for (name, costs) in names.iter().zip(&costs) {
        table.row(name, costs);
    }
    for (way, at) in [("up", 0), ("down", 2)] {
        let measured = fastest(&costs[at]).as_secs_f64() / fastest(&costs[at + 1]).as_secs_f64();
        let what = format!("{way}: time / floor");
        table.goal(&Goal {
            what: &what,
            measured,
            most: 1.0 / 0.9,
        });
        let peak = costs[at].iter().map(|cost| cost.peak).max().unwrap_or(0);
        let what = format!("{way}: peak MiB");
        table.goal(&Goal {
            what: &what,
            measured: float(peak) / 1_048_576.0,
            most: 64.0,
        });
    }
}
