//! Opening a pair: journal, local root, account, marker and remote root, each checked before anything is written
//! (design §6). Ends in a [`Session`], or in the reason why there is none.
//!
//! What must never happen here: a write to either side, or to the marker, before every check has passed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use planner::hold::Side;
use planner::id::{FolderId, NodeId};
use planner::path::RelPath;
use planner::policy::{ConflictPolicy, Policy};
use planner::tree::{SyncedNode, SyncedTree};
use state::{Change, HeldDeletion, HistoryEntry, Journal, JournalError, Meta, RemoteRoot};
use tokio_util::sync::CancellationToken;

use super::deletions::Approvals;
use super::gate::SafetyStop;
use super::hashes::Pointer;
use super::recall::Hearing;
use super::sight::Disk;
use super::{Setup, Sink, memo, terms};
use crate::config::{PairConfig, RemoteSpec, Timing};
use crate::local::marker::{self, Marker};
use crate::local::{LocalError, Root};
use crate::remote::account::Account;
use crate::remote::apply::Failure;
use crate::remote::listings::Listings;
use crate::remote::root::{Missing, find};
use crate::report::Report;

/// Changes in one commit: enough that a first meeting of large trees is not slowed by it, few enough for memory.
const NOTED_MAX: usize = 2_000;

/// Whether the pass may write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// A real pass.
    Write,
    /// A dry run: it may sign in and read, and works on a scratch copy of the journal.
    Look,
}

/// Why a pass ended, or did not begin.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The pair pauses and waits for the user.
    Stop(SafetyStop),
    /// It could not run.
    Error(Box<Report>),
}

