//! The API's calls, each worked on in one piece. The order of checks is part of the wire: `access_token` present,
//! `account_id` present, pair valid, id present, id ours, destination present, destination active.

mod download;
mod file;
mod folder;
mod session;
mod upload;

use super::answer::{Failure, Outcome, Reply, render};
use super::dialect::Dialect;
use super::faults::{Fault, Struck};
use super::names;
use super::request::{Given, Params, Request};
use super::state::State;
use super::store::{File, Folder, Place, RowState};
use crate::sim::rng::Rng;

pub(super) use upload::Incoming;

/// Both keys of the account.
pub(super) fn keys() -> (String, String) {
    (session::key1(), session::key2())
}

/// What unknown file ids are told.
const NO_FILE: &str = "Could not find file based on file_id.";
/// What unknown folder ids are told.
const NO_FOLDER: &str = "Could not find folder based on folder_id.";

/// What a script prints when the database does not answer it (Q41).
const PARAGRAPH: &str = "<p>There was a problem connecting to the database.</p>";

/// A call that is being worked on.
struct Call<'a> {
    state: &'a mut State,
    params: &'a Params,
    dice: &'a mut Rng,
    struck: Struck,
    now: u64,
}

/// Where something is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    /// The root.
    Root,
    /// Folder 0: in no listing.
    Limbo,
    /// A folder that may be used.
    Folder(u64),
    /// Not active, or unknown.
    Bad,
}

impl Destination {
    /// The column's value; a bad one has none.
    fn place(self) -> Option<Place> {
        match self {
            Self::Root => Some(None),
            Self::Limbo => Some(Some(0)),
            Self::Folder(id) => Some(Some(id)),
            Self::Bad => None,
        }
    }
}

/// The error about a destination, by the parameter that named it.
fn bad_destination(param: &str) -> Failure {
    Failure::refused(format!(
        "Could not find the destination folder id defined by {param}."
    ))
}

/// Works on a request, all of it.
pub(super) fn perform(
    state: &mut State,
    request: &Request,
    dice: &mut Rng,
    struck: Struck,
    now: u64,
) -> Reply {
    let dialect = state.dialect;
    let (path, params, file) = match request {
        Request::Get { token, range } => {
            return download::get(state, token, range.as_deref(), (dice, struck), now);
        }
        Request::Call { path, params, file } => (path.as_str(), params, file),
    };
    if struck.by(Fault::TokenLoss) {
        state.store.tokens.clear();
    }
    if struck.by(Fault::Hiccup) {
        return hiccup(path, params, dice).map_or_else(
            || Reply::plain(200, "text/html; charset=UTF-8", PARAGRAPH),
            |failure| render(Err(failure), dialect, now),
        );
    }
    tracing::trace!(call = path, params = %params.told(), "the account works");
    let mut call = Call {
        state,
        params,
        dice,
        struck,
        now,
    };
    let outcome = match path {
        "authorize" => session::authorize(&mut call),
        "disable_access_token" => session::disable(&mut call),
        "account/info" => session::info(&mut call),
        "account/package" => session::package(&mut call),
        "file/upload" => upload::upload(&mut call, file.as_ref()),
        "file/download" => download::link(&mut call),
        "file/info" => file::info(&mut call),
        "file/edit" => file::edit(&mut call),
        "file/delete" => file::delete(&mut call),
        "file/move" => file::shift(&mut call),
        "folder/create" => folder::create(&mut call),
        "folder/listing" => folder::listing(&mut call),
        "folder/info" => folder::info(&mut call),
        "folder/edit" => folder::edit(&mut call),
        "folder/delete" => folder::delete(&mut call),
        "folder/move" => folder::shift(&mut call),
        other => Err(Failure::NoMethod(format!("No method found for /{other}."))),
    };
    render(outcome, dialect, now)
}

