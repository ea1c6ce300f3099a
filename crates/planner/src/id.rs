//! Who a node is: in the account, on this disk, and for us.
//!
//! Ids of the account are opaque digits (`wire.md` §1.3); a file and a folder may carry the same number, so the two
//! are different types. None of these is ever made from a path.

use core::fmt;
use core::num::NonZeroU64;

macro_rules! remote_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id with this number; `None` for 0, which is never an id of a row (`wire.md` Q13, Q35).
            #[must_use]
            pub const fn new(number: u64) -> Option<Self> {
                match NonZeroU64::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number itself, for the wire and the journal.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

remote_id! {
    /// A file's id in the account. Never reused for another file, but its bytes can change (`wire.md` §5).
    FileId
}
remote_id! {
    /// A folder's id in the account.
    FolderId
}

/// A node of the account. Folders sort before files, then by number: the tie-break of design §2, property 5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RemoteId {
    /// A folder.
    Folder(FolderId),
    /// A file.
    File(FileId),
}

impl RemoteId {
    /// The bare number, as users see it in names such as `a (id 1254).txt`.
    #[must_use]
    pub const fn get(self) -> u64 {
        match self {
            Self::Folder(id) => id.get(),
            Self::File(id) => id.get(),
        }
    }

    /// The folder id, if this is a folder.
    #[must_use]
    pub const fn folder(self) -> Option<FolderId> {
        match self {
            Self::Folder(id) => Some(id),
            Self::File(_) => None,
        }
    }

    /// The file id, if this is a file.
    #[must_use]
    pub const fn file(self) -> Option<FileId> {
        match self {
            Self::Folder(_) => None,
            Self::File(id) => Some(id),
        }
    }
}

/// Our own id of a synced node: given by the journal when the node is first agreed on, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u64);

/// A node within one scan of the disk. Means nothing outside the [`LocalTree`](crate::tree::LocalTree) it came with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalKey(pub u32);

/// A node within one merge. Means nothing outside the [`Target`](crate::merge::Target) it came with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TargetKey(pub u32);

/// What the file system says a node *is*, wherever it lies (design M1–M5).
///
/// Without a birth time an inode number may have been given to another file since; see
/// [`is_certain`](LocalIdentity::is_certain).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalIdentity {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// Birth time in nanoseconds since 1970, where the file system records one.
    pub birth_ns: Option<i64>,
}

impl LocalIdentity {
    /// Whether equality of two such identities proves that nothing else took the inode in between.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        self.birth_ns.is_some()
    }
}

/// The server's second name of a file version (`shortUrl`); with id and size it is a remote version (design §1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShortUrl(pub alloc::boxed::Box<str>);
