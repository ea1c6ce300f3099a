//! The merge base: nodes in, nodes out.
//!
//! The engine holds the whole tree in memory and writes what changes in it ([`Change::Put`](crate::Change::Put),
//! [`Change::Forget`](crate::Change::Forget)); this module loads it at the start and stores single nodes.

use planner::id::{FileId, NodeId};
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::error::JournalError;
use crate::journal::Journal;
use crate::row::{
    self, Digest, Num, file_id, folder_id, hash_opt, local_name, node_id, node_id_opt, num, remote_name,
    short_url,
};

/// How many file ids are remembered after their nodes are gone; the largest, that is the youngest, stay.
const HELD_IDS: i64 = 1_000_000;

impl Journal {
    /// Everything both sides agreed on.
    ///
    /// # Errors
    /// `Damaged` if a row holds what no node can be.
    pub fn synced(&self) -> Result<SyncedTree, JournalError> {
        self.ask("reading the synced tree", |conn| {
            let mut tree = SyncedTree::default();
            let mut select = conn.prepare_cached("SELECT * FROM node ORDER BY id")?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                tree.insert(decode(row)?);
            }
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

/// Keeps the memory of past file ids within its bound.
pub(crate) fn prune_held_ids(conn: &Connection) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "DELETE FROM held_id WHERE file_id < (SELECT file_id FROM held_id ORDER BY file_id DESC LIMIT 1 OFFSET ?1)
            AND file_id NOT IN (SELECT remote_id FROM node WHERE is_file = 1)",
    )?
    .execute([HELD_IDS])
    .map(|_| ())
}

fn decode(row: &Row<'_>) -> rusqlite::Result<SyncedNode> {
    let kind = if row.get("is_file")? {
        SyncedKind::File(SyncedFile {
            remote: file_id(row, "remote_id")?,
            short_url: short_url(row, "short_url")?,
            size: num(row, "size")?,
            hash: hash_opt(row, "hash")?,
            stamp: row::stamp(row)?,
        })
    } else {
        SyncedKind::Folder(folder_id(row, "remote_id")?)
    };
    Ok(SyncedNode {
        id: node_id(row, "id")?,
        parent: node_id_opt(row, "parent")?,
        remote_name: remote_name(row, "remote_name")?,
        local_name: local_name(row, "local_name")?,
        identity: row::identity(row)?,
        standing: if row.get("published")? {
            Standing::Published
        } else {
            Standing::Agreed
        },
        kind,
    })
}
