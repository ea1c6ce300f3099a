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
use state::Seal;
use tokio::time::Instant;

use super::open::{Halt, Idle, Mode, Session};
use super::{Setup, Sink, open};
use crate::config::PairConfig;

/// What changed on this disk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Heard {
    /// Where, as far as known.
    pub(crate) changed: BTreeSet<RelPath>,
    /// Files among them whose writers were seen to close them.
    pub(crate) closed: BTreeSet<RelPath>,
    /// Folders among them in which changes are heard of only from now on: all of what is in them is looked at.
    pub(crate) anew: BTreeSet<RelPath>,
    /// Somewhere else too.
    pub(crate) everything: bool,
}

/// Who hears of changes on this disk.
pub(crate) trait Hearing: Send + Sync {
    /// What changed since it was asked last; `surely`: with all that happened before it was asked now (design S11). What is
    /// not told now is told next time.
    fn heard(&self, surely: bool) -> BoxFuture<'_, Heard>;
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
        let old = match kept {
            Some(kept) if kept.opened.elapsed() < pair.local_scan_interval => {
                let opened = kept.opened;
                match open::wake(setup, pair, Arc::clone(&sink), &kept.seal, kept.session)? {
                    Ok(session) => return Ok((session, opened)),
                    Err(_) => None,
                }
            }
            Some(kept) => kept.session.listings,
            None => None,
        };
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
        let (journal, session) = session.rest();
        self.kept = Some(Kept {
            seal: journal.seal(),
            opened,
            session,
        });
    }
}
