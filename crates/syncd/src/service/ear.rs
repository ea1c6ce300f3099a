//! What the watcher says, gathered between two passes: paths, new folders, and whether something was missed.
//!
//! Our own corner of the folder, and who only reads, are no changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use notify::ErrorKind;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Paths that are remembered between two passes; beyond it everything counts as changed.
const PATHS_MAX: usize = 10_000;

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
    /// The folder itself was moved or removed.
    pub(crate) lost: bool,
    /// The kernel watches no more folders.
    pub(crate) limited: bool,
}

/// Shared with the watcher's thread.
#[derive(Debug)]
pub(crate) struct Ear {
    root: PathBuf,
    seen: Mutex<Seen>,
    rung: Notify,
}

impl Ear {
    /// For a folder.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            seen: Mutex::default(),
            rung: Notify::new(),
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

    /// What was heard.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        // Plain values: a panic elsewhere leaves nothing half written.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watcher says this.
    pub(crate) fn hear(&self, event: notify::Result<notify::Event>) {
        let mut seen = self.seen();
        match event {
            Ok(event) => {
                if !self.note(&mut seen, &event) {
                    return;
                }
            }
            Err(error) => {
                seen.limited |= matches!(error.kind, ErrorKind::MaxFilesWatch);
                seen.batch.everything = true;
            }
        }
        let now = Instant::now();
        seen.first.get_or_insert(now);
        seen.last = Some(now);
        drop(seen);
        self.rung.notify_one();
    }

    /// Answers whether it is a change.
    fn note(&self, seen: &mut Seen, event: &notify::Event) -> bool {
        if event.need_rescan() {
            seen.batch.everything = true;
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
            if seen.batch.paths.len() < PATHS_MAX {
                seen.batch.paths.insert(path.clone());
            } else {
                seen.batch.everything = true;
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
    use notify::event::{CreateKind, Flag, MetadataKind};

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
        assert!(ear.seen().last.is_none());
        ear.hear(event(
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            "/r/a",
        ));
        ear.hear(event(
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)),
            "/r/docs/.syncd",
        ));
        let paths: Vec<_> = ear.seen().batch.paths.iter().cloned().collect();
        assert_eq!(paths, [Path::new("/r/a"), Path::new("/r/docs/.syncd")]);
    }

    #[tokio::test]
    async fn lost_events_and_too_many_mean_everything() {
        let lost = Ear::new(Path::new("/r"));
        lost.hear(Ok(notify::Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert!(lost.seen().batch.everything && lost.seen().last.is_some());
        let many = Ear::new(Path::new("/r"));
        for number in 0..=PATHS_MAX {
            assert!(!many.seen().batch.everything);
            many.hear(event(CREATED, format!("/r/{number}")));
        }
        assert!(many.seen().batch.everything);
        assert_eq!(many.seen().batch.paths.len(), PATHS_MAX);
    }
}
