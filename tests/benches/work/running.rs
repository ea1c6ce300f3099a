//! W4, W7 and W8: a service that runs.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Options;
use crate::big::between;
use crate::common::{end, option, until};
use crate::filled::agreed;
use crate::layout::Layout;
use crate::measure::{self, Asked, Cost};
use crate::table::{Costs, Goal, Table, fastest, float};
use crate::usage::{number_in, usage};
use crate::world::machine::Running;
use crate::world::socket::Socket;
use crate::world::{Cloud, Machine};

/// Between two looks at the server's counts.
const LOOK: Duration = Duration::from_millis(2);

/// After it said that all is in sync, what comes of that is over after so long.
const SETTLED: Duration = Duration::from_secs(3);

/// Folders in a folder of W7's trees, so that there are three levels of them for a million files, 20 to a folder.
const ABREAST: u64 = 37;

/// What the service says of itself; `None`: nothing yet.
fn status(machine: &Machine) -> Option<serde_json::Value> {
    let mut socket = Socket::connect(&machine.state.join("control.sock")).ok()?;
    let answer = socket.ask("GET", "/v1/status").ok()?;
    (answer.status == 200).then(|| answer.json())
}

fn in_sync(machine: &Machine) -> bool {
    let status = status(machine);
    let said = status.and_then(|status| status.pointer("/pairs/0/in_sync")?.as_bool());
    said == Some(true)
}

/// A service that has nothing to do any more.
fn settled(machine: &Machine) -> Running {
    let mut service = machine.spawn(&[]);
    until(&mut service, Instant::now(), Duration::from_millis(50), || {
        in_sync(machine)
    });
    std::thread::sleep(SETTLED);
    service
}

/// So many requests to an endpoint have been answered.
fn asked(cloud: &Cloud, endpoint: &str) -> u64 {
    cloud.control.totals().at(endpoint)
}

/// W4: the only top folder gets another name, and back.
pub(crate) fn renamed(options: &Options, table: &mut Table) {
    let layout = Layout {
        family: u64::MAX,
        ..options.layout.of(option("renamed", options.layout.files))
    };
    let what = format!("a folder of {} files renamed, in a service", layout.files);
    table.begin("W4", &what);
    let (world, machine, _) = agreed(options, layout);
    let mut service = settled(&machine);
    let mut costs = Costs::new();
    let names = ["top 0", "another name"];
    for run in 0..options.runs {
        let [from, to] = if run % 2 == 0 { names } else { [names[1], names[0]] };
        let (before, cpu) = (Asked::now(&world.cloud), usage(service.pid()).cpu);
        let edits = asked(&world.cloud, "/folder/edit");
        let since = Instant::now();
        machine.rename(from, to);
        let wall = until(&mut service, since, LOOK, || {
            asked(&world.cloud, "/folder/edit") > edits
        });
        std::thread::sleep(SETTLED);
        let now = usage(service.pid());
        costs.push(Cost {
            wall,
            cpu: now.cpu - cpu,
            peak: now.peak,
            asked: Asked::since(&world.cloud, &before),
        });
    }
    end(service);
    table.row("until the account has it", &costs);
    let mutating = costs.iter().map(|cost| cost.asked.mutating()).max().unwrap_or(0);
    table.goal(&Goal {
        what: "changing requests",
        measured: float(mutating),
        most: 1.0,
    });
    table.goal(&Goal {
        what: "seconds",
        measured: fastest(&costs).as_secs_f64(),
        most: 0.5,
    });
}

/// What the kernel says a process read, wrote, and had written to a disk, in bytes.
fn io(pid: u32) -> [u64; 3] {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    ["rchar:", "wchar:", "write_bytes:"].map(|key| number_in(&text, key))
}

