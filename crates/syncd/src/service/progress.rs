//! How far a pass is: what it is doing, what is left of it, and how fast it goes. Values only.

use super::desk::{DOING, Doing, Queue};
use super::window::Window;

/// Over which the rate is measured, in seconds.
pub(super) const RATE_WINDOW: u64 = 10;

/// Steps under way that are kept; more are never begun at once.
const NOW_MAX: usize = 512;

/// The progress of one pair. Times are seconds since its start.
#[derive(Debug, Default)]
pub(super) struct Progress {
    doing: Option<String>,
    now: Vec<Doing>,
    queue: Queue,
    moved: Window,
}

impl Progress {
    /// A pass begins.
    pub(super) fn begin(&mut self) {
        self.queue = Queue::default();
        self.now.clear();
    }

    /// It has ended.
    pub(super) fn end(&mut self) {
        self.begin();
        self.doing = None;
    }

    /// What there is to do.
    pub(super) fn totals(&mut self, files: u64, bytes: u64) {
        self.queue = Queue { files, bytes };
    }

    /// A step at this path begins.
    pub(super) fn step_begun(&mut self, path: &str, text: String) {
        if self.now.len() < NOW_MAX {
            let path = path.to_owned();
            self.now.push(Doing { path, text });
        }
    }

    /// A step has ended, however that was.
    pub(super) fn step_ended(&mut self, text: &str) {
        if let Some(at) = self.now.iter().position(|doing| doing.text == text) {
            self.now.remove(at);
        }
    }

    /// A step is done.
    pub(super) fn step_done(&mut self, text: String) {
        self.doing = Some(text);
    }

    /// So many more bytes were transferred.
    pub(super) fn bytes(&mut self, at: u64, done: u64) {
        self.moved.add(at, done, RATE_WINDOW);
        self.queue.bytes = self.queue.bytes.saturating_sub(done);
    }

    /// One more file is done.
    pub(super) fn file_done(&mut self) {
        self.queue.files = self.queue.files.saturating_sub(1);
    }

    /// The step that was done last.
    pub(super) fn doing(&self) -> Option<String> {
        self.doing.clone()
    }

    /// Some of the steps under way.
    pub(super) fn now(&self) -> Vec<Doing> {
        self.now.iter().take(DOING).cloned().collect()
    }

    /// What is left.
    pub(super) const fn queue(&self) -> Queue {
        self.queue
    }

    /// Bytes a second, lately.
    pub(super) fn rate(&self, at: u64) -> u64 {
        self.moved.sum(at, RATE_WINDOW) / RATE_WINDOW
    }

    /// Seconds that the rest takes at this rate; nothing where nothing is left or nothing moves.
    pub(super) fn eta(&self, at: u64) -> Option<u64> {
        let bytes = self.queue.bytes;
        bytes.checked_div(self.rate(at)).filter(|_| bytes > 0)
    }
}
