//! The status of a running service as text: what is done, what remains, why anything is not in sync. Pure.
//!
//! It reads what came over the socket leniently: a service may be newer than the command that asks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::engine::shown_time;
use crate::exit::Exit;
use crate::service::desk::LimitsState;
use crate::summary::OTHER_DEVICE;
use crate::text::{count, len, shown, size, span as time};

/// Items of each kind that are shown; `syncd problems` has all.
const EXAMPLES: usize = 5;

/// The answer to `GET /v1/status`, as far as it is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Live {
    pid: u32,
    version: String,
    since: i64,
    pub(super) pairs: Vec<Pair>,
    limits: Limits,
}

/// Limits as they hold now.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Limits {
    upload: u64,
    download: u64,
    by_command: bool,
    windows: Vec<String>,
    until: Option<i64>,
}

impl From<&LimitsState> for Limits {
    fn from(state: &LimitsState) -> Self {
        Self {
            upload: state.upload,
            download: state.download,
            by_command: state.by_command,
            windows: state.windows.clone(),
            until: state.until,
        }
    }
}

impl Limits {
    /// One line; none where nothing is limited.
    pub(super) fn text(&self, out: &mut String, now: i64) {
        if (self.upload, self.download) == (0, 0) && self.windows.is_empty() && !self.by_command {
            return;
        }
        let rate = |bytes| match bytes {
            0 => "no limit".to_owned(),
            bytes => format!("{}/s", size(bytes)),
        };
        let mut line = format!(
            "limits: upload {}, download {}",
            rate(self.upload),
            rate(self.download)
        );
        if self.by_command {
            line.push_str("; as \"syncd limit\" said");
        }
        if !self.windows.is_empty() {
            let _ = write!(line, "; in the window {}", shown(&self.windows.join("; ")));
        }
        if let Some(until) = self.until {
            let _ = write!(
                line,
                "; windows change that in {}",
                time(until.saturating_sub(now))
            );
        }
        let _ = writeln!(out, "{line}");
    }
}

