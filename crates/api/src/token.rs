//! Where a token is kept between processes: the store's contract, and one in memory.
//!
//! One token per (api_url, account) and host (wire.md §2). The lock is held only for compare, login, write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures_util::future::BoxFuture;

use crate::id::AccountId;
use crate::secret::AccessToken;

/// A token as it is stored. Holds no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// The API's base address, with its trailing slash; a token of another address is never used.
    pub api_url: String,
    /// The account it belongs to.
    pub account_id: AccountId,
    /// The token.
    pub token: AccessToken,
    /// When it was issued.
    pub login_at: SystemTime,
}

/// The store failed. The text must not hold the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Keeps the token, for example in a file that several processes share. Futures must be cancel-safe.
pub trait TokenStore: Send + Sync {
    /// What is stored now, without the lock. Unreadable content is `None`, not an error.
    fn load(&self) -> BoxFuture<'_, Result<Option<StoredToken>, StoreError>>;

    /// Waits for the exclusive lock among all tasks and processes. It ends when the guard is dropped.
    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn TokenLock>, StoreError>>;
}

/// The store, locked.
pub trait TokenLock: Send + Sync {
    /// What is stored now.
    fn load(&mut self) -> BoxFuture<'_, Result<Option<StoredToken>, StoreError>>;

    /// Replaces what is stored, atomically; `None` forgets it.
    fn save<'a>(&'a mut self, token: Option<&'a StoredToken>) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// A store in memory, shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct MemoryTokenStore {
    token: Arc<Mutex<Option<StoredToken>>>,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl MemoryTokenStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that holds this token.
    #[must_use]
    pub fn with(token: StoredToken) -> Self {
        let store = Self::default();
        store.put(Some(token));
        store
    }

    /// What it holds.
    #[must_use]
    pub fn get(&self) -> Option<StoredToken> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a token in, as another process would.
    pub fn put(&self, token: Option<StoredToken>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl TokenStore for MemoryTokenStore {
    fn load(&self) -> BoxFuture<'_, Result<Option<StoredToken>, StoreError>> {
        Box::pin(async { Ok(self.get()) })
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn TokenLock>, StoreError>> {
        Box::pin(async {
            let guard = Arc::clone(&self.lock).lock_owned().await;
            let locked: Box<dyn TokenLock> = Box::new(MemoryLock {
                store: self.clone(),
                _guard: guard,
            });
            Ok(locked)
        })
    }
}

struct MemoryLock {
    store: MemoryTokenStore,
    _guard: tokio::sync::OwnedMutexGuard<()>,
}

impl TokenLock for MemoryLock {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<StoredToken>, StoreError>> {
        Box::pin(async { Ok(self.store.get()) })
    }

    fn save<'a>(&'a mut self, token: Option<&'a StoredToken>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.store.put(token.cloned());
            Ok(())
        })
    }
}
