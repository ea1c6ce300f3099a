//! The account's rows: folders, files, tokens, links. Plain data; rows are never removed, ids never used again.
//!
//! Nothing here knows a dialect. Walks visit each folder once, so a ring ends them instead of hanging them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::names;

/// State of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    /// Live.
    Active,
    /// Recoverable.
    Trash,
    /// Purged; only the row is left.
    Deleted,
}

impl RowState {
    /// As the API says it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Trash => "trash",
            Self::Deleted => "deleted",
        }
    }
}

/// Where a row lies: none is the root, 0 is limbo (in no listing).
pub(super) type Place = Option<u64>;

/// A file's row.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) id: u64,
    pub(super) folder: Place,
    pub(super) name: Vec<u8>,
    /// Its collation key; kept by [`Store::rename_file`].
    pub(super) key: String,
    pub(super) extension: String,
    pub(super) mime: &'static str,
    pub(super) state: RowState,
    pub(super) content: Bytes,
    pub(super) uploaded: u64,
    pub(super) accessed: Option<u64>,
    pub(super) downloads: u64,
}

/// What a new file needs; the rest is made.
pub(super) struct NewFile {
    pub(super) folder: Place,
    pub(super) name: Vec<u8>,
    pub(super) extension: String,
    pub(super) mime: &'static str,
    pub(super) content: Bytes,
}

/// A folder's row.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) id: u64,
    pub(super) parent: Place,
    pub(super) name: Vec<u8>,
    /// Its collation key; kept by [`Store::rename_folder`].
    pub(super) key: String,
    pub(super) state: RowState,
    pub(super) public: u64,
    pub(super) added: u64,
    /// When its own row last changed.
    pub(super) updated: Option<u64>,
    /// When something directly in it last changed.
    pub(super) touched: Option<u64>,
}

/// Rows with their paths from the root, in order of path.
pub(super) type Paths<'a, T> = Vec<(String, &'a T)>;

/// Everything the account holds.
#[derive(Debug, Default)]
pub(super) struct Store {
    files: BTreeMap<u64, File>,
    folders: BTreeMap<u64, Folder>,
    files_in: BTreeMap<Place, BTreeSet<u64>>,
    folders_in: BTreeMap<Place, BTreeSet<u64>>,
    /// Tokens with the time of their last use; one that was never used does not end.
    pub(super) tokens: BTreeMap<String, Option<u64>>,
    /// Download links: file, and when it was made.
    pub(super) links: BTreeMap<String, (u64, u64)>,
}

fn relocate(index: &mut BTreeMap<Place, BTreeSet<u64>>, id: u64, from: Place, to: Place) {
    if let Some(ids) = index.get_mut(&from) {
        ids.remove(&id);
    }
    index.entry(to).or_default().insert(id);
}

impl Store {
    /// A file in any state.
    pub(super) fn file(&self, id: u64) -> Option<&File> {
        self.files.get(&id)
    }

    /// A file in any state, to change anything but where it lies and what it is called.
    pub(super) fn file_mut(&mut self, id: u64) -> Option<&mut File> {
        self.files.get_mut(&id)
    }

    /// A folder in any state.
    pub(super) fn folder(&self, id: u64) -> Option<&Folder> {
        self.folders.get(&id)
    }

    /// A folder in any state, to change anything but where it lies and what it is called.
    pub(super) fn folder_mut(&mut self, id: u64) -> Option<&mut Folder> {
        self.folders.get_mut(&id)
    }

    /// Every file row, by id.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// The files directly in a place, in any state, by id.
    pub(super) fn files_in(&self, place: Place) -> impl Iterator<Item = &File> {
        let ids = self.files_in.get(&place).into_iter().flatten();
        ids.filter_map(|id| self.files.get(id))
    }

    /// The folders directly in a place, in any state, by id.
    pub(super) fn folders_in(&self, place: Place) -> impl Iterator<Item = &Folder> {
        let ids = self.folders_in.get(&place).into_iter().flatten();
        ids.filter_map(|id| self.folders.get(id))
    }

    fn touch(&mut self, place: Place, now: u64) {
        if let Some(folder) = place.and_then(|id| self.folders.get_mut(&id)) {
            folder.touched = Some(now);
        }
    }

    /// Stores a file, active.
    pub(super) fn add_file(&mut self, new: NewFile, now: u64) -> u64 {
        let id = self
            .files
            .last_key_value()
            .map_or(1, |(id, _)| id.saturating_add(1));
        let file = File {
            id,
            folder: new.folder,
            key: names::collation_key(&new.name),
            name: new.name,
            extension: new.extension,
            mime: new.mime,
            state: RowState::Active,
            content: new.content,
            uploaded: now,
            accessed: None,
            downloads: 0,
        };
        self.files_in.entry(file.folder).or_default().insert(id);
        self.touch(file.folder, now);
        self.files.insert(id, file);
        id
    }

