//! A merge carried out by pretending, all at once and without a fault, checking as it goes that nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{World, identity, url};
use crate::id::{LocalKey, NodeId, RemoteId, TargetKey};
use crate::merge::{Compare, Content, Merged, TargetNode};
use crate::naming::fold_key;
use crate::rule::Rule;
use crate::tree::build::{file_id, folder_id, hash_of};
use crate::tree::{
    LocalContents, LocalFile, LocalKind, LocalNode, RemoteFile, RemoteKind, RemoteNode, Standing, SyncedFile,
    SyncedKind, SyncedNode,
};

/// Whether the merge wants anything done.
pub(super) fn is_quiet(world: &World, merged: &Merged) -> bool {
    let still = |node: &TargetNode| {
        let (local, remote) = (&world.case.local.nodes, &world.case.remote.nodes);
        let above = node.parent.map(|key| merged.target.get(key).unwrap());
        let here = match (node.local, &node.local_name) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(key), Some(name)) => {
                let entry = local.get(key).unwrap();
                entry.name == *name && entry.parent == above.and_then(|above| above.local)
            }
        };
        let there = match (node.remote, &node.remote_name) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(id), Some(name)) => remote.get(id).is_none_or(|row| {
                let home = above.and_then(|above| above.remote).and_then(RemoteId::folder);
                row.name == *name && row.parent == home
            }),
        };
        let bytes = matches!(node.content, Content::Folder | Content::Settled);
        here && there && bytes && (node.local_name.is_none() || node.synced.is_some())
    };
    merged.removed.is_empty() && merged.compare.is_empty() && merged.target.iter().all(still)
}

/// Carries it out.
pub(super) fn apply(world: &World, merged: &Merged) -> World {
    let mut after = world.clone();
    for compare in &merged.compare {
        learn(&mut after, *compare);
    }
    for removal in &merged.removed {
        check_removal(world, removal);
        if let Some(key) = removal.local {
            after.case.local.nodes.remove(key).unwrap();
        }
        if let Some(id) = removal.remote {
            assert!(
                after.case.remote.nodes.remove(id).is_some() || published(world, id),
                "{removal:?}"
            );
        }
        if let Some(node) = removal.synced {
            let node = after.case.synced.remove(node).unwrap();
            after.case.remote.gone.remove(&node.remote());
        }
    }
    let mut work = Work {
        before: world,
        after,
        merged,
        keys: BTreeMap::new(),
        ids: BTreeMap::new(),
    };
    work.number();
    for node in merged.target.iter() {
        work.bytes(node);
    }
    for node in merged.target.iter() {
        work.place(node);
    }
    let nodes: BTreeMap<TargetKey, NodeId> = merged
        .target
        .iter()
        .map(|node| {
            (
                node.key,
                node.synced.unwrap_or_else(|| NodeId(work.after.number())),
            )
        })
        .collect();
    for node in merged.target.iter() {
        work.record(node, &nodes);
    }
    let mut after = work.after;
    check_tree(&after);
    // The next walk sees everything published, and has looked often enough at everything new.
    let rows: Vec<RemoteId> = after.case.remote.nodes.iter().map(|row| row.id).collect();
    for id in rows {
        let mut row = after.case.remote.nodes.remove(id).unwrap();
        if let RemoteKind::File(file) = &mut row.kind {
            file.looks = 3;
        }
        after.case.remote.nodes.insert(row);
    }
    after
}

fn published(world: &World, id: RemoteId) -> bool {
    let mut synced = world.case.synced.iter();
    synced.any(|node| node.remote() == id && node.standing == Standing::Published)
}

fn learn(world: &mut World, compare: Compare) {
    match compare {
        Compare::Local(key) => {
            let hash = hash_of(&world.here[&key]);
            let mut entry = world.case.local.nodes.remove(key).unwrap();
            if let LocalKind::File(file) = &mut entry.kind {
                assert!(!file.busy && !file.unreadable && file.hash.is_none(), "{entry:?}");
                file.hash = Some(hash);
            }
            world.case.local.nodes.insert(entry);
        }
        Compare::Remote(id) => {
            let hash = hash_of(&world.there[&id]);
            let mut row = world.case.remote.nodes.remove(RemoteId::File(id)).unwrap();
            if let RemoteKind::File(file) = &mut row.kind {
                assert!(file.hash.is_none(), "{id}");
                file.hash = Some(hash);
            }
            world.case.remote.nodes.insert(row);
        }
    }
}

