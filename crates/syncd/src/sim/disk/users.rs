//! What users do on their disks, and what is to be seen on them. None of this is a call of a syncd process.

use std::collections::BTreeMap;

use crate::local::sys::Errno;
use crate::sim::ledger::{Content, Ledger, bytes_of, content_of};
use crate::sim::rng::Rng;

use super::Disk;
use super::tree::{Body, Ino, Tree};

/// Few, so that people meet; some differ only in case, some need an interim to be sent.
pub(crate) const NAMES: [&str; 7] = ["a", "b", "A", "d.txt", "D.txt", "it's", "f"];

/// Our own folder.
pub(super) const AREA: &[u8] = b".syncd";

/// A user's entry: where it is, and what.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// The folder in which it is.
    pub(super) folder: Ino,
    /// Its name.
    pub(super) name: String,
    /// Itself.
    pub(super) ino: Ino,
}

impl Disk {
    /// Paths of a machine's folder below its root, without our own area: files with their bytes, folders (their path ends
    /// in `/`) without.
    pub(crate) fn files(&self, machine: usize) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        if let Some(root) = self.root_of(machine) {
            list(&self.tree.borrow(), root, "", true, &mut found);
        }
        found
    }

    /// The same of our own area.
    pub(crate) fn own(&self, machine: usize) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let tree = self.tree.borrow();
        let area = self
            .root_of(machine)
            .and_then(|root| tree.entries(root).ok()?.get(AREA).copied());
        if let Some(area) = area {
            list(&tree, area, "", false, &mut found);
        }
        found
    }

    /// Where links and files without bytes are in a machine's folder: what no account can hold.
    pub(crate) fn odd(&self, machine: usize) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(root) = self.root_of(machine) {
            odd(&self.tree.borrow(), root, "", &mut found);
        }
        found
    }

    /// Somebody does something in a machine's folder.
    pub(crate) fn disturb(&self, machine: usize, ledger: &mut Ledger, rng: &mut Rng) {
        let Some(root) = self.root_of(machine) else { return };
        let tree = &mut *self.tree.borrow_mut();
        // What cannot be done is not done: a name is taken, nothing is there.
        let _ = act(tree, root, ledger, rng);
    }

    /// A user deletes this content wherever it is in a machine's folder.
    pub(crate) fn delete(&self, machine: usize, content: Content) {
        let Some(root) = self.root_of(machine) else { return };
        let tree = &mut *self.tree.borrow_mut();
        let (files, _) = spots(tree, root);
        for spot in files {
            if tree.bytes(spot.ino).ok().and_then(|bytes| content_of(bytes)) == Some(content) {
                let _ = tree.unlink(spot.folder, &spot.name);
            }
        }
    }
}

fn list(tree: &Tree, folder: Ino, at: &str, users: bool, found: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = tree.entries(folder) else { return };
    for (name, ino) in entries {
        if users && at.is_empty() && name == AREA {
            continue;
        }
        let path = format!("{at}{}", String::from_utf8_lossy(name));
        match tree.get(*ino).map(|inode| &inode.body) {
            Ok(Body::File(bytes)) => drop(found.insert(path, bytes.clone())),
            Ok(Body::Folder(_)) => {
                let path = format!("{path}/");
                list(tree, *ino, &path, users, found);
                found.insert(path, Vec::new());
            }
            Ok(Body::Link) | Err(_) => {}
        }
    }
}

fn odd(tree: &Tree, folder: Ino, at: &str, found: &mut Vec<String>) {
    let Ok(entries) = tree.entries(folder) else { return };
    for (name, ino) in entries.iter().filter(|(name, _)| *name != AREA) {
        let path = format!("{at}{}", String::from_utf8_lossy(name));
        if tree.entries(*ino).is_ok() {
            odd(tree, *ino, &format!("{path}/"), found);
        } else if tree.bytes(*ino).map_or(true, Vec::is_empty) {
            found.push(path);
        }
    }
}

/// All files and links, and all folders with the root.
pub(super) fn spots(tree: &Tree, root: Ino) -> (Vec<Spot>, Vec<Spot>) {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut queue = vec![root];
    while let Some(folder) = queue.pop() {
        let Ok(entries) = tree.entries(folder) else {
            continue;
        };
        for (name, ino) in entries {
            if folder == root && name == AREA {
                continue;
            }
            let spot = Spot {
                folder,
                name: String::from_utf8_lossy(name).into_owned(),
                ino: *ino,
            };
            if tree.entries(*ino).is_ok() {
                queue.push(*ino);
                folders.push(spot);
            } else {
                files.push(spot);
            }
        }
    }
    (files, folders)
}

fn content(tree: &Tree, ino: Ino) -> Option<Content> {
    content_of(tree.bytes(ino).ok()?)
}

/// All contents in an entry.
fn below(tree: &Tree, ino: Ino) -> Vec<Content> {
    let (files, _) = spots(tree, ino);
    let mut found: Vec<Content> = files.iter().filter_map(|spot| content(tree, spot.ino)).collect();
    found.extend(content(tree, ino));
    found
}

