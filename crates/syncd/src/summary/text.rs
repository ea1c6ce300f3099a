//! A summary for people: one line of counts, then what is not in sync, grouped and bounded, and what to do about it.

use std::fmt::Write as _;

use super::{ConflictItem, DryRun, INTERRUPTED, Item, OTHER_DEVICE, PAUSED, PairSummary};
use crate::exit::Exit;
use crate::text::{count, len, shown, size};

/// Most reasons shown of a group; the rest is counted.
const REASONS_MAX: usize = 8;
/// Most paths shown of a reason.
const EXAMPLES_MAX: usize = 3;
/// Most conflicts shown.
const CONFLICTS_MAX: usize = 8;

impl PairSummary {
    /// The end of a pass as lines; ends with a line feed.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}: {}\n", shown(&self.name), self.headline());
        if let Some(report) = self.error.as_ref().filter(|_| !self.did_nothing()) {
            let _ = writeln!(out, "  {}", report.line());
        }
        if let Some(stop) = &self.stop {
            let _ = writeln!(out, "  {}. Next: {}.", shown(&stop.message), shown(&stop.next));
            paths(&mut out, &stop.examples);
        }
        if self.other_device {
            let _ = writeln!(out, "  {OTHER_DEVICE}; passes take longer.");
        }
        self.conflicts(&mut out);
        let groups = [
            (
                "failed",
                &self.failed,
                "They stay as they are and are tried again in the next run.",
            ),
            (
                "held",
                &self.held,
                "They stay as they are until the reason is gone.",
            ),
            (
                "unproved",
                &self.unproved,
                "They are kept; the next run looks again.",
            ),
            (
                "drift",
                &self.drift,
                "The direction of this pair leaves that side as it is.",
            ),
            (
                "skipped",
                &self.skipped,
                "They stay where they are; nothing to do.",
            ),
        ];
        for (name, items, meaning) in groups {
            group(&mut out, name, items, meaning);
        }
        out
    }

    /// The end of a pass in one line, without the name of the pair.
    pub(crate) fn headline(&self) -> String {
        let mut line = match (self.exit(false), &self.error, &self.stop) {
            (_, Some(_), _) if self.did_nothing() => return "could not run".to_owned(),
            (_, Some(_), _) => "not finished".to_owned(),
            (_, _, Some(_)) => "STOPPED for safety, waiting for you".to_owned(),
            (Exit::InSync, None, None) => "in sync".to_owned(),
            _ if self.phase == PAUSED && self.window.is_some() => {
                let window = self.window.as_deref().unwrap_or_default();
                format!("paused by the window {} of the limits", shown(window))
            }
            _ if self.phase == PAUSED => return "paused; \"syncd resume\" ends that".to_owned(),
            _ if self.phase == INTERRUPTED => "interrupted; the next run goes on".to_owned(),
            _ => "NOT in sync".to_owned(),
        };
        let did = self.did();
        if did.is_empty() && self.in_sync() {
            line.push_str("; nothing to do");
        } else if !did.is_empty() {
            let _ = write!(line, "; {}", did.join(", "));
        }
        let left = self.left();
        if !left.is_empty() {
            let _ = write!(line, "; {}", left.join(", "));
        }
        line
    }

    /// Whether it neither did nor found anything: then its error is all there is to say.
    pub(crate) fn did_nothing(&self) -> bool {
        self.did().is_empty() && self.left().is_empty()
    }

    fn did(&self) -> Vec<String> {
        let transfer = |number: u64, word: &str, bytes: u64| {
            (number > 0).then(|| format!("{number} {word} ({})", size(bytes)))
        };
        let plain = |number: u64, word: &str| (number > 0).then(|| format!("{number} {word}"));
        [
            transfer(self.uploaded, "uploaded", self.bytes_up),
            transfer(self.downloaded, "downloaded", self.bytes_down),
            plain(self.moved, "moved"),
            plain(self.deleted_local, "deleted here (in .syncd/trash)"),
            plain(self.deleted_remote, "deleted in the account (in its trash)"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn left(&self) -> Vec<String> {
        let conflicts = len(&self.conflicts);
        let conflicts = (conflicts > 0).then(|| count(conflicts, "conflict", "conflicts"));
        let groups = [
            (&self.failed, "failed"),
            (&self.held, "held"),
            (&self.unproved, "unproved"),
            (&self.drift, "drift"),
            (&self.skipped, "skipped"),
        ];
        let groups = groups
            .into_iter()
            .filter(|(items, _)| !items.is_empty())
            .map(|(items, word)| format!("{} {word}", items.len()));
        conflicts.into_iter().chain(groups).collect()
    }

    fn conflicts(&self, out: &mut String) {
        if self.conflicts.is_empty() {
            return;
        }
        let _ = writeln!(
            out,
            "  conflicts: {}. Nothing was lost; compare and delete what you do not want.",
            { count(len(&self.conflicts), "item", "items") }
        );
        for ConflictItem { path, copy, reason } in self.conflicts.iter().take(CONFLICTS_MAX) {
            let _ = write!(out, "    {}: {}", shown(path), shown(reason));
            if let Some(copy) = copy {
                let _ = write!(out, "; the other version is {}", shown(copy));
            }
            out.push('\n');
        }
        rest(out, self.conflicts.len().saturating_sub(CONFLICTS_MAX));
    }
}

impl DryRun {
    /// The plan, what is not known yet, what stays, and the digest; ends with a line feed.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}: ", shown(&self.pair));
        if self.summary.error.is_some() || self.summary.stop.is_some() {
            let _ = writeln!(out, "no plan");
            out.push_str(&self.summary.text());
            return out;
        }
        if self.steps.is_empty() && self.compare.is_empty() {
            out.push_str("nothing to do\n");
        } else {
            let bytes = self
                .steps
                .iter()
                .filter_map(|step| step.bytes)
                .fold(0, u64::saturating_add);
            let _ = writeln!(
                out,
                "{}, {} to transfer",
                count(len(&self.steps), "step", "steps"),
                size(bytes)
            );
            self.plan(&mut out);
        }
        if !self.compare.is_empty() {
            let number = count(len(&self.compare), "file", "files");
            let _ = writeln!(
                out,
                "  to be compared byte by byte before more is known: {number}"
            );
            paths(&mut out, &self.compare);
        }
        let left = self.summary.left();
        if !left.is_empty() {
            let _ = writeln!(out, "  stays: {}", left.join(", "));
            for (name, items) in [
                ("held", &self.summary.held),
                ("unproved", &self.summary.unproved),
                ("drift", &self.summary.drift),
                ("skipped", &self.summary.skipped),
            ] {
                group(&mut out, name, items, "");
            }
        }
        let _ = writeln!(
            out,
            "  digest {}; \"--expect {0}\" runs exactly this plan",
            self.digest
        );
        out
    }
}

impl DryRun {
    /// The steps by side and kind, in each sorted by path; every one with its reason.
    fn plan(&self, out: &mut String) {
        for (side, name) in [("remote", "in the account"), ("local", "on this machine")] {
            let mut steps: Vec<_> = self.steps.iter().filter(|step| step.side == side).collect();
            steps.sort_by_key(|step| (step.kind, &step.path));
            if !steps.is_empty() {
                let _ = writeln!(out, "  {name}: {}", count(len(&steps), "step", "steps"));
            }
            for group in steps.chunk_by(|one, other| one.kind == other.kind) {
                let kind = group.first().map_or("", |step| step.kind);
                let _ = writeln!(out, "    {kind} ({})", group.len());
                for step in group {
                    let to = step
                        .to
                        .as_deref()
                        .map_or_else(String::new, |to| format!(" to {}", shown(to)));
                    let bytes = step
                        .bytes
                        .map_or_else(String::new, |bytes| format!(" ({})", size(bytes)));
                    let _ = writeln!(
                        out,
                        "      {}{to}{bytes}: {}",
                        shown(&step.path),
                        shown(&step.reason)
                    );
                }
            }
        }
    }
}

/// One group: a line for the group, a line per reason, both bounded.
fn group(out: &mut String, name: &str, items: &[Item], meaning: &str) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {name}: {}. {meaning}", count(len(items), "item", "items"));
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut hidden = 0usize;
    for Item { path, reason } in items {
        if let Some((_, paths)) = reasons.iter_mut().find(|(known, _)| known == reason) {
            paths.push(path);
        } else if reasons.len() < REASONS_MAX {
            reasons.push((reason, vec![path]));
        } else {
            hidden = hidden.saturating_add(1);
        }
    }
    for (reason, paths) in reasons {
        let examples: Vec<_> = paths.iter().take(EXAMPLES_MAX).map(|path| shown(path)).collect();
        let more = paths.len().saturating_sub(EXAMPLES_MAX);
        let _ = match (paths.len(), more) {
            (1, _) => writeln!(out, "    {}: {}", examples.join(""), shown(reason)),
            (all, 0) => writeln!(out, "    {} ({all}): {}", shown(reason), examples.join(", ")),
            (all, _) => writeln!(
                out,
                "    {} ({all}): {} and {more} more",
                shown(reason),
                examples.join(", ")
            ),
        };
    }
    rest(out, hidden);
}

