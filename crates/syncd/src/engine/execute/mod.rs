//! Carrying out a plan: hands out the steps that are ready, journals what must be journalled before and after each,
//! and counts how they ended. The only place where steps meet the journal.
//!
//! Invariants: a call that is not repeat-safe has an open intent before it leaves (design A1); a record is written
//! only from answers; a failed step takes only those down that need it (design D7).

mod account;
mod disk;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use planner::content::ContentHash;
use planner::hold::Side;
use planner::id::{FolderId, LocalKey, NodeId, RemoteId, TargetKey};
use planner::transition::{Action, JournalStep, LocalStep, RemoteStep, Step, StepId};
use planner::tree::LocalNode;
use state::{Change, HistoryEntry, Intent, IntentBody, JournalError};

use crate::engine::decide::Decision;
use crate::engine::deletions;
use crate::engine::fetch::Fetched;
use crate::engine::open::{Halt, Session};
use crate::engine::record::{Facts, Known, record};
use crate::engine::schedule::{Lane, Places, Schedule};
use crate::engine::tally::Tally;
use crate::engine::{absent, intents};
use crate::local::trash::TrashPlace;
use crate::remote::apply::{Failure, Landed};

/// How often the bytes of running uploads are looked at for the progress display.
const TICK: Duration = Duration::from_millis(200);

/// How a running step ended, or came half the way.
#[derive(Debug)]
enum Ended {
    /// Done; these are the facts.
    Done(Facts),
    /// The bytes are in the account; the name may not be the right one yet.
    Landed(Landed),
    /// The bytes are in the staging area.
    Fetched(Fetched),
    /// The bytes of a file that is to be sent are known.
    Hashed(LocalKey, ContentHash),
    /// A local step ended; its answer, if it leaves something behind.
    OnDisk(Option<crate::local::apply::Done>),
    /// It did not work.
    Failed(Failure),
}

type Running = BoxFuture<'static, (StepId, Ended)>;

/// What one execution came to.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// Folders of the account that were written to; `None` is the pair's root.
    pub(crate) wrote: BTreeSet<Option<FolderId>>,
    /// Something was not as the plan supposed: another pass may settle it.
    pub(crate) stale: bool,
    /// An answer was lost: a look may settle it.
    pub(crate) unanswered: bool,
    /// Folders of the account of which a row may not be true any more: what it says could not be fetched, or it was replaced by
    /// one in another folder.
    pub(crate) doubted: BTreeSet<Option<FolderId>>,
    /// Nothing more can be done in this run.
    pub(crate) fatal: Option<api::ApiError>,
}

/// A plan being carried out.
pub(crate) struct Execution<'a> {
    pub(super) session: &'a mut Session,
    pub(super) decision: &'a Decision,
    pub(super) tally: &'a mut Tally,
    /// Records of target nodes.
    nodes: BTreeMap<TargetKey, NodeId>,
    /// Folders made for target nodes.
    made: BTreeMap<TargetKey, FolderId>,
    /// Entries of the disk as our own renames left them.
    entries: BTreeMap<LocalKey, LocalNode>,
    /// Open intents of running steps.
    intents: BTreeMap<StepId, Intent>,
    /// Park intents, until the entry is at its place.
    parked: BTreeMap<u32, Intent>,
    /// Bytes of running uploads, as last told to the display.
    uploads: BTreeMap<StepId, (Arc<AtomicU64>, u64)>,
    /// Names of parking places and trash of this run.
    run: String,
    day: TrashPlace,
    /// Uploads under their real names of which nothing is known: what is sent for them again bears an interim name.
    unlanded: BTreeSet<(Option<u64>, String)>,
    /// Paths and sizes that are not sent any more.
    unwanted: BTreeSet<(String, u64)>,
    /// Files on record by their name in the account and size, where the server may copy instead of being sent what it has.
    namesakes: BTreeMap<(String, u64), Vec<NodeId>>,
    out: Executed,
}

