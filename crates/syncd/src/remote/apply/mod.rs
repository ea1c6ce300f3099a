//! Acting on the account: a family of steps per file. Every answer is compared with what was asked before it counts.

mod copy;
mod edit;
mod folder;
mod remove;
mod replace;
mod upload;

use std::fmt;

use api::ApiError;

pub(crate) use copy::{Twin, copy};
pub(crate) use edit::{edit_file, edit_folder};
pub(crate) use folder::create_folder;
use remove::trash_file;
pub(crate) use remove::{
    FolderAsKnown, retire, trash_arrival, trash_file_as_known, trash_folder, trash_interim,
};
pub(crate) use replace::{Replacement, finish_replacement};
pub(crate) use upload::{Landed, Wanted, finish_interim, upload};

/// Why a step did not do what it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// The account is not as the plan supposed; the next pass plans anew.
    Stale(String),
    /// The server refused for good; the item waits for the user.
    Refused(String),
    /// The answer was lost: it may have been done. The intent stays open until a look tells.
    Unknown(String),
    /// Nothing happened, and a later try may work.
    Later(String),
    /// It waits for the user: space, a decision.
    Held(String),
    /// Nothing more can be done in this run: the network, the credentials, the account.
    Fatal(ApiError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(why) => write!(f, "{why}; the next run plans it anew"),
            Self::Refused(why) | Self::Held(why) => f.write_str(why),
            Self::Unknown(why) => write!(f, "{why}; it may have worked, which a later look will show"),
            Self::Later(why) => write!(f, "{why}; it is tried again in the next run"),
            Self::Fatal(error) => error.fmt(f),
        }
    }
}

impl Failure {
    /// Sorts the error of a call that may be repeated: nothing is ever unknown about those for long.
    pub(crate) fn of_safe_call(error: ApiError) -> Self {
        if is_fatal(&error) {
            Self::Fatal(error)
        } else if is_stale(&error) {
            Self::Stale(format!("the account changed meanwhile: {error}"))
        } else if error.is_transient() {
            Self::Later(error.to_string())
        } else {
            Self::Refused(error.to_string())
        }
    }

    /// Sorts the error of a call that must not be repeated blindly (`wire.md` §1.4).
    pub(crate) fn of_unsafe_call(error: ApiError) -> Self {
        if let ApiError::Source { kind, cause } = &error {
            // The disk's side says so of a file that is not as the scan saw it (design D6).
            return if *kind == std::io::ErrorKind::InvalidData {
                Self::Stale("it changed while it was read".to_owned())
            } else {
                Self::Later(format!("it could not be read: {cause}"))
            };
        }
        if matches!(error, ApiError::SourceChanged { .. }) {
            return Self::Stale("it changed while it was read".to_owned());
        }
        if is_fatal(&error) || is_stale(&error) || error.is_definite() {
            return Self::of_safe_call(error);
        }
        Self::Unknown(error.to_string())
    }
}

/// Errors that say the account is not as the plan supposed.
fn is_stale(error: &ApiError) -> bool {
    matches!(error, ApiError::NotFound { .. } | ApiError::BadDestination)
}

/// Errors after which no further call makes sense in this run.
pub(crate) fn is_fatal(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::CredentialsRejected
            | ApiError::AuthMode
            | ApiError::NoCredentials
            | ApiError::NoApiAccess
            | ApiError::AccountRefused { .. }
            | ApiError::LoginLimit { .. }
            | ApiError::Store { .. }
            | ApiError::Unreachable { .. }
            | ApiError::Redirect { .. }
            | ApiError::NotThisApi { .. }
            | ApiError::Config { .. }
            | ApiError::TokenInvalid
    )
}
