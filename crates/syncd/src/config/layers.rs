//! The layers of the configuration (defaults, file, environment) laid over each other, and where each value came from.
//!
//! Every value is checked against its key *before* the layers are merged, with the line or variable it stands in; a
//! value that reaches `load.rs` is one that its key takes. No text of an error holds a value that may be a secret.

use std::collections::BTreeMap;

use config::{Config as Merged, File, FileFormat, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::keys::{self, Fallback, KEYS, Key, Section};
use super::load::Env;
use super::value::Value;

/// Longest part of a value that an error quotes.
const QUOTED_MAX: usize = 40;
/// Most pairs in one file.
const PAIRS_MAX: usize = 1000;
/// Most windows in one file: all of them are looked at for each change of the limits.
const WINDOWS_MAX: usize = 100;
/// Variables that are ours but no keys: read by `load.rs` and `credentials.rs`.
const OTHER_VARIABLES: [&str; 5] = [
    "SYNCD_CONFIG",
    "SYNCD_KEY1",
    "SYNCD_KEY2",
    "SYNCD_USERNAME",
    "SYNCD_PASSWORD",
];
/// Short names of variables, and the key each stands for.
const SHORTHANDS: [(&str, &str); 2] = [("SYNCD_API_URL", "account.api_url"), ("SYNCD_LOG", "log.level")];

/// The merged layers.
#[derive(Debug)]
pub(crate) struct Layers {
    merged: Merged,
    /// By path (`account.api_url`, `sync[0].local`): the line or variable.
    origins: BTreeMap<String, String>,
    /// The file's name for errors about what is not in it.
    file: String,
    pairs: usize,
    windows: usize,
}

/// What was found in one layer.
#[derive(Default)]
struct Found {
    values: BTreeMap<String, Value>,
    origins: BTreeMap<String, String>,
    /// Names of the pairs, in order.
    pairs: Vec<String>,
    windows: usize,
    errors: Vec<(usize, ConfigError)>,
}

/// Reads and merges: `text` is the file's content, empty without one; `machine` are the defaults that depend on the
/// machine.
///
/// # Errors
/// The first mistake in the order of the file, then of the variables' names.
pub(crate) fn merge(
    file: &str,
    text: &str,
    env: &Env,
    machine: &BTreeMap<&'static str, String>,
) -> Result<Layers, ConfigError> {
    let mut found = read_file(file, text)?;
    let pairs_in_file = found.pairs.len();
    let from_env = read_variables(env, &mut found.pairs)?;
    let mut builder = Merged::builder();
    let unexpected = |error: config::ConfigError| ConfigError::Syntax {
        at: file.to_owned(),
        cause: error.to_string(),
    };
    for key in KEYS
        .iter()
        .filter(|key| !matches!(key.section, Section::Sync | Section::Window))
    {
        let default = match key.fallback {
            Fallback::Machine(_) => machine.get(key.name).map(|text| Value::Text(text.clone())),
            Fallback::Required
            | Fallback::Nothing
            | Fallback::Text(_)
            | Fallback::Number(_)
            | Fallback::Flag(_)
            | Fallback::List(_) => key.fallback.value(),
        };
        if let Some(value) = default {
            builder = builder
                .set_default(key.path(), kind_of(value))
                .map_err(unexpected)?;
        }
    }
    builder = builder.add_source(File::from_str(text, FileFormat::Toml));
    for (at, name) in found.pairs.iter().enumerate().skip(pairs_in_file) {
        builder = builder
            .set_override(format!("sync[{at}].name"), name.as_str())
            .map_err(unexpected)?;
        found
            .origins
            .insert(format!("sync[{at}].name"), "the environment".to_owned());
    }
    for (path, (variable, value)) in from_env {
        builder = builder.set_override(&path, kind_of(value)).map_err(unexpected)?;
        found.origins.insert(path, variable);
    }
    Ok(Layers {
        merged: builder.build().map_err(unexpected)?,
        origins: found.origins,
        file: file.to_owned(),
        pairs: found.pairs.len(),
        windows: found.windows,
    })
}

fn kind_of(value: Value) -> ValueKind {
    match value {
        Value::Text(text) => ValueKind::String(text),
        Value::Number(number) => ValueKind::I64(number),
        Value::Flag(flag) => ValueKind::Boolean(flag),
        Value::List(items) => ValueKind::Array(items.into_iter().map(Into::into).collect()),
    }
}

impl Layers {
    /// How many pairs there are.
    pub(crate) const fn pairs(&self) -> usize {
        self.pairs
    }

    /// How many windows of the limits there are.
    pub(crate) const fn windows(&self) -> usize {
        self.windows
    }

    /// The file, for errors about the whole.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The value at a path, from whichever layer; for pairs without the key's default.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        match self.merged.get::<config::Value>(path).ok()?.kind {
            ValueKind::String(text) => Some(Value::Text(text)),
            ValueKind::I64(number) => Some(Value::Number(number)),
            ValueKind::Boolean(flag) => Some(Value::Flag(flag)),
            ValueKind::Array(items) => items
                .into_iter()
                .map(config::Value::into_string)
                .collect::<Result<_, _>>()
                .ok()
                .map(Value::List),
            ValueKind::Nil
            | ValueKind::I128(_)
            | ValueKind::U64(_)
            | ValueKind::U128(_)
            | ValueKind::Float(_)
            | ValueKind::Table(_) => None,
        }
    }

    /// The line or variable a value came from; `None` for a default.
    pub(crate) fn origin(&self, path: &str) -> Option<&str> {
        self.origins.get(path).map(String::as_str)
    }
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|b| *b == b'\n')
        .count()
        .saturating_add(1)
}

