//! From a finished step to what the journal may say now. Pure.
//!
//! A record is written only for what the step settled (see [`Settles`]) and only from facts: what the disk or the
//! account answered, or what this pass saw. A pass that ends early therefore leaves every record true.

use std::collections::BTreeMap;

use planner::content::{ContentHash, Stamp};
use planner::id::{FileId, FolderId, LocalIdentity, LocalKey, NodeId, RemoteId, ShortUrl, TargetKey};
use planner::merge::{Content, Target, TargetNode};
use planner::name::{LocalName, RemoteName};
use planner::transition::Settles;
use planner::tree::{LocalTree, RemoteTree, Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};

/// What the disk answered to a step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct LocalFacts {
    /// The name as the disk stored it (design N4).
    pub(crate) name: Option<LocalName>,
    /// What the entry is.
    pub(crate) identity: Option<LocalIdentity>,
    /// Its bytes.
    pub(crate) size: Option<u64>,
    /// Its times, if they may be trusted (design S12).
    pub(crate) stamp: Option<Stamp>,
}

/// What the account answered to a step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RemoteFacts {
    /// The id of a file it made or changed.
    pub(crate) file: Option<FileId>,
    /// The id of a folder it made.
    pub(crate) folder: Option<FolderId>,
    /// The name as the server stored it.
    pub(crate) name: Option<RemoteName>,
    /// The server's second name of the version.
    pub(crate) short_url: Option<ShortUrl>,
    /// Uploaded just now: no listing has shown it yet.
    pub(crate) uploaded: bool,
}

/// Everything that a finished step brought to light.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Facts {
    /// From the disk; `None` if the step did nothing there.
    pub(crate) local: Option<LocalFacts>,
    /// From the account; `None` if the step did nothing there.
    pub(crate) remote: Option<RemoteFacts>,
    /// BLAKE3 of the bytes that were moved.
    pub(crate) hash: Option<ContentHash>,
}

/// What a pass knows when it records.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The records as they are now.
    pub(crate) synced: &'a SyncedTree,
    /// The scan the plan was made from.
    pub(crate) local: &'a LocalTree,
    /// The walk the plan was made from.
    pub(crate) remote: &'a RemoteTree,
    /// The plan's target.
    pub(crate) target: &'a Target,
    /// Stamps of files hashed in this pass that may be trusted.
    pub(crate) trusted: &'a BTreeMap<LocalKey, Stamp>,
    /// Records of target nodes, as far as there are any.
    pub(crate) nodes: &'a BTreeMap<TargetKey, NodeId>,
}

/// The record after a step, or `None` if it cannot be made: a parent without a record, or a node that lacks a side.
pub(crate) fn record(
    known: Known<'_>,
    node: TargetKey,
    settles: Settles,
    facts: &Facts,
    id: NodeId,
) -> Option<SyncedNode> {
    let target = known.target.get(node)?;
    let base = known.nodes.get(&node).and_then(|id| known.synced.get(*id));
    let fresh = base.is_none();
    let mut record = match base {
        Some(base) => base.clone(),
        None => blank(known, target, facts, id)?,
    };
    if settles.place || fresh {
        record.parent = match target.parent {
            Some(parent) => Some(*known.nodes.get(&parent)?),
            None => None,
        };
        record.local_name = local_name(target, facts).or(target.local_name.clone())?;
        record.remote_name = remote_name(facts).or(target.remote_name.clone())?;
    }
    if let Some(identity) = identity(known, target, facts) {
        record.identity = Some(identity);
    }
    if settles.content || fresh {
        record.kind = kind(known, target, facts, &record.kind)?;
    }
    refresh(known, target, facts, settles.content || fresh, &mut record);
    if facts.remote.as_ref().is_some_and(|remote| remote.uploaded) {
        record.standing = Standing::Published;
    }
    Some(record)
}

