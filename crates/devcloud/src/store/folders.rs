//! Rows of folders and what hangs together with them: sizes of the chain above, subtrees, rings, order by name.
//!
//! Walks up and down are recursive queries that visit each folder once, so a ring ends them instead of hanging them.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::names::collation_key;
use crate::store::{State, Store};

/// A folder's row.
#[derive(Debug, Clone)]
pub(crate) struct FolderRow {
    pub(crate) id: i64,
    pub(crate) owner: i64,
    pub(crate) parent: Option<i64>,
    pub(crate) name: Vec<u8>,
    pub(crate) state: State,
    pub(crate) public: i64,
    pub(crate) password: Option<String>,
    pub(crate) added: i64,
    /// When its own row last changed.
    pub(crate) updated: Option<i64>,
    /// When something in it last changed.
    pub(crate) touched: Option<i64>,
    pub(crate) hash: String,
    /// Shared with us by another owner.
    pub(crate) shared: bool,
    /// Bytes of active files below it.
    pub(crate) total: i64,
    /// The total as of the last upload: what a server that does not recalculate shows.
    pub(crate) shown: i64,
    pub(crate) n_files: i64,
    pub(crate) n_folders: i64,
    pub(crate) n_trash: i64,
    pub(crate) downloads: i64,
}

const COLUMNS: &str = "id, owner, parent, name, state, public, password, added, updated, touched, hash, shared, total, \
                       shown, n_files, n_folders, n_trash, downloads";

/// The folders of a subtree, its top included, each once.
const SUBTREE: &str =
    "WITH RECURSIVE sub(id) AS (SELECT ?1 UNION SELECT f.id FROM sub JOIN folders f ON f.parent = sub.id)";

/// The chain above a folder, itself included, each once.
const CHAIN: &str = "WITH RECURSIVE up(id) AS (SELECT ?1 UNION SELECT f.parent FROM up JOIN folders f ON f.id = up.id \
                     WHERE f.parent IS NOT NULL)";

fn read(row: &Row<'_>) -> rusqlite::Result<FolderRow> {
    Ok(FolderRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        parent: row.get(2)?,
        name: row.get(3)?,
        state: row.get(4)?,
        public: row.get(5)?,
        password: row.get(6)?,
        added: row.get(7)?,
        updated: row.get(8)?,
        touched: row.get(9)?,
        hash: row.get(10)?,
        shared: row.get(11)?,
        total: row.get(12)?,
        shown: row.get(13)?,
        n_files: row.get(14)?,
        n_folders: row.get(15)?,
        n_trash: row.get(16)?,
        downloads: row.get(17)?,
    })
}

/// Adds bytes to a folder and all above it, and dates the folder.
pub(super) fn shift(tx: &Transaction<'_>, folder: Option<i64>, bytes: i64, now: i64) -> rusqlite::Result<()> {
    let Some(folder) = folder else { return Ok(()) };
    tx.prepare_cached("UPDATE folders SET touched = ?2 WHERE id = ?1")?
        .execute(params![folder, now])?;
    if bytes != 0 {
        let sql = format!("{CHAIN} UPDATE folders SET total = total + ?2 WHERE id IN (SELECT id FROM up)");
        tx.prepare_cached(&sql)?.execute(params![folder, bytes])?;
    }
    Ok(())
}

/// The recalculation that an upload does: shown sizes of the chain become true.
pub(super) fn show(tx: &Transaction<'_>, folder: Option<i64>) -> rusqlite::Result<()> {
    let Some(folder) = folder else { return Ok(()) };
    let sql = format!(
        "{CHAIN} UPDATE folders SET shown = total WHERE id IN (SELECT id FROM up) AND shown <> total"
    );
    tx.prepare_cached(&sql)?.execute(params![folder])?;
    Ok(())
}

impl Store {
    /// A folder in any state, of anybody.
    pub(crate) fn folder(&self, id: i64) -> rusqlite::Result<Option<FolderRow>> {
        let sql = format!("SELECT {COLUMNS} FROM folders WHERE id = ?1");
        self.conn.prepare_cached(&sql)?.query_row([id], read).optional()
    }

