//! Deletions of ours in the account whose answer was lost, or whose end was never put on record (design A1).
//!
//! Never here: what we moved to the account's trash taken for deleted by somebody else, so that a file here of the same name
//! goes as well. By then the user may have put another there, or this one back.

use planner::hold::Side;
use planner::id::{FileId, NodeId, RemoteId};
use planner::tree::{Gone, RemoteNode, SyncedNode, Tree};
use state::{Change, HistoryEntry, IntentBody};

use super::deletions::Deletion;
use super::open::{Halt, Session};
use super::tally;
use crate::remote::confirm::Confirmed;

/// Ends the records of files that are gone by a deletion of ours, as its answer would have: what is here in their place is
/// new. One whose row is there came to nothing, and is forgotten.
pub(super) fn settle(
    session: &mut Session,
    confirmed: &mut Confirmed,
    live: &Tree<RemoteNode>,
) -> Result<(), Halt> {
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    let records = session.aside.as_ref().unwrap_or(&session.synced);
    let mut changes = Vec::new();
    for intent in open {
        let IntentBody::Discard { id, node } = intent.body else {
            continue;
        };
        let (file, node) = (FileId::new(id).map(RemoteId::File), NodeId(node));
        let record = records.get(node).map(SyncedNode::remote);
        if let Some(id) = file.filter(|id| record == Some(*id)) {
            if confirmed.gone.get(&id) == Some(&Gone::Deleted) {
                confirmed.gone.remove(&id);
                changes.extend(done(session, node));
                changes.push(Change::Forget(node));
            } else if !live.contains(id) {
                // Nothing tells yet.
                continue;
            }
        }
        changes.push(Change::ClearIntent(intent.id));
    }
    if changes.is_empty() {
        Ok(())
    } else {
        session.record(changes)
    }
}

/// What such a deletion leaves in the journal: its line, and the end of the approval that let it through.
fn done(session: &Session, node: NodeId) -> Vec<Change> {
    let path = session.synced.path(node);
    let deletion = Deletion {
        side: Side::Remote,
        node: Some(node),
        path: path.map_or_else(String::new, |path| path.to_string()),
    };
    let allowed = deletion.allowed(&session.approvals, &session.synced);
    let line = HistoryEntry {
        at: session.now(),
        pass: session.meta.generation,
        side: deletion.side,
        action: tally::DELETE_THERE.to_owned(),
        path: deletion.path.clone(),
        to: None,
        bytes: None,
        reason: "deleted on this machine; the answer was lost".to_owned(),
        allowed_by: allowed.map(|approval| approval.allowed_by.clone()),
        deleted_files: allowed.is_none().into(),
    };
    let used = allowed.map(|_| Change::ConsumeApproval(node));
    std::iter::once(Change::History(line)).chain(used).collect()
}
