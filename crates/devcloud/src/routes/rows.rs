//! Rows as JSON: which keys a listing shows and which an info, and which say the state (wire.md §3).

use serde_json::{Map, Value, json};

use crate::clock::date;
use crate::dialect::Quirks;
use crate::quirk_table::Quirk;
use crate::store::files::FileRow;
use crate::store::folders::FolderRow;

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn id_or_null(id: Option<i64>) -> Value {
    id.map_or(Value::Null, |id| id.to_string().into())
}

fn date_or_null(at: Option<i64>) -> Value {
    at.map_or(Value::Null, |at| date(at).into())
}

/// The words of a name, as the server makes key words of them.
fn keywords(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name).to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(",")
}

/// A file in a listing.
pub(crate) fn listed_file(row: &FileRow, base: &str) -> Value {
    let mut fields = common(row, base);
    fields.insert("status".to_owned(), row.state.word().into());
    Value::Object(fields)
}

/// A file in the answer of info, edit, move, delete, copy.
pub(crate) fn file(row: &FileRow, base: &str, quirks: &Quirks) -> Value {
    let mut fields = common(row, base);
    let key = if quirks.on(Quirk::DeadIdsResolve) {
        quirks.word(Quirk::DeadIdsResolve, "state-key")
    } else {
        "status"
    };
    for name in ["status", "file_status"] {
        if key == name || key == "both" {
            fields.insert(name.to_owned(), row.state.word().into());
        }
    }
    fields.insert("uploadedIP".to_owned(), row.ip.clone().into());
    fields.insert("uploadedDate".to_owned(), date(row.uploaded).into());
    fields.insert("lastAccessed".to_owned(), date_or_null(row.accessed));
    fields.insert("isPublic".to_owned(), "1".into());
    fields.insert("uploadSource".to_owned(), row.source.clone().into());
    Value::Object(fields)
}

fn common(row: &FileRow, base: &str) -> Map<String, Value> {
    let fields = [
        ("id", row.id.to_string().into()),
        ("filename", text(&row.name)),
        ("shortUrl", row.short.clone().into()),
        ("fileType", row.mime.clone().into()),
        ("extension", row.extension.clone().into()),
        ("fileSize", row.size.to_string().into()),
        ("downloads", row.downloads.to_string().into()),
        ("folderId", id_or_null(row.folder)),
        ("keywords", keywords(&row.name).into()),
        ("url_file", format!("{base}/{}", row.short).into()),
    ];
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Whether folder rows of listings carry their state.
fn listings_say_state(quirks: &Quirks) -> bool {
    if quirks.on(Quirk::TrashFoldersAtRoot) {
        quirks.flag(Quirk::TrashFoldersAtRoot, "status")
    } else {
        quirks.on(Quirk::TrashListing)
    }
}

/// A folder in a listing.
pub(crate) fn listed_folder(row: &FolderRow, base: &str, quirks: &Quirks) -> Value {
    let mut fields = folder_fields(row, base, quirks);
    if listings_say_state(quirks) {
        fields.insert("status".to_owned(), row.state.word().into());
        fields.insert("urlHash".to_owned(), row.hash.clone().into());
    }
    Value::Object(fields)
}

/// A folder in the answer of info, edit, move, create.
pub(crate) fn folder(row: &FolderRow, base: &str, quirks: &Quirks) -> Value {
    let mut fields = folder_fields(row, base, quirks);
    fields.insert(
        "accessPassword".to_owned(),
        row.password.clone().map_or(Value::Null, Value::from),
    );
    if !quirks.on(Quirk::TrashFoldersAtRoot) || listings_say_state(quirks) {
        fields.insert("status".to_owned(), row.state.word().into());
    }
    Value::Object(fields)
}

fn folder_fields(row: &FolderRow, base: &str, quirks: &Quirks) -> Map<String, Value> {
    let lies = quirks.on(Quirk::CountsLie);
    let total = if lies { row.shown } else { row.total };
    let children = if lies {
        row.n_folders.saturating_add(row.n_trash)
    } else {
        row.n_folders
    };
    let updated = if lies {
        row.updated
    } else {
        row.updated.max(row.touched)
    };
    let slug = String::from_utf8_lossy(&row.name).replace(|c: char| !c.is_alphanumeric(), "_");
    let fields = [
        ("id", row.id.to_string().into()),
        ("parentId", id_or_null(row.parent)),
        ("folderName", text(&row.name)),
        ("totalSize", total.max(0).to_string().into()),
        ("isPublic", row.public.to_string().into()),
        ("date_added", date(row.added).into()),
        ("date_updated", date_or_null(updated)),
        ("url_folder", format!("{base}/folder/{}/{slug}", row.id).into()),
        ("total_downloads", json!(row.downloads)),
        ("child_folder_count", json!(children)),
        ("file_count", json!(row.n_files)),
    ];
    fields
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
