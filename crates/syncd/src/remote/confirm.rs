//! What became of synced nodes that a walk did not show (design S2–S5, M14).
//!
//! Invariants: only a node's own state, or the proof that a folder above it is dead together with a walk begun after
//! that proof, makes it *gone*. "Not found" makes it *lost*: kept and reported. Everything else stays unproved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::{ApiError, FileRow, FolderRow, RowState};
use futures_util::stream::StreamExt;
use planner::id::{FileId, FolderId, NodeId, RemoteId};
use planner::tree::{Gone, RemoteNode, Standing, SyncedNode, SyncedTree, Tree};

use super::account::{Above, Account, Life};
use super::rows::SeenFile;
use super::translate;
use super::walk::Walk;

/// Questions asked at once.
const AT_ONCE: usize = 8;

/// What is known of the synced nodes that the last walk did not show. Facts only; what follows from them for files that
/// were used lately, or never seen in the trash, is the engine's.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// Proved not to be there, each with how.
    pub(crate) gone: BTreeMap<RemoteId, Gone>,
    /// Files among them that are purged, not in the trash (design S5).
    pub(crate) purged: BTreeSet<FileId>,
    /// Files among them that went along with a folder, not by themselves (design A5).
    pub(crate) went_along: BTreeSet<FileId>,
    /// Those of these that are in another folder than that of their record, with that folder: somebody had moved them there.
    pub(crate) elsewhere: BTreeMap<FileId, Option<FolderId>>,
    /// Files among them that no listing ever showed since we uploaded them (design A5).
    pub(crate) vanished: BTreeSet<FileId>,
    /// Alive elsewhere in the pair: fresher than the walk.
    pub(crate) moved: Vec<RemoteNode>,
    /// Answered with "not found", twice and apart in time (design S2).
    pub(crate) lost: BTreeSet<RemoteId>,
    /// Folders negatively probed once.
    pub(crate) doubted: BTreeSet<FolderId>,
    /// Nodes that are alive by themselves, below a folder that is doubted and not synced (any more).
    pub(crate) hanging: BTreeMap<RemoteId, FolderId>,
    /// Dead folders that had synced nodes in them: a walk begun after this proof decides about those (design S4).
    pub(crate) dead_folders: BTreeSet<FolderId>,
    /// Alive, and outside the pair as far as their chain tells: a later walk decides (design M14).
    pub(crate) outside: BTreeSet<RemoteId>,
    /// The smallest folders of rings, which hang from nothing (design A7).
    pub(crate) rings: BTreeSet<FolderId>,
}

/// Asks about every synced node that neither the walk nor an earlier answer explains, nearest the root first; what lies
/// in a folder that is itself missing is not asked for. "Not found" is asked again after `look_again`.
pub(crate) async fn confirm(
    account: &Arc<Account>,
    walk: &Walk,
    live: &Tree<RemoteNode>,
    synced: &SyncedTree,
    look_again: Duration,
) -> Confirmed {
    let mut confirmed = Confirmed::default();
    let asked = missing(walk, live, synced);
    if asked.is_empty() {
        return confirmed;
    }
    let states = fresh_states(account, walk, &asked).await;
    let mut unfound = Vec::new();
    for (node, answer) in ask_all(account, &states, asked).await {
        if answer.is_not_found() {
            unfound.push(node);
        } else {
            confirmed.take_in(account, live, synced, node, answer).await;
        }
    }
    if !unfound.is_empty() {
        confirmed
            .look_for(account, live, synced, unfound, look_again)
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

/// States of rows that are not active, from a listing newer than the misses (design S2). Where the walk showed several,
/// one listing of the account's top spares as many questions.
async fn fresh_states(account: &Account, walk: &Walk, asked: &[&SyncedNode]) -> BTreeMap<RemoteId, RowState> {
    let shown = asked
        .iter()
        .filter(|node| walk.states.contains_key(&node.remote()));
    if shown.count() < 2 {
        return BTreeMap::new();
    }
    match account.client.folder_listing(api::Parent::Top).await {
        Ok(listing) => {
            let files = listing.files.into_iter();
            let files =
                files.filter_map(|row| Some((RemoteId::File(translate::file_id(row.id)?), row.state?)));
            let folders = listing.folders.into_iter();
            let folders =
                folders.filter_map(|row| Some((RemoteId::Folder(translate::folder_id(row.id)?), row.state?)));
            files.chain(folders).collect()
        }
        Err(_) => BTreeMap::new(),
    }
}

/// What one question brought.
enum Answer {
    File(Result<Box<FileRow>, ApiError>),
    Folder(Life, Option<Box<FolderRow>>, bool),
    /// A row of a listing said so; no question was needed.
    State(RowState),
}

impl Answer {
    const fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::File(Err(ApiError::NotFound { .. })) | Self::Folder(_, None, true)
        )
    }
}

