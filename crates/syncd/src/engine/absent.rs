//! What follows from an absence in the account, beyond what the account says just now: what this journal remembers of
//! the missing decides whether somebody deleted them (design S2, S5, A5).
//!
//! Never here: an absence made firmer than its proof. Everything here only turns a deletion into something kept, or a
//! lost row into a deletion that was seen to happen.

use std::collections::{BTreeMap, BTreeSet};

use planner::id::{FileId, NodeId, RemoteId};
use planner::tree::Gone;
use state::Absence;

use super::open::{Halt, Session};
use super::{deletions, young};
use crate::remote::confirm::Confirmed;

/// The sliding window in which lost rows add up (design S2), in seconds.
const HOUR: i64 = 3600;

/// Seconds of a day.
const DAY: i64 = 24 * HOUR;

/// How a note begins that counts uploads of a path which were trashed before anybody saw them.
const VANISHED: &str = "vanished.";

/// Uploads of the same bytes that may vanish before the file is held: one, and its repeat (design A5, history H30).
const VANISH_LIMIT: u32 = 2;

/// What the user is told of a file whose uploads vanish.
pub(crate) const VANISHES: &str =
    "it was moved to the account's trash right after each upload; something on the server does not want it";

/// What became of the rows that are not there.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Lost rows of which two or more were lost within an hour.
    pub(crate) lost: BTreeSet<RemoteId>,
    /// All synced rows that the server does not know, however long ago it lost them.
    pub(crate) unknown: BTreeSet<RemoteId>,
    /// Paths of files that are not sent again: each upload was trashed at once.
    pub(crate) held: Vec<String>,
}

/// Judges what is gone or lost by what the journal remembers, and remembers it.
pub(crate) fn judge(session: &mut Session, confirmed: &mut Confirmed) -> Result<Judged, Halt> {
    let now = session.now();
    let before = session
        .journal
        .absences()
        .map_err(|error| session.broken(&error))?;
    let after = remember(confirmed, &before, now);
    session
        .journal
        .replace_absences(&after)
        .map_err(|error| session.broken(&error))?;
    let seen_in_trash = |id: RemoteId| {
        before
            .get(&id)
            .is_some_and(|absence| absence.trashed_at.is_some())
    };
    for id in std::mem::take(&mut confirmed.lost) {
        if seen_in_trash(id) {
            confirmed.gone.insert(id, Gone::Deleted);
        } else {
            confirmed.lost.insert(id);
        }
    }
    expire(session, confirmed, &before, now)?;
    young::keep(session, confirmed, now)?;
    approved(session, confirmed);
    tracing::trace!(?confirmed, "judged");
    let mut judged = Judged {
        unknown: confirmed.lost.clone(),
        lost: lost_together(&confirmed.lost, &after),
        held: Vec::new(),
    };
    for file in confirmed.vanished.clone() {
        let id = RemoteId::File(file);
        if !confirmed.gone.contains_key(&id) {
            continue;
        }
        if confirmed.went_along.contains(&file) || again(session, file)? {
            confirmed.gone.insert(id, Gone::DiedYoung);
        } else {
            confirmed.gone.remove(&id);
            let node = session.synced.iter().find(|node| node.remote() == id);
            let path = node.and_then(|node| session.synced.path(node.id));
            judged.held.extend(path.map(|path| path.to_string()));
        }
    }
    Ok(judged)
}

/// Lost rows that the user said to take as not there: what is here is uploaded anew (design S2).
fn approved(session: &Session, confirmed: &mut Confirmed) {
    let lost = session
        .synced
        .iter()
        .filter(|node| confirmed.lost.contains(&node.remote()));
    let allowed: Vec<RemoteId> = lost
        .filter(|node| deletions::lost_allowed(&session.approvals, node).is_some())
        .map(|node| node.remote())
        .collect();
    for id in allowed {
        confirmed.lost.remove(&id);
        confirmed.gone.insert(id, Gone::LostApproved);
    }
}