/// A new record's ground: names and ids, to be filled by what was settled.
fn blank(known: Known<'_>, target: &TargetNode, facts: &Facts, id: NodeId) -> Option<SyncedNode> {
    let local_name = local_name(target, facts).or(target.local_name.clone())?;
    let remote_name = remote_name(facts).or(target.remote_name.clone())?;
    let folder = facts
        .remote
        .as_ref()
        .and_then(|remote| remote.folder)
        .or(target.remote.and_then(RemoteId::folder));
    let kind = match target.content {
        Content::Folder => SyncedKind::Folder(folder?),
        Content::Settled | Content::FromLocal | Content::FromRemote => SyncedKind::File(SyncedFile {
            remote: remote_file(target, facts, None)?,
            short_url: None,
            size: 0,
            hash: None,
            stamp: None,
        }),
    };
    let identity = identity(known, target, facts);
    Some(SyncedNode {
        id,
        parent: None,
        remote_name,
        local_name,
        identity,
        standing: Standing::Agreed,
        kind,
    })
}

fn local_name(_target: &TargetNode, facts: &Facts) -> Option<LocalName> {
    facts.local.as_ref().and_then(|local| local.name.clone())
}

fn remote_name(facts: &Facts) -> Option<RemoteName> {
    facts.remote.as_ref().and_then(|remote| remote.name.clone())
}

fn remote_file(target: &TargetNode, facts: &Facts, base: Option<&SyncedFile>) -> Option<FileId> {
    facts
        .remote
        .as_ref()
        .and_then(|remote| remote.file)
        .or(target.remote.and_then(RemoteId::file))
        .or(base.map(|base| base.remote))
}

fn identity(known: Known<'_>, target: &TargetNode, facts: &Facts) -> Option<LocalIdentity> {
    let told = facts.local.as_ref().and_then(|local| local.identity);
    told.or_else(|| known.local.nodes.get(target.local?)?.identity)
}

/// The version that both sides hold now.
fn kind(known: Known<'_>, target: &TargetNode, facts: &Facts, base: &SyncedKind) -> Option<SyncedKind> {
    let base = match base {
        SyncedKind::Folder(id) => {
            let made = facts.remote.as_ref().and_then(|remote| remote.folder);
            return Some(SyncedKind::Folder(
                made.or(target.remote.and_then(RemoteId::folder)).unwrap_or(*id),
            ));
        }
        SyncedKind::File(base) => base,
    };
    let row = target
        .remote
        .and_then(|id| known.remote.nodes.get(id))
        .and_then(|node| node.file());
    let entry = target
        .local
        .and_then(|key| known.local.nodes.get(key))
        .and_then(|node| node.file());
    let remote = remote_file(target, facts, Some(base))?;
    let told = facts.remote.as_ref().and_then(|remote| remote.short_url.clone());
    let of_row = row
        .filter(|_| target.remote == Some(RemoteId::File(remote)))
        .and_then(|row| row.short_url.clone());
    let of_base = (base.remote == remote).then(|| base.short_url.clone()).flatten();
    let size = match target.content {
        Content::FromRemote => row.map(|row| row.size),
        Content::Settled => row.map(|row| row.size).or(entry.map(|entry| entry.size)),
        Content::FromLocal | Content::Folder => entry.map(|entry| entry.size),
    };
    let size = facts.local.as_ref().and_then(|local| local.size).or(size)?;
    let seen = row
        .and_then(|row| row.hash)
        .or(entry.and_then(|entry| entry.hash));
    Some(SyncedKind::File(SyncedFile {
        remote,
        short_url: told.or(of_row).or(of_base),
        size,
        hash: facts.hash.or(seen).or_else(|| unchanged_hash(base, remote, size)),
        stamp: base.stamp,
    }))
}

/// A hash survives only with the version it belongs to.
fn unchanged_hash(base: &SyncedFile, remote: FileId, size: u64) -> Option<ContentHash> {
    (base.remote == remote && base.size == size)
        .then_some(base.hash)
        .flatten()
}

