//! Making room: whatever is at a name that is wanted, or in a folder that goes, leaves first.
//!
//! Nothing is ever removed here but what the merge named as removed, and a folder only after everything in it that this
//! plan moves or removes has gone.

use alloc::vec::Vec;

use super::LocalStep;
use super::disk::{Entry, Room, Spot};
use super::local::{Frame, Local, Next, State};
use super::order::Drafts;
use crate::id::{LocalKey, TargetKey};
use crate::name::LocalName;
use crate::tree::LocalKind;

/// What becomes of an entry.
pub(super) enum Fate {
    /// It stays where it is.
    Kept,
    /// It has a place to go to.
    Moves(TargetKey),
    /// The merge removes it.
    Removed,
}

impl Local<'_> {
    /// What to do so that this node's entry leaves where it is: go on to its place, or, if that has to wait for us, aside.
    pub(super) fn leave(&mut self, what: LocalKey, target: TargetKey, drafts: &mut Drafts) -> Option<Frame> {
        let mut above = self.merged.target.ancestors(target);
        if self.state(target) == State::Waiting && !above.any(|above| self.state(above.key) == State::Open) {
            return Some(Frame::Place(target));
        }
        self.park(what, drafts);
        None
    }

    /// Sees to it that nothing is at the name. `None`: nothing is that this plan could take away.
    pub(super) fn clear(
        &mut self,
        entry: Entry,
        room: Room,
        name: &LocalName,
        drafts: &mut Drafts,
    ) -> Option<Next> {
        let mut itself = None;
        for other in self.disk.occupants(room, name) {
            let Entry::Seen(key) = other else { continue };
            if other == entry {
                itself = Some(key);
                continue;
            }
            match self.fate(key) {
                Fate::Kept => {}
                Fate::Moves(target) if self.state(target) == State::Done => {}
                Fate::Moves(target) => {
                    return Some(self.leave(key, target, drafts).map_or(Next::Again, Next::First));
                }
                Fate::Removed => match self.removals.get(&key).copied().unwrap_or_default() {
                    State::Waiting => {
                        return Some(Next::First(Frame::Remove {
                            what: key,
                            inside: None,
                        }));
                    }
                    State::Open => return Some(Next::Unwind(key)),
                    State::Done => {}
                },
            }
        }
        // Another spelling of the name it has, on a disk to which both are one: never renamed onto itself.
        itself.map(|key| {
            self.park(key, drafts);
            Next::Again
        })
    }

    pub(super) fn fate(&self, key: LocalKey) -> Fate {
        if self.removed.contains_key(&key) {
            return Fate::Removed;
        }
        let node = self
            .owner
            .get(&key)
            .and_then(|target| self.merged.target.get(*target));
        match node {
            Some(node) if self.wanted(node).is_some() => Fate::Moves(node.key),
            Some(_) | None => Fate::Kept,
        }
    }

    /// One step towards having the entry removed: whatever is in it goes first.
    pub(super) fn remove(
        &mut self,
        what: LocalKey,
        inside: &mut Option<Vec<Entry>>,
        drafts: &mut Drafts,
    ) -> Next {
        if self.removals.get(&what) == Some(&State::Done) {
            return Next::Finished;
        }
        self.removals.insert(what, State::Open);
        let entry = Entry::Seen(what);
        let is_folder = self
            .trees
            .local
            .nodes
            .get(what)
            .is_some_and(|node| node.is_folder());
        if is_folder {
            let left = inside.get_or_insert_with(|| {
                let mut contents = self.disk.contents(Some(entry));
                contents.reverse();
                contents
            });
            while let Some(Entry::Seen(child)) = left.last().copied() {
                if self.disk.room(Entry::Seen(child)) != Some(Some(entry)) {
                    left.pop();
                    continue;
                }
                match self.fate(child) {
                    Fate::Removed if self.removals.get(&child) != Some(&State::Done) => {
                        return Next::First(Frame::Remove {
                            what: child,
                            inside: None,
                        });
                    }
                    Fate::Moves(target) if self.state(target) != State::Done => {
                        if let Some(first) = self.leave(child, target, drafts) {
                            return Next::First(first);
                        }
                    }
                    Fate::Moves(_) | Fate::Removed | Fate::Kept => {}
                }
                left.pop();
            }
        }
        self.take_away(what, is_folder, drafts);
        self.removals.insert(what, State::Done);
        Next::Finished
    }

    pub(super) fn take_away(&mut self, what: LocalKey, is_folder: bool, drafts: &mut Drafts) {
        let entry = Entry::Seen(what);
        let (Some(path), Some(removal)) = (self.disk.path(entry), self.removed.get(&what)) else {
            return;
        };
        let because = removal.because;
        let step = if is_folder {
            LocalStep::RemoveFolder { what, path }
        } else if matches!(
            self.trees.local.nodes.get(what).map(|node| &node.kind),
            Some(LocalKind::File(_))
        ) {
            LocalStep::Trash { what, path }
        } else {
            return;
        };
        let after = self.leavers.remove(&what).unwrap_or_default();
        self.relocate(entry, Spot::Nowhere, None, step, because, after, drafts);
    }
}