/// Lost rows that another one was lost within an hour of: the server went back (design S2). How long ago that was does
/// not matter as long as they are lost.
fn lost_together(lost: &BTreeSet<RemoteId>, known: &BTreeMap<RemoteId, Absence>) -> BTreeSet<RemoteId> {
    let at = |id: &RemoteId| known.get(id).and_then(|absence| absence.lost_at);
    let mut times: Vec<(i64, RemoteId)> = lost.iter().filter_map(|id| Some((at(id)?, *id))).collect();
    times.sort_unstable();
    let pairs = times.iter().zip(times.iter().skip(1));
    let near = pairs.filter(|(one, next)| next.0.saturating_sub(one.0) < HOUR);
    near.flat_map(|(one, next)| [one.1, next.1]).collect()
}

fn remember(
    confirmed: &Confirmed,
    before: &BTreeMap<RemoteId, Absence>,
    now: i64,
) -> BTreeMap<RemoteId, Absence> {
    let known = |id: &RemoteId| {
        before.get(id).copied().unwrap_or(Absence {
            missed_at: now,
            trashed_at: None,
            lost_at: None,
        })
    };
    let purged = |id: &RemoteId| id.file().is_some_and(|file| confirmed.purged.contains(&file));
    let dead = confirmed.gone.iter().filter(|(_, how)| **how == Gone::Deleted);
    let mut after: BTreeMap<RemoteId, Absence> = dead
        .map(|(id, _)| {
            let mut absence = known(id);
            if !purged(id) {
                absence.trashed_at = absence.trashed_at.or(Some(now));
            }
            (*id, absence)
        })
        .collect();
    for id in &confirmed.lost {
        let mut absence = known(id);
        absence.lost_at = absence.lost_at.or(Some(now));
        after.insert(*id, absence);
    }
    after
}

/// Files that the package's expiry took: purged or lost, never seen in the trash, and not used by us for so many days
/// (design S5).
fn expire(
    session: &Session,
    confirmed: &mut Confirmed,
    before: &BTreeMap<RemoteId, Absence>,
    now: i64,
) -> Result<(), Halt> {
    let Some(days) = session.package.days_to_keep_inactive_files else {
        return Ok(());
    };
    let unused_since = now.saturating_sub(i64::try_from(days.get()).unwrap_or(i64::MAX).saturating_mul(DAY));
    let lost = confirmed.lost.iter().filter_map(|id| id.file());
    let files: Vec<FileId> = confirmed.purged.iter().copied().chain(lost).collect();
    for file in files {
        let id = RemoteId::File(file);
        if before
            .get(&id)
            .is_some_and(|absence| absence.trashed_at.is_some())
        {
            continue;
        }
        let held = session
            .journal
            .held_since(file)
            .map_err(|error| session.broken(&error))?;
        if held.is_some_and(|since| since <= unused_since) {
            confirmed.lost.remove(&id);
            confirmed.gone.insert(id, Gone::Expired);
        }
    }
    Ok(())
}

/// Counts an upload that was trashed before any listing showed it; whether it may be sent once more.
fn again(session: &mut Session, file: FileId) -> Result<bool, Halt> {
    let id = RemoteId::File(file);
    let found = session.synced.iter().find(|node| node.remote() == id);
    let Some((node, size)) = found.and_then(|node| Some((node.id, node.file()?.size))) else {
        return Ok(true);
    };
    match session.synced.path(node) {
        Some(path) => Ok(count_vanished(session, path.as_str(), size, Some(file))? < VANISH_LIMIT),
        None => Ok(true),
    }
}

/// Notes that an upload of this path vanished; how often that happened with bytes of this number. One upload counts
/// once.
pub(crate) fn count_vanished(
    session: &mut Session,
    path: &str,
    size: u64,
    file: Option<FileId>,
) -> Result<u32, Halt> {
    let key = format!("{VANISHED}{path}");
    let notes = session.journal.notes().map_err(|error| session.broken(&error))?;
    let id = file.map_or(0, FileId::get);
    let known = notes.get(&key).and_then(|note| Vanished::read(note));
    let count = match known {
        Some(known) if known.size == size && known.last == id => return Ok(known.count),
        Some(known) if known.size == size => known.count.saturating_add(1),
        Some(_) | None => 1,
    };
    let note = Vanished {
        size,
        count,
        last: id,
    }
    .write();
    session
        .journal
        .set_note(&key, Some(&note))
        .map_err(|error| session.broken(&error))?;
    Ok(count)
}