async fn ask_all<'a>(
    account: &Arc<Account>,
    states: &BTreeMap<RemoteId, RowState>,
    asked: Vec<&'a SyncedNode>,
) -> Vec<(&'a SyncedNode, Answer)> {
    futures_util::stream::iter(asked)
        .map(|node| async move { (node, ask(account, states, node.remote()).await) })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn ask(account: &Account, states: &BTreeMap<RemoteId, RowState>, id: RemoteId) -> Answer {
    if let Some(state @ (RowState::Trash | RowState::Deleted)) = states.get(&id) {
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
    /// "Not found" may be a hiccup of the server's database: each is asked for again, later, with something living
    /// answering well beside it (design S2, `wire.md` Q41). A lost folder whose synced files are all proved deleted, or
    /// that has none, is deleted.
    async fn look_for(
        &mut self,
        account: &Arc<Account>,
        live: &Tree<RemoteNode>,
        synced: &SyncedTree,
        unfound: Vec<&SyncedNode>,
        look_again: Duration,
    ) {
        tokio::time::sleep(look_again).await;
        if !answers_well(account, live).await {
            return;
        }
        let nothing = BTreeMap::new();
        for (node, answer) in ask_all(account, &nothing, unfound).await {
            if !answer.is_not_found() {
                self.take_in(account, live, synced, node, answer).await;
                continue;
            }
            let Some(folder) = node.remote().folder() else {
                self.lost.insert(node.remote());
                continue;
            };
            let files = files_below(synced, node.id, live);
            let mut proved = true;
            for (_, answer) in ask_all(account, &nothing, files).await {
                proved &= matches!(
                    &answer,
                    Answer::File(Ok(row)) if matches!(row.state, Some(RowState::Trash | RowState::Deleted))
                );
            }
            if proved {
                self.gone.insert(node.remote(), Gone::Deleted);
                self.dead_folders.insert(folder);
            } else {
                self.lost.insert(node.remote());
            }
        }
    }

    async fn take_in(
        &mut self,
        account: &Account,
        live: &Tree<RemoteNode>,
        synced: &SyncedTree,
        node: &SyncedNode,
        answer: Answer,
    ) {
        let id = node.remote();
        match answer {
            Answer::State(state) => self.dead(account, synced, node, &state, None),
            Answer::File(Ok(row)) => match &row.state {
                Some(state @ (RowState::Trash | RowState::Deleted)) => {
                    self.dead(account, synced, node, state, row.parent);
                }
                Some(RowState::Active) | None => {
                    let place = account.within(row.parent);
                    let moved = place.and_then(|place| translate::file_node(&SeenFile::of(&row), place));
                    let above = self.alive(account, live, id, row.parent, moved).await;
                    if above == Above::Dead {
                        self.adrift(account, synced, node).await;
                    }
                }
                Some(RowState::Other(_)) => {}
            },
            Answer::File(Err(_)) => {}
            Answer::Folder(Life::Dead, _, _) => self.dead(account, synced, node, &RowState::Trash, None),
            Answer::Folder(Life::Alive, Some(row), _) => {
                // Its listing is not in this walk: what is in it stays as last known until the next one.
                let place = account.within(row.parent);
                let moved = place.and_then(|place| translate::folder_node(&row, place, false));
                let above = self.alive(account, live, id, row.parent, moved).await;
                if above == Above::Dead {
                    self.adrift(account, synced, node).await;
                }
            }
            Answer::Folder(Life::Doubted, _, _) => self.doubted.extend(id.folder()),
            Answer::Folder(Life::Alive | Life::Unknown, _, _) => {}
        }
    }

    /// Its own state says that it is dead.
    fn dead(
        &mut self,
        account: &Account,
        synced: &SyncedTree,
        node: &SyncedNode,
        state: &RowState,
        lies_in: Option<api::Parent>,
    ) {
        self.gone.insert(node.remote(), Gone::Deleted);
        match node.remote() {
            RemoteId::File(file) => {
                if matches!(state, RowState::Deleted) {
                    self.purged.insert(file);
                }
                if matches!(lies_in, Some(api::Parent::In(_))) {
                    self.went_along.insert(file);
                    let on_record = match node.parent {
                        None => Some(None),
                        Some(parent) => synced.get(parent).map(|parent| parent.remote().folder()),
                    };
                    match account.within(lies_in) {
                        Some(place) if Some(place) != on_record => drop(self.elsewhere.insert(file, place)),
                        Some(_) | None => {}
                    }
                }
                if node.standing == Standing::Published {
                    self.vanished.insert(file);
                }
            }
            RemoteId::Folder(folder) => {
                if synced.children(Some(node.id)).next().is_some() {
                    self.dead_folders.insert(folder);
                }
            }
        }
    }

    /// It says itself that it is alive, and a folder above it is dead: it came there after that one's death, is seen by
    /// nobody, and ends with the trash (`wire.md` Q10). It is put back (design S4). Asked once more, for the folder may have
    /// died a moment ago and taken it along, which is a deletion.
    pub(crate) async fn adrift(&mut self, account: &Account, synced: &SyncedTree, node: &SyncedNode) {
        let alive = match node.remote() {
            RemoteId::Folder(folder) => account.life(folder).await.0 == Life::Alive,
            RemoteId::File(file) => {
                let Ok(file) = translate::wire_file(file) else {
                    return;
                };
                match account
                    .client
                    .file_info(file)
                    .await
                    .map(|row| (row.state, row.parent))
                {
                    Ok((Some(state @ (RowState::Trash | RowState::Deleted)), lies_in)) => {
                        self.dead(account, synced, node, &state, lies_in);
                        false
                    }
                    Ok((state, _)) => state == Some(RowState::Active),
                    Err(_) => false,
                }
            }
        };
        if alive {
            self.gone.insert(node.remote(), Gone::DiedYoung);
        }
    }

    /// It lives, but not where the walk looked. Answers what is above it, as far as that was asked.
    async fn alive(
        &mut self,
        account: &Account,
        live: &Tree<RemoteNode>,
        id: RemoteId,
        lies_in: Option<api::Parent>,
        node: Option<RemoteNode>,
    ) -> Above {
        if let Some(node) = node
            && node
                .parent
                .is_none_or(|folder| live.contains(RemoteId::Folder(folder)))
        {
            self.moved.push(node);
            return Above::Pair;
        }
        let above = account.above(lies_in).await;
        match above {
            Above::Out => {
                self.outside.insert(id);
            }
            Above::Ring(smallest) => {
                self.rings.insert(smallest);
            }
            Above::Doubted(topmost) => {
                self.hanging.insert(id, topmost);
            }
            Above::Pair | Above::Dead | Above::Unknown => {}
        }
        above
    }

    /// Whether a walk begun now would settle something.
    pub(crate) fn wants_another_walk(&self) -> bool {
        !self.dead_folders.is_empty() || !self.outside.is_empty()
    }

    /// A walk begun after everything in here was proved: what it does not show of dead folders went with them, and
    /// what is outside and not in it has left the pair. A walk that could not look everywhere says so of nothing but
    /// the folders themselves.
    pub(crate) fn after_later_walk(&mut self, walk: &Walk, live: &Tree<RemoteNode>, synced: &SyncedTree) {
        let complete = walk.is_complete();
        for id in std::mem::take(&mut self.outside) {
            if complete && !live.contains(id) {
                self.gone.insert(id, Gone::LeftPair);
            }
        }
        let tops: Vec<(NodeId, Gone)> = synced
            .iter()
            .filter(|node| node.remote().folder().is_some())
            .filter_map(|node| Some((node.id, *self.gone.get(&node.remote())?)))
            .collect();
        for (top, how) in tops.into_iter().filter(|_| complete) {
            let mut below = vec![top];
            while let Some(folder) = below.pop() {
                for child in synced.children(Some(folder)) {
                    below.push(child.id);
                    let id = child.remote();
                    if live.contains(id) || self.gone.contains_key(&id) {
                        continue;
                    }
                    self.gone.insert(id, how);
                    if let Some(file) = id.file().filter(|_| how == Gone::Deleted) {
                        self.went_along.insert(file);
                        if child.standing == Standing::Published {
                            self.vanished.insert(file);
                        }
                    }
                }
            }
        }
        self.gone.retain(|id, _| !live.contains(*id));
        self.moved.retain(|node| !live.contains(node.id));
    }
}

/// Whether something that is alive answers well just now.
async fn answers_well(account: &Account, live: &Tree<RemoteNode>) -> bool {
    let folder = live.iter().find_map(|node| node.id.folder()).or(account.root);
    let file = live.iter().find_map(|node| node.id.file());
    match (folder.map(translate::wire_folder), file.map(translate::wire_file)) {
        (Some(Ok(folder)), _) => account.client.folder_info(folder).await.is_ok(),
        (_, Some(Ok(file))) => account.client.file_info(file).await.is_ok(),
        _ => account.client.account_info().await.is_ok(),
    }
}

/// The synced files at any depth below a folder that are nowhere else now.
fn files_below<'a>(synced: &'a SyncedTree, folder: NodeId, live: &Tree<RemoteNode>) -> Vec<&'a SyncedNode> {
    let mut found = Vec::new();
    let mut below = vec![folder];
    while let Some(folder) = below.pop() {
        for child in synced.children(Some(folder)) {
            match child.remote() {
                RemoteId::Folder(_) => below.push(child.id),
                RemoteId::File(_) if live.contains(child.remote()) => {}
                RemoteId::File(_) => found.push(child),
            }
        }
    }
    found
}

