//! The account at hand, for commands that a user gives (`syncd remote …`): paths to ids, listings, files sent and fetched,
//! trees copied, names and places changed.
//!
//! Beside the engine and without it: no journal, no merge, no pair. What it shares with the engine is the account
//! (`remote`), the disk (`local`) and the [`Sink`](crate::engine::Sink). What must never happen: a version in the account
//! that goes before the new one is there, a file on this disk overwritten unasked, a call repeated that may have worked.
//! What is absent: the terminal, sentences.

mod bytes;
mod change;
mod copy;
mod desk;
mod fault;
mod find;
mod folders;
mod get;
mod import;
mod put;
mod store;
mod target;
mod walk;

pub(crate) use bytes::pour;
pub(crate) use change::{Edit, Visibility, edit, move_to, remove};
pub(crate) use copy::{Copied, Copying, copy};
pub(crate) use desk::Desk;
pub(crate) use fault::Fault;
pub(crate) use find::{Found, Item};
pub(crate) use folders::{Access, make};
pub(crate) use get::{Got, There, get};
pub(crate) use import::{State as ImportState, start as import, watch as watch_import};
pub(crate) use put::{Sent, put};
pub(crate) use target::Target;
pub(crate) use walk::{Reach, Row, below};
