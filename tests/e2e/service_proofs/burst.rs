//! A burst such as a `git clone` makes: thousands of files in many folders within moments, while half are renamed and a
//! tenth are deleted again.

use std::collections::{BTreeMap, BTreeSet};

use super::{end, start, there, until};
use crate::checker::assert_equal;
use crate::samples::bytes;
use crate::world::settings::quoted;
use crate::world::{Cloud, Dialect, Entry, Machine, World, full};

/// A file gets its last name, or goes, when so many more have been made.
const LAG: u64 = 40;

/// Writes the burst.
fn burst(machine: &Machine, files: u64) {
    let place = |number: u64| format!("clone/pack {}/sub{}/tmp_obj_{number}", number % 23, number % 5);
    for step in 0..files + LAG {
        if step < files {
            machine.write(&place(step), bytes(40 + step % 700, step));
        }
        let Some(number) = step.checked_sub(LAG) else {
            continue;
        };
        match number % 10 {
            0 => machine.remove(&place(number)),
            // To another name, or into another folder.
            1..=5 => machine.rename(
                &place(number),
                &format!("clone/src {}/file {number}.rs", number % 31),
            ),
            _ => {}
        }
    }
}

/// How often each content arrived in the account, by its MD5.
fn uploads(cloud: &Cloud) -> BTreeMap<String, u64> {
    let md5: BTreeMap<u64, String> = {
        let files = cloud.control.tree().unwrap().files;
        files.into_iter().map(|file| (file.id, file.md5)).collect()
    };
    let mut count = BTreeMap::new();
    for entry in cloud.control.ledger().entries {
        if entry.endpoint == "/file/upload" {
            assert_eq!(entry.files.len(), 1, "{entry:?}");
            *count.entry(md5[&entry.files[0]].clone()).or_default() += 1;
        }
    }
    count
}

#[test]
fn after_a_burst_each_file_that_remains_was_uploaded_exactly_once() {
    let files = if full() { 10_000 } else { 1_000 };
    let world = World::start(Dialect::Document);
    let mut machine = super::quick(&world, "d1");
    // As a user has it: half a burst is not taken for all of it.
    machine.configure(|settings| {
        settings.timing.insert("quiet_period".into(), quoted("1s"));
    });
    let mut service = start(&machine);
    burst(&machine, files);
    let here = machine.tree();
    let remaining: BTreeSet<String> = here
        .values()
        .filter_map(|entry| match entry {
            Entry::File(content) => Some(content.md5.iter().map(|byte| format!("{byte:02x}")).collect()),
            Entry::Folder | Entry::Other(_) => None,
        })
        .collect();
    assert_eq!(u64::try_from(remaining.len()).unwrap(), files - files / 10);
    until(&mut service, "agreement", || {
        there(&world.cloud).is_some_and(|tree| tree == here)
    });
    // Whatever else it would do it has done by the end of this.
    machine.run(&["wait", "--timeout", "10m"]).expect(0);
    let ended = end(service);
    assert_equal(&here, &machine.tree());
    assert_equal(&here, &world.cloud.tree());
    let uploads = uploads(&world.cloud);
    for md5 in &remaining {
        assert_eq!(uploads.get(md5), Some(&1), "{md5}: {ended:?}");
    }
    let twice: Vec<_> = uploads.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "sent again: {twice:?}");
    println!(
        "of {files} files {} remain, {} more were uploaded before they went",
        remaining.len(),
        uploads.len() - remaining.len()
    );
}
