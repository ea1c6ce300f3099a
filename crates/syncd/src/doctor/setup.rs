//! Configuration and credentials: can they be used, and are they private.
#![expect(clippy::disallowed_methods, reason = "looks at modes of the user's own files")]

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Finding;
use crate::config::credentials::Place;
use crate::config::load::{Env, Loaded};
use crate::config::{Config, credentials};
use crate::report::Report;
use crate::service::prepare::{local_folder, writable_place};

/// The configuration that was loaded.
pub(crate) fn config(path: &Path, loaded: &Loaded) -> Finding {
    let pairs = loaded.config.pairs.len();
    Finding::fine("config", format!("{}, pairs: {pairs}", path.display()))
}

/// What to sign in with.
pub(crate) fn credentials(config: &Config, env: &Env) -> Finding {
    match credentials::locate(&config.account, env) {
        Ok((found, place)) => {
            let form = match (found.keys, found.password) {
                (Some(_), Some(_)) => "keys, and a user name with a password",
                (Some(_), None) => "keys",
                (None, _) => "a user name with a password",
            };
            let place = match place {
                Place::Environment => "in the environment".to_owned(),
                Place::Systemd(folder) => format!("in {folder}, from systemd"),
                Place::File(file) => format!("in {}", file.display()),
                Place::Keyring => "in the system keyring".to_owned(),
            };
            Finding::fine("credentials", format!("{form}, {place}"))
        }
        Err(error) => Finding::of("credentials", &Report::from(&error)),
    }
}

/// Folders that hold tokens, journals and the socket are for this user alone.
pub(crate) fn private(config: &Config) -> Finding {
    if let Err(report) = writable_place(&config.state_dir) {
        return Finding::of("private", &report);
    }
    let socket = config.socket.parent().unwrap_or(&config.state_dir);
    let places = [
        config.state_dir.clone(),
        config.state_dir.join("tokens"),
        socket.to_owned(),
    ];
    let open = places.iter().find_map(|path| {
        let mode = std::fs::metadata(path).ok()?.mode();
        (mode & 0o077 != 0).then(|| (path.display().to_string(), mode & 0o777))
    });
    match open {
        None => Finding::fine("private", "state directory and socket are for this user alone"),
        Some((path, mode)) => Finding::todo(
            "private",
            format!("{path} has mode {mode:04o}: others may look into it"),
            format!("chmod 700 {path}"),
        ),
    }
}

/// The folders of the pairs.
pub(crate) fn folders(config: &Config) -> Vec<Finding> {
    let of = |pair: &crate::config::PairConfig| {
        let found = match local_folder(config, pair) {
            Err(report) => Finding::of("folder", &report),
            Ok(()) if !pair.local.is_dir() => Finding::todo(
                "folder",
                format!("{} is not there, and was synced before", pair.local.display()),
                "mount the disk it is on, or see \"syncd relocate\"",
            ),
            Ok(()) => Finding::fine("folder", pair.local.display().to_string()),
        };
        found.about(&pair.name)
    };
    config.pairs.iter().map(of).collect()
}
