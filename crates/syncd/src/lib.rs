//! syncd: keeps local folders and folders of a cloud account the same, both ways.
//!
//! Imports point down: `cli`, `demo` → `report` → `engine` → `local`, `remote` → `config`; `local` and `remote` do not know
//! each other. Nothing here panics on what comes from outside.
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests play the user on folders of their own"
    )
)]

mod blocking;
#[cfg(test)]
#[path = "../../../tests/cases.rs"]
mod cases;
mod cli;
mod config;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod engine;
mod exit;
mod local;
mod manual;
mod remote;
mod report;
mod service;
mod setup;
#[cfg(any(test, feature = "sim"))]
mod sim;
mod summary;
mod text;

pub use cli::run;
#[cfg(feature = "sim")]
pub use sim::run as simulate;
