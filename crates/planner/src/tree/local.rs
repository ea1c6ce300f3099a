//! What the last scan of the disk saw.

use crate::content::{ContentHash, Stamp};
use crate::hold::Odd;
use crate::id::{LocalIdentity, LocalKey};
use crate::name::LocalName;
use crate::tree::{Node, Tree};

/// What the disk shows. A synced node without a match is gone if its folder was read, hidden if not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocalTree {
    /// The entries; children of an ignored folder are not read and not in here.
    pub nodes: Tree<LocalNode>,
    /// The root itself could not be read in full: nothing directly in it is gone.
    pub root_hidden: bool,
}

/// One entry of the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalNode {
    /// Its number within this scan.
    pub key: LocalKey,
    /// The folder it is in; `None`: the root of the pair.
    pub parent: Option<LocalKey>,
    /// Its name.
    pub name: LocalName,
    /// What the file system says it is; `None` where that identifies nothing (more than one link, a file system
    /// without stable inode numbers).
    pub identity: Option<LocalIdentity>,
    /// Matched by an ignore rule at its present path, or one of our own names (design N5). Never synced.
    pub ignored: bool,
    /// File, folder or neither.
    pub kind: LocalKind,
}

/// What kind of entry it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocalKind {
    /// A regular file.
    File(LocalFile),
    /// A folder.
    Folder(LocalContents),
    /// Something that is never synced; it hides a synced node of its path (design S10).
    Other(Odd),
}

/// A regular file as the scan saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalFile {
    /// Bytes.
    pub size: u64,
    /// Its times.
    pub stamp: Stamp,
    /// BLAKE3, if these very stamps were hashed already.
    pub hash: Option<ContentHash>,
    /// It is still being written (design S13): nothing is decided about its content.
    pub busy: bool,
    /// It could not be opened (permission, IO error): its content is neither read nor replaced, its name is known.
    pub unreadable: bool,
}

/// Whether a folder's entries are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalContents {
    /// All its entries were read. `others` counts those that have no node here (names that are not UTF-8).
    Read {
        /// Entries without a node.
        others: u32,
    },
    /// It could not be read, or is a mount point or another device now: nothing below it is gone (design S10).
    Hidden,
}

impl LocalNode {
    /// The file, if it is one.
    #[must_use]
    pub const fn file(&self) -> Option<&LocalFile> {
        match &self.kind {
            LocalKind::File(file) => Some(file),
            LocalKind::Folder(_) | LocalKind::Other(_) => None,
        }
    }

    /// Whether it is a folder.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self.kind, LocalKind::Folder(_))
    }
}

impl Node for LocalNode {
    type Key = LocalKey;

    fn key(&self) -> LocalKey {
        self.key
    }

    fn parent(&self) -> Option<LocalKey> {
        self.parent
    }

    fn label(&self) -> &str {
        self.name.as_str()
    }
}