fn read_file(file: &str, text: &str) -> Result<Found, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        at: format!(
            "{file}:{}",
            line_of(text, error.span().map_or(0, |span| span.start))
        ),
        // Only the parser's words: its full text would quote the line.
        cause: error.message().lines().next().unwrap_or("not TOML").to_owned(),
    })?;
    let mut walk = Walk {
        file,
        text,
        found: Found::default(),
    };
    walk.table(Section::Top, "", table.get_ref());
    let mut found = walk.found;
    found.errors.sort_by_key(|(line, _)| *line);
    if found.errors.is_empty() {
        Ok(found)
    } else {
        Err(found.errors.swap_remove(0).1)
    }
}

/// One walk over the file, collecting what is in it.
struct Walk<'a> {
    file: &'a str,
    text: &'a str,
    found: Found,
}

impl Walk<'_> {
    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }

    fn table(&mut self, section: Section, path: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let line = line_of(self.text, name.span().start);
            let name = name.get_ref().as_ref();
            match (section, name, value.get_ref()) {
                (Section::Top, "sync", DeValue::Array(items)) => self.tables(Section::Sync, items, line),
                (Section::Limits, "window", DeValue::Array(items)) => {
                    self.tables(Section::Window, items, line)
                }
                (Section::Top, _, DeValue::Table(inner)) if plain_table(name).is_some() => {
                    if let Some(section) = plain_table(name) {
                        self.table(section, name, inner);
                    }
                }
                _ => self.value(section, path, name, value, line),
            }
        }
    }

    fn tables(&mut self, section: Section, items: &[Spanned<DeValue<'_>>], line: usize) {
        let most = most(section);
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", section.path());
            let DeValue::Table(table) = item.get_ref() else {
                self.not_tables(section, line);
                continue;
            };
            let line = line_of(self.text, item.span().start);
            if index >= most {
                self.not_tables(section, line);
                return;
            }
            self.found.origins.insert(path.clone(), self.at(line));
            self.table(section, &path, table);
            if section == Section::Sync {
                let name = match self.found.values.get(&format!("{path}.name")) {
                    Some(Value::Text(name)) => name.clone(),
                    Some(Value::Number(_) | Value::Flag(_) | Value::List(_)) | None => String::new(),
                };
                self.found.pairs.push(name);
            } else {
                self.found.windows = self.found.windows.saturating_add(1);
            }
        }
    }

    fn not_tables(&mut self, section: Section, line: usize) {
        let error = ConfigError::BadValue {
            at: self.at(line),
            key: section.path().to_owned(),
            found: String::new(),
            expects: format!("at most {} tables {}", most(section), section.header()),
        };
        self.found.errors.push((line, error));
    }

    fn value(&mut self, section: Section, path: &str, name: &str, value: &Spanned<DeValue<'_>>, line: usize) {
        let Some(key) = keys::find(section, name) else {
            let error = if section == Section::Top && (name == "sync" || plain_table(name).is_some()) {
                let header = if name == "sync" {
                    "[[sync]]".to_owned()
                } else {
                    format!("[{name}]")
                };
                ConfigError::BadValue {
                    at: self.at(line),
                    key: name.to_owned(),
                    found: String::new(),
                    expects: format!("a table, written {header}"),
                }
            } else {
                unknown(self.at(line), section, name)
            };
            self.found.errors.push((line, error));
            return;
        };
        let path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        match plain(value.get_ref()).filter(|value| key.kind.accepts(value)) {
            Some(value) => {
                self.found.origins.insert(path.clone(), self.at(line));
                self.found.values.insert(path, value);
            }
            None => {
                let shown = plain(value.get_ref());
                self.found
                    .errors
                    .push((line, refused(key, self.at(line), shown.as_ref())));
            }
        }
    }
}

