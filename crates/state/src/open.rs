//! Opening a journal: under the lock, checked, brought up to date; or copied for a dry run.
//!
//! Must never happen here: a journal used that SQLite's own check finds unsound, a byte changed in a file that is
//! refused, damaged or only read. The folder, the lock and the database are for their owner's eyes only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::JournalError;
use crate::journal::{DATABASE, Database, Journal, log_of, own};
use crate::lock::Lock;
use crate::meta;
use crate::migrate::{self, MIGRATIONS};
use crate::random::Random;

/// How long to wait for a curious user's `sqlite3` on the same file.
const BUSY: Duration = Duration::from_secs(1);

/// Prepared statements kept: more than there are different ones in this crate.
const STATEMENTS: usize = 128;

/// Size in bytes to which the write-ahead log is cut back after a large commit.
const LOG_KEPT: i64 = 16 << 20;

impl Journal {
    /// Opens the journal in `dir`, making folder and journal where there are none and bringing an older one up to
    /// this version (a copy of it stays beside it).
    ///
    /// # Errors
    /// `Locked`, `Damaged`, `Newer`, `NotWritable`, `Full`: the journal is as it was.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let random = Random::from_system().map_err(JournalError::io(dir))?;
        Self::open_drawing(dir, random)
    }

    /// As [`open`](Self::open), but everything random comes from `seed`: for simulations that must replay.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_seeded(dir: &Path, seed: u64) -> Result<Self, JournalError> {
        Self::open_drawing(dir, Random::seeded(seed))
    }

    fn open_drawing(dir: &Path, random: Random) -> Result<Self, JournalError> {
        let lock = lock_made(dir)?;
        Self::open_locked(dir, lock, random)
    }

    /// Opens the journal in `dir`, of which the caller has the lock already.
    pub(crate) fn open_locked(dir: &Path, lock: Lock, mut random: Random) -> Result<Self, JournalError> {
        let path = dir.join(DATABASE);
        create_private(&path)?;
        let mut conn = connect(&path)?;
        check(&conn)?;
        migrate::migrate(&mut conn, Some(dir), MIGRATIONS)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
            .and_then(|_| conn.pragma_update(None, "journal_mode", "WAL"))
            .and_then(|()| conn.pragma_update(None, "foreign_keys", true))
            .and_then(|()| meta::create(&conn, high_half(random.next())))
            .map_err(|cause| JournalError::sql("opening the journal", cause).at(&path))?;
        Self::over(own(conn), path, Some(lock), random)
    }

    /// Opens a journal that is as this process left it: sound, of this version, and of a pair.
    pub(crate) fn open_sealed(dir: &Path, lock: Lock) -> Result<Self, JournalError> {
        let random = Random::from_system().map_err(JournalError::io(dir))?;
        let path = dir.join(DATABASE);
        let conn = connect(&path)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
            .and_then(|_| conn.pragma_update(None, "foreign_keys", true))
            .map_err(|cause| JournalError::sql("opening the journal", cause).at(&path))?;
        Self::over(own(conn), path, Some(lock), random)
    }

    /// The journal for a dry run: a copy in memory of what `dir` holds, so that whatever is done with it leaves the
    /// files as they are. Only the lock file is written. `None` if there is no journal yet.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(dir: &Path) -> Result<Option<Self>, JournalError> {
        if !dir.is_dir() {
            return Ok(None);
        }
        let lock = Lock::take(dir)?;
        let path = dir.join(DATABASE);
        if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
            return Ok(None);
        }
        let doing = "copying the journal into memory";
        let sql = |cause| JournalError::sql(doing, cause);
        let mut conn = Connection::open_in_memory().map_err(sql)?;
        migrate::copy_pages(&connect_untouched(&path)?, &mut conn).map_err(sql)?;
        check(&conn)?;
        if migrate::version(&conn)? == 0 {
            return Ok(None);
        }
        migrate::migrate(&mut conn, None, MIGRATIONS)?;
        conn.pragma_update(None, "foreign_keys", true).map_err(sql)?;
        let random = Random::from_system().map_err(JournalError::io(dir))?;
        Self::over(own(conn), path, Some(lock), random).map(Some)
    }

    /// The journal for a dry run, also where there is none yet: then an empty one in memory, which is forgotten with
    /// this value.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn scratch(dir: &Path) -> Result<Self, JournalError> {
        if let Some(journal) = Self::read(dir)? {
            return Ok(journal);
        }
        let lock = if dir.is_dir() {
            Some(Lock::take(dir)?)
        } else {
            None
        };
        let sql = |cause| JournalError::sql("making a journal in memory", cause);
        let mut conn = Connection::open_in_memory().map_err(sql)?;
        migrate::migrate(&mut conn, None, MIGRATIONS)?;
        let mut random = Random::from_system().map_err(JournalError::io(dir))?;
        conn.pragma_update(None, "foreign_keys", true)
            .and_then(|()| meta::create(&conn, high_half(random.next())))
            .map_err(sql)?;
        Self::over(own(conn), dir.join(DATABASE), lock, random)
    }

    /// A journal over an open database that is up to date.
    pub(crate) fn over(
        conn: Database,
        path: PathBuf,
        lock: Option<Lock>,
        random: Random,
    ) -> Result<Self, JournalError> {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        let (meta, next_node) =
            meta::load(&conn).map_err(|cause| JournalError::sql("reading the pair's facts", cause))?;
        let heard = conn
            .prepare_cached(
                "SELECT max(coalesce((SELECT max(begun_at) FROM intent), 0),
                    coalesce((SELECT at FROM history ORDER BY seq DESC LIMIT 1), 0))",
            )
            .and_then(|mut ask| ask.query_row([], |row| row.get(0)))
            .map_err(|cause| JournalError::sql("reading the last time", cause))?;
        let in_memory = conn.path().is_none_or(str::is_empty);
        Ok(Self {
            conn,
            path,
            meta,
            next_node,
            stored_next_node: next_node,
            heard,
            random,
            in_memory,
            durability: None,
            gathering: false,
            log: None,
            _lock: lock,
        })
    }
}

