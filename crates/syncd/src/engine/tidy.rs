//! The end of a run: what it learned is kept, what nobody needs any more goes (design D3, §6).
//!
//! Never here: anything of the user's emptied early. How old the days of the local trash are is [`Ages`]' to say, whatever
//! a clock does (history H32).

use std::collections::BTreeSet;

use state::JournalError;

use super::aging::{Ages, Moment};
use super::hands::joined;
use super::memo;
use super::open::{Halt, Session};
use super::tally::Tally;
use crate::local::trash;
use crate::summary::INTERRUPTED;

/// Where the journal notes the ages of the trash.
const AGES: &str = "trash.ages";

/// By so many seconds more than time itself a clock that runs does not go on within a run: it was set (design D3).
const A_JUMP: u64 = 24 * 60 * 60;

/// How much there is to record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// What is synced may have changed.
    Whole,
    /// What is synced may have changed, and it is not worth looking at all of it.
    Part,
    /// Neither side changed: nothing is done that takes as long as there are files.
    Calm,
}

/// Records how the run ended, and tidies up.
pub(crate) async fn finish(session: &mut Session, tally: &mut Tally, ending: Ending) -> Result<(), Halt> {
    tally.summary.phase = if session.stop.is_cancelled() {
        INTERRUPTED
    } else {
        "done"
    };
    let now = session.now();
    let proved = session.account.proved();
    let keep = i64::try_from(session.timing.sweep_after.as_secs()).unwrap_or(i64::MAX);
    let problems = tally.problems(now);
    let unswept = session.unswept;
    let journal = &mut session.journal;
    let done = journal
        .replace_proved(&proved)
        .and_then(|()| journal.replace_problems(&problems))
        .and_then(|()| {
            // What an interim still needs to be known by is not forgotten.
            let forget = (!unswept).then(|| journal.forget_old_intents(now.saturating_sub(keep)));
            forget.transpose()
        });
    done.map_err(|error| session.broken(&error))?;
    let counted = match ending {
        Ending::Whole => count(session, now),
        Ending::Part => session.journal.note_synced_count(now, session.files),
        Ending::Calm => Ok(()),
    };
    counted.map_err(|error| session.broken(&error))?;
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

/// Records how many files there are, and forgets the hashes and ids of those that are not there any more.
fn count(session: &mut Session, now: i64) -> Result<(), JournalError> {
    let files = session.synced.iter().filter_map(|node| node.remote().file());
    let files: BTreeSet<_> = files.collect();
    session.journal.record_synced_count(now)?;
    session.journal.prune_held_ids()?;
    session.journal.prune_remote_hashes(&files)
}

/// Removes days of the local trash that were kept for `trash_days`.
async fn empty_trash(session: &mut Session, now: i64) -> Result<(), Halt> {
    let root = session.root.clone();
    let listed = joined(crate::blocking::run(move || trash::days(&root)).await);
    let Ok(days) = listed else { return Ok(()) };
    let notes = session.journal.notes().map_err(|error| session.broken(&error))?;
    let known = notes
        .get(AGES)
        .and_then(|note| serde_json::from_str::<Ages>(note).ok());
    if days.is_empty() && known.is_none() {
        return Ok(());
    }
    let mut ages = known.unwrap_or_default();
    let at = Moment {
        now,
        today: super::clock::today(),
        jumped: session.watch.off_by() > A_JUMP,
    };
    let old = ages.go_on(at, &days, session.pair.trash_days);
    let note = if days.is_empty() {
        None
    } else {
        serde_json::to_string(&ages).ok()
    };
    // What is old is known before it goes: a journal that cannot be written removes nothing.
    session
        .journal
        .set_note(AGES, note.as_deref())
        .map_err(|error| session.broken(&error))?;
    if old.is_empty() {
        return Ok(());
    }
    let root = session.root.clone();
    let purged = joined(crate::blocking::run(move || trash::purge(&root, &old)).await);
    if let Err(error) = purged {
        tracing::warn!(%error, "the local trash could not be emptied");
    }
    Ok(())
}
