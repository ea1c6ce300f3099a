//! What was heard between two passes, as values.
//!
//! Our own corner of the folder is no change. What is told is told under the name it has now: when a folder moves, all that
//! was heard below it moves along.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::news::News;
use super::paths::{is_ours, moved_to, take, take_map};

/// Paths that are remembered between two passes; beyond it everything counts as changed.
pub(super) const PATHS_MAX: usize = 10_000;

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
    /// Folders in which changes are heard of only from now on.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Folders that moved, where they are now: all changes in them are heard of, before and after.
    pub(crate) moved: BTreeSet<PathBuf>,
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

/// All that is known of what was heard.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What is not told yet.
    pub(super) seen: Seen,
    /// Files that were written to, and that nobody was seen to close since (design S13).
    writing: BTreeSet<PathBuf>,
    /// When something was last heard of a path that nobody was writing to; what is older says nothing any more.
    quiet: BTreeMap<PathBuf, Instant>,
}

impl Gathered {
    /// What was heard since this was asked last, and files that nobody is writing to, as far as lately heard.
    pub(super) fn take(&mut self, now: Instant) -> (Seen, BTreeSet<PathBuf>) {
        let Self { seen, writing, quiet } = self;
        let seen = std::mem::take(seen);
        let closed = seen.batch.paths.difference(writing);
        quiet.extend(closed.map(|path| (path.clone(), now)));
        quiet.retain(|path, at| !writing.contains(path) && now.saturating_duration_since(*at) < LATELY);
        (seen, quiet.keys().cloned().collect())
    }

    /// Whether somebody is writing to a file that changed.
    pub(super) fn is_writing(&self) -> bool {
        let paths = &self.seen.batch.paths;
        self.writing.iter().any(|path| paths.contains(path))
    }

    /// Somebody says this. Answers whether it is a change.
    pub(super) fn note(&mut self, root: &Path, news: News, now: Instant) -> bool {
        let is_change = self.is_change(root, news);
        if is_change {
            self.seen.first.get_or_insert(now);
            self.seen.last = Some(now);
        }
        is_change
    }

    fn is_change(&mut self, root: &Path, news: News) -> bool {
        match news {
            News::Created(path) | News::Written(path) => {
                let heard = self.changed(root, &path);
                if heard && self.writing.len() < PATHS_MAX {
                    self.writing.insert(path);
                }
                heard
            }
            News::Closed(path) | News::Gone(path) => {
                self.writing.remove(&path);
                self.changed(root, &path)
            }
            News::Changed(path) => self.changed(root, &path),
            News::Folder(path) => {
                let heard = self.changed(root, &path);
                if heard {
                    self.seen.folders.insert(path);
                }
                heard
            }
            News::Moved { from, to, folder } => self.moved(root, (&from, &to), folder),
            News::Everything => {
                self.seen.batch.everything = true;
                true
            }
            News::Lost => {
                self.seen.batch.everything = true;
                self.seen.lost = true;
                true
            }
            News::Limited => {
                self.seen.batch.everything = true;
                self.seen.limited = true;
                true
            }
        }
    }

    /// Something about this path changed; `false`: it is none of the user's.
    fn changed(&mut self, root: &Path, path: &Path) -> bool {
        if is_ours(root, path) {
            return false;
        }
        let paths = &mut self.seen.batch.paths;
        if paths.len() < PATHS_MAX || paths.contains(path) {
            paths.insert(path.to_owned());
        } else {
            self.seen.batch.everything = true;
        }
        true
    }

    /// What was known below the old name is known below the new one.
    fn moved(&mut self, root: &Path, (from, to): (&Path, &Path), folder: bool) -> bool {
        // Of what was there before.
        take(&mut self.writing, to);
        take_map(&mut self.quiet, to);
        let paths = take(&mut self.seen.batch.paths, from);
        let folders = take(&mut self.seen.folders, from);
        let moved = take(&mut self.seen.moved, from);
        let writing = take(&mut self.writing, from);
        let quiet = take_map(&mut self.quiet, from);
        let (left, came) = (self.changed(root, from), self.changed(root, to));
        if !came {
            return left;
        }
        let now_at = |path: &PathBuf| moved_to(path, from, to);
        for path in &paths {
            self.changed(root, &now_at(path));
        }
        self.seen.folders.extend(folders.iter().map(now_at));
        self.seen.moved.extend(moved.iter().map(now_at));
        if folder && left {
            self.seen.moved.insert(to.to_owned());
        } else if folder {
            // Nothing was told of what happened while it had a name of ours.
            self.seen.folders.insert(to.to_owned());
        }
        // Who writes goes on writing under the new name.
        self.writing.extend(writing.iter().map(now_at));
        let quiet = quiet.iter().map(|(path, at)| (now_at(path), *at));
        self.quiet.extend(quiet);
        true
    }
}
