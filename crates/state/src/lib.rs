//! The journal of one pair: what both sides last agreed on, what was begun, what was seen, what happened.
//!
//! One SQLite database in the pair's state folder, written by one engine thread under an exclusive lock. What must
//! never happen here: an answer made up where the database is damaged, an agreement or intent that a power cut
//! could take back after it was reported as written, an id given out twice. It knows no HTTP, no watcher and no
//! clock: every time comes from the caller, in seconds since 1970 unless its name says otherwise. Start reading at
//! [`Journal`], then [`Change`] and [`Intent`].

mod approval;
mod aside;
mod brake;
#[cfg(test)]
#[path = "../../../tests/cases.rs"]
mod cases;
mod change;
mod conflicts;
mod error;
#[cfg(test)]
mod fuzz;
mod hashes;
mod history;
mod intent_body;
mod intents;
mod journal;
mod lock;
mod meta;
mod migrate;
mod observed;
mod open;
mod problems;
mod random;
mod row;
mod seal;
#[cfg(any(test, feature = "shelf"))]
mod shelf;
mod synced;
#[cfg(test)]
mod testing;

pub use approval::{Approval, HeldDeletion, HeldWhat, base_state};
pub use change::Change;
pub use conflicts::{Conflict, ConflictEnd, ConflictId, ConflictOutcome, ConflictVersion};
pub use error::JournalError;
pub use hashes::{LocalVersion, RemoteVersion};
pub use history::HistoryEntry;
pub use intent_body::{IntentBody, OldFile, Replaced};
pub use intents::{Intent, IntentId};
pub use journal::{Flush, Journal};
pub use meta::{Meta, RemoteRoot};
pub use observed::{Absence, Looks};
pub use problems::{Problem, ProblemKind};
pub use seal::Seal;
#[cfg(any(test, feature = "shelf"))]
pub use shelf::Shelf;