    /// The folders in a folder (none: the root) in one state, by name.
    pub(crate) fn folders_in(
        &self,
        owner: i64,
        parent: Option<i64>,
        state: State,
    ) -> rusqlite::Result<Vec<FolderRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM folders WHERE parent IS ?1 AND owner = ?2 AND state = ?3 ORDER BY key, id"
        );
        let mut list = self.conn.prepare_cached(&sql)?;
        list.query_map(params![parent, owner, state], read)?.collect()
    }

    /// Every folder row, by id.
    pub(crate) fn all_folders(&self) -> rusqlite::Result<Vec<FolderRow>> {
        let sql = format!("SELECT {COLUMNS} FROM folders ORDER BY id");
        self.conn.prepare_cached(&sql)?.query_map([], read)?.collect()
    }

    /// How many active folders of an owner come before this one by name.
    pub(crate) fn folder_rank(&self, row: &FolderRow) -> rusqlite::Result<u64> {
        let sql = "SELECT count(*) FROM folders WHERE owner = ?1 AND state = 0 AND (key, id) < (?2, ?3)";
        let key = collation_key(&row.name);
        let rank: i64 = self
            .conn
            .prepare_cached(sql)?
            .query_row(params![row.owner, key, row.id], |row| row.get(0))?;
        Ok(rank.unsigned_abs())
    }

    /// Inserts a folder, active.
    pub(crate) fn add_folder(
        &mut self,
        owner: i64,
        parent: Option<i64>,
        name: &[u8],
        now: i64,
    ) -> rusqlite::Result<FolderRow> {
        let tx = self.conn.transaction()?;
        let sql = "INSERT INTO folders(owner, parent, name, key, added, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
        let hash = crate::auth::hex_secret(64);
        tx.prepare_cached(sql)?
            .execute(params![owner, parent, name, collation_key(name), now, hash])?;
        let id = tx.last_insert_rowid();
        shift(&tx, parent, 0, now)?;
        tx.commit()?;
        self.folder(id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// Writes every changeable column of a row but its state, and keeps the sizes above true.
    pub(crate) fn write_folder(&mut self, row: &FolderRow, now: i64) -> rusqlite::Result<()> {
        let Some(old) = self.folder(row.id)? else {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        };
        let tx = self.conn.transaction()?;
        let moved = old.parent != row.parent && old.state == State::Active;
        if moved {
            shift(&tx, old.parent, old.total.saturating_neg(), now)?;
        }
        let sql =
            "UPDATE folders SET parent = ?2, name = ?3, key = ?4, public = ?5, password = ?6, updated = ?7,
                   shared = ?8 WHERE id = ?1";
        let key = collation_key(&row.name);
        tx.prepare_cached(sql)?.execute(params![
            row.id,
            row.parent,
            row.name,
            key,
            row.public,
            row.password,
            row.updated,
            row.shared
        ])?;
        if moved {
            shift(&tx, row.parent, old.total, now)?;
        }
        tx.commit()
    }

    /// Whether `inner` is `outer` or lies below it.
    pub(crate) fn is_below(&self, inner: i64, outer: i64) -> rusqlite::Result<bool> {
        let sql = format!("{CHAIN} SELECT 1 FROM up WHERE id = ?2");
        self.conn.prepare_cached(&sql)?.exists(params![inner, outer])
    }

    /// Whether the chain above a folder comes back to itself anywhere.
    pub(crate) fn in_ring(&self, folder: i64) -> rusqlite::Result<bool> {
        // A chain that ends has exactly one member without a living parent row; a ring has none.
        let sql = format!(
            "{CHAIN} SELECT NOT EXISTS(SELECT 1 FROM up LEFT JOIN folders f ON f.id = up.id \
             WHERE f.id IS NULL OR f.parent IS NULL)"
        );
        self.conn
            .prepare_cached(&sql)?
            .query_row([folder], |row| row.get(0))
    }

    /// Whether the folder or one above it is not active.
    pub(crate) fn below_dead(&self, folder: i64) -> rusqlite::Result<bool> {
        let sql = format!("{CHAIN} SELECT 1 FROM up JOIN folders f ON f.id = up.id WHERE f.state <> 0");
        self.conn.prepare_cached(&sql)?.exists([folder])
    }

    /// Whether anything active lies directly in it.
    pub(crate) fn is_filled(&self, row: &FolderRow) -> bool {
        row.n_files > 0 || row.n_folders > 0
    }

    /// Trashes a folder with everything inside now; it goes to the root, the rest keeps its parents.
    pub(crate) fn trash_folder(&mut self, id: i64, now: i64) -> rusqlite::Result<()> {
        let Some(old) = self.folder(id)? else {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        };
        let tx = self.conn.transaction()?;
        if old.state == State::Active {
            shift(&tx, old.parent, old.total.saturating_neg(), now)?;
        }
        let files = format!(
            "{SUBTREE} UPDATE files SET state = 1, updated = ?2 WHERE state = 0 AND folder IN (SELECT id FROM sub)"
        );
        tx.prepare_cached(&files)?.execute(params![id, now])?;
        let folders = format!(
            "{SUBTREE} UPDATE folders SET state = 1, updated = ?2 WHERE state = 0 AND id IN (SELECT id FROM sub)"
        );
        tx.prepare_cached(&folders)?.execute(params![id, now])?;
        let top = "UPDATE folders SET state = 1, parent = NULL, updated = ?2 WHERE id = ?1 AND state < 2";
        tx.prepare_cached(top)?.execute(params![id, now])?;
        tx.commit()
    }

    /// Makes a trashed folder and everything trashed in it active again, in `parent`.
    pub(crate) fn restore_folder(&mut self, id: i64, parent: Option<i64>, now: i64) -> rusqlite::Result<()> {
        let tx = self.conn.transaction()?;
        let folders = format!(
            "{SUBTREE} UPDATE folders SET state = 0, updated = ?2, total = 0 WHERE state < 2 AND id IN (SELECT id FROM sub)"
        );
        tx.prepare_cached(&folders)?.execute(params![id, now])?;
        tx.prepare_cached("UPDATE folders SET parent = ?2, state = 0 WHERE id = ?1")?
            .execute(params![id, parent])?;
        let files = format!(
            "{SUBTREE} UPDATE files SET state = 0, updated = ?2 WHERE state = 1 AND folder IN (SELECT id FROM sub)"
        );
        tx.prepare_cached(&files)?.execute(params![id, now])?;
        // Each folder's own bytes are pushed up once; folders outside the subtree get the sum through the top.
        let own = format!(
            "{SUBTREE} SELECT folder, sum(size) FROM files WHERE state = 0 AND folder IN (SELECT id FROM sub) GROUP BY folder"
        );
        let sums: Vec<(i64, i64)> = tx
            .prepare_cached(&own)?
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (folder, bytes) in sums {
            shift(&tx, Some(folder), bytes, now)?;
        }
        tx.commit()
    }

    /// Purges a folder and everything in it, active files below it too. Answers the blobs that lost a row.
    pub(crate) fn purge_folder(&mut self, id: i64, now: i64) -> rusqlite::Result<Vec<(String, i64)>> {
        let Some(old) = self.folder(id)? else {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        };
        let tx = self.conn.transaction()?;
        if old.state == State::Active {
            shift(&tx, old.parent, old.total.saturating_neg(), now)?;
        }
        let list = format!(
            "{SUBTREE} SELECT DISTINCT md5, size FROM files WHERE state < 2 AND folder IN (SELECT id FROM sub)"
        );
        let blobs: Vec<(String, i64)> = tx
            .prepare_cached(&list)?
            .query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let files = format!(
            "{SUBTREE} UPDATE files SET state = 2, folder = NULL, updated = ?2 WHERE folder IN (SELECT id FROM sub)"
        );
        tx.prepare_cached(&files)?.execute(params![id, now])?;
        let folders =
            format!("{SUBTREE} UPDATE folders SET state = 2, updated = ?2 WHERE id IN (SELECT id FROM sub)");
        tx.prepare_cached(&folders)?.execute(params![id, now])?;
        tx.prepare_cached("UPDATE folders SET parent = NULL WHERE id = ?1")?
            .execute([id])?;
        tx.commit()?;
        Ok(blobs)
    }
}
