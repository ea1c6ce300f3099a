//! What the values mean together: nothing here reads the file again, and nothing is changed.
//!
//! The disk is looked at, but a folder that is missing is no mistake here: whether it was synced before is known to
//! the journal alone.
#![expect(
    clippy::disallowed_methods,
    reason = "compares folders of the configuration by what they are on the disk"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::layers::{Layers, segment};
use super::value::{Value, is_loopback};
use super::{Config, PairConfig, RemoteSpec};

/// Checks everything that needs more than one key, or a look at the disk.
///
/// # Errors
/// The first mistake.
pub(crate) fn config(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    address(config, layers)?;
    names(config, layers)?;
    local_folders(config, layers)?;
    log_file(config, layers)?;
    remote_folders(&config.pairs, layers)
}

fn address(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let url = &config.account.api_url;
    let allowed = layers.get("account.allow_http") == Some(Value::Flag(true));
    if url.scheme() == "https" || allowed || is_loopback(url) {
        return Ok(());
    }
    Err(ConfigError::PlainHttp {
        at: layers
            .origin("account.api_url")
            .unwrap_or_else(|| layers.file())
            .to_owned(),
        host: url.host_str().unwrap_or_default().to_owned(),
    })
}

/// Names must differ as folder names on a disk that folds case, and in the names of variables.
fn names(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for (at, pair) in config.pairs.iter().enumerate() {
        if !seen.insert(segment(&pair.name)) {
            return Err(ConfigError::SameName {
                at: place(layers, at, "name"),
                name: pair.name.clone(),
            });
        }
    }
    Ok(())
}

fn place(layers: &Layers, pair: usize, key: &str) -> String {
    layers
        .origin(&format!("sync[{pair}].{key}"))
        .unwrap_or_else(|| layers.file())
        .to_owned()
}

/// A folder as it lies on the disk: its path without links, and who it and its ancestors are.
struct Place {
    path: PathBuf,
    /// Device and inode of the folder itself, if it exists.
    own: Option<(u64, u64)>,
    /// Device and inode of it (if it exists) and everything above.
    chain: BTreeSet<(u64, u64)>,
}

impl Place {
    /// Follows links as far as the path exists; the rest is taken as written.
    fn of(path: &Path) -> Self {
        let id = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        for above in path.ancestors() {
            if let Ok(real) = std::fs::canonicalize(above) {
                let rest = path.strip_prefix(above).unwrap_or_else(|_| Path::new(""));
                let chain = real.ancestors().filter_map(id).collect();
                let whole = if rest.as_os_str().is_empty() {
                    real
                } else {
                    real.join(rest)
                };
                return Self {
                    own: id(&whole),
                    path: whole,
                    chain,
                };
            }
        }
        Self {
            path: path.to_owned(),
            own: None,
            chain: BTreeSet::new(),
        }
    }

    /// Whether it is `outer`, or lies somewhere below, by path or by identity (bind mounts, history H41).
    fn is_within(&self, outer: &Self) -> bool {
        self.path.starts_with(&outer.path) || outer.own.is_some_and(|own| self.chain.contains(&own))
    }
}

fn local_folders(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let mut places: Vec<(&PairConfig, Place)> = Vec::new();
    let state = Place::of(&config.state_dir);
    for (at, pair) in config.pairs.iter().enumerate() {
        let shown = pair.local.display().to_string();
        if std::fs::metadata(&pair.local).is_ok_and(|meta| !meta.is_dir()) {
            return Err(ConfigError::NotAFolder {
                at: shown,
                pair: pair.name.clone(),
            });
        }
        let place = Place::of(&pair.local);
        let state_name = format!("state_dir {}", config.state_dir.display());
        if state.is_within(&place) || place.is_within(&state) {
            let (inner, outer) = if place.is_within(&state) {
                (describe(pair), state_name)
            } else {
                (state_name, describe(pair))
            };
            return Err(ConfigError::Nested {
                at: self::place(layers, at, "local"),
                inner,
                outer,
            });
        }
        for (other, other_place) in &places {
            let (inner, outer) = if place.is_within(other_place) {
                (pair, *other)
            } else if other_place.is_within(&place) {
                (*other, pair)
            } else {
                continue;
            };
            return Err(ConfigError::Nested {
                at: self::place(layers, at, "local"),
                inner: describe(inner),
                outer: describe(outer),
            });
        }
        places.push((pair, place));
    }
    Ok(())
}

fn log_file(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let Some(file) = &config.log.file else {
        return Ok(());
    };
    let place = Place::of(file);
    let mut around = config.pairs.iter();
    match around.find(|pair| place.is_within(&Place::of(&pair.local))) {
        Some(pair) => Err(ConfigError::LogInPair {
            at: layers
                .origin("log.file")
                .unwrap_or_else(|| layers.file())
                .to_owned(),
            outer: describe(pair),
        }),
        None => Ok(()),
    }
}

/// What this folder overlaps with, if it were the pair's: the folder of another pair, or the state directory.
pub(crate) fn overlap(config: &Config, pair: &str, folder: &Path) -> Option<String> {
    let place = Place::of(folder);
    let meets = |other: &Path| {
        let other = Place::of(other);
        place.is_within(&other) || other.is_within(&place)
    };
    if meets(&config.state_dir) {
        return Some(format!("the state directory {}", config.state_dir.display()));
    }
    let others = config.pairs.iter().filter(|other| other.name != pair);
    let mut met = others.filter(|other| meets(&other.local));
    met.next().map(describe)
}

fn describe(pair: &PairConfig) -> String {
    format!(
        "the folder {} of the pair \"{}\"",
        pair.local.display(),
        pair.name
    )
}

/// Nested as far as paths and ids tell; a path and an id are compared after sign-in.
fn remote_folders(pairs: &[PairConfig], layers: &Layers) -> Result<(), ConfigError> {
    for (at, pair) in pairs.iter().enumerate() {
        for other in pairs.iter().take(at) {
            let (inner, outer) = match (&pair.remote, &other.remote) {
                (RemoteSpec::Path(mine), RemoteSpec::Path(theirs)) if is_below(mine, theirs) => (pair, other),
                (RemoteSpec::Path(mine), RemoteSpec::Path(theirs)) if is_below(theirs, mine) => (other, pair),
                (RemoteSpec::Id(mine), RemoteSpec::Id(theirs)) if mine == theirs => (pair, other),
                (RemoteSpec::Id(_), RemoteSpec::Path(theirs)) if theirs.is_empty() => (pair, other),
                (RemoteSpec::Path(mine), RemoteSpec::Id(_)) if mine.is_empty() => (other, pair),
                _ => continue,
            };
            return Err(ConfigError::Nested {
                at: place(layers, at, "remote"),
                inner: describe_remote(inner),
                outer: describe_remote(outer),
            });
        }
    }
    Ok(())
}

fn is_below(inner: &str, outer: &str) -> bool {
    outer.is_empty()
        || inner == outer
        || inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn describe_remote(pair: &PairConfig) -> String {
    let folder = match &pair.remote {
        RemoteSpec::Path(path) => format!("/{path}"),
        RemoteSpec::Id(id) => format!("id:{id}"),
    };
    format!("the account's folder {folder} of the pair \"{}\"", pair.name)
}