/// Carries the plan out as far as it goes.
pub(crate) async fn execute(
    session: &mut Session,
    decision: &Decision,
    tally: &mut Tally,
) -> Result<Executed, Halt> {
    let nodes = decision
        .merged
        .target
        .iter()
        .filter_map(|node| Some((node.key, node.synced?)))
        .collect();
    let run = format!("{:x}-{}", session.meta.generation, tally.rounds());
    let unlanded = session
        .journal
        .unlanded_uploads()
        .map_err(|error| session.broken(&error))?;
    let unlanded = unlanded
        .iter()
        .filter_map(|intent| intents::fast_target(&intent.body));
    let unlanded = unlanded.collect();
    let unwanted = absent::unwanted(session)?;
    let namesakes = if session.pair.server_copy {
        namesakes(session)
    } else {
        BTreeMap::new()
    };
    let mut execution = Execution {
        session,
        decision,
        tally,
        nodes,
        made: BTreeMap::new(),
        entries: BTreeMap::new(),
        intents: BTreeMap::new(),
        parked: BTreeMap::new(),
        uploads: BTreeMap::new(),
        run,
        day: TrashPlace::on(crate::engine::clock::today()),
        unlanded,
        unwanted,
        namesakes,
        out: Executed::default(),
    };
    let ran = execution.run().await;
    let out = execution.out;
    // Also what was done before something broke.
    session.settle()?;
    ran.map(|()| out)
}

fn namesakes(session: &Session) -> BTreeMap<(String, u64), Vec<NodeId>> {
    let mut found: BTreeMap<(String, u64), Vec<NodeId>> = BTreeMap::new();
    for node in session.synced.iter() {
        if let Some(file) = node.file() {
            let key = (node.remote_name.as_str().to_owned(), file.size);
            found.entry(key).or_default().push(node.id);
        }
    }
    found
}

