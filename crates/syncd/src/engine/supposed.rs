//! Three trees without a look at everything: both sides as the journal has them, the disk as it is now on the way to one path.
//! With them the planner says what it would decide about that path.
//!
//! Never here: anything that a pass relies on. What these trees suppose of all other items is only what was true after the
//! last pass.

use std::collections::BTreeMap;

use planner::content::Stamp;
use planner::id::{LocalIdentity, LocalKey, NodeId, RemoteId};
use planner::name::LocalName;
use planner::path::RelPath;
use planner::tree::{
    LocalContents, LocalFile, LocalKind, LocalNode, LocalTree, RemoteFile, RemoteKind, RemoteNode,
    RemoteTree, SyncedKind, SyncedNode, SyncedTree,
};
use state::Absence;

use crate::local::two;
use crate::local::{LocalError, Root};

/// The times of a file whose recorded ones cannot be trusted: no file has them.
const NEVER: Stamp = Stamp {
    mtime_ns: i64::MIN,
    ctime_ns: i64::MIN,
};

/// The disk as the journal has it, with one path looked at.
#[derive(Debug)]
pub(super) struct Disk {
    /// The tree.
    pub(super) tree: LocalTree,
    /// What is at the path.
    pub(super) entry: Option<LocalKey>,
    /// Where that was when both sides agreed, if it was moved to the path since.
    pub(super) moved_from: Option<RelPath>,
}

/// The account as the journal has it: every agreed row that was not missed by the last look.
pub(super) fn account(synced: &SyncedTree, absences: &BTreeMap<RemoteId, Absence>) -> RemoteTree {
    let mut tree = RemoteTree::default();
    let there = synced
        .iter()
        .filter(|node| !absences.contains_key(&node.remote()));
    for node in there {
        let parent = node.parent.and_then(|parent| synced.get(parent));
        tree.nodes.insert(RemoteNode {
            id: node.remote(),
            parent: parent.and_then(|parent| parent.remote().folder()),
            name: node.remote_name.clone(),
            ignored: false,
            kind: match &node.kind {
                SyncedKind::Folder(_) => RemoteKind::Folder { readable: true },
                SyncedKind::File(file) => RemoteKind::File(RemoteFile {
                    size: file.size,
                    short_url: file.short_url.clone(),
                    hash: file.hash,
                    looks: u8::MAX,
                    appeared: None,
                }),
            },
        });
    }
    tree
}

/// The disk as the journal has it.
fn agreed(synced: &SyncedTree) -> LocalTree {
    let keys: BTreeMap<NodeId, LocalKey> = (0..)
        .map(LocalKey)
        .zip(synced.iter())
        .map(|(key, node)| (node.id, key))
        .collect();
    let key_of = |id: NodeId| keys.get(&id).copied();
    let mut tree = LocalTree::default();
    for node in synced.iter() {
        let Some(key) = key_of(node.id) else { continue };
        tree.nodes.insert(LocalNode {
            key,
            parent: node.parent.and_then(key_of),
            name: node.local_name.clone(),
            identity: node.identity,
            ignored: false,
            kind: match &node.kind {
                SyncedKind::Folder(_) => LocalKind::Folder(LocalContents::Read { others: 0 }),
                SyncedKind::File(file) => LocalKind::File(LocalFile {
                    size: file.size,
                    stamp: file.stamp.unwrap_or(NEVER),
                    hash: file.hash,
                    busy: false,
                    unreadable: false,
                }),
            },
        });
    }
    tree
}

/// Looks at every component of the path. Without a root nothing is there.
pub(super) fn disk(synced: &SyncedTree, root: Option<&Root>, path: &RelPath) -> Result<Disk, LocalError> {
    let mut disk = Disk {
        tree: agreed(synced),
        entry: None,
        moved_from: None,
    };
    let mut above = RelPath::root();
    let mut parent = None;
    for name in path.components().filter_map(LocalName::new) {
        let place = above.join(&name);
        let known = disk.at(parent, &name);
        // In what is no folder there is nothing.
        let shut = parent
            .and_then(|key| disk.tree.nodes.get(key))
            .is_some_and(|above| !above.is_folder());
        let found = match root.filter(|_| !shut) {
            Some(root) => two::entry(root, &place)?,
            None => None,
        };
        let Some(found) = found else {
            if let Some(known) = known {
                disk.forget(known);
            }
            disk.entry = None;
            return Ok(disk);
        };
        let key = disk.settle(synced, root, known, LocalNode { parent, ..found })?;
        (parent, disk.entry, above) = (Some(key), Some(key), place);
    }
    Ok(disk)
}

impl Disk {
    fn at(&self, parent: Option<LocalKey>, name: &LocalName) -> Option<LocalKey> {
        let mut inside = self.tree.nodes.children(parent);
        inside.find(|node| node.name == *name).map(|node| node.key)
    }

    fn forget(&mut self, key: LocalKey) {
        let below: Vec<_> = self.tree.nodes.children(Some(key)).map(|node| node.key).collect();
        for key in below {
            self.forget(key);
        }
        self.tree.nodes.remove(key);
    }

    /// Puts an entry where it was found, with the key of what it is.
    fn settle(
        &mut self,
        synced: &SyncedTree,
        root: Option<&Root>,
        known: Option<LocalKey>,
        found: LocalNode,
    ) -> Result<LocalKey, LocalError> {
        let before = known.and_then(|key| self.tree.nodes.get(key));
        let same = before.is_some_and(|node| node.identity.is_none() || node.identity == found.identity);
        let moved = if same {
            None
        } else {
            self.moved(synced, root, &found)?
        };
        let key = match (moved, known) {
            (Some((key, from)), known) => {
                if let Some(known) = known {
                    self.forget(known);
                }
                self.moved_from.get_or_insert(from);
                key
            }
            (None, Some(known)) => known,
            (None, None) => self
                .tree
                .nodes
                .iter()
                .map(|node| node.key.0)
                .max()
                .map_or(LocalKey(0), |last| LocalKey(last.saturating_add(1))),
        };
        let kind = match (&found.kind, self.tree.nodes.get(key).and_then(LocalNode::file)) {
            // The very times that were recorded: the bytes are those that were.
            (LocalKind::File(now), Some(was)) if now.stamp == was.stamp && now.size == was.size => {
                LocalKind::File(was.clone())
            }
            _ => found.kind.clone(),
        };
        self.tree.nodes.insert(LocalNode { key, kind, ..found });
        Ok(key)
    }

    /// The entry of the journal that this one is, and where it was; `None` if it still is there as well.
    fn moved(
        &self,
        synced: &SyncedTree,
        root: Option<&Root>,
        found: &LocalNode,
    ) -> Result<Option<(LocalKey, RelPath)>, LocalError> {
        let Some(identity) = found.identity else {
            return Ok(None);
        };
        let is = |node: &&SyncedNode| {
            node.identity == Some(identity) && node.file().is_some() == found.file().is_some()
        };
        let Some(node) = synced.iter().find(is) else {
            return Ok(None);
        };
        let Some(from) = synced.path(node.id) else {
            return Ok(None);
        };
        if still(root, &from, identity)? {
            return Ok(None);
        }
        let mut entries = self.tree.nodes.iter();
        let entry = entries.find(|entry| entry.identity == Some(identity));
        Ok(entry.map(|entry| (entry.key, from)))
    }
}

fn still(root: Option<&Root>, path: &RelPath, identity: LocalIdentity) -> Result<bool, LocalError> {
    let Some(root) = root else { return Ok(false) };
    Ok(two::entry(root, path)?.is_some_and(|entry| entry.identity == Some(identity)))
}
