//! What the account must go through: folders made, files uploaded and replaced, rows edited, rows trashed.
//!
//! Rows are named by id, so only three things order them. A folder must exist before something is put into it. A folder
//! moves only after every folder above its target has moved, so no ring exists at any moment, whatever runs side by
//! side (design A7). A folder goes to the trash only after everything that lives on has left it. Beyond that, a name is
//! vacated before it is given away, *where that is possible*: names may repeat in the account, and a repeat for a moment
//! harms less than a parking name, which other machines would take for a node that left the pair (design N5, M14).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use super::local::{Local, State};
use super::order::{Drafts, Phase, Ref};
use super::remove::Doomed;
use super::rows::{Row, folder_of, row_of};
use super::{Action, RemoteParent, RemoteStep};
use crate::id::{RemoteId, TargetKey};
use crate::merge::{Content, TargetNode};
use crate::name::RemoteName;
use crate::naming::{loose_key, plain};
use crate::policy::{Direction, Policy};
use crate::tree::{RemoteKind, RemoteTree};

#[derive(Clone, Copy, Debug)]
enum Frame {
    Place(TargetKey),
    Remove(RemoteId),
}

/// Where a row has to be.
struct Wanted<'a> {
    parent: RemoteParent,
    name: &'a RemoteName,
}

/// See the head of this file.
pub(super) struct Remote<'a, 'l> {
    local: &'l Local<'a>,
    doomed: Doomed<'a>,
    written: bool,
    owner: BTreeMap<RemoteId, TargetKey>,
    states: BTreeMap<TargetKey, State>,
    removals: BTreeMap<RemoteId, State>,
    /// The step that makes a folder.
    made: BTreeMap<TargetKey, Ref>,
    /// The step that gives a folder another parent.
    reparented: BTreeMap<TargetKey, Ref>,
    /// The step after which a row's old name is free.
    left: BTreeMap<RemoteId, Ref>,
    /// Rows of a folder by exact name, as the walk showed them.
    rooms: BTreeMap<Option<RemoteId>, BTreeMap<&'a RemoteName, BTreeSet<RemoteId>>>,
    /// Names in a folder as the server compares them: rows of the walk, and names of the target.
    loose: BTreeMap<Option<TargetKey>, LooseNames>,
}

/// How often a loose name occurs in a folder.
struct LooseNames {
    rows: BTreeSet<String>,
    planned: BTreeMap<String, usize>,
    /// All rows of the folder are known.
    complete: bool,
}

impl<'a, 'l> Remote<'a, 'l> {
    /// Plans nothing yet. `local` has planned its side: its paths are final.
    pub(super) fn new(local: &'l Local<'a>, policy: &Policy) -> Self {
        let merged = local.merged;
        let owner: BTreeMap<RemoteId, TargetKey> = merged
            .target
            .iter()
            .filter_map(|node| Some((node.remote?, node.key)))
            .collect();
        Self {
            doomed: Doomed::new(local.trees, merged, &owner),
            local,
            written: policy.direction != Direction::Download,
            owner,
            states: BTreeMap::new(),
            removals: BTreeMap::new(),
            made: BTreeMap::new(),
            reparented: BTreeMap::new(),
            left: BTreeMap::new(),
            rooms: BTreeMap::new(),
            loose: BTreeMap::new(),
        }
    }

    /// Plans all steps in the account. Answers which draft trashes each row that goes.
    pub(super) fn plan(mut self, order: &[TargetKey], drafts: &mut Drafts) -> Trashed {
        if self.written {
            for key in order {
                self.run(Frame::Place(*key), drafts);
            }
            for top in self.doomed.tops().collect::<Vec<_>>() {
                self.run(Frame::Remove(top), drafts);
            }
        }
        Trashed {
            doomed: self.doomed.into_covers(),
            steps: self.left,
        }
    }

