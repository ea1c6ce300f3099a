//! One run over one pair: observe, decide, gate, execute, settle, and again while something was not as supposed.
//!
//! Invariants: nothing is written before the gate; a dry run is this ring cut after it.

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::hold::Side;
use planner::path::RelPath;
use planner::policy::Direction;
use planner::transition::{Action, LocalStep, Plan};
use state::IntentBody;

use super::calm::Calm;
use super::decide::{Decision, decide};
use super::gate::{Brake, SafetyStop, brake};
use super::observe::RemoteSeen;
use super::open::{Halt, Mode, Session};
use super::see::{Known, Seen, Trees, see};
use super::sight::Sureness;
use super::tally::Tally;
use super::{
    Look, OnceOptions, Outcome, Recall, Setup, Sink, conflicts, deletions, dry_run, execute, memo, observe,
    part, recover, resolve, restless, set_aside, settle, sight, tidy, twins,
};
use crate::config::PairConfig;
use crate::local::ignore::Ignore;
use crate::local::scan::Scan;
use crate::remote::listings::{Listings, Wanted};
use crate::report::{Kind, Report};
use crate::summary::{DryRun, INTERRUPTED, PairSummary, Stop};

/// Passes within one run: each settles what the one before found changed. What still moves then is for the next run.
const ROUNDS: u32 = 4;

/// Rounds besides that end with settling what two devices did at once: each may bring up more of it, one folder deeper.
const TWIN_ROUNDS: u32 = 4;

/// Paths named in a safety stop.
const EXAMPLES: usize = 5;

/// The sliding window of the brake, in seconds (design §6).
const HOUR: i64 = 3600;

/// Lost rows from which on the server "went back" (design S2).
const LOST_ROWS: usize = 2;

/// One pass over one pair, with everything looked at.
pub(crate) async fn run_once(
    setup: &Setup,
    pair: &PairConfig,
    options: &OnceOptions,
    sink: Arc<dyn Sink>,
) -> Outcome {
    let mut recall = Recall::default();
    let outcome = pass(setup, pair, options, sink, &mut recall, Look::All).await;
    // Who looks at everything always has something to tell.
    outcome.unwrap_or_else(|| Outcome::Ran(PairSummary::default()))
}

/// One pass of a process that goes on, and what it recalls from the one before. `None`: nothing had changed here, so nobody
/// was asked.
pub(crate) async fn run(
    setup: &Setup,
    pair: &PairConfig,
    sink: Arc<dyn Sink>,
    recall: &mut Recall,
    look: Look,
) -> Option<PairSummary> {
    let options = OnceOptions::default();
    match pass(setup, pair, &options, sink, recall, look).await? {
        Outcome::Ran(summary) => Some(summary),
        Outcome::Planned(plan) => Some(plan.summary),
    }
}

async fn pass(
    setup: &Setup,
    pair: &PairConfig,
    options: &OnceOptions,
    sink: Arc<dyn Sink>,
    recall: &mut Recall,
    look: Look,
) -> Option<Outcome> {
    let before = setup.client.requests().total();
    let taken = setup.client.sessions_taken();
    let mode = if options.dry_run { Mode::Look } else { Mode::Write };
    let mut tally = Tally::new(&pair.name);
    let result = match recall.open(setup, pair, mode, sink).await {
        Ok((mut session, opened)) => {
            let result = rounds(&mut session, options, mode, look, &mut tally).await;
            let result = result.map_err(begun);
            if matches!(result, Ok(Ended::Nothing)) {
                recall.keep(session, opened);
                return None;
            }
            if mode == Mode::Write {
                let met = setup.client.sessions_taken() > taken;
                let noted = memo::met_other_device(&mut session.journal, met, super::clock::now());
                if let Err(error) = noted {
                    tracing::debug!(%error, "another device could not be noted");
                }
            }
            tally.summary.oldest_listing = session.listings.as_ref().map(Listings::oldest);
            tally.summary.last_agreement = session.meta.agreed_at.and_then(super::clock::shown);
            if matches!(result, Ok(Ended::Done)) && tally.summary.phase != INTERRUPTED {
                recall.keep(session, opened);
            }
            result
        }
        Err(halt) => Err(halt),
    };
    let result = result.map_err(|halt| placed(halt, setup, pair));
    if let (Err(Halt::Stop(stop)), Mode::Write) = (&result, mode) {
        memo::remember(
            &setup.config.pair_dir(&pair.name),
            &pair.name,
            stop,
            super::clock::now(),
        );
    }
    let requests = setup.client.requests().total().saturating_sub(before);
    tally.summary.requests = requests;
    tally.summary.other_device = setup.client.sessions_taken() > taken;
    Some(match result {
        Ok(Ended::Planned(planned)) => Outcome::Planned(*planned),
        Ok(Ended::Done | Ended::Nothing) => Outcome::Ran(tally.summary),
        Err(halt) => Outcome::Ran(halted(tally.summary, halt)),
    })
}

