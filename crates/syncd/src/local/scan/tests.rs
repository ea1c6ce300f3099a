//! What a scan sees, rule by rule.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

use planner::hold::Odd;
use planner::tree::{LocalContents, LocalKind, LocalNode};

use super::super::ignore::Ignore;
use super::super::testing::{Disk, LATER_NS, Nothing, as_nobody, in_own_mounts, path};
use super::*;

/// Every node as a line: path, kind, and what is special about it.
fn lines(scan: &Scan) -> Vec<String> {
    let line = |node: &LocalNode| {
        let path = scan.path(node.key).unwrap();
        let kind = match &node.kind {
            LocalKind::File(file) => {
                let flags = [(file.busy, " busy"), (file.unreadable, " unreadable")];
                let flags: String = flags
                    .iter()
                    .filter(|(is, _)| *is)
                    .map(|(_, text)| *text)
                    .collect();
                format!("{} B{flags}", file.size)
            }
            LocalKind::Folder(LocalContents::Read { others: 0 }) => String::from("folder"),
            LocalKind::Folder(LocalContents::Read { others }) => format!("folder and {others} others"),
            LocalKind::Folder(LocalContents::Hidden) => String::from("hidden"),
            LocalKind::Other(odd) => format!("{odd:?}"),
        };
        let nobody = if node.identity.is_none() { " nobody" } else { "" };
        let ignored = if node.ignored { " ignored" } else { "" };
        format!("{path}: {kind}{nobody}{ignored}")
    };
    scan.tree.nodes.iter().map(line).collect()
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_nanos()).unwrap()
}

#[test]
fn a_scan_sees_folder_by_folder_what_is_in_them_by_name() {
    let disk = Disk::new();
    disk.write("b", "12345");
    disk.write("a/y", "1");
    disk.write("a/x/deep", "");
    disk.folder("empty");
    let scan = disk.scan();
    assert_eq!(
        lines(&scan),
        [
            "a: folder",
            "b: 5 B",
            "empty: folder",
            "a/x: folder",
            "a/y: 1 B",
            "a/x/deep: 0 B"
        ]
    );
    assert_eq!((scan.files, scan.bytes), (3, 6));
    assert!(!scan.tree.root_hidden && scan.young.is_empty() && scan.troubles.is_empty());
    assert_eq!(scan, disk.scan(), "equal disks give equal scans");
    let identity = disk.seen("b").identity.unwrap();
    assert_eq!(identity.device, disk.root.identity().device);
}

#[test]
fn h09_what_is_no_file_or_folder_is_named_and_not_followed() {
    let disk = Disk::new();
    disk.write("real/x", "1");
    disk.link("real", "link");
    disk.link("nowhere", "broken");
    disk.pipe("pipe");
    let socket = std::os::unix::net::UnixListener::bind(disk.at("socket")).unwrap();
    let scan = disk.scan();
    drop(socket);
    assert_eq!(
        lines(&scan),
        [
            "broken: Symlink nobody",
            "link: Symlink nobody",
            "pipe: Pipe nobody",
            "real: folder",
            "socket: Socket nobody",
            "real/x: 1 B",
        ]
    );
}

#[test]
fn names_that_are_not_utf8_are_counted_and_shown() {
    let disk = Disk::new();
    let bad = |name: &[u8]| disk.at("a").join(std::ffi::OsStr::from_bytes(name));
    disk.write("a/x", "1");
    std::fs::write(bad(b"\xff"), "").unwrap();
    std::fs::create_dir(bad(b"d\xe9")).unwrap();
    std::fs::write(bad(b"d\xe9").join("inside"), "").unwrap();
    let scan = disk.scan();
    assert_eq!(lines(&scan), ["a: folder and 2 others", "a/x: 1 B"]);
    let odd: Vec<&str> = scan.oddities.iter().map(|oddity| oddity.shown.as_str()).collect();
    assert_eq!(odd, ["a/d\u{fffd}", "a/\u{fffd}"]);
    assert!(scan.oddities.iter().all(|oddity| oddity.odd == Odd::NotUtf8));
}

#[test]
fn n5_our_own_area_is_ignored_and_not_entered() {
    let disk = Disk::new();
    for name in [
        ".syncd/staging/x",
        "a/.syncd/x",
        "a/.syncd-park",
        ".SYNCD/x",
        "syncd-up-0000001a-000000000000beef.jpg",
        ".syncignore",
    ] {
        disk.write(name, "1");
    }
    assert_eq!(
        lines(&disk.scan()),
        [
            ".SYNCD: hidden ignored",
            ".syncd: hidden ignored",
            ".syncignore: 1 B",
            "a: folder",
            "syncd-up-0000001a-000000000000beef.jpg: 1 B ignored",
            "a/.syncd: folder",
            "a/.syncd-park: 1 B ignored",
            "a/.syncd/x: 1 B",
        ]
    );
}

