//! What one pass over one pair did: the value between the engine and those who print it.
//!
//! The engine fills it in, the CLI renders it; nothing here asks a disk, a server or a clock. Its JSON keys are a
//! promise (interface §1): keys are added, never renamed.

use std::time::Duration;

use serde::Serialize;

use crate::exit::Exit;
use crate::report::{Report, ReportJson};

mod text;

/// The phase of a pair that the user has paused: skipped, exit 3.
pub(crate) const PAUSED: &str = "paused";
/// The phase of a pass that the user stopped before it was through: exit 3.
pub(crate) const INTERRUPTED: &str = "interrupted";

/// What is said of an account on which the server keeps one session alive, and which several devices use.
pub(crate) const OTHER_DEVICE: &str = "another device signs in on this account: they take turns";

/// A path that is not in sync, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Item {
    /// Relative to the pair's folder, as it is named here (or there, where only that side has it).
    pub(crate) path: String,
    /// Why, without a full stop.
    pub(crate) reason: String,
}

/// A conflict that this pass settled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct ConflictItem {
    /// The path both sides claimed.
    pub(crate) path: String,
    /// Where the other version is now; none if a policy decided and it went to a trash.
    pub(crate) copy: Option<String>,
    /// What happened, without a full stop.
    pub(crate) reason: String,
}

/// A safety stop (design §6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Stop {
    /// Its stable name.
    pub(crate) kind: &'static str,
    /// What was seen, without a full stop.
    pub(crate) message: String,
    /// What the user can do, without a full stop.
    pub(crate) next: String,
    /// Some of the paths it is about.
    pub(crate) examples: Vec<String>,
}

/// What one pass over one pair did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PairSummary {
    /// The pair.
    pub(crate) name: String,
    /// Where the pass ended; [`PAUSED`] and [`INTERRUPTED`] have a meaning here.
    pub(crate) phase: &'static str,
    /// Files uploaded.
    pub(crate) uploaded: u64,
    /// Files downloaded.
    pub(crate) downloaded: u64,
    /// Files and folders moved or renamed, on either side.
    pub(crate) moved: u64,
    /// Files and folders moved to the local trash.
    pub(crate) deleted_local: u64,
    /// Files and folders moved to the account's trash.
    pub(crate) deleted_remote: u64,
    /// Conflicts settled.
    pub(crate) conflicts: Vec<ConflictItem>,
    /// What this API or disk can never hold.
    pub(crate) skipped: Vec<Item>,
    /// What waits for a decision or a proof.
    pub(crate) held: Vec<Item>,
    /// What one more look, or the user, decides.
    pub(crate) unproved: Vec<Item>,
    /// What was tried and refused.
    pub(crate) failed: Vec<Item>,
    /// What differs on the side that is never written.
    pub(crate) drift: Vec<Item>,
    /// Bytes of files uploaded.
    pub(crate) bytes_up: u64,
    /// Bytes of files downloaded.
    pub(crate) bytes_down: u64,
    /// Requests made.
    pub(crate) requests: u64,
    /// When both sides last agreed, RFC 3339.
    pub(crate) last_agreement: Option<String>,
    /// Folders of the account that were listed.
    pub(crate) listed: u64,
    /// How old the oldest listing of a folder is that this pass went by; none if it listed nothing.
    pub(crate) oldest_listing: Option<Duration>,
    /// Records that were decided about in the last round, and how many there were; none if nothing had to be decided.
    pub(crate) decided: Option<(usize, usize)>,
    /// The window of the limits that paused the pair, if one did.
    pub(crate) window: Option<String>,
    /// Another device signed in to the account meanwhile: the two took turns (design A9).
    pub(crate) other_device: bool,
    /// Why the pair waits for the user.
    pub(crate) stop: Option<Stop>,
    /// Why the pass could not run, or not to its end.
    pub(crate) error: Option<Report>,
}

/// A summary as JSON: the keys of interface §1 in their order, and `error`.
#[derive(Serialize)]
pub(crate) struct PairJson<'a> {
    name: &'a str,
    phase: &'a str,
    in_sync: bool,
    exit: u8,
    uploaded: u64,
    downloaded: u64,
    moved: u64,
    deleted_local: u64,
    deleted_remote: u64,
    conflicts: &'a [ConflictItem],
    skipped: &'a [Item],
    held: &'a [Item],
    unproved: &'a [Item],
    failed: &'a [Item],
    drift: &'a [Item],
    bytes_up: u64,
    bytes_down: u64,
    requests: u64,
    last_agreement: Option<&'a str>,
    stop: Option<&'a Stop>,
    error: Option<ReportJson<'a>>,
    other_device: bool,
}