const fn most(section: Section) -> usize {
    match section {
        Section::Window => WINDOWS_MAX,
        Section::Top
        | Section::Account
        | Section::Limits
        | Section::Control
        | Section::Log
        | Section::Notify
        | Section::Timing
        | Section::Sync => PAIRS_MAX,
    }
}

fn plain_table(name: &str) -> Option<Section> {
    Section::ALL
        .into_iter()
        .filter(|section| !matches!(section, Section::Top | Section::Sync | Section::Window))
        .find(|section| section.path() == name)
}

fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(Value::Number),
        DeValue::Boolean(flag) => Some(Value::Flag(*flag)),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .map(Value::List),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn unknown(at: String, section: Section, name: &str) -> ConfigError {
    ConfigError::UnknownKey {
        at,
        key: name.chars().take(QUOTED_MAX).collect(),
        table: section.header(),
        nearest: keys::nearest(section, name),
    }
}

fn refused(key: &Key, at: String, value: Option<&Value>) -> ConfigError {
    let found = match value {
        Some(_) if key.kind.may_be_secret() => String::new(),
        Some(Value::Text(text)) if text.chars().count() <= QUOTED_MAX => format!("\"{text}\""),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Flag(flag)) => flag.to_string(),
        Some(Value::Text(_) | Value::List(_)) | None => String::new(),
    };
    ConfigError::BadValue {
        at,
        key: key.name.to_owned(),
        found,
        expects: key.kind.expects(),
    }
}

/// The middle of a pair's variables: upper case, everything but letters and digits `_`.
pub(crate) fn segment(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

/// Variable and value by path; a pair that the file does not have is added to `pairs`.
fn read_variables(
    env: &Env,
    pairs: &mut Vec<String>,
) -> Result<BTreeMap<String, (String, Value)>, ConfigError> {
    let mut out = BTreeMap::new();
    for (variable, text) in env.ours() {
        if OTHER_VARIABLES.contains(&variable) || text.is_empty() {
            continue;
        }
        let (path, key, shorthand) = resolve(variable, pairs)?;
        let value = key.kind.of_variable(text);
        if !key.kind.accepts(&value) {
            return Err(refused(key, variable.to_owned(), Some(&value)));
        }
        // The long name wins over the shorthand.
        if !(shorthand && out.contains_key(&path)) {
            out.insert(path, (variable.to_owned(), value));
        }
    }
    Ok(out)
}

fn resolve(variable: &str, pairs: &mut Vec<String>) -> Result<(String, &'static Key, bool), ConfigError> {
    if let Some((_, path)) = SHORTHANDS.iter().find(|(short, _)| *short == variable)
        && let Some(key) = KEYS.iter().find(|key| key.path() == *path)
    {
        return Ok(((*path).to_owned(), key, true));
    }
    let unknown_variable = || {
        let known: Vec<String> = KEYS.iter().filter_map(Key::variable).collect();
        let all = known
            .iter()
            .map(String::as_str)
            .chain(OTHER_VARIABLES)
            .chain(SHORTHANDS.map(|(short, _)| short));
        ConfigError::UnknownKey {
            at: variable.to_owned(),
            key: variable.to_owned(),
            table: "the environment".to_owned(),
            nearest: keys::closest(variable, all),
        }
    };
    let Some((pair, name)) = variable
        .strip_prefix("SYNCD_SYNC__")
        .and_then(|rest| rest.rsplit_once("__"))
    else {
        let key = KEYS
            .iter()
            .filter(|key| key.section != Section::Sync)
            .find(|key| key.variable().as_deref() == Some(variable))
            .ok_or_else(unknown_variable)?;
        return Ok((key.path(), key, false));
    };
    let lower = name.to_ascii_lowercase();
    let Some(key) = keys::find(Section::Sync, &lower).filter(|key| key.variable().is_some()) else {
        return Err(unknown(variable.to_owned(), Section::Sync, &lower));
    };
    let mut named = pairs.iter().enumerate().filter(|(_, name)| segment(name) == pair);
    let at = match (named.next(), named.next()) {
        (Some((at, _)), None) => at,
        (Some(_), Some((_, other))) => {
            return Err(ConfigError::SameName {
                at: variable.to_owned(),
                name: other.clone(),
            });
        }
        (None, _) => {
            let name = pair.to_ascii_lowercase();
            let known = super::value::Kind::PairName;
            if !known.accepts(&Value::Text(name.clone())) || pairs.len() >= PAIRS_MAX {
                return Err(unknown_variable());
            }
            pairs.push(name);
            pairs.len().saturating_sub(1)
        }
    };
    Ok((format!("sync[{at}].{}", key.name), key, false))
}
