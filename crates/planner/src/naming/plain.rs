//! Which names survive an upload unchanged, and which siblings the server takes for equal (design A1, A2; `wire.md` §4).
//!
//! Everything errs to one side: in doubt a name is not plain and two names are loosely equal, which costs one more call
//! (the interim's edit). [`loose_key`] predicts Q07 and is never an identity: in listings such names are distinct.

use alloc::string::String;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::REMOTE_NAME_MAX;
use super::escape::escape_for_server;
use super::fold::{fold_case, is_ignorable};
use crate::name::{PlainName, RemoteName};

/// The name, if an upload under it is certain to be stored under exactly it, as long as no sibling is loosely equal.
///
/// Refused is also what would survive the upload but not the edit after a numbering, and a last dot-part (the whole
/// name, if it has no dot) outside ASCII: numbering cuts and lower-cases it by bytes, and broken UTF-8 can make a folder
/// unlistable for good (`wire.md` Q39).
#[must_use]
pub fn plain(name: &RemoteName) -> Option<PlainName> {
    let text = name.as_str();
    let kept = |char: char| {
        !char.is_control() && char <= '\u{ffff}' && !matches!(char, '/' | '\\' | '"' | '\'' | '%')
    };
    let blank = |char: Option<char>| char.is_none_or(char::is_whitespace);
    let refused = text.starts_with('.')
        || blank(text.chars().next())
        || blank(text.chars().next_back())
        || !text.chars().all(kept)
        || text.chars().count() > REMOTE_NAME_MAX
        || text.rsplit('.').next().is_some_and(|part| !part.is_ascii())
        // Only `<` can still differ here, or a literal escape, which is plain text to the server.
        || (text.contains('<') && escape_for_server(text, false).contains("⟦3C⟧"));
    (!refused).then(|| PlainName::trusted(text))
}

/// Equal for all names that the server's comparison may take for equal: it ignores case, accents and trailing blanks,
/// and its collations differ in the rest (`ß` is `s` or `ss`).
#[must_use]
pub fn loose_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    let letters = name
        .nfkd()
        .flat_map(fold_case)
        .nfkd()
        .filter(|char| !is_combining_mark(*char) && !is_ignorable(*char) && !char.is_control());
    for char in letters {
        match char {
            'æ' => key.push_str("ae"),
            'œ' => key.push_str("oe"),
            'þ' => key.push_str("th"),
            'ø' => key.push('o'),
            'ł' => key.push('l'),
            'đ' | 'ð' => key.push('d'),
            'ħ' => key.push('h'),
            'ŧ' => key.push('t'),
            // One `s` or two is all the same to one collation or another.
            's' if key.ends_with('s') => {}
            'ぁ'..='ゖ' => key.push(large_kana(katakana(char))),
            'ァ'..='ヶ' => key.push(large_kana(char)),
            // Collations of the 3-byte kind give all of these one weight.
            '\u{10000}'.. => key.push('\u{fffd}'),
            _ => key.push(char),
        }
    }
    key.truncate(key.trim_end().len());
    key
}

/// Hiragana as katakana, which lies 0x60 further on.
fn katakana(char: char) -> char {
    char::from_u32(u32::from(char) + 0x60).unwrap_or(char)
}

const fn large_kana(char: char) -> char {
    match char {
        'ァ' => 'ア',
        'ィ' => 'イ',
        'ゥ' => 'ウ',
        'ェ' => 'エ',
        'ォ' => 'オ',
        'ッ' => 'ツ',
        'ャ' => 'ヤ',
        'ュ' => 'ユ',
        'ョ' => 'ヨ',
        'ヮ' => 'ワ',
        'ヵ' => 'カ',
        'ヶ' => 'ケ',
        _ => char,
    }
}

/// Whether the server, finding `wanted` taken, could have stored the upload as `candidate` (design A1; `wire.md` §4).
///
/// Numbering works on bytes: the stem is the name without its last dot-part and one byte more, the extension comes back
/// in lower case; so `README` becomes `READM (2).readme`. The result is cut to 255 characters.
#[must_use]
pub fn numbered_like(candidate: &str, wanted: &PlainName) -> bool {
    let name = wanted.as_str();
    let dot_part = name.rsplit('.').next().unwrap_or(name);
    // Without a dot there is no byte before the dot-part; the server's length is -1 then: all but the last byte.
    let stem_len = match name.len().checked_sub(dot_part.len() + 1) {
        Some(length) => length,
        None => name.len().saturating_sub(1),
    };
    let Some(rest) = name.get(..stem_len).and_then(|stem| candidate.strip_prefix(stem)) else {
        return false;
    };
    let extension = dot_part.to_ascii_lowercase();
    match rest.strip_prefix(" (").map(split_number) {
        Some((number, end)) if is_number(number) => {
            let end_wanted = [")", ".", &extension].concat();
            end == end_wanted
                || (extension.is_empty() && end == ")")
                || (is_cut(candidate) && end_wanted.starts_with(end))
        }
        // The cut may fall into the number.
        Some((number, end)) => (number.is_empty() || number == "1") && end.is_empty() && is_cut(candidate),
        None => rest == " " && is_cut(candidate),
    }
}

