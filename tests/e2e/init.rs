//! `syncd init`: from an empty home to a set-up that syncs, by flags and by questions; what goes wrong leaves nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use insta::assert_snapshot;

use crate::world::newcomer::Newcomer;
use crate::world::terminal::Terminal;
use crate::world::{Dialect, Run, disk, in_every_dialect};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_set_up_by_flags_alone_syncs_on_every_dialect() {
    in_every_dialect(|dialect| {
        let new = Newcomer::new(dialect);
        new.world.cloud.web_create("Photos/a.jpg", b"there");
        new.world.cloud.web_create("Photos/raw #1 [x]/b.dng", b"left out");
        new.world.cloud.web_create("Photos/raw/c.dng", b"not left out");
        new.save("Cloud/here.txt", "here");
        let run = new.init_of("Cloud", "/Photos", &["--leave-out", "raw #1 [x]", "--json"]);
        let run = run.expect(0);
        let json = run.json();
        assert_eq!(json["preview"]["upload"], 1, "{run:?}");
        assert_eq!(json["preview"]["download"], 2, "{run:?}");
        assert_eq!(json["preview"]["download_bytes"], 17, "{run:?}");
        let (config, keys) = (
            new.home.join(".config/syncd/config.toml"),
            new.home.join(".config/syncd/credentials.toml"),
        );
        assert_eq!((mode(&config), mode(&keys)), (0o600, 0o600));
        assert_eq!(mode(config.parent().unwrap()), 0o700);
        new.run(&["config", "check"]).expect(0);
        new.run(&["--once"]).expect(0);
        let here: Vec<String> = disk::tree(&new.home.join("Cloud")).into_keys().collect();
        assert_eq!(here, ["a.jpg", "here.txt", "raw", "raw/c.dng"]);
        assert!(new.world.cloud.tree().contains_key("Photos/here.txt"));
    });
}

