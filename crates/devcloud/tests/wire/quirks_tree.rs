//! Quirks of folders, trash and moves: Q05, Q06, Q09, Q10, Q13 to Q24, Q35, Q36, Q42 to Q44, Q54, Q55, Q58, Q59.

use std::time::{Duration, Instant};

use devcloud::{Dialect, RowState, WebAction};
use serde_json::Value;

use crate::common::{Said, Site, number, row};

const FAR: &str = "2147483647";

async fn trashed_folder(site: &Site) -> String {
    let id = site.mkdir("", "Gone").await.to_string();
    site.put(&id, "in.txt", b"in").await;
    site.mkdir(&id, "Sub").await;
    assert_eq!(
        site.call("folder/delete", &[("folder_id", &id)]).await.json["_status"],
        "success"
    );
    id
}

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
async fn q09_folder_fallback() {
    let site = Site::with(&["Q09"]).await;
    for folder in [FAR, "0", "-4", "text"] {
        let id = site.put(folder, &format!("a{folder}.txt"), b"a").await;
        assert_eq!(site.file_info(id).await.data()["folderId"], Value::Null);
    }
    let site = Site::with(&[]).await;
    assert!(
        site.upload(FAR, "a.txt", b"a")
            .await
            .error()
            .contains("destination folder")
    );
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
async fn q13_root_limbo() {
    let site = Site::with(&["Q13", "-Q24"]).await;
    let id = site.put("", "a.txt", b"a").await.to_string();
    let said = site
        .call("file/move", &[("file_id", &id), ("new_parent_folder_id", "null")])
        .await;
    assert_eq!(said.data()["folderId"], "0");
    assert!(site.files("").await.is_empty() && site.files("0").await.is_empty());
    let said = site
        .call("file/edit", &[("file_id", &id), ("folder_id", "null")])
        .await;
    assert_eq!(said.data()["folderId"], Value::Null);
    let said = site
        .call("file/edit", &[("file_id", &id), ("folder_id", "NULL")])
        .await;
    assert_eq!(said.data()["folderId"], "0");
    let said = site
        .call("file/copy", &[("file_id", &id), ("copy_to_folder_id", "null")])
        .await;
    assert_eq!(said.json["new_file"]["data"]["folderId"], "0");
    site.knob("Q13.move", "off");
    let said = site
        .call("file/move", &[("file_id", &id), ("new_parent_folder_id", "null")])
        .await;
    assert_eq!(said.data()["folderId"], Value::Null);
}

#[tokio::test]
async fn q14_edit_ignores_bad_parent() {
    let site = Site::with(&["Q14"]).await;
    let folder = site.mkdir("", "F").await.to_string();
    let id = site.put(&folder, "a.txt", b"a").await.to_string();
    let said = site
        .call(
            "file/edit",
            &[("file_id", &id), ("folder_id", FAR), ("filename", "b.txt")],
        )
        .await;
    assert_eq!(
        (&said.data()["folderId"], &said.data()["filename"]),
        (&folder.clone().into(), &"b.txt".into())
    );
    let said = site
        .call("folder/edit", &[("folder_id", &folder), ("parent_id", FAR)])
        .await;
    assert_eq!(said.data()["parentId"], Value::Null);
    site.quirk("Q14", false);
    let said = site
        .call("file/edit", &[("file_id", &id), ("folder_id", FAR)])
        .await;
    assert!(said.error().contains("destination folder"));
}

#[tokio::test]
async fn q15_cycles() {
    let site = Site::with(&["Q15"]).await;
    let a = site.mkdir("", "A").await.to_string();
    let b = site.mkdir(&a, "B").await.to_string();
    let params = [("folder_id", a.as_str()), ("new_parent_folder_id", &b)];
    assert_eq!(site.call("folder/move", &params).await.data()["parentId"], b);
    assert!(site.folders("").await.is_empty());
    let died = site.call("folder/delete", &[("folder_id", &a)]).await;
    assert_eq!((died.http, died.body.as_str()), (500, ""));
    let died = site.upload(&b, "a.txt", b"a").await;
    assert_eq!((died.http, died.body.as_str()), (500, ""));
    assert_eq!(
        site.files(&b).await,
        ["a.txt"],
        "the file was stored before the recursion died"
    );
    let said = site
        .call("folder/edit", &[("folder_id", &a), ("parent_id", "null")])
        .await;
    assert_eq!(said.data()["parentId"], Value::Null);
    assert_eq!(site.folders("").await, ["A"]);
    site.quirk("Q15", false);
    site.call("folder/move", &params).await.error();
    site.call("folder/edit", &[("folder_id", &a), ("parent_id", &b)])
        .await
        .error();
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
async fn q19_create_unchecked() {
    let site = Site::with(&["Q19"]).await;
    let id = site.mkdir(FAR, "Lost").await;
    assert!(site.folders("").await.is_empty());
    assert_eq!(site.control().tree().unwrap().folders[0].path, None);
    let said = site
        .call("folder/info", &[("parent_folder_id", &id.to_string())])
        .await;
    assert_eq!(said.data()["parentId"], FAR);
    let site = Site::with(&[]).await;
    let said = site
        .call("folder/create", &[("folder_name", "Lost"), ("parent_id", FAR)])
        .await;
    assert!(said.error().contains("destination folder"));
    assert_ne!(site.mkdir("", "Twin").await, site.mkdir("", "Twin").await);
}

#[tokio::test]
async fn q21_first_1000_folders() {
    let site = Site::with(&["Q21"]).await;
    site.knob("Q21.limit", "2");
    let ids = [
        site.mkdir("", "a").await,
        site.mkdir("", "b").await,
        site.mkdir("", "c").await,
    ];
    let file = site.put("", "x.txt", b"x").await.to_string();
    for (id, good) in ids.iter().zip([true, true, false]) {
        let said = site
            .call(
                "file/move",
                &[("file_id", &file), ("new_parent_folder_id", &id.to_string())],
            )
            .await;
        assert_eq!(said.json["_status"] == "success", good, "{id}");
    }
    site.quirk("Q21", false);
    let last = ids[2].to_string();
    site.call(
        "file/move",
        &[("file_id", &file), ("new_parent_folder_id", &last)],
    )
    .await
    .data();
}

#[tokio::test]
async fn q22_whole_row_write() {
    for (quirk, name) in [("Q22", "old.txt"), ("-Q22", "new.txt")] {
        let site = Site::with(&[quirk]).await;
        site.knob("Q22.window", "0.5");
        let folder = site.mkdir("", "F").await.to_string();
        let id = site.put("", "old.txt", b"x").await;
        let text = id.to_string();
        let to = [("file_id", text.as_str()), ("new_parent_folder_id", &folder)];
        let moving = site.call("file/move", &to);
        let renaming = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            site.call("file/edit", &[("file_id", &text), ("filename", "new.txt")])
                .await
        };
        let (moved, renamed) = tokio::join!(moving, renaming);
        assert_eq!(renamed.data()["filename"], "new.txt");
        moved.data();
        assert_eq!(site.files(&folder).await, [name], "{quirk}");
    }
}

#[tokio::test]
async fn q23_info_param() {
    let site = Site::with(&[]).await;
    let id = site.mkdir("", "F").await.to_string();
    for (knob, key, good) in [
        ("folder_id", "folder_id", true),
        ("folder_id", "parent_folder_id", false),
        ("parent_folder_id", "folder_id", false),
        ("parent_folder_id", "parent_folder_id", true),
    ] {
        site.knob("Q23.param", knob);
        let said = site.call("folder/info", &[(key, &id)]).await;
        assert_eq!(said.json["_status"] == "success", good, "{knob} {key}");
    }
    site.quirk("Q23", false);
    site.call("folder/info", &[("folder_id", &id)]).await.data();
}

#[tokio::test]
async fn q24_copy_ownerless() {
    let site = Site::with(&["Q24"]).await;
    let id = site.put("", "a.txt", b"a").await.to_string();
    let to = [("file_id", id.as_str()), ("copy_to_folder_id", "null")];
    assert_eq!(
        site.call("file/copy", &to).await.error(),
        "Could not find file based on file_id."
    );
    assert_eq!(site.control().tree().unwrap().files.len(), 2);
    assert_eq!(site.files("").await.len(), 1);

    let keys = [("key1", site.server.key1()), ("key2", site.server.key2())];
    let login = site
        .http
        .post(format!("{}authorize", site.server.api_url()))
        .form(&keys)
        .send()
        .await
        .unwrap();
    let cookie = login.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let mut params = vec![("access_token", site.token.as_str()), ("account_id", "158642")];
    params.extend_from_slice(&to);
    let call = site
        .http
        .post(format!("{}file/copy", site.server.api_url()))
        .form(&params);
    let said = Said::of(call.header("cookie", cookie).send().await.unwrap()).await;
    assert_eq!(said.json["_status"], "success", "{}", said.body);
    assert_eq!(site.files("").await.len(), 2);
}

#[tokio::test]
async fn q35_bad_id_is_root() {
    let site = Site::with(&["Q35"]).await;
    site.put("", "a.txt", b"a").await;
    for root in ["0", "", "text", "null"] {
        assert_eq!(site.files(root).await, ["a.txt"], "{root}");
    }
    assert!(site.files("-3").await.is_empty());
    assert_eq!(
        site.listing(FAR).await.error(),
        "Could not find folder based on folder_id."
    );
    site.knob("Q35.sql", "on");
    let died = site.call("file/info", &[("file_id", "text")]).await;
    assert_eq!((died.http, died.body.as_str()), (500, ""));
    site.quirk("Q35", false);
    for bad in ["0", "text", "-3"] {
        assert_eq!(
            site.listing(bad).await.error(),
            "Could not find folder based on folder_id."
        );
    }
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

#[tokio::test]
async fn q44_content_swap() {
    let site = Site::with(&["Q44"]).await;
    let id = site.put("", "a.txt", b"first").await;
    let before = site.file_info(id).await;
    site.control().swap_content(id, "second one").unwrap();
    let after = site.file_info(id).await;
    assert_eq!(after.data()["fileSize"], "10");
    for same in ["id", "shortUrl", "uploadedDate", "filename"] {
        assert_eq!(before.data()[same], after.data()[same]);
    }
    let url = site.link(id).await;
    assert_eq!(
        site.get(&url, None).await.unwrap().bytes().await.unwrap(),
        "second one"
    );
    site.quirk("Q44", false);
    assert!(site.control().swap_content(id, "third").is_err());
}

#[tokio::test]
async fn q54_counts_lie() {
    let site = Site::with(&["Q54"]).await;
    let folder = site.mkdir("", "F").await;
    let text = folder.to_string();
    let id = site.put(&text, "a.txt", b"12345").await.to_string();
    site.call("file/delete", &[("file_id", &id)]).await.data();
    let stale = row(&site.listing("").await.data()["folders"], folder);
    assert_eq!(
        (&stale["totalSize"], &stale["date_updated"]),
        (&"5".into(), &Value::Null)
    );
    site.quirk("Q54", false);
    let fresh = row(&site.listing("").await.data()["folders"], folder);
    assert_eq!(fresh["totalSize"], "0");
    assert!(fresh["date_updated"].is_string());
}

#[tokio::test]
async fn totals_are_true_after_everything_that_moves_bytes() {
    let site = Site::with(&[]).await;
    let control = site.control();
    let (a, b) = (
        control.create_folder(None, "a").unwrap(),
        control.create_folder(None, "b").unwrap(),
    );
    let inner = control.create_folder(Some(a), "inner").unwrap();
    control.put_file(Some(inner), "1", "12345").unwrap();
    let two = control.put_file(Some(a), "2", "123").unwrap();
    let total = async |id: u64| {
        let said = site
            .call("folder/info", &[("parent_folder_id", &id.to_string())])
            .await;
        number(&said.data()["totalSize"])
    };
    assert_eq!((total(a).await, total(inner).await, total(b).await), (8, 5, 0));
    control.move_folder(inner, Some(b)).unwrap();
    control.move_file(two, Some(inner)).unwrap();
    assert_eq!((total(a).await, total(inner).await, total(b).await), (0, 8, 8));
    control.trash_folder(inner).unwrap();
    assert_eq!(total(b).await, 0);
    control.restore_folder(inner, Some(a)).unwrap();
    assert_eq!((total(a).await, total(inner).await, total(b).await), (8, 8, 0));
    control.purge_file(two).unwrap();
    assert_eq!((total(a).await, total(inner).await), (5, 5));
}

#[tokio::test]
async fn q55_slow_listing() {
    let site = Site::with(&["Q55"]).await;
    site.knob("Q55.per-folder", "0.1");
    for name in ["a", "b", "c"] {
        site.mkdir("", name).await;
    }
    let begun = Instant::now();
    site.listing("").await.data();
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn q58_foreign_owner() {
    let site = Site::with(&["Q58"]).await;
    let name = devcloud::Name(b"Theirs".to_vec());
    let shared = site
        .control()
        .web(WebAction::ShareFolder { name })
        .unwrap()
        .unwrap()
        .to_string();
    let id = site.put(&shared, "a.txt", b"a").await;
    assert_eq!(
        site.file_info(id).await.error(),
        "Could not find file based on file_id."
    );
    assert_eq!(
        site.listing(&shared).await.error(),
        "Could not find folder based on folder_id."
    );
    site.quirk("Q58", false);
    assert!(
        site.upload(&shared, "b.txt", b"b")
            .await
            .error()
            .contains("destination folder")
    );
}

#[tokio::test]
async fn q59_foreign_zero_file() {
    let site = Site::with(&["Q59"]).await;
    site.control().put_file(None, "empty", "").unwrap();
    assert_eq!(site.listing("").await.data()["files"][0]["fileSize"], "0");
    site.quirk("Q59", false);
    assert!(site.control().put_file(None, "empty", "").is_err());
}

#[tokio::test]
async fn lost_rows_are_not_found_and_their_ids_come_again() {
    let site = Site::with(&[]).await;
    let old = site.put("", "old.txt", b"1").await;
    let new = site.put("", "new.txt", b"2").await;
    site.control()
        .web(WebAction::LoseRows {
            files: vec![new],
            folders: vec![],
        })
        .unwrap();
    assert_eq!(
        site.file_info(new).await.error(),
        "Could not find file based on file_id."
    );
    site.file_info(old).await.data();
    assert_eq!(site.put("", "other.txt", b"3").await, new);
}
