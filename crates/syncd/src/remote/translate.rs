//! Wire ids and rows to the planner's vocabulary, and back. The only place where both are named.

use planner::id::{FileId, FolderId, RemoteId, ShortUrl};
use planner::name::RemoteName;
use planner::tree::{RemoteFile, RemoteKind, RemoteNode};

use super::rows::SeenFile;

/// The planner's id of a file row.
pub(crate) fn file_id(id: api::FileId) -> Option<FileId> {
    FileId::new(id.get())
}

/// The planner's id of a folder row.
pub(crate) fn folder_id(id: api::FolderId) -> Option<FolderId> {
    FolderId::new(id.get())
}

/// The wire's id of a file.
pub(crate) fn wire_file(id: FileId) -> Result<api::FileId, api::ApiError> {
    api::FileId::new(id.get()).ok_or(api::ApiError::Malformed {
        what: "a file id of 0",
    })
}

/// The wire's id of a folder.
pub(crate) fn wire_folder(id: FolderId) -> Result<api::FolderId, api::ApiError> {
    api::FolderId::new(id.get()).ok_or(api::ApiError::Malformed {
        what: "a folder id of 0",
    })
}

/// The wire's place for a folder of ours; `None` is the account's top.
pub(crate) fn wire_parent(folder: Option<FolderId>) -> Result<api::Parent, api::ApiError> {
    Ok(match folder {
        Some(folder) => api::Parent::In(wire_folder(folder)?),
        None => api::Parent::Top,
    })
}

/// A short URL, if the server gave one.
pub(crate) fn short_url(text: &str) -> Option<ShortUrl> {
    (!text.is_empty()).then(|| ShortUrl(text.into()))
}

/// A live file row as a node; `parent` is the folder within the pair (`None`: the pair's root).
pub(crate) fn file_node(row: &SeenFile, parent: Option<FolderId>) -> Option<RemoteNode> {
    Some(RemoteNode {
        id: RemoteId::File(file_id(row.id)?),
        parent,
        name: row.name.clone(),
        ignored: false,
        kind: RemoteKind::File(RemoteFile {
            size: row.size,
            short_url: short_url(&row.short_url),
            hash: None,
            looks: 1,
            appeared: None,
        }),
    })
}

/// A live folder row as a node.
pub(crate) fn folder_node(
    row: &api::FolderRow,
    parent: Option<FolderId>,
    readable: bool,
) -> Option<RemoteNode> {
    Some(RemoteNode {
        id: RemoteId::Folder(folder_id(row.id)?),
        parent,
        name: RemoteName::new(row.name.as_str()),
        ignored: false,
        kind: RemoteKind::Folder { readable },
    })
}
