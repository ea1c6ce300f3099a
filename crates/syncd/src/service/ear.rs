//! What the watcher says, gathered between two passes: paths, new folders, and whether something was missed.
//!
//! Our own corner of the folder, and who only reads, are no changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::ErrorKind;
use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Paths that are remembered between two passes; beyond it everything counts as changed.
const PATHS_MAX: usize = 10_000;

/// Longer ago than this, a file's stamps tell themselves that it is quiet.
const LATELY: Duration = Duration::from_secs(30);

/// What changed since the last pass.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Batch {
    /// Where, as far as known.
    pub(crate) paths: BTreeSet<PathBuf>,
    /// Somewhere else too: events were lost, or too many.
    pub(crate) everything: bool,
}

/// What was heard since the last pass began.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What changed.
    pub(crate) batch: Batch,
    /// Folders that are new at their place.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// When the first change was heard.
    pub(crate) first: Option<Instant>,
    /// And the last.
    pub(crate) last: Option<Instant>,
    /// The folder itself was moved or removed, or folders may be new of which nothing was heard: all of it is to be watched
    /// anew.
    pub(crate) lost: bool,
    /// The kernel watches no more folders.
    pub(crate) limited: bool,
}

#[derive(Debug, Default)]
struct Inner {
    seen: Seen,
    /// Files that were written to, and that nobody was seen to close since (design S13).
    writing: BTreeSet<PathBuf>,
    /// When something was last heard of a path that nobody was writing to; what is older says nothing any more.
    quiet: BTreeMap<PathBuf, Instant>,
    /// The sign that is waited for, and whether it was heard.
    sign: Option<(PathBuf, bool)>,
}

/// Shared with the watcher's thread.
#[derive(Debug)]
pub(crate) struct Ear {
    root: PathBuf,
    inner: Mutex<Inner>,
    rung: Notify,
    signed: Notify,
}

impl Ear {
    /// For a folder.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            inner: Mutex::default(),
            rung: Notify::new(),
            signed: Notify::new(),
        }
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Waits until something is heard.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Plain values: a panic elsewhere leaves nothing half written.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was heard since this was asked last, and files that nobody is writing to, as far as lately heard.
    pub(crate) fn take(&self) -> (Seen, BTreeSet<PathBuf>) {
        let mut inner = self.inner();
        let Inner {
            seen, writing, quiet, ..
        } = &mut *inner;
        let seen = std::mem::take(seen);
        let now = Instant::now();
        let closed = seen.batch.paths.difference(writing);
        quiet.extend(closed.map(|path| (path.clone(), now)));
        quiet.retain(|path, at| !writing.contains(path) && now.saturating_duration_since(*at) < LATELY);
        (seen, quiet.keys().cloned().collect())
    }

    /// Whether something was heard, since when, and until when.
    pub(crate) fn heard(&self) -> Option<(Instant, Instant)> {
        let inner = self.inner();
        inner.seen.first.zip(inner.seen.last)
    }

    /// Whether somebody is writing to a file that changed.
    pub(crate) fn is_writing(&self) -> bool {
        let inner = self.inner();
        let paths = &inner.seen.batch.paths;
        inner.writing.iter().any(|path| paths.contains(path))
    }

    /// From now on this sign is waited for.
    pub(crate) fn await_sign(&self, path: PathBuf) {
        self.inner().sign = Some((path, false));
    }

    /// Waits until it is heard.
    pub(crate) async fn signed(&self) {
        while !self.inner().sign.as_ref().is_none_or(|(_, heard)| *heard) {
            self.signed.notified().await;
        }
    }

    /// The watcher says this.
    pub(crate) fn hear(&self, event: notify::Result<notify::Event>) {
        let mut inner = self.inner();
        match event {
            Ok(event) => {
                if let Some((path, heard)) = &mut inner.sign
                    && event.paths.contains(path)
                {
                    *heard = true;
                    self.signed.notify_one();
                    return;
                }
                if !self.note(&mut inner, &event) {
                    return;
                }
            }
            Err(error) => {
                inner.seen.limited |= matches!(error.kind, ErrorKind::MaxFilesWatch);
                inner.seen.batch.everything = true;
            }
        }
        let now = Instant::now();
        inner.seen.first.get_or_insert(now);
        inner.seen.last = Some(now);
        drop(inner);
        self.rung.notify_one();
    }

    /// Answers whether it is a change.
    fn note(&self, inner: &mut Inner, event: &notify::Event) -> bool {
        let Inner { seen, writing, .. } = inner;
        if event.need_rescan() {
            seen.batch.everything = true;
            seen.lost = true;
            return true;
        }
        if is_reading(&event.kind) {
            return false;
        }
        let mut changed = false;
        for path in event.paths.iter().filter(|path| !is_ours(&self.root, path)) {
            changed = true;
            if *path == self.root {
                let gone = matches!(
                    event.kind,
                    EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
                );
                seen.lost |= gone;
            }
            let arrived = matches!(
                event.kind,
                EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_))
            );
            if arrived && is_folder(path) {
                seen.folders.insert(path.clone());
            }
            match event.kind {
                EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_))
                    if writing.len() < PATHS_MAX =>
                {
                    writing.insert(path.clone());
                }
                EventKind::Access(_) | EventKind::Remove(_) => {
                    writing.remove(path);
                }
                EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => {}
            }
            if seen.batch.paths.len() < PATHS_MAX {
                seen.batch.paths.insert(path.clone());
            } else {
                seen.batch.everything = true;
            }
        }
        if let (EventKind::Modify(ModifyKind::Name(_)), [from, to]) = (event.kind, &*event.paths) {
            // Who writes goes on writing under the new name.
            if writing.remove(from) {
                writing.insert(to.clone());
            } else {
                writing.remove(to);
            }
        }
        changed
    }
}

