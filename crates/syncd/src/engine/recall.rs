//! What a pass leaves to the next one of the same process: the merge base, the newest scan and the newest listings, so that
//! one change costs one look.
//!
//! Never here: anything believed that somebody else could have changed meanwhile. The journal must be as this process closed
//! it, the folder must bear its marker, and what changed on the disk since must have been heard; otherwise the pair is opened
//! and looked at as at a start.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use planner::path::RelPath;
use planner::policy::{ConflictPolicy, Policy};
use planner::tree::SyncedTree;
use state::{Journal, JournalError, Meta, Seal};
use tokio::time::Instant;

use super::calm::Calm;
use super::open::{Halt, Mode, Session, journal_failed};
use super::sight::Disk;
use super::{Setup, Sink, clock, conflicts, memo, open};
use crate::config::PairConfig;
use crate::local::{Root, marker};
use crate::remote::account::Account;
use crate::remote::listings::Listings;

/// What changed on this disk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Heard {
    /// Where, as far as known.
    pub(crate) changed: BTreeSet<RelPath>,
    /// Files among them whose writers were seen to close them.
    pub(crate) closed: BTreeSet<RelPath>,
    /// Folders among them in which changes are heard of only from now on: all of what is in them is looked at.
    pub(crate) anew: BTreeSet<RelPath>,
    /// Folders among them that moved, where they are now: all changes in them are heard of, before and after.
    pub(crate) moved: BTreeSet<RelPath>,
    /// Somewhere else too.
    pub(crate) everything: bool,
}

/// Who hears of changes on this disk.
pub(crate) trait Hearing: Send + Sync {
    /// What changed since it was asked last; `surely`: with all that happened before it was asked now (design S11). What is
    /// not told now is told next time.
    fn heard(&self, surely: bool) -> BoxFuture<'_, Heard>;

    /// Whether no folder moved since [`heard`](Self::heard) was asked last, by all that happened before this is asked. Nothing
    /// is told by that.
    fn stays(&self) -> BoxFuture<'_, bool>;
}

/// What a pass looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// At everything.
    All,
    /// At what changed on this disk and, if that is anything, at its like in the account.
    Changed,
    /// At what changed on this disk, and at the folders of the account whose turn it is (design S6).
    Due {
        /// Each folder's turn comes within this.
        full: Duration,
        /// The next chance comes after this.
        next: Duration,
    },
}

/// What is known from pass to pass.
#[derive(Default)]
pub(crate) struct Recall {
    hearing: Option<Arc<dyn Hearing>>,
    kept: Option<Kept>,
}

struct Kept {
    seal: Seal,
    opened: Instant,
    session: Idle,
}

impl std::fmt::Debug for Recall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recall")
            .field("keeps", &self.kept.is_some())
            .finish_non_exhaustive()
    }
}

impl Recall {
    /// With somebody who hears what changes.
    pub(crate) fn with(hearing: Arc<dyn Hearing>) -> Self {
        Self {
            hearing: Some(hearing),
            ..Self::default()
        }
    }

    /// Opens the pair: as it was left, if nobody was at it since.
    pub(super) async fn open(
        &mut self,
        setup: &Setup,
        pair: &PairConfig,
        mode: Mode,
        sink: Arc<dyn Sink>,
    ) -> Result<(Session, Instant), Halt> {
        let kept = self.kept.take().filter(|_| mode == Mode::Write);
        let mut old = None;
        if let Some(Kept {
            seal,
            opened,
            session,
        }) = kept
        {
            if opened.elapsed() >= pair.local_scan_interval {
                old = session.listings;
            } else if let Some(session) = wake(setup, pair, Arc::clone(&sink), &seal, session)? {
                return Ok((session, opened));
            }
        }
        let mut session = open::open(setup, pair, mode, sink).await?;
        session.hearing = self.hearing.clone();
        session.listings = old.filter(|listings| listings.are_of(session.account.root));
        Ok((session, Instant::now()))
    }

