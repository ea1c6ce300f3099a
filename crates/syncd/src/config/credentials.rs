//! What to sign in with: found in the environment, in systemd's credentials, in a file of its own, or in the system keyring;
//! first found wins.
//!
//! Secrets are never part of [`Config`](super::Config), and no text made here holds one: a file that does not parse is
//! told by its line number alone.
#![expect(
    clippy::disallowed_methods,
    reason = "reads the credentials, apart from all other configuration"
)]

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use api::Credentials;
use secrecy::{ExposeSecret as _, SecretString};
use toml::de::DeTable;

use super::keyring::{Keyring, KeyringError};
use super::keys::closest;
use super::load::Env;
use super::show::quoted;
use super::{Account, UseKeyring};

/// Largest file with secrets that is read, bytes.
const FILE_MAX: u64 = 64 * 1024;
/// Names of the secrets: keys of the file, names of systemd credentials, ends of the variables.
const NAMES: [&str; 4] = ["key1", "key2", "username", "password"];

/// Where a file, or an item of the keyring, has nothing to sign in with.
const EMPTY: &str = "it holds neither key1 and key2 nor username and password";

/// Why there are no credentials.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// Nowhere.
    #[error("no credentials; the file would be {file}")]
    NotFound {
        /// The configured file.
        file: String,
    },
    /// Others can read the file.
    #[error("{file}: mode {mode:04o}")]
    NotPrivate {
        /// The file.
        file: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns the file.
    #[error("{file}: owner {owner}")]
    NotOurs {
        /// The file.
        file: String,
        /// The owner's user id.
        owner: u32,
    },
    /// The system keyring, which is to have them, does not give them.
    #[error("the system keyring: {}", .0.as_ref().map_or("nothing".to_owned(), ToString::to_string))]
    Keyring(Option<KeyringError>),
    /// The file, or the variables, cannot be used.
    #[error("{at}: {cause}")]
    Unusable {
        /// The file, file and line, or variable.
        at: String,
        /// Why; holds nothing of the content but names of keys.
        cause: String,
    },
}

/// The secrets by the order of [`NAMES`].
#[derive(Default)]
struct Secrets([Option<String>; 4]);

impl Secrets {
    fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whole pairs only. `at` is where they came from.
    fn credentials(self, at: &str, name: impl Fn(&str) -> String) -> Result<Credentials, CredentialsError> {
        let half = |there: &str, missing: &str| {
            Err(CredentialsError::Unusable {
                at: at.to_owned(),
                cause: format!("{} is set, but {} is not", name(there), name(missing)),
            })
        };
        let [key1, key2, username, password] = self.0;
        let mut credentials = match (key1, key2) {
            (Some(key1), Some(key2)) => Credentials::keys(key1, key2),
            (Some(_), None) => return half("key1", "key2"),
            (None, Some(_)) => return half("key2", "key1"),
            (None, None) => Credentials::default(),
        };
        match (username, password) {
            (Some(username), Some(password)) => {
                credentials.password = Credentials::password(username, password).password;
            }
            (Some(_), None) => return half("username", "password"),
            (None, Some(_)) => return half("password", "username"),
            (None, None) => {}
        }
        Ok(credentials)
    }
}

/// Where credentials were found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In variables.
    Environment,
    /// In systemd's folder of credentials.
    Systemd(String),
    /// In this file.
    File(PathBuf),
    /// In the system keyring.
    Keyring,
}

/// Finds the credentials.
///
/// # Errors
/// None found, or the first place that has some cannot be used.
pub(crate) fn find(account: &Account, env: &Env) -> Result<Credentials, CredentialsError> {
    locate(account, env).map(|(credentials, _)| credentials)
}

/// The same, and where they are.
///
/// # Errors
/// As [`find`].
pub(crate) fn locate(account: &Account, env: &Env) -> Result<(Credentials, Place), CredentialsError> {
    match account.keyring {
        UseKeyring::Never => outside(&account.credentials_file, env),
        UseKeyring::Only => match in_environment(env)? {
            Some(found) => Ok(found),
            None => match of_keyring(&account.in_keyring) {
                Ok(Some(found)) => Ok((found, Place::Keyring)),
                Ok(None) => Err(CredentialsError::Keyring(None)),
                Err(error) => Err(error),
            },
        },
        UseKeyring::Auto => match outside(&account.credentials_file, env) {
            Err(nowhere @ CredentialsError::NotFound { .. }) if account.in_keyring.has_bus() => {
                match of_keyring(&account.in_keyring) {
                    Ok(Some(found)) => Ok((found, Place::Keyring)),
                    // Nobody said that there is one.
                    Ok(None) | Err(CredentialsError::Keyring(Some(KeyringError::NotThere(_)))) => {
                        Err(nowhere)
                    }
                    Err(error) => Err(error),
                }
            }
            found => found,
        },
    }
}

