//! Why a step exists: the rule that caused it. Dry runs, history and tests show it.

use core::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// The rule behind a decision. The sentence is what users read after "because".
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// Every rule, for the test that each is shown by a named case.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The rule's name, for programs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The reason in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    /// Nothing differs from the last agreement.
    Unchanged => "nothing changed since the last agreement",
    /// New on this disk only.
    CreatedHere => "new on this machine",
    /// New in the account only.
    CreatedThere => "new in the account",
    /// Its bytes changed here only.
    EditedHere => "edited on this machine",
    /// Its bytes changed in the account only.
    EditedThere => "edited in the account",
    /// Renamed or moved here only.
    MovedHere => "moved on this machine",
    /// Renamed or moved in the account only (or in both: the account's place wins, M11).
    MovedThere => "moved in the account",
    /// Moved differently on both sides (M11).
    MovedBoth => "moved on both sides: the account's place wins",
    /// Two moves would close a ring (M11).
    Cycle => "moved into each other on both sides: the account's places win",
    /// Deleted here, untouched in the account.
    DeletedHere => "deleted on this machine",
    /// Deleted in the account, untouched here.
    DeletedThere => "deleted in the account",
    /// Gone on both sides.
    DeletedBoth => "gone on both sides",
    /// Moved out of the pair in the account (M14).
    LeftPair => "moved out of the synced folder in the account",
    /// Moved to an ignored name (M14).
    MovedToIgnored => "moved to an ignored name",
    /// An ignore rule covers it now: both copies stay, it is no longer synced (M14).
    Detached => "an ignore rule covers it now",
    /// Changed here, deleted there: the change wins (property 3).
    ChangeBeatsDeletionThere => "changed on this machine and deleted in the account: a change beats a deletion",
    /// Deleted here, changed there: the change wins (property 3).
    ChangeBeatsDeletionHere => "deleted on this machine and changed in the account: a change beats a deletion",
    /// A folder kept because something in it lives on (property 3).
    KeptForChildren => "kept because something in it is new or changed",
    /// Both sides came to the same.
    SameOnBoth => "the same on both sides",
    /// Found equal at the first meeting (M12).
    Adopted => "the same bytes on both sides",
    /// Believed equal by path and size (`first_merge = "size"`).
    AdoptedBySize => "same path and size, believed by first_merge = \"size\"",
    /// Two folders of one path are one (M13).
    FoldersMerge => "folders of one path are one",
    /// A file against a folder: the local one takes the conflict name (M13).
    FileAgainstFolder => "a file on one side and a folder on the other have one path",
    /// Both edited, or both created: both kept (M12).
    ConflictKeepBoth => "changed on both sides: both versions are kept",
    /// The policy chose the local version (M12).
    ConflictPreferLocal => "changed on both sides: this machine's version is preferred",
    /// The policy chose the remote version (M12).
    ConflictPreferRemote => "changed on both sides: the account's version is preferred",
    /// Repeated or loosely equal remote names: this one gets a derived local name (N2).
    RepeatedName => "another item has this name on this disk",
    /// Its derived name is no longer needed (N2).
    RepeatEnded => "its plain name is free again",
    /// Emptied here: the account keeps its version (M18).
    EmptiedHere => "emptied on this machine: empty files cannot be stored in the account",
    /// The package expired it: it stays and is uploaded anew (S5).
    Expired => "expired in the account",
    /// A lost row the user approved (S2).
    LostApproved => "lost by the server",
    /// It died with its folder just after our upload (A5).
    DiedYoung => "its folder was deleted while it was uploaded",
    /// Restored to the written side in a one-way pair (M17).
    OneWay => "this pair syncs in one direction",
    /// Parked to free a name or break a ring on this disk (M16).
    Parked => "set aside for a moment: names change places",
    /// Only the record changes: times, identity, or a name as the disk spelled it.
    Refreshed => "the record is brought up to date",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
