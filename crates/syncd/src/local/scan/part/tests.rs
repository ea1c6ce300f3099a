//! A look at some paths gives what a scan of everything gives.

use std::fs;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::super::super::testing::{Disk, LATER_NS, Nothing, as_nobody, path};
use super::super::scan;
use super::*;

const OPTIONS: ScanOptions = ScanOptions {
    quiet: std::time::Duration::from_secs(1),
    now_ns: LATER_NS,
};

/// A disk that is looked at again and again.
struct Looked {
    disk: Disk,
    ignore: Ignore,
    scan: Scan,
}

impl Looked {
    fn new(disk: Disk) -> Self {
        let mut ignore = Ignore::new(&["*.skip".to_owned()], &[]).unwrap();
        let scan = scan(&disk.root, &mut ignore, &Nothing, OPTIONS).unwrap();
        Self { disk, ignore, scan }
    }

    fn look(&mut self, changed: &[&str]) -> Part {
        self.look_at(changed, &[])
    }

    fn look_at(&mut self, changed: &[&str], anew: &[&str]) -> Part {
        let set = |paths: &[&str]| paths.iter().map(|text| path(text)).collect();
        let paths = Paths {
            changed: &set(changed),
            closed: &BTreeSet::new(),
            anew: &set(anew),
            // The disk says what really moved.
            moved: &set(changed),
            disk: &DiskTraits::default(),
        };
        let before = self.scan.clone();
        part(
            &self.disk.root,
            &mut self.ignore,
            &Nothing,
            OPTIONS,
            (before, paths),
        )
        .unwrap()
    }

    /// Looks, and goes on with what was seen; answers what vanished.
    fn take(&mut self, changed: &[&str]) -> Vec<String> {
        match self.look(changed) {
            Part::Seen { scan, vanished, .. } => {
                self.scan = *scan;
                vanished.iter().map(ToString::to_string).collect()
            }
            Part::Unsure(why) => panic!("unsure of {changed:?}: {why}"),
        }
    }

    fn unsure(&mut self, changed: &[&str]) -> &'static str {
        match self.look(changed) {
            Part::Unsure(why) => why,
            Part::Seen { scan, .. } => panic!("seen: {:?}", told(&scan)),
        }
    }

    /// As a scan of everything sees it now.
    fn whole(&mut self) -> Vec<String> {
        let mut ignore = Ignore::new(&["*.skip".to_owned()], &[]).unwrap();
        told(&scan(&self.disk.root, &mut ignore, &Nothing, OPTIONS).unwrap())
    }
}

/// All that a scan says, whatever numbers it gives to entries.
fn told(scan: &Scan) -> Vec<String> {
    let mut lines: Vec<_> = scan
        .tree
        .nodes
        .iter()
        .map(|node| {
            let at = scan.path(node.key).unwrap();
            format!("{at} {:?} {} {:?}", node.identity, node.ignored, node.kind)
        })
        .collect();
    lines.sort();
    lines.push(format!("{} files, {} B", scan.files, scan.bytes));
    lines
}

fn small() -> Looked {
    let disk = Disk::new();
    disk.write("a", "1");
    disk.write("docs/b", "22");
    disk.write("docs/deep/c", "333");
    disk.write("docs/x.skip", "4444");
    Looked::new(disk)
}

