//! The named table of merge cases: what the rules mean, each as three small trees and what comes out (design §8).
//!
//! Each case is a test of its own; the table as a whole must show every rule that a merge can give. The text is that of
//! [`render`](super::render): a line for each thing that happens, nothing for what stays as it is.

mod bytes;

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
    [bytes::TABLE].into_iter().flatten()
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
fn a_merge_done_twice_is_the_same() {
    for (name, case) in table() {
        assert_eq!(case().merged(), case().merged(), "{name}");
    }
}
