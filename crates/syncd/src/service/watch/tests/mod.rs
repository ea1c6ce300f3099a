//! The watch as a pair has it, on the folders of this machine.

#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod late;
#[cfg(target_os = "linux")]
mod moving;

use std::fs;

use super::news::News;
use super::*;

/// Writes a file, and waits until that is heard.
pub(super) async fn hears(watch: &Watch, file: &Path) {
    fs::write(file, "x").unwrap();
    loop {
        watch.changed().await;
        if watch.before_look(false).await.batch.paths.contains(file) {
            break;
        }
    }
    assert!(watch.is_whole());
}

const RESCAN: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_limit_of_the_kernel_is_told_with_what_to_do_and_the_folder_is_scanned_instead() {
    let home = tempfile::tempdir().unwrap();
    let watch = Watch::new(home.path(), RESCAN);
    watch.before_look(false).await;
    assert_eq!(watch.text(), "watching");
    watch.ear.hear(News::Limited);
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
    hears(&watch, &deep.join("file")).await;
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
    assert!(!watch.before_look(false).await.batch.everything);
    fs::remove_dir_all(&root).unwrap();
    while !watch.ear.take().0.lost {
        watch.changed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_over_when_it_is_quiet_and_one_that_goes_on_is_looked_at_all_the_same() {
    let quiet = Duration::from_secs(1);
    let watch = Watch::new(Path::new("/r"), RESCAN);
    let begun = Instant::now();
    watch.settled(quiet).await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nothing changed");
    watch.ear.hear(News::Created("/r/a".into()));
    watch.settled(quiet).await;
    assert_eq!(begun.elapsed().as_secs(), 1);
    watch.ear.hear(News::Closed("/r/a".into()));
    watch.settled(quiet).await;
    assert_eq!(begun.elapsed(), quiet + QUIET_MIN, "its writer closed it");
    watch.ear.take();
    let begun = Instant::now();
    watch.ear.hear(News::Created("/r/b".into()));
    let saves = async {
        tokio::time::sleep(quiet / 4).await;
        watch.ear.hear(News::Closed("/r/b".into()));
    };
    tokio::join!(watch.settled(quiet), saves);
    let heard = begun.elapsed() - quiet / 4;
    assert!(heard <= QUIET_MIN * 2, "it was closed {heard:?} ago");
    watch.ear.take();
    let begun = Instant::now();
    let writer = async {
        loop {
            watch.ear.hear(News::Created("/r/a".into()));
            tokio::time::sleep(quiet / 4).await;
        }
    };
    watch.ear.hear(News::Created("/r/a".into()));
    tokio::select! {
        () = watch.settled(quiet) => {}
        () = writer => {}
    }
    assert_eq!(begun.elapsed().as_secs(), 10, "from its first event on");
}
