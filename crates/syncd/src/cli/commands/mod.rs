//! One file per command.

pub(crate) mod approve;
pub(crate) mod completions;
pub(crate) mod config;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod once;
pub(crate) mod pairs;
mod render;
pub(crate) mod restore;
