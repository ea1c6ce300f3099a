//! Where each recorded node is on this disk now: at its place, elsewhere, not there, or not to be seen. Pure.
//!
//! Simpler than the merge's own search, for it decides nothing: a node is at its place if there is an entry of its kind,
//! and elsewhere only if its identity is. Never here: a node called missing whose folder was not read.

use std::collections::BTreeMap;

use planner::id::{LocalIdentity, LocalKey, NodeId};
use planner::tree::{LocalContents, LocalKind, LocalNode, LocalTree, SyncedNode, SyncedTree};

/// Where a recorded node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// In its folder under its name.
    There(LocalKey),
    /// Under another name, or in another folder.
    Elsewhere(LocalKey),
    /// Not there, and its folder was read.
    Missing,
    /// Its folder could not be read.
    Hidden,
    /// A rule ignores what it is in.
    Ignored,
}

impl Place {
    /// The entry that it is.
    pub(crate) const fn entry(self) -> Option<LocalKey> {
        match self {
            Self::There(key) | Self::Elsewhere(key) => Some(key),
            Self::Missing | Self::Hidden | Self::Ignored => None,
        }
    }
}

/// All recorded nodes that hang together from the root, folders before what is in them, each with its place.
pub(crate) fn whereabouts(synced: &SyncedTree, disk: &LocalTree) -> Vec<(NodeId, Place)> {
    let by_identity: BTreeMap<LocalIdentity, LocalKey> = disk
        .nodes
        .iter()
        .filter_map(|node| Some((node.identity?, node.key)))
        .collect();
    let mut found: Vec<(NodeId, Place)> = Vec::new();
    let mut open: Vec<(Option<NodeId>, Inside)> = vec![(None, Inside::root(disk))];
    while let Some((folder, inside)) = open.pop() {
        for node in synced.children(folder) {
            let place = place(node, inside, disk, &by_identity);
            found.push((node.id, place));
            if node.file().is_none() {
                open.push((Some(node.id), Inside::of(place, disk)));
            }
        }
    }
    found
}

/// The inside of a recorded folder.
#[derive(Clone, Copy)]
enum Inside {
    /// Read; `None` is the root.
    Read(Option<LocalKey>),
    /// There is no such folder.
    Nowhere,
    Hidden,
    Ignored,
}

impl Inside {
    const fn root(disk: &LocalTree) -> Self {
        if disk.root_hidden {
            Self::Hidden
        } else {
            Self::Read(None)
        }
    }

    fn of(place: Place, disk: &LocalTree) -> Self {
        match place {
            Place::Missing => Self::Nowhere,
            Place::Hidden => Self::Hidden,
            Place::Ignored => Self::Ignored,
            Place::There(key) | Place::Elsewhere(key) => match disk.nodes.get(key) {
                Some(node) if node.ignored => Self::Ignored,
                Some(node) if matches!(node.kind, LocalKind::Folder(LocalContents::Read { .. })) => {
                    Self::Read(Some(key))
                }
                Some(_) | None => Self::Hidden,
            },
        }
    }
}

