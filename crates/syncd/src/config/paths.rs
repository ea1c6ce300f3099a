//! Where things are by default (XDG), and what `~` and `$VAR` mean. Pure: the environment comes in as a value.

use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::load::Env;

/// Profile names that would take the place of our own files and folders.
const TAKEN: [&str; 6] = ["config", "credentials", "pairs", "tokens", "logs", "control"];
/// Longest profile name in characters: a file name.
const PROFILE_MAX: usize = 64;

fn xdg(env: &Env, variable: &str, below_home: &str) -> Result<PathBuf, ConfigError> {
    // The specification: a relative path in these variables is to be ignored.
    match env.get(variable).map(Path::new) {
        Some(path) if path.is_absolute() => Ok(path.to_owned()),
        Some(_) | None => env
            .home()
            .map(|home| home.join(below_home))
            .ok_or(ConfigError::NoHome),
    }
}

/// Checks a profile's name: it becomes a file name and a folder name.
pub(crate) fn profile(name: &str) -> Result<(), ConfigError> {
    let fits = name.len() <= PROFILE_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !TAKEN.contains(&name.to_ascii_lowercase().as_str());
    if fits {
        Ok(())
    } else {
        Err(ConfigError::BadProfile {
            name: name.to_owned(),
        })
    }
}

/// The configuration file of a profile.
pub(crate) fn config_file(env: &Env, profile: Option<&str>) -> Result<PathBuf, ConfigError> {
    let folder = xdg(env, "XDG_CONFIG_HOME", ".config")?.join("syncd");
    Ok(folder.join(format!("{}.toml", profile.unwrap_or("config"))))
}

/// The default of `account.credentials_file`.
pub(crate) fn credentials_file(env: &Env) -> Result<PathBuf, ConfigError> {
    Ok(xdg(env, "XDG_CONFIG_HOME", ".config")?
        .join("syncd")
        .join("credentials.toml"))
}

/// The default of `state_dir`.
pub(crate) fn state_dir(env: &Env, profile: Option<&str>) -> Result<PathBuf, ConfigError> {
    let folder = xdg(env, "XDG_STATE_HOME", ".local/state")?.join("syncd");
    Ok(profile.map_or_else(|| folder.clone(), |profile| folder.join(profile)))
}

/// The default of `control.socket`.
pub(crate) fn socket(env: &Env, profile: Option<&str>, state_dir: &Path) -> PathBuf {
    let Some(run) = env
        .get("XDG_RUNTIME_DIR")
        .map(Path::new)
        .filter(|run| run.is_absolute())
    else {
        return state_dir.join("control.sock");
    };
    let folder = run.join("syncd");
    profile
        .map_or_else(|| folder.clone(), |profile| folder.join(profile))
        .join("control.sock")
}

/// A path as the user wrote it: `~` and `$VAR` expanded; absolute, or an error in words.
pub(crate) fn expand(env: &Env, text: &str) -> Result<PathBuf, String> {
    let home = || env.home().and_then(|home| home.to_str()).map(str::to_owned);
    let variable = |name: &str| -> Result<Option<String>, String> {
        env.get(name)
            .map(|value| Some(value.to_owned()))
            .ok_or_else(|| format!("the variable ${name} is not set"))
    };
    let expanded = shellexpand::full_with_context(text, home, variable).map_err(|error| error.cause)?;
    let path = PathBuf::from(expanded.as_ref());
    if path.is_absolute() {
        Ok(path)
    } else {
        Err("not an absolute path".to_owned())
    }
}

/// A path as it is written in a configuration: what [`expand`] makes it again, whatever is in it.
pub(crate) fn written(path: &Path) -> String {
    path.display().to_string().replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_written_comes_back_whatever_is_in_it() {
        for path in ["/plain", "/a $folder \"here\"/state", "/${X}/$$/~"] {
            assert_eq!(
                expand(&env(), &written(Path::new(path))).as_deref(),
                Ok(Path::new(path))
            );
        }
    }

    fn env() -> Env {
        Env::of("/home/ann", &[("DISK", "/mnt/d"), ("XDG_STATE_HOME", "relative")])
    }

    #[test]
    fn home_and_variables_are_expanded_and_nothing_else() {
        assert_eq!(expand(&env(), "~/Cloud").unwrap(), Path::new("/home/ann/Cloud"));
        assert_eq!(expand(&env(), "$DISK/a b").unwrap(), Path::new("/mnt/d/a b"));
        assert_eq!(expand(&env(), "/a/~b").unwrap(), Path::new("/a/~b"));
        assert_eq!(
            expand(&env(), "$NOPE/x").unwrap_err(),
            "the variable $NOPE is not set"
        );
        assert_eq!(expand(&env(), "Cloud").unwrap_err(), "not an absolute path");
    }

    #[test]
    fn a_profile_has_its_own_file_and_state() {
        let env = env();
        assert_eq!(
            config_file(&env, None).unwrap(),
            Path::new("/home/ann/.config/syncd/config.toml")
        );
        assert_eq!(
            config_file(&env, Some("work")).unwrap(),
            Path::new("/home/ann/.config/syncd/work.toml")
        );
        assert_eq!(
            state_dir(&env, Some("work")).unwrap(),
            Path::new("/home/ann/.local/state/syncd/work")
        );
        assert_eq!(socket(&env, None, Path::new("/s")), Path::new("/s/control.sock"));
    }

    #[test]
    fn a_profile_cannot_take_the_place_of_our_own_files() {
        assert!(profile("work").is_ok());
        for bad in ["credentials", "Config", "tokens", "../x", "", ".x"] {
            assert!(profile(bad).is_err(), "{bad}");
        }
    }
}
