//! Carrying out a plan: hands out the steps that are ready, journals what must be journalled before and after each,
//! and counts how they ended. The only place where steps meet the journal.
//!
//! Invariants: a call that is not repeat-safe has an open intent before it leaves (design A1); a record is written
//! only from answers; a failed step takes only those down that need it (design D7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use planner::id::{FileId, FolderId, LocalKey, NodeId, RemoteId, TargetKey};
use planner::hold::Side;
use planner::naming;
use planner::transition::{Action, JournalStep, LocalStep, RemoteParent, RemoteStep, Step, StepId};
use planner::tree::{LocalFile, LocalKind, LocalNode};
use state::{Change, HistoryEntry, Intent, IntentBody};

use super::decide::Decision;
use super::fetch::{self, Fetched};
use super::open::{Halt, Session};
use super::record::{Facts, Known, LocalFacts, record};
use super::schedule::{Lane, Schedule};
use super::tally::Tally;
use super::{hands, intents};
use crate::local::trash::TrashPlace;
use crate::remote::apply::{self as cloud, Failure, Landed};

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
    out: Executed,
}

/// Carries the plan out as far as it goes.
pub(crate) async fn execute(
    session: &mut Session,
    decision: &Decision,
    tally: &mut Tally,
) -> Result<Executed, Halt> {
    let nodes = decision.merged.target.iter().filter_map(|node| Some((node.key, node.synced?))).collect();
    let run = format!("{:x}-{}", session.meta.generation, tally.rounds());
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
        day: TrashPlace::on(super::clock::today()),
        out: Executed::default(),
    };
    execution.run().await?;
    Ok(execution.out)
}

