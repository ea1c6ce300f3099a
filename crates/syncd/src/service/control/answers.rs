//! What the journals of the pairs answer, and are told: one function a question, the same for the control socket and for
//! commands without a service. They block, and are refused while a pass has the journal ([`Kind::Busy`]).
//!
//! Never here: HTTP, a terminal, anything let through for more than one pair at a time.

use std::path::Path;

use planner::path::RelPath;

use super::pairs::{named, of_pair, place, several};
use super::wire::{
    Approvals, Conflicts, FileItem, History, Kept, KeptItem, PairConflicts, PairHeld, PairHistory,
    PairProblems, Problems, VERSION, Which, Whys,
};
use crate::config::{Config, PairConfig};
use crate::engine::between::{self, Held};
use crate::engine::conflicts::{self, Choice, KeepError, Wish};
use crate::engine::{filestatus, why};
use crate::report::{Kind, Report};

/// Asks the journal of each pair of this name, or of all.
fn each<T>(
    config: &Config,
    name: Option<&str>,
    ask: impl Fn(&str, &Path) -> Result<T, Report>,
) -> Result<Vec<T>, Report> {
    let answers = named(config, name)?.into_iter().map(|pair| {
        ask(&pair.name, &config.pair_dir(&pair.name)).map_err(|report| of_pair(&pair.name, report))
    });
    answers.collect()
}

/// What is not in sync since the last pass.
pub(crate) fn problems(config: &Config, name: Option<&str>) -> Result<Problems, Report> {
    let pairs = each(config, name, |name, dir| {
        Ok(PairProblems {
            name: name.to_owned(),
            problems: between::problems(dir)?,
        })
    })?;
    Ok(Problems { v: VERSION, pairs })
}

/// What passes did, at most so many lines of each pair.
pub(crate) fn history(config: &Config, name: Option<&str>, limit: u32) -> Result<History, Report> {
    let pairs = each(config, name, |name, dir| {
        Ok(PairHistory {
            name: name.to_owned(),
            history: between::history(dir, limit)?,
        })
    })?;
    Ok(History { v: VERSION, pairs })
}

/// Open conflicts; with `all` also those that ended.
pub(crate) fn conflicts(config: &Config, name: Option<&str>, all: bool) -> Result<Conflicts, Report> {
    let pairs = each(config, name, |name, dir| {
        Ok(PairConflicts {
            name: name.to_owned(),
            conflicts: conflicts::list(dir, all)?,
        })
    })?;
    Ok(Conflicts { v: VERSION, pairs })
}

/// What safety stops hold, of the pairs that hold something.
pub(crate) fn held(config: &Config, name: Option<&str>) -> Result<Approvals, Report> {
    let held = each(config, name, |name, dir| {
        Ok(pair_held(name, between::held(dir)?, false))
    })?;
    let something = |pair: &PairHeld| pair.older_folder || !pair.held.is_empty();
    Ok(Approvals {
        v: VERSION,
        pairs: held.into_iter().filter(something).collect(),
    })
}

/// Lets through, once, what the only pair holds that holds something, or the named one.
///
/// # Errors
/// `Usage` where several hold something.
pub(crate) fn approve(config: &Config, name: Option<&str>, by: &str) -> Result<Approvals, Report> {
    let found = held(config, name)?;
    let names: Vec<_> = found.pairs.iter().map(|pair| pair.name.as_str()).collect();
    match names.as_slice() {
        [] => Ok(found),
        [name] => {
            let approved =
                between::approve(&config.pair_dir(name), by).map_err(|report| of_pair(name, report))?;
            Ok(Approvals {
                v: VERSION,
                pairs: vec![pair_held(name, approved, true)],
            })
        }
        _ => Err(several(
            "several pairs hold something",
            &names,
            "name the one you mean; \"syncd approve --list\" shows what each holds",
        )),
    }
}

fn pair_held(name: &str, held: Held, approved: bool) -> PairHeld {
    PairHeld {
        name: name.to_owned(),
        approved,
        delete_local: held.count("delete_local"),
        delete_remote: held.count("delete_remote"),
        lost_rows: held.count("lost_row"),
        older_folder: held.older_folder,
        held: held.deletions,
    }
}

/// A conflict that the user settles.
#[derive(Clone, Debug)]
pub(crate) struct Settling {
    /// The pair, where several have such a path.
    pub(crate) pair: Option<String>,
    /// The contested path, or that of a copy.
    pub(crate) path: String,
    /// What stays.
    pub(crate) which: Which,
    /// Who asks.
    pub(crate) by: String,
}

