//! What is not in sync, and why. The kinds are those of `interface.md` §1.

use alloc::string::String;

use crate::path::RelPath;

/// How an item that is not in sync is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ItemKind {
    /// This API or disk can never hold it; agreement is complete without it.
    Skipped,
    /// It waits for a decision or a proof.
    Held,
    /// One more look, or the user, decides; kept meanwhile.
    Unproved,
    /// In a one-way mode: differs on the side that is never written.
    Drift,
}

/// Which side an item lies on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// This machine.
    Local,
    /// The account.
    Remote,
}

/// Why the disk's entry can never be synced, or not be looked at now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Odd {
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// A name that is not UTF-8.
    NotUtf8,
}

/// The reason an item is held back. The text is made where users are spoken to; this is the fact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// A local file without bytes: the API refuses those (`wire.md` Q12, design M18).
    Empty,
    /// Not a file or folder, or not nameable.
    Odd(Odd),
    /// Larger than the account takes; the limit in bytes.
    TooLarge(u64),
    /// The other side cannot hold the name; says why.
    Unnameable(Unnameable),
    /// Cannot be read on this disk just now; the system's words.
    Unreadable(String),
    /// Being written just now (design S13).
    Busy,
    /// Missing in the account, but nothing proves that it was deleted (design S2, S3).
    AbsenceUnproved,
    /// A second file of this name appeared beside a synced one: most likely a replacement on its way (design N3).
    RepeatWaiting,
    /// Three conflict copies of this path are open already (design M12).
    ThreeConflicts,
    /// The account's listing of its folder could not be read.
    FolderUnreadable,
    /// The side that is never written differs (design M17).
    OneWay,
    /// Kept here only for items that cannot be synced (design M15).
    OnlyUnsyncable,
    /// The folder that it was moved to in the account is not here, for something that is no folder has its place.
    FolderShut,
}

/// Why a name cannot cross (design N1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Unnameable {
    /// Longer than the destination takes, also after escaping.
    TooLong,
    /// It holds a character the destination cannot, and `unstorable_names = "skip"`.
    Unstorable,
    /// One of our own names (design N5).
    Reserved,
}

/// One item that is not in sync.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hold {
    /// Where, in local names as far as there are any.
    pub path: RelPath,
    /// On which side it lies.
    pub side: Side,
    /// How it is counted.
    pub kind: ItemKind,
    /// Why.
    pub reason: Reason,
}
