//! Deletions that a safety stop holds, and those the user let through (design §6, `approve`).
//!
//! A hold is a *set*: which node, on which side, and what its base was. An approval covers exactly that, once: it
//! ends with its node, when it is consumed, and when the base is another. Must never happen here: an approval for
//! something that was not held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use planner::id::NodeId;
use planner::tree::SyncedNode;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{Num, impossible, node_id};

/// What would be done, or believed, if it were let through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HeldWhat {
    /// Deleted on this disk.
    DeleteLocal,
    /// Deleted in the account.
    DeleteRemote,
    /// Its row was lost by the server: taken as not there (design S2).
    LostRow,
}

impl HeldWhat {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::DeleteLocal, Self::DeleteRemote, Self::LostRow];

    const fn word(self) -> &'static str {
        match self {
            Self::DeleteLocal => "delete_local",
            Self::DeleteRemote => "delete_remote",
            Self::LostRow => "lost_row",
        }
    }
}

impl ToSql for HeldWhat {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for HeldWhat {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        Self::ALL
            .into_iter()
            .find(|what| what.word() == word)
            .ok_or_else(|| impossible(format!("held {word:?}")))
    }
}

/// One held deletion.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HeldDeletion {
    /// The node.
    pub node: NodeId,
    /// What is held.
    pub what: HeldWhat,
    /// [`base_state`] of the node when the plan was made.
    pub base: String,
    /// Where it is, for people.
    pub path: String,
}

/// A deletion that was let through and has not happened yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Approval {
    /// [`base_state`] of the node when it was held. It covers nothing if the node's base is another now.
    pub base: String,
    /// Who let it through.
    pub allowed_by: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

impl Approval {
    /// Whether it covers this node as it is agreed on now.
    #[must_use]
    pub fn covers(&self, node: &SyncedNode) -> bool {
        self.base == base_state(node)
    }
}

/// What an approval was given for: which version of what, where. Times and identity are left out: touching a file or
/// restoring it byte for byte makes no other file of it.
#[must_use]
pub fn base_state(node: &SyncedNode) -> String {
    let parent = node.parent.map_or(0, |parent| parent.0);
    let mut text = format!("{:?} in {parent} as {:?}", node.remote(), node.remote_name);
    if let Some(file) = node.file() {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            " {} bytes {:?}",
            file.size,
            file.short_url.as_ref().map(|url| &*url.0)
        );
        if let Some(hash) = file.hash {
            let _ = write!(text, " {hash}");
        }
    }
    text
}

impl Journal {
    /// Makes this the held set; what was held before and is not in it is held no more. Durable.
    ///
    /// # Errors
    /// `Torn` if a node is unknown; as [`Journal::commit`].
    pub fn hold_deletions(&mut self, held: &[HeldDeletion]) -> Result<(), JournalError> {
        self.write(Durability::Full, "recording held deletions", |tx| {
            tx.prepare_cached("DELETE FROM held_deletion")?.execute([])?;
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO held_deletion (node, what, base, path) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for one in held {
                insert.execute((Num(one.node.0), one.what, &one.base, &one.path))?;
            }
            Ok(())
        })
    }

    /// The held set, by node.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn held_deletions(&self) -> Result<Vec<HeldDeletion>, JournalError> {
        self.ask("reading held deletions", |conn| {
            conn.prepare_cached("SELECT * FROM held_deletion ORDER BY node, what")?
                .query_map([], decode_held)?
                .collect()
        })
    }

    /// Lets the held set through (`only`: just these nodes of it), once, and says how many. They are held no more.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn approve(
        &mut self,
        only: Option<&BTreeSet<NodeId>>,
        allowed_by: &str,
        now: i64,
    ) -> Result<usize, JournalError> {
        self.hear(now);
        let chosen: Vec<_> = self
            .held_deletions()?
            .into_iter()
            .filter(|held| only.is_none_or(|only| only.contains(&held.node)))
            .collect();
        self.write(Durability::Full, "recording approvals", |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO approved_deletion (node, what, base, allowed_by, at)
                    VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let mut delete = tx.prepare_cached("DELETE FROM held_deletion WHERE node = ?1 AND what = ?2")?;
            for held in &chosen {
                insert.execute((Num(held.node.0), held.what, &held.base, allowed_by, now))?;
                delete.execute((Num(held.node.0), held.what))?;
            }
            Ok(chosen.len())
        })
    }

    /// What was let through and has not happened yet.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn approvals(&self) -> Result<BTreeMap<(NodeId, HeldWhat), Approval>, JournalError> {
        self.ask("reading approvals", |conn| {
            conn.prepare_cached("SELECT * FROM approved_deletion")?
                .query_map([], decode_approval)?
                .collect()
        })
    }

    /// Ends all approvals. To be called after a full pass that could use them: what it left undone is no longer what
    /// the user was asked about.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn drop_approvals(&mut self) -> Result<(), JournalError> {
        self.write(Durability::Full, "dropping approvals", |tx| {
            tx.prepare_cached("DELETE FROM approved_deletion")?
                .execute([])
                .map(|_| ())
        })
    }
}

