//! What became of synced nodes that a walk did not show (design S2–S5, M14).
//!
//! Invariants: only a node's own state, or the proof that a folder above it is dead together with a walk begun after
//! that proof, makes it *gone*. "Not found" makes it *lost*: kept and reported. Everything else stays unproved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::{ApiError, FileRow, FolderRow, RowState};
use futures_util::stream::StreamExt;
use planner::id::{FileId, FolderId, NodeId, RemoteId};
use planner::tree::{Gone, RemoteNode, Standing, SyncedNode, SyncedTree, Tree};

use super::account::{Account, Life};
use super::translate;
use super::walk::Walk;

/// Questions asked at once.
const AT_ONCE: usize = 8;

/// What is known of the synced nodes that the last walk did not show.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// Proved not to be there, each with how.
    pub(crate) gone: BTreeMap<RemoteId, Gone>,
    /// Alive elsewhere in the pair: fresher than the walk.
    pub(crate) moved: Vec<RemoteNode>,
    /// Answered with "not found" (design S2).
    pub(crate) lost: BTreeSet<RemoteId>,
    /// Folders negatively probed once.
    pub(crate) doubted: BTreeSet<FolderId>,
    /// Dead folders that had synced nodes in them: a walk begun after this proof decides about those (design S4).
    pub(crate) dead_folders: BTreeSet<FolderId>,
    /// Alive, and outside the pair as far as their chain tells: a later walk decides (design M14).
    pub(crate) outside: BTreeSet<RemoteId>,
}

/// How the package treats files that nobody uses (design S5).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expiry {
    /// `days_to_keep_inactive_files`; 0 is never.
    pub(crate) days: u64,
}

/// Asks about every synced node that neither the walk nor an earlier answer explains, nearest the root first; what lies
/// in a folder that is itself missing is not asked for.
pub(crate) async fn confirm(
    account: &Arc<Account>,
    walk: &Walk,
    live: &Tree<RemoteNode>,
    synced: &SyncedTree,
    expiry: Expiry,
) -> Confirmed {
    let asked = missing(walk, live, synced);
    let answers = futures_util::stream::iter(asked)
        .map(|node| async move { (node, ask(account, walk, node.remote()).await) })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut confirmed = Confirmed::default();
    for (node, answer) in answers {
        confirmed
            .take_in(account, live, synced, node, answer, expiry)
            .await;
    }
    confirmed
}

/// The synced nodes whose folder was read and that it did not show.
fn missing<'a>(walk: &Walk, live: &Tree<RemoteNode>, synced: &'a SyncedTree) -> Vec<&'a SyncedNode> {
    synced
        .iter()
        .filter(|node| !live.contains(node.remote()))
        .filter(|node| match node.parent {
            None => walk.listed(None).is_some(),
            Some(parent) => synced
                .get(parent)
                .and_then(|parent| parent.remote().folder())
                .is_some_and(|folder| {
                    walk.listed(Some(folder)).is_some() && live.contains(RemoteId::Folder(folder))
                }),
        })
        .collect()
}

/// What one question brought.
enum Answer {
    File(Result<Box<FileRow>, ApiError>),
    Folder(Life, Option<Box<FolderRow>>, bool),
    /// A row of this very walk said so; no question was needed.
    State(RowState),
}

async fn ask(account: &Account, walk: &Walk, id: RemoteId) -> Answer {
    if let Some(state @ (RowState::Trash | RowState::Deleted)) = walk.states.get(&id) {
        return Answer::State(state.clone());
    }
    match id {
        RemoteId::File(file) => Answer::File(match translate::wire_file(file) {
            Ok(wire) => account.client.file_info(wire).await.map(Box::new),
            Err(error) => Err(error),
        }),
        RemoteId::Folder(folder) => {
            let (life, row) = account.life(folder).await;
            let lost = row.is_none() && is_lost(account, folder).await;
            Answer::Folder(life, row.map(Box::new), lost)
        }
    }
}

/// Whether `folder/info` says "not found" for a folder.
async fn is_lost(account: &Account, folder: FolderId) -> bool {
    match translate::wire_folder(folder) {
        Ok(wire) => matches!(
            account.client.folder_info(wire).await,
            Err(ApiError::NotFound { .. })
        ),
        Err(_) => false,
    }
}

impl Confirmed {
    async fn take_in(
        &mut self,
        account: &Account,
        live: &Tree<RemoteNode>,
        synced: &SyncedTree,
        node: &SyncedNode,
        answer: Answer,
        expiry: Expiry,
    ) {
        let id = node.remote();
        match answer {
            Answer::State(state) => self.dead(synced, node, &state, None, expiry),
            Answer::File(Ok(row)) => match &row.state {
                Some(state @ (RowState::Trash | RowState::Deleted)) => {
                    self.dead(synced, node, state, row.parent, expiry);
                }
                Some(RowState::Active) | None => {
                    let place = account.within(row.parent);
                    self.alive(
                        account,
                        live,
                        id,
                        row.parent,
                        place.and_then(|place| translate::file_node(&row, place)),
                    )
                    .await;
                }
                Some(RowState::Other(_)) => {}
            },
            Answer::File(Err(ApiError::NotFound { .. })) => {
                self.lost.insert(id);
            }
            Answer::File(Err(_)) => {}
            Answer::Folder(Life::Dead, _, _) => self.dead(synced, node, &RowState::Trash, None, expiry),
            Answer::Folder(Life::Alive, Some(row), _) => {
                // Its listing is not in this walk: what is in it stays as last known until the next one.
                let place = account.within(row.parent);
                let moved = place.and_then(|place| translate::folder_node(&row, place, false));
                self.alive(account, live, id, row.parent, moved).await;
            }
            Answer::Folder(Life::Doubted, _, _) => self.doubted.extend(id.folder()),
            Answer::Folder(_, _, true) => {
                self.lost.insert(id);
            }
            Answer::Folder(Life::Alive | Life::Unknown, _, false) => {}
        }
    }

