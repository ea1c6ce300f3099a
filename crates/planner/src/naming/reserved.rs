//! Which names are ours and never synced (design N5; history H39).
//!
//! `.syncd` at the root of a pair, `.syncd-*` anywhere, interim names. A disk may take other spellings for the same
//! entry, and an account may hold any of them, so names are compared by a skeleton in which all such spellings are
//! one. Nothing that the account says may ever lead a write into our own area.

use alloc::string::String;

use unicode_normalization::UnicodeNormalization;

use super::escape::meant_by;
use super::fold::{fold_case, is_ignorable};
use super::interim::is_interim_like;

const AREA: &str = ".syncd";
const PREFIX: &str = ".syncd-";

/// Whether the name is one of ours, on either side; `at_root`: directly in the root of a pair.
///
/// A remote name is judged both as it stands and as it would be unescaped, so asking about either side's name is
/// enough.
#[must_use]
pub fn is_ours(name: &str, at_root: bool) -> bool {
    let reads_as_ours = |text: &str| {
        let seen = skeleton(text);
        seen.starts_with(PREFIX) || (at_root && seen == AREA) || is_interim_like(text)
    };
    reads_as_ours(name) || (name.contains('⟦') && reads_as_ours(&meant_by(name)))
}

/// Equal for names that any disk could take for one: compatibility forms, case, invisible and control characters, and
/// blanks and dots at the end, which some disks drop.
pub(super) fn skeleton(name: &str) -> String {
    let seen: String = name
        .nfkd()
        .flat_map(fold_case)
        .nfkd()
        .filter(|char| !is_ignorable(*char) && !char.is_control())
        .collect();
    String::from(seen.trim_end_matches(|char: char| char == '.' || char.is_whitespace()))
}
