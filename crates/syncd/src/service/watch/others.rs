//! The watcher of systems that have no inotify, as the `notify` crate offers it.
//!
//! It may watch a new folder later than it tells of it, and gives up on one in which another vanishes meanwhile; so new
//! folders, and those that were renamed, are watched once more before they are looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::ear::Ear;
use super::news::News;
use super::{Backend, Trouble};

/// Tries to watch a new folder in which others appear and vanish meanwhile.
const TRIES: u32 = 5;

struct Others(RecommendedWatcher);

impl Backend for Others {
    fn follow(&mut self, folders: &BTreeSet<PathBuf>) -> Result<(), Trouble> {
        for folder in folders {
            match cover(&mut self.0, folder) {
                // Gone by now: nothing is left to be watched.
                Err(_) if !is_folder(folder) => {}
                covered => covered.map_err(|error| trouble(&error))?,
            }
        }
        Ok(())
    }
}

/// Watches the ear's folder with all below it.
pub(super) fn begin(ear: &Arc<Ear>) -> Result<Box<dyn Backend>, Trouble> {
    let (told, root) = (Arc::clone(ear), ear.root().to_owned());
    let hear = move |event: notify::Result<notify::Event>| {
        for news in heard(&root, event) {
            told.hear(news);
        }
    };
    let mut watcher = RecommendedWatcher::new(hear, Config::default().with_follow_symlinks(false))
        .map_err(|error| trouble(&error))?;
    cover(&mut watcher, ear.root()).map_err(|error| trouble(&error))?;
    Ok(Box::new(Others(watcher)))
}

fn trouble(error: &notify::Error) -> Trouble {
    match &error.kind {
        ErrorKind::MaxFilesWatch => Trouble::Limited,
        ErrorKind::Io(cause) => Trouble::Failed(cause.to_string()),
        ErrorKind::Generic(_)
        | ErrorKind::PathNotFound
        | ErrorKind::WatchNotFound
        | ErrorKind::InvalidConfig(_) => Trouble::Failed(error.to_string()),
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

/// The same in our words.
fn heard(root: &Path, event: notify::Result<notify::Event>) -> Vec<News> {
    let event = match event {
        Ok(event) if event.need_rescan() => return vec![News::Lost],
        Ok(event) => event,
        Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => return vec![News::Limited],
        Err(_) => return vec![News::Everything],
    };
    let mut news = Vec::new();
    if let (EventKind::Modify(ModifyKind::Name(_)), [from, to]) = (event.kind, &*event.paths) {
        news.push(News::Moved {
            from: from.clone(),
            to: to.clone(),
            folder: is_folder(to),
        });
    }
    news.extend(
        event
            .paths
            .iter()
            .filter_map(|path| about(root, event.kind, path)),
    );
    news
}

/// What an event says about a path; `None`: somebody read it, as our own scan does.
fn about(root: &Path, kind: EventKind, path: &Path) -> Option<News> {
    let renamed = matches!(kind, EventKind::Modify(ModifyKind::Name(_)));
    if path == root && (renamed || matches!(kind, EventKind::Remove(_))) {
        return Some(News::Lost);
    }
    let path = path.to_owned();
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => News::Closed(path),
        EventKind::Access(_) => return None,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) if is_folder(&path) => {
            News::Folder(path)
        }
        EventKind::Create(CreateKind::File) => News::Created(path),
        EventKind::Modify(ModifyKind::Data(_)) => News::Written(path),
        EventKind::Remove(_) => News::Gone(path),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => {
            News::Changed(path)
        }
    })
}

/// A folder, and no link to one.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind, RenameMode};

    use super::super::Watch;
    use super::*;

    fn said(kind: EventKind, paths: &[&str]) -> Vec<News> {
        let event = notify::Event::new(kind);
        let event = paths
            .iter()
            .fold(event, |event, path| event.add_path(path.into()));
        heard(Path::new("/r"), Ok(event))
    }

    #[test]
    fn what_it_says_is_said_in_our_words_and_who_only_reads_is_no_news() {
        let a = || PathBuf::from("/r/a");
        for kind in [
            AccessKind::Open(AccessMode::Any),
            AccessKind::Close(AccessMode::Read),
            AccessKind::Read,
        ] {
            assert_eq!(said(EventKind::Access(kind), &["/r/a"]), []);
        }
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(said(close, &["/r/a"]), [News::Closed(a())]);
        let created = EventKind::Create(CreateKind::File);
        assert_eq!(said(created, &["/r/a"]), [News::Created(a())]);
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        assert_eq!(said(written, &["/r/a"]), [News::Written(a())]);
        let facts = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        assert_eq!(said(facts, &["/r/a"]), [News::Changed(a())]);
        let removed = EventKind::Remove(RemoveKind::Any);
        assert_eq!(said(removed, &["/r/a"]), [News::Gone(a())]);
        assert_eq!(said(removed, &["/r"]), [News::Lost], "the folder itself");
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        let moved = News::Moved {
            from: a(),
            to: "/r/b".into(),
            folder: false,
        };
        assert_eq!(
            said(renamed, &["/r/a", "/r/b"]),
            [moved, News::Changed(a()), News::Changed("/r/b".into())]
        );
        let lost = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
        assert_eq!(heard(Path::new("/r"), Ok(lost)), [News::Lost]);
        let limited = notify::Error::new(ErrorKind::MaxFilesWatch);
        assert_eq!(trouble(&limited), Trouble::Limited);
        assert_eq!(heard(Path::new("/r"), Err(limited)), [News::Limited]);
    }

    #[tokio::test]
    async fn new_and_renamed_folders_are_watched_before_the_scan_that_follows() {
        let home = tempfile::tempdir().unwrap();
        let watch = Watch::by(home.path(), Duration::from_secs(3600), begin);
        watch.before_look(false).await;
        assert!(watch.is_whole(), "{}", watch.text());
        let deep = home.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        watch.changed().await;
        watch.settled(Duration::ZERO).await;
        watch.before_look(false).await;
        for (from, to) in [("a", "d"), ("d/b", "e")] {
            fs::rename(home.path().join(from), home.path().join(to)).unwrap();
            watch.changed().await;
            watch.settled(Duration::ZERO).await;
            watch.before_look(false).await;
        }
        super::super::tests::hears(&watch, &home.path().join("e/c/file")).await;
    }
}
