//! From what is to what must be: the ordered steps for both sides.
//!
//! The disk is planned first ([`local`]), then the account ([`remote`], which uploads from where files will lie by then),
//! then what the journal may say after which step ([`settle`]). Each side's head says what orders its steps. Nothing is
//! decided here: a node that the merge left out, or gave no name on a side, is not touched there.

#[cfg(test)]
mod cases;
mod disk;
#[cfg(test)]
mod laws;
mod local;
mod order;
mod park;
mod remote;
mod remove;
mod rows;
mod settle;
mod step;
mod vacate;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub use step::{Action, JournalStep, LocalStep, RemoteParent, RemoteStep, Settles, Step, StepId};

use crate::id::TargetKey;
use crate::merge::{Merged, Target, Trees};
use crate::policy::Policy;
use crate::tree::Node;

/// Everything that has to be done, in an order in which it can be done one by one. Steps name in
/// [`after`](Step::after) which others they truly need, so that independent ones can run side by side.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// The steps; each comes after all that it names.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Of this plan what only puts on record that both sides hold the same, and needs nothing else.
    #[must_use]
    pub fn agreements(&self) -> Self {
        let mut numbers: BTreeMap<StepId, StepId> = BTreeMap::new();
        let mut steps: Vec<Step> = Vec::new();
        for step in &self.steps {
            let agrees = step.action == Action::Journal(JournalStep::Agree) && step.forgets.is_empty();
            let after: Option<Vec<StepId>> = step.after.iter().map(|id| numbers.get(id).copied()).collect();
            let (true, Some(after), Ok(number)) = (agrees, after, u32::try_from(steps.len())) else {
                continue;
            };
            numbers.insert(step.id, StepId(number));
            steps.push(Step {
                id: StepId(number),
                after,
                ..step.clone()
            });
        }
        Self { steps }
    }
}

/// The steps that make both sides, and the record of them, what the merge decided.
///
/// Any order that respects [`Step::after`] is sound, side by side too, and a pass that ends early or in which steps fail
/// leaves a state from which the next merge goes on. The same trees give the same plan (design §2, property 5). The side
/// that a one-way pair never writes gets no step (M17).
#[must_use]
pub fn transition(trees: Trees<'_>, merged: &Merged, policy: &Policy) -> Plan {
    let order = top_down(&merged.target);
    let mut drafts = order::Drafts::default();
    let mut local = local::Local::new(trees, merged, policy);
    local.plan(&order, &mut drafts);
    let trashed = remote::Remote::new(&local, policy).plan(&order, &mut drafts);
    let mut settler = settle::Settler::new(&local, &drafts);
    settler.settle(&order, &mut drafts);
    settler.forget(&trashed, &mut drafts);
    drafts.into_plan()
}

/// All nodes of the target that hang together with its root, parents before children, siblings by name: the order does
/// not depend on how a scan numbered its entries.
fn top_down(target: &Target) -> Vec<TargetKey> {
    let inside = |folder: Option<TargetKey>| {
        let mut nodes: Vec<_> = target
            .children(folder)
            .map(|node| (node.label(), node.remote, node.key))
            .collect();
        nodes.sort_unstable();
        nodes.into_iter().map(|(_, _, key)| key)
    };
    let mut order: Vec<TargetKey> = inside(None).collect();
    let mut at = 0;
    while let Some(key) = order.get(at).copied() {
        order.extend(inside(Some(key)));
        at += 1;
    }
    order
}
