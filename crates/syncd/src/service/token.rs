//! The session's token on disk, shared by all processes of one user (design A9).
//!
//! One file per API address and key or user name, mode 0600, replaced as a whole; a lock file beside it. It never
//! holds keys or passwords, and no error holds the token. Content that cannot be read counts as none: the cost is
//! one sign-in.
#![expect(clippy::disallowed_methods, reason = "keeps the token in the state directory")]

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::{AccessToken, AccountId, Credentials, StoreError, StoredToken, TokenLock, TokenStore};
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use url::Url;

use super::lock::{FileLock, lock};

/// Largest token file that is read, bytes.
const FILE_MAX: u64 = 64 * 1024;
/// The lock is held for one sign-in, and that has a time limit of minutes; whoever holds it longer hangs.
const LOCK_WAIT: Duration = Duration::from_secs(600);
/// Format of the file.
const VERSION: u32 = 1;

/// A token in a file.
#[derive(Clone, Debug)]
pub(crate) struct FileTokenStore {
    file: PathBuf,
    lock_wait: Duration,
}

/// The file's content.
#[derive(Serialize, Deserialize)]
struct Content {
    v: u32,
    api_url: String,
    account_id: String,
    token: String,
    /// Seconds since 1970.
    login_at: u64,
}

impl FileTokenStore {
    /// The store for this address and these credentials below `state_dir`; makes the folder.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(crate) fn open(state_dir: &Path, api_url: &Url, credentials: &Credentials) -> io::Result<Self> {
        let folder = state_dir.join("tokens");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = folder.join(format!("{}.json", identity(api_url, credentials)));
        Ok(Self {
            file,
            lock_wait: LOCK_WAIT,
        })
    }
}

