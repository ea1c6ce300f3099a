//! Rows of files and folders, read from listings, info, edit, move, delete, create and copy answers.
//!
//! A row without a parsable id, a name, or (a file) a size is no row: the whole answer is `Malformed`, because an
//! answer that is half understood must not count as one. Nothing is filtered here: trash and rows of a wrong
//! parent reach the caller, with what is needed to drop them.

use serde_json::Value;

use crate::error::ApiError;
use crate::id::{FileId, FolderId, Parent};
use crate::loose::{self, Object};

/// The state a row carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowState {
    /// Live.
    Active,
    /// Recoverable by the user on the web.
    Trash,
    /// Purged; only its row is left.
    Deleted,
    /// Something newer than this client.
    Other(String),
}

impl RowState {
    fn read(object: &Object, keys: &[&str]) -> Option<Self> {
        let text = keys.iter().find_map(|key| loose::filled(object, key))?;
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "active" => Self::Active,
            "trash" => Self::Trash,
            "deleted" => Self::Deleted,
            _ => Self::Other(text),
        })
    }
}

/// A file as a listing or an info-like answer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its id.
    pub id: FileId,
    /// The stored name, exactly as the server says it.
    pub name: String,
    /// Short URL; with id and size it names a version. Empty where the server gave none.
    pub short_url: String,
    /// Bytes.
    pub size: u64,
    /// `file_status`, else `status`. None: the row carries no state (in a listing: active).
    pub state: Option<RowState>,
    /// Where it says it lies; none if that cannot be read.
    pub parent: Option<Parent>,
    /// Mime type, guessed by the server from the uploaded name.
    pub file_type: Option<String>,
    /// Extension as stored (cut at 10 characters).
    pub extension: Option<String>,
    /// Server-local date without a zone: for equality only. Not in listings.
    pub uploaded_date: Option<String>,
    /// Like `uploaded_date`; changes by downloads.
    pub last_accessed: Option<String>,
    /// Downloads counted.
    pub downloads: Option<u64>,
    /// Key words, comma separated.
    pub keywords: Option<String>,
    /// The public page of the file.
    pub url: Option<String>,
}

impl FileRow {
    /// Reads a row; [`ApiError::Malformed`] without id, name or size.
    pub(crate) fn read(value: &Value) -> Result<Self, ApiError> {
        let row = value
            .as_object()
            .ok_or(ApiError::malformed("a file row is not an object"))?;
        let id = row.get("id").and_then(FileId::from_json);
        let size = loose::number(row, "fileSize");
        Ok(Self {
            id: id.ok_or(ApiError::malformed("a file row without a usable id"))?,
            name: loose::text(row, "filename").ok_or(ApiError::malformed("a file row without a name"))?,
            short_url: loose::text(row, "shortUrl").unwrap_or_default(),
            size: size.ok_or(ApiError::malformed("a file row without a usable size"))?,
            state: RowState::read(row, &["file_status", "status"]),
            parent: Parent::from_json(row.get("folderId")),
            file_type: loose::filled(row, "fileType"),
            extension: loose::text(row, "extension"),
            uploaded_date: loose::filled(row, "uploadedDate"),
            last_accessed: loose::filled(row, "lastAccessed"),
            downloads: loose::number(row, "downloads"),
            keywords: loose::filled(row, "keywords"),
            url: loose::filled(row, "url_file"),
        })
    }

    /// Whether it is live as far as the row tells: a file row without a state is active (wire.md §5).
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self.state, None | Some(RowState::Active))
    }
}

/// A folder as a listing or an info-like answer shows it. Its counts and dates lie (wire.md Q54): never skip by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRow {
    /// Its id.
    pub id: FolderId,
    /// The stored name, exactly as the server says it.
    pub name: String,
    /// None where the server gives folder rows no state: then a root folder needs proof (wire.md §5).
    pub state: Option<RowState>,
    /// Where it says it lies; none if that cannot be read.
    pub parent: Option<Parent>,
    /// Server-local date without a zone: for equality only.
    pub date_added: Option<String>,
    /// Like `date_added`; set by trashing, missed by deletes and moves inside.
    pub date_updated: Option<String>,
    /// Bytes below it, stale and trash included.
    pub total_size: Option<u64>,
    /// 0 private, 1 unlisted, 2 public.
    pub is_public: Option<u64>,
    /// Subfolders, trash included.
    pub child_folder_count: Option<u64>,
    /// Files in it.
    pub file_count: Option<u64>,
    /// Downloads counted below it.
    pub total_downloads: Option<u64>,
    /// The public page of the folder.
    pub url: Option<String>,
}

impl FolderRow {
    /// Reads a row; [`ApiError::Malformed`] without id or name.
    pub(crate) fn read(value: &Value) -> Result<Self, ApiError> {
        let row = value
            .as_object()
            .ok_or(ApiError::malformed("a folder row is not an object"))?;
        let id = row.get("id").and_then(FolderId::from_json);
        Ok(Self {
            id: id.ok_or(ApiError::malformed("a folder row without a usable id"))?,
            name: loose::text(row, "folderName").ok_or(ApiError::malformed("a folder row without a name"))?,
            state: RowState::read(row, &["status"]),
            parent: Parent::from_json(row.get("parentId")),
            date_added: loose::filled(row, "date_added"),
            date_updated: loose::filled(row, "date_updated"),
            total_size: loose::number(row, "totalSize"),
            is_public: loose::number(row, "isPublic"),
            child_folder_count: loose::number(row, "child_folder_count"),
            file_count: loose::number(row, "file_count"),
            total_downloads: loose::number(row, "total_downloads"),
            url: loose::filled(row, "url_folder"),
        })
    }
}