/// Whether every one of these synced files says itself that it is in the trash or deleted (design S2), and there is one.
/// Asks no further than the first that does not.
pub(crate) async fn all_dead(account: &Account, files: impl IntoIterator<Item = FileId>) -> bool {
    let mut files = files.into_iter().peekable();
    if files.peek().is_none() {
        return false;
    }
    let answers = futures_util::stream::iter(files)
        .map(|file| async move {
            let wire = translate::wire_file(file).ok()?;
            account.client.file_info(wire).await.ok()
        })
        .buffered(AT_ONCE);
    let mut answers = std::pin::pin!(answers);
    while let Some(answer) = answers.next().await {
        let state = answer.and_then(|row| row.state);
        if !matches!(state, Some(RowState::Trash | RowState::Deleted)) {
            return false;
        }
    }
    true
}

/// Whether all synced files below a folder, of which there is one, are dead by their own states. Where nothing tells a
/// dead folder from a living one, this does: trashing a folder takes its files along (`wire.md` §5).
pub(crate) async fn all_dead_below(
    account: &Account,
    live: &Tree<RemoteNode>,
    synced: &SyncedTree,
    folder: NodeId,
) -> bool {
    let files = files_below(synced, folder, live);
    all_dead(account, files.into_iter().filter_map(|node| node.remote().file())).await
}