/// A file name that tells addresses and identities apart and gives neither away.
fn identity(api_url: &Url, credentials: &Credentials) -> String {
    let mut hash = blake3::Hasher::new_derive_key("syncd token file 2026");
    let mut part = |bytes: &[u8]| {
        hash.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    part(api_url.as_str().as_bytes());
    match (&credentials.keys, &credentials.password) {
        (Some(keys), _) => {
            part(b"key");
            part(keys.key1.expose_secret().as_bytes());
        }
        (None, Some(login)) => {
            part(b"username");
            part(login.username.as_bytes());
        }
        (None, None) => part(b"nobody"),
    }
    hash.finalize().to_hex().chars().take(32).collect()
}

fn failed(what: &str, error: &io::Error) -> StoreError {
    StoreError(format!("{what} the token file: {error}"))
}

fn load(path: &Path) -> Result<Option<StoredToken>, StoreError> {
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(nofollow).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("cannot open", &error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| failed("cannot read", &error))?;
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Option<StoredToken> {
    let content: Content = serde_json::from_slice(bytes).ok()?;
    if content.v != VERSION {
        return None;
    }
    Some(StoredToken {
        api_url: content.api_url,
        account_id: content.account_id.parse::<AccountId>().ok()?,
        token: AccessToken::new(content.token)?,
        login_at: UNIX_EPOCH.checked_add(Duration::from_secs(content.login_at))?,
    })
}

/// Replaces the file as a whole. Only under the lock: the temporary name is always the same.
fn save(path: &Path, token: Option<&StoredToken>) -> Result<(), StoreError> {
    let written = match token {
        Some(token) => replace(path, token),
        None => match std::fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        },
    };
    written.map_err(|error| failed("cannot write", &error))
}

fn replace(path: &Path, token: &StoredToken) -> io::Result<()> {
    let content = Content {
        v: VERSION,
        api_url: token.api_url.clone(),
        account_id: token.account_id.to_string(),
        token: token.token.expose().to_owned(),
        login_at: token
            .login_at
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |age| age.as_secs()),
    };
    let bytes = serde_json::to_vec(&content).map_err(|_| io::Error::other("cannot be written as JSON"))?;
    let new = path.with_extension("new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Runs file work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(StoreError("the work on the token file was broken off".to_owned())))
}

impl TokenStore for FileTokenStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<StoredToken>, StoreError>> {
        let file = self.file.clone();
        Box::pin(blocking(move || load(&file)))
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn TokenLock>, StoreError>> {
        Box::pin(async {
            let held = lock(self.file.with_extension("lock"), self.lock_wait)
                .await
                .map_err(|error| failed("cannot lock", &error))?;
            let lock =
                held.ok_or_else(|| StoreError("another process holds the token file's lock".to_owned()))?;
            let locked: Box<dyn TokenLock> = Box::new(Locked {
                file: self.file.clone(),
                _lock: lock,
            });
            Ok(locked)
        })
    }
}

/// The store, locked.
struct Locked {
    file: PathBuf,
    _lock: FileLock,
}

impl TokenLock for Locked {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<StoredToken>, StoreError>> {
        let file = self.file.clone();
        Box::pin(blocking(move || load(&file)))
    }

    fn save<'a>(&'a mut self, token: Option<&'a StoredToken>) -> BoxFuture<'a, Result<(), StoreError>> {
        let (file, token) = (self.file.clone(), token.cloned());
        Box::pin(blocking(move || save(&file, token.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn address() -> Url {
        Url::parse("https://a.example/api/v2/").unwrap()
    }

    fn open(dir: &Path) -> FileTokenStore {
        FileTokenStore::open(dir, &address(), &Credentials::keys("k3y-one", "k3y-two")).unwrap()
    }

    fn token(text: &str) -> StoredToken {
        StoredToken {
            api_url: address().to_string(),
            account_id: "7".parse().unwrap(),
            token: AccessToken::new(text.to_owned()).unwrap(),
            login_at: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        }
    }

    #[tokio::test]
    async fn what_one_process_stores_another_finds_and_it_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (open(dir.path()), open(dir.path()));
        assert_eq!(two.load().await.unwrap(), None);
        one.lock()
            .await
            .unwrap()
            .save(Some(&token("t0ken")))
            .await
            .unwrap();
        assert_eq!(two.load().await.unwrap(), Some(token("t0ken")));
        for entry in std::fs::read_dir(dir.path().join("tokens")).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{entry:?}"
            );
            let text = std::fs::read_to_string(entry.path()).unwrap();
            assert!(!text.contains("k3y") && !entry.path().display().to_string().contains("k3y"));
        }
        two.lock().await.unwrap().save(None).await.unwrap();
        assert_eq!(one.load().await.unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_stores_of_one_file_are_never_inside_the_lock_together() {
        let dir = tempfile::tempdir().unwrap();
        let inside = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..4u32 {
            let (store, inside) = (open(dir.path()), Arc::clone(&inside));
            tasks.spawn(async move {
                for round in 0..5u32 {
                    let mut locked = store.lock().await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    let mine = token(&format!("t{number}-{round}"));
                    locked.save(Some(&mine)).await.unwrap();
                    assert_eq!(locked.load().await.unwrap(), Some(mine));
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    }

    #[tokio::test]
    async fn a_lock_that_is_never_given_back_ends_in_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (one, mut two) = (open(dir.path()), open(dir.path()));
        two.lock_wait = Duration::ZERO;
        let held = one.lock().await.unwrap();
        let error = two.lock().await.err().unwrap();
        assert_eq!(error.0, "another process holds the token file's lock");
        drop(held);
        assert!(two.lock().await.is_ok());
    }

    #[tokio::test]
    async fn damaged_content_is_no_token_and_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for text in [
            "",
            "{",
            "{\"v\":1}",
            "{\"v\":9,\"api_url\":\"\",\"account_id\":\"1\",\"token\":\"t\",\"login_at\":0}",
        ] {
            std::fs::write(&store.file, text).unwrap();
            assert_eq!(store.load().await.unwrap(), None, "{text}");
        }
    }

    #[test]
    fn another_address_or_another_key_is_another_file() {
        let keys = Credentials::keys("a", "b");
        let other = Url::parse("https://b.example/api/v2/").unwrap();
        let names = [
            identity(&address(), &keys),
            identity(&other, &keys),
            identity(&address(), &Credentials::keys("c", "b")),
            identity(&address(), &Credentials::password("a", "b")),
        ];
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert_eq!(
            identity(&address(), &keys),
            identity(&address(), &Credentials::keys("a", "changed"))
        );
    }
}
