//! What was seen of folders in the account's top on servers that show no state, kept from run to run (design S3).
//!
//! A folder that was probed negatively in one run and again in a later one need not be waited for. Only observations:
//! losing them costs questions, never more.

use std::collections::BTreeMap;

use planner::id::FolderId;
use state::{Journal, JournalError};

use super::open::{Halt, Session};
use crate::remote::account::Doubt;

/// Where the journal notes them.
const NOTE: &str = "account.doubts";

/// Folders remembered: a bound for accounts full of trash. What is beyond it is asked for each time.
const DOUBTS: usize = 10_000;

/// What earlier runs doubted.
pub(crate) fn known(journal: &Journal) -> Result<BTreeMap<FolderId, Doubt>, JournalError> {
    let notes = journal.notes()?;
    Ok(notes.get(NOTE).map(|note| read(note)).unwrap_or_default())
}

/// Keeps what this run doubted.
pub(crate) fn keep(session: &mut Session) -> Result<(), Halt> {
    let now = session.account.doubts();
    let before = known(&session.journal).map_err(|error| session.broken(&error))?;
    if now == before {
        return Ok(());
    }
    let note = write(&now);
    session
        .journal
        .set_note(NOTE, Some(note.as_str()).filter(|note| !note.is_empty()))
        .map_err(|error| session.broken(&error))
}

/// One folder a line: id, since, sure or not, and the date, which is the server's and opaque.
fn write(doubts: &BTreeMap<FolderId, Doubt>) -> String {
    let lines = doubts.iter().rev().take(DOUBTS).map(|(id, doubt)| {
        let sure = u8::from(doubt.sure);
        format!(
            "{}\t{}\t{sure}\t{}",
            id.get(),
            doubt.since,
            doubt.date.replace(['\n', '\t'], " ")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn read(note: &str) -> BTreeMap<FolderId, Doubt> {
    note.lines().filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<(FolderId, Doubt)> {
    let mut parts = line.splitn(4, '\t');
    let id = FolderId::new(parts.next()?.parse().ok()?)?;
    let since = parts.next()?.parse().ok()?;
    let sure = parts.next()? == "1";
    let date = parts.next()?.to_owned();
    Some((id, Doubt { date, since, sure }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_come_back_as_they_were_kept_and_garbage_is_passed_over() {
        let id = FolderId::new(7).unwrap();
        let doubt = Doubt {
            date: "2026-11-23 10:00:00".to_owned(),
            since: -3,
            sure: true,
        };
        let kept = BTreeMap::from([(id, doubt)]);
        assert_eq!(read(&write(&kept)), kept);
        assert!(read("0\t1\t1\tx\nx\n8\t1\n").is_empty());
    }
}
