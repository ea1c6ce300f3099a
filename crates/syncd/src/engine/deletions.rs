//! The deletions of a plan, each with its node: what the brake counts, a stop holds and the user lets through
//! (design §6). A folder is as many deletions as it has files. Pure.
//!
//! Never here: an approval that covers another version, place or side than the one it was given for.

use std::collections::{BTreeMap, BTreeSet};

use planner::hold::Side;
use planner::id::{NodeId, RemoteId};
use planner::transition::{Action, LocalStep, RemoteStep, Step};
use planner::tree::{SyncedNode, SyncedTree};
use state::{Approval, HeldDeletion, HeldWhat, base_state};

use super::decide::Decision;
use super::tally::of_remote;

/// What the user let through and has not happened yet.
pub(crate) type Approvals = BTreeMap<(NodeId, HeldWhat), Approval>;

/// One file that a step deletes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Deletion {
    /// The side it is deleted on.
    pub(crate) side: Side,
    /// The synced node; none for a file that was never synced.
    pub(crate) node: Option<NodeId>,
    /// Where it is, for people.
    pub(crate) path: String,
}

impl Deletion {
    /// What is held of it.
    pub(crate) const fn what(&self) -> HeldWhat {
        match self.side {
            Side::Local => HeldWhat::DeleteLocal,
            Side::Remote => HeldWhat::DeleteRemote,
        }
    }

    /// The approval that lets it through, as its node is agreed on now.
    pub(crate) fn allowed<'a>(&self, approvals: &'a Approvals, synced: &SyncedTree) -> Option<&'a Approval> {
        let node = self.node?;
        let base = synced.get(node)?;
        approvals
            .get(&(node, self.what()))
            .filter(|approval| approval.covers(base))
    }

    /// As the journal holds it. A file that was never synced has no base to hold it by.
    pub(crate) fn held(&self, synced: &SyncedTree) -> Option<HeldDeletion> {
        let node = synced.get(self.node?)?;
        Some(HeldDeletion {
            node: node.id,
            what: self.what(),
            base: base_state(node),
            path: self.path.clone(),
        })
    }
}

/// The approval by which a row that the server lost is taken as not there.
pub(crate) fn lost_allowed<'a>(approvals: &'a Approvals, node: &SyncedNode) -> Option<&'a Approval> {
    approvals
        .get(&(node.id, HeldWhat::LostRow))
        .filter(|approval| approval.covers(node))
}

/// Rows that the server does not know any more, as the journal holds them.
pub(crate) fn lost(synced: &SyncedTree, rows: &BTreeSet<RemoteId>) -> Vec<HeldDeletion> {
    let lost = synced.iter().filter(|node| rows.contains(&node.remote()));
    lost.map(|node| HeldDeletion {
        node: node.id,
        what: HeldWhat::LostRow,
        base: base_state(node),
        path: synced
            .path(node.id)
            .map(|path| path.to_string())
            .unwrap_or_default(),
    })
    .collect()
}

/// All files that a plan deletes, in order of path.
pub(crate) fn planned(decision: &Decision, synced: &SyncedTree) -> Vec<Deletion> {
    let steps = decision.plan.steps.iter();
    let mut all: Vec<Deletion> = steps.flat_map(|step| of_step(decision, synced, step)).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

/// The files that a step deletes.
pub(crate) fn of_step(decision: &Decision, synced: &SyncedTree, step: &Step) -> Vec<Deletion> {
    match &step.action {
        Action::Local(LocalStep::Trash { what, path }) => {
            let of_removal = || {
                let mut removed = decision.merged.removed.iter();
                removed.find(|removal| removal.local == Some(*what))?.synced
            };
            vec![Deletion {
                side: Side::Local,
                node: step.forgets.first().copied().or_else(of_removal),
                path: path.to_string(),
            }]
        }
        Action::Remote(RemoteStep::TrashFile { id }) => {
            let row = RemoteId::File(*id);
            let of_removal = || {
                let mut removed = decision.merged.removed.iter();
                removed.find(|removal| removal.remote == Some(row))?.synced
            };
            vec![Deletion {
                side: Side::Remote,
                node: step.forgets.first().copied().or_else(of_removal),
                path: of_remote(decision, row),
            }]
        }
        Action::Remote(RemoteStep::TrashFolder { .. }) => step
            .forgets
            .iter()
            .filter_map(|node| synced.get(*node))
            .filter(|node| node.file().is_some())
            .map(|node| Deletion {
                side: Side::Remote,
                node: Some(node.id),
                path: of_remote(decision, node.remote()),
            })
            .collect(),
        Action::Local(_) | Action::Remote(_) | Action::Journal(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use planner::id::FileId;
    use planner::name::{LocalName, RemoteName};
    use planner::tree::{Standing, SyncedFile, SyncedKind};

    use super::*;

    fn node(id: u64, size: u64) -> SyncedNode {
        SyncedNode {
            id: NodeId(id),
            parent: None,
            remote_name: RemoteName::new("a"),
            local_name: LocalName::new("a").unwrap(),
            identity: None,
            standing: Standing::Agreed,
            kind: SyncedKind::File(SyncedFile {
                remote: FileId::new(id).unwrap(),
                short_url: None,
                size,
                hash: None,
                stamp: None,
            }),
        }
    }

    fn deletion(side: Side, id: u64) -> Deletion {
        Deletion {
            side,
            node: Some(NodeId(id)),
            path: "a".into(),
        }
    }

    #[test]
    fn an_approval_covers_its_node_on_its_side_in_its_version_and_nothing_else() {
        let mut synced = SyncedTree::default();
        synced.insert(node(1, 3));
        synced.insert(node(2, 3));
        let held = deletion(Side::Local, 1).held(&synced).unwrap();
        let approval = Approval {
            base: held.base,
            allowed_by: "me".into(),
            at: 1,
        };
        let approvals = Approvals::from([((held.node, held.what), approval)]);
        let covered =
            |deletion: Deletion, synced: &SyncedTree| deletion.allowed(&approvals, synced).is_some();
        assert!(covered(deletion(Side::Local, 1), &synced));
        assert!(!covered(deletion(Side::Remote, 1), &synced));
        assert!(!covered(deletion(Side::Local, 2), &synced));
        synced.insert(node(1, 4));
        assert!(!covered(deletion(Side::Local, 1), &synced), "edited since");
    }

    #[test]
    fn what_was_never_synced_can_neither_be_held_nor_approved() {
        let stranger = Deletion {
            node: None,
            ..deletion(Side::Local, 1)
        };
        assert_eq!(stranger.held(&SyncedTree::default()), None);
        assert_eq!(stranger.allowed(&Approvals::new(), &SyncedTree::default()), None);
    }
}
