//! A plan carried out: steps in any order that respects what they wait for, with failures where the test wants them, and
//! the records of it kept as the engine keeps them: only what a step settles, only from facts.

use std::collections::{BTreeMap, BTreeSet};

use super::account::url;
use super::{Account, Bytes, Disk, Inode, Kind, Rng, hash_of, size_of};
use crate::content::{ContentHash, Stamp};
use crate::id::{FileId, FolderId, LocalKey, NodeId, RemoteId, TargetKey};
use crate::merge::Merged;
use crate::path::RelPath;
use crate::transition::{Action, JournalStep, LocalStep, Plan, RemoteParent, RemoteStep, Step};
use crate::tree::{LocalTree, RemoteTree, SyncedKind, SyncedTree};

/// Why a step was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Why(pub(crate) String);

impl<T: Into<String>> From<T> for Why {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

/// What is known of one target node while its steps run.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Known {
    pub(super) inode: Option<Inode>,
    pub(super) row: Option<RemoteId>,
    /// The bytes that both sides hold, once a step moved them: hash, size, the disk's stamp.
    pub(super) moved: Option<(ContentHash, u64, Stamp)>,
    /// By us, and no listing has shown it since.
    pub(super) uploaded: bool,
}

/// One pass of one machine: what it saw, what it decided, and how far it has come.
pub(crate) struct Pass<'a> {
    pub(crate) disk: &'a mut Disk,
    pub(crate) account: &'a mut Account,
    pub(crate) synced: &'a mut SyncedTree,
    pub(crate) next_node: &'a mut u64,
    pub(crate) local: &'a LocalTree,
    pub(crate) remote: &'a RemoteTree,
    pub(crate) merged: &'a Merged,
    pub(super) known: BTreeMap<TargetKey, Known>,
    pub(super) records: BTreeMap<TargetKey, NodeId>,
    /// Everything that may go with a trashed folder: rows that the merge removes.
    removed: BTreeSet<RemoteId>,
    /// Stamps that a rename of ours changed: before and after.
    pub(super) restamped: BTreeMap<Inode, (Stamp, Stamp)>,
    /// What this pass moved or replaced away from where it was.
    own: BTreeSet<RemoteId>,
    /// File versions whose bytes were seen.
    pub(crate) seen: BTreeSet<(FileId, u32)>,
}

impl<'a> Pass<'a> {
    /// Nothing is done yet.
    pub(crate) fn new(
        disk: &'a mut Disk,
        account: &'a mut Account,
        synced: &'a mut SyncedTree,
        next_node: &'a mut u64,
        local: &'a LocalTree,
        remote: &'a RemoteTree,
        merged: &'a Merged,
    ) -> Self {
        let nodes = || merged.target.iter();
        let known = |key: Option<LocalKey>, row| Known {
            inode: key.map(|key| key.0),
            row,
            ..Known::default()
        };
        Self {
            known: nodes()
                .map(|node| (node.key, known(node.local, node.remote)))
                .collect(),
            records: nodes()
                .filter_map(|node| Some((node.key, node.synced?)))
                .collect(),
            removed: merged
                .removed
                .iter()
                .filter_map(|removal| removal.remote)
                .collect(),
            restamped: BTreeMap::new(),
            own: BTreeSet::new(),
            seen: BTreeSet::new(),
            disk,
            account,
            synced,
            next_node,
            local,
            remote,
            merged,
        }
    }

    /// Does a step and records what it settles.
    pub(crate) fn run(&mut self, step: &Step) -> Result<(), Why> {
        let node = step.node.unwrap_or(TargetKey(u32::MAX));
        match &step.action {
            Action::Local(action) => self.local(action, node)?,
            Action::Remote(action) => self.remote(action, node)?,
            Action::Journal(JournalStep::Agree | JournalStep::Forget) => {}
        }
        for id in &step.forgets {
            if self.synced.children(Some(*id)).next().is_some() {
                return Err(format!("record {id:?} is forgotten before those in it").into());
            }
            self.synced.remove(*id);
        }
        if step.settles.place || step.settles.content {
            self.record(step, node)?;
        }
        Ok(())
    }

