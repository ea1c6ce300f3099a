//! What the journal may say, and after which step: settlements, forgettings, and steps that only record.
//!
//! A settlement is true once its step and all that it waits for are done, whatever else failed. So the step that settles
//! an aspect waits for all other steps of that aspect, and for the record of the folder that the node is in. Where that
//! would make a step wait for a later one, a step of its own records it at the end. *A record never outlives the folder
//! it is in, none is dropped while another still names it, and records never form a ring, however few steps are done.*

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::local::Local;
use super::order::{Draft, Drafts, Phase, Ref};
use super::remote::Trashed;
use super::rows::{folder_of, row_of};
use super::{Action, JournalStep, LocalStep, RemoteStep, Settles};
use crate::id::{LocalKey, NodeId, RemoteId, TargetKey};
use crate::merge::{Content, Removal, TargetNode};
use crate::rule::Rule;
use crate::tree::{SyncedKind, SyncedNode};

/// What a step does for its node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Makes it on one side: place and bytes.
    Makes,
    /// Moves it.
    Places,
    /// Brings new bytes.
    Fills,
    /// Brings new bytes and moves it.
    Both,
    /// Neither yet.
    Nothing,
}

/// See the head of this file.
pub(super) struct Settler<'a, 'l> {
    local: &'l Local<'a>,
    /// The steps of each node, in the order in which they come.
    steps: Vec<(TargetKey, Phase, Ref)>,
    /// The step after which a node has a record in its place.
    placed: BTreeMap<TargetKey, Ref>,
    of_synced: BTreeMap<NodeId, TargetKey>,
}

impl<'a, 'l> Settler<'a, 'l> {
    /// Looks at all steps of both sides.
    pub(super) fn new(local: &'l Local<'a>, drafts: &Drafts) -> Self {
        let of_nodes = drafts
            .iter()
            .filter_map(|(step, draft)| Some((draft.node?, draft.phase, step)));
        let mut steps: Vec<_> = of_nodes.collect();
        steps.sort_unstable();
        let target = &local.merged.target;
        Self {
            of_synced: target
                .iter()
                .filter_map(|node| Some((node.synced?, node.key)))
                .collect(),
            local,
            steps,
            placed: BTreeMap::new(),
        }
    }

    /// Gives every node its settlements. `order` is the target, parents before children.
    pub(super) fn settle(&mut self, order: &[TargetKey], drafts: &mut Drafts) {
        for key in order {
            if let Some(node) = self.local.merged.target.get(*key) {
                self.settle_node(node, drafts);
            }
        }
    }

    fn steps_of(&self, key: TargetKey) -> Vec<Ref> {
        let first = self.steps.partition_point(|(node, ..)| *node < key);
        let from_it = self.steps.iter().skip(first);
        let steps = from_it.take_while(|(node, ..)| *node == key);
        steps.map(|(.., step)| *step).collect()
    }

    fn settle_node(&mut self, node: &TargetNode, drafts: &mut Drafts) {
        let steps = self.steps_of(node.key);
        let due = self.due(node, &steps, drafts);
        if due == Settles::default() {
            return;
        }
        // A replacement of a row that is in its place already moves nothing: that the disk has followed is recorded
        // whether or not the upload is done. Else the record would go on naming an entry that is elsewhere or no more.
        let stays = self.row_in_place(node);
        let deed = |step: &Ref| match drafts.get(*step).map_or(Deed::Nothing, deed_of) {
            Deed::Both if stays => Deed::Fills,
            deed @ (Deed::Makes | Deed::Places | Deed::Fills | Deed::Both | Deed::Nothing) => deed,
        };
        let deeds: Vec<(Ref, Deed)> = steps
            .iter()
            .map(|step| (*step, deed(step)))
            .filter(|(_, deed)| *deed != Deed::Nothing)
            .collect();
        let Some((last, _)) = deeds.last().copied() else {
            self.agree(node, due, None, drafts);
            return;
        };
        let joined = node.synced.is_none() || deeds.iter().any(|(_, deed)| *deed == Deed::Makes);
        let of = |wanted: Deed| {
            deeds
                .iter()
                .filter(move |(_, deed)| *deed == wanted || *deed == Deed::Both)
        };
        let place = if joined {
            None
        } else {
            of(Deed::Places).next_back().map(|(step, _)| *step)
        }
        .unwrap_or(last);
        let content = if joined {
            None
        } else {
            of(Deed::Fills).next_back().map(|(step, _)| *step)
        }
        .unwrap_or(last);
        for (step, deed) in &deeds {
            for (end, other) in [(place, Deed::Fills), (content, Deed::Places)] {
                if *step != end && (joined || *deed != other) {
                    drafts.wait(end, *step);
                }
            }
        }
        if due.content && content != place {
            self.give(
                content,
                Settles {
                    place: false,
                    content: true,
                },
                drafts,
            );
        }
        let rest = Settles {
            place: due.place,
            content: due.content && content == place,
        };
        if !due.place {
            self.give(place, rest, drafts);
        } else if self.after_those_above(node, place, drafts) {
            self.give(place, rest, drafts);
            self.placed.insert(node.key, place);
        } else {
            self.agree(node, rest, Some(place), drafts);
        }
    }

