//! The merge of a part: the full merge restricted to the closure of what changed (design §2, property 6).
//!
//! The closure of an item: the folders above it wherever a side has it, everything below it, and in those folders all
//! that does not stay as it is, for names and fates there depend on each other. Folders are in it as places only, unless
//! something happens to them. The full merge is made first: the restriction is exact by construction, and a merge of
//! everything costs far less than the scan or the listing that leads to it.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use crate::id::{LocalKey, RemoteId};
use crate::merge::hold::path_of;
use crate::merge::item::{Items, Ix};
use crate::merge::{Compare, Content, Context, Merged, Scope, TargetNode};
use crate::path::RelPath;
use crate::rule::Rule;

/// Leaves out what is not in the closure.
pub(crate) fn restrict(cx: &Context<'_>, items: &Items<'_>, merged: Merged, scope: &Scope) -> Merged {
    match scope {
        Scope::Everything => merged,
        Scope::Closure {
            synced,
            local,
            remote,
        } => {
            let seeds = synced
                .iter()
                .filter_map(|id| items.of_node(*id))
                .chain(local.iter().filter_map(|key| items.of_entry(*key)))
                .chain(remote.iter().filter_map(|id| items.of_row(*id)));
            let mut closure = Closure::new(items, &merged);
            closure.extend(seeds.collect());
            let all: BTreeSet<Ix> = closure.members.union(&closure.above).copied().collect();
            cut(cx, items, merged, &all)
        }
    }
}

/// The item a target node is of; a conflict copy is of the item whose entry it is.
fn item_of(items: &Items<'_>, node: &TargetNode) -> Option<Ix> {
    let by_node = node.synced.and_then(|id| items.of_node(id));
    let by_row = || node.remote.and_then(|id| items.of_row(id));
    let by_entry = || node.local.and_then(|key| items.of_entry(key));
    by_node.or_else(by_row).or_else(by_entry)
}

struct Closure<'a, 'b> {
    items: &'b Items<'a>,
    /// The folders that each item is in: as synced, here, there, and in the target.
    folders: Vec<BTreeSet<Ix>>,
    /// What is in each folder, in any of these ways.
    inside: Vec<Vec<Ix>>,
    /// Items that something happens to.
    busy: Vec<bool>,
    members: BTreeSet<Ix>,
    above: BTreeSet<Ix>,
}

impl<'a, 'b> Closure<'a, 'b> {
    fn new(items: &'b Items<'a>, merged: &Merged) -> Self {
        let mut folders: Vec<BTreeSet<Ix>> = vec![BTreeSet::new(); items.len()];
        let mut busy = vec![true; items.len()];
        for (ix, item) in items.iter() {
            if let Some(slot) = folders.get_mut(ix.place()) {
                slot.extend([item.base_parent, item.local_parent, item.remote_parent]);
            }
        }
        for node in merged.target.iter() {
            let Some(ix) = item_of(items, node) else {
                continue;
            };
            let above = node.parent.and_then(|key| merged.target.get(key));
            let above = above.and_then(|above| item_of(items, above)).unwrap_or(Ix::ROOT);
            if let Some(slot) = folders.get_mut(ix.place()) {
                slot.insert(above);
            }
            let still = node.place_rule == Rule::Unchanged
                && matches!(node.content, Content::Settled | Content::Folder)
                && matches!(node.content_rule, Rule::Unchanged | Rule::Refreshed)
                && node.local_name.is_some()
                && node.remote_name.is_some();
            if let Some(slot) = busy.get_mut(ix.place()) {
                *slot = !still;
            }
        }
        let mut inside: Vec<Vec<Ix>> = vec![Vec::new(); items.len()];
        for (ix, _) in items.iter() {
            for folder in folders.get(ix.place()).into_iter().flatten() {
                if let Some(slot) = inside.get_mut(folder.place()) {
                    slot.push(ix);
                }
            }
        }
        Self {
            items,
            folders,
            inside,
            busy,
            members: BTreeSet::new(),
            above: BTreeSet::from([Ix::ROOT]),
        }
    }

    fn is_busy(&self, ix: Ix) -> bool {
        self.busy.get(ix.place()) == Some(&true)
    }

    /// Adds these and all that they depend on.
    fn extend(&mut self, seeds: Vec<Ix>) {
        let mut queue = VecDeque::from(seeds);
        while let Some(ix) = queue.pop_front() {
            if ix == Ix::ROOT || !self.members.insert(ix) {
                continue;
            }
            if self.items.get(ix).folder {
                queue.extend(self.inside.get(ix.place()).into_iter().flatten());
            }
            for folder in self.folders.get(ix.place()).into_iter().flatten() {
                let beside = self.inside.get(folder.place()).into_iter().flatten();
                queue.extend(beside.filter(|ix| self.is_busy(**ix)));
            }
            let mut up: Vec<Ix> = self
                .folders
                .get(ix.place())
                .into_iter()
                .flatten()
                .copied()
                .collect();
            while let Some(folder) = up.pop() {
                if folder != Ix::ROOT && self.is_busy(folder) {
                    queue.push_back(folder);
                } else if self.above.insert(folder) {
                    up.extend(self.folders.get(folder.place()).into_iter().flatten());
                }
            }
        }
    }
}

fn cut(cx: &Context<'_>, items: &Items<'_>, merged: Merged, all: &BTreeSet<Ix>) -> Merged {
    let has = |ix: Option<Ix>| ix.is_some_and(|ix| all.contains(&ix));
    let entry = |key: LocalKey| has(items.of_entry(key));
    let row = |id: RemoteId| has(items.of_row(id));
    let paths: BTreeSet<RelPath> = all.iter().map(|ix| path_of(cx, items, *ix)).collect();
    let mut target = crate::merge::Target::default();
    for node in merged.target.iter().filter(|node| has(item_of(items, node))) {
        target.insert(node.clone());
    }
    let mut cut = Merged { target, ..merged };
    cut.removed
        .retain(|removal| has(removal.synced.and_then(|id| items.of_node(id))));
    cut.conflicts.retain(|conflict| entry(conflict.local));
    cut.held.retain(|hold| paths.contains(&hold.path));
    cut.compare.retain(|compare| match compare {
        Compare::Local(key) => entry(*key),
        Compare::Remote(id) => row(RemoteId::File(*id)),
    });
    cut
}
