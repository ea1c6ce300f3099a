//! Faults by name, the ledger, and `/_dev`: what tests steer and count with.

use std::time::{Duration, Instant};

use devcloud::{Class, Options};
use serde_json::{Value, json};

use crate::common::{Said, Site};

async fn struck(fault: &str) -> Site {
    let site = Site::with(&[]).await;
    site.control().set_fault(fault, 1.0).unwrap();
    site
}

fn calm(site: &Site, fault: &str) {
    site.control().set_fault(fault, 0.0).unwrap();
}

#[tokio::test]
async fn answers_that_are_faults_come_before_the_work() {
    for (fault, http) in [
        ("429", 429),
        ("5xx-json", 500),
        ("5xx-html", 502),
        ("drop-before", 0),
    ] {
        let site = struck(fault).await;
        let said = site.call("folder/create", &[("folder_name", "A")]).await;
        assert_eq!(said.http, http, "{fault}");
        let said = site.upload("", "a.bin", &[1; 500_000]).await;
        assert_eq!(said.http, http, "{fault}");
        calm(&site, fault);
        assert!(
            site.folders("").await.is_empty() && site.files("").await.is_empty(),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_lost_come_after_the_work() {
    for fault in ["drop-after", "empty-body", "cut-json"] {
        let site = struck(fault).await;
        let said = site.call("folder/create", &[("folder_name", "A")]).await;
        assert!(said.json.is_null(), "{fault}: {}", said.body);
        calm(&site, fault);
        assert_eq!(site.folders("").await, ["A"], "{fault}");
    }
}

#[tokio::test]
async fn a_dropped_request_is_in_the_ledger_without_a_status() {
    let site = struck("drop-after").await;
    site.control().reset_ledger();
    site.call("folder/create", &[("folder_name", "A")]).await;
    let entry = site.control().ledger().entries.pop().unwrap();
    assert_eq!(
        (entry.http, entry.faults.as_slice()),
        (0, ["drop-after".to_owned()].as_slice())
    );
    assert_eq!(entry.folders.len(), 1);
}

#[tokio::test]
async fn retry_after_is_a_knob() {
    let site = struck("429").await;
    site.knob("429.retry-after", "7");
    let sent = site
        .http
        .post(format!("{}account/info", site.server.api_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(sent.headers()["retry-after"], "7");
}

#[tokio::test]
async fn tokens_are_lost_once_per_interval() {
    let mut site = struck("token-loss").await;
    site.call("account/info", &[]).await.error();
    site.token = site.sign_in().await;
    for _ in 0..5 {
        site.call("account/info", &[]).await.data();
    }
}

#[tokio::test]
async fn downloads_end_early_or_stall() {
    let site = Site::with(&[]).await;
    let id = site.put("", "a.bin", &[7; 100_000]).await;
    let url = site.link(id).await;
    site.control().set_fault("short-body", 1.0).unwrap();
    let got = site.get(&url, None).await.unwrap();
    assert_eq!(got.content_length(), Some(100_000));
    assert!(got.bytes().await.is_err());
    calm(&site, "short-body");
    site.control().set_fault("stalled-body", 1.0).unwrap();
    site.knob("stalled-body.seconds", "0.3");
    let begun = Instant::now();
    assert_eq!(
        site.get(&url, None).await.unwrap().bytes().await.unwrap().len(),
        100_000
    );
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn half_of_an_upload_is_stored_and_so_reported() {
    let site = struck("upload-truncated").await;
    assert_eq!(site.upload("", "a.txt", b"12345678").await.data()[0]["size"], "4");
}

#[tokio::test]
async fn latency_is_added_to_every_answer_but_those_of_dev() {
    let mut options = Options::new("");
    options.latency = Duration::from_millis(120);
    let site = Site::start(options).await;
    let begun = Instant::now();
    site.call("account/info", &[]).await.data();
    assert!(begun.elapsed() >= Duration::from_millis(120));
    let site = struck("latency").await;
    site.knob("latency.ms", "120");
    let begun = Instant::now();
    site.call("account/info", &[]).await.data();
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn the_ledger_counts_by_class_and_endpoint() {
    let site = Site::with(&[]).await;
    let folder = site.mkdir("", "F").await;
    site.control().reset_ledger();
    let id = site.put(&folder.to_string(), "a.txt", b"12345").await;
    site.files("").await;
    let url = site.link(id).await;
    site.get(&url, None).await.unwrap().bytes().await.unwrap();
    site.call(
        "folder/move",
        &[("folder_id", "0"), ("new_parent_folder_id", "7")],
    )
    .await;
    site.sign_in().await;
    let ledger = site.control().ledger();
    for (class, count) in [
        (Class::Mutate, 1),
        (Class::Read, 2),
        (Class::Probe, 1),
        (Class::Login, 1),
        (Class::Download, 1),
    ] {
        assert_eq!(ledger.totals.of(class), count, "{class:?}");
    }
    assert_eq!(ledger.totals.at("/folder/listing"), 1);
    assert_eq!((ledger.totals.bytes_in, ledger.totals.bytes_out), (5, 5));
    let first = ledger.entries.first().unwrap();
    assert_eq!(
        (first.files.as_slice(), first.folders.as_slice()),
        ([id].as_slice(), [folder].as_slice())
    );
}

/// GET, or POST of a value, below `/_dev`.
async fn dev(site: &Site, path: &str, body: Option<Value>) -> Value {
    let url = format!("http://{}/_dev/{path}", site.server.address());
    let request = match body {
        Some(body) => site.http.post(url).body(body.to_string()),
        None => site.http.get(url),
    };
    Said::of(request.send().await.unwrap()).await.json
}

#[tokio::test]
async fn dev_reads_and_changes_everything_over_http() {
    let site = struck("5xx-html").await;
    dev(
        &site,
        "faults",
        Some(json!({"faults": {"5xx-html": 0.0}, "knobs": {"latency.ms": 5}})),
    )
    .await;
    site.put("", "a.txt", b"a").await;

    let ledger = dev(&site, "ledger", None).await;
    let seq = ledger["entries"][0]["seq"].as_u64().unwrap();
    assert_eq!(ledger["totals"]["by_class"]["mutate"], 1);
    let later = dev(&site, &format!("ledger?since={seq}"), None).await;
    assert_eq!(
        later["entries"].as_array().unwrap().len(),
        ledger["entries"].as_array().unwrap().len() - 1
    );
    dev(&site, "ledger", Some(json!({}))).await;
    assert_eq!(dev(&site, "ledger", None).await["totals"]["requests"], 0);

    let quirks = dev(
        &site,
        "quirks",
        Some(json!({"quirks": {"Q06": true}, "knobs": {"Q03.tries": 9}})),
    )
    .await;
    let of = |id: &str| {
        quirks["quirks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (of("Q06")["on"].clone(), of("Q03")["knobs"]["tries"].clone()),
        (true.into(), "9".into())
    );
    let quirks = dev(&site, "quirks", Some(json!({"dialect": "v5"}))).await;
    assert_eq!(quirks["dialect"], "v5");

    let clock = dev(&site, "clock", Some(json!({"advance_seconds": 86400}))).await;
    assert_eq!(clock["offset_ms"], 86_400_000);

    let made = dev(
        &site,
        "web",
        Some(json!({"action": "create-folder", "name": "W"})),
    )
    .await;
    let put =
        json!({"action": "put-file", "folder": made["id"], "name": "w.txt", "content": {"text": "web"}});
    let file = dev(&site, "web", Some(put)).await;
    let tree = dev(&site, "tree", None).await;
    let row = tree["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == file["id"])
        .unwrap()
        .clone();
    assert_eq!(
        (row["path"].clone(), row["state"].clone()),
        ("/W/w.txt".into(), "active".into())
    );
    let url = format!(
        "http://{}/_dev/content?file={}",
        site.server.address(),
        file["id"]
    );
    assert_eq!(site.get(&url, None).await.unwrap().text().await.unwrap(), "web");
    assert!(dev(&site, "web", Some(json!({"action": "fly"}))).await["error"].is_string());
    assert!(dev(&site, "quirks", Some(json!({"quirks": {"Q99": true}}))).await["error"].is_string());
}

#[tokio::test]
async fn a_thousand_files_are_listed_whole() {
    let site = Site::with(&[]).await;
    let folder = site.control().create_folder(None, "F").unwrap();
    for n in 0..1000 {
        site.control()
            .put_file(Some(folder), format!("{n:04}.txt"), "same bytes")
            .unwrap();
    }
    let files = site.files(&folder.to_string()).await;
    assert_eq!(files.len(), 1000);
    assert!(files.is_sorted());
}

#[tokio::test]
async fn a_probe_that_is_struck_still_counts_as_a_probe() {
    let site = struck("5xx-html").await;
    site.control().reset_ledger();
    site.call(
        "folder/move",
        &[("folder_id", "0"), ("new_parent_folder_id", "7")],
    )
    .await;
    let totals = site.control().totals();
    assert_eq!((totals.of(Class::Probe), totals.of(Class::Mutate)), (1, 0));
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_requests() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut options = Options::new("");
        options.seed = 11;
        let site = Site::start(options).await;
        site.control().set_fault("5xx-html", 0.5).unwrap();
        let mut run = Vec::new();
        for _ in 0..20 {
            run.push(site.call("account/info", &[]).await.http);
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&502));
}
