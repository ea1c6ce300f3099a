//! People who change things, and what they can expect to find again.

use std::collections::BTreeSet;

use super::{Account, Bytes, Disk, Inode, Kind, Rng};
use crate::id::{FolderId, RemoteId};
use crate::name::{LocalName, RemoteName};

const NAMES: [&str; 6] = ["a", "b", "A", "d.txt", "D.txt", "f"];

/// What was written, and what was deliberately overwritten or deleted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    next: Bytes,
    pub(crate) written: BTreeSet<Bytes>,
    pub(crate) destroyed: BTreeSet<Bytes>,
    /// Written more than once.
    pub(crate) copied: BTreeSet<Bytes>,
}

impl Ledger {
    /// Bytes to write: new ones; sometimes none, sometimes those of another file.
    fn write(&mut self, rng: &mut Rng) -> Bytes {
        if rng.one_in(25) {
            return 0;
        }
        if rng.one_in(8) {
            let old: Vec<Bytes> = self.written.difference(&self.destroyed).copied().collect();
            if let Some(old) = rng.pick(&old) {
                self.copied.insert(*old);
                return *old;
            }
        }
        self.next += 1;
        self.written.insert(self.next);
        self.next
    }

    fn destroy(&mut self, gone: impl IntoIterator<Item = Bytes>) {
        self.destroyed.extend(gone);
    }

    /// What must be found again.
    pub(crate) fn required(&self) -> impl Iterator<Item = Bytes> {
        self.written.difference(&self.destroyed).copied()
    }
}

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Habit {
    /// Anything.
    Anything,
    /// Only rename and move.
    Moves,
    /// Only delete.
    Deletes,
    /// All but empty files and repeated names.
    Plain,
}

/// Someone does something on a disk.
pub(crate) fn disturb_disk(disk: &mut Disk, ledger: &mut Ledger, rng: &mut Rng, habit: Habit) {
    let all: Vec<Inode> = disk.nodes.keys().copied().collect();
    let files: Vec<Inode> = all
        .iter()
        .copied()
        .filter(|inode| disk.nodes[inode].kind != Kind::Folder)
        .collect();
    let mut folders: Vec<Option<Inode>> = all
        .iter()
        .copied()
        .filter(|inode| disk.nodes[inode].kind == Kind::Folder)
        .map(Some)
        .collect();
    folders.push(None);
    let name = LocalName::new(*rng.pick(&NAMES).unwrap()).unwrap();
    let folder = *rng.pick(&folders).unwrap();
    let deed = match habit {
        Habit::Anything | Habit::Plain => rng.below(11),
        Habit::Moves => 5 + rng.below(4),
        Habit::Deletes => 9,
    };
    match (deed, rng.pick(&all).copied(), rng.pick(&files).copied()) {
        (0 | 1, ..) => {
            let bytes = new_bytes(ledger, rng, habit);
            if disk.create(folder, &name, Kind::File(bytes)).is_err() {
                // The name is taken: nothing was written after all.
                ledger.destroy([bytes]);
            }
        }
        (2, ..) => drop(disk.create(folder, &name, Kind::Folder)),
        (3, _, Some(file)) => {
            let bytes = new_bytes(ledger, rng, habit);
            ledger.destroy(bytes_of(disk, file));
            disk.write(file, bytes);
        }
        (4, _, Some(file)) => save_anew(disk, ledger, rng, habit, file),
        (5, Some(what), _) => drop(disk.rename(what, disk.nodes[&what].parent, &name)),
        (6 | 7, Some(what), _) => drop(disk.rename(what, folder, &name)),
        (8, Some(one), _) => swap(disk, one, *rng.pick(&all).unwrap()),
        (9, Some(what), _) => {
            let gone = disk.remove_all(what);
            ledger.destroy(gone);
        }
        (10, _, Some(file)) => disk.touch(file),
        _ => {}
    }
    // What takes a name that another file had is an edit of that file (M3): its old bytes may come back beside it.
    let taken = disk.nodes.values().map(|node| (node.parent, node.name.clone()));
    let again: Vec<Bytes> = taken
        .filter_map(|place| disk.vacated.get(&place).copied())
        .collect();
    ledger.copied.extend(again);
}

fn new_bytes(ledger: &mut Ledger, rng: &mut Rng, habit: Habit) -> Bytes {
    let bytes = ledger.write(rng);
    if bytes == 0 && habit != Habit::Anything {
        ledger.write(&mut Rng::new(1))
    } else {
        bytes
    }
}

fn bytes_of(disk: &Disk, inode: Inode) -> Option<Bytes> {
    match disk.nodes[&inode].kind {
        Kind::File(bytes) => Some(bytes),
        Kind::Folder => None,
    }
}

/// As editors save: a new file takes the name; the old one is gone, or kept as a backup.
fn save_anew(disk: &mut Disk, ledger: &mut Ledger, rng: &mut Rng, habit: Habit, file: Inode) {
    let old = disk.nodes[&file].clone();
    let backup = LocalName::new(format!("{}~", old.name)).unwrap();
    let bytes = new_bytes(ledger, rng, habit);
    if rng.one_in(2) && disk.rename(file, old.parent, &backup).is_ok() {
        // The file goes on under its name (M3), so its old bytes may come back beside the backup.
        ledger.copied.extend(bytes_of(disk, file));
    } else {
        ledger.destroy(bytes_of(disk, file));
        disk.unlink(file).unwrap();
    }
    disk.create(old.parent, &old.name, Kind::File(bytes)).unwrap();
}

