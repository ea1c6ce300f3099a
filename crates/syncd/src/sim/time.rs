//! What of a simulated world belongs to its thread: the clock, chance, the journals.
//!
//! What the engine takes for the time of day follows tokio's clock, which a simulation pauses
//! and moves on only when nothing else is left to do.

use std::cell::Cell;

use tokio::time::Instant;

/// Where simulated days begin, in nanoseconds since 1970.
const EPOCH_NS: i64 = 1_750_000_000_000_000_000;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static DRAWN: Cell<u64> = const { Cell::new(0) };
    static SHELF: state::Shelf = state::Shelf::default();
}

/// Begins the simulated time of this thread; everything random in the engine follows from `seed`.
pub(crate) fn begin(seed: u64) {
    START.set(Some(Instant::now()));
    DRAWN.set(seed);
}

/// Ends it: the thread is in the real time again.
pub(crate) fn end() {
    START.set(None);
}

/// Nanoseconds since 1970, if this thread is simulated.
pub(crate) fn now_ns() -> Option<i64> {
    let passed = START.get()?.elapsed().as_nanos();
    Some(EPOCH_NS.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)))
}

/// Where the journals of this thread's worlds are.
pub(crate) fn shelf() -> state::Shelf {
    SHELF.with(state::Shelf::clone)
}

/// A number that nobody else has, if this thread is simulated.
pub(crate) fn draw() -> Option<u64> {
    START.get()?;
    let next = super::rng::mix(DRAWN.get());
    DRAWN.set(next);
    Some(next)
}
