//! One file's bytes into the account under a name: as a new file, or in the place of an old version (design A2–A4).
//!
//! What must never happen: an upload repeated whose first try may have arrived, a file of somebody else taken for ours, an
//! old version gone before the new one has its name. A lost answer is looked for by the interim name, which is ours alone;
//! where the file went up under its own name, by its bytes.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use api::{FileRow, UploadBody};
use planner::content::ContentHash;
use planner::id::FolderId;
use planner::name::{PlainName, RemoteName};
use planner::naming;
use tokio::time::Instant;

use super::bytes::{Standing, fetch};
use super::desk::{Desk, Held};
use super::fault::{Fault, call, step};
use crate::engine::Sink;
use crate::remote::apply::{self as cloud, Failure, Landed, Replacement, Wanted};
use crate::remote::translate;

/// What was not done.
const NOT_SENT: &str = "not uploaded";
/// Tries of an upload that surely stored nothing.
const TRIES: u32 = 4;
/// Above this an interim name is used: a lost answer is then found without reading the file (design A2).
const FAST_BELOW: u64 = 8 * 1024 * 1024;

/// What is to be stored.
pub(super) struct Parcel<'a> {
    /// How it is told to the user.
    pub(super) path: &'a str,
    /// The folder; `None`: the account's root.
    pub(super) folder: Option<FolderId>,
    /// Its name there.
    pub(super) name: RemoteName,
    /// Bytes.
    pub(super) size: NonZeroU64,
    /// The version that it takes the place of.
    pub(super) old: Option<&'a FileRow>,
    /// Nothing in the folder, nor in this run, has a name that the server may take for equal.
    pub(super) alone: bool,
}

/// Where the bytes come from.
pub(super) trait Source: Sync {
    /// The bytes, from the start.
    fn body(&self) -> UploadBody;
    /// Whether they still are those that were looked at.
    fn is_unchanged(&self) -> bool;
    /// BLAKE3 of them, for a lost answer.
    fn hash(&self) -> impl Future<Output = Option<ContentHash>> + Send;
}

/// Files of a folder that nobody may take for ours: they were there before.
pub(super) fn known_files(held: &Held) -> BTreeSet<api::FileId> {
    held.files.iter().map(|row| row.id).collect()
}

/// Stores it.
pub(super) async fn store(
    desk: &Desk,
    parcel: &Parcel<'_>,
    known: &BTreeSet<api::FileId>,
    source: &impl Source,
    sink: &dyn Sink,
) -> Result<Landed, Fault> {
    let wanted = Wanted {
        folder: parcel.folder,
        name: parcel.name.clone(),
        size: parcel.size,
    };
    let fast = parcel.alone && parcel.old.is_none() && parcel.size.get() < FAST_BELOW;
    let plain = naming::plain(&parcel.name).filter(|_| fast);
    let interim = || naming::interim(rand::random(), rand::random(), &parcel.name);
    let mut attempt = 1u32;
    let landed = loop {
        let name = plain.clone().unwrap_or_else(interim);
        let progress = Arc::new(AtomicU64::new(0));
        match cloud::upload(&desk.account, &wanted, &name, source.body(), progress).await {
            Ok(landed) => break landed,
            Err(Failure::Unknown(why)) => {
                break lost(desk, parcel, &name, known, source, why).await?;
            }
            Err(_) if !source.is_unchanged() => {
                let path = parcel.path.to_owned();
                return Err(Fault::Changed { path });
            }
            // Nothing was stored, or what was is in the trash again.
            Err(Failure::Later(_) | Failure::Stale(_)) if attempt < TRIES => {
                tokio::time::sleep(desk.pause.saturating_mul(attempt)).await;
                attempt = attempt.saturating_add(1);
            }
            Err(failure) => return Err(step(parcel.path, NOT_SENT)(failure)),
        }
    };
    sink.bytes(parcel.size.get());
    name_it(desk, parcel, &wanted, landed).await
}

