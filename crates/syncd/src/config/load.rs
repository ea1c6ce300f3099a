//! From a file and the environment to a [`Config`]. The one place where the process's environment is read.
//!
//! It reads one file and changes nothing. What two values mean together is `check.rs`.
#![expect(
    clippy::disallowed_methods,
    reason = "the door to the environment and the configuration file"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use planner::policy::{ConflictPolicy, Direction, FirstMerge, Unstorable};
use secrecy::SecretString;

use super::error::ConfigError;
use super::keyring::Keyring;
use super::keys::{self, Fallback, Key, Section};
use super::layers::{self, Layers};
use super::value::{self, DEVICE_NAME_MAX, Value};
use super::windows::Window;
use super::{Account, Config, Limits, Log, PairConfig, Timing, UseKeyring, check, paths};

/// Largest configuration file that is read, bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// The environment as a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    vars: BTreeMap<String, String>,
    home: Option<PathBuf>,
    host: String,
}

impl Env {
    /// That of this process. Variables that are not UTF-8 are left out.
    pub(crate) fn process() -> Self {
        let vars = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            vars,
            home: etcetera::home_dir().ok().filter(|home| home.is_absolute()),
            host,
        }
    }

    /// One made up.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn of(home: &str, vars: &[(&str, &str)]) -> Self {
        Self {
            vars: vars
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            home: Some(PathBuf::from(home)),
            host: "test-host.example".to_owned(),
        }
    }

    /// The same without anything of ours: what a file alone says. A demo must never meet the user's own account.
    pub(crate) fn without_ours(&self) -> Self {
        let mut other = self.clone();
        other
            .vars
            .retain(|name, _| !name.starts_with("SYNCD_") && name != "CREDENTIALS_DIRECTORY");
        other
    }

    /// A variable; an empty one counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The user's home.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// All variables that begin with `SYNCD_`, by name.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars
            .iter()
            .filter(|(name, _)| name.starts_with("SYNCD_"))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The host name's first label as a device name.
    fn device(&self) -> String {
        let label = self.host.split('.').next().unwrap_or_default();
        let name: String = label
            .chars()
            .map(|c| {
                if value::fits_device(c) && !c.is_whitespace() {
                    c
                } else {
                    '-'
                }
            })
            .take(DEVICE_NAME_MAX)
            .collect();
        if name.is_empty() {
            "device".to_owned()
        } else {
            name
        }
    }
}

/// Which configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// `--profile`.
    pub(crate) profile: Option<String>,
}

impl Choice {
    /// The file that will be read: `--config`, then `SYNCD_CONFIG`, then the profile's.
    ///
    /// # Errors
    /// A profile name that is none; no home.
    pub(crate) fn path(&self, env: &Env) -> Result<PathBuf, ConfigError> {
        if let Some(profile) = &self.profile {
            paths::profile(profile)?;
        }
        if let Some(file) = self
            .file
            .clone()
            .or_else(|| env.get("SYNCD_CONFIG").map(PathBuf::from))
        {
            return Ok(file);
        }
        paths::config_file(env, self.profile.as_deref())
    }
}

/// A configuration and what it was made of.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The values.
    pub(crate) config: Config,
    /// Their layers, for `config show`.
    pub(crate) layers: Layers,
}

/// Reads, merges, checks. There is at least one pair.
///
/// # Errors
/// Anything that keeps the configuration from being used. Nothing was changed.
pub(crate) fn load(choice: &Choice, env: &Env) -> Result<Loaded, ConfigError> {
    let (loaded, name) = read_all(choice, env, names_a_pair(env))?;
    if loaded.config.pairs.is_empty() {
        return Err(ConfigError::NoPairs { at: name });
    }
    Ok(loaded)
}

/// The same for commands that need the account alone: there may be no pair, and no file where the environment names the
/// account.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_account(choice: &Choice, env: &Env) -> Result<Loaded, ConfigError> {
    let named = names_a_pair(env) || names_an_account(env);
    read_all(choice, env, named).map(|(loaded, _)| loaded)
}

/// Everything, and the file's name; `named`: the environment alone is enough.
fn read_all(choice: &Choice, env: &Env, named: bool) -> Result<(Loaded, String), ConfigError> {
    let path = choice.path(env)?;
    let name = path.display().to_string();
    let text = read(&path)?;
    if text.is_none() && (choice.file.is_some() || env.get("SYNCD_CONFIG").is_some() || !named) {
        return Err(ConfigError::NoConfig { path: name });
    }
    let loaded = merged(&name, &text.unwrap_or_default(), choice.profile.as_deref(), env)?;
    Ok((loaded, name))
}