#[test]
fn an_ignored_folder_is_one_node() {
    let disk = Disk::new();
    disk.write("a/.syncignore", "*.o\nbuild/");
    disk.write("a/build/deep/x", "1");
    disk.write("a/build/.syncignore", "[z-a]");
    disk.write("a/b.o", "1");
    disk.write("b.o", "1");
    let scan = disk.scan();
    assert_eq!(
        lines(&scan),
        [
            "a: folder",
            "b.o: 1 B",
            "a/.syncignore: 10 B",
            "a/b.o: 1 B ignored",
            "a/build: hidden ignored"
        ]
    );
    assert_eq!(scan.files, 2);
}

#[test]
fn a_rule_file_that_cannot_be_read_ends_the_scan() {
    let disk = Disk::new();
    disk.write("a/.syncignore", "[z-a]");
    let mut ignore = Ignore::new(&[], &[]).unwrap();
    let options = ScanOptions {
        quiet: Duration::from_secs(1),
        now_ns: LATER_NS,
    };
    let error = scan(&disk.root, &mut ignore, &Nothing, options).unwrap_err();
    assert!(matches!(error, LocalError::Rules { line: 1, .. }), "{error}");
}

#[test]
fn rules_of_a_folder_that_is_gone_hold_no_longer() {
    let disk = Disk::new();
    disk.write("a/.syncignore", "*.o");
    let mut ignore = Ignore::new(&[], &[]).unwrap();
    let options = ScanOptions {
        quiet: Duration::from_secs(1),
        now_ns: LATER_NS,
    };
    let path = RelPath::parse("a/x.o").unwrap();
    scan(&disk.root, &mut ignore, &Nothing, options).unwrap();
    assert!(ignore.ignored(&path, false).is_some());
    std::fs::remove_file(disk.at("a/.syncignore")).unwrap();
    scan(&disk.root, &mut ignore, &Nothing, options).unwrap();
    assert_eq!(ignore.ignored(&path, false), None);
}

#[test]
fn h27_m5_a_file_with_two_names_identifies_nothing() {
    let disk = Disk::new();
    disk.write("a", "1");
    disk.write("c", "1");
    std::fs::hard_link(disk.at("a"), disk.at("b")).unwrap();
    assert_eq!(lines(&disk.scan()), ["a: 1 B nobody", "b: 1 B nobody", "c: 1 B"]);
}

#[test]
fn s14_the_root_of_another_pair_is_not_entered() {
    let disk = Disk::new();
    disk.write("a/.syncd/root-id", "{}");
    disk.write("a/x", "1");
    let scan = disk.scan();
    assert_eq!(lines(&scan), ["a: hidden"]);
    assert_eq!(
        scan.troubles.values().collect::<Vec<_>>(),
        ["it is the root of another pair"]
    );
}

#[test]
fn s12_stamps_taken_too_soon_are_not_trusted() {
    let disk = Disk::new();
    disk.write("a", "1");
    disk.folder("d");
    let key = |scan: &Scan, name: &str| scan.at(&path(name)).unwrap().key;
    let (young, old) = (disk.scan_at(now_ns()), disk.scan());
    assert_eq!(young.trusted(key(&young, "a")), Some(false));
    assert_eq!(old.trusted(key(&old, "a")), Some(true));
    assert_eq!(old.trusted(key(&old, "d")), None);
}

struct Known(ContentHash);

impl KnownHashes for Known {
    fn hash(&self, id: Option<&LocalIdentity>, size: u64, _: Stamp) -> Option<ContentHash> {
        (id.is_some() && size == 1).then_some(self.0)
    }
}

#[test]
fn s13_only_files_whose_bytes_are_not_known_can_be_young() {
    let disk = Disk::new();
    disk.write("a", "1");
    disk.write("b", "12");
    let known = Known(ContentHash([1; 32]));
    let options = ScanOptions {
        quiet: Duration::from_secs(60),
        now_ns: now_ns(),
    };
    let scan = scan(&disk.root, &mut Ignore::new(&[], &[]).unwrap(), &known, options).unwrap();
    let young: Vec<_> = scan.young.iter().map(|key| scan.path(*key).unwrap()).collect();
    assert_eq!(young, [path("b")]);
    let hashes: Vec<bool> = scan
        .tree
        .nodes
        .iter()
        .map(|node| node.file().unwrap().hash.is_some())
        .collect();
    assert_eq!(hashes, [true, false]);
}

#[test]
fn s13_a_file_that_differs_at_the_second_look_is_busy() {
    let disk = Disk::new();
    for name in ["gone", "grows", "link", "quiet", "touched"] {
        disk.write(name, "1");
    }
    let options = ScanOptions {
        quiet: Duration::from_secs(60),
        now_ns: now_ns(),
    };
    let mut seen = scan(&disk.root, &mut Ignore::new(&[], &[]).unwrap(), &Nothing, options).unwrap();
    assert_eq!(seen.young.len(), 5);
    std::fs::remove_file(disk.at("gone")).unwrap();
    disk.write("grows", "12");
    disk.write_keeping_mtime("touched", "2");
    disk.replace_by_link("link", "quiet");
    settle(&disk.root, &mut seen).unwrap();
    assert_eq!(
        lines(&seen),
        [
            "gone: 1 B busy",
            "grows: 2 B busy",
            "link: 1 B busy",
            "quiet: 1 B",
            "touched: 1 B busy"
        ]
    );
    assert!(seen.young.is_empty());
}