    /// The entry and the row of a target node by now.
    pub(crate) fn whereabouts(&self, key: TargetKey) -> (Option<Inode>, Option<RemoteId>) {
        self.known
            .get(&key)
            .map_or((None, None), |known| (known.inode, known.row))
    }

    /// The record of a target node by now.
    pub(crate) fn record_of(&self, key: TargetKey) -> Option<NodeId> {
        self.records.get(&key).copied()
    }

    fn entry(&self, what: LocalKey, at: &RelPath) -> Result<Inode, Why> {
        let found = self.disk.at(at).flatten();
        if found != Some(what.0) {
            return Err(format!("{what:?} is not at {at}, but {found:?}").into());
        }
        Ok(what.0)
    }

    /// Its bytes are as the scan saw them.
    fn unchanged(&self, inode: Inode) -> Result<Bytes, Why> {
        let (Some(node), Some(seen)) = (self.disk.nodes.get(&inode), self.local.nodes.get(LocalKey(inode)))
        else {
            return Err("gone meanwhile".into());
        };
        match (node.kind, seen.file()) {
            (Kind::File(bytes), Some(file)) if file.stamp.mtime_ns == node.stamp.mtime_ns => Ok(bytes),
            (Kind::File(_) | Kind::Folder, _) => Err("changed meanwhile".into()),
        }
    }

    fn destination(&self, to: &RelPath) -> Result<(Option<Inode>, crate::name::LocalName), Why> {
        let (folder, name) = to.split().ok_or("no name")?;
        let folder = self
            .disk
            .at(&folder)
            .ok_or_else(|| Why(format!("no folder for {to}")))?;
        Ok((folder, name))
    }

    fn local(&mut self, step: &LocalStep, node: TargetKey) -> Result<(), Why> {
        match step {
            LocalStep::CreateFolder { path } => {
                let (folder, name) = self.destination(path)?;
                let inode = self.disk.create(folder, &name, Kind::Folder)?;
                self.known.entry(node).or_default().inode = Some(inode);
            }
            LocalStep::Move { what, from, to } => {
                let inode = self.entry(*what, from)?;
                let (folder, name) = self.destination(to)?;
                self.rename(inode, |disk| disk.rename(inode, folder, &name).map(|()| inode))?;
            }
            LocalStep::Park { what, from, slot } => {
                let inode = self.entry(*what, from)?;
                self.disk.park(inode, *slot)?;
            }
            LocalStep::Unpark { what, slot, to } => {
                let (folder, name) = self.destination(to)?;
                self.rename(what.0, |disk| disk.unpark(*slot, folder, &name))?;
            }
            LocalStep::Place { path, file, .. } => {
                let bytes = self.download(*file)?;
                let (folder, name) = self.destination(path)?;
                let inode = self.disk.create(folder, &name, Kind::File(bytes))?;
                self.filled(node, inode, bytes);
            }
            LocalStep::Replace { path, what, file, .. } => {
                let bytes = self.download(*file)?;
                let inode = self.entry(*what, path)?;
                let old = self.unchanged(inode)?;
                self.disk.trash.push(old);
                let old = self.disk.unlink(inode)?;
                let inode = self.disk.create(old.parent, &old.name, Kind::File(bytes))?;
                self.filled(node, inode, bytes);
            }
            LocalStep::Trash { what, path } => {
                let inode = self.entry(*what, path)?;
                let bytes = self.unchanged(inode)?;
                self.disk.unlink(inode)?;
                self.disk.trash.push(bytes);
            }
            LocalStep::RemoveFolder { what, path } => {
                let inode = self.entry(*what, path)?;
                self.disk.unlink(inode)?;
            }
        }
        Ok(())
    }

