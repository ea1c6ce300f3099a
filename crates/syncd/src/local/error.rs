//! What can go wrong on the disk, by what the caller can do about it.
//!
//! The meaning of a system's error number depends on what was tried; it is given here, once. What must never happen: that
//! "could not look" becomes "is not there". Only [`LocalError::Vanished`] says that a name is gone.

use std::path::PathBuf;

use super::sys::Errno;

/// A failure on this disk. Paths are relative to the root of the pair (`.` is the root), except for the root's own.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// The root of the pair is not there: the pair stops.
    #[error("the folder {} is not there", .0.display())]
    Missing(PathBuf),
    /// The root of the pair is not a folder: the pair stops.
    #[error("{} is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// It is not as the scan saw it. Nothing was changed, or all was put back: merge anew.
    #[error("{path}: {what}")]
    Changed {
        /// Where.
        path: String,
        /// What is different.
        what: &'static str,
    },
    /// Something is at the destination. Nothing was changed: merge anew.
    #[error("{path}: something is there already")]
    Occupied {
        /// Where.
        path: String,
    },
    /// The folder holds something: it stays. Merge anew.
    #[error("{path}: the folder is not empty")]
    NotEmpty {
        /// Where.
        path: String,
    },
    /// The system does not let us. Only this path fails, until somebody changes its permissions.
    #[error("{path}: not permitted ({cause})")]
    Denied {
        /// Where.
        path: String,
        /// The system's words.
        cause: Errno,
    },
    /// No space or quota. Downloads wait.
    #[error("{path}: no space left on this disk ({cause})")]
    NoSpace {
        /// Where.
        path: String,
        /// The system's words.
        cause: Errno,
    },
    /// This disk cannot hold the name. The item is held.
    #[error("{path}: this disk cannot hold the name ({cause})")]
    Unnameable {
        /// Where.
        path: String,
        /// The system's words.
        cause: Errno,
    },
    /// It is not there any more. Merge anew.
    #[error("{path}: not there any more")]
    Vanished {
        /// Where.
        path: String,
    },
    /// The marker of the root cannot be understood: the pair stops.
    #[error("{path}: damaged ({cause})")]
    Damaged {
        /// Where.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// An ignore rule cannot be read or understood. The pass ends: a guess could delete or upload what the user meant
    /// to keep out.
    #[error("{path}, line {line}: {cause}")]
    Rules {
        /// The file, or the key of the configuration.
        path: String,
        /// The line, from 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        cause: String,
    },
    /// Anything else: the path failed, nothing is known to have changed.
    #[error("{path}: {doing} failed ({cause})")]
    Io {
        /// Where.
        path: String,
        /// What was tried.
        doing: &'static str,
        /// The system's words.
        cause: Errno,
    },
}

impl LocalError {
    /// The meaning of an error number at this path.
    pub(super) fn at(path: impl ToString, doing: &'static str, cause: Errno) -> Self {
        let path = path.to_string();
        match cause {
            Errno::NOENT => Self::Vanished { path },
            Errno::NOTDIR => Self::Changed {
                path,
                what: "a folder on the way is no folder any more",
            },
            Errno::LOOP => Self::Changed {
                path,
                what: "it or a folder on the way became a symbolic link",
            },
            Errno::XDEV => Self::Changed {
                path,
                what: "another file system is mounted on the way",
            },
            Errno::ISDIR => Self::Changed {
                path,
                what: "it became a folder",
            },
            Errno::EXIST => Self::Occupied { path },
            Errno::NOTEMPTY => Self::NotEmpty { path },
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied { path, cause },
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace { path, cause },
            Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Self::Unnameable { path, cause },
            _ => Self::Io { path, doing, cause },
        }
    }

    /// A blocking job ended without a result: a bug of ours, or the program is ending. Nothing is known to have changed.
    pub(crate) fn broke_off() -> Self {
        Self::Io {
            path: ".".to_owned(),
            doing: "a step that was under way",
            cause: Errno::CANCELED,
        }
    }

    /// Whether a new scan and merge is all that is needed.
    pub(crate) const fn is_stale(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::Occupied { .. } | Self::NotEmpty { .. } | Self::Vanished { .. } => {
                true
            }
            Self::Missing(_)
            | Self::NotAFolder(_)
            | Self::Denied { .. }
            | Self::NoSpace { .. }
            | Self::Unnameable { .. }
            | Self::Damaged { .. }
            | Self::Rules { .. }
            | Self::Io { .. } => false,
        }
    }
}
