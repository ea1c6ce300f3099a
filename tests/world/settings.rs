//! The configuration of a test's machine: what a user would write, with waiting times that suit a loopback server.
//!
//! Keys are plain text so that a test can also write what is wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Tables of `config.toml`, each with its lines; values are TOML.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Before the first table.
    pub(crate) top: BTreeMap<String, String>,
    /// `[account]`
    pub(crate) account: BTreeMap<String, String>,
    /// `[timing]`
    pub(crate) timing: BTreeMap<String, String>,
    /// `[[sync]]`, in order.
    pub(crate) sync: Vec<BTreeMap<String, String>>,
}

/// Text as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    // JSON's escapes are TOML's, as far as paths and names of tests go.
    serde_json::to_string(text).unwrap()
}

fn table<const N: usize>(lines: [(&str, String); N]) -> BTreeMap<String, String> {
    lines
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

impl Settings {
    /// One pair, called `main`.
    pub(crate) fn new(device: &str, state: &Path, api_url: &str, credentials: &Path) -> Self {
        let path = |path: &Path| quoted(path.to_str().unwrap());
        Self {
            top: table([("state_dir", path(state)), ("device_name", quoted(device))]),
            account: table([
                ("api_url", quoted(api_url)),
                ("credentials_file", path(credentials)),
            ]),
            timing: table([
                ("quiet_period", quoted("0s")),
                ("confirm_after", quoted("1s")),
                ("look_again", quoted("0s")),
                ("login_backoff", quoted("50ms")),
                ("late_upload_limit", quoted("1s")),
                ("request_timeout", quoted("20s")),
                ("retry_pause", quoted("100ms")),
            ]),
            sync: Vec::new(),
        }
    }

    /// One more pair.
    pub(crate) fn pair(&mut self, name: &str, local: &Path, remote: &str) {
        self.sync.push(table([
            ("name", quoted(name)),
            ("local", quoted(local.to_str().unwrap())),
            ("remote", quoted(remote)),
            ("min_free", "0".to_owned()),
        ]));
    }

    /// As a file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut lines = |header: &str, table: &BTreeMap<String, String>| {
            text.push_str(header);
            for (key, value) in table {
                let _ = writeln!(text, "{key} = {value}");
            }
        };
        lines("", &self.top);
        lines("[account]\n", &self.account);
        lines("[timing]\n", &self.timing);
        for pair in &self.sync {
            lines("[[sync]]\n", pair);
        }
        text
    }
}
