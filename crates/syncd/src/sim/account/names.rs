//! What the account makes of names (wire.md §4): devcloud's rules, by dialect. On bytes: numbering may cut a character in half.

use devcloud::names::{self, strip_tags};
pub(super) use devcloud::names::{collation_key, mime, numbered, trim};

use super::dialect::Dialect;

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
    names::uploaded(name, dialect.rules(), i64::try_from(now).unwrap_or(i64::MAX))
}

/// What an upload's name becomes after the comparison, still before the database cuts it (Q08).
pub(super) fn cleaned(name: &[u8], dialect: Dialect) -> Vec<u8> {
    names::cleaned(name, dialect.rules())
}

/// What the database keeps of a name (Q27, Q28).
pub(super) fn stored(name: &[u8], dialect: Dialect) -> Vec<u8> {
    names::stored(name, dialect.rules())
}

/// The extension column: lower case, cut.
pub(super) fn extension(name: &[u8], dialect: Dialect) -> String {
    names::extension(name, dialect.rules())
}

/// Whether uploads of this name are refused by their extension (Q33).
pub(super) fn is_refused(name: &[u8], dialect: Dialect) -> bool {
    let text = String::from_utf8_lossy(name).to_lowercase();
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    dialect.is_real() && matches!(extension, "php" | "phtml")
}
