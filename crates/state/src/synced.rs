//! The merge base: nodes in, nodes out.
//!
//! The engine holds the whole tree in memory and writes what changes in it ([`Change::Put`](crate::Change::Put),
//! [`Change::Forget`](crate::Change::Forget)); this module loads it at the start and stores single nodes.

use planner::id::{FileId, NodeId};
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{
    self, Digest, Num, file_id, folder_id, hash_opt, local_name, node_id, node_id_opt, num, remote_name,
    short_url,
};

/// How many file ids are remembered after their nodes are gone; the largest, that is the youngest, stay.
const HELD_IDS: i64 = 1_000_000;

impl Journal {
    /// Keeps the memory of past file ids within its bound. It takes as long as there are files.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn prune_held_ids(&mut self) -> Result<(), JournalError> {
        self.write(Durability::Relaxed, "forgetting old file ids", |tx| {
            prune_held_ids(tx)
        })
    }

    /// Everything both sides agreed on.
    ///
    /// # Errors
    /// `Damaged` if a row holds what no node can be.
    pub fn synced(&self) -> Result<SyncedTree, JournalError> {
        self.ask("reading the synced tree", |conn| {
            let mut tree = SyncedTree::default();
            let mut select = conn.prepare_cached(SELECT)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                tree.insert(decode(row)?);
            }
            tree.pack();
            Ok(tree)
        })
    }

    /// How many files are synced.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn synced_files(&self) -> Result<u64, JournalError> {
        self.ask("counting the synced files", count_files)
    }

    /// An id for a new node: never one that was given out before and written anywhere in the journal.
    pub const fn new_node_id(&mut self) -> NodeId {
        let id = NodeId(self.next_node);
        self.next_node = self.next_node.saturating_add(1);
        id
    }

    /// Whether a file of this id was ever part of the merge base (design A4: "an id this journal never held").
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn ever_held(&self, file: FileId) -> Result<bool, JournalError> {
        Ok(self.held_since(file)?.is_some())
    }

    /// Since when this journal knows a file of this id as synced: we up- or downloaded it then (design S5).
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn held_since(&self, file: FileId) -> Result<Option<i64>, JournalError> {
        self.ask("looking up a file id", |conn| {
            conn.prepare_cached("SELECT since FROM held_id WHERE file_id = ?1")?
                .query_row([Num(file.get())], |row| row.get(0))
                .optional()
        })
    }
}

/// Stores a node, new or changed.
pub(crate) fn put(conn: &Connection, node: &SyncedNode, now: i64) -> rusqlite::Result<()> {
    let file = node.file();
    let (is_file, remote_id) = row::remote_columns(node.remote());
    let stamp = file.and_then(|file| file.stamp);
    conn.prepare_cached(
        "INSERT INTO node (id, parent, remote_name, local_name, device, inode, birth_ns, published, is_file,
                remote_id, short_url, size, hash, mtime_ns, ctime_ns)
            VALUES (:id, :parent, :remote_name, :local_name, :device, :inode, :birth_ns, :published, :is_file,
                :remote_id, :short_url, :size, :hash, :mtime_ns, :ctime_ns)
            ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, remote_name = excluded.remote_name,
                local_name = excluded.local_name, device = excluded.device, inode = excluded.inode,
                birth_ns = excluded.birth_ns, published = excluded.published, is_file = excluded.is_file,
                remote_id = excluded.remote_id, short_url = excluded.short_url, size = excluded.size,
                hash = excluded.hash, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns",
    )?
    .execute(named_params! {
        ":id": Num(node.id.0),
        ":parent": node.parent.map(|parent| Num(parent.0)),
        ":remote_name": node.remote_name.as_str(),
        ":local_name": node.local_name.as_str(),
        ":device": node.identity.map(|identity| Num(identity.device)),
        ":inode": node.identity.map(|identity| Num(identity.inode)),
        ":birth_ns": node.identity.and_then(|identity| identity.birth_ns),
        ":published": node.standing == Standing::Published,
        ":is_file": is_file,
        ":remote_id": remote_id,
        ":short_url": file.and_then(|file| file.short_url.as_ref()).map(|url| &*url.0),
        ":size": file.map(|file| Num(file.size)),
        ":hash": file.and_then(|file| file.hash).map(Digest),
        ":mtime_ns": stamp.map(|stamp| stamp.mtime_ns),
        ":ctime_ns": stamp.map(|stamp| stamp.ctime_ns),
    })?;
    if is_file {
        conn.prepare_cached("INSERT OR IGNORE INTO held_id (file_id, since) VALUES (?1, ?2)")?
            .execute((remote_id, now))?;
    }
    Ok(())
}

