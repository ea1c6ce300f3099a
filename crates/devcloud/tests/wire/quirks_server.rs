//! Quirks of the whole server: Q37 to Q41, Q51 to Q53, Q56, Q57.

use std::collections::BTreeSet;
use std::time::Duration;

use devcloud::{Dialect, RowState};

use crate::common::Site;

#[tokio::test]
async fn q37_loose_types() {
    let site = Site::with(&[]).await;
    for n in 0..12 {
        site.put("", &format!("{n}.txt"), b"x").await;
    }
    let mixed = |said: crate::common::Said, key: &str| {
        let rows = said.data()["files"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row[key].is_string())
            .collect::<BTreeSet<bool>>()
    };
    assert_eq!(mixed(site.listing("").await, "id"), [true].into());
    site.quirk("Q37", true);
    assert_eq!(mixed(site.listing("").await, "id"), [false].into());
    assert_eq!(mixed(site.listing("").await, "fileSize"), [false].into());
    assert_eq!(mixed(site.listing("").await, "downloads"), [true].into());
    site.knob("Q37.mode", "per-row");
    assert_eq!(mixed(site.listing("").await, "id").len(), 2);
    site.knob("Q37.mode", "strings");
    assert_eq!(mixed(site.listing("").await, "id"), [true].into());
}

#[tokio::test]
async fn q38_junk_before_json() {
    let site = Site::with(&["Q38"]).await;
    let mut starts = BTreeSet::new();
    for _ in 0..20 {
        let said = site.file_info(99).await;
        let at = said.body.find("{\"").unwrap();
        assert!(at > 0);
        starts.insert(said.body[..at].to_owned());
        let whole = &said.body[said.body.rfind("{\"").unwrap()..];
        assert!(
            serde_json::from_str::<serde_json::Value>(whole).is_ok(),
            "{whole}"
        );
    }
    assert_eq!(starts.len(), 2, "a warning, or a BOM");
}

#[tokio::test]
async fn q39_empty_200() {
    let site = Site::with(&[]).await;
    site.control().put_file(None, b"bad \xFF name", "x").unwrap();
    site.listing("").await.data();
    site.quirk("Q39", true);
    let said = site.listing("").await;
    assert_eq!((said.http, said.body.as_str()), (200, ""));
    site.call("account/info", &[]).await.data();
    let folder = site.mkdir("", "F").await.to_string();
    for n in 0..3 {
        site.mkdir(&folder, &n.to_string()).await;
    }
    site.listing(&folder).await.data();
    site.knob("Q39.rows", "2");
    assert_eq!(site.listing(&folder).await.body, "");
}

#[tokio::test]
async fn q40_expiry() {
    let mut site = Site::with(&["Q40"]).await;
    site.control()
        .set_package("days_to_keep_inactive_files", 90)
        .unwrap();
    assert_eq!(
        site.call("account/package", &[]).await.data()["days_to_keep_inactive_files"],
        "90"
    );
    let (old, used) = (
        site.put("", "old.txt", b"1").await,
        site.put("", "used.txt", b"2").await,
    );
    let url = site.link(used).await;
    site.control().advance(Duration::from_secs(60 * 86_400));
    site.get(&url, None).await.unwrap().bytes().await.unwrap();
    site.control().advance(Duration::from_secs(40 * 86_400));
    site.token = site.sign_in().await;
    assert_eq!(site.file_info(old).await.data()["status"], "deleted");
    assert_eq!(site.file_info(used).await.data()["status"], "active");
    site.quirk("Q40", false);
    site.control().advance(Duration::from_secs(400 * 86_400));
    let tree = site.control().tree().unwrap();
    assert!(
        tree.files
            .iter()
            .any(|file| file.id == used && file.state == RowState::Active)
    );
}

