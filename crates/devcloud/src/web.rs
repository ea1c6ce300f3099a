//! What the web user does behind the API's back: the same account, other doors.
//!
//! Names are stored exactly as given, numbers are not added. Actions that only some servers offer ask the switches.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::error::Error;
use crate::names;
use crate::quirk_table::Quirk;
use crate::store::files::{FileRow, NewFile};
use crate::store::folders::FolderRow;
use crate::store::{State, Store};
use crate::world::World;

/// The owner of folders that are shared with us.
const STRANGER: i64 = 900_001;

/// A file's bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// As text.
    Text(String),
    /// Encoded.
    Base64(String),
    /// As they are; in process only.
    #[serde(skip)]
    Bytes(Vec<u8>),
}

impl Content {
    fn bytes(self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Base64(text) => STANDARD
                .decode(text)
                .map_err(|_| Error::Refused("the content is not base64".to_owned())),
            Self::Bytes(bytes) => Ok(bytes),
        }
    }
}

/// A name; in process it need not be UTF-8.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub struct Name(pub Vec<u8>);

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

/// An action of the web user. Folder ids that are missing mean the root.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WebAction {
    /// Makes a folder; answers its id.
    CreateFolder {
        /// Where.
        parent: Option<u64>,
        /// Its name.
        name: Name,
    },
    /// Renames a folder.
    RenameFolder {
        /// Which.
        folder: u64,
        /// The new name.
        name: Name,
    },
    /// Moves a folder, without looking whether that makes a ring.
    MoveFolder {
        /// Which.
        folder: u64,
        /// Where to.
        parent: Option<u64>,
    },
    /// Trashes a folder with everything in it.
    TrashFolder {
        /// Which.
        folder: u64,
    },
    /// Makes a trashed folder and everything in it active again.
    RestoreFolder {
        /// Which.
        folder: u64,
        /// Where to.
        parent: Option<u64>,
    },
    /// Purges a folder with everything in it.
    PurgeFolder {
        /// Which.
        folder: u64,
    },
    /// Stores a file; answers its id.
    PutFile {
        /// Where.
        folder: Option<u64>,
        /// Its name.
        name: Name,
        /// Its bytes.
        content: Content,
    },
    /// Replaces the bytes under an id, as an add-on does.
    SwapContent {
        /// Which.
        file: u64,
        /// The new bytes.
        content: Content,
    },
    /// Renames a file.
    RenameFile {
        /// Which.
        file: u64,
        /// The new name.
        name: Name,
    },
    /// Moves a file.
    MoveFile {
        /// Which.
        file: u64,
        /// Where to.
        folder: Option<u64>,
    },
    /// Trashes a file.
    TrashFile {
        /// Which.
        file: u64,
    },
    /// Makes a trashed or purged id active again.
    RestoreFile {
        /// Which.
        file: u64,
        /// Where to.
        folder: Option<u64>,
    },
    /// Purges a file.
    PurgeFile {
        /// Which.
        file: u64,
    },
    /// Purges all trash.
    EmptyTrash,
    /// The storage loses a file's bytes, its row stays.
    LoseContent {
        /// Which.
        file: u64,
    },
    /// The database loses rows, as a restored backup does; their ids may be given out again.
    LoseRows {
        /// Files.
        #[serde(default)]
        files: Vec<u64>,
        /// Folders.
        #[serde(default)]
        folders: Vec<u64>,
    },
    /// Another user shares a folder with us; answers its id.
    ShareFolder {
        /// Its name.
        name: Name,
    },
    /// Changes limits of the package.
    SetPackage {
        /// Keys of `/account/package` with their values.
        limits: BTreeMap<String, String>,
    },
    /// Changes the account: `active` or `suspended`, and whether its level may use the API.
    SetAccount {
        /// Its status.
        status: Option<String>,
        /// Whether it may use the API.
        api_access: Option<bool>,
    },
    /// Ends all sessions, as another device's login does.
    EndSessions,
}

fn no_file(id: u64) -> Error {
    Error::Refused(format!("no file {id}"))
}

fn no_folder(id: u64) -> Error {
    Error::Refused(format!("no folder {id}"))
}

