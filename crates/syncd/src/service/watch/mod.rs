//! Watches a pair's folder: tells that something below it changed, and where. A change is a reason to scan, never a fact
//! that is believed.
//!
//! Where not all can be watched (the kernel's limit, an overflow) it says so, and the pair scans instead. Our own corner of
//! the folder is not a change. New folders are watched before the scan that follows, so that nothing in them is missed.
//!
//! `ear` gathers what a backend tells as `news`. The backend of Linux is `inotify`: `reader` understands events, `cover`
//! finds and watches folders, `tree` (pure) knows which is where. `others` is that of other systems.

#[cfg(target_os = "linux")]
mod cover;
mod ear;
mod gather;
#[cfg(target_os = "linux")]
mod inotify;
mod news;
#[cfg(any(not(target_os = "linux"), test))]
mod others;
mod paths;
#[cfg(target_os = "linux")]
mod reader;
#[cfg(target_os = "linux")]
mod tree;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use planner::path::RelPath;
use tokio::time::Instant;

use self::ear::{Batch, Ear};
#[cfg(target_os = "linux")]
use self::inotify::begin;
#[cfg(not(target_os = "linux"))]
use self::others::begin;
use crate::engine::{Heard, Hearing};
use crate::local::bell;
use crate::local::root::AREA;

/// Shortest silence that ends a burst: an editor's save is several events.
const QUIET_MIN: Duration = Duration::from_millis(100);

/// A burst that does not end is looked at after so many quiet periods ...
const QUIET_PERIODS: u32 = 10;

/// ... and at the latest after this.
const BURST_MAX: Duration = Duration::from_secs(30);

/// Who watches a folder and tells the ear, until it is dropped.
trait Backend: Send {
    /// Watches folders that were told of, where that is not done before they are.
    fn follow(&mut self, _folders: &BTreeSet<PathBuf>) -> Result<(), Trouble> {
        Ok(())
    }
}

/// Watches the ear's folder with all below it.
type Begin = fn(&Arc<Ear>) -> Result<Box<dyn Backend>, Trouble>;

/// Why a folder is not watched, or not all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Trouble {
    /// The kernel's limit is reached.
    Limited,
    Failed(String),
}

/// How a folder is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
enum How {
    NotYet,
    Watching,
    /// The kernel's limit is reached.
    Limited,
    Failed(String),
}

/// What a look begins with.
#[derive(Debug)]
struct Before {
    /// What changed.
    batch: Batch,
    /// The files among it that nobody is writing to.
    closed: BTreeSet<PathBuf>,
    /// Folders that are watched only from now on.
    anew: BTreeSet<PathBuf>,
    /// Folders that moved, and are watched as before.
    moved: BTreeSet<PathBuf>,
}

/// A sign that is not heard within this is not heard at all: events may be lost, and everything is scanned.
const SIGN_MAX: Duration = Duration::from_secs(10);

/// The watch of one pair's folder.
pub(crate) struct Watch {
    ear: Arc<Ear>,
    rescan: Duration,
    begin: Begin,
    state: tokio::sync::Mutex<State>,
    /// For others, without waiting.
    how: Mutex<How>,
}

struct State {
    watcher: Option<Box<dyn Backend>>,
    tried: Option<Instant>,
    signs: u64,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("how", &self.how())
            .finish_non_exhaustive()
    }
}

impl Hearing for Watch {
    fn heard(&self, surely: bool) -> BoxFuture<'_, Heard> {
        Box::pin(async move {
            let heard = self.before_look(surely).await;
            let root = self.ear.root();
            let below = |path: &PathBuf| RelPath::parse(path.strip_prefix(root).ok()?.to_str()?);
            let relative = |paths: &BTreeSet<PathBuf>| paths.iter().filter_map(below).collect();
            let changed: BTreeSet<RelPath> = relative(&heard.batch.paths);
            Heard {
                // A name that is not text: only a scan tells of it.
                everything: heard.batch.everything || changed.len() < heard.batch.paths.len(),
                changed,
                closed: relative(&heard.closed),
                anew: relative(&heard.anew),
                moved: relative(&heard.moved),
            }
        })
    }

    fn stays(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let mut state = self.state.lock().await;
            self.how() == How::Watching && self.sign(&mut state).await && self.ear.stays()
        })
    }
}

impl Watch {
    /// Of this folder; nothing is watched yet. A watch that failed is tried again after `rescan`.
    pub(crate) fn new(root: &Path, rescan: Duration) -> Self {
        Self::by(root, rescan, begin)
    }

    fn by(root: &Path, rescan: Duration, begin: Begin) -> Self {
        Self {
            ear: Arc::new(Ear::new(root)),
            rescan,
            begin,
            state: tokio::sync::Mutex::new(State {
                watcher: None,
                tried: None,
                signs: 0,
            }),
            how: Mutex::new(How::NotYet),
        }
    }

