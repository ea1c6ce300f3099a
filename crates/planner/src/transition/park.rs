//! Setting entries aside where names change places (design M16).
//!
//! Nothing may ever have to move *out of* a folder that is set aside: its path there is nobody's business. So what will
//! leave the folder for a place outside it is set aside first, from the bottom up.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::disk::{Entry, Spot};
use super::local::{Local, State};
use super::order::Drafts;
use crate::id::{LocalKey, TargetKey};
use crate::path::RelPath;

impl Local<'_> {
    /// Sets an entry aside, after all in it that will not be in it any more.
    pub(super) fn park(&mut self, what: LocalKey, drafts: &mut Drafts) {
        let is_folder = self
            .trees
            .local
            .nodes
            .get(what)
            .is_some_and(|node| node.is_folder());
        if is_folder {
            for inner in self.leavers_of(what) {
                self.park_one(inner, drafts);
            }
        }
        self.park_one(what, drafts);
    }

    /// Entries in the folder, or in one of the others answered, that have still to move to a place that is not in it;
    /// deepest first.
    fn leavers_of(&self, folder: LocalKey) -> Vec<LocalKey> {
        let pending: Vec<(LocalKey, TargetKey)> = self
            .merged
            .target
            .iter()
            .filter(|node| self.states.get(&node.key) != Some(&State::Done))
            .filter(|node| self.wanted(node).is_some())
            .filter_map(|node| Some((node.local?, node.key)))
            .filter(|(key, _)| matches!(self.disk.spot(Entry::Seen(*key)), Spot::In(..)))
            .collect();
        let mut aside = BTreeSet::from([folder]);
        loop {
            let before = aside.len();
            for (key, target) in &pending {
                let leaves = |above: Entry| match above {
                    Entry::Seen(above) => aside.contains(&above) && !self.will_be_in(*target, above),
                    Entry::New(_) => false,
                };
                if !aside.contains(key) && self.disk.above(Entry::Seen(*key)).any(leaves) {
                    aside.insert(*key);
                }
            }
            if aside.len() == before {
                break;
            }
        }
        aside.remove(&folder);
        // By path, not by key: the plan must not depend on how the scan was numbered (property 5).
        let mut order: Vec<(Reverse<usize>, Option<RelPath>, LocalKey)> = aside
            .into_iter()
            .map(|key| {
                let depth = self.disk.above(Entry::Seen(key)).count();
                (Reverse(depth), self.trees.local.nodes.path(key), key)
            })
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, key)| key).collect()
    }

    /// Whether the target node will be below the folder that is this entry now.
    fn will_be_in(&self, node: TargetKey, folder: LocalKey) -> bool {
        self.merged
            .target
            .ancestors(node)
            .any(|above| above.local == Some(folder))
    }
}