    fn give(&self, step: Ref, settles: Settles, drafts: &mut Drafts) {
        if let Some(draft) = drafts.get_mut(step) {
            draft.settles.place |= settles.place;
            draft.settles.content |= settles.content;
        }
    }

    /// Makes `step` wait for the records above the node that come first; `false` if it cannot.
    fn after_those_above(&self, node: &TargetNode, step: Ref, drafts: &mut Drafts) -> bool {
        let first = self.records_above(node);
        let sound = first.iter().all(|record| drafts.precedes(*record, step));
        sound && first.into_iter().all(|record| drafts.wait(step, record))
    }

    /// The steps that record what is above the node and must come before its own record: that of its folder, if this
    /// has none yet; and for a folder that goes to another, those of all folders above it that do so as well. Of records
    /// in any state between, each then leads up to the root: by new places all the way, or by none. Without it a folder
    /// that was inverted with one above it could be recorded below itself, when only one of the two came to be moved.
    fn records_above(&self, node: &TargetNode) -> BTreeSet<Ref> {
        let mut records: BTreeSet<Ref> = self.folder_record(node).into_iter().collect();
        if self.changes_rooms(node) {
            let above = self.local.merged.target.ancestors(node.key);
            let moved = above.filter(|folder| self.changes_rooms(folder));
            records.extend(moved.filter_map(|folder| self.placed.get(&folder.key)));
        }
        records
    }

    /// Whether this is a folder with a record, and the record names another folder above it.
    fn changes_rooms(&self, node: &TargetNode) -> bool {
        let synced = node.synced.and_then(|id| self.local.trees.synced.get(id));
        synced.is_some_and(|synced| node.content == Content::Folder && self.room_differs(node, synced))
    }

    /// Whether all that is above the node will be recorded where it is to be, as far as the node's record needs it.
    fn records_above_will_be_true(&self, node: &TargetNode) -> bool {
        let mut above = self.local.merged.target.ancestors(node.key);
        !self.changes_rooms(node)
            || above.all(|folder| !self.changes_rooms(folder) || self.placed.contains_key(&folder.key))
    }

    /// The step that first records the node's folder.
    fn folder_record(&self, node: &TargetNode) -> Option<Ref> {
        let parent = self.local.merged.target.get(node.parent?)?;
        match parent.synced {
            Some(_) => None,
            None => self.placed.get(&parent.key).copied(),
        }
    }

    /// A step that only records.
    fn agree(&mut self, node: &TargetNode, due: Settles, after: Option<Ref>, drafts: &mut Drafts) {
        let mut waits: BTreeSet<Ref> = after.into_iter().collect();
        if due.place {
            waits.extend(self.records_above(node));
        }
        let known = |step: &Ref| drafts.get(*step).is_some_and(|draft| draft.phase == Phase::Known);
        let phase = if waits.iter().all(known) {
            Phase::Known
        } else {
            Phase::Late
        };
        let rule = if due.content {
            node.content_rule
        } else {
            node.place_rule
        };
        let because = if rule == Rule::Unchanged {
            Rule::Refreshed
        } else {
            rule
        };
        let step = drafts.add(
            phase,
            Some(node.key),
            Action::Journal(JournalStep::Agree),
            because,
            waits,
        );
        self.give(step, due, drafts);
        if due.place {
            self.placed.insert(node.key, step);
        }
    }

