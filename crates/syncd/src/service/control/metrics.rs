//! `GET /metrics`: the status as OpenMetrics text, by hand: a dozen gauges need no library. Pure.

use std::fmt::Write as _;

use crate::service::desk::{PairState, ServiceState};

/// What the text is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A number of a pair; none where nothing is known.
type Value = fn(&PairState) -> Option<i128>;

/// Name, unit (a suffix of the name; may be empty), meaning, value.
const GAUGES: &[(&str, &str, &str, Value)] = &[
    (
        "syncd_pair_in_sync",
        "",
        "1 if both sides were the same after the last pass and nothing changed since.",
        |pair| Some(i128::from(pair.in_sync)),
    ),
    (
        "syncd_pair_exit",
        "",
        "Exit code that a single pass would have ended with.",
        |pair| Some(i128::from(pair.exit)),
    ),
    (
        "syncd_pair_queue_files",
        "",
        "Files that the running pass still has to do.",
        |pair| Some(i128::from(pair.queue.files)),
    ),
    (
        "syncd_pair_queue_bytes",
        "bytes",
        "Bytes that the running pass still has to do.",
        |pair| Some(i128::from(pair.queue.bytes)),
    ),
    (
        "syncd_pair_rate_bytes",
        "bytes",
        "Bytes a second over the last ten seconds.",
        |pair| Some(i128::from(pair.rate)),
    ),
    (
        "syncd_pair_requests_last_hour",
        "",
        "Requests in the last hour.",
        |pair| Some(i128::from(pair.requests_last_hour)),
    ),
    (
        "syncd_pair_next_poll_timestamp_seconds",
        "seconds",
        "When the next look at the account is due.",
        |pair| pair.next_poll.map(i128::from),
    ),
    (
        "syncd_pair_oldest_listing_seconds",
        "seconds",
        "Age of the oldest folder listing that is relied on.",
        |pair| pair.oldest_listing.map(i128::from),
    ),
    ("syncd_pair_paused", "", "1 while the pair is paused.", |pair| {
        Some(i128::from(pair.paused_until.is_some()))
    }),
    (
        "syncd_pair_stopped",
        "",
        "1 while a safety stop waits for the user.",
        |pair| Some(i128::from(pair.stop.is_some())),
    ),
    (
        "syncd_pair_other_device",
        "",
        "1 if another device signs in on this account.",
        |pair| Some(i128::from(pair.other_device)),
    ),
];

/// The whole text.
pub(super) fn text(state: &ServiceState) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write!(
        out,
        "# TYPE syncd info\n# HELP syncd Release.\nsyncd_info{{version=\"{}\"}} 1\n\
         # TYPE syncd_start_timestamp_seconds gauge\n# UNIT syncd_start_timestamp_seconds seconds\n\
         # HELP syncd_start_timestamp_seconds When the service started.\nsyncd_start_timestamp_seconds {}\n",
        escaped(state.version),
        state.since
    );
    for (name, unit, help, value) in GAUGES {
        let _ = writeln!(out, "# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        let _ = writeln!(out, "# HELP {name} {help}");
        for pair in &state.pairs {
            if let Some(value) = value(pair) {
                let _ = writeln!(out, "{name}{{pair=\"{}\"}} {value}", escaped(&pair.name));
            }
        }
    }
    let _ = write!(
        out,
        "# TYPE syncd_pair_phase gauge\n# HELP syncd_pair_phase 1 for what the pair does.\n"
    );
    for pair in &state.pairs {
        let (name, phase) = (escaped(&pair.name), escaped(pair.phase));
        let _ = writeln!(out, "syncd_pair_phase{{pair=\"{name}\",phase=\"{phase}\"}} 1");
    }
    out.push_str("# EOF\n");
    out
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_metrics_has_the_row_of_each() {
        let page = include_str!("../../../../../docs/metrics.md");
        let rows: Vec<String> = GAUGES
            .iter()
            .map(|(name, _, help, _)| format!("| `{name}` | {help} |"))
            .collect();
        let missing: Vec<_> = rows.iter().filter(|row| !page.contains(row.as_str())).collect();
        assert!(missing.is_empty(), "docs/metrics.md: {missing:?}");
        let named = page.lines().filter(|line| line.starts_with("| `syncd_pair_"));
        // The phase has a label more and is not in the table of the code.
        assert_eq!(named.count(), rows.len() + 1);
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample_and_the_end_is_marked() {
        let pair = PairState {
            name: "a\"b".into(),
            phase: "idle",
            in_sync: true,
            oldest_listing: Some(7),
            ..PairState::default()
        };
        let state = ServiceState {
            v: 1,
            running: true,
            pid: 1,
            version: "0.1.0",
            since: 5,
            limits: crate::service::desk::LimitsState::default(),
            pairs: vec![pair],
        };
        let text = text(&state);
        assert!(text.ends_with("\n# EOF\n"));
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("syncd_"), "{line}");
            assert!(value.parse::<i64>().is_ok(), "{line}");
        }
        assert!(text.contains("syncd_pair_in_sync{pair=\"a\\\"b\"} 1\n"), "{text}");
        assert!(text.contains("syncd_pair_oldest_listing_seconds{pair=\"a\\\"b\"} 7\n"));
        assert!(
            !text.contains("next_poll_timestamp_seconds{"),
            "what is not known is not told"
        );
        for (name, unit, ..) in GAUGES {
            assert!(name.ends_with(unit), "{name}: a unit is the end of the name");
        }
    }
}