impl Execution<'_> {
    async fn run(&mut self) -> Result<(), Halt> {
        let plan = &self.decision.plan;
        let mut schedule = Schedule::new(plan);
        let mut running: FuturesUnordered<Running> = FuturesUnordered::new();
        let mut tick = tokio::time::interval(TICK);
        loop {
            while self.may_start() {
                let (calls, uploads, downloads) = self.session.account.client.concurrency();
                let Some(id) = schedule.next(|lane| bound(lane, calls, uploads, downloads)) else { break };
                let Some(step) = step(plan, id) else { continue };
                match self.start(step)? {
                    Start::Running(future) => running.push(future),
                    Start::Ended(succeeded) => schedule.ended(id, succeeded),
                }
            }
            tokio::select! {
                ended = running.next() => {
                    let Some((id, ended)) = ended else { break };
                    let Some(step) = step(plan, id) else { continue };
                    match self.ended(step, ended)? {
                        Start::Running(future) => running.push(future),
                        Start::Ended(succeeded) => schedule.ended(id, succeeded),
                    }
                }
                _ = tick.tick() => self.show_uploads(),
            }
        }
        for id in schedule.dropped() {
            if let Some(step) = step(plan, *id) {
                self.tally.dropped(self.decision, step);
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

    fn start_local(&mut self, step: &Step, local: &LocalStep) -> Result<Start, Halt> {
        let id = step.id;
        if let LocalStep::Place { file, size, hash, .. } | LocalStep::Replace { file, size, hash, .. } = local {
            if let Some(fetched) = self.decision.fetched.get(file) {
                return self.fetched(step, fetched.clone());
            }
            let row = self.decision.remote.tree.nodes.get(RemoteId::File(*file)).and_then(|node| node.file());
            let wanted = fetch::Wanted {
                file: *file,
                size: *size,
                short_url: row.and_then(|row| row.short_url.clone()),
                hash: *hash,
                min_free: self.session.pair.min_free,
            };
            let (account, root) = (Arc::clone(&self.session.account), self.session.root.clone());
            let sink = Arc::clone(&self.session.sink);
            return Ok(Start::Running(Box::pin(async move {
                match fetch::fetch(&account, &root, &wanted, sink.as_ref()).await {
                    Ok(fetched) => (id, Ended::Fetched(fetched)),
                    Err(failure) => (id, Ended::Failed(failure)),
                }
            })));
        }
        let seen = what(local).and_then(|key| self.entry(key));
        let parking = match local {
            LocalStep::Park { slot, .. } | LocalStep::Unpark { slot, .. } => hands::slot_name(&self.run, *slot),
            LocalStep::CreateFolder { .. }
            | LocalStep::Move { .. }
            | LocalStep::Place { .. }
            | LocalStep::Replace { .. }
            | LocalStep::Trash { .. }
            | LocalStep::RemoveFolder { .. } => None,
        };
        if let (LocalStep::Park { from, slot, .. }, Some(name)) = (local, &parking) {
            let body = intents::park(from, name, self.unparked(*slot), seen.as_ref());
            let intent = self.begin(body)?;
            self.parked.insert(*slot, intent);
        }
        if let LocalStep::Trash { path, .. } = local {
            let intent = self.begin(intents::trash(path))?;
            self.intents.insert(id, intent);
        }
        let (root, local, day) = (self.session.root.clone(), local.clone(), self.day);
        Ok(Start::Running(Box::pin(async move {
            match hands::on_disk(root, local, seen, parking, day).await {
                Ok(done) => (id, Ended::OnDisk(done)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    /// Where a parked entry goes.
    fn unparked(&self, slot: u32) -> Option<&planner::path::RelPath> {
        self.decision.plan.steps.iter().find_map(|step| match &step.action {
            Action::Local(LocalStep::Unpark { slot: other, to, .. }) if *other == slot => Some(to),
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => None,
        })
    }

    /// The bytes are in staging: now they go to their place. On some file systems, and wherever a file is replaced, that
    /// takes several calls, so it is journalled first (design D1).
    fn fetched(&mut self, step: &Step, fetched: Fetched) -> Result<Start, Halt> {
        let (path, file, over) = match &step.action {
            Action::Local(LocalStep::Place { path, file, .. }) => (path.clone(), *file, None),
            Action::Local(LocalStep::Replace { path, what, file, .. }) => {
                let Some(old) = self.entry(*what) else { return Ok(self.fail(step, Failure::Stale("it is not in the scan".to_owned()))) };
                (path.clone(), *file, Some(old))
            }
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => return Ok(Start::Ended(false)),
        };
        let base = step.node.and_then(|key| self.nodes.get(&key)).and_then(|id| self.session.synced.get(*id));
        let intent = self.begin(intents::place(&path, file, &fetched, over.as_ref(), base))?;
        self.intents.insert(step.id, intent);
        let (root, day, id) = (self.session.root.clone(), self.day, step.id);
        Ok(Start::Running(Box::pin(async move {
            match hands::put(root, fetched, path, over, day).await {
                Ok(facts) => (id, Ended::Done(facts)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    fn start_remote(&mut self, step: &Step, remote: &RemoteStep) -> Result<Start, Halt> {
        let account = Arc::clone(&self.session.account);
        let id = step.id;
        let parent = match remote {
            RemoteStep::CreateFolder { parent, .. }
            | RemoteStep::Upload { parent, .. }
            | RemoteStep::Replace { parent, .. } => self.parent(*parent).map(Some),
            RemoteStep::EditFile { parent, .. } | RemoteStep::EditFolder { parent, .. } => match parent {
                Some(parent) => self.parent(*parent).map(Some),
                None => Some(None),
            },
            RemoteStep::TrashFile { .. } | RemoteStep::TrashFolder { .. } => Some(None),
        };
        let Some(parent) = parent else {
            return Ok(self.fail(step, Failure::Stale("its folder was not made".to_owned())));
        };
        let future: BoxFuture<'static, Result<Facts, Failure>> = match remote {
            RemoteStep::Upload { .. } | RemoteStep::Replace { .. } => {
                return self.start_upload(step, remote, parent.flatten());
            }
            RemoteStep::CreateFolder { name, .. } => {
                let folder = parent.flatten();
                let known = self.equal_rows(folder, name.as_str(), true);
                let path = self.tally.path(self.decision, step);
                if planner::path::RelPath::parse(&path).is_some_and(|path| self.decision.waiting.contains(&path)) {
                    let why = "making it was not answered before".to_owned();
                    self.tally.failed(self.decision, step, &Failure::Unknown(why));
                    return Ok(Start::Ended(false));
                }
                let intent = self.begin(intents::create_folder(folder, name, &path, known))?;
                self.intents.insert(id, intent);
                Box::pin(hands::make_folder(account, folder, name.clone()))
            }
            RemoteStep::EditFile { id: file, name, .. } => {
                Box::pin(hands::edit_file(account, *file, name.clone(), parent))
            }
            RemoteStep::EditFolder { id: folder, name, .. } => {
                Box::pin(hands::edit_folder(account, *folder, name.clone(), parent))
            }
            RemoteStep::TrashFile { id: file } => {
                let as_known = self.as_known(*file);
                let file = *file;
                Box::pin(async move {
                    cloud::trash_file_as_known(&account, file, as_known.as_ref()).await.map(|()| Facts::default())
                })
            }
            RemoteStep::TrashFolder { id: folder } => {
                let known = self.folder_as_known(step, *folder);
                Box::pin(async move { cloud::trash_folder(&account, &known).await.map(|()| Facts::default()) })
            }
        };
        Ok(Start::Running(Box::pin(async move {
            match future.await {
                Ok(facts) => (id, Ended::Done(facts)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    fn start_upload(
        &mut self,
        step: &Step,
        remote: &RemoteStep,
        folder: Option<FolderId>,
    ) -> Result<Start, Halt> {
        let (what, from, size, name, fast, old) = match remote {
            RemoteStep::Upload { what, from, size, name, fast, .. } => (what, from, size, name, *fast, None),
            RemoteStep::Replace { what, from, size, name, old, .. } => (what, from, size, name, false, Some(*old)),
            RemoteStep::CreateFolder { .. }
            | RemoteStep::EditFile { .. }
            | RemoteStep::EditFolder { .. }
            | RemoteStep::TrashFile { .. }
            | RemoteStep::TrashFolder { .. } => return Ok(Start::Ended(false)),
        };
        if self.decision.waiting.contains(from) {
            self.tally.failed(self.decision, step, &Failure::Unknown("an earlier upload was not answered".to_owned()));
            return Ok(Start::Ended(false));
        }
        let Some(seen) = self.entry(*what).and_then(|entry| entry.file().cloned()) else {
            return Ok(self.fail(step, Failure::Stale("it is not in the scan".to_owned())));
        };
        let replaced = old.and_then(|old| self.as_known(old));
        if old.is_some() && replaced.is_none() {
            return Ok(self.fail(step, Failure::Stale("the old version is not on record".to_owned())));
        }
        let plain = naming::plain(name).filter(|_| fast && size.get() < intents::FAST_BELOW);
        let known = self.equal_rows(folder, name.as_str(), false);
        let node = step.node.and_then(|key| self.nodes.get(&key)).copied();
        let upload = intents::Upload {
            folder,
            wanted: name,
            size: *size,
            path: from,
            node,
            known,
            replaced: replaced.as_ref(),
            fast: plain.is_some(),
        };
        let journal_id = self.session.meta.journal_id;
        let mut on_wire = plain;
        let now = self.session.now();
        let intent = self
            .session
            .journal
            .begin_with(now, |id| {
                let sent = on_wire.get_or_insert_with(|| naming::interim(journal_id, id.0, name));
                intents::upload(&upload, sent.as_str())
            })
            .map_err(|error| self.session.broken(&error))?;
        self.intents.insert(step.id, intent);
        let Some(on_wire) = on_wire else { return Ok(Start::Ended(false)) };
        let source = hands::Source { path: from.clone(), seen };
        let wanted = cloud::Wanted { folder, name: name.clone(), size: *size };
        let (account, root) = (Arc::clone(&self.session.account), self.session.root.clone());
        let progress = Arc::new(AtomicU64::new(0));
        self.uploads.insert(step.id, (Arc::clone(&progress), 0));
        let id = step.id;
        Ok(Start::Running(Box::pin(async move {
            match hands::send(account, root, source, wanted, on_wire, progress).await {
                Ok(landed) => (id, Ended::Landed(landed)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    /// An upload was answered: that is journalled, then the file gets its name.
    fn landed(&mut self, step: &Step, landed: Landed) -> Result<Start, Halt> {
        self.show_uploads();
        self.uploads.remove(&step.id);
        let Some(intent) = self.intents.get_mut(&step.id) else { return Ok(Start::Ended(false)) };
        let Some((wanted, replaced)) = intents::landed(&mut intent.body, &landed) else {
            return Ok(Start::Ended(false));
        };
        let done = replaced.is_none() && landed.name.as_str() == wanted.name.as_str();
        if done {
            return self.done(step, &hands::landed_facts(&landed));
        }
        let update = Change::UpdateIntent(intent.id, intent.body.clone());
        self.session.record(vec![update])?;
        let (account, id) = (Arc::clone(&self.session.account), step.id);
        Ok(Start::Running(Box::pin(async move {
            match hands::finish(account, wanted, replaced, landed).await {
                Ok(facts) => (id, Ended::Done(facts)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    fn ended(&mut self, step: &Step, ended: Ended) -> Result<Start, Halt> {
        match ended {
            Ended::Done(facts) => self.done(step, &facts),
            Ended::Landed(landed) => self.landed(step, landed),
            Ended::Fetched(fetched) => self.fetched(step, fetched),
            Ended::OnDisk(done) => {
                let facts = self.on_disk(step, done);
                self.done(step, &facts)
            }
            Ended::Failed(failure) => {
                self.uploads.remove(&step.id);
                // Surely nothing came of it: the intent has no reason to stay. One of the disk is settled before the
                // next scan, and one whose file is in the account already is looked at.
                let over = matches!(step.action, Action::Remote(_))
                    && !matches!(failure, Failure::Unknown(_) | Failure::Fatal(_))
                    && !is_landed(self.intents.get(&step.id));
                if let (true, Some(intent)) = (over, self.intents.remove(&step.id)) {
                    self.session.record(vec![Change::ClearIntent(intent.id)])?;
                }
                Ok(self.fail(step, failure))
            }
        }
    }

    /// What a step of the disk says of the entry it touched.
    fn on_disk(&mut self, step: &Step, done: Option<crate::local::apply::Done>) -> Facts {
        let (Some(done), Action::Local(local)) = (done, &step.action) else { return Facts::default() };
        let Some(key) = what(local) else {
            return Facts { local: Some(hands::local_facts(&done, true)), ..Facts::default() };
        };
        let before = self.entry(key);
        let untouched = before.as_ref().is_some_and(|before| is_untouched(before, &done));
        let unchanged = untouched && self.is_as_recorded(step, before.as_ref());
        if let Some(before) = before {
            self.entries.insert(key, renamed(before, &done));
        }
        let facts = match local {
            LocalStep::Park { .. } => return Facts::default(),
            LocalStep::CreateFolder { .. }
            | LocalStep::Move { .. }
            | LocalStep::Unpark { .. }
            | LocalStep::Place { .. }
            | LocalStep::Replace { .. }
            | LocalStep::Trash { .. }
            | LocalStep::RemoveFolder { .. } => LocalFacts { size: None, ..hands::local_facts(&done, unchanged) },
        };
        Facts { local: Some(facts), ..Facts::default() }
    }

    /// Whether an entry's bytes are those on record: only then may a new stamp be recorded for them.
    fn is_as_recorded(&self, step: &Step, entry: Option<&LocalNode>) -> bool {
        let base = step.node.and_then(|key| self.nodes.get(&key)).and_then(|id| self.session.synced.get(*id));
        match (base.and_then(|base| base.file()), entry.and_then(LocalNode::file)) {
            (Some(base), Some(file)) => {
                Some(file.stamp) == base.stamp || (file.hash.is_some() && file.hash == base.hash)
            }
            (None, Some(_)) => false,
            (Some(_) | None, None) => true,
        }
    }

    fn done(&mut self, step: &Step, facts: &Facts) -> Result<Start, Halt> {
        if let (Some(node), Some(folder)) = (step.node, facts.remote.as_ref().and_then(|remote| remote.folder)) {
            self.made.insert(node, folder);
        }
        self.note_written(step);
        let intent = match &step.action {
            Action::Local(LocalStep::Unpark { slot, .. }) => self.parked.remove(slot),
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => self.intents.remove(&step.id),
        };
        self.commit(step, facts, intent)?;
        self.tally.done(self.decision, step);
        self.session.sink.step_done(&self.tally.line(self.decision, step));
        if matches!(Lane::of(step), Lane::Upload | Lane::Download) {
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
                None => tracing::warn!(step = step.id.0, "a finished step could not be recorded; the next pass finds it"),
            }
        }
        if let Some(intent) = intent {
            changes.push(Change::ClearIntent(intent.id));
        }
        if !matches!(step.action, Action::Journal(_)) {
            changes.push(Change::History(self.history(step)));
        }
        self.session.record(changes)
    }

    fn history(&self, step: &Step) -> HistoryEntry {
        let shown = super::tally::shown(self.decision, step);
        HistoryEntry {
            at: self.session.now(),
            pass: self.session.meta.generation,
            side: if shown.side == "local" { Side::Local } else { Side::Remote },
            action: shown.kind.to_owned(),
            path: shown.path,
            to: shown.to,
            bytes: shown.bytes,
            reason: step.because.to_string(),
            allowed_by: None,
            deleted_files: super::tally::deleted_files(step, &self.session.synced),
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
        self.tally.failed(self.decision, step, &failure);
        Start::Ended(false)
    }

    fn begin(&mut self, body: IntentBody) -> Result<Intent, Halt> {
        let now = self.session.now();
        self.session.journal.begin(body, now).map_err(|error| self.session.broken(&error))
    }
}

/// What became of a step that was to start or go on.
enum Start {
    Running(Running),
    Ended(bool),
}

impl Execution<'_> {
    /// The entry as it is now: as the scan saw it, or as our own rename left it.
    fn entry(&self, key: LocalKey) -> Option<LocalNode> {
        self.entries.get(&key).or_else(|| self.decision.scan.tree.nodes.get(key)).cloned()
    }

    /// The folder within the pair (`None`: its root), if it is there.
    fn parent(&self, parent: RemoteParent) -> Option<Option<FolderId>> {
        match parent {
            RemoteParent::Root => Some(None),
            RemoteParent::Existing(id) => Some(Some(id)),
            RemoteParent::Made(node) => self.made.get(&node).copied().map(Some),
        }
    }

    /// Ids of rows whose name the server's loose comparison takes for this one.
    fn equal_rows(&self, folder: Option<FolderId>, name: &str, folders: bool) -> Vec<u64> {
        let key = naming::loose_key(name);
        let parent = folder.map(RemoteId::Folder);
        let rows = self.decision.remote.tree.nodes.children(parent);
        rows.filter(|row| row.id.folder().is_some() == folders)
            .filter(|row| naming::loose_key(row.name.as_str()) == key)
            .map(|row| row.id.get())
            .collect()
    }

    /// A file of the account as the plan knows it: by its row, or by its record where no listing has shown it yet.
    fn as_known(&self, file: FileId) -> Option<cloud::Replacement> {
        let id = RemoteId::File(file);
        if let Some(row) = self.decision.remote.tree.nodes.get(id) {
            let version = row.file()?;
            return Some(cloud::Replacement {
                old: file,
                name: row.name.clone(),
                folder: row.parent,
                size: version.size,
                short_url: version.short_url.clone(),
            });
        }
        let node = self.session.synced.iter().find(|node| node.remote() == id)?;
        let version = node.file()?;
        let folder = match node.parent {
            None => None,
            Some(parent) => Some(self.session.synced.get(parent)?.remote().folder()?),
        };
        Some(cloud::Replacement {
            old: file,
            name: node.remote_name.clone(),
            folder,
            size: version.size,
            short_url: version.short_url.clone(),
        })
    }

    fn folder_as_known(&self, step: &Step, id: FolderId) -> cloud::FolderAsKnown {
        let synced = &self.session.synced;
        let mut contents: BTreeSet<RemoteId> =
            step.forgets.iter().filter_map(|node| synced.get(*node)).map(|node| node.remote()).collect();
        // Rows that were never synced and go as well are removals of their own, without a record.
        contents.extend(
            self.decision.merged.removed.iter().filter(|removal| removal.synced.is_none()).filter_map(|removal| removal.remote),
        );
        let ignored = self.decision.remote.interims.iter().map(|(file, _)| RemoteId::File(*file)).collect();
        cloud::FolderAsKnown { id, contents, ignored }
    }

    /// Notes which folders must be listed once more (design A5).
    fn note_written(&mut self, step: &Step) {
        let Action::Remote(remote) = &step.action else { return };
        let rows = &self.decision.remote.tree.nodes;
        let place = |id: RemoteId| rows.get(id).map(|row| row.parent);
        match remote {
            RemoteStep::CreateFolder { parent, .. }
            | RemoteStep::Upload { parent, .. }
            | RemoteStep::Replace { parent, .. } => self.out.wrote.extend(self.parent(*parent)),
            RemoteStep::EditFile { id, parent, .. } => {
                self.out.wrote.extend(parent.and_then(|parent| self.parent(parent)).or(place(RemoteId::File(*id))));
            }
            RemoteStep::EditFolder { id, parent, .. } => {
                self.out.wrote.extend(parent.and_then(|parent| self.parent(parent)).or(place(RemoteId::Folder(*id))));
            }
            RemoteStep::TrashFile { id } => self.out.wrote.extend(place(RemoteId::File(*id))),
            RemoteStep::TrashFolder { id } => self.out.wrote.extend(place(RemoteId::Folder(*id))),
        }
    }
}

fn step(plan: &planner::transition::Plan, id: StepId) -> Option<&Step> {
    plan.steps.get(usize::try_from(id.0).ok()?)
}

fn bound(lane: Lane, calls: usize, uploads: usize, downloads: usize) -> usize {
    match lane {
        Lane::Record | Lane::Disk => 1,
        Lane::Call => calls.max(1),
        Lane::Upload => uploads.max(1),
        Lane::Download => downloads.max(1),
    }
}

/// The entry a step of the disk is about, if it is about one that is there.
fn what(step: &LocalStep) -> Option<LocalKey> {
    match step {
        LocalStep::Move { what, .. }
        | LocalStep::Park { what, .. }
        | LocalStep::Unpark { what, .. }
        | LocalStep::Replace { what, .. }
        | LocalStep::Trash { what, .. }
        | LocalStep::RemoveFolder { what, .. } => Some(*what),
        LocalStep::CreateFolder { .. } | LocalStep::Place { .. } => None,
    }
}

/// Whether our rename moved the very version that the scan saw: only its change time may be another.
fn is_untouched(before: &LocalNode, done: &crate::local::apply::Done) -> bool {
    before.file().is_none_or(|file| file.size == done.size && file.stamp.mtime_ns == done.stamp.mtime_ns)
}

/// The entry after our own rename: only its name and change time are others. A version that changed meanwhile keeps the
/// scan's stamps, so that later steps see that it did.
fn renamed(before: LocalNode, done: &crate::local::apply::Done) -> LocalNode {
    let kind = match before.kind {
        LocalKind::File(file) if file.size == done.size && file.stamp.mtime_ns == done.stamp.mtime_ns => {
            LocalKind::File(LocalFile { stamp: done.stamp, ..file })
        }
        LocalKind::File(file) => LocalKind::File(file),
        other @ (LocalKind::Folder(_) | LocalKind::Other(_)) => other,
    };
    LocalNode { name: done.name.clone(), kind, ..before }
}

fn is_landed(intent: Option<&Intent>) -> bool {
    matches!(intent.map(|intent| &intent.body), Some(IntentBody::Upload { landed: Some(_), .. }))
}

