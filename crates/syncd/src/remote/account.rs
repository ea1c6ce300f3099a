//! One pair's view of the account: the client, the pair's root, and what this server was seen to do.
//!
//! Nothing here decides anything about files. What it learns of the server (whether folder rows carry a state, whether
//! the probe works) is learned anew at each start (`wire.md` §7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::{ApiError, Client, FolderRow, Parent, Probe, RowState};
use planner::id::FolderId;

use super::translate;

/// An id that no server gives: the probe must call it dead (`wire.md` §5).
const NO_SUCH_FOLDER: u64 = 2_147_483_647;

/// How many folders up a chain is followed (design M14).
const CHAIN_LIMIT: usize = 64;

/// Whether a folder lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Life {
    /// Proved alive.
    Alive,
    /// Its own state says that it is in the trash or deleted.
    Dead,
    /// One negative probe: no proof yet (history H10).
    Doubted,
    /// Nothing could be learned.
    Unknown,
}

#[derive(Debug, Default)]
struct Seen {
    /// Folders whose present row (by its date) was proved alive; trashing sets the date (`wire.md` §5).
    alive: BTreeMap<FolderId, Option<String>>,
    /// Folders negatively probed once.
    doubted: BTreeSet<FolderId>,
    /// Whether the probe tells living from dead here; `None`: not calibrated yet.
    probe_works: Option<bool>,
}

/// One pair's view of the account.
#[derive(Debug)]
pub(crate) struct Account {
    /// The client; shared by all pairs of the process.
    pub(crate) client: Client,
    /// The pair's root; `None` is the account's top.
    pub(crate) root: Option<FolderId>,
    seen: Mutex<Seen>,
}

impl Account {
    /// A view of `client` from `root`; `proved` are folders proved alive at earlier starts, with their row's date.
    pub(crate) fn new(
        client: Client,
        root: Option<FolderId>,
        proved: BTreeMap<FolderId, Option<String>>,
    ) -> Self {
        Self {
            client,
            root,
            seen: Mutex::new(Seen {
                alive: proved,
                ..Seen::default()
            }),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing that can fail is done under this lock, so a poisoned value is still whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folders proved alive so far, with the row's date, for the journal.
    pub(crate) fn proved(&self) -> BTreeMap<FolderId, Option<String>> {
        self.seen().alive.clone()
    }

    /// Remembers a folder as alive (we made it, or it was proved) with its row's date.
    pub(crate) fn remember_alive(&self, id: FolderId, date: Option<&str>) {
        let mut seen = self.seen();
        seen.doubted.remove(&id);
        seen.alive.insert(id, date.map(str::to_owned));
    }

    /// Whether this very row was proved alive before.
    pub(crate) fn known_alive(&self, id: FolderId, row: &FolderRow) -> bool {
        self.seen()
            .alive
            .get(&id)
            .is_some_and(|date| *date == row.date_updated)
    }

    /// Where a place within the pair is on the wire: `None` is the pair's root.
    pub(crate) fn place(&self, folder: Option<FolderId>) -> Result<Parent, ApiError> {
        translate::wire_parent(folder.or(self.root))
    }

    /// The folder within the pair that a row's parent names: `Some(None)` is the pair's root.
    pub(crate) fn within(&self, parent: Option<Parent>) -> Option<Option<FolderId>> {
        match parent? {
            Parent::Top => self.root.is_none().then_some(None),
            Parent::In(id) => {
                let id = translate::folder_id(id)?;
                Some((Some(id) != self.root).then_some(id))
            }
            Parent::Limbo => None,
        }
    }

    /// Learns whether the probe works here: a folder that cannot exist must be dead, one surely alive must be alive.
    /// On servers whose folder rows carry a state it is never used (`wire.md` §5: the 1000-folder list).
    pub(crate) async fn calibrate(&self, surely_alive: FolderId) -> bool {
        if let Some(works) = self.seen().probe_works {
            return works;
        }
        let Some(nowhere) = api::FolderId::new(NO_SUCH_FOLDER) else {
            return false;
        };
        let Ok(alive) = translate::wire_folder(surely_alive) else {
            return false;
        };
        let (dead, alive) = (
            self.client.probe_folder(nowhere).await,
            self.client.probe_folder(alive).await,
        );
        let works = match (dead, alive) {
            (Ok(Probe::Dead), Ok(Probe::Alive)) => true,
            (Ok(_), Ok(_)) => false,
            // No answer says nothing about the server's ways: ask again at the next chance.
            (Err(_), _) | (_, Err(_)) => return false,
        };
        self.seen().probe_works = Some(works);
        works
    }

    /// Whether the probe is known to work.
    pub(crate) fn can_probe(&self) -> bool {
        self.seen().probe_works == Some(true)
    }

    /// Asks whether a folder lives: its own state first, then the probe (design S3). The row is what `folder/info` said.
    pub(crate) async fn life(&self, id: FolderId) -> (Life, Option<FolderRow>) {
        let Ok(wire) = translate::wire_folder(id) else {
            return (Life::Unknown, None);
        };
        let row = match self.client.folder_info(wire).await {
            Ok(row) => row,
            Err(_) => return (Life::Unknown, None),
        };
        let life = match &row.state {
            Some(RowState::Active) => Life::Alive,
            Some(RowState::Trash | RowState::Deleted) => Life::Dead,
            Some(RowState::Other(_)) => Life::Unknown,
            None => self.probe(id).await,
        };
        if life == Life::Alive {
            self.remember_alive(id, row.date_updated.as_deref());
        }
        (life, Some(row))
    }

    /// One probe, if it works here. A first negative answer is a doubt, not a proof.
    pub(crate) async fn probe(&self, id: FolderId) -> Life {
        if !self.can_probe() {
            return Life::Unknown;
        }
        let Ok(wire) = translate::wire_folder(id) else {
            return Life::Unknown;
        };
        match self.client.probe_folder(wire).await {
            Ok(Probe::Alive) => {
                self.seen().doubted.remove(&id);
                Life::Alive
            }
            Ok(Probe::Dead) => {
                self.seen().doubted.insert(id);
                Life::Doubted
            }
            Ok(Probe::Unknown) | Err(_) => Life::Unknown,
        }
    }

    /// The second negative probe, at least `confirm_after` after the first (the caller waited), with a positive probe
    /// of a living folder just before it (design S3).
    pub(crate) async fn probe_again(&self, id: FolderId, living: FolderId) -> Life {
        if !self.seen().doubted.contains(&id) {
            return Life::Unknown;
        }
        if self.probe(living).await != Life::Alive {
            return Life::Unknown;
        }
        match self.probe(id).await {
            Life::Doubted => Life::Dead,
            other @ (Life::Alive | Life::Dead | Life::Unknown) => other,
        }
    }

    /// Whether the chain above `parent` reaches the account's top without meeting the pair's root (design M14).
    /// `None`: it cannot be told now.
    pub(crate) async fn leads_out(&self, parent: Option<Parent>) -> Option<bool> {
        let root = self.root?;
        let mut next = parent?;
        for _ in 0..CHAIN_LIMIT {
            match next {
                Parent::Top => return Some(true),
                Parent::Limbo => return None,
                Parent::In(id) if translate::folder_id(id) == Some(root) => return Some(false),
                Parent::In(id) => next = self.client.folder_info(id).await.ok()?.parent?,
            }
        }
        None
    }
}
