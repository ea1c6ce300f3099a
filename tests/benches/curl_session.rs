//! How `curl` gets at the account.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::World;

/// A session of curl's own, which the server lets live beside syncd's: its token, and the account's id.
pub(crate) fn sign_in(world: &World) -> [String; 2] {
    let [key1, key2] = world.cloud.keys();
    let keys = format!("key1={key1}&key2={key2}");
    let answer = Command::new("curl")
        .args(["--silent", "--fail", "--data", &keys])
        .arg(format!("{}authorize", world.cloud.api_url()))
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let text = |key: &str| {
        let value = &answer["data"][key];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    [text("access_token"), text("account_id")]
}

/// The address of a file's bytes, in a kept answer of `file/download`.
pub(crate) fn link_in(answer: &Path) -> String {
    let answer: Value = serde_json::from_slice(&fs::read(answer).unwrap()).unwrap();
    answer["data"]["download_url"].as_str().unwrap().to_owned()
}
