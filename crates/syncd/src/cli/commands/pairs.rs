//! Which pairs a command is about: the one that is named, else all of the configuration. Asks nobody.

use std::path::Path;

use planner::path::RelPath;

use crate::cli::Context;
use crate::config::load::{Env, load};
use crate::config::{Config, PairConfig};
use crate::report::{Kind, Report};

/// The configuration in force.
pub(crate) fn configured(context: &Context) -> Result<Config, Report> {
    match load(&context.choice, &context.env) {
        Ok(loaded) => Ok(loaded.config),
        Err(error) => Err(Report::from(&error)),
    }
}

/// The pair of this name, or all pairs.
pub(crate) fn named<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a PairConfig>, Report> {
    let Some(name) = name else {
        return Ok(config.pairs.iter().collect());
    };
    match config.pairs.iter().find(|pair| pair.name == name) {
        Some(pair) => Ok(vec![pair]),
        None => Err(unknown(config, name)),
    }
}

/// The pair of this name, with its place in the configuration.
pub(crate) fn one<'a>(config: &'a Config, name: &str) -> Result<(usize, &'a PairConfig), Report> {
    let mut pairs = config.pairs.iter().enumerate();
    pairs
        .find(|(_, pair)| pair.name == name)
        .ok_or_else(|| unknown(config, name))
}

/// Asks the journal of each pair of this name, or of all.
pub(crate) fn each<T>(
    context: &Context,
    name: Option<&str>,
    ask: impl Fn(&str, &Path) -> Result<T, Report>,
) -> Result<Vec<T>, Report> {
    let config = configured(context)?;
    let answers = named(&config, name)?.into_iter().map(|pair| {
        let answer = ask(&pair.name, &config.pair_dir(&pair.name));
        answer.map_err(|report| of_pair(&pair.name, report))
    });
    answers.collect()
}

/// The report, with the pair it is about.
pub(crate) fn of_pair(name: &str, report: Report) -> Report {
    let at = match &report.path {
        Some(path) => format!("{name}: {path}"),
        None => name.to_owned(),
    };
    report.at(at)
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

/// What a path can mean in a pair: a place on this disk, or else one below the pair's folder.
pub(crate) fn places(local: &Path, path: &Path) -> Vec<RelPath> {
    let below = |path: &Path| {
        let parts: Option<Vec<&str>> = path
            .components()
            .filter(|part| !matches!(part, std::path::Component::CurDir))
            .map(|part| part.as_os_str().to_str())
            .collect();
        RelPath::parse(&parts?.join("/"))
    };
    let on_disk = std::path::absolute(path).ok();
    let on_disk = on_disk.and_then(|path| below(path.strip_prefix(local).ok()?));
    let in_pair = if path.is_absolute() { None } else { below(path) };
    on_disk.into_iter().chain(in_pair).collect()
}

/// Who wants it, for the history.
pub(crate) fn who(env: &Env, command: &str) -> String {
    let uid = rustix::process::getuid().as_raw();
    match env.get("USER").filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} (uid {uid}), with {command}"),
        None => format!("uid {uid}, with {command}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_on_this_disk_or_below_the_pairs_folder() {
        let texts = |local: &str, path: &str| {
            let places = places(Path::new(local), Path::new(path));
            places.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(texts("/home/ann/Cloud", "/home/ann/Cloud/docs/a"), ["docs/a"]);
        assert_eq!(texts("/home/ann/Cloud", "./docs/a"), ["docs/a"]);
        assert_eq!(texts("/home/ann/Cloud", "/etc/passwd"), [""; 0]);
        assert_eq!(texts("/home/ann/Cloud", "../a"), [""; 0]);
        let here = std::env::current_dir().unwrap();
        assert_eq!(texts(here.to_str().unwrap(), "docs/a"), ["docs/a", "docs/a"]);
    }

    #[test]
    fn the_history_says_who_allowed_it() {
        let uid = rustix::process::getuid().as_raw();
        assert_eq!(
            who(&Env::of("/", &[("USER", "ann")]), "syncd approve"),
            format!("ann (uid {uid}), with syncd approve")
        );
        assert_eq!(
            who(&Env::of("/", &[]), "syncd approve"),
            format!("uid {uid}, with syncd approve")
        );
    }
}
