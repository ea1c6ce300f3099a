//! Counting: how steps ended and what is not in sync, as the summary and the progress lines tell it.

use planner::hold::{ItemKind, Reason};
use planner::id::RemoteId;
use planner::merge::Compare;
use planner::path::RelPath;
use planner::transition::{Action, LocalStep, RemoteStep, Step};
use state::{Problem, ProblemKind};

use super::decide::Decision;
use super::words;
use crate::remote::apply::Failure;
use crate::summary::{ConflictItem, Item, PairSummary};

/// A file or folder that goes to the account's trash, as the history says it.
pub(crate) const DELETE_THERE: &str = "delete there";

/// Why a path waits whose upload may still be found in the account.
pub(crate) const UNANSWERED: &str = "an earlier upload was not answered";

/// A step as users see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shown {
    /// `local` or `remote`.
    pub(crate) side: &'static str,
    /// One word for it.
    pub(crate) kind: &'static str,
    /// What it is done to.
    pub(crate) path: String,
    /// Where that goes.
    pub(crate) to: Option<String>,
    /// Bytes to be transferred.
    pub(crate) bytes: Option<u64>,
}

/// The counts of a run, over all of its rounds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What the run adds up to.
    pub(crate) summary: PairSummary,
    rounds: u32,
}

impl Tally {
    /// Counts for this pair.
    pub(crate) fn new(name: &str) -> Self {
        let summary = PairSummary {
            name: name.to_owned(),
            phase: "syncing",
            ..PairSummary::default()
        };
        Self { summary, rounds: 0 }
    }

    /// Rounds begun so far.
    pub(crate) const fn rounds(&self) -> u32 {
        self.rounds
    }

    /// A new round: what is not in sync is what this one finds.
    pub(crate) fn begin_round(&mut self) {
        self.rounds = self.rounds.saturating_add(1);
        self.lists().into_iter().for_each(Vec::clear);
    }

    /// What the merge and the scan say is not in sync.
    pub(crate) fn observed(&mut self, decision: &Decision) {
        for hold in &decision.merged.held {
            if let Reason::Unreadable(_) = &hold.reason {
                // The system refused it (interface §1): nothing is decided about it, and nobody is asked.
                let reason = words::reason(hold.kind, &hold.reason);
                self.summary.failed.push(Item {
                    path: hold.path.to_string(),
                    reason,
                });
                continue;
            }
            self.item(
                hold.kind,
                hold.path.to_string(),
                words::reason(hold.kind, &hold.reason),
            );
        }
        for (path, why) in &decision.remote.unlisted {
            // More is known than that nothing proves it.
            self.summary.unproved.retain(|item| item.path != *path);
            self.item(ItemKind::Unproved, path.clone(), why.clone());
        }
        for path in &decision.remote.held {
            self.item(ItemKind::Held, path.clone(), super::absent::VANISHES.to_owned());
        }
        let sends = |step: &Step, path: &RelPath| matches!(&step.action, Action::Remote(RemoteStep::Upload { from, .. } | RemoteStep::Replace { from, .. }) if from == path);
        let sent = |path: &RelPath| decision.plan.steps.iter().any(|step| sends(step, path));
        // Where something is to be sent, that step tells it.
        for path in decision.remote.set_aside.iter().filter(|path| !sent(path)) {
            let why = Failure::Unknown(UNANSWERED.to_owned());
            self.add_failure(path.to_string(), &why);
        }
        for oddity in &decision.scan.oddities {
            self.item(
                ItemKind::Skipped,
                oddity.shown.clone(),
                words::odd_text(oddity.odd).to_owned(),
            );
        }
        for (compare, failure) in &decision.uncompared {
            let path = match compare {
                Compare::Remote(file) => of_remote(decision, RemoteId::File(*file)),
                Compare::Local(key) => decision
                    .scan
                    .tree
                    .nodes
                    .path(*key)
                    .map(|path| path.to_string())
                    .unwrap_or_default(),
            };
            self.add_failure(path, failure);
        }
        for items in self.lists() {
            items.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
            items.dedup();
        }
    }

    fn lists(&mut self) -> [&mut Vec<Item>; 5] {
        let summary = &mut self.summary;
        [
            &mut summary.skipped,
            &mut summary.held,
            &mut summary.unproved,
            &mut summary.failed,
            &mut summary.drift,
        ]
    }