/// Makes the folder of a pair, private, if it is not there, and takes its lock.
pub(crate) fn lock_made(dir: &Path) -> Result<Lock, JournalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(JournalError::io(dir))?;
    Lock::take(dir)
}

/// Makes an empty file that only its owner can read; one that is there stays as it is.
pub(crate) fn create_private(path: &Path) -> Result<(), JournalError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(JournalError::io(path)(error)),
    }
}

/// Makes what was created or renamed in a folder survive a power cut.
pub(crate) fn sync_folder(dir: &Path) -> Result<(), JournalError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(JournalError::io(dir))
}

/// Opens the database for use. Exclusive locking keeps the log's index in memory: no shared-memory file, and it
/// works where memory cannot be shared between machines.
fn connect(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    (|| {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY)?;
        // Until it is found sound and ours, closing it must leave it as it is.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
        Ok(conn)
    })()
    .map_err(|cause| JournalError::sql("opening the journal", cause).at(path))
}

/// Opens the database so that neither it nor its log is changed, not even by closing it. Only under the lock.
fn connect_untouched(path: &Path) -> Result<Connection, JournalError> {
    let log_is_empty = fs::metadata(log_of(path)).map_or(0, |file| file.len()) == 0;
    (|| {
        if log_is_empty {
            // Nobody else has it open: SQLite may take the file as immutable and so makes no files of its own.
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            return Connection::open_with_flags(immutable_uri(path), flags);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        conn.pragma_update(None, "query_only", true)?;
        Ok(conn)
    })()
    .map_err(|cause| JournalError::sql("opening the journal for reading", cause).at(path))
}

/// The path as a URI that SQLite opens as immutable.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// SQLite's own check of the file, and of what its rows refer to.
fn check(conn: &Connection) -> Result<(), JournalError> {
    let doing = "checking the journal";
    let sql = |cause| JournalError::sql(doing, cause);
    let verdict: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(sql)?;
    if verdict != "ok" {
        return Err(JournalError::Damaged { cause: verdict });
    }
    migrate::check_references(conn).map_err(sql)
}

/// The upper 32 bits.
pub(crate) fn high_half(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use planner::id::NodeId;

    use super::*;
    use crate::change::Change;
    use crate::testing::{Home, contents, file, folder, killed};

    /// The page size SQLite chooses for a new database.
    const PAGE: usize = 4096;

    fn filled() -> (Home, Journal) {
        let home = Home::new();
        let mut journal = home.open();
        journal
            .commit(&[Change::Put(folder(1, None)), Change::Put(file(2, Some(1)))])
            .unwrap();
        (home, journal)
    }

    #[test]
    fn a_kill_without_a_checkpoint_loses_nothing() {
        let (home, mut journal) = filled();
        let after = killed(&home);
        assert!(
            contents(after.path())["journal.db-wal"].len() > PAGE,
            "the log is not empty"
        );
        let tree = after.open().synced().unwrap();
        assert_eq!(tree, journal.synced().unwrap());
        assert_eq!(tree.len(), 2);
        journal.set_walked(77).unwrap();
        assert_eq!(
            killed(&home).open().walked_at().unwrap(),
            Some(77),
            "a relaxed write outlives a kill as well"
        );
    }

    #[test]
    fn a_log_cut_off_anywhere_gives_an_earlier_commit_and_never_half_of_one() {
        let home = Home::new();
        let mut journal = home.open();
        for commit in 0..6 {
            let nodes: Vec<_> = (1..=3)
                .map(|id| Change::Put(file(commit * 3 + id, None)))
                .collect();
            journal.commit(&nodes).unwrap();
        }
        let files = contents(home.path());
        let log = &files["journal.db-wal"];
        let mut seen = std::collections::BTreeSet::new();
        for cut in (0..=log.len()).step_by(log.len() / 40) {
            let torn = Home::new();
            std::fs::write(torn.path().join(DATABASE), &files[DATABASE]).unwrap();
            std::fs::write(torn.path().join("journal.db-wal"), &log[..cut]).unwrap();
            let nodes = torn.open().synced().unwrap().len();
            assert_eq!(nodes % 3, 0, "{nodes} nodes after a cut at {cut}");
            seen.insert(nodes);
        }
        assert!(seen.len() > 3, "the cuts fell between commits: {seen:?}");
    }

    #[test]
    fn the_second_opener_is_told_who_holds_it() {
        let (home, journal) = filled();
        let ours = Some(std::process::id());
        assert!(matches!(Journal::open(home.path()), Err(JournalError::Locked { pid }) if pid == ours));
        assert!(matches!(Journal::read(home.path()), Err(JournalError::Locked { pid }) if pid == ours));
        let anew = Journal::begin_anew(home.path(), "now");
        assert!(matches!(anew, Err(JournalError::Locked { pid }) if pid == ours));
        assert!(matches!(Journal::end_unread(home.path()), Err(JournalError::Locked { pid }) if pid == ours));
        drop(journal);
        assert!(Journal::open(home.path()).is_ok());
    }

    #[test]
    fn only_the_owner_can_look_into_it() {
        let outer = Home::new();
        let dir = outer.path().join("pairs").join("main");
        let mut journal = Journal::open(&dir).unwrap();
        journal.commit(&[Change::Put(file(1, None))]).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        for name in ["lock", DATABASE, "journal.db-wal"] {
            assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn garbage_on_any_page_is_found_when_it_is_opened() {
        let (home, journal) = filled();
        drop(journal);
        let sound = std::fs::read(home.path().join(DATABASE)).unwrap();
        assert!(sound.len() / PAGE > 10);
        for page in 0..sound.len() / PAGE {
            let mut broken = sound.clone();
            broken[page * PAGE..][..PAGE].fill(0xa5);
            std::fs::write(home.path().join(DATABASE), &broken).unwrap();
            let opened = Journal::open(home.path());
            assert!(
                matches!(opened, Err(JournalError::Damaged { .. })),
                "page {page}: {opened:?}"
            );
            let read = Journal::read(home.path());
            assert!(
                matches!(read, Err(JournalError::Damaged { .. })),
                "page {page}: {read:?}"
            );
        }
        let cut = &sound[..sound.len() - PAGE];
        std::fs::write(home.path().join(DATABASE), cut).unwrap();
        assert!(matches!(
            Journal::open(home.path()),
            Err(JournalError::Damaged { .. })
        ));
    }

    #[test]
    fn what_is_no_journal_is_refused_and_left_alone() {
        let text = Home::new();
        std::fs::write(text.path().join(DATABASE), "certainly not a database").unwrap();
        let foreign = Home::new();
        Connection::open(foreign.path().join(DATABASE))
            .unwrap()
            .execute_batch("CREATE TABLE precious (thing)")
            .unwrap();
        for home in [text, foreign] {
            let before = contents(home.path());
            assert!(matches!(
                Journal::open(home.path()),
                Err(JournalError::Damaged { .. })
            ));
            assert!(matches!(
                Journal::read(home.path()),
                Err(JournalError::Damaged { .. })
            ));
            assert_eq!(contents(home.path()), before);
        }
    }

    #[test]
    fn a_row_that_no_writer_of_ours_stored_is_damage() {
        let (home, journal) = filled();
        journal
            .conn
            .execute_batch("UPDATE node SET local_name = 'a/b' WHERE id = 2")
            .unwrap();
        assert!(matches!(journal.synced(), Err(JournalError::Damaged { .. })));
        drop(journal);
        Connection::open(home.path().join(DATABASE))
            .unwrap()
            .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM node WHERE id = 1")
            .unwrap();
        assert!(matches!(
            Journal::open(home.path()),
            Err(JournalError::Damaged { .. })
        ));
    }

    #[test]
    fn a_newer_journal_is_refused_and_left_alone() {
        let (newer, journal) = filled();
        let known = u32::try_from(MIGRATIONS.len()).unwrap();
        journal
            .conn
            .pragma_update(None, "user_version", known + 4)
            .unwrap();
        // As a kill leaves it: the version is only in the log.
        let home = killed(&newer);
        let before = contents(home.path());
        for refused in [Journal::open(home.path()).map(Some), Journal::read(home.path())] {
            match refused {
                Err(JournalError::Newer { found, known: ours }) => {
                    assert_eq!((found, ours), (known + 4, known))
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(contents(home.path()), before);
    }

    #[test]
    fn a_dry_run_sees_everything_and_changes_no_file() {
        let (home, journal) = filled();
        let unclean = killed(&home);
        drop(journal);
        for home in [unclean, home] {
            let before = contents(home.path());
            let mut dry = Journal::read(home.path()).unwrap().unwrap();
            assert_eq!(dry.synced().unwrap().len(), 2);
            let id = dry.new_node_id();
            dry.commit(&[Change::Put(file(id.0, None)), Change::Forget(NodeId(2))])
                .unwrap();
            dry.set_walked(5).unwrap();
            assert_eq!(dry.synced().unwrap().len(), 2);
            assert_eq!(contents(home.path()), before);
            drop(dry);
            assert_eq!(contents(home.path()), before);
            let real = home.open();
            assert!(real.synced().unwrap().contains(NodeId(2)));
            assert_eq!(real.walked_at().unwrap(), None);
        }
    }

    #[test]
    fn a_dry_run_without_a_journal_makes_none() {
        let home = Home::new();
        assert!(
            Journal::read(&home.path().join("nothing/here"))
                .unwrap()
                .is_none()
        );
        assert!(Journal::read(home.path()).unwrap().is_none());
        assert!(contents(home.path()).is_empty());
        // What a crash leaves that came just after the file was made.
        std::fs::write(home.path().join(DATABASE), "").unwrap();
        assert!(Journal::read(home.path()).unwrap().is_none());
        assert_eq!(home.open().synced().unwrap().len(), 0);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let home = Home::new();
        let taken = home.path().join("taken");
        std::fs::write(&taken, "a file").unwrap();
        match Journal::open(&taken.join("main")) {
            Err(JournalError::NotWritable { path, .. }) => assert_eq!(path, taken.join("main")),
            other => panic!("{other:?}"),
        }
        std::fs::create_dir(home.path().join(DATABASE)).unwrap();
        match Journal::open(home.path()) {
            Err(JournalError::NotWritable { path, .. }) => assert_eq!(path, home.path().join(DATABASE)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_space_nothing_is_recorded_and_the_same_call_succeeds_later() {
        let (_home, mut journal) = filled();
        let before = journal.synced().unwrap();
        let pages: i64 = journal
            .conn
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .unwrap();
        let limit = |journal: &Journal, pages: i64| {
            let set = format!("PRAGMA max_page_count = {pages}");
            journal
                .conn
                .query_row(&set, [], |row| row.get::<_, i64>(0))
                .unwrap();
        };
        limit(&journal, pages);
        let many: Vec<_> = (10..2_000).map(|id| Change::Put(file(id, None))).collect();
        assert!(matches!(journal.commit(&many), Err(JournalError::Full { .. })));
        assert_eq!(journal.synced().unwrap(), before);
        limit(&journal, 1_000_000);
        journal.commit(&many).unwrap();
        assert_eq!(journal.synced().unwrap().len(), before.len() + many.len());
    }

    #[test]
    fn a_path_with_odd_characters_is_opened_as_it_is() {
        let home = Home::new();
        let dir = home.path().join("a b?c=d#e%41&ö");
        Journal::open(&dir).unwrap().set_walked(3).unwrap();
        assert_eq!(
            Journal::read(&dir).unwrap().unwrap().walked_at().unwrap(),
            Some(3)
        );
    }

    #[test]
    fn a_scratch_journal_leaves_no_trace_and_knows_what_the_real_one_knows() {
        let (home, journal) = filled();
        let id = journal.meta().journal_id;
        drop(journal);
        let before = contents(home.path());
        let mut scratch = Journal::scratch(home.path()).unwrap();
        assert_eq!(
            (scratch.meta().journal_id, scratch.synced().unwrap().len()),
            (id, 2)
        );
        scratch.commit(&[Change::Forget(NodeId(2))]).unwrap();
        drop(scratch);
        assert_eq!(contents(home.path())["journal.db"], before["journal.db"]);

        let nowhere = home.path().join("nothing/here");
        let mut scratch = Journal::scratch(&nowhere).unwrap();
        scratch.commit(&[Change::Put(folder(1, None))]).unwrap();
        assert_eq!(scratch.synced().unwrap().len(), 1);
        assert!(!nowhere.exists());
    }
}
