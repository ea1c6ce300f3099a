//! What the account makes of names (wire.md §4). Pure, and on bytes: numbering may cut a character in half.

use planner::naming::fold_key;
use planner::policy::DiskTraits;

use super::clock::twelve_digits;
use super::dialect::Dialect;

/// Characters of a name that the database keeps (Q27).
const NAME_MAX: usize = 255;
/// Characters of an extension that the database keeps (Q27).
const EXTENSION_MAX: usize = 10;

/// What PHP's `trim` takes.
const fn is_edge(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0x0B)
}

/// PHP's `trim`.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let Some((_, rest)) = bytes.split_first().filter(|(byte, _)| is_edge(**byte)) {
        bytes = rest;
    }
    while let Some((_, rest)) = bytes.split_last().filter(|(byte, _)| is_edge(**byte)) {
        bytes = rest;
    }
    bytes
}

/// PHP's `strip_tags`: from `<` to the next `>` or to the end, unless white space follows the `<`; and NUL.
fn strip_tags(bytes: &[u8]) -> Vec<u8> {
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

/// A text parameter as the server takes it (Q26).
pub(super) fn parameter(text: &[u8], dialect: Dialect) -> Vec<u8> {
    if dialect.is_real() {
        trim(&strip_tags(text)).to_vec()
    } else {
        text.to_vec()
    }
}

/// What an upload's name becomes before it is compared with its neighbours (Q08).
pub(super) fn uploaded(name: &[u8], dialect: Dialect, now: u64) -> Vec<u8> {
    if !dialect.is_real() {
        return name.to_vec();
    }
    let last = name.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(name);
    let undotted = last.strip_prefix(b".").unwrap_or(last);
    let trimmed = trim(undotted);
    if trimmed.is_empty() {
        twelve_digits(now).into_bytes()
    } else {
        trimmed.to_vec()
    }
}

/// What an upload's name becomes after the comparison, still before the database cuts it (Q08).
pub(super) fn cleaned(name: &[u8], dialect: Dialect) -> Vec<u8> {
    if !dialect.is_real() {
        return name.to_vec();
    }
    let quoting = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\r' | b'\n');
    name.iter().copied().filter(|byte| !quoting(byte)).collect()
}

/// The name with a number, on bytes: the stem is the name without as many bytes as its last dot-part has, and one.
pub(super) fn numbered(name: &[u8], number: u32) -> Vec<u8> {
    let extension = name.rsplit(|b| *b == b'.').next().unwrap_or(name);
    let stem = if extension.len() == name.len() {
        // No dot: PHP's substr with -1 takes one byte off the end.
        name.split_last().map_or(name, |(_, stem)| stem)
    } else {
        let length = name.len().saturating_sub(extension.len()).saturating_sub(1);
        name.get(..length).unwrap_or(name)
    };
    let mut out = stem.to_vec();
    out.extend_from_slice(format!(" ({number}).").as_bytes());
    out.extend(extension.iter().map(u8::to_ascii_lowercase));
    out
}

/// What the database keeps of a name (Q27, Q28).
pub(super) fn stored(name: &[u8], dialect: Dialect) -> Vec<u8> {
    if !dialect.is_real() {
        return name.to_vec();
    }
    let mut out = Vec::with_capacity(name.len());
    let mut left = NAME_MAX;
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 || u32::from(c) > 0xFFFF {
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

/// The extension column: lower case, cut.
pub(super) fn extension(name: &[u8], dialect: Dialect) -> String {
    let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let text = String::from_utf8_lossy(last).to_lowercase();
    if dialect.is_real() {
        text.chars().take(EXTENSION_MAX).collect()
    } else {
        text
    }
}

/// The key by which names are ordered, and equal under Q29: case, accents and trailing blanks are folded away.
pub(super) fn collation_key(name: &[u8]) -> String {
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
    let exact = DiskTraits {
        folds_normalisation: true,
        ..DiskTraits::default()
    };
    let decomposed = fold_key(c.encode_utf8(&mut [0; 4]), &exact);
    let mut parts = decomposed.chars();
    let first = parts.next().unwrap_or(c);
    if parts.any(|part| matches!(part, '\u{300}'..='\u{36f}')) {
        first
    } else {
        c
    }
}

/// The type guessed from an uploaded name.
pub(super) fn mime(name: &[u8]) -> &'static str {
    let extension = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
    match extension.to_ascii_lowercase().as_slice() {
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

/// Whether uploads of this name are refused by their extension (Q33).
pub(super) fn is_refused(name: &[u8], dialect: Dialect) -> bool {
    let text = String::from_utf8_lossy(name).to_lowercase();
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    dialect.is_real() && matches!(extension, "php" | "phtml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(name: &str, taken: bool) -> String {
        let mut name = uploaded(name.as_bytes(), Dialect::V4, 1_736_299_672);
        if taken {
            name = numbered(&name, 2);
        }
        let kept = stored(&cleaned(&name, Dialect::V4), Dialect::V4);
        String::from_utf8_lossy(&kept).into_owned()
    }

    #[test]
    fn uploads_mangle_as_the_table_says() {
        for (given, alone, taken) in [
            ("photo.JPG", "photo.JPG", "photo (2).jpg"),
            ("README", "README", "READM (2).readme"),
            (".bashrc", "bashrc", "bashr (2).bashrc"),
            ("..x", ".x", " (2).x"),
            ("it's \"x\".txt", "its x.txt", "its x (2).txt"),
            ("x/y\\z.txt", "z.txt", "z (2).txt"),
            ("a\u{1F600}b.txt", "a", "a"),
        ] {
            assert_eq!(
                (upload(given, false), upload(given, true)),
                (alone.to_owned(), taken.to_owned())
            );
        }
    }

    #[test]
    fn case_and_accents_are_folded_away() {
        assert_eq!(collation_key("Été.TXT ".as_bytes()), "ete.txt");
        assert_eq!(collation_key("한".as_bytes()), "한");
    }
}