/// How the rounds of a pass ended.
enum Ended {
    /// With a plan only.
    Planned(Box<DryRun>),
    /// It was carried out.
    Done,
    /// Nothing had changed here.
    Nothing,
}

/// A pass that breaks off may have done something before.
fn begun(halt: Halt) -> Halt {
    match halt {
        Halt::Error(report) => Halt::Error(Box::new(report.in_a_pass())),
        stop @ Halt::Stop(_) => stop,
    }
}

/// Trouble with the journal names its folder.
fn placed(halt: Halt, setup: &Setup, pair: &PairConfig) -> Halt {
    match halt {
        Halt::Error(report) if report.kind == Kind::State && report.path.is_none() => {
            let dir = setup.config.pair_dir(&pair.name);
            Halt::Error(Box::new(report.at(dir.display().to_string())))
        }
        other @ (Halt::Error(_) | Halt::Stop(_)) => other,
    }
}

pub(super) fn halted(mut summary: PairSummary, halt: Halt) -> PairSummary {
    match halt {
        Halt::Stop(stop) => {
            summary.phase = "stopped";
            let examples = stop.examples().to_vec();
            summary.stop = Some(Stop {
                kind: stop.kind(),
                message: stop.to_string(),
                next: stop.next(&summary.name),
                examples,
            });
        }
        Halt::Error(report) => {
            summary.phase = "failed";
            summary.error = Some(*report);
        }
    }
    summary
}

async fn rounds(
    session: &mut Session,
    options: &OnceOptions,
    mode: Mode,
    look: Look,
    tally: &mut Tally,
) -> Result<Ended, Halt> {
    session.journal.hear(super::clock::now());
    let (mut acted, mut mended) = (0, 0);
    let mut ending = tidy::Ending::Whole;
    while acted < ROUNDS {
        let (decision, seen, whole) = match turn(session, options, (mode, look), tally).await? {
            Turn::NothingHere => return Ok(Ended::Nothing),
            Turn::Nothing => {
                ending = tidy::Ending::Calm;
                break;
            }
            Turn::Decided(decided) => *decided,
        };
        gate(session, &decision)?;
        if mode == Mode::Look {
            let planned = dry_run::dry_run(session, &decision, std::mem::take(tally));
            return Ok(Ended::Planned(Box::new(planned)));
        }
        if !decision.plan.steps.is_empty() {
            session.claim_once()?;
        }
        if mended < TWIN_ROUNDS && mend(session, &decision).await? && !session.stop.is_cancelled() {
            mended += 1;
            part::end(session);
            continue;
        }
        acted += 1;
        let stirred = part::stirred(&session.synced, &decision);
        let again = act(session, &decision, tally).await?;
        if !again || acted == ROUNDS {
            let stirred = stirred.map(|stirred| stirred.paths(&session.synced));
            session.calm = Calm::after(session, &decision, tally, stirred).filter(|_| !again);
            ending = match &whole {
                // What is not known any more is forgotten where something was done.
                Some((_, Sureness::AsSeen)) if !decision.plan.steps.is_empty() => tidy::Ending::Whole,
                Some(_) => tidy::Ending::Part,
                None => tidy::Ending::Whole,
            };
            part::end(session);
            leave(session, (decision, seen), whole, again);
            break;
        }
        part::end(session);
    }
    tidy::finish(session, tally, ending).await?;
    Ok(Ended::Done)
}

/// The scan of everything, beside a part.
type Rest = (Scan, Sureness);

/// What is decided, what the next look needs, and the scan of everything if it is about a part.
type Decided = (Decision, sight::Kept, Option<Rest>);

