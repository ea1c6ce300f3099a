//! Where a name ends and its extension begins, and how something is put between them (design N2, M12).
//!
//! One rule for all derived names, so that what one function writes the others can read. An extension is what programs
//! know a file by: short, without blanks and brackets. That also makes derived names splittable: what is inserted
//! before an extension always holds a blank.

use alloc::format;
use alloc::string::String;

use crate::id::RemoteId;
use crate::name::LocalName;

/// Longest extension in characters that is kept at the end of a derived name.
const EXTENSION_MAX: usize = 16;

/// Whether a name may have an extension: a folder's dots are part of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Shape {
    /// `a.b` is `a` with the extension `b`.
    File,
    /// `a.b` is `a.b`.
    Folder,
}

impl From<RemoteId> for Shape {
    fn from(id: RemoteId) -> Self {
        match id {
            RemoteId::File(_) => Self::File,
            RemoteId::Folder(_) => Self::Folder,
        }
    }
}

/// Stem, and extension with its dot; the latter empty where there is none (`.bashrc`, `README`, `a.`, `Mr. Smith`).
pub(super) fn split(name: &str, shape: Shape) -> (&str, &str) {
    let dot = match shape {
        Shape::Folder => None,
        Shape::File => name.rfind('.'),
    };
    match dot.and_then(|dot| name.split_at_checked(dot)) {
        Some((stem, tail)) if !stem.trim_start_matches('.').is_empty() && is_extension(tail) => (stem, tail),
        Some(_) | None => (name, ""),
    }
}

fn is_extension(tail: &str) -> bool {
    let plain = |char: char| !char.is_whitespace() && !"()[]{}⟦⟧".contains(char);
    let length = tail.chars().count();
    (2..=EXTENSION_MAX + 1).contains(&length) && tail.chars().all(plain)
}

/// `name` with `suffix` before its extension; its stem loses characters at the end, never the last one, until `fits`.
pub(super) fn inserted(
    name: &LocalName,
    shape: Shape,
    suffix: &str,
    fits: impl Fn(&str) -> bool,
) -> LocalName {
    let (mut stem, tail) = split(name.as_str(), shape);
    let text = loop {
        let text: String = format!("{stem}{suffix}{tail}");
        let shorter = stem
            .char_indices()
            .next_back()
            .and_then(|(at, _)| stem.get(..at))
            .filter(|shorter| !shorter.is_empty());
        match shorter {
            Some(shorter) if !fits(&text) => stem = shorter,
            Some(_) | None => break text,
        }
    };
    // A suffix holds neither `/` nor NUL, so the text is a name as the first one was.
    LocalName::new(text).unwrap_or_else(|| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_short_and_without_blanks() {
        for (name, stem, tail) in [
            ("a.txt", "a", ".txt"),
            ("a.tar.gz", "a.tar", ".gz"),
            (".bashrc", ".bashrc", ""),
            ("..x", "..x", ""),
            (".a.txt", ".a", ".txt"),
            ("README", "README", ""),
            ("a.", "a.", ""),
            ("a..b", "a.", ".b"),
            ("Mr. Smith", "Mr. Smith", ""),
            ("a (v1.2)", "a (v1.2)", ""),
            ("a.1234567890123456", "a", ".1234567890123456"),
            ("a.12345678901234567", "a.12345678901234567", ""),
            ("été.écrit", "été", ".écrit"),
        ] {
            assert_eq!(split(name, Shape::File), (stem, tail));
            assert_eq!(split(name, Shape::Folder), (name, ""));
        }
    }
}
