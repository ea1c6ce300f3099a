//! `syncd why PATH`: what each of the three trees says of a path, and the rule that decides. With `--ask` the account is asked
//! first: by the service that runs, or as a dry run does, which writes nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::{filestatus, once, pairs};
use crate::cli::control::{Control, Trouble};
use crate::cli::{Context, control};
use crate::config::Config;
use crate::engine::says::{HoldItem, RuleItem, StepItem, Why};
use crate::engine::{self, OnceOptions, Outcome, now, shown_time};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::control::answers;
use crate::service::control::wire::{VERSION, Whys};
use crate::summary::{DryRun, PairSummary, PlannedStep};
use crate::text::{ago, shown, size};

/// A look at the account takes its time.
const ASK_TIME: Duration = Duration::from_secs(60);

/// Arguments of `why`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd why ~/Cloud/todo.txt
  syncd why todo.txt            below a pair's folder
  syncd why --ask todo.txt      looks at the account first")]
pub(crate) struct WhyArgs {
    /// A file or folder: a path on this disk, or below a pair's folder
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

    /// The pair, where several have such a path
    #[arg(long, value_name = "NAME")]
    pub(crate) pair: Option<String>,

    /// Look at the account first; without it the answer says how old the last look is
    #[arg(long)]
    pub(crate) ask: bool,
}

/// Runs it: exit code 3 where it is not in sync and could be.
pub(crate) fn run(context: &Context, args: &WhyArgs) -> Exit {
    match found(context, args) {
        Ok(found) => {
            if context.output.is_json() {
                context.output.object(&found);
            } else {
                context
                    .output
                    .text(&found.why.iter().map(text).collect::<String>());
            }
            Exit::of_pairs(found.why.iter().map(|why| filestatus::exit(&why.status)))
        }
        Err(report) => context.output.fail(&report),
    }
}

fn found(context: &Context, args: &WhyArgs) -> Result<Whys, Report> {
    let config = pairs::configured(context)?;
    let pair = args.pair.as_deref();
    control::either(&args.path, |path| {
        if args.ask {
            return asked(context, &config, pair, path);
        }
        control::journal(
            &config,
            || answers::why(&config, pair, path),
            |control| control.get("/v1/why", &[("pair", pair), ("path", Some(path))]),
        )
    })
}

fn asked(context: &Context, config: &Config, pair: Option<&str>, path: &str) -> Result<Whys, Report> {
    let parameters = [("pair", pair), ("path", Some(path)), ("ask", Some("true"))];
    match Control::of(config).get_within("/v1/why", &parameters, ASK_TIME) {
        Err(Trouble::NoService(_)) => looked(context, config, pair, path),
        answered => answered.map_err(|trouble| trouble.report()),
    }
}

/// Nothing runs: a dry run of the pair, of which only the path is told.
fn looked(context: &Context, config: &Config, pair: Option<&str>, path: &str) -> Result<Whys, Report> {
    let known = answers::why(config, pair, path);
    let (name, place) = match &known {
        Ok(known) => known.why.first().map(|why| (why.pair.clone(), why.path.clone())),
        Err(report) if report.kind == Kind::NotFound => place_of(config, pair, path)?,
        Err(_) => None,
    }
    .ok_or_else(|| {
        known
            .clone()
            .err()
            .unwrap_or_else(|| Report::new(Kind::NotFound, "nothing is known of it", "", "").at(path))
    })?;
    let planned = once::on_pair(context, &name, async |setup, pair, sink| {
        let options = OnceOptions {
            dry_run: true,
            ..OnceOptions::default()
        };
        engine::run_once(setup, pair, &options, sink).await
    })?;
    let plan = match planned {
        Outcome::Planned(plan) => plan,
        Outcome::Ran(PairSummary {
            error: Some(report), ..
        }) => return Err(report),
        Outcome::Ran(summary) => DryRun {
            summary,
            ..DryRun::default()
        },
    };
    let known = known.ok().and_then(|known| known.why.into_iter().next());
    let about = about(&plan, &place);
    match known {
        Some(known) => Ok(whys(with(known, about))),
        None if about == About::default() => Err(Report::new(
            Kind::NotFound,
            "nothing is known of it",
            "neither side has it",
            "look at the path",
        )
        .at(path)),
        None => Ok(whys(with(unknown(&name, &place), about))),
    }
}

/// The first pair that the path can be in.
fn place_of(config: &Config, pair: Option<&str>, path: &str) -> Result<Option<(String, String)>, Report> {
    let mut named = pairs::named(config, pair)?.into_iter();
    Ok(named.find_map(|pair| {
        let place = pairs::place(&pair.local, Path::new(path))?;
        Some((pair.name.clone(), place.to_string()))
    }))
}