#[test]
fn an_edit_a_new_file_a_deletion_and_a_move_are_seen_where_they_are_told() {
    let mut looked = small();
    looked.disk.write("a", "longer");
    looked.disk.write("new/deep/d", "5");
    assert!(looked.take(&["a", "new"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
    fs::remove_file(looked.disk.at("docs/b")).unwrap();
    assert_eq!(looked.take(&["docs/b"]), ["docs/b"]);
    assert!(looked.take(&["docs/b"]).is_empty(), "it is not known any more");
    fs::rename(looked.disk.at("docs/deep"), looked.disk.at("moved")).unwrap();
    assert!(looked.take(&["docs/deep", "moved"]).is_empty(), "it is elsewhere");
    assert_eq!(told(&looked.scan), looked.whole());
    fs::remove_dir_all(looked.disk.at("docs")).unwrap();
    assert_eq!(looked.take(&["docs", "docs/x.skip"]), ["docs"]);
    assert_eq!(told(&looked.scan), looked.whole());
}

#[test]
fn half_a_move_brings_the_other_half() {
    let mut looked = small();
    fs::rename(looked.disk.at("docs/deep/c"), looked.disk.at("c")).unwrap();
    assert!(looked.take(&["c"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
    // And a path below a folder that is not there any more.
    fs::rename(looked.disk.at("docs"), looked.disk.at("papers")).unwrap();
    let mut gone = looked.take(&["docs/deep/c"]);
    gone.sort();
    assert_eq!(gone, ["docs"], "nobody told yet where it is");
    assert!(looked.take(&["papers"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
}

#[test]
fn a_save_by_rename_leaves_nothing_behind() {
    let mut looked = small();
    looked.disk.save_by_rename("docs/b", "saved");
    assert!(looked.take(&[".saving", "docs/b"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
}

#[test]
fn a_file_for_a_folder_and_the_reverse() {
    let mut looked = small();
    fs::remove_dir_all(looked.disk.at("docs")).unwrap();
    looked.disk.write("docs", "a file now");
    fs::remove_file(looked.disk.at("a")).unwrap();
    looked.disk.write("a/inside", "6");
    looked.take(&["docs", "a/inside"]);
    assert_eq!(told(&looked.scan), looked.whole());
}

#[test]
fn what_lies_in_an_ignored_folder_is_of_no_account() {
    let disk = Disk::new();
    disk.write("cache.skip/a", "1");
    let mut looked = Looked::new(disk);
    looked.disk.write("cache.skip/b", "1");
    assert!(looked.take(&["cache.skip/b", "cache.skip"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
}

#[test]
fn a_folder_in_which_nothing_was_heard_until_now_is_looked_at_whole() {
    let mut looked = small();
    looked.disk.write("docs/unheard", "7");
    assert!(looked.take(&["docs"]).is_empty());
    assert_ne!(told(&looked.scan), looked.whole());
    let Part::Seen { scan, vanished, .. } = looked.look_at(&["docs"], &["docs"]) else {
        panic!("unsure");
    };
    assert!(vanished.is_empty(), "{vanished:?}");
    assert_eq!(told(&scan), looked.whole());
}

#[test]
fn what_a_look_cannot_tell_it_does_not_guess() {
    let mut looked = small();
    fs::hard_link(looked.disk.at("a"), looked.disk.at("twin")).unwrap();
    assert_eq!(looked.unsure(&["twin"]), "a file has several names");
    let mut looked = small();
    looked.disk.write("docs/.syncignore", "b");
    assert_eq!(looked.unsure(&["docs/.syncignore"]), "a rule file changed");
    let mut looked = small();
    fs::remove_dir(looked.disk.dir.path().join("docs")).unwrap_err();
    assert!(matches!(looked.look(&["docs"]), Part::Seen { .. }));
    let folding = DiskTraits {
        folds_case: true,
        ..DiskTraits::default()
    };
    let nothing = BTreeSet::new();
    let paths = Paths {
        changed: &nothing,
        closed: &nothing,
        anew: &nothing,
        moved: &nothing,
        disk: &folding,
    };
    let before = looked.scan.clone();
    let part = part(
        &looked.disk.root,
        &mut looked.ignore,
        &Nothing,
        OPTIONS,
        (before, paths),
    )
    .unwrap();
    assert!(matches!(part, Part::Unsure("the disk folds names")));
}

#[test]
fn a_folder_that_may_not_be_read_any_more_is_no_empty_one() {
    use std::os::unix::fs::PermissionsExt as _;
    as_nobody(
        "local::scan::part::tests::a_folder_that_may_not_be_read_any_more_is_no_empty_one",
        || {
            for mode in [0o300, 0o600, 0o000] {
                let mut looked = small();
                let docs = looked.disk.at("docs");
                let set = |mode| fs::set_permissions(&docs, fs::Permissions::from_mode(mode)).unwrap();
                set(mode);
                let part = looked.look(&["docs"]);
                set(0o700);
                let unsure = matches!(part, Part::Unsure("a folder cannot be seen any more"));
                assert!(unsure, "{mode:o}: {part:?}");
                // And one that could not be seen is no empty one either, and is seen when it can be.
                set(mode);
                let mut looked = Looked::new(looked.disk);
                set(0o700);
                assert_ne!(told(&looked.scan), looked.whole(), "{mode:o}");
                assert!(looked.take(&["docs/b"]).is_empty());
                assert_eq!(told(&looked.scan), looked.whole(), "{mode:o}");
            }
        },
    );
}

#[test]
fn a_link_that_took_the_place_of_a_folder_is_not_followed() {
    let mut looked = small();
    looked.disk.replace_by_link("docs", "moved away/deep");
    looked.take(&["docs/b", "moved away"]);
    assert_eq!(told(&looked.scan), looked.whole());
}

/// What a look told to have moved, each with where it was.
fn moves(part: &Part) -> Vec<(String, String)> {
    let Part::Seen { moved, .. } = part else {
        panic!("{part:?}");
    };
    let text = |(now, then): (&RelPath, &RelPath)| (now.to_string(), then.to_string());
    moved.iter().map(text).collect()
}

fn pair(now: &str, then: &str) -> (String, String) {
    (now.to_owned(), then.to_owned())
}

#[test]
fn a_folder_that_moves_is_one_entry_that_moves_and_what_changed_in_it_is_looked_at_where_it_is() {
    let mut looked = small();
    let key = |looked: &Looked, at: &str| looked.scan.at(&path(at)).unwrap().key;
    let (deep, c) = (key(&looked, "docs/deep"), key(&looked, "docs/deep/c"));
    looked.disk.write("docs/b", "other bytes");
    looked.disk.write("docs/deep/new", "more");
    fs::rename(looked.disk.at("docs/deep"), looked.disk.at("out")).unwrap();
    fs::rename(looked.disk.at("docs"), looked.disk.at("papers")).unwrap();
    // Told by where they were, and by where they are.
    let part = looked.look(&["docs", "docs/b", "docs/deep", "out", "out/new", "papers"]);
    assert_eq!(moves(&part), [pair("out", "docs/deep"), pair("papers", "docs")]);
    let Part::Seen {
        scan,
        vanished,
        looked: paths,
        ..
    } = part
    else {
        panic!("unsure");
    };
    assert!(vanished.is_empty(), "{vanished:?}");
    assert!(
        paths.contains(&path("papers/b")) && paths.contains(&path("out/new")),
        "{paths:?}"
    );
    looked.scan = *scan;
    assert_eq!(told(&looked.scan), looked.whole());
    assert_eq!(
        (key(&looked, "out"), key(&looked, "out/c")),
        (deep, c),
        "nobody looked into it"
    );
    // And back into each other.
    fs::rename(looked.disk.at("papers"), looked.disk.at("out/docs")).unwrap();
    assert_eq!(
        moves(&looked.look(&["out/docs", "papers"])),
        [pair("out/docs", "papers")]
    );
    assert!(looked.take(&["papers", "out/docs"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
}

#[test]
fn what_nobody_told_of_in_a_folder_that_moved_is_seen_where_all_of_it_is_to_be_looked_at() {
    let mut looked = small();
    looked.disk.write("docs/unheard", "7");
    fs::rename(looked.disk.at("docs"), looked.disk.at("papers")).unwrap();
    let part = looked.look_at(&["docs", "papers"], &["papers"]);
    assert!(moves(&part).is_empty());
    let Part::Seen { scan, vanished, .. } = part else {
        panic!("unsure");
    };
    assert!(vanished.is_empty(), "{vanished:?}");
    assert_eq!(told(&scan), looked.whole());
}

#[test]
fn rules_move_with_the_folder_whose_they_are_and_where_others_hold_all_of_it_is_looked_at() {
    let with_rules = |at: &str, rules: &str| {
        let disk = Disk::new();
        disk.write("docs/b", "22");
        disk.write("docs/x.tmp", "4444");
        disk.write("other/y", "1");
        disk.write(at, rules);
        let mut looked = Looked::new(disk);
        fs::rename(looked.disk.at("docs"), looked.disk.at("other/docs")).unwrap();
        let part = looked.look(&["docs", "other/docs"]);
        let moved = moves(&part).len();
        let Part::Seen { scan, .. } = part else {
            panic!("unsure");
        };
        looked.scan = *scan;
        assert_eq!(told(&looked.scan), looked.whole(), "{at}: {rules}");
        // The rules of the folder hold in it.
        looked.disk.write("other/docs/z.tmp", "4444");
        assert!(looked.take(&["other/docs/z.tmp"]).is_empty());
        assert_eq!(told(&looked.scan), looked.whole(), "{at}: {rules}");
        moved
    };
    assert_eq!(with_rules("docs/.syncignore", "/x.tmp\n*.tmp"), 1);
    assert_eq!(with_rules(".syncignore", "*.tmp"), 1, "it speaks of names only");
    assert_eq!(with_rules(".syncignore", "/docs/*.tmp"), 0);
    assert_eq!(
        with_rules("other/.syncignore", "*.tmp"),
        0,
        "it is above the new place only"
    );
    assert_eq!(with_rules("other/.syncignore", "docs/"), 0);
}

#[test]
fn another_folder_at_the_old_place_is_another_one() {
    let mut looked = small();
    fs::rename(looked.disk.at("docs"), looked.disk.at("papers")).unwrap();
    looked.disk.write("docs/deep/c", "not that one");
    let part = looked.look_at(&["docs", "docs/deep", "papers"], &["docs"]);
    let Part::Seen { scan, vanished, .. } = part else {
        panic!("unsure");
    };
    assert!(vanished.is_empty(), "{vanished:?}");
    assert_eq!(told(&scan), looked.whole());
    // Two that change places.
    looked.scan = *scan;
    fs::rename(looked.disk.at("docs"), looked.disk.at("third")).unwrap();
    fs::rename(looked.disk.at("papers"), looked.disk.at("docs")).unwrap();
    fs::rename(looked.disk.at("third"), looked.disk.at("papers")).unwrap();
    assert!(looked.take(&["docs", "papers", "third"]).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
    // One that was in it, and something new in that.
    fs::rename(looked.disk.at("papers"), looked.disk.at("away")).unwrap();
    fs::rename(looked.disk.at("away/deep"), looked.disk.at("papers")).unwrap();
    looked.disk.write("papers/b", "new");
    looked.disk.write("papers/d", "new");
    let paths = ["away", "away/deep", "papers", "papers/b", "papers/d"];
    let part = looked.look(&paths);
    assert_eq!(
        moves(&part),
        [pair("away", "papers"), pair("papers", "papers/deep")]
    );
    assert!(looked.take(&paths).is_empty());
    assert_eq!(told(&looked.scan), looked.whole());
}

/// Does something at random; answers the paths that a watcher would tell, and what moved where.
fn act(disk: &Disk, random: &mut SmallRng) -> (Vec<String>, Option<(RelPath, RelPath)>) {
    let name = |random: &mut SmallRng| {
        let depth = random.random_range(1..=3);
        let parts: Vec<String> = (0..depth)
            .map(|_| ["a", "b", "c"][random.random_range(0..3_usize)].to_owned())
            .collect();
        parts.join("/")
    };
    let at = name(random);
    let place = disk.at(&at);
    let told = match random.random_range(0..7) {
        0 | 1 => {
            if let Some(above) = place.parent() {
                fs::create_dir_all(above).ok();
            }
            let text = "x".repeat(random.random_range(0..9_usize));
            fs::write(&place, text).ok();
            // The topmost folder that is new is told; so are all others, which harms nobody.
            let parts: Vec<&str> = at.split('/').collect();
            (1..=parts.len()).map(|to| parts[..to].join("/")).collect()
        }
        2 => {
            fs::create_dir(&place).ok();
            vec![at]
        }
        3 => {
            fs::remove_file(&place).ok();
            vec![at]
        }
        4 => {
            fs::remove_dir_all(&place).ok();
            vec![at]
        }
        _ => {
            let to = name(random);
            let moved = fs::rename(&place, disk.at(&to)).is_ok() && at != to;
            let moved = moved.then(|| (path(&at), path(&to)));
            return (vec![at, to], moved);
        }
    };
    (told, None)
}

#[test]
fn after_whatever_happened_a_look_at_it_is_a_scan_of_everything() {
    for seed in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut looked = Looked::new(Disk::new());
        for _ in 0..12 {
            let (mut changed, mut moves) = (BTreeSet::new(), Vec::new());
            for _ in 0..random.random_range(1..10) {
                let (paths, moved) = act(&looked.disk, &mut random);
                if let Some((from, to)) = moved {
                    let again = |told: String| path(&told).moved(&from, &to).to_string();
                    changed = changed.into_iter().map(again).collect();
                    moves.push((from, to));
                }
                changed.extend(paths);
            }
            let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
            let nodes = looked.scan.tree.nodes.iter();
            let before: BTreeSet<String> = nodes
                .map(|node| looked.scan.path(node.key).unwrap().to_string())
                .collect();
            let gone = looked.take(&changed);
            assert_eq!(told(&looked.scan), looked.whole(), "seed {seed}, {changed:?}");
            for gone in gone {
                // In a folder that moved it is told by where it would be now.
                let back = moves.iter().rev();
                let was = back.fold(path(&gone), |at, (from, to)| at.moved(to, from));
                assert!(
                    before.contains(&gone) || before.contains(was.as_str()),
                    "seed {seed}: {gone}, {before:?}, {changed:?}"
                );
                assert!(!looked.disk.at(&gone).exists(), "seed {seed}: {gone}");
            }
        }
    }
}
