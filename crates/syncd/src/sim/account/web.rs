//! What the web user does behind the API's back: the same account, other doors.
//!
//! Names are stored exactly as given and are not numbered. Only what a user can see can be acted on: what is not active
//! is refused with `false` or none, except by what restores it. Nobody makes a ring here.

use bytes::Bytes;

use super::SimAccount;
use super::names::{extension, mime};
use super::state::State;
use super::store::{NewFile, Place, RowState};

impl State {
    fn is_live_file(&self, id: u64) -> bool {
        let file = self.store.file(id).filter(|file| file.state == RowState::Active);
        file.is_some_and(|file| self.store.path(file.folder).is_some())
    }

    fn is_live_place(&self, place: Place) -> bool {
        self.store.path(place).is_some()
    }

    /// A user did something to all that is in a folder.
    fn touched_below(&mut self, folder: u64) {
        let below = self.store.subtree(folder);
        let files = below
            .into_iter()
            .flat_map(|inside| self.store.files_in(Some(inside)));
        let files: Vec<u64> = files.map(|file| file.id).collect();
        self.races.touched(files);
    }

    fn put(&mut self, folder: Place, name: &[u8], content: Bytes) -> u64 {
        let now = self.now();
        let new = NewFile {
            folder,
            name: name.to_vec(),
            extension: extension(name, self.dialect),
            mime: mime(name),
            content,
        };
        let id = self.store.add_file(new, now);
        self.races.touched([id]);
        id
    }
}

impl SimAccount {
    /// Files that can be seen below a folder (none: the root), with their paths from the root, in order of path.
    pub(crate) fn files_below(&self, top: Option<u64>) -> Vec<(u64, String)> {
        let state = self.state();
        let (_, files) = state.store.reachable(top);
        files.into_iter().map(|(path, file)| (file.id, path)).collect()
    }

    /// Folders that can be seen below a folder (none: the root), itself left out, as [`SimAccount::files_below`].
    #[cfg(test)]
    pub(crate) fn folders_below(&self, top: Option<u64>) -> Vec<(u64, String)> {
        let state = self.state();
        let (folders, _) = state.store.reachable(top);
        folders
            .into_iter()
            .map(|(path, folder)| (folder.id, path))
            .collect()
    }

    /// Files in the trash by id.
    #[cfg(test)]
    pub(crate) fn trashed_files(&self) -> Vec<u64> {
        let state = self.state();
        let files = state.store.files().filter(|file| file.state == RowState::Trash);
        files.map(|file| file.id).collect()
    }

    /// Folders in the trash that were trashed themselves, by id.
    pub(crate) fn trashed_folders(&self) -> Vec<u64> {
        let state = self.state();
        let folders = state
            .store
            .folders_in(None)
            .filter(|row| row.state == RowState::Trash);
        folders.map(|row| row.id).collect()
    }

    /// Stores a file; none if the folder cannot be seen.
    pub(crate) fn put(&self, folder: Option<u64>, name: &str, content: impl Into<Bytes>) -> Option<u64> {
        let mut state = self.state();
        let seen = state.is_live_place(folder);
        seen.then(|| state.put(folder, name.as_bytes(), content.into()))
    }

    /// Makes a folder; none if its parent cannot be seen.
    pub(crate) fn mkdir(&self, parent: Option<u64>, name: &str) -> Option<u64> {
        let mut state = self.state();
        let now = state.now();
        let seen = state.is_live_place(parent);
        seen.then(|| state.store.add_folder(parent, name.as_bytes().to_vec(), now))
    }

    /// Renames a file.
    pub(crate) fn rename_file(&self, id: u64, name: &str) -> bool {
        let mut state = self.state();
        let seen = state.is_live_file(id);
        if seen {
            let end = extension(name.as_bytes(), state.dialect);
            state.store.rename_file(id, name.as_bytes().to_vec(), end);
            state.races.touched([id]);
        }
        seen
    }