/// A user renames or moves an entry.
fn carry(tree: &Tree, ino: Ino, ledger: &mut Ledger) {
    let (files, _) = spots(tree, ino);
    for ino in files.iter().map(|spot| spot.ino).chain([ino]) {
        if let Ok(bytes) = tree.bytes(ino) {
            ledger.carry(bytes);
        }
    }
}

fn act(tree: &mut Tree, root: Ino, ledger: &mut Ledger, rng: &mut Rng) -> Result<(), Errno> {
    let (files, folders) = spots(tree, root);
    let all: Vec<Spot> = files.iter().chain(&folders).cloned().collect();
    let name = rng.pick(&NAMES).copied().unwrap_or("a");
    let folder = match rng.pick(&folders) {
        Some(spot) if !rng.one_in(3) => spot.ino,
        Some(_) | None => root,
    };
    let (what, file) = (rng.pick(&all).cloned(), rng.pick(&files).cloned());
    let deed = rng.below(13);
    ledger.say(|| {
        let named = |spot: &Option<Spot>| spot.as_ref().map_or(String::new(), |spot| spot.name.clone());
        format!(
            "disk {deed}: name {name}, entry {}, file {}",
            named(&what),
            named(&file)
        )
    });
    match (deed, what, file) {
        (0..=2, ..) => create(tree, folder, name, ledger, rng),
        (3, ..) => tree
            .add(folder, name, Body::Folder(BTreeMap::new()), 0o755)
            .map(|_| ()),
        (4, _, Some(file)) => {
            // In place, as databases and rsync --inplace do.
            ledger.burn(content(tree, file.ino));
            let new = ledger.write(rng);
            tree.set_bytes(file.ino, bytes_of(new))
        }
        (5 | 6, _, Some(file)) => save(tree, &file, ledger, rng),
        (7, Some(what), _) => {
            carry(tree, what.ino, ledger);
            tree.rename((what.folder, &what.name), (what.folder, name), false)
        }
        (8, Some(what), _) => {
            carry(tree, what.ino, ledger);
            tree.rename((what.folder, &what.name), (folder, name), false)
        }
        (9, Some(one), _) => {
            let other = rng.pick(&all).cloned().ok_or(Errno::NOENT)?;
            for spot in [&one, &other] {
                carry(tree, spot.ino, ledger);
            }
            tree.exchange((one.folder, &one.name), (other.folder, &other.name))
        }
        (10, Some(what), _) => {
            ledger.burn(below(tree, what.ino));
            remove(tree, &what)
        }
        (11, _, Some(file)) => tree.touch(file.ino),
        (12, _, Some(file)) if rng.one_in(4) => {
            // A link, an empty file or a folder in the place of a file.
            ledger.burn(content(tree, file.ino));
            tree.unlink(file.folder, &file.name)?;
            let body = match rng.below(3) {
                0 => Body::Link,
                1 => Body::File(Vec::new()),
                _ => Body::Folder(BTreeMap::new()),
            };
            tree.add(file.folder, &file.name, body, 0o644).map(|_| ())
        }
        _ => Ok(()),
    }
}

fn create(tree: &mut Tree, folder: Ino, name: &str, ledger: &mut Ledger, rng: &mut Rng) -> Result<(), Errno> {
    if tree.child(folder, name).is_ok() {
        return Err(Errno::EXIST);
    }
    let new = ledger.write(rng);
    tree.add(folder, name, Body::File(bytes_of(new)), 0o644)
        .map(|_| ())
}

/// As editors save: a new file takes the name; the old one is gone, or kept as a backup.
fn save(tree: &mut Tree, file: &Spot, ledger: &mut Ledger, rng: &mut Rng) -> Result<(), Errno> {
    let new = ledger.write(rng);
    let backup = format!("{}~", file.name);
    if rng.one_in(2) && tree.child(file.folder, &backup).is_err() {
        carry(tree, file.ino, ledger);
        tree.rename((file.folder, &file.name), (file.folder, &backup), false)?;
        return tree
            .add(file.folder, &file.name, Body::File(bytes_of(new)), 0o644)
            .map(|_| ());
    }
    ledger.burn(content(tree, file.ino));
    let temporary = ".save.tmp";
    tree.add(file.folder, temporary, Body::File(bytes_of(new)), 0o600)?;
    tree.rename((file.folder, temporary), (file.folder, &file.name), true)
}

fn remove(tree: &mut Tree, what: &Spot) -> Result<(), Errno> {
    if tree.entries(what.ino).is_err() {
        return tree.unlink(what.folder, &what.name);
    }
    let inside: Vec<String> = tree
        .entries(what.ino)?
        .keys()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    for name in inside {
        let ino = tree.child(what.ino, &name)?;
        remove(
            tree,
            &Spot {
                folder: what.ino,
                name,
                ino,
            },
        )?;
    }
    tree.rmdir(what.folder, &what.name)
}
