//! The last lines of this process's log, for `GET /v1/log` and `syncd log`: a bounded ring in memory, beside wherever the log
//! goes otherwise. It holds what the log holds, and that holds no secrets.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::wire::LogLine;

/// Lines kept.
pub(crate) const LINES_MAX: usize = 1000;

/// Bytes of a line that are kept; longer ones are cut.
const LINE_MAX: usize = 2048;

/// One process has one log.
static RING: LazyLock<Mutex<Ring>> = LazyLock::new(|| {
    Mutex::new(Ring {
        lines: VecDeque::new(),
        next: 1,
        new: broadcast::Sender::new(LINES_MAX),
    })
});

struct Ring {
    lines: VecDeque<LogLine>,
    next: u64,
    new: broadcast::Sender<LogLine>,
}

fn ring() -> MutexGuard<'static, Ring> {
    // A line is whole or not there: a panic elsewhere leaves nothing half done here.
    RING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a line.
pub(crate) fn push(line: &[u8]) {
    let cut = line.get(..LINE_MAX).unwrap_or(line);
    let text = String::from_utf8_lossy(cut);
    let text = text.trim_end();
    if text.is_empty() {
        return;
    }
    let mut ring = ring();
    let line = LogLine {
        seq: ring.next,
        line: text.to_owned(),
    };
    ring.next = ring.next.saturating_add(1);
    if ring.lines.len() >= LINES_MAX {
        ring.lines.pop_front();
    }
    ring.lines.push_back(line.clone());
    // Nobody listens most of the time.
    let _ = ring.new.send(line);
}

fn newest(ring: &Ring, limit: usize) -> Vec<LogLine> {
    let skipped = ring.lines.len().saturating_sub(limit);
    ring.lines.iter().skip(skipped).cloned().collect()
}

/// The newest lines, at most so many, oldest first.
pub(super) fn last(limit: usize) -> Vec<String> {
    newest(&ring(), limit).into_iter().map(|line| line.line).collect()
}

/// The same, and every line that follows them.
pub(super) fn follow(limit: usize) -> (Vec<LogLine>, broadcast::Receiver<LogLine>) {
    let ring = ring();
    (newest(&ring, limit), ring.new.subscribe())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_and_long_ones_are_cut_and_who_follows_gets_the_next() {
        // Other tests of this process log as well: only lines of our own are looked at.
        let own = |lines: Vec<String>| -> Vec<String> {
            lines
                .into_iter()
                .filter(|line| line.starts_with("ring"))
                .collect()
        };
        for number in 0..LINES_MAX + 5 {
            push(format!("ring {number}\n").as_bytes());
        }
        let (before, mut after) = follow(usize::MAX);
        push(&[b"ring ".as_slice(), &[b'x'; 4000]].concat());
        let lines = own(last(usize::MAX));
        assert_eq!(before.len(), LINES_MAX);
        assert_eq!(lines.last().unwrap().len(), LINE_MAX);
        let mut next = after.try_recv().unwrap();
        while !next.line.starts_with("ring") {
            next = after.try_recv().unwrap();
        }
        assert!(next.seq > before.last().unwrap().seq);
        assert!(last(2).len() == 2 && last(0).is_empty());
    }
}
