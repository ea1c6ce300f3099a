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

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(folds_case: bool, folds_normalisation: bool) -> DiskTraits {
        DiskTraits {
            folds_case,
            folds_normalisation,
            ..DiskTraits::default()
        }
    }

    #[test]
    fn h40_names_are_one_where_the_disk_says_so_and_nowhere_else() {
        let composed = ("\u{e9}t\u{e9}", "e\u{301}te\u{301}");
        let cased = ("Straße.TXT", "STRASSE.txt");
        let both = ("\u{c9}T\u{c9}", "e\u{301}te\u{301}");
        for (pair, exact, case, form, all) in [
            (composed, false, false, true, true),
            (cased, false, true, false, true),
            (both, false, false, false, true),
            (("a", "a"), true, true, true, true),
            (("a", "b"), false, false, false, false),
            (("e", "\u{e9}"), false, false, false, false),
            (("Σας", "ΣΑΣ"), false, true, false, true),
            (("\u{212b}", "\u{e5}"), false, true, false, true),
            (("\u{212b}", "\u{c5}"), false, true, true, true),
            (("ﬁ", "FI"), false, true, false, true),
            (("a", "ａ"), false, false, false, false),
            (("a\u{200b}b", "ab"), false, false, true, true),
        ] {
            for (traits, same) in [
                (disk(false, false), exact),
                (disk(true, false), case),
                (disk(false, true), form),
                (disk(true, true), all),
            ] {
                assert_eq!(
                    same_on_disk(pair.0, pair.1, &traits),
                    same,
                    "{pair:?} on {traits:?}"
                );
            }
        }
    }

    #[test]
    fn every_character_folds_with_its_cases() {
        for char in '\0'..='\u{1ffff}' {
            let key = |text: &str| -> String { text.chars().flat_map(fold_case).collect() };
            let text = String::from(char);
            let lower: String = char.to_lowercase().collect();
            assert_eq!(key(&text), key(&lower), "{char:?}");
            assert_eq!(key(&key(&text)), key(&text), "{char:?}");
        }
    }
}
