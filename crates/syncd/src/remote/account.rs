//! One pair's view of the account: the client, the pair's root, and what this server was seen to do.
//!
//! Nothing here decides anything about files. What it learns of the server (whether folder rows carry a state, whether
//! the probe works) is learned anew at each start (`wire.md` §7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{ApiError, Client, FolderRow, Parent, Probe, RowState};
use planner::id::FolderId;
use tokio::time::Instant;

use super::translate;

/// An id that no server gives: the probe must call it dead (`wire.md` §5).
const NO_SUCH_FOLDER: u64 = 2_147_483_647;

/// For how long a server that seems to have no probe is not asked again whether it has: a hiccup is over by then, and on those that have
/// none a question more is nothing.
const TELLS_AGAIN: Duration = Duration::from_secs(600);

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

/// A folder of the account's top that was negatively probed, with the row that was probed: trashing and restoring set
/// the row's date (`wire.md` §5), so the same date is the same state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Doubt {
    /// The row's date.
    pub(crate) date: String,
    /// When it was first probed so, in seconds since 1970.
    pub(crate) since: i64,
    /// Probed so twice, far enough apart, with a living folder answering in between: dead.
    pub(crate) sure: bool,
}

#[derive(Debug, Default)]
struct Seen {
    /// Folders whose present row (by its date) was proved alive; trashing sets the date (`wire.md` §5).
    alive: BTreeMap<FolderId, String>,
    /// Folders negatively probed in this run.
    doubted: BTreeSet<FolderId>,
    /// The same over runs, as far as their rows carry a date.
    doubts: BTreeMap<FolderId, Doubt>,
    /// Whether the probe calls a folder dead that cannot exist, and when it was asked; `None`: not asked yet.
    tells: Option<(bool, Instant)>,
    /// Whether the probe called any folder alive: then it tells the living from the dead.
    works: bool,
    /// `folder/info` was seen to carry no state.
    stateless: bool,
}

/// What lies above a place of the account (design M14, A7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Above {
    /// The pair's root.
    Pair,
    /// The account's top, by living folders, without the pair's root between.
    Out,
    /// A ring; its smallest folder.
    Ring(FolderId),
    /// A folder that is dead.
    Dead,
    /// A folder in the account's top that may be dead: one probe says so.
    Doubted(FolderId),
    /// It cannot be told now.
    Unknown,
}

/// One pair's view of the account.
#[derive(Debug)]
pub(crate) struct Account {
    /// The client; shared by all pairs of the process.
    pub(crate) client: Client,
    /// The pair's root; `None` is the account's top.
    pub(crate) root: Option<FolderId>,
    seen: Mutex<Seen>,
    /// What was said of the root just now, and when it was asked.
    asked: Mutex<Option<(Instant, Said)>>,
}

/// Whether a folder lives, and the row that says so.
type Said = (Life, Option<FolderRow>);

impl Account {
    /// A view of `client` from `root`; `proved` are folders proved alive at earlier starts, with their row's date. A row
    /// without a date could be another's by now, so it proves nothing.
    pub(crate) fn new(
        client: Client,
        root: Option<FolderId>,
        proved: BTreeMap<FolderId, Option<String>>,
    ) -> Self {
        let alive = proved
            .into_iter()
            .filter_map(|(id, date)| Some((id, date?)))
            .collect();
        let seen = Seen {
            alive,
            ..Seen::default()
        };
        Self {
            client,
            root,
            seen: Mutex::new(seen),
            asked: Mutex::default(),
        }
    }

