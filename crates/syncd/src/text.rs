//! Small words for people: sizes, counts, names made safe for a terminal. Pure.
//!
//! File names come from strangers: nothing is shown before [`shown`] took the control characters out of it.

use std::fmt::Write as _;

/// A size for people: `0 B`, `1.5 KiB`, `2.0 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut whole, mut rest) = (bytes, 0);
    let mut name = "B";
    for unit in UNITS {
        rest = whole % 1024;
        whole /= 1024;
        name = unit;
        if whole < 1024 {
            break;
        }
    }
    format!("{whole}.{} {name}", rest * 10 / 1024)
}

/// A time for people, of one unit: `42 s`, `5 min`, `3 h`, `2 days`. Less than none is none.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// So many seconds back: `5 min ago`, `just now`.
pub(crate) fn ago(seconds: u64) -> String {
    if seconds < 2 {
        return "just now".to_owned();
    }
    span(i64::try_from(seconds).unwrap_or(i64::MAX)) + " ago"
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// How many, as the `u64` that counts are kept in.
pub(crate) fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// A name as a terminal may see it: control characters and those that turn the writing direction become `\u{…}`.
pub(crate) fn shown(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            // Writing to a String does not fail.
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_like_sizes() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(2 * 1024 * 1024 * 1024), "2.0 GiB");
        assert_eq!(size(u64::MAX), "15.9 EiB");
    }

    #[test]
    fn times_have_one_unit() {
        assert_eq!([-5, 119, 120, 7_200].map(span), ["0 s", "119 s", "2 min", "2 h"]);
        assert_eq!(span(1_000_000), "11 days");
        assert_eq!([0, 1, 300].map(ago), ["just now", "just now", "5 min ago"]);
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\u{a}");
        assert_eq!(shown("txt.\u{202e}exe"), "txt.\\u{202e}exe");
        assert_eq!(shown("Grüße 日本"), "Grüße 日本");
    }
}