impl PairSummary {
    /// The summary of a pair that could not run.
    pub(crate) fn could_not_run(name: &str, report: Report) -> Self {
        Self {
            name: name.to_owned(),
            phase: "failed",
            error: Some(report),
            ..Self::default()
        }
    }

    /// Whether both sides agree now, apart from what can never be held and what a one-way pair leaves alone.
    pub(crate) fn in_sync(&self) -> bool {
        self.exit(false) == Exit::InSync
    }

    /// Whether everything that can be decided now was: what is held waits for the user, nothing else does.
    pub(crate) fn met(&self) -> bool {
        self.error.is_none() && self.stop.is_none() && self.unproved.is_empty() && self.failed.is_empty()
    }

    /// The exit code; `strict` also counts skipped items and drift.
    pub(crate) fn exit(&self, strict: bool) -> Exit {
        if let Some(report) = &self.error {
            return report.exit();
        }
        if self.stop.is_some() {
            return Exit::SafetyStop;
        }
        let open = !(self.held.is_empty() && self.unproved.is_empty() && self.failed.is_empty());
        let left_out = strict && !(self.skipped.is_empty() && self.drift.is_empty());
        if open || left_out || self.phase == PAUSED || self.phase == INTERRUPTED {
            Exit::NotInSync
        } else {
            Exit::InSync
        }
    }

    /// The same with at most so many items in each list.
    #[must_use]
    pub(crate) fn cut(&self, items: usize) -> Self {
        let mut cut = self.clone();
        cut.conflicts.truncate(items);
        for list in [
            &mut cut.skipped,
            &mut cut.held,
            &mut cut.unproved,
            &mut cut.failed,
            &mut cut.drift,
        ] {
            list.truncate(items);
        }
        cut
    }

    /// As JSON.
    pub(crate) fn json(&self, strict: bool) -> PairJson<'_> {
        self.json_with(self.exit(strict))
    }

    /// As JSON, where the exit code is known to be another: that of a plan with work to do.
    pub(crate) fn json_with(&self, exit: Exit) -> PairJson<'_> {
        PairJson {
            name: &self.name,
            phase: self.phase,
            in_sync: self.in_sync() && exit != Exit::NotInSync,
            exit: exit.code(),
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            moved: self.moved,
            deleted_local: self.deleted_local,
            deleted_remote: self.deleted_remote,
            conflicts: &self.conflicts,
            skipped: &self.skipped,
            held: &self.held,
            unproved: &self.unproved,
            failed: &self.failed,
            drift: &self.drift,
            bytes_up: self.bytes_up,
            bytes_down: self.bytes_down,
            requests: self.requests,
            last_agreement: self.last_agreement.as_deref(),
            stop: self.stop.as_ref(),
            error: self.error.as_ref().map(Report::json),
            other_device: self.other_device,
        }
    }
}

/// A step that would be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct PlannedStep {
    /// `local` or `remote`.
    pub(crate) side: &'static str,
    /// What it is.
    pub(crate) kind: &'static str,
    /// What it is done to.
    pub(crate) path: String,
    /// Where that goes, if it goes anywhere.
    pub(crate) to: Option<String>,
    /// Bytes to be transferred.
    pub(crate) bytes: Option<u64>,
    /// The rule that caused it, by name.
    pub(crate) rule: &'static str,
    /// That rule as a sentence; for what somebody did, with the time since the last agreement.
    pub(crate) reason: String,
}

/// An item, and a rule that decided about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Decided {
    /// Where it will be, or was.
    pub(crate) path: String,
    /// The rule's name.
    pub(crate) rule: &'static str,
    /// The rule in words.
    pub(crate) reason: &'static str,
}

