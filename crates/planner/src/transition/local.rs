//! What the disk must go through: folders made, entries moved, set aside, removed, contents placed.
//!
//! **Parents first.** An entry moves only when all folders above its target are where they will stay. So no entry ever
//! moves into itself, targets' paths are final, and only an occupied name can be in the way. Its occupant then leaves
//! first: it moves on, is removed, or, where both wait for each other, is set aside ([`park`](super::park)).
//! A name that an entry keeps which this plan does not touch is the merge's to avoid; such a step fails when it is done.
//!
//! Paths in steps are those at that moment of the plan, so a step waits for every earlier move of a folder on its paths,
//! and a folder's later move waits for every step that names a path through it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::disk::{Disk, Entry, Room, Spot};
use super::order::{Drafts, Phase, Ref};
use super::vacate::Fate;
use super::{Action, LocalStep};
use crate::id::{LocalKey, RemoteId, TargetKey};
use crate::merge::{Content, Merged, Removal, TargetNode, Trees};
use crate::name::LocalName;
use crate::path::RelPath;
use crate::policy::{Direction, Policy};
use crate::rule::Rule;

/// How far an entry's planning has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum State {
    /// Not looked at yet.
    #[default]
    Waiting,
    /// Begun, waiting for others.
    Open,
    /// Nothing left to plan.
    Done,
}

/// Work that waits on the stack. Recursion would be as deep as the longest chain of renames.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// Have this node where it belongs.
    Place(TargetKey),
    /// Have this entry removed; `inside`: what is left to look at in it.
    Remove {
        what: LocalKey,
        inside: Option<Vec<Entry>>,
    },
}

/// What the top frame wants next.
pub(super) enum Next {
    /// Nothing: it is done.
    Finished,
    /// Another look.
    Again,
    /// This before.
    First(Frame),
    /// The removal of this folder waits for us, and we for it.
    Unwind(LocalKey),
}

/// See the head of this file.
pub(super) struct Local<'a> {
    pub(super) trees: Trees<'a>,
    pub(super) merged: &'a Merged,
    pub(super) disk: Disk<'a>,
    written: bool,
    pub(super) owner: BTreeMap<LocalKey, TargetKey>,
    pub(super) removed: BTreeMap<LocalKey, &'a Removal>,
    pub(super) states: BTreeMap<TargetKey, State>,
    pub(super) removals: BTreeMap<LocalKey, State>,
    /// The last step that moved or made an entry.
    relocated: BTreeMap<Entry, Ref>,
    /// Steps that name a path through an entry where it is now.
    users: BTreeMap<Entry, BTreeSet<Ref>>,
    /// The last step by which a name in a folder became free.
    vacated: BTreeMap<(Room, String), Ref>,
    /// Steps that took something out of a folder that will be removed.
    pub(super) leavers: BTreeMap<LocalKey, BTreeSet<Ref>>,
    slots: u32,
}

impl<'a> Local<'a> {
    /// Plans nothing yet.
    pub(super) fn new(trees: Trees<'a>, merged: &'a Merged, policy: &'a Policy) -> Self {
        let owner: BTreeMap<LocalKey, TargetKey> = merged
            .target
            .iter()
            .filter_map(|node| Some((node.local?, node.key)))
            .collect();
        let removed = merged
            .removed
            .iter()
            .filter_map(|removal| Some((removal.local?, removal)))
            .filter(|(key, _)| !owner.contains_key(key));
        Self {
            trees,
            merged,
            disk: Disk::new(trees.local, &policy.disk),
            written: policy.direction != Direction::Upload,
            removed: removed.collect(),
            owner,
            states: BTreeMap::new(),
            removals: BTreeMap::new(),
            relocated: BTreeMap::new(),
            users: BTreeMap::new(),
            vacated: BTreeMap::new(),
            leavers: BTreeMap::new(),
            slots: 0,
        }
    }

    /// Plans all steps on the disk. `order` is the target, parents before children.
    pub(super) fn plan(&mut self, order: &[TargetKey], drafts: &mut Drafts) {
        if !self.written {
            return;
        }
        for key in order {
            self.run(Frame::Place(*key), drafts);
        }
        let mut doomed: Vec<(Option<RelPath>, LocalKey)> = self
            .removed
            .keys()
            .map(|key| (self.trees.local.nodes.path(*key), *key))
            .collect();
        doomed.sort_unstable();
        for (_, what) in doomed {
            self.run(Frame::Remove { what, inside: None }, drafts);
        }
        for key in order {
            self.replace(*key, drafts);
        }
    }

    /// Where the target node's entry is once all is done, and the steps that must be done for that path to be true.
    pub(super) fn reach(&self, key: LocalKey) -> Option<(RelPath, BTreeSet<Ref>)> {
        let entry = Entry::Seen(key);
        let mut after = BTreeSet::new();
        self.chain(Some(entry), &mut after);
        Some((self.disk.path(entry)?, after))
    }

