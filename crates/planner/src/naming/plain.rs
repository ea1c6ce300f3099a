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
