//! What can go wrong with a command about the account, as values. Sentences are made of them in `report`.

use api::ApiError;

use crate::local::LocalError;
use crate::remote::apply::Failure;

/// Something that was not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// What was written names nothing that could be.
    BadTarget {
        /// As written.
        text: String,
        /// Why.
        why: &'static str,
    },
    /// A pattern that cannot be read.
    BadPattern {
        /// As written.
        text: String,
        /// Why.
        why: String,
    },
    /// Nothing of that name or id is live.
    NotFound {
        /// The path as far as it goes, or the id.
        path: String,
        /// Names there that are like it.
        near: Option<String>,
    },
    /// Nothing fits to the pattern.
    NoMatch {
        /// The target with the pattern.
        path: String,
    },
    /// Several things have that name.
    Ambiguous {
        /// The path.
        path: String,
        /// How each is named by its id, with what it is.
        ids: Vec<String>,
    },
    /// It is in the trash, or gone.
    Dead {
        /// What.
        path: String,
    },
    /// It is a file where a folder is needed.
    NotAFolder {
        /// What.
        path: String,
    },
    /// It is a folder where a file is needed.
    NotAFile {
        /// What.
        path: String,
        /// What to do instead.
        next: &'static str,
    },
    /// The command cannot be used with it.
    Unfit {
        /// What.
        path: String,
        /// What was not done.
        happened: &'static str,
        /// Why.
        why: String,
        /// What to do instead.
        next: String,
    },
    /// The name is taken.
    Taken {
        /// The path.
        path: String,
        /// What was not done.
        happened: &'static str,
        /// What to do instead.
        next: &'static str,
    },
    /// No name in the account, or on this disk, can stand for it.
    Unnameable {
        /// What.
        path: String,
        /// What was not done.
        happened: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A file without a byte, which this API cannot hold.
    Empty {
        /// Which.
        path: String,
    },
    /// A file that changed while it was sent.
    Changed {
        /// Which.
        path: String,
    },
    /// This disk.
    Local {
        /// What.
        path: String,
        /// What was not done.
        happened: &'static str,
        /// Why.
        error: LocalError,
    },
    /// A call.
    Api {
        /// What.
        path: String,
        /// What was not done.
        happened: &'static str,
        /// Why.
        error: ApiError,
    },
    /// A step of the account.
    Step {
        /// What.
        path: String,
        /// What was not done.
        happened: &'static str,
        /// Why.
        failure: Failure,
    },
    /// A call whose answer was lost, and looking did not tell either.
    Unclear {
        /// What.
        path: String,
        /// What may have been done.
        happened: &'static str,
        /// Why.
        why: String,
    },
}

impl Fault {
    /// Nothing more can be done in this run: the network, the credentials, the account.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Api { error, .. } => crate::remote::apply::is_fatal(error),
            Self::Step { failure, .. } => matches!(failure, Failure::Fatal(_)),
            Self::BadTarget { .. }
            | Self::BadPattern { .. }
            | Self::NotFound { .. }
            | Self::NoMatch { .. }
            | Self::Ambiguous { .. }
            | Self::Dead { .. }
            | Self::NotAFolder { .. }
            | Self::NotAFile { .. }
            | Self::Unfit { .. }
            | Self::Taken { .. }
            | Self::Unnameable { .. }
            | Self::Empty { .. }
            | Self::Changed { .. }
            | Self::Local { .. }
            | Self::Unclear { .. } => false,
        }
    }
}

/// A call that failed at this path.
pub(super) fn call(path: &str, happened: &'static str) -> impl FnOnce(ApiError) -> Fault {
    let path = path.to_owned();
    move |error| Fault::Api {
        path,
        happened,
        error,
    }
}

/// A step that failed at this path.
pub(super) fn step(path: &str, happened: &'static str) -> impl FnOnce(Failure) -> Fault {
    let path = path.to_owned();
    move |failure| Fault::Step {
        path,
        happened,
        failure,
    }
}

/// This disk refused at this path.
pub(super) fn disk(path: &str, happened: &'static str) -> impl FnOnce(LocalError) -> Fault {
    let path = path.to_owned();
    move |error| Fault::Local {
        path,
        happened,
        error,
    }
}
