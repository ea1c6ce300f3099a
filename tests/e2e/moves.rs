//! Renames of every kind on either side, deletions against changes, and names that differ only in case or spelling. A rename
//! moves no bytes; a change beats a deletion, whoever made which.

use crate::checker::{assert_equal, assert_same};
use crate::world::{Dialect, Entry, Machine, Tree, World, content_of};

/// Who does it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hand {
    Here,
    There,
}

const HANDS: [Hand; 2] = [Hand::Here, Hand::There];

impl Hand {
    fn rename(self, world: &World, machine: &Machine, from: &str, to: &str) {
        match self {
            Self::Here => machine.rename(from, to),
            Self::There => world.cloud.web_move(from, to),
        }
    }

    fn remove(self, world: &World, machine: &Machine, path: &str) {
        match self {
            Self::Here => machine.remove(path),
            Self::There => world.cloud.web_trash(path),
        }
    }

    fn edit(self, world: &World, machine: &Machine, path: &str, text: &str) {
        match self {
            Self::Here => drop(machine.write(path, text)),
            Self::There => drop(world.cloud.web_edit(path, text.as_bytes())),
        }
    }

    fn create(self, world: &World, machine: &Machine, path: &str, text: &str) {
        match self {
            Self::Here => drop(machine.write(path, text)),
            Self::There => drop(world.cloud.web_create(path, text.as_bytes())),
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Here => Self::There,
            Self::There => Self::Here,
        }
    }
}

/// Files whose content is their first path.
fn agreed(dialect: Dialect, files: &[&str]) -> (World, Machine) {
    let world = World::start(dialect);
    let mut machine = world.machine("d1");
    machine.set("max_delete_percent", "100");
    for path in files {
        machine.write(path, path);
    }
    machine.settle(3, false);
    (world, machine)
}

/// Files by path, with what is in them.
fn files(pairs: &[(&str, &str)]) -> Tree {
    let entry = |(path, text): &(&str, &str)| ((*path).to_owned(), Entry::File(content_of(text.as_bytes())));
    pairs.iter().map(entry).collect()
}

fn only_files(mut tree: Tree) -> Tree {
    tree.retain(|_, entry| *entry != Entry::Folder);
    tree
}

/// Renames, one after the other, and what is where in the end.
struct Story {
    name: &'static str,
    renames: &'static [(&'static str, &'static str)],
    ends: &'static [(&'static str, &'static str)],
}

const BEFORE: [&str; 6] = ["a.txt", "b.txt", "c.txt", "x/1.txt", "x/y/2.txt", "z/3.txt"];

