//! What the tests of this crate share: a folder for a journal, and small values.

use std::path::Path;

use planner::content::{ContentHash, Stamp};
use planner::hold::Side;
use planner::id::{FileId, FolderId, LocalIdentity, NodeId, ShortUrl};
use planner::name::{LocalName, RemoteName};
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode};

use crate::history::HistoryEntry;
use crate::journal::Journal;

/// A state folder that ends with the test.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(self.path()).unwrap()
    }
}

/// A synced file of this node id.
pub(crate) fn file(id: u64, parent: Option<u64>) -> SyncedNode {
    SyncedNode {
        kind: SyncedKind::File(SyncedFile {
            remote: FileId::new(1_000 + id).unwrap(),
            short_url: Some(ShortUrl(format!("u{id}").into())),
            size: id,
            hash: Some(ContentHash([7; 32])),
            stamp: Some(Stamp {
                mtime_ns: 5,
                ctime_ns: -6,
            }),
        }),
        ..folder(id, parent)
    }
}

/// A synced folder of this node id.
pub(crate) fn folder(id: u64, parent: Option<u64>) -> SyncedNode {
    SyncedNode {
        id: NodeId(id),
        parent: parent.map(NodeId),
        remote_name: RemoteName::new(format!("r{id}")),
        local_name: LocalName::new(format!("l{id}")).unwrap(),
        identity: Some(LocalIdentity {
            device: 3,
            inode: u64::MAX - id,
            birth_ns: Some(9),
        }),
        standing: Standing::Agreed,
        kind: SyncedKind::Folder(FolderId::new(2_000 + id).unwrap()),
    }
}

/// A line of history that deletes so many files.
pub(crate) fn deletion(at: i64, side: Side, files: u64) -> HistoryEntry {
    HistoryEntry {
        at,
        pass: 1,
        side,
        action: "trash".into(),
        path: "a".into(),
        to: None,
        bytes: None,
        reason: "deleted on the other side".into(),
        allowed_by: None,
        deleted_files: files,
    }
}
