//! What the server makes of names: mangling, numbering, tags, cuts, collation (wire.md §4). Pure.
//!
//! Names are bytes here, as they are for PHP: numbering may cut a character in half, and such names must be
//! storable, or the worst listings could not be shown.

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

use crate::clock::twelve_digits;
use crate::dialect::Quirks;
use crate::quirk_table::Quirk;

/// What PHP's `trim` takes.
fn is_edge(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0x0B)
}

/// PHP's `trim`.
#[must_use]
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let Some((first, rest)) = bytes.split_first().filter(|(b, _)| is_edge(**b)) {
        debug_assert!(is_edge(*first));
        bytes = rest;
    }
    while let Some((last, rest)) = bytes.split_last().filter(|(b, _)| is_edge(**b)) {
        debug_assert!(is_edge(*last));
        bytes = rest;
    }
    bytes
}

/// PHP's `strip_tags`: from `<` to the next `>` or to the end, unless white space follows the `<`; and NUL.
#[must_use]
pub fn strip_tags(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        let spaced = rest
            .peek()
            .is_some_and(|next| next.is_ascii_whitespace() || *next == 0x0B);
        if byte == b'<' && !spaced {
            rest.by_ref().find(|b| *b == b'>');
        } else if byte != 0 {
            out.push(byte);
        }
    }
    out
}

/// What an upload's name becomes before it is compared with its neighbours.
#[must_use]
pub fn uploaded(name: &[u8], quirks: &Quirks, now: i64) -> Vec<u8> {
    if !quirks.on(Quirk::UploadNameMangling) {
        return name.to_vec();
    }
    let last = name.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(name);
    let plain: Vec<u8> = last.iter().copied().filter(|b| *b != b'\\').collect();
    let undotted = plain.strip_prefix(b".").unwrap_or(&plain);
    let trimmed = trim(undotted);
    if trimmed.is_empty() {
        twelve_digits(now).into_bytes()
    } else {
        trimmed.to_vec()
    }
}

/// What an upload's name becomes after the comparison, still before the database cuts it.
#[must_use]
pub fn cleaned(name: &[u8], quirks: &Quirks) -> Vec<u8> {
    if !quirks.on(Quirk::UploadNameMangling) {
        return name.to_vec();
    }
    let keep = name
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'"' | b'\'' | b'\r' | b'\n'));
    keep.collect()
}

/// The name with a number, on bytes: the stem is the name without as many bytes as its last dot-part has, and one.
#[must_use]
pub fn numbered(name: &[u8], number: u32) -> Vec<u8> {
    let extension = name.rsplit(|b| *b == b'.').next().unwrap_or(name);
    let stem = if extension.len() == name.len() {
        // No dot: PHP's substr with -1 takes one byte off the end.
        name.split_last().map_or(name, |(_, stem)| stem)
    } else {
        name.get(..name.len().saturating_sub(extension.len()).saturating_sub(1))
            .unwrap_or(name)
    };
    let mut out = stem.to_vec();
    out.extend_from_slice(format!(" ({number}).").as_bytes());
    out.extend(extension.iter().map(u8::to_ascii_lowercase));
    out
}

/// What the database keeps of a name.
#[must_use]
pub fn stored(name: &[u8], quirks: &Quirks) -> Vec<u8> {
    let mut kept = name.to_vec();
    if quirks.on(Quirk::NoEmoji) {
        kept = without_emoji(&kept, quirks.word(Quirk::NoEmoji, "mode"));
    }
    if quirks.on(Quirk::Cut255) {
        let most = usize::try_from(quirks.count(Quirk::Cut255, "name")).unwrap_or(usize::MAX);
        kept = first_characters(&kept, most);
    }
    kept
}

/// The extension column: lower case, cut.
#[must_use]
pub fn extension(name: &[u8], quirks: &Quirks) -> String {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let text = String::from_utf8_lossy(last).to_lowercase();
    if quirks.on(Quirk::Cut255) {
        let most = usize::try_from(quirks.count(Quirk::Cut255, "extension")).unwrap_or(usize::MAX);
        return text.chars().take(most).collect();
    }
    text
}

fn without_emoji(name: &[u8], mode: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if u32::from(c) <= 0xFFFF {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            match mode {
                "question" => out.push(b'?'),
                "questions" => out.extend_from_slice(b"????"),
                _ => return out,
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
    out
}

fn first_characters(name: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut left = most;
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return out;
            }
            left = left.saturating_sub(1);
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        if left > 0 && !chunk.invalid().is_empty() {
            left = left.saturating_sub(1);
            out.extend_from_slice(chunk.invalid());
        }
    }
    out
}

/// The key by which names are ordered, and equal under Q29: case, accents and trailing blanks are folded away.
#[must_use]
pub fn collation_key(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut key = String::with_capacity(text.len());
    for c in text.trim_end_matches(' ').chars() {
        if c.is_ascii() {
            key.push(c.to_ascii_lowercase());
        } else if u32::from(c) > 0xFFFF {
            // A 3-byte collation weighs all of them the same.
            key.push('\u{FFFD}');
        } else {
            key.extend(base(c).to_lowercase());
        }
    }
    key
}

/// The letter without its accents; letters decomposed by other means than accents (Hangul) stay whole.
fn base(c: char) -> char {
    let (mut first, mut accented, mut count) = (c, false, 0u32);
    decompose_canonical(c, |part| {
        if count == 0 {
            first = part;
        } else {
            accented |= canonical_combining_class(part) != 0;
        }
        count = count.saturating_add(1);
    });
    if accented { first } else { c }
}

