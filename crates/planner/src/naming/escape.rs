//! The escape `⟦HEX⟧`: how a name crosses where the other side cannot hold all of its characters (design N1).
//!
//! A local name is a plain text to the server: what the server would mangle is escaped, and a `⟦` that would read as an
//! escape is one of those characters, so every local name comes back exactly. A remote name is unescaped only if it is
//! just what this room would have set; any other is taken literally, and what the disk cannot hold in it is escaped.
//! Never may a name pass through here changed in any other way.
//!
//! Laws. (1) `to_local(to_remote(n)) == n` for each `n` of this disk. (2) `to_remote(to_local(r)) == r` for each `r` that
//! `to_remote` could have set. Other remote names (set on the web: edge blanks, `a<b`, emoji, `/`, text that looks like an
//! escape) get a local name too, but not the only way back: the journal holds the pair. (3) Of two remote names with
//! one local name at least one is of that other kind; merging sees that as a repeated name (design N2).

use alloc::format;
use alloc::string::String;

use super::REMOTE_NAME_MAX;
use super::reserved::is_ours;
use crate::hold::Unnameable;
use crate::name::{LocalName, RemoteName};
use crate::policy::{DiskTraits, ServerTraits, Unstorable};

const OPEN: char = '⟦';
const CLOSE: char = '⟧';
/// An empty name has no character to escape; this stands for it on the disk.
const EMPTY: &str = "⟦⟧";
/// What the server's `trim` takes off both ends (`wire.md` §4).
pub(super) const TRIMMED: [char; 6] = [' ', '\t', '\r', '\n', '\0', '\x0b'];

/// The name for a new entry on the disk (design N1).
///
/// # Errors
/// `Reserved`: one of our own names below the root ([`is_ours`]; the root's `.syncd` is the caller's to ask for).
/// `Unstorable`: it needs an escape and `how` forbids that. `TooLong`: more than `name_max` bytes.
pub fn to_local(name: &RemoteName, disk: &DiskTraits, how: Unstorable) -> Result<LocalName, Unnameable> {
    let meant = meant_by(name.as_str());
    let held = escape_for_disk(&meant, disk);
    if is_ours(name.as_str(), false) || is_ours(&held, false) {
        return Err(Unnameable::Reserved);
    }
    if how == Unstorable::Skip && held != meant {
        return Err(Unnameable::Unstorable);
    }
    if held.len() > disk.name_max {
        return Err(Unnameable::TooLong);
    }
    LocalName::new(held).ok_or(Unnameable::Unstorable)
}

/// The name to set in the account by an edit or a folder's creation (design N1; `wire.md` §4, rows 2 and 3).
///
/// A name that needs any escape is escaped with the full set of characters, also those this server was seen to keep:
/// else another machine, which has not seen that, could not tell what was meant.
///
/// # Errors
/// `Reserved`: one of our own names. `Unstorable`: it needs an escape and `how` forbids that. `TooLong`: more than
/// [`REMOTE_NAME_MAX`] characters.
pub fn to_remote(name: &LocalName, server: &ServerTraits, how: Unstorable) -> Result<RemoteName, Unnameable> {
    let text = name.as_str();
    if is_ours(text, false) {
        return Err(Unnameable::Reserved);
    }
    let kept = escape_for_server(text, server.keeps_astral) == text;
    if !kept && how == Unstorable::Skip {
        return Err(Unnameable::Unstorable);
    }
    let set = if kept {
        String::from(text)
    } else {
        escape_for_server(text, false)
    };
    if set.chars().count() > REMOTE_NAME_MAX {
        return Err(Unnameable::TooLong);
    }
    Ok(RemoteName::new(set))
}

/// How a name that is in the account can be set there again, for a new version of its file (design A4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Again {
    /// As it is: every server takes it, and keeps it.
    Kept,
    /// As it is, on a server that keeps such names; on others by this one, its escaped form.
    MayBeMangled(RemoteName),
    /// Only by this one: no request can carry the name itself. Whoever has no record of the old name gives it the local
    /// name that it had.
    Only(RemoteName),
    /// Not by itself, and its escaped form is longer than [`REMOTE_NAME_MAX`] characters.
    Never,
}

