//! Open intents: what an interrupted call or step left behind is looked for, finished or given up, never repeated
//! (design A1, D1).
//!
//! Invariants: a file is taken for ours only by its interim name, or after its bytes were compared; while looking may
//! still bring it to light, nothing is sent again for its path.

use std::collections::{BTreeMap, BTreeSet};

use api::RowState;
use planner::id::{FileId, FolderId, NodeId, RemoteId};
use planner::name::RemoteName;
use planner::naming;
use planner::path::RelPath;
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode};
use state::{Change, Intent, IntentBody};

use super::absent;
use super::fetch::{self, Fetched};
use super::intents;
use super::open::{Halt, Session};
use crate::remote::apply::{
    Failure, Landed, Replacement, Wanted, finish_interim, finish_replacement, trash_interim,
};
use crate::remote::resolve::{Found, find_interim, look_at};
use crate::remote::{translate, walk};

/// What looking at one intent came to.
enum Verdict {
    /// It is settled; these changes go on record with its end.
    Over(Vec<Change>),
    /// The file was in the account, and is in its trash now, though nobody saw it live.
    Vanished(FileId),
    /// Looking again later may tell.
    Waits,
}

/// Looks at every open intent about the account; answers the local paths that still wait.
pub(crate) async fn account(session: &mut Session) -> Result<BTreeSet<RelPath>, Halt> {
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    let mut waiting = BTreeSet::new();
    for intent in open {
        let path = match &intent.body {
            IntentBody::Upload { path, .. } | IntentBody::CreateFolder { path, .. } => path.clone(),
            IntentBody::Place { .. } | IntentBody::Park { .. } | IntentBody::Trash { .. } => continue,
        };
        let verdict = match &intent.body {
            IntentBody::CreateFolder { .. } => folder(session, &intent).await,
            IntentBody::Upload { .. } => upload(session, &intent).await,
            IntentBody::Place { .. } | IntentBody::Park { .. } | IntentBody::Trash { .. } => continue,
        };
        match verdict {
            Ok(Verdict::Over(mut changes)) => {
                changes.push(Change::ClearIntent(intent.id));
                session.record(changes)?;
            }
            Ok(Verdict::Vanished(file)) => {
                if let IntentBody::Upload { path, size, .. } = &intent.body {
                    absent::count_vanished(session, path, *size, Some(file))?;
                }
                session.record(vec![Change::ClearIntent(intent.id)])?;
            }
            Ok(Verdict::Waits) => waiting.extend(RelPath::parse(&path)),
            Err(Failure::Fatal(error)) => return Err(session.fatal(&error)),
            // The account is not as the intent supposed: it is dropped, and everything is merged anew.
            Err(Failure::Stale(why)) => {
                tracing::info!(error = %why, "an interrupted step is dropped");
                session.record(vec![Change::ClearIntent(intent.id)])?;
            }
            Err(Failure::Held(why) | Failure::Refused(why) | Failure::Unknown(why) | Failure::Later(why)) => {
                tracing::info!(error = %why, "an interrupted step could not be looked at");
                waiting.extend(RelPath::parse(&path));
            }
        }
    }
    Ok(waiting)
}

/// Paths of open intents, for those who may only look.
pub(crate) fn waiting(session: &Session) -> Result<BTreeSet<RelPath>, Halt> {
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    Ok(open
        .iter()
        .filter_map(|intent| match &intent.body {
            IntentBody::Upload { path, .. } | IntentBody::CreateFolder { path, .. } => RelPath::parse(path),
            IntentBody::Place { .. } | IntentBody::Park { .. } | IntentBody::Trash { .. } => None,
        })
        .collect())
}

/// Looking ends when a late arrival is no longer to be expected (`late_upload_limit`).
fn no_longer_expected(session: &Session, intent: &Intent) -> bool {
    let limit = i64::try_from(session.timing.late_upload_limit.as_secs()).unwrap_or(i64::MAX);
    session.now().saturating_sub(intent.begun_at) >= limit
}

fn not_seen(session: &Session, intent: &Intent) -> Verdict {
    if no_longer_expected(session, intent) {
        Verdict::Over(Vec::new())
    } else {
        Verdict::Waits
    }
}

/// A folder whose making was not answered: one of its name that was not there before is taken by the merge.
async fn folder(session: &Session, intent: &Intent) -> Result<Verdict, Failure> {
    let IntentBody::CreateFolder {
        parent,
        name,
        known_ids,
        ..
    } = &intent.body
    else {
        return Ok(Verdict::Waits);
    };
    let raw = walk::list(&session.account, parent.and_then(FolderId::new))
        .await
        .map_err(Failure::of_safe_call)?;
    let arrived = raw
        .listed()
        .folders
        .iter()
        .any(|row| row.name == *name && !known_ids.contains(&row.id.get()));
    Ok(if arrived {
        Verdict::Over(Vec::new())
    } else {
        not_seen(session, intent)
    })
}

