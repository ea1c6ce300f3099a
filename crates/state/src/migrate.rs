//! The versions of the schema, and the way from each to the next.
//!
//! Every step is one transaction: a journal has one version or the next, never something between. Before a journal
//! that holds anything is changed, a copy of it is kept beside it. A version of the future is refused untouched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::backup::Backup;
use rusqlite::{Connection, TransactionBehavior};

use crate::error::JournalError;
use crate::journal::DATABASE;

/// What to do to a journal of version *n* (the place in the list) to make it *n + 1*. Never edited once released.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_first.sql"),
    include_str!("schema/0002_conflicts.sql"),
];

/// Marks the file as ours in its header: "SYNJ".
const APPLICATION_ID: i32 = 0x5359_4e4a;

/// The version of an open database; 0: nothing is in it yet.
///
/// # Errors
/// `Damaged` if it is no database, or not one of ours.
pub(crate) fn version(conn: &Connection) -> Result<u32, JournalError> {
    let doing = "reading the journal's version";
    let ask = |pragma: &str| {
        conn.query_row(pragma, [], |row| row.get::<_, i32>(0))
            .map_err(|cause| JournalError::sql(doing, cause))
    };
    let found = ask("PRAGMA user_version")?;
    let tables = ask("SELECT count(*) FROM sqlite_schema")?;
    let ours = ask("PRAGMA application_id")? == APPLICATION_ID;
    match u32::try_from(found) {
        Ok(0) if tables == 0 => Ok(0),
        Ok(found) if found > 0 && ours => Ok(found),
        Ok(_) | Err(_) => Err(JournalError::Damaged {
            cause: format!("{DATABASE} is not a journal of this program"),
        }),
    }
}

/// Brings an open database to the last version of the list. `keep_in`: the folder that gets a copy of it first.
///
/// # Errors
/// `Newer` if it is beyond the list; else what went wrong, with the journal at the version it had reached.
pub(crate) fn migrate(
    conn: &mut Connection,
    keep_in: Option<&Path>,
    migrations: &[&str],
) -> Result<(), JournalError> {
    let found = version(conn)?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(JournalError::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    if let Some(dir) = keep_in.filter(|_| found > 0) {
        keep_copy(conn, dir, found)?;
    }
    for (to, sql) in (1_u32..).zip(migrations) {
        if to > found {
            step(conn, sql, to).map_err(|cause| JournalError::sql("migrating the journal", cause))?;
            tracing::info!(version = to, "journal migrated");
        }
    }
    if let Some(dir) = keep_in {
        drop_old_copies(dir, found);
    }
    Ok(())
}

/// Copies of earlier versions that are kept: enough to go back over more than one careless upgrade.
const COPIES_KEPT: u32 = 3;

/// Removes copies of versions long gone. One that cannot be removed does no harm.
fn drop_old_copies(dir: &Path, newest: u32) {
    for version in 1..=newest.saturating_sub(COPIES_KEPT) {
        if let Err(error) = fs::remove_file(copy_path(dir, version))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, version, "an old copy of the journal could not be removed");
        }
    }
}

/// One version to the next, as a whole or not at all.
fn step(conn: &mut Connection, sql: &str, to: u32) -> rusqlite::Result<()> {
    // Tables may have to be rebuilt under their names; what they refer to is checked once at the end instead.
    conn.pragma_update(None, "foreign_keys", false)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(sql)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", to)?;
    check_references(&tx)?;
    tx.commit()
}

/// Fails if a row refers to one that is not there.
pub(crate) fn check_references(conn: &Connection) -> rusqlite::Result<()> {
    let mut broken = conn.prepare("PRAGMA foreign_key_check")?;
    match broken.query([])?.next()? {
        None => Ok(()),
        Some(_) => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some("a row refers to one that is not there".to_owned()),
        )),
    }
}

/// Where the copy of a journal of this version is kept.
pub(crate) fn copy_path(dir: &Path, version: u32) -> PathBuf {
    dir.join(format!("{DATABASE}.version-{version}"))
}

/// Copies the database into `dir`, durably and whole: it appears under its name only when all of it is on disk.
fn keep_copy(conn: &Connection, dir: &Path, version: u32) -> Result<(), JournalError> {
    let doing = "keeping a copy of the journal before migrating it";
    let path = copy_path(dir, version);
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(JournalError::io(&unfinished)(error));
        }
        Ok(()) | Err(_) => {}
    }
    crate::open::create_private(&unfinished)?;
    let sql = |cause| JournalError::sql(doing, cause);
    let mut copy = Connection::open(&unfinished).map_err(sql)?;
    copy_pages(conn, &mut copy).map_err(sql)?;
    copy.close().map_err(|(_, cause)| sql(cause))?;
    let at = JournalError::io(&path);
    (|| {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(dir)?.sync_all()
    })()
    .map_err(at)
}

