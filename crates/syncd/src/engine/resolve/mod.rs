//! Open intents: what an interrupted call or step left behind is looked for, finished or given up, never repeated
//! (design A1, D1).
//!
//! Looking is one listing per folder, whatever the number of intents in it, and a few files are finished at once; what was
//! found goes on record here, one after the other. Invariants: a file is taken for ours only by its interim name, or
//! after its bytes were compared; while looking may still bring it to light, nothing is sent again for its path.

mod look;
mod sweep;

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use planner::id::{FileId, NodeId, RemoteId};
use planner::path::RelPath;
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode};
use state::{Change, Intent, IntentBody};

use self::look::Looks;
use super::absent;
use super::open::{Halt, Session};
use crate::remote::apply::{Failure, Landed, Wanted};

pub(crate) use look::bytes_of;
pub(crate) use sweep::{mend_rings, sweep};

/// Intents that are looked at between two commits.
const BATCH: usize = 64;

/// Files finished at once.
const AT_ONCE: usize = 4;

/// What looking at one intent came to.
enum Verdict {
    /// It is settled; nothing goes on record but its end.
    Over,
    /// Its file is in the account under its name.
    Landed(Wanted, Landed),
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
    let mut open: Vec<Intent> = open
        .into_iter()
        .filter(|intent| path_of(&intent.body).is_some())
        .collect();
    let mut waiting = BTreeSet::new();
    while !open.is_empty() {
        let batch: Vec<Intent> = open.drain(..open.len().min(BATCH)).collect();
        let looks = Looks::take(session, &batch).await;
        let looked: Vec<(Intent, Result<Verdict, Failure>)> = stream::iter(batch)
            .map(|intent| {
                let looks = &looks;
                async move {
                    let verdict = looks.at(&intent).await;
                    (intent, verdict)
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        drop(looks);
        for (intent, verdict) in looked {
            conclude(session, &intent, verdict, &mut waiting)?;
        }
    }
    Ok(waiting)
}

/// Puts on record what a look came to.
fn conclude(
    session: &mut Session,
    intent: &Intent,
    verdict: Result<Verdict, Failure>,
    waiting: &mut BTreeSet<RelPath>,
) -> Result<(), Halt> {
    let end = Change::ClearIntent(intent.id);
    let path = path_of(&intent.body);
    match verdict {
        Ok(Verdict::Over) => session.record(vec![end]),
        Ok(Verdict::Landed(wanted, landed)) => {
            let mut changes = adopt(session, intent, &wanted, &landed);
            changes.push(end);
            session.record(changes)
        }
        Ok(Verdict::Vanished(file)) => {
            if let IntentBody::Upload { path, size, .. } = &intent.body {
                absent::count_vanished(session, path, *size, Some(file))?;
            }
            session.record(vec![end])
        }
        Ok(Verdict::Waits) => {
            waiting.extend(path.and_then(RelPath::parse));
            Ok(())
        }
        Err(Failure::Fatal(error)) => Err(session.fatal(&error)),
        // The account is not as the intent supposed: it is dropped, and everything is merged anew.
        Err(Failure::Stale(why)) => {
            tracing::info!(error = %why, "an interrupted step is dropped");
            session.record(vec![end])
        }
        Err(Failure::Held(why) | Failure::Refused(why) | Failure::Unknown(why) | Failure::Later(why)) => {
            tracing::info!(error = %why, "an interrupted step could not be looked at");
            waiting.extend(path.and_then(RelPath::parse));
            Ok(())
        }
    }
}

/// The local path of an intent about the account.
fn path_of(body: &IntentBody) -> Option<&str> {
    match body {
        IntentBody::Upload { path, .. } | IntentBody::CreateFolder { path, .. } => Some(path),
        IntentBody::Place { .. } | IntentBody::Park { .. } | IntentBody::Trash { .. } => None,
    }
}

/// Paths of open intents, for those who may only look.
pub(crate) fn waiting(session: &Session) -> Result<BTreeSet<RelPath>, Halt> {
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    Ok(open
        .iter()
        .filter_map(|intent| RelPath::parse(path_of(&intent.body)?))
        .collect())
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
