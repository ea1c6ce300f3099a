//! One step, done by one side. Each function is told exactly what to do and answers with what it found; nothing here
//! decides, and nothing here writes the journal.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use planner::id::{FileId, FolderId, LocalIdentity};
use planner::name::{LocalName, PlainName, RemoteName};
use planner::path::RelPath;
use planner::transition::LocalStep;
use planner::tree::{LocalFile, LocalNode};

use super::fetch::Fetched;
use super::record::{Facts, LocalFacts, RemoteFacts};
use crate::local::apply::{self as disk, Done};
use crate::local::trash::TrashPlace;
use crate::local::{LocalError, Root, source};
use crate::remote::account::Account;
use crate::remote::apply::{self as cloud, Failure, Landed, Replacement, Wanted};

/// A blocking job's result, or that the job broke off.
pub(crate) fn joined<T>(ended: Option<Result<T, LocalError>>) -> Result<T, LocalError> {
    ended.unwrap_or_else(|| Err(LocalError::broke_off()))
}

/// What an error of the disk means for a step.
pub(crate) fn local_failure(error: &LocalError) -> Failure {
    if error.is_stale() {
        return Failure::Stale(error.to_string());
    }
    match error {
        LocalError::NoSpace { .. } => Failure::Held(error.to_string()),
        LocalError::Denied { .. } | LocalError::Unnameable { .. } => Failure::Refused(error.to_string()),
        LocalError::Missing(_)
        | LocalError::NotAFolder(_)
        | LocalError::Damaged { .. }
        | LocalError::Rules { .. }
        | LocalError::Changed { .. }
        | LocalError::Occupied { .. }
        | LocalError::NotEmpty { .. }
        | LocalError::Vanished { .. }
        | LocalError::Io { .. } => Failure::Later(error.to_string()),
    }
}

/// A step of the disk that moves no bytes; what it brings somewhere goes into `folder`, where it is known which that is.
pub(crate) async fn on_disk(
    root: Root,
    step: LocalStep,
    folder: Option<LocalIdentity>,
    seen: Option<LocalNode>,
    slot: Option<LocalName>,
    day: TrashPlace,
) -> Result<Option<Done>, Failure> {
    let job = move || -> Result<Option<Done>, LocalError> {
        let seen = |path: &RelPath| {
            seen.as_ref().ok_or_else(|| LocalError::Changed {
                path: path.to_string(),
                what: "it is not in the scan",
            })
        };
        let parking = |path: &RelPath| {
            slot.as_ref().ok_or_else(|| LocalError::Changed {
                path: path.to_string(),
                what: "it has no parking place",
            })
        };
        match &step {
            LocalStep::CreateFolder { path } => disk::create_folder(&root, path, folder).map(Some),
            LocalStep::Move { from, to, .. } => disk::rename(&root, from, to, folder, seen(from)?).map(Some),
            LocalStep::Park { from, .. } => disk::park(&root, from, parking(from)?).map(Some),
            LocalStep::Unpark { to, .. } => disk::unpark(&root, parking(to)?, to).map(Some),
            LocalStep::Trash { path, .. } => disk::trash(&root, path, seen(path)?, day).map(|_| None),
            LocalStep::RemoveFolder { path, .. } => disk::remove_folder(&root, path).map(|()| None),
            LocalStep::Place { path, .. } | LocalStep::Replace { path, .. } => Err(LocalError::Changed {
                path: path.to_string(),
                what: "it is a download",
            }),
        }
    };
    joined(crate::blocking::run(job).await).map_err(|error| local_failure(&error))
}

/// The name of a parking place of this run.
pub(crate) fn slot_name(prefix: &str, slot: u32) -> Option<LocalName> {
    LocalName::new(format!("{prefix}-{slot}"))
}

/// Brings a fetched version to its path, in the folder that was meant; with `over`, in place of the file that is there.
pub(crate) async fn put(
    root: Root,
    fetched: Fetched,
    (path, folder): (RelPath, Option<LocalIdentity>),
    over: Option<LocalNode>,
    day: TrashPlace,
) -> Result<Facts, Failure> {
    let hash = fetched.staged.hash;
    let job = move || match over {
        Some(old) => disk::replace(&root, &fetched.staged, &path, &old, day),
        None => disk::place(&root, &fetched.staged, &path, folder),
    };
    let done = joined(crate::blocking::run(job).await).map_err(|error| local_failure(&error))?;
    Ok(Facts {
        local: Some(local_facts(&done, true)),
        remote: None,
        hash: Some(hash),
    })
}