/// Only what was agreed and is as agreed is ever removed, and only where the other side is known not to have it.
fn check_removal(world: &World, removal: &crate::merge::Removal) {
    let node = removal.synced.map(|id| world.case.synced.get(id).unwrap());
    assert!(removal.synced.is_some(), "{removal:?}");
    let node = node.unwrap();
    if let Some(key) = removal.local {
        let gone = world.case.remote.gone.contains_key(&node.remote());
        assert!(gone || removal.because == Rule::MovedToIgnored, "{removal:?}");
        if let Some(file) = node.file() {
            assert!(unchanged_here(world, file, key), "{removal:?} {node:?}");
        }
    }
    if let Some(id) = removal.remote
        && let Some(file) = node.file()
    {
        let hash = Some(hash_of(&world.there[&id.file().unwrap()]));
        let same_version = RemoteId::File(file.remote) == id && file.hash.is_none();
        assert!(file.hash == hash || same_version || file.size == 0, "{removal:?}");
    }
}

fn unchanged_here(world: &World, file: &SyncedFile, key: LocalKey) -> bool {
    let LocalKind::File(seen) = &world.case.local.nodes.get(key).unwrap().kind else {
        return false;
    };
    let by_stamp = file.hash.is_none() && file.stamp == Some(seen.stamp) && file.size == seen.size;
    by_stamp || file.hash == Some(hash_of(&world.here[&key]))
}

/// A tree without rings and without two entries of one name.
fn check_tree(world: &World) {
    let mut names = BTreeSet::new();
    for entry in world.case.local.nodes.iter() {
        let key = fold_key(entry.name.as_str(), &world.case.policy.disk);
        assert!(
            names.insert((entry.parent, key)),
            "two of {:?}: {:#?}",
            entry.name,
            world.case.local
        );
        assert!(
            world.case.local.nodes.path(entry.key).is_some(),
            "{:?} hangs nowhere",
            entry.name
        );
    }
}

struct Work<'a> {
    before: &'a World,
    after: World,
    merged: &'a Merged,
    keys: BTreeMap<TargetKey, LocalKey>,
    ids: BTreeMap<TargetKey, RemoteId>,
}

