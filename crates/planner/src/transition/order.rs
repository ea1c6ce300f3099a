//! Steps while they are being planned, and the order in which they end up.
//!
//! A draft names what it needs by [`Ref`]. *Every edge points backwards in (phase, ref) order*: records of what both
//! sides hold already come first, then the disk, then the account, then records that need both. So the numbering below
//! is a topological order by construction, and no search for cycles is needed.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Action, Plan, Settles, Step, StepId};
use crate::id::{NodeId, TargetKey};
use crate::rule::Rule;

/// Names a draft. Within a phase, later drafts have larger refs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ref(u32);

impl Ref {
    /// As a place in a list.
    fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// When a step comes, as far as other steps care.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    /// Records of what is true already.
    Known,
    /// The disk.
    Local,
    /// The account.
    Remote,
    /// Bytes that come to the disk. Nothing else waits for them; they wait until a row that moves as well has moved, so
    /// that no half-done pass leaves a file here which nothing ties to its row.
    Fetch,
    /// Records of what is true only after steps on both sides.
    Late,
}

/// A step without its number.
#[derive(Debug)]
pub(super) struct Draft {
    /// When.
    pub(super) phase: Phase,
    /// As in [`Step::node`].
    pub(super) node: Option<TargetKey>,
    /// As in [`Step::action`].
    pub(super) action: Action,
    /// As in [`Step::because`].
    pub(super) because: Rule,
    /// As in [`Step::settles`].
    pub(super) settles: Settles,
    /// As in [`Step::forgets`].
    pub(super) forgets: Vec<NodeId>,
    /// As in [`Step::after`]: each once, in order.
    after: Vec<Ref>,
}

/// All drafts of a plan.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    list: Vec<Draft>,
}

impl Drafts {
    /// Adds a step of a target node.
    pub(super) fn add(
        &mut self,
        phase: Phase,
        node: Option<TargetKey>,
        action: Action,
        because: Rule,
        after: BTreeSet<Ref>,
    ) -> Ref {
        let at = Ref(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Draft {
            phase,
            node,
            action,
            because,
            settles: Settles::default(),
            forgets: Vec::new(),
            after: after.into_iter().collect(),
        });
        at
    }

    /// The draft of a ref. `None` never happens for refs of this value.
    pub(super) fn get(&self, which: Ref) -> Option<&Draft> {
        self.list.get(which.place())
    }

    /// The draft of a ref, to complete it.
    pub(super) fn get_mut(&mut self, which: Ref) -> Option<&mut Draft> {
        self.list.get_mut(which.place())
    }

    /// All drafts in the order in which they were added.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Ref, &Draft)> {
        (0..).map(Ref).zip(&self.list)
    }

    /// Whether `first` comes before `then` in the plan, so that an edge from one to the other is sound.
    pub(super) fn precedes(&self, first: Ref, then: Ref) -> bool {
        self.rank(first) < self.rank(then)
    }

    /// The place of a draft in the plan, compared with others.
    fn rank(&self, which: Ref) -> Option<(Phase, Ref)> {
        self.get(which).map(|draft| (draft.phase, which))
    }

    /// Adds an edge: `then` waits for `first`. Answers whether it was sound; if not, nothing is added.
    pub(super) fn wait(&mut self, then: Ref, first: Ref) -> bool {
        let sound = self.precedes(first, then);
        if sound
            && let Some(draft) = self.get_mut(then)
            && let Err(place) = draft.after.binary_search(&first)
        {
            draft.after.insert(place, first);
        }
        sound
    }

    /// Numbers the steps in (phase, ref) order. As many as there may be, none is held twice meanwhile.
    pub(super) fn into_plan(self) -> Plan {
        let mut order: Vec<(Phase, Ref)> = self.iter().map(|(at, draft)| (draft.phase, at)).collect();
        order.sort_unstable();
        let mut numbers = alloc::vec![StepId(0); order.len()];
        for ((_, at), number) in order.into_iter().zip(0..) {
            if let Some(place) = numbers.get_mut(at.place()) {
                *place = StepId(number);
            }
        }
        let number = |at: &Ref| numbers.get(at.place()).copied();
        let mut steps: Vec<Step> = (self.list.into_iter().zip(&numbers))
            .map(|(draft, id)| {
                let mut after: Vec<StepId> = draft.after.iter().filter_map(number).collect();
                after.sort_unstable();
                Step {
                    id: *id,
                    node: draft.node,
                    action: draft.action,
                    settles: draft.settles,
                    forgets: draft.forgets,
                    because: draft.because,
                    after,
                }
            })
            .collect();
        steps.sort_unstable_by_key(|step| step.id);
        Plan { steps }
    }
}
