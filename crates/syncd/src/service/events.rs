//! What happened, handed to everybody who listens. Nobody who is slow holds anybody up: he misses events, and the numbers
//! show it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use super::desk::Event;
use crate::engine::now;

/// Events that are kept for a listener who is behind: some seconds of a busy service.
const KEPT: usize = 1024;

/// The one source of events.
#[derive(Debug)]
pub(crate) struct Events {
    sender: broadcast::Sender<Event>,
    last: Mutex<u64>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(KEPT),
            last: Mutex::new(0),
        }
    }
}

impl Events {
    /// Events from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// This happened.
    pub(crate) fn tell(&self, pair: Option<&str>, kind: &'static str, text: impl Into<String>) {
        // Sent under the lock, so that numbers and order agree.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.saturating_add(1);
        // Nobody listens most of the time.
        let _ = self.sender.send(Event {
            seq: *last,
            at: now(),
            pair: pair.map(str::to_owned),
            kind,
            text: text.into(),
        });
    }
}
