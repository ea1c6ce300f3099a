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
    Upload(Weight),
    /// Downloads and the placing of their bytes.
    Download(Weight),
}

/// What a transfer is to those beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Weight {
    /// Over in a moment.
    Light,
    /// It may keep a place for long.
    Heavy,
}

/// From so many bytes on a transfer is heavy.
const HEAVY: u64 = 8 * 1024 * 1024;

/// Light transfers begun for each that may run at once. While one waits for its place its intent is written down, and where it
/// comes from or goes to is made ready, so that no place is empty meanwhile.
const AHEAD: usize = 2;

impl Weight {
    const fn of(size: u64) -> Self {
        if size < HEAVY { Self::Light } else { Self::Heavy }
    }
}

/// How much may run at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// Short calls.
    pub(crate) calls: usize,
    /// Uploads.
    pub(crate) uploads: usize,
    /// Downloads.
    pub(crate) downloads: usize,
}

impl Lane {
    /// The lane of a step.
    pub(crate) fn of(step: &Step) -> Self {
        match &step.action {
            Action::Journal(_) => Self::Record,
            Action::Local(LocalStep::Place { size, .. } | LocalStep::Replace { size, .. }) => {
                Self::Download(Weight::of(*size))
            }
            Action::Local(
                LocalStep::CreateFolder { .. }
                | LocalStep::Move { .. }
                | LocalStep::Park { .. }
                | LocalStep::Unpark { .. }
                | LocalStep::Trash { .. }
                | LocalStep::RemoveFolder { .. },
            ) => Self::Disk,
            Action::Remote(RemoteStep::Upload { size, .. } | RemoteStep::Replace { size, .. }) => {
                Self::Upload(Weight::of(size.get()))
            }
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

    /// The next step that may start, in plan order within its lane.
    pub(crate) fn next(&mut self, places: Places) -> Option<StepId> {
        let mut lanes = self.ready.iter();
        let (lane, _) = lanes
            .find(|(lane, steps)| !steps.is_empty() && self.running(**lane) < self.bound(**lane, places))?;
        let lane = *lane;
        let step = self.ready.get_mut(&lane)?.pop_first()?;
        *self.running.entry(lane).or_default() += 1;
        Some(step)
    }

    fn running(&self, lane: Lane) -> usize {
        self.running.get(&lane).copied().unwrap_or(0)
    }

    /// How many of a lane may have begun. Heavy transfers leave a place to light ones, as long as there are any: those must not
    /// wait until a film is over.
    fn bound(&self, lane: Lane, places: Places) -> usize {
        let heavy = |light: Lane, at_once: usize| {
            let any =
                self.running(light) > 0 || self.ready.get(&light).is_some_and(|steps| !steps.is_empty());
            at_once.saturating_sub(usize::from(any)).max(1)
        };
        match lane {
            Lane::Record | Lane::Disk => 1,
            Lane::Call => places.calls.max(1),
            Lane::Upload(Weight::Light) => places.uploads.max(1).saturating_mul(AHEAD),
            Lane::Upload(Weight::Heavy) => heavy(Lane::Upload(Weight::Light), places.uploads),
            Lane::Download(Weight::Light) => places.downloads.max(1).saturating_mul(AHEAD),
            Lane::Download(Weight::Heavy) => heavy(Lane::Download(Weight::Light), places.downloads),
        }
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
    use planner::id::{FileId, LocalKey, NodeId};
    use planner::name::RemoteName;
    use planner::path::RelPath;
    use planner::rule::Rule;
    use planner::transition::{RemoteParent, Settles};

    use super::*;

    const ONE: Places = Places {
        calls: 1,
        uploads: 1,
        downloads: 1,
    };
    const MANY: Places = Places {
        calls: 9,
        uploads: 9,
        downloads: 9,
    };

    fn plan(after: &[&[u32]]) -> Plan {
        let steps = after.iter().enumerate().map(|(number, after)| Step {
            id: StepId(u32::try_from(number).unwrap()),
            node: None,
            action: Action::Remote(RemoteStep::TrashFile {
                id: FileId::new(1).unwrap(),
            }),
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
        assert_eq!(schedule.next(MANY), Some(StepId(0)));
        assert_eq!(schedule.next(MANY), Some(StepId(1)));
        assert_eq!(schedule.next(MANY), None);
        schedule.ended(StepId(0), true);
        assert_eq!(schedule.next(MANY), None);
        schedule.ended(StepId(1), true);
        assert_eq!(schedule.next(MANY), Some(StepId(2)));
    }

    #[test]
    fn what_needs_a_failed_step_is_not_tried() {
        let mut schedule = Schedule::new(&plan(&[&[], &[0], &[1], &[]]));
        assert_eq!(schedule.next(ONE), Some(StepId(0)));
        assert_eq!(schedule.next(ONE), None, "the lane is full");
        schedule.ended(StepId(0), false);
        assert_eq!(schedule.next(ONE), Some(StepId(3)));
        schedule.ended(StepId(3), true);
        assert_eq!(schedule.next(ONE), None);
        assert_eq!(
            schedule.dropped().iter().map(|id| id.0).collect::<Vec<_>>(),
            [1, 2]
        );
    }

    /// Uploads of these sizes, in this order.
    fn uploads(sizes: &[u64]) -> Plan {
        let mut plan = plan(&vec![&[] as &[u32]; sizes.len()]);
        for (step, size) in plan.steps.iter_mut().zip(sizes) {
            step.action = Action::Remote(RemoteStep::Upload {
                what: LocalKey(step.id.0),
                from: RelPath::root(),
                size: (*size).try_into().unwrap(),
                parent: RemoteParent::Root,
                name: RemoteName::new("a"),
                fast: true,
            });
        }
        plan
    }

    fn begun(schedule: &mut Schedule, uploads: usize) -> Vec<u32> {
        let places = Places { uploads, ..ONE };
        core::iter::from_fn(|| schedule.next(places).map(|id| id.0)).collect()
    }

    #[test]
    fn small_files_are_begun_ahead_and_do_not_wait_behind_large_ones() {
        let mut schedule = Schedule::new(&uploads(&[HEAVY, HEAVY, HEAVY, HEAVY, 1, 1, 1, 1, 1, 1, 1]));
        // Six of the light ones for three places, and two of the heavy.
        assert_eq!(begun(&mut schedule, 3), [4, 5, 6, 7, 8, 9, 0, 1]);
        schedule.ended(StepId(0), true);
        assert_eq!(
            begun(&mut schedule, 3),
            [2],
            "a place is left to those that are light"
        );
        for light in 4..10 {
            schedule.ended(StepId(light), true);
        }
        assert_eq!(begun(&mut schedule, 3), [10]);
        schedule.ended(StepId(10), true);
        assert_eq!(begun(&mut schedule, 3), [3], "nobody else wants it");
        let mut schedule = Schedule::new(&uploads(&[HEAVY, 1]));
        assert_eq!(begun(&mut schedule, 1), [1, 0], "one place is for all");
    }
}
