//! How much work syncing makes, by the server's ledger (dialect `document`).

use std::collections::BTreeSet;

use crate::checker::assert_same;
use crate::samples::plain;
use crate::world::{Dialect, Machine, World};

/// Number of folders, and of those directly in the pair's folder.
fn folders(machine: &Machine) -> (u64, u64) {
    let tree = machine.tree();
    let folders = tree
        .iter()
        .filter(|(_, entry)| matches!(entry, crate::world::Entry::Folder));
    let folders: BTreeSet<&str> = folders.map(|(path, _)| path.as_str()).collect();
    let top = folders.iter().filter(|path| !path.contains('/')).count();
    (u64::try_from(folders.len()).unwrap(), u64::try_from(top).unwrap())
}

fn first_upload(remote: &str) {
    let world = World::start(Dialect::Document);
    let machine = world.machine_at("d1", remote);
    let files = 120;
    for sample in plain(files, 5) {
        machine.write(&sample.path, sample.bytes());
    }
    let (inside, top) = folders(&machine);
    // The pair's own folder is one more to be made, and then the only one directly in the account's root.
    let (all, unproved) = if remote == "/" {
        (inside, top)
    } else {
        (inside + 1, 1)
    };

    let mark = world.cloud.mark();
    machine.sync();
    let did = world.cloud.since(&mark);
    assert_eq!(did.at("/file/upload"), files, "{did:?}");
    assert!(
        did.requests <= files + 2 * all + 10 + unproved,
        "{files} files, {all} folders: {did:?}"
    );

    let mark = world.cloud.mark();
    machine.sync();
    let did = world.cloud.since(&mark);
    assert!(did.requests <= all + 10, "{all} folders: {did:?}");
    assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
}

#[test]
fn a_first_upload_into_the_accounts_root_takes_one_call_a_file_and_two_a_folder() {
    first_upload("/");
}

#[test]
fn a_first_upload_into_a_folder_takes_one_call_a_file_and_two_a_folder() {
    first_upload("/Base");
}

#[test]
fn a_large_folder_renamed_is_one_call_up_and_no_download_down_and_an_edit_is_three_calls() {
    let world = World::start(Dialect::Document);
    let machine = world.machine("d1");
    for number in 0..1000 {
        machine.write(&format!("big/{number:04}.txt"), format!("number {number}"));
    }
    machine.sync();

    let mark = world.cloud.mark();
    machine.rename("big", "renamed here");
    machine.sync();
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (1, 0), "{did:?}");
    assert_same(&machine.tree(), &world.cloud.tree());

    world.cloud.web_move("renamed here", "renamed there");
    let mark = world.cloud.mark();
    machine.sync();
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (0, 0), "{did:?}");
    assert_same(&machine.tree(), &world.cloud.tree());

    let mark = world.cloud.mark();
    machine.write("renamed there/0500.txt", "edited");
    machine.sync();
    let did = world.cloud.since(&mark);
    assert_eq!((did.mutations, did.downloads), (3, 0), "{did:?}");
    assert_same(&machine.tree(), &world.cloud.tree());
}
