//! After the steps: every folder of the account that was written to is listed once more, and what is *published*
//! becomes *agreed* when such a listing shows it (design A5).
//!
//! Never here: a record that becomes firmer, or weaker, by anything but a listing begun after the last step.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::{Parent, RowState};
use futures_util::stream::{self, StreamExt};
use planner::id::FolderId;
use planner::tree::{Standing, SyncedNode};
use state::Change;

use super::observe::as_recorded;
use super::open::{Halt, Session};
use crate::remote::apply::edit_file;
use crate::remote::{translate, walk};

/// Folders listed at once.
const AT_ONCE: usize = 8;

/// What the last look brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Settled {
    /// Something is not where we put it: another pass may settle it.
    pub(crate) surprises: bool,
}

/// Lists what was written to, and firms the records up.
pub(crate) async fn settle(
    session: &mut Session,
    wrote: BTreeSet<Option<FolderId>>,
) -> Result<Settled, Halt> {
    let account = Arc::clone(&session.account);
    let mut listings = stream::iter(wrote)
        .map(|folder| {
            let account = Arc::clone(&account);
            async move { (folder, walk::list(&account, folder).await) }
        })
        .buffer_unordered(AT_ONCE);
    let mut settled = Settled::default();
    let published = published(session);
    while let Some((folder, listing)) = listings.next().await {
        let raw = match listing {
            Ok(raw) => raw,
            Err(error) => {
                // What is published stays so: the next pass looks again.
                tracing::info!(error = %error, "a folder that was written to could not be listed");
                continue;
            }
        };
        let mut agreed = Vec::new();
        for node in published
            .iter()
            .filter(|node| folder_of(session, node) == Some(folder))
        {
            let row = match node.remote() {
                planner::id::RemoteId::File(id) => raw
                    .listed()
                    .files
                    .iter()
                    .find(|row| translate::file_id(row.id) == Some(id))
                    .and_then(|row| translate::file_node(row, folder)),
                planner::id::RemoteId::Folder(id) => raw
                    .listed()
                    .folders
                    .iter()
                    .find(|row| translate::folder_id(row.id) == Some(id))
                    .and_then(|row| translate::folder_node(row, folder, true)),
            };
            match row {
                Some(row) if as_recorded(&session.synced, node, &row) => {
                    agreed.push(Change::Put(SyncedNode {
                        standing: Standing::Agreed,
                        ..node.clone()
                    }));
                }
                Some(_) => settled.surprises = true,
                None => settled.surprises |= missing(session, node, folder).await,
            }
        }
        session.record(agreed)?;
    }
    Ok(settled)
}

fn published(session: &Session) -> Vec<SyncedNode> {
    session
        .synced
        .iter()
        .filter(|node| node.standing == Standing::Published)
        .cloned()
        .collect()
}

/// The folder within the pair that a record says its node is in.
fn folder_of(session: &Session, node: &SyncedNode) -> Option<Option<FolderId>> {
    match node.parent {
        None => Some(None),
        Some(parent) => session.synced.get(parent).map(|parent| parent.remote().folder()),
    }
}

/// Not shown though its folder was listed: info decides. A file that the server put into the account's top instead is
/// brought to its folder (`wire.md` Q09); anything else is for the next pass, which sees it with its own eyes.
async fn missing(session: &Session, node: &SyncedNode, folder: Option<FolderId>) -> bool {
    let Some(id) = node.remote().file() else {
        return true;
    };
    let Ok(wire) = translate::wire_file(id) else {
        return true;
    };
    match session.account.client.file_info(wire).await {
        Ok(row) if matches!(row.state, None | Some(RowState::Active)) && row.parent == Some(Parent::Top) => {
            edit_file(&session.account, id, None, Some(folder)).await.is_err()
        }
        Ok(_) | Err(_) => true,
    }
}
