//! Uploads whose answer was lost, and which somebody renamed or moved before they were seen where they were sent.
//!
//! Never here: a file taken for ours by its size alone, or one fetched for a question that its folder answers.

use std::collections::BTreeSet;

use planner::id::{FileId, RemoteId};
use planner::path::RelPath;
use planner::tree::{RemoteNode, SyncedNode};
use state::{Change, Intent, IntentBody};

use super::{adopt, bytes_of};
use crate::engine::intents;
use crate::engine::observe::RemoteSeen;
use crate::engine::open::{Halt, Session};
use crate::remote::apply::{Failure, Landed, Wanted};

/// Files fetched to be compared, for each upload that waits: more of one size are not asked about.
const ASKED: usize = 8;

/// Looks for uploads under their real names among what is new anywhere in the pair: the bytes tell. One that is found goes on
/// record as it was sent, so that it is one that moved, and no second copy. Answers the paths that wait on.
pub(crate) async fn elsewhere(
    session: &mut Session,
    seen: &RemoteSeen,
    mut waiting: BTreeSet<RelPath>,
) -> Result<BTreeSet<RelPath>, Halt> {
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    for intent in open {
        let IntentBody::Upload {
            fast: true,
            landed: None,
            path,
            blake3: Some(sent),
            ..
        } = &intent.body
        else {
            continue;
        };
        let Some((wanted, None)) = intents::wanted(&intent.body) else {
            continue;
        };
        let path = RelPath::parse(path).filter(|path| waiting.contains(path));
        let (Some(path), Some(sent)) = (path, intents::parse_hash(sent)) else {
            continue;
        };
        for file in of_its_size(session, seen, &wanted) {
            let Some(landed) = compared(session, seen, &wanted, file).await? else {
                continue;
            };
            if landed.hash == sent {
                if found(session, &intent, &wanted, &landed)? {
                    waiting.remove(&path);
                }
                break;
            }
        }
    }
    Ok(waiting)
}

/// Files of that size that nobody has on record, anywhere but where it was sent under its own name.
fn of_its_size(session: &Session, seen: &RemoteSeen, wanted: &Wanted) -> Vec<FileId> {
    let recorded: BTreeSet<RemoteId> = session.synced.iter().map(SyncedNode::remote).collect();
    let is_open = |row: &&RemoteNode| {
        let size = row.file().map(|file| file.size);
        let in_place = row.parent == wanted.folder && row.name == wanted.name;
        size == Some(wanted.size.get()) && !row.ignored && !in_place && !recorded.contains(&row.id)
    };
    let rows = seen.tree.nodes.iter().filter(is_open);
    rows.filter_map(RemoteNode::file_id).take(ASKED).collect()
}

/// What a file holds; `None`: that cannot be told now.
async fn compared(
    session: &Session,
    seen: &RemoteSeen,
    wanted: &Wanted,
    file: FileId,
) -> Result<Option<Landed>, Halt> {
    let row = seen.tree.nodes.get(RemoteId::File(file));
    let Some(row) = row.and_then(RemoteNode::file) else {
        return Ok(None);
    };
    let short_url = row.short_url.as_ref().map_or("", |url| &*url.0);
    match bytes_of(session, file, row.size, short_url).await {
        Ok(fetched) => Ok(Some(Landed {
            file,
            short_url: fetched.short_url,
            name: wanted.name.clone(),
            hash: fetched.staged.hash,
        })),
        Err(Failure::Fatal(error)) => Err(session.fatal(&error)),
        Err(failure) => {
            tracing::debug!(file_id = file.get(), error = %failure, "a file could not be compared");
            Ok(None)
        }
    }
}

/// Puts it on record. `false`: there is no place for that now.
fn found(session: &mut Session, intent: &Intent, wanted: &Wanted, landed: &Landed) -> Result<bool, Halt> {
    let mut changes = adopt(session, intent, wanted, landed);
    if changes.is_empty() {
        return Ok(false);
    }
    changes.push(Change::ClearIntent(intent.id));
    session.record(changes)?;
    Ok(true)
}
