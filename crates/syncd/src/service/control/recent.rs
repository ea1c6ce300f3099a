//! The last lines of this process's log, for `GET /v1/log` and `syncd log`: a bounded ring in memory, beside wherever the log
//! goes otherwise. It holds what the log holds, and that holds no secrets.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// Lines kept.
pub(crate) const LINES_MAX: usize = 1000;

/// Bytes of a line that are kept; longer ones are cut.
const LINE_MAX: usize = 2048;

/// One process has one log.
static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Writes into the ring.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recent;

/// One event's line, kept when it is whole.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LINE_MAX.saturating_sub(self.0.len());
        self.0.extend(bytes.iter().take(room));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0);
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        // A line is whole or not there: a panic elsewhere leaves nothing half done here.
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(text.to_owned());
    }
}

impl<'a> MakeWriter<'a> for Recent {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line::default()
    }
}

/// The newest lines, at most so many, oldest first.
pub(super) fn last(limit: usize) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let skipped = lines.len().saturating_sub(limit);
    lines.iter().skip(skipped).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_long_ones_are_cut() {
        for number in 0..LINES_MAX + 5 {
            writeln!(Recent.make_writer(), "line {number}").unwrap();
        }
        let mut long = Recent.make_writer();
        for _ in 0..10 {
            long.write_all(&[b'x'; 1000]).unwrap();
        }
        drop(long);
        let lines = last(usize::MAX);
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines.last().unwrap().len(), LINE_MAX);
        assert_eq!(last(2).first().unwrap(), &format!("line {}", LINES_MAX + 4));
    }
}
