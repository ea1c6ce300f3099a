//! Which quirks are on and how their knobs stand. A value: requests take a snapshot and keep it to their end.
//!
//! The table itself is `quirk_table.rs`. Nothing here acts; no knob is ever read that the table does not define.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::error::Error;
use crate::quirk_table::{Kind, Knob, QUIRKS, Quirk, QuirkInfo};

/// A preset of quirks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// What the document promises.
    #[default]
    Document,
    /// The 4.5 line.
    V4,
    /// The rewrite.
    V5,
    /// Everything at once, the nastier variant; without what ends all work.
    Hostile,
}

impl Dialect {
    fn letter(self) -> char {
        match self {
            Self::Document => 'D',
            Self::V4 => '4',
            Self::V5 => '5',
            Self::Hostile => 'H',
        }
    }

    fn column(self) -> usize {
        match self {
            Self::Document => 0,
            Self::V4 => 1,
            Self::V5 => 2,
            Self::Hostile => 3,
        }
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "document" => Ok(Self::Document),
            "v4" => Ok(Self::V4),
            "v5" => Ok(Self::V5),
            "hostile" => Ok(Self::Hostile),
            _ => Err(Error::Unknown(format!(
                "no dialect {text}: document, v4, v5, hostile"
            ))),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Document => "document",
            Self::V4 => "v4",
            Self::V5 => "v5",
            Self::Hostile => "hostile",
        })
    }
}

/// The state of all switches and knobs.
#[derive(Debug, Clone)]
pub struct Quirks {
    dialect: Dialect,
    on: BTreeSet<Quirk>,
    knobs: BTreeMap<(Quirk, &'static str), String>,
}

impl Quirks {
    /// The switches of a dialect.
    #[must_use]
    pub fn preset(dialect: Dialect) -> Self {
        let on = QUIRKS
            .iter()
            .filter(|info| info.presets.contains(dialect.letter()));
        Self {
            dialect,
            on: on.map(|info| info.quirk).collect(),
            knobs: BTreeMap::new(),
        }
    }

    /// Whether a quirk is on.
    pub(crate) fn on(&self, quirk: Quirk) -> bool {
        self.on.contains(&quirk)
    }

    /// Switches one, by `Q07` or by its name.
    pub(crate) fn set(&mut self, quirk: &str, on: bool) -> Result<(), Error> {
        let info = find(quirk).filter(|info| info.id != 0);
        let info = info.ok_or_else(|| Error::Unknown(format!("no quirk {quirk}")))?;
        if on {
            self.on.insert(info.quirk);
        } else {
            self.on.remove(&info.quirk);
        }
        Ok(())
    }

    /// Sets a knob, `Q03.tries`, or `site.sign-in`.
    pub(crate) fn set_knob(&mut self, knob: &str, value: &str) -> Result<(), Error> {
        let unknown = || Error::Unknown(format!("no knob {knob}"));
        let (quirk, name) = knob.split_once('.').ok_or_else(unknown)?;
        let info = find(quirk).ok_or_else(unknown)?;
        let found = info.knobs.iter().find(|k| k.name == name).ok_or_else(unknown)?;
        if !fits(found, value) {
            let kind = found.kind;
            return Err(Error::Unknown(format!(
                "{knob} does not take {value:?}: {kind:?}"
            )));
        }
        self.knobs.insert((info.quirk, found.name), value.to_owned());
        Ok(())
    }

    /// A knob's text.
    pub(crate) fn word(&self, quirk: Quirk, name: &str) -> &str {
        let info = QUIRKS.iter().find(|info| info.quirk == quirk);
        let knob = info.and_then(|info| info.knobs.iter().find(|knob| knob.name == name));
        let Some(knob) = knob else {
            debug_assert!(false, "{quirk:?} has no knob {name}");
            return "";
        };
        match self.knobs.get(&(quirk, knob.name)) {
            Some(value) => value,
            None => default(knob, self.dialect),
        }
    }

    /// Whether a switch-like knob says on.
    pub(crate) fn flag(&self, quirk: Quirk, name: &str) -> bool {
        self.word(quirk, name) == "on"
    }

    /// A knob's whole number.
    pub(crate) fn count(&self, quirk: Quirk, name: &str) -> u64 {
        self.word(quirk, name).parse().unwrap_or(0)
    }

    /// A knob's number: seconds, or a probability.
    pub(crate) fn number(&self, quirk: Quirk, name: &str) -> f64 {
        self.word(quirk, name).parse().unwrap_or(0.0)
    }

