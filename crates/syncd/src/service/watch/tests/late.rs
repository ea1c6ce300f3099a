//! Tests: a reader whose events are read only when a test says so, when the disk has long moved on. What in a service is a
//! race is a plain sequence here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::super::cover::Stop;
use super::super::ear::Ear;
use super::super::gather::Seen;
use super::super::reader::{Break, Reader};
use super::disk::{Disk, disturb};
use crate::local::sys::inotify::{Event, Flags};

/// Longer than anything is waited for.
const LONG: Duration = Duration::from_secs(3600);

/// A reader that reads late.
struct Late {
    disk: Disk,
    ear: Arc<Ear>,
    reader: Reader,
}

impl Late {
    fn new(folders: &[&str]) -> Self {
        let disk = Disk::new(folders);
        let ear = Arc::new(Ear::new(&disk.root));
        let stop = Arc::new(Stop::new().unwrap());
        let reader = Reader::new(&ear, &stop).unwrap();
        Self { disk, ear, reader }
    }

    /// Reads so many events, and no more; answers whether there were so many.
    fn read_some(&mut self, waiting: &mut Vec<Event>, count: usize) -> Result<(), Break> {
        self.reader.queue.read(waiting).unwrap();
        let count = count.min(waiting.len());
        for event in waiting.drain(..count) {
            self.reader.event(event, Instant::now())?;
        }
        Ok(())
    }

    /// Reads all that is to be read, until nothing is waited for.
    fn read_all(&mut self, waiting: &mut Vec<Event>) -> Result<(), Break> {
        loop {
            let more = self.reader.queue.read(waiting).unwrap();
            for event in waiting.drain(..) {
                self.reader.event(event, Instant::now())?;
            }
            if more {
                continue;
            }
            // What waits waited long enough: nothing happens at this moment.
            let now = Instant::now() + LONG;
            if self.reader.settle(now)?.is_none() {
                return Ok(());
            }
            let now = now + LONG;
            assert_eq!(self.reader.settle(now)?, None, "{:?}", self.reader);
        }
    }

    fn read(&mut self) -> Seen {
        self.read_all(&mut Vec::new()).unwrap();
        self.is_whole();
        self.ear.take().0
    }

