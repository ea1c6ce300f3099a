//! The command: one JSON line, a working server, an end on request.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{Said, client};

#[tokio::test]
async fn serve_prints_one_json_line_and_serves() {
    let data = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_devcloud"))
        .args([
            "serve",
            "--dialect",
            "v4",
            "--quirk",
            "Q07=off",
            "--knob",
            "Q03.tries=9",
            "--fault",
            "latency=0",
        ])
        .args(["--latency", "1ms", "--seed", "5", "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let url = said["api_url"].as_str().unwrap();
    let keys = [
        ("key1", said["key1"].as_str().unwrap()),
        ("key2", said["key2"].as_str().unwrap()),
    ];
    let sent = client()
        .post(format!("{url}authorize"))
        .form(&keys)
        .send()
        .await
        .unwrap();
    assert_eq!(Said::of(sent).await.data()["account_id"], "158642");
    let quirks = client()
        .get(url.replace("/api/v2/", "/_dev/quirks"))
        .send()
        .await
        .unwrap();
    let quirks = Said::of(quirks).await.json;
    assert_eq!(quirks["dialect"], "v4");
    assert_eq!(quirks["quirks"][7]["on"], false);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn unknown_names_end_the_command_with_a_sentence() {
    let data = tempfile::tempdir().unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_devcloud"))
        .args(["serve", "--quirk", "Q77=on", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!ended.status.success());
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "devcloud: no quirk Q77\n");
}
