//! Two services on one account, and users at both machines who change things at random all the while.
//!
//! What a user takes away he takes in one move out of the folder, or exchanges against something new: so it is known to
//! the byte what went, whatever the service did a moment before. What is left must be on both machines and in the account,
//! once. Each user also saves in place, in a folder that only he writes to.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{end, equal, polls, start, until};
use crate::checker::{assert_equal, assert_same};
use crate::samples::{Dice, bytes};
use crate::world::disk::{Content, content_at, everything};
use crate::world::machine::Running;
use crate::world::{Dialect, Entry, Machine, Tree, World, content_of, full, number};

/// A user at a machine.
struct User<'a> {
    machine: &'a Machine,
    name: &'a str,
    dice: Dice,
    /// Files of his own folder, with what he saved last.
    own: Vec<(String, Content)>,
    serial: u64,
    /// Beside the folder, on the same disk.
    desk: PathBuf,
    written: BTreeSet<Content>,
    taken: BTreeSet<Content>,
}

impl<'a> User<'a> {
    fn new(machine: &'a Machine, name: &'a str, seed: u64, desk: PathBuf) -> Self {
        fs::create_dir_all(&desk).unwrap();
        Self {
            machine,
            name,
            dice: Dice::new(seed),
            own: Vec::new(),
            serial: seed << 32,
            desk,
            written: BTreeSet::new(),
            taken: BTreeSet::new(),
        }
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let count = u64::try_from(from.len()).unwrap();
        let at = self.dice.next().checked_rem(count)?;
        Some(from[usize::try_from(at).unwrap()].clone())
    }

    /// A new file on his desk, of bytes that were never anywhere.
    fn draft(&mut self) -> PathBuf {
        self.serial += 1;
        let bytes = bytes(30 + self.dice.next() % 5_000, self.serial);
        self.written.insert(content_of(&bytes));
        let path = self.desk.join(self.serial.to_string());
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What lies on the desk, or in a folder on it, is taken.
    fn take(&mut self, path: &Path) {
        if path.is_dir() {
            let inside = everything(path).into_values();
            self.taken.extend(inside.filter_map(|entry| match entry {
                Entry::File(content) => Some(content),
                Entry::Folder | Entry::Other(_) => None,
            }));
        } else {
            self.taken.insert(content_at(path));
        }
    }

    /// Paths in the folder that both write to.
    fn shared(&self, wanted: impl Fn(&fs::FileType) -> bool) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.machine.local.join("shared")];
        while let Some(folder) = open.pop() {
            // It may be gone by now.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                if entry.file_name().to_string_lossy().starts_with(".syncd") {
                    continue;
                }
                if kind.is_dir() {
                    open.push(entry.path());
                }
                if wanted(&kind) {
                    found.push(entry.path());
                }
            }
        }
        found
    }

    /// One thing that a user does.
    fn act(&mut self) {
        let files = self.shared(fs::FileType::is_file);
        let mut folders = self.shared(fs::FileType::is_dir);
        folders.push(self.machine.local.join("shared"));
        let folder = self.pick(&folders).unwrap();
        let file = self.pick(&files);
        self.serial += 1;
        let fresh = folder.join(format!("{} {}", self.name, self.serial));
        let place = |from: &PathBuf, to: &PathBuf| renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
        match (self.dice.next() % 20, file) {
            (0..=4, _) => {
                let draft = self.draft();
                // The folder may have gone meanwhile; then it was never written.
                if place(&draft, &fresh).is_err() {
                    self.written.remove(&content_at(&draft));
                }
            }
            (5..=8, Some(file)) => {
                let draft = self.draft();
                match renameat_with(CWD, &draft, CWD, &file, RenameFlags::EXCHANGE) {
                    Ok(()) => self.take(&draft),
                    Err(_) => drop(self.written.remove(&content_at(&draft))),
                }
            }
            (9 | 10, Some(file)) => {
                let trash = self.desk.join(format!("gone {}", self.serial));
                if place(&file, &trash).is_ok() {
                    self.take(&trash);
                }
            }
            (11 | 12, Some(file)) => drop(place(&file, &fresh)),
            (13, _) => drop(fs::create_dir(&fresh)),
            (15, _) => {
                let trash = self.desk.join(format!("gone {}", self.serial));
                if !folder.ends_with("shared") && place(&folder, &trash).is_ok() {
                    self.take(&trash);
                }
            }
            (14, _) => drop(place(
                &folder,
                &self.machine.local.join("shared").join(fresh.file_name().unwrap()),
            )),
            _ => self.save(),
        }
    }

    /// Saves in place, new or again.
    fn save(&mut self) {
        self.serial += 1;
        let data = bytes(30 + self.dice.next() % 5_000, self.serial);
        let content = content_of(&data);
        let count = u64::try_from(self.own.len()).unwrap();
        let at = usize::try_from(self.dice.next() % (count + 3)).unwrap();
        let path = match self.own.get_mut(at) {
            Some((path, before)) => {
                self.taken.insert(*before);
                *before = content;
                path.clone()
            }
            None => {
                let path = format!("of {}/{}", self.name, self.own.len());
                self.own.push((path.clone(), content));
                path
            }
        };
        self.machine.write(&path, data);
        self.written.insert(content);
    }
}