    /// What there is to record about the node once its steps are done.
    fn due(&self, node: &TargetNode, steps: &[Ref], drafts: &Drafts) -> Settles {
        let mut makes = (false, false);
        let mut fills = false;
        let mut edits = false;
        for draft in steps.iter().filter_map(|step| drafts.get(*step)) {
            let deed = deed_of(draft);
            match &draft.action {
                Action::Local(_) => makes.0 |= deed == Deed::Makes,
                Action::Remote(_) => {
                    makes.1 |= deed == Deed::Makes;
                    edits |= matches!(deed, Deed::Places | Deed::Both);
                }
                Action::Journal(_) => {}
            }
            fills |= matches!(deed, Deed::Makes | Deed::Fills | Deed::Both);
        }
        let row = row_of(self.local.trees, node);
        let on_both = (makes.0 || self.entry_exists(node)) && (makes.1 || row.is_some());
        let named = node.local_name.is_some() && node.remote_name.is_some();
        if !on_both || !named || !self.folder_will_have_record(node) {
            return Settles::default();
        }
        let in_place = self.local.in_place(node) && (makes.1 || edits || self.row_in_place(node));
        let synced = node.synced.and_then(|id| self.local.trees.synced.get(id));
        let Some(synced) = synced else {
            // A first record says everything, so all of it must be true.
            let known = in_place && (fills || Self::agrees(node));
            return Settles {
                place: known,
                content: known,
            };
        };
        Settles {
            place: in_place
                && (makes.0 || makes.1 || self.place_differs(node, synced))
                && self.records_above_will_be_true(node),
            content: fills || (Self::agrees(node) && self.content_differs(node, synced)),
        }
    }

    fn entry_exists(&self, node: &TargetNode) -> bool {
        node.local
            .is_some_and(|key| self.local.trees.local.nodes.contains(key))
    }

    fn folder_will_have_record(&self, node: &TargetNode) -> bool {
        let Some(parent) = node.parent else { return true };
        let parent = self.local.merged.target.get(parent);
        parent.is_some_and(|parent| parent.synced.is_some() || self.placed.contains_key(&parent.key))
    }

    fn row_in_place(&self, node: &TargetNode) -> bool {
        let parent = match node.parent {
            None => None,
            Some(parent) => match self.local.merged.target.get(parent).and_then(folder_of) {
                Some(id) => Some(id),
                None => return false,
            },
        };
        let row = row_of(self.local.trees, node);
        row.is_some_and(|row| row.parent == parent && Some(row.name) == node.remote_name.as_ref())
    }

    fn room_differs(&self, node: &TargetNode, synced: &SyncedNode) -> bool {
        let parent = node
            .parent
            .and_then(|parent| self.local.merged.target.get(parent));
        match parent {
            None => synced.parent.is_some(),
            Some(parent) => parent.synced.is_none() || parent.synced != synced.parent,
        }
    }

    fn place_differs(&self, node: &TargetNode, synced: &SyncedNode) -> bool {
        self.room_differs(node, synced)
            || node.local_name.as_ref() != Some(&synced.local_name)
            || node.remote_name.as_ref() != Some(&synced.remote_name)
    }

    /// Whether both sides hold the same, so that the record may take over what they show, without any step that fills.
    fn agrees(node: &TargetNode) -> bool {
        match node.content {
            Content::Folder => true,
            Content::FromLocal | Content::FromRemote => false,
            Content::Settled => {
                let same = [
                    Rule::Adopted,
                    Rule::AdoptedBySize,
                    Rule::SameOnBoth,
                    Rule::Refreshed,
                ];
                same.contains(&node.content_rule)
            }
        }
    }

    /// Whether the record's facts about the node itself are behind. For files the merge has said so.
    fn content_differs(&self, node: &TargetNode, synced: &SyncedNode) -> bool {
        match &synced.kind {
            SyncedKind::File(_) => node.content == Content::Settled,
            SyncedKind::Folder(id) => {
                let entry = node.local.and_then(|key| self.local.trees.local.nodes.get(key));
                let identity = entry.and_then(|entry| entry.identity);
                (identity.is_some() && identity != synced.identity)
                    || node.remote != Some(RemoteId::Folder(*id))
            }
        }
    }