/// What the disk answered. Stamps count only if they are old enough to be trusted, and only if the bytes they stand
/// for are those that will be on record (`known_bytes`).
pub(crate) fn local_facts(done: &Done, known_bytes: bool) -> LocalFacts {
    LocalFacts {
        name: Some(done.name.clone()),
        identity: done.identity,
        size: Some(done.size),
        stamp: (known_bytes && done.trusted).then_some(done.stamp),
    }
}

/// A file on this disk that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: RelPath,
    /// As the scan saw it.
    pub(crate) seen: LocalFile,
}

/// Sends a file under `name`; the answer is on record before anything else is done with it.
pub(crate) async fn send(
    account: Arc<Account>,
    root: Root,
    source: Source,
    wanted: Wanted,
    name: PlainName,
    progress: Arc<AtomicU64>,
) -> Result<Landed, Failure> {
    let body = api::UploadBody::reopen(source::open_for_upload(&root, source.path, source.seen));
    cloud::upload(&account, &wanted, &name, body, progress).await
}

/// Has the server copy a file that has the bytes and the name already.
pub(crate) async fn copy(
    account: Arc<Account>,
    twin: cloud::Twin,
    wanted: Wanted,
) -> Result<Landed, Failure> {
    cloud::copy(&account, &twin, &wanted).await
}

/// Gives a file that landed under an interim or numbered name its real one.
pub(crate) async fn finish(
    account: Arc<Account>,
    wanted: Wanted,
    replaced: Option<Replacement>,
    landed: Landed,
) -> Result<Facts, Failure> {
    let landed = match replaced {
        Some(replaced) => cloud::finish_replacement(&account, &wanted, &replaced, landed).await?,
        None if landed.name.as_str() == wanted.name.as_str() => landed,
        None => cloud::finish_interim(&account, &wanted, landed).await?,
    };
    Ok(landed_facts(&landed))
}

/// What the account answered to an upload.
pub(crate) fn landed_facts(landed: &Landed) -> Facts {
    Facts {
        local: None,
        remote: Some(RemoteFacts {
            file: Some(landed.file),
            folder: None,
            name: Some(landed.name.clone()),
            short_url: landed.short_url.clone(),
            uploaded: true,
        }),
        hash: Some(landed.hash),
    }
}

/// Makes a folder.
pub(crate) async fn make_folder(
    account: Arc<Account>,
    parent: Option<FolderId>,
    name: RemoteName,
) -> Result<Facts, Failure> {
    let made = cloud::create_folder(&account, parent, &name).await?;
    Ok(Facts {
        local: None,
        remote: Some(RemoteFacts {
            file: None,
            folder: Some(made.id),
            name: Some(made.name),
            short_url: None,
            uploaded: true,
        }),
        hash: None,
    })
}

/// Renames or moves a file.
pub(crate) async fn edit_file(
    account: Arc<Account>,
    id: FileId,
    name: Option<RemoteName>,
    folder: Option<Option<FolderId>>,
) -> Result<Facts, Failure> {
    let stored = cloud::edit_file(&account, id, name.as_ref(), folder).await?;
    Ok(named(stored))
}

/// Renames or moves a folder.
pub(crate) async fn edit_folder(
    account: Arc<Account>,
    id: FolderId,
    name: Option<RemoteName>,
    folder: Option<Option<FolderId>>,
) -> Result<Facts, Failure> {
    let stored = cloud::edit_folder(&account, id, name.as_ref(), folder).await?;
    Ok(named(stored))
}

fn named(stored: Option<RemoteName>) -> Facts {
    let remote = RemoteFacts {
        file: None,
        folder: None,
        name: stored,
        short_url: None,
        uploaded: false,
    };
    Facts {
        local: None,
        remote: Some(remote),
        hash: None,
    }
}
