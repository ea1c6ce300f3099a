//! Which pairs a command is about: the one that is named, else all of the configuration. Asks nobody.

use crate::cli::Context;
use crate::config::load::{Env, load};
use crate::config::{Config, PairConfig};
use crate::report::Report;
pub(crate) use crate::service::control::pairs::{named, of_pair, place, unknown};

/// The configuration in force.
pub(crate) fn configured(context: &Context) -> Result<Config, Report> {
    match load(&context.choice, &context.env) {
        Ok(loaded) => Ok(loaded.config),
        Err(error) => Err(Report::from(&error)),
    }
}

/// The pair of this name, with its place in the configuration.
pub(crate) fn one<'a>(config: &'a Config, name: &str) -> Result<(usize, &'a PairConfig), Report> {
    let mut pairs = config.pairs.iter().enumerate();
    pairs
        .find(|(_, pair)| pair.name == name)
        .ok_or_else(|| unknown(config, name))
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
