//! Any text as a configuration: it is used, or there is one line that says what is wrong and where. Never a panic.
//!
//! The normal run is the same each time; `PROPTEST_CASES` asks for others.

use proptest::prelude::*;

use super::keys;
use super::load::{Choice, Env, load};
use crate::cases::cases_or;
use crate::report::Report;

/// A file in which every place is worth disturbing.
const SOUND: &str = "state_dir = \"~/state\"\ndevice_name = \"laptop\"\n\
    [account]\napi_url = \"https://a.example/api/v2\"\nproxy = \"socks5://127.0.0.1:9\"\n\
    [limits]\nupload = \"1MiB\"\nconcurrency = 4\n\
    [[limits.window]]\nfrom = \"22:00\"\nto = \"06:00\"\ndays = [\"mon\"]\nupload = 0\npause = true\n\
    [timing]\nquiet_period = \"1s\"\nconfirm_after = \"30s\"\n\
    [log]\nlevel = \"info\"\n\
    [[sync]]\nname = \"main\"\nlocal = \"~/Cloud\"\nremote = \"/One\"\nconflict = \"keep-both\"\nexclude = [\"*.o\", \"/x/\"]\n\
    max_delete_percent = 50\nenabled = true\n\
    [[sync]]\nname = \"two\"\nlocal = \"~/Two\"\nremote = \"/Two\"\ndirection = \"upload\"\n";

/// Loads it from a file in a home of its own; the sentence if it cannot be used.
fn line_of(bytes: &[u8]) -> Result<(), String> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/syncd");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), bytes).unwrap();
    let env = Env::of(home.path().to_str().unwrap(), &[]);
    load(&Choice::default(), &env)
        .map(drop)
        .map_err(|error| Report::from(&error).line())
}

fn values() -> impl Strategy<Value = String> {
    let odd = [
        "\"\"",
        "0",
        "-1",
        "18446744073709551616",
        "9223372036854775807",
        "nan",
        "1e400",
        "true",
        "[]",
        "[[]]",
        "{}",
        "'x'",
        "\"-5s\"",
        "\"99999999999999h\"",
        "\"1.5MiB\"",
        "\"~\"",
        "\"~other/x\"",
        "\"$\"",
        "\"${\"",
        "\"$HOME$\"",
        "\"\\u0000\"",
        "\"/../..\"",
        "\"id:0\"",
        "\"id:-1\"",
        "\"http://\"",
        "\"https://[::1\"",
        "1979-05-27",
        "\"[a\"",
        "[\"[\"]",
        "[\"\\\\\"]",
        "\"\"\"\n\"\"\"",
    ];
    prop_oneof![
        3 => prop::sample::select(odd.map(str::to_owned).to_vec()),
        1 => any::<String>().prop_map(|text| format!("{text:?}")),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(cases_or(400))]

    #[test]
    fn any_bytes_are_used_or_refused_in_one_line(
        text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            any::<String>().prop_map(String::into_bytes),
            "[a-z_=\"\\[\\]\n .0-9]{0,120}".prop_map(String::into_bytes),
        ],
    ) {
        if let Err(line) = line_of(&text) {
            prop_assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_by_its_key_or_its_line(
        place in any::<prop::sample::Index>(),
        value in values(),
    ) {
        let mut lines: Vec<String> = SOUND.lines().map(str::to_owned).collect();
        let with_key: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(" = ")).collect();
        let at = *place.get(&with_key);
        let key = lines[at].split(" = ").next().unwrap().to_owned();
        lines[at] = format!("{key} = {value}");
        if let Err(line) = line_of(lines.join("\n").as_bytes()) {
            prop_assert!(!line.contains('\n'), "{line:?}");
            // A value with line feeds may begin something else further down; what it then says is about that.
            let plain = value.chars().all(|c| !c.is_control());
            let named = line.contains(&key) || line.contains(&format!("config.toml:{}", at + 1));
            // Two folders within each other are named by both, at the line of the later one; what is no TOML, where the
            // parser lost the thread.
            let elsewhere = line.contains("lies within") || line.contains("not TOML");
            prop_assert!(named || elsewhere || !plain, "{key} = {value}: {line}");
        }
    }

    #[test]
    fn a_file_with_bytes_changed_is_used_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<char>(), any::<bool>()), 1..6),
    ) {
        let mut text: Vec<char> = SOUND.chars().collect();
        for (at, char, insert) in changes {
            let at = at.index(text.len());
            if insert {
                text.insert(at, char);
            } else {
                text[at] = char;
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(line) = line_of(text.as_bytes()) {
            prop_assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
        }
    }

    #[test]
    fn any_variable_is_used_or_refused_by_its_name(
        key in prop::sample::select(keys::KEYS.iter().map(|key| key.name).collect::<Vec<_>>()),
        section in prop::sample::select(vec!["", "ACCOUNT__", "LIMITS__", "TIMING__", "LOG__", "SYNC__MAIN__", "SYNC__"]),
        value in any::<String>(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".config/syncd");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), SOUND).unwrap();
        let name = format!("SYNCD_{section}{}", key.to_uppercase());
        let env = Env::of(home.path().to_str().unwrap(), &[(&name, &value)]);
        if let Err(error) = load(&Choice::default(), &env) {
            let line = Report::from(&error).line();
            prop_assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
        }
    }
}

#[test]
fn the_file_that_is_disturbed_is_sound() {
    assert_eq!(line_of(SOUND.as_bytes()), Ok(()));
}
