//! The 19 endpoints: each one an item with its path, repeatability, parameters, documented errors and answer.
//!
//! An endpoint knows what an answer of it must carry, and answers `Malformed` for less. It never sends anything:
//! `client.rs` does. A new endpoint is an item here and a line in [`ALL`]; a test walks all of them.

pub mod account;
pub mod auth;
pub mod download;
pub mod file;
pub mod folder;
pub mod import;
pub mod upload;

use std::borrow::Cow;

use crate::caller::Class;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::id::Parent;

/// Whether a call may be made again after its answer was lost (wire.md §1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// A repeat does no harm.
    Safe,
    /// A repeat could do the work twice: look first.
    LookFirst,
}

/// One endpoint: the request is the value, the rest is about its kind.
pub trait Endpoint {
    /// Path below the API's base address.
    const PATH: &'static str;
    /// Whether it may be repeated.
    const REPEAT: Repeat;
    /// As what it is counted.
    const CLASS: Class;
    /// Errors as documented, besides those about the token.
    const ERRORS: &'static [&'static str];
    /// What a success carries.
    type Answer;

    /// The parameters, without the token's.
    ///
    /// # Errors
    /// [`ApiError::BadRequest`] for what must not be sent.
    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError>;

    /// Reads a success.
    ///
    /// # Errors
    /// [`ApiError::Malformed`] if it does not carry what it must.
    fn read(&self, envelope: &Envelope) -> Result<Self::Answer, ApiError>;
}

/// What is known about an endpoint without a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// See [`Endpoint::PATH`].
    pub path: &'static str,
    /// See [`Endpoint::REPEAT`].
    pub repeat: Repeat,
    /// See [`Endpoint::CLASS`].
    pub class: Class,
    /// See [`Endpoint::ERRORS`].
    pub errors: &'static [&'static str],
}

/// The table entry of an endpoint.
#[must_use]
pub const fn spec<E: Endpoint>() -> Spec {
    Spec {
        path: E::PATH,
        repeat: E::REPEAT,
        class: E::CLASS,
        errors: E::ERRORS,
    }
}

/// All endpoints, in the order of wire.md §3.
pub static ALL: [Spec; 19] = [
    spec::<auth::Authorize>(),
    spec::<auth::DisableAccessToken>(),
    spec::<account::GetAccountInfo>(),
    spec::<account::GetPackage>(),
    spec::<upload::FileUpload>(),
    spec::<download::GetLink>(),
    spec::<import::ImportAdd>(),
    spec::<import::ImportStatus>(),
    spec::<file::FileInfo>(),
    spec::<file::FileEdit>(),
    spec::<file::FileDelete>(),
    spec::<file::FileMove>(),
    spec::<file::FileCopy>(),
    spec::<folder::FolderCreate>(),
    spec::<folder::FolderListing>(),
    spec::<folder::FolderInfo>(),
    spec::<folder::FolderEdit>(),
    spec::<folder::FolderDelete>(),
    spec::<folder::FolderMove>(),
];

/// The endpoint of this path, with or without a leading slash.
#[must_use]
pub fn find(path: &str) -> Option<&'static Spec> {
    let path = path.trim_matches('/');
    ALL.iter().find(|spec| spec.path.eq_ignore_ascii_case(path))
}

/// A parameter.
pub(crate) fn param(name: &'static str, value: impl ToString) -> (Cow<'static, str>, String) {
    (Cow::Borrowed(name), value.to_string())
}

/// A destination in the form that edit, move and copy take: `null` in lower case is the root (wire.md §3.10).
pub(crate) fn destination(parent: Parent) -> Result<String, ApiError> {
    match parent {
        Parent::Top => Ok("null".to_owned()),
        Parent::In(folder) => Ok(folder.to_string()),
        Parent::Limbo => Err(ApiError::bad_request("limbo (folder 0) is no destination")),
    }
}

/// A parent in the form that listing, upload and create take: nothing is the root.
pub(crate) fn parent_or_blank(parent: Parent) -> Result<String, ApiError> {
    match parent {
        Parent::Top => Ok(String::new()),
        Parent::In(folder) => Ok(folder.to_string()),
        Parent::Limbo => Err(ApiError::bad_request("limbo (folder 0) is no folder")),
    }
}

/// A name as a parameter: blank would mean "keep" or be refused.
pub(crate) fn name_param(name: &str) -> Result<String, ApiError> {
    if name.trim().is_empty() || name.contains('\0') {
        return Err(ApiError::bad_request("a name must not be blank or hold NUL"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_endpoint_once() {
        let mut paths: Vec<_> = ALL.iter().map(|spec| spec.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), 19);
        assert!(
            ALL.iter()
                .all(|spec| find(&format!("/{}/", spec.path.to_uppercase())) == Some(spec))
        );
    }

    #[test]
    fn exactly_what_could_be_done_twice_needs_a_look_first() {
        let look: Vec<_> = ALL
            .iter()
            .filter(|s| s.repeat == Repeat::LookFirst)
            .map(|s| s.path)
            .collect();
        assert_eq!(
            look,
            [
                "authorize",
                "file/upload",
                "file/url_upload_add",
                "file/copy",
                "folder/create"
            ]
        );
    }
}
