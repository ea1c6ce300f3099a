//! The commands that work on a pair's journal and trash between passes, as a user runs them: the built binary against
//! a server in this process.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test ends at the first surprise, and says where"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use devcloud::{Options, Server};
use serde_json::Value;

/// Short waiting times: the server is on this machine and answers at once.
const TIMING: &str = "[timing]\nquiet_period = \"20ms\"\nconfirm_after = \"100ms\"\nlook_again = \"20ms\"\n\
    login_backoff = \"100ms\"\nlate_upload_limit = \"3s\"\nrequest_timeout = \"20s\"\n";

/// A machine with one pair, and its account.
struct World {
    home: tempfile::TempDir,
    server: Server,
}

/// What a command said.
struct Said {
    code: i32,
    out: String,
    errors: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

impl World {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let server = Server::start(Options::new(home.path().join("cloud")))
            .await
            .unwrap();
        let world = Self { home, server };
        let (key1, key2) = (world.server.key1(), world.server.key2());
        let keys = world.at("credentials.toml");
        std::fs::write(&keys, format!("key1 = \"{key1}\"\nkey2 = \"{key2}\"\n")).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::create_dir(world.at("disk")).unwrap();
        let config = format!(
            "state_dir = \"{}\"\ndevice_name = \"laptop\"\n[account]\napi_url = \"{}\"\ncredentials_file = \"{}\"\n\
             [[sync]]\nname = \"main\"\nlocal = \"{}\"\nremote = \"/\"\nmin_free = 0\n{TIMING}",
            world.at("state").display(),
            world.server.api_url(),
            keys.display(),
            world.at("disk").display(),
        );
        std::fs::write(world.at("config.toml"), config).unwrap();
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn disk(&self, name: &str) -> PathBuf {
        self.at("disk").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.disk(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// `f0` to `fN`.
    fn fill(&self, files: usize) {
        for n in 0..files {
            self.write(&format!("f{n}"), &format!("content of {n}"));
        }
    }

    fn delete(&self, files: std::ops::Range<usize>) {
        for n in files {
            std::fs::remove_file(self.disk(&format!("f{n}"))).unwrap();
        }
    }

    fn run(&self, args: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_syncd"))
            .env_clear()
            .env("HOME", self.home.path())
            .env("USER", "ann")
            .current_dir(self.home.path())
            .arg("--config")
            .arg(self.at("config.toml"))
            .args(args)
            .output()
            .unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// One pass that must end like this; its summary.
    fn once(&self, code: i32) -> Value {
        let said = self.run(&["--once", "--json"]);
        assert_eq!(said.code, code, "{}{}", said.out, said.errors);
        said.json().pointer("/pairs/0").unwrap().clone()
    }

    /// Paths and texts of the account's live files.
    fn account(&self) -> Vec<(String, String)> {
        let control = self.server.control();
        let tree = control.tree().unwrap();
        let mut live: Vec<_> = tree
            .files
            .iter()
            .filter_map(|file| {
                let bytes = control.content(file.id).ok()?;
                Some((file.path.clone()?, String::from_utf8(bytes).unwrap()))
            })
            .collect();
        live.sort();
        live
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".syncd")
        .collect();
    names.sort();
    names
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h34_an_approval_fits_though_a_log_file_changes_all_the_time() {
    let world = World::new().await;
    world.fill(40);
    world.write("log", "1");
    world.once(0);
    world.delete(0..30);
    for text in ["22", "333"] {
        world.write("log", text);
        let stop = world.once(4)["stop"].clone();
        assert_eq!(stop["kind"], "brake");
        assert!(
            stop["next"].as_str().unwrap().contains("\"syncd approve main\""),
            "{stop}"
        );
    }
    assert_eq!(world.account().len(), 41, "a stopped pass does nothing");

    let shown = world.run(&["approve", "--list", "--json"]).json();
    assert_eq!(shown["pairs"][0]["delete_remote"], 30);
    assert_eq!(shown["pairs"][0]["approved"], false);
    // Restored meanwhile: only a part of the set is needed.
    world.write("f0", "content of 0");
    world.write("log", "4444");
    let said = world.run(&["approve", "main"]);
    assert_eq!(said.code, 0, "{}", said.errors);
    assert!(
        said.out
            .starts_with("main: approved: 30 items that would be deleted in the account\n"),
        "{}",
        said.out
    );
    world.write("log", "55555");
    let pair = world.once(0);
    assert_eq!(
        (&pair["deleted_remote"], &pair["uploaded"]),
        (&29.into(), &1.into())
    );
    let account = world.account();
    assert_eq!(account.len(), 12);
    assert!(account.contains(&("/log".to_owned(), "55555".to_owned())));

    // Once: what is left of the approval is not kept, and nothing is held any more.
    let said = world.run(&["approve"]);
    assert_eq!((said.code, said.out.starts_with("Nothing is held.")), (0, true));
    // Allowed deletions do not count towards the brake of the hour: a few more pass.
    world.delete(30..33);
    assert_eq!(world.once(0)["deleted_remote"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn h33_deletions_in_small_passes_are_counted_over_the_hour() {
    let world = World::new().await;
    world.fill(40);
    world.once(0);
    for files in [0..9, 9..14] {
        let deleted = files.len();
        world.delete(files);
        assert_eq!(world.once(0)["deleted_remote"], deleted);
    }
    // Ten alone always pass; together with those of the hour they are 24 of at most 40.
    world.delete(14..24);
    let stop = world.once(4)["stop"].clone();
    assert_eq!(
        stop["examples"],
        serde_json::json!(["f14", "f15", "f16", "f17", "f18"])
    );
    assert_eq!(world.account().len(), 26);
    // What was never shown is not let through with what was.
    assert_eq!(world.run(&["approve"]).code, 0);
    world.delete(24..34);
    assert_eq!(world.once(4)["stop"]["examples"][0], "f24");
    assert_eq!(world.run(&["approve"]).code, 0);
    assert_eq!(world.once(0)["deleted_remote"], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_that_come_from_the_account_wait_for_approval_too() {
    let world = World::new().await;
    world.fill(20);
    world.once(0);
    let control = world.server.control();
    for file in control.tree().unwrap().files.iter().take(15) {
        control.trash_file(file.id).unwrap();
    }
    assert_eq!(world.once(4)["stop"]["kind"], "brake");
    assert_eq!(names(&world.at("disk")).len(), 20);
    assert_eq!(
        world.run(&["approve", "--json"]).json()["pairs"][0]["delete_local"],
        15
    );
    assert_eq!(world.once(0)["deleted_local"], 15);
    assert_eq!(names(&world.at("disk")).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn h08_a_restored_backup_is_merged_without_deletions_after_approval() {
    let world = World::new().await;
    world.write("old", "old");
    world.write("edited", "before");
    world.write("docs/deleted", "deleted later");
    world.once(0);
    copy_tree(&world.at("disk"), &world.at("backup"));
    world.write("new", "new");
    world.write("edited", "afterwards");
    std::fs::remove_file(world.disk("docs/deleted")).unwrap();
    world.once(0);

    std::fs::remove_dir_all(world.at("disk")).unwrap();
    std::fs::rename(world.at("backup"), world.at("disk")).unwrap();
    let account = world.account();
    let stop = world.once(4)["stop"].clone();
    assert_eq!(stop["kind"], "marker_older");
    assert!(
        stop["next"].as_str().unwrap().contains("\"syncd approve main\""),
        "{stop}"
    );
    assert_eq!(world.account(), account);
    let said = world.run(&["approve", "--json"]).json();
    assert_eq!(said["pairs"][0]["older_folder"], true);

    let pair = world.once(0);
    assert_eq!(
        (&pair["deleted_local"], &pair["deleted_remote"]),
        (&0.into(), &0.into())
    );
    let texts: Vec<String> = world.account().into_iter().map(|(_, text)| text).collect();
    for text in ["old", "before", "afterwards", "new", "deleted later"] {
        assert!(texts.iter().any(|found| found == text), "{text} of {texts:?}");
    }
    assert_eq!(std::fs::read_to_string(world.disk("new")).unwrap(), "new");
    let again = world.once(0);
    assert_eq!((&again["uploaded"], &again["downloaded"]), (&0.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn h03_rows_that_the_server_lost_are_uploaded_anew_after_approval() {
    let world = World::new().await;
    world.fill(4);
    world.once(0);
    let tree = world.server.control().tree().unwrap();
    let files = tree.files.iter().take(2).map(|file| file.id).collect();
    let lose = devcloud::WebAction::LoseRows {
        files,
        folders: Vec::new(),
    };
    world.server.control().web(lose).unwrap();
    let stop = world.once(4)["stop"].clone();
    assert_eq!(stop["kind"], "lost_rows");
    assert_eq!(
        world.run(&["approve", "--json"]).json()["pairs"][0]["lost_rows"],
        2
    );
    let pair = world.once(0);
    assert_eq!(
        (&pair["uploaded"], &pair["deleted_local"]),
        (&2.into(), &0.into())
    );
    assert_eq!(world.account().len(), 4);
    assert_eq!(world.once(0)["uploaded"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sync_took_away_is_restored_where_nothing_is() {
    let world = World::new().await;
    world.write("docs/a.txt", "first");
    world.write("docs/b.txt", "b");
    world.once(0);
    let trash = |path: &str| {
        let control = world.server.control();
        let tree = control.tree().unwrap();
        let live = tree.live_files();
        let (_, file) = live.iter().find(|(at, _)| *at == path).unwrap();
        control.trash_file(file.id).unwrap();
    };
    trash("/docs/a.txt");
    assert_eq!(world.once(0)["deleted_local"], 1);
    world.write("docs/a.txt", "second");
    world.once(0);
    trash("/docs/a.txt");
    trash("/docs/b.txt");
    world.once(0);
    assert_eq!(names(&world.disk("docs")), [""; 0]);

    let listed = world.run(&["restore", "--list"]);
    assert!(
        listed.out.starts_with("main: 3 files in the trash\n"),
        "{}",
        listed.out
    );
    let said = world.run(&["restore", "docs/a.txt"]);
    assert_eq!(said.code, 0, "{}", said.errors);
    assert_eq!(
        std::fs::read_to_string(world.disk("docs/a.txt")).unwrap(),
        "second"
    );
    // Never over anything; what is refused stays in the trash.
    let path = world.disk("docs/a.txt");
    let said = world.run(&["restore", path.to_str().unwrap()]);
    assert_eq!(said.code, 1);
    assert!(said.errors.contains("nothing was overwritten"), "{}", said.errors);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "second");
    std::fs::remove_file(&path).unwrap();
    // A folder is everything that was in it.
    let said = world.run(&["restore", "docs", "--json"]);
    assert_eq!(said.code, 0, "{}", said.errors);
    assert_eq!(said.json()["files"].as_array().unwrap().len(), 2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
    assert_eq!(names(&world.disk("docs")), ["a.txt", "b.txt"]);
    // It is a file like any other, and travels.
    assert_eq!(world.once(0)["uploaded"], 2);
    let said = world.run(&["restore", "docs/none", "--date", "2020-01-01"]);
    assert_eq!(said.code, 1, "{}", said.errors);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_tells_what_happened_and_what_is_left() {
    let world = World::new().await;
    let never = world.run(&["status"]);
    assert_eq!(never.code, 1);
    assert_eq!(
        never.out,
        "syncd is not running\nmain: both sides never agreed so far\n"
    );
    assert!(!world.at("state").exists(), "a question makes nothing");

    world.fill(20);
    world.write("empty", "");
    world.once(0);
    let problems = world.run(&["problems", "--json"]).json();
    assert_eq!(problems["pairs"][0]["problems"][0]["path"], "empty");
    assert_eq!(problems["pairs"][0]["problems"][0]["kind"], "skipped");
    assert!(world.run(&["problems", "main"]).out.contains("  empty: empty: "));

    // A conflict.
    let control = world.server.control();
    control
        .put_file(None, "both.txt", "there, and longer than here")
        .unwrap();
    world.write("both.txt", "here");
    world.once(0);
    let conflicts = world.run(&["conflicts", "list", "--json"]).json();
    let copy = &conflicts["pairs"][0]["conflicts"][0];
    assert_eq!(
        (&copy["path"], &copy["device"], &copy["bytes"]),
        (&"both.txt".into(), &"laptop".into(), &4.into())
    );
    assert_eq!(copy["path_bytes"], 27);
    assert!(
        world
            .run(&["conflicts", "list"])
            .out
            .starts_with("main: 1 open conflict.")
    );

    // A stop, seen from outside, then allowed.
    world.delete(0..15);
    world.once(4);
    let status = world.run(&["status", "--json"]);
    assert_eq!(status.code, 1);
    let status = status.json();
    assert_eq!(status["running"], false);
    assert_eq!(status["pairs"][0]["stop"]["kind"], "brake");
    assert_eq!(
        (&status["pairs"][0]["held"], &status["pairs"][0]["approved"]),
        (&15.into(), &0.into())
    );
    world.run(&["approve"]);
    let status = world.run(&["status"]).out;
    assert!(
        status.contains("15 items approved") && !status.contains("STOPPED"),
        "{status}"
    );
    world.once(0);
    let history = world.run(&["history", "--limit", "15", "--json"]).json();
    let lines = history["pairs"][0]["history"].as_array().unwrap();
    assert_eq!(lines.len(), 15);
    for line in lines {
        assert_eq!(line["action"], "delete there");
        assert!(
            line["allowed_by"].as_str().unwrap().starts_with("ann (uid "),
            "{line}"
        );
    }
    assert!(world.run(&["history"]).out.contains("; allowed by ann (uid "));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_syncd_holds_the_pair_every_command_says_so() {
    let world = World::new().await;
    world.write("a", "a");
    world.once(0);
    let lock = std::fs::File::open(world.at("state/pairs/main/lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for command in ["problems", "history", "conflicts list", "status", "approve"] {
        let args: Vec<_> = command.split(' ').collect();
        let said = world.run(&args);
        assert_eq!(said.code, 6, "{command}: {}", said.errors);
        assert!(said.errors.contains("main: "), "{}", said.errors);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_nobody_can_approve_is_named_and_an_unknown_pair_is_wrong_use() {
    let world = World::new().await;
    world.write("a", "a");
    world.once(0);
    std::fs::remove_file(world.disk(".syncd/root-id")).unwrap();
    assert_eq!(world.once(4)["stop"]["kind"], "marker_missing");
    let said = world.run(&["approve"]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("main was stopped: "), "{}", said.out);
    assert_eq!(world.once(4)["stop"]["kind"], "marker_missing");
    assert_eq!(world.run(&["approve", "other"]).code, 2);
}
