//! Every version that a sync replaces or removes stays within reach: what went on the disk is in the local trash, what went
//! in the account is in the account's.

use std::collections::BTreeMap;

use crate::checker::assert_same;
use crate::world::disk::Content;
use crate::world::{Dialect, Entry, Machine, Tree, World, disk};

/// What each version was, for a test that fails.
type Versions = BTreeMap<Content, String>;

/// A world in which every version is written down.
struct Story {
    world: World,
    machine: Machine,
    /// All there ever was.
    all: Versions,
    /// Versions both sides agreed on: what becomes of them is syncd's doing.
    agreed: Tree,
    serial: u32,
}

impl Story {
    fn here(&mut self, path: &str) {
        self.serial += 1;
        let text = format!("{path}, version {}, written here", self.serial);
        let content = self.machine.write(path, &text);
        self.all.insert(content, text);
    }

    fn there(&mut self, path: &str) {
        self.serial += 1;
        let text = format!("{path}, version {}, written there", self.serial);
        let content = if self.world.cloud.tree().contains_key(path) {
            self.world.cloud.web_edit(path, text.as_bytes())
        } else {
            self.world.cloud.web_create(path, text.as_bytes())
        };
        self.all.insert(content, text);
    }

    fn in_tree(tree: &Tree) -> Vec<Content> {
        let content = |entry: &Entry| match entry {
            Entry::File(content) => Some(*content),
            Entry::Folder | Entry::Other(_) => None,
        };
        tree.values().filter_map(content).collect()
    }

    fn trash_here(&self) -> Vec<Content> {
        Self::in_tree(&disk::everything(&self.machine.local.join(".syncd/trash")))
    }

    /// Syncs, and checks what became of each version that was on a side before.
    fn sync(&mut self, what: &str) {
        let (here, there) = (self.machine.tree(), self.world.cloud.tree());
        self.machine.settle(5, false);
        let (now_here, now_there) = (self.machine.tree(), self.world.cloud.tree());
        assert_same(&now_here, &now_there);
        let (live, trash_here, trash_there) = (
            Self::in_tree(&now_here),
            self.trash_here(),
            self.world.cloud.trash(),
        );
        for content in Self::in_tree(&here) {
            let kept =
                live.contains(&content) || trash_here.contains(&content) || trash_there.contains(&content);
            assert!(
                kept,
                "{what}: taken from this disk and nowhere: {:?}",
                self.all.get(&content)
            );
            // If it is not in the account's trash, it must be in ours: a version of the user's here that never was there.
            let was_there =
                Self::in_tree(&there).contains(&content) || Self::in_tree(&self.agreed).contains(&content);
            let reachable = live.contains(&content) || trash_here.contains(&content);
            assert!(
                reachable || was_there,
                "{what}: only there: {:?}",
                self.all.get(&content)
            );
        }
        for content in Self::in_tree(&there) {
            let kept = live.contains(&content) || trash_there.contains(&content);
            assert!(
                kept,
                "{what}: taken from the account, and not in its trash: {:?}",
                self.all.get(&content)
            );
        }
        self.agreed = now_here;
    }

    /// Everything there ever was is live or in one of the two trashes.
    fn assert_all_kept(&self, what: &str) {
        let mut found = Self::in_tree(&self.machine.tree());
        found.extend(Self::in_tree(&self.world.cloud.tree()));
        found.extend(self.trash_here());
        found.extend(self.world.cloud.trash());
        let lost: Vec<_> = self
            .all
            .iter()
            .filter(|(content, _)| !found.contains(content))
            .collect();
        assert!(lost.is_empty(), "{what}: lost {lost:#?}");
    }
}

/// Files, one for each thing that may happen to one.
const FILES: [&str; 12] = [
    "edited here.txt",
    "edited there.txt",
    "edited on both sides.txt",
    "deleted here.txt",
    "deleted there.txt",
    "deleted on both sides.txt",
    "edited here, deleted there.txt",
    "deleted here, edited there.txt",
    "folder/renamed here, edited there.txt",
    "folder/renamed there, edited here.txt",
    "gone folder/deleted with it.txt",
    "other folder/deleted with it.txt",
];

