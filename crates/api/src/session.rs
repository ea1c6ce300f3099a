//! The token of all tasks: loading, losing, renewing (design A9, wire.md §2).
//!
//! Any number of concurrent failures is one login. Rejected credentials are never tried again by the same client.
//! A token is lost only when the server says so twice, the second time on a cheap call; pages, timeouts and 5xx
//! never lead to a login. After each login the caller's check sees the account before anything else happens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use crate::caller::{Caller, Params};
use crate::endpoints::account::GetAccountInfo;
use crate::endpoints::auth::{Authorize, DisableAccessToken};
use crate::endpoints::{Endpoint as _, spec};
use crate::error::ApiError;
use crate::id::AccountId;
use crate::secret::{AccessToken, redact};
use crate::token::{StoreError, StoredToken, TokenStore};

/// The caller's check of the account that a login (or a stored token) leads to. Its error text is shown.
pub type OnLogin = Arc<dyn Fn(&AccountId) -> Result<(), String> + Send + Sync>;

/// Sliding window of the bound on logins.
const HOUR: Duration = Duration::from_secs(3600);

/// A token in use.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) token: AccessToken,
    pub(crate) account: AccountId,
    login_at: SystemTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Keys,
    Password,
}

/// What only the one who signs in may touch.
#[derive(Default)]
struct Desk {
    /// The last token that was proved dead: never taken from the store again.
    dead: Option<AccessToken>,
    logins: VecDeque<Instant>,
    ceiling: Option<Duration>,
    last_loss: Option<Instant>,
    /// The form the site wants, once known.
    form: Option<Form>,
    /// An end that only a rebuilt client gets over.
    latched: Option<ApiError>,
    /// The held token was found alive at this time.
    alive_at: Option<Instant>,
    /// The last login that failed: whoever waited for it meanwhile shares its error.
    failed: Option<(Instant, ApiError)>,
}

impl Desk {
    /// A login failed after this need arose: it was this one's login too.
    fn shares_failure(&self, asked: Instant) -> bool {
        self.failed.as_ref().is_some_and(|(at, _)| *at >= asked)
    }
}

/// The session of one client, shared by all its tasks.
pub(crate) struct Session {
    caller: Arc<Caller>,
    store: Arc<dyn TokenStore>,
    on_login: OnLogin,
    held: Mutex<Option<Held>>,
    used: Mutex<Option<Instant>>,
    desk: tokio::sync::Mutex<Desk>,
    /// Sessions that another device ended.
    taken: AtomicU64,
    /// Sessions that this client has had.
    begun: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whole values are swapped under these locks: a panic elsewhere leaves nothing half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Store {
            cause: redact(&error.0),
        }
    }
}

impl Session {
    pub(crate) fn new(caller: Arc<Caller>, store: Arc<dyn TokenStore>, on_login: OnLogin) -> Self {
        let (held, used, desk) = (
            Mutex::new(None),
            Mutex::new(None),
            tokio::sync::Mutex::new(Desk::default()),
        );
        Self {
            caller,
            store,
            on_login,
            held,
            used,
            desk,
            taken: AtomicU64::new(0),
            begun: AtomicU64::new(0),
        }
    }

