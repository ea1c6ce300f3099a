//! Finding the pair's remote root: by path among live folders the first time, by id ever after (design S1).

use std::sync::Arc;
use std::time::Duration;

use api::{ApiError, Client};
use planner::id::FolderId;
use planner::name::RemoteName;

use super::account::{Account, Life};
use super::apply::{Failure, create_folder};
use super::{translate, walk};

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
                Ok(made) if made.name.as_str() == name => Some(made.id),
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
    let raw = walk::list(top, parent).await?;
    let mut ids: Vec<FolderId> = raw
        .listed()
        .folders
        .iter()
        .filter(|row| row.name == name)
        .filter_map(|row| translate::folder_id(row.id))
        .collect();
    ids.sort_unstable();
    for id in ids {
        // In the account's top trashed folders may look like live ones (`wire.md` Q05): a dead one is passed over.
        let row_says = raw
            .listed()
            .folders
            .iter()
            .find(|row| translate::folder_id(row.id) == Some(id));
        let stated = row_says.is_some_and(|row| row.state == Some(api::RowState::Active));
        if parent.is_some() || stated {
            return Ok(Some(id));
        }
        match alive(top, id).await {
            Life::Alive => return Ok(Some(id)),
            Life::Unknown => return Ok(Some(id)),
            Life::Dead | Life::Doubted => {}
        }
    }
    Ok(None)
}

/// Whether a folder in the account's top lives, as far as one question tells.
async fn alive(top: &Account, id: FolderId) -> Life {
    let (life, _) = top.life(id).await;
    if life != Life::Unknown {
        return life;
    }
    let has_files = walk::list(top, Some(id))
        .await
        .is_ok_and(|raw| !raw.listed().files.is_empty());
    if has_files && top.calibrate(id).await {
        top.probe(id).await
    } else {
        Life::Unknown
    }
}