/// Drops a node; one that is not there is no mistake (a folder's removal may name it twice).
pub(crate) fn forget(conn: &Connection, id: NodeId) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM node WHERE id = ?1")?
        .execute([Num(id.0)])
        .map(|_| ())
}

/// How many nodes are files.
pub(crate) fn count_files(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT count(*) FROM node WHERE is_file = 1")?
        .query_row([], |row| num(row, 0))
}

fn prune_held_ids(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "DELETE FROM held_id WHERE file_id < (SELECT file_id FROM held_id ORDER BY file_id DESC LIMIT 1 OFFSET ?1)
            AND file_id NOT IN (SELECT remote_id FROM node WHERE is_file = 1)",
    )?
    .execute([HELD_IDS])
    .map(|_| ())
}

/// Everything. Columns are meant by their place: to look each up by its name takes as long as to read it, and there are a
/// million rows.
const SELECT: &str =
    "SELECT id, parent, remote_name, local_name, published, is_file, remote_id, short_url, size, hash,
        mtime_ns, ctime_ns, device, inode, birth_ns FROM node ORDER BY id";

fn decode(row: &Row<'_>) -> rusqlite::Result<SyncedNode> {
    let kind = if row.get(5)? {
        SyncedKind::File(SyncedFile {
            remote: file_id(row, 6)?,
            short_url: short_url(row, 7)?,
            size: num(row, 8)?,
            hash: hash_opt(row, 9)?,
            stamp: row::stamp(row, [10, 11])?,
        })
    } else {
        SyncedKind::Folder(folder_id(row, 6)?)
    };
    Ok(SyncedNode {
        id: node_id(row, 0)?,
        parent: node_id_opt(row, 1)?,
        remote_name: remote_name(row, 2)?,
        local_name: local_name(row, 3)?,
        identity: row::identity(row, [12, 13, 14])?,
        standing: if row.get(4)? {
            Standing::Published
        } else {
            Standing::Agreed
        },
        kind,
    })
}

