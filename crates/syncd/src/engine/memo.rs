//! What the engine notes in the journal for whoever comes later: why the pair stopped, and which older folder the user
//! let in (design §6).
//!
//! Never here: an approval of anything but exactly what a stop has shown.

use std::path::Path;

use planner::id::LocalIdentity;
use serde::{Deserialize, Serialize};
use state::{Journal, JournalError};

use super::gate::SafetyStop;
use crate::local::Root;

/// Why the pair waits, as JSON.
const STOP: &str = "stop";
/// Generations of an older folder that a stop has shown: marker/journal.
const OLDER_HELD: &str = "older.held";
/// The same once the user let it in, then a blank and who that was.
const OLDER_APPROVED: &str = "older.approved";
/// There while the two sides meet anew after a rebuild.
const REBUILD: &str = "rebuild";
/// Which folder on this disk was synced last: device, inode and time of birth.
const PLACE: &str = "root.place";
/// By which path it was.
const PATH: &str = "root.path";
/// Since another device was met in the last pass, in seconds since 1970.
const OTHER_DEVICE: &str = "other_device";

/// The last safety stop, until a pass comes through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct KeptStop {
    /// Its stable name.
    pub(crate) kind: String,
    /// What was seen.
    pub(crate) message: String,
    /// What the user can do.
    pub(crate) next: String,
    /// Some of the paths it is about.
    pub(crate) examples: Vec<String>,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
}

/// Notes why the pair stopped. After the session is closed; a journal that somebody else holds by now, or that cannot
/// be written, is left alone: the stop was told, and the next pass finds it again.
pub(crate) fn remember(dir: &Path, pair: &str, stop: &SafetyStop, now: i64) {
    let kept = KeptStop {
        kind: stop.kind().to_owned(),
        message: stop.to_string(),
        next: stop.next(pair),
        examples: stop.examples().to_vec(),
        at: now,
    };
    let Ok(text) = serde_json::to_string(&kept) else {
        return;
    };
    let noted = Journal::open(dir).and_then(|mut journal| {
        journal.hear(now);
        journal.set_note(STOP, Some(&text))?;
        let older = generations(stop);
        journal.set_note(OLDER_HELD, older.as_deref())
    });
    if let Err(error) = noted {
        tracing::debug!(%error, "the stop could not be noted");
    }
}

fn generations(stop: &SafetyStop) -> Option<String> {
    match stop {
        SafetyStop::MarkerOlder { found, journal } => Some(format!("{found}/{journal}")),
        SafetyStop::OtherApi { .. }
        | SafetyStop::OtherAccount { .. }
        | SafetyStop::RootMissing(_)
        | SafetyStop::MarkerMissing
        | SafetyStop::MarkerForeign(_)
        | SafetyStop::RootCopied { .. }
        | SafetyStop::RemoteRootGone(_)
        | SafetyStop::LostRows(_)
        | SafetyStop::Brake(_)
        | SafetyStop::JournalDamaged(_) => None,
    }
}

/// The last stop, if no pass came through since.
pub(crate) fn stop(journal: &Journal) -> Result<Option<KeptStop>, JournalError> {
    let notes = journal.notes()?;
    Ok(notes.get(STOP).and_then(|text| serde_json::from_str(text).ok()))
}

/// A pass came through, or the user allowed what the stop was about: it is over.
pub(crate) fn forget_stop(journal: &mut Journal) -> Result<(), JournalError> {
    let notes = journal.notes()?;
    for key in [STOP, OLDER_HELD] {
        if notes.contains_key(key) {
            journal.set_note(key, None)?;
        }
    }
    Ok(())
}

/// Notes whether the last pass had to take turns with another device.
pub(crate) fn met_other_device(journal: &mut Journal, met: bool, now: i64) -> Result<(), JournalError> {
    let known = journal.notes()?.contains_key(OTHER_DEVICE);
    if known == met {
        return Ok(());
    }
    let since = met.then(|| now.to_string());
    journal.set_note(OTHER_DEVICE, since.as_deref())
}

/// Since when passes take turns with another device, if the last one had to.
pub(crate) fn other_device(journal: &Journal) -> Result<Option<i64>, JournalError> {
    let notes = journal.notes()?;
    Ok(notes.get(OTHER_DEVICE).and_then(|since| since.parse().ok()))
}

/// Whether a stop waits that is about an older folder.
pub(crate) fn holds_older(journal: &Journal) -> Result<bool, JournalError> {
    Ok(journal.notes()?.contains_key(OLDER_HELD))
}

/// Lets the older folder in that the last stop was about, once. Answers whether there was one.
pub(crate) fn approve_older(journal: &mut Journal, by: &str) -> Result<bool, JournalError> {
    let notes = journal.notes()?;
    let Some(held) = notes.get(OLDER_HELD) else {
        return Ok(false);
    };
    journal.set_note(OLDER_APPROVED, Some(&format!("{held} {by}")))?;
    journal.set_note(OLDER_HELD, None)?;
    Ok(true)
}

/// Who let in the very folder that this stop is about.
pub(crate) fn older_allowed_by(journal: &Journal, stop: &SafetyStop) -> Result<Option<String>, JournalError> {
    let Some(seen) = generations(stop) else {
        return Ok(None);
    };
    let notes = journal.notes()?;
    let approved = notes.get(OLDER_APPROVED).and_then(|note| note.split_once(' '));
    Ok(approved
        .filter(|(held, _)| *held == seen)
        .map(|(_, by)| by.to_owned()))
}

/// The older folder is merged now, and bears this journal's generation: its approval is used up.
pub(crate) fn consume_older(journal: &mut Journal) -> Result<(), JournalError> {
    journal.set_note(OLDER_APPROVED, None)
}

