//! Steps of this disk: begun with their intents, and what they answer taken in.

use std::sync::Arc;

use planner::id::{LocalKey, RemoteId};
use planner::name::LocalName;
use planner::path::RelPath;
use planner::transition::{Action, LocalStep, Step};
use planner::tree::{LocalFile, LocalKind, LocalNode};

use state::{Intent, IntentBody};

use super::{Ended, Execution, Start};
use crate::engine::fetch::{self, Fetched};
use crate::engine::open::Halt;
use crate::engine::record::{Facts, LocalFacts};
use crate::engine::{hands, intents};
use crate::local::apply::Done;
use crate::remote::apply::Failure;

impl Execution<'_> {
    pub(super) fn start_local(&mut self, step: &Step, local: &LocalStep) -> Result<Start, Halt> {
        let id = step.id;
        if let LocalStep::Place { file, size, hash, .. } | LocalStep::Replace { file, size, hash, .. } = local
        {
            if let Some(fetched) = self.decision.fetched.get(file) {
                return self.fetched(step, fetched.clone());
            }
            let row = self
                .decision
                .remote
                .tree
                .nodes
                .get(RemoteId::File(*file))
                .and_then(|node| node.file());
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
        let parking = self.parking(local);
        if let (LocalStep::Park { from, slot, .. }, Some(name)) = (local, &parking) {
            let body = intents::park(from, name, self.unparked(*slot), seen.as_ref());
            let intent = self.begin(body)?;
            self.parked.insert(*slot, intent);
        }
        if let LocalStep::Move { from, to, .. } = local
            && let Some(body) = match self.rename_body(step, from, to) {
                Some(body) => Some(body),
                None => self.shift_body(seen.as_ref(), from, to)?,
            }
        {
            let intent = self.begin(body)?;
            self.intents.insert(id, intent);
        }
        if let LocalStep::CreateFolder { path } = local {
            let intent = self.begin(intents::make_folder(path))?;
            self.intents.insert(id, intent);
        }
        if let LocalStep::Trash { path, .. } = local {
            let intent = self.begin(intents::trash(path))?;
            self.intents.insert(id, intent);
        }
        let (root, local, day) = (self.session.root.clone(), local.clone(), self.day);
        let folder = self.folder_meant(step);
        Ok(Start::Running(Box::pin(async move {
            match hands::on_disk(root, local, folder, seen, parking, day).await {
                Ok(done) => (id, Ended::OnDisk(done)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    /// The parking place that a step takes or leaves.
    fn parking(&self, local: &LocalStep) -> Option<LocalName> {
        match local {
            LocalStep::Park { slot, .. } | LocalStep::Unpark { slot, .. } => {
                hands::slot_name(&self.run, *slot)
            }
            LocalStep::CreateFolder { .. }
            | LocalStep::Move { .. }
            | LocalStep::Place { .. }
            | LocalStep::Replace { .. }
            | LocalStep::Trash { .. }
            | LocalStep::RemoveFolder { .. } => None,
        }
    }

    /// The intent of a rename that settles a place on record.
    fn rename_body(&self, step: &Step, from: &RelPath, to: &RelPath) -> Option<IntentBody> {
        let node = step.node.filter(|_| step.settles.place)?;
        let target = self.decision.merged.target.get(node)?;
        let parent = match target.parent {
            Some(parent) => Some(*self.nodes.get(&parent)?),
            None => None,
        };
        let record = *self.nodes.get(&node)?;
        Some(intents::rename(
            record,
            parent,
            target.remote_name.as_ref()?,
            from,
            to,
        ))
    }

    /// The intent of a rename that settles nothing on record, of an entry that an answer is waited for.
    fn shift_body(
        &self,
        seen: Option<&LocalNode>,
        from: &RelPath,
        to: &RelPath,
    ) -> Result<Option<IntentBody>, Halt> {
        let followed = !self.followed(from, to)?.is_empty();
        let identity = seen.and_then(|entry| entry.identity).filter(|_| followed);
        Ok(identity.map(|identity| intents::shift(from, to, identity)))
    }

    /// Open intents that follow an entry which we move ourselves.
    pub(super) fn followed(&self, from: &RelPath, to: &RelPath) -> Result<Vec<Intent>, Halt> {
        let open = self.session.journal.open_intents();
        let mut open = open.map_err(|error| self.session.broken(&error))?;
        open.retain_mut(|intent| intents::follow(intent, from, to));
        Ok(open)
    }

    /// Where a parked entry goes.
    pub(super) fn unparked(&self, slot: u32) -> Option<&RelPath> {
        self.decision
            .plan
            .steps
            .iter()
            .find_map(|step| match &step.action {
                Action::Local(LocalStep::Unpark { slot: other, to, .. }) if *other == slot => Some(to),
                Action::Local(_) | Action::Remote(_) | Action::Journal(_) => None,
            })
    }

    /// The bytes are in staging: now they go to their place. On some file systems, and wherever a file is replaced, that
    /// takes several calls, so it is journalled first (design D1).
    pub(super) fn fetched(&mut self, step: &Step, fetched: Fetched) -> Result<Start, Halt> {
        let (path, file, over) = match &step.action {
            Action::Local(LocalStep::Place { path, file, .. }) => (path.clone(), *file, None),
            Action::Local(LocalStep::Replace { path, what, file, .. }) => {
                let Some(old) = self.entry(*what) else {
                    return Ok(self.fail(step, Failure::Stale("it is not in the scan".to_owned())));
                };
                (path.clone(), *file, Some(old))
            }
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => return Ok(Start::Ended(false)),
        };
        let base = step
            .node
            .and_then(|key| self.nodes.get(&key))
            .and_then(|id| self.session.synced.get(*id));
        let row = self.decision.remote.tree.nodes.get(RemoteId::File(file));
        let intent = self.begin(intents::place(&path, file, &fetched, over.as_ref(), base, row))?;
        self.intents.insert(step.id, intent);
        let (root, day, id) = (self.session.root.clone(), self.day, step.id);
        let to = (path, self.folder_meant(step));
        Ok(Start::Running(Box::pin(async move {
            match hands::put(root, fetched, to, over, day).await {
                Ok(facts) => (id, Ended::Done(facts)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    /// What a step of the disk says of the entry it touched.
    pub(super) fn on_disk(&mut self, step: &Step, done: Option<Done>) -> Facts {
        let (Some(done), Action::Local(local)) = (done, &step.action) else {
            return Facts::default();
        };
        let Some(key) = what(local) else {
            return Facts {
                local: Some(hands::local_facts(&done, true)),
                ..Facts::default()
            };
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
            | LocalStep::RemoveFolder { .. } => LocalFacts {
                size: None,
                ..hands::local_facts(&done, unchanged)
            },
        };
        Facts {
            local: Some(facts),
            ..Facts::default()
        }
    }

    /// Whether an entry's bytes are those on record: only then may a new stamp be recorded for them.
    pub(super) fn is_as_recorded(&self, step: &Step, entry: Option<&LocalNode>) -> bool {
        let base = step
            .node
            .and_then(|key| self.nodes.get(&key))
            .and_then(|id| self.session.synced.get(*id));
        match (base.and_then(|base| base.file()), entry.and_then(LocalNode::file)) {
            (Some(base), Some(file)) => {
                Some(file.stamp) == base.stamp || (file.hash.is_some() && file.hash == base.hash)
            }
            (None, Some(_)) => false,
            (Some(_) | None, None) => true,
        }
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
fn is_untouched(before: &LocalNode, done: &Done) -> bool {
    before
        .file()
        .is_none_or(|file| file.size == done.size && file.stamp.mtime_ns == done.stamp.mtime_ns)
}

/// The entry after our own rename: only its name and change time are others. A version that changed meanwhile keeps the
/// scan's stamps, so that later steps see that it did.
fn renamed(before: LocalNode, done: &Done) -> LocalNode {
    let kind = match before.kind {
        LocalKind::File(file) if file.size == done.size && file.stamp.mtime_ns == done.stamp.mtime_ns => {
            LocalKind::File(LocalFile {
                stamp: done.stamp,
                ..file
            })
        }
        LocalKind::File(file) => LocalKind::File(file),
        other @ (LocalKind::Folder(_) | LocalKind::Other(_)) => other,
    };
    LocalNode {
        name: done.name.clone(),
        kind,
        ..before
    }
}
