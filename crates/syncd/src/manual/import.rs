//! Public addresses that the server fetches into the account by itself.
//!
//! Twice imports twice: a call whose answer was lost is told, never repeated.

use std::time::Duration;

use api::{FileId, Import, ImportState, Parent, ScheduledId};

use super::desk::Desk;
use super::fault::{Fault, call};
use super::find::Found;
use crate::remote::translate;

/// Longest wait between two questions (`wire.md` §3.8).
const ASK_MAX: Duration = Duration::from_secs(60);
/// The first.
const ASK_FIRST: Duration = Duration::from_secs(1);

/// How an import stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// In the API's words.
    pub(crate) word: String,
    /// Bytes, once known.
    pub(crate) size: Option<u64>,
    /// The file, once complete.
    pub(crate) file: Option<FileId>,
    /// Its name.
    pub(crate) name: Option<String>,
    /// It will not change any more; whether well.
    pub(crate) ended: Option<bool>,
}

impl From<Import> for State {
    fn from(import: Import) -> Self {
        let (word, ended) = match import.state {
            ImportState::Pending => ("pending", None),
            ImportState::Downloading => ("downloading", None),
            ImportState::Processing => ("processing", None),
            ImportState::Complete => ("complete", Some(true)),
            ImportState::Cancelled => ("cancelled", Some(false)),
            ImportState::Failed => ("failed", Some(false)),
            ImportState::Other(_) => ("unknown", None),
        };
        Self {
            word: word.to_owned(),
            size: import.total_size.filter(|size| *size > 0),
            file: import.file,
            name: import.name,
            ended,
        }
    }
}

/// Has the server fetch an address into a folder.
pub(crate) async fn start(desk: &Desk, url: &str, into: &Found) -> Result<ScheduledId, Fault> {
    // The address may hold a secret of its owner's: it is in no message.
    let place: Parent = translate::wire_parent(into.folder()?).map_err(call(&into.path, "not imported"))?;
    match desk.client.import_add(url, place).await {
        Ok(id) => Ok(id),
        Err(error) if error.is_definite() => Err(call(&into.path, "not imported")(error)),
        Err(error) => Err(Fault::Unclear {
            path: into.path.clone(),
            happened: "not imported for sure",
            why: error.to_string(),
        }),
    }
}

/// How it stands; with `wait` when it has ended. `seen` is told of each answer.
pub(crate) async fn watch(
    desk: &Desk,
    id: ScheduledId,
    wait: bool,
    mut seen: impl FnMut(&State),
) -> Result<State, Fault> {
    let mut pause = ASK_FIRST;
    loop {
        let path = format!("import {id}");
        let state = desk.client.import_status(id).await;
        let state = State::from(state.map_err(call(&path, "its state is not known"))?);
        seen(&state);
        if !wait || state.ended.is_some() {
            return Ok(state);
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(ASK_MAX);
    }
}
