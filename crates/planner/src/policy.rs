//! What the user chose and what the two sides can hold: everything the merge needs besides the trees.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use crate::path::RelPath;

/// `direction` of a pair (design M17).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Direction {
    /// Both sides are written.
    #[default]
    Both,
    /// Only the account is written.
    Upload,
    /// Only the disk is written.
    Download,
}

/// `conflict` of a pair (design M12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ConflictPolicy {
    /// The remote version keeps the name, the local one gets a conflict name and is uploaded.
    #[default]
    KeepBoth,
    /// The local version wins; the remote one goes to the account's trash.
    PreferLocal,
    /// The remote version wins; the local one goes to the local trash.
    PreferRemote,
    /// The later one wins where that can be told, else as [`KeepBoth`](Self::KeepBoth).
    PreferNewer,
}

/// `first_merge` of a pair (design §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FirstMerge {
    /// Bytes are compared.
    #[default]
    Verify,
    /// Equal path and size is believed; the node is marked unverified.
    Size,
}

/// `unstorable_names` of a pair (design N1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unstorable {
    /// Characters the destination cannot hold become `⟦HEX⟧`.
    #[default]
    Escape,
    /// Such items are held.
    Skip,
}

/// What the disk does to names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskTraits {
    /// `A` and `a` are one entry.
    pub folds_case: bool,
    /// Composed and decomposed forms are one entry.
    pub folds_normalisation: bool,
    /// It refuses `"*:<>?|\` and control characters, trailing dots and blanks, and names such as `CON` (FAT, exFAT, NTFS,
    /// many network mounts).
    pub dos_names: bool,
    /// Longest component in bytes of UTF-8.
    pub name_max: usize,
}

impl Default for DiskTraits {
    /// A common Linux file system: exact names of up to 255 bytes.
    fn default() -> Self {
        Self {
            folds_case: false,
            folds_normalisation: false,
            dos_names: false,
            name_max: 255,
        }
    }
}

/// What the server was seen to do to names and sizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServerTraits {
    /// Characters outside the BMP were seen to come back unchanged (`wire.md` Q28).
    pub keeps_astral: bool,
    /// Largest file in bytes that the package allows or the server was seen to take; `None`: no limit known.
    pub max_upload: Option<u64>,
}

/// Everything a merge is told besides the trees.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// Which sides are written.
    pub direction: Direction,
    /// Who wins where both sides changed.
    pub conflict: ConflictPolicy,
    /// What is believed at the first meeting.
    pub first_merge: FirstMerge,
    /// What happens to names a side cannot hold.
    pub unstorable: Unstorable,
    /// The disk.
    pub disk: DiskTraits,
    /// The server.
    pub server: ServerTraits,
    /// This machine's name in conflict names (`device_name`, at most 20 characters).
    pub device: Box<str>,
    /// Conflict copies that the user chose to keep: they are open no more, and count towards no bound (design M12).
    pub kept_copies: BTreeSet<RelPath>,
}
