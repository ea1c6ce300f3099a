//! The demo's folder: where everything of it lies, and the two files that a user would have written.
//!
//! What must never happen: a folder that holds anything is touched, or the user's own configuration, state or
//! credentials come into it.
#![expect(clippy::disallowed_methods, reason = "the demo makes its own folders")]

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use devcloud::Server;

use crate::report::{Kind, Report};

/// Tries for a free name in the folder for temporary files; a second one is hardly ever needed.
const NAMES_MAX: u32 = 16;

/// What the demo's pair is configured with besides its places. The account is on this machine and answers at once, so
/// waiting times are short.
const REST: &str = "\
[timing]
quiet_period = \"20ms\"
confirm_after = \"300ms\"
look_again = \"20ms\"
login_backoff = \"100ms\"
late_upload_limit = \"3s\"
request_timeout = \"20s\"
";

/// A demo's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// All of it; absolute.
    pub(crate) root: PathBuf,
    /// The folder that is synced.
    pub(crate) laptop: PathBuf,
    /// What the account's server keeps.
    pub(crate) cloud: PathBuf,
    /// syncd's state directory.
    pub(crate) state: PathBuf,
    /// The configuration file.
    pub(crate) config: PathBuf,
    /// The credentials file.
    pub(crate) credentials: PathBuf,
}

impl Place {
    /// Takes this folder, which must be missing or empty; without one, makes a fresh one for temporary files.
    ///
    /// # Errors
    /// The folder cannot be used; nothing was changed in it.
    pub(crate) fn take(folder: Option<&Path>) -> Result<Self, Report> {
        let root = match folder {
            Some(folder) => given(folder)?,
            None => fresh(&std::env::temp_dir())?,
        };
        if root.to_str().is_none() {
            return Err(refused(
                &root,
                "its name is not UTF-8, which a configuration file cannot hold",
            ));
        }
        let place = Self {
            laptop: root.join("laptop"),
            cloud: root.join("cloud"),
            state: root.join("state"),
            config: root.join("config.toml"),
            credentials: root.join("credentials.toml"),
            root,
        };
        for folder in [&place.laptop, &place.cloud] {
            private(folder, false).map_err(|error| refused(folder, &error.to_string()))?;
        }
        Ok(place)
    }

    /// Writes the two files that lead to this server.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn configure(&self, server: &Server) -> Result<(), Report> {
        let path = |path: &Path| toml_text(&path.display().to_string().replace('$', "$$"));
        let config = format!(
            "# Written by \"syncd demo\". The account is on this machine and lives as long as that command.\n\
             state_dir = {}\ndevice_name = \"laptop\"\n\n[account]\napi_url = {}\ncredentials_file = {}\n\n\
             [[sync]]\nname = \"main\"\nlocal = {}\nremote = \"/\"\nmin_free = 0\n\n{REST}",
            path(&self.state),
            toml_text(server.api_url()),
            path(&self.credentials),
            path(&self.laptop),
        );
        let keys = format!(
            "key1 = {}\nkey2 = {}\n",
            toml_text(server.key1()),
            toml_text(server.key2())
        );
        for (path, text, mode) in [(&self.config, config, 0o644), (&self.credentials, keys, 0o600)] {
            write_new(path, &text, mode).map_err(|error| refused(path, &error.to_string()))?;
        }
        Ok(())
    }
}

fn refused(path: &Path, cause: &str) -> Report {
    Report::new(
        Kind::LocalFolder,
        "the demo cannot use this folder",
        cause,
        "name a folder that is empty or does not exist yet, or none",
    )
    .at(path.display().to_string())
}

/// The folder that was asked for, made if it is missing.
fn given(folder: &Path) -> Result<PathBuf, Report> {
    let refuse = |error: &io::Error| refused(folder, &error.to_string());
    let root = std::path::absolute(folder).map_err(|error| refuse(&error))?;
    match fs::read_dir(&root) {
        Ok(mut entries) => match entries.next() {
            None => Ok(root),
            Some(_) => Err(refused(&root, "it is not empty; nothing in it was changed")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private(&root, true).map_err(|error| refuse(&error))?;
            Ok(root)
        }
        Err(error) => Err(refuse(&error)),
    }
}

/// A folder of our own, of a name nobody has.
fn fresh(temporary: &Path) -> Result<PathBuf, Report> {
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..NAMES_MAX {
        let root = temporary.join(format!("syncd-demo-{:08x}", rand::random::<u32>()));
        match private(&root, false) {
            Ok(()) => return Ok(root),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(refused(&root, &error.to_string())),
        }
    }
    Err(refused(temporary, &last.to_string()))
}

/// A folder that is for this user alone: there are credentials in it.
fn private(path: &Path, with_parents: bool) -> io::Result<()> {
    DirBuilder::new().recursive(with_parents).mode(0o700).create(path)
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// Text as a TOML string.
fn toml_text(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_holds_anything_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "x").unwrap();
        let report = Place::take(Some(dir.path())).unwrap_err();
        assert_eq!(report.exit().code(), 1);
        assert!(report.line().contains("it is not empty"), "{}", report.line());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_made_and_an_empty_one_taken() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::take(Some(&dir.path().join("a/b"))).unwrap();
        assert!(place.laptop.is_dir() && place.laptop.starts_with(dir.path().join("a/b")));
        let empty = tempfile::tempdir().unwrap();
        assert!(Place::take(Some(empty.path())).is_ok());
    }

    #[test]
    fn a_path_with_every_nasty_character_comes_back_from_the_configuration() {
        let text = "/a \"b\"\\\n\u{7f}é";
        let table: toml::Table = format!("x = {}", toml_text(text)).parse().unwrap();
        assert_eq!(table.get("x").unwrap().as_str(), Some(text));
    }
}
