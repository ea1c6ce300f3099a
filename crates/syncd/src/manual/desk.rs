//! One command's view of the account: the client, and listings kept for as long as the command runs.
//!
//! A listing with a row of another folder is no listing. What is in the trash is kept apart, never among what lives.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::{ApiError, AtOnce, Client, FileRow, FolderRow, Package, RowState};
use planner::id::FolderId;
use tokio::sync::Mutex;

use crate::config::Config;
use crate::remote::account::{Account, Life};
use crate::remote::translate;

/// Pause before something is asked for again that was not found: one such answer proves nothing (`wire.md` Q41).
const AGAIN: Duration = Duration::from_millis(500);

/// Folders in the account's root asked to show that the probe works.
const WITNESSES: usize = 5;

/// Transfers at once when the user says nothing (`wire.md` §6.1).
const TRANSFERS: usize = 4;

/// Short calls at once.
pub(super) const CALLS: usize = 8;

/// What a folder holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Files that live.
    pub(crate) files: Vec<FileRow>,
    /// Folders that live; in the account's root also those whose rows carry no state.
    pub(crate) folders: Vec<FolderRow>,
    /// Files that the server lists although they do not live.
    pub(crate) dead_files: Vec<FileRow>,
    /// Folders of that kind.
    pub(crate) dead_folders: Vec<FolderRow>,
}

/// The account, for one command.
pub(crate) struct Desk {
    pub(super) account: Arc<Account>,
    pub(super) client: Client,
    /// How long a lost upload may still arrive.
    pub(super) late: Duration,
    /// First pause before a call is made again.
    pub(super) pause: Duration,
    /// Transfers at once that the user allows.
    own: Option<usize>,
    /// This server was seen not to copy.
    pub(super) copies_not: AtomicBool,
    listings: Mutex<BTreeMap<Option<FolderId>, Arc<Held>>>,
}

impl Desk {
    /// For this client.
    pub(crate) fn new(client: Client, config: &Config) -> Self {
        Self {
            account: Arc::new(Account::new(client.clone(), None, BTreeMap::new())),
            client,
            late: config.timing.late_upload_limit,
            pause: config.timing.retry_pause,
            own: config.limits.concurrency,
            copies_not: AtomicBool::new(false),
            listings: Mutex::default(),
        }
    }

    /// Takes the package's limits over; answers it. Never more at once than it and the user allow.
    pub(crate) async fn limits(&self) -> Result<Package, ApiError> {
        let package = self.client.account_package().await?;
        let bounded = |allowed: Option<NonZeroU64>| {
            let allowed = allowed.map_or(usize::MAX, |most| {
                usize::try_from(most.get()).unwrap_or(usize::MAX)
            });
            self.own.unwrap_or(TRANSFERS).min(allowed)
        };
        let (up, down) = (
            bounded(package.concurrent_uploads),
            bounded(package.concurrent_downloads),
        );
        let calls = self.own.unwrap_or(CALLS);
        let [calls, up, down] = [calls, up, down].map(AtOnce::fixed);
        self.client.set_concurrency(calls, up, down);
        Ok(package)
    }

    /// What a folder holds, as it was listed first in this command. `None` is the account's root.
    pub(crate) async fn held(&self, folder: Option<FolderId>) -> Result<Arc<Held>, ApiError> {
        let known = self.listings.lock().await.get(&folder).cloned();
        match known {
            Some(held) => Ok(held),
            None => self.look(folder).await,
        }
    }

    /// What a folder holds now.
    pub(crate) async fn look(&self, folder: Option<FolderId>) -> Result<Arc<Held>, ApiError> {
        let held = twice(async || self.list(folder).await).await?;
        let held = Arc::new(held);
        self.listings.lock().await.insert(folder, Arc::clone(&held));
        Ok(held)
    }

    /// The next question about a folder asks the server again.
    pub(super) async fn forget(&self, folder: Option<FolderId>) {
        self.listings.lock().await.remove(&folder);
    }

    async fn list(&self, folder: Option<FolderId>) -> Result<Held, ApiError> {
        let place = translate::wire_parent(folder)?;
        let listing = self.client.folder_listing(place).await?;
        let mut held = Held::default();
        for row in listing.files {
            match &row.state {
                None | Some(RowState::Active) if row.parent == Some(place) => held.files.push(row),
                None | Some(RowState::Active) => return Err(elsewhere()),
                Some(RowState::Trash | RowState::Deleted | RowState::Other(_)) => held.dead_files.push(row),
            }
        }
        for row in listing.folders {
            match &row.state {
                None | Some(RowState::Active) if row.parent == Some(place) => held.folders.push(row),
                None | Some(RowState::Active) => return Err(elsewhere()),
                Some(RowState::Trash | RowState::Deleted | RowState::Other(_)) => held.dead_folders.push(row),
            }
        }
        Ok(held)
    }

    /// Whether a folder of a listing lives. Only those in the account's root can be dead without saying so (`wire.md`
    /// Q05); what cannot be told is taken for alive, for nothing is concluded from it.
    pub(crate) async fn lives(&self, row: &FolderRow) -> bool {
        if row.state == Some(RowState::Active) || row.parent != Some(api::Parent::Top) {
            return true;
        }
        let Some(id) = translate::folder_id(row.id) else {
            return false;
        };
        match self.account.life_of(id, row).await {
            Life::Alive | Life::Unknown => true,
            Life::Dead => false,
            Life::Doubted => !self.probe_works_beside(id).await,
        }
    }

    /// A probe that calls nothing alive says nothing.
    async fn probe_works_beside(&self, doubted: FolderId) -> bool {
        if let Ok(top) = self.held(None).await {
            let others = top.folders.iter().filter_map(|row| translate::folder_id(row.id));
            for other in others.filter(|other| *other != doubted).take(WITNESSES) {
                if self.account.probe_works() {
                    break;
                }
                self.account.probe(other).await;
            }
        }
        self.account.probe_works()
    }

    /// Whether files are to be copied by way of this machine.
    pub(super) fn copies_here(&self) -> bool {
        self.copies_not.load(Ordering::Relaxed)
    }
}

const fn elsewhere() -> ApiError {
    ApiError::Malformed {
        what: "a row of another folder",
    }
}

/// Asks again what was not found.
pub(super) async fn twice<T>(ask: impl AsyncFn() -> Result<T, ApiError>) -> Result<T, ApiError> {
    match ask().await {
        Err(ApiError::NotFound { .. }) => {
            tokio::time::sleep(AGAIN).await;
            ask().await
        }
        answer => answer,
    }
}