/// Rows of files that are still active in folders proved dead, with the rows of unsynced folders above them: they came
/// after its death and are kept (design S4). Their parents are the dead folders. `limit` bounds the listings.
pub(crate) async fn stranded(
    account: &Account,
    dead: &BTreeSet<FolderId>,
    gone: &BTreeMap<RemoteId, Gone>,
    limit: usize,
) -> Vec<RemoteNode> {
    let mut found = Vec::new();
    let mut folders: BTreeMap<FolderId, RemoteNode> = BTreeMap::new();
    let mut seen: BTreeSet<FolderId> = dead.clone();
    let mut queue: Vec<FolderId> = dead.iter().copied().collect();
    for _ in 0..limit {
        let Some(folder) = queue.pop() else { break };
        let Ok(wire) = translate::wire_folder(folder) else {
            continue;
        };
        let place = api::Parent::In(wire);
        let Ok(listing) = account.client.folder_listing(place).await else {
            continue;
        };
        for row in listing.folders.iter().filter(|row| row.parent == Some(place)) {
            let Some(node) = translate::folder_node(row, Some(folder), true) else {
                continue;
            };
            if let Some(id) = node.id.folder().filter(|id| seen.insert(*id)) {
                queue.push(id);
                folders.insert(id, node);
            }
        }
        let files = listing
            .files
            .iter()
            .filter(|row| row.is_active() && row.parent == Some(place));
        found.extend(files.filter_map(|row| translate::file_node(&SeenFile::of(row), Some(folder))));
    }
    // Folders only for their sake; those that are synced have a record that says where they were.
    let mut above: Vec<FolderId> = found.iter().filter_map(|node| node.parent).collect();
    while let Some(folder) = above.pop() {
        if gone.contains_key(&RemoteId::Folder(folder)) {
            continue;
        }
        if let Some(node) = folders.remove(&folder) {
            above.extend(node.parent);
            found.push(node);
        }
    }
    found
}
