//! Steps of the account: each call that is not repeat-safe gets its intent before it leaves (design A1).

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::future::BoxFuture;
use planner::content::ContentHash;
use planner::id::{FileId, FolderId, LocalKey, NodeId, RemoteId};
use planner::name::{PlainName, RemoteName};
use planner::naming;
use planner::path::RelPath;
use planner::transition::{RemoteStep, Step};
use planner::tree::{LocalFile, Standing, SyncedFile};
use state::Change;

use super::{Ended, Execution, Start};
use crate::engine::open::Halt;
use crate::engine::record::Facts;
use crate::engine::{absent, hands, intents, tally};
use crate::local::hash;
use crate::remote::apply::{self as cloud, Failure, Landed};

/// Why new bytes for a file cannot go up under its name.
const NAME_STAYS: &str =
    "its name in the account cannot be set again, and is too long to be escaped: rename it there";

/// A file that is to be sent.
#[derive(Clone, Copy)]
struct Send<'a> {
    what: LocalKey,
    from: &'a RelPath,
    size: NonZeroU64,
    /// The name it is to have.
    name: &'a RemoteName,
    /// The version it replaces.
    old: Option<FileId>,
    folder: Option<FolderId>,
    /// One call may be enough (design A2).
    fast: bool,
}

impl<'a> Send<'a> {
    /// What a step sends, if it sends anything.
    fn of(step: &'a RemoteStep, folder: Option<FolderId>) -> Option<Self> {
        match step {
            RemoteStep::Upload {
                what,
                from,
                size,
                name,
                fast,
                ..
            } => Some(Self {
                what: *what,
                from,
                size: *size,
                name,
                old: None,
                folder,
                fast: *fast,
            }),
            RemoteStep::Replace {
                what,
                from,
                size,
                name,
                old,
                ..
            } => Some(Self {
                what: *what,
                from,
                size: *size,
                name,
                old: Some(*old),
                folder,
                fast: false,
            }),
            RemoteStep::CreateFolder { .. }
            | RemoteStep::EditFile { .. }
            | RemoteStep::EditFolder { .. }
            | RemoteStep::TrashFile { .. }
            | RemoteStep::TrashFolder { .. } => None,
        }
    }
}

/// A call under way.
fn running(step: &Step, future: BoxFuture<'static, Result<Facts, Failure>>) -> Start {
    let id = step.id;
    Start::Running(Box::pin(async move {
        match future.await {
            Ok(facts) => (id, Ended::Done(facts)),
            Err(failure) => (id, Ended::Failed(failure)),
        }
    }))
}

