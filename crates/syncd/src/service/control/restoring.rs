//! Files that come back from `.syncd/trash`: the same for the control socket and for the command without a service.
//!
//! Never here: a file overwritten. While a pass works on the pair nothing is moved: its journal's lock is held.

use std::path::Path;

use jiff::civil::Date;
use planner::path::RelPath;

use super::pairs::{named, of_pair, place, several};
use super::wire::{Restored, RestoredItem, VERSION};
use crate::config::{Config, PairConfig};
use crate::engine::between;
use crate::local::trash::{self, Trashed};
use crate::local::versions::{self, Wanted};
use crate::local::{LocalError, Root};
use crate::report::{Kind, Report};

/// What is to come back, or to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Restoring {
    /// The pair, where several have such a path.
    pub(crate) pair: Option<String>,
    /// Where it was; `None`: everything.
    pub(crate) path: Option<String>,
    /// The day it was taken away.
    pub(crate) date: Option<Date>,
}

/// What of a pair's trash fits.
struct Found<'a> {
    pair: &'a PairConfig,
    root: Root,
    wanted: Vec<Wanted>,
}

fn find<'a>(config: &'a Config, wish: &Restoring) -> Result<Vec<Found<'a>>, Report> {
    let mut all = Vec::new();
    for pair in named(config, wish.pair.as_deref())? {
        let in_pair = |error: &LocalError| Report::from_root(&pair.local, error);
        let root = match Root::open(&pair.local) {
            Ok(root) => root,
            Err(LocalError::Missing(_)) => continue,
            Err(error) => return Err(in_pair(&error)),
        };
        let mut items = trash::list(&root).map_err(|error| in_pair(&error))?;
        items.retain(|item| wish.date.is_none_or(|date| date == item.date));
        let wanted = match &wish.path {
            None => versions::every(items),
            Some(path) => match place(&pair.local, Path::new(path)) {
                Some(path) => versions::of(items, &path),
                None => Vec::new(),
            },
        };
        if !wanted.is_empty() {
            all.push(Found { pair, root, wanted });
        }
    }
    Ok(all)
}

/// What is in the trash, every version of it. No journal is needed, and nothing is refused while a pass runs.
///
/// # Errors
/// A pair's folder or trash cannot be read.
pub(crate) fn list(config: &Config, wish: &Restoring) -> Result<Restored, Report> {
    let found = find(config, wish)?;
    let files = found.iter().flat_map(|found| {
        let versions = found.wanted.iter().flat_map(|wanted| &wanted.versions);
        versions.map(|item| shown(found.pair, item, &item.from, None))
    });
    Ok(Restored {
        v: VERSION,
        files: files.collect(),
    })
}

/// Brings back the newest version of each path, as far as nothing is in its place; the answer says of each whether it
/// is back.
///
/// # Errors
/// `NotFound`: no trash has it. `Usage`: several do. `Busy`: a pass works on the pair.
pub(crate) fn restore(config: &Config, wish: &Restoring) -> Result<Restored, Report> {
    let found = find(config, wish)?;
    let asked = wish.path.as_deref().unwrap_or_default();
    let found = match found.as_slice() {
        [] => return Err(not_there(asked)),
        [found] => found,
        found => {
            let names: Vec<_> = found.iter().map(|found| found.pair.name.as_str()).collect();
            let next = "name the one you mean with --pair";
            return Err(several("several pairs have it in their trash", &names, next).at(asked));
        }
    };
    let pair = found.pair;
    let held = between::Quiet::hold(&config.pair_dir(&pair.name));
    let _lock = held.map_err(|report| of_pair(&pair.name, report))?;
    let mut files = Vec::new();
    for wanted in &found.wanted {
        let Some(item) = wanted.versions.first() else {
            continue;
        };
        let done = trash::restore(&found.root, &item.at, &wanted.to);
        files.push(shown(pair, item, &wanted.to, Some(done.map(|_| ()))));
    }
    Ok(Restored { v: VERSION, files })
}

fn not_there(asked: &str) -> Report {
    Report::new(
        Kind::NotFound,
        "not restored",
        "no trash has a file of this path (and day, if you gave one)",
        "look with \"syncd restore --list\"",
    )
    .at(asked)
}

fn shown(
    pair: &PairConfig,
    item: &Trashed,
    to: &RelPath,
    done: Option<Result<(), LocalError>>,
) -> RestoredItem {
    RestoredItem {
        pair: pair.name.clone(),
        path: to.to_string(),
        date: item.date.to_string(),
        bytes: item.size,
        trash: item.at.to_string(),
        restored: matches!(done, Some(Ok(()))),
        error: done.and_then(Result::err).map(|error| error.to_string()),
    }
}
