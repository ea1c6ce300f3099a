//! The simulation: whole worlds of machines, an account and people, in memory, each out of one number.
//!
//! Real are the engine, the planner, the journal and the API's types, parsers and retries. Simulated are the disk (behind
//! `local::sys`), the account (behind `api::Transport`) and the clock (behind `engine::clock`). One history takes some
//! milliseconds, so that millions of them can be lived; a failing one is told again from its seed, and made shorter.
//! Nothing in here may read the system's clock, its randomness, or iterate anything unordered.
#![allow(
    clippy::disallowed_methods,
    reason = "journals of simulated machines lie in a folder of the simulation's own"
)]

pub(crate) mod account;
mod base;
mod check;
pub(crate) mod disk;
mod history;
mod ledger;
mod machine;
mod program;
pub(crate) mod rng;
#[cfg(test)]
mod tests;
pub(crate) mod time;
mod web;
mod world;

#[cfg(feature = "sim")]
pub use program::run;