/// One pair.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pair {
    pub(super) name: String,
    phase: String,
    doing: Option<String>,
    now: Vec<Doing>,
    in_sync: bool,
    exit: u8,
    queue: Queue,
    rate: u64,
    eta: Option<u64>,
    next_poll: Option<i64>,
    oldest_listing: Option<u64>,
    requests_last_hour: u64,
    last_agreement: Option<String>,
    paused_until: Option<i64>,
    paused_by: Option<String>,
    last_pass: Option<Pass>,
    counts: BTreeMap<String, u64>,
    stop: Option<Stop>,
    error: Option<String>,
    other_device: bool,
    watch: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Doing {
    text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Queue {
    files: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Stop {
    message: String,
    next: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Pass {
    skipped: Vec<Item>,
    held: Vec<Item>,
    unproved: Vec<Item>,
    failed: Vec<Item>,
    drift: Vec<Item>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Item {
    path: String,
    reason: String,
}

impl Live {
    /// The exit code: that of the pairs; 3 for one that is not in sync now, or did not agree for `stale_after` seconds.
    pub(super) fn exit(&self, now: i64, stale_after: impl Fn(&str) -> Option<u64>) -> Exit {
        let of = |pair: &Pair| match pair.exit {
            6 => Exit::Busy,
            5 => Exit::NoAccess,
            4 => Exit::SafetyStop,
            1 | 2 => Exit::CouldNotRun,
            0 if pair.in_sync && !pair.is_stale(now, stale_after(&pair.name)) => Exit::InSync,
            _ => Exit::NotInSync,
        };
        Exit::of_pairs(self.pairs.iter().map(of))
    }

    /// All of it.
    pub(super) fn text(&self, now: i64) -> String {
        let since = shown_time(self.since).unwrap_or_default();
        let mut out = format!(
            "syncd {} runs since {since} (process {})\n",
            shown(&self.version),
            self.pid
        );
        self.limits.text(&mut out, now);
        for pair in &self.pairs {
            pair.text(&mut out, now);
        }
        out
    }
}

impl Pair {
    fn is_stale(&self, now: i64, after: Option<u64>) -> bool {
        let agreed = self.last_agreement.as_deref();
        let agreed = agreed.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        match (agreed, after.and_then(|after| i64::try_from(after).ok())) {
            (Some(agreed), Some(after)) => now.saturating_sub(agreed.as_second()) > after,
            (None, _) | (_, None) => false,
        }
    }

    fn text(&self, out: &mut String, now: i64) {
        // Writing to a String does not fail.
        let _ = writeln!(out, "{}: {}", shown(&self.name), self.headline(now));
        for doing in self.now.iter().take(EXAMPLES) {
            let _ = writeln!(out, "  now: {}", shown(&doing.text));
        }
        let lines = [
            self.doing
                .as_ref()
                .filter(|_| self.phase != "idle")
                .map(|step| format!("last: {step}")),
            self.stop
                .as_ref()
                .map(|stop| format!("STOPPED for safety: {}. Next: {}.", stop.message, stop.next)),
            self.error.clone(),
            (self.watch != "watching" && !self.watch.is_empty()).then(|| self.watch.clone()),
            self.other_device.then(|| OTHER_DEVICE.to_owned()),
        ];
        for line in lines.into_iter().flatten() {
            let _ = writeln!(out, "  {}", shown(&line));
        }
        if let Some(pass) = &self.last_pass {
            pass.text(out, &self.name, &self.counts);
        }
        let _ = writeln!(out, "  {}", self.looks(now));
    }

    fn headline(&self, now: i64) -> String {
        let agreed = match &self.last_agreement {
            Some(at) => format!("; both sides agreed {}", shown(at)),
            None => "; both sides never agreed so far".to_owned(),
        };
        let by = match self.paused_by.as_deref() {
            Some("window") => " by a window of the limits",
            Some(_) | None => "",
        };
        let head = match self.paused_until {
            Some(0) => format!("paused{by}"),
            Some(until) => format!("paused{by} for {}", time(until.saturating_sub(now))),
            None if self.in_sync && self.phase == "idle" => "in sync".to_owned(),
            None if self.phase == "idle" => "not in sync".to_owned(),
            None => shown(&self.phase),
        };
        let mut left = String::new();
        if self.queue.files > 0 {
            let files = count(self.queue.files, "file", "files");
            let _ = write!(left, "; {files}, {} to go", size(self.queue.bytes));
            if self.rate > 0 {
                let _ = write!(left, ", {}/s", size(self.rate));
            }
            if let Some(eta) = self.eta {
                let _ = write!(left, ", {} left", time(i64::try_from(eta).unwrap_or(i64::MAX)));
            }
        }
        head + &left + &agreed
    }

    fn looks(&self, now: i64) -> String {
        let next = match self.next_poll {
            Some(at) if at > now => format!("next look at the account in {}", time(at - now)),
            Some(_) => "the next look at the account is due".to_owned(),
            None => "no look at the account is planned".to_owned(),
        };
        let oldest = self.oldest_listing.map_or_else(String::new, |age| {
            format!(
                "; oldest listing {} old",
                time(i64::try_from(age).unwrap_or(i64::MAX))
            )
        });
        let requests = count(self.requests_last_hour, "request", "requests");
        format!("{next}{oldest}; {requests} in the last hour")
    }
}

impl Pass {
    fn text(&self, out: &mut String, name: &str, counts: &BTreeMap<String, u64>) {
        let kinds = [
            ("failed", &self.failed),
            ("held", &self.held),
            ("unproved", &self.unproved),
            ("drift", &self.drift),
            ("skipped", &self.skipped),
        ];
        for (kind, items) in kinds {
            for item in items.iter().take(EXAMPLES) {
                let _ = writeln!(out, "  {kind:8}  {}: {}", shown(&item.path), shown(&item.reason));
            }
            // The list may be cut; its length is not.
            let all = counts.get(kind).copied().unwrap_or(0).max(len(items));
            let more = all.saturating_sub(len(items.get(..EXAMPLES).unwrap_or(items)));
            if more > 0 {
                let _ = writeln!(
                    out,
                    "  {kind:8}  and {more} more: \"syncd problems {}\"",
                    shown(name)
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn live(pair: serde_json::Value) -> Live {
        let whole = json!({
            "v": 1, "running": true, "pid": 7, "version": "0.1.0", "since": 1_795_529_703, "pairs": [pair], "new": 1,
        });
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_working_pair_says_what_it_does_and_how_long_it_takes() {
        let items: Vec<_> = (0..7)
            .map(|n| json!({"path": format!("f{n}\u{1b}"), "reason": "an empty file"}))
            .collect();
        let live = live(json!({
            "name": "main", "phase": "syncing", "doing": "uploaded photos/a.jpg", "exit": 3,
            "now": [{"path": "b.jpg", "text": "upload b.jpg (3.0 MiB)"}], "counts": {"skipped": 1007},
            "queue": {"files": 120, "bytes": 1_288_490_188}, "rate": 3_145_728, "eta": 409,
            "last_agreement": "2026-11-24T14:15:03Z", "requests_last_hour": 88, "oldest_listing": 240,
            "last_pass": {"skipped": items, "held": [{"path": "b", "reason": "too large"}]},
            "watch": "scanned, for the limit of watches is reached",
        }));
        assert_snapshot!(live.text(1_795_529_800), @r#"
        syncd 0.1.0 runs since 2026-11-24T14:15:03Z (process 7)
        main: syncing; 120 files, 1.1 GiB to go, 3.0 MiB/s, 6 min left; both sides agreed 2026-11-24T14:15:03Z
          now: upload b.jpg (3.0 MiB)
          last: uploaded photos/a.jpg
          scanned, for the limit of watches is reached
          held      b: too large
          skipped   f0\u{1b}: an empty file
          skipped   f1\u{1b}: an empty file
          skipped   f2\u{1b}: an empty file
          skipped   f3\u{1b}: an empty file
          skipped   f4\u{1b}: an empty file
          skipped   and 1002 more: "syncd problems main"
          no look at the account is planned; oldest listing 4 min old; 88 requests in the last hour
        "#);
        assert_eq!(live.exit(0, |_| None), Exit::NotInSync);
    }

    #[test]
    fn a_stopped_or_paused_pair_says_so() {
        let stopped = live(json!({
            "name": "main", "phase": "stopped", "exit": 4, "stop": {"message": "many", "next": "look"},
            "next_poll": 1_795_529_703,
        }));
        assert_snapshot!(stopped.text(1_795_529_703), @r"
        syncd 0.1.0 runs since 2026-11-24T14:15:03Z (process 7)
        main: stopped; both sides never agreed so far
          STOPPED for safety: many. Next: look.
          the next look at the account is due; 0 requests in the last hour
        ");
        assert_eq!(stopped.exit(0, |_| None), Exit::SafetyStop);
        let paused = live(json!({"name": "main", "phase": "paused", "paused_until": 100, "in_sync": true}));
        assert!(
            paused.text(40).contains("main: paused for 60 s; "),
            "{}",
            paused.text(40)
        );
    }

    #[test]
    fn limits_are_shown_with_what_they_come_from() {
        let with = |limits: serde_json::Value| {
            let live: Live = serde_json::from_value(json!({ "limits": limits })).unwrap();
            live.text(40)
                .lines()
                .skip(1)
                .map(str::to_owned)
                .collect::<String>()
        };
        assert_eq!(with(json!({"upload": 0, "download": 0, "until": null})), "");
        assert_eq!(
            with(
                json!({"upload": 1536, "by_command": true, "windows": ["22:00-06:00 every day"], "until": 7240})
            ),
            "limits: upload 1.5 KiB/s, download no limit; as \"syncd limit\" said; \
             in the window 22:00-06:00 every day; windows change that in 2 h"
        );
        let paused =
            live(json!({"name": "main", "phase": "paused", "paused_until": 100, "paused_by": "window"}));
        let text = paused.text(40);
        assert!(
            text.contains("main: paused by a window of the limits for 60 s; "),
            "{text}"
        );
    }

    #[test]
    fn an_agreement_that_is_too_old_is_exit_3() {
        let live = live(json!({
            "name": "main", "phase": "idle", "in_sync": true, "exit": 0, "last_agreement": "1970-01-01T00:01:40Z",
        }));
        assert_eq!(live.exit(200, |_| Some(100)), Exit::InSync);
        assert_eq!(live.exit(201, |_| Some(100)), Exit::NotInSync);
        assert_eq!(live.exit(201, |_| None), Exit::InSync);
    }
}
