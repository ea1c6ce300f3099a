//! Which bytes a download gives, and what its headers say of them (wire.md §6.2). Pure.

use crate::dialect::Quirks;
use crate::faults::Dice;
use crate::quirk_table::Quirk;

/// A download's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// HTTP status.
    pub status: u16,
    /// First byte.
    pub start: u64,
    /// Bytes announced by Content-Length.
    pub length: u64,
    /// Content-Range.
    pub range: Option<String>,
    /// What is sent instead of the file's bytes.
    pub instead: Option<&'static [u8]>,
}

impl Span {
    fn whole(size: u64) -> Self {
        Self {
            status: 200,
            start: 0,
            length: size,
            range: None,
            instead: None,
        }
    }

    fn part(start: u64, length: u64, size: u64) -> Self {
        let last = start.saturating_add(length).saturating_sub(1);
        let range = Some(format!("bytes {start}-{last}/{size}"));
        Self {
            status: 206,
            start,
            length,
            range,
            instead: None,
        }
    }
}

/// What a Range header asks for: first and last, both optional. Several ranges are none.
fn asked(header: Option<&str>) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header?.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        if text.trim().is_empty() {
            Some(None)
        } else {
            text.trim().parse().ok().map(Some)
        }
    };
    Some((number(first)?, number(last)?))
}

/// What a server answers that keeps to its line.
#[must_use]
pub fn plain_span(header: Option<&str>, size: u64, quirks: &Quirks) -> Span {
    let asked = asked(header);
    if quirks.on(Quirk::TwoBytes) && is_two_bytes(asked, size) {
        if quirks.word(Quirk::TwoBytes, "body") == "one" {
            return Span {
                length: 1,
                instead: Some(b"1"),
                ..Span::part(0, 2, size)
            };
        }
        return Span::part(0, 2, size);
    }
    if quirks.on(Quirk::OpenRangesOnly) {
        open_only(asked, size, quirks)
    } else {
        proper(asked, size)
    }
}

/// Decides, with chance where a quirk has it.
pub(crate) fn span(header: Option<&str>, size: u64, quirks: &Quirks, dice: &mut Dice) -> Span {
    let found = plain_span(header, size, quirks);
    let resumed = found.status == 206 && found.instead.is_none() && found.start > 0;
    if resumed && quirks.on(Quirk::ResumeRestarts) {
        let p = quirks.number(Quirk::ResumeRestarts, "p");
        if dice.hits(p) {
            return restarted(&found, size, quirks, dice);
        }
    }
    found
}

/// The iPad check of the real lines: start 0, end 1.
fn is_two_bytes(asked: Option<(Option<u64>, Option<u64>)>, size: u64) -> bool {
    match asked {
        None => size == 2,
        Some((Some(0), Some(1))) => size >= 2,
        Some((Some(0), None)) => size == 2,
        Some(_) => false,
    }
}

fn open_only(asked: Option<(Option<u64>, Option<u64>)>, size: u64, quirks: &Quirks) -> Span {
    let (start, length) = match asked {
        None | Some((None | Some(0), None)) => {
            let range = quirks.flag(Quirk::OpenRangesOnly, "range-on-200");
            let said = format!("bytes 0-{}/{size}", size.saturating_sub(1));
            return Span {
                range: range.then_some(said),
                ..Span::whole(size)
            };
        }
        // `-N` is read as `0-N`.
        Some((first, Some(last))) => {
            let start = first.unwrap_or(0);
            (start, last.saturating_sub(start).saturating_add(1))
        }
        Some((Some(start), None)) => (start, size.saturating_sub(start)),
    };
    if start >= size {
        let range = Some(format!("bytes {start}-{}/{size}", size.saturating_sub(1)));
        return Span {
            status: 206,
            start: size,
            length: 0,
            range,
            instead: None,
        };
    }
    Span::part(start, length.min(size.saturating_sub(start)), size)
}

fn proper(asked: Option<(Option<u64>, Option<u64>)>, size: u64) -> Span {
    let (start, end) = match asked {
        None | Some((None, None)) => return Span::whole(size),
        Some((None, Some(last))) => (size.saturating_sub(last), size),
        Some((Some(start), None)) => (start, size),
        Some((Some(start), Some(last))) if last < start => return Span::whole(size),
        Some((Some(start), Some(last))) => (start, last.saturating_add(1).min(size)),
    };
    if start >= size {
        let range = Some(format!("bytes */{size}"));
        return Span {
            status: 416,
            start: size,
            length: 0,
            range,
            instead: None,
        };
    }
    Span::part(start, end.saturating_sub(start), size)
}

fn restarted(found: &Span, size: u64, quirks: &Quirks, dice: &mut Dice) -> Span {
    let mode = quirks.word(Quirk::ResumeRestarts, "mode");
    let shift = mode == "shift" || (mode == "mix" && dice.coin());
    if !shift {
        return Span::whole(size);
    }
    let start = found.start.saturating_sub(found.start.div_euclid(2).max(1));
    Span::part(start, size.saturating_sub(start), size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn of(dialect: Dialect, header: Option<&str>, size: u64) -> (u16, u64, u64) {
        let span = span(header, size, &Quirks::preset(dialect), &mut Dice::new(1, 1));
        (span.status, span.start, span.length)
    }

    #[test]
    fn proper_ranges_are_proper() {
        let at = |header| of(Dialect::Document, header, 100);
        assert_eq!(at(None), (200, 0, 100));
        assert_eq!(at(Some("bytes=10-")), (206, 10, 90));
        assert_eq!(at(Some("bytes=10-19")), (206, 10, 10));
        assert_eq!(at(Some("bytes=-10")), (206, 90, 10));
        assert_eq!(at(Some("bytes=100-")), (416, 100, 0));
        assert_eq!(at(Some("bytes=0-1,5-6")), (200, 0, 100));
    }

    #[test]
    fn the_real_lines_know_open_ranges_only() {
        let at = |header| of(Dialect::V5, header, 100);
        assert_eq!(at(Some("bytes=10-")), (206, 10, 90));
        assert_eq!(at(Some("bytes=0-")), (200, 0, 100));
        assert_eq!(at(Some("bytes=-10")), (206, 0, 11));
        assert_eq!(at(Some("bytes=100-")), (206, 100, 0));
    }

    #[test]
    fn two_bytes_are_right_only_for_one_question() {
        assert_eq!(of(Dialect::V5, None, 2), (206, 0, 1));
        assert_eq!(of(Dialect::V4, None, 2), (206, 0, 2));
        for dialect in [Dialect::Document, Dialect::V4, Dialect::V5] {
            assert_eq!(of(dialect, Some("bytes=0-2"), 2), (206, 0, 2), "{dialect}");
        }
    }
}