fn swap(disk: &mut Disk, one: Inode, two: Inode) {
    let above =
        |what: Inode| std::iter::successors(Some(what), |at| disk.nodes[at].parent).collect::<Vec<_>>();
    if above(one).contains(&two) || above(two).contains(&one) {
        return;
    }
    let (first, second) = (disk.nodes[&one].clone(), disk.nodes[&two].clone());
    let aside = LocalName::new("aside").unwrap();
    disk.rename(one, None, &aside).unwrap();
    disk.rename(two, first.parent, &first.name).unwrap();
    disk.rename(one, second.parent, &second.name).unwrap();
}

/// Someone does something in the account.
pub(crate) fn disturb_account(account: &mut Account, ledger: &mut Ledger, rng: &mut Rng, habit: Habit) {
    let all: Vec<RemoteId> = account
        .rows
        .keys()
        .copied()
        .filter(|id| account.live(*id).is_some())
        .collect();
    let files: Vec<RemoteId> = all.iter().copied().filter(|id| id.file().is_some()).collect();
    let mut folders: Vec<Option<FolderId>> = all.iter().filter_map(|id| id.folder()).map(Some).collect();
    folders.push(None);
    let name = RemoteName::new(*rng.pick(&NAMES).unwrap());
    let folder = *rng.pick(&folders).unwrap();
    let deed = match habit {
        Habit::Anything => rng.below(13),
        Habit::Plain => rng.below(10),
        Habit::Moves => 5 + rng.below(4),
        Habit::Deletes => 9,
    };
    let repeats = habit == Habit::Anything && rng.one_in(4);
    let taken = |account: &Account, folder: Option<FolderId>| {
        !repeats
            && account
                .children(folder)
                .iter()
                .any(|id| account.rows[id].name == name)
    };
    match (deed, rng.pick(&all).copied(), rng.pick(&files).copied()) {
        (0 | 1, ..) if !taken(account, folder) => {
            let bytes = new_bytes(ledger, rng, habit);
            account.create(folder, &name, Some(bytes));
        }
        (2, ..) if !taken(account, folder) => drop(account.create(folder, &name, None)),
        (3, _, Some(file)) => {
            let bytes = new_bytes(ledger, rng, habit);
            let row = account.rows.get_mut(&file).unwrap();
            ledger.destroy(row.bytes.replace(bytes));
            row.version += 1;
        }
        (4, _, Some(file)) => {
            let bytes = new_bytes(ledger, rng, habit);
            let old = account.rows[&file].clone();
            account.create(old.parent, &old.name, Some(bytes));
            account.trash(file);
            ledger.destroy(old.bytes);
        }
        (5, Some(what), _) if !taken(account, account.rows[&what].parent) => {
            drop(account.edit(what, Some(&name), None));
        }
        (6 | 7, Some(what), _) if !taken(account, folder) => {
            drop(account.edit(what, Some(&name), Some(folder)));
        }
        (8, Some(one), _) => swap_rows(account, one, *rng.pick(&all).unwrap()),
        (9, Some(what), _) => {
            ledger.destroy(bytes_below(account, what));
            account.trash(what);
        }
        (10, Some(what), _) => {
            ledger.destroy(bytes_below(account, what));
            account.rows.get_mut(&what).unwrap().away = true;
        }
        (11, ..) => bring_back(account, ledger, rng),
        _ => {}
    }
}

/// Out of the trash, or back into the pair.
fn bring_back(account: &mut Account, ledger: &mut Ledger, rng: &mut Rng) {
    let dead = |id: &&RemoteId| account.live(**id).is_none();
    let gone: Vec<RemoteId> = account.rows.keys().filter(dead).copied().collect();
    if let Some(id) = rng.pick(&gone).copied() {
        let row = account.rows.get_mut(&id).unwrap();
        (row.trashed, row.away) = (false, false);
        // Its bytes may have been put back by a machine meanwhile.
        ledger.copied.extend(bytes_below(account, id));
    }
}

fn bytes_below(account: &Account, id: RemoteId) -> Vec<Bytes> {
    let mut all: Vec<RemoteId> = id
        .folder()
        .map(|id| account.below(id))
        .into_iter()
        .flatten()
        .collect();
    all.push(id);
    all.iter().filter_map(|id| account.rows[id].bytes).collect()
}

fn swap_rows(account: &mut Account, one: RemoteId, two: RemoteId) {
    let holds = |outer: RemoteId, inner: RemoteId| {
        outer == inner
            || outer
                .folder()
                .is_some_and(|id| account.below(id).contains(&inner))
    };
    if holds(one, two) || holds(two, one) {
        return;
    }
    let (first, second) = (account.rows[&one].clone(), account.rows[&two].clone());
    account
        .edit(one, Some(&second.name), Some(second.parent))
        .unwrap();
    account.edit(two, Some(&first.name), Some(first.parent)).unwrap();
}