/// What a pass over one pair would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct DryRun {
    /// The pair.
    pub(crate) pair: String,
    /// Of the plan; what `--expect` is compared with.
    pub(crate) digest: String,
    /// The plan as values, in order.
    pub(crate) steps: Vec<PlannedStep>,
    /// The rules of all that is not as it was, whether it takes a step or is only recorded; for `syncd why`.
    pub(crate) decided: Vec<Decided>,
    /// Paths whose bytes would have to be compared before more is known.
    pub(crate) compare: Vec<String>,
    /// Paths that both sides changed, each in its way.
    pub(crate) conflicts: Vec<String>,
    /// What would stay as it is, and why; its counters are 0.
    pub(crate) summary: PairSummary,
}

impl DryRun {
    /// The exit code: 3 with work to do.
    pub(crate) fn exit(&self, strict: bool) -> Exit {
        let work = if self.steps.is_empty() && self.compare.is_empty() {
            Exit::InSync
        } else {
            Exit::NotInSync
        };
        Exit::of_pairs([self.summary.exit(strict), work])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Kind;

    fn item(path: &str, reason: &str) -> Item {
        Item {
            path: path.into(),
            reason: reason.into(),
        }
    }

    #[test]
    fn the_json_has_exactly_the_promised_keys_in_their_order() {
        let text = serde_json::to_string(&PairSummary::default().json(false)).unwrap();
        let keys: Vec<&str> = text
            .trim_matches(['{', '}'])
            .split(',')
            .filter_map(|part| part.split('"').nth(1))
            .collect();
        let promised = "name phase in_sync exit uploaded downloaded moved deleted_local deleted_remote conflicts \
            skipped held unproved failed drift bytes_up bytes_down requests last_agreement stop error \
            other_device";
        assert_eq!(keys, promised.split_whitespace().collect::<Vec<_>>());
        let value = serde_json::to_value(PairSummary::default().json(false)).unwrap();
        assert_eq!(value["stop"], serde_json::Value::Null);
        let skipped = PairSummary {
            skipped: vec![item("a", "an empty file")],
            ..PairSummary::default()
        };
        let value = serde_json::to_value(skipped.json(false)).unwrap();
        assert_eq!(
            value["skipped"],
            serde_json::json!([{"path": "a", "reason": "an empty file"}])
        );
    }

    #[test]
    fn what_is_held_failed_or_unproved_is_exit_3_and_what_is_skipped_only_when_strict() {
        let with = |change: fn(&mut PairSummary)| {
            let mut summary = PairSummary::default();
            change(&mut summary);
            (summary.exit(false).code(), summary.exit(true).code())
        };
        assert_eq!(with(|_| ()), (0, 0));
        assert_eq!(with(|it| it.held.push(item("a", "b"))), (3, 3));
        assert_eq!(with(|it| it.failed.push(item("a", "b"))), (3, 3));
        assert_eq!(with(|it| it.unproved.push(item("a", "b"))), (3, 3));
        assert_eq!(with(|it| it.skipped.push(item("a", "b"))), (0, 3));
        assert_eq!(with(|it| it.drift.push(item("a", "b"))), (0, 3));
        assert_eq!(with(|it| it.phase = PAUSED), (3, 3));
        assert_eq!(with(|it| it.phase = INTERRUPTED), (3, 3));
        let stop = |it: &mut PairSummary| {
            it.stop = Some(Stop {
                kind: "brake",
                message: "m".into(),
                next: "n".into(),
                examples: Vec::new(),
            });
        };
        assert_eq!(with(stop), (4, 4));
        let error = |it: &mut PairSummary| it.error = Some(Report::new(Kind::Rejected, "h", "c", "n"));
        assert_eq!(with(error), (5, 5));
    }

    #[test]
    fn an_automatic_keep_both_is_in_sync() {
        let conflict = ConflictItem {
            path: "a".into(),
            copy: Some("b".into()),
            reason: "edited on both".into(),
        };
        let summary = PairSummary {
            conflicts: vec![conflict],
            ..PairSummary::default()
        };
        assert!(summary.in_sync());
        assert_eq!(summary.exit(true), Exit::InSync);
    }

    #[test]
    fn a_dry_run_with_work_to_do_is_exit_3() {
        assert_eq!(DryRun::default().exit(false), Exit::InSync);
        let compare = DryRun {
            compare: vec!["a".into()],
            ..DryRun::default()
        };
        assert_eq!(compare.exit(false), Exit::NotInSync);
    }
}
