//! Watches a pair's folder: tells that something below it changed, and where. A change is a reason to scan, never a fact
//! that is believed.
//!
//! Where not all can be watched (the kernel's limit, an overflow) it says so, and the pair scans instead. Our own corner of
//! the folder is not a change. New folders are watched before the scan that follows, so that nothing in them is missed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::time::Instant;

use super::ear::{Batch, Ear, is_folder};

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

/// The watch of one pair's folder.
pub(crate) struct Watch {
    ear: Arc<Ear>,
    watcher: Option<RecommendedWatcher>,
    how: How,
    tried: Option<Instant>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// Of this folder; nothing is watched yet.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            ear: Arc::new(Ear::new(root)),
            watcher: None,
            how: How::NotYet,
            tried: None,
        }
    }

    /// Before a pass: watches what is not watched yet, and answers what changed. Events from here on are for the pass
    /// after. A watch that failed is tried again after `rescan`.
    pub(crate) async fn before_pass(&mut self, rescan: Duration) -> Batch {
        let seen = std::mem::take(&mut *self.ear.seen());
        if seen.lost {
            self.watcher = None;
            self.how = How::NotYet;
        }
        if seen.limited {
            self.how = How::Limited;
        }
        let mut batch = seen.batch;
        let due = self.tried.is_none_or(|tried| tried.elapsed() >= rescan);
        let begin = match self.how {
            How::NotYet | How::Failed(_) => true,
            // Finding the limit again costs a look at every folder.
            How::Limited => due,
            How::Watching => false,
        };
        if begin {
            batch.everything = true;
            self.begin().await;
        } else if !seen.folders.is_empty() && self.how == How::Watching {
            self.follow(seen.folders).await;
        }
        batch
    }

    /// For people: `watching`, or why not, with what to do.
    pub(crate) fn text(&self, rescan: Duration) -> String {
        let instead = format!(
            "it is scanned every {} s and at each poll instead",
            rescan.as_secs()
        );
        match &self.how {
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
        self.how == How::Watching
    }

    /// Waits until something changed; at once if it did since [`before_pass`](Self::before_pass).
    pub(crate) async fn changed(&self) {
        while self.ear.seen().last.is_none() {
            self.ear.rung().await;
        }
    }

    /// Waits until nothing changed for `quiet`, or it went on for long.
    pub(crate) async fn settled(&self, quiet: Duration) {
        let quiet = quiet.max(QUIET_MIN);
        let longest = quiet.saturating_mul(QUIET_PERIODS).min(BURST_MAX).max(quiet);
        loop {
            let (first, last) = {
                let seen = self.ear.seen();
                (seen.first, seen.last)
            };
            let (Some(first), Some(last)) = (first, last) else {
                return;
            };
            let Some(end) = last.checked_add(quiet).min(first.checked_add(longest)) else {
                return;
            };
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }

    async fn begin(&mut self) {
        self.tried = Some(Instant::now());
        self.watcher = None;
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
                self.watcher = Some(watcher);
                self.how = How::Watching;
            }
            Some(Err(error)) => self.how = how(&error),
            None => self.how = How::Failed("its thread broke off".to_owned()),
        }
    }

    /// Watches folders that are new at their place. The watcher does so too, but somewhat later, and gives up on a folder
    /// in which one vanishes meanwhile.
    async fn follow(&mut self, folders: BTreeSet<PathBuf>) {
        let Some(mut watcher) = self.watcher.take() else {
            return;
        };
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
            Some((watcher, Ok(()))) => self.watcher = Some(watcher),
            Some((watcher, Err(error))) => {
                // What is watched goes on to be.
                self.watcher = Some(watcher);
                self.tried = Some(Instant::now());
                self.how = how(&error);
            }
            None => self.how = How::Failed("its thread broke off".to_owned()),
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

    use notify::event::{CreateKind, EventKind, RemoveKind};

    use super::*;

    const RESCAN: Duration = Duration::from_secs(3600);

    fn event(kind: EventKind, path: impl Into<PathBuf>) -> notify::Result<notify::Event> {
        Ok(notify::Event::new(kind).add_path(path.into()))
    }

    const CREATED: EventKind = EventKind::Create(CreateKind::File);

    #[tokio::test]
    async fn the_limit_of_the_kernel_is_told_with_what_to_do_and_the_folder_is_scanned_instead() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(home.path());
        watch.before_pass(RESCAN).await;
        assert_eq!(watch.text(RESCAN), "watching");
        watch.ear.hear(Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
        watch.changed().await;
        assert!(watch.before_pass(RESCAN).await.everything);
        assert!(!watch.is_whole());
        let text = watch.text(RESCAN);
        assert!(
            text.contains("fs.inotify.max_user_watches") && text.contains("3600 s"),
            "{text}"
        );
        // It is tried again when a scan is due.
        watch.before_pass(RESCAN).await;
        assert!(!watch.is_whole());
        watch.before_pass(Duration::ZERO).await;
        assert!(watch.is_whole());
    }

    #[tokio::test]
    async fn a_new_folder_is_watched_before_the_scan_that_follows() {
        let home = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(home.path());
        assert!(watch.before_pass(RESCAN).await.everything, "nobody looked before");
        let deep = home.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        watch.changed().await;
        watch.settled(Duration::ZERO).await;
        let batch = watch.before_pass(RESCAN).await;
        assert!(batch.paths.contains(&home.path().join("a")), "{batch:?}");
        let file = deep.join("file");
        fs::write(&file, "x").unwrap();
        loop {
            watch.changed().await;
            if watch.before_pass(RESCAN).await.paths.contains(&file) {
                break;
            }
        }
        assert!(watch.is_whole());
    }

    #[tokio::test]
    async fn a_folder_that_comes_back_is_watched_again() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        let mut watch = Watch::new(&root);
        watch.before_pass(RESCAN).await;
        assert!(!watch.is_whole() && watch.text(RESCAN).contains("not watched"));
        fs::create_dir(&root).unwrap();
        watch.before_pass(RESCAN).await;
        assert!(watch.is_whole());
        fs::rename(&root, home.path().join("away")).unwrap();
        fs::create_dir(&root).unwrap();
        watch.changed().await;
        assert!(watch.before_pass(RESCAN).await.everything);
        fs::write(root.join("file"), "x").unwrap();
        watch.changed().await;
        let removed = event(EventKind::Remove(RemoveKind::Folder), &*root);
        watch.ear.hear(removed);
        assert!(watch.ear.seen().lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_over_when_it_is_quiet_and_one_that_goes_on_is_looked_at_all_the_same() {
        let quiet = Duration::from_secs(1);
        let watch = Watch::new(Path::new("/r"));
        let begun = Instant::now();
        watch.settled(quiet).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing changed");
        watch.ear.hear(event(CREATED, "/r/a"));
        watch.settled(quiet).await;
        assert_eq!(begun.elapsed().as_secs(), 1);
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