/// Files by content; none is there twice.
#[track_caller]
fn contents(tree: &Tree) -> BTreeSet<Content> {
    let mut found = BTreeSet::new();
    for (path, entry) in tree {
        if let Entry::File(content) = entry {
            assert!(
                found.insert(*content),
                "{path}: {content:?} is there twice: {tree:#?}"
            );
        }
    }
    found
}

/// Both users change things for so long.
fn edit<'a>(world: &World, machines: &'a [Machine; 2], time: Duration) -> Vec<User<'a>> {
    let seed = number("SYNCD_TEST_SEED", 1);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let users: Vec<_> = machines
            .iter()
            .zip([("d1", seed * 2), ("d2", seed * 2 + 1)])
            .map(|(machine, (name, seed))| {
                let desk = world.join(&format!("desk of {name}"));
                scope.spawn(move || {
                    let mut user = User::new(machine, name, seed, desk);
                    while begun.elapsed() < time {
                        user.act();
                        let pause = 20 + user.dice.next() % 400;
                        std::thread::sleep(Duration::from_millis(pause));
                    }
                    user
                })
            })
            .collect();
        users.into_iter().map(|user| user.join().unwrap()).collect()
    })
}

fn everybody_edits(dialect: Dialect, one_session: bool) {
    let seconds = number("SYNCD_TEST_SECONDS", if full() { 600 } else { 20 });
    let world = World::start(dialect);
    world.cloud.control.set_quirk("Q01", one_session).unwrap();
    let mut machines = ["d1", "d2"].map(|name| world.machine(name));
    for machine in &mut machines {
        polls(machine, "2s", "4s");
        machine.set("max_delete_percent", "100");
        machine.mkdir("shared");
    }
    let mut services: Vec<Running> = machines.iter().map(start).collect();
    let mark = world.cloud.mark();
    let begun = Instant::now();
    let users = edit(&world, &machines, Duration::from_secs(seconds));
    let edited = begun.elapsed();
    let [one, two] = &machines;
    for service in &mut services {
        until(service, "agreement", || {
            equal(one, &world.cloud) && equal(two, &world.cloud)
        });
    }
    // And it stays: a look after that finds nothing to do.
    for machine in &machines {
        machine.run(&["wait", "--timeout", "10m"]).expect(0);
    }
    let asked = world.cloud.since(&mark);
    let took = begun.elapsed();
    services.into_iter().for_each(|service| drop(end(service)));
    let tree = one.tree();
    assert_equal(&tree, &two.tree());
    assert_same(&tree, &world.cloud.tree());
    let found = contents(&tree);
    let taken: BTreeSet<Content> = users.iter().flat_map(|user| user.taken.clone()).collect();
    let (mut written, mut lost) = (0, Vec::new());
    for content in users.iter().flat_map(|user| &user.written) {
        written += 1;
        if !taken.contains(content) && !found.contains(content) {
            lost.push(content);
        }
    }
    assert!(
        lost.is_empty(),
        "lost: {lost:?}\n{}\n{tree:#?}\n{}",
        whereabouts(&world, &users, &lost),
        world.cloud.mutations()
    );
    println!(
        "{dialect}, one session {one_session}: {written} versions in {} s, {} files are left, agreement after {} s; \
         {} requests, {} sign-ins: {:.1} a minute",
        edited.as_secs(),
        found.len(),
        took.as_secs(),
        asked.requests,
        asked.at("/authorize"),
        per_minute(asked.at("/authorize"), took),
    );
    assert!(
        written > seconds,
        "too little happened to show anything: {written}"
    );
}

/// Where contents are that nobody has in his folder: on which machine, outside of the trees, and in the account's trash.
fn whereabouts(world: &World, users: &[User<'_>], lost: &[&Content]) -> String {
    let trashed = world.cloud.trash();
    let mut told = String::new();
    for content in lost {
        writeln!(
            told,
            "{content:?}, in the account's trash: {}",
            trashed.contains(content)
        )
        .unwrap();
        for user in users {
            for root in [&user.desk, &user.machine.local] {
                for (path, _) in everything(root)
                    .into_iter()
                    .filter(|(_, entry)| *entry == Entry::File(**content))
                {
                    writeln!(told, "  {}/{path}", root.display()).unwrap();
                }
            }
        }
    }
    told
}

#[expect(clippy::cast_precision_loss, reason = "a number for people")]
fn per_minute(count: u64, time: Duration) -> f64 {
    count as f64 * 60.0 / time.as_secs_f64()
}

#[test]
fn two_services_whose_users_edit_at_random_agree_and_lose_nothing() {
    everybody_edits(Dialect::Document, false);
}

#[test]
fn the_same_where_each_sign_in_ends_the_session_of_the_other() {
    everybody_edits(Dialect::Document, true);
}
