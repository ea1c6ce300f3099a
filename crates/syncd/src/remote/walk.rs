//! Seeing the account: one listing of every folder below the pair's root, breadth first (design S1, S3).
//!
//! What must never happen here: taking an unreadable folder for an empty one, believing a row of the wrong parent, or
//! entering a folder that is not proved alive. A walk is not atomic; nothing in it says that something is *gone*.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use api::{ApiError, FolderRow, RowState};
use futures_util::stream::{FuturesUnordered, StreamExt};
use planner::id::{FolderId, RemoteId};
use planner::tree::{RemoteNode, Tree};

use super::account::{Account, Life};
use super::apply::is_fatal;
use super::rows::{Listed, Raw, list};
use super::translate;

/// Listings asked for at once; the client's own limit may be lower.
pub(crate) const AT_ONCE: usize = 8;

/// Folders in one walk: a bound against rings and absurd answers, far above any real account.
const FOLDER_LIMIT: usize = 5_000_000;

/// Folders asked to show that the probe works.
const WITNESSES: usize = 3;

/// Listings spent on looking for an active file below one folder.
const PROOF_LISTINGS: usize = 20;

/// What one folder's listing came to.
#[derive(Clone, Debug)]
pub(crate) enum Contents {
    /// Its live rows.
    Listed(Listed),
    /// It failed to list: its subtree keeps its last known state.
    Unreadable(ApiError),
}

/// What one walk saw. Folders are named by id; `None` is the pair's root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    /// Every folder that was entered.
    folders: BTreeMap<Option<FolderId>, Contents>,
    /// Those of them that could not be listed.
    failed: BTreeSet<Option<FolderId>>,
    /// States of rows that are not active: evidence for confirming a deletion (design S2).
    pub(crate) states: BTreeMap<RemoteId, RowState>,
    /// Folders in the account's top that one probe called dead, or that nothing proves alive: neither believed nor
    /// taken for gone.
    pub(crate) doubted: BTreeSet<FolderId>,
    /// Folders in the account's top that are taken for alive because their row is the one that was proved.
    by_date: BTreeMap<FolderId, FolderRow>,
    /// Folders in the account's top that a working probe called dead, with their rows.
    pub(crate) doubtful: Vec<(FolderId, FolderRow)>,
}

impl Walk {
    /// Lists everything. An error is returned if the pair's root itself cannot be listed, or if no further call makes
    /// sense.
    pub(crate) async fn take(account: &Arc<Account>) -> Result<Self, ApiError> {
        let mut walk = Self::default();
        let root = list(account, None).await?;
        let below = walk.take_in(None, root);
        let mut queue = walk.enterable(account, None, below).await;
        let mut running = FuturesUnordered::new();
        // Folders whose listing failed are asked for once more when all others are through: a passing fault then costs
        // no whole run.
        let mut failed: BTreeSet<FolderId> = BTreeSet::new();
        loop {
            if queue.is_empty() && running.is_empty() {
                queue.extend(walk.failed_once(&mut failed));
            }
            while running.len() < AT_ONCE {
                let Some(folder) = queue.pop() else { break };
                if walk.folders.len() + running.len() < FOLDER_LIMIT {
                    let account = Arc::clone(account);
                    running.push(async move { (folder, list(&account, Some(folder)).await) });
                }
            }
            let Some((folder, listing)) = running.next().await else {
                break;
            };
            match listing {
                Ok(raw) => {
                    let below = walk.take_in(Some(folder), raw);
                    queue.extend(
                        below
                            .into_iter()
                            .filter(|id| !walk.folders.contains_key(&Some(*id))),
                    );
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    walk.put(Some(folder), Contents::Unreadable(error));
                }
            }
        }
        walk.look_again(account).await;
        Ok(walk)
    }

    /// Unreadable folders that are not among those asked for again already.
    fn failed_once(&self, again: &mut BTreeSet<FolderId>) -> Vec<FolderId> {
        let unreadable = self.unreadable().filter_map(|(folder, _)| folder);
        unreadable.filter(|folder| again.insert(*folder)).collect()
    }

    /// Whether everything that is believed to be in the pair was listed. What is doubted shows no active file, or is dead
    /// by a working probe: trash may hang from the account's top for ever (`wire.md` Q05).
    pub(crate) fn is_complete(&self) -> bool {
        self.folders.len() < FOLDER_LIMIT && self.failed.is_empty()
    }

    /// What the newest look at a folder showed.
    pub(crate) fn put(&mut self, folder: Option<FolderId>, contents: Contents) {
        match contents {
            Contents::Listed(_) => self.failed.remove(&folder),
            Contents::Unreadable(_) => self.failed.insert(folder),
        };
        self.folders.insert(folder, contents);
    }

