//! The configuration in force, for people and programs: every key with its value and where that came from.
//!
//! A value that may hold a secret is shown without it.

use serde::Serialize;
use url::Url;

use super::keys::{KEYS, Key, Section};
use super::load::Loaded;
use super::value::{Kind, Value};

/// One key as it holds now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Shown {
    /// Its path: `account.api_url`, `sync[0].local`.
    pub(crate) key: String,
    /// Its value in TOML.
    pub(crate) value: String,
    /// `FILE:LINE`, the variable, or `default`.
    pub(crate) from: String,
}

/// All keys that hold a value, in the order of the reference.
pub(crate) fn all(loaded: &Loaded) -> Vec<Shown> {
    let mut out = Vec::new();
    for section in Section::ALL {
        let repeats = match section {
            Section::Window => loaded.layers.windows(),
            Section::Sync => loaded.layers.pairs(),
            Section::Top
            | Section::Account
            | Section::Limits
            | Section::Control
            | Section::Log
            | Section::Notify
            | Section::Timing => 1,
        };
        for at in 0..repeats {
            for key in KEYS.iter().filter(|key| key.section == section) {
                let path = if matches!(section, Section::Sync | Section::Window) {
                    format!("{}[{at}].{}", section.path(), key.name)
                } else {
                    key.path()
                };
                let Some(value) = loaded.layers.get(&path).or_else(|| key.fallback.value()) else {
                    continue;
                };
                let from = loaded.layers.origin(&path).unwrap_or("default").to_owned();
                out.push(Shown {
                    key: path,
                    value: literal(key, &value),
                    from,
                });
            }
        }
    }
    out
}

/// As TOML with the origin of each value as a comment.
pub(crate) fn text(shown: &[Shown]) -> String {
    let mut out = String::new();
    let mut table = "";
    for line in shown {
        let (path, name) = line.key.rsplit_once('.').unwrap_or(("", &line.key));
        if path != table {
            let header = match path.split_once('[') {
                Some((repeats, _)) => format!("[[{repeats}]]"),
                None => format!("[{path}]"),
            };
            out.push_str(&format!("\n{header}\n"));
            table = path;
        }
        out.push_str(&format!("{name} = {}  # {}\n", line.value, line.from));
    }
    out
}

fn literal(key: &Key, value: &Value) -> String {
    match value {
        Value::Text(text) if key.kind == Kind::Proxy => quoted(&without_password(text)),
        Value::Text(text) => quoted(text),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A TOML string; JSON's escapes are a part of TOML's.
pub(crate) fn quoted(text: &str) -> String {
    // What JSON may leave as it is, and TOML not.
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

fn without_password(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return "(hidden)".to_owned();
    };
    if (url.password().is_some() && url.set_password(Some("hidden")).is_err())
        || (!url.username().is_empty() && url.set_username("hidden").is_err())
    {
        return "(hidden)".to_owned();
    }
    url.to_string()
}