    /// Its own state says that it is dead.
    fn dead(
        &mut self,
        synced: &SyncedTree,
        node: &SyncedNode,
        state: &RowState,
        lies_in: Option<api::Parent>,
        expiry: Expiry,
    ) {
        let went_with_its_folder = matches!(lies_in, Some(api::Parent::In(_)));
        let how = match (node.remote(), state) {
            // Just uploaded and never seen in a listing: only its absence, which proves nothing, speaks (design A5).
            (RemoteId::File(_), _) if node.standing == Standing::Published && went_with_its_folder => {
                Gone::DiedYoung
            }
            // Purged without ever having been in the trash: the package's expiry (design S5).
            (RemoteId::File(_), RowState::Deleted) if expiry.days > 0 => Gone::Expired,
            (RemoteId::File(_) | RemoteId::Folder(_), _) => Gone::Deleted,
        };
        self.gone.insert(node.remote(), how);
        if let RemoteId::Folder(folder) = node.remote()
            && synced.children(Some(node.id)).next().is_some()
        {
            self.dead_folders.insert(folder);
        }
    }

    /// It lives, but not where the walk looked.
    async fn alive(
        &mut self,
        account: &Account,
        live: &Tree<RemoteNode>,
        id: RemoteId,
        lies_in: Option<api::Parent>,
        node: Option<RemoteNode>,
    ) {
        match node {
            Some(node)
                if node
                    .parent
                    .is_none_or(|folder| live.contains(RemoteId::Folder(folder))) =>
            {
                self.moved.push(node);
            }
            Some(_) | None => {
                if account.leads_out(lies_in).await == Some(true) {
                    self.outside.insert(id);
                }
            }
        }
    }

    /// Whether a walk begun now would settle something.
    pub(crate) fn wants_another_walk(&self) -> bool {
        !self.dead_folders.is_empty() || !self.outside.is_empty()
    }

    /// A walk begun after everything in here was proved: what it does not show of dead folders went with them, and
    /// what is outside and not in it has left the pair.
    pub(crate) fn after_later_walk(&mut self, live: &Tree<RemoteNode>, synced: &SyncedTree) {
        for id in std::mem::take(&mut self.outside) {
            if !live.contains(id) {
                self.gone.insert(id, Gone::LeftPair);
            }
        }
        let tops: Vec<NodeId> = synced
            .iter()
            .filter(|node| {
                matches!(
                    self.gone.get(&node.remote()),
                    Some(Gone::Deleted | Gone::LeftPair)
                )
            })
            .filter(|node| node.remote().folder().is_some())
            .map(|node| node.id)
            .collect();
        for top in tops {
            let how = match synced.get(top).and_then(|node| self.gone.get(&node.remote())) {
                Some(how) => *how,
                None => continue,
            };
            let mut below = vec![top];
            while let Some(folder) = below.pop() {
                for child in synced.children(Some(folder)) {
                    below.push(child.id);
                    if !live.contains(child.remote()) {
                        let published = child.standing == Standing::Published && child.file().is_some();
                        let how = if published && how == Gone::Deleted {
                            Gone::DiedYoung
                        } else {
                            how
                        };
                        self.gone.entry(child.remote()).or_insert(how);
                    }
                }
            }
        }
        self.gone.retain(|id, _| !live.contains(*id));
        self.moved.retain(|node| !live.contains(node.id));
    }
}

/// Files still active in folders that are proved dead: they came after its death and are kept (design S4). Only what
/// is not synced is answered; `limit` bounds the listings.
pub(crate) async fn stranded(
    account: &Account,
    dead: &BTreeSet<FolderId>,
    synced: &BTreeSet<FileId>,
    limit: usize,
) -> Vec<(FolderId, FileRow)> {
    let mut found = Vec::new();
    let mut queue: Vec<(FolderId, FolderId)> = dead.iter().map(|id| (*id, *id)).collect();
    let mut asked = 0;
    while let Some((top, folder)) = queue.pop() {
        asked += 1;
        let Ok(wire) = translate::wire_folder(folder) else {
            continue;
        };
        if asked > limit {
            break;
        }
        let Ok(listing) = account.client.folder_listing(api::Parent::In(wire)).await else {
            continue;
        };
        queue.extend(
            listing
                .folders
                .iter()
                .filter_map(|row| Some((top, translate::folder_id(row.id)?))),
        );
        found.extend(
            listing
                .files
                .into_iter()
                .filter(|row| row.is_active() && row.size > 0)
                .filter(|row| translate::file_id(row.id).is_some_and(|id| !synced.contains(&id)))
                .map(|row| (top, row)),
        );
    }
    found
}