    /// Whether the node's entry will be where the target wants it.
    pub(super) fn in_place(&self, node: &TargetNode) -> bool {
        let entry = entry_of(node);
        match (&node.local_name, self.target_room(node)) {
            (Some(name), Some(room)) => self.disk.spot(entry) == Spot::In(room, name.clone()),
            (Some(_) | None, _) => false,
        }
    }

    fn run(&mut self, frame: Frame, drafts: &mut Drafts) {
        let mut stack = alloc::vec![frame];
        while let Some(mut top) = stack.pop() {
            let next = match &mut top {
                Frame::Place(key) => self.place(*key, drafts),
                Frame::Remove { what, inside } => self.remove(*what, inside, drafts),
            };
            match next {
                Next::Finished => {}
                Next::Again => stack.push(top),
                Next::First(other) => {
                    stack.push(top);
                    stack.push(other);
                }
                Next::Unwind(folder) => {
                    stack.push(top);
                    self.unwind(folder, &mut stack, drafts);
                }
            }
        }
    }

    /// Everything above the removal of `folder` on the stack is put off; the entry for which it was begun lies in that
    /// folder and is set aside, so that the removal can go on.
    fn unwind(&mut self, folder: LocalKey, stack: &mut Vec<Frame>, drafts: &mut Drafts) {
        let mut leaver = None;
        while let Some(top) = stack.pop() {
            match top {
                Frame::Place(key) => {
                    self.states.insert(key, State::Waiting);
                    leaver = Some(key);
                }
                Frame::Remove { what, .. } if what == folder => {
                    stack.push(top);
                    break;
                }
                Frame::Remove { what, .. } => {
                    self.removals.insert(what, State::Waiting);
                }
            }
        }
        if let Some(key) = leaver
            .and_then(|key| self.merged.target.get(key))
            .and_then(|node| node.local)
        {
            self.park(key, drafts);
        }
    }

    /// One step towards having the node where it belongs.
    fn place(&mut self, key: TargetKey, drafts: &mut Drafts) -> Next {
        if self.state(key) == State::Done {
            return Next::Finished;
        }
        self.states.insert(key, State::Open);
        let merged = self.merged;
        let Some(node) = merged.target.get(key) else {
            return self.done(key);
        };
        if let Some(parent) = node.parent
            && self.state(parent) == State::Waiting
        {
            return Next::First(Frame::Place(parent));
        }
        let Some((room, name)) = self.wanted(node) else {
            return self.done(key);
        };
        let entry = entry_of(node);
        if let Some(next) = self.clear(entry, room, name, drafts) {
            return next;
        }
        self.settle_in(node, room, name, drafts);
        self.done(key)
    }

    fn done(&mut self, key: TargetKey) -> Next {
        self.states.insert(key, State::Done);
        Next::Finished
    }

    /// How far the planning of a node has come.
    pub(super) fn state(&self, key: TargetKey) -> State {
        self.states.get(&key).copied().unwrap_or_default()
    }

    /// Where the node has to go; `None` if it is there, or is not to be touched here.
    pub(super) fn wanted(&self, node: &'a TargetNode) -> Option<(Room, &'a LocalName)> {
        let name = node.local_name.as_ref()?;
        let room = self.target_room(node)?;
        let entry = entry_of(node);
        match node.local {
            Some(key) if !self.trees.local.nodes.contains(key) => return None,
            None if !matches!(node.content, Content::Folder | Content::FromRemote) => return None,
            None if node.content == Content::FromRemote && self.version(node).is_none() => return None,
            Some(_) | None => {}
        }
        (self.disk.spot(entry) != Spot::In(room, name.clone())).then_some((room, name))
    }

    /// The folder the node will be in; `None` if that folder is not to be on this disk.
    fn target_room(&self, node: &TargetNode) -> Option<Room> {
        let Some(parent) = node.parent else {
            return Some(None);
        };
        let mut folder = self.merged.target.get(parent)?;
        let room = Some(entry_of(folder));
        let mut above = self.merged.target.ancestors(parent);
        // A folder that is still to be made counts, if all above it will be there too.
        while self.disk.spot(entry_of(folder)) == Spot::Nowhere {
            if folder.local.is_some() || folder.local_name.is_none() || folder.content != Content::Folder {
                return None;
            }
            match above.next() {
                Some(next) => folder = next,
                None => return folder.parent.is_none().then_some(room),
            }
        }
        Some(room)
    }