/// W7: one file is saved, in a small tree and in a large one.
pub(crate) fn saved(options: &Options, table: &mut Table) {
    let saves = option("saves", 20);
    let sizes = [option("small", 1_000), option("large", 20_000)];
    table.begin(
        "W7",
        &format!("one file saved in a service, {saves} times, in trees of {sizes:?} files"),
    );
    let mut each = Vec::new();
    for files in sizes {
        // Each folder on the way has at most so many in it: what a listing costs is not what the tree does.
        let layout = Layout {
            family: ABREAST,
            tops: Some(ABREAST),
            ..options.layout.of(files)
        };
        let (world, machine, _) = agreed(options, layout);
        let mut service = settled(&machine);
        // What it does anyway in so much time.
        let (idle, begun) = (usage(service.pid()).cpu, Instant::now());
        std::thread::sleep(Duration::from_secs(10));
        let idle = (usage(service.pid()).cpu - idle).as_secs_f64() / begun.elapsed().as_secs_f64();
        let (before, cpu, wrote) = (
            Asked::now(&world.cloud),
            usage(service.pid()).cpu,
            io(service.pid()),
        );
        let begun = Instant::now();
        let mut costs = Costs::new();
        for save in 0..saves {
            let edits = asked(&world.cloud, "/file/edit");
            let file = save * (layout.files / saves).max(1) % layout.files;
            let since = Instant::now();
            fs::write(
                machine.local.join(layout.path(file)),
                layout.content(file, save + 1),
            )
            .unwrap();
            let wall = until(&mut service, since, LOOK, || {
                asked(&world.cloud, "/file/edit") > edits
            });
            costs.push(Cost {
                wall,
                ..Cost::default()
            });
            std::thread::sleep(Duration::from_millis(300));
        }
        std::thread::sleep(SETTLED);
        let (now, wall) = (usage(service.pid()), begun.elapsed().as_secs_f64());
        let wrote_now = io(service.pid());
        end(service);
        if let Some(last) = costs.last_mut() {
            *last = Cost {
                cpu: now.cpu - cpu,
                peak: now.peak,
                asked: Asked::since(&world.cloud, &before),
                ..last.clone()
            };
        }
        table.row(&format!("{files} files, all saves"), &costs);
        let own = ((now.cpu - cpu).as_secs_f64() - idle * wall) * 1000.0 / float(saves);
        table.note(
            &format!("{files} files: ms of processor a save, without idling"),
            own,
        );
        for (what, at) in [("read", 0), ("written", 1), ("written to disk", 2)] {
            let bytes = float(wrote_now[at] - wrote[at]) / float(saves);
            table.note(&format!("{files} files: bytes {what} a save"), bytes);
        }
        each.push(own);
    }
    table.note("processor, large / small", each[1] / each[0]);
}

/// W8: the service starts over a tree that is as it was.
pub(crate) fn cold_start(options: &Options, table: &mut Table) {
    let layout = options.layout.of(option("started", options.layout.files));
    table.begin(
        "W8",
        &format!(
            "cold start of the service over {} files; the floor is find",
            layout.files
        ),
    );
    let (world, mut machine, _) = agreed(options, layout);
    machine.env("SYNCD_LOG__FORMAT", "json");
    let (mut ready, mut agreement, mut floor) = (Costs::new(), Costs::new(), Costs::new());
    let (mut scans, mut plans) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        floor.push(find(&world.cloud, &machine));
        let (before, since) = (Asked::now(&world.cloud), Instant::now());
        let mut service = machine.spawn(&["-vv"]);
        let wall = until(&mut service, since, LOOK, || status(&machine).is_some());
        ready.push(Cost {
            wall,
            ..Cost::default()
        });
        let wall = until(&mut service, since, LOOK, || in_sync(&machine));
        let now = usage(service.pid());
        agreement.push(Cost {
            wall,
            cpu: now.cpu,
            peak: now.peak,
            asked: Asked::since(&world.cloud, &before),
        });
        let log = service.output();
        scans.push(between(
            &log,
            "the folder is looked at",
            "the folder was looked at",
        ));
        plans.push(between(&log, "the account was listed", "decided"));
        end(service);
    }
    let least = |seconds: Vec<f64>| seconds.into_iter().fold(f64::INFINITY, f64::min);
    let (scan, plan) = (least(scans), least(plans));
    table.row("until it answers", &ready);
    table.row("until it says: in sync", &agreement);
    table.row("find", &floor);
    table.goal(&Goal {
        what: "seconds until it answers",
        measured: fastest(&ready).as_secs_f64(),
        most: 0.3,
    });
    table.note("seconds of the scan", scan);
    // The account's listing is the network's; a plan needs both.
    table.goal(&Goal {
        what: "(scan, and from the listing to the first plan) / scan",
        measured: (scan + plan) / scan,
        most: 2.0,
    });
}

/// What looks at everything below the machine's folder, and does nothing with it.
pub(crate) fn find(cloud: &Cloud, machine: &Machine) -> Cost {
    let mut find = Command::new("find");
    find.arg(&machine.local)
        .args(["-printf", "%s %T@ %i\\n"])
        .stdout(Stdio::null());
    measure::other(cloud, &mut find)
}
