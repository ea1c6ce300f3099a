//! The systemd user unit of this program: its name, its text, whether a file is one that we wrote. Pure.
//!
//! The text is that of the packages (`packaging/systemd/syncd.service`), with this program and its options in it.

use std::path::{Path, PathBuf};

use crate::config::load::{Choice, Env};

/// As packages have it.
const PACKAGED: &str = include_str!("../../../../packaging/systemd/syncd.service");

/// Where the packages' text names the program.
const PROGRAM: &str = "/usr/bin/syncd";

/// The first line of what we write: by it a file is known as ours.
const MARK: &str = "# Written by \"syncd service install\", which overwrites changes; \"systemctl --user edit\" keeps them apart.";

/// What of [`MARK`] a later release still knows.
const MARKED: &str = "# Written by \"syncd service install\"";

/// The variables that say where configuration and state are; a service manager need not have them.
const PLACES: [&str; 2] = ["XDG_CONFIG_HOME", "XDG_STATE_HOME"];

/// The unit of a profile.
pub(crate) fn name(profile: Option<&str>) -> String {
    profile.map_or_else(
        || "syncd.service".to_owned(),
        |profile| format!("syncd@{profile}.service"),
    )
}

/// Where the units of a user are; `None` without a home.
pub(crate) fn folder(env: &Env) -> Option<PathBuf> {
    let config = env.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(env.home()?.join(".config")))?;
    Some(config.join("systemd/user"))
}

/// Whether a file's text is one that we wrote.
pub(crate) fn is_ours(text: &str) -> bool {
    text.starts_with(MARKED)
}

/// A path that cannot stand in a unit: it is not UTF-8.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} is not UTF-8, and a unit is", .0.display())]
pub(crate) struct NotText(PathBuf);

/// The unit that runs `program` for this configuration, which lies at `file` where that was named.
pub(crate) fn text(
    program: &Path,
    choice: &Choice,
    file: Option<&Path>,
    env: &Env,
) -> Result<String, NotText> {
    let utf8 = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .ok_or_else(|| NotText(path.to_owned()))
    };
    let mut command = word(&utf8(program)?, Place::Program);
    let mut option = |name: &str, value: &str| {
        command.push(' ');
        command.push_str(name);
        command.push(' ');
        command.push_str(&word(value, Place::Argument));
    };
    if let Some(file) = file {
        option("--config", &utf8(file)?);
    }
    if let Some(profile) = &choice.profile {
        option("--profile", profile);
    }
    let mut out = format!("{MARK}\n");
    for line in PACKAGED.lines() {
        let line = line.replace(PROGRAM, &command);
        if let (Some(profile), true) = (&choice.profile, line.starts_with("Description=")) {
            out.push_str(&format!("{line} ({profile})\n"));
            continue;
        }
        out.push_str(&line);
        out.push('\n');
        if line == "Type=notify" {
            for name in PLACES {
                let place = env.get(name).filter(|value| Path::new(value).is_absolute());
                if let Some(place) = place {
                    let setting = word(&format!("{name}={place}"), Place::Setting);
                    out.push_str(&format!("Environment={setting}\n"));
                }
            }
        }
    }
    Ok(out)
}

/// Where a word stands decides what has a meaning in it (`systemd.service(5)`, `systemd.syntax(7)`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The program: `%`.
    Program,
    /// What follows it: `%` and `$`.
    Argument,
    /// `Environment=`: `%`.
    Setting,
}

/// A word as a unit holds it, quoted where that is needed.
fn word(text: &str, place: Place) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+=:@,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '%' => out.push_str("%%"),
            '$' if place == Place::Argument => out.push_str("$$"),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(program: &str, profile: Option<&str>, file: Option<&str>, vars: &[(&str, &str)]) -> String {
        let choice = Choice {
            file: None,
            profile: profile.map(str::to_owned),
        };
        text(
            Path::new(program),
            &choice,
            file.map(Path::new),
            &Env::of("/home/ann", vars),
        )
        .unwrap()
    }

    fn lines<'a>(unit: &'a str, start: &str) -> Vec<&'a str> {
        unit.lines().filter(|line| line.starts_with(start)).collect()
    }

    #[test]
    fn it_is_the_packages_text_with_this_program_and_its_options() {
        let plain = unit("/opt/syncd", None, None, &[]);
        assert!(is_ours(&plain) && !is_ours(PACKAGED));
        assert_eq!(
            plain,
            format!("{MARK}\n{}", PACKAGED.replace(PROGRAM, "/opt/syncd"))
        );
        let other = unit(
            "/opt/my apps/syncd",
            Some("work"),
            Some("/etc/50% $x \"y\"\\.toml"),
            &[
                ("XDG_CONFIG_HOME", "/home/ann/my $c"),
                ("XDG_STATE_HOME", "relative"),
            ],
        );
        let command = r#""/opt/my apps/syncd" --config "/etc/50%% $$x \"y\"\\.toml" --profile work"#;
        assert_eq!(lines(&other, "ExecStart"), [format!("ExecStart={command}")]);
        assert_eq!(
            lines(&other, "ExecReload"),
            [format!("ExecReload={command} reload")]
        );
        assert_eq!(
            lines(&other, "Environment"),
            ["Environment=\"XDG_CONFIG_HOME=/home/ann/my $c\""]
        );
        assert!(lines(&other, "Description")[0].ends_with(" (work)"));
    }

    #[test]
    fn what_the_packages_name_is_named_where_it_is_replaced() {
        assert_eq!(PACKAGED.matches(PROGRAM).count(), 2);
        assert_eq!(lines(PACKAGED, "Type=notify").len(), 1);
    }

    #[test]
    fn a_profile_has_a_unit_of_its_own() {
        assert_eq!(name(None), "syncd.service");
        assert_eq!(name(Some("work")), "syncd@work.service");
        let folder = |vars| folder(&Env::of("/home/ann", vars)).unwrap();
        assert_eq!(folder(&[]), Path::new("/home/ann/.config/systemd/user"));
        assert_eq!(folder(&[("XDG_CONFIG_HOME", "/c")]), Path::new("/c/systemd/user"));
    }

    #[test]
    fn control_characters_are_escaped_and_bytes_that_are_no_text_are_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        assert_eq!(word("a\nb", Place::Argument), r#""a\x0ab""#);
        assert_eq!(word("", Place::Argument), r#""""#);
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"/a\xff"));
        assert!(text(odd, &Choice::default(), None, &Env::of("/", &[])).is_err());
    }
}
