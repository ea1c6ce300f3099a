//! What the engine records of a finished step: a list of changes, all of them or none (design D7).
//!
//! An agreement and the end of its intent are in one list, so that no crash can separate them (design A1).

use planner::id::NodeId;
use planner::tree::SyncedNode;

use crate::approval;
use crate::conflicts::{self, Conflict, ConflictId};
use crate::error::JournalError;
use crate::history::{self, HistoryEntry};
use crate::intent_body::IntentBody;
use crate::intents::{self, IntentId};
use crate::journal::{Durability, Journal};
use crate::problems::{self, Problem};
use crate::synced;

/// One thing to record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The node is agreed on as it is here; new or not.
    Put(SyncedNode),
    /// The node is no more, or no longer synced. What lay in it must be forgotten or put elsewhere in the same commit.
    /// Held and approved deletions of it end with it.
    Forget(NodeId),
    /// The intent came to its end. It stays findable for late arrivals until [`Journal::forget_old_intents`].
    ClearIntent(IntentId),
    /// More is known about an intent, open or closed.
    UpdateIntent(IntentId, IntentBody),
    /// A line of history.
    History(HistoryEntry),
    /// A problem, until the next [`Journal::replace_problems`].
    Problem(Problem),
    /// No problem at this path any more.
    NoProblem {
        /// The path, exactly.
        path: String,
    },
    /// An approval was used, or must not be used any more.
    ConsumeApproval(NodeId),
    /// Two versions met; an open conflict of the same path and copy is the same one.
    NewConflict(Conflict),
    /// More is known about a conflict, or it ended.
    Conflict(ConflictId, Conflict),
}

impl Journal {
    /// Records all changes in one durable transaction. The order within it does not matter to what must exist.
    ///
    /// # Errors
    /// `Torn` or `NoSuchIntent` if the changes do not fit the journal, `Full`, `Sql`: nothing of them was recorded.
    pub fn commit(&mut self, changes: &[Change]) -> Result<(), JournalError> {
        if changes.is_empty() {
            return Ok(());
        }
        for change in changes {
            match change {
                Change::Put(node) => self.next_node = self.next_node.max(node.id.0.saturating_add(1)),
                Change::History(entry) => self.heard = entry.at,
                Change::Forget(_)
                | Change::ClearIntent(_)
                | Change::UpdateIntent(..)
                | Change::Problem(_)
                | Change::NoProblem { .. }
                | Change::ConsumeApproval(_)
                | Change::NewConflict(_)
                | Change::Conflict(..) => {}
            }
        }
        let now = self.heard;
        self.write(Durability::Full, "recording changes", |tx| {
            for change in changes {
                match change {
                    Change::Put(node) => synced::put(tx, node, now)?,
                    Change::Forget(id) => synced::forget(tx, *id)?,
                    Change::ClearIntent(id) => intents::close(tx, *id, now)?,
                    Change::UpdateIntent(id, body) => intents::update(tx, *id, body)?,
                    Change::History(entry) => history::append(tx, entry)?,
                    Change::Problem(problem) => problems::put(tx, problem)?,
                    Change::NoProblem { path } => problems::remove(tx, path)?,
                    Change::ConsumeApproval(id) => approval::consume(tx, *id)?,
                    Change::NewConflict(conflict) => conflicts::add(tx, conflict)?,
                    Change::Conflict(id, conflict) => conflicts::update(tx, *id, conflict)?,
                }
            }
            Ok(())
        })
    }
}
