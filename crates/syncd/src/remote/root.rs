//! Finding the pair's remote root: by path among live folders the first time, by id ever after (design S1).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::{ApiError, Client};
use planner::id::FolderId;
use planner::name::RemoteName;

use super::account::{Account, Life};
use super::apply::{Failure, FolderAsKnown, create_folder, trash_folder};
use super::{rows, translate};

/// Follows a path from the account's top, making what is missing after two looks that are `look_again` apart. Of
/// several folders of one name the smallest id is taken. `None` as an answer is the account's top itself; with
/// `may_create` false a missing folder is [`Missing::NotThere`].
pub(crate) async fn find(
    client: &Client,
    path: &str,
    may_create: bool,
    look_again: Duration,
) -> Result<Option<FolderId>, Missing> {
    let top = Arc::new(Account::new(
        client.clone(),
        None,
        std::collections::BTreeMap::new(),
    ));
    let mut folder = None;
    for name in path.split('/').filter(|part| !part.is_empty()) {
        let mut found = named(&top, folder, name).await?;
        if found.is_none() && may_create {
            tokio::time::sleep(look_again).await;
            found = named(&top, folder, name).await?;
        }
        folder = match found {
            Some(id) => Some(id),
            None if may_create => match create_folder(&top, folder, &RemoteName::new(name)).await {
                Ok(made) if made.name.as_str() == name => Some(one_of(&top, folder, name, made.id).await?),
                Ok(made) => {
                    return Err(Missing::Mangled {
                        wanted: name.to_owned(),
                        stored: made.name.to_string(),
                    });
                }
                Err(failure) => return Err(Missing::Failed(failure)),
            },
            None => return Err(Missing::NotThere),
        };
    }
    Ok(folder)
}

/// Another device may have made a folder of this name at the same moment: the smaller id is the root of both, and ours,
/// being empty, goes (design A6, history H13).
async fn one_of(
    top: &Account,
    parent: Option<FolderId>,
    name: &str,
    made: FolderId,
) -> Result<FolderId, ApiError> {
    let Some(smallest) = named(top, parent, name).await?.filter(|id| *id < made) else {
        return Ok(made);
    };
    let ours = FolderAsKnown {
        id: made,
        place: Some((RemoteName::new(name), parent)),
        contents: BTreeSet::new(),
        versions: BTreeMap::new(),
        ignored: BTreeSet::new(),
    };
    if let Err(failure) = trash_folder(top, &ours).await {
        tracing::info!(error = %failure, "a folder that was made twice could not be cleared away");
    }
    Ok(smallest)
}

/// Why there is no root.
#[derive(Debug)]
pub(crate) enum Missing {
    /// A component is not there, and nothing may be made.
    NotThere,
    /// The server stored another name than asked for.
    Mangled {
        /// The name in the configuration.
        wanted: String,
        /// What the server made of it.
        stored: String,
    },
    /// A call failed.
    Failed(Failure),
}

impl From<ApiError> for Missing {
    fn from(error: ApiError) -> Self {
        Self::Failed(Failure::of_safe_call(error))
    }
}

/// The live folder of exactly this name, smallest id first.
async fn named(top: &Account, parent: Option<FolderId>, name: &str) -> Result<Option<FolderId>, ApiError> {
    let raw = rows::list(top, parent).await?;
    let mut ids: Vec<FolderId> = raw
        .listed()
        .folders
        .iter()
        .filter(|row| row.name == name)
        .filter_map(|row| translate::folder_id(row.id))
        .collect();
    ids.sort_unstable();
    let mut unproved = None;
    for id in ids {
        // In the account's top trashed folders may look like live ones (`wire.md` Q05): a dead one is passed over.
        let row = raw
            .listed()
            .folders
            .iter()
            .find(|row| translate::folder_id(row.id) == Some(id));
        let stated = row.is_some_and(|row| row.state == Some(api::RowState::Active));
        if parent.is_some() || stated {
            return Ok(Some(id));
        }
        match top.life(id).await.0 {
            Life::Alive => return Ok(Some(id)),
            Life::Dead => {}
            Life::Doubted if top.probe_works() => {}
            Life::Doubted | Life::Unknown => unproved = unproved.or(Some(id)),
        }
    }
    match unproved {
        Some(id) if !is_doubtful(top, &raw, id).await => Ok(Some(id)),
        Some(_) | None => Ok(None),
    }
}

/// Folders asked to show that the probe works.
const WITNESSES: usize = 20;

/// Whether a negative probe of this folder counts, because another folder beside it is called alive.
async fn is_doubtful(top: &Account, raw: &rows::Raw, id: FolderId) -> bool {
    let others = raw
        .listed()
        .folders
        .iter()
        .filter_map(|row| translate::folder_id(row.id));
    for other in others.filter(|other| *other != id).take(WITNESSES) {
        if top.probe_works() {
            break;
        }
        top.probe(other).await;
    }
    top.probe_works() && top.probe(id).await == Life::Doubted
}
