//! Copies within the account: by the server where it copies, else by way of this machine.
//!
//! Most servers make a copy that belongs to nobody and say that the file is not found (`wire.md` Q24). That is found out
//! once in a command, by one file; from then on bytes are fetched and sent, never stored here. A copy counts when its row
//! says the right place, name and size.

use std::num::NonZeroU64;
use std::sync::atomic::Ordering;

use api::{ApiError, FileEdit, FileRow, UploadBody};
use futures_util::stream::{self, StreamExt as _};
use planner::content::ContentHash;
use planner::name::RemoteName;
use planner::naming;

use super::change::{Destination, destination, taken};
use super::desk::Desk;
use super::fault::{Fault, call};
use super::find::{Found, Item, below};
use super::folders::{child, create};
use super::store::{Parcel, Source, known_files, store};
use super::target::Target;
use super::walk::{Reach, below as everything};
use crate::engine::Sink;
use crate::remote::translate;

/// What was not done.
const NOT_COPIED: &str = "not copied";

/// How a copy is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Copying {
    /// By the server, and by way of this machine where that does not work.
    Best,
    /// By way of this machine.
    Here,
}

/// A copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Copied {
    /// Of what.
    pub(crate) from: String,
    /// Where it is.
    pub(crate) path: String,
    /// Its id.
    pub(crate) id: u64,
    /// Bytes.
    pub(crate) size: u64,
    /// The server copied it.
    pub(crate) by_server: bool,
}

/// Bytes of the account as a source of an upload.
struct There<'a> {
    desk: &'a Desk,
    row: &'a FileRow,
}

impl Source for There<'_> {
    fn body(&self) -> UploadBody {
        let (client, id, size) = (self.desk.client.clone(), self.row.id, self.row.size);
        UploadBody::reopen(move || {
            let client = client.clone();
            Box::pin(async move {
                let body = client
                    .download(id, size, 0)
                    .await
                    .map_err(std::io::Error::other)?;
                Ok(stream::try_unfold(body, |mut body| async move {
                    let piece = body.chunk().await.map_err(std::io::Error::other)?;
                    Ok(piece.map(|piece| (piece, body)))
                })
                .boxed())
            })
        })
    }

    fn is_unchanged(&self) -> bool {
        true
    }

    async fn hash(&self) -> Option<ContentHash> {
        let mut body = self
            .desk
            .client
            .download(self.row.id, self.row.size, 0)
            .await
            .ok()?;
        let mut hasher = blake3::Hasher::new();
        while let Some(piece) = body.chunk().await.ok()? {
            hasher.update(&piece);
        }
        Some(ContentHash(hasher.finalize().into()))
    }
}

/// Copies a file, or a folder if `whole`. Each file has an answer of its own.
pub(crate) async fn copy(
    desk: &Desk,
    from: &Found,
    to: &Target,
    (single, whole): (bool, bool),
    how: Copying,
    sink: &dyn Sink,
) -> Vec<Result<Copied, Fault>> {
    let mut copier = Copier {
        desk,
        how,
        sink,
        answers: Vec::new(),
    };
    if let Err(fault) = copier.all(from, to, (single, whole)).await {
        copier.answers.push(Err(fault));
    }
    copier.answers
}

/// One copy under way.
struct Copier<'a> {
    desk: &'a Desk,
    how: Copying,
    sink: &'a dyn Sink,
    answers: Vec<Result<Copied, Fault>>,
}

/// A place in the account that has to be free.
#[derive(Clone, Copy)]
struct Place<'a> {
    folder: &'a Found,
    name: &'a RemoteName,
}

