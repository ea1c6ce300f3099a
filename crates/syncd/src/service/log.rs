//! What the log says of a pass: a line for one that did something, a line for what is not as it was; none for an idle one.

use super::pace::{Trigger, worked};
use crate::summary::PairSummary;
use crate::text::len;

/// A pass ended; `before` is the one before it.
pub(crate) fn pass(pair: &str, summary: &PairSummary, before: Option<&PairSummary>, trigger: Trigger) {
    let trigger = trigger.word();
    if worked(summary) {
        tracing::info!(
            pair,
            trigger,
            requests = summary.requests,
            "{}",
            summary.headline()
        );
    } else {
        tracing::debug!(pair, trigger, requests = summary.requests, "nothing to do");
    }
    if let Some(error) = &summary.error
        && before.is_none_or(|before| before.error.as_ref() != Some(error))
    {
        tracing::warn!(pair, kind = error.kind.name(), "{}", error.line());
    }
    let open = |it: &PairSummary| [len(&it.held), len(&it.unproved), len(&it.failed)];
    let (held, unproved, failed) = (len(&summary.held), len(&summary.unproved), len(&summary.failed));
    let none = [held, unproved, failed] == [0; 3];
    if !none && before.is_none_or(|before| open(before) != open(summary)) {
        tracing::warn!(
            pair,
            held,
            unproved,
            failed,
            "not everything is in sync; \"syncd problems\" says why"
        );
    }
}
