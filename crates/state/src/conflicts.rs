//! Conflicts: which two versions met at which path, who decided, and how it ended (design M12).
//!
//! A conflict is open until the user settles it, or its copy is not there any more. What a policy decided is closed
//! as soon as it is done. Nothing is decided from what is closed but one thing: a copy that the user chose to keep
//! counts as open no more. Never here: two open records of one copy.

use planner::content::ContentHash;
use planner::id::{FileId, NodeId};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::error::JournalError;
use crate::journal::Journal;
use crate::row::{Digest, Num, bad, hash_opt, impossible, node_id_opt, num_opt};

/// Closed conflicts kept, but for copies that the user chose to keep: enough to see what happened, some hundred bytes each.
const CLOSED_KEPT: i64 = 10_000;

/// Names one conflict in this journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConflictId(i64);

/// One of the two versions, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConflictVersion {
    /// Bytes.
    pub size: Option<u64>,
    /// BLAKE3 of them.
    pub hash: Option<ContentHash>,
}

/// How a conflict ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ConflictOutcome {
    /// This machine's version has the name, the other is in a trash.
    Local,
    /// The account's version has the name, the other is in a trash.
    Remote,
    /// Both stay where they are.
    Both,
    /// The copy was renamed, moved or deleted by hand, or the two came to be one.
    ByHand,
}

impl ConflictOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Local, Self::Remote, Self::Both, Self::ByHand];

    /// The word for it, in the journal and in `--json`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Both => "both",
            Self::ByHand => "by_hand",
        }
    }
}

impl ToSql for ConflictOutcome {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.word().into())
    }
}

impl FromSql for ConflictOutcome {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.word() == word)
            .ok_or_else(|| impossible(format!("outcome {word:?}")))
    }
}

/// The end of a conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConflictEnd {
    /// When, in seconds since 1970.
    pub at: i64,
    /// How.
    pub outcome: ConflictOutcome,
    /// Who decided: a policy, or a user.
    pub by: Option<String>,
}

/// Two versions that met.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The contested path.
    pub path: String,
    /// Where this machine's version is kept; `None` if the policy chose between the two.
    pub copy: Option<String>,
    /// The policy in force, in the word of the configuration.
    pub policy: String,
    /// The rule that decided, in words.
    pub reason: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// The node at the contested path, once it is known.
    pub node: Option<NodeId>,
    /// The node of the copy, once it is synced.
    pub copy_node: Option<NodeId>,
    /// This machine's version.
    pub local: ConflictVersion,
    /// Its modification time, in nanoseconds since 1970.
    pub local_mtime_ns: Option<i64>,
    /// The account's version.
    pub remote: ConflictVersion,
    /// Its id.
    pub remote_file: Option<FileId>,
    /// How it ended; `None`: it is open.
    pub end: Option<ConflictEnd>,
}

impl Conflict {
    /// Whether the user has not settled it yet.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.end.is_none()
    }
}

impl Journal {
    /// All conflicts that are known, the oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn conflicts(&self) -> Result<Vec<(ConflictId, Conflict)>, JournalError> {
        self.ask("reading the conflicts", |conn| {
            list(conn, "SELECT * FROM conflict ORDER BY id")
        })
    }

    /// Conflicts that are open, the oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn open_conflicts(&self) -> Result<Vec<(ConflictId, Conflict)>, JournalError> {
        self.ask("reading the open conflicts", |conn| {
            list(conn, "SELECT * FROM conflict WHERE closed_at IS NULL ORDER BY id")
        })
    }

    /// Copies that the user chose to keep beside the other version.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn kept_copies(&self) -> Result<Vec<(ConflictId, Conflict)>, JournalError> {
        self.ask("reading the copies that were kept", |conn| {
            let kept = "SELECT * FROM conflict WHERE outcome = 'both' AND copy IS NOT NULL ORDER BY id";
            list(conn, kept)
        })
    }
}