/// What a hiccup answers instead of the work (Q41): something is not found, the token is none, or, as none here, a page.
fn hiccup(path: &str, params: &Params, dice: &mut Rng) -> Option<Failure> {
    let unknown = match path {
        "folder/move" | "file/move" if dice.coin() => Some(bad_destination("new_parent_folder_id")),
        _ if params.raw("file_id").is_some() => Some(Failure::refused(NO_FILE)),
        _ if params.raw("folder_id").is_some() || params.raw("parent_folder_id").is_some() => {
            Some(Failure::refused(NO_FOLDER))
        }
        _ => None,
    };
    match (dice.under(4), unknown) {
        (0 | 1, Some(unknown)) => Some(unknown),
        (0..=2, _) => Some(Failure::token()),
        _ => None,
    }
}

impl Call<'_> {
    const fn dialect(&self) -> Dialect {
        self.state.dialect
    }

    /// A text parameter as the server takes it; none if missing or empty afterwards.
    fn text(&self, key: &str) -> Option<Vec<u8>> {
        let raw = self.params.raw(key)?;
        let text = names::parameter(raw.as_bytes(), self.dialect());
        Some(text).filter(|text| !text.is_empty())
    }

    /// Whether token and account are a valid pair; using the token prolongs its life.
    fn signed_in(&mut self) -> Result<(), Failure> {
        self.token_lives()?;
        if self.params.given("account_id") == Given::Number(session::ACCOUNT) {
            Ok(())
        } else {
            Err(Failure::token())
        }
    }

    /// Whether the token is valid and any account is given: all that `/account/*` checks.
    fn token_lives(&mut self) -> Result<(), Failure> {
        let token = self.params.raw("access_token");
        let token = token.ok_or_else(|| Failure::refused("Please provide the access_token param."))?;
        if self.params.raw("account_id").is_none() {
            return Err(Failure::refused("Please provide the account_id param."));
        }
        session::use_token(self.state, token, self.now)
    }

    /// The session of this call.
    fn token(&self) -> String {
        self.params.raw("access_token").unwrap_or_default().to_owned()
    }

    /// An id that must be there. Text in an id reaches the SQL on the real lines and dies there. A number that is no id
    /// of ours is 0, which no row has.
    fn need_id(&self, key: &str, unknown: &str) -> Result<u64, Failure> {
        match self.params.given(key) {
            Given::Number(id) => Ok(u64::try_from(id).unwrap_or(0)),
            Given::Blank => Err(Failure::refused(format!("Please provide the {key} param."))),
            Given::Null | Given::Text if self.dialect().is_real() => Err(Failure::Crash),
            Given::Null | Given::Text => Err(Failure::refused(unknown)),
        }
    }

    /// A file in any state.
    fn own_file(&self, id: u64) -> Result<&File, Failure> {
        self.state.store.file(id).ok_or_else(|| Failure::refused(NO_FILE))
    }

    /// A file that this dialect lets one act on (Q16).
    fn usable_file(&self, id: u64) -> Result<&File, Failure> {
        let file = self.own_file(id)?;
        if file.state == RowState::Active || self.dialect().is_real() {
            Ok(file)
        } else {
            Err(Failure::refused(NO_FILE))
        }
    }

    /// A folder in any state.
    fn own_folder(&self, id: u64, unknown: &str) -> Result<&Folder, Failure> {
        self.state
            .store
            .folder(id)
            .ok_or_else(|| Failure::refused(unknown))
    }

    /// Whether an id can be a destination now: it is active itself, whatever is above it.
    fn folder_destination(&self, id: i64) -> Destination {
        let id = u64::try_from(id).unwrap_or(0);
        match self.state.store.folder(id) {
            Some(row) if row.state == RowState::Active => Destination::Folder(id),
            Some(_) | None => Destination::Bad,
        }
    }
}

/// A success with the text of success.
fn said(dialect: Dialect, response: &str) -> super::answer::Object {
    let mut answer = super::answer::Object::new(dialect);
    answer.text("response", response);
    answer
}

/// The answer of a call that gives a row.
fn with_row(dialect: Dialect, row: super::answer::Object, response: Option<&str>) -> Outcome {
    let mut answer = super::answer::Object::new(dialect);
    answer.object("data", row);
    if let Some(response) = response {
        answer.text("response", response);
    }
    Ok(answer)
}
