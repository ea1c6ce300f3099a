//! A server that speaks the File Upload API v2 on this machine, with every known quirk and fault on demand.
//!
//! `quirk_table` says what can differ, `dialect` what is on; `routes` answers, `reply` words it, `store` and `blobs`
//! keep it; `faults` strikes, `ledger` counts, `control` and `/_dev` steer. It knows no other crate of ours, and
//! nothing it answers may depend on who asks: a client cannot tell it from a site. `names` and `ranges` are pure rules of the
//! real lines, for others who stand in for one.

mod auth;
mod blobs;
#[cfg(test)]
#[path = "../../../tests/cases.rs"]
mod cases;
mod clock;
mod control;
mod dialect;
mod error;
mod faults;
mod ledger;
pub mod names;
mod params;
mod quirk_table;
pub mod ranges;
mod reply;
mod routes;
mod server;
mod store;
mod tree;
mod web;
mod world;

pub use control::Control;
pub use dialect::{Dialect, Quirks};
pub use error::Error;
pub use faults::{FAULTS, Fault};
pub use ledger::{Class, Entry, LedgerReport, Totals};
pub use quirk_table::{Kind, Knob, QUIRKS, Quirk, QuirkInfo};
pub use server::{Options, Server};
pub use tree::{RowState, Tree, TreeFile, TreeFolder};
pub use web::{Content, Name, WebAction};