#[test]
fn h32_a_time_of_another_clock_makes_no_file_young() {
    let disk = Disk::new();
    disk.write("a", "1");
    let far = SystemTime::now() + Duration::from_secs(70 * 365 * 86_400);
    std::fs::File::options()
        .write(true)
        .open(disk.at("a"))
        .unwrap()
        .set_modified(far)
        .unwrap();
    assert!(disk.scan().young.is_empty());
}

#[test]
fn h08_a_root_that_is_not_there_any_more_is_not_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("root");
    std::fs::create_dir(&at).unwrap();
    let root = Root::open(&at).unwrap();
    std::fs::rename(&at, dir.path().join("old")).unwrap();
    std::fs::create_dir(&at).unwrap();
    let options = ScanOptions {
        quiet: Duration::from_secs(1),
        now_ns: LATER_NS,
    };
    let error = scan(&root, &mut Ignore::new(&[], &[]).unwrap(), &Nothing, options).unwrap_err();
    assert_eq!(error, LocalError::Missing(at));
}

#[test]
fn s10_what_may_not_be_read_is_hidden_and_not_gone() {
    as_nobody(
        "local::scan::tests::s10_what_may_not_be_read_is_hidden_and_not_gone",
        || {
            let disk = Disk::new();
            disk.write("closed/x", "1");
            disk.write("listed/x", "1");
            disk.write("secret", "1");
            let mode = |name: &str, bits| {
                std::fs::set_permissions(disk.at(name), std::fs::Permissions::from_mode(bits)).unwrap();
            };
            mode("closed", 0o000);
            mode("listed", 0o600);
            mode("secret", 0o200);
            let scan = disk.scan();
            mode("closed", 0o700);
            mode("listed", 0o700);
            assert_eq!(
                lines(&scan),
                ["closed: hidden", "listed: hidden", "secret: 1 B unreadable"]
            );
            assert!(
                scan.troubles
                    .values()
                    .all(|why| why.contains("Permission denied")),
                "{:?}",
                scan.troubles
            );
        },
    );
}

#[test]
fn s10_a_root_that_may_not_be_listed_is_hidden_as_a_whole() {
    as_nobody(
        "local::scan::tests::s10_a_root_that_may_not_be_listed_is_hidden_as_a_whole",
        || {
            let disk = Disk::new();
            disk.write("x", "1");
            let mode = |bits| {
                std::fs::set_permissions(disk.dir.path(), std::fs::Permissions::from_mode(bits)).unwrap()
            };
            mode(0o300);
            let options = ScanOptions {
                quiet: Duration::from_secs(1),
                now_ns: LATER_NS,
            };
            let scanned = scan(&disk.root, &mut Ignore::new(&[], &[]).unwrap(), &Nothing, options);
            mode(0o700);
            assert!(matches!(scanned, Err(LocalError::Denied { .. })), "{scanned:?}");
        },
    );
}

#[test]
fn rules_that_may_not_be_read_end_the_scan() {
    as_nobody(
        "local::scan::tests::rules_that_may_not_be_read_end_the_scan",
        || {
            let disk = Disk::new();
            disk.write("a/.syncignore", "*");
            std::fs::set_permissions(disk.at("a/.syncignore"), std::fs::Permissions::from_mode(0o000))
                .unwrap();
            let options = ScanOptions {
                quiet: Duration::from_secs(1),
                now_ns: LATER_NS,
            };
            let error = scan(&disk.root, &mut Ignore::new(&[], &[]).unwrap(), &Nothing, options).unwrap_err();
            assert!(
                matches!(&error, LocalError::Rules { path, .. } if path == "a/.syncignore"),
                "{error}"
            );
        },
    );
}

#[test]
fn h09_mounts_are_hidden_whether_of_another_disk_or_of_this_one() {
    in_own_mounts(
        "local::scan::tests::h09_mounts_are_hidden_whether_of_another_disk_or_of_this_one",
        |mount| {
            let disk = Disk::new();
            disk.write("other/under", "1");
            disk.write("real/x", "1");
            disk.folder("bound");
            disk.write("file", "1");
            disk.write("plain", "1");
            mount(&["-t", "tmpfs", "none"], &disk.at("other"));
            mount(&["--bind", disk.at("real").to_str().unwrap()], &disk.at("bound"));
            mount(&["--bind", disk.at("plain").to_str().unwrap()], &disk.at("file"));
            assert_eq!(
                lines(&disk.scan()),
                [
                    "bound: hidden nobody",
                    "file: 1 B unreadable nobody",
                    "other: hidden nobody",
                    "plain: 1 B nobody",
                    "real: folder nobody",
                    "real/x: 1 B",
                ]
            );
            for root in disk.roots() {
                let inside = root.spot(&RelPath::parse("other/x").unwrap()).err();
                assert!(matches!(inside, Some(LocalError::Changed { .. })), "{inside:?}");
            }
        },
    );
}