/// Whether, and how, a name that is in the account can be set there again: web users, and other programs, give names
/// that a parameter of a call cannot carry (`wire.md` Q26–Q28).
#[must_use]
pub fn set_again(name: &RemoteName) -> Again {
    let text = name.as_str();
    let unsendable = text.trim().is_empty() || text.contains('\0');
    // No disk holds a NUL: here it is spelt so, and there it will be.
    let held = text.replace('\0', "⟦0⟧");
    // A `⟦` is mangled by nobody; where anything else is escaped it is too, for whoever reads the name.
    let bare = held.replace(OPEN, "x");
    let mangled = escape_for_server(&bare, false) != bare;
    if !unsendable && !mangled {
        return Again::Kept;
    }
    let escaped = match (held.is_empty(), mangled) {
        (true, _) => String::from(EMPTY),
        (false, true) => escape_for_server(&held, false),
        (false, false) => held,
    };
    match (escaped.chars().count() > REMOTE_NAME_MAX, unsendable) {
        (false, false) => Again::MayBeMangled(RemoteName::new(escaped)),
        (false, true) => Again::Only(RemoteName::new(escaped)),
        // What a server makes of it is for it to say, as ever.
        (true, false) => Again::Kept,
        (true, true) => Again::Never,
    }
}

/// The text a remote name stands for: unescaped if that is a local name of which escaping gives the very same remote
/// name back, else itself.
pub(super) fn meant_by(remote: &str) -> String {
    let text = unescape(remote);
    if escape_for_server(&text, false) == remote && LocalName::new(text.as_str()).is_some() {
        text
    } else {
        String::from(remote)
    }
}

/// Replaces every escape by its character, whether or not it was needed.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if let Some((meant, after)) = leading_escape(rest) {
            plain.push(meant);
            rest = after;
        } else {
            plain.push(char);
            rest = rest.get(char.len_utf8()..).unwrap_or_default();
        }
    }
    plain
}

/// The character of the escape that `text` begins with, and what follows it. Only the spelling that this room writes
/// counts: upper case, no leading zeros.
fn leading_escape(text: &str) -> Option<(char, &str)> {
    let rest = text.strip_prefix(OPEN)?;
    let digits = rest
        .bytes()
        .take(7)
        .take_while(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
        .count();
    let (hex, after) = rest.split_at_checked(digits)?;
    let after = after.strip_prefix(CLOSE)?;
    if hex.len() > 6 || (hex.starts_with('0') && hex != "0") {
        return None;
    }
    let meant = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
    Some((meant, after))
}

fn push_escaped(text: &mut String, char: char) {
    text.push_str(&format!("{OPEN}{:X}{CLOSE}", u32::from(char)));
}

/// What a text parameter must be so that `strip_tags`, `trim` and the column leave it as it is.
pub(super) fn escape_for_server(text: &str, keeps_astral: bool) -> String {
    let start = text.len() - text.trim_start_matches(TRIMMED).len();
    let end = text.trim_end_matches(TRIMMED).len();
    let mut set = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        let edge = at < start || at >= end;
        let mangled = match char {
            ' ' => edge,
            // strip_tags spares a `<` before white space; of that only a blank that is not escaped itself remains.
            '<' => !rest.starts_with("< ") || at + 1 >= end,
            OPEN => leading_escape(rest).is_some(),
            _ => char.is_control() || (char > '\u{ffff}' && !keeps_astral),
        };
        if mangled {
            push_escaped(&mut set, char);
        } else {
            set.push(char);
        }
    }
    set
}

/// What one component must be so that this disk can hold it.
fn escape_for_disk(text: &str, disk: &DiskTraits) -> String {
    if text.is_empty() {
        return String::from(EMPTY);
    }
    let all = text == "." || text == "..";
    let end = if disk.dos_names {
        text.trim_end_matches(['.', ' ']).len()
    } else {
        text.len()
    };
    let device = disk.dos_names && is_dos_device(text);
    let mut held = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        let refused = match char {
            '/' | '\0' => true,
            '"' | '*' | ':' | '<' | '>' | '?' | '|' | '\\' | '\x01'..='\x1f' => disk.dos_names,
            _ => false,
        };
        if refused || all || at >= end || (device && at == 0) {
            push_escaped(&mut held, char);
        } else {
            held.push(char);
        }
    }
    held
}

