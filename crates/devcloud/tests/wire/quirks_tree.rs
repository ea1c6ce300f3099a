//! Quirks of folders, moves and copies: Q09, Q13 to Q15, Q19, Q21 to Q24, Q35, Q44, Q54, Q55, Q58, Q59.

use std::time::{Duration, Instant};

use devcloud::WebAction;
use serde_json::Value;

use crate::common::{FAR, Said, Site, number, row};

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