    /// Renames, and carries over what was known by stamps: our own rename changes `ctime`, not the bytes.
    fn rename(
        &mut self,
        inode: Inode,
        how: impl FnOnce(&mut Disk) -> Result<Inode, String>,
    ) -> Result<(), Why> {
        let before = self.disk.nodes.get(&inode).map(|node| node.stamp);
        let hash = self.disk.hashed.get(&inode).copied();
        let moved = how(self.disk)?;
        if moved != inode {
            return Err("another entry was parked there".into());
        }
        let after = self.disk.nodes[&inode].stamp;
        if let Some(before) = before {
            self.restamped.insert(inode, (before, after));
        }
        if let Some((stamp, hash)) = hash
            && Some(stamp) == before
        {
            self.disk.hashed.insert(inode, (after, hash));
        }
        let owner = self
            .synced
            .iter()
            .find(|node| node.identity == Some(Disk::identity(inode)))
            .cloned();
        if let Some(mut record) = owner
            && let SyncedKind::File(file) = &mut record.kind
            && file.stamp == before
        {
            file.stamp = Some(after);
            self.synced.insert(record);
        }
        Ok(())
    }

    fn download(&mut self, file: FileId) -> Result<Bytes, Why> {
        let row = self
            .account
            .live(RemoteId::File(file))
            .ok_or("the file is gone")?;
        let bytes = row.bytes.ok_or("not a file")?;
        self.seen.insert((file, row.version));
        let shown = self
            .remote
            .nodes
            .get(RemoteId::File(file))
            .and_then(|node| node.file());
        if shown.map(|file| file.size) != Some(size_of(bytes)) {
            return Err("another size than listed".into());
        }
        Ok(bytes)
    }

    fn filled(&mut self, node: TargetKey, inode: Inode, bytes: Bytes) {
        self.disk.hash(LocalKey(inode));
        let stamp = self.disk.nodes[&inode].stamp;
        let known = self.known.entry(node).or_default();
        known.inode = Some(inode);
        known.moved = Some((hash_of(bytes), size_of(bytes), stamp));
    }

    fn place(&self, parent: RemoteParent) -> Result<Option<FolderId>, Why> {
        let folder = match parent {
            RemoteParent::Root => None,
            RemoteParent::Existing(id) => Some(id),
            RemoteParent::Made(node) => {
                let made = self.known.get(&node).and_then(|known| known.row?.folder());
                Some(made.ok_or("that folder was not made yet")?)
            }
        };
        if self.account.folder_lives(folder) {
            Ok(folder)
        } else {
            Err("the folder is dead".into())
        }
    }

    /// The row is as the walk showed it, apart from what this pass did.
    fn as_seen(&self, id: RemoteId) -> Result<(), Why> {
        let row = self.account.live(id).ok_or("the row is dead")?;
        let Some(seen) = self.remote.nodes.get(id) else {
            return Ok(());
        };
        let same_version = seen
            .file()
            .is_none_or(|file| file.short_url == Some(url(id, row.version)));
        let same_place = seen.parent == row.parent && seen.name == row.name;
        if same_version && (same_place || self.own.contains(&id)) {
            Ok(())
        } else {
            Err("changed in the account meanwhile".into())
        }
    }

    fn remote(&mut self, step: &RemoteStep, node: TargetKey) -> Result<(), Why> {
        match step {
            RemoteStep::CreateFolder { parent, name } => {
                let parent = self.place(*parent)?;
                // One that another machine made meanwhile is adopted (design A6), but not one that a record names: that is
                // another node, come back meanwhile, and no id is ever given to two nodes.
                let recorded = |id: &RemoteId| self.synced.iter().any(|node| node.remote() == *id);
                let twin = self
                    .newcomer(parent, name)
                    .filter(|id| id.folder().is_some() && !recorded(id));
                let row = twin.unwrap_or_else(|| self.account.create(parent, name, None));
                self.known.entry(node).or_default().row = Some(row);
            }
            RemoteStep::Upload {
                what,
                from,
                size,
                parent,
                name,
                fast,
            } => {
                let bytes = self.read(*what, from, size.get())?;
                let parent = self.place(*parent)?;
                // A look after the upload would find it, and ours would give way (design A4).
                if self.newcomer(parent, name).is_some() {
                    return Err("another machine has put a file there meanwhile".into());
                }
                if *fast && self.account.has_loose_sibling(parent, name) {
                    return Err(format!("{name} is taken, the fast path would have numbered it").into());
                }
                self.upload(node, what.0, bytes, parent, name);
            }
            RemoteStep::Replace {
                what,
                from,
                size,
                old,
                parent,
                name,
            } => {
                let bytes = self.read(*what, from, size.get())?;
                let parent = self.place(*parent)?;
                self.as_seen(RemoteId::File(*old))?;
                self.upload(node, what.0, bytes, parent, name);
                self.account.trash(RemoteId::File(*old));
            }
            RemoteStep::EditFile { id, name, parent } => {
                self.edit(RemoteId::File(*id), name.as_ref(), *parent)?;
            }
            RemoteStep::EditFolder { id, name, parent } => {
                self.edit(RemoteId::Folder(*id), name.as_ref(), *parent)?;
            }
            RemoteStep::TrashFile { id } => {
                self.as_seen(RemoteId::File(*id))?;
                self.account.trash(RemoteId::File(*id));
            }
            RemoteStep::TrashFolder { id } => {
                self.as_seen(RemoteId::Folder(*id))?;
                for inside in self.account.below(*id) {
                    if !self.removed.contains(&inside) && !self.account.rows[&inside].ignored {
                        return Err("something that stays is in the folder".into());
                    }
                    if self.removed.contains(&inside) {
                        self.as_seen(inside)?;
                    }
                }
                self.account.trash(RemoteId::Folder(*id));
            }
        }
        Ok(())
    }

