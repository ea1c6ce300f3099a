//! Forms of lines: text whose fields are its own, and lines that the journal understands.

use std::fmt;

use tracing::Level;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// The usual fields under a type of their own. Layers that share a type share the text of a span's fields, and so the
/// colours in it.
#[derive(Debug, Default)]
pub(super) struct Plain(DefaultFields);

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(writer, fields)
    }
}

/// The line with its priority before it (`sd-daemon(3)`): the journal takes it away and keeps it. A message of several
/// lines has it before each.
pub(super) fn for_journal(level: Level, line: &[u8]) -> Vec<u8> {
    let priority = match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    };
    let mut out = Vec::with_capacity(line.len() + priority.len());
    for piece in line.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(priority.as_bytes());
        out.extend_from_slice(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_priority() {
        let of = |level, line: &str| String::from_utf8(for_journal(level, line.as_bytes())).unwrap();
        assert_eq!(of(Level::ERROR, "a\n"), "<3>a\n");
        assert_eq!(of(Level::WARN, "a\nb\n"), "<4>a\n<4>b\n");
        assert_eq!(of(Level::INFO, "a\n"), "<6>a\n");
        assert_eq!(of(Level::TRACE, "a\n"), "<7>a\n");
    }
}
