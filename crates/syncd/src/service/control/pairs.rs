//! Which pairs a question is about: the one that is named, else all of the configuration; and what a path can mean in
//! one. Asks nobody.

use std::path::{Component, Path};

use planner::path::RelPath;

use crate::config::{Config, PairConfig};
use crate::report::{Kind, Report};

/// The pair of this name, or all pairs.
///
/// # Errors
/// There is no such pair.
pub(crate) fn named<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a PairConfig>, Report> {
    let Some(name) = name else {
        return Ok(config.pairs.iter().collect());
    };
    match config.pairs.iter().find(|pair| pair.name == name) {
        Some(pair) => Ok(vec![pair]),
        None => Err(unknown(config, name)),
    }
}

/// There is no such pair.
pub(crate) fn unknown(config: &Config, name: &str) -> Report {
    let known: Vec<_> = config.pairs.iter().map(|pair| pair.name.as_str()).collect();
    Report::new(
        Kind::Usage,
        format!("there is no pair \"{name}\""),
        format!("the configuration knows {}", known.join(", ")),
        "name one of them",
    )
}

/// The report, with the pair it is about.
pub(crate) fn of_pair(name: &str, report: Report) -> Report {
    let at = match &report.path {
        Some(path) => format!("{name}: {path}"),
        None => name.to_owned(),
    };
    report.at(at)
}

/// Several pairs have what was asked for: one answer is for one question.
pub(crate) fn several(what: &str, names: &[&str], next: &str) -> Report {
    Report::new(Kind::Usage, what, format!("these: {}", names.join(", ")), next)
}

/// What a path means in a pair: an absolute one is a place on this disk, any other one below the pair's folder.
pub(crate) fn place(local: &Path, path: &Path) -> Option<RelPath> {
    if path.is_absolute() {
        below(path.strip_prefix(local).ok()?)
    } else {
        below(path)
    }
}

fn below(path: &Path) -> Option<RelPath> {
    let parts: Option<Vec<&str>> = path
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| part.as_os_str().to_str())
        .collect();
    RelPath::parse(&parts?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_on_this_disk_or_below_the_pairs_folder() {
        let text =
            |path: &str| place(Path::new("/home/ann/Cloud"), Path::new(path)).map(|place| place.to_string());
        assert_eq!(text("/home/ann/Cloud/docs/a").as_deref(), Some("docs/a"));
        assert_eq!(text("./docs/a").as_deref(), Some("docs/a"));
        assert_eq!(text("/etc/passwd"), None);
        assert_eq!(text("../a"), None);
        assert_eq!(text("/home/ann/Cloud/../x"), None);
    }
}