/// Everywhere but in the keyring.
fn outside(file: &Path, env: &Env) -> Result<(Credentials, Place), CredentialsError> {
    match in_environment(env)? {
        Some(found) => Ok(found),
        None => of_file(file).map(|found| (found, Place::File(file.to_owned()))),
    }
}

/// Those of the variables, else of systemd; none if neither has any.
///
/// # Errors
/// As [`find`].
pub(crate) fn of_environment(env: &Env) -> Result<Option<Credentials>, CredentialsError> {
    Ok(in_environment(env)?.map(|(credentials, _)| credentials))
}

fn in_environment(env: &Env) -> Result<Option<(Credentials, Place)>, CredentialsError> {
    let variable = |name: &str| format!("SYNCD_{}", name.to_ascii_uppercase());
    let secrets = Secrets(NAMES.map(|name| env.get(&variable(name)).map(str::to_owned)));
    if !secrets.is_empty() {
        let found = secrets.credentials("the environment", variable)?;
        return Ok(Some((found, Place::Environment)));
    }
    if let Some(folder) = env.get("CREDENTIALS_DIRECTORY") {
        let secrets = of_systemd(Path::new(folder))?;
        if !secrets.is_empty() {
            let found = secrets.credentials(folder, str::to_owned)?;
            return Ok(Some((found, Place::Systemd(folder.to_owned()))));
        }
    }
    Ok(None)
}

/// Those of the system keyring; none if it has none for this configuration.
fn of_keyring(keyring: &Keyring) -> Result<Option<Credentials>, CredentialsError> {
    const AT: &str = "the system keyring";
    let kept = keyring
        .get()
        .map_err(|error| CredentialsError::Keyring(Some(error)))?;
    let Some(kept) = kept else { return Ok(None) };
    let secrets = parse(kept.expose_secret(), AT)?;
    if secrets.is_empty() {
        return Err(CredentialsError::Unusable {
            at: AT.to_owned(),
            cause: EMPTY.to_owned(),
        });
    }
    secrets.credentials(AT, str::to_owned).map(Some)
}

/// What a credentials file with these holds.
pub(crate) fn written(credentials: &Credentials) -> SecretString {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("{name} = {}\n", quoted(value)));
    };
    if let Some(keys) = &credentials.keys {
        line("key1", keys.key1.expose_secret());
        line("key2", keys.key2.expose_secret());
    }
    if let Some(login) = &credentials.password {
        line("username", &login.username);
        line("password", login.password.expose_secret());
    }
    SecretString::from(text)
}

/// systemd keeps this folder private; a file each.
fn of_systemd(folder: &Path) -> Result<Secrets, CredentialsError> {
    let mut secrets = Secrets::default();
    for (slot, name) in secrets.0.iter_mut().zip(NAMES) {
        let path = folder.join(name);
        let at = path.display().to_string();
        match File::open(&path) {
            Ok(file) => {
                let text = read(file, &at)?;
                *slot = Some(text.trim_end_matches(['\n', '\r']).to_owned()).filter(|text| !text.is_empty());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(CredentialsError::Unusable {
                    at,
                    cause: error.to_string(),
                });
            }
        }
    }
    Ok(secrets)
}

/// Those of a file, which must be private.
///
/// # Errors
/// As [`find`].
pub(crate) fn of_file(path: &Path) -> Result<Credentials, CredentialsError> {
    let file_name = path.display().to_string();
    // Never waits: a pipe of that name would otherwise hold us for ever.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(CredentialsError::NotFound { file: file_name });
        }
        Err(error) => {
            return Err(CredentialsError::Unusable {
                at: file_name,
                cause: error.to_string(),
            });
        }
    };
    // Asked of the open file, so that nobody can put another one there in between.
    let meta = file.metadata().map_err(|error| CredentialsError::Unusable {
        at: file_name.clone(),
        cause: error.to_string(),
    })?;
    if !meta.is_file() {
        return Err(CredentialsError::Unusable {
            at: file_name,
            cause: "it is not a regular file".to_owned(),
        });
    }
    let (owner, us) = (meta.uid(), rustix::process::geteuid().as_raw());
    if owner != us && owner != 0 {
        return Err(CredentialsError::NotOurs {
            file: file_name,
            owner,
        });
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CredentialsError::NotPrivate {
            file: file_name,
            mode,
        });
    }
    let text = read(file, &file_name)?;
    let secrets = parse(&text, &file_name)?;
    if secrets.is_empty() {
        return Err(CredentialsError::Unusable {
            at: file_name,
            cause: EMPTY.to_owned(),
        });
    }
    secrets.credentials(&file_name, str::to_owned)
}

