//! kill -9 at moments by seed, during first syncs and during edits, renames, moves and deletions on both sides:
//! afterwards runs converge to exactly what both users meant; nothing is lost, nothing is there twice.
//!
//! A few dozen kills in the normal run; 200:
//!
//!     SYNCD_TEST_KILLS=200 cargo test --release -p syncd --test e2e kill
//!
//! A failing story prints its seed; `SYNCD_TEST_SEED` and `SYNCD_TEST_DIALECT` tell it again.

use std::time::{Duration, Instant};

use crate::checker::{Witness, assert_equal, assert_same};
use crate::samples::{Dice, bytes};
use crate::world::{Cloud, Dialect, Entry, Machine, Tree, World, content_of, in_every_dialect, number};

/// Kills of the normal run, over all dialects.
const KILLS: u64 = 28;
/// Runs within which a machine must agree after a kill.
const RUNS: u32 = 12;
/// Longest wait for the moment of a kill that goes by the clock, in milliseconds: about what a run takes.
const LONGEST: u64 = 400;
/// Most requests before a kill that goes by them: about what a run makes.
const MOST: u64 = 45;
/// Longest wait after those requests, in milliseconds: what is done without the server is hit too.
const AFTER: u64 = 12;

/// Who works where: each user has folders of his own, and files of his own in `both`, so that what both mean is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hand {
    Here,
    There,
}

impl Hand {
    fn owns(self, path: &str) -> bool {
        let name = path.strip_prefix("both/").unwrap_or(path);
        name.starts_with(match self {
            Self::Here => "here",
            Self::There => "there",
        })
    }
}

/// A machine, an account, and what both users mean them to hold.
struct Story {
    cloud: Cloud,
    machine: Machine,
    meant: Tree,
    dice: Dice,
    serial: u64,
    told: Vec<String>,
    /// Runs may end early: this server answers with pages now and then.
    may_fail: bool,
}

impl Story {
    fn files(&self, hand: Hand) -> Vec<String> {
        let own = |(path, entry): (&String, &Entry)| {
            (matches!(entry, Entry::File(_)) && hand.owns(path)).then(|| path.clone())
        };
        self.meant.iter().filter_map(own).collect()
    }

    /// Folders a hand may rename or delete: second level, so that its own top ones always stay.
    fn folders(&self, hand: Hand) -> Vec<String> {
        let own = |(path, entry): (&String, &Entry)| {
            (*entry == Entry::Folder && hand.owns(path) && path.contains('/')).then(|| path.clone())
        };
        self.meant.iter().filter_map(own).collect()
    }

    fn fresh(&mut self, hand: Hand) -> String {
        self.serial += 1;
        let word = if hand == Hand::Here { "here" } else { "there" };
        let folder = match self.dice.below(4) {
            0 => "both".to_owned(),
            1 => word.to_owned(),
            n => format!("{word}/sub-{}", n + self.dice.below(3)),
        };
        format!("{folder}/{word}-{}.txt", self.serial)
    }

    fn content(&mut self) -> Vec<u8> {
        self.serial += 1;
        let size = if self.dice.below(12) == 0 {
            9 << 20
        } else {
            500 + self.dice.below(20_000)
        };
        bytes(size, self.serial)
    }

    fn mean(&mut self, path: &str, entry: Entry) {
        for (at, _) in path.match_indices('/') {
            self.meant.insert(path[..at].to_owned(), Entry::Folder);
        }
        self.meant.insert(path.to_owned(), entry);
    }

    fn mean_moved(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let moved: Vec<String> = self
            .meant
            .keys()
            .filter(|path| *path == from || path.starts_with(&below))
            .cloned()
            .collect();
        for path in moved {
            let entry = self.meant.remove(&path).unwrap();
            self.mean(&format!("{to}{}", &path[from.len()..]), entry);
        }
    }

    fn mean_gone(&mut self, path: &str) {
        let below = format!("{path}/");
        self.meant
            .retain(|other, _| other != path && !other.starts_with(&below));
    }

    fn write(&mut self, hand: Hand, path: &str) {
        let bytes = self.content();
        match hand {
            Hand::Here => drop(self.machine.write(path, &bytes)),
            Hand::There if self.meant.contains_key(path) => drop(self.cloud.web_edit(path, &bytes)),
            Hand::There => drop(self.cloud.web_create(path, &bytes)),
        }
        self.mean(path, Entry::File(content_of(&bytes)));
    }

    fn shift(&mut self, hand: Hand, from: &str, to: &str) {
        match hand {
            Hand::Here => self.machine.rename(from, to),
            Hand::There => self.cloud.web_move(from, to),
        }
        self.mean_moved(from, to);
    }

    fn delete(&mut self, hand: Hand, path: &str) {
        match hand {
            Hand::Here => self.machine.remove(path),
            Hand::There => self.cloud.web_trash(path),
        }
        self.mean_gone(path);
    }

