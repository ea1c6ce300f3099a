//! Where in the account each row was seen last. There are as many as there are rows, so files and folders are held apart: an id
//! that says which it is takes twice the place.

use std::collections::BTreeMap;

use planner::id::{FileId, FolderId, RemoteId};
use planner::tree::pack;

/// A folder; `None`: the pair's root.
type Home = Option<FolderId>;

/// The folder of each row.
#[derive(Clone, Debug, Default)]
pub(super) struct Homes {
    files: BTreeMap<FileId, Home>,
    folders: BTreeMap<FolderId, Home>,
}

impl Homes {
    /// Where this is.
    pub(super) fn get(&self, id: RemoteId) -> Option<Home> {
        match id {
            RemoteId::File(id) => self.files.get(&id).copied(),
            RemoteId::Folder(id) => self.folders.get(&id).copied(),
        }
    }

    /// This is there. Answers where it was.
    pub(super) fn insert(&mut self, id: RemoteId, home: Home) -> Option<Home> {
        match id {
            RemoteId::File(id) => self.files.insert(id, home),
            RemoteId::Folder(id) => self.folders.insert(id, home),
        }
    }

    /// This is nowhere.
    pub(super) fn remove(&mut self, id: RemoteId) {
        match id {
            RemoteId::File(id) => drop(self.files.remove(&id)),
            RemoteId::Folder(id) => drop(self.folders.remove(&id)),
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.files.len().saturating_add(self.folders.len())
    }
}

impl FromIterator<(RemoteId, Home)> for Homes {
    fn from_iter<T: IntoIterator<Item = (RemoteId, Home)>>(rows: T) -> Self {
        let mut homes = Self::default();
        for (id, home) in rows {
            homes.insert(id, home);
        }
        pack(&mut homes.files);
        pack(&mut homes.folders);
        homes
    }
}
