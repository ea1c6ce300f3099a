//! The user's choice between two versions of a file: `syncd conflicts keep` (design M12, D3, D5).
//!
//! Only this disk is touched, under the journal's lock: the version that is not kept goes to the local trash, the kept
//! one gets the name. The next pass carries that to the account, where the other version goes to the account's trash.
//! Never here: a file moved that is not byte for byte what the conflict was about, anything overwritten, a request.

use std::path::Path;

use planner::content::ContentHash;
use planner::hold::Side;
use planner::naming;
use planner::path::RelPath;
use planner::policy::DiskTraits;
use planner::tree::{LocalNode, SyncedNode, SyncedTree};
use state::{
    Change, Conflict, ConflictEnd, ConflictOutcome, HistoryEntry, Intent, IntentBody, Journal, JournalError,
};

use super::{Known, known, node_at};
use crate::config::PairConfig;
use crate::engine::{clock, intents};
use crate::local::recover::{self, Keeping};
use crate::local::trash::TrashPlace;
use crate::local::{LocalError, Root, apply, marker, two};

/// Open copies of a path from which on it is held (design M12): the file under the name then has a version of its own.
const OPEN_COPIES_HELD: usize = 3;

/// What stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// This machine's version, under the contested name.
    Local,
    /// What has the contested name: the account's version.
    Remote,
    /// Both, where they are.
    Both,
}

impl Choice {
    const fn outcome(self) -> ConflictOutcome {
        match self {
            Self::Local => ConflictOutcome::Local,
            Self::Remote => ConflictOutcome::Remote,
            Self::Both => ConflictOutcome::Both,
        }
    }

    /// The line of history.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Local => ("keep local", "the user kept this machine's version"),
            Self::Remote => ("keep remote", "the user kept the account's version"),
            Self::Both => ("keep both", "the user kept both versions"),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// The pair.
    pub(crate) pair: &'a PairConfig,
    /// Its state folder.
    pub(crate) dir: &'a Path,
    /// `device_name`.
    pub(crate) device: &'a str,
    /// The contested path, or that of a copy.
    pub(crate) path: &'a RelPath,
    /// What stays.
    pub(crate) choice: Choice,
    /// Who asks, for the history.
    pub(crate) by: &'a str,
}

/// A conflict that is settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    /// The contested path.
    pub(crate) path: String,
    /// Where this machine's version was kept.
    pub(crate) copy: String,
    /// Where in the trash the other version is now, below the pair's folder.
    pub(crate) trashed: Option<String>,
}