    /// One thing a user does.
    fn act(&mut self, hand: Hand) {
        let files = self.files(hand);
        let folders = self.folders(hand);
        let said = match self.dice.below(8) {
            2 | 3 if !files.is_empty() => {
                let path = self.dice.pick(&files).clone();
                self.write(hand, &path);
                format!("edits {path}")
            }
            4 if !files.is_empty() => {
                let from = self.dice.pick(&files).clone();
                let to = self.fresh(hand);
                self.shift(hand, &from, &to);
                format!("moves {from} to {to}")
            }
            5 if !folders.is_empty() => {
                let from = self.dice.pick(&folders).clone();
                self.serial += 1;
                let to = format!("{}-r{}", from.split("-r").next().unwrap(), self.serial);
                self.shift(hand, &from, &to);
                format!("renames {from} to {to}")
            }
            6 if files.len() > 6 => {
                let path = self.dice.pick(&files).clone();
                self.delete(hand, &path);
                format!("deletes {path}")
            }
            7 if folders.len() > 3 => {
                let path = self.dice.pick(&folders).clone();
                self.delete(hand, &path);
                format!("deletes {path}")
            }
            _ => {
                let path = self.fresh(hand);
                self.write(hand, &path);
                format!("makes {path}")
            }
        };
        self.told.push(format!("{hand:?} {said}"));
    }

    fn both_act(&mut self, most: u64) {
        for hand in [Hand::Here, Hand::There] {
            for _ in 0..=self.dice.below(most) {
                self.act(hand);
            }
        }
    }

    /// A run that is killed after some requests or some time, whichever the dice say. Answers whether it still ran.
    fn kill(&mut self) -> bool {
        let mark = self.cloud.mark();
        let by_clock = self.dice.below(2) == 0;
        let (requests, wait) = (self.dice.below(MOST), if by_clock { LONGEST } else { AFTER });
        let wait = Duration::from_millis(self.dice.below(wait));
        let mut reached = by_clock.then(Instant::now);
        let mut running = self.machine.spawn_once(&[]);
        running.watch(|_| {
            if reached.is_none() && self.cloud.since(&mark).requests >= requests {
                reached = Some(Instant::now());
            }
            reached.is_some_and(|at| at.elapsed() >= wait)
        });
        let killed = running.kill();
        let what = if killed { "killed" } else { "was through" };
        self.told.push(format!(
            "syncd {what} after {} requests",
            self.cloud.since(&mark).requests
        ));
        killed
    }

    /// Runs to agreement. It is on exactly what was meant, unless the user here went on with things that a killed run
    /// had half done: then what he deleted or moved may be where that run had put it, but nothing is lost or there
    /// twice.
    fn check(&mut self, restless: bool) {
        let runs = self.machine.settle(RUNS, self.may_fail);
        self.told.push(format!("agreed after {runs} runs"));
        let here = self.machine.tree();
        if restless {
            let mut witness = Witness::default();
            for (path, entry) in &self.meant {
                if let Entry::File(content) = entry {
                    witness.wrote(path, *content);
                }
            }
            witness.assert_kept_once(&here);
            self.meant.clone_from(&here);
        } else {
            assert_equal(&self.meant, &here);
        }
        assert_same(&here, &self.cloud.tree());
        let mark = self.cloud.mark();
        self.machine.settle(RUNS, self.may_fail);
        let did = self.cloud.since(&mark);
        assert_eq!(
            (did.mutations, did.downloads),
            (0, 0),
            "a pass after agreement worked: {did:?}"
        );
    }
}

fn survives(dialect: Dialect) {
    let kills = number("SYNCD_TEST_KILLS", KILLS).div_ceil(4);
    let seed = number("SYNCD_TEST_SEED", 7);
    let world = World::seeded(dialect, seed);
    let mut story = Story {
        machine: world.machine("d1"),
        cloud: world.cloud.clone(),
        meant: Tree::new(),
        dice: Dice::new(seed),
        serial: 0,
        told: Vec::new(),
        may_fail: dialect == Dialect::Hostile,
    };
    // Deletions of few files among few are meant here.
    story.machine.set("max_delete_percent", "100");
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for hand in [Hand::Here, Hand::There] {
            for _ in 0..25 {
                let path = story.fresh(hand);
                story.write(hand, &path);
            }
        }
        let (mut done, mut tried) = (0, 0);
        while done < kills {
            let restless = story.dice.below(2) == 0;
            for _ in 0..=story.dice.below(2) {
                done += u64::from(story.kill());
                match story.dice.below(2) {
                    0 => {}
                    _ if restless => story.both_act(3),
                    _ => story.act(Hand::There),
                }
            }
            story.check(restless);
            story.both_act(6);
            tried += 1;
            assert!(tried <= 8 * kills + 8, "runs end too early to be killed");
        }
    }));
    if let Err(panic) = told {
        eprintln!("{dialect}, seed {seed}:\n{}", story.told.join("\n"));
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn killed_at_any_moment_it_converges_in_every_dialect() {
    in_every_dialect(survives);
}