/// One pair, opened.
pub(crate) struct Session {
    /// The pair's configuration.
    pub(crate) pair: PairConfig,
    /// Waiting times.
    pub(crate) timing: Timing,
    /// Base address, for messages.
    pub(crate) api_url: String,
    /// New nodes that are decided about at once.
    pub(super) adopt_at_once: usize,
    /// Who is told about progress.
    pub(crate) sink: Arc<dyn Sink>,
    /// Asked between steps: the user wants to end.
    pub(crate) stop: CancellationToken,
    /// The journal; this session is its only writer.
    pub(crate) journal: Journal,
    /// What the journal says of itself.
    pub(crate) meta: Meta,
    /// The merge base, as the journal has it; in a pass about a part, that of the part.
    pub(crate) synced: Arc<SyncedTree>,
    /// The whole merge base meanwhile.
    pub(super) aside: Option<Arc<SyncedTree>>,
    /// Files on record.
    pub(super) files: u64,
    /// Deletions that the user let through before this pass.
    pub(crate) approvals: Approvals,
    /// The local root.
    pub(crate) root: Root,
    /// The account, seen from the pair's root.
    pub(crate) account: Arc<Account>,
    /// Limits of the account.
    pub(crate) package: api::Package,
    /// What the merge is told.
    pub(crate) policy: Policy,
    /// Changes that are in `synced` already and wait for the next commit.
    pub(super) noted: Vec<Change>,
    /// An interim of ours could not be cleared away: what tells that it is ours is kept until it is.
    pub(crate) unswept: bool,
    /// Since the pair was opened.
    pub(crate) watch: super::clock::Watch,
    /// The pair's folder is not in the account yet; only in a dry run, which makes none.
    pub(crate) no_remote_root: bool,
    /// Who hears of changes on this disk.
    pub(crate) hearing: Option<Arc<dyn Hearing>>,
    /// What the disk showed, as the pass before left it.
    pub(crate) disk: Option<Disk>,
    /// What the account showed.
    pub(crate) listings: Option<Listings>,
    /// When the last look at the account's whole, or at what had its turn, began, in seconds since 1970; `None`: before this
    /// process.
    pub(crate) looked_at: Option<i64>,
    /// The pass before found nothing to do; what it said is said again while nothing changes.
    pub(crate) calm: Option<super::calm::Calm>,
    /// Versions of this disk that were put on record since the pair was opened or looked at whole.
    pub(crate) learned: Vec<Pointer>,
    /// The generation was raised since the last pass.
    pub(crate) claimed: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("pair", &self.pair.name)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        super::clock::now()
    }

    /// Commits changes, with all that were noted before, and brings the merge base in memory in step with them.
    pub(crate) fn record(&mut self, changes: Vec<Change>) -> Result<(), Halt> {
        self.note(changes)?;
        self.flush()
    }

    /// Takes changes in that may wait for the next commit: should the run end before it, the next one finds the same
    /// facts again. Never for what a call to the outside depends on.
    pub(crate) fn note(&mut self, changes: Vec<Change>) -> Result<(), Halt> {
        for change in &changes {
            if let Change::Put(node) = change {
                if self.hearing.is_some() {
                    self.learned.extend(Pointer::to(node));
                }
                let old = Arc::make_mut(&mut self.synced).insert(node.clone());
                let old = match &mut self.aside {
                    Some(whole) => Arc::make_mut(whole).insert(node.clone()),
                    None => old,
                };
                self.count(old.as_ref(), Some(node));
            } else if let Change::Forget(id) = change {
                let old = Arc::make_mut(&mut self.synced).remove(*id);
                let old = match &mut self.aside {
                    Some(whole) => Arc::make_mut(whole).remove(*id),
                    None => old,
                };
                self.count(old.as_ref(), None);
            }
        }
        self.noted.extend(changes);
        if self.noted.len() >= NOTED_MAX {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn count(&mut self, old: Option<&SyncedNode>, new: Option<&SyncedNode>) {
        let is_file = |node: Option<&SyncedNode>| u64::from(node.is_some_and(|node| node.file().is_some()));
        self.files = self
            .files
            .saturating_add(is_file(new))
            .saturating_sub(is_file(old));
    }

    /// Commits what was noted.
    pub(crate) fn flush(&mut self) -> Result<(), Halt> {
        let noted = std::mem::take(&mut self.noted);
        self.journal.commit(&noted).map_err(|error| self.broken(&error))
    }

    /// Brings to the disk what the journal gathered.
    pub(super) fn settle(&mut self) -> Result<(), Halt> {
        self.journal.settle().map_err(|error| self.broken(&error))
    }

    /// Before anything comes of a pass: the generation is raised, if it was not since the last one.
    pub(super) fn claim_once(&mut self) -> Result<(), Halt> {
        if self.claimed { Ok(()) } else { claim(self) }
    }

    /// Makes this the set of deletions that waits for the user.
    pub(crate) fn hold(&mut self, held: &[HeldDeletion]) -> Result<(), Halt> {
        self.flush()?;
        let mut sorted = held.to_vec();
        sorted.sort();
        let same = self.journal.held_deletions().map(|known| known == sorted);
        if same.map_err(|error| self.broken(&error))? {
            return Ok(());
        }
        let done = self.journal.hold_deletions(&sorted);
        done.map_err(|error| self.broken(&error))
    }

    /// The journal failed.
    pub(crate) fn broken(&self, error: &JournalError) -> Halt {
        journal_failed(error, &self.pair.name)
    }

    /// The account failed for all of this pass.
    pub(crate) fn fatal(&self, error: &api::ApiError) -> Halt {
        Halt::Error(Box::new(Report::from_api(error, &self.api_url)))
    }
}

/// The journal of this pair failed.
pub(super) fn journal_failed(error: &JournalError, pair: &str) -> Halt {
    match error {
        JournalError::Damaged { .. } => Halt::Stop(SafetyStop::JournalDamaged(error.to_string())),
        JournalError::Locked { .. }
        | JournalError::Newer { .. }
        | JournalError::NotWritable { .. }
        | JournalError::Full { .. }
        | JournalError::Torn { .. }
        | JournalError::NoSuchIntent { .. }
        | JournalError::Sql { .. } => Halt::Error(Box::new(Report::from_journal(error, pair))),
    }
}

/// What of a pair is on this machine, opened.
struct Here {
    journal: Journal,
    root: Root,
    /// Who let an older folder in.
    restored: Option<String>,
    /// The two sides meet anew: no version may lose.
    merging: bool,
}

/// Opens the journal and the folder, and makes sure that they belong together.
async fn open_here(setup: &Setup, pair: &PairConfig, mode: Mode) -> Result<Here, Halt> {
    let dir = setup.config.pair_dir(&pair.name);
    let journal = match mode {
        Mode::Write => super::clock::journal(&dir),
        Mode::Look => Journal::scratch(&dir),
    };
    let broken = |error: &JournalError| journal_failed(error, &pair.name);
    let mut journal = journal.map_err(|error| broken(&error))?;
    let meta = journal.meta().clone();
    let root = open_root(setup, pair, &meta)?;
    let rebuilding = memo::rebuilding(&journal).map_err(|error| broken(&error))?;
    let found = find_marker(&root, rebuilding && meta.root_id.is_none())?;
    let restored = match check_marker(found.as_ref(), &meta) {
        Ok(()) => None,
        Err(stop) => Some(let_in(&journal, stop, pair)?),
    };
    if restored.is_none() && meta.root_id.is_some() {
        super::copied::admit(&mut journal, pair, &root).await?;
    }
    // A folder that bears a marker was synced before, by a journal that is lost: as after a rebuild, no version may lose.
    let merging = rebuilding || (meta.root_id.is_none() && found.is_some());
    Ok(Here {
        journal,
        root,
        restored,
        merging,
    })
}

/// What is on record.
struct Recorded {
    journal: Journal,
    synced: SyncedTree,
    /// Copies that a conflict left.
    kept: BTreeSet<RelPath>,
    approvals: Approvals,
}

/// Reads what is on record.
async fn recorded(journal: Journal) -> Result<Recorded, JournalError> {
    let read = crate::blocking::run(move || {
        let synced = journal.synced()?;
        let kept = super::conflicts::kept_copies(&journal, &synced)?;
        Ok(Recorded {
            approvals: journal.approvals()?,
            journal,
            synced,
            kept,
        })
    });
    read.await.unwrap_or_else(|| Err(JournalError::broke_off()))
}

/// Opens a pair.
pub(crate) async fn open(
    setup: &Setup,
    pair: &PairConfig,
    mode: Mode,
    sink: Arc<dyn Sink>,
) -> Result<Session, Halt> {
    let watch = super::clock::Watch::start();
    let api_url = setup.config.account.api_url.to_string();
    let broken = |error: &JournalError| journal_failed(error, &pair.name);
    let Here {
        journal,
        root,
        restored,
        merging,
    } = open_here(setup, pair, mode).await?;
    let mut meta = journal.meta().clone();
    same_api(&meta, &api_url)?;
    let account_id = sign_in(setup, meta.account.as_deref(), &api_url).await?;
    let proved = journal.proved().map_err(|error| broken(&error))?;
    let doubts = super::doubts::known(&journal).map_err(|error| broken(&error))?;
    let (remote_root, no_remote_root) = match &meta.remote_root {
        Some(RemoteRoot::Top) => (None, false),
        Some(RemoteRoot::Folder(id)) => (Some(*id), false),
        None => match first_root(setup, pair, mode, &api_url).await? {
            FirstRoot::There(root) => (root, false),
            FirstRoot::NotYet => (None, true),
        },
    };
    meta.api_url = Some(api_url.clone());
    meta.account = Some(account_id);
    meta.remote_root = Some(remote_root.map_or(RemoteRoot::Top, RemoteRoot::Folder));
    let account = Account::new(setup.client.clone(), remote_root, proved).with_doubts(doubts);
    // The disk does not wait for the network.
    let both = futures_util::future::join(limits(setup, &api_url, &account), recorded(journal));
    let (package, recorded) = both.await;
    let (recorded, package) = (recorded.map_err(|error| broken(&error))?, package?);
    let policy = Policy {
        kept_copies: recorded.kept,
        ..terms::policy(setup, pair, &root, &package, mode)?
    };
    let mut session = Session {
        pair: pair.clone(),
        timing: setup.config.timing.clone(),
        adopt_at_once: setup.config.adopt_at_once,
        api_url,
        sink,
        stop: setup.stop.clone(),
        journal: recorded.journal,
        meta,
        aside: None,
        files: count_files(&recorded.synced),
        synced: Arc::new(recorded.synced),
        approvals: recorded.approvals,
        root,
        account: Arc::new(account),
        package,
        policy,
        noted: Vec::new(),
        // Until somebody has looked.
        unswept: true,
        watch,
        no_remote_root,
        hearing: None,
        disk: None,
        listings: None,
        looked_at: None,
        calm: None,
        learned: Vec::new(),
        claimed: false,
    };
    if merging {
        meet_anew(&mut session)?;
    }
    take_hold(&mut session, restored, mode)?;
    terms::limit(setup, &session.package);
    Ok(session)
}

fn count_files(synced: &SyncedTree) -> u64 {
    let files = synced.iter().filter(|node| node.file().is_some()).count();
    u64::try_from(files).unwrap_or(u64::MAX)
}

/// The journal's records are about the API at one address.
fn same_api(meta: &Meta, configured: &str) -> Result<(), Halt> {
    match &meta.api_url {
        Some(journal) if journal != configured => Err(Halt::Stop(SafetyStop::OtherApi {
            journal: journal.clone(),
            configured: configured.to_owned(),
        })),
        Some(_) | None => Ok(()),
    }
}

/// Signs in, and makes sure that it is the journal's account before anything else is asked (design A9). Answers which it is.
pub(super) async fn sign_in(setup: &Setup, known: Option<&str>, api_url: &str) -> Result<String, Halt> {
    let account = setup.client.account_id().await;
    let account = account
        .map_err(|error| not_signed_in(&error, api_url))?
        .to_string();
    if let Some(journal_says) = known.filter(|id| *id != account) {
        let stop = SafetyStop::OtherAccount {
            journal: journal_says.to_owned(),
            found: account,
        };
        return Err(Halt::Stop(stop));
    }
    Ok(account)
}

/// The limits of the account; its pair's root is asked about meanwhile.
async fn limits(setup: &Setup, api_url: &str, account: &Account) -> Result<api::Package, Halt> {
    let package = setup.client.account_package();
    let (package, ()) = futures_util::future::join(package, account.ask_root()).await;
    package.map_err(|error| not_signed_in(&error, api_url))
}

fn not_signed_in(error: &api::ApiError, api_url: &str) -> Halt {
    Halt::Error(Box::new(Report::from_sign_in(error, api_url)))
}

pub(super) fn open_root(setup: &Setup, pair: &PairConfig, meta: &Meta) -> Result<Root, Halt> {
    let others = setup.config.pairs.iter().filter(|other| other.name != pair.name);
    let others: Vec<&Path> = others.map(|other| other.local.as_path()).collect();
    Root::open_beside(&pair.local, &others).map_err(|error| {
        if matches!(error, LocalError::Missing(_)) && meta.root_id.is_some() {
            return Halt::Stop(SafetyStop::RootMissing(pair.local.display().to_string()));
        }
        Halt::Error(Box::new(Report::from_root(&pair.local, &error)))
    })
}

/// The marker that is there. In a rebuild, one that is damaged is some marker: it is replaced.
pub(super) fn find_marker(root: &Root, rebuilding: bool) -> Result<Option<Marker>, Halt> {
    match marker::read(root) {
        Err(LocalError::Damaged { .. }) if rebuilding => Ok(None),
        Err(error) => Err(Halt::Stop(SafetyStop::MarkerForeign(error.to_string()))),
        Ok(found) => Ok(found),
    }
}

/// A folder that was synced before must show this pair's marker, of this generation (or of the next one: the marker is
/// raised before the journal).
pub(super) fn check_marker(found: Option<&Marker>, meta: &Meta) -> Result<(), SafetyStop> {
    let Some(ours) = &meta.root_id else {
        // A new journal: whatever marker is there is replaced, and the first merge deletes nothing.
        return Ok(());
    };
    let stop = match found {
        None => SafetyStop::MarkerMissing,
        Some(marker) if marker.root_id != *ours => {
            SafetyStop::MarkerForeign("it belongs to another pair or journal".to_owned())
        }
        Some(marker) if marker.generation < meta.generation => SafetyStop::MarkerOlder {
            found: marker.generation,
            journal: meta.generation,
        },
        Some(marker) if marker.generation > meta.generation.saturating_add(1) => SafetyStop::MarkerForeign(
            "it is of a later generation than the journal: an old state directory was restored".to_owned(),
        ),
        Some(_) => return Ok(()),
    };
    Err(stop)
}

/// Who let this older folder in; the stop itself where nobody did.
fn let_in(journal: &Journal, stop: SafetyStop, pair: &PairConfig) -> Result<String, Halt> {
    let by = memo::older_allowed_by(journal, &stop).map_err(|error| journal_failed(&error, &pair.name))?;
    by.ok_or(Halt::Stop(stop))
}

/// A restored backup was let in: the two sides meet as if for the first time, so that nothing of the older state is
/// taken for a deletion (design §6, history H08). Records of before say nothing about this folder.
fn start_over(session: &mut Session, allowed_by: String) -> Result<(), Halt> {
    let nodes: Vec<NodeId> = session.synced.iter().map(|node| node.id).collect();
    let mut changes: Vec<Change> = nodes.into_iter().map(Change::Forget).collect();
    changes.push(Change::History(HistoryEntry {
        at: session.now(),
        pass: session.meta.generation,
        side: Side::Local,
        action: "merge without deleting".to_owned(),
        path: String::new(),
        to: None,
        bytes: None,
        reason: "an older copy of the folder was let in".to_owned(),
        allowed_by: Some(allowed_by),
        deleted_files: 0,
    }));
    session.synced = Arc::default();
    session.files = 0;
    session.approvals.clear();
    session
        .journal
        .commit(&changes)
        .map_err(|error| session.broken(&error))
}

/// Nothing is on record of a folder that was synced before: until a pass came through, neither version of anything loses.
fn meet_anew(session: &mut Session) -> Result<(), Halt> {
    session.policy.conflict = ConflictPolicy::KeepBoth;
    memo::begin_rebuild(&mut session.journal).map_err(|error| session.broken(&error))
}

/// Every check has passed: what must be written before anything else is.
fn take_hold(session: &mut Session, restored: Option<String>, mode: Mode) -> Result<(), Halt> {
    let is_restored = restored.is_some();
    if let Some(by) = restored {
        start_over(session, by)?;
    }
    if mode == Mode::Write {
        claim(session)?;
    }
    // Only now: killed before, the next start meets the same older folder, and still may let it in.
    if is_restored {
        memo::consume_older(&mut session.journal).map_err(|error| session.broken(&error))?;
    }
    Ok(())
}

/// Raises the generation, in the marker first, then in the journal (design §6).
fn claim(session: &mut Session) -> Result<(), Halt> {
    let root_id = match &session.meta.root_id {
        Some(id) => id.clone(),
        None => super::clock::random_id(),
    };
    let generation = session.meta.generation.saturating_add(1);
    let marker = Marker {
        root_id: root_id.clone(),
        generation,
        journal: format!("{:08x}", session.meta.journal_id),
    };
    marker::write(&session.root, &marker)
        .map_err(|error| Halt::Error(Box::new(Report::from_root(&session.pair.local, &error))))?;
    session.meta.root_id = Some(root_id);
    session.meta.generation = generation;
    session.claimed = true;
    session
        .journal
        .set_meta(session.meta.clone())
        .and_then(|()| memo::note_place(&mut session.journal, &session.root))
        .map_err(|error| session.broken(&error))
}

/// Where the remote root is at the first start.
pub(super) enum FirstRoot {
    /// There; `None` is the account's top.
    There(Option<FolderId>),
    /// Nowhere yet; a real run makes it.
    NotYet,
}

/// The remote root at the first start: by path, made when missing, or by id.
pub(super) async fn first_root(
    setup: &Setup,
    pair: &PairConfig,
    mode: Mode,
    api_url: &str,
) -> Result<FirstRoot, Halt> {
    let fatal = |error: &api::ApiError| Halt::Error(Box::new(Report::from_api(error, api_url)));
    let path = match &pair.remote {
        RemoteSpec::Path(path) => path,
        RemoteSpec::Id(id) => {
            let id = FolderId::new(*id)
                .ok_or_else(|| Halt::Error(Box::new(Report::remote_root(pair, "0 is not a folder's id"))))?;
            let account = Account::new(setup.client.clone(), None, BTreeMap::new());
            return match account.life(id).await {
                (_, Some(row))
                    if !matches!(row.state, Some(api::RowState::Trash | api::RowState::Deleted)) =>
                {
                    Ok(FirstRoot::There(Some(id)))
                }
                _ => Err(Halt::Error(Box::new(Report::remote_root(
                    pair,
                    "there is no live folder of this id",
                )))),
            };
        }
    };
    match find(
        &setup.client,
        path,
        mode == Mode::Write,
        setup.config.timing.look_again,
    )
    .await
    {
        Ok(root) => Ok(FirstRoot::There(root)),
        Err(Missing::NotThere) => Ok(FirstRoot::NotYet),
        Err(Missing::Mangled { wanted, stored }) => Err(Halt::Error(Box::new(Report::remote_root(
            pair,
            &format!("the server stored the folder \"{wanted}\" as \"{stored}\"; choose a plainer name"),
        )))),
        Err(Missing::Failed(Failure::Fatal(error))) => Err(fatal(&error)),
        Err(Missing::Failed(failure)) => Err(Halt::Error(Box::new(Report::remote_root(
            pair,
            &failure.to_string(),
        )))),
    }
}
