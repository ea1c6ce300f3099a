//! One listing of a folder: what lives in it, and what is evidence (design S1, S2).
//!
//! Never here: a row of another folder taken in, or one that is not active taken for live.

use std::collections::BTreeMap;

use api::{ApiError, FileRow, FolderRow, RowState};
use planner::id::{FolderId, RemoteId};
use planner::name::RemoteName;

use super::account::Account;
use super::translate;

/// What is kept of a file's row from look to look: there are as many as there are files.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SeenFile {
    /// Its id.
    pub(crate) id: api::FileId,
    /// Bytes.
    pub(crate) size: u64,
    /// The stored name.
    pub(crate) name: RemoteName,
    /// The second name of the version; empty where the server gives none.
    pub(crate) short_url: Box<str>,
}

impl SeenFile {
    /// Of a whole row.
    pub(crate) fn of(row: &FileRow) -> Self {
        Self {
            id: row.id,
            size: row.size,
            name: RemoteName::new(&row.name),
            short_url: row.short_url.as_str().into(),
        }
    }
}

/// The live rows of one folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    /// Files.
    pub(crate) files: Vec<SeenFile>,
    /// Folders.
    pub(crate) folders: Vec<FolderRow>,
}

impl Listed {
    /// Of everything in it.
    pub(crate) fn ids(&self) -> impl Iterator<Item = RemoteId> {
        let files = self.files.iter();
        let files = files.filter_map(|row| Some(RemoteId::File(translate::file_id(row.id)?)));
        let folders = self.folders.iter();
        files.chain(folders.filter_map(|row| Some(RemoteId::Folder(translate::folder_id(row.id)?))))
    }

    /// Whether another listing shows the same files and folders, under the same names.
    pub(crate) fn shows_the_same(&self, other: &Self) -> bool {
        fn files(listed: &Listed) -> Vec<&SeenFile> {
            let mut rows: Vec<_> = listed.files.iter().collect();
            rows.sort_unstable();
            rows
        }
        fn folders(listed: &Listed) -> Vec<impl Ord + '_> {
            let mut rows: Vec<_> = listed.folders.iter().map(|row| (row.id, &row.name)).collect();
            rows.sort_unstable();
            rows
        }
        files(self) == files(other) && folders(self) == folders(other)
    }
}

/// A listing split into what lives and what is evidence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    pub(super) listed: Listed,
    /// The live files, with all that their rows say.
    files: Vec<FileRow>,
    /// States of the rows that are not active.
    pub(super) states: BTreeMap<RemoteId, RowState>,
}

impl Raw {
    /// The live rows.
    pub(crate) fn listed(&self) -> &Listed {
        &self.listed
    }

    /// The live files, with all that their rows say.
    pub(crate) fn files(&self) -> &[FileRow] {
        &self.files
    }

    /// Without what only those who look at single files ask for: four fifths of it, where many are held.
    pub(crate) fn brief(mut self) -> Self {
        self.files = Vec::new();
        self.listed.files.shrink_to_fit();
        self
    }
}

/// Lists one folder of the pair. Rows that are not active are set apart first; an active row with the wrong parent
/// voids the whole listing (design S1).
pub(crate) async fn list(account: &Account, folder: Option<FolderId>) -> Result<Raw, ApiError> {
    let place = account.place(folder)?;
    let listing = account.client.folder_listing(place).await?;
    let mut raw = Raw::default();
    for row in listing.files {
        let Some(id) = translate::file_id(row.id) else {
            continue;
        };
        match &row.state {
            Some(state @ (RowState::Trash | RowState::Deleted | RowState::Other(_))) => {
                raw.states.insert(RemoteId::File(id), state.clone());
            }
            Some(RowState::Active) | None if row.parent == Some(place) => {
                raw.listed.files.push(SeenFile::of(&row));
                raw.files.push(row);
            }
            Some(RowState::Active) | None => {
                return Err(ApiError::Malformed {
                    what: "a file row of another folder",
                });
            }
        }
    }
    for row in listing.folders {
        let Some(id) = translate::folder_id(row.id) else {
            continue;
        };
        match &row.state {
            Some(state @ (RowState::Trash | RowState::Deleted | RowState::Other(_))) => {
                raw.states.insert(RemoteId::Folder(id), state.clone());
            }
            Some(RowState::Active) | None if row.parent == Some(place) => {
                // What nobody asks for is not kept.
                raw.listed.folders.push(FolderRow {
                    date_added: None,
                    url: None,
                    ..row
                });
            }
            Some(RowState::Active) | None => {
                return Err(ApiError::Malformed {
                    what: "a folder row of another folder",
                });
            }
        }
    }
    // Kept from look to look.
    raw.listed.files.shrink_to_fit();
    raw.listed.folders.shrink_to_fit();
    Ok(raw)
}
