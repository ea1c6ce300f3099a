//! Open intents: what an interrupted call or step left behind is looked for, finished or given up, never repeated
//! (design A1, D1).
//!
//! Looking is one listing per folder, whatever the number of intents in it, and a few files are finished at once; what was
//! found goes on record here, one after the other. Invariants: a file is taken for ours only by its interim name, or
//! after its bytes were compared; while looking may still bring it to light, nothing is sent again for its path.

mod elsewhere;
mod look;
mod sweep;

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
use planner::id::{FileId, FolderId, LocalIdentity, NodeId, RemoteId};
use planner::name::{LocalName, RemoteName};
use planner::naming;
use planner::path::RelPath;
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode};
use state::{Change, Intent, IntentBody};

use self::look::Looks;
use super::absent;
use super::open::{Halt, Session};
use crate::remote::apply::{Failure, Landed, Wanted};

pub(crate) use elsewhere::elsewhere;
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
    /// The folder is in the account.
    Made(FolderId, RemoteName),
    /// It has the name and place that it was to get.
    Edited,
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
        .filter(|intent| intent.body.account_path().is_some())
        .collect();
    let mut waiting = BTreeSet::new();
    while !open.is_empty() {
        let mut batch: Vec<Intent> = open.drain(..open.len().min(BATCH)).collect();
        let looks = Looks::take(session, &mut batch).await?;
        let looked: Vec<(Intent, Result<Verdict, Failure>)> = stream::iter(batch)
            .map(|intent| {
                let looks = &looks;
                async move {
                    let verdict = looks.at(&intent).await;
                    (intent, verdict)
                }
            })
            // In the order in which they were begun: folders before what is in them.
            .buffered(AT_ONCE)
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
    let path = intent.body.account_path();
    match verdict {
        Ok(Verdict::Over) => session.record(vec![end]),
        Ok(Verdict::Landed(wanted, landed)) => {
            let mut changes = adopt(session, intent, &wanted, &landed);
            changes.push(end);
            session.record(changes)
        }
        Ok(Verdict::Made(folder, name)) => {
            let mut changes = adopt_folder(session, intent, folder, name);
            changes.push(end);
            session.record(changes)
        }
        Ok(Verdict::Edited) => {
            let mut changes = take_edit(session, intent);
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

/// Paths of open intents, for those who may only look.
pub(crate) fn waiting(session: &Session) -> Result<BTreeSet<RelPath>, Halt> {
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    Ok(open
        .iter()
        .filter_map(|intent| RelPath::parse(intent.body.account_path()?))
        .collect())
}

/// Where a record goes: its folder's record and its name on this disk. `None` if the folder has no record, or another
/// node has the name.
fn place_of(
    session: &Session,
    folder: Option<FolderId>,
    path: &str,
    own: Option<NodeId>,
) -> Option<(Option<NodeId>, LocalName)> {
    let (parent, local_name) = spot(session, folder, path)?;
    let mut siblings = session.synced.children(parent);
    let taken = siblings.any(|other| other.local_name == local_name && Some(other.id) != own);
    (!taken).then_some((parent, local_name))
}

/// The same, and what is there on this disk, where the record that has the name is of another file by its identity: that one
/// has gone to another place since, as when an editor renames the old version and writes a new one. Without a record what was
/// sent from there would be a new version of it.
fn place_beside(
    session: &Session,
    folder: Option<FolderId>,
    path: &str,
) -> Option<(Option<NodeId>, LocalName, LocalIdentity)> {
    let (parent, local_name) = spot(session, folder, path)?;
    let identity = session.root.identity_at(&RelPath::parse(path)?).ok()??;
    let mut siblings = session.synced.children(parent);
    let is_told = |other: &SyncedNode| {
        other.local_name != local_name || other.identity.is_some_and(|other| other != identity)
    };
    siblings.all(is_told).then_some((parent, local_name, identity))
}

fn spot(session: &Session, folder: Option<FolderId>, path: &str) -> Option<(Option<NodeId>, LocalName)> {
    let parent = match folder {
        None => None,
        Some(folder) => {
            let id = RemoteId::Folder(folder);
            Some(session.synced.iter().find(|node| node.remote() == id)?.id)
        }
    };
    let (_, local_name) = RelPath::parse(path)?.split()?;
    Some((parent, local_name))
}

/// The name on record for something new that was sent as `sent` and arrived as `arrived`. Where we gave it another name
/// here meanwhile, because that one was taken, the two do not fit: recorded as they are they would stay so. Recorded with
/// the name that fits it is one that moved there, which the merge settles.
fn fitting(session: &Session, local_name: &LocalName, sent: &RemoteName, arrived: RemoteName) -> RemoteName {
    let policy = &session.policy;
    match naming::to_remote(local_name, &policy.server, policy.unstorable) {
        Ok(fitting) if fitting != *sent => fitting,
        Ok(_) | Err(_) => arrived,
    }
}

/// The record of a folder that we made in the account and of which the answer was lost, or came too late to be recorded.
fn adopt_folder(session: &mut Session, intent: &Intent, folder: FolderId, name: RemoteName) -> Vec<Change> {
    let IntentBody::CreateFolder { parent, path, .. } = &intent.body else {
        return Vec::new();
    };
    let known = session
        .synced
        .iter()
        .any(|node| node.remote() == RemoteId::Folder(folder));
    let place = place_of(session, parent.and_then(FolderId::new), path, None);
    let (false, Some((parent, local_name))) = (known, place) else {
        return Vec::new();
    };
    let record = SyncedNode {
        id: session.journal.new_node_id(),
        parent,
        remote_name: fitting(session, &local_name, &name, name.clone()),
        local_name,
        identity: None,
        standing: Standing::Published,
        kind: SyncedKind::Folder(folder),
    };
    vec![Change::Put(record)]
}

/// The record of a rename or move of ours that arrived and was not recorded.
fn take_edit(session: &Session, intent: &Intent) -> Vec<Change> {
    let IntentBody::Edit {
        name,
        moved,
        parent,
        node,
        path,
        ..
    } = &intent.body
    else {
        return Vec::new();
    };
    let Some(base) = session.synced.get(NodeId(*node)) else {
        return Vec::new();
    };
    let folder = if *moved {
        parent.and_then(FolderId::new)
    } else {
        base.parent
            .and_then(|parent| session.synced.get(parent)?.remote().folder())
    };
    let Some((parent, local_name)) = place_of(session, folder, path, Some(base.id)) else {
        return Vec::new();
    };
    let remote_name = name
        .as_deref()
        .map_or_else(|| base.remote_name.clone(), RemoteName::new);
    vec![Change::Put(SyncedNode {
        parent,
        local_name,
        remote_name,
        ..base.clone()
    })]
}

/// The record of a file that an interrupted upload of ours brought into the account. Its stamp is not on record, so the
/// next scan hashes the local file before anything is decided about it.
fn adopt(session: &mut Session, intent: &Intent, wanted: &Wanted, landed: &Landed) -> Vec<Change> {
    let IntentBody::Upload { path, node, .. } = &intent.body else {
        return Vec::new();
    };
    let base = node.map(NodeId).and_then(|id| session.synced.get(id)).cloned();
    let own = base.as_ref().map(|base| base.id);
    let place = place_of(session, wanted.folder, path, own);
    let beside = match (&base, &place) {
        (None, None) => place_beside(session, wanted.folder, path),
        (Some(_), _) | (None, Some(_)) => None,
    };
    let (place, identity) = match beside {
        Some((parent, local_name, identity)) => (Some((parent, local_name)), Some(identity)),
        None => (place, None),
    };
    let kind = SyncedKind::File(SyncedFile {
        remote: landed.file,
        short_url: landed.short_url.clone(),
        size: wanted.size.get(),
        hash: Some(landed.hash),
        stamp: None,
    });
    let record = match (base, place) {
        // Where it went is where it was on this disk then: a version may move as it is sent.
        (Some(base), Some((parent, local_name))) => SyncedNode {
            kind,
            parent,
            local_name,
            remote_name: landed.name.clone(),
            standing: Standing::Published,
            ..base
        },
        // Another record still has that place, as when two files trade names: the version is on record where the one before
        // it was, and both sides show that it moved.
        (Some(base), None) => SyncedNode {
            kind,
            standing: Standing::Published,
            ..base
        },
        (None, Some((parent, local_name))) => SyncedNode {
            id: session.journal.new_node_id(),
            parent,
            remote_name: fitting(session, &local_name, &wanted.name, landed.name.clone()),
            local_name,
            identity,
            standing: Standing::Published,
            kind,
        },
        (None, None) => return Vec::new(),
    };
    vec![Change::Put(record)]
}
