//! The documents are in step with the code: every module folder is on the map, every test that a guarantee names exists.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, and says where"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Longest map that is still a map, in lines.
const MAP_MAX: usize = 150;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(name: &str) -> String {
    std::fs::read_to_string(workspace().join(name)).unwrap()
}

/// Everything below a folder, folders first or not, in no order.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

/// Module folders as the map names them: `syncd/local/apply`.
fn module_folders() -> BTreeSet<String> {
    let crates = workspace().join("crates");
    let mut names = BTreeSet::new();
    for member in std::fs::read_dir(&crates).unwrap() {
        let member = member.unwrap().path();
        let source = member.join("src");
        for folder in below(&source).into_iter().filter(|path| path.is_dir()) {
            let inside = folder.strip_prefix(&source).unwrap().to_str().unwrap();
            names.insert(format!(
                "{}/{inside}",
                member.file_name().unwrap().to_str().unwrap()
            ));
        }
    }
    names
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn the_map_shows_every_module_folder_and_fits_on_a_few_screens() {
    let map = document("docs/architecture.md");
    assert!(map.lines().count() <= MAP_MAX, "{} lines", map.lines().count());
    let named: BTreeSet<String> = quoted(&map).map(str::to_owned).collect();
    let folders = module_folders();
    assert!(folders.contains("planner/merge"), "{folders:?}");
    let missing: Vec<_> = folders.difference(&named).collect();
    assert!(missing.is_empty(), "not on the map: {missing:?}");
}

#[test]
fn every_test_that_a_guarantee_names_exists() {
    // Paragraphs `Tests: …`, up to the next paragraph or the limits.
    let text = document("docs/guarantees.md");
    let names: BTreeSet<&str> = text
        .split("\n\n")
        .flat_map(|paragraph| paragraph.split("Tests:").skip(1))
        .flat_map(|tests| quoted(tests.split("Limits:").next().unwrap()))
        .collect();
    assert!(names.len() > 50, "{names:?}");
    assert_tests_exist(names);
}

#[test]
fn every_history_and_every_quirk_has_a_row_and_its_tests_exist() {
    let text = document("docs/testing.md");
    let rows = |letter: char, last: usize| {
        for number in 1..=last {
            let start = format!("| {letter}{number:02} | ");
            let row = text.lines().find_map(|line| line.strip_prefix(start.as_str()));
            let row = row.unwrap_or_else(|| panic!("no row {letter}{number:02}"));
            assert!(row.starts_with('`') || row.starts_with("nothing: "), "{row}");
            let is_test = |name: &&str| name.len() > 12 && !name.contains([' ', '/']);
            assert_tests_exist(quoted(row).filter(is_test).collect());
        }
    };
    rows('H', 44);
    rows('Q', 60);
}

fn assert_tests_exist(names: BTreeSet<&str>) {
    let mut sources = String::new();
    for folder in ["crates", "tests"] {
        for path in below(&workspace().join(folder)) {
            if path.extension().is_some_and(|it| it == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    // Functions, and the rows of the planner's table of cases.
    let missing: Vec<_> = names
        .into_iter()
        .filter(|name| {
            !sources.contains(&format!("fn {name}(")) && !sources.contains(&format!("    {name} {{"))
        })
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

#[test]
fn every_guarantee_names_a_test() {
    let text = document("docs/guarantees.md");
    for paragraph in text.split("\n\n").filter(|paragraph| paragraph.starts_with("**")) {
        assert!(paragraph.contains("\nTests: `"), "{paragraph}");
    }
}

#[test]
fn the_coverage_names_each_endpoint_of_the_client_once_with_a_command() {
    let text = document("docs/api-coverage.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: Vec<&str> = rows
        .map(|row| {
            let (endpoint, rest) = row.split_once("` | ").unwrap();
            assert!(rest.starts_with("`syncd remote "), "{row}");
            endpoint
        })
        .collect();
    let all: Vec<&str> = api::endpoints::ALL.iter().map(|spec| spec.path).collect();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let owned = |names: &[&str]| sorted(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(owned(&named), owned(&all));
}