    fn how(&self) -> How {
        self.how.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_how(&self, how: How) {
        *self.how.lock().unwrap_or_else(PoisonError::into_inner) = how;
    }

    /// Before a look: watches what is not watched yet, and answers what changed. Events from here on are for the look after.
    async fn before_look(&self, surely: bool) -> Before {
        let mut state = self.state.lock().await;
        let signed = match self.how() {
            How::Watching => !surely || self.sign(&mut state).await,
            How::NotYet | How::Limited | How::Failed(_) => false,
        };
        let (seen, closed) = self.ear.take();
        if seen.lost {
            state.watcher = None;
            self.set_how(How::NotYet);
        }
        if seen.limited {
            self.set_how(How::Limited);
        }
        let mut batch = seen.batch;
        batch.everything |= !signed;
        let due = state.tried.is_none_or(|tried| tried.elapsed() >= self.rescan);
        let begin = match self.how() {
            How::NotYet | How::Failed(_) => true,
            // Finding the limit again costs a look at every folder.
            How::Limited => due,
            How::Watching => false,
        };
        batch.everything |= begin;
        if begin {
            self.begin(&mut state).await;
        } else if !seen.folders.is_empty() && self.how() == How::Watching {
            self.follow(&mut state, &seen.folders).await;
        }
        batch.everything |= self.how() != How::Watching;
        Before {
            batch,
            closed,
            anew: seen.folders,
            moved: seen.moved,
        }
    }

    /// Makes sure that everything that happened by now is heard (design S11).
    async fn sign(&self, state: &mut State) -> bool {
        state.signs = state.signs.wrapping_add(1);
        let name = format!("heard-{}", state.signs);
        let root = self.ear.root().to_owned();
        self.ear.await_sign(root.join(AREA).join(&name));
        let rung = crate::blocking::run(move || bell::ring(&root, &name)).await;
        if !matches!(rung, Some(Ok(()))) {
            return false;
        }
        let heard = tokio::time::timeout(SIGN_MAX, self.ear.signed()).await.is_ok();
        if !heard {
            state.watcher = None;
            self.set_how(How::NotYet);
        }
        heard
    }

    /// For people: `watching`, or why not, with what to do.
    pub(crate) fn text(&self) -> String {
        let instead = format!(
            "it is scanned every {} s and at each poll instead",
            self.rescan.as_secs()
        );
        match self.how() {
            How::NotYet => "not watched yet".to_owned(),
            How::Watching => "watching".to_owned(),
            How::Limited => format!(
                "not all of the folder is watched: the kernel's limit is reached; {instead}. Next: raise \
                 fs.inotify.max_user_watches, as in \"sysctl fs.inotify.max_user_watches=524288\"; it is tried again by \
                 itself"
            ),
            How::Failed(why) => {
                format!("the folder is not watched: {why}; {instead}, and watching is tried again each time")
            }
        }
    }

    /// Whether every change is seen.
    pub(crate) fn is_whole(&self) -> bool {
        self.how() == How::Watching
    }

    /// Waits until something changed; at once if it did since the last look.
    pub(crate) async fn changed(&self) {
        while self.ear.heard().is_none() {
            self.ear.rung().await;
        }
    }

    /// Waits until what changed can be looked at: no writer is at it, or nothing changed for `quiet`, or it went on for
    /// long.
    pub(crate) async fn settled(&self, quiet: Duration) {
        let quiet = quiet.max(QUIET_MIN);
        let longest = quiet.saturating_mul(QUIET_PERIODS).min(BURST_MAX).max(quiet);
        loop {
            let Some((first, last)) = self.ear.heard() else {
                return;
            };
            let silence = if self.ear.is_writing() { quiet } else { QUIET_MIN };
            let Some(end) = last.checked_add(silence).min(first.checked_add(longest)) else {
                return;
            };
            let now = Instant::now();
            if end <= now {
                return;
            }
            // Its writer may close the file long before it would count as quiet.
            tokio::time::sleep_until(now.checked_add(QUIET_MIN).map_or(end, |soon| soon.min(end))).await;
        }
    }

    async fn begin(&self, state: &mut State) {
        state.tried = Some(Instant::now());
        state.watcher = None;
        let ear = Arc::clone(&self.ear);
        let begin = self.begin;
        let begun = crate::blocking::run(move || begin(&ear));
        match begun.await {
            Some(Ok(watcher)) => {
                state.watcher = Some(watcher);
                self.set_how(How::Watching);
            }
            Some(Err(trouble)) => self.set_how(trouble.into()),
            None => self.set_how(How::Failed("its thread broke off".to_owned())),
        }
    }

    /// Before folders are looked at that were told of.
    async fn follow(&self, state: &mut State, folders: &BTreeSet<PathBuf>) {
        let Some(mut watcher) = state.watcher.take() else {
            return;
        };
        let folders = folders.clone();
        let done = crate::blocking::run(move || {
            let covered = watcher.follow(&folders);
            (watcher, covered)
        });
        match done.await {
            Some((watcher, Ok(()))) => state.watcher = Some(watcher),
            Some((watcher, Err(trouble))) => {
                // What is watched goes on to be.
                state.watcher = Some(watcher);
                state.tried = Some(Instant::now());
                self.set_how(trouble.into());
            }
            None => self.set_how(How::Failed("its thread broke off".to_owned())),
        }
    }
}

impl From<Trouble> for How {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Limited => Self::Limited,
            Trouble::Failed(why) => Self::Failed(why),
        }
    }
}

#[cfg(test)]
mod tests;
