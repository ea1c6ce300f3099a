//! What is journalled before a call that must not be repeated blindly (design A1, D1): the bodies of intents, made
//! from the planner's vocabulary and read back into it.

use std::num::NonZeroU64;

use planner::content::ContentHash;
use planner::id::{FileId, FolderId, LocalIdentity, NodeId, RemoteId, ShortUrl};
use planner::name::{LocalName, RemoteName};
use planner::path::RelPath;
use planner::tree::{LocalNode, RemoteNode, SyncedNode};
use state::{Intent, IntentBody, OldFile, Replaced};

use super::fetch::Fetched;
use crate::remote::apply::{Landed, Replacement, Wanted};

/// Files from this size on never take the fast path (design A2): a lost answer would cost too much to check.
pub(crate) const FAST_BELOW: u64 = 8 * 1024 * 1024;

/// An upload about to leave.
#[derive(Clone, Debug)]
pub(crate) struct Upload<'a> {
    /// The folder within the pair; `None`: its root.
    pub(crate) folder: Option<FolderId>,
    /// The name it is to have.
    pub(crate) wanted: &'a RemoteName,
    /// Its size in bytes.
    pub(crate) size: NonZeroU64,
    /// Where it is on this disk.
    pub(crate) path: &'a RelPath,
    /// Its record, if there is one.
    pub(crate) node: Option<NodeId>,
    /// The version it replaces.
    pub(crate) replaced: Option<&'a Replacement>,
    /// Under its real name at once.
    pub(crate) fast: bool,
    /// Its bytes, where they are known already: by them a late arrival under its real name is known again.
    pub(crate) hash: Option<ContentHash>,
}

/// The body of an upload's intent.
pub(crate) fn upload(upload: &Upload<'_>, name_on_wire: &str) -> IntentBody {
    IntentBody::Upload {
        name_on_wire: name_on_wire.to_owned(),
        fast: upload.fast,
        folder: upload.folder.map(FolderId::get),
        wanted: upload.wanted.as_str().to_owned(),
        size: upload.size.get(),
        path: upload.path.as_str().to_owned(),
        node: upload.node.map(|node| node.0),
        // The fast path is taken only where no row of a loosely equal name was there (design A2).
        known_ids: Vec::new(),
        landed: None,
        replaces: upload.replaced.map(|old| Replaced {
            id: old.old.get(),
            name: old.name.as_str().to_owned(),
            folder: old.folder.map(FolderId::get),
            size: old.size,
            short_url: old.short_url.as_ref().map(|url| url.0.to_string()),
        }),
        blake3: upload.hash.map(|hash| hash.to_string()),
    }
}

/// Notes the answer of an upload in its intent; answers what is still to be done with the file.
pub(crate) fn landed(body: &mut IntentBody, answer: &Landed) -> Option<(Wanted, Option<Replacement>)> {
    let IntentBody::Upload { landed, blake3, .. } = body else {
        return None;
    };
    *landed = Some(answer.file.get());
    *blake3 = Some(answer.hash.to_string());
    wanted(body)
}

/// Notes in an intent what came of it.
pub(crate) fn came_of(body: &mut IntentBody, file: Option<FileId>, folder: Option<FolderId>) {
    if let IntentBody::Upload { landed, .. } = body {
        *landed = file.map(FileId::get).or(*landed);
    } else if let IntentBody::CreateFolder { made, .. } = body {
        *made = folder.map(FolderId::get);
    }
}

/// Whether an intent says what came of it in the account.
pub(crate) fn knows_what_came(body: &IntentBody) -> bool {
    body.made_file().is_some() || body.made_folder().is_some()
}

/// Where an upload under its real name went: folder and name.
pub(crate) fn fast_target(body: &IntentBody) -> Option<(Option<u64>, String)> {
    if let IntentBody::Upload {
        fast: true,
        folder,
        wanted,
        ..
    } = body
    {
        return Some((*folder, wanted.clone()));
    }
    None
}

