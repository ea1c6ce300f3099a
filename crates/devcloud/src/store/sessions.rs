//! Tokens, cookies, failed logins, bans, download links, imports: what has a life and no place in the tree.

use rusqlite::{OptionalExtension, params};

use crate::store::Store;

/// A download link.
#[derive(Debug, Clone)]
pub(crate) struct LinkRow {
    pub(crate) file: i64,
    pub(crate) ip: String,
    pub(crate) created: i64,
}

/// A queued import.
#[derive(Debug, Clone)]
pub(crate) struct ImportRow {
    pub(crate) id: i64,
    pub(crate) owner: i64,
    pub(crate) url: String,
    pub(crate) folder: Option<i64>,
    pub(crate) status: String,
    pub(crate) created: i64,
    pub(crate) started: Option<i64>,
    pub(crate) finished: Option<i64>,
    pub(crate) size: Option<i64>,
    pub(crate) file: Option<i64>,
}

impl Store {
    /// Stores a token; `alone` removes every other token of the owner first.
    pub(crate) fn add_token(
        &mut self,
        token: &str,
        owner: i64,
        now: i64,
        alone: bool,
    ) -> rusqlite::Result<()> {
        let tx = self.conn.transaction()?;
        if alone {
            tx.execute("DELETE FROM tokens WHERE owner = ?1", [owner])?;
        }
        tx.execute(
            "INSERT INTO tokens VALUES(?1, ?2, ?3, NULL)",
            params![token, owner, now],
        )?;
        tx.commit()
    }

    /// A token's owner and its last use.
    pub(crate) fn token(&self, token: &str) -> rusqlite::Result<Option<(i64, Option<i64>)>> {
        let mut get = self
            .conn
            .prepare_cached("SELECT owner, used FROM tokens WHERE token = ?1")?;
        get.query_row([token], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// Notes a use of a token.
    pub(crate) fn use_token(&self, token: &str, now: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE tokens SET used = ?2 WHERE token = ?1";
        self.conn.prepare_cached(sql)?.execute(params![token, now])?;
        Ok(())
    }

    /// Removes a token.
    pub(crate) fn drop_token(&self, token: &str) -> rusqlite::Result<()> {
        self.conn
            .execute("DELETE FROM tokens WHERE token = ?1", [token])?;
        Ok(())
    }

    /// Removes all tokens: what another device's login does to us.
    pub(crate) fn drop_all_tokens(&self) -> rusqlite::Result<()> {
        self.conn.execute("DELETE FROM tokens", [])?;
        Ok(())
    }

    /// Stores a session cookie.
    pub(crate) fn add_cookie(&self, cookie: &str, owner: i64) -> rusqlite::Result<()> {
        self.conn
            .execute("INSERT INTO cookies VALUES(?1, ?2)", params![cookie, owner])?;
        Ok(())
    }

    /// The owner a session cookie signs in.
    pub(crate) fn cookie(&self, cookie: &str) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT owner FROM cookies WHERE cookie = ?1";
        self.conn.query_row(sql, [cookie], |row| row.get(0)).optional()
    }

    /// Notes a failed login and counts those of an address since a time.
    pub(crate) fn add_failure(&self, ip: &str, now: i64, since: i64) -> rusqlite::Result<u64> {
        self.conn
            .execute("INSERT INTO failures VALUES(?1, ?2)", params![ip, now])?;
        let sql = "SELECT count(*) FROM failures WHERE ip = ?1 AND at > ?2";
        let count: i64 = self.conn.query_row(sql, params![ip, since], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Forgets the failed logins of an address.
    pub(crate) fn clear_failures(&self, ip: &str) -> rusqlite::Result<()> {
        self.conn.execute("DELETE FROM failures WHERE ip = ?1", [ip])?;
        Ok(())
    }

    /// Bans an address until a time.
    pub(crate) fn ban(&self, ip: &str, until: i64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO bans VALUES(?1, ?2) ON CONFLICT(ip) DO UPDATE SET until = excluded.until";
        self.conn.execute(sql, params![ip, until])?;
        Ok(())
    }

    /// Until when an address is banned.
    pub(crate) fn banned_until(&self, ip: &str) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT until FROM bans WHERE ip = ?1";
        self.conn.query_row(sql, [ip], |row| row.get(0)).optional()
    }

    /// Stores a download link.
    pub(crate) fn add_link(&self, token: &str, file: i64, ip: &str, now: i64) -> rusqlite::Result<()> {
        let sql = "INSERT INTO links VALUES(?1, ?2, ?3, ?4)";
        self.conn
            .prepare_cached(sql)?
            .execute(params![token, file, ip, now])?;
        Ok(())
    }

    /// A download link.
    pub(crate) fn link(&self, token: &str) -> rusqlite::Result<Option<LinkRow>> {
        let mut get = self
            .conn
            .prepare_cached("SELECT file, ip, created FROM links WHERE token = ?1")?;
        let row = get.query_row([token], |row| {
            Ok(LinkRow {
                file: row.get(0)?,
                ip: row.get(1)?,
                created: row.get(2)?,
            })
        });
        row.optional()
    }

    /// Queues an import.
    pub(crate) fn add_import(
        &self,
        owner: i64,
        url: &str,
        folder: Option<i64>,
        now: i64,
    ) -> rusqlite::Result<i64> {
        let sql =
            "INSERT INTO imports(owner, url, folder, status, created) VALUES(?1, ?2, ?3, 'pending', ?4)";
        self.conn.execute(sql, params![owner, url, folder, now])?;
        Ok(self.conn.last_insert_rowid())
    }

    /// An import.
    pub(crate) fn import(&self, id: i64) -> rusqlite::Result<Option<ImportRow>> {
        let sql = "SELECT id, owner, url, folder, status, created, started, finished, size, file FROM imports WHERE id = ?1";
        let row = self.conn.query_row(sql, [id], |row| {
            Ok(ImportRow {
                id: row.get(0)?,
                owner: row.get(1)?,
                url: row.get(2)?,
                folder: row.get(3)?,
                status: row.get(4)?,
                created: row.get(5)?,
                started: row.get(6)?,
                finished: row.get(7)?,
                size: row.get(8)?,
                file: row.get(9)?,
            })
        });
        row.optional()
    }

    /// Imports that a stopped server left unfinished.
    pub(crate) fn open_imports(&self) -> rusqlite::Result<Vec<i64>> {
        let mut list = self
            .conn
            .prepare("SELECT id FROM imports WHERE finished IS NULL ORDER BY id")?;
        list.query_map([], |row| row.get(0))?.collect()
    }

    /// Writes an import's progress.
    pub(crate) fn write_import(&self, row: &ImportRow) -> rusqlite::Result<()> {
        let sql =
            "UPDATE imports SET status = ?2, started = ?3, finished = ?4, size = ?5, file = ?6 WHERE id = ?1";
        let ImportRow {
            id,
            status,
            started,
            finished,
            size,
            file,
            ..
        } = row;
        self.conn
            .execute(sql, params![id, status, started, finished, size, file])?;
        Ok(())
    }
}