    fn tree(&self) -> &'a RemoteTree {
        self.local.trees.remote
    }

    fn node(&self, key: TargetKey) -> Option<&'a TargetNode> {
        self.local.merged.target.get(key)
    }

    fn run(&mut self, frame: Frame, drafts: &mut Drafts) {
        let mut stack = alloc::vec![frame];
        while let Some(top) = stack.last().copied() {
            let first = match top {
                Frame::Place(key) => self.place(key, drafts),
                Frame::Remove(id) => self.remove(id, drafts),
            };
            match first {
                Some(frame) => stack.push(frame),
                None => {
                    stack.pop();
                }
            }
        }
    }

    /// One step towards having the row where it belongs; answers what should come first.
    fn place(&mut self, key: TargetKey, drafts: &mut Drafts) -> Option<Frame> {
        if self.state(key) == State::Done {
            return None;
        }
        self.states.insert(key, State::Open);
        let node = self.node(key);
        let parent = node.and_then(|node| node.parent);
        if let Some(parent) = parent.filter(|parent| self.state(*parent) == State::Waiting) {
            return Some(Frame::Place(parent));
        }
        if let Some((node, wanted)) = node.and_then(|node| Some((node, self.wanted(node)?))) {
            let mut after = BTreeSet::new();
            if let Some(first) = self.vacate(node, &wanted, &mut after) {
                return Some(first);
            }
            self.draft(node, &wanted, after, drafts);
        }
        self.states.insert(key, State::Done);
        None
    }

    fn state(&self, key: TargetKey) -> State {
        self.states.get(&key).copied().unwrap_or_default()
    }

    /// Whether it can be placed now: nothing has begun that it, or a folder above its target, waits for.
    fn may_begin(&self, key: TargetKey) -> bool {
        let mut above = self.local.merged.target.ancestors(key);
        self.state(key) == State::Waiting && !above.any(|above| self.state(above.key) == State::Open)
    }

    /// Where the row must go; `None` if there is nothing to do for it in the account.
    fn wanted(&self, node: &'a TargetNode) -> Option<Wanted<'a>> {
        let name = node.remote_name.as_ref()?;
        let parent = match node.parent {
            None => RemoteParent::Root,
            Some(parent) => {
                folder_of(self.node(parent)?).map_or(RemoteParent::Made(parent), RemoteParent::Existing)
            }
        };
        let wanted = Wanted { parent, name };
        let to_do = match node.remote {
            Some(_) => {
                let row = row_of(self.local.trees, node)?;
                differs(row, &wanted) || (node.content == Content::FromLocal && self.size(node).is_some())
            }
            None => match node.content {
                Content::Folder => true,
                Content::FromLocal => self.size(node).is_some(),
                Content::Settled | Content::FromRemote => false,
            },
        };
        to_do.then_some(wanted)
    }

    /// The bytes to upload; `None` for none, which the API refuses (`wire.md` Q12).
    fn size(&self, node: &TargetNode) -> Option<NonZeroU64> {
        let file = self.local.trees.local.nodes.get(node.local?)?.file()?;
        NonZeroU64::new(file.size)
    }

    /// Has rows leave the name that `node` is about to get, as far as they do not wait for `node` themselves.
    fn vacate(&mut self, node: &TargetNode, wanted: &Wanted<'a>, after: &mut BTreeSet<Ref>) -> Option<Frame> {
        let room = match wanted.parent {
            RemoteParent::Root => None,
            RemoteParent::Existing(id) => Some(RemoteId::Folder(id)),
            RemoteParent::Made(_) => return None,
        };
        if row_of(self.local.trees, node).is_some_and(|row| !differs(row, wanted)) {
            return None;
        }
        let tree = self.tree();
        let names = self.rooms.entry(room).or_insert_with(|| {
            let mut names: BTreeMap<&RemoteName, BTreeSet<RemoteId>> = BTreeMap::new();
            for row in tree.nodes.children(room) {
                names.entry(&row.name).or_default().insert(row.id);
            }
            names
        });
        let occupants = names.get(wanted.name).cloned().unwrap_or_default();
        for id in occupants.into_iter().filter(|id| Some(*id) != node.remote) {
            if let Some(step) = self.left.get(&id) {
                after.insert(*step);
                continue;
            }
            if let Some(key) = self.owner.get(&id).copied() {
                if self.may_begin(key) {
                    return Some(Frame::Place(key));
                }
            } else if self.doomed.is_top(id) && !self.removals.contains_key(&id) {
                return Some(Frame::Remove(id));
            }
        }
        None
    }

    fn draft(
        &mut self,
        node: &TargetNode,
        wanted: &Wanted<'a>,
        mut after: BTreeSet<Ref>,
        drafts: &mut Drafts,
    ) {
        if let RemoteParent::Made(parent) = wanted.parent {
            // A folder that cannot be made cannot be filled.
            let Some(step) = self.made.get(&parent) else {
                return;
            };
            after.insert(*step);
        }
        let row = row_of(self.local.trees, node);
        let reparents = row.is_some_and(|row| parent_of(row) != wanted.parent);
        if reparents && node.content == Content::Folder {
            let mut above = self.local.merged.target.ancestors(node.key);
            after.extend(above.find_map(|above| self.reparented.get(&above.key)).copied());
        }
        let Some(step) = self.step(node, wanted, &mut after) else {
            return;
        };
        let because = match &step {
            RemoteStep::Upload { .. } | RemoteStep::Replace { .. } => node.content_rule,
            RemoteStep::CreateFolder { .. }
            | RemoteStep::EditFile { .. }
            | RemoteStep::EditFolder { .. }
            | RemoteStep::TrashFile { .. }
            | RemoteStep::TrashFolder { .. } => node.place_rule,
        };
        let made = matches!(step, RemoteStep::CreateFolder { .. });
        let step = drafts.add(
            Phase::Remote,
            Some(node.key),
            Action::Remote(step),
            because,
            after,
        );
        if made {
            self.made.insert(node.key, step);
        }
        if reparents && node.content == Content::Folder {
            self.reparented.insert(node.key, step);
        }
        if let Some(id) = node.remote {
            self.left.insert(id, step);
        }
    }

    fn step(
        &mut self,
        node: &TargetNode,
        wanted: &Wanted<'a>,
        after: &mut BTreeSet<Ref>,
    ) -> Option<RemoteStep> {
        let (parent, name) = (wanted.parent, wanted.name.clone());
        if node.content == Content::FromLocal
            && let Some(size) = self.size(node)
        {
            let what = node.local?;
            let (from, reach) = self.local.reach(what)?;
            after.extend(reach);
            return Some(match node.remote {
                Some(RemoteId::Folder(_)) => return None,
                Some(RemoteId::File(old)) => RemoteStep::Replace {
                    what,
                    from,
                    size,
                    old,
                    parent,
                    name,
                },
                None => {
                    let fast = self.is_fast(node.parent, &name);
                    RemoteStep::Upload {
                        what,
                        from,
                        size,
                        parent,
                        name,
                        fast,
                    }
                }
            });
        }
        let (Some(row), Some(id)) = (row_of(self.local.trees, node), node.remote) else {
            return Some(RemoteStep::CreateFolder { parent, name });
        };
        let name = (*row.name != name).then_some(name);
        let parent = (parent_of(row) != parent).then_some(parent);
        Some(match id {
            RemoteId::File(id) => RemoteStep::EditFile { id, name, parent },
            RemoteId::Folder(id) => RemoteStep::EditFolder { id, name, parent },
        })
    }

    /// One call is enough: see [`RemoteStep::Upload::fast`].
    fn is_fast(&mut self, folder: Option<TargetKey>, name: &RemoteName) -> bool {
        if plain(name).is_none() {
            return false;
        }
        let (tree, target) = (self.tree(), &self.local.merged.target);
        let names = self.loose.entry(folder).or_insert_with(|| {
            let row = folder
                .and_then(|key| target.get(key))
                .and_then(|node| node.remote);
            let mut names = LooseNames {
                rows: BTreeSet::new(),
                planned: BTreeMap::new(),
                complete: is_listed(tree, folder, row),
            };
            if folder.is_none() || row.is_some() {
                names
                    .rows
                    .extend(tree.nodes.children(row).map(|row| loose_key(row.name.as_str())));
            }
            for name in target
                .children(folder)
                .filter_map(|node| node.remote_name.as_ref())
            {
                *names.planned.entry(loose_key(name.as_str())).or_default() += 1;
            }
            names
        });
        let key = loose_key(name.as_str());
        names.complete && !names.rows.contains(&key) && names.planned.get(&key) == Some(&1)
    }

    /// One step towards having the row trashed; answers what should come first.
    fn remove(&mut self, id: RemoteId, drafts: &mut Drafts) -> Option<Frame> {
        if self.removals.get(&id) == Some(&State::Done) {
            return None;
        }
        let mut after = BTreeSet::new();
        for key in self.doomed.survivors(id) {
            if self.state(*key) != State::Done {
                // If it waits for something that waits for this, the name is not vacated first: this comes at the end.
                let first = self.may_begin(*key).then_some(Frame::Place(*key));
                self.removals.insert(id, State::Open);
                return first;
            }
            // A survivor that cannot leave keeps the folder.
            let row = self.node(*key).and_then(|node| node.remote);
            after.insert(*self.left.get(&row?)?);
        }
        self.removals.insert(id, State::Done);
        let because = self.doomed.because(id)?;
        let step = match id {
            RemoteId::File(id) => RemoteStep::TrashFile { id },
            RemoteId::Folder(id) => RemoteStep::TrashFolder { id },
        };
        let step = drafts.add(Phase::Remote, None, Action::Remote(step), because, after);
        self.left.insert(id, step);
        None
    }
}

/// Which step takes a row to the trash.
pub(super) struct Trashed {
    /// The topmost removed folder above (or the row itself).
    doomed: BTreeMap<RemoteId, RemoteId>,
    steps: BTreeMap<RemoteId, Ref>,
}

impl Trashed {
    /// The step that trashes this removed row, itself or with a folder above it.
    pub(super) fn step(&self, id: RemoteId) -> Option<Ref> {
        self.steps.get(self.doomed.get(&id)?).copied()
    }
}

/// Whether all rows of a folder are known: it was listed, or this plan makes it.
fn is_listed(tree: &RemoteTree, folder: Option<TargetKey>, row: Option<RemoteId>) -> bool {
    match (folder, row) {
        (None, _) => !tree.root_unreadable,
        (Some(_), None) => true,
        (Some(_), Some(id)) => tree
            .nodes
            .get(id)
            .is_some_and(|node| node.kind == RemoteKind::Folder { readable: true }),
    }
}

fn parent_of(row: Row<'_>) -> RemoteParent {
    row.parent.map_or(RemoteParent::Root, RemoteParent::Existing)
}

fn differs(row: Row<'_>, wanted: &Wanted<'_>) -> bool {
    parent_of(row) != wanted.parent || row.name != wanted.name
}