/// Somebody read a file, as our own scan does.
const fn is_reading(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => false,
    }
}

/// Ours: `.syncd/` at the root, `.syncd-*` anywhere (design N5).
fn is_ours(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else {
        return true;
    };
    let mut names = below.components().map(|name| name.as_os_str().to_string_lossy());
    let first = names.next();
    first.as_deref() == Some(".syncd")
        || first.iter().any(|name| name.starts_with(".syncd-"))
        || names.any(|name| name.starts_with(".syncd-"))
}

/// A folder, and no link to one.
pub(crate) fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, MetadataKind, RenameMode};

    use super::*;

    fn event(kind: EventKind, path: impl Into<PathBuf>) -> notify::Result<notify::Event> {
        Ok(notify::Event::new(kind).add_path(path.into()))
    }

    const CREATED: EventKind = EventKind::Create(CreateKind::File);

    #[tokio::test]
    async fn what_happens_in_our_own_corner_and_who_only_reads_is_no_change() {
        let ear = Ear::new(Path::new("/r"));
        for path in [
            "/r/.syncd",
            "/r/.syncd/staging/1",
            "/r/docs/.syncd-x",
            "/elsewhere/a",
        ] {
            ear.hear(event(CREATED, path));
        }
        let reading = [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
            AccessKind::Read,
        ];
        for kind in reading {
            ear.hear(event(EventKind::Access(kind), "/r/a"));
        }
        assert!(ear.heard().is_none());
        ear.hear(event(
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            "/r/a",
        ));
        ear.hear(event(
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            "/r/docs/.syncd",
        ));
        let paths: Vec<_> = ear.take().0.batch.paths.into_iter().collect();
        assert_eq!(paths, [Path::new("/r/a"), Path::new("/r/docs/.syncd")]);
    }

    #[tokio::test]
    async fn lost_events_and_too_many_mean_everything() {
        let lost = Ear::new(Path::new("/r"));
        lost.hear(Ok(notify::Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        let heard = (lost.heard().is_some(), lost.take().0);
        assert!(heard.0 && heard.1.batch.everything);
        assert!(heard.1.lost, "folders may have come of which nothing was heard");
        let many = Ear::new(Path::new("/r"));
        for number in 0..PATHS_MAX {
            many.hear(event(CREATED, format!("/r/{number}")));
        }
        assert!(!many.inner().seen.batch.everything);
        many.hear(event(CREATED, "/r/more"));
        let batch = many.take().0.batch;
        assert!(batch.everything);
        assert_eq!(batch.paths.len(), PATHS_MAX);
    }

    #[tokio::test]
    async fn a_file_is_quiet_when_its_writer_closed_it_under_whatever_name() {
        let ear = Ear::new(Path::new("/r"));
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let renamed = |from: &str, to: &str| {
            let kind = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
            let event = notify::Event::new(kind);
            ear.hear(Ok(event.add_path(from.into()).add_path(to.into())));
        };
        let closed = || -> Vec<_> {
            let closed = ear.take().1.into_iter();
            closed.map(|path| path.display().to_string()).collect()
        };
        ear.hear(event(CREATED, "/r/a"));
        ear.hear(event(data, "/r/a"));
        assert!(ear.is_writing());
        assert!(closed().is_empty());
        ear.hear(event(data, "/r/a"));
        assert!(closed().is_empty(), "nor in the next look");
        ear.hear(event(close, "/r/a"));
        assert!(!ear.is_writing());
        assert_eq!(closed(), ["/r/a"]);
        ear.hear(event(data, "/r/tmp"));
        renamed("/r/tmp", "/r/b");
        assert_eq!(
            closed(),
            ["/r/a", "/r/tmp"],
            "it is written to under its new name"
        );
        ear.hear(event(close, "/r/b"));
        renamed("/r/b", "/r/c");
        assert_eq!(closed(), ["/r/a", "/r/b", "/r/c", "/r/tmp"]);
    }

    #[tokio::test]
    async fn a_sign_is_heard_and_is_no_change() {
        let ear = Ear::new(Path::new("/r"));
        let sign = PathBuf::from("/r/.syncd/heard-1");
        ear.await_sign(sign.clone());
        ear.hear(event(CREATED, "/r/.syncd/heard-0"));
        let early = tokio::time::timeout(std::time::Duration::from_millis(10), ear.signed());
        assert!(early.await.is_err(), "it is another");
        ear.hear(event(CREATED, sign));
        ear.signed().await;
        assert!(ear.heard().is_none());
    }
}