/// All pages of one database into another, in one go.
pub(crate) fn copy_pages(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    /// SQLite's word for "all that are left".
    const ALL: i32 = -1;
    Backup::new(from, to)?.step(ALL).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Home, contents};

    const FIRST: &str = "CREATE TABLE thing (name TEXT NOT NULL) STRICT";
    const SECOND: &str = "ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 7";

    fn open(home: &Home) -> Connection {
        Connection::open(home.path().join(DATABASE)).unwrap()
    }

    fn old_journal() -> (Home, Connection) {
        let home = Home::new();
        let mut conn = open(&home);
        migrate(&mut conn, Some(home.path()), &[FIRST]).unwrap();
        assert_eq!(contents(home.path()).len(), 1, "nothing to copy when it is made");
        conn.execute_batch("INSERT INTO thing VALUES ('old')").unwrap();
        (home, conn)
    }

    #[test]
    fn a_migration_keeps_the_rows_and_a_copy_of_the_journal_before() {
        let (home, mut conn) = old_journal();
        migrate(&mut conn, Some(home.path()), &[FIRST, SECOND]).unwrap();
        let row = "SELECT name || size FROM thing";
        let name: String = conn.query_row(row, [], |row| row.get(0)).unwrap();
        assert_eq!((name.as_str(), version(&conn).unwrap()), ("old7", 2));

        let copy = Connection::open(copy_path(home.path(), 1)).unwrap();
        let name: String = copy
            .query_row("SELECT name FROM thing", [], |row| row.get(0))
            .unwrap();
        assert_eq!((name.as_str(), version(&copy).unwrap()), ("old", 1));
        assert_eq!(contents(home.path()).len(), 2, "no unfinished copy stays");
    }

    #[test]
    fn the_copies_of_the_last_three_versions_are_kept() {
        let (home, mut conn) = old_journal();
        let mut all = vec![FIRST, SECOND];
        for to in 2..=6_u32 {
            if to > 2 {
                all.push("SELECT 1");
            }
            migrate(&mut conn, Some(home.path()), &all).unwrap();
            assert_eq!(version(&conn).unwrap(), to);
        }
        let kept: Vec<u32> = (1..=6)
            .filter(|it| copy_path(home.path(), *it).exists())
            .collect();
        assert_eq!(kept, [3, 4, 5]);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_it_had() {
        let (home, mut conn) = old_journal();
        let broken = [
            FIRST,
            "ALTER TABLE thing ADD COLUMN half INTEGER; SELECT nonsense",
        ];
        assert!(migrate(&mut conn, Some(home.path()), &broken).is_err());
        drop(conn);
        let mut conn = open(&home);
        assert_eq!(version(&conn).unwrap(), 1);
        // The way on: a repaired program migrates it, over the copy of the first try.
        migrate(&mut conn, Some(home.path()), &[FIRST, SECOND]).unwrap();
        assert_eq!(version(&conn).unwrap(), 2);
    }

    #[test]
    fn a_migration_that_tears_references_is_taken_back() {
        let home = Home::new();
        let mut conn = open(&home);
        let parents = "CREATE TABLE n (id INTEGER PRIMARY KEY, up INTEGER REFERENCES n (id));
            INSERT INTO n VALUES (1, NULL), (2, 1)";
        migrate(&mut conn, None, &[parents]).unwrap();
        let torn = migrate(&mut conn, None, &[parents, "DELETE FROM n WHERE id = 1"]);
        assert!(matches!(torn, Err(JournalError::Damaged { .. })));
        assert_eq!(version(&conn).unwrap(), 1);
    }

    #[test]
    fn a_journal_at_its_version_is_not_touched() {
        let (home, mut conn) = old_journal();
        let before = contents(home.path());
        migrate(&mut conn, Some(home.path()), &[FIRST]).unwrap();
        assert_eq!(contents(home.path()), before);
        assert!(matches!(
            migrate(&mut conn, Some(home.path()), &[]),
            Err(JournalError::Newer { found: 1, known: 0 })
        ));
    }
}
