//! What the plan was made from, as steps need it: entries, folders and versions as they were seen or left by us.

use std::collections::BTreeSet;

use planner::content::ContentHash;
use planner::id::{FileId, FolderId, LocalIdentity, LocalKey, RemoteId};
use planner::name::RemoteName;
use planner::naming;
use planner::transition::{Action, RemoteParent, RemoteStep, Step};
use planner::tree::{LocalFile, LocalKind, LocalNode};

use super::Execution;
use crate::remote::apply as cloud;

impl Execution<'_> {
    /// The entry as it is now: as the scan saw it, or as our own rename left it.
    pub(super) fn entry(&self, key: LocalKey) -> Option<LocalNode> {
        self.entries
            .get(&key)
            .or_else(|| self.decision.scan.tree.nodes.get(key))
            .cloned()
    }

    /// What the folder is that a step of the disk brings something into, which its path alone does not say: as the scan saw
    /// it, or as we made it. `None` where the step settles no place, at the root, and where identity says nothing.
    pub(super) fn folder_meant(&self, step: &Step) -> Option<LocalIdentity> {
        let node = step.node.filter(|_| step.settles.place)?;
        let folder = self.decision.merged.target.get(node)?.parent?;
        match self.decision.merged.target.get(folder)?.local {
            Some(key) => self.entry(key)?.identity,
            None => self.session.synced.get(*self.nodes.get(&folder)?)?.identity,
        }
    }

    /// Takes in what a file's bytes are.
    pub(super) fn know_hash(&mut self, key: LocalKey, hash: ContentHash) {
        if let Some(entry) = self.entry(key)
            && let LocalKind::File(file) = &entry.kind
        {
            let kind = LocalKind::File(LocalFile {
                hash: Some(hash),
                ..file.clone()
            });
            self.entries.insert(key, LocalNode { kind, ..entry });
        }
    }

    /// The folder within the pair (`None`: its root), if it is there.
    pub(super) fn parent(&self, parent: RemoteParent) -> Option<Option<FolderId>> {
        match parent {
            RemoteParent::Root => Some(None),
            RemoteParent::Existing(id) => Some(Some(id)),
            RemoteParent::Made(node) => self.made.get(&node).copied().map(Some),
        }
    }

    /// Folders that bear this name in a folder already: the one that is to be made is none of them.
    pub(super) fn folders_named(&self, folder: Option<FolderId>, name: &RemoteName) -> Vec<u64> {
        let rows = self
            .decision
            .remote
            .tree
            .nodes
            .children(folder.map(RemoteId::Folder));
        rows.filter(|row| row.id.folder().is_some() && row.name == *name)
            .map(|row| row.id.get())
            .collect()
    }

    /// A file of the account as the plan knows it: by its row, or by its record where no listing has shown it yet.
    pub(super) fn as_known(&self, file: FileId) -> Option<cloud::Replacement> {
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

    pub(super) fn folder_as_known(&self, step: &Step, id: FolderId) -> cloud::FolderAsKnown {
        let rows = &self.decision.remote.tree.nodes;
        let synced = &self.session.synced;
        let mut contents: BTreeSet<RemoteId> = step
            .forgets
            .iter()
            .filter_map(|node| synced.get(*node))
            .map(|node| node.remote())
            .collect();
        // What goes by other steps of this plan, or was never synced and goes as well, may be met on the way.
        contents.extend(
            self.decision
                .merged
                .removed
                .iter()
                .filter_map(|removal| removal.remote),
        );
        // Interims that the walk showed: the merge let the folder go, so they are ours or long abandoned (M15). One
        // that came later keeps it.
        let interims = rows.iter().filter(|row| row.ignored);
        let ignored = interims
            .filter(|row| naming::is_interim_like(row.name.as_str()))
            .map(|row| row.id)
            .collect();
        let place = rows
            .get(RemoteId::Folder(id))
            .map(|row| (row.name.clone(), row.parent));
        let versions = contents
            .iter()
            .filter_map(|id| {
                let row = rows.get(*id)?;
                let file = row.file()?;
                Some((row.file_id()?, (file.size, file.short_url.clone())))
            })
            .collect();
        cloud::FolderAsKnown {
            id,
            place,
            contents,
            versions,
            ignored,
        }
    }

    /// Notes which folders must be listed once more (design A5).
    pub(super) fn note_written(&mut self, step: &Step) {
        let Action::Remote(remote) = &step.action else {
            return;
        };
        let rows = &self.decision.remote.tree.nodes;
        let place = |id: RemoteId| rows.get(id).map(|row| row.parent);
        match remote {
            RemoteStep::CreateFolder { parent, .. } | RemoteStep::Upload { parent, .. } => {
                self.out.wrote.extend(self.parent(*parent));
            }
            RemoteStep::Replace { old, parent, .. } => {
                let (to, from) = (self.parent(*parent), place(RemoteId::File(*old)));
                // What moved as well is not where its new version is listed: nothing else would tell that it is gone from there.
                self.out.doubted.extend(from.filter(|_| from != to));
                self.out.wrote.extend(to);
            }
            RemoteStep::EditFile { id, parent, .. } => {
                self.out.wrote.extend(
                    parent
                        .and_then(|parent| self.parent(parent))
                        .or(place(RemoteId::File(*id))),
                );
            }
            RemoteStep::EditFolder { id, parent, .. } => {
                self.out.wrote.extend(
                    parent
                        .and_then(|parent| self.parent(parent))
                        .or(place(RemoteId::Folder(*id))),
                );
            }
            RemoteStep::TrashFile { id } => self.out.wrote.extend(place(RemoteId::File(*id))),
            RemoteStep::TrashFolder { id } => self.out.wrote.extend(place(RemoteId::Folder(*id))),
        }
    }
}
