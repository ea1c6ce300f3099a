//! Every endpoint once, and what it says to mistakes.

use super::*;
use crate::engine::{between, now};
use crate::service::control::recent;
use state::{Change, Journal, Problem, ProblemKind};

#[tokio::test]
async fn status_is_of_all_pairs_or_of_the_one_that_is_named() {
    let world = World::new();
    let said = world.get("/v1/status").await;
    assert_eq!(
        (said.status, said.head.contains("content-type: application/json")),
        (200, true)
    );
    let json = said.json();
    assert_eq!((&json["running"], &json["pid"]), (&true.into(), &7.into()));
    assert_eq!(json["pairs"].as_array().unwrap().len(), 2);
    assert_eq!(
        world.get("/v1/status?pair=other").await.json()["pairs"][0]["name"],
        "other"
    );
    let said = world.get("/v1/status?pair=none").await;
    assert_eq!((said.status, said.kind()), (404, "no_such_pair".into()));
    world.end().await;
}

#[tokio::test]
async fn a_log_that_is_followed_begins_with_what_was_and_goes_on() {
    let world = World::new();
    recent::push(b"followed: before\n");
    let mut stream = world.connect().await;
    stream
        .write_all(b"GET /v1/log?follow=true&limit=1000 HTTP/1.1\r\nhost: syncd\r\n\r\n")
        .await
        .unwrap();
    let told = until(&mut stream, "followed: before\"}\n\n").await;
    assert!(told.contains("event: line\ndata: {\"seq\":"), "{told}");
    recent::push(b"followed: after\n");
    until(&mut stream, "followed: after\"}\n\n").await;
    world.stop.cancel();
    until(&mut stream, ": the service ends\n\n").await;
    world.end().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_so_is_told_as_json() {
    let world = World::new();
    for (method, path, status, kind) in [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/v1/status", 405, "method_not_allowed"),
        ("DELETE", "/v1/conflicts", 405, "method_not_allowed"),
        ("GET", "/v1/status?x=1", 400, "bad_request"),
        ("GET", "/v1/file", 400, "bad_request"),
        ("POST", "/v1/limit", 400, "bad_request"),
        ("POST", "/v1/reload", 500, "failed"),
        ("GET", "/v1/file?path=none", 404, "not_found"),
        ("GET", "/v1/events?pair=none", 404, "no_such_pair"),
    ] {
        let said = world.ask(method, path, "").await;
        assert_eq!(
            (said.status, said.kind().as_str()),
            (status, kind),
            "{method} {path}"
        );
        assert!(!said.json()["error"]["message"].as_str().unwrap().is_empty());
    }
    let said = world.ask("PUT", "/v1/conflicts", "").await;
    assert!(said.head.contains("allow: get, post"), "{}", said.head);
    for body in ["{", "[]", r#"{"seconds":0}"#] {
        assert_eq!(world.ask("POST", "/v1/pause", body).await.kind(), "bad_request");
    }
    assert_eq!(world.ask("POST", "/v1/resume?pair=other", "").await.status, 409);
    world.end().await;
}

#[tokio::test]
async fn the_service_is_told_what_the_request_says() {
    let world = World::new();
    let said = world.ask("POST", "/v1/sync?pair=main", "").await;
    assert_eq!(
        said.json()["pairs"],
        serde_json::json!([{"name": "main", "pass": 1}])
    );
    for (path, body) in [
        ("/v1/pause?pair=main", r#"{"seconds":60}"#),
        ("/v1/pause", ""),
        ("/v1/resume", ""),
        ("/v1/limit", r#"{"upload":0}"#),
        ("/v1/stop", ""),
    ] {
        let said = world.ask("POST", path, body).await;
        assert_eq!(said.json(), serde_json::json!({"v": 1, "done": true}), "{path}");
    }
    assert_eq!(
        world.desk.told(),
        [
            "sync Some(\"main\")",
            "pause Some(\"main\") Some(60)",
            "pause None None",
            "resume None",
            "limit Some(0) None",
            "stop"
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn events_come_with_their_numbers_and_missed_ones_are_told() {
    let world = World::new();
    let mut stream = world.connect().await;
    stream
        .write_all(b"GET /v1/events?pair=main HTTP/1.1\r\nhost: syncd\r\n\r\n")
        .await
        .unwrap();
    let head = until(&mut stream, ": listening\n\n").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    world.desk.happen(1, Some("other"));
    world.desk.happen(2, Some("main"));
    let told = until(&mut stream, "\n\n").await;
    assert!(
        told.contains("id: 2\nevent: step\ndata: {\"seq\":2,\"at\":5,\"pair\":\"main\""),
        "{told}"
    );
    assert!(told.contains("uploaded\\na"), "{told}");
    assert!(!told.contains("id: 1\n"), "another pair's");
    // The channel holds four: nobody reads while twelve happen, for nothing here lets the server run.
    for seq in 3..15 {
        world.desk.happen(seq, None);
    }
    let told = until(&mut stream, "id: 14\n").await;
    assert!(told.contains("event: missed\ndata: {\"missed\":8}\n\n"), "{told}");
    world.stop.cancel();
    until(&mut stream, ": the service ends\n\n").await;
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_listener_is_told_that_it_is_heard() {
    let world = World::new();
    let mut stream = world.connect().await;
    stream
        .write_all(b"GET /v1/events HTTP/1.1\r\nhost: syncd\r\n\r\n")
        .await
        .unwrap();
    until(&mut stream, ": listening\n\n").await;
    until(&mut stream, ": nothing new\n\n").await;
    drop(stream);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_a_pass_begun_afterwards_is_in_sync_or_the_time_is_over() {
    let world = World::new();
    let said = world.get("/v1/wait?timeout=1").await.json();
    assert_eq!(
        (&said["in_sync"], &said["timed_out"]),
        (&false.into(), &true.into())
    );
    assert_eq!(world.desk.told(), ["sync None"], "a look is asked for");
    let waiting = world.get("/v1/wait?pair=main&timeout=600");
    let passing = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        world.desk.passes.store(1, Ordering::SeqCst);
    };
    let (said, ()) = tokio::join!(waiting, passing);
    assert_eq!(
        said.json()["pairs"],
        serde_json::json!([{"name": "main", "in_sync": true, "phase": "idle"}])
    );
    world.end().await;
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let world = World::new();
    let said = world.get("/metrics").await;
    assert!(
        said.head.contains("application/openmetrics-text; version=1.0.0"),
        "{}",
        said.head
    );
    assert!(said.body.contains("syncd_pair_queue_bytes{pair=\"main\"} 30\n"));
    assert!(said.body.ends_with("# EOF\n"));
    world.end().await;
}

#[tokio::test]
async fn journals_answer_between_passes_and_a_busy_one_is_asked_again() {
    let world = World::new();
    let dir = world.desk.config.pair_dir("main");
    let mut journal = Journal::open(&dir).unwrap();
    let problem = Problem {
        path: "a".into(),
        kind: ProblemKind::Held,
        reason: "why".into(),
        since: now(),
    };
    journal.commit(&[Change::Problem(problem)]).unwrap();
    let asking = world.get("/v1/problems?pair=main");
    let passing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(journal);
    };
    let (said, ()) = tokio::join!(asking, passing);
    let json = said.json();
    assert_eq!(json["pairs"][0]["problems"][0]["kind"], "held");
    let said = world.get("/v1/file?path=a").await.json();
    assert_eq!(
        (&said["files"][0]["status"], &said["files"][0]["reason"]),
        (&"held".into(), &"why".into())
    );
    for (path, list) in [
        ("/v1/history?limit=3", "history"),
        ("/v1/conflicts?all=true", "conflicts"),
        ("/v1/problems", "problems"),
    ] {
        let json = world.get(path).await.json();
        assert_eq!(json["pairs"].as_array().unwrap().len(), 2, "{path}");
        assert!(json["pairs"][1][list].as_array().unwrap().is_empty());
    }
    assert_eq!(
        world.get("/v1/approve").await.json(),
        serde_json::json!({"v": 1, "pairs": []})
    );
    assert_eq!(
        world.ask("POST", "/v1/approve", "").await.json()["pairs"],
        serde_json::json!([])
    );
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_stays_busy_is_a_409() {
    let world = World::new();
    let dir = world.desk.config.pair_dir("main");
    let _held = Journal::open(&dir).unwrap();
    let said = world.get("/v1/history?pair=main").await;
    assert_eq!((said.status, said.kind()), (409, "busy".into()));
    world.end().await;
}

#[tokio::test]
async fn what_the_user_decides_is_done_and_looked_at_at_once() {
    let world = World::new();
    let dir = world.desk.config.pair_dir("main");
    drop(Journal::open(&dir).unwrap());
    let said = world
        .ask("POST", "/v1/conflicts", r#"{"keep":"local","path":"a"}"#)
        .await;
    assert_eq!((said.status, said.kind()), (404, "not_found".into()));
    let said = world.ask("POST", "/v1/restore", r#"{"path":"a"}"#).await;
    assert_eq!((said.status, said.kind()), (404, "not_found".into()));
    let said = world
        .ask("POST", "/v1/restore", r#"{"path":"a","date":"yesterday"}"#)
        .await;
    assert_eq!(said.status, 400);

    let local = &world.desk.config.pairs[0].local;
    let trash = local.join(".syncd/trash/2026-11-24/docs");
    std::fs::create_dir_all(&trash).unwrap();
    std::fs::write(trash.join("a"), "old").unwrap();
    let said = world
        .ask("POST", "/v1/restore", r#"{"path":"docs/a"}"#)
        .await
        .json();
    assert_eq!(
        (&said["files"][0]["restored"], &said["files"][0]["bytes"]),
        (&true.into(), &3.into())
    );
    assert_eq!(std::fs::read_to_string(local.join("docs/a")).unwrap(), "old");
    assert_eq!(world.desk.told(), ["sync Some(\"main\")"]);
    assert_eq!(between::history(&dir, 9).unwrap(), []);
    world.end().await;
}