/// What a round comes to before anything is done.
enum Turn {
    /// This is to be done.
    Decided(Box<Decided>),
    /// Nothing changed here, and nothing else was asked.
    NothingHere,
    /// Nothing changed on either side.
    Nothing,
}

/// Puts right what an earlier run left, looks at both sides, and decides.
async fn turn(
    session: &mut Session,
    options: &OnceOptions,
    (mode, look): (Mode, Look),
    tally: &mut Tally,
) -> Result<Turn, Halt> {
    tally.begin_round();
    // What was not as supposed is looked for everywhere.
    let look = if tally.rounds() == 1 { look } else { Look::All };
    if mode == Mode::Write {
        recover::disk(session).await?;
    }
    let waiting = match mode {
        Mode::Write => resolve::account(session).await?,
        Mode::Look => resolve::waiting(session)?,
    };
    let look = if look == Look::Changed && !waiting.is_empty() {
        Look::All
    } else {
        look
    };
    let calm = session
        .calm
        .take()
        .filter(|_| waiting.is_empty() && mode == Mode::Write);
    let expected = options.expect.as_ref().filter(|_| tally.rounds() == 1);
    let known = match &calm {
        Some(calm) => Known::Rest(calm),
        None if mode == Mode::Write && expected.is_none() && nothing_waits(session, &waiting, tally)? => {
            Known::Record
        }
        None => Known::Less,
    };
    let decided = match see(session, look, &known, tally).await? {
        Seen::Trees(trees) => {
            let (decision, seen) = settle_on(session, *trees, waiting, (mode, look), expected).await?;
            (decision, seen, None)
        }
        Seen::Part(parted) => settle_on_part(session, *parted, waiting).await?,
        Seen::NothingHere => {
            session.calm = calm;
            return Ok(Turn::NothingHere);
        }
        Seen::Nothing { listed } => {
            if let Some(calm) = &calm {
                calm.tell(tally, listed);
            }
            session.calm = calm;
            observe::walked(session)?;
            return Ok(Turn::Nothing);
        }
    };
    let (decision, ..) = &decided;
    tally.observed(decision);
    let all = session.aside.as_ref().unwrap_or(&session.synced).len();
    tally.summary.decided = Some((session.synced.len(), all));
    if let (Some(calm), Some(open)) = (&calm, &decision.open) {
        calm.tell_rest(tally, open);
    }
    let listed = u64::try_from(decision.remote.listed.len()).unwrap_or(u64::MAX);
    tally.summary.listed = tally.summary.listed.saturating_add(listed);
    Ok(Turn::Decided(Box::new(decided)))
}

/// Decides what is to be done about what was seen.
async fn settle_on(
    session: &mut Session,
    trees: Trees,
    waiting: BTreeSet<RelPath>,
    (mode, look): (Mode, Look),
    expected: Option<&String>,
) -> Result<(Decision, sight::Kept), Halt> {
    let (mut scan, mut remote, mut seen) = trees;
    let (copies, waiting) = match mode {
        Mode::Write => {
            let waiting = resolve::elsewhere(session, &remote, waiting).await?;
            (restless::copy(session, &mut scan).await?, waiting)
        }
        Mode::Look => (restless::Copies::default(), waiting),
    };
    set_aside::leave_alone(session, &mut remote, &waiting)?;
    if let Some(expected) = expected {
        expect(session, &scan, &remote, expected).await?;
    }
    let mut decision = decide(session, scan, remote, mode).await?;
    if look != Look::All {
        decision = freshly(session, decision, &waiting, seen.ignore()).await?;
    }
    let mut decision = Decision {
        waiting,
        copies,
        ..decision
    };
    decision.trust_no_copies();
    tracing::debug!(steps = decision.plan.steps.len(), "decided");
    tracing::trace!(plan = %dry_run::Shown(session, &decision), "decided");
    Ok((decision, seen))
}

/// Whether the journal's record is all that is known and to be known: nothing waits, or was let through, or is looked for.
fn nothing_waits(session: &Session, waiting: &BTreeSet<RelPath>, tally: &Tally) -> Result<bool, Halt> {
    let open = session.journal.open_intents();
    let open = open.map_err(|error| session.broken(&error))?;
    let deletes = open
        .iter()
        .any(|intent| matches!(intent.body, IntentBody::Discard { .. }));
    Ok(tally.rounds() == 1
        && waiting.is_empty()
        && !deletes
        && session.approvals.is_empty()
        && session.policy.direction == Direction::Both)
}

