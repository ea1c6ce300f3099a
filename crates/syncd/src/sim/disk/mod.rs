//! A disk in memory behind the door of `local::sys`, with users who act between any two system calls.
//!
//! It keeps what the engine relies on: inode numbers that are not used again, times that only go on, handles that outlive
//! names, renames that never overwrite. It breaks what a disk may break: a process can be killed before any call, and a call
//! can fail. Power cuts are not simulated: what was written is there.

mod calls;
mod ear;
mod shut;
mod tree;
mod users;
mod walk;

pub(crate) use ear::Ear;
pub(crate) use users::NAMES;
pub(crate) use walk::Walk;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::local::sys::Errno;

use self::tree::{Ino, Tree};
use super::rng::Rng;

thread_local! {
    static HERE: RefCell<Option<Rc<Disk>>> = const { RefCell::new(None) };
}

/// The simulated disk of this thread.
pub(crate) fn here() -> Option<Rc<Disk>> {
    HERE.with_borrow(Clone::clone)
}

/// Gives this thread a simulated disk, or takes it away.
pub(crate) fn set(disk: Option<Rc<Disk>>) {
    HERE.set(disk);
}

/// What unwinds a killed process. Nobody but the one who killed it catches it.
pub(crate) struct Killed;

/// What happens at a system call of a machine's process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// The process is killed before the call.
    Kill,
    /// The call fails with an I/O error.
    Fail,
    /// A user acts before the call; what, is the world's matter.
    User,
}

/// A handle.
#[derive(Clone, Copy, Debug)]
struct Open {
    machine: usize,
    ino: Ino,
    at: usize,
}

/// A machine's running process.
#[derive(Clone, Debug, Default)]
struct Process {
    calls: u64,
    dead: bool,
    /// What is to come, by the number of the call.
    events: BTreeMap<u64, Event>,
}

type Act = Rc<dyn Fn(&Disk, usize)>;

/// Disks of all machines of a world, in one table.
pub(crate) struct Disk {
    tree: RefCell<Tree>,
    roots: RefCell<Vec<(PathBuf, Ino)>>,
    open: RefCell<BTreeMap<RawFd, Open>>,
    processes: RefCell<Vec<Process>>,
    rng: RefCell<Rng>,
    act: RefCell<Option<Act>>,
    /// By machine, the folder that is shut to it: where it is, its name, and itself.
    shut: RefCell<BTreeMap<usize, (Ino, String, Ino)>>,
    /// Stands in for every handle: only its number counts.
    null: OwnedFd,
    calls: Cell<u64>,
}

impl Disk {
    /// So many machines, each with an empty folder at the path that [`root`](Self::root) tells. Times come in ticks of
    /// `tick_ns`.
    pub(crate) fn new(machines: usize, seed: u64, tick_ns: i64) -> Result<Self, Errno> {
        let null = rustix::fs::open(
            "/dev/null",
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        let mut tree = Tree::new(tick_ns);
        let roots = (0..machines)
            .map(|machine| (Self::root(machine), tree.new_root()))
            .collect();
        Ok(Self {
            tree: RefCell::new(tree),
            roots: RefCell::new(roots),
            open: RefCell::default(),
            processes: RefCell::new(vec![Process::default(); machines]),
            rng: RefCell::new(Rng::new(seed)),
            act: RefCell::default(),
            shut: RefCell::default(),
            null,
            calls: Cell::new(0),
        })
    }

    /// Where a machine's synced folder is.
    pub(crate) fn root(machine: usize) -> PathBuf {
        PathBuf::from(format!("/simulated/{machine}"))
    }

    /// Who acts at [`Event::User`].
    pub(crate) fn on_user(&self, act: Act) {
        *self.act.borrow_mut() = Some(act);
    }

    /// Begins a machine's process, in which this will happen at its n-th system calls.
    pub(crate) fn begin(&self, machine: usize, events: BTreeMap<u64, Event>) {
        if let Some(process) = self.processes.borrow_mut().get_mut(machine) {
            *process = Process {
                events,
                ..Process::default()
            };
        }
    }

    /// From now on nothing that the machine's process still tries does anything.
    pub(crate) fn kill(&self, machine: usize) {
        if let Some(process) = self.processes.borrow_mut().get_mut(machine) {
            process.dead = true;
        }
    }

    /// System calls so far, of all processes.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// One system call of a machine's process begins.
    fn enter(&self, machine: usize) -> Result<(), Errno> {
        self.calls.set(self.calls.get().saturating_add(1));
        let event = {
            let mut processes = self.processes.borrow_mut();
            let process = processes.get_mut(machine).ok_or(Errno::NOENT)?;
            if process.dead {
                return Err(Errno::IO);
            }
            process.calls = process.calls.saturating_add(1);
            let event = process.events.remove(&process.calls);
            process.dead = event == Some(Event::Kill);
            event
        };
        match event {
            None => Ok(()),
            Some(Event::Fail) => Err(Errno::IO),
            Some(Event::User) => {
                let act = self.act.borrow().clone();
                if let Some(act) = act {
                    act(self, machine);
                }
                Ok(())
            }
            Some(Event::Kill) => std::panic::resume_unwind(Box::new(Killed)),
        }
    }

    fn handle(&self, machine: usize, ino: Ino) -> Result<OwnedFd, Errno> {
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.null, 0)?;
        self.open
            .borrow_mut()
            .insert(fd.as_raw_fd(), Open { machine, ino, at: 0 });
        Ok(fd)
    }

    fn of(&self, fd: BorrowedFd<'_>) -> Result<Open, Errno> {
        self.open
            .borrow()
            .get(&fd.as_raw_fd())
            .copied()
            .ok_or(Errno::BADF)
    }

    /// A call about what is open.
    fn on(&self, fd: BorrowedFd<'_>) -> Result<Open, Errno> {
        let open = self.of(fd)?;
        self.enter(open.machine)?;
        Ok(open)
    }

    fn machine_at(&self, path: &Path) -> Result<(usize, Ino), Errno> {
        let roots = self.roots.borrow();
        let found = roots.iter().position(|(at, _)| at == path).ok_or(Errno::NOENT)?;
        let (_, ino) = roots.get(found).ok_or(Errno::NOENT)?;
        Ok((found, *ino))
    }

    fn root_of(&self, machine: usize) -> Option<Ino> {
        self.roots.borrow().get(machine).map(|(_, ino)| *ino)
    }
}
