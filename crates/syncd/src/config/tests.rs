//! From a file and an environment to values, or to the one line that says what is wrong.

use std::path::{Path, PathBuf};

use super::load::{Choice, Env, Loaded, load};
use super::show;
use super::{Config, RemoteSpec};
use crate::report::Report;

/// A file that is enough.
const ENOUGH: &str = "[account]\napi_url = \"https://a.example/api/v2\"\n\
    [[sync]]\nname = \"main\"\nlocal = \"~/Cloud\"\nremote = \"/\"\n";

/// A home with a configuration; `$HOME` in error texts stands for it.
struct Home(tempfile::TempDir);

impl Home {
    fn with(text: &str) -> Self {
        let home = Self::empty();
        std::fs::write(home.file(), text).unwrap();
        home
    }

    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".config/syncd")).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.path().join(".config/syncd/config.toml")
    }

    fn load(&self, vars: &[(&str, &str)]) -> Result<Loaded, String> {
        let home = self.path().to_str().unwrap();
        load(&Choice::default(), &Env::of(home, vars))
            .map_err(|error| Report::from(&error).line().replace(home, "$HOME"))
    }

    fn config(&self, vars: &[(&str, &str)]) -> Config {
        self.load(vars).unwrap().config
    }

    fn error(&self, vars: &[(&str, &str)]) -> String {
        self.load(vars).unwrap_err()
    }
}

fn error_of(text: &str) -> String {
    Home::with(text).error(&[])
}

#[test]
fn a_short_file_and_defaults_make_a_whole_configuration() {
    let home = Home::with(ENOUGH);
    let config = home.config(&[]);
    assert_eq!(config.account.api_url.as_str(), "https://a.example/api/v2/");
    assert_eq!(config.device_name, "test-host");
    assert_eq!(config.state_dir, home.path().join(".local/state/syncd"));
    assert_eq!(config.log.level, None);
    let [pair] = config.pairs.as_slice() else {
        panic!("one pair")
    };
    assert_eq!(pair.local, home.path().join("Cloud"));
    assert_eq!(pair.remote, RemoteSpec::Path(String::new()));
    assert_eq!(
        (pair.max_delete_percent, pair.min_free, pair.trash_days),
        (50, 512 << 20, 30)
    );
    assert!(pair.enabled && !pair.server_copy);
    assert_eq!(pair.exclude.len(), 7);
    assert_eq!(
        config.pair_dir("main"),
        home.path().join(".local/state/syncd/pairs/main")
    );
}

#[test]
fn the_environment_wins_over_the_file_and_the_long_name_over_the_short() {
    let home = Home::with(ENOUGH);
    let short = ("SYNCD_API_URL", "https://short.example/");
    let long = ("SYNCD_ACCOUNT__API_URL", "https://long.example/");
    assert_eq!(
        home.config(&[short]).account.api_url.as_str(),
        "https://short.example/"
    );
    assert_eq!(
        home.config(&[short, long]).account.api_url.as_str(),
        "https://long.example/"
    );
    let config = home.config(&[
        ("SYNCD_SYNC__MAIN__TRASH_DAYS", "7"),
        ("SYNCD_SYNC__MAIN__ENABLED", "false"),
        ("SYNCD_SYNC__MAIN__MIN_FREE", "1GiB"),
        ("SYNCD_TIMING__LOOK_AGAIN", "20ms"),
        ("SYNCD_LOG", "debug"),
    ]);
    let pair = config.pairs.first().unwrap();
    assert_eq!(
        (pair.trash_days, pair.enabled, pair.min_free),
        (7, false, 1 << 30)
    );
    assert_eq!(config.timing.look_again.as_millis(), 20);
    assert_eq!(config.log.level.as_deref(), Some("debug"));
}

#[test]
fn the_environment_alone_is_enough() {
    let home = Home::empty();
    let vars = [
        ("SYNCD_API_URL", "http://127.0.0.1:8080/api/v2"),
        ("SYNCD_SYNC__MAIN__LOCAL", "/data"),
        ("SYNCD_SYNC__MAIN__REMOTE", "id:12"),
    ];
    let config = home.config(&vars);
    let pair = config.pairs.first().unwrap();
    assert_eq!((pair.name.as_str(), &pair.remote), ("main", &RemoteSpec::Id(12)));
    assert_eq!(pair.local, Path::new("/data"));
}