/// The file that the account answered an upload with, where it did.
pub(crate) fn answered(body: &IntentBody) -> Option<FileId> {
    let IntentBody::Upload { landed, .. } = body else {
        return None;
    };
    landed.and_then(FileId::new)
}

/// What an upload's intent wants, and what it replaces.
pub(crate) fn wanted(body: &IntentBody) -> Option<(Wanted, Option<Replacement>)> {
    let IntentBody::Upload {
        folder,
        wanted,
        size,
        replaces,
        ..
    } = body
    else {
        return None;
    };
    let replaced = match replaces {
        None => None,
        Some(old) => Some(Replacement {
            old: FileId::new(old.id)?,
            name: RemoteName::new(old.name.as_str()),
            folder: old.folder.and_then(FolderId::new),
            size: old.size,
            short_url: old.short_url.as_ref().map(|url| ShortUrl(url.as_str().into())),
        }),
    };
    let wanted = Wanted {
        folder: folder.and_then(FolderId::new),
        name: RemoteName::new(wanted.as_str()),
        size: NonZeroU64::new(*size)?,
    };
    Some((wanted, replaced))
}

/// The body of a new folder's intent.
pub(crate) fn create_folder(
    parent: Option<FolderId>,
    name: &RemoteName,
    path: &str,
    known_ids: Vec<u64>,
) -> IntentBody {
    IntentBody::CreateFolder {
        parent: parent.map(FolderId::get),
        name: name.as_str().to_owned(),
        path: path.to_owned(),
        known_ids,
        made: None,
    }
}

/// A rename or move about to be made in the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit<'a> {
    /// Which.
    pub(crate) id: RemoteId,
    /// Its new name, if that changes.
    pub(crate) name: Option<&'a RemoteName>,
    /// Its new folder within the pair, if that changes.
    pub(crate) folder: Option<Option<FolderId>>,
    /// Its record.
    pub(crate) node: NodeId,
    /// Where it is on this disk then.
    pub(crate) path: &'a str,
}

/// The body of a rename's or move's intent.
pub(crate) fn edit(edit: Edit<'_>) -> IntentBody {
    IntentBody::Edit {
        id: edit.id.get(),
        is_folder: edit.id.folder().is_some(),
        name: edit.name.map(|name| name.as_str().to_owned()),
        moved: edit.folder.is_some(),
        parent: edit.folder.flatten().map(FolderId::get),
        node: edit.node.0,
        path: edit.path.to_owned(),
    }
}

/// The body of a deletion in the account.
pub(crate) const fn discard(file: FileId, node: NodeId) -> IntentBody {
    IntentBody::Discard {
        id: file.get(),
        node: node.0,
    }
}

/// The body of a rename on this disk: the record that it leads to.
pub(crate) fn rename(
    node: NodeId,
    parent: Option<NodeId>,
    remote_name: &RemoteName,
    from: &RelPath,
    to: &RelPath,
) -> IntentBody {
    IntentBody::Rename {
        node: node.0,
        parent: parent.map(|parent| parent.0),
        remote_name: remote_name.as_str().to_owned(),
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
    }
}

/// The body of a rename on this disk of an entry without a record.
pub(crate) fn shift(from: &RelPath, to: &RelPath, entry: LocalIdentity) -> IntentBody {
    IntentBody::Shift {
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
        device: entry.device,
        inode: entry.inode,
    }
}

/// What is sent from a path of this disk for the first time, or made for it in the account, and was moved here by
/// ourselves, is still the same: its intent follows. Else what arrives late would be somebody else's, and the entry be
/// sent a second time. Answers whether it did. A version of what has a record is known by that.
pub(crate) fn follow(intent: &mut Intent, from: &RelPath, to: &RelPath) -> bool {
    let (IntentBody::Upload { path, node: None, .. } | IntentBody::CreateFolder { path, .. }) =
        &mut intent.body
    else {
        return false;
    };
    let Some(before) = RelPath::parse(path).filter(|path| from == path || from.contains(path)) else {
        return false;
    };
    before.moved(from, to).as_str().clone_into(path);
    true
}

