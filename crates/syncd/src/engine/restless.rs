//! Files that never hold still (design S13, history H35): a log that always grows is held as still being written, pass after
//! pass. When that was so twice, and for long enough, it is sent from a copy, as it is at that moment.
//!
//! Never here: a stamp of such a file that could later pass for the bytes of the copy.

use std::collections::BTreeMap;

use planner::id::LocalKey;
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{LocalFile, LocalKind, LocalNode};
use serde::{Deserialize, Serialize};

use super::hands::joined;
use super::open::{Halt, Session};
use crate::local::scan::Scan;
use crate::local::staging::Staging;

/// Where the journal notes which files did not hold still.
const NOTE: &str = "restless";

/// Times that a file must have been found changing (design S13).
const VOIDS: u32 = 2;

/// Files remembered: a bound for folders in which everything always changes.
const FILES: usize = 1_000;

/// How often a file was found changing since it last held still or was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Void {
    /// Passes that found it changing.
    times: u32,
    /// The first of them, in seconds since 1970.
    since: i64,
}

/// Copies of files that never hold still, by their entries in the scan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copies(BTreeMap<LocalKey, (RelPath, LocalFile)>);

impl Copies {
    /// Where the bytes of an entry are read, and how they were seen there, if not at its own place.
    pub(super) fn of(&self, key: LocalKey) -> Option<&(RelPath, LocalFile)> {
        self.0.get(&key)
    }
}

/// Notes which files do not hold still, and copies those of which that is true for too long. To the plan they are files as
/// any other, with the bytes of the copy.
pub(super) async fn copy(session: &mut Session, scan: &mut Scan) -> Result<Copies, Halt> {
    let now = session.now();
    let known = read(session)?;
    let busy = scan.tree.nodes.iter().filter_map(|entry| {
        let file = entry.file().filter(|file| file.busy)?;
        Some((entry.key, scan.tree.nodes.path(entry.key)?, file.size))
    });
    let busy: Vec<(LocalKey, RelPath, u64)> = busy.take(FILES).collect();
    let mut noted = BTreeMap::new();
    let mut copies = Copies::default();
    for (key, path, size) in busy {
        let before = known.get(path.as_str()).copied();
        let void = before.map_or(Void { times: 1, since: now }, |void| Void {
            times: void.times.saturating_add(1),
            ..void
        });
        let waited = u64::try_from(now.saturating_sub(void.since)).unwrap_or(0);
        let due = void.times > VOIDS && waited >= session.timing.restless_after.as_secs();
        if due && let Some((at, copied)) = snapshot(session, key, &path, size).await {
            stand_still(scan, key, &copied);
            copies.0.insert(key, (at, copied));
        } else {
            noted.insert(path.to_string(), void);
        }
    }
    if noted != known {
        write(session, &noted)?;
    }
    Ok(copies)
}

/// A copy in the staging area, if there is room for one. What cannot be copied goes on waiting.
async fn snapshot(
    session: &Session,
    key: LocalKey,
    path: &RelPath,
    size: u64,
) -> Option<(RelPath, LocalFile)> {
    let name = LocalName::new(format!("copy-{}", key.0))?;
    let (root, from, min_free) = (session.root.clone(), path.clone(), session.pair.min_free);
    let made = crate::blocking::run(move || {
        let free = root.free_bytes()?;
        if free < size.saturating_add(min_free) {
            return Ok(None);
        }
        Staging::snapshot(&root, &from, &name).map(Some)
    });
    match joined(made.await) {
        Ok(Some((at, copy))) if copy.size > 0 => Some((at, copy)),
        Ok(_) => None,
        Err(error) => {
            tracing::info!(%path, %error, "a file that keeps changing could not be copied");
            None
        }
    }
}

/// The entry as if it were the copy. Its stamps stay its own: they are younger than the quiet period, so nobody trusts
/// them, and the next scan reads the file again.
fn stand_still(scan: &mut Scan, key: LocalKey, copy: &LocalFile) {
    let Some(entry) = scan.tree.nodes.get(key).cloned() else {
        return;
    };
    let Some(file) = entry.file().cloned() else { return };
    scan.tree.nodes.insert(LocalNode {
        kind: LocalKind::File(LocalFile {
            size: copy.size,
            hash: copy.hash,
            busy: false,
            ..file
        }),
        ..entry
    });
}

fn read(session: &Session) -> Result<BTreeMap<String, Void>, Halt> {
    let notes = session.journal.notes().map_err(|error| session.broken(&error))?;
    let note = notes.get(NOTE);
    // One that is not ours counts as none: the files wait once more.
    Ok(note
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default())
}

fn write(session: &mut Session, noted: &BTreeMap<String, Void>) -> Result<(), Halt> {
    let text = serde_json::to_string(noted).ok().filter(|_| !noted.is_empty());
    session
        .journal
        .set_note(NOTE, text.as_deref())
        .map_err(|error| session.broken(&error))
}