    fn item(&mut self, kind: ItemKind, path: String, reason: String) {
        let items = match kind {
            ItemKind::Skipped => &mut self.summary.skipped,
            ItemKind::Held => &mut self.summary.held,
            ItemKind::Unproved => &mut self.summary.unproved,
            ItemKind::Drift => &mut self.summary.drift,
        };
        items.push(Item { path, reason });
    }

    /// What was not looked at and is not in sync either, as it was told before.
    pub(crate) fn also(&mut self, skipped: Vec<Item>, drift: Vec<Item>) {
        let summary = &mut self.summary;
        for (items, more) in [(&mut summary.skipped, skipped), (&mut summary.drift, drift)] {
            items.extend(more);
            items.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
            items.dedup();
        }
    }

    /// Conflicts that were settled by steps of a plan that ran.
    pub(crate) fn conflicts(&mut self, decision: &Decision) {
        for conflict in &decision.merged.conflicts {
            self.summary.conflicts.push(ConflictItem {
                path: conflict.path.to_string(),
                copy: conflict.copy.as_ref().map(ToString::to_string),
                reason: conflict.because.to_string(),
            });
        }
    }

    /// Files and bytes that a plan transfers.
    pub(crate) fn work(&self, decision: &Decision) -> (u64, u64) {
        let sizes = decision
            .plan
            .steps
            .iter()
            .filter_map(|step| shown(decision, step).bytes);
        sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }

    /// What is not in sync, for the journal.
    pub(crate) fn problems(&self, now: i64) -> Vec<Problem> {
        let summary = &self.summary;
        let lists = [
            (ProblemKind::Skipped, &summary.skipped),
            (ProblemKind::Held, &summary.held),
            (ProblemKind::Unproved, &summary.unproved),
            (ProblemKind::Failed, &summary.failed),
            (ProblemKind::Drift, &summary.drift),
        ];
        lists
            .into_iter()
            .flat_map(|(kind, items)| items.iter().map(move |item| (kind, item)))
            .map(|(kind, item)| Problem {
                path: item.path.clone(),
                kind,
                reason: item.reason.clone(),
                since: now,
            })
            .collect()
    }

    /// A step is done.
    pub(crate) fn done(&mut self, decision: &Decision, step: &Step) {
        let shown = shown(decision, step);
        let summary = &mut self.summary;
        match &step.action {
            Action::Local(local) => match local {
                LocalStep::Place { .. } | LocalStep::Replace { .. } => {
                    summary.downloaded += 1;
                    summary.bytes_down += shown.bytes.unwrap_or(0);
                }
                LocalStep::Move { .. } | LocalStep::Unpark { .. } => summary.moved += 1,
                LocalStep::Trash { .. } | LocalStep::RemoveFolder { .. } => summary.deleted_local += 1,
                LocalStep::CreateFolder { .. } | LocalStep::Park { .. } => {}
            },
            Action::Remote(remote) => match remote {
                RemoteStep::Upload { .. } | RemoteStep::Replace { .. } => {
                    summary.uploaded += 1;
                    summary.bytes_up += shown.bytes.unwrap_or(0);
                }
                RemoteStep::EditFile { .. } | RemoteStep::EditFolder { .. } => summary.moved += 1,
                RemoteStep::TrashFile { .. } => summary.deleted_remote += 1,
                RemoteStep::TrashFolder { .. } => {
                    summary.deleted_remote += u64::try_from(step.forgets.len().max(1)).unwrap_or(1);
                }
                RemoteStep::CreateFolder { .. } => {}
            },
            Action::Journal(_) => {}
        }
    }

    /// A step failed.
    pub(crate) fn failed(&mut self, decision: &Decision, step: &Step, failure: &Failure) {
        let path = self.path(decision, step);
        self.add_failure(path, failure);
    }

    fn add_failure(&mut self, path: String, failure: &Failure) {
        let reason = failure.to_string();
        let items = match failure {
            Failure::Unknown(_) => &mut self.summary.unproved,
            Failure::Held(_) => &mut self.summary.held,
            Failure::Stale(_) | Failure::Refused(_) | Failure::Later(_) | Failure::Fatal(_) => {
                &mut self.summary.failed
            }
        };
        items.push(Item { path, reason });
    }