impl Execution<'_> {
    async fn run(&mut self) -> Result<(), Halt> {
        let plan = &self.decision.plan;
        let mut schedule = Schedule::new(plan);
        let mut running: FuturesUnordered<Running> = FuturesUnordered::new();
        // What is begun makes no call before its intent is on the disk.
        let mut begun: Vec<Running> = Vec::new();
        let mut ended: Vec<(StepId, Ended)> = Vec::new();
        let mut tick = tokio::time::interval(TICK);
        loop {
            // All that has ended by now, and what is begun in its place, is journalled together: one flush of the disk.
            self.session.journal.gather();
            for (id, ended) in ended.drain(..) {
                if let Some(step) = step(plan, id) {
                    self.go_on(step, ended, &mut schedule, &mut begun)?;
                }
            }
            self.begin_ready(&mut schedule, &mut begun)?;
            self.flushed(&mut running, &mut ended).await?;
            running.extend(begun.drain(..));
            while ended.is_empty() {
                tokio::select! {
                    // In order, so that a simulation is the same each time; a display that waits harms nobody.
                    biased;
                    first = running.next() => match first {
                        Some(first) => ended.push(first),
                        None => break,
                    },
                    _ = tick.tick() => self.show_uploads(),
                }
            }
            if ended.is_empty() {
                break;
            }
            while let Some(next) = running.next().now_or_never().flatten() {
                ended.push(next);
            }
        }
        self.session.flush()?;
        for id in schedule.dropped() {
            if let Some(step) = step(plan, *id) {
                self.tally.dropped(self.decision, step);
            }
        }
        Ok(())
    }

    /// Brings to the disk what was journalled, while what is running goes on: a place that becomes free is taken by who waits for
    /// it with his intent on the disk already.
    async fn flushed(
        &mut self,
        running: &mut FuturesUnordered<Running>,
        ended: &mut Vec<(StepId, Ended)>,
    ) -> Result<(), Halt> {
        let flush = self.session.journal.settle_behind();
        let Some(flush) = flush.map_err(|error| self.session.broken(&error))? else {
            return Ok(());
        };
        let flushed = crate::blocking::run(move || flush.wait());
        tokio::pin!(flushed);
        loop {
            tokio::select! {
                biased;
                done = &mut flushed => {
                    let done = done.unwrap_or_else(|| Err(JournalError::broke_off()));
                    return done.map_err(|error| self.session.broken(&error));
                }
                Some(next) = running.next() => ended.push(next),
            }
        }
    }

    /// Begins the steps that are ready, as many as may run at once.
    fn begin_ready(&mut self, schedule: &mut Schedule, begun: &mut Vec<Running>) -> Result<(), Halt> {
        while self.may_start() {
            let (calls, uploads, downloads) = self.session.account.client.concurrency();
            let places = Places {
                calls,
                uploads,
                downloads,
            };
            let Some(id) = schedule.next(places) else {
                break;
            };
            let Some(step) = step(&self.decision.plan, id) else {
                continue;
            };
            match self.start(step)? {
                Start::Running(future) => {
                    let line = self.tally.line(self.decision, step);
                    let path = crate::engine::tally::shown(self.decision, step).path;
                    self.session.sink.step_begun(&path, &line);
                    begun.push(future);
                }
                Start::Ended(succeeded) => schedule.ended(id, succeeded),
            }
        }
        Ok(())
    }

    /// Takes in how a step ended, or came half the way.
    fn go_on(
        &mut self,
        step: &Step,
        ended: Ended,
        schedule: &mut Schedule,
        begun: &mut Vec<Running>,
    ) -> Result<(), Halt> {
        match self.ended(step, ended)? {
            Start::Running(future) => begun.push(future),
            Start::Ended(succeeded) => {
                let line = self.tally.line(self.decision, step);
                self.session.sink.step_ended(&line);
                schedule.ended(step.id, succeeded);
            }
        }
        Ok(())
    }

    fn may_start(&self) -> bool {
        self.out.fatal.is_none() && !self.session.stop.is_cancelled()
    }

    fn show_uploads(&mut self) {
        for (progress, shown) in self.uploads.values_mut() {
            let now = progress.load(Ordering::Relaxed);
            self.session.sink.bytes(now.saturating_sub(*shown));
            *shown = (*shown).max(now);
        }
    }

    /// Begins a step: journals its intent where it needs one, and hands it to its side.
    fn start(&mut self, step: &Step) -> Result<Start, Halt> {
        match &step.action {
            Action::Journal(JournalStep::Agree | JournalStep::Forget) => {
                self.commit(step, &Facts::default(), None)?;
                Ok(Start::Ended(true))
            }
            Action::Local(local) => self.start_local(step, local),
            Action::Remote(remote) => self.start_remote(step, remote),
        }
    }
    fn ended(&mut self, step: &Step, ended: Ended) -> Result<Start, Halt> {
        match ended {
            Ended::Done(facts) => self.done(step, &facts),
            Ended::Landed(landed) => self.landed(step, landed),
            Ended::Fetched(fetched) => self.fetched(step, fetched),
            Ended::Hashed(key, hash) => {
                self.know_hash(key, hash);
                self.start(step)
            }
            Ended::OnDisk(done) => {
                let facts = self.on_disk(step, done);
                self.done(step, &facts)
            }
            Ended::Failed(failure) => {
                self.uploads.remove(&step.id);
                // Surely nothing came of it: the intent has no reason to stay. One of the disk is settled before the
                // next scan, and one whose file is in the account already is looked at.
                let is_repeated = matches!(
                    step.action,
                    Action::Remote(
                        RemoteStep::EditFile { .. }
                            | RemoteStep::EditFolder { .. }
                            | RemoteStep::TrashFile { .. }
                    )
                );
                let nothing_came = match &failure {
                    Failure::Unknown(_) => false,
                    Failure::Fatal(error) => error.is_definite(),
                    // The client repeated it until it gave up: any of the tries may have worked.
                    Failure::Later(_) => !is_repeated,
                    Failure::Stale(_) | Failure::Refused(_) | Failure::Held(_) => true,
                };
                let over = matches!(step.action, Action::Remote(_))
                    && nothing_came
                    && !is_landed(self.intents.get(&step.id));
                if let (true, Some(intent)) = (over, self.intents.remove(&step.id)) {
                    self.session.record(vec![Change::ClearIntent(intent.id)])?;
                }
                Ok(self.fail(step, failure))
            }
        }
    }
    fn done(&mut self, step: &Step, facts: &Facts) -> Result<Start, Halt> {
        if let (Some(node), Some(folder)) =
            (step.node, facts.remote.as_ref().and_then(|remote| remote.folder))
        {
            self.made.insert(node, folder);
        }
        self.note_written(step);
        let mut intent = match &step.action {
            Action::Local(LocalStep::Unpark { slot, .. }) => self.parked.remove(slot),
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => self.intents.remove(&step.id),
        };
        // What came of it stays known for a while: late arrivals and twins are told from ours by it (design A1, A4, A6).
        if let (Some(intent), Some(remote)) = (&mut intent, &facts.remote) {
            intents::came_of(&mut intent.body, remote.file, remote.folder);
        }
        self.commit(step, facts, intent)?;
        self.tally.done(self.decision, step);
        self.session.sink.step_done(&self.tally.line(self.decision, step));
        if matches!(Lane::of(step), Lane::Upload(_) | Lane::Download(_)) {
            self.session.sink.file_done();
        }
        Ok(Start::Ended(true))
    }

    /// Result, intent and history in one transaction (design A1).
    fn commit(&mut self, step: &Step, facts: &Facts, intent: Option<Intent>) -> Result<(), Halt> {
        let mut changes: Vec<Change> = step.forgets.iter().map(|id| Change::Forget(*id)).collect();
        if let Some(node) = step.node.filter(|_| step.settles.place || step.settles.content) {
            let id = match self.nodes.get(&node) {
                Some(id) => *id,
                None => self.session.journal.new_node_id(),
            };
            let known = Known {
                synced: &self.session.synced,
                local: &self.decision.scan.tree,
                remote: &self.decision.remote.tree,
                target: &self.decision.merged.target,
                trusted: &self.decision.trusted,
                nodes: &self.nodes,
            };
            match record(known, node, step.settles, facts, id) {
                Some(record) => {
                    self.nodes.insert(node, id);
                    changes.push(Change::Put(record));
                }
                None => tracing::warn!(
                    step = step.id.0,
                    "a finished step could not be recorded; the next pass finds it"
                ),
            }
        }
        if let Some(intent) = intent {
            if intents::knows_what_came(&intent.body) {
                changes.push(Change::UpdateIntent(intent.id, intent.body.clone()));
            }
            changes.push(Change::ClearIntent(intent.id));
        }
        if let Action::Local(LocalStep::Move { from, to, .. }) = &step.action {
            let followed = self.followed(from, to)?.into_iter();
            changes.extend(followed.map(|intent| Change::UpdateIntent(intent.id, intent.body)));
            for running in self.intents.values_mut() {
                intents::follow(running, from, to);
            }
        }
        if !matches!(step.action, Action::Journal(_)) {
            let history = self.history(step, &mut changes);
            changes.push(Change::History(history));
        }
        // Only a record changes, which the next pass would find anew: it may wait for company.
        if matches!(step.action, Action::Journal(_)) {
            self.session.note(changes)
        } else {
            self.session.record(changes)
        }
    }

    /// The line of a finished step. Deletions that the user let through do not count towards the brake, and their
    /// approvals are used up.
    fn history(&self, step: &Step, changes: &mut Vec<Change>) -> HistoryEntry {
        let synced = &self.session.synced;
        let approvals = &self.session.approvals;
        let record = step.node.and_then(|node| self.nodes.get(&node));
        let record = record.and_then(|id| synced.get(*id));
        let lost = record.and_then(|node| deletions::lost_allowed(approvals, node));
        let mut allowed_by = lost.map(|approval| approval.allowed_by.clone());
        let mut deleted_files = 0;
        for deletion in deletions::of_step(self.decision, synced, step) {
            match deletion.allowed(approvals, synced) {
                Some(approval) => {
                    allowed_by = Some(approval.allowed_by.clone());
                    changes.extend(deletion.node.map(Change::ConsumeApproval));
                }
                None => deleted_files += 1,
            }
        }
        let shown = crate::engine::tally::shown(self.decision, step);
        HistoryEntry {
            at: self.session.now(),
            pass: self.session.meta.generation,
            side: if shown.side == "local" {
                Side::Local
            } else {
                Side::Remote
            },
            action: shown.kind.to_owned(),
            path: shown.path,
            to: shown.to,
            bytes: shown.bytes,
            reason: step.because.to_string(),
            allowed_by,
            deleted_files,
        }
    }

    fn fail(&mut self, step: &Step, failure: Failure) -> Start {
        tracing::debug!(step = step.id.0, error = %failure, "a step failed");
        if matches!(failure, Failure::Stale(_)) {
            self.out.stale = true;
        }
        if matches!(failure, Failure::Unknown(_)) {
            self.out.unanswered = true;
        }
        if let Failure::Fatal(error) = &failure {
            self.out.fatal.get_or_insert_with(|| error.clone());
        }
        if let Action::Local(LocalStep::Place { file, .. } | LocalStep::Replace { file, .. }) = &step.action
            && let Some(row) = self.decision.remote.tree.nodes.get(RemoteId::File(*file))
        {
            self.out.doubted.insert(row.parent);
        }
        self.tally.failed(self.decision, step, &failure);
        Start::Ended(false)
    }

    fn begin(&mut self, body: IntentBody) -> Result<Intent, Halt> {
        let now = self.session.now();
        self.session
            .journal
            .begin(body, now)
            .map_err(|error| self.session.broken(&error))
    }
}

/// What became of a step that was to start or go on.
enum Start {
    Running(Running),
    Ended(bool),
}

fn step(plan: &planner::transition::Plan, id: StepId) -> Option<&Step> {
    plan.steps.get(usize::try_from(id.0).ok()?)
}

fn is_landed(intent: Option<&Intent>) -> bool {
    intent.is_some_and(|intent| intents::answered(&intent.body).is_some())
}