/// Why nothing was settled, or not all of it. Nothing is lost by any of these.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    /// No open conflict has this path.
    #[error("no open conflict has this path")]
    Unknown,
    /// Several copies of the path are open: one must be named.
    #[error("{} copies of it are open: {}", .0.len(), .0.join(", "))]
    Several(Vec<String>),
    /// The copy is another machine's version.
    #[error("the copy is the version of {0}")]
    OtherMachine(String),
    /// A file is not as it was in the conflict.
    #[error("{path} changed since the conflict")]
    Changed {
        /// Which.
        path: String,
    },
    /// The file that is to stay is not there.
    #[error("{path} is not there any more")]
    Gone {
        /// Which.
        path: String,
    },
    /// One of the two is no file.
    #[error("{path} is no file")]
    NoFile {
        /// Which.
        path: String,
    },
    /// A step on this disk was interrupted: a pass must put it right first.
    #[error("an interrupted step waits to be put right")]
    Interrupted,
    /// The folder is not the one the journal belongs to.
    #[error("the folder is not the one that was synced")]
    OtherFolder,
    /// The disk.
    #[error(transparent)]
    Disk(#[from] LocalError),
    /// The journal, or who holds it.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Whether an open conflict of the pair has this path. Asks the journal only.
pub(crate) fn open_at(dir: &Path, path: &RelPath) -> Result<bool, JournalError> {
    let Some(journal) = Journal::read(dir)? else {
        return Ok(false);
    };
    let known = known(&journal, &journal.synced()?, false)?;
    Ok(known.iter().any(|known| is_at(known, path)))
}

fn is_at(known: &Known, path: &RelPath) -> bool {
    known.conflict.path == path.as_str() || known.conflict.copy.as_deref() == Some(path.as_str())
}

/// Settles the conflict at a path, or all of them where the path is the contested one and the choice is the same for all.
pub(crate) fn keep(wish: Wish<'_>) -> Result<Vec<Kept>, KeepError> {
    if Journal::read(wish.dir)?.is_none() {
        return Err(KeepError::Unknown);
    }
    let mut journal = Journal::open(wish.dir)?;
    journal.hear(clock::now());
    let synced = journal.synced()?;
    let all = known(&journal, &synced, false)?;
    let chosen: Vec<&Known> = all.iter().filter(|known| is_at(known, wish.path)).collect();
    let copies: Vec<String> = chosen
        .iter()
        .filter_map(|known| known.conflict.copy.clone())
        .collect();
    match (copies.len(), wish.choice) {
        (0, _) => return Err(KeepError::Unknown),
        (1, _) | (_, Choice::Remote | Choice::Both) => {}
        (_, Choice::Local) => return Err(KeepError::Several(copies)),
    }
    if wish.choice == Choice::Both {
        let changes = chosen.iter().flat_map(|known| ended(&journal, wish, known, None));
        let changes: Vec<Change> = changes.collect();
        journal.commit(&changes)?;
        return Ok(chosen.iter().filter_map(|known| kept(known, None)).collect());
    }
    let root = Root::open(&wish.pair.local)?;
    may_touch(&journal, &root)?;
    let checked: Result<Vec<_>, _> = chosen
        .iter()
        .map(|known| Two::look(&root, &synced, &all, wish, known))
        .collect();
    let mut done = Vec::new();
    for (two, known) in checked?.into_iter().zip(chosen) {
        let trashed = match wish.choice {
            Choice::Local => take_the_name(&mut journal, &root, wish, &two)?,
            Choice::Remote | Choice::Both => {
                Some(to_trash(&mut journal, &root, wish, &two.copy, &two.copy_seen)?)
            }
        };
        let changes = ended(&journal, wish, known, trashed.as_ref());
        journal.commit(&changes)?;
        done.extend(kept(known, trashed.map(|at| at.to_string())));
    }
    Ok(done)
}

fn kept(known: &Known, trashed: Option<String>) -> Option<Kept> {
    Some(Kept {
        path: known.conflict.path.clone(),
        copy: known.conflict.copy.clone()?,
        trashed,
    })
}

/// That the folder is the journal's, and nothing in it is half done.
fn may_touch(journal: &Journal, root: &Root) -> Result<(), KeepError> {
    let ours = journal.meta().root_id.as_ref();
    let found = marker::read(root)?;
    if ours.is_none() || found.as_ref().map(|marker| &marker.root_id) != ours {
        return Err(KeepError::OtherFolder);
    }
    let half_done = journal.open_intents()?.iter().any(|intent| match intent.body {
        IntentBody::Place { .. } | IntentBody::Park { .. } | IntentBody::Trash { .. } => true,
        IntentBody::Upload { .. }
        | IntentBody::CreateFolder { .. }
        | IntentBody::Edit { .. }
        | IntentBody::Discard { .. }
        | IntentBody::Rename { .. }
        | IntentBody::Shift { .. }
        | IntentBody::MakeFolder { .. } => false,
    });
    if half_done {
        return Err(KeepError::Interrupted);
    }
    Ok(())
}

/// The two files of a conflict, as they are now and as the conflict was about them.
struct Two {
    path: RelPath,
    copy: RelPath,
    original_seen: Option<LocalNode>,
    copy_seen: LocalNode,
}

impl Two {
    fn look(
        root: &Root,
        synced: &SyncedTree,
        all: &[Known],
        wish: Wish<'_>,
        known: &Known,
    ) -> Result<Self, KeepError> {
        let conflict = &known.conflict;
        let device = naming::device_label(wish.device);
        let other = known
            .named
            .as_ref()
            .map(|(device, _)| device)
            .filter(|named| **named != device);
        if let (Some(other), Choice::Local) = (other, wish.choice) {
            return Err(KeepError::OtherMachine(other.clone()));
        }
        let unknown = || KeepError::Unknown;
        let path = RelPath::parse(&conflict.path).ok_or_else(unknown)?;
        let copy = conflict
            .copy
            .as_deref()
            .and_then(RelPath::parse)
            .ok_or_else(unknown)?;
        let copy_seen = look(root, &copy)?.ok_or_else(|| KeepError::Gone {
            path: copy.to_string(),
        })?;
        if !is_as_met(synced, conflict, &copy_seen) {
            return Err(KeepError::Changed {
                path: copy.to_string(),
            });
        }
        let original_seen = look(root, &path)?;
        let theirs = original_seen.as_ref().is_none_or(|seen| {
            let bytes = two::bytes_of(seen);
            bytes.is_some() && bytes == under_the_name(synced, all, conflict)
        });
        let copies = all
            .iter()
            .filter(|other| other.conflict.path == conflict.path)
            .count();
        let held = wish.choice == Choice::Remote && copies >= OPEN_COPIES_HELD;
        match &original_seen {
            // Without it the copy is the only version here. With it gone, giving the copy its name is still right.
            None if wish.choice == Choice::Remote => {
                return Err(KeepError::Gone {
                    path: path.to_string(),
                });
            }
            Some(_) if !theirs && !held => {
                return Err(KeepError::Changed {
                    path: path.to_string(),
                });
            }
            Some(_) | None => {}
        }
        Ok(Self {
            path,
            copy,
            original_seen,
            copy_seen,
        })
    }
}

fn look(root: &Root, path: &RelPath) -> Result<Option<LocalNode>, KeepError> {
    let at = || path.to_string();
    match two::look(root, path) {
        Ok(two::Seen::File(seen)) => Ok(Some(seen)),
        Ok(two::Seen::Nothing) => Ok(None),
        Ok(two::Seen::Folder | two::Seen::Other) => Err(KeepError::NoFile { path: at() }),
        Err(error) if error.is_stale() => Err(KeepError::Changed { path: at() }),
        Err(error) => Err(KeepError::Disk(error)),
    }
}

/// Whether the copy holds the version that the conflict was about: by its bytes; where nobody ever hashed them (it could
/// not be sent), by size and modification time.
fn is_as_met(synced: &SyncedTree, conflict: &Conflict, seen: &LocalNode) -> bool {
    let Some(file) = seen.file() else { return false };
    let agreed = conflict
        .copy_node
        .and_then(|node| synced.get(node))
        .and_then(SyncedNode::file)
        .and_then(|agreed| agreed.hash);
    match conflict.local.hash.or(agreed) {
        Some(hash) => file.hash == Some(hash),
        None => {
            conflict.local.size == Some(file.size) && conflict.local_mtime_ns == Some(file.stamp.mtime_ns)
        }
    }
}

/// The bytes that must be under the contested name: the account's version of the latest conflict there.
fn under_the_name(synced: &SyncedTree, all: &[Known], conflict: &Conflict) -> Option<ContentHash> {
    let same_path = all.iter().filter(|other| other.conflict.path == conflict.path);
    let latest = same_path
        .filter(|other| other.id.is_some())
        .max_by_key(|other| other.id);
    let met = latest.map_or(conflict, |latest| &latest.conflict);
    let agreed = node_at(synced, &conflict.path).and_then(SyncedNode::file);
    let agreed = agreed.and_then(|file| file.hash);
    match (met.remote.hash, agreed) {
        (Some(met), Some(agreed)) => (met == agreed).then_some(agreed),
        (met, agreed) => met.or(agreed),
    }
}

/// The other version goes to the trash, and the copy gets the name.
fn take_the_name(
    journal: &mut Journal,
    root: &Root,
    wish: Wish<'_>,
    two: &Two,
) -> Result<Option<RelPath>, KeepError> {
    let trashed = match &two.original_seen {
        Some(seen) => Some(to_trash(journal, root, wish, &two.path, seen)?),
        None => None,
    };
    apply::rename(root, &two.copy, &two.path, None, &two.copy_seen)?;
    Ok(trashed)
}

/// One file to the local trash, journalled first: a run that is killed on the way is put right by the next pass.
fn to_trash(
    journal: &mut Journal,
    root: &Root,
    wish: Wish<'_>,
    path: &RelPath,
    seen: &LocalNode,
) -> Result<RelPath, KeepError> {
    let intent: Intent = journal.begin(intents::trash(path), clock::now())?;
    let place = TrashPlace::on(clock::today());
    let ended = apply::trash(root, path, seen, place).and_then(|done| {
        done.trashed.ok_or_else(|| LocalError::Changed {
            path: path.to_string(),
            what: "it is not in the trash",
        })
    });
    if ended.is_err() {
        let how = Keeping {
            device: wish.device,
            disk: &DiskTraits::default(),
            trash: place,
        };
        recover::trash(root, path, None, how)?;
    }
    journal.commit(&[Change::ClearIntent(intent.id)])?;
    match ended {
        Ok(trashed) => Ok(trashed),
        Err(error) if error.is_stale() => Err(KeepError::Changed {
            path: path.to_string(),
        }),
        Err(error) => Err(KeepError::Disk(error)),
    }
}

/// The end of a conflict, and its line of history.
fn ended(journal: &Journal, wish: Wish<'_>, known: &Known, trashed: Option<&RelPath>) -> Vec<Change> {
    let at = clock::now();
    let (action, reason) = wish.choice.words();
    let end = Some(ConflictEnd {
        at,
        outcome: wish.choice.outcome(),
        by: Some(wish.by.to_owned()),
    });
    let closed = Conflict {
        end,
        ..known.conflict.clone()
    };
    let path = match wish.choice {
        Choice::Local | Choice::Both => closed.path.clone(),
        Choice::Remote => closed.copy.clone().unwrap_or_else(|| closed.path.clone()),
    };
    let history = HistoryEntry {
        at,
        pass: journal.meta().generation,
        side: Side::Local,
        action: action.to_owned(),
        path,
        to: trashed.map(ToString::to_string),
        bytes: None,
        reason: reason.to_owned(),
        allowed_by: Some(wish.by.to_owned()),
        deleted_files: 0,
    };
    let conflict = match known.id {
        Some(id) => Change::Conflict(id, closed),
        None => Change::NewConflict(closed),
    };
    vec![conflict, Change::History(history)]
}
