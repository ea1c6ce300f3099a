//! What a part must have taken in, by name; that it decides as the whole is a law (`laws.rs`, `worlds`).

use super::*;
use crate::tree::Node as _;
use crate::tree::build::{Case, case};

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// The part around what happened at these paths here.
fn around(case: &Case, paths: &[&str]) -> Option<Part> {
    let seeds = Seeds {
        local: paths.iter().map(|text| path(text)).collect(),
        ..Seeds::default()
    };
    cut_out(case, &seeds, usize::MAX)
}

fn cut_out(case: &Case, seeds: &Seeds, at_most: usize) -> Option<Part> {
    let holder = |identity| {
        let mut entries = case.local.nodes.iter();
        entries
            .find(|entry| entry.identity == Some(identity))
            .map(|entry| entry.key)
    };
    let whole = Whole {
        synced: &case.synced,
        local: &case.local,
        holder: &holder,
        remote: &case.remote,
    };
    part(whole, seeds, at_most)
}

fn records(part: &Part) -> Vec<String> {
    let mut paths: Vec<_> = part
        .synced
        .iter()
        .map(|node| part.synced.path(node.key()).unwrap().to_string())
        .collect();
    paths.sort();
    paths
}

const TREE: &str = "
    a/one.txt  'one'
    a/b/two.txt  'two'
    a/b/c/three.txt  'three'
    d/four.txt  'four'
    d/e/five.txt  'five'
    f.txt  'six'
";

#[test]
fn a_file_comes_with_its_folder_and_the_folders_above_as_places() {
    let case = case().all(TREE);
    let part = around(&case, &["a/b/two.txt"]).unwrap();
    assert_eq!(records(&part), ["a", "a/b", "a/b/c", "a/b/two.txt"]);
    assert_eq!(part.local.nodes.len(), 4);
    assert_eq!(part.remote.nodes.len(), 4);
    assert_eq!(part.open, BTreeSet::from([path("a/b")]));
}

#[test]
fn a_folder_that_is_gone_or_new_comes_with_all_below_it() {
    let here = TREE.replace("a/b/", "d/b/");
    let case = case().synced(TREE).local(&here).remote(TREE);
    let part = around(&case, &["a/b", "d/b"]).unwrap();
    assert_eq!(
        records(&part),
        [
            "a",
            "a/b",
            "a/b/c",
            "a/b/c/three.txt",
            "a/b/two.txt",
            "a/one.txt",
            "d",
            "d/e",
            "d/four.txt"
        ]
    );
    assert_eq!(part.local.nodes.len(), part.synced.len());
    assert_eq!(part.remote.nodes.len(), part.synced.len());
}

/// The part around a folder that moved as it is.
fn around_moved(case: &Case, now: &str, before: &str) -> Vec<String> {
    let seeds = Seeds {
        moved: BTreeMap::from([(path(now), path(before))]),
        ..Seeds::default()
    };
    records(&cut_out(case, &seeds, usize::MAX).unwrap())
}

#[test]
fn a_folder_that_moved_as_it_is_comes_without_what_is_in_it_where_nobody_else_wants_its_place() {
    let alone = ["a", "a/b", "a/one.txt", "d", "d/e", "d/four.txt"];
    let whole = |records: &[String]| records.iter().any(|path| path == "a/b/c/three.txt");
    let then = format!("a/b/  inode 8\na/b/c/  inode 9{TREE}");
    let here = then.replace("a/b/", "d/x/");
    let moved = || case().synced(&then).local(&here);
    assert_eq!(around_moved(&moved().remote(TREE), "d/x", "a/b"), alone);
    // What changed in it is in the part, with its folder.
    let seeds = Seeds {
        local: BTreeSet::from([path("d/x/c/new.txt")]),
        moved: BTreeMap::from([(path("d/x"), path("a/b"))]),
        ..Seeds::default()
    };
    let inside = records(&cut_out(&moved().remote(TREE), &seeds, usize::MAX).unwrap());
    let new: Vec<_> = inside
        .iter()
        .filter(|path| !alone.contains(&path.as_str()))
        .collect();
    assert_eq!(new, ["a/b/c", "a/b/c/three.txt"]);
    // It is elsewhere in the account as well, or something else is new where it goes, on either side, or where it was.
    let there = format!("a/b/  name 'y'{TREE}");
    assert!(whole(&around_moved(&moved().remote(&there), "d/x", "a/b")));
    let wanted = format!("{TREE}d/x 2.txt  'seven'");
    assert!(whole(&around_moved(&moved().remote(&wanted), "d/x", "a/b")));
    let beside = format!("{here}d/new.txt  'eight'");
    let beside = case().synced(&then).local(&beside).remote(TREE);
    assert!(whole(&around_moved(&beside, "d/x", "a/b")));
    let again = format!("{here}a/b/  inode 77");
    let again = case().synced(&then).local(&again).remote(TREE);
    assert!(whole(&around_moved(&again, "d/x", "a/b")));
}

#[test]
fn a_name_that_is_derived_comes_with_those_it_is_derived_because_of() {
    // Found by a simulated history: without the other the name seemed to be free.
    let case = case()
        .synced("b/x.txt  'x'\nb (id 2)/  folder 2  inode 9  there 'b'\nb (id 2)/y.txt  'y'")
        .local("b/x.txt  'x'\nb (id 2)/  inode 9\nb (id 2)/y.txt  'y'")
        .remote("b/x.txt  'x'\nb (id 2)/  folder 2  name 'b'\nb (id 2)/y.txt  'y'");
    let part = around(&case, &["b (id 2)/y.txt"]).unwrap();
    assert_eq!(records(&part), ["b", "b (id 2)", "b (id 2)/y.txt"]);
}

#[test]
fn there_is_no_part_where_it_would_be_too_large_or_the_disk_is_hidden() {
    let case = case().all(TREE);
    let seeds = Seeds {
        local: BTreeSet::from([path("a/b/two.txt")]),
        ..Seeds::default()
    };
    assert!(cut_out(&case, &seeds, 6).is_some());
    assert!(cut_out(&case, &seeds, 5).is_none());
    assert!(cut_out(&case.hidden_root(), &seeds, 6).is_none());
}

#[test]
fn folders_nested_deeper_than_a_stack_and_rings_of_them_end() {
    let mut case = case().all(TREE);
    let folder = |number: u64| crate::tree::build::folder_id(1_000_000 + number);
    let row = |number: u64, parent: Option<FolderId>| RemoteNode {
        id: RemoteId::Folder(folder(number)),
        parent,
        name: crate::name::RemoteName::new("x"),
        ignored: false,
        kind: crate::tree::RemoteKind::Folder { readable: true },
    };
    const DEEP: u64 = 50_000;
    for number in 0..DEEP {
        let parent = number.checked_sub(1).map(folder);
        case.remote.nodes.insert(row(number, parent));
    }
    let deepest = Seeds {
        remote: BTreeSet::from([Some(folder(DEEP - 1))]),
        ..Seeds::default()
    };
    assert!(cut_out(&case, &deepest, usize::MAX).is_some());
    case.remote.nodes.insert(row(0, Some(folder(DEEP - 1))));
    assert!(cut_out(&case, &deepest, usize::MAX).is_some());
}