/// The body of a folder made on this disk.
pub(crate) fn make_folder(path: &RelPath) -> IntentBody {
    IntentBody::MakeFolder {
        path: path.as_str().to_owned(),
    }
}

/// The body of a download's way to its place, where nothing or an old version is.
pub(crate) fn place(
    path: &RelPath,
    file: FileId,
    fetched: &Fetched,
    old: Option<&LocalNode>,
    base: Option<&SyncedNode>,
    row: Option<&RemoteNode>,
) -> IntentBody {
    IntentBody::Place {
        path: path.as_str().to_owned(),
        staging: fetched.staged.name.to_string(),
        file: file.get(),
        size: fetched.staged.size,
        hash: Some(fetched.staged.hash.to_string()),
        over: old.and_then(LocalNode::file).map(|file| OldFile {
            size: file.size,
            mtime_ns: file.stamp.mtime_ns,
            ctime_ns: file.stamp.ctime_ns,
            hash: file
                .hash
                .or(base.and_then(|base| base.file()?.hash))
                .map(|hash| hash.to_string()),
        }),
        node: base.map(|base| base.id.0),
        short_url: fetched.short_url.as_ref().map(|url| url.0.to_string()),
        remote_name: row.map(|row| row.name.as_str().to_owned()),
    }
}

/// The body of an entry set aside for a moment.
pub(crate) fn park(
    from: &RelPath,
    slot: &LocalName,
    to: Option<&RelPath>,
    entry: Option<&LocalNode>,
) -> IntentBody {
    let identity = entry.and_then(|entry| entry.identity);
    IntentBody::Park {
        from: from.as_str().to_owned(),
        slot: slot.to_string(),
        to: to.map(|to| to.as_str().to_owned()),
        device: identity.map_or(0, |identity| identity.device),
        inode: identity.map_or(0, |identity| identity.inode),
    }
}

/// The body of a file's way to the local trash.
pub(crate) fn trash(path: &RelPath) -> IntentBody {
    IntentBody::Trash {
        path: path.as_str().to_owned(),
        to: String::new(),
    }
}

/// A hash as it is written in an intent.
pub(crate) fn parse_hash(text: &str) -> Option<ContentHash> {
    blake3::Hash::from_hex(text)
        .ok()
        .map(|hash| ContentHash(*hash.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_for_the_first_time_follows_its_entry() {
        let home = tempfile::tempdir().unwrap();
        let mut journal = state::Journal::open(home.path()).unwrap();
        let path = |text: &str| RelPath::parse(text).unwrap();
        let name = RemoteName::new("a");
        let sent = |at: &RelPath, node| {
            let sent = Upload {
                folder: None,
                wanted: &name,
                size: NonZeroU64::MIN,
                path: at,
                node,
                replaced: None,
                fast: true,
                hash: None,
            };
            upload(&sent, "a")
        };
        for (body, from, to, after) in [
            (sent(&path("a"), None), "a", "b/c", Some("b/c")),
            (sent(&path("d/a"), None), "d", "e", Some("e/a")),
            (sent(&path("da"), None), "d", "e", None),
            (sent(&path("a"), Some(NodeId(3))), "a", "b", None),
            (create_folder(None, &name, "a", Vec::new()), "a", "b", Some("b")),
            (make_folder(&path("a")), "a", "b", None),
        ] {
            let mut intent = journal.begin(body.clone(), 5).unwrap();
            let followed = follow(&mut intent, &path(from), &path(to));
            assert_eq!(followed, after.is_some(), "{body:?}");
            assert_eq!(intent.body == body, after.is_none(), "{body:?}");
            if let Some(after) = after {
                assert_eq!(intent.body.account_path(), Some(after));
            }
        }
    }
}
