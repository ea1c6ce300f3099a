//! Reads what the kernel says of the watched folders, keeps the tree of them right, and tells the [`Ear`].
//!
//! **Whatever is told of the name of a folder, the name is looked at afterwards, and the tree is made to agree with what has
//! it now.** Events are old when they are read: what they say of the past keeps paths right, the look keeps the watches
//! right. Each later change of a name brings a later event, so that after the last one the tree is as the disk is; from there
//! it follows that a folder that was given up because it was met elsewhere, or elsewhere than its move said, is watched
//! where it is. Half of a move waits a moment for the other half. What cannot be is never explained away: then all is lost,
//! and everything is watched anew.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cover::{Found, Owed, Stop};
use super::ear::Ear;
use super::news::News;
use super::tree::{Tree, Wd};
use crate::local::root::AREA;
use crate::local::sys::inotify::{Event, Flags, Queue};

/// The two halves of a move follow each other at once; one that stays alone for so long, while nothing else is to be read,
/// has no other.
const HALF_MAX: Duration = Duration::from_millis(50);

/// So many moves wait for their other half.
const HALVES_MAX: usize = 256;

/// Why reading ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Break {
    /// It is asked to.
    Stopped,
    /// What is watched where is not known any more.
    Lost(&'static str),
    /// The kernel watches no more folders.
    Limited,
    /// A folder cannot be watched.
    Failed(String),
}

/// Half of a move: somebody left.
#[derive(Debug)]
pub(super) struct Half {
    cookie: u32,
    above: Wd,
    name: OsString,
    is_folder: bool,
    /// Its watch, if it is a folder of which we know.
    wd: Option<Wd>,
    until: Instant,
}

/// The watches of one folder and all below it, and who reads what they say.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) ear: Arc<Ear>,
    pub(super) queue: Queue,
    pub(super) tree: Tree,
    /// Of which everything is that is synced.
    pub(super) device: u64,
    pub(super) stop: Arc<Stop>,
    pub(super) moves: Vec<Half>,
    pub(super) owed: BTreeMap<Wd, Owed>,
    /// Signs that were read while something was open that happened before them.
    pub(super) signs: Vec<PathBuf>,
    /// The limit was reached: new folders are not watched any more.
    pub(super) partial: bool,
}

impl Reader {
    /// Reads until it may not, or cannot.
    pub(super) fn listen(&mut self) -> Break {
        let mut events = Vec::new();
        loop {
            let done = self.listen_once(&mut events);
            match done {
                Ok(()) => {}
                Err(Break::Limited) => {
                    self.partial = true;
                    self.ear.hear(News::Limited);
                }
                Err(end) => return end,
            }
        }
    }

    fn listen_once(&mut self, events: &mut Vec<Event>) -> Result<(), Break> {
        if self.stop.is_asked() {
            return Err(Break::Stopped);
        }
        let failed = |_| Break::Lost("the queue cannot be read");
        let now = Instant::now();
        let read = self.queue.read(events).map_err(failed)?;
        let mut limited = false;
        for event in events.drain(..) {
            match self.event(event, now) {
                Err(Break::Limited) => limited = true,
                done => done?,
            }
        }
        if limited {
            return Err(Break::Limited);
        }
        if read {
            return Ok(());
        }
        let until = self.settle(now)?;
        let longest = until.map(|until| until.saturating_duration_since(Instant::now()));
        self.queue.wait(&self.stop.bell, longest).map_err(failed)
    }

