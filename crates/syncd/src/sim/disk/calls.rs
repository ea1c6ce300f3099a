//! The system calls, as `local::sys` names them.

use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use crate::local::sys::{Errno, Kind, Meta, Renames, Resolve};

use super::tree::{Body, Ino};
use super::{Disk, Open};

/// Mode of new files and folders.
const FILE: u32 = 0o644;
/// See [`FILE`].
const FOLDER: u32 = 0o755;

type At<'a> = (BorrowedFd<'a>, &'a str);

impl Disk {
    pub(crate) fn open_root(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let (machine, ino) = self.machine_at(path)?;
        self.enter(machine)?;
        self.handle(machine, ino)
    }

    pub(crate) fn resolve_of(&self, _root: BorrowedFd<'_>) -> Resolve {
        Resolve::Kernel
    }

    fn find(&self, root: BorrowedFd<'_>, path: &str) -> Result<(Open, Ino), Errno> {
        let open = self.on(root)?;
        let ino = self.pass(&self.tree.borrow(), open, path)?;
        Ok((open, ino))
    }

    fn open_folder_of(&self, (open, ino): (Open, Ino)) -> Result<OwnedFd, Errno> {
        self.tree.borrow().entries(ino)?;
        if self.is_shut(open.machine, ino) {
            return Err(Errno::ACCESS);
        }
        self.handle(open.machine, ino)
    }

    fn open_file_of(&self, (open, ino): (Open, Ino)) -> Result<OwnedFd, Errno> {
        if matches!(self.tree.borrow().get(ino)?.body, Body::Link) {
            return Err(Errno::LOOP);
        }
        self.handle(open.machine, ino)
    }

    pub(crate) fn open_folder(
        &self,
        root: BorrowedFd<'_>,
        path: &str,
        _how: Resolve,
    ) -> Result<OwnedFd, Errno> {
        self.open_folder_of(self.find(root, path)?)
    }

    pub(crate) fn open_file(
        &self,
        root: BorrowedFd<'_>,
        path: &str,
        _how: Resolve,
    ) -> Result<OwnedFd, Errno> {
        self.open_file_of(self.find(root, path)?)
    }

    pub(crate) fn look_beneath(
        &self,
        root: BorrowedFd<'_>,
        path: &str,
        _how: Resolve,
    ) -> Result<Meta, Errno> {
        let (_, ino) = self.find(root, path)?;
        self.tree.borrow().look(ino)
    }

    pub(crate) fn open_child(&self, folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
        self.open_folder_of(self.find(folder, name)?)
    }

    pub(crate) fn open_at_for_reading(&self, folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
        self.open_file_of(self.find(folder, name)?)
    }

    pub(crate) fn create_file(&self, folder: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
        let open = self.on(folder)?;
        let ino = self
            .tree
            .borrow_mut()
            .add(open.ino, name, Body::File(Vec::new()), FILE)?;
        self.handle(open.machine, ino)
    }

    pub(crate) fn create_folder(&self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        let open = self.on(folder)?;
        let made = self.tree.borrow_mut().add(
            open.ino,
            name,
            Body::Folder(std::collections::BTreeMap::new()),
            FOLDER,
        );
        made.map(|_| ())
    }

    pub(crate) fn create_own_folder(&self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        match self.create_folder(folder, name) {
            Err(Errno::EXIST) => Ok(()),
            result => result,
        }
    }

    pub(crate) fn look_at(&self, folder: BorrowedFd<'_>, name: &str) -> Result<Meta, Errno> {
        let (_, ino) = self.find(folder, name)?;
        self.tree.borrow().look(ino)
    }

    pub(crate) fn look_fd(&self, fd: BorrowedFd<'_>) -> Result<Meta, Errno> {
        let open = self.on(fd)?;
        self.tree.borrow().look(open.ino)
    }

    pub(crate) fn may_read(&self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        self.find(folder, name).map(|_| ())
    }

    pub(crate) fn rename_new(
        &self,
        from: At<'_>,
        to: At<'_>,
        _kind: Kind,
        _how: Renames,
    ) -> Result<(), Errno> {
        let (source, target) = (self.on(from.0)?, self.of(to.0)?);
        self.tree
            .borrow_mut()
            .rename((source.ino, from.1), (target.ino, to.1), false)
    }

    pub(crate) fn exchange(&self, one: At<'_>, other: At<'_>, _how: Renames) -> Result<bool, Errno> {
        let (first, second) = (self.on(one.0)?, self.of(other.0)?);
        self.tree
            .borrow_mut()
            .exchange((first.ino, one.1), (second.ino, other.1))
            .map(|()| true)
    }

    pub(crate) fn rename_own(&self, folder: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Errno> {
        let open = self.on(folder)?;
        self.tree
            .borrow_mut()
            .rename((open.ino, from), (open.ino, to), true)
    }

    pub(crate) fn remove_file(&self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        let open = self.on(folder)?;
        self.tree.borrow_mut().unlink(open.ino, name)
    }

    pub(crate) fn remove_folder(&self, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
        let open = self.on(folder)?;
        self.tree.borrow_mut().rmdir(open.ino, name)
    }

    pub(crate) fn sync(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        self.on(fd).map(|_| ())
    }

    pub(crate) fn read(&self, fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
        let open = self.on(fd)?;
        let tree = self.tree.borrow();
        let rest = tree.bytes(open.ino)?.get(open.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.go_on(fd, open.at.saturating_add(count));
        Ok(count)
    }

    fn go_on(&self, fd: BorrowedFd<'_>, at: usize) {
        if let Some(open) = self.open.borrow_mut().get_mut(&fd.as_raw_fd()) {
            open.at = at;
        }
    }

    pub(crate) fn write_all(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
        let open = self.on(fd)?;
        self.tree.borrow_mut().write(open.ino, open.at, bytes)?;
        self.go_on(fd, open.at.saturating_add(bytes.len()));
        Ok(())
    }

    pub(crate) fn seek_start(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        self.on(fd)?;
        self.go_on(fd, 0);
        Ok(())
    }

    pub(crate) fn clone_blocks(&self, _to: BorrowedFd<'_>, _from: BorrowedFd<'_>) -> Result<(), Errno> {
        Err(Errno::OPNOTSUPP)
    }

    pub(crate) fn inherit(&self, fd: BorrowedFd<'_>, new: &Meta, old: &Meta) -> Result<(), Errno> {
        let open = self.on(fd)?;
        if new.mode == old.mode {
            return Ok(());
        }
        self.tree.borrow_mut().set_mode(open.ino, old.mode)
    }

    /// In any order: nothing promises one.
    pub(crate) fn names(&self, folder: BorrowedFd<'_>) -> Result<Vec<(Vec<u8>, u64)>, Errno> {
        let open = self.on(folder)?;
        let tree = self.tree.borrow();
        let mut listed: Vec<(Vec<u8>, u64)> = tree
            .entries(open.ino)?
            .iter()
            .map(|(name, ino)| (name.clone(), *ino))
            .collect();
        self.rng.borrow_mut().shuffle(&mut listed);
        Ok(listed)
    }

    pub(crate) fn space(&self, fd: BorrowedFd<'_>) -> Result<(u64, usize), Errno> {
        self.on(fd)?;
        Ok((1 << 40, 255))
    }
}