fn whys(why: Why) -> Whys {
    Whys {
        v: VERSION,
        why: vec![why],
    }
}

/// What a dry run says of one path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct About {
    rules: Vec<RuleItem>,
    steps: Vec<StepItem>,
    held: Vec<HoldItem>,
    compare: bool,
}

fn about(plan: &DryRun, place: &str) -> About {
    let mut steps: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| step.path == place || step.to.as_deref() == Some(place))
        .collect();
    let decided: Vec<_> = plan.decided.iter().filter(|item| item.path == place).collect();
    if steps.is_empty() && decided.is_empty() {
        steps.extend(along(plan, place));
    }
    let mut rules: Vec<RuleItem> = Vec::new();
    let of_steps = steps.iter().map(|step| (step.rule, step.reason.as_str()));
    for (rule, reason) in decided
        .iter()
        .map(|item| (item.rule, item.reason))
        .chain(of_steps)
    {
        let reason = reason.to_owned().into();
        match rules.iter_mut().find(|known| known.rule == rule) {
            // A step's says since when.
            Some(known) => known.reason = reason,
            None => rules.push(RuleItem {
                rule: rule.into(),
                reason,
            }),
        }
    }
    let summary = &plan.summary;
    let kinds = [
        ("skipped", &summary.skipped),
        ("held", &summary.held),
        ("unproved", &summary.unproved),
        ("failed", &summary.failed),
        ("drift", &summary.drift),
    ];
    let held = kinds.into_iter().flat_map(|(kind, items)| {
        items
            .iter()
            .filter(|item| item.path == place)
            .map(move |item| HoldItem {
                kind: kind.to_owned(),
                reason: item.reason.clone(),
                since: None,
            })
    });
    // What both sides have alike is the lesser thing, if something else was decided too, and times the least.
    rules.sort_by_key(|rule| match rule.rule.as_ref() {
        "Refreshed" => 2,
        "SameOnBoth" => 1,
        _ => 0,
    });
    About {
        rules,
        held: held.collect(),
        compare: plan.compare.iter().any(|path| path == place),
        steps: steps
            .into_iter()
            .map(|step| StepItem {
                side: step.side.into(),
                kind: step.kind.to_owned(),
                path: step.path.clone(),
                to: step.to.clone(),
                bytes: step.bytes,
                rule: step.rule.into(),
            })
            .collect(),
    }
}

/// The step by which it goes along with the folder it is in: that of the innermost.
fn along<'a>(plan: &'a DryRun, place: &str) -> Option<&'a PlannedStep> {
    let holds = |step: &&PlannedStep| {
        let inside = place.strip_prefix(step.path.as_str());
        inside.is_some_and(|rest| rest.starts_with('/'))
            && matches!(step.kind, "move" | "delete here" | "delete there")
    };
    plan.steps.iter().filter(holds).max_by_key(|step| step.path.len())
}

/// What was known, with what the account showed just now.
fn with(known: Why, about: About) -> Why {
    let nothing = about.steps.is_empty() && about.held.is_empty() && !about.compare;
    let mut remote = known.remote;
    remote.state = "asked".into();
    remote.looked_at = shown_time(now());
    remote.age = Some(0);
    remote.text = match (nothing, about.compare) {
        (_, true) => {
            "it was asked just now: what it has must be compared byte by byte before anything is decided"
        }
        (true, false) => "it was asked just now: nothing that it has needs anything done here or there",
        (false, false) => "it was asked just now: what it has leads to what follows",
    }
    .to_owned();
    // Said without the account, and no longer true.
    let (status, reason) = if known.status == "synced" && (about.compare || !about.steps.is_empty()) {
        let reason =
            "the account was asked, and it differs from what was agreed on; the next pass looks at it";
        ("waiting".to_owned(), reason.to_owned())
    } else {
        (known.status, known.reason)
    };
    Why {
        status,
        reason,
        rules: if about.rules.is_empty() && nothing {
            known.rules
        } else {
            about.rules
        },
        // What held it at the last pass does so no longer if something is to be done now.
        held: if about.held.is_empty() && about.steps.is_empty() {
            known.held
        } else {
            about.held
        },
        steps: about.steps,
        remote,
        ..known
    }
}

