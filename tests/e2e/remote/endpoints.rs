//! Every endpoint through the command line, in every dialect.

use serde_json::Value;

use super::{alone, good, remote, remote_reading};
use crate::world::{Cloud, Dialect, Machine, Run, in_every_dialect};

/// Whether something live is at a path. Most servers' own copies are rows of nobody, at none.
fn has(cloud: &Cloud, path: &str) -> bool {
    let held = cloud.control.tree().unwrap();
    let path = Some(format!("/{path}"));
    let mut files = held.files.iter();
    let mut folders = held.folders.iter();
    files.any(|row| row.state == devcloud::RowState::Active && row.path == path)
        || folders.any(|row| row.state == devcloud::RowState::Active && row.path == path)
}

/// Until it is so: where answers get lost at random, a second try may find it done.
#[track_caller]
fn until(dialect: Dialect, machine: &Machine, args: &[&str], so: impl Fn() -> bool) {
    for _ in 0..8 {
        let run = remote(machine, args);
        if so() {
            return;
        }
        assert!(run.code != 0, "it says that it is done: {run:?}");
        assert_eq!(dialect, Dialect::Hostile, "{run:?}");
    }
    panic!("not done: {args:?}");
}

fn items(run: &Run) -> Vec<Value> {
    run.json()["items"].as_array().unwrap().clone()
}

#[test]
fn every_endpoint_is_reached_in_every_dialect() {
    in_every_dialect(|dialect| {
        let (world, mut machine) = alone(dialect);
        let cloud = &world.cloud;
        let mark = cloud.mark();
        good(dialect, &machine, &["login"]);
        let account = good(dialect, &machine, &["account", "--json"]);
        assert!(items(&account)[0]["id"].is_u64(), "{account:?}");
        good(dialect, &machine, &["package"]);

        good(dialect, &machine, &["mkdir", "-p", "/docs/sub"]);
        good(dialect, &machine, &["mkdir", "-p", "aside"]);
        machine.write("a.txt", "one");
        machine.write(".hidden", "the dot is kept");
        let local = |name: &str| machine.local.join(name).to_str().unwrap().to_owned();
        let (a, hidden) = (local("a.txt"), local(".hidden"));
        for file in [&a, &hidden] {
            good(dialect, &machine, &["put", "--replace", file, "docs"]);
        }
        let listed = good(dialect, &machine, &["ls", "-R", "--json"]);
        let paths: Vec<Value> = items(&listed).iter().map(|it| it["path"].clone()).collect();
        assert_eq!(
            paths,
            ["/aside", "/docs", "/docs/sub", "/docs/.hidden", "/docs/a.txt"],
            "{listed:?}"
        );
        let tree = good(dialect, &machine, &["tree"]).stdout;
        assert_eq!(
            tree,
            "/\n├── aside/\n└── docs/\n    ├── sub/\n    ├── .hidden\n    └── a.txt\n"
        );
        let file = items(&good(dialect, &machine, &["stat", "/docs/a.txt", "--json"]))[0].clone();
        assert_eq!((&file["size"], &file["state"]), (&3.into(), &"active".into()));
        let folder = items(&good(dialect, &machine, &["stat", "docs", "--json"]))[0].clone();
        assert_eq!(good(dialect, &machine, &["cat", "docs/a.txt"]).stdout, "one");

        // By the server, or by way of this machine: the copy is there either way.
        until(dialect, &machine, &["cp", "docs/a.txt", "/b.txt"], || {
            has(cloud, "b.txt")
        });
        until(dialect, &machine, &["mv", "b.txt", "docs/c.txt"], || {
            has(cloud, "docs/c.txt")
        });
        until(dialect, &machine, &["mv", "aside", "docs/sub"], || {
            has(cloud, "docs/sub/aside")
        });

        raw_calls(dialect, &machine, cloud, &file, &folder);

        let edited = remote_reading(
            &mut machine,
            "geheim",
            &["edit", "docs", "--public", "1", "--password-stdin", "--json"],
        );
        if dialect != Dialect::Hostile {
            assert_eq!(items(&edited.expect(0))[0]["public"], 1);
        }
        let held = cloud.control.tree().unwrap();
        assert!(held.folders.iter().any(|folder| folder.name == "docs"));

        let link = good(dialect, &machine, &["link", "sub/a.txt"]).stdout;
        imports(dialect, &machine, link.trim());

        good(dialect, &machine, &["rm", &format!("file:{}", file["id"])]);
        until(dialect, &machine, &["rm", "-r", "docs"], || !has(cloud, "docs"));
        good(dialect, &machine, &["logout"]);
        every_one_was_asked(&cloud.since(&mark));
    });
}

/// What no other command makes sure to call, or not so.
fn raw_calls(dialect: Dialect, machine: &Machine, cloud: &Cloud, file: &Value, folder: &Value) {
    let (file_id, folder_id) = (file["id"].to_string(), folder["id"].to_string());
    let file_param = format!("file_id={file_id}");
    let sub = items(&good(dialect, machine, &["stat", "docs/sub", "--json"]))[0]["id"].to_string();
    let to = format!("new_parent_folder_id={sub}");
    good(dialect, machine, &["raw", "file/move", &file_param, &to]);
    assert!(has(cloud, "docs/sub/a.txt"));
    let raw = good(
        dialect,
        machine,
        &[
            "raw",
            "/folder/info",
            &format!("folder_id={folder_id}"),
            &format!("parent_folder_id={folder_id}"),
        ],
    );
    assert!(raw.stdout.contains("folderName"), "{raw:?}");
    good(
        dialect,
        machine,
        &[
            "raw",
            "folder/move",
            &format!("folder_id={sub}"),
            "new_parent_folder_id=null",
        ],
    );
    assert!(has(cloud, "sub/a.txt"));
}

/// The server fetches its own link; the lines of old have no imports, and that is said.
fn imports(dialect: Dialect, machine: &Machine, link: &str) {
    if matches!(dialect, Dialect::V4 | Dialect::V5) {
        for args in [&["import", link, "/sub"][..], &["import", "--status", "1"]] {
            let run = remote(machine, args);
            assert_eq!(run.code, 1, "{run:?}");
            assert!(run.stderr.contains("does not support"), "{run:?}");
        }
        return;
    }
    let run = good(dialect, machine, &["import", link, "/sub", "--wait", "--json"]);
    let item = items(&run)[0].clone();
    assert_eq!(item["state"], "complete", "{run:?}");
    assert_eq!(item["size"], 3, "{run:?}");
    assert!(!run.stderr.contains("download_token"), "{run:?}");
    good(
        dialect,
        machine,
        &["import", "--status", &item["import"].to_string()],
    );
}

fn every_one_was_asked(asked: &crate::world::cloud::Asked) {
    for spec in &api::endpoints::ALL {
        let path = format!("/{}", spec.path);
        assert!(asked.at(&path) > 0, "{path} was never asked: {asked:?}");
    }
}
