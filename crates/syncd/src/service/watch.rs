//! Watches a pair's folder: tells that something below it changed, and where. A change is a reason to scan, never a fact
//! that is believed.
//!
//! Where not all can be watched (the kernel's limit, an overflow) it says so, and the pair scans instead. Our own corner of
//! the folder is not a change. New folders are watched before the scan that follows, so that nothing in them is missed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use planner::path::RelPath;
use tokio::time::Instant;

use super::ear::{Batch, Ear, is_folder};
use crate::engine::{Heard, Hearing};
use crate::local::bell;
use crate::local::root::AREA;

/// Shortest silence that ends a burst: an editor's save is several events.
const QUIET_MIN: Duration = Duration::from_millis(100);

/// A burst that does not end is looked at after so many quiet periods ...
const QUIET_PERIODS: u32 = 10;

/// ... and at the latest after this.
const BURST_MAX: Duration = Duration::from_secs(30);

/// Tries to watch a new folder in which others appear and vanish meanwhile.
const TRIES: u32 = 5;

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
}

/// A sign that is not heard within this is not heard at all: events may be lost, and everything is scanned.
const SIGN_MAX: Duration = Duration::from_secs(10);

/// The watch of one pair's folder.
pub(crate) struct Watch {
    ear: Arc<Ear>,
    rescan: Duration,
    state: tokio::sync::Mutex<State>,
    /// For others, without waiting.
    how: Mutex<How>,
}

struct State {
    watcher: Option<RecommendedWatcher>,
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
                moved: BTreeSet::new(),
            }
        })
    }
}

impl Watch {
    /// Of this folder; nothing is watched yet. A watch that failed is tried again after `rescan`.
    pub(crate) fn new(root: &Path, rescan: Duration) -> Self {
        Self {
            ear: Arc::new(Ear::new(root)),
            rescan,
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
            How::Failed(why) => format!("the folder is not watched: {why}; {instead}"),
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
        let begun = crate::blocking::run(move || {
            let root = ear.root().to_owned();
            let hear = move |event| ear.hear(event);
            let mut watcher = RecommendedWatcher::new(hear, Config::default().with_follow_symlinks(false))?;
            cover(&mut watcher, &root)?;
            Ok(watcher)
        });
        match begun.await {
            Some(Ok(watcher)) => {
                state.watcher = Some(watcher);
                self.set_how(How::Watching);
            }
            Some(Err(error)) => self.set_how(how(&error)),
            None => self.set_how(How::Failed("its thread broke off".to_owned())),
        }
    }

    /// Watches folders that are new at their place. The watcher does so too, but somewhat later, and gives up on a folder
    /// in which one vanishes meanwhile.
    async fn follow(&self, state: &mut State, folders: &BTreeSet<PathBuf>) {
        let Some(mut watcher) = state.watcher.take() else {
            return;
        };
        let folders = folders.clone();
        let done = crate::blocking::run(move || {
            let covered = folders
                .iter()
                .try_for_each(|folder| match cover(&mut watcher, folder) {
                    // Gone by now: nothing is left to be watched.
                    Err(_) if !is_folder(folder) => Ok(()),
                    covered => covered,
                });
            (watcher, covered)
        });
        match done.await {
            Some((watcher, Ok(()))) => state.watcher = Some(watcher),
            Some((watcher, Err(error))) => {
                // What is watched goes on to be.
                state.watcher = Some(watcher);
                state.tried = Some(Instant::now());
                self.set_how(how(&error));
            }
            None => self.set_how(How::Failed("its thread broke off".to_owned())),
        }
    }
}

fn how(error: &notify::Error) -> How {
    match &error.kind {
        ErrorKind::MaxFilesWatch => How::Limited,
        ErrorKind::Io(cause) if cause.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            How::Failed(format!("{cause}; raise fs.inotify.max_user_instances"))
        }
        ErrorKind::Io(cause) => How::Failed(cause.to_string()),
        ErrorKind::Generic(_)
        | ErrorKind::PathNotFound
        | ErrorKind::WatchNotFound
        | ErrorKind::InvalidConfig(_) => How::Failed(error.to_string()),
    }
}

