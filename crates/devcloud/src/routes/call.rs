//! One API request on its way: parameters, switches, dice, and the checks that several endpoints share.
//!
//! The order of checks is part of the wire: `access_token` present, `account_id` present, pair valid, id present, id
//! ours, destination present, destination active.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::auth;
use crate::dialect::Quirks;
use crate::faults::{Dice, Fault};
use crate::ledger::Open;
use crate::names;
use crate::params::{Given, Params};
use crate::quirk_table::Quirk;
use crate::reply::Failure;
use crate::store::State;
use crate::store::files::FileRow;
use crate::store::folders::FolderRow;
use crate::world::World;

/// What unknown file ids are told.
pub(crate) const NO_FILE: &str = "Could not find file based on file_id.";
/// What unknown folder ids are told.
pub(crate) const NO_FOLDER: &str = "Could not find folder based on folder_id.";

/// The request.
pub(crate) struct Call {
    pub(crate) world: Arc<World>,
    pub(crate) quirks: Arc<Quirks>,
    pub(crate) params: Params,
    pub(crate) dice: Dice,
    pub(crate) faults: BTreeSet<Fault>,
    pub(crate) open: Open,
    pub(crate) ip: String,
    /// Owner signed in by the session cookie.
    pub(crate) cookie: Option<String>,
    pub(crate) now: i64,
}

/// Where something is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The root.
    Root,
    /// Folder 0: in no listing.
    Limbo,
    /// A folder that may be used.
    Folder(i64),
    /// Not active, not ours, or beyond the list of folders.
    Bad,
}

impl Destination {
    /// The column's value; a bad one has none.
    pub(crate) fn column(self) -> Option<Option<i64>> {
        match self {
            Self::Root => Some(None),
            Self::Limbo => Some(Some(0)),
            Self::Folder(id) => Some(Some(id)),
            Self::Bad => None,
        }
    }
}

/// The error about a destination, by the parameter that named it.
pub(crate) fn bad_destination(param: &str) -> Failure {
    Failure::not_found(format!(
        "Could not find the destination folder id defined by {param}."
    ))
}

impl Call {
    /// Whether a quirk is on.
    pub(crate) fn on(&self, quirk: Quirk) -> bool {
        self.quirks.on(quirk)
    }

    /// A text parameter as the server takes it; none if missing or empty afterwards.
    pub(crate) fn text(&self, key: &str) -> Option<Vec<u8>> {
        let raw = self.params.raw(key)?;
        let text = if self.on(Quirk::StripTags) {
            names::trim(&names::strip_tags(raw)).to_vec()
        } else {
            raw.to_vec()
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// Whether token and account are a valid pair; the token's owner.
    pub(crate) fn signed_in(&self) -> Result<i64, Failure> {
        let owner = self.token_owner()?;
        if self.params.given("account_id") == Given::Number(owner) {
            Ok(owner)
        } else {
            Err(Failure::token())
        }
    }

    /// Whether the token is valid and any account is given: all that `/account/*` checks.
    pub(crate) fn token_owner(&self) -> Result<i64, Failure> {
        let token = self.params.raw("access_token");
        let token = token.ok_or_else(|| Failure::input("Please provide the access_token param."))?;
        if self.params.raw("account_id").is_none() {
            return Err(Failure::input("Please provide the account_id param."));
        }
        let token = String::from_utf8_lossy(token);
        auth::owner_of(&self.world.store(), &token, self.now)?.ok_or_else(Failure::token)
    }

    /// An id that must be there. Text in an id reaches the SQL on the real lines and dies there.
    pub(crate) fn need_id(&self, key: &str, unknown: &str) -> Result<i64, Failure> {
        match self.params.given(key) {
            Given::Number(id) => Ok(id),
            Given::Blank => Err(Failure::input(format!("Please provide the {key} param."))),
            Given::Null | Given::LoudNull | Given::Text => {
                if self.on(Quirk::BadIdIsRoot) && self.quirks.flag(Quirk::BadIdIsRoot, "sql") {
                    Err(Failure::Crash)
                } else {
                    Err(Failure::not_found(unknown))
                }
            }
        }
    }

    /// A file of ours in any state.
    pub(crate) fn own_file(&mut self, owner: i64, id: i64) -> Result<FileRow, Failure> {
        self.open.file(id);
        let row = self
            .world
            .store()
            .file(id)?
            .filter(|row| row.owner == Some(owner));
        row.ok_or_else(|| Failure::not_found(NO_FILE))
    }

    /// A file of ours that this dialect lets one act on.
    pub(crate) fn usable_file(&mut self, owner: i64, id: i64) -> Result<FileRow, Failure> {
        let row = self.own_file(owner, id)?;
        if row.state == State::Active || self.on(Quirk::DeadIdsResolve) {
            Ok(row)
        } else {
            Err(Failure::not_found(NO_FILE))
        }
    }

    /// A folder of ours in any state.
    pub(crate) fn own_folder(&mut self, owner: i64, id: i64, unknown: &str) -> Result<FolderRow, Failure> {
        self.open.folder(id);
        let row = self.world.store().folder(id)?.filter(|row| row.owner == owner);
        row.ok_or_else(|| Failure::not_found(unknown))
    }

    /// Whether an id can be a destination now.
    pub(crate) fn folder_destination(&mut self, owner: i64, id: i64) -> Result<Destination, Failure> {
        self.open.folder(id);
        let store = self.world.store();
        let Some(row) = store.folder(id)? else {
            return Ok(Destination::Bad);
        };
        let ours = row.owner == owner || (row.shared && self.on(Quirk::ForeignOwner));
        if !ours || row.state != State::Active {
            return Ok(Destination::Bad);
        }
        let limit = self.quirks.count(Quirk::FirstThousandFolders, "limit");
        if self.on(Quirk::FirstThousandFolders) && store.folder_rank(&row)? >= limit {
            return Ok(Destination::Bad);
        }
        Ok(Destination::Folder(id))
    }
}