const STORIES: [Story; 8] = [
    Story {
        name: "a chain of files",
        renames: &[("c.txt", "d.txt"), ("b.txt", "c.txt"), ("a.txt", "b.txt")],
        ends: &[
            ("b.txt", "a.txt"),
            ("c.txt", "b.txt"),
            ("d.txt", "c.txt"),
            ("x/1.txt", "x/1.txt"),
            ("x/y/2.txt", "x/y/2.txt"),
            ("z/3.txt", "z/3.txt"),
        ],
    },
    Story {
        name: "a swap of files",
        renames: &[("a.txt", "parked"), ("b.txt", "a.txt"), ("parked", "b.txt")],
        ends: &[
            ("a.txt", "b.txt"),
            ("b.txt", "a.txt"),
            ("c.txt", "c.txt"),
            ("x/1.txt", "x/1.txt"),
            ("x/y/2.txt", "x/y/2.txt"),
            ("z/3.txt", "z/3.txt"),
        ],
    },
    Story {
        name: "a ring of three files over folders",
        renames: &[
            ("a.txt", "parked"),
            ("z/3.txt", "a.txt"),
            ("x/1.txt", "z/3.txt"),
            ("parked", "x/1.txt"),
        ],
        ends: &[
            ("a.txt", "z/3.txt"),
            ("b.txt", "b.txt"),
            ("c.txt", "c.txt"),
            ("x/1.txt", "a.txt"),
            ("x/y/2.txt", "x/y/2.txt"),
            ("z/3.txt", "x/1.txt"),
        ],
    },
    Story {
        name: "a swap of folders",
        renames: &[("x", "parked"), ("z", "x"), ("parked", "z")],
        ends: &[
            ("a.txt", "a.txt"),
            ("b.txt", "b.txt"),
            ("c.txt", "c.txt"),
            ("x/3.txt", "z/3.txt"),
            ("z/1.txt", "x/1.txt"),
            ("z/y/2.txt", "x/y/2.txt"),
        ],
    },
    Story {
        name: "an inversion: the inner folder becomes the outer one",
        renames: &[("x/y", "parked"), ("x", "parked/x"), ("parked", "y")],
        ends: &[
            ("a.txt", "a.txt"),
            ("b.txt", "b.txt"),
            ("c.txt", "c.txt"),
            ("y/2.txt", "x/y/2.txt"),
            ("y/x/1.txt", "x/1.txt"),
            ("z/3.txt", "z/3.txt"),
        ],
    },
    Story {
        name: "an inversion that swaps the names too",
        renames: &[("x/y", "parked"), ("x", "parked/y"), ("parked", "x")],
        ends: &[
            ("a.txt", "a.txt"),
            ("b.txt", "b.txt"),
            ("c.txt", "c.txt"),
            ("x/2.txt", "x/y/2.txt"),
            ("x/y/1.txt", "x/1.txt"),
            ("z/3.txt", "z/3.txt"),
        ],
    },
    Story {
        name: "a folder and what is in it",
        renames: &[
            ("x", "x2"),
            ("x2/1.txt", "x2/one.txt"),
            ("x2/y", "z/y"),
            ("z/y/2.txt", "two.txt"),
        ],
        ends: &[
            ("a.txt", "a.txt"),
            ("b.txt", "b.txt"),
            ("c.txt", "c.txt"),
            ("two.txt", "x/y/2.txt"),
            ("x2/one.txt", "x/1.txt"),
            ("z/3.txt", "z/3.txt"),
        ],
    },
    Story {
        name: "only the case of a file and of a folder",
        renames: &[("a.txt", "A.TXT"), ("x", "X"), ("X/1.txt", "X/1.Txt")],
        ends: &[
            ("A.TXT", "a.txt"),
            ("X/1.Txt", "x/1.txt"),
            ("X/y/2.txt", "x/y/2.txt"),
            ("b.txt", "b.txt"),
            ("c.txt", "c.txt"),
            ("z/3.txt", "z/3.txt"),
        ],
    },
];

#[test]
fn chains_swaps_rings_and_inversions_on_either_side_move_no_bytes() {
    for dialect in [Dialect::Document, Dialect::V4] {
        for story in &STORIES {
            for hand in HANDS {
                let what = format!("{dialect}, {hand:?}: {}", story.name);
                let (world, machine) = agreed(dialect, &BEFORE);
                for (from, to) in story.renames {
                    hand.rename(&world, &machine, from, to);
                }
                let mark = world.cloud.mark();
                machine.settle(4, false);
                let did = world.cloud.since(&mark);
                assert_equal(&files(story.ends), &only_files(machine.tree()));
                assert_same(&machine.tree(), &world.cloud.tree());
                assert_eq!(
                    (did.at("/file/upload"), did.downloads),
                    (0, 0),
                    "{what}: bytes moved: {did:?}"
                );
                assert_eq!(world.cloud.trash().len(), 0, "{what}: something was thrown away");
                let mark = world.cloud.mark();
                machine.sync();
                assert_eq!(world.cloud.since(&mark).mutations, 0, "{what}: no rest");
            }
        }
    }
}

#[test]
fn different_renames_on_both_sides_at_once_lose_and_double_nothing() {
    for here in &STORIES {
        for there in &STORIES {
            let (world, machine) = agreed(Dialect::Document, &BEFORE);
            for (hand, story) in [(Hand::Here, here), (Hand::There, there)] {
                for (from, to) in story.renames {
                    hand.rename(&world, &machine, from, to);
                }
            }
            machine.settle(6, false);
            let what = format!("here {}, there {}", here.name, there.name);
            assert_same(&machine.tree(), &world.cloud.tree());
            let mut found: Vec<Entry> = only_files(machine.tree()).into_values().collect();
            let mut meant: Vec<Entry> = BEFORE
                .iter()
                .map(|text| Entry::File(content_of(text.as_bytes())))
                .collect();
            found.sort();
            meant.sort();
            assert_eq!(found, meant, "{what}: {:#?}", machine.tree());
        }
    }
}

