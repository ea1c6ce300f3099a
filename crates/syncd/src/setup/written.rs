//! The configuration that `syncd init` writes, as text. Pure; it holds no secret. What it says must come back through the
//! strict loader as it was chosen, whatever names are in it; `init` reads it back before anything is written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use planner::name::RemoteName;
use planner::naming::to_local;
use planner::policy::{DiskTraits, Unstorable};

use crate::config::keys::{self, Fallback, Section};
use crate::config::paths::written;
use crate::config::show::quoted;

/// Where credentials are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// In a private file.
    File(PathBuf),
    /// In the system keyring.
    Keyring,
}

/// What the user chose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    /// Address of the API.
    pub(crate) api_url: String,
    /// Plain http to another machine.
    pub(crate) allow_http: bool,
    /// More root certificates.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where the credentials are.
    pub(crate) credentials: Kept,
    /// The pair's name.
    pub(crate) name: String,
    /// The folder here. Absolute.
    pub(crate) local: PathBuf,
    /// The account's folder, as in the configuration: `/Photos`, `id:123`.
    pub(crate) remote: String,
    /// `both`, `upload` or `download`; none leaves it at the default.
    pub(crate) direction: Option<&'static str>,
    /// Folders of the account that are left out, each by its names from the pair's folder down.
    pub(crate) leave_out: Vec<Vec<String>>,
}

/// The text of `config.toml`.
pub(crate) fn text(chosen: &Chosen) -> String {
    let mut out = String::from(
        "# Written by \"syncd init\". \"syncd config show\" lists all keys with their values.\n\n[account]\n",
    );
    let path = |path: &Path| quoted(&written(path));
    // Writing to a String does not fail.
    let _ = writeln!(out, "api_url = {}", quoted(&chosen.api_url));
    if chosen.allow_http {
        out.push_str("allow_http = true\n");
    }
    let _ = match &chosen.credentials {
        Kept::File(file) => writeln!(out, "credentials_file = {}", path(file)),
        Kept::Keyring => writeln!(out, "keyring = \"only\""),
    };
    if let Some(file) = &chosen.ca_file {
        let _ = writeln!(out, "ca_file = {}", path(file));
    }
    let _ = writeln!(out, "\n[[sync]]\nname = {}", quoted(&chosen.name));
    let _ = writeln!(out, "local = {}", path(&chosen.local));
    let _ = writeln!(out, "remote = {}", quoted(&chosen.remote));
    if let Some(direction) = chosen.direction {
        let _ = writeln!(out, "direction = {}", quoted(direction));
    }
    if !chosen.leave_out.is_empty() {
        out.push_str("# The default list, and the folders that are left out.\nexclude = [\n");
        for pattern in exclude(&chosen.leave_out) {
            let _ = writeln!(out, "    {},", quoted(&pattern));
        }
        out.push_str("]\n");
    }
    out
}

/// The default patterns, which the key replaces, and one for each folder.
fn exclude(leave_out: &[Vec<String>]) -> Vec<String> {
    let usual = match keys::find(Section::Sync, "exclude").map(|key| key.fallback) {
        Some(Fallback::List(items)) => items,
        Some(_) | None => &[],
    };
    let usual = usual.iter().map(|item| (*item).to_owned());
    usual
        .chain(leave_out.iter().map(|names| pattern(names)))
        .collect()
}

