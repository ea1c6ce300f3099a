//! What the account shows, and how it is known that something is no longer there.

use alloc::collections::BTreeMap;

use crate::content::ContentHash;
use crate::id::{FileId, FolderId, RemoteId, ShortUrl};
use crate::name::RemoteName;
use crate::tree::{Node, Tree};

/// What the last walk showed: active rows of folders proved alive, nothing else (design S1, S3).
///
/// A synced node that is in neither map is *unproved*: it is taken to be as it was, and nothing is written to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RemoteTree {
    /// The live rows.
    pub nodes: Tree<RemoteNode>,
    /// Synced ids that are not there any more, each with how that is known.
    pub gone: BTreeMap<RemoteId, Gone>,
    /// The pair's own root could not be listed: nothing new is created directly in it.
    pub root_unreadable: bool,
}

/// How it is known that a synced node is not there, and so what follows (design S2, S4, S5, A5, M14).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gone {
    /// Its own state says trash or deleted, or a dead folder took it along: a deletion, to be followed here.
    Deleted,
    /// Alive, but outside the pair now: removed from the pair, like a deletion.
    LeftPair,
    /// The package's expiry took it: it stays here and is uploaded anew.
    Expired,
    /// Its row was lost and the user approved: what is here is uploaded anew.
    LostApproved,
    /// It died with its folder just after we uploaded it: it is put back.
    DiedYoung,
}

/// One live row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteNode {
    /// Its id.
    pub id: RemoteId,
    /// The folder it is in; `None`: the root of the pair.
    pub parent: Option<FolderId>,
    /// Its name as the server says it.
    pub name: RemoteName,
    /// An ignore rule matches its place, or it is an interim or another of our own names (design A3, N5).
    pub ignored: bool,
    /// File or folder.
    pub kind: RemoteKind,
}

/// What kind of row it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteKind {
    /// A file.
    File(RemoteFile),
    /// A folder; `readable` is false if its listing failed: what was in it stays as last known (design S1), and
    /// nothing new is put into it.
    Folder {
        /// Whether its listing is in this tree.
        readable: bool,
    },
}

/// A file's version as the listing shows it: id, short URL and size (design §1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteFile {
    /// Bytes.
    pub size: u64,
    /// The server's second name of it.
    pub short_url: Option<ShortUrl>,
    /// BLAKE3, once its bytes were fetched (or uploaded by us).
    pub hash: Option<ContentHash>,
    /// Counted looks at which this row was seen while not synced (design N3); 1 at first sight.
    pub looks: u8,
    /// The walks, in seconds since 1970, between which this version appeared: last without, first with it.
    pub appeared: Option<(i64, i64)>,
}

impl RemoteNode {
    /// The file, if it is one.
    #[must_use]
    pub const fn file(&self) -> Option<&RemoteFile> {
        match &self.kind {
            RemoteKind::File(file) => Some(file),
            RemoteKind::Folder { .. } => None,
        }
    }

    /// Its file id, if it is a file.
    #[must_use]
    pub const fn file_id(&self) -> Option<FileId> {
        self.id.file()
    }
}

impl Node for RemoteNode {
    type Key = RemoteId;

    fn key(&self) -> RemoteId {
        self.id
    }

    fn parent(&self) -> Option<RemoteId> {
        self.parent.map(RemoteId::Folder)
    }

    fn label(&self) -> &str {
        self.name.as_str()
    }
}