/// Paths and sizes that are not sent any more, because their uploads vanish.
pub(crate) fn unwanted(session: &Session) -> Result<BTreeSet<(String, u64)>, Halt> {
    let notes = session.journal.notes().map_err(|error| session.broken(&error))?;
    Ok(notes
        .iter()
        .filter_map(|(key, note)| Some((key.strip_prefix(VANISHED)?, Vanished::read(note)?)))
        .filter(|(_, vanished)| vanished.count >= VANISH_LIMIT)
        .map(|(path, vanished)| (path.to_owned(), vanished.size))
        .collect())
}

/// Forgets that uploads of a path vanished: it was seen where it belongs.
pub(crate) fn stayed(session: &mut Session, nodes: &[NodeId]) -> Result<(), Halt> {
    let notes = session.journal.notes().map_err(|error| session.broken(&error))?;
    if !notes.keys().any(|key| key.starts_with(VANISHED)) {
        return Ok(());
    }
    for node in nodes {
        let key = session.synced.path(*node).map(|path| format!("{VANISHED}{path}"));
        if let Some(key) = key.filter(|key| notes.contains_key(key)) {
            session
                .journal
                .set_note(&key, None)
                .map_err(|error| session.broken(&error))?;
        }
    }
    Ok(())
}

/// What is noted of a path whose uploads vanish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Vanished {
    size: u64,
    count: u32,
    /// The upload that was counted last.
    last: u64,
}

impl Vanished {
    fn read(note: &str) -> Option<Self> {
        let mut parts = note.split(' ');
        let found = Self {
            size: parts.next()?.parse().ok()?,
            count: parts.next()?.parse().ok()?,
            last: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(found)
    }

    fn write(self) -> String {
        format!("{} {} {}", self.size, self.count, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> RemoteId {
        RemoteId::File(FileId::new(number).unwrap())
    }

    #[test]
    fn what_was_seen_in_the_trash_is_remembered_and_what_was_purged_unseen_is_not() {
        let mut confirmed = Confirmed::default();
        confirmed.gone.insert(id(1), Gone::Deleted);
        confirmed.gone.insert(id(2), Gone::Deleted);
        confirmed.purged.insert(FileId::new(2).unwrap());
        confirmed.lost.insert(id(3));
        let after = remember(&confirmed, &BTreeMap::new(), 50);
        assert_eq!(after[&id(1)].trashed_at, Some(50));
        assert_eq!(after[&id(2)].trashed_at, None);
        assert_eq!((after[&id(3)].missed_at, after[&id(3)].lost_at), (50, Some(50)));
        let later = remember(&confirmed, &after, 90);
        assert_eq!(later, after, "first sights stay");
        let back = remember(&Confirmed::default(), &after, 100);
        assert!(back.is_empty(), "what is there again is no absence");
    }

    #[test]
    fn two_rows_lost_within_an_hour_are_lost_together_however_long_ago() {
        let lost_at = |at| Absence {
            missed_at: at,
            trashed_at: None,
            lost_at: Some(at),
        };
        let known = BTreeMap::from([
            (id(1), lost_at(0)),
            (id(2), lost_at(HOUR)),
            (id(3), lost_at(2 * HOUR - 1)),
        ]);
        let together = |ids: &[u64]| lost_together(&ids.iter().map(|number| id(*number)).collect(), &known);
        assert!(together(&[1]).is_empty());
        assert!(together(&[1, 2]).is_empty(), "an hour apart");
        assert_eq!(together(&[1, 2, 3]), BTreeSet::from([id(2), id(3)]));
    }

    #[test]
    fn a_note_of_vanishing_comes_back_and_a_foreign_one_does_not() {
        let note = Vanished {
            size: 3,
            count: 2,
            last: 9,
        };
        assert_eq!(Vanished::read(&note.write()), Some(note));
        for text in ["", "3", "3 2", "3 2 9 1", "a 2 9"] {
            assert_eq!(Vanished::read(text), None, "{text}");
        }
    }
}