    /// Renames a folder.
    pub(crate) fn rename_folder(&self, id: u64, name: &str) -> bool {
        let mut state = self.state();
        let seen = state.is_live_place(Some(id));
        if seen {
            let now = state.now();
            state.store.rename_folder(id, name.as_bytes().to_vec());
            state.touched_below(id);
            if let Some(row) = state.store.folder_mut(id) {
                row.updated = Some(now);
            }
        }
        seen
    }

    /// Moves a file.
    pub(crate) fn move_file(&self, id: u64, to: Option<u64>) -> bool {
        let mut state = self.state();
        let seen = state.is_live_file(id) && state.is_live_place(to);
        if seen {
            let now = state.now();
            state.store.place_file(id, to, RowState::Active, now);
            state.races.touched([id]);
        }
        seen
    }

    /// Moves a folder, never into itself or below.
    pub(crate) fn move_folder(&self, id: u64, to: Option<u64>) -> bool {
        let mut state = self.state();
        let ring = to.is_some_and(|to| state.store.is_below(to, id));
        let seen = !ring && state.is_live_place(Some(id)) && state.is_live_place(to);
        if seen {
            let now = state.now();
            state.store.place_folder(id, to, now);
            state.touched_below(id);
            if let Some(row) = state.store.folder_mut(id) {
                row.updated = Some(now);
            }
        }
        seen
    }

    /// Puts a file into the trash, out of its folder.
    pub(crate) fn trash_file(&self, id: u64) -> bool {
        let mut state = self.state();
        let seen = state.is_live_file(id);
        if seen {
            let now = state.now();
            state.store.place_file(id, None, RowState::Trash, now);
        }
        seen
    }

    /// Puts a folder into the trash with everything inside; the rest keeps its parents.
    pub(crate) fn trash_folder(&self, id: u64) -> bool {
        let mut state = self.state();
        let seen = state.is_live_place(Some(id));
        if seen {
            let now = state.now();
            state.store.trash_folder(id, now);
        }
        seen
    }

    /// Makes a trashed file active again, under the same id, anywhere.
    pub(crate) fn restore_file(&self, id: u64, to: Option<u64>) -> bool {
        let mut state = self.state();
        let trashed = state
            .store
            .file(id)
            .is_some_and(|file| file.state == RowState::Trash);
        let seen = trashed && state.is_live_place(to);
        if seen {
            let now = state.now();
            state.store.place_file(id, to, RowState::Active, now);
            state.races.touched([id]);
        }
        seen
    }

    /// Makes a trashed folder and everything trashed in it active again, under the same ids.
    pub(crate) fn restore_folder(&self, id: u64, to: Option<u64>) -> bool {
        let mut state = self.state();
        let trashed = state
            .store
            .folder(id)
            .is_some_and(|row| row.state == RowState::Trash);
        let ring = to.is_some_and(|to| state.store.is_below(to, id));
        let seen = trashed && !ring && state.is_live_place(to);
        if seen {
            let now = state.now();
            state.store.restore_folder(id, to, now);
            state.touched_below(id);
        }
        seen
    }

    /// Gives a file other bytes, as this line's editors do: under the same id (Q44), or as a new file of the same name
    /// beside which the old one is trashed. Answers the id that has the bytes now.
    pub(crate) fn edit_file(&self, id: u64, content: impl Into<Bytes>) -> Option<u64> {
        let mut state = self.state();
        if !state.is_live_file(id) {
            return None;
        }
        let swaps = state.dialect.swaps_content();
        let file = state.store.file_mut(id)?;
        if swaps {
            file.content = content.into();
            state.races.touched([id]);
            return Some(id);
        }
        let (folder, name) = (file.folder, file.name.clone());
        let new = state.put(folder, &name, content.into());
        let now = state.now();
        state.store.place_file(id, None, RowState::Trash, now);
        Some(new)
    }

    /// Purges all trash, with what was put below trashed folders since.
    pub(crate) fn empty_trash(&self) {
        let mut state = self.state();
        let now = state.now();
        state.store.empty_trash(now);
    }

    /// Ends all sessions, as another device's login does.
    pub(crate) fn end_sessions(&self) {
        self.state().store.tokens.clear();
    }
}