impl Execution<'_> {
    /// Begins a step of the account.
    pub(super) fn start_remote(&mut self, step: &Step, remote: &RemoteStep) -> Result<Start, Halt> {
        let parent = match self.target_folder(remote) {
            Ok(parent) => parent,
            Err(failure) => return Ok(self.fail(step, failure)),
        };
        let folder = parent.flatten();
        if let Some(send) = Send::of(remote, folder) {
            return self.start_upload(step, &send);
        }
        let account = Arc::clone(&self.session.account);
        let future: BoxFuture<'static, Result<Facts, Failure>> = match remote {
            RemoteStep::Upload { .. } | RemoteStep::Replace { .. } => return Ok(Start::Ended(false)),
            RemoteStep::CreateFolder { name, .. } => return self.start_folder(step, folder, name),
            RemoteStep::EditFile { id, name, .. } => {
                self.note_edit(step, RemoteId::File(*id), name.as_ref(), parent)?;
                Box::pin(hands::edit_file(account, *id, name.clone(), parent))
            }
            RemoteStep::EditFolder { id, name, .. } => {
                self.note_edit(step, RemoteId::Folder(*id), name.as_ref(), parent)?;
                Box::pin(hands::edit_folder(account, *id, name.clone(), parent))
            }
            RemoteStep::TrashFile { id } => {
                self.note_discard(step, *id)?;
                let (id, known) = (*id, self.as_known(*id));
                Box::pin(async move {
                    let trashed = cloud::trash_file_as_known(&account, id, known.as_ref()).await;
                    trashed.map(|()| Facts::default())
                })
            }
            RemoteStep::TrashFolder { id } => {
                let known = self.folder_as_known(step, *id);
                Box::pin(async move {
                    let trashed = cloud::trash_folder(&account, &known).await;
                    trashed.map(|()| Facts::default())
                })
            }
        };
        Ok(running(step, future))
    }

    /// The folder that a step puts something into: `None` if it leaves that as it is.
    fn target_folder(&self, remote: &RemoteStep) -> Result<Option<Option<FolderId>>, Failure> {
        let parent = match remote {
            RemoteStep::CreateFolder { parent, .. }
            | RemoteStep::Upload { parent, .. }
            | RemoteStep::Replace { parent, .. } => Some(*parent),
            RemoteStep::EditFile { parent, .. } | RemoteStep::EditFolder { parent, .. } => *parent,
            RemoteStep::TrashFile { .. } | RemoteStep::TrashFolder { .. } => None,
        };
        let found = parent.map(|parent| {
            self.parent(parent)
                .ok_or_else(|| Failure::Stale("its folder was not made".to_owned()))
        });
        found.transpose()
    }

    /// Journals a rename or move, so that a later look knows our own work from somebody else's.
    fn note_edit(
        &mut self,
        step: &Step,
        id: RemoteId,
        name: Option<&RemoteName>,
        folder: Option<Option<FolderId>>,
    ) -> Result<(), Halt> {
        let Some(node) = step.node else { return Ok(()) };
        let path = self.decision.merged.target.path(node);
        let (Some(record), Some(path)) = (self.nodes.get(&node).copied(), path) else {
            return Ok(());
        };
        let edit = intents::Edit {
            id,
            name,
            folder,
            node: record,
            path: path.as_str(),
        };
        let intent = self.begin(intents::edit(edit))?;
        self.intents.insert(step.id, intent);
        Ok(())
    }

    /// Journals a deletion, so that a later look knows our own from somebody else's.
    fn note_discard(&mut self, step: &Step, id: FileId) -> Result<(), Halt> {
        let mut forgotten = step.forgets.iter();
        let of_it = |node: &&NodeId| {
            let record = self.session.synced.get(**node);
            record.is_some_and(|record| record.remote() == RemoteId::File(id))
        };
        if let Some(node) = forgotten.find(of_it).copied() {
            let intent = self.begin(intents::discard(id, node))?;
            self.intents.insert(step.id, intent);
        }
        Ok(())
    }

    /// Makes a folder, unless an earlier making of it may still arrive.
    fn start_folder(
        &mut self,
        step: &Step,
        parent: Option<FolderId>,
        name: &RemoteName,
    ) -> Result<Start, Halt> {
        let path = self.tally.path(self.decision, step);
        if RelPath::parse(&path).is_some_and(|path| self.decision.waiting.contains(&path)) {
            return Ok(self.wait(step, "making it was not answered before"));
        }
        let known = self.folders_named(parent, name);
        let intent = self.begin(intents::create_folder(parent, name, &path, known))?;
        self.intents.insert(step.id, intent);
        let account = Arc::clone(&self.session.account);
        Ok(running(
            step,
            Box::pin(hands::make_folder(account, parent, name.clone())),
        ))
    }

    /// A step that waits for the answer to an earlier one: it is unproved, and no further look in this run helps.
    fn wait(&mut self, step: &Step, why: &str) -> Start {
        self.tally
            .failed(self.decision, step, &Failure::Unknown(why.to_owned()));
        Start::Ended(false)
    }

    /// Sends a file's bytes: as a new file, or as the new version of `old`.
    fn start_upload(&mut self, step: &Step, send: &Send<'_>) -> Result<Start, Halt> {
        let Send {
            what,
            from,
            size,
            name,
            old,
            folder,
            fast: _,
        } = *send;
        // Also under another name that it got since: it would be there twice.
        let seen_at = self.decision.scan.tree.nodes.path(what);
        if self.decision.waiting.contains(from)
            || seen_at.is_some_and(|at| self.decision.waiting.contains(&at))
        {
            return Ok(self.wait(step, tally::UNANSWERED));
        }
        let Some(seen) = self.entry(what).and_then(|entry| entry.file().cloned()) else {
            return Ok(self.fail(step, Failure::Stale("it is not in the scan".to_owned())));
        };
        let replaced = old.and_then(|old| self.as_known(old));
        if old.is_some() && replaced.is_none() {
            let why = "the old version is not on record".to_owned();
            return Ok(self.fail(step, Failure::Stale(why)));
        }
        if self.unwanted.contains(&(from.as_str().to_owned(), size.get())) {
            return Ok(self.fail(step, Failure::Held(absent::VANISHES.to_owned())));
        }
        if naming::set_again(name) == naming::Again::Never {
            return Ok(self.fail(step, Failure::Held(NAME_STAYS.to_owned())));
        }
        let plain = self.plain_name(send);
        let copyable = self.may_be_copied(send);
        if (plain.is_some() || copyable) && seen.hash.is_none() {
            // A lost answer is then told from somebody else's file by its bytes. Files on this path are small, or may be there.
            return Ok(self.hash_first(step, what, from, &seen));
        }
        if copyable && let Some(twin) = seen.hash.and_then(|hash| self.twin(send, hash)) {
            return self.start_copy(step, send, twin);
        }
        let on_wire = self.begin_upload(step, send, plain, replaced.as_ref(), seen.hash)?;
        let source = match self.decision.copies.of(what) {
            Some((copy, seen)) => hands::Source {
                path: copy.clone(),
                seen: seen.clone(),
            },
            None => hands::Source {
                path: from.clone(),
                seen,
            },
        };
        let wanted = cloud::Wanted {
            folder,
            name: name.clone(),
            size,
        };
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

    /// Whether the server may copy a file in the place of sending this one (design A8): it is wanted, the server is not known to
    /// fail at it, one call is enough, and one of this name and size is there.
    fn may_be_copied(&self, send: &Send<'_>) -> bool {
        let place = (send.folder.map(FolderId::get), send.name.as_str().to_owned());
        self.session.pair.server_copy
            && send.old.is_none()
            && send.fast
            && !self.unlanded.contains(&place)
            && self.session.account.client.copying().works() != Some(false)
            && self.namesakes(send).next().is_some()
    }

    /// Agreed files of the name and size that are wanted, which the account still shows as they are on record.
    fn namesakes<'s>(&'s self, send: &'s Send<'_>) -> impl Iterator<Item = &'s SyncedFile> {
        let rows = &self.decision.remote.tree.nodes;
        let key = (send.name.as_str().to_owned(), send.size.get());
        let nodes = self.namesakes.get(&key).into_iter().flatten();
        nodes.filter_map(move |id| {
            // Steps of this plan may have changed it since.
            let node = self.session.synced.get(*id)?;
            let file = node.file()?;
            let wanted = node.standing == Standing::Agreed
                && node.remote_name == *send.name
                && file.size == send.size.get();
            let row = rows.get(RemoteId::File(file.remote)).filter(|_| wanted)?;
            let seen = row.file()?;
            (seen.size == file.size && seen.short_url == file.short_url && row.name == *send.name)
                .then_some(file)
        })
    }

    /// One of them with these bytes.
    fn twin(&self, send: &Send<'_>, hash: ContentHash) -> Option<cloud::Twin> {
        let file = self.namesakes(send).find(|file| file.hash == Some(hash))?;
        Some(cloud::Twin {
            file: file.remote,
            short_url: file.short_url.clone(),
            hash,
        })
    }

    /// Has the server copy it. It is an upload under its real name to the journal: a lost copy is looked for as such.
    fn start_copy(&mut self, step: &Step, send: &Send<'_>, twin: cloud::Twin) -> Result<Start, Halt> {
        let Some(plain) = naming::plain(send.name) else {
            return Ok(self.fail(step, Failure::Stale("its name would be changed".to_owned())));
        };
        self.begin_upload(step, send, Some(plain), None, Some(twin.hash))?;
        let wanted = cloud::Wanted {
            folder: send.folder,
            name: send.name.clone(),
            size: send.size,
        };
        let (account, id) = (Arc::clone(&self.session.account), step.id);
        Ok(Start::Running(Box::pin(async move {
            match hands::copy(account, twin, wanted).await {
                Ok(landed) => (id, Ended::Landed(landed)),
                Err(failure) => (id, Ended::Failed(failure)),
            }
        })))
    }

    /// Journals an upload; answers the name to send it under.
    fn begin_upload(
        &mut self,
        step: &Step,
        send: &Send<'_>,
        plain: Option<PlainName>,
        replaced: Option<&cloud::Replacement>,
        hash: Option<ContentHash>,
    ) -> Result<PlainName, Halt> {
        let upload = intents::Upload {
            folder: send.folder,
            wanted: send.name,
            size: send.size,
            path: send.from,
            node: step.node.and_then(|key| self.nodes.get(&key)).copied(),
            replaced,
            fast: plain.is_some(),
            hash: hash.filter(|_| plain.is_some()),
        };
        let journal_id = self.session.meta.journal_id;
        let now = self.session.now();
        let interim = |id: u64| naming::interim(journal_id, id, send.name);
        let begun = self.session.journal.begin_with(now, |id| {
            let on_wire = plain.clone().unwrap_or_else(|| interim(id.0));
            intents::upload(&upload, on_wire.as_str())
        });
        let intent = begun.map_err(|error| self.session.broken(&error))?;
        let on_wire = plain.unwrap_or_else(|| interim(intent.id.0));
        self.intents.insert(step.id, intent);
        Ok(on_wire)
    }

    /// Reads a file before it is sent.
    fn hash_first(&self, step: &Step, what: LocalKey, from: &RelPath, seen: &LocalFile) -> Start {
        let (root, from, seen, id) = (self.session.root.clone(), from.clone(), seen.clone(), step.id);
        Start::Running(Box::pin(async move {
            let hashed = crate::blocking::run(move || hash::hash_file(&root, &from, &seen)).await;
            match hands::joined(hashed) {
                Ok(hashed) => (id, Ended::Hashed(what, hashed.hash)),
                Err(error) => (id, Ended::Failed(hands::local_failure(&error))),
            }
        }))
    }

    /// The name under which one call is enough (design A2). The repeat of an upload that may still arrive is always an
    /// interim (design A1).
    fn plain_name(&self, send: &Send<'_>) -> Option<PlainName> {
        let place = (send.folder.map(FolderId::get), send.name.as_str().to_owned());
        let repeated = self.unlanded.contains(&place);
        let fast = send.fast && !repeated && send.size.get() < intents::FAST_BELOW;
        naming::plain(send.name).filter(|_| fast)
    }

    /// An upload was answered: that is journalled, then the file gets its name.
    pub(super) fn landed(&mut self, step: &Step, landed: Landed) -> Result<Start, Halt> {
        self.show_uploads();
        self.uploads.remove(&step.id);
        let Some(intent) = self.intents.get_mut(&step.id) else {
            return Ok(Start::Ended(false));
        };
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
}
