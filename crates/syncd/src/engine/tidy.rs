//! The end of a run: what it learned is kept, what nobody needs any more goes (design D3, §6).
//!
//! Never here: anything of the user's emptied early. Old days of the local trash go only after they were found old twice,
//! at least a day apart, so that a clock that jumps ahead for a while empties nothing (history H32).

use std::collections::BTreeSet;

use jiff::ToSpan as _;

use super::hands::joined;
use super::memo;
use super::open::{Halt, Session};
use super::tally::Tally;
use crate::local::trash;
use crate::summary::INTERRUPTED;

/// Where the journal notes when something in the trash was first found old.
const FOUND_OLD: &str = "trash.found_old_at";

/// Seconds between finding something old and removing it.
const A_DAY: i64 = 24 * 60 * 60;

/// Records how the run ended, and tidies up.
pub(crate) async fn finish(session: &mut Session, tally: &mut Tally) -> Result<(), Halt> {
    tally.summary.phase = if session.stop.is_cancelled() {
        INTERRUPTED
    } else {
        "done"
    };
    let now = session.now();
    let proved = session.account.proved();
    let keep = i64::try_from(session.timing.sweep_after.as_secs()).unwrap_or(i64::MAX);
    let problems = tally.problems(now);
    let files: BTreeSet<_> = session
        .synced
        .iter()
        .filter_map(|node| node.remote().file())
        .collect();
    let unswept = session.unswept;
    let journal = &mut session.journal;
    let done = journal
        .replace_proved(&proved)
        .and_then(|()| journal.record_synced_count(now))
        .and_then(|()| journal.replace_problems(&problems))
        .and_then(|()| {
            // What an interim still needs to be known by is not forgotten.
            let forget = (!unswept).then(|| journal.forget_old_intents(now.saturating_sub(keep)));
            forget.transpose()
        })
        .and_then(|_| journal.prune_remote_hashes(&files));
    done.map_err(|error| session.broken(&error))?;
    memo::forget_stop(&mut session.journal).map_err(|error| session.broken(&error))?;
    if tally.summary.phase != INTERRUPTED && tally.summary.met() {
        memo::end_rebuild(&mut session.journal).map_err(|error| session.broken(&error))?;
    }
    super::doubts::keep(session)?;
    empty_trash(session, now).await?;
    if tally.summary.in_sync() {
        // What was let through and is not done by now is no longer what the user was asked about.
        let approvals = session.journal.approvals();
        let unused = !approvals.map_err(|error| session.broken(&error))?.is_empty();
        if unused {
            let dropped = session.journal.drop_approvals();
            dropped.map_err(|error| session.broken(&error))?;
        }
        session.meta.agreed_at = Some(now);
        let meta = session.meta.clone();
        session
            .journal
            .set_meta(meta)
            .map_err(|error| session.broken(&error))?;
    }
    Ok(())
}

/// Removes days of the local trash that are older than `trash_days`.
async fn empty_trash(session: &mut Session, now: i64) -> Result<(), Halt> {
    let today = super::clock::today();
    let days = i64::from(session.pair.trash_days);
    let Ok(oldest) = today.checked_sub(days.days()) else {
        return Ok(());
    };
    let root = session.root.clone();
    let listed = joined(crate::blocking::run(move || trash::list(&root)).await);
    let Ok(listed) = listed else { return Ok(()) };
    let is_old = listed.iter().any(|item| item.date < oldest);
    let notes = session.journal.notes().map_err(|error| session.broken(&error))?;
    let found = notes
        .get(FOUND_OLD)
        .and_then(|at| at.parse::<i64>().ok())
        .filter(|at| *at <= now);
    let note = match (is_old, found) {
        (false, _) => None,
        (true, None) => Some(now.to_string()),
        (true, Some(at)) if now.saturating_sub(at) < A_DAY => Some(at.to_string()),
        (true, Some(_)) => {
            let (root, keep) = (session.root.clone(), session.pair.trash_days);
            let purged = joined(crate::blocking::run(move || trash::purge(&root, keep, today)).await);
            if let Err(error) = purged {
                tracing::warn!(%error, "the local trash could not be emptied");
            }
            None
        }
    };
    if note.as_deref() != notes.get(FOUND_OLD).map(String::as_str) {
        session
            .journal
            .set_note(FOUND_OLD, note.as_deref())
            .map_err(|error| session.broken(&error))?;
    }
    Ok(())
}
