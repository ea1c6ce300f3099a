//! After the steps: every folder of the account that was written to is listed once more, and what is *published*
//! becomes *agreed* when such a listing shows it (design A5).
//!
//! Never here: a record that becomes firmer, or weaker, by anything but a listing begun after the last step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::{Parent, RowState};
use futures_util::stream::{self, StreamExt};
use planner::id::{FolderId, NodeId, RemoteId};
use planner::tree::{RemoteNode, Standing, SyncedNode};
use state::Change;

use super::absent;
use super::observe::as_recorded;
use super::open::{Halt, Session};
use crate::remote::account::{Account, Life};
use crate::remote::apply::edit_file;
use crate::remote::rows::{self, Raw};
use crate::remote::translate;

/// Folders listed at once.
const AT_ONCE: usize = 8;

/// What the last look brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Settled {
    /// Something is not where we put it: another pass may settle it.
    pub(crate) surprises: bool,
}

/// Lists what was written to, with all folders above, and firms the records up. A listing of a folder that is dead by
/// now may still show what came into it after its death (history H01): it counts only if the listings above show the
/// folder alive.
pub(crate) async fn settle(
    session: &mut Session,
    wrote: BTreeSet<Option<FolderId>>,
) -> Result<Settled, Halt> {
    let mut settled = Settled::default();
    if wrote.is_empty() {
        return Ok(settled);
    }
    let account = Arc::clone(&session.account);
    let wanted = with_all_above(session, wrote.clone());
    let rooted = root_lives(session).await;
    let listings: Vec<_> = stream::iter(wanted)
        .map(|folder| {
            let account = Arc::clone(&account);
            async move { (folder, rows::list(&account, folder).await.map(Raw::brief)) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut shown = BTreeMap::new();
    for (folder, listing) in listings {
        match listing {
            Ok(raw) => {
                shown.insert(folder, raw);
            }
            // What is published stays so: the next pass looks again.
            Err(error) => tracing::info!(%error, "a folder that was written to could not be listed"),
        }
    }
    let alive = if rooted {
        living(&account, &shown).await
    } else {
        BTreeSet::new()
    };
    let published = published(session);
    let mut elsewhere = BTreeSet::new();
    for (folder, raw) in &shown {
        let Some(nodes) = published.get(folder) else {
            continue;
        };
        if !alive.contains(folder) {
            settled.surprises = true;
            continue;
        }
        let nodes = nodes.iter().filter_map(|id| session.synced.get(*id).cloned());
        let nodes: Vec<SyncedNode> = nodes.collect();
        let rows = rows_of(raw, *folder);
        let mut agreed = Vec::new();
        for node in &nodes {
            match rows.get(&node.remote()) {
                Some(row) if as_recorded(&session.synced, node, row) => {
                    agreed.push(SyncedNode {
                        standing: Standing::Agreed,
                        ..node.clone()
                    });
                }
                Some(_) => settled.surprises = true,
                None => {
                    elsewhere.insert(*folder);
                    settled.surprises |= missing(session, node, *folder).await;
                }
            }
        }
        let ids: Vec<_> = agreed.iter().map(|node| node.id).collect();
        absent::stayed(session, &ids)?;
        session.record(agreed.into_iter().map(Change::Put).collect())?;
    }
    shown.retain(|folder, _| alive.contains(folder));
    remember(session, wrote, shown, elsewhere);
    Ok(settled)
}

/// What was listed of living folders is the newest that is known; what was not, or may have been written to since, is listed by
/// the next look.
fn remember(
    session: &mut Session,
    wrote: BTreeSet<Option<FolderId>>,
    shown: BTreeMap<Option<FolderId>, Raw>,
    elsewhere: BTreeSet<Option<FolderId>>,
) {
    let Some(listings) = &mut session.listings else {
        return;
    };
    for folder in wrote {
        listings.stir(folder);
        if !shown.contains_key(&folder) {
            listings.doubt(folder);
        }
    }
    for (folder, raw) in shown {
        listings.take_in(folder, raw);
    }
    for folder in elsewhere {
        listings.doubt(folder);
    }
}

/// The folders and all that are above them in the pair, as recorded.
fn with_all_above(session: &Session, wrote: BTreeSet<Option<FolderId>>) -> BTreeSet<Option<FolderId>> {
    let nodes: BTreeMap<FolderId, NodeId> = session
        .synced
        .iter()
        .filter_map(|node| Some((node.remote().folder()?, node.id)))
        .collect();
    let mut wanted = wrote;
    for folder in wanted.clone().into_iter().flatten() {
        let Some(node) = nodes.get(&folder) else {
            continue;
        };
        let above = session.synced.ancestors(*node);
        wanted.extend(above.map(|above| above.remote().folder()));
    }
    wanted.insert(None);
    wanted
}

/// Whether the pair's root lives after the last step, as far as one question tells.
async fn root_lives(session: &Session) -> bool {
    let Some(root) = session.account.root else {
        return true;
    };
    match session.account.life(root).await.0 {
        Life::Alive => true,
        Life::Dead | Life::Doubted => false,
        // What proved it before this pass is not to be had twice.
        Life::Unknown => true,
    }
}

/// Which of the listed folders hang from the root by folders that their listings show alive.
async fn living(account: &Account, shown: &BTreeMap<Option<FolderId>, Raw>) -> BTreeSet<Option<FolderId>> {
    let mut alive = BTreeSet::from([None]);
    let mut queue = vec![None];
    while let Some(above) = queue.pop() {
        let Some(raw) = shown.get(&above) else {
            continue;
        };
        // Only folders in the account's top need proof of their own (design S3).
        let at_the_top = above.is_none() && account.root.is_none();
        let below = raw.listed().folders.iter();
        let below = below
            .filter_map(|row| Some((translate::folder_id(row.id)?, row)))
            .filter(|(id, _)| shown.contains_key(&Some(*id)));
        let proved: Vec<Option<FolderId>> = stream::iter(below)
            .map(|(id, row)| async move {
                let stated =
                    !at_the_top || row.state == Some(RowState::Active) || account.known_alive(id, row);
                let lives = stated || account.life_of(id, row).await == Life::Alive;
                lives.then_some(id)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for id in proved.into_iter().flatten() {
            if alive.insert(Some(id)) {
                queue.push(Some(id));
            }
        }
    }
    alive
}

fn rows_of(raw: &Raw, folder: Option<FolderId>) -> BTreeMap<RemoteId, RemoteNode> {
    let listed = raw.listed();
    let files = listed
        .files
        .iter()
        .filter_map(|row| translate::file_node(row, folder));
    let folders = listed
        .folders
        .iter()
        .filter_map(|row| translate::folder_node(row, folder, true));
    files.chain(folders).map(|node| (node.id, node)).collect()
}

/// What is only published, by the folder it is in.
fn published(session: &Session) -> BTreeMap<Option<FolderId>, Vec<NodeId>> {
    let mut found: BTreeMap<Option<FolderId>, Vec<NodeId>> = BTreeMap::new();
    for node in session
        .synced
        .iter()
        .filter(|node| node.standing == Standing::Published)
    {
        if let Some(folder) = folder_of(session, node) {
            found.entry(folder).or_default().push(node.id);
        }
    }
    found
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
