//! What was learnt of a server's own copies (`wire.md` Q24): most of them belong to nobody. Nothing is decided here.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::{Mutex, MutexGuard};

/// What is known; 0 is nothing.
const WORKS: u8 = 1;
const BROKEN: u8 = 2;

/// Whether `/file/copy` makes copies that are the account's. Shared by all clones of a client; forgotten when they end.
#[derive(Debug, Default)]
pub struct Copying {
    known: AtomicU8,
    trial: Mutex<()>,
}

impl Copying {
    /// What is known; none before a trial has ended.
    #[must_use]
    pub fn works(&self) -> Option<bool> {
        match self.known.load(Ordering::Acquire) {
            WORKS => Some(true),
            BROKEN => Some(false),
            _ => None,
        }
    }

    /// Waits until nobody else tries it, and keeps others from trying until the guard goes.
    pub async fn trial(&self) -> MutexGuard<'_, ()> {
        self.trial.lock().await
    }

    /// Notes how a trial ended.
    pub fn learn(&self, works: bool) {
        self.known
            .store(if works { WORKS } else { BROKEN }, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_trial_waits_for_the_first_and_learns_from_it() {
        let copying = Copying::default();
        assert_eq!(copying.works(), None);
        let first = copying.trial().await;
        assert!(copying.trial.try_lock().is_err());
        copying.learn(false);
        drop(first);
        let _second = copying.trial().await;
        assert_eq!(copying.works(), Some(false));
        copying.learn(true);
        assert_eq!(copying.works(), Some(true));
    }
}