/// Watches a folder with all below it; fails if it is none, or not any more.
fn cover(watcher: &mut RecommendedWatcher, folder: &Path) -> notify::Result<()> {
    let mut tries = TRIES;
    loop {
        tries = tries.saturating_sub(1);
        match watcher.watch(folder, RecursiveMode::Recursive) {
            Ok(()) => return Ok(()),
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => return Err(error),
            Err(error) if tries == 0 || !is_folder(folder) => return Err(error),
            // Something below it vanished meanwhile.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, RemoveKind};

    use super::*;

    const RESCAN: Duration = Duration::from_secs(3600);

    fn event(kind: EventKind, path: impl Into<PathBuf>) -> notify::Result<notify::Event> {
        Ok(notify::Event::new(kind).add_path(path.into()))
    }

    const CREATED: EventKind = EventKind::Create(CreateKind::File);

    #[tokio::test]
    async fn the_limit_of_the_kernel_is_told_with_what_to_do_and_the_folder_is_scanned_instead() {
        let home = tempfile::tempdir().unwrap();
        let watch = Watch::new(home.path(), RESCAN);
        watch.before_look(false).await;
        assert_eq!(watch.text(), "watching");
        watch.ear.hear(Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
        watch.changed().await;
        assert!(watch.before_look(false).await.batch.everything);
        assert!(!watch.is_whole());
        let text = watch.text();
        assert!(
            text.contains("fs.inotify.max_user_watches") && text.contains("3600 s"),
            "{text}"
        );
        // It is tried again when a scan is due.
        watch.before_look(false).await;
        assert!(!watch.is_whole());
        watch.state.lock().await.tried = None;
        watch.before_look(false).await;
        assert!(watch.is_whole());
    }

    #[tokio::test]
    async fn a_new_folder_is_watched_before_the_scan_that_follows() {
        let home = tempfile::tempdir().unwrap();
        let watch = Watch::new(home.path(), RESCAN);
        assert!(
            watch.before_look(false).await.batch.everything,
            "nobody looked before"
        );
        let deep = home.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        watch.changed().await;
        watch.settled(Duration::ZERO).await;
        let batch = watch.before_look(false).await.batch;
        assert!(batch.paths.contains(&home.path().join("a")), "{batch:?}");
        let file = deep.join("file");
        fs::write(&file, "x").unwrap();
        loop {
            watch.changed().await;
            if watch.before_look(false).await.batch.paths.contains(&file) {
                break;
            }
        }
        assert!(watch.is_whole());
    }

    #[tokio::test]
    async fn what_happened_before_it_was_asked_for_is_heard_if_it_must_be() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(AREA)).unwrap();
        let watch = Watch::new(home.path(), RESCAN);
        watch.heard(false).await;
        for number in 0..200 {
            let file = home.path().join(format!("file {number}"));
            fs::write(&file, "x").unwrap();
            if number % 2 == 0 {
                fs::remove_file(&file).unwrap();
            }
            let heard = watch.heard(true).await;
            let path = RelPath::parse(&format!("file {number}")).unwrap();
            assert!(!heard.everything && heard.changed.contains(&path), "{heard:?}");
        }
        fs::remove_dir(home.path().join(AREA)).unwrap();
        assert!(
            watch.heard(true).await.everything,
            "where no sign can be made nothing is sure"
        );
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 100);
    }

    #[tokio::test]
    async fn a_folder_that_comes_back_is_watched_again() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        let watch = Watch::new(&root, RESCAN);
        watch.before_look(false).await;
        assert!(!watch.is_whole() && watch.text().contains("not watched"));
        fs::create_dir(&root).unwrap();
        watch.before_look(false).await;
        assert!(watch.is_whole());
        fs::rename(&root, home.path().join("away")).unwrap();
        fs::create_dir(&root).unwrap();
        watch.changed().await;
        assert!(watch.before_look(false).await.batch.everything);
        fs::write(root.join("file"), "x").unwrap();
        watch.changed().await;
        let removed = event(EventKind::Remove(RemoveKind::Folder), &*root);
        watch.ear.hear(removed);
        assert!(watch.ear.take().0.lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_over_when_it_is_quiet_and_one_that_goes_on_is_looked_at_all_the_same() {
        let quiet = Duration::from_secs(1);
        let watch = Watch::new(Path::new("/r"), RESCAN);
        let begun = Instant::now();
        watch.settled(quiet).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing changed");
        watch.ear.hear(event(CREATED, "/r/a"));
        watch.settled(quiet).await;
        assert_eq!(begun.elapsed().as_secs(), 1);
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        watch.ear.hear(event(close, "/r/a"));
        watch.settled(quiet).await;
        assert_eq!(begun.elapsed(), quiet + QUIET_MIN, "its writer closed it");
        watch.ear.take();
        let begun = Instant::now();
        watch.ear.hear(event(CREATED, "/r/b"));
        let saves = async {
            tokio::time::sleep(quiet / 4).await;
            watch.ear.hear(event(close, "/r/b"));
        };
        tokio::join!(watch.settled(quiet), saves);
        let heard = begun.elapsed() - quiet / 4;
        assert!(heard <= QUIET_MIN * 2, "it was closed {heard:?} ago");
        watch.ear.take();
        let begun = Instant::now();
        let writer = async {
            loop {
                watch.ear.hear(event(CREATED, "/r/a"));
                tokio::time::sleep(quiet / 4).await;
            }
        };
        watch.ear.hear(event(CREATED, "/r/a"));
        tokio::select! {
            () = watch.settled(quiet) => {}
            () = writer => {}
        }
        assert_eq!(begun.elapsed().as_secs(), 10, "from its first event on");
    }
}
