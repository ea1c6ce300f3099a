//! Hostile answers through every parser: whatever a server sends, it is a typed error or a valid answer, never a panic,
//! and never a part that passes for the whole.
//!
//! The normal run is the same each time; `PROPTEST_CASES` asks for others.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::cases::cases_or;
use crate::endpoints::{Endpoint, account, auth, download, file, folder, import, upload};
use crate::envelope::{Asked, Envelope, Reply, classify};
use crate::error::ApiError;
use crate::id::{FileId, FolderId, Parent, ScheduledId};

/// Values that servers send where they should not, and any other.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "0",
            "-1",
            "00",
            "1",
            "18446744073709551616",
            "NaN",
            "null",
            "active",
            "trash",
            "error",
            "success",
            "1e9",
            " 7 ",
            "٧",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Keys that mean something, and any other.
fn key() -> impl Strategy<Value = String> {
    let known = [
        "_status",
        "status",
        "response",
        "data",
        "files",
        "folders",
        "id",
        "filename",
        "folderName",
        "fileSize",
        "folderId",
        "parentId",
        "shortUrl",
        "file_status",
        "hash",
        "error",
        "file_id",
        "size",
        "name",
        "download_url",
        "access_token",
        "account_id",
        "max_upload_size",
        "original_file",
        "new_file",
        "scheduled_item_id",
    ];
    prop_oneof![4 => prop::sample::select(known.map(str::to_owned).to_vec()), 1 => any::<String>()]
}

fn file_row(id: u64) -> Value {
    json!({"id": id.to_string(), "filename": format!("f{id}"), "shortUrl": "x", "fileSize": 3, "folderId": null,
        "status": "active", "file_status": "active"})
}

fn folder_row(id: u64) -> Value {
    json!({"id": id, "folderName": "d", "parentId": null, "status": "active", "date_added": "2026-01-01 00:00:00"})
}

/// Well-formed answers of every kind.
fn sound() -> Vec<Value> {
    let data = |data: Value| json!({"_status": "success", "response": "done", "data": data});
    vec![
        data(json!({"files": [file_row(7), file_row(8)], "folders": [folder_row(9)]})),
        data(file_row(7)),
        data(folder_row(7)),
        data(
            json!([{"name": "a", "size": 3, "hash": "d41d8cd98f00b204e9800998ecf8427e", "file_id": 7,
            "short_url": "x", "url": "https://a.example/x", "error": null}]),
        ),
        data(json!({"access_token": "t".repeat(128), "account_id": "1"})),
        data(json!({"filename": "a", "download_url": "https://a.example/x?y"})),
        data(
            json!({"id": 1, "label": "p", "max_upload_size": 0, "max_storage_bytes": "5", "concurrent_uploads": 2}),
        ),
        data(json!({"id": 1, "username": "u", "status": "active"})),
        data(json!({"scheduled_item_id": 5, "status": "pending", "total_size": 3})),
        json!({"_status": "success", "response": "File copied.", "original_file": {"data": file_row(7)},
            "new_file": {"data": file_row(8)}}),
        json!({"status": "error", "response": "Could not find folder based on folder_id."}),
    ]
}

/// Puts `new` at the place that `at` leads to, or takes what is there away.
fn disturb(value: &mut Value, at: &[usize], new: Option<&Value>) {
    let Some((first, rest)) = at.split_first() else {
        *value = new.cloned().unwrap_or_default();
        return;
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(first % map.len()).cloned().unwrap();
            match (rest, new) {
                ([], None) => drop(map.remove(&key)),
                _ => disturb(map.get_mut(&key).unwrap(), rest, new),
            }
        }
        Value::Array(list) if !list.is_empty() => {
            let place = first % list.len();
            match (rest, new) {
                ([], None) => drop(list.remove(place)),
                _ => disturb(&mut list[place], rest, new),
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            *value = new.cloned().unwrap_or_default();
        }
    }
}

/// A sound answer with a few places disturbed.
fn disturbed() -> impl Strategy<Value = Value> {
    let place = prop::collection::vec(0..12_usize, 0..5);
    let changes = prop::collection::vec((place, prop::option::of(any_value())), 0..4);
    (prop::sample::select(sound()), changes).prop_map(|(mut value, changes)| {
        for (at, new) in changes {
            disturb(&mut value, &at, new.as_ref());
        }
        value
    })
}