/// The type guessed from an uploaded name.
#[must_use]
pub fn mime(name: &[u8]) -> &'static str {
    let extension = name
        .rsplit(|b| *b == b'.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match extension.as_slice() {
        b"txt" | b"md" | b"log" => "text/plain",
        b"html" | b"htm" => "text/html",
        b"csv" => "text/csv",
        b"jpg" | b"jpeg" => "image/jpeg",
        b"png" => "image/png",
        b"gif" => "image/gif",
        b"pdf" => "application/pdf",
        b"zip" => "application/zip",
        b"mp3" => "audio/mpeg",
        b"mp4" => "video/mp4",
        b"json" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn upload(name: &str, taken: bool) -> String {
        let quirks = Quirks::preset(Dialect::V4);
        let mut name = uploaded(name.as_bytes(), &quirks, 1_736_299_672);
        if taken {
            name = numbered(&name, 2);
        }
        String::from_utf8_lossy(&stored(&cleaned(&name, &quirks), &quirks)).into_owned()
    }

    fn edit(name: &str) -> String {
        let quirks = Quirks::preset(Dialect::V4);
        let stripped = strip_tags(name.as_bytes());
        String::from_utf8_lossy(&stored(trim(&stripped), &quirks)).into_owned()
    }

    #[test]
    fn uploads_mangle_as_the_table_says() {
        for (given, alone, taken) in [
            ("photo.JPG", "photo.JPG", "photo (2).jpg"),
            ("README", "README", "READM (2).readme"),
            (".bashrc", "bashrc", "bashr (2).bashrc"),
            ("..x", ".x", " (2).x"),
            ("it's \"x\".txt", "its x.txt", "its x (2).txt"),
            ("a<b.txt", "a<b.txt", "a<b (2).txt"),
            ("<b>hi</b>.txt", "b>.txt", "b> (2).txt"),
            (" a.txt ", "a.txt", "a (2).txt"),
            ("x/y.txt", "y.txt", "y (2).txt"),
            ("x\\y.txt", "y.txt", "y (2).txt"),
            ("a😀b.txt", "a", "a"),
            ("", "250108012752", "25010801275 (2).250108012752"),
        ] {
            assert_eq!(upload(given, false), alone, "{given}");
            assert_eq!(upload(given, true), taken, "{given}, taken");
        }
    }

    #[test]
    fn edits_strip_and_trim_and_else_are_exact() {
        for (given, kept) in [
            ("photo.JPG", "photo.JPG"),
            (".bashrc", ".bashrc"),
            ("it's \"x\".txt", "it's \"x\".txt"),
            ("a<b.txt", "a"),
            ("a < b.txt", "a < b.txt"),
            ("<b>hi</b>.txt", "hi.txt"),
            (" a.txt ", "a.txt"),
            ("x/y.txt", "x/y.txt"),
            ("a<", "a"),
        ] {
            assert_eq!(edit(given), kept, "{given}");
        }
    }

    #[test]
    fn long_names_are_cut_by_characters() {
        let long = format!("{}.pdf", "n".repeat(300));
        assert_eq!(upload(&long, false), "n".repeat(255));
        let edge = format!("{}.pdf", "n".repeat(251));
        assert_eq!(upload(&edge, false), edge);
        assert_eq!(upload(&edge, true), format!("{} (2)", "n".repeat(251)));
        let quirks = Quirks::preset(Dialect::V4);
        assert_eq!(extension(b"a.abcdefghijklm", &quirks), "abcdefghij");
        assert_eq!(
            stored("é".repeat(300).as_bytes(), &quirks),
            "é".repeat(255).into_bytes()
        );
    }

    #[test]
    fn numbering_can_cut_a_character_in_half() {
        assert_eq!(numbered("é".as_bytes(), 2), b"\xC3 (2).\xC3\xA9".to_vec());
    }

    #[test]
    fn emoji_may_become_question_marks() {
        assert_eq!(without_emoji("a😀b".as_bytes(), "question"), b"a?b");
        assert_eq!(without_emoji("a😀b".as_bytes(), "questions"), b"a????b");
        assert_eq!(without_emoji("a😀b".as_bytes(), "cut"), b"a");
    }

    #[test]
    fn collation_ignores_case_accents_and_trailing_blanks() {
        assert_eq!(collation_key("Été.txt".as_bytes()), collation_key(b"ete.TXT  "));
        assert_ne!(
            collation_key("e\u{301}".as_bytes()),
            collation_key("é".as_bytes())
        );
        assert_ne!(collation_key("가".as_bytes()), collation_key("각".as_bytes()));
    }

    proptest::proptest! {
        #![proptest_config(crate::cases::cases_or(256))]

        #[test]
        fn an_uploaded_name_has_no_path_no_quotes_and_fits_whatever_was_sent(name: Vec<u8>, number in 2u32..99) {
            let quirks = Quirks::preset(Dialect::V4);
            let mangled = uploaded(&name, &quirks, 0);
            let kept = stored(&cleaned(&numbered(&mangled, number), &quirks), &quirks);
            proptest::prop_assert!(kept.iter().all(|b| !matches!(b, b'/' | b'\\' | b'"' | b'\'' | b'\r' | b'\n')));
            proptest::prop_assert!(String::from_utf8_lossy(&kept).chars().count() <= 255);
        }

        #[test]
        fn plain_names_survive_an_upload_and_an_edit(name in "[a-z0-9_]{1,40}[.][a-z0-9]{1,9}") {
            proptest::prop_assert_eq!(upload(&name, false), name.clone());
            proptest::prop_assert_eq!(edit(&name), name);
        }
    }
}
