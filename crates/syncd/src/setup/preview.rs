//! The first sync before it is made: the engine's dry run, counted for somebody who has not seen a plan yet.
//!
//! It changes nothing on either side. A folder here that is not there yet is taken to be empty.
#![expect(
    clippy::disallowed_methods,
    reason = "makes and removes an empty folder in place of one that is not there yet"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::engine::{self, OnceOptions, Outcome, Setup, Sink};
use crate::report::{Kind, Report};
use crate::summary::DryRun;
use crate::text::{count, len, shown, size};

/// Paths that are named.
const NAMED_MAX: usize = 5;

/// Counts of a first sync.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Preview {
    /// Files that go to the account.
    pub(crate) upload: u64,
    /// Their bytes.
    pub(crate) upload_bytes: u64,
    /// Files that come here.
    pub(crate) download: u64,
    /// Their bytes.
    pub(crate) download_bytes: u64,
    /// Folders that are made on either side.
    pub(crate) folders: u64,
    /// Files that are on both sides in one size: compared before more is known.
    pub(crate) compare: u64,
    /// Paths whose two versions differ: both stay.
    pub(crate) conflicts: Vec<String>,
    /// What this API or disk can never hold.
    pub(crate) skipped: u64,
    /// What waits for the user.
    pub(crate) held: u64,
    /// What could not be read, or was refused.
    pub(crate) failed: u64,
}

impl Preview {
    fn of(plan: &DryRun) -> Self {
        let mut preview = Self {
            compare: len(&plan.compare),
            conflicts: plan.conflicts.clone(),
            skipped: len(&plan.summary.skipped),
            held: len(&plan.summary.held),
            failed: len(&plan.summary.failed).saturating_add(len(&plan.summary.unproved)),
            ..Self::default()
        };
        for step in &plan.steps {
            match (step.side, step.bytes) {
                ("remote", Some(bytes)) => {
                    preview.upload = preview.upload.saturating_add(1);
                    preview.upload_bytes = preview.upload_bytes.saturating_add(bytes);
                }
                ("local", Some(bytes)) => {
                    preview.download = preview.download.saturating_add(1);
                    preview.download_bytes = preview.download_bytes.saturating_add(bytes);
                }
                _ if step.kind == "create" => preview.folders = preview.folders.saturating_add(1),
                _ => {}
            }
        }
        preview
    }

    /// For people, a line each; ends with a line feed.
    pub(crate) fn text(&self) -> String {
        let files = |number| count(number, "file", "files");
        let mut lines = vec![
            format!(
                "to the account: {}, {}",
                files(self.upload),
                size(self.upload_bytes)
            ),
            format!(
                "to this machine: {}, {}",
                files(self.download),
                size(self.download_bytes)
            ),
        ];
        if self.folders > 0 {
            lines.push(format!("made: {}", count(self.folders, "folder", "folders")));
        }
        if self.compare > 0 {
            lines.push(format!(
                "on both sides in one size: {}; their bytes are compared, and equal ones stay as they are",
                files(self.compare)
            ));
        }
        if !self.conflicts.is_empty() {
            let named: Vec<String> = self
                .conflicts
                .iter()
                .take(NAMED_MAX)
                .map(|path| shown(path))
                .collect();
            let more = self.conflicts.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            lines.push(format!(
                "different on the two sides: {}; both versions stay: {}{more}",
                files(len(&self.conflicts)),
                named.join(", ")
            ));
        }
        let left = [
            (self.skipped, "that this API or disk cannot hold"),
            (self.held, "held for a decision of yours"),
            (self.failed, "that cannot be read now"),
        ];
        let left = left.iter().filter(|(number, _)| *number > 0);
        lines.extend(
            left.map(|(number, what)| format!("left alone: {} {what}", count(*number, "item", "items"))),
        );
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }
}

/// Looks at both sides.
///
/// # Errors
/// Why no plan can be made; the kind of the report says what of it the user can change.
pub(crate) async fn look(setup: &mut Setup, sink: Arc<dyn Sink>) -> Result<Preview, Report> {
    let Some(mut pair) = setup.config.pairs.first().cloned() else {
        return Ok(Preview::default());
    };
    let empty = if pair.local.is_dir() {
        None
    } else {
        Some(Empty::make().map_err(|error| {
            let next = "make it possible, or make the folder that shall be synced";
            Report::new(
                Kind::Refused,
                "no folder for temporary files",
                error.to_string(),
                next,
            )
        })?)
    };
    if let Some(empty) = &empty {
        pair.local.clone_from(&empty.0);
        setup.config.pairs = vec![pair.clone()];
    }
    let options = OnceOptions {
        dry_run: true,
        ..OnceOptions::default()
    };
    match engine::run_once(setup, &pair, &options, sink).await {
        Outcome::Planned(plan) if plan.summary.error.is_none() && plan.summary.stop.is_none() => {
            Ok(Preview::of(&plan))
        }
        Outcome::Planned(plan) => Err(refused(plan.summary)),
        Outcome::Ran(summary) => Err(refused(summary)),
    }
}

fn refused(summary: crate::summary::PairSummary) -> Report {
    if let Some(report) = summary.error {
        return report.given_as_flags();
    }
    let (message, next) = summary
        .stop
        .map_or_else(Default::default, |stop| (stop.message, stop.next));
    Report::new(
        Kind::SafetyStop,
        "the first sync would stop for safety",
        message,
        next,
    )
}

/// An empty folder that goes with this value.
struct Empty(PathBuf);

impl Empty {
    fn make() -> std::io::Result<Self> {
        let name = format!("syncd-init-{}", engine::random_id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        // Nothing but an empty folder is removed by this.
        let _ = std::fs::remove_dir(Path::new(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::summary::PlannedStep;

    fn step(side: &'static str, kind: &'static str, bytes: Option<u64>) -> PlannedStep {
        PlannedStep {
            side,
            kind,
            path: "a".into(),
            to: None,
            bytes,
            rule: "r",
            reason: "because".to_owned(),
        }
    }

    #[test]
    fn both_ways_are_counted_and_what_differs_is_named() {
        let plan = DryRun {
            steps: vec![
                step("remote", "upload", Some(1024)),
                step("remote", "upload", Some(1024)),
                step("local", "download", Some(5)),
                step("local", "create", None),
                step("local", "rename", None),
            ],
            compare: vec!["same".into()],
            conflicts: (0..7).map(|n| format!("c{n}\u{1b}")).collect(),
            ..DryRun::default()
        };
        assert_snapshot!(Preview::of(&plan).text(), @r"
          to the account: 2 files, 2.0 KiB
          to this machine: 1 file, 5 B
          made: 1 folder
          on both sides in one size: 1 file; their bytes are compared, and equal ones stay as they are
          different on the two sides: 7 files; both versions stay: c0\u{1b}, c1\u{1b}, c2\u{1b}, c3\u{1b}, c4\u{1b} and 2 more
        ");
    }
}