    /// Keeps a session whose pass came to its end.
    pub(super) fn keep(&mut self, session: Session, opened: Instant) {
        if self.hearing.is_none() {
            return;
        }
        let (journal, session) = Idle::of(session);
        self.kept = Some(Kept {
            seal: journal.seal(),
            opened,
            session,
        });
    }
}

/// A session without its journal, between two passes of a process.
struct Idle {
    pair: PairConfig,
    api_url: String,
    meta: Meta,
    synced: Arc<SyncedTree>,
    files: u64,
    root: Root,
    account: Arc<Account>,
    package: api::Package,
    policy: Policy,
    unswept: bool,
    hearing: Option<Arc<dyn Hearing>>,
    disk: Option<Disk>,
    listings: Option<Listings>,
    looked_at: Option<i64>,
    calm: Option<Calm>,
}

impl Idle {
    /// What is left of a session, and its journal.
    fn of(session: Session) -> (Journal, Self) {
        let idle = Self {
            pair: session.pair,
            api_url: session.api_url,
            meta: session.meta,
            synced: session.synced,
            files: session.files,
            root: session.root,
            account: session.account,
            package: session.package,
            policy: session.policy,
            unswept: session.unswept,
            hearing: session.hearing,
            disk: session.disk,
            listings: session.listings,
            looked_at: session.looked_at,
            calm: session.calm,
        };
        (session.journal, idle)
    }
}

/// Goes on with a session of this process. `None`: somebody was at the journal or the folder meanwhile, or the pair is
/// another.
fn wake(
    setup: &Setup,
    pair: &PairConfig,
    sink: Arc<dyn Sink>,
    seal: &Seal,
    idle: Idle,
) -> Result<Option<Session>, Halt> {
    if idle.pair != *pair || idle.root.check().is_err() {
        return Ok(None);
    }
    let broken = |error: &JournalError| journal_failed(error, &pair.name);
    let dir = setup.config.pair_dir(&pair.name);
    let (journal, same) = clock::reopen(&dir, seal).map_err(|error| broken(&error))?;
    let marker = marker::read(&idle.root);
    let ours = marker.is_ok_and(|found| {
        found.is_some_and(|found| {
            idle.meta.root_id == Some(found.root_id) && found.generation == idle.meta.generation
        })
    });
    if !same || !ours {
        return Ok(None);
    }
    let begun = !journal.open_intents().map_err(|error| broken(&error))?.is_empty();
    // What the last pass itself changed in the journal.
    let approvals = journal.approvals().map_err(|error| broken(&error))?;
    let kept_copies = conflicts::kept_copies(&journal, &idle.synced);
    let rebuilding = memo::rebuilding(&journal).map_err(|error| broken(&error))?;
    let conflict = if rebuilding {
        ConflictPolicy::KeepBoth
    } else {
        pair.conflict
    };
    let policy = Policy {
        kept_copies: kept_copies.map_err(|error| broken(&error))?,
        conflict,
        ..idle.policy
    };
    let mut session = Session {
        pair: idle.pair,
        timing: setup.config.timing.clone(),
        adopt_at_once: setup.config.adopt_at_once,
        api_url: idle.api_url,
        sink,
        stop: setup.stop.clone(),
        journal,
        meta: idle.meta,
        synced: idle.synced,
        aside: None,
        files: idle.files,
        approvals,
        root: idle.root,
        account: idle.account,
        package: idle.package,
        policy,
        noted: Vec::new(),
        unswept: idle.unswept,
        watch: clock::Watch::start(),
        no_remote_root: false,
        hearing: idle.hearing,
        disk: idle.disk,
        listings: idle.listings,
        looked_at: idle.looked_at,
        calm: idle.calm,
        learned: Vec::new(),
        claimed: false,
    };
    if begun {
        session.claim_once()?;
    }
    Ok(Some(session))
}
