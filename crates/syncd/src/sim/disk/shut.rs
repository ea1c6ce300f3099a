//! Folders that a machine's process may not look into for a while, as after `chmod 000`: neither listed nor passed through.
//! What is in them is there all the same.

use crate::local::sys::Errno;
use crate::sim::rng::Rng;

use super::tree::{Ino, Tree};
use super::users::spots;
use super::{Disk, Open};

impl Disk {
    /// From now on one of a machine's folders is shut to its process, if there is one. Watchers hear of that.
    pub(crate) fn shut_one(&self, machine: usize, rng: &mut Rng) -> Option<String> {
        let root = self.root_of(machine)?;
        let (_, folders) = spots(&self.tree.borrow(), root);
        let spot = rng.pick(&folders)?;
        self.tree.borrow_mut().stir(spot.folder, &spot.name);
        let shut = (spot.folder, spot.name.clone(), spot.ino);
        self.shut.borrow_mut().insert(machine, shut);
        Some(spot.name.clone())
    }

    /// Nothing is shut to a machine's process any more.
    pub(crate) fn open_all(&self, machine: usize) {
        if let Some((folder, name, _)) = self.shut.borrow_mut().remove(&machine) {
            self.tree.borrow_mut().stir(folder, &name);
        }
    }

    /// Whether a machine's process may neither list this folder nor pass through it.
    pub(super) fn is_shut(&self, machine: usize, ino: Ino) -> bool {
        let shut = self.shut.borrow();
        shut.get(&machine).is_some_and(|(_, _, folder)| *folder == ino)
    }

    /// Walks a path as a machine's process may.
    pub(super) fn pass(&self, tree: &Tree, open: Open, path: &str) -> Result<Ino, Errno> {
        let mut at = open.ino;
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if self.is_shut(open.machine, at) {
                return Err(Errno::ACCESS);
            }
            at = tree.walk(at, part)?;
        }
        Ok(at)
    }
}
