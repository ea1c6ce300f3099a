//! Finding what is due: old trash, files nobody used. What is done with it, and whether at all, callers decide.

use rusqlite::params;

use crate::store::{State, Store};

impl Store {
    /// Folders trashed before a time that are the tops of what was trashed.
    pub(crate) fn old_trashed_folders(&self, before: i64) -> rusqlite::Result<Vec<i64>> {
        let sql = "SELECT id FROM folders WHERE state = 1 AND parent IS NULL AND updated < ?1 ORDER BY id";
        self.conn
            .prepare_cached(sql)?
            .query_map([before], |row| row.get(0))?
            .collect()
    }

    /// Files trashed before a time, with or without their folder.
    pub(crate) fn old_trashed_files(&self, before: i64) -> rusqlite::Result<Vec<i64>> {
        let sql = "SELECT id FROM files WHERE state = 1 AND updated < ?1 ORDER BY id";
        self.conn
            .prepare_cached(sql)?
            .query_map([before], |row| row.get(0))?
            .collect()
    }

    /// Active files of an owner, uploaded and last downloaded before a time.
    pub(crate) fn unused_files(&self, owner: i64, before: i64) -> rusqlite::Result<Vec<i64>> {
        let sql = "SELECT id FROM files WHERE state = 0 AND owner = ?1 AND uploaded < ?2
                   AND coalesce(accessed, 0) < ?2 ORDER BY id";
        self.conn
            .prepare_cached(sql)?
            .query_map(params![owner, before], |row| row.get(0))?
            .collect()
    }

    /// Loses rows and gives their ids out again, as a restored backup does.
    pub(crate) fn lose_rows(&mut self, files: &[i64], folders: &[i64], now: i64) -> rusqlite::Result<()> {
        for id in files {
            // The bytes leave the sizes above first.
            if let Some(mut row) = self.file(*id)? {
                row.state = State::Deleted;
                self.write_file(&row, now)?;
            }
        }
        let tx = self.conn.transaction()?;
        for id in files {
            tx.execute("DELETE FROM files WHERE id = ?1", [id])?;
        }
        for id in folders {
            let parent = "UPDATE folders SET n_folders = n_folders - 1 WHERE id = (SELECT parent FROM folders WHERE id = ?1)";
            tx.execute(parent, [id])?;
            tx.execute("DELETE FROM folders WHERE id = ?1", [id])?;
        }
        for table in ["files", "folders"] {
            let sql = format!(
                "UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(id), 0) FROM {table}) WHERE name = ?1"
            );
            tx.execute(&sql, [table])?;
        }
        tx.commit()
    }
}
