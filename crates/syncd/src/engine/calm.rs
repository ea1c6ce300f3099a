//! A pass of a service in which nothing changed: it costs its listings, not a merge of everything.
//!
//! The same trees under the same policy give the same plan, and the last one was empty. What only time decides is never
//! calm: whatever waits for a moment, an answer, a second look or the user was told of, and the next pass decides anew.
//! Whoever opens the pair anew does so too.

use planner::tree::Standing;

use super::decide::Decision;
use super::open::Session;
use super::tally::Tally;
use crate::summary::{Item, PairSummary};

/// What a pass with nothing to do had to say.
#[derive(Clone, Debug)]
pub(crate) struct Calm {
    skipped: Vec<Item>,
    drift: Vec<Item>,
}

impl Calm {
    /// What the next pass may go by: `None` if anything was done, or waits.
    pub(super) fn after(session: &Session, decision: &Decision, tally: &Tally) -> Option<Self> {
        let PairSummary {
            held,
            unproved,
            failed,
            skipped,
            drift,
            ..
        } = &tally.summary;
        let waits = [held, unproved, failed].into_iter().any(|list| !list.is_empty());
        let remote = &decision.remote;
        let clear = remote.lost.is_empty()
            && remote.unknown.is_empty()
            && remote.interims.is_empty()
            && remote.held.is_empty()
            && remote.rings.is_empty()
            && remote.unlisted.is_empty()
            && remote.set_aside.is_empty();
        let nothing = decision.plan.steps.is_empty()
            && decision.waiting.is_empty()
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
        (nothing && !waits && clear && agreed()).then(|| Self {
            skipped: skipped.clone(),
            drift: drift.clone(),
        })
    }

    /// Says it again, of a pass that listed so many folders.
    pub(super) fn tell(&self, tally: &mut Tally, listed: usize) {
        let summary = &mut tally.summary;
        summary.skipped.clone_from(&self.skipped);
        summary.drift.clone_from(&self.drift);
        summary.listed = u64::try_from(listed).unwrap_or(u64::MAX);
    }
}