    /// One event.
    pub(super) fn event(&mut self, event: Event, now: Instant) -> Result<(), Break> {
        let Event {
            wd,
            flags,
            cookie,
            name,
        } = event;
        if flags.contains(Flags::QUEUE_OVERFLOW) {
            return Err(Break::Lost("the queue was full"));
        }
        if !self.tree.holds(wd) {
            // Of a watch that is over.
            return Ok(());
        }
        if flags.contains(Flags::UNMOUNT) {
            return Err(Break::Lost("the file system is gone"));
        }
        let Some(name) = name else {
            return self.of_itself(wd, flags);
        };
        if self.is_area(wd) {
            return self.in_area(&name, flags, cookie);
        }
        let is_folder = flags.contains(Flags::ISDIR);
        if flags.contains(Flags::MOVED_FROM) {
            return self.left(wd, name, cookie, is_folder, now);
        }
        if flags.contains(Flags::MOVED_TO) {
            return self.came(wd, &name, cookie, is_folder);
        }
        if flags.contains(Flags::CREATE) && is_folder {
            return self.arrived(wd, &name);
        }
        if flags.contains(Flags::DELETE) && is_folder {
            self.take(wd, &name);
        }
        let news = match flags {
            flags if flags.contains(Flags::CREATE) => News::Created,
            flags if flags.contains(Flags::DELETE) => News::Gone,
            flags if flags.contains(Flags::MODIFY) => News::Written,
            flags if flags.contains(Flags::CLOSE_WRITE) => News::Closed,
            _ => News::Changed,
        };
        self.tell(wd, &name, news);
        Ok(())
    }

    /// The folder itself.
    fn of_itself(&mut self, wd: Wd, flags: Flags) -> Result<(), Break> {
        let is_over = flags.intersects(Flags::DELETE_SELF | Flags::IGNORED);
        if wd == self.tree.root() && (is_over || flags.contains(Flags::MOVE_SELF)) {
            return Err(Break::Lost("the folder itself was moved or removed"));
        }
        if is_over {
            if self.tree.has_children(wd) {
                return Err(Break::Lost("a folder is gone in which others are"));
            }
            self.forget(wd);
        } else if !flags.contains(Flags::MOVE_SELF) {
            self.ear
                .hear(self.path(wd).map_or(News::Everything, News::Changed));
        }
        Ok(())
    }

    /// In our own area only signs are of interest, and who goes there left.
    fn in_area(&mut self, name: &OsStr, flags: Flags, cookie: u32) -> Result<(), Break> {
        if flags.contains(Flags::MOVED_TO)
            && let Some(half) = self.half(cookie, flags.contains(Flags::ISDIR))
        {
            self.is_out(half)?;
        }
        let sign = self.ear.root().join(AREA).join(name);
        if self.moves.is_empty() && self.owed.is_empty() {
            self.ear.hear(News::Changed(sign));
        } else {
            self.signs.push(sign);
        }
        Ok(())
    }

    /// Half of a move.
    fn left(
        &mut self,
        above: Wd,
        name: OsString,
        cookie: u32,
        is_folder: bool,
        now: Instant,
    ) -> Result<(), Break> {
        let mut wd = None;
        if is_folder {
            // Our own area is watched without what is in it: wherever it goes, it is as one of which nothing is known.
            let area = self.tree.child(above, &name).filter(|wd| self.is_area(*wd));
            wd = self.tree.take(above, &name);
            if let Some(area) = area {
                self.forget(area);
                wd = None;
            }
        }
        self.moves.push(Half {
            cookie,
            above,
            name,
            is_folder,
            wd,
            until: now.checked_add(HALF_MAX).unwrap_or(now),
        });
        if self.moves.len() > HALVES_MAX {
            let first = self.moves.remove(0);
            self.is_out(first)?;
        }
        Ok(())
    }

    fn half(&mut self, cookie: u32, is_folder: bool) -> Option<Half> {
        let is_it = |half: &Half| half.cookie == cookie && half.is_folder == is_folder;
        let at = self.moves.iter().position(is_it)?;
        Some(self.moves.remove(at))
    }