#[tokio::test]
async fn q41_db_hiccup() {
    let site = Site::with(&["Q41"]).await;
    let id = site.put("", "a.txt", b"a").await;
    site.knob("Q41.p", "0.5");
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let said = site.file_info(id).await;
        assert_eq!(said.http, 200);
        seen.insert(match said.json["response"].as_str() {
            Some(text) if text.starts_with("Could not find file") => "not found",
            Some(text) if text.starts_with("Could not validate") => "token",
            None if said.body.starts_with("<p>") => "paragraph",
            _ => "fine",
        });
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[tokio::test]
async fn q51_throttled() {
    let site = Site::with(&["Q51"]).await;
    site.knob("Q51.per-second", "0");
    let sent = site
        .http
        .post(format!("{}account/info", site.server.api_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (sent.status().as_u16(), &sent.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    for (answer, http, text) in [
        ("text", 429, "Too many"),
        ("html", 429, "<html>"),
        ("challenge", 403, "challenge"),
    ] {
        site.knob("Q51.answer", answer);
        let said = site.call("account/info", &[]).await;
        assert_eq!(said.http, http);
        assert!(said.body.contains(text));
    }
    site.knob("Q51.per-second", "1000");
    site.call("account/info", &[]).await.data();
}

#[tokio::test]
async fn q52_maintenance() {
    let site = Site::with(&[]).await;
    site.quirk("Q52", true);
    let said = site.call("account/info", &[]).await;
    assert_eq!((said.http, said.body.starts_with("<html>")), (200, true));
    site.knob("Q52.mode", "redirect");
    let sent = site
        .http
        .post(format!("{}account/info", site.server.api_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 302);
    let to = sent.headers()["location"].to_str().unwrap();
    assert!(to.ends_with("/down_for_maintenance"));
    assert_eq!(site.get(to, None).await.unwrap().status(), 200);
    site.quirk("Q52", false);
    site.call("account/info", &[]).await.data();
}

#[tokio::test]
async fn q53_no_url_upload() {
    let site = Site::with(&["Q53"]).await;
    for path in ["file/url_upload_add", "file/url_upload_status"] {
        let said = site.call(path, &[("scheduled_item_id", "1")]).await;
        assert_eq!(said.http, 404);
        assert!(said.json["0"].as_str().unwrap().starts_with("No method found"));
    }
    site.quirk("Q53", false);
    site.call("file/url_upload_status", &[("scheduled_item_id", "1")])
        .await
        .error();
}

#[tokio::test]
async fn q56_canonical_redirect() {
    let site = Site::with(&["Q56"]).await;
    site.call("account/info", &[]).await.data();
    let port = site.server.address().port();
    let other = site
        .http
        .post(format!("http://localhost:{port}/api/v2/account/info"));
    let sent = other.send().await.unwrap();
    assert_eq!(sent.status(), 302);
    assert_eq!(
        sent.headers()["location"],
        format!("http://127.0.0.1:{port}/api/v2/account/info")
    );
    site.knob("Q56.https", "on");
    let said = site.call("account/info", &[]).await;
    assert_eq!(said.http, 302);
}

#[tokio::test]
async fn q57_lost_answer() {
    let site = Site::with(&["Q57"]).await;
    site.knob("Q57.p", "1");
    site.knob("Q57.when", "before");
    assert_eq!(site.call("folder/create", &[("folder_name", "A")]).await.http, 0);
    site.knob("Q57.when", "after");
    assert_eq!(site.call("folder/create", &[("folder_name", "B")]).await.http, 0);
    site.quirk("Q57", false);
    assert_eq!(site.folders("").await, ["B"]);
}

#[tokio::test]
async fn every_dialect_serves_a_round_of_work() {
    for dialect in [Dialect::Document, Dialect::V4, Dialect::V5] {
        let site = Site::dialect(dialect).await;
        let folder = site.mkdir("", "F").await.to_string();
        let id = site.put(&folder, "a.txt", b"abc").await;
        assert_eq!(site.files(&folder).await, ["a.txt"], "{dialect}");
        let url = site.link(id).await;
        assert_eq!(site.get(&url, None).await.unwrap().text().await.unwrap(), "abc");
    }
}

#[tokio::test]
async fn hostile_lets_a_patient_client_through() {
    let site = Site::dialect(Dialect::Hostile).await;
    let mut done = 0;
    for n in 0..60 {
        let said = site
            .call("folder/create", &[("folder_name", &n.to_string())])
            .await;
        done += u32::from(said.body.contains("\"success\""));
    }
    assert!(done > 30, "{done}");
    let live = site.control().tree().unwrap().live_folders().len();
    assert!(live >= usize::try_from(done).unwrap());
}

#[test]
fn every_quirk_of_the_table_has_a_test_that_carries_its_number() {
    let tests = [
        include_str!("quirks_auth.rs"),
        include_str!("quirks_names.rs"),
        include_str!("quirks_server.rs"),
        include_str!("quirks_transfer.rs"),
        include_str!("quirks_trash.rs"),
        include_str!("quirks_tree.rs"),
    ];
    for info in devcloud::QUIRKS.iter().filter(|info| info.id != 0) {
        let name = format!("async fn q{:02}_{}", info.id, info.name.replace('-', "_"));
        assert!(
            tests.iter().any(|file| file.contains(&name)),
            "no test is called {name}"
        );
    }
}
