//! What all requests share: store, blobs, switches, faults, ledger, clock. Locks are held for one step, never across
//! an await; the store's lock is taken before any other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Account;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::dialect::Quirks;
use crate::faults::Faults;
use crate::ledger::Ledger;
use crate::quirk_table::Quirk;
use crate::store::Store;

/// Seconds of the server's clock between two looks for what is due.
const HOUSEKEEPING_EVERY: i64 = 60;
/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Everything the server is.
pub(crate) struct World {
    pub(crate) store: Mutex<Store>,
    pub(crate) blobs: Blobs,
    pub(crate) quirks: Mutex<Arc<Quirks>>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) account: Account,
    pub(crate) seed: u64,
    /// Added to every answer but `/_dev`.
    pub(crate) latency: Duration,
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Arrivals of the last second, for throttling.
    pub(crate) recent: Mutex<VecDeque<Instant>>,
    pub(crate) running: AtomicUsize,
    pub(crate) next_look: AtomicI64,
    /// Fetches what is imported; no proxy, no redirect.
    pub(crate) http: reqwest::Client,
}

/// A lock whose holder cannot have left it broken: every step under it is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// The database.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// The switches as they stand.
    pub(crate) fn quirks(&self) -> Arc<Quirks> {
        Arc::clone(&lock(&self.quirks))
    }

    /// Runs work to its end even if who asked for it goes away; ends with the server.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Does what is due by the server's clock, at most once a minute of it.
    pub(crate) fn housekeeping(&self) {
        let now = self.clock.now();
        if now < self.next_look.load(Ordering::Relaxed) {
            return;
        }
        self.next_look
            .store(now.saturating_add(HOUSEKEEPING_EVERY), Ordering::Relaxed);
        if let Err(error) = self.keep_house(now) {
            tracing::error!(%error, "housekeeping failed");
        }
    }

    /// Makes the next request look for what is due.
    pub(crate) fn look_soon(&self) {
        self.next_look.store(i64::MIN, Ordering::Relaxed);
    }

    fn keep_house(&self, now: i64) -> rusqlite::Result<()> {
        let quirks = self.quirks();
        let days = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(DAY);
        let mut store = self.store();
        if quirks.on(Quirk::Purge) {
            let before = now.saturating_sub(days(quirks.count(Quirk::Purge, "days")));
            for folder in store.old_trashed_folders(before)? {
                self.purge_folder(&mut store, folder, now)?;
            }
            for file in store.old_trashed_files(before)? {
                self.purge_file(&mut store, file, now)?;
            }
        }
        let keep = self.inactive_days(&store, &quirks)?;
        if quirks.on(Quirk::Expiry) && keep > 0 {
            for file in store.unused_files(self.account.id, now.saturating_sub(days(keep)))? {
                self.purge_file(&mut store, file, now)?;
            }
        }
        Ok(())
    }

    /// After how many days without use files are purged: the knob, else the package.
    pub(crate) fn inactive_days(&self, store: &Store, quirks: &Quirks) -> rusqlite::Result<u64> {
        let knob = quirks.count(Quirk::Expiry, "days");
        let package = package(store)?;
        let days = package
            .get("days_to_keep_inactive_files")
            .and_then(|days| days.parse().ok());
        Ok(if knob > 0 { knob } else { days.unwrap_or(0) })
    }

    /// Purges a file: the row stays, the content goes if nobody else has it.
    pub(crate) fn purge_file(&self, store: &mut Store, id: i64, now: i64) -> rusqlite::Result<()> {
        let Some(mut row) = store.file(id)? else {
            return Ok(());
        };
        row.state = crate::store::State::Deleted;
        row.folder = None;
        row.updated = Some(now);
        store.write_file(&row, now)?;
        self.drop_blob(store, &row.md5, row.size)
    }

    /// Purges a folder with everything in it.
    pub(crate) fn purge_folder(&self, store: &mut Store, id: i64, now: i64) -> rusqlite::Result<()> {
        for (md5, size) in store.purge_folder(id, now)? {
            self.drop_blob(store, &md5, size)?;
        }
        Ok(())
    }

    /// Removes a content if no row has it any more.
    pub(crate) fn drop_blob(&self, store: &Store, md5: &str, size: i64) -> rusqlite::Result<()> {
        if !store.blob_used(md5, size)? {
            self.blobs.remove(md5, size);
        }
        Ok(())
    }
}

/// The package's limits as strings, the document's sample with nothing limited.
pub(crate) fn package(store: &Store) -> rusqlite::Result<std::collections::BTreeMap<String, String>> {
    let mut package: std::collections::BTreeMap<String, String> = [
        ("id", "20"),
        ("label", "Premium Account"),
        ("max_upload_size", "0"),
        ("can_upload", "1"),
        ("wait_between_downloads", "0"),
        ("download_speed", "0"),
        ("max_storage_bytes", "0"),
        ("show_site_adverts", "0"),
        ("show_upgrade_screen", "1"),
        ("days_to_keep_inactive_files", "0"),
        ("concurrent_uploads", "100"),
        ("concurrent_downloads", "0"),
        ("downloads_per_24_hours", "0"),
        ("download_size_per_24_hours", "0"),
        ("max_download_filesize_allowed", "0"),
        ("max_remote_download_urls", "50"),
        ("level_type", "paid user"),
        ("on_upgrade_page", "0"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    if let Some(stored) = store.setting("package")?
        && let Ok(stored) = serde_json::from_str::<std::collections::BTreeMap<String, String>>(&stored)
    {
        package.extend(stored);
    }
    Ok(package)
}