/// Settles the conflict.
///
/// # Errors
/// `NotFound`: no pair has an open conflict there. `Usage`: several do.
pub(crate) fn keep(config: &Config, wish: &Settling) -> Result<Kept, Report> {
    let mut found: Vec<(&PairConfig, RelPath)> = Vec::new();
    let mut asked: Option<(&PairConfig, RelPath)> = None;
    for pair in named(config, wish.pair.as_deref())? {
        let Some(path) = place(&pair.local, Path::new(&wish.path)) else {
            continue;
        };
        let open = conflicts::open_at(&config.pair_dir(&pair.name), &path);
        if open.map_err(|error| Report::from_keep(pair, &path, &KeepError::Journal(error)))? {
            found.push((pair, path));
        } else {
            asked.get_or_insert((pair, path));
        }
    }
    let (pair, path) = match (found.as_slice(), asked) {
        ([], Some((pair, path))) => return Err(Report::from_keep(pair, &path, &KeepError::Unknown)),
        ([], None) => return Err(nowhere(&wish.path)),
        ([(pair, path)], _) => (*pair, path),
        (found, _) => {
            let names: Vec<_> = found.iter().map(|(pair, _)| pair.name.as_str()).collect();
            let next = "name the one you mean with --pair";
            let report = several("several pairs have an open conflict of this path", &names, next);
            return Err(report.at(wish.path.as_str()));
        }
    };
    let kept = conflicts::keep(Wish {
        pair,
        dir: &config.pair_dir(&pair.name),
        device: &config.device_name,
        path,
        choice: match wish.which {
            Which::Local => Choice::Local,
            Which::Remote => Choice::Remote,
            Which::Both => Choice::Both,
        },
        by: &wish.by,
    });
    let kept = kept.map_err(|error| Report::from_keep(pair, path, &error))?;
    let item = |kept: conflicts::Kept| KeptItem {
        path: kept.path,
        copy: kept.copy,
        trash: kept.trashed,
    };
    Ok(Kept {
        v: VERSION,
        pair: pair.name.clone(),
        kept: wish.which,
        conflicts: kept.into_iter().map(item).collect(),
    })
}

fn nowhere(path: &str) -> Report {
    Report::new(
        Kind::NotFound,
        "not settled",
        "it is in no pair's folder",
        "look with \"syncd conflicts list\"",
    )
    .at(path)
}

/// Why the file or folder at a path is as it is, in the first pair that knows it.
///
/// # Errors
/// `NotFound`: it is in no pair, or none knows it.
pub(crate) fn why(config: &Config, name: Option<&str>, path: &str) -> Result<Whys, Report> {
    let found = known(config, name, path, |pair, place| why::of(config, pair, place))?;
    Ok(Whys {
        v: VERSION,
        why: vec![found],
    })
}

/// How the file or folder at a path is, in the first pair that knows it.
///
/// # Errors
/// `NotFound`: it is in no pair, or none knows it.
pub(crate) fn file(config: &Config, name: Option<&str>, path: &str) -> Result<FileItem, Report> {
    known(config, name, path, |pair, place| {
        let found = filestatus::of(pair, &config.pair_dir(&pair.name), place)?;
        Ok(found.map(|found| FileItem {
            pair: pair.name.clone(),
            path: place.to_string(),
            status: found.status.to_owned(),
            reason: found.reason,
            since: found.since,
        }))
    })
}

/// The answer of the first pair that has one.
fn known<T>(
    config: &Config,
    name: Option<&str>,
    path: &str,
    ask: impl Fn(&PairConfig, &RelPath) -> Result<Option<T>, Report>,
) -> Result<T, Report> {
    let mut inside = false;
    for pair in named(config, name)? {
        let Some(place) = place(&pair.local, Path::new(path)) else {
            continue;
        };
        inside = true;
        if let Some(found) = ask(pair, &place).map_err(|report| of_pair(&pair.name, report))? {
            return Ok(found);
        }
    }
    let cause = if inside {
        "neither this disk nor the journal knows it"
    } else {
        "it is in no pair's folder"
    };
    Err(Report::new(
        Kind::NotFound,
        "nothing is known of it",
        cause,
        "look at the path; \"syncd config show\" has the pairs' folders",
    )
    .at(path))
}
