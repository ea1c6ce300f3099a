//! Files and folders that become something else just while syncd reads them, or just before it writes there.
//!
//! The moments are exact: `warden` stops the program at the system call and does the user's part first. Whatever happens,
//! every version is live or in a trash, the account never holds bytes that were no version, and nothing is written or read
//! outside of the pair's folder.

use std::collections::BTreeSet;
use std::path::Path;

use crate::checker::assert_same;
use crate::samples::bytes;
use crate::world::disk::Content;
use crate::world::native::{Rule, warden};
use crate::world::{Dialect, Entry, Machine, Run, Tree, World, content_of, disk};

/// A file that is sent in one call, and is read in many pieces.
const MIDDLE: u64 = 3 << 20;
/// A file that is sent under an interim name.
const LARGE: u64 = 9 << 20;

fn contents(tree: &Tree) -> BTreeSet<Content> {
    let content = |entry: &Entry| match entry {
        Entry::File(content) => Some(*content),
        Entry::Folder | Entry::Other(_) => None,
    };
    tree.values().filter_map(content).collect()
}

/// Contents here, in the trash here, in the account and in its trash.
fn everywhere(world: &World, machine: &Machine) -> BTreeSet<Content> {
    let trash = disk::everything(&machine.local.join(".syncd/trash"));
    [machine.tree(), trash, world.cloud.tree()]
        .iter()
        .flat_map(contents)
        .chain(world.cloud.trash())
        .collect()
}