    /// Takes in what earlier runs doubted.
    pub(crate) fn with_doubts(self, doubts: BTreeMap<FolderId, Doubt>) -> Self {
        self.seen().doubts = doubts;
        self
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing that can fail is done under this lock, so a poisoned value is still whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folders proved alive so far, with the row's date, for the journal.
    pub(crate) fn proved(&self) -> BTreeMap<FolderId, Option<String>> {
        let seen = self.seen();
        seen.alive
            .iter()
            .map(|(id, date)| (*id, Some(date.clone())))
            .collect()
    }

    /// The doubts so far, for the journal.
    pub(crate) fn doubts(&self) -> BTreeMap<FolderId, Doubt> {
        self.seen().doubts.clone()
    }

    /// Remembers a folder as alive (we made it, or it was proved) with its row's date. Only those directly in the
    /// account's top ever need the proof again (design S3).
    pub(crate) fn remember_alive(&self, row: &FolderRow) {
        let Some(id) = translate::folder_id(row.id) else {
            return;
        };
        let mut seen = self.seen();
        seen.doubted.remove(&id);
        seen.doubts.remove(&id);
        match &row.date_updated {
            Some(date) if row.parent == Some(Parent::Top) => seen.alive.insert(id, date.clone()),
            Some(_) | None => seen.alive.remove(&id),
        };
    }

    /// Whether this very row was proved alive before.
    pub(crate) fn known_alive(&self, id: FolderId, row: &FolderRow) -> bool {
        row.date_updated.is_some() && self.seen().alive.get(&id) == row.date_updated.as_ref()
    }

    /// Whether this very row was proved dead before.
    pub(crate) fn known_dead(&self, id: FolderId, row: &FolderRow) -> bool {
        let seen = self.seen();
        let doubt = seen.doubts.get(&id);
        doubt.is_some_and(|doubt| doubt.sure && Some(&doubt.date) == row.date_updated.as_ref())
    }

    /// Notes a negative probe of this row, or makes an old enough one sure (design S3). `apart_s` is `confirm_after`.
    /// The caller probed a living folder positively before this probe. Answers whether the folder is proved dead.
    pub(crate) fn doubt(&self, id: FolderId, row: &FolderRow, now: i64, apart_s: i64) -> bool {
        let Some(date) = &row.date_updated else {
            return false;
        };
        let mut seen = self.seen();
        let old = seen.doubts.get(&id).filter(|doubt| doubt.date == *date);
        let since = old.map_or(now, |doubt| doubt.since).min(now);
        let sure = old.is_some_and(|doubt| doubt.sure || now.saturating_sub(since) >= apart_s.max(1));
        let date = date.clone();
        seen.doubts.insert(id, Doubt { date, since, sure });
        sure
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

    /// Whether the probe calls dead what cannot exist. That it does is asked once per start; that it does not may be a hiccup
    /// of the server (`wire.md` Q41), and is asked again after a while. On servers whose folder rows carry a state it is never
    /// asked (`wire.md` §5: the 1000-folder list).
    async fn tells(&self) -> bool {
        if let Some((tells, asked)) = self.seen().tells
            && (tells || asked.elapsed() < TELLS_AGAIN)
        {
            return tells;
        }
        let Some(nowhere) = api::FolderId::new(NO_SUCH_FOLDER) else {
            return false;
        };
        let tells = match self.client.probe_folder(nowhere).await {
            Ok(Probe::Dead) => true,
            Ok(Probe::Alive | Probe::Unknown) => false,
            // No answer says nothing about the server's ways: ask again at the next chance.
            Err(_) => return false,
        };
        self.seen().tells = Some((tells, Instant::now()));
        tells
    }

    /// Whether the probe was seen to tell the living from the dead: it called dead what cannot exist, and alive what
    /// can only be alive.
    pub(crate) fn probe_works(&self) -> bool {
        self.seen().works
    }

    /// Asks whether a folder lives: its own state first, then the probe (design S3). The row is what `folder/info` said.
    pub(crate) async fn life(&self, id: FolderId) -> Said {
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
            None => {
                self.seen().stateless = true;
                self.probe(id).await
            }
        };
        if life == Life::Alive {
            self.remember_alive(&row);
        }
        (life, Some(row))
    }

    /// Asks whether the root lives, for who wants to know it in a moment: meanwhile something else can be asked.
    pub(crate) async fn ask_root(&self) {
        if let Some(root) = self.root {
            let asked = Instant::now();
            let said = self.life(root).await;
            *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, said));
        }
    }

    /// Whether the root lives: as it was just asked, once, or else by asking.
    pub(crate) async fn root_life(&self, root: FolderId) -> Said {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        match asked {
            Some((at, said)) if at.elapsed() < api::LOOK_LASTS => said,
            Some(_) | None => self.life(root).await,
        }
    }

    /// The same for a row of a listing that carries no state: where `folder/info` carries none either, only the probe
    /// is asked.
    pub(crate) async fn life_of(&self, id: FolderId, row: &FolderRow) -> Life {
        if !self.seen().stateless {
            return self.life(id).await.0;
        }
        let life = self.probe(id).await;
        if life == Life::Alive {
            self.remember_alive(row);
        }
        life
    }

    /// One probe. A first negative answer is a doubt, not a proof; as long as no folder was called alive it is not even
    /// that ([`probe_works`](Self::probe_works)).
    pub(crate) async fn probe(&self, id: FolderId) -> Life {
        let Ok(wire) = translate::wire_folder(id) else {
            return Life::Unknown;
        };
        if !self.tells().await {
            return Life::Unknown;
        }
        match self.client.probe_folder(wire).await {
            Ok(Probe::Alive) => {
                let mut seen = self.seen();
                seen.works = true;
                seen.doubted.remove(&id);
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
        if living == id || self.probe(living).await != Life::Alive {
            return Life::Unknown;
        }
        match self.probe(id).await {
            Life::Doubted => Life::Dead,
            other @ (Life::Alive | Life::Dead | Life::Unknown) => other,
        }
    }

    /// What lies above a place (design M14): out of the pair only if the chain of living folders reaches the account's
    /// top without the pair's root. A dead folder's chain leads nowhere.
    pub(crate) async fn above(&self, place: Option<Parent>) -> Above {
        let mut passed: Vec<FolderId> = Vec::new();
        let mut next = place;
        for _ in 0..CHAIN_LIMIT {
            let id = match next {
                // The account's top is the pair's root: all that hangs from it is within the pair.
                Some(Parent::Top) if self.root.is_none() => return Above::Pair,
                Some(Parent::Top) => return self.alive_at_the_top(passed.last().copied()).await,
                Some(Parent::In(id)) => id,
                Some(Parent::Limbo) | None => return Above::Unknown,
            };
            let Some(folder) = translate::folder_id(id) else {
                return Above::Unknown;
            };
            if self.root == Some(folder) {
                return Above::Pair;
            }
            if let Some(at) = passed.iter().position(|other| *other == folder) {
                let ring = passed.iter().skip(at).min().copied();
                return ring.map_or(Above::Unknown, Above::Ring);
            }
            passed.push(folder);
            next = match self.client.folder_info(id).await {
                Ok(row) if matches!(row.state, None | Some(RowState::Active)) => row.parent,
                Ok(row) if matches!(row.state, Some(RowState::Trash | RowState::Deleted)) => {
                    return Above::Dead;
                }
                Ok(_) | Err(_) => return Above::Unknown,
            };
        }
        Above::Unknown
    }

    /// Trashed folders hang from the account's top as well: the topmost one must be proved alive.
    async fn alive_at_the_top(&self, topmost: Option<FolderId>) -> Above {
        let Some(topmost) = topmost else {
            return Above::Out;
        };
        match self.life(topmost).await.0 {
            Life::Alive => Above::Out,
            Life::Dead => Above::Dead,
            Life::Doubted => Above::Doubted(topmost),
            Life::Unknown => Above::Unknown,
        }
    }
}