/// Any body: JSON disturbed, cut, with junk around, or no JSON at all.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let junk = prop_oneof![
        Just(Vec::new()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b"<b>Warning</b>: x in {y} on line 3<br />\n".to_vec()),
        Just(b"<html><body>{\"a\":{\"".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    let json = prop_oneof![disturbed(), any_value()].prop_map(|value| serde_json::to_vec(&value).unwrap());
    let cut = (json, any::<prop::sample::Index>(), prop::bool::weighted(0.3)).prop_map(|(json, at, cut)| {
        let end = if cut { at.index(json.len() + 1) } else { json.len() };
        json[..end].to_vec()
    });
    prop_oneof![
        5 => (junk.clone(), cut, junk).prop_map(|(before, json, after)| [before, json, after].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// Every endpoint reads it; answers how many took it.
fn read_by_all(envelope: &Envelope) -> usize {
    let (file, folder) = (FileId::new(7).unwrap(), FolderId::new(7).unwrap());
    fn took<E: Endpoint>(endpoint: &E, envelope: &Envelope) -> usize {
        usize::from(endpoint.read(envelope).is_ok())
    }
    let sign_in = auth::Authorize::Keys {
        key1: String::new(),
        key2: String::new(),
    };
    let copy = file::FileCopy {
        file,
        folder: Parent::In(folder),
    };
    let create = folder::FolderCreate {
        name: "d".to_owned(),
        parent: Parent::Top,
        access: folder::Access::Private,
        password_md5: None,
    };
    took(&sign_in, envelope)
        + took(&auth::DisableAccessToken, envelope)
        + took(&account::GetAccountInfo, envelope)
        + took(&account::GetPackage, envelope)
        + took(&upload::FileUpload { folder: Parent::Top }, envelope)
        + took(&download::GetLink { file }, envelope)
        + took(
            &import::ImportStatus {
                item: ScheduledId::new(5).unwrap(),
            },
            envelope,
        )
        + took(&file::FileInfo { file }, envelope)
        + took(&file::FileDelete { file }, envelope)
        + took(&copy, envelope)
        + took(&create, envelope)
        + took(&folder::FolderInfo { folder }, envelope)
        + took(&folder::FolderDelete { folder }, envelope)
        + took(&folder::FolderListing { folder: Parent::Top }, envelope)
}

fn reply(status: u16, body: &[u8]) -> Reply<'_> {
    Reply {
        status,
        location: None,
        retry_after: None,
        body,
    }
}

proptest! {
    #![proptest_config(cases_or(10_000))]

    #[test]
    fn whatever_a_server_answers_is_a_typed_error_or_a_valid_answer(
        body in body(),
        status in prop_oneof![4 => Just(200_u16), 1 => any::<u16>()],
        location in prop::option::of(any::<String>()),
        size in any::<u64>(),
    ) {
        for asked in [Asked::SignIn, Asked::Upload { size }, Asked::Call] {
            let reply = Reply { location: location.as_deref(), ..reply(status, &body) };
            match classify(asked, &reply) {
                Ok(envelope) => drop(read_by_all(&envelope)),
                Err(error) => drop((error.to_string(), error.is_transient(), error.is_definite())),
            }
        }
    }

    #[test]
    fn q39_a_cut_body_is_no_success(
        value in prop::sample::select(sound()),
        at in any::<prop::sample::Index>(),
    ) {
        let whole = serde_json::to_vec(&value).unwrap();
        let part = &whole[..at.index(whole.len())];
        prop_assert!(classify(Asked::Call, &reply(200, part)).is_err(), "{}", String::from_utf8_lossy(part));
    }

    #[test]
    fn a_listing_is_all_of_its_rows_or_none(value in disturbed()) {
        let body = serde_json::to_vec(&value).unwrap();
        let Ok(envelope) = classify(Asked::Call, &reply(200, &body)) else { return Ok(()) };
        match (folder::FolderListing { folder: Parent::Top }).read(&envelope) {
            Ok(listing) => {
                let rows = |key: &str| value["data"][key].as_array().map(Vec::len);
                prop_assert_eq!(rows("files"), Some(listing.files.len()));
                prop_assert_eq!(rows("folders"), Some(listing.folders.len()));
            }
            Err(error) => prop_assert!(matches!(error, ApiError::Malformed { .. }), "{error}"),
        }
    }
}

#[test]
fn the_sound_answers_are_taken() {
    let taken: usize = sound()
        .iter()
        .filter_map(|value| classify(Asked::Call, &reply(200, &serde_json::to_vec(value).unwrap())).ok())
        .map(|envelope| read_by_all(&envelope))
        .sum();
    // Three endpoints need no payload and take every success; without these the fuzz would show nothing.
    assert!(taken > 3 * 10, "{taken}");
}