fn unknown(pair: &str, place: &str) -> Why {
    let nothing = || "nothing".into();
    Why {
        pair: pair.to_owned(),
        path: place.to_owned(),
        status: "waiting".to_owned(),
        reason: "it was never synced; the next pass looks at it".to_owned(),
        synced: engine::says::SyncedSays {
            kind: nothing(),
            text: "both sides never agreed on anything at this path".to_owned(),
            ..Default::default()
        },
        local: engine::says::LocalSays {
            kind: nothing(),
            text: "nothing is there".to_owned(),
            ..Default::default()
        },
        remote: engine::says::RemoteSays::default(),
        rules: Vec::new(),
        steps: Vec::new(),
        held: Vec::new(),
    }
}

fn text(why: &Why) -> String {
    let mut out = format!(
        "{} ({}): {}: {}\n",
        shown(&why.path),
        shown(&why.pair),
        shown(&why.status),
        shown(&why.reason)
    );
    let age = why
        .remote
        .age
        .map_or_else(String::new, |age| format!(" (looked at {})", ago(age)));
    // Writing to a String does not fail.
    let _ = writeln!(out, "  agreed   {}", shown(&why.synced.text));
    let _ = writeln!(out, "  here     {}", shown(&why.local.text));
    let _ = writeln!(out, "  account  {}{age}", shown(&why.remote.text));
    for rule in &why.rules {
        let _ = writeln!(out, "  rule     {}: {}", shown(&rule.rule), shown(&rule.reason));
    }
    for hold in &why.held {
        let since = hold
            .since
            .as_deref()
            .map_or_else(String::new, |since| format!(", since {}", shown(since)));
        let _ = writeln!(out, "  {:7}  {}{since}", shown(&hold.kind), shown(&hold.reason));
    }
    for step in &why.steps {
        let to = step
            .to
            .as_deref()
            .map_or_else(String::new, |to| format!(" -> {}", shown(to)));
        let bytes = step
            .bytes
            .map_or_else(String::new, |bytes| format!(" ({})", size(bytes)));
        let _ = writeln!(
            out,
            "  next     {} {}{to}{bytes}",
            shown(&step.kind),
            shown(&step.path)
        );
    }
    if why.steps.is_empty() && why.held.is_empty() && why.local.ignored.is_none() {
        let _ = writeln!(out, "  next     nothing");
    }
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::summary::{Decided, Item};

    fn why() -> Why {
        let mut why = unknown("main", "docs/a\u{1b}.txt");
        why.remote.text = "the last look at the account showed it as agreed".into();
        why.remote.age = Some(250);
        why
    }

    #[test]
    fn the_three_trees_then_the_rule_then_what_follows() {
        let mut why = why();
        why.rules.push(RuleItem {
            rule: "EditedHere".into(),
            reason: "edited on this machine".into(),
        });
        why.steps.push(StepItem {
            side: "remote".into(),
            kind: "upload".into(),
            path: "docs/a.txt".into(),
            to: None,
            bytes: Some(1536),
            rule: "EditedHere".into(),
        });
        assert_snapshot!(text(&why), @r"
        docs/a\u{1b}.txt (main): waiting: it was never synced; the next pass looks at it
          agreed   both sides never agreed on anything at this path
          here     nothing is there
          account  the last look at the account showed it as agreed (looked at 4 min ago)
          rule     EditedHere: edited on this machine
          next     upload docs/a.txt (1.5 KiB)
        ");
    }

    #[test]
    fn a_dry_run_says_of_one_path_only_what_is_about_it() {
        let step = |path: &str| PlannedStep {
            side: "local",
            kind: "download",
            path: path.into(),
            to: None,
            bytes: Some(3),
            rule: "CreatedThere",
            reason: "new in the account".into(),
        };
        let mut plan = DryRun {
            steps: vec![step("a"), step("b")],
            ..DryRun::default()
        };
        plan.summary.held.push(Item {
            path: "c".into(),
            reason: "too large".into(),
        });
        // What is only recorded has a rule, and what is in a folder that goes has the folder's.
        plan.decided.push(Decided {
            path: "e".into(),
            rule: "SameOnBoth",
            reason: "the same on both sides",
        });
        plan.steps.push(PlannedStep {
            kind: "delete here",
            rule: "DeletedThere",
            ..step("docs")
        });
        let of = |place: &str| with(why(), about(&plan, place));
        assert_eq!(
            (of("a").steps.len(), of("a").rules[0].rule.as_ref()),
            (1, "CreatedThere")
        );
        assert_eq!(
            (of("c").held[0].kind.as_str(), of("c").remote.state.as_ref()),
            ("held", "asked")
        );
        assert_eq!(about(&plan, "d"), About::default());
        assert_eq!(of("e").rules[0].rule, "SameOnBoth");
        assert_eq!(of("docs/deep/f").rules[0].rule, "DeletedThere");
        assert_eq!(about(&plan, "docsf"), About::default());
    }
}