/// Names that DOS took for devices, with any extension.
fn is_dos_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let is = |name: &str| stem.eq_ignore_ascii_case(name);
    let numbered = stem.split_at_checked(3).is_some_and(|(name, number)| {
        (name.eq_ignore_ascii_case("com") || name.eq_ignore_ascii_case("lpt"))
            && matches!(number.as_bytes(), [b'0'..=b'9'])
    });
    numbered || is("con") || is("prn") || is("aux") || is("nul")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: DiskTraits = DiskTraits {
        folds_case: false,
        folds_normalisation: false,
        dos_names: false,
        name_max: 255,
    };

    fn up(name: &str) -> String {
        let name = LocalName::new(name).unwrap();
        let set = to_remote(&name, &ServerTraits::default(), Unstorable::Escape).unwrap();
        String::from(set.as_str())
    }

    fn down(name: &str) -> String {
        let held = to_local(&RemoteName::new(name), &DISK, Unstorable::Escape).unwrap();
        String::from(held.as_str())
    }

    #[test]
    fn a_name_there_that_cannot_be_set_again_is_escaped_and_stays_the_same_here() {
        let name = RemoteName::new;
        for kept in [
            "a.txt",
            "⟦41⟧.txt",
            "⟦3C⟧",
            "a < b",
            "it's \"x\"",
            ".bashrc",
            "é",
            "a/b",
        ] {
            assert_eq!(set_again(&name(kept)), Again::Kept, "{kept}");
        }
        let held = |name: &RemoteName| to_local(name, &DISK, Unstorable::Escape).unwrap();
        for (mangled, escaped) in [
            (" blanks ", "⟦20⟧blanks⟦20⟧"),
            ("a<b", "a⟦3C⟧b"),
            ("a😀b", "a⟦1F600⟧b"),
            ("⟦41⟧<", "⟦27E6⟧41⟧⟦3C⟧"),
            ("tab\t", "tab⟦9⟧"),
        ] {
            assert_eq!(
                set_again(&name(mangled)),
                Again::MayBeMangled(name(escaped)),
                "{mangled}"
            );
            assert_eq!(held(&name(escaped)), held(&name(mangled)), "{mangled}");
        }
        for (unsendable, escaped) in [
            ("nul\0.txt", "nul⟦0⟧.txt"),
            (" nul\0 ", "⟦20⟧nul⟦27E6⟧0⟧⟦20⟧"),
            ("  ", "⟦20⟧⟦20⟧"),
            ("", "⟦⟧"),
        ] {
            assert_eq!(
                set_again(&name(unsendable)),
                Again::Only(name(escaped)),
                "{unsendable:?}"
            );
        }
        for unsendable in ["nul\0.txt", " nul\0 ", "  ", ""] {
            let Again::Only(escaped) = set_again(&name(unsendable)) else {
                panic!("{unsendable:?}");
            };
            assert_eq!(held(&escaped), held(&name(unsendable)), "{unsendable:?}");
        }
        let long = |part: &str| RemoteName::new(part.repeat(200));
        assert_eq!(set_again(&long("\0")), Again::Never);
        assert_eq!(set_again(&long("<")), Again::Kept);
    }

    #[test]
    fn what_the_server_would_mangle_is_escaped_and_comes_back() {
        for (local, remote) in [
            ("a<b.txt", "a⟦3C⟧b.txt"),
            ("<b>hi<b>.txt", "⟦3C⟧b>hi⟦3C⟧b>.txt"),
            ("a <", "a ⟦3C⟧"),
            ("a< ", "a⟦3C⟧⟦20⟧"),
            (" a.txt ", "⟦20⟧a.txt⟦20⟧"),
            ("   ", "⟦20⟧⟦20⟧⟦20⟧"),
            ("a😀b.txt", "a⟦1F600⟧b.txt"),
            ("a\tb\n", "a⟦9⟧b⟦A⟧"),
            ("\u{7f}\u{85}", "⟦7F⟧⟦85⟧"),
            ("⟦41⟧.txt", "⟦27E6⟧41⟧.txt"),
            ("⟦⟦41⟧", "⟦⟦27E6⟧41⟧"),
        ] {
            assert_eq!(up(local), remote);
            assert_eq!(down(remote), local);
        }
    }

    #[test]
    fn what_the_server_keeps_goes_as_it_is() {
        for name in [
            "photo.JPG",
            "README",
            ".bashrc",
            "..x",
            "it's \"x\".txt",
            "a < b.txt",
            "a>b",
            "x\\y.txt",
            "100%",
            "e\u{301}",
            "é",
            "a.verylongextension",
            "⟦",
            "⟦⟧",
            "⟦xyz⟧",
            "⟦041⟧",
            "⟦1f600⟧",
            "⟦D800⟧",
            "⟦110000⟧",
            "日本",
            "a\u{a0}",
        ] {
            assert_eq!(up(name), name);
            assert_eq!(down(name), name);
        }
    }

    #[test]
    fn what_the_disk_cannot_hold_is_escaped_and_the_journal_holds_the_pair() {
        for (remote, local) in [
            ("x/y.txt", "x⟦2F⟧y.txt"),
            ("a\0b", "a⟦0⟧b"),
            (".", "⟦2E⟧"),
            ("..", "⟦2E⟧⟦2E⟧"),
            ("", "⟦⟧"),
            ("../../etc/passwd", "..⟦2F⟧..⟦2F⟧etc⟦2F⟧passwd"),
        ] {
            assert_eq!(down(remote), local);
            assert_ne!(up(local), remote, "these pairs are the journal's");
        }
    }

    #[test]
    fn a_remote_name_that_we_would_not_have_set_is_taken_literally() {
        for name in [
            "⟦41⟧",
            "⟦2F⟧",
            " a",
            "😀",
            "😀⟦20⟧",
            "⟦020⟧",
            "a⟦20⟧b",
            "⟦27E6⟧",
            "⟦27E6⟧zz⟧",
            "⟦3C⟧ b",
            "⟦0⟧⟦1F600⟧",
            "⟦2E⟧⟦2E⟧",
        ] {
            assert_eq!(down(name), name);
        }
    }

    #[test]
    fn a_name_of_an_older_or_newer_server_means_the_same_on_both_machines() {
        let keeps = ServerTraits {
            keeps_astral: true,
            ..ServerTraits::default()
        };
        let set = |name: &str| {
            let name = LocalName::new(name).unwrap();
            String::from(to_remote(&name, &keeps, Unstorable::Escape).unwrap().as_str())
        };
        assert_eq!(set("😀.txt"), "😀.txt");
        assert_eq!(down("😀.txt"), "😀.txt");
        assert_eq!(down("⟦1F600⟧.txt"), "😀.txt");
        assert_eq!(set("😀.txt "), "⟦1F600⟧.txt⟦20⟧", "all or nothing");
        assert_eq!(down("⟦1F600⟧.txt⟦20⟧"), "😀.txt ");
    }

    #[test]
    fn a_dos_disk_refuses_more() {
        let disk = DiskTraits {
            dos_names: true,
            ..DISK
        };
        for (remote, local) in [
            ("a:b?.txt", "a⟦3A⟧b⟦3F⟧.txt"),
            ("x\\y", "x⟦5C⟧y"),
            ("end. ", "end⟦2E⟧⟦20⟧"),
            ("con.txt", "⟦63⟧on.txt"),
            ("LPT1", "⟦4C⟧PT1"),
            ("console", "console"),
            ("com12", "com12"),
            ("⟦3C⟧b", "⟦3C⟧b"),
        ] {
            let held = to_local(&RemoteName::new(remote), &disk, Unstorable::Escape).unwrap();
            assert_eq!(held.as_str(), local);
        }
    }

    #[test]
    fn skip_holds_what_needs_an_escape() {
        let server = ServerTraits::default();
        for name in ["a<b", " a", "😀", "⟦41⟧", "a\n"] {
            let name = LocalName::new(name).unwrap();
            assert_eq!(
                to_remote(&name, &server, Unstorable::Skip),
                Err(Unnameable::Unstorable)
            );
        }
        for name in ["a/b", "", "..", "."] {
            let got = to_local(&RemoteName::new(name), &DISK, Unstorable::Skip);
            assert_eq!(got, Err(Unnameable::Unstorable));
        }
        assert!(to_remote(&LocalName::new("a < b").unwrap(), &server, Unstorable::Skip).is_ok());
        let escaped = to_local(&RemoteName::new("⟦20⟧a"), &DISK, Unstorable::Skip);
        assert_eq!(
            escaped.unwrap().as_str(),
            " a",
            "another machine's escape is still read"
        );
    }

    #[test]
    fn the_server_counts_characters_and_the_disk_bytes() {
        let server = ServerTraits::default();
        let set = |name: &str| to_remote(&LocalName::new(name).unwrap(), &server, Unstorable::Escape);
        assert!(set(&"é".repeat(255)).is_ok());
        assert_eq!(set(&"é".repeat(256)), Err(Unnameable::TooLong));
        assert_eq!(
            set(&["<", &"n".repeat(252)].concat()),
            Err(Unnameable::TooLong),
            "⟦3C⟧ is four"
        );
        let held = |name: &str| to_local(&RemoteName::new(name), &DISK, Unstorable::Escape);
        assert!(held(&"n".repeat(255)).is_ok());
        assert_eq!(held(&"é".repeat(128)), Err(Unnameable::TooLong));
        assert!(
            held(&["⟦20⟧", &"n".repeat(251)].concat()).is_ok(),
            "unescaped it fits"
        );
    }

    #[test]
    fn our_own_names_do_not_cross() {
        let server = ServerTraits::default();
        for name in [".syncd-x", ".SYNCD-x", "syncd-up-00000000-0000000000000000.pdf"] {
            assert_eq!(
                to_remote(&LocalName::new(name).unwrap(), &server, Unstorable::Escape),
                Err(Unnameable::Reserved)
            );
            assert_eq!(
                to_local(&RemoteName::new(name), &DISK, Unstorable::Escape),
                Err(Unnameable::Reserved)
            );
        }
    }
}