/// Gives what landed its name, and takes the old version away.
async fn name_it(desk: &Desk, parcel: &Parcel<'_>, wanted: &Wanted, landed: Landed) -> Result<Landed, Fault> {
    let mut attempt = 1u32;
    loop {
        let again = landed.clone();
        let named = match parcel.old {
            None if landed.name == wanted.name => return Ok(landed),
            None => cloud::finish_interim(&desk.account, wanted, again).await,
            Some(old) => match replacement(parcel, old) {
                Some(old) => cloud::finish_replacement(&desk.account, wanted, &old, again).await,
                None => Err(Failure::Stale("the old version has no id".to_owned())),
            },
        };
        match named {
            Ok(landed) => return Ok(landed),
            // Each of these calls may be made again.
            Err(Failure::Unknown(_) | Failure::Later(_)) if attempt < TRIES => {
                tokio::time::sleep(desk.pause.saturating_mul(attempt)).await;
                attempt = attempt.saturating_add(1);
            }
            Err(Failure::Unknown(why)) => {
                return Err(Fault::Unclear {
                    path: parcel.path.to_owned(),
                    happened: "uploaded, but not under its name for sure",
                    why: format!("file:{} holds the bytes: {why}", landed.file),
                });
            }
            Err(failure) => return Err(step(parcel.path, NOT_SENT)(failure)),
        }
    }
}

fn replacement(parcel: &Parcel<'_>, old: &FileRow) -> Option<Replacement> {
    Some(Replacement {
        old: translate::file_id(old.id)?,
        name: RemoteName::new(old.name.as_str()),
        folder: parcel.folder,
        size: old.size,
        short_url: translate::short_url(&old.short_url),
    })
}

/// Looks for an upload whose answer was lost, for as long as it may still arrive.
async fn lost(
    desk: &Desk,
    parcel: &Parcel<'_>,
    name: &PlainName,
    known: &BTreeSet<api::FileId>,
    source: &impl Source,
    why: String,
) -> Result<Landed, Fault> {
    let begun = Instant::now();
    let mut wait = desk.pause;
    loop {
        for folder in [parcel.folder, None] {
            let held = desk.look(folder).await.map_err(call(parcel.path, NOT_SENT))?;
            let mut ours = held.files.iter().filter(|row| !known.contains(&row.id));
            let row = ours.find(|row| row.name == name.as_str() && row.size == parcel.size.get());
            if let Some(row) = row
                && (naming::parse_interim(name.as_str()).is_some()
                    || same_bytes(desk, row, parcel, source).await?)
            {
                let hash = source.hash().await;
                let (Some(file), Some(hash)) = (translate::file_id(row.id), hash) else {
                    continue;
                };
                let short_url = translate::short_url(&row.short_url);
                let name = RemoteName::new(row.name.as_str());
                return Ok(Landed {
                    file,
                    short_url,
                    name,
                    hash,
                });
            }
            if parcel.folder.is_none() {
                break;
            }
        }
        if begun.elapsed() >= desk.late {
            return Err(Fault::Unclear {
                path: parcel.path.to_owned(),
                happened: "not uploaded for sure",
                why,
            });
        }
        tokio::time::sleep(wait.min(desk.late)).await;
        wait = wait.saturating_mul(2);
    }
}

/// Whether a file in the account has the bytes of the source.
async fn same_bytes(
    desk: &Desk,
    row: &FileRow,
    parcel: &Parcel<'_>,
    source: &impl Source,
) -> Result<bool, Fault> {
    let mut hasher = blake3::Hasher::new();
    let mut standing = Standing::default();
    let nobody = Nobody;
    let read = fetch(desk, row, parcel.path, &mut standing, &nobody, |bytes| {
        hasher.update(bytes);
        Ok(())
    })
    .await;
    let hash = ContentHash(hasher.finalize().into());
    Ok(read.is_ok() && source.hash().await == Some(hash))
}

/// Sees nothing of what is only compared.
struct Nobody;

impl Sink for Nobody {
    fn phase(&self, _: &str, _: &'static str) {}
    fn totals(&self, _: u64, _: u64) {}
    fn step_done(&self, _: &str) {}
    fn bytes(&self, _: u64) {}
    fn file_done(&self) {}
}