    /// Makes a folder, active.
    pub(super) fn add_folder(&mut self, parent: Place, name: Vec<u8>, now: u64) -> u64 {
        let id = self
            .folders
            .last_key_value()
            .map_or(1, |(id, _)| id.saturating_add(1));
        let folder = Folder {
            id,
            parent,
            key: names::collation_key(&name),
            name,
            state: RowState::Active,
            public: 0,
            added: now,
            updated: None,
            touched: None,
        };
        self.folders_in.entry(parent).or_default().insert(id);
        self.touch(parent, now);
        self.folders.insert(id, folder);
        id
    }

    /// Gives a file a name.
    pub(super) fn rename_file(&mut self, id: u64, name: Vec<u8>, extension: String) {
        if let Some(file) = self.files.get_mut(&id) {
            file.key = names::collation_key(&name);
            file.name = name;
            file.extension = extension;
        }
    }

    /// Gives a folder a name.
    pub(super) fn rename_folder(&mut self, id: u64, name: Vec<u8>) {
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.key = names::collation_key(&name);
            folder.name = name;
        }
    }

    /// Puts a file somewhere, and into a state.
    pub(super) fn place_file(&mut self, id: u64, to: Place, state: RowState, now: u64) {
        let Some(file) = self.files.get_mut(&id) else {
            return;
        };
        let (from, before) = (file.folder, file.state);
        file.folder = to;
        file.state = state;
        relocate(&mut self.files_in, id, from, to);
        if (from, before) != (to, state) {
            self.touch(from, now);
            self.touch(to, now);
        }
    }

    /// Puts a folder somewhere.
    pub(super) fn place_folder(&mut self, id: u64, to: Place, now: u64) {
        let Some(folder) = self.folders.get_mut(&id) else {
            return;
        };
        let from = folder.parent;
        folder.parent = to;
        relocate(&mut self.folders_in, id, from, to);
        if from != to
            && self
                .folders
                .get(&id)
                .is_some_and(|row| row.state == RowState::Active)
        {
            self.touch(from, now);
            self.touch(to, now);
        }
    }

    /// The folders of a subtree, its top included, each once.
    pub(super) fn subtree(&self, top: u64) -> BTreeSet<u64> {
        let mut found = BTreeSet::from([top]);
        let mut next = vec![top];
        while let Some(id) = next.pop() {
            for child in self.folders_in.get(&Some(id)).into_iter().flatten() {
                if found.insert(*child) {
                    next.push(*child);
                }
            }
        }
        found
    }

    /// The chain above a folder, itself included, each once; and whether it comes back to itself.
    fn chain(&self, folder: u64) -> (BTreeSet<u64>, bool) {
        let mut passed = BTreeSet::new();
        let mut next = Some(folder);
        while let Some(row) = next.and_then(|id| self.folders.get(&id)) {
            if !passed.insert(row.id) {
                return (passed, true);
            }
            next = row.parent;
        }
        (passed, false)
    }

    /// Whether the chain above a folder comes back to itself.
    pub(super) fn in_ring(&self, folder: u64) -> bool {
        self.chain(folder).1
    }

    /// Whether the folder or one above it is not active.
    pub(super) fn below_dead(&self, folder: u64) -> bool {
        let (passed, _) = self.chain(folder);
        let mut rows = passed.iter().filter_map(|id| self.folders.get(id));
        rows.any(|row| row.state != RowState::Active)
    }

    /// Whether `inner` is `outer` or lies below it.
    pub(super) fn is_below(&self, inner: u64, outer: u64) -> bool {
        self.chain(inner).0.contains(&outer)
    }

    /// Trashes a folder with everything inside now; it goes to the root, the rest keeps its parents.
    pub(super) fn trash_folder(&mut self, id: u64, now: u64) {
        let Some(top) = self.folders.get(&id) else {
            return;
        };
        let above = top.parent.filter(|_| top.state == RowState::Active);
        self.turn(id, RowState::Active, RowState::Trash, now);
        if let Some(row) = self
            .folders
            .get_mut(&id)
            .filter(|row| row.state != RowState::Deleted)
        {
            let from = row.parent;
            row.state = RowState::Trash;
            row.parent = None;
            row.updated = Some(now);
            relocate(&mut self.folders_in, id, from, None);
        }
        self.touch(above, now);
    }

    /// Makes a trashed folder and everything trashed in it active again, in `parent`; every folder of it is dated.
    pub(super) fn restore_folder(&mut self, id: u64, parent: Place, now: u64) {
        self.turn(id, RowState::Trash, RowState::Active, now);
        for folder in self.subtree(id) {
            let row = self.folders.get_mut(&folder);
            if let Some(row) = row.filter(|row| row.state == RowState::Active) {
                row.updated = Some(now);
            }
        }
        if let Some(row) = self.folders.get_mut(&id) {
            let from = row.parent;
            row.state = RowState::Active;
            row.parent = parent;
            relocate(&mut self.folders_in, id, from, parent);
        }
    }

    /// Rows of a subtree that are in one state get the other.
    fn turn(&mut self, top: u64, from: RowState, to: RowState, now: u64) {
        for folder in self.subtree(top) {
            if let Some(row) = self.folders.get_mut(&folder).filter(|row| row.state == from) {
                row.state = to;
                row.updated = Some(now);
            }
            for id in self.files_in.get(&Some(folder)).into_iter().flatten() {
                if let Some(file) = self.files.get_mut(id).filter(|file| file.state == from) {
                    file.state = to;
                }
            }
        }
    }

    /// Purges all trash; what is below a trashed folder goes with it, active or not.
    pub(super) fn empty_trash(&mut self, now: u64) {
        let trashed = self.folders_in(None).filter(|row| row.state == RowState::Trash);
        let tops: Vec<u64> = trashed.map(|row| row.id).collect();
        for top in tops {
            for folder in self.subtree(top) {
                let inside: Vec<u64> = self.files_in(Some(folder)).map(|file| file.id).collect();
                for file in inside {
                    self.purge_file(file, now);
                }
                if let Some(row) = self.folders.get_mut(&folder) {
                    row.state = RowState::Deleted;
                    row.updated = Some(now);
                }
            }
        }
        let trashed = self.files.values().filter(|file| file.state == RowState::Trash);
        let files: Vec<u64> = trashed.map(|file| file.id).collect();
        for file in files {
            self.purge_file(file, now);
        }
    }

    fn purge_file(&mut self, id: u64, now: u64) {
        // The row keeps its size; nobody gets the bytes any more.
        self.place_file(id, None, RowState::Deleted, now);
    }

    /// Paths of what is reachable from a folder (none: the root) through active folders: folders, then files.
    pub(super) fn reachable(&self, top: Place) -> (Paths<'_, Folder>, Paths<'_, File>) {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        let mut next = vec![(top, self.path(top))];
        let mut passed = BTreeSet::new();
        while let Some((place, path)) = next.pop() {
            let Some(path) = path.filter(|_| passed.insert(place)) else {
                continue;
            };
            for folder in self.folders_in(place).filter(|row| row.state == RowState::Active) {
                let inner = format!("{path}/{}", String::from_utf8_lossy(&folder.name));
                next.push((Some(folder.id), Some(inner.clone())));
                folders.push((inner, folder));
            }
            for file in self.files_in(place).filter(|row| row.state == RowState::Active) {
                files.push((format!("{path}/{}", String::from_utf8_lossy(&file.name)), file));
            }
        }
        folders.sort_by(|a, b| (&a.0, a.1.id).cmp(&(&b.0, b.1.id)));
        files.sort_by(|a, b| (&a.0, a.1.id).cmp(&(&b.0, b.1.id)));
        (folders, files)
    }

    /// The path of a place, if it is reachable from the root through active folders.
    pub(super) fn path(&self, place: Place) -> Option<String> {
        let mut names = Vec::new();
        let mut passed = BTreeSet::new();
        let mut next = place;
        while let Some(id) = next {
            let row = self.folders.get(&id)?;
            if row.state != RowState::Active || !passed.insert(id) {
                return None;
            }
            names.push(String::from_utf8_lossy(&row.name).into_owned());
            next = row.parent;
        }
        Some(names.iter().rev().map(|name| format!("/{name}")).collect())
    }

    /// Whether an active file of an equal name lies in a place; `fold` compares by collation, else bytes.
    fn name_taken(&self, place: Place, name: &[u8], fold: bool) -> bool {
        let key = names::collation_key(name);
        let mut files = self.files_in(place).filter(|file| file.state == RowState::Active);
        files.any(|file| file.key == key && (fold || file.name == name))
    }

    /// The name, or the first number of it that is not taken.
    pub(super) fn free_name(&self, place: Place, name: &[u8], fold: bool) -> Vec<u8> {
        let mut free = name.to_vec();
        let mut number = 2u32;
        while self.name_taken(place, &free, fold) {
            free = names::numbered(name, number);
            number = number.saturating_add(1);
        }
        free
    }
}
