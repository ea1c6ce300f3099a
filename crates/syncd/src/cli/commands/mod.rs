//! One file per command.

pub(crate) mod approve;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod conflicts;
#[cfg(feature = "demo")]
pub(crate) mod demo;
#[cfg(feature = "demo")]
mod demo_live;
pub(crate) mod doctor;
pub(crate) mod filestatus;
pub(crate) mod forget;
pub(crate) mod history;
pub(crate) mod ignore;
pub(crate) mod init;
pub(crate) mod limit;
mod live;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod once;
pub(crate) mod pairs;
pub(crate) mod pause;
pub(crate) mod problems;
pub(crate) mod rebuild;
pub(crate) mod relocate;
pub(crate) mod remote;
mod render;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod sync;
pub(crate) mod wait;
pub(crate) mod why;
