//! Rows of files. Sizes of the folders above are kept true with every write; names are bytes.

use rusqlite::{OptionalExtension, Row, params};

use crate::names::collation_key;
use crate::store::{State, Store};

/// A file's row. `folder`: none is the root, 0 is limbo (in no listing).
#[derive(Debug, Clone)]
pub(crate) struct FileRow {
    pub(crate) id: i64,
    /// None: nobody's (an ownerless copy).
    pub(crate) owner: Option<i64>,
    pub(crate) folder: Option<i64>,
    pub(crate) name: Vec<u8>,
    pub(crate) extension: String,
    pub(crate) state: State,
    pub(crate) short: String,
    pub(crate) hash: String,
    pub(crate) mime: String,
    pub(crate) size: i64,
    pub(crate) md5: String,
    /// The blob is gone from storage though the row is not.
    pub(crate) lost: bool,
    pub(crate) uploaded: i64,
    /// When the state last changed.
    pub(crate) updated: Option<i64>,
    pub(crate) accessed: Option<i64>,
    pub(crate) downloads: i64,
    pub(crate) ip: String,
    pub(crate) source: String,
}

/// What a new file needs; the rest is made.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    pub(crate) owner: Option<i64>,
    pub(crate) folder: Option<i64>,
    pub(crate) name: Vec<u8>,
    pub(crate) extension: String,
    pub(crate) mime: String,
    pub(crate) size: i64,
    pub(crate) md5: String,
    pub(crate) ip: String,
    pub(crate) source: &'static str,
}

const COLUMNS: &str = "id, owner, folder, name, extension, state, short, hash, mime, size, md5, lost, uploaded, \
                       updated, accessed, downloads, ip, source";

fn read(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    Ok(FileRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        folder: row.get(2)?,
        name: row.get(3)?,
        extension: row.get(4)?,
        state: row.get(5)?,
        short: row.get(6)?,
        hash: row.get(7)?,
        mime: row.get(8)?,
        size: row.get(9)?,
        md5: row.get(10)?,
        lost: row.get(11)?,
        uploaded: row.get(12)?,
        updated: row.get(13)?,
        accessed: row.get(14)?,
        downloads: row.get(15)?,
        ip: row.get(16)?,
        source: row.get(17)?,
    })
}

impl FileRow {
    /// What it adds to the folders above it.
    fn weight(&self) -> i64 {
        if self.state == State::Active { self.size } else { 0 }
    }
}

impl Store {
    /// A file in any state, of anybody.
    pub(crate) fn file(&self, id: i64) -> rusqlite::Result<Option<FileRow>> {
        let sql = format!("SELECT {COLUMNS} FROM files WHERE id = ?1");
        self.conn.prepare_cached(&sql)?.query_row([id], read).optional()
    }

    /// A file by its short URL.
    pub(crate) fn file_by_short(&self, short: &str) -> rusqlite::Result<Option<FileRow>> {
        let sql = format!("SELECT {COLUMNS} FROM files WHERE short = ?1");
        self.conn
            .prepare_cached(&sql)?
            .query_row([short], read)
            .optional()
    }

