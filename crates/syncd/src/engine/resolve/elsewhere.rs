//! Uploads whose answer was lost, and which somebody renamed or moved before they were seen where they were sent.
//!
//! Never here: a file taken for ours by its size alone, or one fetched for a question that its folder answers.

use std::collections::{BTreeMap, BTreeSet};

use planner::content::ContentHash;
use planner::id::{FileId, RemoteId, ShortUrl};
use planner::path::RelPath;
use planner::tree::{RemoteNode, SyncedNode};
use state::{Change, Intent, IntentBody, RemoteVersion};

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
    let mut fresh = new_by_size(session, seen);
    let mut held = BTreeMap::new();
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
        let rows = fresh.get(&wanted.size.get()).into_iter().flatten();
        // One of its own name in its own folder was looked at there.
        let rows = rows.filter(|row| row.parent != wanted.folder || row.name != wanted.name);
        let mut ours = None;
        for row in rows.take(ASKED) {
            if hash_of(session, row, &mut held).await? == Some(sent) {
                ours = row.file_id();
                break;
            }
        }
        let Some(file) = ours else { continue };
        let landed = Landed {
            file,
            short_url: seen.tree.nodes.get(RemoteId::File(file)).and_then(short_url),
            name: wanted.name.clone(),
            hash: sent,
        };
        if found(session, &intent, &wanted, &landed)? {
            waiting.remove(&path);
            if let Some(rows) = fresh.get_mut(&wanted.size.get()) {
                rows.retain(|row| row.file_id() != Some(file));
            }
        }
    }
    Ok(waiting)
}

fn short_url(row: &RemoteNode) -> Option<ShortUrl> {
    row.file()?.short_url.clone()
}

/// Files that nobody has on record, by their size.
fn new_by_size<'a>(session: &Session, seen: &'a RemoteSeen) -> BTreeMap<u64, Vec<&'a RemoteNode>> {
    let recorded: BTreeSet<RemoteId> = session.synced.iter().map(SyncedNode::remote).collect();
    let rows = seen.tree.nodes.iter();
    let mut new: BTreeMap<u64, Vec<&RemoteNode>> = BTreeMap::new();
    for row in rows.filter(|row| !row.ignored && !recorded.contains(&row.id)) {
        if let Some(file) = row.file() {
            new.entry(file.size).or_default().push(row);
        }
    }
    new
}

/// What a file holds: as it is known, else fetched, once for all who ask and for later passes. `None`: that cannot be told now.
async fn hash_of(
    session: &mut Session,
    row: &RemoteNode,
    held: &mut BTreeMap<FileId, Option<ContentHash>>,
) -> Result<Option<ContentHash>, Halt> {
    let (Some(id), Some(file)) = (row.file_id(), row.file()) else {
        return Ok(None);
    };
    let known = file.hash.map(Some).or_else(|| held.get(&id).copied());
    if let Some(known) = known {
        return Ok(known);
    }
    let url = file.short_url.as_ref().map_or("", |url| &*url.0);
    let hash = match bytes_of(session, id, file.size, url).await {
        Ok(fetched) => {
            let version = RemoteVersion {
                file: id,
                size: fetched.staged.size,
                short_url: fetched.short_url,
            };
            session
                .journal
                .put_remote_hash(&version, fetched.staged.hash)
                .map_err(|error| session.broken(&error))?;
            Some(fetched.staged.hash)
        }
        Err(Failure::Fatal(error)) => return Err(session.fatal(&error)),
        Err(failure) => {
            tracing::debug!(file_id = id.get(), error = %failure, "a file could not be compared");
            None
        }
    };
    held.insert(id, hash);
    Ok(hash)
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