    /// How many sessions another device ended by signing in.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many sessions this client has had so far.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn hold(&self, held: &Held) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        *lock(&self.held) = Some(held.clone());
    }

    fn current(&self) -> Option<Held> {
        lock(&self.held).clone()
    }

    /// The token to use: held, stored, or from a login.
    pub(crate) async fn token(&self) -> Result<Held, ApiError> {
        if let Some(held) = self.current() {
            return Ok(held);
        }
        let asked = Instant::now();
        let mut desk = self.desk.lock().await;
        if let Some(held) = self.current() {
            return Ok(held);
        }
        let stored = self.store.load().await?;
        if let Some(held) = self.adopt(&mut desk, stored)? {
            return Ok(held);
        }
        self.sign_in(&mut desk, asked).await
    }

    /// The server answered a call with this token: it lives.
    pub(crate) fn worked(&self) {
        *lock(&self.used) = Some(Instant::now());
    }

    fn is_fresh(&self) -> bool {
        let fresh = self.caller.config.session.fresh;
        lock(&self.used).is_some_and(|at| at.elapsed() < fresh)
    }

    /// A token that was used within the last minute, for an upload that will take long.
    pub(crate) async fn fresh_token(&self) -> Result<Held, ApiError> {
        let held = self.token().await?;
        if self.is_fresh() {
            Ok(held)
        } else {
            self.touch(&held).await
        }
    }

    /// Uses the token on a cheap call; renews it if it is lost. Answers the token that is good now.
    pub(crate) async fn touch(&self, held: &Held) -> Result<Held, ApiError> {
        let sent = Instant::now();
        match self.check(held).await {
            Ok(()) => Ok(held.clone()),
            Err(ApiError::TokenInvalid) => self.lost(held, sent).await,
            Err(error) => Err(error),
        }
    }

    /// Whether the server takes this token.
    async fn check(&self, held: &Held) -> Result<(), ApiError> {
        self.caller
            .call(&spec::<GetAccountInfo>(), &Params::new(), Some(held))
            .await?;
        self.worked();
        Ok(())
    }

    /// The server refused this token in an answer to a call sent at `sent`. Answers a token to go on with.
    pub(crate) async fn lost(&self, dead: &Held, sent: Instant) -> Result<Held, ApiError> {
        let mut desk = self.desk.lock().await;
        match self.current() {
            Some(held) if held.token != dead.token => return Ok(held),
            Some(held) if desk.alive_at.is_some_and(|at| at >= sent) => return Ok(held),
            Some(held) => match self.check(&held).await {
                Ok(()) => {
                    desk.alive_at = Some(Instant::now());
                    return Ok(held);
                }
                Err(ApiError::TokenInvalid) => {}
                Err(error) => return Err(error),
            },
            // Another task proved it dead, but its login failed.
            None => {}
        }
        tracing::debug!("the session was ended by the server");
        *lock(&self.held) = None;
        desk.dead = Some(dead.token.clone());
        let stored = self.store.load().await?;
        if let Some(held) = self.adopt(&mut desk, stored)? {
            return Ok(held);
        }
        if !desk.shares_failure(sent) {
            self.wait_if_young(&mut desk, dead).await;
        }
        self.sign_in(&mut desk, sent).await
    }

    /// Takes a stored token over, if it is ours and not the one that just died.
    fn adopt(&self, desk: &mut Desk, stored: Option<StoredToken>) -> Result<Option<Held>, ApiError> {
        let usable = stored.filter(|stored| {
            stored.api_url == self.caller.config.api_url.as_str() && desk.dead.as_ref() != Some(&stored.token)
        });
        let Some(StoredToken {
            account_id,
            token,
            login_at,
            ..
        }) = usable
        else {
            return Ok(None);
        };
        self.admit(desk, &account_id)?;
        let held = Held {
            token,
            account: account_id,
            login_at,
        };
        self.hold(&held);
        Ok(Some(held))
    }

    fn admit(&self, desk: &mut Desk, account: &AccountId) -> Result<(), ApiError> {
        (self.on_login)(account).map_err(|cause| {
            let error = ApiError::AccountRefused { cause };
            desk.latched = Some(error.clone());
            error
        })
    }

    /// A token that died young was ended by another device: let it finish its burst (design A9). Who was not at work himself
    /// knows only that the other one was at some time since: it waits the shortest, and that is no reason to wait longer the
    /// next time.
    async fn wait_if_young(&self, desk: &mut Desk, dead: &Held) {
        let policy = &self.caller.config.session;
        let quiet = desk.last_loss.is_none_or(|at| at.elapsed() >= policy.quiet);
        let at_work = lock(&self.used).is_some_and(|at| at.elapsed() < policy.at_work);
        let ceiling = if quiet || !at_work {
            policy.login_backoff
        } else {
            desk.ceiling.unwrap_or(policy.login_backoff)
        };
        // A clock that went back makes the age unknown: young is the careful guess.
        let age = SystemTime::now()
            .duration_since(dead.login_at)
            .unwrap_or_default();
        if at_work {
            desk.last_loss = Some(Instant::now());
        }
        if age >= policy.young || desk.latched.is_some() {
            return;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        if at_work {
            desk.ceiling = Some(ceiling.saturating_mul(2).min(policy.login_backoff_max));
        }
        let wait = ceiling.mul_f64(rand::random::<f64>());
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(
            retry_after_ms = wait_ms,
            "another device signed in; letting it work first"
        );
        tokio::time::sleep(wait).await;
    }

    /// Lock, look again, log in, check the account, save. `asked` is when the need arose.
    async fn sign_in(&self, desk: &mut Desk, asked: Instant) -> Result<Held, ApiError> {
        if let Some(error) = &desk.latched {
            return Err(error.clone());
        }
        if let Some((_, error)) = desk.failed.as_ref().filter(|_| desk.shares_failure(asked)) {
            return Err(error.clone());
        }
        let mut guard = self.store.lock().await?;
        let stored = guard.load().await?;
        if let Some(held) = self.adopt(desk, stored)? {
            return Ok(held);
        }
        let (token, account) = match self.authorize(desk).await {
            Ok(granted) => granted,
            Err(error) => {
                // What is about the way there may be tried again later; everything else could count towards a ban.
                let way = matches!(error, ApiError::Redirect { .. } | ApiError::NotThisApi { .. });
                if !way && !error.is_transient() {
                    desk.latched = Some(error.clone());
                }
                desk.failed = Some((Instant::now(), error.clone()));
                return Err(error);
            }
        };
        self.admit(desk, &account)?;
        let held = Held {
            token: token.clone(),
            account,
            login_at: SystemTime::now(),
        };
        self.hold(&held);
        self.worked();
        let api_url = self.caller.config.api_url.as_str().to_owned();
        let stored = StoredToken {
            api_url,
            account_id: account,
            token,
            login_at: held.login_at,
        };
        if let Err(error) = guard.save(Some(&stored)).await {
            // The token works; only the next process will have to sign in again.
            tracing::warn!(error = %redact(&error.0), "the session could not be stored");
        }
        Ok(held)
    }

    /// Logs in, with the other form of credentials once if the site asks for it.
    async fn authorize(&self, desk: &mut Desk) -> Result<(AccessToken, AccountId), ApiError> {
        let credentials = &self.caller.config.credentials;
        let first = match (&credentials.keys, &credentials.password) {
            (None, None) => return Err(ApiError::NoCredentials),
            (Some(_), None) => Form::Keys,
            (None, Some(_)) => Form::Password,
            (Some(_), Some(_)) => desk.form.unwrap_or(Form::Keys),
        };
        match self.authorize_as(desk, first).await {
            Err(ApiError::AuthMode)
                if desk.form.is_none() && credentials.keys.is_some() && credentials.password.is_some() =>
            {
                let other = if first == Form::Keys {
                    Form::Password
                } else {
                    Form::Keys
                };
                desk.form = Some(other);
                self.authorize_as(desk, other).await
            }
            result => {
                if result.is_ok() {
                    desk.form = Some(first);
                }
                result
            }
        }
    }

    async fn authorize_as(&self, desk: &mut Desk, form: Form) -> Result<(AccessToken, AccountId), ApiError> {
        let now = Instant::now();
        while desk
            .logins
            .front()
            .is_some_and(|at| now.duration_since(*at) >= HOUR)
        {
            desk.logins.pop_front();
        }
        if desk.logins.len() >= self.caller.config.session.logins_per_hour {
            let oldest = desk
                .logins
                .front()
                .map_or(HOUR, |at| HOUR.saturating_sub(now.duration_since(*at)));
            return Err(ApiError::LoginLimit { retry_after: oldest });
        }
        desk.logins.push_back(now);
        let credentials = &self.caller.config.credentials;
        let request = match form {
            Form::Keys => credentials.keys.as_ref().map(|pair| Authorize::Keys {
                key1: pair.key1.expose_secret().to_owned(),
                key2: pair.key2.expose_secret().to_owned(),
            }),
            Form::Password => credentials.password.as_ref().map(|login| Authorize::Password {
                username: login.username.clone(),
                password: login.password.expose_secret().to_owned(),
            }),
        };
        let request = request.ok_or(ApiError::NoCredentials)?;
        let envelope = self
            .caller
            .call(&spec::<Authorize>(), &request.params()?, None)
            .await;
        if let Err(ApiError::Unreachable { .. }) = &envelope {
            desk.logins.pop_back();
        }
        let granted = request.read(&envelope?)?;
        tracing::debug!("signed in");
        Ok(granted)
    }

    /// Ends the session: the server forgets the token, and so does the store.
    pub(crate) async fn sign_out(&self) -> Result<(), ApiError> {
        let mut desk = self.desk.lock().await;
        let mut guard = self.store.lock().await?;
        let stored = guard.load().await?;
        let held = match self.current() {
            Some(held) => Some(held),
            None => self.adopt(&mut desk, stored)?,
        };
        let Some(held) = held else { return Ok(()) };
        match self
            .caller
            .call(&spec::<DisableAccessToken>(), &Params::new(), Some(&held))
            .await
        {
            // The second call is TokenInvalid: done as well.
            Ok(_) | Err(ApiError::TokenInvalid) => {}
            Err(error) => return Err(error),
        }
        *lock(&self.held) = None;
        desk.dead = Some(held.token);
        Ok(guard.save(None).await?)
    }
}