impl Copier<'_> {
    async fn all(&mut self, from: &Found, to: &Target, (single, whole): (bool, bool)) -> Result<(), Fault> {
        let from = from.clone().living()?;
        let Destination { folder, name } = destination(self.desk, &from, to, single, NOT_COPIED).await?;
        if let Some(there) = child(self.desk, &folder, &name).await? {
            return Err(taken(&there.path, NOT_COPIED));
        }
        let place = Place {
            folder: &folder,
            name: &name,
        };
        match &from.item {
            Item::File(row) => {
                let copied = self.file(row, &from.path, place).await;
                self.answers.push(copied);
                Ok(())
            }
            Item::Folder(_) if whole => self.tree(&from, place).await,
            Item::Folder(_) | Item::Top => Err(Fault::NotAFile {
                path: from.path,
                next: "give -r to copy a folder with all that is in it; the account's root is not copied",
            }),
        }
    }

    async fn tree(&mut self, from: &Found, to: Place<'_>) -> Result<(), Fault> {
        // Listed before the copy exists, which may lie within.
        let (rows, failed) = everything(self.desk, from, Reach::ALL).await?;
        self.answers.extend(failed.into_iter().map(Err));
        let top = folder_of(self.desk, to, from).await?;
        let mut chain = vec![top];
        for row in rows {
            chain.truncate(row.depth.saturating_add(1));
            let Some(above) = chain.last().cloned() else {
                break;
            };
            if chain.len() <= row.depth {
                continue;
            }
            let name = RemoteName::new(row.found.name());
            let place = Place {
                folder: &above,
                name: &name,
            };
            let done = match &row.found.item {
                Item::Folder(_) => folder_of(self.desk, place, &row.found).await.map(|made| {
                    chain.push(made);
                    None
                }),
                Item::File(it) => self.file(it, &row.found.path, place).await.map(Some),
                Item::Top => Ok(None),
            };
            match done {
                Ok(Some(copied)) => self.answers.push(Ok(copied)),
                Ok(None) => {}
                Err(fault) if fault.is_fatal() => return Err(fault),
                Err(fault) => self.answers.push(Err(fault)),
            }
        }
        Ok(())
    }

    async fn file(&self, row: &FileRow, path: &str, place: Place<'_>) -> Result<Copied, Fault> {
        let desk = self.desk;
        let into = place.folder.folder()?;
        if self.how == Copying::Best && !desk.copies_here() {
            if let Some(copied) = by_server(desk, (row, path), place).await? {
                return Ok(copied);
            }
            desk.copies_not.store(true, Ordering::Relaxed);
        }
        let Some(size) = NonZeroU64::new(row.size) else {
            return Err(Fault::Empty {
                path: path.to_owned(),
            });
        };
        let held = desk.look(into).await.map_err(call(path, NOT_COPIED))?;
        let key = naming::loose_key(place.name.as_str());
        let parcel = Parcel {
            path,
            folder: into,
            name: place.name.clone(),
            size,
            old: None,
            alone: held.files.iter().all(|row| naming::loose_key(&row.name) != key),
        };
        let there = There { desk, row };
        let landed = store(desk, &parcel, &known_files(&held), &there, self.sink).await?;
        Ok(Copied {
            from: path.to_owned(),
            path: below(&place.folder.path, landed.name.as_str()),
            id: landed.file.get(),
            size: row.size,
            by_server: false,
        })
    }
}

/// A new folder for the copy of another. As private as can be, whoever may see the first.
async fn folder_of(desk: &Desk, to: Place<'_>, from: &Found) -> Result<Found, Fault> {
    let into = to.folder.folder()?;
    let row = create(desk, into, to.name, &from.path, api::Access::Private, None).await?;
    let path = below(&to.folder.path, &row.name);
    let item = Item::Folder(row);
    Ok(Found { path, item })
}

/// The server's own copy; none where it makes none that is ours.
async fn by_server(
    desk: &Desk,
    (row, path): (&FileRow, &str),
    to: Place<'_>,
) -> Result<Option<Copied>, Fault> {
    let (name, into) = (to.name, to.folder.folder()?);
    let place = translate::wire_parent(into).map_err(call(path, NOT_COPIED))?;
    let unclear = |why: String| Fault::Unclear {
        path: path.to_owned(),
        happened: "not copied for sure",
        why,
    };
    let copy = match desk.client.file_copy(row.id, place).await {
        Ok(copied) => copied.copy,
        Err(ApiError::NotFound { .. } | ApiError::BadDestination | ApiError::Unsupported { .. }) => {
            // The file is there: then it is the copy that is not ours. Else this fails for it.
            desk.client
                .file_info(row.id)
                .await
                .map_err(call(path, NOT_COPIED))?;
            return Ok(None);
        }
        Err(error) if error.is_definite() => return Err(call(path, NOT_COPIED)(error)),
        Err(error) => return Err(unclear(error.to_string())),
    };
    // A copy into the root may have come into no folder at all (Q13), and beside an equal name it keeps that (Q25).
    let mut edit = FileEdit::of(copy.id);
    if copy.name != name.as_str() {
        edit = edit.name(name.as_str());
    }
    if copy.parent != Some(place) {
        edit = edit.folder(place);
    }
    let now = if edit.name.is_some() || edit.folder.is_some() {
        desk.client.file_edit(&edit).await
    } else {
        desk.client.file_info(copy.id).await
    };
    let now = now.map_err(|error| unclear(format!("file:{} is the copy: {error}", copy.id)))?;
    if !now.is_active() || now.parent != Some(place) || now.size != row.size {
        return Err(unclear(format!(
            "file:{} is not the copy that was asked for",
            copy.id
        )));
    }
    desk.forget(into).await;
    Ok(Some(Copied {
        from: path.to_owned(),
        path: below(&to.folder.path, &now.name),
        id: copy.id.get(),
        size: now.size,
        by_server: true,
    }))
}
