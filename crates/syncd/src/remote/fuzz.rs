//! Listings with hostile rows through a whole walk: it ends, it believes no row of another folder, and what it shows is a
//! tree whatever the server says. Never a panic.
//!
//! The normal run is the same each time; `PROPTEST_CASES` asks for others.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::MemoryTokenStore;
use api::transport::{HttpBody, HttpRequest, HttpResponse, Transport, TransportError};
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use planner::id::FolderId;
use planner::naming;
use planner::policy::{DiskTraits, Unstorable};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::account::Account;
use super::walk::Walk;
use crate::cases::cases_or;

/// Folders that a made-up account has, 1 being the pair's root.
const FOLDERS: u64 = 6;

/// A server that lists what it was given, by folder.
struct Lists(BTreeMap<u64, Value>);

impl Lists {
    fn answer(&self, form: &str) -> String {
        if form.contains("key1=") {
            return r#"{"data":{"access_token":"t","account_id":"1"},"_status":"success"}"#.to_owned();
        }
        let asked = form
            .split('&')
            .find_map(|field| field.strip_prefix("parent_folder_id="));
        let listing = asked.and_then(|id| self.0.get(&id.parse().ok()?));
        match listing {
            Some(listing) => json!({"_status": "success", "data": listing}).to_string(),
            None => {
                r#"{"_status":"error","response":"Could not find folder based on folder_id."}"#.to_owned()
            }
        }
    }
}

impl Transport for Lists {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let HttpBody::Full(form) = request.body else {
            panic!("a call has a form");
        };
        let body = self.answer(std::str::from_utf8(&form).unwrap());
        let body = futures_util::stream::once(async move { Ok(body.into()) }).boxed();
        let head = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body,
        };
        std::future::ready(Ok(head)).boxed()
    }
}

fn name() -> impl Strategy<Value = String> {
    let odd = [
        "",
        ".",
        "..",
        "/",
        "a/../b",
        "\0",
        "a\u{0}b",
        "\u{202e}gpj.exe",
        "⟦2F⟧",
        "⟦",
        "CON",
        ".syncd",
        ".SYNCD",
        ".sy\u{200d}ncd",
        "syncd-up-00000000-0000000000000000.txt",
        "a (id 7).txt",
        "a (conflict 2026-11-23 141503 D).txt",
    ];
    prop_oneof![
        2 => prop::sample::select(odd.map(str::to_owned).to_vec()),
        2 => any::<String>(),
        1 => (1..5_000_usize).prop_map(|length| "é".repeat(length)),
        2 => "[ab]",
    ]
}

/// An id as servers send them, mostly one that means something here.
fn id() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (1..=FOLDERS).prop_map(Value::from),
        4 => (1..=FOLDERS).prop_map(|id| Value::from(id.to_string())),
        1 => prop::sample::select(vec![json!(0), json!(-1), json!(u64::MAX), json!("0"), json!("00"), json!(null),
            json!("99999999999999999999999"), json!(1.5), json!([]), json!("1 OR 1=1")]),
    ]
}

/// Whether it is this id, as a number or as text.
fn is_id(value: &Value, id: u64) -> bool {
    value.as_u64() == Some(id) || value.as_str() == Some(id.to_string().as_str())
}

/// A row of a folder that mostly says where it was asked for.
fn row(of: u64, is_file: bool) -> impl Strategy<Value = Value> {
    let parent = prop_oneof![12 => Just(Value::from(of)), 1 => id()];
    let state = prop::sample::select(vec![
        json!("active"),
        json!("active"),
        json!("trash"),
        json!(null),
        json!("deleted"),
        json!("?"),
    ]);
    let size = prop_oneof![6 => (0..9_u64).prop_map(Value::from), 1 => any::<i64>().prop_map(Value::from)];
    (id(), name(), parent, state, size).prop_map(move |(id, name, parent, state, size)| {
        if is_file {
            json!({"id": id, "filename": name, "shortUrl": "x", "fileSize": size, "folderId": parent, "status": state})
        } else {
            json!({"id": id, "folderName": name, "parentId": parent, "status": state})
        }
    })
}

fn listing(of: u64) -> impl Strategy<Value = Value> {
    let files = prop::collection::vec(row(of, true), 0..5);
    let folders = prop::collection::vec(row(of, false), 0..5);
    prop_oneof![
        12 => (files, folders).prop_map(|(files, folders)| json!({"files": files, "folders": folders})),
        1 => Just(json!({"files": [], "folders": false})),
    ]
}

fn account() -> impl Strategy<Value = BTreeMap<u64, Value>> {
    (1..=FOLDERS)
        .map(listing)
        .collect::<Vec<_>>()
        .prop_map(|all| (1..).zip(all).collect())
}

fn walked(lists: BTreeMap<u64, Value>) -> Option<Walk> {
    let mut config = api::Config::new("https://cloud.example/api/v2/").unwrap();
    config.credentials = api::Credentials::keys("k".repeat(64), "l".repeat(64));
    config.retry.base = std::time::Duration::from_micros(1);
    let client = api::Client::with_transport(
        config,
        Arc::new(MemoryTokenStore::new()),
        Arc::new(|_| Ok(())),
        Arc::new(Lists(lists)),
    );
    let account = Arc::new(Account::new(client, FolderId::new(1), BTreeMap::new()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(Walk::take(&account)).ok()
}

proptest! {
    #![proptest_config(cases_or(1_000))]

    #[test]
    fn a_walk_over_hostile_rows_ends_in_a_tree(lists in account()) {
        let Some(walk) = walked(lists.clone()) else { return Ok(()) };
        let nodes = walk.nodes();
        for node in nodes.iter() {
            // No ring, and nothing that hangs from what is not there.
            let top = nodes.ancestors(node.id).last().map_or(node.parent, |above| above.parent);
            prop_assert_eq!(top, None, "{:?}", node);
            let above = node.parent.map_or(1, FolderId::get);
            let listed = walk.listed(node.parent).is_some();
            prop_assert!(listed && lists.contains_key(&above), "{:?} comes from no listing", node);
            // Whatever the name is, it leads nowhere else on a disk, and into nothing of ours.
            if let Ok(local) = naming::to_local(&node.name, &DiskTraits::default(), Unstorable::Escape) {
                let text = local.as_str();
                prop_assert!(!text.contains(['/', '\0']) && text != "." && text != "..", "{text:?}");
            }
        }
        for folder in walk.folders() {
            if let Some(listed) = walk.listed(folder) {
                let place = api::FolderId::new(folder.map_or(1, FolderId::get)).map(api::Parent::In);
                for row in &listed.folders {
                    prop_assert_eq!(row.parent, place);
                }
                let here = folder.map_or(1, FolderId::get);
                let served = lists.get(&here).and_then(|list| list["files"].as_array());
                let served: Vec<&Value> = served.into_iter().flatten().filter(|row| is_id(&row["folderId"], here)).collect();
                for file in &listed.files {
                    prop_assert!(served.iter().any(|row| is_id(&row["id"], file.id.get())), "{:?}", file);
                }
            }
        }
    }
}

#[test]
fn a_plain_account_is_walked_to_its_last_row() {
    let lists = BTreeMap::from([
        (
            1,
            json!({"files": [], "folders": [{"id": 2, "folderName": "a", "parentId": 1, "status": "active"}]}),
        ),
        (
            2,
            json!({"files": [{"id": 9, "filename": "b", "shortUrl": "x", "fileSize": 3, "folderId": 2}], "folders": []}),
        ),
    ]);
    assert_eq!(walked(lists).unwrap().nodes().len(), 2);
}
