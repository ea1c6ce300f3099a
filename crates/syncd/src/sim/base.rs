//! Where in the account a history's pair is.

use super::machine::TOP;

/// The folder of the account, or all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    /// A folder at the account's top.
    Folder,
    /// The top itself, where the real lines show trash too (`wire.md` Q05, Q06).
    Top,
}

impl Base {
    /// That of a seed's history.
    pub(crate) const fn of(seed: u64) -> Self {
        if seed < TOP { Self::Folder } else { Self::Top }
    }

    /// Its name, if it is a folder.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Folder => "Sync",
            Self::Top => "",
        }
    }

    /// Its path in the account.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Folder => "/Sync",
            Self::Top => "",
        }
    }

    /// The path from it on of what is below it.
    pub(crate) fn inside(self, path: &str) -> Option<&str> {
        path.strip_prefix(self.path())?.strip_prefix('/')
    }
}
