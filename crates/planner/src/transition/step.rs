//! One step of a plan, and what it settles.

use alloc::vec::Vec;

use crate::content::ContentHash;
use crate::id::{FileId, FolderId, LocalKey, NodeId, TargetKey};
use crate::name::RemoteName;
use crate::path::RelPath;
use crate::rule::Rule;

/// A step's number within its plan: its place in [`Plan::steps`](super::Plan::steps).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StepId(pub u32);

/// One thing to do on one side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// The target node it serves; `None` for removals.
    pub node: Option<TargetKey>,
    /// What to do.
    pub action: Action,
    /// What is agreed once it is done, together with all earlier steps.
    pub settles: Settles,
    /// Synced nodes that are no more once it is done (a removed folder names all below it, children first).
    pub forgets: Vec<NodeId>,
    /// Why.
    pub because: Rule,
    /// Steps that must have succeeded before. If one fails, this one is not tried in this pass.
    pub after: Vec<StepId>,
}

/// What the journal may record about [`Step::node`] once the step is done. Only the last step of an aspect settles it,
/// so a pass that ends early leaves the record true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settles {
    /// Parent and both names.
    pub place: bool,
    /// The bytes: remote version, size, hash, stamps, identity.
    pub content: bool,
}

/// What to do, and on which side. No executor gets the other side's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// On the disk.
    Local(LocalStep),
    /// In the account.
    Remote(RemoteStep),
    /// Nothing but a record.
    Journal(JournalStep),
}

/// On the disk. Paths are as they will be when all steps named in [`Step::after`] are done.
///
/// [`Place`](Self::Place) waits for its node's step in the account, if there is one: else a pass that ends in between would
/// leave a file here that nothing ties to its row, and the next would upload it as a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocalStep {
    /// Make a folder. Half-done: it exists and is empty.
    CreateFolder {
        /// Where.
        path: RelPath,
    },
    /// Rename a file or folder; nothing may be at `to`.
    Move {
        /// The entry.
        what: LocalKey,
        /// Where it is now.
        from: RelPath,
        /// Where it goes.
        to: RelPath,
    },
    /// Set an entry aside under `.syncd`, because names change places (M16). Journalled first (design D1).
    Park {
        /// The entry.
        what: LocalKey,
        /// Where it is now.
        from: RelPath,
        /// The parking place, unique within the plan.
        slot: u32,
    },
    /// Bring a parked entry to its place; nothing may be at `to`.
    Unpark {
        /// The entry.
        what: LocalKey,
        /// The parking place.
        slot: u32,
        /// Where it goes.
        to: RelPath,
    },
    /// Download a file to a path where nothing is. Size 0 is made empty without a request.
    Place {
        /// Where.
        path: RelPath,
        /// The version.
        file: FileId,
        /// Its size in bytes.
        size: u64,
        /// Its hash, if known.
        hash: Option<ContentHash>,
    },
    /// Download a file over the one at `path`; the old one goes to the local trash.
    Replace {
        /// Where.
        path: RelPath,
        /// The entry that is replaced; it must still be as the scan saw it.
        what: LocalKey,
        /// The version.
        file: FileId,
        /// Its size in bytes.
        size: u64,
        /// Its hash, if known.
        hash: Option<ContentHash>,
    },
    /// Move a file to the local trash.
    Trash {
        /// The entry; it must still be as the scan saw it.
        what: LocalKey,
        /// Where it is.
        path: RelPath,
    },
    /// Remove a folder that is empty by now (design D3).
    RemoveFolder {
        /// The entry.
        what: LocalKey,
        /// Where it is.
        path: RelPath,
    },
}

/// Where in the account something goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoteParent {
    /// The pair's root.
    Root,
    /// A folder that is there.
    Existing(FolderId),
    /// The folder that an earlier step of this plan makes for this node.
    Made(TargetKey),
}

/// In the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteStep {
    /// Make a folder, or adopt the one that is there.
    CreateFolder {
        /// Where.
        parent: RemoteParent,
        /// Its name.
        name: RemoteName,
    },
    /// Upload a new file (design A2, A3).
    Upload {
        /// The entry; it must still be as the scan saw it.
        what: LocalKey,
        /// Where it is on this disk.
        from: RelPath,
        /// Its size in bytes; never 0 (`wire.md` Q12).
        size: core::num::NonZeroU64,
        /// The folder it goes to.
        parent: RemoteParent,
        /// The name it gets.
        name: RemoteName,
        /// One call is enough: the name survives an upload and no sibling is loosely equal (design A2). The executor
        /// still checks size and that the folder was listed or made in this pass.
        fast: bool,
    },
    /// Upload new bytes for a file, give them its (new) name and place, trash the old version (design A4).
    Replace {
        /// The entry; it must still be as the scan saw it.
        what: LocalKey,
        /// Where it is on this disk.
        from: RelPath,
        /// Its size in bytes.
        size: core::num::NonZeroU64,
        /// The old version.
        old: FileId,
        /// The folder it goes to.
        parent: RemoteParent,
        /// The name it gets.
        name: RemoteName,
    },
    /// Rename and/or move a file, in one call.
    EditFile {
        /// Which.
        id: FileId,
        /// Its new name, if that changes.
        name: Option<RemoteName>,
        /// Its new folder, if that changes.
        parent: Option<RemoteParent>,
    },
    /// Rename and/or move a folder, in one call.
    EditFolder {
        /// Which.
        id: FolderId,
        /// Its new name, if that changes.
        name: Option<RemoteName>,
        /// Its new folder, if that changes.
        parent: Option<RemoteParent>,
    },
    /// Move a file to the account's trash.
    TrashFile {
        /// Which.
        id: FileId,
    },
    /// Move a folder with all that is in it to the account's trash. All of that is in [`Step::forgets`] or was never
    /// synced but is to go as well (design A6).
    TrashFolder {
        /// Which.
        id: FolderId,
    },
}

/// Only the record changes. The step's `settles`, `node` and `forgets` say how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JournalStep {
    /// Both sides hold the node as the target has it: record it.
    Agree,
    /// The node is no more, or no longer synced: drop the record.
    Forget,
}