/// Edits, deletions, renames and conflicts on both sides, synced in between so that each version was agreed on.
fn lives_through_everything(world: World, policy: &str) {
    let mut machine = world.machine("d1");
    machine.set("conflict", &format!("\"{policy}\""));
    machine.set("max_delete_percent", "100");
    let mut story = Story {
        world,
        machine,
        all: Versions::new(),
        agreed: Tree::new(),
        serial: 0,
    };
    for path in FILES {
        story.here(path);
    }
    story.sync("the first sync");
    for round in 0..2 {
        story.here("edited here.txt");
        story.there("edited there.txt");
        story.sync(&format!("{policy}: edits, round {round}"));
        story.there("edited on both sides.txt");
        story.here("edited on both sides.txt");
        story.sync(&format!("{policy}: a conflict, round {round}"));
        story.here("new on both sides.txt");
        story.there("new on both sides.txt");
        story.sync(&format!("{policy}: new on both sides, round {round}"));
    }
    story.here("edited here, deleted there.txt");
    story.world.cloud.web_trash("edited here, deleted there.txt");
    story.machine.remove("deleted here, edited there.txt");
    story.there("deleted here, edited there.txt");
    story.sync(&format!("{policy}: edits against deletions"));
    story
        .machine
        .rename("folder/renamed here, edited there.txt", "folder/now here.txt");
    story.there("folder/renamed here, edited there.txt");
    story
        .world
        .cloud
        .web_move("folder/renamed there, edited here.txt", "folder/now there.txt");
    story.here("folder/renamed there, edited here.txt");
    story.sync(&format!("{policy}: renames against edits"));
    story.machine.remove("deleted here.txt");
    story.world.cloud.web_trash("deleted there.txt");
    story.machine.remove("deleted on both sides.txt");
    story.world.cloud.web_trash("deleted on both sides.txt");
    story.machine.remove("gone folder");
    story.world.cloud.web_trash("other folder");
    story.sync(&format!("{policy}: deletions"));
    story.here("a file here, a folder there");
    story.there("a file here, a folder there/inside.txt");
    story.there("a folder here, a file there");
    story.here("a folder here, a file there/inside.txt");
    story.sync(&format!("{policy}: files against folders"));
    story.assert_all_kept(policy);

    // Not only somewhere: each version that the sync took from this disk for a deletion is brought back by its name.
    story
        .machine
        .run(&[
            "restore",
            story.machine.local.join("deleted there.txt").to_str().unwrap(),
        ])
        .expect(0);
    assert!(
        story
            .machine
            .read("deleted there.txt")
            .starts_with("deleted there.txt, version")
    );
    story.sync(&format!("{policy}: what was restored goes up again"));
    assert!(story.world.cloud.tree().contains_key("deleted there.txt"));
    story.assert_all_kept(policy);
}

#[test]
fn both_trashes_hold_every_version_that_a_sync_replaced_or_removed_under_every_policy() {
    for policy in ["keep-both", "prefer-local", "prefer-remote", "prefer-newer"] {
        for dialect in [Dialect::Document, Dialect::V4] {
            lives_through_everything(World::start(dialect), policy);
        }
    }
}

#[test]
fn in_a_one_way_pair_the_side_that_is_written_keeps_its_old_versions_in_its_trash() {
    for (direction, written_here) in [("download", true), ("upload", false)] {
        let world = World::start(Dialect::Document);
        let mut machine = world.machine("d1");
        machine.set("max_delete_percent", "100");
        for path in ["both.txt", "theirs.txt", "mine.txt", "stays.txt"] {
            machine.write(path, format!("base of {path}"));
        }
        machine.sync();
        machine.set("direction", &format!("\"{direction}\""));
        let mine = machine.write("both.txt", "mine");
        let theirs = world.cloud.web_edit("both.txt", b"theirs");
        let edited = if written_here {
            world.cloud.web_trash("mine.txt");
            world.cloud.web_edit("theirs.txt", b"edited there")
        } else {
            machine.remove("mine.txt");
            machine.write("theirs.txt", "edited here")
        };
        for _ in 0..3 {
            machine.once(&[]);
        }
        let trash_here: Vec<Content> = Story::in_tree(&disk::everything(&machine.local.join(".syncd/trash")));
        let base = |path: &str| disk::content_of(format!("base of {path}").as_bytes());
        if written_here {
            for content in [mine, base("theirs.txt"), base("mine.txt")] {
                assert!(
                    trash_here.contains(&content),
                    "{direction}: {content:?} not in {trash_here:?}"
                );
            }
            assert_eq!(machine.tree()["both.txt"], Entry::File(theirs));
            assert_eq!(machine.tree()["theirs.txt"], Entry::File(edited));
        } else {
            let trash = world.cloud.trash();
            for content in [theirs, base("theirs.txt"), base("mine.txt")] {
                assert!(
                    trash.contains(&content),
                    "{direction}: {content:?} not in {trash:?}"
                );
            }
            assert!(
                trash_here.is_empty(),
                "the side that is never written was: {trash_here:?}"
            );
            assert_eq!(world.cloud.tree()["both.txt"], Entry::File(mine));
            assert_eq!(world.cloud.tree()["theirs.txt"], Entry::File(edited));
        }
    }
}
