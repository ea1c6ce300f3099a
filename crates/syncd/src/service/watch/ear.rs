//! What the watcher says, kept for the next pass by [`Gathered`], and who waits for it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

pub(super) use super::gather::Batch;
use super::gather::{Gathered, Seen};
use super::news::News;

#[derive(Debug, Default)]
struct Inner {
    gathered: Gathered,
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
        self.inner().gathered.take(Instant::now())
    }

    /// Whether something was heard, since when, and until when.
    pub(crate) fn heard(&self) -> Option<(Instant, Instant)> {
        let inner = self.inner();
        let seen = &inner.gathered.seen;
        seen.first.zip(seen.last)
    }

    /// Whether no folder moved, as far as heard.
    pub(crate) fn stays(&self) -> bool {
        let inner = self.inner();
        let seen = &inner.gathered.seen;
        seen.moved.is_empty() && !seen.batch.everything
    }

    /// Whether somebody is writing to a file that changed.
    pub(crate) fn is_writing(&self) -> bool {
        self.inner().gathered.is_writing()
    }

    /// From now on this sign is waited for.
    pub(crate) fn await_sign(&self, path: PathBuf) {
        let mut inner = self.inner();
        // Where all is lost nobody is left to hear it.
        inner.sign = (!inner.gathered.seen.lost).then_some((path, false));
    }

    /// Waits until it is heard, or will not be because everything is lost.
    pub(crate) async fn signed(&self) {
        while !self.inner().sign.as_ref().is_none_or(|(_, heard)| *heard) {
            self.signed.notified().await;
        }
    }

    /// The watcher says this.
    pub(super) fn hear(&self, news: News) {
        let mut inner = self.inner();
        if inner.is_sign(&news) {
            self.signed.notify_one();
            return;
        }
        if !inner.gathered.note(&self.root, news, Instant::now()) {
            return;
        }
        if inner.gathered.seen.lost {
            // Who waits for a sign need not: everything is to be looked at anyway.
            inner.sign = None;
            self.signed.notify_one();
        }
        drop(inner);
        self.rung.notify_one();
    }
}