    /// Gives every removed node the step after which its record goes. After [`settle`](Self::settle).
    pub(super) fn forget(&self, trashed: &Trashed, drafts: &mut Drafts) {
        let trees = self.local.trees;
        let local = local_removals(drafts);
        let mut order: Vec<(usize, &Removal, NodeId)> = self
            .local
            .merged
            .removed
            .iter()
            .filter_map(|removal| Some((removal, removal.synced?)))
            .map(|(removal, id)| (trees.synced.ancestors(id).count(), removal, id))
            .collect();
        // What is deepest first: a folder's record goes after those in it.
        order.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(&b.2)));
        let mut forgotten: BTreeMap<NodeId, Ref> = BTreeMap::new();
        for (_, removal, id) in order {
            let entry = removal.local.filter(|key| trees.local.nodes.contains(*key));
            let row = removal.remote.filter(|id| trees.remote.nodes.contains(*id));
            let here = entry.and_then(|key| local.get(&key)).copied();
            let there = row.and_then(|id| trashed.step(id));
            // What was to go and could not keeps its record.
            if (entry.is_some() && here.is_none()) || (row.is_some() && there.is_none()) {
                continue;
            }
            let waits: BTreeSet<Ref> = trees
                .synced
                .children(Some(id))
                .filter_map(|child| self.leaves(child, &forgotten))
                .collect();
            let step = self.forget_one(here, there, waits, removal.because, drafts);
            if let Some(draft) = drafts.get_mut(step) {
                draft.forgets.push(id);
            }
            forgotten.insert(id, step);
        }
    }

    /// The step after which a child's record names another folder, or is no more.
    fn leaves(&self, child: &SyncedNode, forgotten: &BTreeMap<NodeId, Ref>) -> Option<Ref> {
        let moved = self.of_synced.get(&child.id).and_then(|key| self.placed.get(key));
        forgotten.get(&child.id).or(moved).copied()
    }

    /// The step that forgets: the last of the two if everything it has to wait for comes before it, else one of its own.
    fn forget_one(
        &self,
        here: Option<Ref>,
        there: Option<Ref>,
        mut waits: BTreeSet<Ref>,
        because: Rule,
        drafts: &mut Drafts,
    ) -> Ref {
        if let Some(step) = there.or(here) {
            waits.extend(here);
            waits.remove(&step);
            if waits.iter().all(|first| drafts.precedes(*first, step)) {
                for first in waits {
                    drafts.wait(step, first);
                }
                return step;
            }
            waits.insert(step);
        }
        let known = |step: &Ref| drafts.get(*step).is_some_and(|draft| draft.phase == Phase::Known);
        let phase = if waits.iter().all(known) {
            Phase::Known
        } else {
            Phase::Late
        };
        drafts.add(phase, None, Action::Journal(JournalStep::Forget), because, waits)
    }
}

fn local_removals(drafts: &Drafts) -> BTreeMap<LocalKey, Ref> {
    let removals = drafts.iter().filter_map(|(step, draft)| match &draft.action {
        Action::Local(LocalStep::Trash { what, .. } | LocalStep::RemoveFolder { what, .. }) => {
            Some((*what, step))
        }
        Action::Local(
            LocalStep::CreateFolder { .. }
            | LocalStep::Move { .. }
            | LocalStep::Park { .. }
            | LocalStep::Unpark { .. }
            | LocalStep::Place { .. }
            | LocalStep::Replace { .. },
        )
        | Action::Remote(_)
        | Action::Journal(_) => None,
    });
    removals.collect()
}

fn deed_of(draft: &Draft) -> Deed {
    match &draft.action {
        Action::Local(LocalStep::CreateFolder { .. } | LocalStep::Place { .. })
        | Action::Remote(RemoteStep::CreateFolder { .. } | RemoteStep::Upload { .. }) => Deed::Makes,
        Action::Local(LocalStep::Move { .. } | LocalStep::Unpark { .. })
        | Action::Remote(RemoteStep::EditFile { .. } | RemoteStep::EditFolder { .. }) => Deed::Places,
        Action::Local(LocalStep::Replace { .. }) => Deed::Fills,
        Action::Remote(RemoteStep::Replace { .. }) => Deed::Both,
        Action::Local(LocalStep::Park { .. } | LocalStep::Trash { .. } | LocalStep::RemoveFolder { .. })
        | Action::Remote(RemoteStep::TrashFile { .. } | RemoteStep::TrashFolder { .. })
        | Action::Journal(_) => Deed::Nothing,
    }
}
