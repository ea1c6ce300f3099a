//! `docs/control-api.md` is what the server sends and takes: every example has exactly the keys of its answer, and every
//! path is told.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::wire;
use super::*;
use crate::summary::{ConflictItem, Item, PairSummary, Stop};

/// Compares an example with what it is an example of.
type Check = fn(&str, Option<&Value>);

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/control-api.md");
    std::fs::read_to_string(path).unwrap()
}

/// Examples by the name that follows `json` in the fence.
fn examples() -> BTreeMap<String, Value> {
    let text = document();
    let blocks = text.split("```json ").skip(1).map(|rest| {
        let (name, rest) = rest.split_once('\n').unwrap();
        let example = rest.split("```").next().unwrap();
        let value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name.to_owned(), value)
    });
    blocks.collect()
}

/// Whether two values have the same keys everywhere; lists are compared by their first items.
fn same_keys(at: &str, told: &Value, sent: &Value) {
    match (told, sent) {
        (Value::Object(told), Value::Object(sent)) => {
            let keys = |map: &serde_json::Map<String, Value>| {
                let mut keys: Vec<_> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            assert_eq!(keys(told), keys(sent), "{at}");
            for (key, value) in told {
                same_keys(&format!("{at}.{key}"), value, &sent[key]);
            }
        }
        (Value::Array(told), Value::Array(sent)) => {
            if let (Some(told), Some(sent)) = (told.first(), sent.first()) {
                same_keys(&format!("{at}[]"), told, sent);
            }
        }
        _ => {}
    }
}

/// Read as what it is, and written again: a key that is missing or too much shows.
fn exact<T: Serialize + DeserializeOwned>(name: &str, example: Option<&Value>) {
    let example = example.unwrap_or_else(|| panic!("no example of {name}"));
    let read: T = serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(&serde_json::to_value(read).unwrap(), example, "{name}");
}

#[test]
fn every_example_has_exactly_the_keys_that_are_sent_or_taken() {
    let examples = examples();
    let checks: [(&str, Check); 19] = [
        ("error", exact::<wire::Failure>),
        ("problems", exact::<wire::Problems>),
        ("history", exact::<wire::History>),
        ("conflicts", exact::<wire::Conflicts>),
        ("body keep", exact::<wire::Keep>),
        ("kept", exact::<wire::Kept>),
        ("approvals", exact::<wire::Approvals>),
        ("body restore", exact::<wire::Restore>),
        ("restored", exact::<wire::Restored>),
        ("files", exact::<wire::Files>),
        ("whys", exact::<wire::Whys>),
        ("waited", exact::<wire::Waited>),
        ("syncs", exact::<wire::Syncs>),
        ("done", exact::<wire::Done>),
        ("body pausing", exact::<wire::Pausing>),
        ("body limiting", exact::<wire::Limiting>),
        ("log", exact::<wire::Log>),
        ("line", exact::<wire::LogLine>),
        // These two are written by the service: see the next test.
        ("status", |_, _| {}),
    ];
    for (name, check) in checks {
        check(name, examples.get(name));
    }
    let known: Vec<_> = checks.iter().map(|(name, _)| *name).chain(["event"]).collect();
    for name in examples.keys() {
        assert!(
            known.contains(&name.as_str()),
            "nothing checks the example {name}"
        );
    }
}

#[tokio::test]
async fn the_examples_of_status_and_events_have_the_keys_of_a_service() {
    let examples = examples();
    let item = |path: &str| Item {
        path: path.into(),
        reason: "why".into(),
    };
    let stop = Stop {
        kind: "brake",
        message: "m".into(),
        next: "n".into(),
        examples: vec!["f".into()],
    };
    let pass = PairSummary {
        conflicts: vec![ConflictItem {
            path: "a".into(),
            copy: None,
            reason: "why".into(),
        }],
        skipped: vec![item("empty")],
        ..PairSummary::default()
    };
    let pair = PairState {
        last_pass: Some(serde_json::to_value(pass.json(false)).unwrap()),
        stop: Some(stop),
        now: vec![Doing::default()],
        ..PairState::default()
    };
    let world = World::new();
    let mut state = world.desk.status(Some("main")).unwrap();
    state.pairs = vec![pair];
    same_keys(
        "status",
        &examples["status"],
        &serde_json::to_value(&state).unwrap(),
    );
    let sent = world.get("/v1/status").await.json();
    assert_eq!(sent["v"], json!(1));
    let text = document();
    let keys = sent
        .as_object()
        .unwrap()
        .keys()
        .chain(sent["pairs"][0].as_object().unwrap().keys());
    for key in keys {
        assert!(text.contains(&format!("`{key}`")), "{key} is in no table");
    }

    let mut events = world.desk.events();
    world.desk.happen(1, Some("main"));
    let event = serde_json::to_value(events.recv().await.unwrap()).unwrap();
    same_keys("event", &examples["event"], &event);
    for (name, value) in [
        ("error", world.get("/none").await.json()),
        ("waited", world.get("/v1/wait?timeout=0").await.json()),
        ("syncs", world.ask("POST", "/v1/sync", "").await.json()),
        ("done", world.ask("POST", "/v1/resume", "").await.json()),
        ("log", world.get("/v1/log").await.json()),
        ("problems", world.get("/v1/problems").await.json()),
        ("history", world.get("/v1/history").await.json()),
        ("conflicts", world.get("/v1/conflicts").await.json()),
        ("approvals", world.get("/v1/approve").await.json()),
    ] {
        same_keys(name, &examples[name], &value);
    }
    world.end().await;
}

#[test]
fn every_path_has_its_place() {
    let text = document();
    for (path, ..) in super::super::request::PATHS {
        assert!(
            text.lines()
                .any(|line| line.starts_with("## ") && line.contains(path)),
            "{path}"
        );
    }
}