/// Both sides meet anew: until a pass came through, every difference is a conflict of which both versions stay, whatever
/// the pair's policy.
pub(crate) fn begin_rebuild(journal: &mut Journal) -> Result<(), JournalError> {
    set(journal, REBUILD, "open")
}

/// Whether they still do.
pub(crate) fn rebuilding(journal: &Journal) -> Result<bool, JournalError> {
    Ok(journal.notes()?.contains_key(REBUILD))
}

/// They have met.
pub(crate) fn end_rebuild(journal: &mut Journal) -> Result<(), JournalError> {
    if rebuilding(journal)? {
        journal.set_note(REBUILD, None)?;
    }
    Ok(())
}

/// Which folder on this disk is being synced: by it a folder that was moved is told from a copy.
pub(crate) fn note_place(journal: &mut Journal, root: &Root) -> Result<(), JournalError> {
    set(journal, PLACE, &place(root.identity()))?;
    set(journal, PATH, &root.path().display().to_string())
}

/// Whether this folder may be another one than that which was synced last: a copy of it, by all that the disk tells.
/// Numbers of devices change when a machine starts, and some file systems give out new numbers of inodes at each mount;
/// what is at the path of before and was born when that was is the same.
pub(crate) fn may_be_another(journal: &Journal, root: &Root) -> Result<bool, JournalError> {
    let notes = journal.notes()?;
    let Some(noted) = notes.get(PLACE) else {
        return Ok(false);
    };
    let path = root.path().display().to_string();
    let same_path = notes.get(PATH).is_none_or(|noted| *noted == path);
    Ok(!is_same(noted, root.identity(), same_path))
}

fn is_same(noted: &str, now: LocalIdentity, same_path: bool) -> bool {
    let parts: Vec<&str> = noted.split(' ').collect();
    let [_, inode, birth] = parts.as_slice() else {
        return same_path;
    };
    let same_inode = *inode == now.inode.to_string();
    match (birth.is_empty(), now.birth_ns) {
        (false, Some(now)) => *birth == now.to_string() && (same_inode || same_path),
        // Nothing tells a copy from the folder itself but where it is.
        _ => same_inode || same_path,
    }
}

/// Whether this very folder was the one that was synced last, under whatever path.
pub(crate) fn is_noted_place(journal: &Journal, root: LocalIdentity) -> Result<bool, JournalError> {
    Ok(journal
        .notes()?
        .get(PLACE)
        .is_some_and(|noted| *noted == place(root)))
}

fn place(root: LocalIdentity) -> String {
    let birth = root.birth_ns.map_or_else(String::new, |birth| birth.to_string());
    format!("{} {} {birth}", root.device, root.inode)
}

/// Writes only what is new: most passes have nothing to say.
fn set(journal: &mut Journal, key: &str, value: &str) -> Result<(), JournalError> {
    if journal.notes()?.get(key).is_some_and(|noted| noted == value) {
        return Ok(());
    }
    journal.set_note(key, Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLDER: SafetyStop = SafetyStop::MarkerOlder { found: 3, journal: 7 };

    #[test]
    fn h08_only_the_older_folder_that_was_shown_is_let_in_and_only_once() {
        let home = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(home.path()).unwrap();
        assert!(!approve_older(&mut journal, "me").unwrap(), "nothing was shown");
        drop(journal);
        remember(home.path(), "main", &OLDER, 5);
        let mut journal = Journal::open(home.path()).unwrap();
        assert_eq!(stop(&journal).unwrap().unwrap().kind, "marker_older");
        assert_eq!(older_allowed_by(&journal, &OLDER).unwrap(), None);
        assert!(approve_older(&mut journal, "me (uid 7)").unwrap());
        let by = older_allowed_by(&journal, &OLDER).unwrap();
        assert_eq!(by.as_deref(), Some("me (uid 7)"));
        let other = SafetyStop::MarkerOlder { found: 2, journal: 7 };
        assert_eq!(older_allowed_by(&journal, &other).unwrap(), None);
        consume_older(&mut journal).unwrap();
        assert_eq!(older_allowed_by(&journal, &OLDER).unwrap(), None);
    }

    #[test]
    fn a_folder_is_the_same_by_its_birth_and_inode_or_by_its_birth_and_path() {
        let now = LocalIdentity {
            device: 9,
            inode: 70,
            birth_ns: Some(123),
        };
        let unborn = LocalIdentity {
            birth_ns: None,
            ..now
        };
        for (noted, now, same_path, is) in [
            ("1 70 123", now, false, true),
            ("9 71 123", now, false, false),
            ("9 71 123", now, true, true),
            ("9 70 124", now, true, false),
            ("9 70 ", unborn, false, true),
            ("9 71 ", unborn, false, false),
            ("9 71 ", unborn, true, true),
        ] {
            assert_eq!(is_same(noted, now, same_path), is, "{noted} {same_path}");
        }
    }

    #[test]
    fn a_stop_is_known_until_a_pass_comes_through_and_a_later_one_replaces_it() {
        let home = tempfile::tempdir().unwrap();
        remember(home.path(), "main", &OLDER, 5);
        remember(home.path(), "main", &SafetyStop::MarkerMissing, 6);
        let mut journal = Journal::open(home.path()).unwrap();
        let kept = stop(&journal).unwrap().unwrap();
        assert_eq!((kept.kind.as_str(), kept.at), ("marker_missing", 6));
        assert!(!holds_older(&journal).unwrap(), "the folder is another by now");
        forget_stop(&mut journal).unwrap();
        assert_eq!(stop(&journal).unwrap(), None);
    }
}
