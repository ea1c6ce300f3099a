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