/// The same for a text that is in no file yet; `name` is the file it would be.
///
/// # Errors
/// As [`load`].
pub(crate) fn of_text(
    name: &str,
    text: &str,
    profile: Option<&str>,
    env: &Env,
) -> Result<Loaded, ConfigError> {
    let loaded = merged(name, text, profile, env)?;
    if loaded.config.pairs.is_empty() {
        return Err(ConfigError::NoPairs { at: name.to_owned() });
    }
    Ok(loaded)
}

fn merged(name: &str, text: &str, profile: Option<&str>, env: &Env) -> Result<Loaded, ConfigError> {
    let mut defaults = machine(env, profile)?;
    let layers = layers::merge(name, text, env, &defaults)?;
    // The socket's default may lie in the state directory, which the file may have moved.
    let reader = Reader {
        name,
        layers: &layers,
        env,
    };
    let state = reader.path(reader.value("", Section::Top, "state_dir")?)?;
    let socket = paths::socket(env, profile, &state);
    defaults.insert("socket", paths::written(&socket));
    let layers = layers::merge(name, text, env, &defaults)?;
    let reader = Reader {
        name,
        layers: &layers,
        env,
    };
    let config = reader.config()?;
    check::config(&config, &layers)?;
    Ok(Loaded { config, layers })
}

fn names_an_account(env: &Env) -> bool {
    ["SYNCD_API_URL", "SYNCD_ACCOUNT__API_URL"]
        .iter()
        .any(|name| env.get(name).is_some())
}

fn names_a_pair(env: &Env) -> bool {
    env.ours().any(|(name, _)| name.starts_with("SYNCD_SYNC__"))
}

/// The file's text; `None` if there is none.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let unreadable = |cause: String| ConfigError::Unreadable {
        path: path.display().to_string(),
        cause,
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(FILE_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > FILE_MAX) {
        return Err(unreadable("it is larger than 1 MiB".to_owned()));
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| unreadable("it is not UTF-8".to_owned()))
}

/// Defaults that depend on the machine.
fn machine(env: &Env, profile: Option<&str>) -> Result<BTreeMap<&'static str, String>, ConfigError> {
    let state = paths::state_dir(env, profile)?;
    let text = |path: PathBuf| paths::written(&path);
    Ok(BTreeMap::from([
        ("device_name", env.device()),
        ("credentials_file", text(paths::credentials_file(env)?)),
        ("socket", text(paths::socket(env, profile, &state))),
        ("state_dir", text(state)),
    ]))
}

/// Turns merged layers into values.
struct Reader<'a> {
    /// Of the file.
    name: &'a str,
    layers: &'a Layers,
    env: &'a Env,
}

