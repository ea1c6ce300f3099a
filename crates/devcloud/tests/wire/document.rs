//! The dialect `document`: all endpoints answer as the reference says.

use crate::common::{Said, Site, names, number};
use devcloud::{Options, RowState, Server};
use serde_json::Value;

#[tokio::test]
async fn a_whole_day_of_files_and_folders() {
    let site = Site::with(&[]).await;
    let docs = site.mkdir("", "Docs").await;
    let old = site.mkdir(&docs.to_string(), "Old").await;
    let id = site.put(&docs.to_string(), "a.txt", b"hello").await;

    let said = site.listing(&docs.to_string()).await;
    assert_eq!(names(&said.data()["files"], "filename"), ["a.txt"]);
    assert_eq!(said.data()["files"][0]["fileSize"], "5");
    assert_eq!(said.data()["files"][0]["folderId"], docs.to_string());
    assert_eq!(names(&said.data()["folders"], "folderName"), ["Old"]);

    let said = site
        .call(
            "file/edit",
            &[
                ("file_id", &id.to_string()),
                ("filename", "b.txt"),
                ("folder_id", &old.to_string()),
            ],
        )
        .await;
    assert_eq!(said.data()["filename"], "b.txt");
    assert_eq!(said.data()["folderId"], old.to_string());
    let said = site
        .call(
            "file/move",
            &[("file_id", &id.to_string()), ("new_parent_folder_id", "null")],
        )
        .await;
    assert_eq!(said.data()["folderId"], Value::Null);
    assert_eq!(site.files("").await, ["b.txt"]);

    let url = site.link(id).await;
    assert_eq!(
        site.get(&url, None).await.unwrap().bytes().await.unwrap(),
        "hello"
    );
    let part = site.get(&url, Some("bytes=2-")).await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 2-4/5");
    assert_eq!(part.bytes().await.unwrap(), "llo");

    let said = site.call("file/delete", &[("file_id", &id.to_string())]).await;
    assert_eq!(
        (&said.data()["status"], &said.data()["folderId"]),
        (&"trash".into(), &Value::Null)
    );
    assert!(site.files("").await.is_empty());
    assert_eq!(site.file_info(id).await.data()["status"], "trash");
}

#[tokio::test]
async fn folders_are_edited_moved_deleted_and_then_unknown() {
    let site = Site::with(&[]).await;
    let a = site.mkdir("", "A").await;
    let b = site.mkdir("", "B").await;
    let inner = site.put(&b.to_string(), "x.txt", b"x").await;
    let (a_text, b_text) = (a.to_string(), b.to_string());
    let said = site
        .call(
            "folder/edit",
            &[
                ("folder_id", &b_text),
                ("folder_name", "C"),
                ("parent_id", &a_text),
            ],
        )
        .await;
    assert_eq!(
        (&said.data()["folderName"], &said.data()["parentId"]),
        (&"C".into(), &a_text.clone().into())
    );
    assert_eq!(said.data()["totalSize"], "1");
    assert_eq!(site.folders("").await, ["A"]);
    let said = site
        .call(
            "folder/move",
            &[("folder_id", &b_text), ("new_parent_folder_id", "null")],
        )
        .await;
    assert_eq!(said.data()["parentId"], Value::Null);
    let said = site.call("folder/delete", &[("folder_id", &b_text)]).await;
    assert_eq!(said.json["response"], "Folder successfully set as deleted.");
    assert_eq!(site.folders("").await, ["A"]);
    assert_eq!(
        site.listing(&b_text).await.error(),
        "Could not find folder based on folder_id."
    );
    let said = site
        .call("folder/edit", &[("folder_id", &b_text), ("folder_name", "D")])
        .await;
    assert_eq!(said.error(), "Could not find folder based on folder_id.");
    let said = site
        .call(
            "folder/info",
            &[("folder_id", &b_text), ("parent_folder_id", &b_text)],
        )
        .await;
    assert_eq!(said.data()["status"], "trash");
    let said = site.file_info(inner).await;
    assert_eq!(
        (&said.data()["status"], &said.data()["folderId"]),
        (&"trash".into(), &b_text.into())
    );
    // No probe here: the folder is looked at first.
    let said = site
        .call(
            "folder/move",
            &[("folder_id", "0"), ("new_parent_folder_id", &a_text)],
        )
        .await;
    assert_eq!(said.error(), "Could not find folder based on folder_id.");
}

