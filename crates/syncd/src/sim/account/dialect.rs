//! Which line of servers the account is on, and what differs by it (wire.md §7, presets `D`, `4`, `5`). Pure.

use std::sync::LazyLock;

use devcloud::Quirks;

/// The rules of the lines, as devcloud has them.
static RULES: LazyLock<[Quirks; 3]> = LazyLock::new(|| {
    [
        devcloud::Dialect::Document,
        devcloud::Dialect::V4,
        devcloud::Dialect::V5,
    ]
    .map(Quirks::preset)
});

/// A line of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What the document promises.
    Document,
    /// The 4.5 line.
    V4,
    /// The rewrite.
    V5,
}

impl Dialect {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Document, Self::V4, Self::V5];

    /// A line that exists, with the quirks both have; the document promises better.
    pub(super) const fn is_real(self) -> bool {
        matches!(self, Self::V4 | Self::V5)
    }

    /// What devcloud's pure rules of names and ranges ask.
    pub(super) fn rules(self) -> &'static Quirks {
        let [document, v4, v5] = &*RULES;
        match self {
            Self::Document => document,
            Self::V4 => v4,
            Self::V5 => v5,
        }
    }

    /// The key of an error (Q04).
    pub(super) const fn error_key(self) -> &'static str {
        match self {
            Self::V4 => "status",
            Self::Document | Self::V5 => "_status",
        }
    }

    /// The key of a file's state outside listings (Q16).
    pub(super) const fn state_key(self) -> &'static str {
        match self {
            Self::Document => "status",
            Self::V4 | Self::V5 => "file_status",
        }
    }

    /// Whether trashed files are rows of the root listing (Q06).
    pub(super) const fn shows_trashed_files(self) -> bool {
        matches!(self, Self::V5)
    }

    /// Whether folder rows of listings carry their state (Q05).
    pub(super) const fn listed_folders_say_state(self) -> bool {
        matches!(self, Self::V5)
    }

    /// Whether folder rows of info, edit, move and create carry their state.
    pub(super) const fn folders_say_state(self) -> bool {
        matches!(self, Self::Document | Self::V5)
    }

    /// Whether a file's move to `null` puts it into limbo (Q13).
    pub(super) const fn root_is_limbo(self) -> bool {
        matches!(self, Self::V4)
    }

    /// Whether the web user's editor replaces the bytes under an id (Q44); elsewhere it uploads anew.
    pub(super) const fn swaps_content(self) -> bool {
        matches!(self, Self::V5)
    }

    /// Whether numbers of this key are numbers in JSON (Q37); elsewhere they are strings.
    pub(super) fn is_plain_number(self, key: &str) -> bool {
        matches!(self, Self::V5) && key.len().is_multiple_of(2)
    }
}
