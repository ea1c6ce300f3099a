//! From what a user named to what is in the account: by listings along a path, or by an id.
//!
//! Only what lives is found by a path. Names repeat in the account, and one that several things have is never guessed at.

use std::sync::Arc;

use api::{ApiError, FileRow, FolderRow, RowState};
use planner::id::{FileId, FolderId};

use super::desk::{Desk, Held, twice};
use super::fault::{Fault, call};
use super::target::{Start, Target, is_pattern, pattern};
use crate::remote::translate;

/// Names that are alike enough to be told.
const NEAR: f64 = 0.75;

/// What was not done, where a target could not even be looked for.
const NOT_FOUND: &str = "not looked for to the end";

/// Something in the account.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Item {
    /// The account's root.
    Top,
    /// A folder.
    Folder(FolderRow),
    /// A file.
    File(FileRow),
}

/// What a target led to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Found {
    /// Its path, or how it was named.
    pub(crate) path: String,
    /// What it is.
    pub(crate) item: Item,
}

impl Found {
    /// The folder: `None` inside is the account's root; an error for a file.
    pub(crate) fn folder(&self) -> Result<Option<FolderId>, Fault> {
        match &self.item {
            Item::Top => Ok(None),
            Item::Folder(row) => Ok(translate::folder_id(row.id)),
            Item::File(_) => Err(Fault::NotAFolder {
                path: self.path.clone(),
            }),
        }
    }

    /// How it is named without doubt.
    pub(crate) fn id(&self) -> String {
        match &self.item {
            Item::Top => "/".to_owned(),
            Item::Folder(row) => format!("folder:{}", row.id),
            Item::File(row) => format!("file:{}", row.id),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        match &self.item {
            Item::Top => "",
            Item::Folder(row) => &row.name,
            Item::File(row) => &row.name,
        }
    }

    /// The same if it lives.
    pub(crate) fn living(self) -> Result<Self, Fault> {
        let state = match &self.item {
            Item::Top => None,
            Item::Folder(row) => row.state.as_ref(),
            Item::File(row) => row.state.as_ref(),
        };
        match state {
            None | Some(RowState::Active) => Ok(self),
            Some(RowState::Trash | RowState::Deleted | RowState::Other(_)) => {
                Err(Fault::Dead { path: self.path })
            }
        }
    }
}

/// The path of something in a folder.
pub(super) fn below(path: &str, name: &str) -> String {
    format!("{}/{name}", path.trim_end_matches('/'))
}

impl Desk {
    /// Exactly one thing; a pattern must fit exactly one.
    pub(crate) async fn one(&self, target: &Target) -> Result<Found, Fault> {
        let mut found = self.all(target).await?;
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => Err(Fault::Ambiguous {
                path: target.text.clone(),
                ids: found.iter().chain([&last]).map(told).collect(),
            }),
            (None, _) => Err(Fault::NoMatch {
                path: target.text.clone(),
            }),
        }
    }

    /// The folder that a target names, alive.
    pub(crate) async fn folder(&self, target: &Target) -> Result<Found, Fault> {
        let found = self.one(target).await?.living()?;
        found.folder()?;
        Ok(found)
    }

    /// Everything that a target names, at least one.
    pub(crate) async fn all(&self, target: &Target) -> Result<Vec<Found>, Fault> {
        let mut at = vec![self.start(target).await?];
        for (depth, part) in target.parts.iter().enumerate() {
            let last = depth.saturating_add(1) == target.parts.len();
            let wide = at.len() > 1;
            let mut next = Vec::new();
            for above in at {
                match above.folder() {
                    Ok(folder) => next.extend(self.step(&above, folder, part, last, wide).await?),
                    // A pattern above may fit files as well.
                    Err(_) if wide => {}
                    Err(fault) => return Err(fault),
                }
            }
            at = next;
            if at.is_empty() {
                return Err(Fault::NoMatch {
                    path: target.text.clone(),
                });
            }
        }
        Ok(at)
    }

    async fn start(&self, target: &Target) -> Result<Found, Fault> {
        let path = target.text.split('/').next().unwrap_or_default().to_owned();
        let lost = |error| call(&path, NOT_FOUND)(error);
        let gone = || Fault::NotFound {
            path: path.clone(),
            near: None,
        };
        let item = match target.start {
            Start::Top => {
                let (path, item) = ("/".to_owned(), Item::Top);
                return Ok(Found { path, item });
            }
            Start::File(id) => twice(async || self.file_at(id).await)
                .await
                .map(Item::File)
                .map_err(|error| not_found(error, gone, lost))?,
            Start::Folder(id) => twice(async || self.folder_at(id).await)
                .await
                .map(Item::Folder)
                .map_err(|error| not_found(error, gone, lost))?,
            Start::Either(number) => twice(async || self.either(number).await)
                .await
                .map_err(|error| not_found(error, gone, lost))?
                .map_err(|ids| Fault::Ambiguous {
                    path: path.clone(),
                    ids,
                })?,
        };
        let found = Found { path, item };
        if target.parts.is_empty() {
            Ok(found)
        } else {
            found.living()
        }
    }