    /// The files of a folder (none: the root) in one state, by name.
    pub(crate) fn files_in(
        &self,
        owner: i64,
        folder: Option<i64>,
        state: State,
    ) -> rusqlite::Result<Vec<FileRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM files WHERE folder IS ?1 AND owner = ?2 AND state = ?3 ORDER BY key, id"
        );
        let mut list = self.conn.prepare_cached(&sql)?;
        list.query_map(params![folder, owner, state], read)?.collect()
    }

    /// Every file row, by id.
    pub(crate) fn all_files(&self) -> rusqlite::Result<Vec<FileRow>> {
        let sql = format!("SELECT {COLUMNS} FROM files ORDER BY id");
        self.conn.prepare_cached(&sql)?.query_map([], read)?.collect()
    }

    /// Whether an active file of an equal name lies in a folder; `fold` compares by collation, else bytes.
    pub(crate) fn name_taken(
        &self,
        owner: i64,
        folder: Option<i64>,
        name: &[u8],
        fold: bool,
    ) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM files WHERE folder IS ?1 AND owner = ?2 AND state = 0 AND key = ?3
                   AND (?4 OR name = ?5) LIMIT 1";
        let mut find = self.conn.prepare_cached(sql)?;
        find.exists(params![folder, owner, collation_key(name), fold, name])
    }

    /// The name, or the first number of it that is not taken; `fold` as for [`Store::name_taken`].
    pub(crate) fn free_name(
        &self,
        owner: i64,
        folder: Option<i64>,
        name: &[u8],
        fold: bool,
    ) -> rusqlite::Result<Vec<u8>> {
        let mut free = name.to_vec();
        let mut number = 2u32;
        while self.name_taken(owner, folder, &free, fold)? {
            free = crate::names::numbered(name, number);
            number = number.saturating_add(1);
        }
        Ok(free)
    }

    /// Inserts a file, active.
    pub(crate) fn add_file(&mut self, new: &NewFile, now: i64) -> rusqlite::Result<FileRow> {
        let tx = self.conn.transaction()?;
        let sql = "INSERT INTO files(owner, folder, name, key, extension, short, hash, mime, size, md5, uploaded, ip, source)
                   VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        tx.prepare_cached(sql)?.execute(params![
            new.owner,
            new.folder,
            new.name,
            collation_key(&new.name),
            new.extension,
            crate::auth::secret(20),
            crate::auth::hex_secret(64),
            new.mime,
            new.size,
            new.md5,
            now,
            new.ip,
            new.source
        ])?;
        let id = tx.last_insert_rowid();
        tx.prepare_cached("UPDATE files SET short = ?2 WHERE id = ?1")?
            .execute(params![id, short_url(id)])?;
        super::folders::shift(&tx, new.folder, new.size, now)?;
        super::folders::show(&tx, new.folder)?;
        tx.commit()?;
        self.file(id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    /// Writes every changeable column of a row, and keeps the folders' sizes true.
    pub(crate) fn write_file(&mut self, row: &FileRow, now: i64) -> rusqlite::Result<()> {
        let Some(old) = self.file(row.id)? else {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        };
        let tx = self.conn.transaction()?;
        let sql = "UPDATE files SET owner = ?2, folder = ?3, name = ?4, key = ?5, extension = ?6, state = ?7, mime = ?8,
                   size = ?9, md5 = ?10, lost = ?11, uploaded = ?12, updated = ?13, accessed = ?14, downloads = ?15
                   WHERE id = ?1";
        tx.prepare_cached(sql)?.execute(params![
            row.id,
            row.owner,
            row.folder,
            row.name,
            collation_key(&row.name),
            row.extension,
            row.state,
            row.mime,
            row.size,
            row.md5,
            row.lost,
            row.uploaded,
            row.updated,
            row.accessed,
            row.downloads
        ])?;
        if (old.folder, old.weight()) != (row.folder, row.weight()) {
            super::folders::shift(&tx, old.folder, old.weight().saturating_neg(), now)?;
            super::folders::shift(&tx, row.folder, row.weight(), now)?;
        }
        tx.commit()
    }

    /// Counts a download.
    pub(crate) fn count_download(&self, id: i64, now: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE files SET downloads = downloads + 1, accessed = ?2 WHERE id = ?1";
        self.conn.prepare_cached(sql)?.execute(params![id, now])?;
        Ok(())
    }

    /// Bytes of an owner's active and trashed files.
    pub(crate) fn bytes_of(&self, owner: i64) -> rusqlite::Result<i64> {
        let sql = "SELECT coalesce(sum(size), 0) FROM files WHERE owner = ?1 AND state < 2";
        self.conn
            .prepare_cached(sql)?
            .query_row([owner], |row| row.get(0))
    }

    /// Whether a row that still has content uses this blob.
    pub(crate) fn blob_used(&self, md5: &str, size: i64) -> rusqlite::Result<bool> {
        let sql = "SELECT 1 FROM files WHERE md5 = ?1 AND size = ?2 AND state < 2 LIMIT 1";
        self.conn.prepare_cached(sql)?.exists(params![md5, size])
    }
}

const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Short URLs are the id in base 62, with two random characters so that no id guesses them.
fn short_url(id: i64) -> String {
    let mut rest = id.unsigned_abs();
    let mut text = Vec::new();
    while rest > 0 {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        text.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'0')));
        rest /= 62;
    }
    text.reverse();
    text.into_iter().collect::<String>() + &crate::auth::secret(2)
}
