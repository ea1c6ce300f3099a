//! Sets of paths, and what is where in them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

/// The paths that are this one or below it. In their order they are side by side.
fn below<'a>(paths: &'a BTreeSet<PathBuf>, folder: &'a Path) -> impl Iterator<Item = &'a PathBuf> + 'a {
    let from = (Bound::Included(folder), Bound::Unbounded);
    paths
        .range::<Path, _>(from)
        .take_while(move |path| path.starts_with(folder))
}

/// Takes these out.
pub(super) fn take(paths: &mut BTreeSet<PathBuf>, folder: &Path) -> Vec<PathBuf> {
    let taken: Vec<PathBuf> = below(paths, folder).cloned().collect();
    for path in &taken {
        paths.remove(path);
    }
    taken
}

/// The same of a map.
pub(super) fn take_map(paths: &mut BTreeMap<PathBuf, Instant>, folder: &Path) -> Vec<(PathBuf, Instant)> {
    let from = (Bound::Included(folder), Bound::Unbounded);
    let taken: Vec<(PathBuf, Instant)> = paths
        .range::<Path, _>(from)
        .take_while(|(path, _)| path.starts_with(folder))
        .map(|(path, at)| (path.clone(), *at))
        .collect();
    for (path, _) in &taken {
        paths.remove(path);
    }
    taken
}

/// Where something is whose folder, or which itself, was renamed.
pub(super) fn moved_to(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(rest) if !rest.as_os_str().is_empty() => to.join(rest),
        Ok(_) | Err(_) => to.to_owned(),
    }
}

/// Ours: `.syncd/` at the root, `.syncd-*` anywhere (design N5).
pub(super) fn is_ours(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else {
        return true;
    };
    let mut names = below.components().map(|name| name.as_os_str().to_string_lossy());
    let first = names.next();
    first.as_deref() == Some(".syncd")
        || first.iter().any(|name| name.starts_with(".syncd-"))
        || names.any(|name| name.starts_with(".syncd-"))
}
