//! Uploads of ours that are still looked for, kept from the merge (design A1).
//!
//! Never here: a row with a record, or one that no open intent may have brought.

use std::collections::BTreeSet;

use planner::id::RemoteId;
use planner::naming;
use planner::path::RelPath;
use planner::tree::{RemoteNode, SyncedNode};

use super::intents;
use super::observe::RemoteSeen;
use super::open::{Halt, Session};

/// Rows that may be our own uploads, of which the answer was lost and which could not be looked at yet, are kept from the
/// merge: what they hold may be half a file, and must not meet the whole one as somebody else's version. They are left out
/// altogether, not only ignored: an ignored row keeps its name, and our own file would have to give way to it. No record
/// speaks of them, so their absence says nothing; their paths wait, so nothing is sent again meanwhile.
pub(crate) fn leave_alone(
    session: &Session,
    seen: &mut RemoteSeen,
    waiting: &BTreeSet<RelPath>,
) -> Result<(), Halt> {
    if waiting.is_empty() {
        return Ok(());
    }
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    let recorded: BTreeSet<RemoteId> = session.synced.iter().map(SyncedNode::remote).collect();
    for intent in &open {
        let Some((wanted, _)) = intents::wanted(&intent.body) else {
            continue;
        };
        let parent = wanted.folder.map(RemoteId::Folder);
        let plain = naming::plain(&wanted.name);
        let landed = intents::answered(&intent.body);
        let fast = intents::fast_target(&intent.body).is_some();
        let ours = |row: &&RemoteNode| {
            let name = row.name.as_str();
            let numbered = plain
                .as_ref()
                .is_some_and(|plain| naming::numbered_like(name, plain));
            let fits = row.file().is_some_and(|file| file.size <= wanted.size.get());
            // Of its very name, whatever it holds: ours may yet arrive beside it, under another.
            let named = row.name == wanted.name && (fits || (fast && row.file().is_some()));
            !recorded.contains(&row.id) && (named || (fits && numbered))
        };
        let rows = seen.tree.nodes.children(parent).filter(ours).map(|row| row.id);
        // One that was answered is known by its id, wherever somebody has put it since.
        let answered = landed.map(RemoteId::File).filter(|id| !recorded.contains(id));
        let rows: BTreeSet<RemoteId> = rows.chain(answered).collect();
        for id in rows {
            seen.tree.nodes.remove(id);
            seen.set_aside.extend(seen.paths.get(&id).cloned());
        }
    }
    Ok(())
}
