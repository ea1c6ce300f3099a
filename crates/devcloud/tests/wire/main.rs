//! Everything a client can see of the server, asked over HTTP: the document, each quirk by its number, faults, `/_dev`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

mod binary;
mod common;
mod document;
mod faults;
mod quirks_auth;
mod quirks_names;
mod quirks_server;
mod quirks_transfer;
mod quirks_trash;
mod quirks_tree;
