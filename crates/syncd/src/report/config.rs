//! What the mistakes of a configuration and of the credentials mean, and what to do about each.

use super::{Given, Kind, Report};
use crate::config::credentials::CredentialsError;
use crate::config::error::ConfigError;
use crate::config::keyring::KeyringError;

/// The report of a configuration error.
pub(super) fn report(error: &ConfigError, given: Given) -> Report {
    let say = |at: &str, happened: String, cause: String, next: String| {
        Report::new(Kind::Config, happened, cause, next).at(at)
    };
    match error {
        ConfigError::NoConfig { path } => say(
            path,
            "there is no configuration".into(),
            "the file does not exist, and the environment names no pair".into(),
            "\"syncd init\" makes one; or write it (docs/configuration.md has an example), or set SYNCD_API_URL, SYNCD_SYNC__MAIN__LOCAL and SYNCD_SYNC__MAIN__REMOTE".into(),
        ),
        ConfigError::Unreadable { path, cause } => {
            say(path, "the configuration cannot be read".into(), cause.clone(), "correct that, or name another file with --config".into())
        }
        ConfigError::Syntax { at, cause } => say(at, "not TOML".into(), cause.clone(), "correct this line".into()),
        ConfigError::UnknownKey { at, key, table, nearest } => {
            let secret = ["key1", "key2", "username", "password"].contains(&key.as_str());
            let next = if secret {
                "move it to the credentials file (account.credentials_file, mode 0600)".to_owned()
            } else {
                "correct or remove it".to_owned()
            };
            say(at, format!("unknown key \"{key}\" in {table}"), format!("the nearest known key is \"{nearest}\""), next)
        }
        ConfigError::BadValue { at, key, found, expects } => {
            let happened = if found.is_empty() { format!("bad value of {key}") } else { format!("bad value {found} of {key}") };
            say(at, happened, format!("it takes {expects}"), "correct it".into())
        }
        ConfigError::Missing { at, key, variable } => {
            let next = variable.as_ref().map_or_else(|| "add it".to_owned(), |name| format!("add it, or set {name}"));
            say(at, format!("{key} is missing"), "it has no default".into(), next)
        }
        ConfigError::NoPairs { .. }
        | ConfigError::SameName { .. }
        | ConfigError::PlainHttp { .. }
        | ConfigError::Nested { .. }
        | ConfigError::LogInPair { .. }
        | ConfigError::NotAFolder { .. }
        | ConfigError::BadProfile { .. }
        | ConfigError::NoHome => together(error, given),
    }
}

/// Mistakes of several values together.
fn together(error: &ConfigError, given: Given) -> Report {
    let say = |at: &str, happened: String, cause: &str, next: &str| {
        Report::new(Kind::Config, happened, cause, next).at(at)
    };
    match error {
        ConfigError::SameName { at, name } => say(
            at,
            format!("two pairs are called \"{name}\""),
            "names must differ in more than case and punctuation",
            "rename one of them",
        ),
        ConfigError::PlainHttp { at, host } => say(
            at,
            format!("plain http to {host}"),
            "keys, tokens and files could be read on the way",
            &format!("use https, or {} if that network is yours", given.allow_http()),
        ),
        ConfigError::Nested { at, inner, outer } => say(
            at,
            format!("{inner} lies within {outer}"),
            "what lies within both would be synced twice",
            "choose folders that do not contain each other",
        ),
        ConfigError::LogInPair { at, outer } => say(
            at,
            format!("the log file lies within {outer}"),
            "each line of it would be a change that is synced, and logged",
            "choose a place outside of it for log.file",
        ),
        ConfigError::NotAFolder { at, pair } => say(
            at,
            format!("the local folder of the pair \"{pair}\" is not a folder"),
            "something else has that name",
            "move it away or choose another folder",
        ),
        ConfigError::BadProfile { name } => Report::new(
            Kind::Usage,
            format!("\"{name}\" is no name for a profile"),
            "it becomes a file name: letters, digits, \".\", \"_\", \"-\", and none of our own files",
            "choose another name",
        ),
        ConfigError::NoHome => Report::new(
            Kind::Config,
            "no place for configuration and state",
            "HOME is not set, and the user has no home directory",
            "set HOME, or XDG_CONFIG_HOME and XDG_STATE_HOME",
        ),
        ConfigError::NoPairs { at }
        | ConfigError::NoConfig { path: at }
        | ConfigError::Unreadable { path: at, .. }
        | ConfigError::Syntax { at, .. }
        | ConfigError::UnknownKey { at, .. }
        | ConfigError::BadValue { at, .. }
        | ConfigError::Missing { at, .. } => say(
            at,
            "there is nothing to sync".into(),
            "the configuration has no [[sync]]",
            "add one with name, local and remote",
        ),
    }
}

/// The report of credentials that cannot be used.
pub(super) fn credentials(error: &CredentialsError) -> Report {
    match error {
        CredentialsError::NotFound { file } => Report::new(
            Kind::NoCredentials,
            "there are no credentials",
            "the file does not exist, and the environment holds none",
            "write key1 and key2 into it (chmod 600), or set SYNCD_KEY1 and SYNCD_KEY2",
        )
        .at(file),
        CredentialsError::NotPrivate { file, mode } => Report::new(
            Kind::CredentialsFile,
            "the credentials file is not private",
            format!("its mode {mode:04o} lets others at it"),
            format!("chmod 600 {file}"),
        )
        .at(file),
        CredentialsError::NotOurs { file, owner } => Report::new(
            Kind::CredentialsFile,
            "the credentials file is not yours",
            format!("it belongs to user {owner}"),
            "use a file that belongs to this user or to root",
        )
        .at(file),
        CredentialsError::Keyring(error) => keyring(error.as_ref()),
        CredentialsError::Unusable { at, cause } => Report::new(
            Kind::CredentialsFile,
            "the credentials cannot be used",
            cause,
            "correct that: key1 and key2, or username and password",
        )
        .at(at),
    }
}

/// The report of a system keyring that does not give, or take, credentials; none: it has none.
pub(super) fn keyring(error: Option<&KeyringError>) -> Report {
    const AT: &str = "the system keyring";
    const WAYS: &str = "or keep them in a file: account.keyring = \"never\" and account.credentials_file";
    let Some(error) = error else {
        let cause = "nothing is kept in it for this configuration and address";
        let next = format!("\"syncd init --force --keyring\" keeps them there, {WAYS}");
        return Report::new(Kind::NoCredentials, "there are no credentials", cause, next).at(AT);
    };
    let (happened, next) = match error {
        KeyringError::NotThere(_) => (
            "there is no system keyring",
            format!("run it within your session (DBUS_SESSION_BUS_ADDRESS), {WAYS}"),
        ),
        KeyringError::Locked => (
            "the credentials cannot be read",
            format!("unlock it and run it again, {WAYS}"),
        ),
        KeyringError::Failed(_) => (
            "the credentials cannot be read",
            format!("look at it with its own program, {WAYS}"),
        ),
    };
    Report::new(Kind::CredentialsFile, happened, error.to_string(), next).at(AT)
}