    /// A knob's seconds as a duration.
    pub(crate) fn duration(&self, quirk: Quirk, name: &str) -> std::time::Duration {
        std::time::Duration::try_from_secs_f64(self.number(quirk, name)).unwrap_or_default()
    }

    /// A knob's list, lower-cased, blanks and empty entries dropped.
    pub(crate) fn list(&self, quirk: Quirk, name: &str) -> Vec<String> {
        let parts = self
            .word(quirk, name)
            .split(',')
            .map(|part| part.trim().to_lowercase());
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// Everything, for `/_dev/quirks`.
    pub(crate) fn report(&self) -> Value {
        let quirks = QUIRKS.iter().map(|info| {
            let knobs = info.knobs.iter().map(|knob| {
                let value = Value::from(self.word(info.quirk, knob.name));
                (knob.name.to_owned(), value)
            });
            json!({
                "id": label(info), "name": info.name, "on": self.on(info.quirk), "does": info.does,
                "presets": info.presets, "knobs": serde_json::Map::from_iter(knobs),
            })
        });
        json!({"dialect": self.dialect.to_string(), "quirks": quirks.collect::<Vec<_>>()})
    }
}

/// `Q07`, or `site`.
pub(crate) fn label(info: &QuirkInfo) -> String {
    if info.id == 0 {
        "site".to_owned()
    } else {
        format!("Q{:02}", info.id)
    }
}

fn find(text: &str) -> Option<&'static QuirkInfo> {
    QUIRKS
        .iter()
        .find(|info| info.name == text || label(info).eq_ignore_ascii_case(text))
}

fn default(knob: &Knob, dialect: Dialect) -> &'static str {
    let mut words = knob.defaults.split(' ');
    let first = words.next().unwrap_or_default();
    match dialect.column() {
        0 => first,
        column => words.nth(column.saturating_sub(1)).unwrap_or(first),
    }
}

fn fits(knob: &Knob, value: &str) -> bool {
    match knob.kind {
        Kind::Count => value.parse::<u64>().is_ok(),
        Kind::Seconds => value.parse::<f64>().is_ok_and(|n| n.is_finite() && n >= 0.0),
        Kind::Ratio => value.parse::<f64>().is_ok_and(|n| (0.0..=1.0).contains(&n)),
        Kind::Word(words) => words.contains(&value),
        Kind::List => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_sixty_quirks_in_order_and_their_defaults_fit() {
        let ids: Vec<u8> = QUIRKS.iter().map(|info| info.id).collect();
        assert_eq!(ids, (0..=60).collect::<Vec<u8>>());
        for dialect in [Dialect::Document, Dialect::V4, Dialect::V5, Dialect::Hostile] {
            for info in QUIRKS {
                for knob in info.knobs {
                    assert!(fits(knob, default(knob, dialect)), "{} {}", info.name, knob.name);
                }
            }
        }
    }

    #[test]
    fn a_preset_is_a_start_and_every_switch_stands_alone() {
        let mut quirks = Quirks::preset(Dialect::V5);
        assert!(quirks.on(Quirk::TrashFilesAtRoot) && !quirks.on(Quirk::Maintenance));
        assert_eq!(quirks.word(Quirk::HashShape, "mode"), "placeholder");
        quirks.set("Q06", false).unwrap();
        quirks.set("maintenance", true).unwrap();
        quirks.set_knob("Q03.tries", "7").unwrap();
        assert!(!quirks.on(Quirk::TrashFilesAtRoot) && quirks.on(Quirk::Maintenance));
        assert_eq!(quirks.count(Quirk::LoginBan, "tries"), 7);
    }

    #[test]
    fn hostile_leaves_out_what_ends_all_work() {
        let quirks = Quirks::preset(Dialect::Hostile);
        assert!(!quirks.on(Quirk::Maintenance) && !quirks.on(Quirk::NoUrlUpload));
    }

    #[test]
    fn unknown_names_and_values_are_refused() {
        let mut quirks = Quirks::preset(Dialect::Document);
        assert!(quirks.set("Q61", true).is_err());
        assert!(quirks.set("site", true).is_err());
        assert!(quirks.set_knob("Q03.tries", "many").is_err());
        assert!(quirks.set_knob("Q41.p", "1.5").is_err());
        assert!(quirks.set_knob("Q04.key", "state").is_err());
    }
}