impl Reader<'_> {
    fn config(&self) -> Result<Config, ConfigError> {
        let top = |section, name| self.value("", section, name);
        let url = self.text(top(Section::Account, "api_url")?)?;
        let api_url = value::api_url(&url).ok_or_else(|| self.unfit(Section::Account, "api_url"))?;
        let in_keyring = Keyring::of(self.env, self.name, api_url.as_str());
        Ok(Config {
            state_dir: self.path(top(Section::Top, "state_dir")?)?,
            device_name: self.text(top(Section::Top, "device_name")?)?,
            account: Account {
                api_url,
                credentials_file: self.path(top(Section::Account, "credentials_file")?)?,
                keyring: match self.text(top(Section::Account, "keyring")?)?.as_str() {
                    "only" => UseKeyring::Only,
                    "never" => UseKeyring::Never,
                    _ => UseKeyring::Auto,
                },
                in_keyring,
                ca_file: self
                    .optional(Section::Account, "ca_file")
                    .map(|value| self.path(value))
                    .transpose()?,
                proxy: self
                    .optional(Section::Account, "proxy")
                    .map(|value| self.text(value).map(SecretString::from))
                    .transpose()?,
            },
            limits: Limits {
                upload: self.bytes(top(Section::Limits, "upload")?)?,
                download: self.bytes(top(Section::Limits, "download")?)?,
                concurrency: match top(Section::Limits, "concurrency")?.value {
                    Value::Number(number) => usize::try_from(number).ok(),
                    Value::Text(_) | Value::Flag(_) | Value::List(_) => None,
                },
                windows: (0..self.layers.windows())
                    .map(|at| self.window(at))
                    .collect::<Result<_, _>>()?,
            },
            socket: self.path(top(Section::Control, "socket")?)?,
            log: Log {
                level: self
                    .layers
                    .origin("log.level")
                    .map(|_| top(Section::Log, "level").and_then(|value| self.text(value)))
                    .transpose()?,
                json: self.text(top(Section::Log, "format")?)? == "json",
                file: self
                    .optional(Section::Log, "file")
                    .map(|value| self.path(value))
                    .transpose()?,
                keep: self.number(top(Section::Log, "keep")?)?,
            },
            notify_desktop: top(Section::Notify, "desktop")?.value == Value::Flag(true),
            timing: self.timing()?,
            adopt_at_once: super::ADOPT_AT_ONCE,
            pairs: (0..self.layers.pairs())
                .map(|at| self.pair(at))
                .collect::<Result<_, _>>()?,
        })
    }

    /// A window that says something, at times that are some.
    fn window(&self, at: usize) -> Result<Window, ConfigError> {
        let prefix = format!("{}[{at}]", Section::Window.path());
        let get = |name: &str| self.optional_of(&prefix, Section::Window, name);
        let clock = |value: At| {
            let (section, name) = (value.key.section, value.key.name);
            value::clock(&self.text(value)?).ok_or_else(|| self.unfit(section, name))
        };
        let clock = match (get("from"), get("to")) {
            (None, None) => None,
            (Some(from), Some(to)) if from.value == to.value => {
                let expects = "another time than \"from\"; a window of whole days has neither";
                return Err(self.refuse(&to, expects.to_owned()));
            }
            (Some(from), Some(to)) => Some((clock(from)?, clock(to)?)),
            (Some(one), None) | (None, Some(one)) => {
                let other = if one.key.name == "from" { "to" } else { "from" };
                let expects = format!("\"{other}\" beside it; a window of whole days has neither");
                return Err(self.refuse(&one, expects));
            }
        };
        let days = match get("days") {
            Some(days) => {
                value::days(&self.list(days)?).ok_or_else(|| self.unfit(Section::Window, "days"))?
            }
            None => [true; 7],
        };
        let bytes = |name| get(name).map(|value| self.bytes(value)).transpose();
        let window = Window {
            at: self
                .layers
                .origin(&prefix)
                .unwrap_or_else(|| self.layers.file())
                .to_owned(),
            clock,
            days,
            upload: bytes("upload")?,
            download: bytes("download")?,
            pause: get("pause").map(|pause| pause.value == Value::Flag(true)),
        };
        if window.upload.is_none() && window.download.is_none() && window.pause.is_none() {
            return Err(ConfigError::BadValue {
                at: window.at,
                key: Section::Window.header(),
                found: String::new(),
                expects: "at least one of upload, download and pause".to_owned(),
            });
        }
        Ok(window)
    }

    fn timing(&self) -> Result<Timing, ConfigError> {
        let span = |name| {
            self.value("", Section::Timing, name)
                .and_then(|value| self.span(value))
        };
        Ok(Timing {
            quiet_period: span("quiet_period")?,
            confirm_after: span("confirm_after")?,
            look_again: span("look_again")?,
            login_backoff: span("login_backoff")?,
            sweep_after: span("sweep_after")?,
            late_upload_limit: span("late_upload_limit")?,
            request_timeout: span("request_timeout")?,
            retry_pause: span("retry_pause")?,
            restless_after: span("restless_after")?,
        })
    }

    fn pair(&self, at: usize) -> Result<PairConfig, ConfigError> {
        let prefix = format!("sync[{at}]");
        let get = |name| self.value(&prefix, Section::Sync, name);
        let span = |name| get(name).and_then(|value| self.span(value));
        let text = |name| get(name).and_then(|value| self.text(value));
        Ok(PairConfig {
            name: text("name")?,
            local: self.path(get("local")?)?,
            remote: value::remote(&text("remote")?).ok_or_else(|| self.unfit(Section::Sync, "remote"))?,
            direction: match text("direction")?.as_str() {
                "upload" => Direction::Upload,
                "download" => Direction::Download,
                _ => Direction::Both,
            },
            conflict: match text("conflict")?.as_str() {
                "prefer-local" => ConflictPolicy::PreferLocal,
                "prefer-remote" => ConflictPolicy::PreferRemote,
                "prefer-newer" => ConflictPolicy::PreferNewer,
                _ => ConflictPolicy::KeepBoth,
            },
            first_merge: match text("first_merge")?.as_str() {
                "size" => FirstMerge::Size,
                _ => FirstMerge::Verify,
            },
            unstorable: match text("unstorable_names")?.as_str() {
                "skip" => Unstorable::Skip,
                _ => Unstorable::Escape,
            },
            exclude: self.list(get("exclude")?)?,
            include: self.list(get("include")?)?,
            max_delete_percent: self.number(get("max_delete_percent")?)?,
            min_free: self.bytes(get("min_free")?)?,
            trash_days: self.number(get("trash_days")?)?,
            poll_interval: span("poll_interval")?,
            max_poll_interval: span("max_poll_interval")?,
            full_walk_interval: span("full_walk_interval")?,
            local_scan_interval: span("local_scan_interval")?,
            stale_after: span("stale_after")?,
            server_copy: get("server_copy")?.value == Value::Flag(true),
            enabled: get("enabled")?.value == Value::Flag(true),
        })
    }

    fn optional(&self, section: Section, name: &str) -> Option<At> {
        self.optional_of("", section, name)
    }

    fn optional_of(&self, prefix: &str, section: Section, name: &str) -> Option<At> {
        self.value(prefix, section, name).ok()
    }

    /// The value of a key, or its default. `prefix` is the table's path where it repeats.
    fn value(&self, prefix: &str, section: Section, name: &str) -> Result<At, ConfigError> {
        let Some(key) = keys::find(section, name) else {
            return Err(self.unfit(section, name));
        };
        let path = if prefix.is_empty() {
            key.path()
        } else {
            format!("{prefix}.{name}")
        };
        match self.layers.get(&path).or_else(|| key.fallback.value()) {
            Some(value) => Ok(At { path, key, value }),
            None if key.fallback == Fallback::Required => Err(self.missing(key, prefix)),
            None => Err(self.unfit(section, name)),
        }
    }

    fn missing(&self, key: &Key, prefix: &str) -> ConfigError {
        let name = match self.layers.get(&format!("{prefix}.name")) {
            Some(Value::Text(name)) => name,
            Some(Value::Number(_) | Value::Flag(_) | Value::List(_)) | None => String::new(),
        };
        let table = match key.section {
            Section::Sync if name.is_empty() => format!("{} of {prefix}", key.name),
            Section::Sync => format!("{} of the pair \"{name}\"", key.name),
            Section::Top
            | Section::Account
            | Section::Limits
            | Section::Window
            | Section::Control
            | Section::Log
            | Section::Notify
            | Section::Timing => format!("{} in {}", key.name, key.section.header()),
        };
        let variable = key.variable().map(|variable| match key.section {
            Section::Sync => variable.replace("__NAME__", &format!("__{}__", layers::segment(&name))),
            Section::Top
            | Section::Account
            | Section::Limits
            | Section::Window
            | Section::Control
            | Section::Log
            | Section::Notify
            | Section::Timing => variable,
        });
        ConfigError::Missing {
            at: self.layers.file().to_owned(),
            key: table,
            variable,
        }
    }

    /// A value that its check should have refused: a bug of ours, told as a bad value.
    fn unfit(&self, section: Section, name: &str) -> ConfigError {
        ConfigError::BadValue {
            at: self.layers.file().to_owned(),
            key: name.to_owned(),
            found: String::new(),
            expects: keys::find(section, name).map_or_else(|| "set".to_owned(), |key| key.kind.expects()),
        }
    }

    fn refuse(&self, at: &At, expects: String) -> ConfigError {
        ConfigError::BadValue {
            at: self
                .layers
                .origin(&at.path)
                .unwrap_or_else(|| self.layers.file())
                .to_owned(),
            key: at.key.name.to_owned(),
            found: match &at.value {
                Value::Text(text) if !at.key.kind.may_be_secret() => format!("\"{text}\""),
                Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::List(_) => String::new(),
            },
            expects,
        }
    }

    fn text(&self, at: At) -> Result<String, ConfigError> {
        match at.value {
            Value::Text(text) => Ok(text),
            Value::Number(_) | Value::Flag(_) | Value::List(_) => {
                Err(self.unfit(at.key.section, at.key.name))
            }
        }
    }

    fn list(&self, at: At) -> Result<Vec<String>, ConfigError> {
        match at.value {
            Value::List(items) => Ok(items),
            Value::Text(_) | Value::Number(_) | Value::Flag(_) => {
                Err(self.unfit(at.key.section, at.key.name))
            }
        }
    }

    fn path(&self, at: At) -> Result<PathBuf, ConfigError> {
        let Value::Text(text) = &at.value else {
            return Err(self.unfit(at.key.section, at.key.name));
        };
        paths::expand(self.env, text).map_err(|cause| {
            self.refuse(
                &at,
                format!("an absolute path, or one that begins with \"~\" or a set variable ({cause})"),
            )
        })
    }

    fn bytes(&self, at: At) -> Result<u64, ConfigError> {
        value::bytes(&at.value).ok_or_else(|| self.unfit(at.key.section, at.key.name))
    }

    fn span(&self, at: At) -> Result<Duration, ConfigError> {
        let (section, name) = (at.key.section, at.key.name);
        value::span(&self.text(at)?).ok_or_else(|| self.unfit(section, name))
    }

    fn number<T: TryFrom<i64>>(&self, at: At) -> Result<T, ConfigError> {
        let number = match at.value {
            Value::Number(number) => T::try_from(number).ok(),
            Value::Text(_) | Value::Flag(_) | Value::List(_) => None,
        };
        number.ok_or_else(|| self.unfit(at.key.section, at.key.name))
    }
}

/// A value and where it stands.
struct At {
    path: String,
    key: &'static Key,
    value: Value,
}