#[cfg(test)]
mod tests {
    use planner::content::{ContentHash, Stamp};
    use planner::id::{FolderId, LocalIdentity, ShortUrl};
    use planner::name::{LocalName, RemoteName};
    use proptest::prelude::*;

    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, file, folder};

    fn any_kind() -> impl Strategy<Value = SyncedKind> {
        let hash = proptest::option::of(any::<[u8; 32]>().prop_map(ContentHash));
        let stamp = proptest::option::of(
            any::<(i64, i64)>().prop_map(|(mtime_ns, ctime_ns)| Stamp { mtime_ns, ctime_ns }),
        );
        let url = proptest::option::of(any::<String>().prop_map(|text| ShortUrl(text.into())));
        let file =
            (1..=u64::MAX, url, any::<u64>(), hash, stamp).prop_map(|(id, short_url, size, hash, stamp)| {
                SyncedKind::File(SyncedFile {
                    remote: FileId::new(id).unwrap(),
                    short_url,
                    size,
                    hash,
                    stamp,
                })
            });
        let folder = (1..=u64::MAX).prop_map(|id| SyncedKind::Folder(FolderId::new(id).unwrap()));
        prop_oneof![file, folder]
    }

    /// Any node, with ids from a range so small that nodes meet.
    fn any_node() -> impl Strategy<Value = SyncedNode> {
        let identity = proptest::option::of(any::<(u64, u64, Option<i64>)>().prop_map(
            |(device, inode, birth_ns)| LocalIdentity {
                device,
                inode,
                birth_ns,
            },
        ));
        let name = any::<String>().prop_filter_map("no local name", LocalName::new);
        let parent = proptest::option::of(1..9_u64);
        (
            1..9_u64,
            parent,
            any::<String>(),
            name,
            identity,
            any::<bool>(),
            any_kind(),
        )
            .prop_map(
                |(id, parent, remote_name, local_name, identity, published, kind)| SyncedNode {
                    id: NodeId(id),
                    parent: parent.map(NodeId),
                    remote_name: RemoteName::new(remote_name),
                    local_name,
                    identity,
                    standing: if published {
                        Standing::Published
                    } else {
                        Standing::Agreed
                    },
                    kind,
                },
            )
    }

    fn any_change() -> impl Strategy<Value = Change> {
        prop_oneof![
            3 => any_node().prop_map(Change::Put),
            2 => (1..9_u64).prop_map(|id| Change::Forget(NodeId(id))),
        ]
    }

    /// What the changes make of a tree; `None` if a node would be left without its folder.
    fn model(tree: &SyncedTree, changes: &[Change]) -> Option<SyncedTree> {
        let mut tree = tree.clone();
        for change in changes {
            if let Change::Put(node) = change {
                tree.insert(node.clone());
            } else if let Change::Forget(id) = change {
                tree.remove(*id);
            }
        }
        let whole = tree
            .iter()
            .all(|node| node.parent.is_none_or(|parent| tree.contains(parent)));
        whole.then_some(tree)
    }

    proptest! {
        #![proptest_config(crate::cases::cases_or(64))]

        #[test]
        fn what_was_committed_is_what_is_loaded(
            commits in prop::collection::vec(prop::collection::vec(any_change(), 1..6), 1..12),
            reopen_at in 0..12_usize,
        ) {
            let home = Home::new();
            let mut journal = home.open();
            let mut tree = SyncedTree::default();
            for (number, changes) in commits.iter().enumerate() {
                let result = journal.commit(changes);
                match model(&tree, changes) {
                    Some(next) => {
                        prop_assert!(result.is_ok(), "{:?}", result);
                        tree = next;
                    }
                    None => prop_assert!(matches!(result, Err(JournalError::Torn { .. })), "{:?}", result),
                }
                if number == reopen_at {
                    drop(journal);
                    journal = home.open();
                }
                prop_assert_eq!(&journal.synced().unwrap(), &tree);
            }
        }
    }

    #[test]
    fn order_within_a_commit_does_not_matter() {
        let home = Home::new();
        let mut journal = home.open();
        journal
            .commit(&[Change::Put(file(2, Some(1))), Change::Put(folder(1, None))])
            .unwrap();
        journal
            .commit(&[Change::Forget(NodeId(1)), Change::Put(file(2, None))])
            .unwrap();
        assert_eq!(journal.synced().unwrap().len(), 1);
    }

    #[test]
    fn a_commit_that_would_tear_the_tree_changes_nothing() {
        let home = Home::new();
        let mut journal = home.open();
        journal
            .commit(&[Change::Put(folder(1, None)), Change::Put(file(2, Some(1)))])
            .unwrap();
        let before = journal.synced().unwrap();
        let torn = journal.commit(&[Change::Put(file(3, None)), Change::Forget(NodeId(1))]);
        assert!(matches!(torn, Err(JournalError::Torn { .. })));
        assert_eq!(journal.synced().unwrap(), before);
        assert!(!journal.ever_held(FileId::new(1_003).unwrap()).unwrap());
    }

    #[test]
    fn a_node_id_is_never_given_twice() {
        let home = Home::new();
        let mut journal = home.open();
        let first = journal.new_node_id();
        let second = journal.new_node_id();
        journal
            .commit(&[
                Change::Put(file(first.0, None)),
                Change::Put(file(second.0, None)),
            ])
            .unwrap();
        journal
            .commit(&[Change::Forget(first), Change::Forget(second)])
            .unwrap();
        drop(journal);
        let mut journal = home.open();
        let third = journal.new_node_id();
        assert!(third > second);
        // Not even if all that was ever written with it is an intent.
        journal
            .begin(
                crate::IntentBody::Trash {
                    path: format!("node {}", third.0),
                    to: String::new(),
                },
                1,
            )
            .unwrap();
        drop(journal);
        let mut journal = home.open();
        assert!(journal.new_node_id() > third);
        // A node whose id came from elsewhere counts as given out.
        journal.commit(&[Change::Put(file(500, None))]).unwrap();
        assert_eq!(journal.new_node_id(), NodeId(501));
    }

    #[test]
    fn a_file_id_is_remembered_after_its_node_is_gone() {
        let home = Home::new();
        let mut journal = home.open();
        let id = FileId::new(1_001).unwrap();
        assert!(!journal.ever_held(id).unwrap());
        journal.hear(70);
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        journal.hear(90);
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        journal.commit(&[Change::Forget(NodeId(1))]).unwrap();
        journal.prune_held_ids().unwrap();
        assert_eq!(journal.held_since(id).unwrap(), Some(70));
    }

    #[test]
    fn a_hundred_thousand_nodes_come_back() {
        let home = Home::new();
        let mut journal = home.open();
        let mut tree = SyncedTree::default();
        let mut changes = Vec::new();
        for id in 1..=100_000_u64 {
            let parent = (id > 100).then_some(id % 100 + 1);
            let node = if id <= 100 {
                folder(id, None)
            } else {
                file(id, parent)
            };
            tree.insert(node.clone());
            changes.push(Change::Put(node));
        }
        journal.commit(&changes).unwrap();
        drop(journal);
        let mut journal = home.open();
        assert_eq!(journal.synced().unwrap(), tree);
        assert_eq!(journal.synced_files().unwrap(), 99_900);
        // Forgetting looks for children: without an index this would take hours.
        let gone: Vec<_> = (1..=100_000).map(|id| Change::Forget(NodeId(id))).collect();
        journal.commit(&gone).unwrap();
        assert!(journal.synced().unwrap().is_empty());
    }
}
