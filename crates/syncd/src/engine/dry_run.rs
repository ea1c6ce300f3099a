//! A plan that is not carried out, as users and programs see it. The same plan gives the same digest.

use std::collections::BTreeSet;

use planner::merge::{Compare, Trees};
use planner::path::RelPath;
use planner::render;
use planner::rule::Rule;
use planner::transition::Action;

use super::decide::Decision;
use super::open::Session;
use super::tally::{Tally, shown};
use crate::summary::{Decided, DryRun, PlannedStep};

/// Hex digits of a digest: 128 bits.
const DIGEST: usize = 32;

/// The plan's digest, by which `--expect` knows it again.
pub(crate) fn digest(session: &Session, decision: &Decision) -> String {
    let mut digest = blake3::hash(text(session, decision).as_bytes())
        .to_hex()
        .to_string();
    digest.truncate(DIGEST);
    digest
}

/// A plan as text, made only when somebody reads it.
pub(crate) struct Shown<'a>(pub(crate) &'a Session, pub(crate) &'a Decision);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&text(self.0, self.1))
    }
}

fn text(session: &Session, decision: &Decision) -> String {
    let trees = Trees {
        synced: &session.synced,
        local: &decision.scan.tree,
        remote: &decision.remote.tree,
    };
    render::text(trees, &decision.merged, &decision.plan)
}

/// Why a step is there. What somebody did on a side was done since the last agreement.
fn reason(rule: Rule, since: Option<&str>) -> String {
    let done = matches!(
        rule,
        Rule::CreatedHere
            | Rule::CreatedThere
            | Rule::EditedHere
            | Rule::EditedThere
            | Rule::MovedHere
            | Rule::MovedThere
            | Rule::DeletedHere
            | Rule::DeletedThere
            | Rule::LeftPair
            | Rule::MovedToIgnored
    );
    match since.filter(|_| done) {
        Some(since) => format!("{} {since}", rule.text()),
        None => rule.text().to_owned(),
    }
}

/// A clock that was set back makes the agreement one of the future.
fn ago_text(seconds: i64) -> String {
    crate::text::ago(u64::try_from(seconds).unwrap_or(0))
}

/// The rules that decided, of each item the one of a conflict first, then that of its place.
fn decided(session: &Session, decision: &Decision) -> Vec<Decided> {
    let merged = &decision.merged;
    let conflicts = merged.conflicts.iter();
    let mut rules: Vec<(RelPath, Rule)> = conflicts
        .map(|conflict| (conflict.path.clone(), conflict.because))
        .collect();
    for removal in &merged.removed {
        let paths: BTreeSet<RelPath> = [
            removal.synced.and_then(|id| session.synced.path(id)),
            removal.local.and_then(|key| decision.scan.tree.nodes.path(key)),
            removal
                .remote
                .and_then(|id| decision.remote.paths.get(&id).cloned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        rules.extend(paths.into_iter().map(|path| (path, removal.because)));
    }
    for target in merged.target.iter() {
        let changed = [target.place_rule, target.content_rule]
            .into_iter()
            .filter(|rule| *rule != Rule::Unchanged);
        for rule in changed {
            rules.extend(merged.target.path(target.key).map(|path| (path, rule)));
        }
    }
    rules
        .into_iter()
        .map(|(path, rule)| Decided {
            path: path.to_string(),
            rule: rule.name(),
            reason: rule.text(),
        })
        .collect()
}

/// The plan for people and programs.
pub(crate) fn dry_run(session: &Session, decision: &Decision, tally: Tally) -> DryRun {
    let steps = decision
        .plan
        .steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Journal(_)));
    let since = session.meta.agreed_at.map(|at| {
        let ago = session.now().saturating_sub(at);
        format!("since the last agreement {}", ago_text(ago))
    });
    let steps = steps
        .map(|step| {
            let seen = shown(decision, step);
            PlannedStep {
                side: seen.side,
                kind: seen.kind,
                path: seen.path,
                to: seen.to,
                bytes: seen.bytes,
                rule: step.because.name(),
                reason: reason(step.because, since.as_deref()),
            }
        })
        .collect();
    let compare = decision
        .merged
        .compare
        .iter()
        .filter_map(|compare| match compare {
            Compare::Local(key) => decision.scan.tree.nodes.path(*key).map(|path| path.to_string()),
            Compare::Remote(file) => decision
                .remote
                .paths
                .get(&planner::id::RemoteId::File(*file))
                .map(ToString::to_string),
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    DryRun {
        pair: session.pair.name.clone(),
        digest: digest(session, decision),
        steps,
        decided: decided(session, decision),
        compare,
        conflicts: decision
            .merged
            .conflicts
            .iter()
            .map(|conflict| conflict.path.to_string())
            .collect(),
        summary: tally.summary,
    }
}
