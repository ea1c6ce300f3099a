//! Which steps of a plan may run now. Pure: it is told what ended and how, and answers what is ready.
//!
//! Invariants: a step is handed out at most once, and only after every step it names in `after` succeeded; when one
//! fails, everything that needs it is dropped from this pass (the next pass plans it anew from what is then true).

use std::collections::{BTreeMap, BTreeSet};

use planner::transition::{Action, LocalStep, Plan, RemoteStep, Step, StepId};

/// Kinds of work that do not wait for each other, each with its own bound on how much runs at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Lane {
    /// Only the journal.
    Record,
    /// Names and folders on the disk: one at a time, because paths depend on each other.
    Disk,
    /// Short calls that change the account.
    Call,
    /// Uploads.
    Upload,
    /// Downloads and the placing of their bytes.
    Download,
}

impl Lane {
    /// The lane of a step.
    pub(crate) fn of(step: &Step) -> Self {
        match &step.action {
            Action::Journal(_) => Self::Record,
            Action::Local(LocalStep::Place { .. } | LocalStep::Replace { .. }) => Self::Download,
            Action::Local(
                LocalStep::CreateFolder { .. }
                | LocalStep::Move { .. }
                | LocalStep::Park { .. }
                | LocalStep::Unpark { .. }
                | LocalStep::Trash { .. }
                | LocalStep::RemoveFolder { .. },
            ) => Self::Disk,
            Action::Remote(RemoteStep::Upload { .. } | RemoteStep::Replace { .. }) => Self::Upload,
            Action::Remote(
                RemoteStep::CreateFolder { .. }
                | RemoteStep::EditFile { .. }
                | RemoteStep::EditFolder { .. }
                | RemoteStep::TrashFile { .. }
                | RemoteStep::TrashFolder { .. },
            ) => Self::Call,
        }
    }
}

/// The state of one pass over a plan.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// How many of its `after` steps have not succeeded yet.
    waiting: BTreeMap<StepId, usize>,
    /// Who waits for a step.
    dependents: BTreeMap<StepId, Vec<StepId>>,
    lanes: BTreeMap<StepId, Lane>,
    ready: BTreeMap<Lane, BTreeSet<StepId>>,
    running: BTreeMap<Lane, usize>,
    dropped: BTreeSet<StepId>,
}

impl Schedule {
    /// Takes a plan in; nothing has run yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut schedule = Self {
            waiting: BTreeMap::new(),
            dependents: BTreeMap::new(),
            lanes: BTreeMap::new(),
            ready: BTreeMap::new(),
            running: BTreeMap::new(),
            dropped: BTreeSet::new(),
        };
        for step in &plan.steps {
            schedule.lanes.insert(step.id, Lane::of(step));
            let after: BTreeSet<StepId> = step.after.iter().copied().collect();
            for needed in &after {
                schedule.dependents.entry(*needed).or_default().push(step.id);
            }
            if after.is_empty() {
                schedule.make_ready(step.id);
            } else {
                schedule.waiting.insert(step.id, after.len());
            }
        }
        schedule
    }

    /// The next step that may start, in plan order within its lane, if its lane has fewer than `bound(lane)` running.
    pub(crate) fn next(&mut self, bound: impl Fn(Lane) -> usize) -> Option<StepId> {
        let lane = self
            .ready
            .iter()
            .filter(|(lane, steps)| {
                !steps.is_empty() && self.running.get(lane).copied().unwrap_or(0) < bound(**lane)
            })
            .map(|(lane, _)| *lane)
            .next()?;
        let step = self.ready.get_mut(&lane)?.pop_first()?;
        *self.running.entry(lane).or_default() += 1;
        Some(step)
    }

    /// Reports how a step that was handed out ended.
    pub(crate) fn ended(&mut self, step: StepId, succeeded: bool) {
        if let Some(running) = self.lanes.get(&step).and_then(|lane| self.running.get_mut(lane)) {
            *running = running.saturating_sub(1);
        }
        let dependents = self.dependents.remove(&step).unwrap_or_default();
        for dependent in dependents {
            if succeeded {
                self.one_less(dependent);
            } else {
                self.drop_with_dependents(dependent);
            }
        }
    }

    /// Steps that were not tried because one they need failed.
    pub(crate) fn dropped(&self) -> &BTreeSet<StepId> {
        &self.dropped
    }

    fn one_less(&mut self, step: StepId) {
        let Some(waiting) = self.waiting.get_mut(&step) else {
            return;
        };
        *waiting = waiting.saturating_sub(1);
        if *waiting == 0 {
            self.waiting.remove(&step);
            self.make_ready(step);
        }
    }

    fn drop_with_dependents(&mut self, step: StepId) {
        let mut doomed = vec![step];
        while let Some(step) = doomed.pop() {
            if self.waiting.remove(&step).is_some() {
                self.dropped.insert(step);
                doomed.extend(self.dependents.remove(&step).unwrap_or_default());
            }
        }
    }

    fn make_ready(&mut self, step: StepId) {
        if let Some(lane) = self.lanes.get(&step) {
            self.ready.entry(*lane).or_default().insert(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use planner::id::NodeId;
    use planner::rule::Rule;
    use planner::transition::{JournalStep, Settles};

    use super::*;

    fn plan(after: &[&[u32]]) -> Plan {
        let steps = after.iter().enumerate().map(|(number, after)| Step {
            id: StepId(u32::try_from(number).unwrap()),
            node: None,
            action: Action::Journal(JournalStep::Forget),
            settles: Settles::default(),
            forgets: vec![NodeId(1)],
            because: Rule::DeletedBoth,
            after: after.iter().map(|id| StepId(*id)).collect(),
        });
        Plan {
            steps: steps.collect(),
        }
    }

    #[test]
    fn a_step_waits_for_all_it_names() {
        let mut schedule = Schedule::new(&plan(&[&[], &[], &[0, 1]]));
        assert_eq!(schedule.next(|_| 9), Some(StepId(0)));
        assert_eq!(schedule.next(|_| 9), Some(StepId(1)));
        assert_eq!(schedule.next(|_| 9), None);
        schedule.ended(StepId(0), true);
        assert_eq!(schedule.next(|_| 9), None);
        schedule.ended(StepId(1), true);
        assert_eq!(schedule.next(|_| 9), Some(StepId(2)));
    }

    #[test]
    fn what_needs_a_failed_step_is_not_tried() {
        let mut schedule = Schedule::new(&plan(&[&[], &[0], &[1], &[]]));
        assert_eq!(schedule.next(|_| 1), Some(StepId(0)));
        assert_eq!(schedule.next(|_| 1), None, "the lane is full");
        schedule.ended(StepId(0), false);
        assert_eq!(schedule.next(|_| 1), Some(StepId(3)));
        schedule.ended(StepId(3), true);
        assert_eq!(schedule.next(|_| 1), None);
        assert_eq!(
            schedule.dropped().iter().map(|id| id.0).collect::<Vec<_>>(),
            [1, 2]
        );
    }
}
