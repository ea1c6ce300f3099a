//! A watcher that sees too little: the kernel's limit of watches, and a queue of events that is full. What it missed is
//! found all the same, and the user is told what he can do.

use std::fs::{self, File};

use super::{end, freeze, here, holds, polls, quick, start, status, until, until_equal, until_said, wake};
use crate::samples::bytes;
use crate::world::machine::Running;
use crate::world::{Dialect, Machine, World};

/// From now on it runs where the kernel watches so many folders and no more: a user namespace of its own has a limit of its
/// own, and nobody else's changes.
fn limit_watches(machine: &mut Machine, watches: u64) {
    let limited = format!("echo {watches} > /proc/sys/user/max_inotify_watches && exec \"$@\"");
    let through = [
        "/usr/bin/unshare",
        "--user",
        "--map-root-user",
        "/bin/sh",
        "-c",
        &limited,
        "sh",
    ];
    machine.run_through(through.map(str::to_owned).to_vec());
}

#[test]
fn where_the_limit_of_watches_is_reached_later_the_rest_is_found_and_the_user_is_told() {
    let world = World::start(Dialect::Document);
    let mut machine = quick(&world, "d1");
    limit_watches(&mut machine, 16);
    machine.write("first/a.txt", "a");
    let mut service = start(&machine);
    assert_eq!(
        status(&machine)["watch"],
        "watching",
        "the limit must not be reached yet"
    );
    for number in 0..30 {
        machine.write(&format!("many/folder {number}/deep/a.txt"), bytes(50, number));
    }
    until_said(&mut service, &["WARN", "fs.inotify.max_user_watches"]);
    until_equal(&mut service, &machine, &world.cloud);
    until(&mut service, "the hint in the status", || {
        let hint = "fs.inotify.max_user_watches";
        let json = status(&machine)["watch"]
            .as_str()
            .is_some_and(|text| text.contains(hint));
        json && machine.run(&["status"]).stdout.contains("max_user_watches")
    });
    // In folders that nobody watches.
    for number in 0..30 {
        let folder = format!("many/folder {number}/deep");
        match number % 4 {
            0 => drop(machine.write(&format!("{folder}/b.txt"), bytes(60, 100 + number))),
            1 => drop(machine.write(&format!("{folder}/a.txt"), bytes(70, 200 + number))),
            2 => machine.rename(&format!("{folder}/a.txt"), &format!("{folder}/c.txt")),
            _ => machine.remove(&format!("{folder}/a.txt")),
        }
    }
    let there = world.cloud.web_create("many/folder 29/there.txt", b"there");
    until(&mut service, "the download", || {
        holds(here(&machine), "many/folder 29/there.txt", there)
    });
    until_equal(&mut service, &machine, &world.cloud);
    end(service);
}

/// Makes more events than the kernel keeps for one who does not read them.
fn overflow(machine: &Machine) {
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let kept: u64 = kept.trim().parse().unwrap();
    // Each is two events at least, of a name that no other has: none is merged with the one before.
    for number in 0..=kept {
        let path = machine.local.join(format!("noise/{number}"));
        drop(File::create(&path).unwrap());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn events_that_are_lost_in_a_full_queue_cost_no_change() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    // Only the watcher can be why anything is noticed.
    polls(&mut machine, "1h", "1h");
    for name in [
        "noise/a.txt",
        "kept/edited.txt",
        "kept/moved.txt",
        "kept/gone.txt",
    ] {
        machine.write(name, name);
    }
    let mut service = start(&machine);
    freeze(&service);
    overflow(&machine);
    // The queue is full: of these nothing is heard.
    machine.write("kept/edited.txt", "edited while nobody listened");
    machine.rename("kept/moved.txt", "elsewhere/moved.txt");
    machine.remove("kept/gone.txt");
    machine.write("new/deep/a.txt", "new while nobody listened");
    wake(&service);
    until_equal(&mut service, &machine, &world.cloud);
    end(service);
}

#[test]
fn in_folders_that_were_moved_swapped_or_made_anew_changes_are_still_heard() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    // Only the watcher can be why anything is noticed.
    polls(&mut machine, "1h", "1h");
    for name in ["a/b/c/file.txt", "one/deep/file.txt", "two/deep/file.txt"] {
        machine.write(name, name);
    }
    let mut service = start(&machine);
    let mut round = 0;
    let mut edit = |service: &mut Running, paths: &[&str]| {
        for path in paths {
            round += 1;
            machine.write(path, format!("edit {round}"));
        }
        until_equal(service, &machine, &world.cloud);
    };
    machine.rename("a", "moved");
    until_equal(&mut service, &machine, &world.cloud);
    edit(&mut service, &["moved/b/c/file.txt"]);
    // One from the middle to the top, and a file into it at once.
    machine.rename("moved/b", "top");
    edit(&mut service, &["top/c/file.txt", "top/c/new.txt"]);
    edit(&mut service, &["top/c/new.txt"]);
    machine.rename("one", "aside");
    machine.rename("two", "one");
    machine.rename("aside", "two");
    until_equal(&mut service, &machine, &world.cloud);
    edit(&mut service, &["one/deep/file.txt"]);
    edit(&mut service, &["two/deep/file.txt"]);
    // A folder that was made elsewhere, moved in whole.
    let elsewhere = world.join("elsewhere");
    crate::world::disk::write(&elsewhere, "x/y/file.txt", b"made elsewhere");
    fs::rename(&elsewhere, machine.local.join("in")).unwrap();
    until_equal(&mut service, &machine, &world.cloud);
    edit(&mut service, &["in/x/y/file.txt"]);
    // One that goes and is made anew under its name.
    machine.remove("top");
    machine.mkdir("top/c");
    until_equal(&mut service, &machine, &world.cloud);
    edit(&mut service, &["top/c/file.txt"]);
    // What syncd itself makes and moves here is watched too.
    world.cloud.web_create("web/deep/file.txt", b"made there");
    world.cloud.web_move("in", "in of there");
    machine.run(&["sync"]).expect(0);
    until_equal(&mut service, &machine, &world.cloud);
    edit(&mut service, &["web/deep/file.txt"]);
    edit(&mut service, &["in of there/x/y/file.txt"]);
    end(service);
}

#[test]
fn folders_that_came_while_events_were_lost_are_watched_afterwards() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    // Only the watcher can be why anything is noticed.
    polls(&mut machine, "1h", "1h");
    for name in ["noise/a.txt", "kept/moved.txt"] {
        machine.write(name, name);
    }
    let mut service = start(&machine);
    freeze(&service);
    overflow(&machine);
    machine.write("new/deep/a.txt", "new while nobody listened");
    machine.rename("kept", "renamed");
    wake(&service);
    until_equal(&mut service, &machine, &world.cloud);
    machine.write("new/deep/b.txt", "new after that");
    until_equal(&mut service, &machine, &world.cloud);
    machine.write("renamed/moved.txt", "edited after that");
    until_equal(&mut service, &machine, &world.cloud);
    end(service);
}