    /// A step was not tried because one it needs did not work.
    pub(crate) fn dropped(&mut self, decision: &Decision, step: &Step) {
        if matches!(step.action, Action::Journal(_)) {
            return;
        }
        let path = self.path(decision, step);
        let reason = "not tried: a step before it did not work".to_owned();
        self.summary.failed.push(Item { path, reason });
    }

    /// Where a step acts, for people.
    pub(crate) fn path(&self, decision: &Decision, step: &Step) -> String {
        shown(decision, step).path
    }

    /// A finished step as a line.
    pub(crate) fn line(&self, decision: &Decision, step: &Step) -> String {
        let shown = shown(decision, step);
        let mut line = format!("{} {}", shown.kind, shown.path);
        if let Some(to) = &shown.to {
            line.push_str(" -> ");
            line.push_str(to);
        }
        if let Some(bytes) = shown.bytes {
            line.push_str(&format!(" ({})", indicatif::BinaryBytes(bytes)));
        }
        line
    }
}

/// The path of a row, as it is or would be here.
pub(crate) fn of_remote(decision: &Decision, id: RemoteId) -> String {
    decision
        .remote
        .paths
        .get(&id)
        .map_or_else(|| format!("id {}", id.get()), ToString::to_string)
}

/// A step as users see it.
pub(crate) fn shown(decision: &Decision, step: &Step) -> Shown {
    match &step.action {
        Action::Local(local) => of_local_step(local),
        Action::Remote(remote) => of_remote_step(decision, step, remote),
        Action::Journal(_) => Shown {
            side: "local",
            kind: "record",
            path: of_target(decision, step).unwrap_or_default(),
            to: None,
            bytes: None,
        },
    }
}

fn of_local_step(step: &LocalStep) -> Shown {
    let shown = |kind, path: &RelPath, to: Option<&RelPath>, bytes| Shown {
        side: "local",
        kind,
        path: path.to_string(),
        to: to.map(ToString::to_string),
        bytes,
    };
    match step {
        LocalStep::CreateFolder { path } => shown("create folder", path, None, None),
        LocalStep::Move { from, to, .. } => shown("move", from, Some(to), None),
        LocalStep::Park { from, .. } => shown("set aside", from, None, None),
        LocalStep::Unpark { to, .. } => shown("put in place", to, None, None),
        LocalStep::Place { path, size, .. } => shown("download", path, None, Some(*size)),
        LocalStep::Replace { path, size, .. } => shown("download", path, None, Some(*size)),
        LocalStep::Trash { path, .. } => shown("delete here", path, None, None),
        LocalStep::RemoveFolder { path, .. } => shown("delete here", path, None, None),
    }
}

fn of_remote_step(decision: &Decision, step: &Step, remote: &RemoteStep) -> Shown {
    let target = of_target(decision, step);
    let moved = |id: RemoteId| Shown {
        side: "remote",
        kind: "move",
        path: of_remote(decision, id),
        to: target.clone(),
        bytes: None,
    };
    let gone = |id: RemoteId| Shown {
        side: "remote",
        kind: DELETE_THERE,
        path: of_remote(decision, id),
        to: None,
        bytes: None,
    };
    match remote {
        RemoteStep::CreateFolder { name, .. } => Shown {
            side: "remote",
            kind: "create folder there",
            path: target.unwrap_or_else(|| name.to_string()),
            to: None,
            bytes: None,
        },
        RemoteStep::Upload { from, size, .. } | RemoteStep::Replace { from, size, .. } => Shown {
            side: "remote",
            kind: "upload",
            path: from.to_string(),
            to: None,
            bytes: Some(size.get()),
        },
        RemoteStep::EditFile { id, .. } => moved(RemoteId::File(*id)),
        RemoteStep::EditFolder { id, .. } => moved(RemoteId::Folder(*id)),
        RemoteStep::TrashFile { id } => gone(RemoteId::File(*id)),
        RemoteStep::TrashFolder { id } => gone(RemoteId::Folder(*id)),
    }
}

fn of_target(decision: &Decision, step: &Step) -> Option<String> {
    decision
        .merged
        .target
        .path(step.node?)
        .map(|path| path.to_string())
}
