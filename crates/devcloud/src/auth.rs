//! Signing in: keys or password, tokens, the ban after wrong credentials, the session cookie (wire.md §2).
//!
//! Secrets come from the system's generator, never from the seed. Nothing here logs one.

use rand::RngExt as _;

use crate::dialect::Quirks;
use crate::quirk_table::Quirk;
use crate::store::Store;

/// Length of `key1` and `key2`.
pub(crate) const KEY_LENGTH: usize = 64;
/// Length of an access token.
const TOKEN_LENGTH: usize = 128;
/// A token dies this many seconds after its last use.
const TOKEN_LIFE: i64 = 3600;
/// Wrong credentials are counted over this many seconds.
const FAILURE_WINDOW: i64 = 86_400;

/// Random letters and digits.
pub(crate) fn secret(length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    let letter = |_| {
        LETTERS
            .get(rng.random_range(0..LETTERS.len()))
            .copied()
            .map_or('0', char::from)
    };
    (0..length).map(letter).collect()
}

/// Random lower-case hex digits.
pub(crate) fn hex_secret(length: usize) -> String {
    const DIGITS: &[u8] = b"0123456789abcdef";
    let mut rng = rand::rng();
    let digit = |_| {
        DIGITS
            .get(rng.random_range(0..DIGITS.len()))
            .copied()
            .map_or('0', char::from)
    };
    (0..length).map(digit).collect()
}

/// The account of a data directory and its credentials.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) key1: String,
    pub(crate) key2: String,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Account {
    /// The stored account, made on the first start, with this id.
    pub(crate) fn load(store: &Store, id: u64) -> rusqlite::Result<Self> {
        let stored = store.setting_or("account_id", || id.to_string())?;
        Ok(Self {
            id: stored.parse().or_else(|_| i64::try_from(id)).unwrap_or(i64::MAX),
            key1: store.setting_or("key1", || secret(KEY_LENGTH))?,
            key2: store.setting_or("key2", || secret(KEY_LENGTH))?,
            username: store.setting_or("username", || "admin".to_owned())?,
            password: store.setting_or("password", || secret(16))?,
        })
    }
}

/// Credentials as sent.
pub(crate) enum Credentials<'a> {
    /// `key1`, `key2`.
    Keys(&'a [u8], &'a [u8]),
    /// `username`, `password`.
    Password(&'a [u8], &'a [u8]),
}

/// What became of a login.
pub(crate) enum Login {
    /// Signed in.
    In {
        /// The new token.
        token: String,
        /// The session cookie's value.
        cookie: String,
    },
    /// Wrong credentials, a banned address, or a suspended account: one text for all.
    Rejected,
}

/// Tries to sign in.
pub(crate) fn sign_in(
    store: &mut Store,
    account: &Account,
    credentials: &Credentials<'_>,
    ip: &str,
    quirks: &Quirks,
    now: i64,
) -> rusqlite::Result<Login> {
    let right = match credentials {
        Credentials::Keys(key1, key2) => *key1 == account.key1.as_bytes() && *key2 == account.key2.as_bytes(),
        Credentials::Password(name, password) => {
            *name == account.username.as_bytes() && *password == account.password.as_bytes()
        }
    };
    if quirks.on(Quirk::LoginBan) && store.banned_until(ip)?.is_some_and(|until| now < until) {
        return Ok(Login::Rejected);
    }
    if !right {
        let failures = store.add_failure(ip, now, now.saturating_sub(FAILURE_WINDOW))?;
        if quirks.on(Quirk::LoginBan) && failures >= quirks.count(Quirk::LoginBan, "tries") {
            let seconds = quirks.duration(Quirk::LoginBan, "ban").as_secs();
            store.ban(ip, now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)))?;
            store.clear_failures(ip)?;
        }
        return Ok(Login::Rejected);
    }
    if store
        .setting("account_status")?
        .is_some_and(|status| status != "active")
    {
        return Ok(Login::Rejected);
    }
    store.clear_failures(ip)?;
    let (token, cookie) = (secret(TOKEN_LENGTH), secret(32));
    store.add_token(&token, account.id, now, quirks.on(Quirk::SingleToken))?;
    store.add_cookie(&cookie, account.id)?;
    Ok(Login::In { token, cookie })
}

/// The owner of a living token; using it prolongs its life.
pub(crate) fn owner_of(store: &Store, token: &str, now: i64) -> rusqlite::Result<Option<i64>> {
    let Some((owner, used)) = store.token(token)? else {
        return Ok(None);
    };
    // A token that was never used does not expire.
    if used.is_some_and(|used| now.saturating_sub(used) > TOKEN_LIFE) {
        store.drop_token(token)?;
        return Ok(None);
    }
    store.use_token(token, now)?;
    Ok(Some(owner))
}
