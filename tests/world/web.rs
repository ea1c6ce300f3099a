//! What the account's user does on the web, by path: the other side of every test.
//!
//! Paths are the account's names from its root, folders that are missing are made.

use devcloud::RowState;

use super::cloud::Cloud;
use super::disk::{Content, content_of};

/// Which row a path means.
enum Row {
    Folder(u64),
    File(u64),
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Cloud {
    #[track_caller]
    fn row(&self, path: &str) -> Row {
        self.find(path)
            .unwrap_or_else(|| panic!("no {path} in the account: {:#?}", self.tree()))
    }

    fn find(&self, path: &str) -> Option<Row> {
        let path = format!("/{path}");
        let tree = self.control.tree().unwrap();
        let is = |found: &Option<String>, state: RowState| {
            state == RowState::Active && found.as_deref() == Some(&*path)
        };
        let folder = tree
            .folders
            .iter()
            .find(|folder| is(&folder.path, folder.state))
            .map(|row| Row::Folder(row.id));
        folder.or_else(|| {
            tree.files
                .iter()
                .find(|file| is(&file.path, file.state))
                .map(|row| Row::File(row.id))
        })
    }

    fn folder(&self, path: &str) -> Option<u64> {
        if path.is_empty() {
            return None;
        }
        match self.find(path) {
            Some(Row::Folder(id)) => Some(id),
            Some(Row::File(_)) => panic!("{path} is a file"),
            None => {
                let (parent, name) = split(path);
                Some(self.control.create_folder(self.folder(parent), name).unwrap())
            }
        }
    }

    /// Makes a folder.
    pub(crate) fn web_mkdir(&self, path: &str) {
        self.folder(path);
    }

    /// Stores a new file.
    pub(crate) fn web_create(&self, path: &str, bytes: &[u8]) -> Content {
        let (folder, name) = split(path);
        self.control.put_file(self.folder(folder), name, bytes).unwrap();
        content_of(bytes)
    }

    /// Stores a new version beside the old one, and trashes that.
    #[track_caller]
    pub(crate) fn web_edit(&self, path: &str, bytes: &[u8]) -> Content {
        let Row::File(old) = self.row(path) else {
            panic!("{path} is a folder")
        };
        let content = self.web_create(path, bytes);
        self.control.trash_file(old).unwrap();
        content
    }

    /// Replaces the bytes under an id, on every dialect.
    #[track_caller]
    pub(crate) fn web_swap(&self, path: &str, bytes: &[u8]) {
        let Row::File(file) = self.row(path) else {
            panic!("{path} is a folder")
        };
        self.control.set_quirk("Q44", true).unwrap();
        self.control.swap_content(file, bytes).unwrap();
    }

    /// Renames or moves a file or a folder.
    #[track_caller]
    pub(crate) fn web_move(&self, from: &str, to: &str) {
        let row = self.row(from);
        let ((old_folder, old_name), (folder, name)) = (split(from), split(to));
        if folder != old_folder {
            let parent = self.folder(folder);
            match row {
                Row::Folder(id) => self.control.move_folder(id, parent).unwrap(),
                Row::File(id) => self.control.move_file(id, parent).unwrap(),
            }
        }
        if name != old_name {
            match row {
                Row::Folder(id) => self.control.rename_folder(id, name).unwrap(),
                Row::File(id) => self.control.rename_file(id, name).unwrap(),
            }
        }
    }

    /// Trashes a file, or a folder with all that is in it.
    #[track_caller]
    pub(crate) fn web_trash(&self, path: &str) {
        match self.row(path) {
            Row::Folder(id) => self.control.trash_folder(id).unwrap(),
            Row::File(id) => self.control.trash_file(id).unwrap(),
        }
    }
}
