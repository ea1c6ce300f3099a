//! A large file goes up and comes down in little memory: the high-water mark of the child's resident set is read from
//! `/proc` while it runs.
//!
//! 300 MiB in the normal run; 2 GiB:
//!
//!     SYNCD_TEST_MIB=2048 cargo test --release -p syncd --test e2e memory

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use crate::world::{Dialect, Machine, World, disk, number};

/// What one run may take.
const LIMIT_KIB: u64 = 64 * 1024;

/// Syncs and answers the most memory the child was seen to hold, in KiB.
fn peak_of_sync(machine: &Machine) -> u64 {
    let mut peak = 0;
    let mut running = machine.spawn_once(&[]);
    let status = format!("/proc/{}/status", running.pid());
    running.watch(|_| {
        // The kernel keeps the mark itself; only growth in the last milliseconds of the child's life is missed.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        false
    });
    running.wait().expect(0);
    assert!(peak > 0, "no mark was ever read");
    peak
}

#[test]
fn a_large_file_goes_up_and_comes_down_in_little_memory() {
    let mib = number("SYNCD_TEST_MIB", 300);
    let world = World::start(Dialect::Document);
    let d1 = world.machine("d1");
    // Sparse, so that the disk is not the measure; each MiB differs from all others.
    let file = File::create(d1.local.join("large.bin")).unwrap();
    file.set_len(mib << 20).unwrap();
    for at in 0..mib {
        file.write_all_at(&at.to_le_bytes(), (at << 20) + at).unwrap();
    }
    drop(file);
    let content = disk::content_at(&d1.local.join("large.bin"));

    let up = peak_of_sync(&d1);
    let d2 = world.machine("d2");
    let down = peak_of_sync(&d2);
    println!("{mib} MiB: {up} KiB to upload, {down} KiB to download");
    assert_eq!(disk::content_at(&d2.local.join("large.bin")), content);
    assert!(up < LIMIT_KIB && down < LIMIT_KIB, "{up} KiB up, {down} KiB down");
}
