//! The pair's remote root, proved alive before each walk (design S3).
//!
//! Never here: taking one "not found", or one negative probe, for the end of the root.

use std::collections::BTreeSet;

use planner::id::FolderId;

use super::gate::SafetyStop;
use super::open::{Halt, Session};
use crate::remote::account::Life;
use crate::remote::{confirm, rows, translate};

/// Asks whether the root lives. The account's top needs no proof.
pub(crate) async fn prove(session: &Session) -> Result<(), Halt> {
    let Some(root) = session.account.root else {
        return Ok(());
    };
    let (life, row) = session.account.root_life(root).await;
    match life {
        Life::Alive => Ok(()),
        Life::Dead => Err(gone("it is in the trash")),
        Life::Doubted => match witness(session, root).await {
            Some(living) => doubted(session, root, living).await,
            None => by_parent(session, root, row.and_then(|row| row.parent)).await,
        },
        Life::Unknown => match row {
            Some(row) => by_parent(session, root, row.parent).await,
            None => unanswered(session, root).await,
        },
    }
}

fn gone(why: &str) -> Halt {
    Halt::Stop(SafetyStop::RemoteRootGone(why.to_owned()))
}

fn unproved(session: &Session, why: &str) -> Halt {
    Halt::Error(Box::new(crate::report::Report::remote_root(&session.pair, why)))
}

/// Folders asked for one that the probe calls alive.
const WITNESSES: usize = 20;

/// A folder beside the root that the probe calls alive. Without one, a negative probe says nothing.
async fn witness(session: &Session, root: FolderId) -> Option<FolderId> {
    let listing = session
        .account
        .client
        .folder_listing(api::Parent::Top)
        .await
        .ok()?;
    let others = listing
        .folders
        .iter()
        .filter_map(|row| FolderId::new(row.id.get()));
    for other in others.filter(|id| *id != root).take(WITNESSES) {
        if session.account.probe(other).await == Life::Alive {
            return Some(other);
        }
    }
    None
}

/// One negative probe: a second one, later, with a living folder answering in between, is the proof.
async fn doubted(session: &Session, root: FolderId, living: FolderId) -> Result<(), Halt> {
    tokio::time::sleep(session.timing.confirm_after).await;
    match session.account.probe_again(root, living).await {
        Life::Dead => Err(gone("the server says twice that it is not active")),
        Life::Alive => Ok(()),
        Life::Doubted | Life::Unknown => Err(unproved(
            session,
            "it may have been deleted: one question says so, and nothing confirms it yet",
        )),
    }
}

/// Listings spent on looking for a synced file where nothing else proves the root.
const PROOF_LISTINGS: usize = 50;

/// Files asked for their own states. They decide between two ways to stop, so a few suffice.
const PROOF_FILES: usize = 20;

/// No state and no probe: it counts as alive while its parent lists it and it shows a synced file or has none (design
/// S3); trashing a folder takes its files along.
async fn by_parent(session: &Session, root: FolderId, parent: Option<api::Parent>) -> Result<(), Halt> {
    let Some(parent) = parent else {
        return Err(unproved(session, "the server does not say where it is"));
    };
    let listing = session
        .account
        .client
        .folder_listing(parent)
        .await
        .map_err(|error| session.fatal(&error))?;
    if !listing.folders.iter().any(|row| row.id.get() == root.get()) {
        return Err(unproved(
            session,
            "its parent does not list it; it may have been deleted",
        ));
    }
    let files: BTreeSet<_> = session
        .synced
        .iter()
        .filter_map(|node| node.remote().file())
        .collect();
    let mut folders: Vec<Option<FolderId>> = session
        .synced
        .iter()
        .filter(|node| node.file().is_some())
        .filter_map(|node| match node.parent {
            None => Some(None),
            Some(parent) => Some(Some(session.synced.get(parent)?.remote().folder()?)),
        })
        .collect();
    folders.dedup();
    for folder in folders.into_iter().take(PROOF_LISTINGS) {
        let Ok(raw) = rows::list(&session.account, folder).await else {
            continue;
        };
        let shown = raw
            .listed()
            .files
            .iter()
            .filter_map(|row| translate::file_id(row.id));
        if shown.into_iter().any(|id| files.contains(&id)) {
            return Ok(());
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    if confirm::all_dead(&session.account, files.into_iter().take(PROOF_FILES)).await {
        return Err(gone("the files that were synced with it are in the trash"));
    }
    Err(unproved(
        session,
        "nothing proves that it is alive: none of the synced files is shown in it",
    ))
}

/// No row at all. Twice "not found", apart in time, is a root that is gone; anything else is no answer.
async fn unanswered(session: &Session, root: FolderId) -> Result<(), Halt> {
    let Some(id) = api::FolderId::new(root.get()) else {
        return Err(unproved(session, "its id is not one"));
    };
    let mut not_found = 0;
    for look in 0..3 {
        if look > 0 {
            tokio::time::sleep(session.timing.look_again).await;
        }
        match session.account.client.folder_info(id).await {
            Ok(_) => return Ok(()),
            Err(api::ApiError::NotFound { .. }) => not_found += 1,
            Err(error) => return Err(session.fatal(&error)),
        }
    }
    debug_assert!(not_found > 0);
    Err(gone("the server does not find it"))
}