/// Decides what is to be done about a part; about everything, if the plan needs what was not listed now (design A2). Answers
/// the whole scan as well if it was a part.
async fn settle_on_part(
    session: &mut Session,
    parted: part::Parted,
    waiting: BTreeSet<RelPath>,
) -> Result<Decided, Halt> {
    let part::Parted {
        trees,
        listed,
        scan,
        open,
        compared,
    } = parted;
    let everything = (Mode::Write, Look::All);
    let (decision, mut kept) = settle_on(session, trees, waiting.clone(), everything, None).await?;
    let older: BTreeSet<_> = decision.puts_into().difference(&listed).copied().collect();
    if older.is_empty() {
        #[cfg(any(test, feature = "sim"))]
        part::proof::prove(session, &scan, &decision, kept.ignore());
        // Kept so far for that proof only: nobody goes on with them.
        if session.hearing.is_none() {
            session.listings = None;
        }
        let decision = Decision {
            open: Some(open),
            ..decision
        };
        let sureness = if compared {
            Sureness::AsSeen
        } else {
            Sureness::AsBefore
        };
        return Ok((decision, kept, Some((scan, sureness))));
    }
    part::end(session);
    let known = session.listings.take();
    let looked = observe::account(session, known, &Wanted::These(older)).await?;
    let mut remote = observe::translate(session, looked, kept.ignore())?;
    remote.listed.extend(listed);
    let (whole, kept) = settle_on(session, (scan, remote, kept), waiting, everything, None).await?;
    let fetched = decision.fetched.into_iter().chain(whole.fetched).collect();
    Ok((Decision { fetched, ..whole }, kept, None))
}

/// Leaves what was seen to the next pass, as far as it still holds. `whole`: the scan of everything, after a pass about a part.
fn leave(
    session: &mut Session,
    (decision, seen): (Decision, sight::Kept),
    whole: Option<Rest>,
    surprised: bool,
) {
    if session.hearing.is_none() {
        return;
    }
    let swept = !decision.remote.interims.is_empty() || !decision.remote.rings.is_empty();
    if surprised || swept || !decision.waiting.is_empty() {
        session.listings = None;
    }
    let learned = sight::Learned {
        since: std::mem::take(&mut session.learned),
        synced: &session.synced,
    };
    let copies = decision.copies;
    let copied = |key| copies.of(key).is_some();
    let touched = touched(&decision.plan);
    session.disk = Some(match whole {
        None => sight::Disk::after(decision.scan, seen, learned, touched, copied),
        Some(whole) => {
            let part = decision.scan;
            sight::Disk::after_part(whole, &part, seen, learned, touched, copied)
        }
    });
    if let Some(listings) = &session.listings {
        listings.settle_down();
    }
}

/// Paths of this disk at which a plan does something.
pub(super) fn touched(plan: &Plan) -> BTreeSet<RelPath> {
    let mut touched = BTreeSet::new();
    for step in &plan.steps {
        let Action::Local(local) = &step.action else {
            continue;
        };
        match local {
            LocalStep::Move { from, to, .. } => touched.extend([from.clone(), to.clone()]),
            LocalStep::CreateFolder { path }
            | LocalStep::Park { from: path, .. }
            | LocalStep::Unpark { to: path, .. }
            | LocalStep::Place { path, .. }
            | LocalStep::Replace { path, .. }
            | LocalStep::Trash { path, .. }
            | LocalStep::RemoveFolder { path, .. } => {
                touched.insert(path.clone());
            }
        }
    }
    touched
}

/// Ends the run unless a dry run made now would show the plan that the user saw: the digest is of what a dry run knows,
/// which fetches nothing to compare.
async fn expect(session: &mut Session, scan: &Scan, remote: &RemoteSeen, expected: &str) -> Result<(), Halt> {
    let shown = decide(session, scan.clone(), remote.clone(), Mode::Look).await?;
    let found = dry_run::digest(session, &shown);
    if found == *expected {
        Ok(())
    } else {
        Err(Halt::Error(Box::new(Report::other_plan(expected, &found))))
    }
}