#[tokio::test]
async fn bad_destinations_are_errors_and_null_is_the_root_everywhere() {
    let site = Site::with(&[]).await;
    let id = site.put("NULL", "a.txt", b"a").await.to_string();
    let folder = site.mkdir("Null", "F").await.to_string();
    for (path, params) in [
        ("file/edit", [("file_id", id.as_str()), ("folder_id", "999")]),
        ("file/move", [("file_id", &id), ("new_parent_folder_id", "0")]),
        ("file/copy", [("file_id", &id), ("copy_to_folder_id", "999")]),
        ("folder/edit", [("folder_id", &folder), ("parent_id", "999")]),
        (
            "folder/move",
            [("folder_id", &folder), ("new_parent_folder_id", "999")],
        ),
        ("folder/create", [("folder_name", "x"), ("parent_id", "999")]),
    ] {
        let said = site.call(path, &params).await;
        assert!(
            said.error().contains("Could not find the destination folder"),
            "{path}: {}",
            said.body
        );
    }
    assert!(
        site.upload("999", "b.txt", b"b")
            .await
            .error()
            .contains("Could not find the destination folder")
    );
    for value in ["null", "NULL"] {
        let said = site
            .call("file/edit", &[("file_id", &id), ("folder_id", value)])
            .await;
        assert_eq!(said.data()["folderId"], Value::Null);
    }
    let said = site
        .call(
            "folder/move",
            &[("folder_id", &folder), ("new_parent_folder_id", &folder)],
        )
        .await;
    assert_eq!(said.error(), "Can not match new_parent_folder_id with folder_id.");
}

#[tokio::test]
async fn accounts_packages_and_tokens() {
    let site = Site::with(&[]).await;
    assert_eq!(site.server.key1().len(), 64);
    assert_eq!(site.token.len(), 128);
    assert_eq!(site.call("account/info", &[]).await.data()["username"], "admin");
    site.control().set_package("max_upload_size", 10).unwrap();
    assert_eq!(
        site.call("account/package", &[]).await.data()["max_upload_size"],
        "10"
    );
    assert_eq!(
        site.upload("", "a.txt", b"eleven bytes").await.error(),
        "Filesize received was zero."
    );
    let login = [
        ("username", site.server.username()),
        ("password", site.server.password()),
    ];
    assert_eq!(
        site.bare("authorize", &login).await.data()["account_id"],
        "158642"
    );
    let said = site.call("disable_access_token", &[]).await;
    assert_eq!(said.json["response"], "Token removed or no longer available.");
    assert!(
        site.call("account/info", &[])
            .await
            .error()
            .starts_with("Could not validate access_token")
    );
    assert_eq!(
        site.bare("account/info", &[]).await.error(),
        "Please provide the access_token param."
    );
}

#[tokio::test]
async fn a_copy_is_a_new_file_with_the_same_bytes() {
    let site = Site::with(&[]).await;
    let folder = site.mkdir("", "F").await.to_string();
    let id = site.put("", "a.txt", b"abc").await;
    let said = site
        .call(
            "file/copy",
            &[("file_id", &id.to_string()), ("copy_to_folder_id", &folder)],
        )
        .await;
    assert_eq!(said.json["response"], "File successfully copyied.");
    let copy = number(&said.json["new_file"]["data"]["id"]);
    assert_ne!(copy, id);
    assert_eq!(site.files(&folder).await, ["a.txt"]);
    assert_eq!(site.control().content(copy).unwrap(), b"abc");
}