/// Adds a conflict. An open one of the same path and copy (a pass that was cut off meets it again) keeps its time, and
/// what is known of it.
pub(crate) fn add(conn: &Connection, new: &Conflict) -> rusqlite::Result<()> {
    let known = conn
        .prepare_cached(
            "SELECT * FROM conflict WHERE closed_at IS NULL AND path = ?1 AND copy IS ?2 LIMIT 1",
        )?
        .query_row((&new.path, &new.copy), decode)
        .optional()?;
    if let Some((id, old)) = known {
        let version = |new: ConflictVersion, old: ConflictVersion| ConflictVersion {
            hash: new.hash.or(old.hash.filter(|_| old.size == new.size)),
            ..new
        };
        let merged = Conflict {
            at: old.at,
            node: new.node.or(old.node),
            copy_node: new.copy_node.or(old.copy_node),
            local: version(new.local, old.local),
            remote: version(new.remote, old.remote),
            ..new.clone()
        };
        return update(conn, id, &merged);
    }
    conn.prepare_cached("INSERT INTO conflict (path, policy, reason, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute((&new.path, &new.policy, &new.reason, new.at))?;
    update(conn, ConflictId(conn.last_insert_rowid()), new)
}

/// Makes a conflict what is known of it now; closed ones beyond the bound go, the oldest first.
pub(crate) fn update(conn: &Connection, id: ConflictId, conflict: &Conflict) -> rusqlite::Result<()> {
    update_bounded(conn, id, conflict, CLOSED_KEPT)
}

fn update_bounded(conn: &Connection, id: ConflictId, conflict: &Conflict, kept: i64) -> rusqlite::Result<()> {
    let end = conflict.end.as_ref();
    conn.prepare_cached(
        "UPDATE conflict SET path = :path, copy = :copy, policy = :policy, reason = :reason, at = :at, node = :node,
            copy_node = :copy_node, local_size = :local_size, local_hash = :local_hash,
            local_mtime_ns = :local_mtime_ns, remote_file = :remote_file, remote_size = :remote_size,
            remote_hash = :remote_hash, closed_at = :closed_at, outcome = :outcome, closed_by = :closed_by
            WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id.0,
        ":path": conflict.path,
        ":copy": conflict.copy,
        ":policy": conflict.policy,
        ":reason": conflict.reason,
        ":at": conflict.at,
        ":node": conflict.node.map(|node| Num(node.0)),
        ":copy_node": conflict.copy_node.map(|node| Num(node.0)),
        ":local_size": conflict.local.size.map(Num),
        ":local_hash": conflict.local.hash.map(Digest),
        ":local_mtime_ns": conflict.local_mtime_ns,
        ":remote_file": conflict.remote_file.map(|file| Num(file.get())),
        ":remote_size": conflict.remote.size.map(Num),
        ":remote_hash": conflict.remote.hash.map(Digest),
        ":closed_at": end.map(|end| end.at),
        ":outcome": end.map(|end| end.outcome),
        ":closed_by": end.and_then(|end| end.by.as_deref()),
    })?;
    if end.is_some() {
        // The outcome `both` is what a copy is not counted by: it stays as long as the journal does.
        conn.prepare_cached(
            "DELETE FROM conflict WHERE closed_at IS NOT NULL AND outcome <> 'both' AND id NOT IN
                (SELECT id FROM conflict WHERE closed_at IS NOT NULL AND outcome <> 'both' ORDER BY id DESC LIMIT ?1)",
        )?
        .execute([kept])?;
    }
    Ok(())
}

fn list(conn: &Connection, select: &str) -> rusqlite::Result<Vec<(ConflictId, Conflict)>> {
    conn.prepare_cached(select)?.query_map([], decode)?.collect()
}

