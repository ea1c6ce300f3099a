//! Names under which files are uploaded before they get their real one (design A3).
//!
//! `syncd-up-JJJJJJJJ-IIIIIIIIIIIIIIII.ext`: this journal's id and the intent's, in hex, and the real extension if it is
//! harmless. The pattern is a promise to every other machine: all of them ignore active files of it. Whether one is
//! *ours* the name alone never tells; only the journal that holds the intent does.

use alloc::format;
use alloc::string::String;

use super::reserved::skeleton;
use super::stem::{Shape, split};
use crate::name::{PlainName, RemoteName};

const PREFIX: &str = "syncd-up-";
/// Longest extension an interim carries, in characters; the column holds no more (`wire.md` §4).
const EXTENSION_MAX: usize = 10;

/// Whose interim it says it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Interim {
    /// The journal's id.
    pub journal: u32,
    /// The intent's number within it.
    pub intent: u64,
}

/// The interim name for an upload that will be called `name`.
///
/// The extension is kept in lower case if it is 1 to 10 ASCII letters or digits, because servers judge types by it
/// (`wire.md` Q33).
#[must_use]
pub fn interim(journal: u32, intent: u64, name: &RemoteName) -> PlainName {
    let (_, tail) = split(name.as_str(), Shape::File);
    let mut text: String = format!("{PREFIX}{journal:08x}-{intent:016x}");
    let extension = tail.to_ascii_lowercase();
    if extension.strip_prefix('.').is_some_and(is_extension) {
        text.push_str(&extension);
    }
    PlainName::trusted(text)
}

/// Reads `^syncd-up-[0-9a-f]{8}-[0-9a-f]{16}(\.[a-z0-9]{1,10})?$`, nothing else (design A3).
#[must_use]
pub fn parse_interim(name: &str) -> Option<Interim> {
    let (journal, rest) = name.strip_prefix(PREFIX)?.split_at_checked(8)?;
    let (intent, tail) = rest.strip_prefix('-')?.split_at_checked(16)?;
    let ends_well = tail.is_empty() || tail.strip_prefix('.').is_some_and(is_extension);
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !ends_well || !hex(journal) || !hex(intent) {
        return None;
    }
    Some(Interim {
        journal: u32::from_str_radix(journal, 16).ok()?,
        intent: u64::from_str_radix(intent, 16).ok()?,
    })
}

/// Whether some disk or eye could take it for an interim name (design N5).
#[must_use]
pub fn is_interim_like(name: &str) -> bool {
    parse_interim(&skeleton(name)).is_some()
}

fn is_extension(text: &str) -> bool {
    (1..=EXTENSION_MAX).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> String {
        String::from(interim(0x1a, 0xbeef, &RemoteName::new(name)).as_str())
    }

    #[test]
    fn an_interim_keeps_a_harmless_extension_in_lower_case() {
        let bare = "syncd-up-0000001a-000000000000beef";
        for (name, extension) in [
            ("photo.JPG", ".jpg"),
            ("a.tar.gz", ".gz"),
            ("README", ""),
            (".bashrc", ""),
            ("a.", ""),
            ("a.été", ""),
            ("a.ab-c", ""),
            ("a.1234567890", ".1234567890"),
            ("a.12345678901", ""),
            ("", ""),
            ("x/y.pdf", ".pdf"),
        ] {
            assert_eq!(made(name), [bare, extension].concat(), "{name}");
        }
    }

    #[test]
    fn only_the_exact_pattern_is_an_interim() {
        let read = parse_interim("syncd-up-0000001a-000000000000beef.jpg");
        assert_eq!(
            read,
            Some(Interim {
                journal: 0x1a,
                intent: 0xbeef
            })
        );
        assert!(parse_interim("syncd-up-ffffffff-ffffffffffffffff").is_some());
        for name in [
            "syncd-up-0000001A-000000000000beef",
            "Syncd-up-0000001a-000000000000beef",
            "syncd-up-0000001a-000000000000beef.",
            "syncd-up-0000001a-000000000000beef.JPG",
            "syncd-up-0000001a-000000000000beef.12345678901",
            "syncd-up-0000001a-000000000000beef.a.b",
            "syncd-up-0000001a-000000000000beef (2).jpg",
            "syncd-up-0000001a-000000000000beef\n",
            "syncd-up-+000001a-000000000000beef",
            "syncd-up-0000001a-+00000000000beef",
            "syncd-up-0000001a_000000000000beef",
            "syncd-up-001a-beef",
            "syncd-up-é00001a-000000000000beef",
            " syncd-up-0000001a-000000000000beef",
        ] {
            assert_eq!(parse_interim(name), None, "{name:?}");
        }
    }

    #[test]
    fn look_alikes_are_kept_away_too() {
        assert!(is_interim_like("SYNCD-UP-0000001A-000000000000BEEF.JPG"));
        assert!(is_interim_like("syncd-up-0000001a-\u{200b}000000000000beef"));
        assert!(!is_interim_like("syncd-up-notes.txt"));
    }
}
