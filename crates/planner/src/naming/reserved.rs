//! Which names are ours and never synced (design N5; history H39).
//!
//! `.syncd` at the root of a pair, `.syncd-*` anywhere, interim names. A disk may take other spellings for the same
//! entry, and an account may hold any of them, so names are compared by a skeleton in which all such spellings are
//! one. Nothing that the account says may ever lead a write into our own area.

use alloc::string::String;

use unicode_normalization::UnicodeNormalization;

use super::escape::meant_by;
use super::fold::{fold_case, is_ignorable};
use super::interim::parse_interim;

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
        seen.starts_with(PREFIX) || (at_root && seen == AREA) || parse_interim(&seen).is_some()
    };
    reads_as_ours(name) || (name.contains('⟦') && reads_as_ours(&meant_by(name)))
}

/// Equal for names that any disk could take for one: compatibility forms, case, invisible and control characters, and
/// blanks and dots at the end, which some disks drop.
pub(super) fn skeleton(name: &str) -> String {
    let seen: String = if name.is_ascii() {
        // The same, only quicker: every name of every scan and listing comes through here.
        let shown = name.chars().filter(|char| !char.is_control());
        shown.map(|char| char.to_ascii_lowercase()).collect()
    } else {
        let folded = name.nfkd().flat_map(fold_case).nfkd();
        folded
            .filter(|char| !is_ignorable(*char) && !char.is_control())
            .collect()
    };
    String::from(seen.trim_end_matches(|char: char| char == '.' || char.is_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h39_every_spelling_of_our_area_is_ours() {
        for name in [
            ".syncd",
            ".SYNCD",
            ".Syncd",
            ".ſyncd",
            ".ｓｙｎｃｄ",
            "．syncd",
            ".syn\u{200b}cd",
            "\u{feff}.syncd",
            ".syncd\u{fe0f}",
            ".sy\u{ad}ncd",
            "\u{202e}.syncd\u{202c}",
            ".syncd\u{200d}",
            ".syncd\u{e0020}",
            ".syncd\u{1}",
            ".syncd ",
            ".syncd.",
            ".syncd⟦1⟧",
            ".syncd⟦20⟧",
        ] {
            assert!(is_ours(name, true), "{name:?}");
            assert!(!is_ours(name, false), "{name:?} below the root is the user's");
        }
    }

    #[test]
    fn names_with_our_prefix_and_interims_are_ours_anywhere() {
        for name in [
            ".syncd-park-1",
            ".SYNCD-x",
            ".syn\u{200c}cd-",
            "syncd-up-0000001a-000000000000beef.jpg",
        ] {
            assert!(is_ours(name, false) && is_ours(name, true), "{name:?}");
        }
    }

    #[test]
    fn everything_else_is_the_users() {
        for name in [
            "syncd",
            ".syncdx",
            ".syncignore",
            "a.syncd",
            "x.syncd-y",
            ".sync",
            "..syncd",
            " .syncd",
            ".śyncd",
            "syncd-up-",
            "⟦2E⟧syncd",
            "",
        ] {
            assert!(!is_ours(name, true), "{name:?}");
        }
    }
}