    /// Where the tree says that watched folders are: exactly where folders are, and each is watched itself.
    fn is_whole(&self) {
        let watched: BTreeMap<PathBuf, _> = self.reader.watched().collect();
        assert_eq!(self.reader.queue.watches(), watched.len(), "none is left over");
        let there = self.disk.folders(&self.disk.root);
        let paths: BTreeSet<_> = watched.keys().cloned().collect();
        assert_eq!(paths, there);
        for (path, inode) in watched {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(
                fs::symlink_metadata(&path).unwrap().ino(),
                inode,
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn a_folder_made_in_one_that_is_gone_to_another_place_by_now_is_watched_there() {
    let mut late = Late::new(&["a", "b"]);
    late.disk.mkdir("a/x/y");
    late.disk.write("a/x/file");
    late.disk.rename("a", "b/c");
    let seen = late.read();
    assert!(!seen.lost && !seen.batch.everything);
    assert_eq!(seen.folders, BTreeSet::from([late.disk.at("b/c/x")]));
    // And one whose folder was replaced meanwhile, by one in which the same name is.
    late.disk.mkdir("b/c/z");
    late.disk.rename("b/c", "d");
    late.disk.mkdir("b/c/z");
    let seen = late.read();
    assert!(!seen.lost && !seen.batch.everything);
    assert!(seen.folders.contains(&late.disk.at("d/z")), "{seen:?}");
    assert!(seen.folders.contains(&late.disk.at("b/c")), "{seen:?}");
}

#[test]
fn who_is_renamed_again_and_again_is_still_one_move_each() {
    let mut late = Late::new(&["a/b/c"]);
    for (from, to) in [("a", "d"), ("d", "e"), ("e/b", "b"), ("e", "b/e"), ("b", "f")] {
        late.disk.rename(from, to);
    }
    let seen = late.read();
    assert!(
        !seen.lost && !seen.batch.everything && seen.folders.is_empty(),
        "{seen:?}"
    );
    assert!(seen.batch.paths.contains(&late.disk.at("f/c")) || seen.batch.paths.contains(&late.disk.at("f")));
}

#[test]
fn two_halves_that_others_come_between_are_one_move_and_what_is_open_then_is_not_signed() {
    let mut late = Late::new(&["a/x", "b/y", "to"]);
    late.disk.rename("a", "to/a");
    late.disk.rename("b", "to/b");
    late.disk.mkdir("to/a/x/new");
    late.disk.write("to/b/y/file");
    let sign = late.disk.at(".syncd/heard-1");
    late.ear.await_sign(sign.clone());
    fs::write(&sign, "").unwrap();
    let mut waiting = Vec::new();
    late.reader.queue.read(&mut waiting).unwrap();
    let is_of = |event: &Event, flag| event.flags.contains(flag);
    waiting.sort_by_key(|event| (!is_of(event, Flags::MOVED_FROM), is_of(event, Flags::MOVED_TO)));
    // Before anybody knows where they are: two moves, and what happened in them afterwards.
    let halves = waiting.iter().filter(|event| is_of(event, Flags::MOVED_TO));
    let count = waiting.len() - halves.count();
    late.read_some(&mut waiting, count).unwrap();
    assert_eq!(late.reader.moves.len(), 2);
    assert!(
        late.ear.signed().now_or_never().is_none(),
        "what is open happened before it"
    );
    late.read_all(&mut waiting).unwrap();
    late.is_whole();
    assert!(late.ear.signed().now_or_never().is_some());
    let seen = late.ear.take().0;
    assert!(!seen.lost && seen.batch.everything, "{seen:?}");
    assert_eq!(seen.folders, BTreeSet::from([late.disk.at("to/a/x/new")]));
    for path in ["a", "b", "to/a", "to/b"] {
        assert!(seen.batch.paths.contains(&late.disk.at(path)), "{path}: {seen:?}");
    }
}

#[test]
fn a_full_queue_a_file_system_that_goes_and_a_root_that_goes_are_the_end() {
    let mut late = Late::new(&["a"]);
    let root = late.reader.tree.root();
    let ends = [
        (-1, Flags::QUEUE_OVERFLOW),
        (root, Flags::UNMOUNT),
        (root, Flags::MOVE_SELF),
        (root, Flags::DELETE_SELF),
        (root, Flags::IGNORED),
    ];
    for (wd, flags) in ends {
        let event = Event {
            wd,
            flags,
            cookie: 0,
            name: None,
        };
        let end = late.reader.event(event, Instant::now());
        assert!(matches!(end, Err(Break::Lost(_))), "{flags:?}: {end:?}");
    }
    let late_one = Event {
        wd: 4711,
        flags: Flags::CREATE | Flags::ISDIR,
        cookie: 0,
        name: Some("x".into()),
    };
    assert_eq!(late.reader.event(late_one, Instant::now()), Ok(()));
}

#[test]
fn a_folder_that_is_nowhere_and_did_not_move_is_the_end() {
    let mut late = Late::new(&["a/b"]);
    late.disk.mkdir("a/b/new");
    let mut waiting = Vec::new();
    late.reader.queue.read(&mut waiting).unwrap();
    late.disk.rename("a", "c");
    // Of the move nothing is heard.
    late.reader.queue.read(&mut Vec::new()).unwrap();
    late.read_some(&mut waiting, usize::MAX).unwrap();
    let now = Instant::now();
    let until = late.reader.settle(now).unwrap().unwrap();
    let end = late.reader.settle(until);
    assert!(matches!(end, Err(Break::Lost(_))), "{end:?}");
}

#[test]
fn however_folders_come_and_go_all_are_watched_where_they_are_and_no_change_is_missed() {
    let mut exact = 0;
    for seed in 0..24 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut late = Late::new(&["n0/n1", "n2"]);
        let mut number = 0;
        for round in 0..30 {
            let mut waiting = Vec::new();
            let mut told: Vec<Seen> = Vec::new();
            let begun = number;
            for _ in 0..random.random_range(1..12) {
                number += 1;
                disturb(&late.disk, &mut random, number);
                if random.random_range(0..3) == 0 {
                    let some = random.random_range(0..6);
                    late.read_some(&mut waiting, some).unwrap();
                }
                if random.random_range(0..6) == 0 && told.len() < 3 {
                    told.push(late.ear.take().0);
                }
            }
            let read = late.read_all(&mut waiting);
            assert_eq!(read, Ok(()), "seed {seed}, round {round}");
            late.is_whole();
            told.push(late.ear.take().0);
            exact += usize::from(told.iter().all(|seen| !seen.batch.everything));
            is_told(&late.disk, &told, begun, (seed, round));
            assert!(late.reader.moves.is_empty() && late.reader.owed.is_empty());
        }
    }
    assert!(exact > 24 * 30 / 2, "{exact} rounds were told of exactly");
}

/// Every file that was written since is told of, by itself or with a folder in which it is.
fn is_told(disk: &Disk, told: &[Seen], begun: usize, at: (u64, usize)) {
    if told.iter().any(|seen| seen.batch.everything) {
        return;
    }
    for entry in walkdir::WalkDir::new(&disk.root) {
        let path = entry.unwrap().into_path();
        let text = path.file_name().unwrap().to_str().unwrap();
        let Some(number) = text.strip_prefix("file ") else {
            continue;
        };
        let number: usize = number.parse().unwrap();
        let is_told = |seen: &Seen| {
            seen.batch.paths.contains(&path) || path.ancestors().any(|above| seen.folders.contains(above))
        };
        if number > begun {
            assert!(told.iter().any(is_told), "{}: {at:?}: {told:?}", path.display());
        }
    }
}
