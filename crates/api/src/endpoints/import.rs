//! `/file/url_upload_add` and `/file/url_upload_status`: the server fetches a public address. Not used by sync.

use std::borrow::Cow;

use base64::Engine as _;

use crate::caller::Class;
use crate::endpoints::{Endpoint, Repeat, param, parent_or_blank};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::id::{FileId, Parent, ScheduledId};
use crate::loose;

/// Schedules an import. Twice imports twice.
pub struct ImportAdd {
    /// The public address.
    pub url: String,
    /// Where the file goes.
    pub folder: Parent,
}

impl Endpoint for ImportAdd {
    const PATH: &'static str = "file/url_upload_add";
    const REPEAT: Repeat = Repeat::LookFirst;
    const CLASS: Class = Class::Mutate;
    const ERRORS: &'static [&'static str] = &[
        "Please provide the file_url_base64 param.",
        "Could not parse the file_url_base64 parameter. Ensure it's base64 encoded.",
        "PHP Curl module does not exist on your server/web hosting. It will need to be enabled to use this feature.",
    ];
    type Answer = ScheduledId;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        if !self.url.contains("://") {
            return Err(ApiError::bad_request("an import needs a whole address"));
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(&self.url);
        Ok(vec![
            param("file_url_base64", encoded),
            param("folder_id", parent_or_blank(self.folder)?),
        ])
    }

    fn read(&self, envelope: &Envelope) -> Result<ScheduledId, ApiError> {
        let id = envelope
            .data()?
            .get("scheduled_item_id")
            .and_then(ScheduledId::from_json);
        id.ok_or(ApiError::malformed("a scheduled import without id"))
    }
}

/// Asks how an import goes.
pub struct ImportStatus {
    /// The import.
    pub item: ScheduledId,
}

/// State of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportState {
    /// Waiting for its turn.
    Pending,
    /// On its way.
    Downloading,
    /// Being stored.
    Processing,
    /// Stored.
    Complete,
    /// Given up by the user.
    Cancelled,
    /// Given up by the server.
    Failed,
    /// Something newer than this client.
    Other(String),
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its state.
    pub state: ImportState,
    /// Bytes, once known.
    pub total_size: Option<u64>,
    /// The file, once complete.
    pub file: Option<FileId>,
    /// Its stored name.
    pub name: Option<String>,
}

impl Endpoint for ImportStatus {
    const PATH: &'static str = "file/url_upload_status";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &["Please provide the scheduled_item_id param."];
    type Answer = Import;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(vec![param("scheduled_item_id", self.item)])
    }

    fn read(&self, envelope: &Envelope) -> Result<Import, ApiError> {
        let data = envelope.data()?;
        let state = loose::filled(data, "status").ok_or(ApiError::malformed("an import without a state"))?;
        let state = match state.to_ascii_lowercase().as_str() {
            "pending" => ImportState::Pending,
            "downloading" => ImportState::Downloading,
            "processing" => ImportState::Processing,
            "complete" => ImportState::Complete,
            "cancelled" => ImportState::Cancelled,
            "failed" => ImportState::Failed,
            _ => ImportState::Other(state),
        };
        let file = data.get("downloaded_file").and_then(serde_json::Value::as_object);
        Ok(Import {
            state,
            total_size: loose::number(data, "total_size"),
            file: file
                .and_then(|file| file.get("file_id"))
                .and_then(FileId::from_json),
            name: file.and_then(|file| loose::text(file, "name")),
        })
    }
}