    async fn file_at(&self, id: FileId) -> Result<FileRow, ApiError> {
        self.client.file_info(translate::wire_file(id)?).await
    }

    async fn folder_at(&self, id: FolderId) -> Result<FolderRow, ApiError> {
        let mut row = self.client.folder_info(translate::wire_folder(id)?).await?;
        if row.state.is_none() && !self.lives(&row).await {
            row.state = Some(RowState::Trash);
        }
        Ok(row)
    }

    /// Files and folders are numbered apart: both may have the number. Of a live and a dead one the live one is meant.
    async fn either(&self, number: u64) -> Result<Result<Item, Vec<String>>, ApiError> {
        let none = || ApiError::NotFound { said: String::new() };
        let file = async { self.file_at(FileId::new(number).ok_or_else(none)?).await };
        let folder = async { self.folder_at(FolderId::new(number).ok_or_else(none)?).await };
        let (file, folder) = futures_util::future::join(file, folder).await;
        Ok(Ok(match (file, folder) {
            (Ok(file), Err(ApiError::NotFound { .. })) => Item::File(file),
            (Err(ApiError::NotFound { .. }), Ok(folder)) => Item::Folder(folder),
            (Err(error), _) | (_, Err(error)) => return Err(error),
            (Ok(file), Ok(folder)) => {
                let dead = matches!(folder.state, Some(RowState::Trash | RowState::Deleted));
                match (file.is_active(), !dead) {
                    (true, false) => Item::File(file),
                    (false, true) => Item::Folder(folder),
                    (true, true) | (false, false) => {
                        let path = format!("id:{number}");
                        let both = [Item::Folder(folder), Item::File(file)];
                        let both = both.map(|item| {
                            let path = path.clone();
                            told(&Found { path, item })
                        });
                        return Ok(Err(both.to_vec()));
                    }
                }
            }
        }))
    }

    /// What has that name in a folder, or fits to it. `wide`: other folders are looked at as well, and need have nothing.
    async fn step(
        &self,
        above: &Found,
        folder: Option<FolderId>,
        part: &str,
        last: bool,
        wide: bool,
    ) -> Result<Vec<Found>, Fault> {
        let held = self.held(folder).await.map_err(call(&above.path, NOT_FOUND))?;
        let named = self
            .fitting(above, &held, |name| name == part, last || !is_pattern(part))
            .await;
        let path = below(&above.path, part);
        match named.len() {
            0 => {}
            1 => return Ok(named),
            _ if last => {
                return Err(Fault::Ambiguous {
                    path,
                    ids: named.iter().map(told).collect(),
                });
            }
            // On the way only folders count.
            _ => {
                let folders: Vec<Found> = named.into_iter().filter(|it| it.folder().is_ok()).collect();
                return match folders.len() {
                    1 => Ok(folders),
                    _ => Err(Fault::Ambiguous {
                        path,
                        ids: folders.iter().map(told).collect(),
                    }),
                };
            }
        }
        if is_pattern(part) {
            let pattern = pattern(part).map_err(|error| Fault::BadPattern {
                text: part.to_owned(),
                why: error.kind().to_string(),
            })?;
            return Ok(self
                .fitting(above, &held, |name| pattern.is_match(name), true)
                .await);
        }
        if wide {
            return Ok(Vec::new());
        }
        Err(Fault::NotFound {
            path,
            near: near(part, &held),
        })
    }

    async fn fitting(
        &self,
        above: &Found,
        held: &Arc<Held>,
        fits: impl Fn(&str) -> bool,
        files: bool,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        for row in held.folders.iter().filter(|row| fits(&row.name)) {
            if self.lives(row).await {
                let (path, item) = (below(&above.path, &row.name), Item::Folder(row.clone()));
                found.push(Found { path, item });
            }
        }
        for row in held.files.iter().filter(|row| files && fits(&row.name)) {
            let (path, item) = (below(&above.path, &row.name), Item::File(row.clone()));
            found.push(Found { path, item });
        }
        found
    }
}

fn not_found(error: ApiError, gone: impl Fn() -> Fault, lost: impl Fn(ApiError) -> Fault) -> Fault {
    if let ApiError::NotFound { .. } = &error {
        gone()
    } else {
        lost(error)
    }
}

/// How one of several is told apart: its id, what it is, and where.
fn told(found: &Found) -> String {
    match &found.item {
        Item::Top => "/ (the account's root)".to_owned(),
        Item::Folder(row) => format!("folder:{} ({})", row.id, row.name),
        Item::File(row) => format!("file:{} ({}, {})", row.id, row.name, crate::text::size(row.size)),
    }
}

/// The name that is most like it.
fn near(part: &str, held: &Held) -> Option<String> {
    let folders = held.folders.iter().map(|row| &row.name);
    let names = folders.chain(held.files.iter().map(|row| &row.name));
    names
        .map(|name| {
            (
                strsim::jaro_winkler(&part.to_lowercase(), &name.to_lowercase()),
                name,
            )
        })
        .filter(|(score, _)| *score > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.clone())
}
