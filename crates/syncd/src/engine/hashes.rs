//! What is known of the bytes of files here: it spares a scan the reading of them (design S12).
//!
//! A synced file's hash is in its record, and is only pointed at from here. Never here: a hash by a path alone, or of a version
//! that stamps do not tell.

use std::collections::BTreeMap;

use planner::content::{ContentHash, Stamp};
use planner::id::{LocalIdentity, NodeId};
use planner::tree::{LocalNode, SyncedFile, SyncedNode, SyncedTree};
use state::{Journal, JournalError, LocalVersion};

use super::open::{Halt, Session};
use crate::local::scan::KnownHashes;

/// Where hashes are: of records, and of files hashed before that have none yet.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    unsynced: BTreeMap<LocalVersion, ContentHash>,
    /// Records of files, by inode: which may be another's by now, so that the record has the last word.
    records: BTreeMap<u64, NodeId>,
}

/// They, with the records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    hashes: &'a Hashes,
    synced: &'a SyncedTree,
}

impl KnownHashes for Known<'_> {
    fn hash(&self, identity: Option<&LocalIdentity>, size: u64, stamp: Stamp) -> Option<ContentHash> {
        // A path alone says nothing of who wrote there since: without an identity the file is hashed again.
        let identity = identity?;
        let recorded = self.record(identity, size, stamp).and_then(|file| file.hash);
        recorded.or_else(|| {
            let version = LocalVersion {
                device: identity.device,
                inode: identity.inode,
                size,
                stamp,
            };
            self.hashes.unsynced.get(&version).copied()
        })
    }
}

impl Known<'_> {
    /// The record of just this version.
    fn record(&self, identity: &LocalIdentity, size: u64, stamp: Stamp) -> Option<&SyncedFile> {
        let node = self.synced.get(*self.hashes.records.get(&identity.inode)?)?;
        let same = |said: &LocalIdentity| (said.device, said.inode) == (identity.device, identity.inode);
        node.file().filter(|file| {
            node.identity.as_ref().is_some_and(same) && file.size == size && file.stamp == Some(stamp)
        })
    }

    /// Whether this is a version on record that nobody has read yet (`first_merge = "size"`): its times are all that is known of
    /// it.
    pub(super) fn is_unread(&self, node: &LocalNode) -> bool {
        let (Some(identity), Some(file)) = (&node.identity, node.file()) else {
            return false;
        };
        let recorded = self.record(identity, file.size, file.stamp);
        recorded.is_some_and(|file| file.hash.is_none())
    }
}

impl Hashes {
    /// With the records that they point at.
    pub(crate) const fn with<'a>(&'a self, synced: &'a SyncedTree) -> Known<'a> {
        Known { hashes: self, synced }
    }

    /// Takes in records by now.
    pub(super) fn learn(&mut self, pointers: Vec<Pointer>) {
        let pointers = pointers.into_iter();
        self.records
            .extend(pointers.map(|Pointer(inode, id)| (inode, id)));
    }
}

/// To a file's record, by its inode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer(u64, NodeId);

impl Pointer {
    /// To this record, if it is of a file that the disk can tell from others.
    pub(super) fn to(node: &SyncedNode) -> Option<Self> {
        node.file()?;
        Some(Self(node.identity?.inode, node.id))
    }
}

/// The hashes that spare a scan the reading of files.
pub(crate) fn known_hashes(session: &Session) -> Result<Hashes, Halt> {
    hashes(&session.journal, &session.synced).map_err(|error| session.broken(&error))
}

/// The same, of a journal and its records.
pub(crate) fn hashes(journal: &Journal, synced: &SyncedTree) -> Result<Hashes, JournalError> {
    Ok(Hashes {
        unsynced: journal.local_hashes()?,
        records: synced
            .iter()
            .filter_map(Pointer::to)
            .map(|Pointer(inode, id)| (inode, id))
            .collect(),
    })
}
