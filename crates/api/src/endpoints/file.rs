//! `/file/info`, `edit`, `delete`, `move`, `copy`. Their answers are rows as stored: the caller compares them.
//!
//! A row of another id than asked for is `Malformed`. Success is no proof of life: `state` is (wire.md §3.9).

use std::borrow::Cow;

use crate::caller::Class;
use crate::endpoints::{Endpoint, Repeat, destination, name_param, param};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::id::{FileId, Parent};
use crate::rows::FileRow;

const NOT_FOUND: &str = "Could not find file based on file_id.";
const NO_FILE_ID: &str = "Please provide the file_id param.";

/// The row under `data`, if it is the one asked for.
fn row_of(file: FileId, envelope: &Envelope) -> Result<FileRow, ApiError> {
    envelope.data()?;
    let row = FileRow::read(envelope.value("data").unwrap_or(&serde_json::Value::Null))?;
    if row.id == file {
        Ok(row)
    } else {
        Err(ApiError::malformed("the row of another file"))
    }
}

/// Asks for a file's row: active, trashed and deleted ones alike.
pub struct FileInfo {
    /// The file.
    pub file: FileId,
}

impl Endpoint for FileInfo {
    const PATH: &'static str = "file/info";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &[NO_FILE_ID, NOT_FOUND];
    type Answer = FileRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("file_id", self.file)])
    }

    fn read(&self, envelope: &Envelope) -> Result<FileRow, ApiError> {
        row_of(self.file, envelope)
    }
}

/// Renames, moves, or both. What is none is kept. A bad folder is ignored with success: compare the answered row.
#[derive(Debug, Clone)]
pub struct FileEdit {
    /// The file.
    pub file: FileId,
    /// New name; tags and edge blanks are cut by the server (wire.md §4).
    pub name: Option<String>,
    /// New place.
    pub folder: Option<Parent>,
    /// New mime type.
    pub file_type: Option<String>,
}

impl FileEdit {
    /// An edit of nothing yet.
    #[must_use]
    pub const fn of(file: FileId) -> Self {
        Self {
            file,
            name: None,
            folder: None,
            file_type: None,
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
    pub fn folder(mut self, folder: impl Into<Parent>) -> Self {
        self.folder = Some(folder.into());
        self
    }
}

impl Endpoint for FileEdit {
    const PATH: &'static str = "file/edit";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[NO_FILE_ID, NOT_FOUND];
    type Answer = FileRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        let mut params = vec![param("file_id", self.file)];
        if let Some(name) = &self.name {
            params.push(param("filename", name_param(name)?));
        }
        if let Some(folder) = self.folder {
            params.push(param("folder_id", destination(folder)?));
        }
        if let Some(file_type) = &self.file_type {
            params.push(param("fileType", file_type));
        }
        Ok(params)
    }

    fn read(&self, envelope: &Envelope) -> Result<FileRow, ApiError> {
        row_of(self.file, envelope)
    }
}

/// Moves a file to the trash, out of its folder. A late repeat may hit what a user restored: look first then.
pub struct FileDelete {
    /// The file.
    pub file: FileId,
}

impl Endpoint for FileDelete {
    const PATH: &'static str = "file/delete";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[NO_FILE_ID, NOT_FOUND];
    type Answer = FileRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("file_id", self.file)])
    }

    fn read(&self, envelope: &Envelope) -> Result<FileRow, ApiError> {
        row_of(self.file, envelope)
    }
}

/// Moves a file. Prefer [`FileEdit`]: this one may undo another's change (Q22) or put the file into limbo (Q13).
pub struct FileMove {
    /// The file.
    pub file: FileId,
    /// Its new place.
    pub folder: Parent,
}

impl Endpoint for FileMove {
    const PATH: &'static str = "file/move";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[
        NO_FILE_ID,
        NOT_FOUND,
        "Please provide the new_parent_folder_id param.",
        "Could not find the destination folder id defined by new_parent_folder_id.",
    ];
    type Answer = FileRow;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![
            param("file_id", self.file),
            param("new_parent_folder_id", destination(self.folder)?),
        ])
    }

    fn read(&self, envelope: &Envelope) -> Result<FileRow, ApiError> {
        row_of(self.file, envelope)
    }
}

/// Copies a file. Most servers make an ownerless copy of it (Q24): off by default in the product.
pub struct FileCopy {
    /// The file.
    pub file: FileId,
    /// Where the copy goes.
    pub folder: Parent,
}

/// A copy, as the server reports it: to be verified by a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The source.
    pub original: FileRow,
    /// The copy, under a new id and the same name.
    pub copy: FileRow,
}

impl Endpoint for FileCopy {
    const PATH: &'static str = "file/copy";
    const REPEAT: Repeat = Repeat::LookFirst;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[
        NO_FILE_ID,
        NOT_FOUND,
        "Please provide the copy_to_folder_id param.",
        "Could not find the destination folder id defined by copy_to_folder_id.",
    ];
    type Answer = Copied;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![
            param("file_id", self.file),
            param("copy_to_folder_id", destination(self.folder)?),
        ])
    }

    fn read(&self, envelope: &Envelope) -> Result<Copied, ApiError> {
        let row = |key| {
            let inner = envelope.object(key).and_then(|object| object.get("data"));
            FileRow::read(inner.ok_or(ApiError::malformed("a copy without both rows"))?)
        };
        let copied = Copied {
            original: row("original_file")?,
            copy: row("new_file")?,
        };
        if copied.original.id != self.file || copied.copy.id == self.file {
            return Err(ApiError::malformed("a copy of another file, or of the same id"));
        }
        Ok(copied)
    }
}
