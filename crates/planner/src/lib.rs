//! The planner: what two folder trees must become, decided from values alone.
//!
//! Three trees go in (what both sides last agreed on, what the disk shows, what the account shows), a
//! [`merge::Merged`] comes out, and [`transition`](transition::transition) turns it into an ordered plan. Nothing
//! here reads a clock, a disk, a network or an environment, and nothing can fail: what cannot be decided is held
//! back with a reason (design §2).
#![cfg_attr(not(test), no_std)]

extern crate alloc;

#[cfg(test)]
#[path = "../../../tests/cases.rs"]
mod cases;
pub mod content;
pub mod hold;
pub mod id;
mod identify;
#[cfg(test)]
mod laws;
pub mod merge;
pub mod name;
pub mod naming;
pub mod part;
pub mod path;
pub mod policy;
#[cfg(test)]
mod pretend;
pub mod render;
pub mod rule;
#[cfg(test)]
mod sim;
pub mod transition;
pub mod tree;
#[cfg(test)]
mod worlds;