#[test]
fn a_second_pair_may_come_from_the_environment() {
    let home = Home::with(&ENOUGH.replace("remote = \"/\"", "remote = \"/a\""));
    let vars = [
        ("SYNCD_SYNC__MORE__LOCAL", "/data"),
        ("SYNCD_SYNC__MORE__REMOTE", "/b"),
    ];
    let config = home.config(&vars);
    let names: Vec<_> = config.pairs.iter().map(|pair| pair.name.as_str()).collect();
    assert_eq!(names, ["main", "more"]);
}

#[test]
fn no_configuration_says_where_it_would_be_and_what_is_enough() {
    let error = Home::empty().error(&[]);
    assert!(
        error.starts_with("$HOME/.config/syncd/config.toml: there is no configuration"),
        "{error}"
    );
    assert!(error.contains("SYNCD_API_URL"), "{error}");
}

#[test]
fn a_mistake_is_told_with_its_line_and_what_would_be_right() {
    let cases = [
        (
            "[account]\napi_ulr = \"x\"\n",
            "config.toml:2: unknown key \"api_ulr\" in [account]: the nearest known key is \"api_url\"",
        ),
        (
            "api_url = \"x\"\n",
            "config.toml:1: unknown key \"api_url\" in the top of the file: the nearest known key is \"api_url in [account]\"",
        ),
        (
            "[acount]\n",
            "config.toml:1: unknown key \"acount\" in the top of the file: the nearest known key is \"account\"",
        ),
        ("[account]\nkey1 = \"s\"\n", "move it to the credentials file"),
        (
            "\n[timing]\nquiet_period = 5\n",
            "config.toml:3: bad value 5 of quiet_period: it takes a time from 0ms to 1h",
        ),
        (
            "[timing]\nquiet_period = \"2h\"\n",
            "config.toml:2: bad value \"2h\" of quiet_period",
        ),
        (
            "[log]\nlevel = \"debgu\"\n",
            "config.toml:2: bad value \"debgu\" of level",
        ),
        (
            "[[sync]]\nname = \"../x\"\n",
            "config.toml:2: bad value \"../x\" of name",
        ),
        (
            "[[sync]]\nmax_delete_percent = 101\n",
            "config.toml:2: bad value 101 of max_delete_percent: it takes a number from 1 to 100",
        ),
        (
            "[[sync]]\nexclude = [\"{a\"]\n",
            "config.toml:2: bad value of exclude",
        ),
        (
            "[sync]\nname = \"main\"\n",
            "config.toml:1: bad value of sync: it takes a table, written [[sync]]",
        ),
        (
            "[[account]]\n",
            "config.toml:1: bad value of account: it takes a table, written [account]",
        ),
        ("[account\n", "config.toml:1: not TOML"),
        ("a = 1\na = 2\n", "config.toml:2: not TOML"),
        (
            "[account]\napi_url = \"ftp://a\"\n",
            "config.toml:2: bad value of api_url: it takes an https address",
        ),
        (
            "[account]\napi_url = \"https://a/\"\n",
            "config.toml: there is nothing to sync",
        ),
        (
            "[[sync]]\nname = \"main\"\n",
            "config.toml: api_url in [account] is missing: it has no default. Next: add it, or set SYNCD_ACCOUNT__API_URL.",
        ),
        (
            "[account]\napi_url = \"https://a/\"\n[[sync]]\nname = \"my-docs\"\n",
            "Next: add it, or set SYNCD_SYNC__MY_DOCS__LOCAL.",
        ),
    ];
    for (text, expected) in cases {
        let error = error_of(text);
        assert!(error.contains(expected), "{text:?}\n{error}\n{expected}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn the_first_mistake_of_the_file_is_the_one_told() {
    let error = error_of("[timing]\nnope = 1\n[account]\nnope = 1\n");
    assert!(error.contains("config.toml:2:"), "{error}");
}

#[test]
fn a_mistake_in_a_variable_is_told_with_its_name() {
    let home = Home::with(ENOUGH);
    let cases = [
        (
            ("SYNCD_SYNC__MAIN__LOCL", "x"),
            "SYNCD_SYNC__MAIN__LOCL: unknown key \"locl\" in [[sync]]: the nearest known key is \"local\"",
        ),
        (
            ("SYNCD_STATEDIR", "x"),
            "SYNCD_STATEDIR: unknown key \"SYNCD_STATEDIR\" in the environment: the nearest known key is \"SYNCD_STATE_DIR\"",
        ),
        (
            ("SYNCD_SYNC__MAIN__TRASH_DAYS", "many"),
            "SYNCD_SYNC__MAIN__TRASH_DAYS: bad value \"many\" of trash_days",
        ),
        (
            ("SYNCD_SYNC__MAIN__LOCAL", "rel"),
            "SYNCD_SYNC__MAIN__LOCAL: bad value \"rel\" of local: it takes an absolute path",
        ),
        (("SYNCD_STATE_DIR", "$NOPE/x"), "the variable $NOPE is not set"),
    ];
    for (variable, expected) in cases {
        let error = home.error(&[variable]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn secrets_in_addresses_are_in_no_error_and_not_shown() {
    let home = Home::with(ENOUGH);
    for (name, value) in [
        ("SYNCD_API_URL", "https://u:s3cret@a.example/"),
        ("SYNCD_ACCOUNT__PROXY", "gopher://u:s3cret@a.example/"),
    ] {
        let error = home.error(&[(name, value)]);
        assert!(error.starts_with(name) && !error.contains("s3cret"), "{error}");
    }
    let loaded = home
        .load(&[("SYNCD_ACCOUNT__PROXY", "http://u:s3cret@a.example:3128")])
        .unwrap();
    let text = show::text(&show::all(&loaded));
    assert!(
        text.contains("proxy = \"http://hidden:hidden@a.example:3128/\"  # SYNCD_ACCOUNT__PROXY"),
        "{text}"
    );
    assert!(!format!("{text}{:?}", loaded.config).contains("s3cret"));
}

#[test]
fn plain_http_is_for_this_machine_only() {
    let home = Home::with(ENOUGH);
    let far = ("SYNCD_API_URL", "http://10.0.0.1/api/");
    let error = home.error(&[far]);
    assert!(
        error.starts_with("SYNCD_API_URL: plain http to 10.0.0.1"),
        "{error}"
    );
    home.config(&[far, ("SYNCD_ACCOUNT__ALLOW_HTTP", "true")]);
    home.config(&[("SYNCD_API_URL", "http://localhost:8080/api/")]);
}

fn two(local: [&str; 2], remote: [&str; 2]) -> String {
    let [a, b] = local;
    let [x, y] = remote;
    format!(
        "[account]\napi_url = \"https://a.example/\"\n[[sync]]\nname = \"one\"\nlocal = \"{a}\"\nremote = \"{x}\"\n\
         [[sync]]\nname = \"two\"\nlocal = \"{b}\"\nremote = \"{y}\"\n"
    )
}

#[test]
fn folders_within_each_other_are_refused_by_path_link_and_id() {
    let apart = ["/a", "/b"];
    let cases = [
        (
            ["~/x", "~/x/y"],
            apart,
            "$HOME/x/y of the pair \"two\" lies within the folder $HOME/x of the pair \"one\"",
        ),
        (
            ["~/x/y", "~/x"],
            apart,
            "$HOME/x/y of the pair \"one\" lies within the folder $HOME/x of the pair \"two\"",
        ),
        (["~/x", "~/x"], apart, "lies within"),
        (
            ["~/real", "~/link/sub"],
            apart,
            "$HOME/link/sub of the pair \"two\" lies within the folder $HOME/real",
        ),
        (
            ["~/p", "~/q"],
            ["/a", "/a/b"],
            "folder /a/b of the pair \"two\" lies within the account's folder /a of",
        ),
        (
            ["~/p", "~/q"],
            ["/", "id:7"],
            "folder id:7 of the pair \"two\" lies within the account's folder / of",
        ),
        (["~/p", "~/q"], ["id:7", "id:7"], "lies within"),
    ];
    for (local, remote, expected) in cases {
        let home = Home::with(&two(local, remote));
        std::fs::create_dir_all(home.path().join("real")).unwrap();
        std::os::unix::fs::symlink(home.path().join("real"), home.path().join("link")).unwrap();
        let error = home.error(&[]);
        assert!(error.contains(expected), "{error}");
    }
    for (local, remote) in [
        (["~/x", "~/xy"], ["/a", "/ab"]),
        (["~/p", "~/q"], ["id:7", "id:8"]),
    ] {
        assert_eq!(Home::with(&two(local, remote)).config(&[]).pairs.len(), 2);
    }
}

#[test]
fn a_local_folder_that_is_a_file_or_holds_the_state_is_refused() {
    let home = Home::with(ENOUGH);
    let inside = home.path().join("Cloud/state").display().to_string();
    let error = home.error(&[("SYNCD_STATE_DIR", &inside)]);
    assert!(
        error.contains("state_dir $HOME/Cloud/state lies within"),
        "{error}"
    );
    std::fs::write(home.path().join("Cloud"), "").unwrap();
    let error = home.error(&[]);
    assert!(
        error.starts_with("$HOME/Cloud: the local folder of the pair \"main\" is not a folder"),
        "{error}"
    );
}

#[test]
fn a_log_file_is_no_part_of_what_is_synced() {
    let home = Home::with(ENOUGH);
    let config = home.config(&[("SYNCD_LOG__FILE", "~/logs/s.log"), ("SYNCD_LOG__KEEP", "3")]);
    assert_eq!(config.log.file, Some(home.path().join("logs/s.log")));
    assert_eq!((config.log.keep, home.config(&[]).log.keep), (3, 5));
    let error = home.error(&[("SYNCD_LOG__FILE", "~/Cloud/logs/s.log")]);
    assert!(
        error.starts_with(
            "SYNCD_LOG__FILE: the log file lies within the folder $HOME/Cloud of the pair \"main\""
        ),
        "{error}"
    );
}

#[test]
fn names_must_differ_in_more_than_case_and_punctuation() {
    let text = two(["~/p", "~/q"], ["/a", "/b"]).replace("\"one\"", "\"TWO\"");
    let error = error_of(&text);
    assert!(error.contains("two pairs are called \"two\""), "{error}");
}

#[test]
fn windows_of_the_limits_are_read_in_their_order_and_shown() {
    let home = Home::with(&format!(
        "[limits]\nupload = \"1MiB\"\n[[limits.window]]\nfrom = \"22:00\"\nto = \"06:00\"\ndays = [\"fri\"]\nupload = 0\n\
         [[limits.window]]\npause = true\n{ENOUGH}"
    ));
    let limits = home.config(&[]).limits;
    assert_eq!((limits.upload, limits.download), (1 << 20, 0));
    let shown: Vec<_> = limits.windows.iter().map(|window| window.shown()).collect();
    assert_eq!(shown, ["22:00-06:00 fri", "every day"]);
    let [night, always] = limits.windows.as_slice() else {
        panic!("two windows")
    };
    assert_eq!((night.upload, night.download, night.pause), (Some(0), None, None));
    assert_eq!((always.upload, always.pause), (None, Some(true)));
    assert!(always.at.ends_with("config.toml:8"), "{}", always.at);
    let text = show::text(&show::all(&home.load(&[]).unwrap()));
    assert!(
        text.contains("\n[[limits.window]]\nfrom = \"22:00\"  # "),
        "{text}"
    );
    assert!(text.contains("\n[[limits.window]]\npause = true  # "), "{text}");
}

#[test]
fn a_window_that_makes_no_sense_is_told_with_its_line() {
    let cases = [
        (
            "from = \"22:00\"\nupload = 1\n",
            "config.toml:2: bad value \"22:00\" of from: it takes \"to\" beside it; a window of whole days has neither",
        ),
        (
            "upload = 1\nto = \"22:00\"\n",
            "config.toml:3: bad value \"22:00\" of to: it takes \"from\" beside it",
        ),
        (
            "from = \"22:00\"\nto = \"22:00\"\nupload = 1\n",
            "config.toml:3: bad value \"22:00\" of to: it takes another time than \"from\"",
        ),
        (
            "from = \"24:00\"\n",
            "config.toml:2: bad value \"24:00\" of from: it takes a time of the day such as",
        ),
        (
            "days = []\n",
            "config.toml:2: bad value of days: it takes a list of some of mon",
        ),
        ("days = [\"monday\"]\n", "config.toml:2: bad value of days"),
        (
            "pause = \"yes\"\n",
            "config.toml:2: bad value \"yes\" of pause: it takes true or false",
        ),
        (
            "upload = \"fast\"\n",
            "config.toml:2: bad value \"fast\" of upload",
        ),
        (
            "form = \"22:00\"\n",
            "config.toml:2: unknown key \"form\" in [[limits.window]]: the nearest known key is \"from\"",
        ),
        (
            "from = \"22:00\"\nto = \"23:00\"\n",
            "config.toml:1: bad value of [[limits.window]]: it takes at least one of upload, download and pause",
        ),
        ("", "config.toml:1: bad value of [[limits.window]]"),
    ];
    for (window, expected) in cases {
        let error = error_of(&format!("[[limits.window]]\n{window}{ENOUGH}"));
        assert!(error.contains(expected), "{window:?}\n{error}\n{expected}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let many = "[[limits.window]]\nupload = 1\n".repeat(101);
    let error = error_of(&format!("{many}{ENOUGH}"));
    assert!(
        error.contains("config.toml:201: bad value of limits.window: it takes at most 100 tables"),
        "{error}"
    );
}
