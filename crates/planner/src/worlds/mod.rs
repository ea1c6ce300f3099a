//! Every small world: all triples of trees of up to three nodes, two names and two contents, each lived under every
//! policy; and seeded ones of up to four nodes and three names, of which there are too many.
//!
//! A normal run lives a fixed sample. `SYNCD_EXHAUSTIVE=1` lives them all, `SYNCD_WORLD=N..M` those from N to before M; of
//! triples that differ only by which name or which content is which, the first. One in so many of them is looked at with
//! all care, that is, its plan is made in other ways as well. `SYNCD_WORLD=N` lives the one of that number with all care.

mod check;
mod events;
mod forest;
mod world;

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use self::check::{Care, check};
use self::forest::Space;
use self::world::World;
use crate::pretend::Rng;

/// How many failures are told in full; all are counted.
const TOLD: usize = 5;
/// What a thread takes at a time.
const PIECE: u64 = 1_000;
/// Of many worlds, one in so many is looked at with all care.
const LOOKED_AT: usize = 8;

/// What came out of many worlds.
#[derive(Default, Debug)]
struct Report {
    worlds: u64,
    /// Left out, because a mirror image of them is lived.
    mirrored: u64,
    /// Looked at with all care.
    cared: u64,
    /// Lived under every policy, because it made a difference.
    contested: u64,
    failed: u64,
    told: Vec<String>,
}

impl Report {
    fn add(&mut self, number: u64, world: &World, care: Care) {
        self.worlds += 1;
        self.cared += u64::from(care == Care::All);
        match check(world, care) {
            Ok(tally) => self.contested += u64::from(tally.contested),
            Err(why) => {
                self.failed += 1;
                if self.told.len() < TOLD {
                    self.told
                        .push(format!("SYNCD_WORLD={number}\n{}{why}\n", world.text()));
                }
            }
        }
    }

    fn join(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.mirrored += other.mirrored;
        self.cared += other.cared;
        self.contested += other.contested;
        self.failed += other.failed;
        self.told.extend(other.told);
        self.told.truncate(TOLD);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} worlds lived ({} with all care, {} contested), {} mirror images left out, {} failed",
            self.worlds, self.cared, self.contested, self.mirrored, self.failed
        )
    }
}

/// Which worlds are to be lived.
struct Order {
    numbers: Range<u64>,
    step: u64,
}

impl Order {
    /// What the user asks for, else one in so many of all.
    fn new(all: u64, sample: u64) -> Self {
        let number = |text: &str| -> u64 { text.parse().expect("SYNCD_WORLD is N or N..M") };
        let (numbers, step) = match std::env::var("SYNCD_WORLD") {
            Ok(text) => match text.split_once("..") {
                Some((from, to)) => (number(from)..number(to).min(all), 1),
                None => (number(&text)..number(&text) + 1, 1),
            },
            Err(_) if std::env::var_os("SYNCD_EXHAUSTIVE").is_some() => (0..all, 1),
            Err(_) => (0..all, sample),
        };
        Self { numbers, step }
    }

    fn len(&self) -> u64 {
        (self.numbers.end - self.numbers.start).div_ceil(self.step)
    }

    /// Whether there are so many that work is to be spared.
    fn is_long(&self) -> bool {
        self.step == 1 && self.len() > 1
    }

    fn care(&self, number: u64) -> Care {
        if self.is_long() && !Rng::new(!number).one_in(LOOKED_AT) {
            Care::Less
        } else {
            Care::All
        }
    }

    /// Lives them on all processors, and fails with the first that fail. A world that is none is a mirror image.
    fn live(&self, what: &str, world: impl Fn(u64) -> Option<World> + Sync) {
        let begun = Instant::now();
        let (next, report) = (AtomicU64::new(0), Mutex::new(Report::default()));
        let work = || {
            let mut mine = Report::default();
            loop {
                let from = next.fetch_add(PIECE, Ordering::Relaxed);
                if from >= self.len() {
                    break;
                }
                for at in from..self.len().min(from + PIECE) {
                    let number = self.numbers.start + at * self.step;
                    match world(number) {
                        Some(world) => mine.add(number, &world, self.care(number)),
                        None => mine.mirrored += 1,
                    }
                }
            }
            report.lock().unwrap().join(mine);
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        let report = report.into_inner().unwrap();
        println!(
            "{what} {:?}: {report}, {} s",
            self.numbers,
            begun.elapsed().as_secs()
        );
        assert!(report.failed == 0, "{report}\n{}", report.told.join("\n"));
    }
}

#[test]
fn every_triple_of_trees_of_three_nodes_has_the_six_properties() {
    /// Without the variables, one world in so many; a prime, so that no choice is left out.
    const SAMPLE: u64 = 7_481;
    let space = Space::new(3, 2, 2);
    assert_eq!(space.len(), 93_576_556);
    let order = Order::new(space.len(), SAMPLE);
    order.live("three nodes", |number| {
        let lived = !order.is_long() || space.is_first(number);
        lived.then(|| World::new(number, space.triple(number)))
    });
}

#[test]
fn triples_of_trees_of_four_nodes_have_the_six_properties() {
    const ALL: u64 = 10_000_000;
    const SAMPLE: u64 = 1_999;
    let space = Space::new(4, 3, 2);
    Order::new(ALL, SAMPLE).live("four nodes", |number| {
        let triple = space.triple(Rng::new(number).next() % space.len());
        Some(World::new(number, triple))
    });
}