async fn upload(session: &mut Session, intent: &Intent) -> Result<Verdict, Failure> {
    let IntentBody::Upload {
        fast, landed, blake3, ..
    } = &intent.body
    else {
        return Ok(Verdict::Waits);
    };
    let Some((wanted, replaced)) = intents::wanted(&intent.body) else {
        return Ok(Verdict::Over(Vec::new()));
    };
    if let Some(file) = landed.and_then(FileId::new) {
        let hash = blake3.as_deref().and_then(intents::parse_hash);
        return answered(session, intent, &wanted, replaced, file, hash).await;
    }
    if *fast {
        return fast_arrival(session, intent, &wanted).await;
    }
    let name = naming::interim(session.meta.journal_id, intent.id.0, &wanted.name);
    match find_interim(&session.account, wanted.folder, name.as_str())
        .await
        .map_err(Failure::of_safe_call)?
    {
        Found::NotSeen => Ok(not_seen(session, intent)),
        Found::There(row) => {
            let Some(file) = translate::file_id(row.id) else {
                return Ok(Verdict::Waits);
            };
            if row.size != wanted.size.get() {
                // Only part of it arrived.
                trash_interim(&session.account, file, name.as_str()).await?;
                return Ok(Verdict::Over(Vec::new()));
            }
            answered(session, intent, &wanted, replaced, file, None).await
        }
    }
}

/// The file is there: it gets its name, and a record, so that it is not taken for somebody else's.
async fn answered(
    session: &mut Session,
    intent: &Intent,
    wanted: &Wanted,
    replaced: Option<Replacement>,
    file: FileId,
    hash: Option<planner::content::ContentHash>,
) -> Result<Verdict, Failure> {
    let row = match look_at(&session.account, file).await {
        Ok(row) => row,
        Err(api::ApiError::NotFound { .. }) => return Ok(not_seen(session, intent)),
        Err(error) => return Err(Failure::of_safe_call(error)),
    };
    if matches!(row.state, Some(RowState::Trash | RowState::Deleted)) {
        // Nobody saw it live: somebody, or something, does not want it (history H30).
        return Ok(Verdict::Vanished(file));
    }
    // Under its interim name, or as the server numbered it, it is not finished.
    let numbered = naming::plain(&wanted.name).is_some_and(|plain| naming::numbered_like(&row.name, &plain));
    let unfinished = numbered || naming::parse_interim(&row.name).is_some();
    if !unfinished
        && (row.name != wanted.name.as_str() || session.account.within(row.parent) != Some(wanted.folder))
    {
        // Somebody renamed or moved it meanwhile: it is what the merge sees.
        return Ok(Verdict::Over(Vec::new()));
    }
    let hash = match hash {
        Some(hash) => hash,
        None => {
            bytes_of(session, file, row.size, &row.short_url)
                .await?
                .staged
                .hash
        }
    };
    let landed = Landed {
        file,
        short_url: translate::short_url(&row.short_url),
        name: RemoteName::new(row.name.as_str()),
        hash,
    };
    let landed = match replaced {
        Some(replaced) => finish_replacement(&session.account, wanted, &replaced, landed).await?,
        None if unfinished => finish_interim(&session.account, wanted, landed).await?,
        None => landed,
    };
    Ok(Verdict::Over(adopt(session, intent, wanted, &landed)))
}

/// Fetches a version to know its bytes.
pub(crate) async fn bytes_of(session: &Session, file: FileId, size: u64, short_url: &str) -> Result<Fetched, Failure> {
    let wanted = fetch::Wanted {
        file,
        size,
        short_url: translate::short_url(short_url),
        hash: None,
        min_free: session.pair.min_free,
    };
    let fetched = fetch::fetch(&session.account, &session.root, &wanted, session.sink.as_ref()).await?;
    fetch::remove(&session.root, &fetched.staged.name).await;
    Ok(fetched)
}

/// An upload under its real name whose answer was lost. A file of that very name is left to the merge, which compares
/// the bytes; one that the server numbered is ours only if it holds the local file's bytes.
async fn fast_arrival(session: &mut Session, intent: &Intent, wanted: &Wanted) -> Result<Verdict, Failure> {
    let IntentBody::Upload { known_ids, path, .. } = &intent.body else {
        return Ok(Verdict::Waits);
    };
    let raw = walk::list(&session.account, wanted.folder)
        .await
        .map_err(Failure::of_safe_call)?;
    let recorded: BTreeSet<u64> = session
        .synced
        .iter()
        .filter_map(|node| node.remote().file())
        .map(FileId::get)
        .collect();
    let fresh: Vec<_> = raw
        .listed()
        .files
        .iter()
        .filter(|row| row.size == wanted.size.get())
        .filter(|row| !known_ids.contains(&row.id.get()) && !recorded.contains(&row.id.get()))
        .cloned()
        .collect();
    let named = fresh.iter().any(|row| row.name == wanted.name.as_str());
    let Some(plain) = naming::plain(&wanted.name) else {
        return Ok(arrived_or_not(session, intent, named));
    };
    let path = RelPath::parse(path);
    for row in fresh
        .iter()
        .filter(|row| naming::numbered_like(&row.name, &plain))
    {
        let Some(file) = translate::file_id(row.id) else {
            continue;
        };
        let fetched = bytes_of(session, file, row.size, &row.short_url).await?;
        if path.as_ref().and_then(|path| local_bytes(session, path)) == Some(fetched.staged.hash) {
            let landed = Landed {
                file,
                short_url: fetched.short_url.clone(),
                name: RemoteName::new(row.name.as_str()),
                hash: fetched.staged.hash,
            };
            if named {
                // Somebody else's has the name: ours is a numbered one of the same bytes, which are still here. The
                // merge decides about the two; a third would be one too many.
                trash_interim(&session.account, file, &row.name).await?;
                return Ok(Verdict::Over(Vec::new()));
            }
            let landed = finish_interim(&session.account, wanted, landed).await?;
            return Ok(Verdict::Over(adopt(session, intent, wanted, &landed)));
        }
    }
    Ok(arrived_or_not(session, intent, named))
}