fn paths(out: &mut String, all: &[String]) {
    for path in all.iter().take(REASONS_MAX) {
        let _ = writeln!(out, "    {}", shown(path));
    }
    rest(out, all.len().saturating_sub(REASONS_MAX));
}

fn rest(out: &mut String, hidden: usize) {
    if hidden > 0 {
        let _ = writeln!(out, "    and {hidden} more; --json lists all");
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::report::{Kind, Report};
    use crate::summary::Stop;

    fn item(path: &str, reason: &str) -> Item {
        Item {
            path: path.into(),
            reason: reason.into(),
        }
    }

    #[test]
    fn a_quiet_pass_is_one_line() {
        let summary = PairSummary {
            name: "main".into(),
            ..PairSummary::default()
        };
        assert_snapshot!(summary.text(), @"main: in sync; nothing to do");
    }

    #[test]
    fn a_busy_pass_counts_what_it_did_and_names_what_is_left() {
        let mut skipped: Vec<_> = (1..=5)
            .map(|n| item(&format!("empty-{n}"), "an empty file"))
            .collect();
        skipped.push(item("link", "a symbolic link"));
        let summary = PairSummary {
            name: "main".into(),
            uploaded: 3,
            downloaded: 1,
            moved: 2,
            deleted_local: 1,
            deleted_remote: 4,
            bytes_up: 1536,
            bytes_down: 7,
            conflicts: vec![ConflictItem {
                path: "a.txt".into(),
                copy: Some("a (conflict 2026-11-23 141503 laptop).txt".into()),
                reason: "edited on both sides".into(),
            }],
            failed: vec![item("big.iso", "the account is full")],
            held: vec![item("x\u{1b}[2J", "its name is too long")],
            skipped,
            ..PairSummary::default()
        };
        assert_snapshot!(summary.text(), @r"
        main: NOT in sync; 3 uploaded (1.5 KiB), 1 downloaded (7 B), 2 moved, 1 deleted here (in .syncd/trash), 4 deleted in the account (in its trash); 1 conflict, 1 failed, 1 held, 6 skipped
          conflicts: 1 item. Nothing was lost; compare and delete what you do not want.
            a.txt: edited on both sides; the other version is a (conflict 2026-11-23 141503 laptop).txt
          failed: 1 item. They stay as they are and are tried again in the next run.
            big.iso: the account is full
          held: 1 item. They stay as they are until the reason is gone.
            x\u{1b}[2J: its name is too long
          skipped: 6 items. They stay where they are; nothing to do.
            an empty file (5): empty-1, empty-2, empty-3 and 2 more
            link: a symbolic link
        ");
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let items: Vec<_> = (0..20)
            .map(|n| item(&format!("f{n}"), &format!("reason {n}")))
            .collect();
        let summary = PairSummary {
            name: "main".into(),
            held: items,
            ..PairSummary::default()
        };
        let text = summary.text();
        assert_eq!(text.lines().count(), 1 + 1 + REASONS_MAX + 1);
        assert!(text.ends_with("    and 12 more; --json lists all\n"), "{text}");
    }

    #[test]
    fn a_safety_stop_says_what_was_seen_and_what_to_do() {
        let stop = Stop {
            kind: "brake",
            message: "60 of 100 files would be deleted here".into(),
            next: "if that is right, approve it".into(),
            examples: vec!["docs/a.txt".into()],
        };
        let summary = PairSummary {
            name: "main".into(),
            stop: Some(stop),
            ..PairSummary::default()
        };
        assert_snapshot!(summary.text(), @"
        main: STOPPED for safety, waiting for you
          60 of 100 files would be deleted here. Next: if that is right, approve it.
            docs/a.txt
        ");
    }

    #[test]
    fn a_pass_that_broke_off_says_why_below_what_it_did() {
        let report = Report::new(Kind::Offline, "this machine is offline", "no route", "connect it");
        let summary = PairSummary {
            name: "main".into(),
            uploaded: 1,
            error: Some(report),
            ..PairSummary::default()
        };
        assert_snapshot!(summary.text(), @"
        main: not finished; 1 uploaded (0 B)
          this machine is offline: no route. Next: connect it.
        ");
    }
}