    /// Takes a folder out.
    pub(crate) fn take_out(&mut self, folder: Option<FolderId>) -> Option<Contents> {
        self.failed.remove(&folder);
        self.folders.remove(&folder)
    }

    /// Every folder that was entered.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Option<FolderId>> {
        self.folders.keys().copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.folders.len()
    }

    /// Whether a folder was entered.
    pub(crate) fn has(&self, folder: Option<FolderId>) -> bool {
        self.folders.contains_key(&folder)
    }

    /// Whether everything was listed, and nothing in it is doubted.
    pub(crate) fn is_sure(&self) -> bool {
        self.is_complete() && self.doubted.is_empty() && self.doubtful.is_empty()
    }

    /// A folder that is alive by its row's date, and shows no file in it or below it: the date is of one second, and
    /// within that it may have been trashed, so it is asked for once more.
    pub(crate) async fn look_again(&mut self, account: &Account) {
        for (id, row) in std::mem::take(&mut self.by_date) {
            if self.has_a_file(id) {
                continue;
            }
            match account.life_of(id, &row).await {
                Life::Alive => {}
                Life::Dead => {
                    self.take_out(Some(id));
                    self.states.insert(RemoteId::Folder(id), RowState::Trash);
                }
                Life::Doubted | Life::Unknown => {
                    self.take_out(Some(id));
                    self.doubted.insert(id);
                }
            }
        }
    }

    /// Whether an active file was listed in a folder or below it.
    fn has_a_file(&self, folder: FolderId) -> bool {
        let mut seen = BTreeSet::new();
        let mut below = vec![folder];
        while let Some(next) = below.pop() {
            let Some(listed) = self.listed(Some(next)).filter(|_| seen.insert(next)) else {
                continue;
            };
            if !listed.files.is_empty() {
                return true;
            }
            below.extend(
                listed
                    .folders
                    .iter()
                    .filter_map(|row| translate::folder_id(row.id)),
            );
        }
        false
    }

    /// Takes a fresh listing of one folder in, in place of an older one; answers the folders that are new in it.
    pub(crate) fn take_in(&mut self, folder: Option<FolderId>, raw: Raw) -> Vec<FolderId> {
        self.states.extend(raw.states);
        let below = raw
            .listed
            .folders
            .iter()
            .filter_map(|row| translate::folder_id(row.id))
            .collect();
        for row in &raw.listed.files {
            translate::file_id(row.id).map(|id| self.states.remove(&RemoteId::File(id)));
        }
        self.put(folder, Contents::Listed(raw.listed));
        below
    }

    /// Takes a fresh listing of the root in, in place of an older one; answers the folders in it that may be believed.
    /// What is in the others is not entered any more: [`disbelieve`](Self::disbelieve) those.
    pub(crate) async fn take_root_again(&mut self, account: &Arc<Account>, raw: Raw) -> Vec<FolderId> {
        self.doubted.clear();
        self.doubtful.clear();
        self.by_date.clear();
        let below = self.take_in(None, raw);
        self.enterable(account, None, below).await
    }

    /// Leaves out the folders in the root that are not among these; answers what was listed in them before.
    pub(crate) fn disbelieve(&mut self, believed: &BTreeSet<FolderId>) -> Vec<(FolderId, Contents)> {
        let rows = self.listed(None).into_iter().flat_map(|listed| &listed.folders);
        let others: Vec<FolderId> = rows
            .filter_map(|row| translate::folder_id(row.id))
            .filter(|id| !believed.contains(id))
            .collect();
        let others = others.into_iter();
        others
            .filter_map(|id| Some((id, self.take_out(Some(id))?)))
            .collect()
    }

    /// Something is in another folder now: a newer listing shows it there.
    pub(crate) fn left(&mut self, folder: Option<FolderId>, id: RemoteId) {
        let Some(Contents::Listed(listed)) = self.folders.get_mut(&folder) else {
            return;
        };
        match id {
            RemoteId::File(file) => listed
                .files
                .retain(|row| translate::file_id(row.id) != Some(file)),
            RemoteId::Folder(below) => listed
                .folders
                .retain(|row| translate::folder_id(row.id) != Some(below)),
        }
    }

    /// The folders that hang from the root by listings.
    pub(crate) fn reached(&self) -> BTreeSet<Option<FolderId>> {
        let mut reached = BTreeSet::from([None]);
        let mut queue = vec![None];
        while let Some(folder) = queue.pop() {
            let rows = self.listed(folder).map(|listed| &listed.folders);
            for row in rows.into_iter().flatten() {
                let id = translate::folder_id(row.id);
                if id.is_some() && self.folders.contains_key(&id) && reached.insert(id) {
                    queue.push(id);
                }
            }
        }
        reached
    }

    /// Which of the folders just listed in `parent` may be believed and entered. Only those directly in the account's
    /// top need proof (design S3); the others are as alive as their parent.
    async fn enterable(
        &mut self,
        account: &Arc<Account>,
        parent: Option<FolderId>,
        below: Vec<FolderId>,
    ) -> Vec<FolderId> {
        if account.root.is_some() || parent.is_some() {
            return below;
        }
        let rows: BTreeMap<FolderId, FolderRow> = match self.folders.get(&None) {
            Some(Contents::Listed(listed)) => listed
                .folders
                .iter()
                .filter_map(|row| Some((translate::folder_id(row.id)?, row.clone())))
                .collect(),
            Some(Contents::Unreadable(_)) | None => BTreeMap::new(),
        };
        let mut alive = Vec::new();
        let mut asked = Vec::new();
        for (id, row) in rows {
            if row.state == Some(RowState::Active) {
                alive.push(id);
            } else if account.known_alive(id, &row) {
                alive.push(id);
                self.by_date.insert(id, row);
            } else if account.known_dead(id, &row) {
                self.states.insert(RemoteId::Folder(id), RowState::Trash);
            } else {
                asked.push((id, row));
            }
        }
        alive.extend(self.prove(account, asked).await);
        alive
    }

    /// Proves folders in the account's top whose rows carry no state; the others become *doubted*.
    async fn prove(&mut self, account: &Arc<Account>, asked: Vec<(FolderId, FolderRow)>) -> Vec<FolderId> {
        let mut alive = Vec::new();
        let mut unproved = Vec::new();
        let mut doubted = Vec::new();
        let answers = futures_util::stream::iter(asked)
            .map(|(id, row)| async move { (account.life_of(id, &row).await, id, row) })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (life, id, row) in answers {
            match life {
                Life::Alive => alive.push(id),
                Life::Dead => {
                    self.states.insert(RemoteId::Folder(id), RowState::Trash);
                }
                Life::Doubted => doubted.push((id, row)),
                Life::Unknown => unproved.push(id),
            }
        }
        // A probe that calls nothing alive says nothing: one of a folder that was proved before may show that it works.
        for (id, row) in self.by_date.clone().into_iter().take(WITNESSES) {
            if doubted.is_empty() || account.probe_works() {
                break;
            }
            account.life_of(id, &row).await;
        }
        if account.probe_works() {
            self.doubted.extend(doubted.iter().map(|(id, _)| *id));
            self.doubtful.extend(doubted);
        } else {
            unproved.extend(doubted.iter().map(|(id, _)| *id));
        }
        alive.extend(self.prove_by_listing(account, unproved).await);
        alive
    }

    /// With no state and no probe to be had: it counts as alive while an active file is listed in it or below it, for
    /// trashing takes those along. An empty one waits; none is dead (design S3).
    async fn prove_by_listing(&mut self, account: &Account, unproved: Vec<FolderId>) -> Vec<FolderId> {
        let mut alive = Vec::new();
        for id in unproved {
            if shows_a_file(account, id).await {
                alive.push(id);
            } else {
                self.doubted.insert(id);
            }
        }
        alive
    }

    /// The live nodes: rows of listed folders that are reachable from the root through entered folders.
    pub(crate) fn nodes(&self) -> Tree<RemoteNode> {
        let mut nodes = Tree::default();
        let mut queue = vec![None];
        let mut visited = BTreeSet::new();
        while let Some(folder) = queue.pop() {
            for node in self.nodes_in(folder) {
                if let Some(id) = node.id.folder() {
                    if !visited.insert(id) {
                        continue;
                    }
                    queue.push(Some(id));
                }
                nodes.insert(node);
            }
        }
        nodes.pack();
        nodes
    }

    /// The live nodes directly in a folder, if it was listed.
    pub(crate) fn nodes_in(&self, folder: Option<FolderId>) -> Vec<RemoteNode> {
        let Some(listed) = self.listed(folder) else {
            return Vec::new();
        };
        let files = listed.files.iter();
        let files = files.filter_map(|row| translate::file_node(row, folder));
        let folders = listed.folders.iter().filter_map(|row| {
            let readable = match self.folders.get(&Some(translate::folder_id(row.id)?)) {
                Some(Contents::Listed(_)) => true,
                Some(Contents::Unreadable(_)) => false,
                // Not entered: doubted. It is not believed at all.
                None => return None,
            };
            translate::folder_node(row, folder, readable)
        });
        files.chain(folders).collect()
    }

    /// Folders that failed to list, with the reason.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = (Option<FolderId>, &ApiError)> {
        self.folders
            .iter()
            .filter_map(|(folder, contents)| match contents {
                Contents::Unreadable(error) => Some((*folder, error)),
                Contents::Listed(_) => None,
            })
    }

    /// The live rows of a folder, if it was listed.
    pub(crate) fn listed(&self, folder: Option<FolderId>) -> Option<&Listed> {
        match self.folders.get(&folder)? {
            Contents::Listed(listed) => Some(listed),
            Contents::Unreadable(_) => None,
        }
    }
}