    fn read(&self, what: LocalKey, from: &RelPath, size: u64) -> Result<Bytes, Why> {
        let inode = self.entry(what, from)?;
        let bytes = self.unchanged(inode)?;
        if size_of(bytes) == size {
            Ok(bytes)
        } else {
            Err("another size".into())
        }
    }

    fn upload(
        &mut self,
        node: TargetKey,
        inode: Inode,
        bytes: Bytes,
        parent: Option<FolderId>,
        name: &crate::name::RemoteName,
    ) {
        let row = self.account.create(parent, name, Some(bytes));
        self.seen.extend(row.file().map(|file| (file, 0)));
        let stamp = self.disk.nodes[&inode].stamp;
        let known = self.known.entry(node).or_default();
        known.row = Some(row);
        known.moved = Some((hash_of(bytes), size_of(bytes), stamp));
        known.uploaded = true;
    }

    /// A row of this name that the walk did not show and this pass did not make.
    fn newcomer(&self, parent: Option<FolderId>, name: &crate::name::RemoteName) -> Option<RemoteId> {
        let ours: BTreeSet<RemoteId> = self.known.values().filter_map(|known| known.row).collect();
        let inside = self.account.children(parent).into_iter();
        let mut new = inside.filter(|id| !self.remote.nodes.contains(*id) && !ours.contains(id));
        new.find(|id| self.account.rows[id].name == *name)
    }

    fn edit(
        &mut self,
        id: RemoteId,
        name: Option<&crate::name::RemoteName>,
        parent: Option<RemoteParent>,
    ) -> Result<(), Why> {
        self.as_seen(id)?;
        let parent = parent.map(|parent| self.place(parent)).transpose()?;
        if name.is_none() && parent.is_none() {
            return Err("an edit of nothing".into());
        }
        self.account.edit(id, name, parent)?;
        self.own.insert(id);
        Ok(())
    }

    /// Runs the plan in an order out of `rng`. A step for which `fails` says so is not done, nor what waits for it.
    /// Ends after `limit` steps. Answers how many were done.
    pub(crate) fn run_all(
        &mut self,
        plan: &Plan,
        rng: &mut Rng,
        limit: usize,
        mut fails: impl FnMut(&Step) -> bool,
        mut told: impl FnMut(&Step, &Result<(), Why>, &Self),
    ) -> usize {
        let mut done = BTreeSet::new();
        let mut waiting: Vec<&Step> = plan.steps.iter().collect();
        rng.shuffle(&mut waiting);
        let mut count = 0;
        while count < limit {
            let ready = waiting
                .iter()
                .position(|step| step.after.iter().all(|id| done.contains(id)));
            let Some(at) = ready else { break };
            let step = waiting.swap_remove(at);
            if fails(step) {
                continue;
            }
            let result = self.run(step);
            told(step, &result, self);
            if result.is_ok() {
                done.insert(step.id);
                count += 1;
            }
        }
        count
    }
}