fn read(file: File, at: &str) -> Result<String, CredentialsError> {
    let unusable = |cause: String| CredentialsError::Unusable {
        at: at.to_owned(),
        cause,
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > FILE_MAX) {
        return Err(unusable("it is larger than 64 KiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| unusable("it is not UTF-8".to_owned()))
}

fn parse(text: &str, file: &str) -> Result<Secrets, CredentialsError> {
    let at = |offset: usize| {
        let line = text
            .bytes()
            .take(offset)
            .filter(|b| *b == b'\n')
            .count()
            .saturating_add(1);
        format!("{file}:{line}")
    };
    let table = DeTable::parse(text).map_err(|error| CredentialsError::Unusable {
        at: at(error.span().map_or(0, |span| span.start)),
        cause: "this line is not TOML (values stand in quotes)".to_owned(),
    })?;
    let mut secrets = Secrets::default();
    for (name, value) in table.get_ref() {
        let place = at(name.span().start);
        let name = name.get_ref().as_ref();
        let Some((slot, _)) = secrets.0.iter_mut().zip(NAMES).find(|(_, known)| *known == name) else {
            // The name is not quoted: a key pasted on the wrong side of the "=" would be shown.
            let nearest = closest(&name.to_ascii_lowercase(), NAMES.into_iter());
            let cause = format!("unknown key; the nearest known key is \"{nearest}\"");
            return Err(CredentialsError::Unusable { at: place, cause });
        };
        match value.get_ref().as_str() {
            Some(text) if !text.is_empty() => *slot = Some(text.to_owned()),
            Some(_) | None => {
                let cause = format!("{name} is not a text in quotes, or empty");
                return Err(CredentialsError::Unusable { at: place, cause });
            }
        }
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_private_file_is_read_and_prints_nothing() {
        let (_dir, path) = file("key1 = \"s3cret-a\"\nkey2 = \"s3cret-b\"\n", 0o600);
        let found = outside(&path, &Env::of("/", &[])).unwrap().0;
        assert_eq!(found.keys.as_ref().unwrap().key2.expose_secret(), "s3cret-b");
        assert!(!format!("{found:?}").contains("s3cret"));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_unread() {
        for mode in [0o644, 0o640, 0o604, 0o620] {
            let (_dir, path) = file("not even TOML", mode);
            let error = outside(&path, &Env::of("/", &[])).unwrap_err();
            let file = path.display().to_string();
            assert_eq!(error, CredentialsError::NotPrivate { file, mode });
        }
    }

    #[test]
    fn the_environment_wins_over_systemd_and_both_over_the_file() {
        let (dir, path) = file("username = \"file\"\npassword = \"p\"\n", 0o600);
        let folder = dir.path().display().to_string();
        let user = |env: &[(&str, &str)]| {
            outside(&path, &Env::of("/", env))
                .unwrap()
                .0
                .password
                .unwrap()
                .username
        };
        assert_eq!(user(&[("CREDENTIALS_DIRECTORY", &folder)]), "file");
        std::fs::write(dir.path().join("username"), "systemd\n").unwrap();
        std::fs::write(dir.path().join("password"), "p\n").unwrap();
        assert_eq!(user(&[("CREDENTIALS_DIRECTORY", &folder)]), "systemd");
        let env = [
            ("CREDENTIALS_DIRECTORY", folder.as_str()),
            ("SYNCD_USERNAME", "env"),
            ("SYNCD_PASSWORD", "p"),
        ];
        assert_eq!(user(&env), "env");
    }

    #[test]
    fn half_a_pair_is_an_error_and_not_looked_for_elsewhere() {
        let (_dir, path) = file("key1 = \"a\"\nkey2 = \"b\"\n", 0o600);
        let error = outside(&path, &Env::of("/", &[("SYNCD_KEY1", "a")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment: SYNCD_KEY1 is set, but SYNCD_KEY2 is not"
        );
    }

    #[test]
    fn no_error_quotes_the_file() {
        for text in [
            "key1 = s3cret",
            "key1 = \"s3cret",
            "s3cret = \"x\"",
            "key1 = [\"s3cret\"]",
            "key1 = \"s3cret\"",
            "s3cret",
            "",
        ] {
            let (_dir, path) = file(text, 0o600);
            let error = outside(&path, &Env::of("/", &[])).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn a_folder_or_a_pipe_is_no_credentials_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = outside(dir.path(), &Env::of("/", &[])).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
}
