//! Quirks of the trash: Q05, Q06, Q10, Q16 to Q18, Q36, Q42, Q43.

use std::time::Duration;

use devcloud::{Dialect, RowState};
use serde_json::Value;

use crate::common::{FAR, Site, row, trashed_folder};

#[tokio::test]
async fn q05_trash_folders_at_root() {
    let site = Site::with(&["Q05"]).await;
    let id = trashed_folder(&site).await.parse().unwrap();
    let gone = row(&site.listing("").await.data()["folders"], id);
    assert_eq!(
        (&gone["status"], &gone["parentId"]),
        (&"trash".into(), &Value::Null)
    );
    assert!(gone.contains_key("urlHash"));
    site.control().purge_folder(id).unwrap();
    assert!(site.folders("").await.is_empty());

    let site = Site::dialect(Dialect::V4).await;
    let id = trashed_folder(&site).await.parse().unwrap();
    assert!(!row(&site.listing("").await.data()["folders"], id).contains_key("status"));
    site.control().purge_folder(id).unwrap();
    assert_eq!(site.folders("").await, ["Gone"], "a row like any other, for ever");
    let said = site.call("folder/info", &[("folder_id", &id.to_string())]).await;
    assert!(said.data().get("status").is_none());

    let site = Site::with(&[]).await;
    trashed_folder(&site).await;
    assert!(site.folders("").await.is_empty());
}

#[tokio::test]
async fn q06_trash_files_at_root() {
    for (quirk, shown) in [("Q06", 1), ("-Q06", 0)] {
        let site = Site::with(&[quirk]).await;
        let folder = site.mkdir("", "F").await.to_string();
        let id = site.put(&folder, "a.txt", b"a").await;
        site.call("file/delete", &[("file_id", &id.to_string())])
            .await
            .data();
        let said = site.listing("").await;
        let files = said.data()["files"].as_array().unwrap();
        assert_eq!(files.len(), shown);
        assert!(
            files
                .iter()
                .all(|file| file["status"] == "trash" && file["folderId"].is_null())
        );
        assert!(site.files(&folder).await.is_empty());
    }
}

#[tokio::test]
async fn q10_into_trash() {
    let site = Site::with(&["Q10"]).await;
    let dead = trashed_folder(&site).await;
    let id = site.put(&dead, "late.txt", b"late").await;
    let info = site.file_info(id).await;
    assert_eq!(
        (&info.data()["status"], &info.data()["folderId"]),
        (&"active".into(), &dead.clone().into())
    );
    site.mkdir(&dead, "Late").await;
    site.control().purge_folder(dead.parse().unwrap()).unwrap();
    assert_eq!(site.file_info(id).await.data()["status"], "deleted");

    let site = Site::with(&[]).await;
    let dead = trashed_folder(&site).await;
    assert!(
        site.upload(&dead, "late.txt", b"late")
            .await
            .error()
            .contains("destination folder")
    );
    let said = site
        .call("folder/create", &[("folder_name", "Late"), ("parent_id", &dead)])
        .await;
    assert!(said.error().contains("destination folder"));
}

#[tokio::test]
async fn q16_dead_ids_resolve() {
    let site = Site::with(&["Q16"]).await;
    let id = site.put("", "a.txt", b"a").await;
    let text = id.to_string();
    let said = site.call("file/delete", &[("file_id", &text)]).await;
    assert_eq!(said.data()["file_status"], "trash");
    let said = site
        .call("file/edit", &[("file_id", &text), ("filename", "b.txt")])
        .await;
    assert_eq!(
        (&said.data()["file_status"], &said.data()["filename"]),
        (&"trash".into(), &"b.txt".into())
    );
    let url = site.link(id).await;
    assert_eq!(site.get(&url, None).await.unwrap().bytes().await.unwrap(), "a");
    site.control().purge_file(id).unwrap();
    assert_eq!(site.file_info(id).await.data()["file_status"], "deleted");
    let dead = trashed_folder(&site).await;
    let said = site
        .call("folder/edit", &[("folder_id", &dead), ("folder_name", "x")])
        .await;
    assert_eq!(said.data()["folderName"], "x");

    let site = Site::with(&[]).await;
    let id = site.put("", "a.txt", b"a").await.to_string();
    site.call("file/delete", &[("file_id", &id)]).await.data();
    for path in ["file/edit", "file/download", "file/move"] {
        let said = site
            .call(path, &[("file_id", &id), ("new_parent_folder_id", "null")])
            .await;
        assert_eq!(said.error(), "Could not find file based on file_id.");
    }
}

