//! What every process that syncs needs before it asks the server anything: the state directory, the local folders, the
//! client.
//!
//! Everything that can be wrong without asking is found here. Nothing is written but the state directory itself.
#![expect(
    clippy::disallowed_methods,
    reason = "looks at the state directory and the CA file before anything else runs"
)]

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Access, access};
use secrecy::ExposeSecret as _;

use super::token::FileTokenStore;
use crate::config::load::{Choice, Env, load, load_account};
use crate::config::{Config, PairConfig, credentials};
use crate::report::{Kind, Report};

/// A configuration that can be used, and what to sign in with.
pub(crate) struct Ground {
    /// The configuration.
    pub(crate) config: Config,
    /// Never in a log: their `Debug` shows nothing.
    pub(crate) credentials: api::Credentials,
}

/// Reads the configuration and the credentials, and makes sure of the state directory.
pub(crate) fn ground(choice: &Choice, env: &Env) -> Result<Ground, Report> {
    let config = load(choice, env).map_err(|error| Report::from(&error))?.config;
    ground_of(config, env)
}

/// The same for a command about the account alone: there may be no pair.
pub(crate) fn account_ground(choice: &Choice, env: &Env) -> Result<Ground, Report> {
    let loaded = load_account(choice, env).map_err(|error| Report::from(&error))?;
    ground_of(loaded.config, env)
}

/// The same for a configuration that was read already.
pub(crate) fn ground_of(config: Config, env: &Env) -> Result<Ground, Report> {
    let credentials = credentials::find(&config.account, env).map_err(|error| Report::from(&error))?;
    state_folder(&config.state_dir)?;
    Ok(Ground { config, credentials })
}

/// Whether both reach the same account in the same way, so that a client of one can stay for the other.
pub(crate) fn same_access(one: &Ground, other: &Ground) -> bool {
    let (a, b) = (&one.config, &other.config);
    let proxy = |config: &Config| {
        config
            .account
            .proxy
            .as_ref()
            .map(|it| it.expose_secret().to_owned())
    };
    let same_account = a.account.api_url == b.account.api_url
        && a.account.ca_file == b.account.ca_file
        && proxy(a) == proxy(b)
        && a.limits.concurrency == b.limits.concurrency
        && a.timing == b.timing;
    let keys = |it: &api::Credentials| {
        let keys = it.keys.as_ref();
        keys.map(|it| [&it.key1, &it.key2].map(|it| it.expose_secret().to_owned()))
    };
    let login = |it: &api::Credentials| {
        let login = it.password.as_ref();
        login.map(|it| (it.username.clone(), it.password.expose_secret().to_owned()))
    };
    let (c, d) = (&one.credentials, &other.credentials);
    same_account && keys(c) == keys(d) && login(c) == login(d)
}

/// The state directory cannot be used.
pub(crate) fn unwritable(path: &Path, cause: &str) -> Report {
    let next = "make it a folder that this user may write to, or set state_dir";
    Report::new(Kind::State, "the state directory is not writable", cause, next)
        .at(path.display().to_string())
}

/// Makes the state directory, private, and makes sure that it can be written to.
pub(crate) fn state_folder(path: &Path) -> Result<(), Report> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| unwritable(path, &error.to_string()))?;
    writable_place(path)
}

/// Whether the state directory, or the folder it would be made in, can be written to. Changes nothing.
pub(crate) fn writable_place(path: &Path) -> Result<(), Report> {
    let Some(there) = path.ancestors().find(|path| path.symlink_metadata().is_ok()) else {
        return Err(unwritable(path, "no folder above it exists"));
    };
    if !there.is_dir() {
        return Err(unwritable(path, &format!("{} is not a folder", there.display())));
    }
    access(there, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| unwritable(path, &error.to_string()))
}

/// A folder that is missing before its first sync is a mistake; afterwards it is a safety stop, and the engine's.
pub(crate) fn local_folder(config: &Config, pair: &PairConfig) -> Result<(), Report> {
    // The folder alone says nothing: a pair may be paused before its first sync.
    let known = config.pair_dir(&pair.name).join("journal.db").exists();
    match std::fs::metadata(&pair.local) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !known => Err(Report::new(
            Kind::LocalFolder,
            format!("the local folder of the pair \"{}\" does not exist", pair.name),
            "it was never synced, so it may be a typing error, or a disk that is not mounted",
            "make the folder, or correct the configuration",
        )
        .at(pair.local.display().to_string())),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What a command that transfers runs on: one thread, so that a call and its answer change threads nowhere. What waits for the
/// disk has threads of its own.
///
/// # Errors
/// The machine gives no more threads or handles.
pub(crate) fn one_thread() -> Result<tokio::runtime::Runtime, Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| {
        let next = "free memory or processes";
        Report::new(Kind::Internal, "cannot start", error.to_string(), next)
    })
}

/// The client of the account, with the limits and waiting times of the configuration.
pub(crate) fn client(config: &Config, credentials: api::Credentials) -> Result<api::Client, Report> {
    let store = FileTokenStore::open(&config.state_dir, &config.account.api_url, &credentials)
        .map_err(|error| unwritable(&config.state_dir, &error.to_string()))?;
    client_with(config, credentials, Arc::new(store))
}

/// The same with the session's token kept elsewhere.
pub(crate) fn client_with(
    config: &Config,
    credentials: api::Credentials,
    store: Arc<dyn api::TokenStore>,
) -> Result<api::Client, Report> {
    let url = config.account.api_url.as_str();
    let report = |error: &api::ApiError| Report::from_api(error, url);
    let mut built = api::Config::new(url).map_err(|error| report(&error))?;
    built.credentials = credentials;
    built.timeouts.request = config.timing.request_timeout;
    built.timeouts.connect = built.timeouts.connect.min(config.timing.request_timeout);
    built.retry.base = config.timing.retry_pause;
    built.retry.max = built.retry.max.max(config.timing.retry_pause);
    built.session.login_backoff = config.timing.login_backoff;
    built.session.login_backoff_max = built.session.login_backoff_max.max(config.timing.login_backoff);
    built.proxy = config
        .account
        .proxy
        .as_ref()
        .map(|proxy| proxy.expose_secret().to_owned());
    if let Some(calls) = config.limits.concurrency {
        let own = api::AtOnce::fixed(calls);
        (built.calls, built.uploads, built.downloads) = (own, own, own);
    }
    if let Some(path) = &config.account.ca_file {
        let pem = std::fs::read(path).map_err(|error| {
            Report::new(
                Kind::Config,
                "account.ca_file cannot be read",
                error.to_string(),
                "correct account.ca_file",
            )
            .at(path.display().to_string())
        })?;
        built.extra_roots_pem = Some(pem);
    }
    // Each pair compares the account with its own journal; here any will do.
    // Its bandwidth is the limiter's.
    api::Client::new(built, store, Arc::new(|_| Ok(()))).map_err(|error| report(&error))
}