#[test]
fn what_the_first_sync_would_do_is_shown_and_a_new_folder_is_made() {
    let new = Newcomer::new(Dialect::V5);
    new.world.cloud.web_create("same.txt", b"same");
    new.world.cloud.web_create("other.txt", b"other there");
    new.world.cloud.web_create("sub/there.txt", b"there");
    new.save("Cloud/same.txt", "same");
    new.save("Cloud/other.txt", "other");
    new.save("Cloud/empty.txt", "");
    let run = new.init(&[]).expect(0);
    assert_snapshot!(run.stderr, @r#"
    Account: admin, id 158642; package Premium Account
      storage unlimited, largest file unlimited, 100 uploads at once
    The first sync:
      to the account: 1 file, 5 B
      to this machine: 2 files, 16 B
      on both sides in one size: 1 file; their bytes are compared, and equal ones stay as they are
      different on the two sides: 1 file; both versions stay: other.txt
      left alone: 1 item that this API or disk cannot hold
    "#);
    let said = run.stdout.replace(new.home.to_str().unwrap(), "HOME");
    assert_snapshot!(said, @r#"
    HOME/Cloud and / are set up as the pair "main"
      configuration: HOME/.config/syncd/config.toml
      credentials: HOME/.config/syncd/credentials.toml (private)
    Next: "syncd --once" syncs once; "syncd service install" goes on in the background
    "#);
    let far = Newcomer::new(Dialect::V4);
    let run = far.init(&["--remote", "/New/Folder", "--local", "a/b c"]);
    assert_eq!(run.code, 2, "a flag is given once: {run:?}");
    let run = far.init_of("a/b c", "/New/Folder", &[]).expect(0);
    assert!(run.stderr.contains("is not in the account yet"), "{run:?}");
    assert!(far.home.join("a/b c").is_dir());
    far.save("a/b c/x.txt", "x");
    far.run(&["--once"]).expect(0);
    assert!(far.world.cloud.tree().contains_key("New/Folder/x.txt"));
}

#[test]
fn the_session_that_was_made_is_used_by_the_first_sync() {
    let new = Newcomer::new(Dialect::V4);
    new.init(&[]).expect(0);
    let mark = new.world.cloud.mark();
    new.run(&["--once"]).expect(0);
    let asked = new.world.cloud.since(&mark);
    assert_eq!(asked.at("/authorize"), 0, "{asked:?}");
}

#[test]
fn keys_of_the_environment_and_a_password_on_standard_input_are_taken_and_kept() {
    let mut new = Newcomer::new(Dialect::Document);
    let [key1, key2] = new.world.cloud.keys();
    new.env = vec![
        ("SYNCD_KEY1".into(), key1),
        ("SYNCD_KEY2".into(), key2),
        ("SYNCD_API_URL".into(), new.world.cloud.api_url()),
    ];
    new.run(&["init", "--local", "Cloud", "--remote", "/"]).expect(0);
    assert_eq!(
        new.read(".config/syncd/credentials.toml"),
        new.world.cloud.credentials()
    );
    new.env.clear();
    new.run(&["--once"]).expect(0);

    let new = Newcomer::new(Dialect::Document);
    new.world.cloud.knob("site.sign-in", "password");
    let login = new.world.cloud.login();
    let name = login.split('"').nth(1).unwrap().to_owned();
    let url = new.world.cloud.api_url();
    let flags = [
        "init",
        "--api-url",
        &url,
        "--username",
        &name,
        "--password-stdin",
        "--local",
        "Cloud",
        "--remote",
        "/",
    ];
    new.run_with(&flags, &format!("{}\n", new.world.cloud.password()))
        .expect(0);
    assert_eq!(new.read(".config/syncd/credentials.toml"), login);
    new.run(&["--once"]).expect(0);
}

#[test]
fn nothing_is_overwritten_without_force_and_replaced_with_it() {
    let new = Newcomer::new(Dialect::V4);
    new.save(".config/syncd/credentials.toml", "key1 = \"old\"\n");
    let before = disk::everything(&new.home);
    let run = new.init(&[]).expect(1);
    assert!(
        run.said()
            .contains("credentials.toml: not set up: it is there already"),
        "{run:?}"
    );
    assert_eq!(disk::everything(&new.home), before);
    new.init(&["--force"]).expect(0);
    assert_eq!(
        new.read(".config/syncd/credentials.toml"),
        new.world.cloud.credentials()
    );
    let config = new.read(".config/syncd/config.toml");
    new.init(&[]).expect(1);
    assert_eq!(new.read(".config/syncd/config.toml"), config);
    // A profile has files of its own, and the credentials that are there may be taken as they are.
    let url = new.world.cloud.api_url();
    let keys = ".config/syncd/credentials.toml";
    let more = [
        "--profile",
        "work",
        "init",
        "--api-url",
        &url,
        "--key-file",
        keys,
        "--credentials-file",
        keys,
        "--local",
        "Work",
        "--remote",
        "/Work",
    ];
    new.run(&more).expect(0);
    assert!(
        new.read(".config/syncd/work.toml")
            .contains("/credentials.toml\"")
    );
    new.run(&["--profile", "work", "--once"]).expect(0);
}

#[test]
fn a_set_up_that_fails_leaves_nothing_behind() {
    let new = Newcomer::new(Dialect::V5);
    new.save(
        "wrong.toml",
        &format!("key1 = \"{}\"\nkey2 = \"{}\"\n", "a".repeat(64), "b".repeat(64)),
    );
    std::fs::create_dir(new.home.join("file-in-the-way")).unwrap();
    new.save(".config/other", "");
    let before = disk::everything(&new.home);
    let url = new.world.cloud.api_url();
    let with = |keys: &str, more: &[&str]| {
        let flags = [
            "init",
            "--api-url",
            &url,
            "--key-file",
            keys,
            "--local",
            "Cloud",
            "--remote",
            "/",
        ];
        let flags: Vec<&str> = flags.into_iter().chain(more.iter().copied()).collect();
        new.run(&flags)
    };
    with("wrong.toml", &[]).expect(5);
    assert_eq!(disk::everything(&new.home), before);
    // The configuration's folder cannot be made: the folder and the credentials that were made before go again.
    let run = new.run(&[
        "--config",
        "keys.toml/config.toml",
        "init",
        "--api-url",
        &url,
        "--key-file",
        "keys.toml",
        "--credentials-file",
        "new/credentials.toml",
        "--local",
        "Cloud",
        "--remote",
        "/",
    ]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.said().contains("Nothing was left behind."), "{run:?}");
    assert_eq!(disk::everything(&new.home), before);
}

/// The one line that a user sees, with what differs from run to run taken out.
fn told(new: &Newcomer, run: &Run) -> String {
    let line = run
        .said()
        .lines()
        .filter(|line| !line.is_empty())
        .take(3)
        .collect::<Vec<_>>()
        .join(" | ");
    let line = line.replace(new.home.to_str().unwrap(), "HOME");
    let line = line.replace(&format!(":{}", new.world.cloud.port()), ":PORT");
    format!("{}: {line}", run.code)
}

/// A home with files that are no use as answers.
fn ill_prepared() -> Newcomer {
    let new = Newcomer::new(Dialect::V4);
    new.save("open.toml", "key1 = \"a\"\nkey2 = \"b\"\n");
    std::fs::set_permissions(new.home.join("open.toml"), std::fs::Permissions::from_mode(0o644)).unwrap();
    new.save("half.toml", "key1 = \"a\"\n");
    new.save(
        "wrong.toml",
        &format!("key1 = \"{}\"\nkey2 = \"{}\"\n", "a".repeat(64), "b".repeat(64)),
    );
    new.save("file", "x");
    new
}

#[test]
fn wrong_uses_are_told() {
    let mut new = ill_prepared();
    let before = disk::everything(&new.home);
    let url = new.world.cloud.api_url();
    let keys = ["--key-file", "keys.toml"];
    let there = ["--local", "Cloud", "--remote", "/"];
    let address = ["--api-url", url.as_str()];
    let uses: Vec<Vec<&str>> = vec![
        vec![],
        vec!["--yes", "--local", "Cloud"],
        [&["--api-url", "not an address"][..], &keys, &there].concat(),
        [&["--api-url", "http://cloud.example/api/v2/"][..], &keys, &there].concat(),
        [&address[..], &["--key-file", "none.toml"], &there].concat(),
        [&address[..], &["--key-file", "open.toml"], &there].concat(),
        [&address[..], &["--key-file", "half.toml"], &there].concat(),
        [&address[..], &["--key-file", "wrong.toml"], &there].concat(),
        [&address[..], &["--username", "ann"], &there].concat(),
        [&address[..], &["--username", "ann", "--password-stdin"], &there].concat(),
        [&address[..], &["--password-stdin"], &there].concat(),
        [
            &address[..],
            &["--username", "ann", "--password", "secret"],
            &there,
        ]
        .concat(),
        [&address[..], &keys, &["--local", "file", "--remote", "/"]].concat(),
        [&address[..], &keys, &["--local", ".local", "--remote", "/"]].concat(),
        [&address[..], &keys, &["--local", "Cloud", "--remote", "Photos"]].concat(),
        [&address[..], &keys, &there, &["--leave-out", "Nope"]].concat(),
        [&address[..], &keys, &there, &["--name", "status"]].concat(),
        [&["--api-url", "http://127.0.0.1:1/api/v2/"][..], &keys, &there].concat(),
    ];
    let mut all = String::new();
    for flags in uses {
        let flags: Vec<&str> = ["init"].into_iter().chain(flags).collect();
        let run = new.run(&flags);
        all.push_str(&told(&new, &run));
        all.push('\n');
        assert!(!run.said().contains("panicked"), "{run:?}");
    }
    new.env = vec![("SYNCD_KEY1".into(), "only one".into())];
    all.push_str(&told(&new, &new.run(&[&["init"][..], &address, &there].concat())));
    assert_eq!(disk::everything(&new.home), before, "nothing is left behind");
    assert_snapshot!(all, @r#"
    2: syncd: answers are missing: there is no terminal to ask on. Nothing was written. Next: give --api-url, --key-file (or --username with --password-stdin), --local, --remote.
    2: syncd: answers are missing: with --yes nothing is asked. Nothing was written. Next: give --api-url, --key-file (or --username with --password-stdin), --remote.
    2: syncd: not set up: that is no address of an API. Nothing was written. Next: give the address of the account's API settings with --api-url.
    2: syncd: plain http to cloud.example: keys, tokens and files could be read on the way. Nothing was written. Next: use https, or give --allow-http if that network is yours.
    5: syncd: none.toml: there are no credentials: the file does not exist, and the environment holds none. Nothing was written. Next: write key1 and key2 into it (chmod 600), or set SYNCD_KEY1 and SYNCD_KEY2.
    1: syncd: open.toml: the credentials file is not private: its mode 0644 lets others at it. Nothing was written. Next: chmod 600 open.toml.
    1: syncd: half.toml: the credentials cannot be used: key1 is set, but key2 is not. Nothing was written. Next: correct that: key1 and key2, or username and password.
    5: syncd: http://127.0.0.1:PORT/api/v2/: the server rejected the credentials: the credentials are wrong, or the account is suspended, or this internet address is banned for a day after too many wrong attempts; it was tried once and is not tried again by itself. Nothing was written. Next: look the keys up in the account's API settings, and run it again with those.
    2: syncd: answers are missing: there is no terminal to ask on. Nothing was written. Next: give --key-file (or --username with --password-stdin).
    2: syncd: not set up: no password: standard input holds none. Nothing was written. Next: write the password there: pass show cloud | syncd init ….
    2: error: the following required arguments were not provided: |   --username <NAME> | Usage: syncd init --username <NAME> --api-url <URL> --password-stdin --local <DIR> --remote <FOLDER>
    2: error: unexpected argument '--password' found |   tip: a similar argument exists: '--password-stdin' | Usage: syncd init --api-url <URL> --username <NAME> --password-stdin
    2: syncd: the local folder of the pair "main" is not a folder: something else has that name. Nothing was written. Next: move it away or choose another folder.
    2: syncd: state_dir HOME/.local/state/syncd lies within the folder HOME/.local of the pair "main": what lies within both would be synced twice. Nothing was written. Next: choose folders that do not contain each other.
    2: syncd: not set up: "Photos" is no folder of the account. Nothing was written. Next: give --remote as a path such as /Photos, or as id:123.
    2: Account: admin, id 158642; package Premium Account |   storage unlimited, largest file unlimited, 100 uploads at once | syncd: not set up: there is no folder "Nope" in /. Nothing was written. Next: give --leave-out as the account has it, from --remote down.
    2: syncd: not set up: "status" is no name for a pair. Nothing was written. Next: give --name as 1 to 64 of a-z, A-Z, 0-9, ".", "_", "-", beginning with a letter or digit, and not the name of a command.
    1: syncd: http://127.0.0.1:1/api/v2/: the server cannot be reached: Connection refused (os error 111). Nothing was written. Next: check the connection, account.proxy and --api-url, or run it again later.
    1: syncd: the environment: the credentials cannot be used: SYNCD_KEY1 is set, but SYNCD_KEY2 is not. Nothing was written. Next: correct that: key1 and key2, or username and password.
    "#);
}

/// Whether any file of the home but this one holds the text.
fn holders(new: &Newcomer, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![new.home.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
                found.push(path.strip_prefix(&new.home).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Answers every question of a set-up with keys, up to the one that is named; then types `last`.
fn dialogue(new: &Newcomer, stop_at: &str, last: &str) -> (i32, String) {
    let command = new.command(&["-vvv", "--color", "never", "init"]);
    let [key1, key2] = new.world.cloud.keys();
    let mut terminal = Terminal::spawn(command);
    let answers = [
        ("Address of the API", format!("{}\r", new.world.cloud.api_url())),
        ("Sign in with", "\r".into()),
        ("key1 (not shown)", format!("{key1}\r")),
        ("key2 (not shown)", format!("{key2}\r")),
        ("Folder of the account", "\u{1b}[B\r".into()),
        ("Folders to leave out", " \r".into()),
        ("Folder on this machine", "\r".into()),
        ("Write ", "y".into()),
        ("Sync in the background", "n".into()),
    ];
    for (question, keys) in answers {
        if question == stop_at {
            terminal.answer(question, last);
            break;
        }
        terminal.answer(question, &keys);
    }
    terminal.end()
}

#[test]
fn on_a_terminal_everything_is_asked_and_no_secret_is_shown_or_kept_elsewhere() {
    in_every_dialect(|dialect| {
        let new = Newcomer::new(dialect);
        std::fs::remove_file(new.home.join("keys.toml")).unwrap();
        new.world.cloud.web_create("Photos/2019/old.jpg", b"old");
        new.world.cloud.web_create("Photos/a.jpg", b"there");
        let (code, seen) = dialogue(&new, "", "");
        assert_eq!(code, 0, "{seen}");
        for said in [
            "Account: ",
            "storage",
            "to this machine: 1 file, 5 B",
            "are set up as the pair \"main\"",
        ] {
            assert!(seen.contains(said), "{said}: {seen}");
        }
        let config = new.read(".config/syncd/config.toml");
        assert!(
            config.contains("remote = \"/Photos\"") && config.contains("\"/2019/\""),
            "{config}"
        );
        for key in new.world.cloud.keys() {
            assert!(!seen.contains(&key), "{seen}");
            assert_eq!(holders(&new, &key), [".config/syncd/credentials.toml"]);
        }
        new.run(&["--once"]).expect(0);
        let here: Vec<String> = disk::tree(&new.home.join("Cloud")).into_keys().collect();
        assert_eq!(here, ["a.jpg"]);
    });
}

#[test]
fn whoever_says_no_or_leaves_has_nothing_written() {
    for (question, keys) in [
        ("Write ", "n"),
        ("Folder of the account", "\u{3}"),
        ("key2 (not shown)", "\u{3}"),
    ] {
        let new = Newcomer::new(Dialect::V5);
        new.world.cloud.web_create("Photos/2019/old.jpg", b"old");
        new.world.cloud.web_create("Photos/a.jpg", b"there");
        let before = disk::everything(&new.home);
        let (code, seen) = dialogue(&new, question, keys);
        assert_eq!(code, 1, "{seen}");
        assert!(seen.contains("Nothing was written."), "{seen}");
        assert_eq!(disk::everything(&new.home), before, "{question}");
    }
}
