//! The end of `--once`: one summary for all pairs, as text or as one JSON object.

use serde::Serialize;

use super::once::OnceArgs;
use crate::cli::output::Output;
use crate::engine::Outcome;
use crate::exit::Exit;
use crate::summary::{DryRun, PairJson, PairSummary, PlannedStep};

/// `--once --json` (interface §1).
#[derive(Serialize)]
struct RanJson<'a> {
    v: u8,
    pairs: Vec<PairJson<'a>>,
}

/// `--once --dry-run --json` (interface §1). `digest` is that of the only pair; with several, `pairs` has each.
#[derive(Serialize)]
struct PlannedJson<'a> {
    v: u8,
    digest: Option<&'a str>,
    steps: Vec<StepJson<'a>>,
    compare: Vec<&'a str>,
    pairs: Vec<PlanJson<'a>>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    #[serde(flatten)]
    step: &'a PlannedStep,
    pair: &'a str,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    #[serde(flatten)]
    summary: PairJson<'a>,
    digest: Option<&'a str>,
}

/// Prints what happened and answers the exit code.
pub(crate) fn print(output: &Output, outcomes: &[Outcome], args: &OnceArgs) -> Exit {
    let strict = args.strict;
    if output.is_json() && args.dry_run {
        output.object(&planned(outcomes, strict));
    } else if output.is_json() {
        let pairs = outcomes
            .iter()
            .map(|outcome| summary(outcome).json(strict))
            .collect();
        output.object(&RanJson { v: 1, pairs });
    } else {
        // Why a pair could not run at all is an error, not a result.
        for summary in outcomes
            .iter()
            .map(summary)
            .filter(|summary| summary.did_nothing())
        {
            if let Some(report) = &summary.error {
                let at = report
                    .path
                    .as_ref()
                    .map_or_else(String::new, |path| format!(": {path}"));
                output.error(&report.clone().at(format!("{}{at}", summary.name)));
            }
        }
        let text: String = outcomes
            .iter()
            .map(|outcome| match outcome {
                Outcome::Ran(summary) => summary.text(),
                Outcome::Planned(plan) => plan.text(),
            })
            .collect();
        output.text(&text);
    }
    Exit::of_pairs(outcomes.iter().map(|outcome| match outcome {
        Outcome::Ran(summary) => summary.exit(strict),
        Outcome::Planned(plan) => plan.exit(strict),
    }))
}

fn planned(outcomes: &[Outcome], strict: bool) -> PlannedJson<'_> {
    let plans: Vec<&DryRun> = outcomes.iter().filter_map(plan).collect();
    let steps = plans.iter().flat_map(|plan| {
        plan.steps.iter().map(|step| StepJson {
            step,
            pair: &plan.pair,
        })
    });
    let pairs = outcomes.iter().map(|outcome| {
        let exit = match outcome {
            Outcome::Ran(summary) => summary.exit(strict),
            Outcome::Planned(plan) => plan.exit(strict),
        };
        PlanJson {
            summary: summary(outcome).json_with(exit),
            digest: plan(outcome).map(|plan| plan.digest.as_str()),
        }
    });
    PlannedJson {
        v: 1,
        digest: match (outcomes, plans.as_slice()) {
            ([_], [only]) => Some(&only.digest),
            _ => None,
        },
        steps: steps.collect(),
        compare: plans
            .iter()
            .flat_map(|plan| plan.compare.iter().map(String::as_str))
            .collect(),
        pairs: pairs.collect(),
    }
}

const fn summary(outcome: &Outcome) -> &PairSummary {
    match outcome {
        Outcome::Ran(summary) => summary,
        Outcome::Planned(plan) => &plan.summary,
    }
}

const fn plan(outcome: &Outcome) -> Option<&DryRun> {
    match outcome {
        Outcome::Ran(_) => None,
        Outcome::Planned(plan) => Some(plan),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan_of(pair: &str) -> DryRun {
        let step = PlannedStep {
            side: "remote",
            kind: "upload",
            path: "a.txt".into(),
            to: None,
            bytes: Some(3),
            rule: "CreatedHere",
            reason: "it is new here".into(),
        };
        DryRun {
            pair: pair.into(),
            digest: format!("d-{pair}"),
            steps: vec![step],
            decided: Vec::new(),
            compare: vec!["b.txt".into()],
            conflicts: Vec::new(),
            summary: PairSummary {
                name: pair.into(),
                ..PairSummary::default()
            },
        }
    }

    fn json_of(outcomes: &[Outcome]) -> Value {
        serde_json::to_value(planned(outcomes, false)).unwrap()
    }

    #[test]
    fn a_dry_run_of_one_pair_has_its_digest_steps_and_comparisons_on_top() {
        let value = json_of(&[Outcome::Planned(plan_of("main"))]);
        assert_eq!(value["v"], 1);
        assert_eq!(value["digest"], "d-main");
        assert_eq!(value["compare"], json!(["b.txt"]));
        let step = json!({
            "side": "remote", "kind": "upload", "path": "a.txt", "to": null, "bytes": 3,
            "rule": "CreatedHere", "reason": "it is new here", "pair": "main",
        });
        assert_eq!(value["steps"], json!([step]));
        assert_eq!(value["pairs"][0]["exit"], 3);
        assert_eq!(value["pairs"][0]["in_sync"], false);
    }

    #[test]
    fn a_dry_run_of_several_pairs_has_a_digest_for_each() {
        let report = crate::report::Report::new(crate::report::Kind::Offline, "offline", "", "");
        let value = json_of(&[
            Outcome::Planned(plan_of("a")),
            Outcome::Ran(PairSummary::could_not_run("b", report)),
        ]);
        assert_eq!(value["digest"], Value::Null);
        assert_eq!(value["pairs"][0]["digest"], "d-a");
        assert_eq!(value["pairs"][1]["digest"], Value::Null);
        assert_eq!(value["pairs"][1]["error"]["kind"], "offline");
        assert_eq!(value["pairs"][1]["exit"], 1);
    }
}
