//! What died with a folder just after we had put it there (design A5, history H06).
//!
//! Never here: two machines that put the same file back, or one that takes a deletion back which somebody meant.

use std::collections::BTreeMap;

use planner::id::{FileId, FolderId, NodeId, RemoteId};
use planner::tree::Gone;
use state::{Intent, IntentBody};

use super::open::{Halt, Session};
use crate::remote::confirm::Confirmed;

/// What comes into a new folder within so many seconds comes with it.
const TOGETHER: i64 = 2;

/// A file that died with its folder within two polls of its coming there by us is put back: who deleted the folder had not
/// seen it there (design A5, history H06). It came by an upload, or by a move of it or of a folder that it is in. What came
/// together with the folder that was deleted was deleted as it is: nobody can have seen the one without the other.
pub(super) fn keep(session: &Session, confirmed: &mut Confirmed, now: i64) -> Result<(), Halt> {
    let files: Vec<FileId> = confirmed
        .went_along
        .iter()
        .copied()
        .filter(|file| confirmed.gone.get(&RemoteId::File(*file)) == Some(&Gone::Deleted))
        .collect();
    if files.is_empty() {
        return Ok(());
    }
    let recent = session.journal.recent_intents(young_since(session, now));
    let recent = Recent::of(&recent.map_err(|error| session.broken(&error))?);
    let nodes: BTreeMap<RemoteId, NodeId> = session
        .synced
        .iter()
        .map(|node| (node.remote(), node.id))
        .collect();
    for file in files {
        let id = RemoteId::File(file);
        let Some(node) = nodes.get(&id) else { continue };
        if let Some(place) = confirmed.elsewhere.get(&file)
            && recent.moved.get(&id) != Some(place)
        {
            // Another machine had moved it there, and that one puts it back: both would make two of it.
            continue;
        }
        // The folder that was deleted is the topmost one that is gone; what is in it went along.
        let above = session.synced.ancestors(*node).map(|above| above.remote());
        let mut along: Vec<RemoteId> = above.filter(|above| confirmed.gone.contains_key(above)).collect();
        let made = along.pop().and_then(|top| recent.made.get(&top));
        along.push(id);
        let Some(came) = along.iter().filter_map(|id| recent.came.get(id)).max() else {
            continue;
        };
        if made.is_none_or(|made| came.saturating_sub(*made) > TOGETHER) {
            confirmed.gone.insert(id, Gone::DiedYoung);
        }
    }
    Ok(())
}

/// What we did in the account lately.
#[derive(Default)]
struct Recent {
    /// Files that were uploaded, files and folders that were moved, each with when, in seconds since 1970.
    came: BTreeMap<RemoteId, i64>,
    /// Where those went that were moved; `None`: to the pair's root.
    moved: BTreeMap<RemoteId, Option<FolderId>>,
    /// Folders that were made, each with when.
    made: BTreeMap<RemoteId, i64>,
}

impl Recent {
    /// Oldest first: the newest of each counts.
    fn of(intents: &[Intent]) -> Self {
        let mut recent = Self::default();
        for Intent { body, begun_at, .. } in intents {
            let uploaded = body.made_file().and_then(FileId::new).map(RemoteId::File);
            recent.came.extend(uploaded.map(|id| (id, *begun_at)));
            let folder = body.made_folder().and_then(FolderId::new);
            recent
                .made
                .extend(folder.map(|id| (RemoteId::Folder(id), *begun_at)));
            let IntentBody::Edit {
                id,
                is_folder,
                moved: true,
                parent,
                ..
            } = body
            else {
                continue;
            };
            let id = if *is_folder {
                FolderId::new(*id).map(RemoteId::Folder)
            } else {
                FileId::new(*id).map(RemoteId::File)
            };
            recent.came.extend(id.map(|id| (id, *begun_at)));
            recent
                .moved
                .extend(id.map(|id| (id, parent.and_then(FolderId::new))));
        }
        recent
    }
}

/// What came since then may have been deleted by somebody who had not seen it, in seconds since 1970: two polls ago. Where
/// looks are late, a poll before the last one: nothing is known of the time after that.
fn young_since(session: &Session, now: i64) -> i64 {
    let poll = i64::try_from(session.pair.poll_interval.as_secs()).unwrap_or(i64::MAX);
    let polls = now.saturating_sub(poll.saturating_mul(2));
    let late = session.looked_at.map(|looked| looked.saturating_sub(poll));
    late.map_or(polls, |late| late.min(polls))
}
