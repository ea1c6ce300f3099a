//! What a pass of a service leaves at rest: where nothing changed since, the next one has nothing to decide.
//!
//! The same trees under the same policy give the same plan. If the last one was empty and nothing changed, a pass costs its
//! listings, not a merge; otherwise it is about what changed and what was not at rest. What only time decides is never at
//! rest: whatever waits for a moment, an answer or a second look, and the next pass decides anew about everything. Whoever
//! opens the pair anew does so too.

use std::collections::{BTreeMap, BTreeSet};

use planner::hold::{ItemKind, Reason};
use planner::id::NodeId;
use planner::part::Seeds;
use planner::path::RelPath;
use planner::policy::Direction;
use planner::tree::{Standing, SyncedTree};

use super::decide::Decision;
use super::open::Session;
use super::tally::Tally;
use crate::summary::{Item, PairSummary};

/// Places that are decided about in every pass, at most: beyond it the pass is about everything.
const PLACES: usize = 1_000;

/// What is at rest after a pass, and what that pass had to say of it.
#[derive(Clone, Debug)]
pub(crate) struct Calm {
    skipped: Vec<Item>,
    drift: Vec<Item>,
    /// The pass did nothing and nothing waits: while nothing changes there is nothing to decide.
    idle: bool,
    /// Where the next pass looks besides what changes; `None`: everywhere.
    open: Option<Seeds>,
}

impl Calm {
    /// What the next pass may go by: `None` if it must decide about everything. `stirred`: where the plan did something, as
    /// far as that can be told.
    pub(super) fn after(
        session: &Session,
        decision: &Decision,
        tally: &Tally,
        stirred: Option<BTreeSet<RelPath>>,
    ) -> Option<Self> {
        let PairSummary {
            held,
            unproved,
            failed,
            skipped,
            drift,
            ..
        } = &tally.summary;
        let waits = [unproved, failed].into_iter().any(|list| !list.is_empty());
        let remote = &decision.remote;
        let clear = remote.lost.is_empty()
            && remote.unknown.is_empty()
            && remote.interims.is_empty()
            && remote.held.is_empty()
            && remote.rings.is_empty()
            && remote.unlisted.is_empty()
            && remote.set_aside.is_empty();
        let nothing = decision.waiting.is_empty()
            && decision.uncompared.is_empty()
            && session.approvals.is_empty()
            && tally.rounds() == 1
            && !session.unswept
            && !session.stop.is_cancelled();
        let agreed = || {
            session
                .synced
                .iter()
                .all(|node| node.standing == Standing::Agreed)
        };
        if !nothing || waits || !clear || !agreed() {
            return None;
        }
        let idle = decision.plan.steps.is_empty() && held.is_empty();
        // What drifts may turn out to be whatever is gone elsewhere (M4).
        let drifts = session.policy.direction != Direction::Both && !drift.is_empty();
        let open = stirred.filter(|_| !drifts);
        let open = open.and_then(|stirred| self::open(session, decision, held.len(), stirred));
        (idle || open.is_some()).then(|| Self {
            skipped: skipped.clone(),
            drift: drift.clone(),
            idle,
            open,
        })
    }

    /// Whether there is nothing to decide while nothing changes.
    pub(super) const fn is_idle(&self) -> bool {
        self.idle
    }

    /// Where the next pass looks besides what changes; `None`: everywhere.
    pub(super) const fn open(&self) -> Option<&Seeds> {
        self.open.as_ref()
    }

    /// Says it again, of a pass that listed so many folders.
    pub(super) fn tell(&self, tally: &mut Tally, listed: usize) {
        let summary = &mut tally.summary;
        summary.skipped.clone_from(&self.skipped);
        summary.drift.clone_from(&self.drift);
        summary.listed = u64::try_from(listed).unwrap_or(u64::MAX);
    }

    /// Says it again of all that was not decided about: what is in these folders was.
    pub(super) fn tell_rest(&self, tally: &mut Tally, decided: &BTreeSet<RelPath>) {
        let folder = |item: &Item| {
            let (folder, _) = item.path.rsplit_once('/').unwrap_or_default();
            RelPath::parse(folder).unwrap_or_else(RelPath::root)
        };
        let rest = |items: &[Item]| -> Vec<Item> {
            let rest = items.iter().filter(|item| !decided.contains(&folder(item)));
            rest.cloned().collect()
        };
        tally.also(rest(&self.skipped), rest(&self.drift));
    }
}

/// All places that are not at rest after a plan that did something at those, of which so many items are held.
fn open(session: &Session, decision: &Decision, held: usize, stirred: BTreeSet<RelPath>) -> Option<Seeds> {
    let mut local = stirred;
    let mut waiting = 0;
    let mut records = Records::of(&session.synced);
    for hold in &decision.merged.held {
        let settled = match (hold.kind, &hold.reason) {
            // There is nothing in it that another file could be, or nothing at all can be done about it. In the place of what
            // is on record it hides that, wherever that went in the account (M18).
            (ItemKind::Skipped, Reason::Empty | Reason::Odd(_)) => !records.has(&hold.path),
            (ItemKind::Held, _) => {
                waiting += 1;
                false
            }
            (ItemKind::Skipped | ItemKind::Unproved | ItemKind::Drift, _) => false,
        };
        if !settled {
            local.insert(hold.path.clone());
        }
    }
    // What is on record and not on both sides as it is to be: it is held, or waits for a new file, whose bytes cannot be read
    // yet, to be it or not. Its record may be at another path than what is held.
    let undecided = (decision.merged.target.iter())
        .filter(|node| {
            let here = node.local.is_some() && node.local_name.is_some();
            let there = node.remote.is_some() && node.remote_name.is_some();
            !(here && there)
        })
        .filter_map(|node| session.synced.path(node.synced?));
    local.extend(undecided);
    // What is held for another reason than the merge's has no place here.
    (waiting == held && local.len() <= PLACES).then(|| Seeds {
        local,
        ..Seeds::default()
    })
}

/// Asks whether something is on record at a path of this disk. Of each folder that is asked about what is in it is read once.
struct Records<'a> {
    synced: &'a SyncedTree,
    inside: BTreeMap<Option<NodeId>, BTreeMap<&'a str, NodeId>>,
}

impl<'a> Records<'a> {
    const fn of(synced: &'a SyncedTree) -> Self {
        Self {
            synced,
            inside: BTreeMap::new(),
        }
    }

    fn has(&mut self, path: &RelPath) -> bool {
        let synced = self.synced;
        let mut at = None;
        for name in path.components() {
            let inside = self.inside.entry(at).or_insert_with(|| {
                let nodes = synced.children(at);
                nodes.map(|node| (node.local_name.as_str(), node.id)).collect()
            });
            at = inside.get(name).copied();
            if at.is_none() {
                return false;
            }
        }
        at.is_some()
    }
}
