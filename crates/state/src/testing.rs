//! What the tests of this crate share: a folder for a journal, and small values.

use std::collections::BTreeMap;
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

    /// Opens the journal for one thing and closes it.
    pub(crate) fn open_once<T>(&self, work: impl FnOnce(&mut Journal) -> T) -> T {
        work(&mut self.open())
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

/// Every file of a folder but the lock, by name.
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "lock")
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// What a kill at this moment would leave on the disk: the files as they are while the journal is open.
pub(crate) fn killed(home: &Home) -> Home {
    let copy = Home::new();
    for (name, bytes) in contents(home.path()) {
        std::fs::write(copy.path().join(name), bytes).unwrap();
    }
    copy
}
