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

#[test]
fn every_rule_of_a_merge_is_shown_by_a_case() {
    let mut shown = BTreeSet::new();
    for (_, case) in table() {
        let merged = case().merged();
        shown.extend(
            merged
                .target
                .iter()
                .flat_map(|node| [node.place_rule, node.content_rule]),
        );
        shown.extend(merged.removed.iter().map(|removal| removal.because));
    }
    // Parking is a matter of the transition alone.
    let missing: Vec<&Rule> = Rule::ALL
        .iter()
        .filter(|rule| **rule != Rule::Parked && !shown.contains(rule))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