#[test]
fn an_edit_beats_a_deletion_on_either_side() {
    for dialect in [Dialect::Document, Dialect::V4] {
        for hand in HANDS {
            let (world, machine) = agreed(dialect, &["a.txt", "docs/b.txt", "else/stays.txt"]);
            hand.remove(&world, &machine, "a.txt");
            hand.remove(&world, &machine, "docs");
            hand.other().edit(&world, &machine, "a.txt", "edited");
            hand.other().edit(&world, &machine, "docs/b.txt", "edited too");
            machine.settle(4, false);
            let meant = files(&[
                ("a.txt", "edited"),
                ("docs/b.txt", "edited too"),
                ("else/stays.txt", "else/stays.txt"),
            ]);
            assert_equal(&meant, &only_files(machine.tree()));
            assert_same(&machine.tree(), &world.cloud.tree());
        }
    }
}

#[test]
fn a_new_file_keeps_the_folder_that_the_other_side_deletes_and_nothing_else_of_it() {
    for dialect in [Dialect::Document, Dialect::V4] {
        for hand in HANDS {
            let (world, machine) = agreed(
                dialect,
                &[
                    "docs/a.txt",
                    "docs/deep/b.txt",
                    "docs/empty/c.txt",
                    "else/stays.txt",
                ],
            );
            hand.remove(&world, &machine, "docs");
            hand.other().create(&world, &machine, "docs/deep/new.txt", "new");
            machine.settle(5, false);
            let meant = files(&[("docs/deep/new.txt", "new"), ("else/stays.txt", "else/stays.txt")]);
            assert_equal(&meant, &only_files(machine.tree()));
            assert_same(&machine.tree(), &world.cloud.tree());
        }
    }
}

#[test]
fn a_folder_moved_on_one_side_takes_along_what_is_new_in_it_on_the_other() {
    for hand in HANDS {
        let (world, machine) = agreed(
            Dialect::Document,
            &["docs/a.txt", "docs/deep/b.txt", "else/c.txt"],
        );
        hand.rename(&world, &machine, "docs", "else/papers");
        hand.other().create(&world, &machine, "docs/deep/new.txt", "new");
        hand.other().edit(&world, &machine, "docs/a.txt", "edited");
        machine.settle(5, false);
        let meant = files(&[
            ("else/c.txt", "else/c.txt"),
            ("else/papers/a.txt", "edited"),
            ("else/papers/deep/b.txt", "docs/deep/b.txt"),
            ("else/papers/deep/new.txt", "new"),
        ]);
        assert_equal(&meant, &only_files(machine.tree()));
        assert_same(&machine.tree(), &world.cloud.tree());
    }
}

#[test]
fn the_same_content_under_many_names_stays_as_many_files() {
    for hand in HANDS {
        let (world, machine) = agreed(Dialect::V4, &["anchor.txt"]);
        for path in ["one.txt", "two.txt", "docs/one.txt", "docs/three.txt"] {
            machine.write(path, "the same bytes");
        }
        machine.settle(3, false);
        assert_same(&machine.tree(), &world.cloud.tree());
        // One goes, one moves, one changes, one stays.
        hand.remove(&world, &machine, "one.txt");
        hand.rename(&world, &machine, "two.txt", "docs/two.txt");
        hand.edit(&world, &machine, "docs/one.txt", "other bytes");
        hand.create(&world, &machine, "four.txt", "the same bytes");
        machine.settle(4, false);
        let meant = files(&[
            ("anchor.txt", "anchor.txt"),
            ("docs/one.txt", "other bytes"),
            ("docs/three.txt", "the same bytes"),
            ("docs/two.txt", "the same bytes"),
            ("four.txt", "the same bytes"),
        ]);
        assert_equal(&meant, &only_files(machine.tree()));
        assert_same(&machine.tree(), &world.cloud.tree());
    }
}
