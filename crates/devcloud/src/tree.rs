//! What the server holds, as tests and `/_dev/tree` see it: every row, and the path of what is reachable.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::store::State;
use crate::store::files::FileRow;
use crate::store::folders::FolderRow;
use crate::world::World;

/// State of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowState {
    /// Live.
    Active,
    /// In the trash.
    Trash,
    /// Purged.
    Deleted,
}

impl From<State> for RowState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Trash => Self::Trash,
            State::Deleted => Self::Deleted,
        }
    }
}

/// A folder.
#[derive(Debug, Clone, Serialize)]
pub struct TreeFolder {
    /// Its id.
    pub id: u64,
    /// None: the root.
    pub parent: Option<u64>,
    /// Its name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Its state.
    pub state: RowState,
    /// `/a/b`, if it is ours, active, and reachable from the root through active folders.
    pub path: Option<String>,
}

/// A file.
#[derive(Debug, Clone, Serialize)]
pub struct TreeFile {
    /// Its id.
    pub id: u64,
    /// None: the root; 0: limbo.
    pub folder: Option<u64>,
    /// Its name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Its state.
    pub state: RowState,
    /// Bytes.
    pub size: u64,
    /// MD5 of its content.
    pub md5: String,
    /// Its short URL.
    pub short_url: String,
    /// `/a/b/c.txt`, if it is ours, active, and reachable from the root through active folders.
    pub path: Option<String>,
}

/// Everything.
#[derive(Debug, Clone, Serialize)]
pub struct Tree {
    /// Folders by id.
    pub folders: Vec<TreeFolder>,
    /// Files by id.
    pub files: Vec<TreeFile>,
}

impl Tree {
    /// Reachable files: path and row, in order of path; equal names appear once each.
    #[must_use]
    pub fn live_files(&self) -> Vec<(&str, &TreeFile)> {
        let live = self
            .files
            .iter()
            .filter_map(|file| Some((file.path.as_deref()?, file)));
        let mut live: Vec<_> = live.collect();
        live.sort_by(|a, b| (a.0, a.1.id).cmp(&(b.0, b.1.id)));
        live
    }

    /// Reachable folders: path and row, in order of path.
    #[must_use]
    pub fn live_folders(&self) -> Vec<(&str, &TreeFolder)> {
        let live = self
            .folders
            .iter()
            .filter_map(|folder| Some((folder.path.as_deref()?, folder)));
        let mut live: Vec<_> = live.collect();
        live.sort_by(|a, b| (a.0, a.1.id).cmp(&(b.0, b.1.id)));
        live
    }
}

fn id(id: i64) -> u64 {
    id.unsigned_abs()
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl World {
    /// What it holds.
    pub(crate) fn tree(&self) -> rusqlite::Result<Tree> {
        let (folders, files) = {
            let store = self.store();
            (store.all_folders()?, store.all_files()?)
        };
        let by_id: BTreeMap<i64, &FolderRow> = folders.iter().map(|row| (row.id, row)).collect();
        let path_of = |folder: Option<i64>| self.path_of(folder, &by_id);
        let folder = |row: &FolderRow| TreeFolder {
            id: id(row.id),
            parent: row.parent.map(id),
            name: text(&row.name),
            state: row.state.into(),
            path: path_of(Some(row.id)),
        };
        let file = |row: &FileRow| TreeFile {
            id: id(row.id),
            folder: row.folder.map(id),
            name: text(&row.name),
            state: row.state.into(),
            size: row.size.unsigned_abs(),
            md5: row.md5.clone(),
            short_url: row.short.clone(),
            path: (row.owner == Some(self.account.id) && row.state == State::Active)
                .then(|| path_of(row.folder).map(|path| format!("{path}/{}", text(&row.name))))
                .flatten(),
        };
        Ok(Tree {
            folders: folders.iter().map(folder).collect(),
            files: files.iter().map(file).collect(),
        })
    }

    fn path_of(&self, folder: Option<i64>, by_id: &BTreeMap<i64, &FolderRow>) -> Option<String> {
        let mut names = Vec::new();
        let mut seen = BTreeSet::new();
        let mut next = folder;
        while let Some(id) = next {
            let row = by_id.get(&id)?;
            if row.state != State::Active || row.owner != self.account.id || !seen.insert(id) {
                return None;
            }
            names.push(text(&row.name));
            next = row.parent;
        }
        names.reverse();
        Some(names.into_iter().map(|name| format!("/{name}")).collect())
    }
}