    /// The other half, or one whose first half was where nobody watches.
    fn came(&mut self, above: Wd, name: &OsStr, cookie: u32, is_folder: bool) -> Result<(), Break> {
        let Some(half) = self.half(cookie, is_folder) else {
            if is_folder {
                return self.arrived(above, name);
            }
            self.tell(above, name, News::Changed);
            return Ok(());
        };
        if !is_folder {
            self.tell_move(&half, above, name);
            return Ok(());
        }
        if above == self.tree.root() && name == AREA {
            self.is_out(half)?;
            return self.arrived(above, name);
        }
        let Some(wd) = half.wd.filter(|wd| self.tree.is_away(*wd)) else {
            self.tell_gone(&half);
            self.arrived(above, name)?;
            return self.look_again(&half);
        };
        let over = self.tree.put(wd, above, name)?;
        self.over(over);
        match self.look(above, name)? {
            // It is there, or has moved on, and that will be heard.
            Found::Known | Found::Nothing | Found::Astray => self.tell_move(&half, above, name),
            Found::New(_) => {
                self.tell_gone(&half);
                self.tell(above, name, News::Folder);
            }
        }
        self.look_again(&half)
    }

    /// A folder is new, or comes from where nobody watches.
    fn arrived(&mut self, above: Wd, name: &OsStr) -> Result<(), Break> {
        match self.look(above, name)? {
            Found::New(_) => self.tell(above, name, News::Folder),
            // It is gone, or was met already, and is told of with the folder in which it was met.
            Found::Known | Found::Nothing | Found::Astray => self.tell(above, name, News::Changed),
        }
        Ok(())
    }

    /// Who left went where nobody watches.
    fn is_out(&mut self, half: Half) -> Result<(), Break> {
        if let Some(wd) = half.wd.filter(|wd| self.tree.is_away(*wd)) {
            self.forget(wd);
        }
        self.tell_gone(&half);
        if half.is_folder {
            self.look_again(&half)?;
        }
        Ok(())
    }

    /// When two change places, another has the name at once, and nothing more is heard of it.
    fn look_again(&mut self, half: &Half) -> Result<(), Break> {
        if let Found::New(_) = self.look(half.above, &half.name)? {
            self.tell(half.above, &half.name, News::Folder);
        }
        Ok(())
    }

    /// A folder is gone.
    fn take(&mut self, above: Wd, name: &OsStr) {
        if let Some(wd) = self.tree.take(above, name) {
            self.forget(wd);
        }
    }

    /// Nothing is to be read: who waited long enough waits no more, and what is owed is paid. Answers until when the others
    /// wait.
    pub(super) fn settle(&mut self, now: Instant) -> Result<Option<Instant>, Break> {
        while let Some(at) = self.moves.iter().position(|half| half.until <= now) {
            let half = self.moves.remove(at);
            self.is_out(half)?;
        }
        let owed = self.pay(now)?;
        if self.moves.is_empty() && self.owed.is_empty() {
            for sign in std::mem::take(&mut self.signs) {
                self.ear.hear(News::Changed(sign));
            }
        }
        let moves = self.moves.iter().map(|half| half.until);
        Ok(moves.chain(owed).min())
    }

    fn path_of(&self, above: Wd, name: &OsStr) -> Option<PathBuf> {
        Some(self.path(above)?.join(name))
    }

    /// What is below a folder that is away is somewhere.
    fn tell(&self, above: Wd, name: &OsStr, news: impl FnOnce(PathBuf) -> News) {
        self.ear
            .hear(self.path_of(above, name).map_or(News::Everything, news));
    }

    fn tell_gone(&self, half: &Half) {
        // A folder that is no longer ours was told of, with all in it.
        if self.tree.holds(half.above) {
            self.tell(half.above, &half.name, News::Gone);
        }
    }

    fn tell_move(&self, half: &Half, above: Wd, name: &OsStr) {
        let from = self.path_of(half.above, &half.name);
        let to = self.path_of(above, name);
        self.ear.hear(match (from, to) {
            (Some(from), Some(to)) => News::Moved {
                from,
                to,
                folder: half.is_folder,
            },
            (_, Some(_) | None) => News::Everything,
        });
    }

    /// Where folders are watched, and their inodes.
    #[cfg(test)]
    pub(super) fn watched(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        let path = |wd| self.path(wd).unwrap_or_default();
        let inode = |wd| self.tree.identity(wd).map_or(0, |identity| identity.inode);
        let watches = self.tree.watches().into_iter();
        watches.map(move |wd| (path(wd), inode(wd)))
    }
}