impl Inner {
    /// Whether it is of the sign that is waited for; then it is heard.
    fn is_sign(&mut self, news: &News) -> bool {
        let path = match news {
            News::Created(path)
            | News::Written(path)
            | News::Closed(path)
            | News::Gone(path)
            | News::Changed(path) => path,
            News::Folder(_) | News::Moved { .. } | News::Everything | News::Lost | News::Limited => {
                return false;
            }
        };
        match &mut self.sign {
            Some((sign, heard)) if sign == path => {
                *heard = true;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gather::PATHS_MAX;
    use super::*;

    fn at(path: &str) -> PathBuf {
        path.into()
    }

    fn moved(from: &str, to: &str, folder: bool) -> News {
        News::Moved {
            from: at(from),
            to: at(to),
            folder,
        }
    }

    fn text(paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
        paths.into_iter().map(|path| path.display().to_string()).collect()
    }

    #[tokio::test]
    async fn what_happens_in_our_own_corner_is_no_change() {
        let ear = Ear::new(Path::new("/r"));
        for path in [
            "/r/.syncd",
            "/r/.syncd/staging/1",
            "/r/docs/.syncd-x",
            "/elsewhere/a",
        ] {
            ear.hear(News::Created(at(path)));
            ear.hear(News::Folder(at(path)));
        }
        ear.hear(moved("/r/.syncd/a", "/r/docs/.syncd-y", true));
        assert!(ear.heard().is_none());
        ear.hear(News::Closed(at("/r/a")));
        ear.hear(News::Changed(at("/r/docs/.syncd")));
        let seen = ear.take().0;
        assert_eq!(text(seen.batch.paths), ["/r/a", "/r/docs/.syncd"]);
        assert!(seen.folders.is_empty());
    }

    #[tokio::test]
    async fn lost_events_and_too_many_mean_everything() {
        let lost = Ear::new(Path::new("/r"));
        lost.hear(News::Lost);
        let heard = (lost.heard().is_some(), lost.take().0);
        assert!(heard.0 && heard.1.batch.everything);
        assert!(heard.1.lost, "folders may have come of which nothing was heard");
        let limited = Ear::new(Path::new("/r"));
        limited.hear(News::Limited);
        limited.hear(News::Everything);
        let seen = limited.take().0;
        assert!(seen.batch.everything && seen.limited && !seen.lost);
        let many = Ear::new(Path::new("/r"));
        for number in 0..PATHS_MAX {
            many.hear(News::Created(at(&format!("/r/{number}"))));
        }
        many.hear(News::Written(at("/r/0")));
        assert!(!many.inner().gathered.seen.batch.everything);
        many.hear(News::Created(at("/r/more")));
        let batch = many.take().0.batch;
        assert!(batch.everything);
        assert_eq!(batch.paths.len(), PATHS_MAX);
    }

    #[tokio::test]
    async fn a_file_is_quiet_when_its_writer_closed_it_under_whatever_name() {
        let ear = Ear::new(Path::new("/r"));
        let closed = || text(ear.take().1);
        ear.hear(News::Created(at("/r/a")));
        ear.hear(News::Written(at("/r/a")));
        assert!(ear.is_writing());
        assert!(closed().is_empty());
        ear.hear(News::Written(at("/r/a")));
        assert!(closed().is_empty(), "nor in the next look");
        ear.hear(News::Closed(at("/r/a")));
        assert!(!ear.is_writing());
        assert_eq!(closed(), ["/r/a"]);
        ear.hear(News::Written(at("/r/tmp")));
        ear.hear(moved("/r/tmp", "/r/b", false));
        assert_eq!(
            closed(),
            ["/r/a", "/r/tmp"],
            "it is written to under its new name"
        );
        ear.hear(News::Closed(at("/r/b")));
        ear.hear(moved("/r/b", "/r/c", false));
        assert_eq!(closed(), ["/r/a", "/r/b", "/r/c", "/r/tmp"]);
    }

    #[tokio::test]
    async fn what_was_heard_below_a_folder_that_moves_moves_with_it() {
        let ear = Ear::new(Path::new("/r"));
        ear.hear(News::Written(at("/r/a/open")));
        ear.hear(News::Closed(at("/r/a/closed")));
        ear.hear(News::Folder(at("/r/a/new")));
        ear.hear(News::Closed(at("/r/a b")));
        ear.hear(moved("/r/a", "/r/b/c", true));
        assert!(ear.is_writing());
        let (seen, closed) = ear.take();
        let expected = [
            "/r/a",
            "/r/a b",
            "/r/b/c",
            "/r/b/c/closed",
            "/r/b/c/new",
            "/r/b/c/open",
        ];
        assert_eq!(text(seen.batch.paths), expected);
        assert_eq!(text(seen.folders), ["/r/b/c/new"]);
        assert_eq!(text(seen.moved), ["/r/b/c"]);
        assert!(closed.contains(Path::new("/r/b/c/closed")));
        assert!(!closed.contains(Path::new("/r/b/c/open")));
    }

    #[tokio::test]
    async fn folders_that_move_in_folders_that_move_are_told_where_they_are() {
        let ear = Ear::new(Path::new("/r"));
        ear.hear(moved("/r/a/x", "/r/a/y", true));
        ear.hear(moved("/r/a", "/r/b", true));
        ear.hear(moved("/r/b/y", "/r/z", true));
        ear.hear(moved("/r/b", "/r/a", true));
        let seen = ear.take().0;
        assert_eq!(text(seen.moved), ["/r/a", "/r/z"]);
        assert!(seen.folders.is_empty());
    }

    #[tokio::test]
    async fn a_folder_that_had_a_name_of_ours_is_looked_at_whole() {
        let ear = Ear::new(Path::new("/r"));
        ear.hear(moved("/r/a", "/r/.syncd-a", true));
        ear.hear(News::Closed(at("/r/.syncd-a/file")));
        ear.hear(moved("/r/.syncd-a", "/r/b", true));
        let seen = ear.take().0;
        assert_eq!(text(seen.batch.paths), ["/r/a", "/r/b"]);
        assert_eq!(text(seen.folders), ["/r/b"]);
        assert!(seen.moved.is_empty());
    }

    #[tokio::test]
    async fn a_sign_is_heard_and_is_no_change() {
        let ear = Ear::new(Path::new("/r"));
        let sign = at("/r/.syncd/heard-1");
        ear.await_sign(sign.clone());
        ear.hear(News::Changed(at("/r/.syncd/heard-0")));
        let early = tokio::time::timeout(std::time::Duration::from_millis(10), ear.signed());
        assert!(early.await.is_err(), "it is another");
        ear.hear(News::Gone(sign.clone()));
        ear.signed().await;
        assert!(ear.heard().is_none());
        ear.await_sign(sign);
        ear.hear(News::Lost);
        ear.signed().await;
        assert!(ear.take().0.batch.everything, "it is not waited for in vain");
    }
}