/// A folder and all in it, and nothing else, in gitignore syntax. Rules are asked for names as this disk has them.
fn pattern(names: &[String]) -> String {
    let mut out = String::new();
    for name in names {
        let local = to_local(
            &RemoteName::new(name.as_str()),
            &DiskTraits::default(),
            Unstorable::Escape,
        );
        out.push('/');
        let name = local.as_ref().map_or(name.as_str(), |local| local.as_str());
        for c in name.chars() {
            match c {
                // At the end of a name it would be taken for an escape of the slash that follows.
                '\\' => {
                    out.push_str("[\\]");
                    continue;
                }
                '*' | '?' | '[' | ']' | '{' | '}' | '!' | '#' | ' ' => out.push('\\'),
                _ => {}
            }
            out.push(c);
        }
    }
    out.push('/');
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use planner::path::RelPath;
    use proptest::prelude::*;

    use super::*;
    use crate::config::load::{Env, of_text};
    use crate::config::{RemoteSpec, UseKeyring};
    use crate::local::ignore::Ignore;

    fn chosen() -> Chosen {
        Chosen {
            api_url: "https://a.example/api/v2/".into(),
            allow_http: false,
            ca_file: None,
            credentials: Kept::File("/home/ann/.config/syncd/credentials.toml".into()),
            name: "main".into(),
            local: "/home/ann/Cloud".into(),
            remote: "/Photos".into(),
            direction: None,
            leave_out: Vec::new(),
        }
    }

    fn load(chosen: &Chosen) -> crate::config::Config {
        let env = Env::of("/home/ann", &[]);
        let loaded = of_text("config.toml", &text(chosen), None, &env);
        loaded
            .unwrap_or_else(|error| panic!("{error}: {}", text(chosen)))
            .config
    }

    #[test]
    fn it_says_what_was_chosen_and_nothing_else() {
        let mut chosen = chosen();
        chosen.leave_out = vec![vec!["Old".into()], vec!["2019".into(), "raw files".into()]];
        assert_snapshot!(text(&chosen), @r#"
        # Written by "syncd init". "syncd config show" lists all keys with their values.

        [account]
        api_url = "https://a.example/api/v2/"
        credentials_file = "/home/ann/.config/syncd/credentials.toml"

        [[sync]]
        name = "main"
        local = "/home/ann/Cloud"
        remote = "/Photos"
        # The default list, and the folders that are left out.
        exclude = [
            ".~lock.*#",
            "~$*",
            ".DS_Store",
            "Thumbs.db",
            "*.swp",
            "*.part",
            "*.crdownload",
            "/Old/",
            "/2019/raw\\ files/",
        ]
        "#);
        let pair = &load(&chosen).pairs[0];
        assert_eq!(pair.remote, RemoteSpec::Path("Photos".into()));
        chosen.credentials = Kept::Keyring;
        assert!(text(&chosen).contains("keyring = \"only\"\n"));
        assert_eq!(load(&chosen).account.keyring, UseKeyring::Only);
    }

    #[test]
    fn a_left_out_folder_is_left_out_and_its_neighbours_are_not() {
        let odd = "a*b [c] {d,e} \\f !#  ";
        let mut chosen = chosen();
        chosen.leave_out = vec![vec![odd.into()]];
        let pair = load(&chosen).pairs.remove(0);
        let ignore = Ignore::new(&pair.exclude, &pair.include).unwrap();
        let here = to_local(&RemoteName::new(odd), &DiskTraits::default(), Unstorable::Escape).unwrap();
        let path = |text: &str| RelPath::parse(text).unwrap();
        assert!(ignore.ignored(&path(here.as_str()), true).is_some());
        assert!(ignore.ignored(&path("axb c d f !#"), true).is_none());
        assert!(
            ignore
                .ignored(&path(&format!("x/{}", here.as_str())), true)
                .is_none()
        );
    }

    proptest! {
        #![proptest_config(crate::cases::cases_or(256))]

        #[test]
        fn whatever_the_names_are_it_comes_back_as_it_was_chosen(
            local in "[^\u{0}/]{1,20}",
            remote in "[^\\p{Cc}/]{1,20}",
            left in "[^\\p{Cc}/]{1,20}",
        ) {
            let mut chosen = chosen();
            chosen.local = Path::new("/srv").join(&local);
            prop_assume!(local != "." && local != "..");
            // "init" offers no other ones.
            prop_assume!(crate::config::value::remote(&format!("/{remote}")) == Some(RemoteSpec::Path(remote.clone())));
            chosen.remote = format!("/{remote}");
            chosen.leave_out = vec![vec![left.clone()]];
            let pair = load(&chosen).pairs.remove(0);
            prop_assert_eq!(&pair.local, &chosen.local);
            prop_assert_eq!(pair.remote, RemoteSpec::Path(remote));
            let here = to_local(&RemoteName::new(left.as_str()), &DiskTraits::default(), Unstorable::Escape);
            if let Some(path) = here.ok().and_then(|name| RelPath::parse(name.as_str())) {
                let ignore = Ignore::new(&pair.exclude, &pair.include).unwrap();
                prop_assert!(ignore.ignored(&path, true).is_some(), "{:?}", pair.exclude);
            }
        }
    }
}