fn split_number(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or((text, ""))
}

/// 2 or more, as the server counts.
fn is_number(digits: &str) -> bool {
    !digits.is_empty() && !digits.starts_with('0') && digits != "1"
}

fn is_cut(candidate: &str) -> bool {
    candidate.chars().count() == REMOTE_NAME_MAX
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn is_plain(name: &str) -> bool {
        plain(&RemoteName::new(name)).is_some()
    }

    fn numbered(name: &str, candidate: &str) -> bool {
        numbered_like(candidate, &plain(&RemoteName::new(name)).unwrap())
    }

    #[test]
    fn plain_names_survive_an_upload() {
        for name in [
            "photo.JPG",
            "README",
            "a < b.txt",
            "Été.txt",
            "e\u{301}.txt",
            "日本.txt",
            "a b.verylongextension",
            "a.b.c",
            "x (2).txt",
            "⟦20⟧a.txt",
        ] {
            assert!(is_plain(name), "{name:?}");
        }
        assert!(is_plain(&format!("{}.pdf", "n".repeat(251))));
    }

    #[test]
    fn names_that_an_upload_changes_are_not_plain() {
        for name in [
            "",
            ".bashrc",
            "..x",
            ".",
            "it's.txt",
            "\"x\".txt",
            "a%22.txt",
            " a.txt",
            "a.txt ",
            "a\u{a0}",
            "x/y.txt",
            "x\\y.txt",
            "a😀b.txt",
            "a\nb",
            "a\0b",
            "a\u{85}",
            "\u{b}a",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(!is_plain(&format!("{}.pdf", "n".repeat(300))));
        assert!(!is_plain(&"n".repeat(256)));
    }

    #[test]
    fn names_that_only_an_upload_spares_or_a_numbering_breaks_are_not_plain() {
        for name in ["a<b.txt", "<b>hi", "a<", "Café", "a.été", "日本"] {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn the_server_numbers_by_bytes_and_lower_cases_the_extension() {
        for (name, candidate) in [
            ("photo.JPG", "photo (2).jpg"),
            ("photo.JPG", "photo (31).jpg"),
            ("README", "READM (2).readme"),
            ("a < b.txt", "a < b (2).txt"),
            ("a.tar.gz", "a.tar (2).gz"),
            ("a", " (2).a"),
            ("a.", "a (2)."),
            ("a.", "a (2)"),
            ("Été.txt", "Été (4).txt"),
        ] {
            assert!(numbered(name, candidate), "{name} {candidate}");
        }
        let (stem, long) = ("n".repeat(251), format!("{}.pdf", "n".repeat(251)));
        assert!(
            numbered(&long, &format!("{stem} (2)")),
            "the extension is cut off"
        );
        for end in ["(", "(2", "(1", "(12", "(12)", "(2)."] {
            let stem = "n".repeat(254 - end.len());
            assert!(numbered(&format!("{stem}.a"), &format!("{stem} {end}")), "{end}");
        }
        assert!(numbered(&"n".repeat(255), &format!("{} ", "n".repeat(254))));
    }

    #[test]
    fn other_names_are_not_numbered_ones() {
        for (name, candidate) in [
            ("photo.JPG", "photo.JPG"),
            ("photo.JPG", "photo (2).JPG"),
            ("photo.JPG", "photo (1).jpg"),
            ("photo.JPG", "photo (02).jpg"),
            ("photo.JPG", "photo (2) (2).jpg"),
            ("photo.JPG", "photo ().jpg"),
            ("photo.JPG", "photo (2)"),
            ("photo.JPG", "photo (2).jpg.jpg"),
            ("photo.JPG", "Photo (2).jpg"),
            ("README", "README (2)"),
            ("a.txt", "b (2).txt"),
            ("a.txt", ""),
        ] {
            assert!(!numbered(name, candidate), "{name} {candidate}");
        }
    }

    #[test]
    fn q29_what_any_collation_takes_for_equal_has_one_key() {
        for (a, b) in [
            ("Été.txt", "ete.TXT"),
            ("\u{e9}", "e\u{301}"),
            ("a", "a  "),
            ("a", "a\u{a0}"),
            ("straße", "STRASSE"),
            ("straße", "strase"),
            ("Ærø", "aero"),
            ("Łódź", "lodz"),
            ("ΣΑΣ", "σας"),
            ("ガ", "か"),
            ("ッ", "ﾂ"),
            ("ａｂｃ", "ABC"),
            ("İI", "ıi"),
            ("ﬁ", "FI"),
            ("й", "И"),
            ("a\u{ad}b", "ab"),
            ("😀", "😁"),
        ] {
            assert_eq!(loose_key(a), loose_key(b), "{a:?} {b:?}");
        }
        for (a, b) in [
            ("a", "b"),
            ("a b", "ab"),
            ("a.txt", "a.tx"),
            (" a", "a"),
            ("日", "本"),
            ("a.b", "a b"),
        ] {
            assert_ne!(loose_key(a), loose_key(b), "{a:?} {b:?}");
        }
    }
}