fn arrived_or_not(session: &Session, intent: &Intent, arrived: bool) -> Verdict {
    if arrived {
        Verdict::Over(Vec::new())
    } else {
        not_seen(session, intent)
    }
}

fn local_bytes(session: &Session, path: &RelPath) -> Option<planner::content::ContentHash> {
    crate::local::hash::hash_now(&session.root, path).ok()
}

/// The record of a file that an interrupted upload of ours brought into the account. Its stamp is not on record, so the
/// next scan hashes the local file before anything is decided about it.
fn adopt(session: &mut Session, intent: &Intent, wanted: &Wanted, landed: &Landed) -> Vec<Change> {
    let IntentBody::Upload { path, node, .. } = &intent.body else {
        return Vec::new();
    };
    let parent = match wanted.folder {
        None => None,
        Some(folder) => match session
            .synced
            .iter()
            .find(|node| node.remote() == RemoteId::Folder(folder))
        {
            Some(parent) => Some(parent.id),
            None => return Vec::new(),
        },
    };
    let Some((_, local_name)) = RelPath::parse(path).and_then(|path| path.split()) else {
        return Vec::new();
    };
    let base = node.map(NodeId).and_then(|id| session.synced.get(id)).cloned();
    let taken = session
        .synced
        .children(parent)
        .any(|other| other.local_name == local_name && base.as_ref().is_none_or(|base| base.id != other.id));
    if taken {
        return Vec::new();
    }
    let kind = SyncedKind::File(SyncedFile {
        remote: landed.file,
        short_url: landed.short_url.clone(),
        size: wanted.size.get(),
        hash: Some(landed.hash),
        stamp: None,
    });
    let record = match base {
        Some(base) => SyncedNode {
            kind,
            remote_name: landed.name.clone(),
            standing: Standing::Published,
            ..base
        },
        None => SyncedNode {
            id: session.journal.new_node_id(),
            parent,
            remote_name: landed.name.clone(),
            local_name,
            identity: None,
            standing: Standing::Published,
            kind,
        },
    };
    vec![Change::Put(record)]
}

/// Interims of ours that no open intent wants any more: they arrived late, or their run was cut short. Just before one
/// is trashed, info must still show the interim name (design A3).
pub(crate) async fn sweep(session: &Session, interims: &[(FileId, String)]) -> Result<(), Halt> {
    let open: BTreeMap<u64, Intent> = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?
        .into_iter()
        .map(|intent| (intent.id.0, intent))
        .collect();
    for (file, name) in interims {
        let wanted = naming::parse_interim(name).is_some_and(|interim| open.contains_key(&interim.intent));
        // The journal of a cloned machine has our id; only the intent tells whose it is (history H05).
        let ours = session
            .journal
            .held_interim(name)
            .map_err(|error| session.broken(&error))?;
        if wanted || !ours {
            continue;
        }
        match trash_interim(&session.account, *file, name).await {
            Ok(()) => tracing::info!(
                file_id = file.get(),
                "an abandoned upload was moved to the account's trash"
            ),
            Err(Failure::Fatal(error)) => return Err(session.fatal(&error)),
            Err(failure) => tracing::info!(error = %failure, "an abandoned upload could not be cleared away"),
        }
    }
    Ok(())
}

/// A ring of folders hangs from nothing: the smallest folder in it comes to the pair's root, by whoever sees it (design
/// A7). Answers whether any did.
pub(crate) async fn mend_rings(session: &Session, rings: &BTreeSet<FolderId>) -> Result<bool, Halt> {
    let mut any = false;
    for folder in rings {
        match crate::remote::apply::edit_folder(&session.account, *folder, None, Some(None)).await {
            Ok(_) => any = true,
            Err(Failure::Fatal(error)) => return Err(session.fatal(&error)),
            Err(failure) => tracing::warn!(error = %failure, "a ring of folders could not be undone"),
        }
    }
    Ok(any)
}
