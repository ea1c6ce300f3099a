//! Which pairs a command is about: the one that is named, else all of the configuration. Asks nobody.

use std::path::Path;

use crate::cli::Context;
use crate::config::load::load;
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
