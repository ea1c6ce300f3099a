//! Rows as JSON: which keys a listing shows and which an info, and which say the state (wire.md §3).
//!
//! Key words, hashes, and true sizes of folders are left out: nobody may build on them.

use super::answer::Object;
use super::dialect::Dialect;
use super::store::{File, Folder, RowState, Store};

/// Where the account's pages are.
pub(super) const BASE: &str = "https://account.sim";

/// The short URL of a file.
pub(super) fn short_url(id: u64) -> String {
    format!("{id:x}Zs")
}

fn common(file: &File, dialect: Dialect) -> Object {
    let short = short_url(file.id);
    let size = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
    let mut row = Object::new(dialect);
    row.number("id", file.id)
        .name("filename", &file.name)
        .text("shortUrl", &short)
        .text("fileType", file.mime)
        .text("extension", &file.extension)
        .number("fileSize", size)
        .number("downloads", file.downloads)
        .number_or_null("folderId", file.folder);
    row
}

/// A file in a listing.
pub(super) fn listed_file(file: &File, dialect: Dialect) -> Object {
    let mut row = common(file, dialect);
    row.text("status", file.state.word());
    row
}

/// A file in the answer of info, edit, move, delete.
pub(super) fn file(file: &File, dialect: Dialect) -> Object {
    let mut row = common(file, dialect);
    row.text(dialect.state_key(), file.state.word())
        .date("uploadedDate", Some(file.uploaded))
        .date("lastAccessed", file.accessed);
    row
}

fn folder_fields(folder: &Folder, store: &Store, dialect: Dialect) -> Object {
    let trash_counts = dialect.is_real();
    let children = store.folders_in(Some(folder.id)).filter(|row| match row.state {
        RowState::Active => true,
        RowState::Trash => trash_counts,
        RowState::Deleted => false,
    });
    let files = store
        .files_in(Some(folder.id))
        .filter(|row| row.state == RowState::Active);
    // The real lines date a folder by its own row alone (Q54).
    let updated = if dialect.is_real() {
        folder.updated
    } else {
        folder.updated.max(folder.touched)
    };
    let mut row = Object::new(dialect);
    row.number("id", folder.id)
        .number_or_null("parentId", folder.parent)
        .name("folderName", &folder.name)
        .number("totalSize", 0)
        .number("isPublic", folder.public)
        .date("date_added", Some(folder.added))
        .date("date_updated", updated)
        .count("child_folder_count", children.count())
        .count("file_count", files.count());
    row
}

/// A folder in a listing.
pub(super) fn listed_folder(folder: &Folder, store: &Store, dialect: Dialect) -> Object {
    let mut row = folder_fields(folder, store, dialect);
    if dialect.listed_folders_say_state() {
        row.text("status", folder.state.word());
    }
    row
}

/// A folder in the answer of info, edit, move, create.
pub(super) fn folder(folder: &Folder, store: &Store, dialect: Dialect) -> Object {
    let mut row = folder_fields(folder, store, dialect);
    if dialect.folders_say_state() {
        row.text("status", folder.state.word());
    }
    row
}
