//! One file per command.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod once;
mod render;
