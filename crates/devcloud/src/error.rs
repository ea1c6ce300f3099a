//! What can go wrong when a server is started or steered. Answers to API requests are never made of it.

use std::path::PathBuf;

/// Why the server did not start, or did not take an order.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be used: choose another, or repair its permissions.
    #[error("the data directory {path} cannot be used")]
    Data {
        /// The directory or file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The address cannot be listened on: choose another.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database in the data directory refused.
    #[error("the database refused")]
    Database(#[from] rusqlite::Error),
    /// A quirk, knob, fault, dialect or value that does not exist; the text names it.
    #[error("{0}")]
    Unknown(String),
    /// A web user's action on something that is not there, or that the active switches do not offer.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn data(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Data {
            path: path.into(),
            source,
        }
    }
}