    /// The name is free: the entry takes it.
    fn settle_in(&mut self, node: &TargetNode, room: Room, name: &LocalName, drafts: &mut Drafts) {
        let entry = entry_of(node);
        let Some(to) = self.disk.path_in(room, name) else {
            return;
        };
        // Only a folder that is left where it is against the target can cause this; then we stay as well.
        if room.is_some_and(|room| room == entry || self.disk.above(room).any(|above| above == entry)) {
            return;
        }
        let mut after = BTreeSet::new();
        self.chain(room, &mut after);
        if let Some(step) = self.vacated.get(&(room, self.disk.key(name))) {
            after.insert(*step);
        }
        let (step, because) = match (self.disk.spot(entry), node.local) {
            (Spot::In(..), Some(what)) => {
                let Some(from) = self.disk.path(entry) else { return };
                (LocalStep::Move { what, from, to }, node.place_rule)
            }
            (Spot::Parked(slot), Some(what)) => (LocalStep::Unpark { what, slot, to }, node.place_rule),
            (Spot::In(..) | Spot::Parked(_) | Spot::Nowhere, _) => match (node.content, self.version(node)) {
                (Content::FromRemote, Some((file, size, hash))) => (
                    LocalStep::Place {
                        path: to,
                        file,
                        size,
                        hash,
                    },
                    node.content_rule,
                ),
                (Content::Folder | Content::Settled | Content::FromLocal | Content::FromRemote, _) => {
                    (LocalStep::CreateFolder { path: to }, node.place_rule)
                }
            },
        };
        self.relocate(
            entry,
            Spot::In(room, name.clone()),
            Some(node.key),
            step,
            because,
            after,
            drafts,
        );
    }

    /// Drafts a step that takes an entry from where it is to `spot`, and keeps the books about who waits for whom.
    #[expect(
        clippy::too_many_arguments,
        reason = "one place keeps all the books; it has no state of its own"
    )]
    pub(super) fn relocate(
        &mut self,
        entry: Entry,
        spot: Spot,
        node: Option<TargetKey>,
        step: LocalStep,
        because: Rule,
        mut after: BTreeSet<Ref>,
        drafts: &mut Drafts,
    ) -> Ref {
        self.chain(Some(entry), &mut after);
        after.extend(self.users.remove(&entry).into_iter().flatten());
        let phase = if matches!(step, LocalStep::Place { .. }) {
            Phase::Fetch
        } else {
            Phase::Local
        };
        let step = drafts.add(phase, node, Action::Local(step), because, after);
        if let Spot::In(room, name) = self.disk.spot(entry) {
            for above in self.disk.above(entry).collect::<Vec<_>>() {
                // Only a folder that has still to move must know who names a path through it.
                if let Entry::Seen(key) = above
                    && matches!(self.fate(key), Fate::Moves(_))
                {
                    self.users.entry(above).or_default().insert(step);
                }
            }
            if let Some(Entry::Seen(folder)) = room
                && self.removed.contains_key(&folder)
            {
                self.leavers.entry(folder).or_default().insert(step);
            }
            self.vacated.insert((room, self.disk.key(&name)), step);
        }
        self.disk.put(entry, spot);
        self.relocated.insert(entry, step);
        step
    }

    /// The steps by which this entry and the folders above it came to where they are now. One that an included later
    /// step of a folder below it waited for already is left out.
    fn chain(&self, from: Room, after: &mut BTreeSet<Ref>) {
        let Some(from) = from else { return };
        let mut latest = None;
        for entry in core::iter::once(from).chain(self.disk.above(from)) {
            if let Some(step) = self.relocated.get(&entry).copied()
                && latest < Some(step)
            {
                after.insert(step);
                latest = Some(step);
            }
        }
    }

    /// Sets an entry aside.
    pub(super) fn park_one(&mut self, what: LocalKey, drafts: &mut Drafts) {
        let entry = Entry::Seen(what);
        let Some(from) = self.disk.path(entry) else { return };
        let slot = self.slots;
        self.slots = slot.saturating_add(1);
        let node = self.owner.get(&what).copied();
        let step = LocalStep::Park { what, from, slot };
        self.relocate(
            entry,
            Spot::Parked(slot),
            node,
            step,
            Rule::Parked,
            BTreeSet::new(),
            drafts,
        );
    }

    /// New bytes for a file that is here, once it is where it belongs.
    fn replace(&self, key: TargetKey, drafts: &mut Drafts) {
        let Some(node) = self.merged.target.get(key) else {
            return;
        };
        if node.content != Content::FromRemote || node.local_name.is_none() {
            return;
        }
        let Some(what) = node.local else { return };
        let (Some((path, after)), Some((file, size, hash))) = (self.reach(what), self.version(node)) else {
            return;
        };
        let step = LocalStep::Replace {
            path,
            what,
            file,
            size,
            hash,
        };
        drafts.add(
            Phase::Local,
            Some(key),
            Action::Local(step),
            node.content_rule,
            after,
        );
    }

    /// The account's version of a node's bytes.
    fn version(
        &self,
        node: &TargetNode,
    ) -> Option<(crate::id::FileId, u64, Option<crate::content::ContentHash>)> {
        let id = node.remote.and_then(RemoteId::file)?;
        let file = self.trees.remote.nodes.get(RemoteId::File(id))?.file()?;
        Some((id, file.size, file.hash))
    }
}

/// The entry that is or becomes the target node.
fn entry_of(node: &TargetNode) -> Entry {
    node.local.map_or(Entry::New(node.key), Entry::Seen)
}