/// Decides again where the plan puts something into folders that were not listed in this pass (design A2).
async fn freshly(
    session: &mut Session,
    decision: Decision,
    waiting: &BTreeSet<RelPath>,
    ignore: &mut Ignore,
) -> Result<Decision, Halt> {
    let older = decision.puts_into();
    let older: BTreeSet<_> = older.difference(&decision.remote.listed).copied().collect();
    if older.is_empty() {
        return Ok(decision);
    }
    let known = session.listings.take();
    let looked = observe::account(session, known, &Wanted::These(older)).await?;
    let mut remote = observe::translate(session, looked, ignore)?;
    set_aside::leave_alone(session, &mut remote, waiting)?;
    remote.listed.extend(decision.remote.listed);
    let again = decide(session, decision.scan, remote, Mode::Write).await?;
    Ok(Decision {
        // What was fetched to be compared need not be fetched again.
        fetched: decision.fetched.into_iter().chain(again.fetched).collect(),
        ..again
    })
}

/// The safety stops that a plan can run into. What the user let through counts towards none (design §6).
fn gate(session: &mut Session, decision: &Decision) -> Result<(), Halt> {
    let lost = decision.remote.lost.len();
    let mut stop = (lost >= LOST_ROWS).then_some(SafetyStop::LostRows(lost));
    let mut held = deletions::lost(&session.synced, &decision.remote.unknown);
    let planned = deletions::planned(decision, &session.synced);
    let open: Vec<_> = planned
        .iter()
        .filter(|deletion| deletion.allowed(&session.approvals, &session.synced).is_none())
        .collect();
    for side in [Side::Local, Side::Remote] {
        let open: Vec<_> = open.iter().filter(|deletion| deletion.side == side).collect();
        if let Some(mut found) = measure(session, side, open.len())? {
            let paths = open.iter().map(|deletion| deletion.path.clone());
            found.examples = paths.take(EXAMPLES).collect();
            held.extend(open.iter().filter_map(|deletion| deletion.held(&session.synced)));
            stop.get_or_insert(SafetyStop::Brake(found));
        }
    }
    session.hold(&held)?;
    stop.map_or(Ok(()), |stop| Err(Halt::Stop(stop)))
}

/// The brake of one direction, for so many deletions that nobody allowed.
fn measure(session: &Session, side: Side, open: usize) -> Result<Option<Brake>, Halt> {
    let now = session.now();
    let journal = &session.journal;
    let broken = |error| session.broken(&error);
    let of = journal.synced_at_hour_start(now).map_err(broken)?;
    let past = journal
        .deletions_since(now.saturating_sub(HOUR), side)
        .map_err(broken)?;
    let number = |count| usize::try_from(count).unwrap_or(usize::MAX);
    Ok(brake(
        side == Side::Local,
        open,
        number(past),
        number(of),
        session.pair.max_delete_percent,
    ))
}

/// Clears away what is left of earlier runs, and settles what two devices did at once. Answers whether the account is
/// another than the plan was made from.
async fn mend(session: &mut Session, decision: &Decision) -> Result<bool, Halt> {
    resolve::sweep(session, &decision.remote.interims).await?;
    let rings = resolve::mend_rings(session, &decision.remote.rings).await?;
    Ok(twins::settle(session, &decision.scan, &decision.remote).await? || rings)
}

/// Carries a plan out. Answers whether another round may settle more.
async fn act(session: &mut Session, decision: &Decision, tally: &mut Tally) -> Result<bool, Halt> {
    let (files, bytes) = tally.work(decision);
    session.sink.totals(files, bytes);
    session.sink.phase(&session.pair.name, "syncing");
    tally.conflicts(decision);
    conflicts::record(session, decision)?;
    let executed = execute::execute(session, decision, tally).await?;
    tracing::debug!("carried out");
    if let Some(error) = &executed.fatal {
        return Err(session.fatal(error));
    }
    session.sink.phase(&session.pair.name, "settling");
    let settled = settle::settle(session, executed.wrote).await?;
    if let Some(listings) = &mut session.listings {
        executed.doubted.iter().for_each(|folder| listings.doubt(*folder));
    }
    conflicts::follow_up(session, decision)?;
    Ok(!session.stop.is_cancelled() && (executed.stale || executed.unanswered || settled.surprises))
}
