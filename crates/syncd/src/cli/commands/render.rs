//! The end of `--once`: one summary for all pairs, as text or as one JSON object.

use serde::Serialize;

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
pub(crate) fn print(output: &Output, outcomes: &[Outcome], strict: bool) -> Exit {
    if output.is_json() {
        json(output, outcomes, strict);
    } else {
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

fn json(output: &Output, outcomes: &[Outcome], strict: bool) {
    let plans: Vec<&DryRun> = outcomes.iter().filter_map(plan).collect();
    if plans.is_empty() {
        let pairs = outcomes
            .iter()
            .map(|outcome| summary(outcome).json(strict))
            .collect();
        output.object(&RanJson { v: 1, pairs });
    } else {
        output.object(&planned(outcomes, &plans, strict));
    }
}

fn planned<'a>(outcomes: &'a [Outcome], plans: &[&'a DryRun], strict: bool) -> PlannedJson<'a> {
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
        digest: match (outcomes, plans) {
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
