//! W2, W3 and W6: a pass over two sides that agreed, and of which little changed since.

use std::fs;
use std::path::PathBuf;

use crate::Options;
use crate::curl::{CALLS, Curl, ids, make_folders};
use crate::filled::{GROWN_UP, TOP, agreed};
use crate::layout::Layout;
use crate::measure::{self, Cost};
use crate::table::{Costs, Table};

/// W2: nothing changed.
pub(crate) fn nothing_changed(options: &Options, table: &mut Table) {
    let layout = options.layout;
    table.begin(
        "W2",
        "nothing changed; the floor is curl listing the same folders",
    );
    let (world, machine, _) = agreed(options, layout);
    let curl = Curl::new(&world);
    let folders: Vec<u64> = ids(&world.cloud, TOP).folders.into_values().collect();
    let (mut ours, mut theirs) = (Costs::new(), Costs::new());
    for _ in 0..options.runs {
        ours.push(measure::syncd(&world.cloud, || machine.spawn_once(&[])).0);
        theirs.push(curl.list(folders.clone()));
    }
    table.row("syncd --once", &ours);
    table.row("curl", &theirs);
    table.requests(&ours, "D + 10", layout.all_folders() + 10);
    table.ratio(&ours, &theirs, Some(1.2));
}

/// Numbers of so many files, spread evenly over files and folders.
fn spread(layout: Layout, count: u64) -> impl Iterator<Item = u64> {
    let step = (layout.files / count).max(1);
    (0..count).map(move |n| (n * step + n) % layout.files)
}

/// How many folders these are in.
fn touched(layout: Layout, files: impl Iterator<Item = u64>) -> u64 {
    let folders: std::collections::BTreeSet<u64> = files.map(|file| file % layout.folders).collect();
    u64::try_from(folders.len()).unwrap()
}

/// W3: one file of a hundred is saved again, equal in size.
pub(crate) fn edited(options: &Options, table: &mut Table) {
    let layout = options.layout;
    let edits = (layout.files / 100).max(1);
    let what = format!(
        "{edits} files edited here; the floor is curl: the listings, then upload, edit and delete for each"
    );
    table.begin("W3", &what);
    let (world, machine, _) = agreed(options, layout);
    let curl = Curl::new(&world);
    let (mut ours, mut theirs) = (Costs::new(), Costs::new());
    for run in 0..options.runs {
        for file in spread(layout, edits) {
            fs::write(
                machine.local.join(layout.path(file)),
                layout.content(file, run + 1),
            )
            .unwrap();
        }
        std::thread::sleep(GROWN_UP);
        ours.push(measure::syncd(&world.cloud, || machine.spawn_once(&[])).0);
        // On a copy of its own: old files to be replaced by new ones.
        let copy = format!("curl {run}");
        let folders = make_folders(&world.cloud, &copy, layout);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for file in spread(layout, edits) {
            let path = layout.path(file);
            let (folder, name) = path.rsplit_once('/').unwrap();
            old.push(
                world
                    .cloud
                    .control
                    .put_file(Some(folders[folder]), name, b"old")
                    .unwrap(),
            );
            let interim = world.join(&format!("interim {file}"));
            fs::write(&interim, layout.content(file, run + 1)).unwrap();
            new.push((interim, folders[folder]));
        }
        let mut cost = curl.list(folders.values().copied()) + curl.put(new.clone());
        let ids = ids(&world.cloud, &copy).files;
        let sent: Vec<u64> = ids
            .iter()
            .filter(|(path, _)| path.contains("interim"))
            .map(|(_, id)| *id)
            .collect();
        assert_eq!(sent.len(), old.len());
        cost = cost + curl.calls("file/delete", CALLS, old.iter().map(|id| format!("file_id={id}")));
        let named = sent.iter().map(|id| format!("file_id={id}&filename=file%20{id}"));
        theirs.push(cost + curl.calls("file/edit", CALLS, named.collect::<Vec<_>>()));
    }
    table.row("syncd --once", &ours);
    table.row("curl", &theirs);
    let touched = touched(layout, spread(layout, edits));
    table.requests(
        &ours,
        "4E + D + 2 touched + 10",
        4 * edits + layout.all_folders() + 2 * touched + 10,
    );
    let mutating = ours.iter().map(|cost| cost.asked.mutating()).max().unwrap_or(0);
    table.note(
        "changing requests for each edit",
        crate::table::float(mutating) / crate::table::float(edits),
    );
    table.ratio(&ours, &theirs, Some(1.2));
}

/// W6: a hundred changes of the web user: 40 new files, 20 new versions, 20 renames, 20 deletions.
pub(crate) fn changed_there(options: &Options, table: &mut Table) {
    let layout = options.layout;
    table.begin(
        "W6",
        "100 changes there; the floor is curl with the listings, links and downloads",
    );
    let (world, machine, _) = agreed(options, layout);
    let curl = Curl::new(&world);
    let control = &world.cloud.control;
    let (mut ours, mut theirs) = (Costs::new(), Costs::new());
    for run in 0..options.runs {
        let held = ids(&world.cloud, TOP);
        // Files that no run before touched, as far as there are any.
        let at = |n: u64| (n + run * 100) * 7 % layout.files;
        let mut came = Vec::new();
        for n in 0..100 {
            let path = layout.path(at(n));
            let (folder, name) = path.rsplit_once('/').unwrap();
            let folder = Some(held.folders[folder]);
            let content = layout.content(n, 100 + run);
            let old = held.files.get(&path).copied();
            match (n, old) {
                (0..40, _) | (_, None) => {
                    came.push(
                        control
                            .put_file(folder, format!("there {run} {n}"), content)
                            .unwrap(),
                    );
                }
                (40..60, Some(old)) => {
                    came.push(control.put_file(folder, name, content).unwrap());
                    control.trash_file(old).unwrap();
                }
                (60..80, Some(old)) => control.rename_file(old, format!("renamed {run} {n}")).unwrap(),
                (_, Some(old)) => control.trash_file(old).unwrap(),
            }
        }
        ours.push(measure::syncd(&world.cloud, || machine.spawn_once(&[])).0);
        let to = world.join("curl");
        fs::create_dir_all(&to).unwrap();
        let files: Vec<(u64, PathBuf)> = came.iter().map(|id| (*id, to.join(id.to_string()))).collect();
        let listed: Cost = curl.list(held.folders.into_values());
        theirs.push(listed + curl.get(&files));
    }
    table.row("syncd --once", &ours);
    table.row("curl", &theirs);
    table.ratio(&ours, &theirs, None);
}