fn place(
    node: &SyncedNode,
    inside: Inside,
    disk: &LocalTree,
    by_identity: &BTreeMap<LocalIdentity, LocalKey>,
) -> Place {
    let fits = |entry: &LocalNode| match &entry.kind {
        LocalKind::File(_) => node.file().is_some(),
        LocalKind::Folder(_) => node.file().is_none(),
        LocalKind::Other(_) => false,
    };
    let there = match inside {
        Inside::Read(folder) => disk
            .nodes
            .children(folder)
            .find(|entry| entry.name == node.local_name),
        Inside::Nowhere | Inside::Hidden | Inside::Ignored => None,
    };
    if let Some(entry) = there.filter(|entry| fits(entry)) {
        return Place::There(entry.key);
    }
    let elsewhere = node.identity.and_then(|identity| by_identity.get(&identity));
    let elsewhere = elsewhere.and_then(|key| disk.nodes.get(*key));
    match (elsewhere.filter(|entry| fits(entry)), inside) {
        (Some(entry), _) => Place::Elsewhere(entry.key),
        (None, Inside::Read(_) | Inside::Nowhere) => Place::Missing,
        (None, Inside::Hidden) => Place::Hidden,
        (None, Inside::Ignored) => Place::Ignored,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use planner::content::{ContentHash, Stamp};
    use planner::id::{FileId, FolderId};
    use planner::name::{LocalName, RemoteName};
    use planner::tree::{LocalFile, Standing, SyncedFile, SyncedKind};

    use super::*;

    /// A hash told by one byte.
    pub(crate) const fn hash(byte: u8) -> ContentHash {
        ContentHash([byte; 32])
    }

    pub(crate) const STAMP: Stamp = Stamp {
        mtime_ns: 1,
        ctime_ns: 1,
    };

    fn identity(inode: u64) -> LocalIdentity {
        LocalIdentity {
            device: 1,
            inode,
            birth_ns: Some(1),
        }
    }

    /// A record whose id is also its inode and the id in the account; with bytes it is a file.
    pub(crate) fn record(id: u64, parent: Option<u64>, name: &str, bytes: Option<u8>) -> SyncedNode {
        let file = |byte| SyncedFile {
            remote: FileId::new(id).unwrap(),
            short_url: None,
            size: 3,
            hash: Some(hash(byte)),
            stamp: Some(STAMP),
        };
        SyncedNode {
            id: NodeId(id),
            parent: parent.map(NodeId),
            remote_name: RemoteName::new(name),
            local_name: LocalName::new(name).unwrap(),
            identity: Some(identity(id)),
            standing: Standing::Agreed,
            kind: bytes.map_or_else(
                || SyncedKind::Folder(FolderId::new(id).unwrap()),
                |byte| SyncedKind::File(file(byte)),
            ),
        }
    }

    /// An entry of the disk; with bytes it is a file.
    pub(crate) fn entry(
        key: u32,
        inode: u64,
        parent: Option<u32>,
        name: &str,
        bytes: Option<u8>,
    ) -> LocalNode {
        let file = |byte| LocalFile {
            size: 3,
            stamp: STAMP,
            hash: Some(hash(byte)),
            busy: false,
            unreadable: false,
        };
        LocalNode {
            key: LocalKey(key),
            parent: parent.map(LocalKey),
            name: LocalName::new(name).unwrap(),
            identity: Some(identity(inode)),
            ignored: false,
            kind: bytes.map_or(LocalKind::Folder(LocalContents::Read { others: 0 }), |byte| {
                LocalKind::File(file(byte))
            }),
        }
    }

    pub(crate) fn disk(nodes: Vec<LocalNode>) -> LocalTree {
        let mut disk = LocalTree::default();
        for node in nodes {
            disk.nodes.insert(node);
        }
        disk
    }

    pub(crate) fn records(nodes: Vec<SyncedNode>) -> SyncedTree {
        let mut records = SyncedTree::default();
        for node in nodes {
            records.insert(node);
        }
        records
    }

    fn found(synced: &SyncedTree, disk: &LocalTree) -> BTreeMap<u64, Place> {
        let found = whereabouts(synced, disk);
        found.into_iter().map(|(id, place)| (id.0, place)).collect()
    }

    fn docs_and_a() -> SyncedTree {
        records(vec![
            record(1, None, "docs", None),
            record(2, Some(1), "a", Some(7)),
        ])
    }

    #[test]
    fn what_is_in_a_renamed_folder_is_where_it_was_in_it() {
        let disk = disk(vec![
            entry(0, 1, None, "papers", None),
            entry(1, 9, Some(0), "a", Some(7)),
        ]);
        let found = found(&docs_and_a(), &disk);
        assert_eq!(found[&1], Place::Elsewhere(LocalKey(0)));
        assert_eq!(found[&2], Place::There(LocalKey(1)));
    }

    #[test]
    fn what_is_in_a_folder_that_is_not_there_is_missing_unless_it_is_elsewhere() {
        let synced = records(vec![
            record(1, None, "docs", None),
            record(2, Some(1), "a", Some(7)),
            record(3, Some(1), "b", Some(8)),
        ]);
        let disk = disk(vec![entry(0, 3, None, "b", Some(8))]);
        let found = found(&synced, &disk);
        assert_eq!(found[&1], Place::Missing);
        assert_eq!(found[&2], Place::Missing);
        assert_eq!(found[&3], Place::Elsewhere(LocalKey(0)));
    }

    #[test]
    fn what_is_in_a_folder_that_was_not_read_is_not_missing() {
        let mut shut = entry(0, 1, None, "docs", None);
        shut.kind = LocalKind::Folder(LocalContents::Hidden);
        let ignored = LocalNode {
            ignored: true,
            ..shut.clone()
        };
        assert_eq!(found(&docs_and_a(), &disk(vec![shut]))[&2], Place::Hidden);
        assert_eq!(found(&docs_and_a(), &disk(vec![ignored]))[&2], Place::Ignored);
        let mut hidden = disk(Vec::new());
        hidden.root_hidden = true;
        assert_eq!(found(&docs_and_a(), &hidden)[&1], Place::Hidden);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_not_the_folder() {
        let disk = disk(vec![entry(0, 9, None, "docs", Some(1))]);
        assert_eq!(found(&docs_and_a(), &disk)[&1], Place::Missing);
    }
}
