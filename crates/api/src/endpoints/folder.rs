//! `/folder/create`, `listing`, `info`, `edit`, `delete`, `move`.
//!
//! A listing is one only if both arrays are there and every row is understood; nothing is filtered. A success about
//! a folder does not prove that it is alive (wire.md §5).

use std::borrow::Cow;

use serde_json::Value;

use crate::caller::Class;
use crate::endpoints::{Endpoint, Repeat, destination, name_param, param, parent_or_blank};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::id::{FolderId, Parent};
use crate::rows::{FileRow, FolderRow};

const NOT_FOUND: &str = "Could not find folder based on folder_id.";

fn row(envelope: &Envelope) -> Result<FolderRow, ApiError> {
    envelope.data()?;
    FolderRow::read(envelope.value("data").unwrap_or(&Value::Null))
}

/// The row under `data`, if it is the one asked for.
fn row_of(folder: FolderId, envelope: &Envelope) -> Result<FolderRow, ApiError> {
    let row = row(envelope)?;
    if row.id == folder {
        Ok(row)
    } else {
        Err(ApiError::malformed("the row of another folder"))
    }
}

/// Who may see a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only the account.
    Private,
    /// Whoever has the link.
    Unlisted,
    /// Also in the site's search.
    Public,
}

impl Access {
    const fn number(self) -> u8 {
        match self {
            Self::Private => 0,
            Self::Unlisted => 1,
            Self::Public => 2,
        }
    }
}

/// Makes a folder. Neither the parent nor the name is checked by the server (Q19); twice makes two.
#[derive(Debug, Clone)]
pub struct FolderCreate {
    /// Its name.
    pub name: String,
    /// Where. Must be known alive.
    pub parent: Parent,
    /// Who may see it.
    pub access: Access,
    /// MD5 of a password in 32 hex digits; anything else is dropped by the server.
    pub password_md5: Option<String>,
}

impl Endpoint for FolderCreate {
    const PATH: &'static str = "folder/create";
    const REPEAT: Repeat = Repeat::LookFirst;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &["Please provide the folder_name param."];
    type Answer = FolderRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        let mut params = vec![param("folder_name", name_param(&self.name)?)];
        params.push(param("parent_id", parent_or_blank(self.parent)?));
        params.push(param("is_public", self.access.number()));
        if let Some(md5) = &self.password_md5 {
            params.push(param("access_password", md5));
        }
        Ok(params)
    }

    fn read(&self, envelope: &Envelope) -> Result<FolderRow, ApiError> {
        row(envelope)
    }
}

/// Asks what a folder holds directly. A dead folder may list as an empty one, with success.
pub struct FolderListing {
    /// The folder, or the account's root.
    pub folder: Parent,
}

/// Rows of one folder, in the server's order: trash and rows of a wrong parent included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Subfolders.
    pub folders: Vec<FolderRow>,
    /// Files.
    pub files: Vec<FileRow>,
}

impl Endpoint for FolderListing {
    const PATH: &'static str = "folder/listing";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &[];
    type Answer = Listing;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("parent_folder_id", parent_or_blank(self.folder)?)])
    }

    fn read(&self, envelope: &Envelope) -> Result<Listing, ApiError> {
        let data = envelope.data()?;
        let rows = |key| {
            let array = data.get(key).and_then(Value::as_array);
            array.ok_or(ApiError::malformed("a listing without both arrays"))
        };
        Ok(Listing {
            folders: rows("folders")?
                .iter()
                .map(FolderRow::read)
                .collect::<Result<_, _>>()?,
            files: rows("files")?
                .iter()
                .map(FileRow::read)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Asks for a folder's row: dead ones too.
pub struct FolderInfo {
    /// The folder.
    pub folder: FolderId,
}

impl Endpoint for FolderInfo {
    const PATH: &'static str = "folder/info";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &[NOT_FOUND];
    type Answer = FolderRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        // Servers read the one, the document names the other (Q23).
        Ok(vec![
            param("folder_id", self.folder),
            param("parent_folder_id", self.folder),
        ])
    }

    fn read(&self, envelope: &Envelope) -> Result<FolderRow, ApiError> {
        row_of(self.folder, envelope)
    }
}

/// Renames, moves, or changes access; what is none is kept. A bad parent is ignored with success and a cycle is
/// accepted: check before, compare after.
#[derive(Debug, Clone)]
pub struct FolderEdit {
    /// The folder.
    pub folder: FolderId,
    /// New name.
    pub name: Option<String>,
    /// New place.
    pub parent: Option<Parent>,
    /// Who may see it.
    pub access: Option<Access>,
    /// MD5 of a password in hex; alone it is ignored, so send `access` with it.
    pub password_md5: Option<String>,
}

impl FolderEdit {
    /// An edit of nothing yet.
    #[must_use]
    pub const fn of(folder: FolderId) -> Self {
        Self {
            folder,
            name: None,
            parent: None,
            access: None,
            password_md5: None,
        }
    }

    /// With this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With this place.
    #[must_use]
    pub fn parent(mut self, parent: impl Into<Parent>) -> Self {
        self.parent = Some(parent.into());
        self
    }
}

impl Endpoint for FolderEdit {
    const PATH: &'static str = "folder/edit";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[NOT_FOUND];
    type Answer = FolderRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        let mut params = vec![param("folder_id", self.folder)];
        if let Some(name) = &self.name {
            params.push(param("folder_name", name_param(name)?));
        }
        if let Some(parent) = self.parent {
            if parent == Parent::In(self.folder) {
                return Err(ApiError::bad_request("a folder cannot be its own parent"));
            }
            params.push(param("parent_id", destination(parent)?));
        }
        if let Some(access) = self.access {
            params.push(param("is_public", access.number()));
        }
        if let Some(md5) = &self.password_md5 {
            params.push(param("access_password", md5));
        }
        Ok(params)
    }

    fn read(&self, envelope: &Envelope) -> Result<FolderRow, ApiError> {
        row_of(self.folder, envelope)
    }
}

/// Trashes a folder with everything inside *now*, also what another device just added (Q18).
pub struct FolderDelete {
    /// The folder.
    pub folder: FolderId,
}

impl Endpoint for FolderDelete {
    const PATH: &'static str = "folder/delete";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[NOT_FOUND];
    type Answer = ();

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("folder_id", self.folder)])
    }

    fn read(&self, _: &Envelope) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Moves a folder. A move into its own subtree is accepted by servers: check before.
pub struct FolderMove {
    /// The folder.
    pub folder: FolderId,
    /// Its new place.
    pub parent: Parent,
}

impl Endpoint for FolderMove {
    const PATH: &'static str = "folder/move";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &["Please provide the folder_id param.", NOT_FOUND];
    type Answer = FolderRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        if self.parent == Parent::In(self.folder) {
            return Err(ApiError::bad_request("a folder cannot be its own parent"));
        }
        Ok(vec![
            param("folder_id", self.folder),
            param("new_parent_folder_id", destination(self.parent)?),
        ])
    }

    fn read(&self, envelope: &Envelope) -> Result<FolderRow, ApiError> {
        row_of(self.folder, envelope)
    }
}
