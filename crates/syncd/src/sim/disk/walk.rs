//! A walk over the simulated disk: each folder is listed when the walk enters it, and users may act in between.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::local::sys::{Errno, Order, Walked};

use super::tree::{Body, Ino};
use super::{Disk, here};

/// What the walk will answer next.
enum Ahead {
    /// An entry that was listed.
    Entry { path: PathBuf, depth: usize, ino: Ino },
    /// A folder whose contents were answered (contents first).
    Leave(Walked),
}

/// A walk under way.
pub(crate) struct Walk {
    disk: Option<Rc<Disk>>,
    machine: usize,
    order: Order,
    stack: Vec<Ahead>,
    failed: Option<Errno>,
}

impl Disk {
    pub(crate) fn walk(&self, start: &Path, order: Order) -> Walk {
        let mut walk = Walk {
            disk: here(),
            machine: 0,
            order,
            stack: Vec::new(),
            failed: None,
        };
        let found = self
            .roots
            .borrow()
            .iter()
            .enumerate()
            .find_map(|(machine, (root, ino))| {
                let below = start.strip_prefix(root).ok()?.to_str()?.to_owned();
                Some((machine, *ino, below))
            });
        let at = found.and_then(|(machine, root, below)| {
            walk.machine = machine;
            self.tree.borrow().walk(root, &below).ok()
        });
        match at {
            Some(ino) => walk.stack.push(Ahead::Entry {
                path: start.to_path_buf(),
                depth: 0,
                ino,
            }),
            None => walk.failed = Some(Errno::NOENT),
        }
        walk
    }
}

impl Walk {
    /// Lists a folder; answers what is to be said of that.
    fn enter(&mut self, disk: &Disk, path: &Path, depth: usize, ino: Ino) -> Result<(), Errno> {
        disk.enter(self.machine)?;
        if disk.is_shut(self.machine, ino) {
            return Err(Errno::ACCESS);
        }
        let tree = disk.tree.borrow();
        let entries = tree.entries(ino)?;
        for (name, child) in entries.iter().rev() {
            self.stack.push(Ahead::Entry {
                path: path.join(OsStr::from_bytes(name)),
                depth: depth.saturating_add(1),
                ino: *child,
            });
        }
        Ok(())
    }

    pub(crate) fn next(&mut self) -> Option<Result<Walked, Errno>> {
        if let Some(failed) = self.failed.take() {
            return Some(Err(failed));
        }
        let disk = self.disk.clone()?;
        loop {
            let (path, depth, ino) = match self.stack.pop()? {
                Ahead::Leave(walked) => return Some(Ok(walked)),
                Ahead::Entry { path, depth, ino } => (path, depth, ino),
            };
            let (is_folder, is_file) = {
                let tree = disk.tree.borrow();
                let Ok(inode) = tree.get(ino) else { continue };
                (
                    matches!(inode.body, Body::Folder(_)),
                    matches!(inode.body, Body::File(_)),
                )
            };
            let walked = Walked {
                path: path.clone(),
                depth,
                is_folder,
                is_file,
            };
            if !is_folder {
                return Some(Ok(walked));
            }
            if self.order == Order::ContentsFirst {
                self.stack.push(Ahead::Leave(walked));
                if let Err(failed) = self.enter(&disk, &path, depth, ino) {
                    return Some(Err(failed));
                }
                continue;
            }
            if let Err(failed) = self.enter(&disk, &path, depth, ino) {
                // The folder itself is told first, as the real walk does.
                self.failed = Some(failed);
            }
            return Some(Ok(walked));
        }
    }
}
