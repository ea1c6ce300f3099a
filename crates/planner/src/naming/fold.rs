//! When two names are one on a disk, and the foldings that the neighbours share (design N2, N5; history H40).
//!
//! A key is only ever compared, never shown and never written. Keys err to one side: names that some disk of the given
//! traits takes for one have equal keys; a few that it would keep apart may have equal keys too, and then only get a
//! longer local name.

use alloc::string::String;

use unicode_normalization::UnicodeNormalization;

use crate::policy::DiskTraits;

/// Equal for names that this disk takes for one entry.
///
/// Disks that fold normalisation also drop ignorable characters (ext4 casefold, HFS+), so those are dropped then.
#[must_use]
pub fn fold_key(name: &str, disk: &DiskTraits) -> String {
    match (disk.folds_normalisation, disk.folds_case) {
        (false, false) => String::from(name),
        (false, true) => name.chars().flat_map(fold_case).collect(),
        (true, false) => name.chars().filter(|char| !is_ignorable(*char)).nfd().collect(),
        // Unicode 3.13, D145: canonical caseless matching.
        (true, true) => name
            .nfd()
            .filter(|char| !is_ignorable(*char))
            .flat_map(fold_case)
            .nfd()
            .collect(),
    }
}

/// Whether two names are one entry on this disk.
#[must_use]
pub fn same_on_disk(a: &str, b: &str, disk: &DiskTraits) -> bool {
    a == b || fold_key(a, disk) == fold_key(b, disk)
}

/// Full case folding out of the mappings of `core`: lower, upper, lower brings all case variants of a character to one
/// text, `ß` and `ẞ` to `ss`, final and other sigma to `σ`.
pub(super) fn fold_case(char: char) -> impl Iterator<Item = char> {
    char.to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// `Default_Ignorable_Code_Point` of Unicode: zero-width characters, soft hyphen, bidi marks, variation selectors, BOM,
/// tags, fillers.
pub(super) const fn is_ignorable(char: char) -> bool {
    matches!(
        char,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
