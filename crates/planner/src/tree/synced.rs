//! The merge base: what both sides last agreed on, node by node (design §2).

use crate::content::{ContentHash, Stamp};
use crate::id::{FileId, FolderId, LocalIdentity, NodeId, RemoteId, ShortUrl};
use crate::name::{LocalName, RemoteName};
use crate::tree::{Node, Tree};

/// The journal's matched nodes.
pub type SyncedTree = Tree<SyncedNode>;

/// How firm the agreement is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// A listing showed it where it belongs.
    Agreed,
    /// Uploaded and answered for, but no listing has shown it yet: its absence in the account proves nothing.
    Published,
}

/// One node that both sides hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncedNode {
    /// Ours.
    pub id: NodeId,
    /// The synced folder it is in; `None`: the root of the pair.
    pub parent: Option<NodeId>,
    /// Its name in the account, as the server holds it.
    pub remote_name: RemoteName,
    /// Its name on this disk, as the disk holds it.
    pub local_name: LocalName,
    /// What the disk said it was when last agreed; `None` where the file system cannot tell.
    pub identity: Option<LocalIdentity>,
    /// Agreed or only published.
    pub standing: Standing,
    /// File or folder.
    pub kind: SyncedKind,
}

/// What kind of node was agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SyncedKind {
    /// A file and its agreed version.
    File(SyncedFile),
    /// A folder.
    Folder(FolderId),
}

/// The agreed version of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncedFile {
    /// Its id in the account.
    pub remote: FileId,
    /// The server's second name of the version; `None` if no answer carried one.
    pub short_url: Option<ShortUrl>,
    /// Bytes, on both sides.
    pub size: u64,
    /// BLAKE3; `None` while unverified (`first_merge = "size"`).
    pub hash: Option<ContentHash>,
    /// The disk's times when the content was last known to be this; `None` if they were too young to be trusted, so
    /// that the file must be hashed again before it counts as unchanged (design S12).
    pub stamp: Option<Stamp>,
}

impl SyncedNode {
    /// Its id in the account.
    #[must_use]
    pub const fn remote(&self) -> RemoteId {
        match &self.kind {
            SyncedKind::File(file) => RemoteId::File(file.remote),
            SyncedKind::Folder(id) => RemoteId::Folder(*id),
        }
    }

    /// The agreed version, if this is a file.
    #[must_use]
    pub const fn file(&self) -> Option<&SyncedFile> {
        match &self.kind {
            SyncedKind::File(file) => Some(file),
            SyncedKind::Folder(_) => None,
        }
    }
}

impl Node for SyncedNode {
    type Key = NodeId;

    fn key(&self) -> NodeId {
        self.id
    }

    fn parent(&self) -> Option<NodeId> {
        self.parent
    }

    fn label(&self) -> &str {
        self.local_name.as_str()
    }
}