/// Whether an active file is listed in a folder or below it, as far as a few listings show.
async fn shows_a_file(account: &Account, folder: FolderId) -> bool {
    let mut queue = VecDeque::from([folder]);
    for _ in 0..PROOF_LISTINGS {
        let Some(next) = queue.pop_front() else {
            return false;
        };
        let Ok(raw) = list(account, Some(next)).await else {
            continue;
        };
        if !raw.listed.files.is_empty() {
            return true;
        }
        queue.extend(
            raw.listed
                .folders
                .iter()
                .filter_map(|row| translate::folder_id(row.id)),
        );
    }
    false
}

/// The live folders directly in one folder: in the account's top, those that are proved alive.
pub(crate) async fn live_folders(
    account: &Arc<Account>,
    folder: Option<FolderId>,
) -> Result<Vec<FolderRow>, ApiError> {
    let raw = list(account, folder).await?;
    let rows = raw.listed.folders.clone();
    let mut walk = Walk::default();
    let below = walk.take_in(folder, raw);
    let alive: BTreeSet<FolderId> = walk.enterable(account, folder, below).await.into_iter().collect();
    let lives = |row: &FolderRow| translate::folder_id(row.id).is_some_and(|id| alive.contains(&id));
    Ok(rows.into_iter().filter(lives).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use api::MemoryTokenStore;
    use api::transport::{HttpBody, HttpRequest, HttpResponse, Transport, TransportError};
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;

    /// A pair's root, 1, with the folders 2 and 3; 2 is not found as often as told.
    struct Hiccups(Mutex<u32>);

    impl Hiccups {
        fn answer(&self, form: &str) -> String {
            let asked = |id: &str| {
                form.split('&')
                    .any(|field| field == format!("parent_folder_id={id}"))
            };
            let row = |id: u32| {
                format!(
                    r#"{{"id":"{id}","folderName":"f{id}","parentId":"1","status":"active","date_added":"2026-01-01 00:00:00","date_updated":"2026-01-01 00:00:00"}}"#
                )
            };
            let mut left = self.0.lock().unwrap();
            if !form.contains("parent_folder_id") {
                return r#"{"data":{"access_token":"t","account_id":"1"},"_status":"success"}"#.to_owned();
            }
            if asked("2") && *left > 0 {
                *left -= 1;
                return r#"{"status":"error","response":"Could not find folder based on folder_id.","_status":"error"}"#
                    .to_owned();
            }
            let folders = if asked("1") {
                format!("{},{}", row(2), row(3))
            } else {
                String::new()
            };
            format!(r#"{{"data":{{"folders":[{folders}],"files":[]}},"_status":"success"}}"#)
        }
    }

    impl Transport for Hiccups {
        fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
            let HttpBody::Full(form) = request.body else {
                panic!("a call has a form");
            };
            let body = self.answer(std::str::from_utf8(&form).unwrap());
            let body = futures_util::stream::once(async move { Ok(body.into()) }).boxed();
            std::future::ready(Ok(HttpResponse {
                status: 200,
                headers: Vec::new(),
                body,
            }))
            .boxed()
        }
    }

    async fn walked(hiccups: u32) -> Walk {
        let config = {
            let mut config = api::Config::new("https://cloud.example/api/v2/").unwrap();
            config.credentials = api::Credentials::keys("k".repeat(64), "l".repeat(64));
            config
        };
        let client = api::Client::with_transport(
            config,
            Arc::new(MemoryTokenStore::new()),
            Arc::new(|_| Ok(())),
            Arc::new(Hiccups(Mutex::new(hiccups))),
        );
        let account = Account::new(client, FolderId::new(1), BTreeMap::new());
        Walk::take(&Arc::new(account)).await.unwrap()
    }

    #[tokio::test]
    async fn q41_a_folder_that_is_not_found_once_is_listed_in_the_same_walk() {
        assert!(walked(0).await.is_complete());
        let walk = walked(1).await;
        assert!(walk.is_complete(), "{walk:?}");
        assert_eq!(walk.folders.len(), 3);
        let walk = walked(2).await;
        let unreadable: Vec<_> = walk.unreadable().map(|(folder, _)| folder).collect();
        assert_eq!(
            unreadable,
            [FolderId::new(2)],
            "it is asked for twice and no more"
        );
    }
}