#[tokio::test]
async fn an_import_fetches_a_file_from_this_machine() {
    use base64::Engine as _;
    let (site, other) = (Site::with(&[]).await, Site::with(&[]).await);
    let id = other.put("", "logo.png", b"picture").await;
    let url = other.link(id).await.replace('?', "/logo.png?");
    let encoded = base64::engine::general_purpose::STANDARD.encode(url);
    let said = site
        .call("file/url_upload_add", &[("file_url_base64", &encoded)])
        .await;
    let job = number(&said.data()["scheduled_item_id"]).to_string();
    let mut status = Value::Null;
    for _ in 0..500 {
        let said = site
            .call("file/url_upload_status", &[("scheduled_item_id", &job)])
            .await;
        status = said.data().clone();
        if status["status"] == "complete" || status["status"] == "failed" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (&status["status"], &status["total_size"]),
        (&"complete".into(), &7.into())
    );
    assert_eq!(status["downloaded_file"]["name"], "logo.png");
    assert_eq!(site.files("").await, ["logo.png"]);
}

#[tokio::test]
async fn everything_is_there_after_a_restart_keys_too() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(data.path())).await.unwrap();
    let keys = (server.key1().to_owned(), server.password().to_owned());
    let id = server.control().put_file(None, "a.txt", "abc").unwrap();
    server.shutdown().await;
    let server = Server::start(Options::new(data.path())).await.unwrap();
    assert_eq!((server.key1().to_owned(), server.password().to_owned()), keys);
    assert_eq!(server.control().content(id).unwrap(), b"abc");
    server.shutdown().await;
}

#[tokio::test]
async fn paths_and_methods_are_taken_loosely_but_a_json_body_is_not_read() {
    let site = Site::with(&[]).await;
    let base = site.server.api_url().to_owned();
    let query = format!("access_token={}&account_id=158642", site.token);
    let said = Said::of(
        site.http
            .get(format!("{base}Account/INFO/extra?{query}"))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(said.data()["id"], "158642");
    let body = format!("{{\"access_token\":\"{}\"}}", site.token);
    let json = site
        .http
        .post(format!("{base}account/info"))
        .header("content-type", "application/json")
        .body(body);
    assert_eq!(
        Said::of(json.send().await.unwrap()).await.error(),
        "Please provide the access_token param."
    );
    let said = site.call("file/nonsense", &[]).await;
    assert_eq!((said.http, &said.json["_status"]), (404, &"error".into()));
    assert!(said.json["0"].is_string());
    assert_eq!(site.call("nonsense", &[]).await.http, 404);
}

#[tokio::test]
async fn the_tree_shows_states_and_paths() {
    let site = Site::with(&[]).await;
    let control = site.control();
    let folder = control.create_folder(None, "F").unwrap();
    let live = control.put_file(Some(folder), "a.txt", "a").unwrap();
    let dead = control.put_file(Some(folder), "b.txt", "b").unwrap();
    control.trash_file(dead).unwrap();
    let tree = control.tree().unwrap();
    let paths: Vec<_> = tree
        .live_files()
        .into_iter()
        .map(|(path, file)| (path.to_owned(), file.id))
        .collect();
    assert_eq!(paths, [("/F/a.txt".to_owned(), live)]);
    assert_eq!(
        tree.files.iter().find(|file| file.id == dead).unwrap().state,
        RowState::Trash
    );
    control.trash_folder(folder).unwrap();
    assert!(control.tree().unwrap().live_files().is_empty());
    control.restore_folder(folder, None).unwrap();
    assert_eq!(control.tree().unwrap().live_files().len(), 1);
    let said = site
        .call("folder/info", &[("parent_folder_id", &folder.to_string())])
        .await;
    assert_eq!(
        (&said.data()["totalSize"], &said.data()["file_count"]),
        (&"1".into(), &1.into())
    );
}