#[tokio::test]
async fn q16_makes_the_probe_of_folder_move() {
    for dialect in [Dialect::V4, Dialect::V5] {
        let site = Site::dialect(dialect).await;
        let live = site.mkdir("", "Live").await.to_string();
        let dead = trashed_folder(&site).await;
        site.control().reset_ledger();
        for (folder, text) in [
            (FAR, "Could not find the destination folder"),
            (&dead, "Could not find the destination folder"),
            (&live, "Failed moving the folder."),
        ] {
            let said = site
                .call(
                    "folder/move",
                    &[("folder_id", "0"), ("new_parent_folder_id", folder)],
                )
                .await;
            assert!(
                said.error().starts_with(text),
                "{dialect} {folder}: {}",
                said.body
            );
        }
        assert_eq!(site.control().totals().of(devcloud::Class::Probe), 3);
        assert_eq!(site.control().totals().of(devcloud::Class::Mutate), 0);
    }
}

#[tokio::test]
async fn q17_delete_repeats() {
    for (quirk, again) in [("Q17", true), ("-Q17", false)] {
        let site = Site::with(&[quirk]).await;
        let id = site.put("", "a.txt", b"a").await.to_string();
        site.call("file/delete", &[("file_id", &id)]).await.data();
        let said = site.call("file/delete", &[("file_id", &id)]).await;
        assert_eq!(said.json["_status"] == "success", again);
        let folder = trashed_folder(&site).await;
        let said = site.call("folder/delete", &[("folder_id", &folder)]).await;
        assert_eq!(said.json["_status"] == "success", again);
    }
}

#[tokio::test]
async fn q17_a_repeat_renews_the_date_of_the_trash() {
    let mut site = Site::with(&["Q17", "Q42"]).await;
    let id = site.put("", "a.txt", b"a").await;
    let text = id.to_string();
    for _ in 0..2 {
        site.call("file/delete", &[("file_id", &text)]).await.data();
        site.control().advance(Duration::from_secs(20 * 86_400));
        site.token = site.sign_in().await;
    }
    let tree = site.control().tree().unwrap();
    assert_eq!(tree.files[0].state, RowState::Trash);
}

#[tokio::test]
async fn q18_delete_recursive_now() {
    let site = Site::with(&["Q18"]).await;
    let id = trashed_folder(&site).await;
    let tree = site.control().tree().unwrap();
    assert!(
        tree.files
            .iter()
            .all(|file| file.state == RowState::Trash && file.folder == id.parse().ok())
    );
    let sub = tree.folders.iter().find(|folder| folder.name == "Sub").unwrap();
    assert_eq!((sub.state, sub.parent), (RowState::Trash, id.parse().ok()));
    let site = Site::with(&["-Q18"]).await;
    let id = site.mkdir("", "F").await.to_string();
    site.put(&id, "a.txt", b"a").await;
    site.call("folder/delete", &[("folder_id", &id)]).await.error();
    assert_eq!(site.files(&id).await, ["a.txt"]);
}

#[tokio::test]
async fn q36_trash_listing() {
    let site = Site::with(&["Q36"]).await;
    let id = trashed_folder(&site).await;
    let said = site.listing(&id).await;
    assert_eq!(said.data()["files"][0]["status"], "trash");
    assert_eq!(said.data()["folders"][0]["status"], "trash");
    site.knob("Q36.rows", "folders");
    let said = site.listing(&id).await;
    assert_eq!(said.data()["files"].as_array().unwrap().len(), 0);
    assert_eq!(said.data()["folders"][0]["folderName"], "Sub");
    site.quirk("Q36", false);
    site.listing(&id).await.error();
}

#[tokio::test]
async fn q42_purge() {
    for (quirk, state) in [("Q42", RowState::Deleted), ("-Q42", RowState::Trash)] {
        let site = Site::with(&[quirk, "Q10"]).await;
        let id = trashed_folder(&site).await;
        let late = site.put(&id, "late.txt", b"late").await;
        site.control().advance(Duration::from_secs(31 * 86_400));
        let tree = site.control().tree().unwrap();
        assert!(tree.folders.iter().all(|folder| folder.state == state));
        let late = tree.files.iter().find(|file| file.id == late).unwrap();
        let late_is_dead = late.state == RowState::Deleted;
        assert_eq!(late_is_dead, quirk == "Q42", "active files below go with it");
    }
}

#[tokio::test]
async fn q43_restore() {
    let site = Site::with(&["Q43"]).await;
    let folder = site.mkdir("", "F").await;
    let id = site.put("", "a.txt", b"a").await;
    site.call("file/delete", &[("file_id", &id.to_string())])
        .await
        .data();
    site.control().restore_file(id, Some(folder)).unwrap();
    assert_eq!(site.files(&folder.to_string()).await, ["a.txt"]);
    let dead = trashed_folder(&site).await;
    site.control()
        .restore_folder(dead.parse().unwrap(), Some(folder))
        .unwrap();
    assert_eq!(site.files(&dead).await, ["in.txt"]);
    assert_eq!(site.folders(&dead).await, ["Sub"]);
    site.quirk("Q43", false);
    site.control().trash_file(id).unwrap();
    assert!(site.control().restore_file(id, None).is_err());
}