fn key(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn folder_key(store: &Store, id: Option<u64>) -> Result<Option<i64>, Error> {
    let Some(id) = id else { return Ok(None) };
    store.folder(key(id))?.ok_or_else(|| no_folder(id))?;
    Ok(Some(key(id)))
}

impl World {
    /// Does it. Answers the id of what was made.
    pub(crate) fn web(&self, action: WebAction) -> Result<Option<u64>, Error> {
        let now = self.clock.now();
        match action {
            WebAction::PutFile {
                folder,
                name,
                content,
            } => return self.put(folder, &name.0, content.bytes()?).map(Some),
            WebAction::CreateFolder { parent, name } => return self.make_folder(parent, &name.0),
            WebAction::ShareFolder { name } => return self.share_folder(&name.0),
            WebAction::SwapContent { file, content } => self.swap(file, &content.bytes()?)?,
            WebAction::RenameFolder { folder, name } => self.edit_folder(folder, |row| row.name = name.0)?,
            WebAction::MoveFolder { folder, parent } => {
                let parent = folder_key(&self.store(), parent)?;
                self.edit_folder(folder, |row| row.parent = parent)?;
            }
            WebAction::TrashFolder { folder } => {
                let mut store = self.store();
                folder_key(&store, Some(folder))?;
                store.trash_folder(key(folder), now)?;
            }
            WebAction::RestoreFolder { folder, parent } => self.restore_folder(folder, parent)?,
            WebAction::PurgeFolder { folder } => {
                let mut store = self.store();
                folder_key(&store, Some(folder))?;
                self.purge_folder(&mut store, key(folder), now)?;
            }
            WebAction::RenameFile { file, name } => {
                let extension = names::extension(&name.0, &self.quirks());
                self.edit_file(file, |row| (row.name, row.extension) = (name.0, extension))?;
            }
            WebAction::MoveFile { file, folder } => {
                let folder = folder_key(&self.store(), folder)?;
                self.edit_file(file, |row| row.folder = folder)?;
            }
            WebAction::TrashFile { file } => self.edit_file(file, |row| {
                (row.state, row.folder, row.updated) = (State::Trash, None, Some(now));
            })?,
            WebAction::RestoreFile { file, folder } => {
                self.offered(Quirk::Restore)?;
                let folder = folder_key(&self.store(), folder)?;
                self.edit_file(file, |row| {
                    (row.state, row.folder, row.updated) = (State::Active, folder, Some(now));
                })?;
            }
            WebAction::PurgeFile { file } => {
                let mut store = self.store();
                store.file(key(file))?.ok_or_else(|| no_file(file))?;
                self.purge_file(&mut store, key(file), now)?;
            }
            WebAction::LoseContent { file } => self.edit_file(file, |row| row.lost = true)?,
            WebAction::EmptyTrash => self.empty_trash(now)?,
            WebAction::LoseRows { files, folders } => {
                let keys = |ids: Vec<u64>| ids.into_iter().map(key).collect::<Vec<_>>();
                self.store().lose_rows(&keys(files), &keys(folders), now)?;
            }
            WebAction::SetPackage { limits } => self.set_package(limits)?,
            WebAction::SetAccount { status, api_access } => self.set_account(status, api_access)?,
            WebAction::EndSessions => self.store().drop_all_tokens()?,
        }
        Ok(None)
    }

    fn edit_folder(&self, id: u64, edit: impl FnOnce(&mut FolderRow)) -> Result<(), Error> {
        let now = self.clock.now();
        let mut store = self.store();
        let mut row = store.folder(key(id))?.ok_or_else(|| no_folder(id))?;
        edit(&mut row);
        row.updated = Some(now);
        Ok(store.write_folder(&row, now)?)
    }

    fn edit_file(&self, id: u64, edit: impl FnOnce(&mut FileRow)) -> Result<(), Error> {
        let mut store = self.store();
        let mut row = store.file(key(id))?.ok_or_else(|| no_file(id))?;
        edit(&mut row);
        Ok(store.write_file(&row, self.clock.now())?)
    }

    fn make_folder(&self, parent: Option<u64>, name: &[u8]) -> Result<Option<u64>, Error> {
        let mut store = self.store();
        let parent = folder_key(&store, parent)?;
        let row = store.add_folder(self.account.id, parent, name, self.clock.now())?;
        Ok(u64::try_from(row.id).ok())
    }

    fn share_folder(&self, name: &[u8]) -> Result<Option<u64>, Error> {
        let now = self.clock.now();
        let mut store = self.store();
        let mut row = store.add_folder(STRANGER, None, name, now)?;
        row.shared = true;
        store.write_folder(&row, now)?;
        Ok(u64::try_from(row.id).ok())
    }

    fn restore_folder(&self, folder: u64, parent: Option<u64>) -> Result<(), Error> {
        self.offered(Quirk::Restore)?;
        let mut store = self.store();
        let parent = folder_key(&store, parent)?;
        let row = store
            .folder(key(folder))?
            .filter(|row| row.state != State::Active);
        row.ok_or_else(|| no_folder(folder))?;
        Ok(store.restore_folder(key(folder), parent, self.clock.now())?)
    }

    fn empty_trash(&self, now: i64) -> Result<(), Error> {
        let mut store = self.store();
        for folder in store.old_trashed_folders(i64::MAX)? {
            self.purge_folder(&mut store, folder, now)?;
        }
        for file in store.old_trashed_files(i64::MAX)? {
            self.purge_file(&mut store, file, now)?;
        }
        Ok(())
    }

    fn set_package(&self, limits: BTreeMap<String, String>) -> Result<(), Error> {
        let store = self.store();
        let mut package = crate::world::package(&store)?;
        package.extend(limits);
        let json = serde_json::to_string(&package).unwrap_or_default();
        Ok(store.set_setting("package", &json)?)
    }

    fn set_account(&self, status: Option<String>, api_access: Option<bool>) -> Result<(), Error> {
        let store = self.store();
        if let Some(status) = status {
            store.set_setting("account_status", &status)?;
        }
        if let Some(access) = api_access {
            store.set_setting("api_access", if access { "1" } else { "0" })?;
        }
        Ok(())
    }

    fn offered(&self, quirk: Quirk) -> Result<(), Error> {
        if self.quirks().on(quirk) {
            return Ok(());
        }
        Err(Error::Refused(format!(
            "this server does not offer that: switch {quirk:?} on"
        )))
    }

    fn put(&self, folder: Option<u64>, name: &[u8], bytes: Vec<u8>) -> Result<u64, Error> {
        if bytes.is_empty() {
            self.offered(Quirk::ForeignZeroFile)?;
        }
        let now = self.clock.now();
        let quirks = self.quirks();
        let content = self
            .blobs
            .store(&bytes)
            .map_err(|source| Error::data("blobs", source))?;
        let mut store = self.store();
        let folder = folder_key(&store, folder)?;
        self.blobs
            .keep(&content)
            .map_err(|source| Error::data("blobs", source))?;
        let new = NewFile {
            owner: Some(self.account.id),
            folder,
            name: name.to_vec(),
            extension: names::extension(name, &quirks),
            mime: names::mime(name).to_owned(),
            size: content.size,
            md5: content.md5.clone(),
            ip: "127.0.0.1".to_owned(),
            source: "direct",
        };
        let row = store.add_file(&new, now)?;
        u64::try_from(row.id).map_err(|_| Error::Refused("an id below zero".to_owned()))
    }

    fn swap(&self, file: u64, bytes: &[u8]) -> Result<(), Error> {
        self.offered(Quirk::ContentSwap)?;
        let content = self
            .blobs
            .store(bytes)
            .map_err(|source| Error::data("blobs", source))?;
        let mut store = self.store();
        let mut row = store.file(key(file))?.ok_or_else(|| no_file(file))?;
        self.blobs
            .keep(&content)
            .map_err(|source| Error::data("blobs", source))?;
        let old = (row.md5.clone(), row.size);
        row.md5.clone_from(&content.md5);
        row.size = content.size;
        store.write_file(&row, self.clock.now())?;
        Ok(self.drop_blob(&store, &old.0, old.1)?)
    }
}