/// Ends the approvals of one node.
pub(crate) fn consume(conn: &Connection, node: NodeId) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM approved_deletion WHERE node = ?1")?
        .execute([Num(node.0)])
        .map(|_| ())
}

fn decode_held(row: &Row<'_>) -> rusqlite::Result<HeldDeletion> {
    Ok(HeldDeletion {
        node: node_id(row, "node")?,
        what: row.get("what")?,
        base: row.get("base")?,
        path: row.get("path")?,
    })
}

fn decode_approval(row: &Row<'_>) -> rusqlite::Result<((NodeId, HeldWhat), Approval)> {
    let approval = Approval {
        base: row.get("base")?,
        allowed_by: row.get("allowed_by")?,
        at: row.get("at")?,
    };
    Ok(((node_id(row, "node")?, row.get("what")?), approval))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, file};

    fn held(node: &SyncedNode, what: HeldWhat) -> HeldDeletion {
        HeldDeletion {
            node: node.id,
            what,
            base: base_state(node),
            path: node.local_name.to_string(),
        }
    }

    #[test]
    fn a_part_of_the_held_set_can_be_let_through_and_only_once() {
        let home = Home::new();
        let mut journal = home.open();
        let nodes: Vec<_> = (1..=3).map(|id| file(id, None)).collect();
        let puts: Vec<_> = nodes.iter().cloned().map(Change::Put).collect();
        journal.commit(&puts).unwrap();
        let set: Vec<_> = nodes
            .iter()
            .zip(HeldWhat::ALL)
            .map(|(node, what)| held(node, what))
            .collect();
        journal.hold_deletions(&set).unwrap();
        assert_eq!(journal.held_deletions().unwrap(), set);

        let some = BTreeSet::from([NodeId(1), NodeId(2), NodeId(77)]);
        assert_eq!(journal.approve(Some(&some), "user 1000", 50).unwrap(), 2);
        assert_eq!(journal.held_deletions().unwrap(), set[2..]);
        let journal = {
            drop(journal);
            &mut home.open()
        };
        let approvals = journal.approvals().unwrap();
        assert_eq!(approvals.len(), 2);
        assert!(approvals[&(NodeId(1), HeldWhat::DeleteLocal)].covers(&nodes[0]));

        // One is done, the other used without the node's end.
        journal
            .commit(&[Change::Forget(NodeId(1)), Change::ConsumeApproval(NodeId(2))])
            .unwrap();
        assert_eq!(journal.approvals().unwrap(), BTreeMap::new());
        // The third was never approved, and its hold ends with the node.
        assert_eq!(journal.approve(None, "user 1000", 60).unwrap(), 1);
        journal.drop_approvals().unwrap();
        assert_eq!(journal.approvals().unwrap(), BTreeMap::new());
    }

    #[test]
    fn an_approval_does_not_cover_another_version_or_place_of_the_node() {
        let node = file(1, None);
        let approval = Approval {
            base: base_state(&node),
            allowed_by: "user".into(),
            at: 1,
        };
        let mut touched = node.clone();
        touched.identity = None;
        assert!(approval.covers(&touched));
        let mut moved = node.clone();
        moved.parent = Some(NodeId(9));
        assert!(!approval.covers(&moved));
        let mut edited = node;
        if let planner::tree::SyncedKind::File(file) = &mut edited.kind {
            file.size += 1;
        }
        assert!(!approval.covers(&edited));
    }

    #[test]
    fn only_known_nodes_can_be_held() {
        let home = Home::new();
        let mut journal = home.open();
        let stranger = held(&file(5, None), HeldWhat::LostRow);
        assert!(matches!(
            journal.hold_deletions(&[stranger]),
            Err(JournalError::Torn { .. })
        ));
    }
}
