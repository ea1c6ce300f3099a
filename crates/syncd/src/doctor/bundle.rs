//! A support archive: everything the doctor saw, and what the journals say, for somebody who helps. One JSON file.
//!
//! What must never be in it: a secret, a file's or folder's name, an address. Names become hashes by a key that is made for
//! this one archive and kept nowhere, part by part, so that equal folders are still seen to be equal. What a finding says is
//! left out, for it may hold names; its check and its state are in.
#![expect(clippy::disallowed_methods, reason = "writes the file that the user named")]

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Serialize;

use super::{Finding, State};
use crate::config::Config;
use crate::engine::between;

/// Lines of history of each pair.
const HISTORY_MAX: u32 = 500;
/// Hex digits of a name: short enough to read, long enough to differ.
const DIGITS: usize = 12;

/// The archive.
#[derive(Serialize)]
pub(crate) struct Bundle {
    v: u8,
    syncd: &'static str,
    system: String,
    machine: String,
    findings: Vec<Seen>,
    pairs: Vec<Pair>,
}

#[derive(Serialize)]
struct Seen {
    check: &'static str,
    pair: Option<String>,
    state: State,
}

#[derive(Serialize)]
struct Pair {
    name: String,
    direction: String,
    conflict: String,
    excludes: usize,
    includes: usize,
    files: Option<u64>,
    last_agreement: Option<String>,
    stop: Option<String>,
    problems: Vec<Problem>,
    history: Vec<Line>,
}

#[derive(Serialize)]
struct Problem {
    kind: String,
    path: String,
    since: Option<String>,
}

#[derive(Serialize)]
struct Line {
    at: Option<String>,
    pass: u64,
    side: String,
    action: String,
    path: String,
    to: Option<String>,
    bytes: Option<u64>,
}

/// Hides names.
struct Hider([u8; 32]);

impl Hider {
    fn part(&self, part: &str) -> String {
        let mut digest = blake3::keyed_hash(&self.0, part.as_bytes()).to_hex().to_string();
        digest.truncate(DIGITS);
        digest
    }

    fn path(&self, path: &str) -> String {
        let parts = path.split('/').map(|part| {
            if part.is_empty() {
                String::new()
            } else {
                self.part(part)
            }
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Collects it. A journal that is in use, or cannot be read, is left out: its finding says so.
pub(crate) fn collect(config: &Config, findings: &[Finding]) -> Bundle {
    let hider = Hider(rand::random());
    let seen = findings.iter().map(|finding| Seen {
        check: finding.check,
        pair: finding.pair.as_deref().map(|name| hider.part(name)),
        state: finding.state,
    });
    let system = rustix::system::uname();
    Bundle {
        v: 1,
        syncd: env!("CARGO_PKG_VERSION"),
        system: system.release().to_string_lossy().into_owned(),
        machine: system.machine().to_string_lossy().into_owned(),
        findings: seen.collect(),
        pairs: config
            .pairs
            .iter()
            .map(|pair| of_pair(config, pair, &hider))
            .collect(),
    }
}

fn of_pair(config: &Config, pair: &crate::config::PairConfig, hider: &Hider) -> Pair {
    let dir = config.pair_dir(&pair.name);
    let status = between::status(&pair.name, &dir).ok();
    let problems = between::problems(&dir).unwrap_or_default().into_iter();
    let history = between::history(&dir, HISTORY_MAX)
        .unwrap_or_default()
        .into_iter();
    Pair {
        name: hider.part(&pair.name),
        direction: format!("{:?}", pair.direction),
        conflict: format!("{:?}", pair.conflict),
        excludes: pair.exclude.len(),
        includes: pair.include.len(),
        files: status.as_ref().map(|status| status.files),
        last_agreement: status.as_ref().and_then(|status| status.last_agreement.clone()),
        stop: status
            .and_then(|status| status.stop)
            .map(|stop| stop.kind.to_string()),
        problems: problems
            .map(|item| Problem {
                kind: item.kind.into_owned(),
                path: hider.path(&item.path),
                since: item.since,
            })
            .collect(),
        history: history
            .map(|line| Line {
                at: line.at,
                pass: line.pass,
                side: line.side.into_owned(),
                action: line.action,
                path: hider.path(&line.path),
                to: line.to.map(|to| hider.path(&to)),
                bytes: line.bytes,
            })
            .collect(),
    }
}

/// Writes it, private; never over something.
pub(crate) fn write(bundle: &Bundle, path: &Path) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(bundle).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_equal_within_an_archive_and_differ_between_two() {
        let (one, two) = (Hider([1; 32]), Hider([2; 32]));
        assert_eq!(
            one.path("a/b").split('/').next(),
            one.path("a/c").split('/').next()
        );
        assert_ne!(one.path("a/b"), one.path("a/c"));
        assert_ne!(one.path("a/b"), two.path("a/b"));
        assert!(!one.path("secret.txt").contains("secret"));
    }
}
