//! What cannot be in sync is named, each with its kind and reason; everything beside it is synced.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode};

use crate::checker::assert_same;
use crate::world::{Dialect, Machine, Run, World};

/// A user who owns only what he is given.
const NOBODY: u32 = 65_534;

/// The item of a kind whose path contains that; its reason must contain each of `says`.
#[track_caller]
fn named(run: &Run, kind: &str, path: &str, says: &[&str]) {
    let items = run.items(kind);
    let reason = items
        .iter()
        .find(|(found, _)| found.contains(path))
        .map(|(_, reason)| reason.to_lowercase());
    let reason = reason.unwrap_or_else(|| panic!("{path} is not among the {kind}: {run:?}"));
    for part in says {
        assert!(reason.contains(part), "{path}: no {part:?} in {reason:?}");
    }
}

/// A file that must be in the account whatever lies beside it.
fn neighbour(machine: &Machine) {
    machine.write("neighbour.txt", "I am synced");
    machine.write("folder/neighbour.txt", "me too");
}

#[track_caller]
fn assert_neighbour(world: &World) {
    let tree = world.cloud.tree();
    assert!(
        tree.contains_key("neighbour.txt") && tree.contains_key("folder/neighbour.txt"),
        "{tree:?}"
    );
}

#[test]
fn what_no_account_can_hold_is_skipped_and_no_error() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    neighbour(&machine);
    machine.write("empty.txt", "");
    let at = |name: &str| machine.local.join(name);
    symlink("neighbour.txt", at("link to a file")).unwrap();
    symlink("folder", at("link to a folder")).unwrap();
    symlink("nowhere", at("dangling link")).unwrap();
    rustix::fs::mknodat(CWD, at("pipe"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    std::fs::write(
        machine.local.join(OsStr::from_bytes(b"latin-\xe9.txt")),
        "not UTF-8",
    )
    .unwrap();
    std::fs::create_dir(machine.local.join(OsStr::from_bytes(b"dir-\xff"))).unwrap();
    std::fs::write(
        machine.local.join(OsStr::from_bytes(b"dir-\xff/inside.txt")),
        "below it",
    )
    .unwrap();

    let run = machine.once(&[]).expect(0);
    named(&run, "skipped", "empty.txt", &["empty"]);
    for link in ["link to a file", "link to a folder", "dangling link"] {
        named(&run, "skipped", link, &["link"]);
    }
    named(&run, "skipped", "pipe", &["pipe"]);
    named(&run, "skipped", "socket", &["socket"]);
    named(&run, "skipped", "latin-", &["utf-8"]);
    named(&run, "skipped", "dir-", &["utf-8"]);
    assert_neighbour(&world);
    assert_eq!(world.cloud.tree().len(), 3, "{:?}", world.cloud.tree());
    assert!(machine.local.join("pipe").symlink_metadata().is_ok());

    machine.once(&["--strict"]).expect(3);
    let text = machine.run(&["--once"]).expect(0).said();
    assert!(text.contains("empty.txt") && text.contains("skipped"), "{text}");
}

#[test]
fn a_file_emptied_here_keeps_its_version_in_the_account() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    neighbour(&machine);
    machine.sync();
    machine.write("neighbour.txt", "");
    let run = machine.once(&[]).expect(0);
    named(&run, "skipped", "neighbour.txt", &["empty"]);
    assert_eq!(machine.read("neighbour.txt"), "");
    assert_neighbour(&world);
    machine.write("neighbour.txt", "not empty any more");
    machine.sync();
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_file_too_large_for_the_package_is_held() {
    for dialect in [Dialect::Document, Dialect::V4] {
        let world = World::start(dialect);
        world.cloud.package("max_upload_size", "1000000");
        let machine = world.machine("d1");
        neighbour(&machine);
        machine.write("large.bin", vec![7; 1_000_001]);
        machine.write("fits.bin", vec![8; 1_000_000]);
        let run = machine.once(&[]).expect(3);
        named(&run, "held", "large.bin", &["large"]);
        assert_neighbour(&world);
        assert!(world.cloud.tree().contains_key("fits.bin"));
    }
}

#[test]
fn a_file_larger_than_the_server_takes_fails_by_name_though_the_package_allows_it() {
    let world = World::start(Dialect::V4);
    world.cloud.knob("Q11.file", "1000000");
    let machine = world.machine("d1");
    neighbour(&machine);
    machine.write("large.bin", vec![7; 1_000_001]);
    let run = machine.once(&[]).expect(3);
    named(&run, "failed", "large.bin", &["large"]);
    assert_neighbour(&world);
}

#[test]
fn with_the_account_full_files_fail_by_name_and_are_tried_again() {
    let world = World::start(Dialect::Document);
    world.cloud.package("max_storage_bytes", "2000000");
    let machine = world.machine("d1");
    neighbour(&machine);
    machine.write("fits.bin", vec![6; 1_500_000]);
    machine.sync();
    machine.write("does not fit.bin", vec![7; 1_500_000]);
    machine.write("still fits.txt", "small");
    let run = machine.once(&[]).expect(3);
    named(&run, "failed", "does not fit.bin", &[]);
    assert!(world.cloud.tree().contains_key("still fits.txt"), "{run:?}");
    world.cloud.package("max_storage_bytes", "0");
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_type_that_the_site_refuses_is_named_and_its_neighbours_go_up() {
    let world = World::start(Dialect::V4);
    let machine = world.machine("d1");
    neighbour(&machine);
    machine.write("script.php", "<?php");
    let run = machine.once(&[]).expect(3);
    let kind = if run.items("held").is_empty() {
        "failed"
    } else {
        "held"
    };
    named(&run, kind, "script.php", &[]);
    assert_neighbour(&world);
}

#[test]
fn what_cannot_be_read_fails_by_name() {
    if !rustix::process::geteuid().is_root() {
        // Another user is needed only because root reads everything.
        unreadable(|_| {});
        return;
    }
    unreadable(|machine| machine.become_user(NOBODY));
}

fn unreadable(prepare: impl FnOnce(&mut Machine)) {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    neighbour(&machine);
    machine.write("secret.txt", "nobody reads me");
    machine.write("closed/inside.txt", "nor me");
    prepare(&mut machine);
    let close = |path: &str, mode: u32| {
        std::fs::set_permissions(machine.local.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    close("secret.txt", 0o000);
    close("closed", 0o000);
    let run = machine.once(&[]).expect(3);
    named(&run, "failed", "secret.txt", &["read"]);
    let kinds = ["failed", "unproved", "held"];
    let closed = kinds
        .iter()
        .any(|kind| run.items(kind).iter().any(|(path, _)| path == "closed"));
    assert!(closed, "{run:?}");
    assert_neighbour(&world);
    close("secret.txt", 0o600);
    close("closed", 0o700);
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());

    // What becomes unreadable later is not taken for deleted.
    close("closed", 0o000);
    machine.once(&[]).expect(3);
    assert!(world.cloud.tree().contains_key("closed/inside.txt"));
    close("closed", 0o700);
}

#[test]
fn a_name_too_long_for_the_other_side_is_held() {
    let world = World::start(Dialect::V4);
    let machine = world.machine("d1");
    neighbour(&machine);
    // Each of these needs seven characters in the account.
    machine.write(&format!("{}.txt", "😀".repeat(50)), "too long there");
    // Three bytes each on a disk that takes 255.
    world
        .cloud
        .web_create(&format!("{}.txt", "長".repeat(100)), b"too long here");
    let run = machine.once(&[]).expect(3);
    named(&run, "held", "😀", &["long"]);
    named(&run, "held", "長", &["long"]);
    assert_neighbour(&world);
    assert_eq!(world.cloud.tree().len(), 4);
    assert_eq!(machine.tree().len(), 4);
}

#[test]
fn names_that_need_an_escape_are_held_if_the_user_wants_no_escapes() {
    let world = World::start(Dialect::V4);
    let mut machine = world.machine("d1");
    machine.set("unstorable_names", "\"skip\"");
    neighbour(&machine);
    machine.write("a<b.txt", "needs an escape");
    let run = machine.once(&[]).expect(3);
    named(&run, "held", "a<b.txt", &[]);
    assert_neighbour(&world);
}

#[test]
fn many_items_are_all_listed_in_json_and_counted_in_text() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    let many = 200;
    for at in 0..many {
        machine.write(&format!("empty-{at}.txt"), "");
    }
    let run = machine.once(&[]).expect(0);
    assert_eq!(run.items("skipped").len(), many);
    let text = machine.run(&["--once"]).expect(0).said();
    assert!(
        text.contains(&many.to_string()) && text.lines().count() < 20,
        "{text}"
    );
}