/// The stamps by which the file is known to hold the recorded bytes: those the step told, or those of a hash taken in
/// this pass that came out as recorded. A step that touched the file without telling leaves none.
fn refresh(known: Known<'_>, target: &TargetNode, facts: &Facts, content: bool, record: &mut SyncedNode) {
    let SyncedKind::File(file) = &mut record.kind else {
        return;
    };
    if let Some(local) = &facts.local {
        file.stamp = local.stamp;
        return;
    }
    let Some(entry) = target
        .local
        .and_then(|key| known.local.nodes.get(key))
        .and_then(|node| node.file())
    else {
        return;
    };
    if Some(entry.stamp) == file.stamp && !content {
        return;
    }
    let hashed_as_recorded = entry.hash.is_some() && entry.hash == file.hash;
    let believed_by_size = file.hash.is_none() && entry.size == file.size;
    // The sender compared the stamps before the first and after the last byte with those of the scan.
    let sent_as_recorded =
        content && target.content == Content::FromLocal && facts.hash.is_some() && facts.hash == file.hash;
    let trusted = target.local.and_then(|key| known.trusted.get(&key)).copied();
    if hashed_as_recorded || believed_by_size || sent_as_recorded {
        file.stamp = trusted.filter(|stamp| *stamp == entry.stamp);
    }
}

#[cfg(test)]
mod tests {
    use planner::rule::Rule;
    use planner::tree::{LocalFile, LocalKind, LocalNode, RemoteFile, RemoteKind, RemoteNode};

    use super::*;

    const OLD: Stamp = Stamp {
        mtime_ns: 1,
        ctime_ns: 1,
    };
    const NEW: Stamp = Stamp {
        mtime_ns: 2,
        ctime_ns: 2,
    };

    fn hash(byte: u8) -> ContentHash {
        ContentHash([byte; 32])
    }

    fn file_id(id: u64) -> FileId {
        FileId::new(id).unwrap()
    }

    /// One synced file (node 1, file 7, bytes 1) in the root of a pair, and what became of it.
    struct World {
        synced: SyncedTree,
        local: LocalTree,
        remote: RemoteTree,
        target: Target,
        trusted: BTreeMap<LocalKey, Stamp>,
        nodes: BTreeMap<TargetKey, NodeId>,
    }

    impl World {
        fn new(entry_stamp: Stamp, entry_hash: Option<ContentHash>, content: Content) -> Self {
            let mut world = Self {
                synced: SyncedTree::default(),
                local: LocalTree::default(),
                remote: RemoteTree::default(),
                target: Target::default(),
                trusted: BTreeMap::from([(LocalKey(1), entry_stamp)]),
                nodes: BTreeMap::from([(TargetKey(1), NodeId(1))]),
            };
            world.synced.insert(SyncedNode {
                id: NodeId(1),
                parent: None,
                remote_name: RemoteName::new("a"),
                local_name: LocalName::new("a").unwrap(),
                identity: None,
                standing: Standing::Agreed,
                kind: SyncedKind::File(SyncedFile {
                    remote: file_id(7),
                    short_url: None,
                    size: 3,
                    hash: Some(hash(1)),
                    stamp: Some(OLD),
                }),
            });
            let file = LocalFile {
                size: 3,
                stamp: entry_stamp,
                hash: entry_hash,
                busy: false,
                unreadable: false,
            };
            world.local.nodes.insert(LocalNode {
                key: LocalKey(1),
                parent: None,
                name: LocalName::new("a").unwrap(),
                identity: None,
                ignored: false,
                kind: LocalKind::File(file),
            });
            let row = RemoteFile {
                size: 3,
                short_url: None,
                hash: Some(hash(1)),
                looks: 1,
                appeared: None,
            };
            world.remote.nodes.insert(RemoteNode {
                id: RemoteId::File(file_id(7)),
                parent: None,
                name: RemoteName::new("a"),
                ignored: false,
                kind: RemoteKind::File(row),
            });
            world.target.insert(TargetNode {
                key: TargetKey(1),
                parent: None,
                synced: Some(NodeId(1)),
                local: Some(LocalKey(1)),
                remote: Some(RemoteId::File(file_id(7))),
                local_name: LocalName::new("b"),
                remote_name: Some(RemoteName::new("b")),
                content,
                place_rule: Rule::MovedThere,
                content_rule: Rule::Unchanged,
            });
            world
        }