/// One run that meets those calls; the following ones meet none.
#[track_caller]
fn run_meeting(machine: &mut Machine, rules: &[Rule]) -> Run {
    machine.run_through(warden(rules));
    let run = machine.once(&[]);
    machine.run_through(Vec::new());
    assert!([0, 3].contains(&run.code), "{run:?}");
    assert!(!run.said().contains("panicked"), "{run:?}");
    run
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_file_that_becomes_something_else_while_it_is_sent_is_never_torn() {
    let world_of = |size: u64| {
        let world = World::start(Dialect::Document);
        let machine = world.machine("d1");
        std::fs::write(world.join("other"), bytes(size, 2)).unwrap();
        (world, machine)
    };
    // What the user does to $F; O is another file of the same size. Then how large a file is left, if one is.
    let stories = [
        ("replaced by rename", "cp $O $O.new; mv $O.new $F"),
        (
            "written in place",
            "cat $O | dd of=$F conv=notrunc status=none bs=1M",
        ),
        (
            "its end written in place",
            "tail -c 1000 $O | dd of=$F conv=notrunc status=none bs=1 seek=$(($(stat -c %s $F) - 1000))",
        ),
        ("grown", "cat $O >> $F"),
        ("cut", "truncate -s 1000 $F"),
        ("emptied", "truncate -s 0 $F"),
        ("now a link", "rm $F; ln -s $O $F"),
        ("now a folder", "rm $F; mkdir $F; cp $O $F/inside.bin"),
        ("gone", "rm $F"),
    ];
    for size in [MIDDLE, LARGE] {
        for (name, command) in stories {
            let (world, mut machine) = world_of(size);
            let file = machine.local.join("big.bin");
            machine.write("neighbour.txt", "neighbour");
            let first = machine.write("big.bin", bytes(size, 1));
            let command = command
                .replace("$F", text(&file))
                .replace("$O", text(&world.join("other")));
            // The fifth piece: hashing it before, if that happens, takes the first ones too; sending it more.
            run_meeting(
                &mut machine,
                &[Rule::before("read", "folder/big.bin", &command).at(5)],
            );
            // A file that is no more one, or empty, hides the version in the account: that one stays.
            let now = machine.tree();
            machine.settle(4, false);
            assert_eq!(machine.tree(), now, "{name}: syncd changed what the user left");
            let mut versions: BTreeSet<Content> = contents(&now);
            versions.insert(first);
            let there: BTreeSet<Content> = contents(&world.cloud.tree())
                .into_iter()
                .chain(world.cloud.trash())
                .collect();
            let torn: Vec<_> = there.difference(&versions).collect();
            assert!(
                torn.is_empty(),
                "{name}: the account holds what was never a version: {torn:?}"
            );
            let live = contents(&world.cloud.tree());
            for content in contents(&now).iter().filter(|content| content.size > 0) {
                assert!(
                    live.contains(content),
                    "{name}: {content:?} did not go up: {:#?}",
                    world.cloud.tree()
                );
            }
            if name == "gone" {
                assert_same(&now, &world.cloud.tree());
            }
        }
    }
}

#[test]
fn what_takes_the_place_of_a_new_download_just_before_it_is_written_stays() {
    let stories = [
        ("a file", "echo mine > $F"),
        ("a file of the same bytes", "printf theirs > $F"),
        ("a folder", "mkdir $F; echo mine > $F/inside.txt"),
        ("a link", "ln -s /etc/hostname $F"),
        ("a dangling link", "ln -s $OUT/target $F"),
    ];
    for (name, command) in stories {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        let outside = world.join("outside");
        std::fs::create_dir(&outside).unwrap();
        let theirs = world.cloud.web_create("docs/new.txt", b"theirs");
        machine.mkdir("docs");
        let file = machine.local.join("docs/new.txt");
        let command = command.replace("$F", text(&file)).replace("$OUT", text(&outside));
        run_meeting(
            &mut machine,
            &[Rule::before("renameat2", "docs/new.txt", &command)],
        );
        let linked = name.contains("link");
        if linked {
            // It is in the way of the download, and is neither followed nor removed.
            let run = machine.once(&[]);
            assert!(
                [0, 3].contains(&run.code) && run.said().contains("docs/new.txt"),
                "{name}: {run:?}"
            );
            assert!(file.is_symlink(), "{name}");
        } else {
            machine.settle(4, false);
            assert_same(&machine.tree(), &world.cloud.tree());
            let all = contents(&machine.tree());
            assert!(all.contains(&theirs), "{name}: {:?}", machine.tree());
            if !name.contains("same bytes") {
                assert!(
                    all.contains(&content_of(b"mine\n")),
                    "{name}: {:?}",
                    machine.tree()
                );
            } else {
                assert_eq!(all.len(), 1, "{name}: {:?}", machine.tree());
            }
        }
        assert!(contents(&world.cloud.tree()).contains(&theirs), "{name}");
        assert_eq!(
            std::fs::read_dir(&outside).unwrap().count(),
            0,
            "{name}: written through a link"
        );
    }
}

#[test]
fn a_file_that_changes_just_before_it_is_replaced_is_kept() {
    let stories = [
        ("written in place", "printf mine > $F"),
        (
            "written in place with its old time",
            "touch -r $F $OUT/time; printf min3 > $F; touch -r $OUT/time $F",
        ),
        ("replaced by rename", "printf mine > $F.tmp; mv $F.tmp $F"),
        ("appended to", "printf mine >> $F"),
        ("gone", "rm $F"),
        ("renamed", "mv $F $F.renamed"),
        ("now a folder", "rm $F; mkdir $F; printf mine > $F/inside.txt"),
        (
            "now a link",
            "rm $F; printf mine > $OUT/target; ln -s $OUT/target $F",
        ),
    ];
    // Before the two change places, and before syncd looks for the last time.
    for call in ["renameat2", "openat2"] {
        for (name, command) in stories {
            let world = World::start(Dialect::Document);
            let mut machine = world.machine("d1");
            let outside = world.join("outside");
            std::fs::create_dir(&outside).unwrap();
            let base = machine.write("docs/a.txt", "base");
            machine.sync();
            let theirs = world.cloud.web_edit("docs/a.txt", b"theirs, new");
            let file = machine.local.join("docs/a.txt");
            let command = command.replace("$F", text(&file)).replace("$OUT", text(&outside));
            let part = if call == "renameat2" {
                "docs/a.txt"
            } else {
                "folder/docs"
            };
            run_meeting(&mut machine, &[Rule::before(call, part, &command)]);
            let settled = (1..=4).any(|_| machine.once(&[]).code == 0);
            let linked = name == "now a link";
            assert!(settled || linked, "{call}, {name}: no agreement");
            let all = everywhere(&world, &machine);
            for (content, what) in [(base, "the base"), (theirs, "their version")] {
                assert!(all.contains(&content), "{call}, {name}: {what} is lost");
            }
            let live = contents(&machine.tree());
            let mine: &[u8] = match name {
                "appended to" => b"basemine",
                "written in place with its old time" => b"min3",
                "gone" | "renamed" => b"theirs, new",
                _ => b"mine",
            };
            if linked {
                assert!(file.is_symlink(), "{call}: the link is gone");
                assert_eq!(std::fs::read(outside.join("target")).unwrap(), b"mine", "{call}");
            } else {
                assert!(
                    live.contains(&content_of(mine)),
                    "{call}, {name}: {:?}",
                    machine.tree()
                );
                assert_same(&machine.tree(), &world.cloud.tree());
            }
            assert!(contents(&world.cloud.tree()).contains(&theirs), "{call}, {name}");
        }
    }
}

#[test]
fn a_file_that_changes_just_before_it_is_removed_is_kept_and_goes_up_again() {
    let stories = [
        ("written in place", "printf mine > $F"),
        ("replaced by rename", "printf mine > $F.tmp; mv $F.tmp $F"),
        ("now a folder", "rm $F; mkdir $F; printf mine > $F/inside.txt"),
    ];
    for (name, command) in stories {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        machine.set("max_delete_percent", "100");
        let base = machine.write("docs/a.txt", "base");
        machine.write("docs/b.txt", "other");
        machine.sync();
        world.cloud.web_trash("docs/a.txt");
        let file = machine.local.join("docs/a.txt");
        let command = command.replace("$F", text(&file));
        run_meeting(&mut machine, &[Rule::before("renameat2", "docs/a.txt", &command)]);
        machine.settle(4, false);
        assert!(
            contents(&machine.tree()).contains(&content_of(b"mine")),
            "{name}: {:?}",
            machine.tree()
        );
        assert_same(&machine.tree(), &world.cloud.tree());
        assert!(
            everywhere(&world, &machine).contains(&base),
            "{name}: the base is lost"
        );
    }
}

#[test]
fn a_link_swapped_in_for_a_folder_leads_nothing_out_of_the_pair() {
    // The folder becomes a link to one outside, at each call that could be led astray by it.
    for call in ["renameat2", "mkdirat", "openat2"] {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        machine.set("max_delete_percent", "100");
        let outside = world.join("outside");
        std::fs::create_dir(&outside).unwrap();
        for name in ["edited.txt", "deleted.txt", "moved.txt"] {
            std::fs::write(outside.join(name), "not yours").unwrap();
            machine.write(&format!("sub/{name}"), name);
        }
        machine.sync();
        world.cloud.web_edit("sub/edited.txt", b"edited there");
        world.cloud.web_trash("sub/deleted.txt");
        world.cloud.web_move("sub/moved.txt", "sub/moved on.txt");
        world.cloud.web_create("sub/new.txt", b"new there");
        world.cloud.web_create("sub/made/new.txt", b"new there, deeper");
        let before = disk::everything(&outside);
        let sub = machine.local.join("sub");
        let command = "mv $S $S-was; ln -s $OUT $S"
            .replace("$S", text(&sub))
            .replace("$OUT", text(&outside));
        let part = if call == "openat2" {
            "folder/sub"
        } else {
            "folder/sub/"
        };
        run_meeting(&mut machine, &[Rule::before(call, part, &command)]);
        assert_eq!(
            disk::everything(&outside),
            before,
            "{call}: something outside was changed"
        );
        for _ in 0..2 {
            let run = machine.once(&[]);
            assert!([0, 3].contains(&run.code), "{call}: {run:?}");
            assert_eq!(
                disk::everything(&outside),
                before,
                "{call}: something outside was changed later"
            );
        }
        let there = contents(&world.cloud.tree());
        assert!(
            !there.contains(&content_of(b"not yours")),
            "{call}: something from outside went up"
        );
        assert!(sub.is_symlink(), "{call}: the user's link is gone");
        // The user takes the link away: everything agrees, and nothing is missing.
        std::fs::remove_file(&sub).unwrap();
        if !sub.exists() && machine.local.join("sub-was").exists() {
            std::fs::rename(machine.local.join("sub-was"), &sub).unwrap();
        }
        machine.settle(5, false);
        assert_same(&machine.tree(), &world.cloud.tree());
        let all = everywhere(&world, &machine);
        for bytes in [
            "edited there",
            "new there",
            "new there, deeper",
            "moved.txt",
            "deleted.txt",
            "edited.txt",
        ] {
            assert!(
                all.contains(&content_of(bytes.as_bytes())),
                "{call}: {bytes} is lost"
            );
        }
    }
}

#[test]
fn a_link_swapped_in_for_a_folder_sends_nothing_from_outside() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    let secret = world.join("secret");
    std::fs::create_dir(&secret).unwrap();
    // The same name, size and time: only the way to it differs. Large files are sent without being hashed before.
    let mine = machine.write("sub/a.bin", bytes(LARGE, 1));
    std::fs::write(secret.join("a.bin"), bytes(LARGE, 2)).unwrap();
    let sub = machine.local.join("sub");
    let command = "touch -r $S/a.bin $OUT/a.bin; mv $S $OUT-was; ln -s $OUT $S"
        .replace("$S", text(&sub))
        .replace("$OUT", text(&secret));
    run_meeting(&mut machine, &[Rule::before("openat2", "sub/a.bin", &command)]);
    machine.once(&[]);
    let there = everywhere(&world, &machine);
    assert!(there.is_subset(&BTreeSet::from([mine])), "{there:?}");
    assert_eq!(
        disk::content_at(&secret.join("a.bin")),
        content_of(&bytes(LARGE, 2))
    );
    assert_eq!(disk::content_at(&world.join("secret-was/a.bin")), mine);
}
