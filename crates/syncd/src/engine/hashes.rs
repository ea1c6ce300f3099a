//! What is known of the bytes of files here: it spares a scan the reading of them (design S12).
//!
//! Never here: a hash by a path alone, or of a version that stamps do not tell.

use std::collections::{BTreeMap, BTreeSet};

use planner::content::{ContentHash, Stamp};
use planner::id::LocalIdentity;
use planner::path::RelPath;
use planner::tree::{LocalNode, SyncedNode, SyncedTree};
use state::{Journal, JournalError, LocalVersion};

use super::open::{Halt, Session};
use crate::local::scan::KnownHashes;

/// What is known of bytes on this disk: of records, and of files hashed before that have none yet.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    by_version: BTreeMap<LocalVersion, ContentHash>,
    /// Versions on record that nobody has read (`first_merge = "size"`): their times are all that is known of them.
    unread: BTreeSet<LocalVersion>,
}

impl KnownHashes for Hashes {
    fn hash(
        &self,
        _path: &RelPath,
        identity: Option<&LocalIdentity>,
        size: u64,
        stamp: Stamp,
    ) -> Option<ContentHash> {
        // A path alone says nothing of who wrote there since: without an identity the file is hashed again.
        self.by_version
            .get(&local_version(identity?, size, stamp))
            .copied()
    }
}

impl Hashes {
    /// Takes in what is on record of a file by now.
    pub(super) fn learn(&mut self, node: &SyncedNode) {
        let (Some(identity), Some(file)) = (&node.identity, node.file()) else {
            return;
        };
        let Some(stamp) = file.stamp else { return };
        let version = local_version(identity, file.size, stamp);
        match file.hash {
            Some(hash) => drop(self.by_version.insert(version, hash)),
            None => drop(self.unread.insert(version)),
        }
    }

    /// Whether this is a version on record that nobody has read yet.
    pub(super) fn is_unread(&self, node: &LocalNode) -> bool {
        let (Some(identity), Some(file)) = (&node.identity, node.file()) else {
            return false;
        };
        self.unread
            .contains(&local_version(identity, file.size, file.stamp))
    }
}

const fn local_version(identity: &LocalIdentity, size: u64, stamp: Stamp) -> LocalVersion {
    LocalVersion {
        device: identity.device,
        inode: identity.inode,
        size,
        stamp,
    }
}

/// The hashes that spare a scan the reading of files.
pub(crate) fn known_hashes(session: &Session) -> Result<Hashes, Halt> {
    hashes(&session.journal, &session.synced).map_err(|error| session.broken(&error))
}

/// The same, of a journal and its records.
pub(crate) fn hashes(journal: &Journal, synced: &SyncedTree) -> Result<Hashes, JournalError> {
    let mut hashes = Hashes {
        by_version: journal.local_hashes()?,
        unread: BTreeSet::new(),
    };
    for node in synced.iter() {
        hashes.learn(node);
    }
    Ok(hashes)
}