        fn record(&self, settles: Settles, facts: &Facts) -> SyncedNode {
            let known = Known {
                synced: &self.synced,
                local: &self.local,
                remote: &self.remote,
                target: &self.target,
                trusted: &self.trusted,
                nodes: &self.nodes,
            };
            record(known, TargetKey(1), settles, facts, NodeId(1)).unwrap()
        }
    }

    const PLACE: Settles = Settles {
        place: true,
        content: false,
    };
    const CONTENT: Settles = Settles {
        place: false,
        content: true,
    };

    fn file(node: &SyncedNode) -> &SyncedFile {
        node.file().unwrap()
    }

    #[test]
    fn a_rename_of_an_edited_file_leaves_no_stamp_that_would_hide_the_edit() {
        let world = World::new(NEW, None, Content::FromLocal);
        // The disk's side tells no stamp for bytes that are not those on record.
        let facts = Facts {
            local: Some(LocalFacts {
                name: LocalName::new("b"),
                ..LocalFacts::default()
            }),
            ..Facts::default()
        };
        let node = world.record(PLACE, &facts);
        assert_eq!(node.local_name.as_str(), "b");
        assert_eq!((file(&node).stamp, file(&node).hash), (None, Some(hash(1))));
    }

    #[test]
    fn a_file_that_was_sent_is_known_by_the_stamps_the_sender_compared() {
        let world = World::new(NEW, None, Content::FromLocal);
        let sent = RemoteFacts {
            file: Some(file_id(9)),
            uploaded: true,
            ..RemoteFacts::default()
        };
        let facts = Facts {
            local: None,
            remote: Some(sent),
            hash: Some(hash(2)),
        };
        let node = world.record(CONTENT, &facts);
        assert_eq!(
            (file(&node).remote, file(&node).hash, file(&node).stamp),
            (file_id(9), Some(hash(2)), Some(NEW))
        );
        assert_eq!(node.standing, Standing::Published);
    }

    #[test]
    fn a_stamp_too_young_to_be_trusted_is_not_recorded() {
        let mut world = World::new(NEW, Some(hash(1)), Content::Settled);
        world.trusted.clear();
        let node = world.record(CONTENT, &Facts::default());
        assert_eq!((file(&node).hash, file(&node).stamp), (Some(hash(1)), None));
    }

    #[test]
    fn a_touched_file_of_equal_bytes_gets_its_new_stamp() {
        let world = World::new(NEW, Some(hash(1)), Content::Settled);
        let node = world.record(CONTENT, &Facts::default());
        assert_eq!((file(&node).hash, file(&node).stamp), (Some(hash(1)), Some(NEW)));
    }

    #[test]
    fn a_hash_does_not_outlive_its_version() {
        let mut world = World::new(NEW, None, Content::Settled);
        let id = RemoteId::File(file_id(7));
        let row = world.remote.nodes.get(id).unwrap().clone();
        let edited = RemoteFile {
            size: 4,
            hash: None,
            ..row.file().unwrap().clone()
        };
        world.remote.nodes.insert(RemoteNode {
            kind: RemoteKind::File(edited),
            ..row
        });
        let node = world.record(CONTENT, &Facts::default());
        assert_eq!((file(&node).size, file(&node).hash), (4, None));
    }

    #[test]
    fn nothing_is_recorded_in_a_folder_that_has_no_record() {
        let mut world = World::new(OLD, None, Content::Settled);
        let orphan = TargetNode {
            parent: Some(TargetKey(5)),
            ..world.target.get(TargetKey(1)).unwrap().clone()
        };
        world.target.insert(orphan);
        let known = Known {
            synced: &world.synced,
            local: &world.local,
            remote: &world.remote,
            target: &world.target,
            trusted: &world.trusted,
            nodes: &world.nodes,
        };
        assert_eq!(
            record(known, TargetKey(1), PLACE, &Facts::default(), NodeId(1)),
            None
        );
    }
}
