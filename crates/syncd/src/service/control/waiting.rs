//! `GET /v1/wait`: until everything is in sync, or the time is over.
//!
//! A look is asked for first, for a file that was saved just now may not have been noticed yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fault::Fault;
use super::wire::{VERSION, Waited, WaitedItem};
use crate::service::desk::{Desk, PairState, Refusal};

/// Longest time that can be waited for in one request.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long is waited where nothing is said.
pub(super) const WAIT: Duration = Duration::from_secs(5 * 60);

/// Looked again so often even if no event tells of anything: an event can be missed.
const LOOK: Duration = Duration::from_millis(250);

/// Waits, at most so long.
pub(super) async fn wait(
    desk: &Arc<dyn Desk>,
    pair: Option<&str>,
    at_most: Duration,
) -> Result<Waited, Fault> {
    let end = Instant::now() + at_most.min(WAIT_MAX);
    until(desk, pair, end, |_, in_sync| in_sync).await
}

/// Asks for a look and waits until a pass that began after that has ended, at most so long, however it ended.
///
/// # Errors
/// The pair is paused.
pub(super) async fn look(desk: &Arc<dyn Desk>, pair: Option<&str>, at_most: Duration) -> Result<(), Fault> {
    let end = Instant::now() + at_most;
    let passed = |passes: &[(String, u64)]| {
        let passed = |(name, pass): &(String, u64)| desk.passed(name).is_ok_and(|passed| passed >= *pass);
        passes.iter().all(passed)
    };
    until(desk, pair, end, |passes, _| passed(passes))
        .await
        .map(|_| ())
}

async fn until(
    desk: &Arc<dyn Desk>,
    pair: Option<&str>,
    end: Instant,
    done: impl Fn(&[(String, u64)], bool) -> bool,
) -> Result<Waited, Fault> {
    let mut events = desk.events();
    let mut passes = None;
    loop {
        if passes.is_none() {
            passes = match desk.sync(pair) {
                Ok(passes) => Some(passes),
                Err(Refusal::Busy) => None,
                Err(refusal) => return Err(refusal.into()),
            };
        }
        let pairs = glance(desk, pair, passes.as_deref().unwrap_or_default())?;
        let in_sync = passes.is_some() && pairs.iter().all(|pair| pair.in_sync);
        let now = Instant::now();
        let done = passes.as_deref().is_some_and(|passes| done(passes, in_sync));
        if done || now >= end {
            return Ok(Waited {
                v: VERSION,
                in_sync,
                timed_out: !in_sync,
                pairs,
            });
        }
        let again = end.min(now + LOOK);
        tokio::select! {
            () = tokio::time::sleep_until(again) => {}
            // A closed channel must not spin: the next look is by the clock.
            event = events.recv() => if event.is_err() {
                tokio::time::sleep_until(again).await;
            },
        }
    }
}

fn glance(
    desk: &Arc<dyn Desk>,
    pair: Option<&str>,
    passes: &[(String, u64)],
) -> Result<Vec<WaitedItem>, Fault> {
    let item = |state: PairState| {
        let asked = passes.iter().find(|(name, _)| *name == state.name);
        let passed = match asked {
            Some((name, pass)) => desk.passed(name)? >= *pass,
            // No look was begun for it: what is known counts.
            None => true,
        };
        Ok(WaitedItem {
            in_sync: passed && state.in_sync,
            phase: state.phase.to_owned(),
            name: state.name,
        })
    };
    desk.status(pair)?.pairs.into_iter().map(item).collect()
}
