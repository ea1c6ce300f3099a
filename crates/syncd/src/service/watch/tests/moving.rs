//! Tests: folders that move, as a pair's watch hears of them.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use super::super::Watch;
use super::disk::{Disk, disturb, exchange};
use crate::engine::{Heard, Hearing as _};
use crate::local::root::AREA;

/// Longer than anything is waited for.
const LONG: Duration = Duration::from_secs(3600);

/// A pair's watch.
struct World {
    disk: Disk,
    watch: Watch,
}

impl World {
    async fn new(folders: &[&str]) -> Self {
        let disk = Disk::new(folders);
        let watch = Watch::new(&disk.root, LONG);
        let world = Self { disk, watch };
        assert!(world.watch.heard(true).await.everything);
        assert!(world.watch.is_whole(), "{}", world.watch.text());
        world
    }

    async fn heard(&self) -> Heard {
        self.watch.heard(true).await
    }

    async fn hears_nothing(&self) {
        let heard = self.heard().await;
        let nothing = heard.changed.is_empty() && heard.anew.is_empty() && !heard.everything;
        assert!(nothing, "{heard:?}");
    }

    /// Writes a file and answers whether that is heard, and of nothing else that it is a reason for.
    async fn hears(&self, path: &str) {
        self.disk.write(path);
        let heard = self.heard().await;
        assert!(!heard.everything && heard.anew.is_empty(), "{path}: {heard:?}");
        assert!(texts(&heard.changed).contains(&path), "{path}: {heard:?}");
    }
}

fn texts(paths: &BTreeSet<planner::path::RelPath>) -> Vec<&str> {
    paths.iter().map(planner::path::RelPath::as_str).collect()
}

#[tokio::test]
async fn a_tree_that_is_renamed_goes_on_to_be_heard_and_none_of_it_is_new() {
    let world = World::new(&["a/b/c", "other"]).await;
    world.disk.rename("a", "z");
    let heard = world.heard().await;
    assert_eq!(texts(&heard.changed), ["a", "z"]);
    assert_eq!(texts(&heard.moved), ["z"]);
    assert!(!heard.everything && heard.anew.is_empty(), "{heard:?}");
    world.hears("z/file").await;
    world.hears("z/b/c/file").await;
    world.disk.rename("z", "y");
    world.disk.rename("y", "other/x");
    let heard = world.heard().await;
    assert!(!heard.everything && heard.anew.is_empty(), "{heard:?}");
    world.hears("other/x/b/c/file").await;
    world.disk.rename("other/x/b/c", "c");
    world.heard().await;
    world.hears("c/file").await;
    world.hears("other/x/b/more").await;
    assert!(world.watch.is_whole());
}

#[tokio::test]
async fn what_changed_before_a_folder_was_renamed_is_told_under_its_new_name() {
    let world = World::new(&["a/b"]).await;
    for round in 0..50 {
        let (from, to) = if round % 2 == 0 { ("a", "n") } else { ("n", "a") };
        world.disk.write(&format!("{from}/b/file {round}"));
        world.disk.mkdir(&format!("{from}/b/new {round}"));
        world.disk.rename(from, to);
        let heard = world.heard().await;
        let file = format!("{to}/b/file {round}");
        assert!(!heard.everything, "{heard:?}");
        assert!(texts(&heard.changed).contains(&&*file), "{heard:?}");
        assert!(texts(&heard.closed).contains(&&*file), "{heard:?}");
        let new = format!("{to}/b/new {round}");
        assert!(texts(&heard.anew).contains(&&*new), "{heard:?}");
        assert!(!texts(&heard.anew).contains(&to), "{heard:?}");
    }
}

