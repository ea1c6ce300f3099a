//! What a backend tells the [`Ear`](super::ear::Ear), whatever system it is on. Paths begin with the root's as it was given.

use std::path::PathBuf;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// A file was made; who made it may go on writing.
    Created(PathBuf),
    /// A file was written to.
    Written(PathBuf),
    /// Somebody who could write to a file closed it.
    Closed(PathBuf),
    /// Nothing is there any more.
    Gone(PathBuf),
    /// Something else about it: what it is, or what the system notes of it.
    Changed(PathBuf),
    /// A folder in which, and below which, changes are heard of only from now on.
    Folder(PathBuf),
    /// Something has another name; of a folder with all below it, where changes were and are heard of.
    Moved {
        /// Its name before.
        from: PathBuf,
        /// Its name now.
        to: PathBuf,
        /// It is a folder.
        folder: bool,
    },
    /// Something changed, and it is not known where.
    Everything,
    /// What is watched is not known any more, or is not what it was: all of it is to be watched anew.
    Lost,
    /// The system watches no more folders; those that are watched go on to be.
    Limited,
}
