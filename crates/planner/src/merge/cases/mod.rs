//! The named table of merge cases: what the rules mean, each as three small trees and what comes out (design §8).
//!
//! Each case is a test of its own; the table as a whole must show every rule that a merge can give. The text is that of
//! [`render`](super::render): a line for each thing that happens, nothing for what stays as it is.

mod bytes;
mod gone;
mod names;
mod new;
mod oneway;
mod place;
mod unseen;
mod who;

use std::collections::BTreeSet;

use crate::rule::Rule;
use crate::tree::build::Case;

/// One row of the table.
pub(super) type Row = (&'static str, fn() -> Case);

/// Makes a test and a row of the table of each case.
macro_rules! cases {
    ($($(#[$doc:meta])* $name:ident { $case:expr } => $wanted:literal)*) => {
        /// The cases of this file.
        pub(super) const TABLE: &[super::Row] = &[$((stringify!($name), || $case),)*];
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                super::shows(stringify!($name), &$case, $wanted);
            }
        )*
    };
}
use cases;

/// All cases.
fn table() -> impl Iterator<Item = &'static Row> {
    [
        who::TABLE,
        place::TABLE,
        bytes::TABLE,
        new::TABLE,
        gone::TABLE,
        unseen::TABLE,
        names::TABLE,
        oneway::TABLE,
    ]
    .into_iter()
    .flatten()
}

fn shows(name: &str, case: &Case, wanted: &str) {
    let lines = |text: &str| {
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        lines.join("\n")
    };
    let shown = case.merge();
    if let Ok(dir) = std::env::var("CASES_DUMP") {
        std::fs::write(format!("{dir}/{name}"), &shown).unwrap();
    }
    assert_eq!(lines(&shown), lines(wanted), "{name}");
}

/// The rules that a case shows.
fn rules_of(case: &Case) -> BTreeSet<Rule> {
    let merged = case.merged();
    let nodes = merged.target.iter();
    let mut rules: BTreeSet<_> = nodes
        .flat_map(|node| [node.place_rule, node.content_rule])
        .collect();
    rules.extend(merged.removed.iter().map(|removal| removal.because));
    rules
}

#[test]
fn every_rule_of_a_merge_is_shown_by_a_case() {
    let shown: BTreeSet<_> = table().flat_map(|(_, case)| rules_of(&case())).collect();
    // Parking is a matter of the transition alone.
    let missing: Vec<&Rule> = Rule::ALL
        .iter()
        .filter(|rule| **rule != Rule::Parked && !shown.contains(rule))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Cases named for a rule in `docs/rules.md`.
const NAMED: usize = 3;

/// The table of `docs/rules.md`: what `why` and `--dry-run` say, and cases in which that is what decides.
fn document() -> String {
    let mut out = String::from("| rule | in words | some of its cases |\n|---|---|---|\n");
    for rule in Rule::ALL {
        let cases = table().filter(|(_, case)| rules_of(&case()).contains(rule));
        let cases: Vec<_> = cases.take(NAMED).map(|(name, _)| format!("`{name}`")).collect();
        out += &format!("| `{}` | {} | {} |\n", rule.name(), rule.text(), cases.join(", "));
    }
    out
}

#[test]
fn the_document_of_the_rules_is_in_step_with_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rules.md");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let table = document();
    assert!(
        text.contains(&table),
        "docs/rules.md: replace its table with:\n{table}"
    );
}