#[tokio::test]
async fn a_folder_that_leaves_is_gone_and_one_that_comes_is_new() {
    let world = World::new(&["a/b/c"]).await;
    let out = world.disk.out("out");
    fs::rename(world.disk.at("a"), &out).unwrap();
    let heard = world.heard().await;
    assert_eq!(texts(&heard.changed), ["a"]);
    assert!(!heard.everything && heard.anew.is_empty(), "{heard:?}");
    fs::write(out.join("b/c/file"), "x").unwrap();
    world.hears_nothing().await;
    fs::rename(&out, world.disk.at("back")).unwrap();
    let heard = world.heard().await;
    assert_eq!(texts(&heard.anew), ["back"]);
    world.hears("back/b/c/file").await;
    // Into our trash and out of it.
    world.disk.mkdir(".syncd/trash");
    world.disk.rename("back", ".syncd/trash/1");
    assert_eq!(texts(&world.heard().await.changed), ["back"]);
    world.disk.write(".syncd/trash/1/b/c/file");
    world.hears_nothing().await;
    world.disk.rename(".syncd/trash/1", "again");
    assert_eq!(texts(&world.heard().await.anew), ["again"]);
    world.hears("again/b/c/file").await;
}

#[tokio::test]
async fn folders_that_change_places_or_take_anothers_are_heard_afterwards() {
    let world = World::new(&["one/x", "two/y", "three/z", "empty"]).await;
    exchange(&world.disk.at("one"), &world.disk.at("two"));
    let heard = world.heard().await;
    assert!(!heard.everything, "{heard:?}");
    assert_eq!(texts(&heard.anew), ["one", "two"]);
    world.hears("one/y/file").await;
    world.hears("two/x/file").await;
    world.disk.rename("three", "empty");
    world.heard().await;
    world.hears("empty/z/file").await;
    world.disk.rename("one", "aside");
    world.disk.rename("two", "one");
    world.disk.rename("aside", "two");
    world.heard().await;
    world.hears("one/x/file").await;
    world.hears("two/y/file").await;
    // One against another that is not ours.
    fs::create_dir_all(world.disk.out("foreign/f")).unwrap();
    exchange(&world.disk.at("one"), &world.disk.out("foreign"));
    world.heard().await;
    world.hears("one/f/file").await;
    exchange(&world.disk.out("foreign"), &world.disk.at("one"));
    world.heard().await;
    world.hears("one/x/file").await;
}

#[tokio::test]
async fn a_folder_that_is_moved_into_a_new_one_is_heard_and_costs_no_look_at_everything() {
    let world = World::new(&["a/b/c"]).await;
    for round in 0..50 {
        let from = if round == 0 {
            "a".to_owned()
        } else {
            format!("new {}/a", round - 1)
        };
        world.disk.mkdir(&format!("new {round}"));
        world.disk.rename(&from, &format!("new {round}/a"));
        let heard = world.heard().await;
        assert!(!heard.everything, "{heard:?}");
        assert!(
            texts(&heard.changed).contains(&&*format!("new {round}")),
            "{heard:?}"
        );
        world.hears(&format!("new {round}/a/b/c/file")).await;
    }
}

#[tokio::test]
async fn what_cannot_be_watched_is_said() {
    let disk = Disk::new(&[]);
    let watch = Watch::new(&disk.at("nowhere"), LONG);
    watch.heard(false).await;
    assert!(watch.text().contains("nowhere: No such file"), "{}", watch.text());
}

#[tokio::test]
async fn while_another_thread_moves_folders_about_nothing_is_missed() {
    let world = World::new(&["n0/n1", "n2"]).await;
    let disk = Arc::new(world.disk);
    let mut exact = 0;
    for round in 0..60 {
        let moved = Arc::clone(&disk);
        let mover = std::thread::spawn(move || {
            let mut random = SmallRng::seed_from_u64(round);
            for number in 0..40 {
                disturb(&moved, &mut random, number);
            }
        });
        // In the midst of it.
        world.watch.heard(true).await;
        mover.join().unwrap();
        world.watch.heard(true).await;
        let mut folders = disk.folders(&disk.root);
        folders.remove(&disk.at(AREA));
        let files: Vec<_> = folders
            .iter()
            .map(|folder| folder.join(format!("last {round}")))
            .collect();
        for file in &files {
            fs::write(file, "x").unwrap();
        }
        let heard = world.watch.heard(true).await;
        exact += usize::from(!heard.everything);
        for file in files {
            let path = file.strip_prefix(&disk.root).unwrap().to_str().unwrap();
            let is_heard = heard.everything || texts(&heard.changed).contains(&path);
            assert!(is_heard, "{path} in round {round}: {heard:?}");
        }
    }
    assert!(exact > 0, "not always for want of knowing");
}
