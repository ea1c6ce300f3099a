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

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let text = document("docs/security.md");
    // Rows of tables: the third cell.
    let cells = text.lines().filter(|line| line.starts_with('|'));
    let cells = cells.filter_map(|line| line.split('|').nth(3)).skip(1);
    let names: BTreeSet<&str> = cells.flat_map(quoted).collect();
    assert!(names.len() > 30, "{names:?}");
    assert_tests_exist(names);
}

/// A heading as others link to it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|&c| c.is_alphanumeric() || " -_".contains(c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let root = workspace();
    let book = root.join("docs").canonicalize().unwrap();
    let mut pages: Vec<PathBuf> = below(&book);
    pages.extend(["README.md", "CHANGELOG.md", "SECURITY.md"].map(|name| root.join(name)));
    let mut seen = 0;
    for page in pages
        .iter()
        .filter(|page| page.extension().is_some_and(|it| it == "md"))
    {
        let text = std::fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let to = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            assert!(to.exists(), "{}: no {link}", page.display());
            let inside = |path: &Path| path.canonicalize().unwrap().starts_with(&book);
            assert!(
                inside(&to) || !inside(page),
                "{}: {link} leads out of the book",
                page.display()
            );
            if !heading.is_empty() {
                let there = std::fs::read_to_string(&to).unwrap();
                let mut headings = there.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
                assert!(found, "{}: no heading {link}", page.display());
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_page_is_in_the_book_once() {
    let docs = workspace().join("docs");
    let summary = document("docs/SUMMARY.md");
    let mut linked: Vec<String> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(str::to_owned)
        .collect();
    let mut pages: Vec<String> = below(&docs)
        .iter()
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .map(|path| path.strip_prefix(&docs).unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "SUMMARY.md")
        .collect();
    linked.sort();
    pages.sort();
    assert_eq!(linked, pages);
}

#[test]
fn every_trap_names_quirks_that_have_a_test() {
    let quirks = document("docs/testing.md");
    let text = document("docs/api-traps.md");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    assert!(rows.len() > 10, "{rows:?}");
    for row in rows {
        let numbers = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        for number in numbers.split(", ") {
            let is_number = number.len() == 3 && number.starts_with('Q');
            assert!(is_number && quirks.contains(&format!("\n| {number} | ")), "{row}");
        }
    }
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
