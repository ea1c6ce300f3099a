//! Clearing up what no open intent speaks of: interims that arrived late, and rings of folders.
//!
//! Never here: a file that is not ours by its interim name and by this journal's intent.

use std::collections::{BTreeMap, BTreeSet};

use planner::id::{FileId, FolderId};
use planner::naming;
use state::Intent;

use crate::engine::open::{Halt, Session};
use crate::remote::apply::{Failure, trash_interim};

/// Interims of ours that no open intent wants any more: they arrived late, or their run was cut short. Just before one
/// is trashed, info must still show the interim name (design A3).
pub(crate) async fn sweep(session: &mut Session, interims: &[(FileId, String)]) -> Result<(), Halt> {
    session.unswept = false;
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
            Err(failure) => {
                session.unswept = true;
                tracing::info!(error = %failure, "an abandoned upload could not be cleared away");
            }
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
