//! The pair's remote root, proved alive before each walk (design S3).
//!
//! Never here: taking one "not found", or one negative probe, for the end of the root.

use planner::id::FolderId;

use super::gate::SafetyStop;
use super::open::{Halt, Session};
use crate::remote::account::Life;
use crate::remote::walk;

/// Asks whether the root lives. The account's top needs no proof.
pub(crate) async fn prove(session: &Session) -> Result<(), Halt> {
    let Some(root) = session.account.root else {
        return Ok(());
    };
    let (life, row) = session.account.life(root).await;
    match life {
        Life::Alive => Ok(()),
        Life::Dead => Err(gone("it is in the trash")),
        Life::Doubted => doubted(session, root).await,
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

/// One negative probe: a second one, later, with a living folder answering in between, is the proof.
async fn doubted(session: &Session, root: FolderId) -> Result<(), Halt> {
    tokio::time::sleep(session.timing.confirm_after).await;
    // A living folder beside it is needed to know that the probe still tells the truth.
    let listing = session.account.client.folder_listing(api::Parent::Top).await;
    let living: Vec<FolderId> = listing
        .map(|listing| {
            listing
                .folders
                .iter()
                .filter_map(|row| FolderId::new(row.id.get()))
                .collect()
        })
        .unwrap_or_default();
    for other in living.into_iter().filter(|id| *id != root) {
        match session.account.probe_again(root, other).await {
            Life::Dead => return Err(gone("the server says twice that it is not active")),
            Life::Alive => return Ok(()),
            Life::Doubted | Life::Unknown => {}
        }
    }
    Err(unproved(
        session,
        "it may have been deleted: one question says so, and nothing confirms it yet",
    ))
}

/// No state and no probe: it counts as alive while its parent lists it (design S3).
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
    let listed = listing.folders.iter().any(|row| row.id.get() == root.get());
    if !listed {
        return Err(unproved(
            session,
            "its parent does not list it; it may have been deleted",
        ));
    }
    // Where the probe was never calibrated, a root that shows a live file calibrates it for the next time.
    if let Ok(raw) = walk::list(&session.account, None).await
        && !raw.listed().files.is_empty()
        && session.account.calibrate(root).await
    {
        return match session.account.probe(root).await {
            Life::Alive | Life::Unknown => Ok(()),
            Life::Dead | Life::Doubted => Box::pin(doubted(session, root)).await,
        };
    }
    Ok(())
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