impl Work<'_> {
    /// Gives ids to all that will be new.
    fn number(&mut self) {
        for node in self.merged.target.iter() {
            let made = node
                .local_name
                .is_some()
                .then(|| LocalKey(u32::try_from(self.after.number()).unwrap()));
            if let Some(key) = node.local.or(made) {
                self.keys.insert(node.key, key);
            }
            let number = 100 + self.after.number();
            let replaced = match (node.content, &node.remote_name) {
                (Content::FromLocal, Some(_)) => Some(RemoteId::File(file_id(number))),
                (Content::Folder, Some(_)) if node.remote.is_none() => {
                    Some(RemoteId::Folder(folder_id(number)))
                }
                _ => None,
            };
            if let Some(id) = replaced.or(node.remote) {
                self.ids.insert(node.key, id);
            } else {
                assert!(node.remote_name.is_none(), "{node:?}");
            }
        }
    }

    fn bytes(&mut self, node: &TargetNode) {
        match node.content {
            Content::FromRemote => {
                let text = self.before.there[&node.remote.unwrap().file().unwrap()].clone();
                let key = self.keys[&node.key];
                if node.local.is_some() {
                    self.check_overwritten_here(node, key);
                    self.after.case.local.nodes.remove(key);
                }
                self.after.here.insert(key, text);
            }
            Content::FromLocal => {
                let text = self.before.here[&node.local.unwrap()].clone();
                assert!(!text.is_empty(), "{node:?}");
                if let Some(RemoteId::File(old)) = node.remote {
                    self.check_overwritten_there(node, old);
                    self.after.case.remote.nodes.remove(RemoteId::File(old));
                }
                self.after.there.insert(self.ids[&node.key].file().unwrap(), text);
            }
            Content::Folder | Content::Settled => {}
        }
    }

    fn check_overwritten_here(&self, node: &TargetNode, key: LocalKey) {
        let chosen = matches!(node.content_rule, Rule::ConflictPreferRemote | Rule::OneWay);
        let base = node
            .synced
            .and_then(|id| self.before.case.synced.get(id))
            .and_then(SyncedNode::file);
        assert!(
            chosen || base.is_some_and(|base| unchanged_here(self.before, base, key)),
            "{node:?}"
        );
    }

    fn check_overwritten_there(&self, node: &TargetNode, old: crate::id::FileId) {
        let chosen = matches!(node.content_rule, Rule::ConflictPreferLocal | Rule::OneWay);
        let base = node
            .synced
            .and_then(|id| self.before.case.synced.get(id))
            .and_then(SyncedNode::file);
        let hash = Some(hash_of(&self.before.there[&old]));
        assert!(
            chosen || base.is_some_and(|base| base.hash == hash || base.hash.is_none()),
            "{node:?}"
        );
    }

    /// Puts the node where it belongs on each side that is acted on.
    fn place(&mut self, node: &TargetNode) {
        if let Some(name) = &node.local_name {
            let key = self.keys[&node.key];
            let parent = node.parent.map(|above| self.keys[&above]);
            let old = self.after.case.local.nodes.remove(key);
            let (kind, identity) = match (old, node.content) {
                (Some(old), _) => (old.kind, old.identity),
                (None, Content::Folder) => (
                    LocalKind::Folder(LocalContents::Read { others: 0 }),
                    Some(identity(u64::from(key.0), 0)),
                ),
                (None, _) => (self.file_here(key), Some(identity(u64::from(key.0) + 5000, 0))),
            };
            self.after.case.local.nodes.insert(LocalNode {
                key,
                parent,
                name: name.clone(),
                identity,
                ignored: false,
                kind,
            });
        }
        if let Some(name) = &node.remote_name {
            let id = self.ids[&node.key];
            let parent = node.parent.map(|above| self.ids[&above].folder().unwrap());
            let old = self.after.case.remote.nodes.remove(id);
            let kind = match (old, id) {
                (Some(old), _) => old.kind,
                (None, RemoteId::Folder(_)) => RemoteKind::Folder { readable: true },
                (None, RemoteId::File(file)) => {
                    let text = &self.after.there[&file];
                    RemoteKind::File(RemoteFile {
                        size: text.len() as u64,
                        short_url: Some(url(file.get())),
                        hash: None,
                        looks: 1,
                        appeared: None,
                    })
                }
            };
            self.after.case.remote.nodes.insert(RemoteNode {
                id,
                parent,
                name: name.clone(),
                ignored: false,
                kind,
            });
        }
    }

    fn file_here(&self, key: LocalKey) -> LocalKind {
        let text = &self.after.here[&key];
        LocalKind::File(LocalFile {
            size: text.len() as u64,
            stamp: crate::tree::build::stamp_of(text),
            hash: Some(hash_of(text)),
            busy: false,
            unreadable: false,
        })
    }

    /// Agrees on what both sides hold now.
    fn record(&mut self, node: &TargetNode, nodes: &BTreeMap<TargetKey, NodeId>) {
        let (Some(local_name), Some(remote_name)) = (&node.local_name, &node.remote_name) else {
            return;
        };
        let id = nodes[&node.key];
        let entry = self
            .after
            .case
            .local
            .nodes
            .get(self.keys[&node.key])
            .unwrap()
            .clone();
        let row = self
            .after
            .case
            .remote
            .nodes
            .get(self.ids[&node.key])
            .unwrap()
            .clone();
        let old = self.after.case.synced.remove(id);
        let base = old.as_ref().and_then(|old| old.file().cloned());
        let kind = match (row.id, base) {
            (RemoteId::Folder(folder), _) => SyncedKind::Folder(folder),
            (RemoteId::File(file), base) => {
                let (seen, shown) = (entry.file().unwrap(), row.file().unwrap());
                let keeps = node.content == Content::Settled
                    && matches!(
                        node.content_rule,
                        Rule::Unchanged | Rule::EmptiedHere | Rule::OneWay
                    );
                let known = seen.hash.or(shown.hash);
                let hash = if node.content != Content::Settled {
                    Some(hash_of(&self.after.there[&file]))
                } else if node.content_rule == Rule::Refreshed {
                    known.or_else(|| base.as_ref().and_then(|base| base.hash))
                } else {
                    known
                };
                let record = SyncedFile {
                    remote: file,
                    short_url: shown.short_url.clone(),
                    size: seen.size,
                    hash,
                    stamp: Some(seen.stamp),
                };
                SyncedKind::File(if keeps {
                    base.expect("a record to keep")
                } else {
                    record
                })
            }
        };
        if let Some(old) = &old {
            self.after.case.remote.gone.remove(&old.remote());
        }
        self.after.case.synced.insert(SyncedNode {
            id,
            parent: node.parent.map(|above| nodes[&above]),
            remote_name: remote_name.clone(),
            local_name: local_name.clone(),
            identity: entry.identity,
            standing: Standing::Agreed,
            kind,
        });
    }
}