fn decode(row: &Row<'_>) -> rusqlite::Result<(ConflictId, Conflict)> {
    let version = |size: &str, hash: &str| -> rusqlite::Result<ConflictVersion> {
        Ok(ConflictVersion {
            size: num_opt(row, size)?,
            hash: hash_opt(row, hash)?,
        })
    };
    let remote_file = num_opt(row, "remote_file")?
        .map(|id| FileId::new(id).ok_or_else(|| bad("file id 0")))
        .transpose()?;
    let closed_at: Option<i64> = row.get("closed_at")?;
    let outcome: Option<ConflictOutcome> = row.get("outcome")?;
    let by: Option<String> = row.get("closed_by")?;
    let end = closed_at
        .zip(outcome)
        .map(|(at, outcome)| ConflictEnd { at, outcome, by });
    let conflict = Conflict {
        path: row.get("path")?,
        copy: row.get("copy")?,
        policy: row.get("policy")?,
        reason: row.get("reason")?,
        at: row.get("at")?,
        node: node_id_opt(row, "node")?,
        copy_node: node_id_opt(row, "copy_node")?,
        local: version("local_size", "local_hash")?,
        local_mtime_ns: row.get("local_mtime_ns")?,
        remote: version("remote_size", "remote_hash")?,
        remote_file,
        end,
    };
    Ok((ConflictId(row.get("id")?), conflict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::journal::Durability;
    use crate::testing::Home;

    fn conflict(path: &str, copy: Option<&str>) -> Conflict {
        Conflict {
            path: path.into(),
            copy: copy.map(Into::into),
            policy: "keep-both".into(),
            reason: "changed on both sides".into(),
            at: 5,
            node: Some(NodeId(u64::MAX)),
            copy_node: None,
            local: ConflictVersion {
                size: Some(3),
                hash: None,
            },
            local_mtime_ns: Some(-1),
            remote: ConflictVersion {
                size: Some(u64::MAX),
                hash: Some(ContentHash([9; 32])),
            },
            remote_file: FileId::new(7),
            end: None,
        }
    }

    fn closed(conflict: Conflict, outcome: ConflictOutcome) -> Conflict {
        let end = Some(ConflictEnd {
            at: 9,
            outcome,
            by: Some("ann".into()),
        });
        Conflict { end, ..conflict }
    }

    #[test]
    fn a_conflict_keeps_every_field_until_and_after_it_is_closed() {
        let home = Home::new();
        let mut journal = home.open();
        let first = conflict("a", Some("a (conflict)"));
        let second = conflict("a", None);
        let new = [first.clone(), second.clone()].map(Change::NewConflict);
        journal.commit(&new).unwrap();
        let known = journal.open_conflicts().unwrap();
        let values: Vec<_> = known.iter().map(|(_, conflict)| conflict.clone()).collect();
        assert_eq!(values, [first.clone(), second.clone()]);

        for (outcome, (id, open)) in ConflictOutcome::ALL.into_iter().zip(known.iter().cycle()) {
            let end = closed(open.clone(), outcome);
            journal.commit(&[Change::Conflict(*id, end.clone())]).unwrap();
            assert!(journal.conflicts().unwrap().contains(&(*id, end)));
        }
        assert_eq!(journal.open_conflicts().unwrap(), []);
        assert_eq!(journal.kept_copies().unwrap().len(), 1);
    }

    #[test]
    fn a_conflict_that_is_met_again_is_the_same_one_and_keeps_what_was_known() {
        let home = Home::new();
        let mut journal = home.open();
        let first = Conflict {
            local: ConflictVersion {
                size: Some(3),
                hash: Some(ContentHash([1; 32])),
            },
            ..conflict("a", Some("b"))
        };
        let again = Conflict {
            at: 77,
            node: None,
            ..conflict("a", Some("b"))
        };
        journal.commit(&[Change::NewConflict(first.clone())]).unwrap();
        journal.commit(&[Change::NewConflict(again)]).unwrap();
        let known = journal.open_conflicts().unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].1, first);

        let end = closed(first, ConflictOutcome::Both);
        journal.commit(&[Change::Conflict(known[0].0, end)]).unwrap();
        journal
            .commit(&[Change::NewConflict(conflict("a", Some("b")))])
            .unwrap();
        assert_eq!(
            journal.conflicts().unwrap().len(),
            2,
            "what is closed stays closed"
        );
    }

    #[test]
    fn the_oldest_closed_conflicts_go_but_never_an_open_one_or_a_copy_that_was_kept() {
        let home = Home::new();
        let mut journal = home.open();
        let paths = ["a", "b", "c", "d", "e"];
        let new = paths.map(|path| Change::NewConflict(conflict(path, Some("copy"))));
        journal.commit(&new).unwrap();
        let known = journal.conflicts().unwrap();
        journal
            .write(Durability::Full, "testing", |tx| {
                for (id, open) in &known[..4] {
                    let outcome = if open.path == "a" {
                        ConflictOutcome::Both
                    } else {
                        ConflictOutcome::ByHand
                    };
                    update_bounded(tx, *id, &closed(open.clone(), outcome), 2)?;
                }
                Ok(())
            })
            .unwrap();
        let left: Vec<_> = journal
            .conflicts()
            .unwrap()
            .into_iter()
            .map(|(_, left)| left.path)
            .collect();
        assert_eq!(left, ["a", "c", "d", "e"]);
    }
}
