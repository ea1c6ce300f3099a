//! What is shown of conflicts while nobody syncs the pair.

use std::borrow::Cow;
use std::path::Path;

use planner::tree::{SyncedNode, SyncedTree};
use serde::{Deserialize, Serialize};
use state::{ConflictVersion, Journal, JournalError};

use super::{Known, known, node_at};
use crate::engine::between::ask;
use crate::engine::clock;
use crate::report::Report;

/// A version in JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct VersionItem {
    /// Its size, if it is known.
    pub(crate) bytes: Option<u64>,
    /// Its BLAKE3, if it is known.
    pub(crate) blake3: Option<String>,
}

impl VersionItem {
    fn of(version: ConflictVersion) -> Self {
        Self {
            bytes: version.size,
            blake3: version.hash.map(|hash| hash.to_string()),
        }
    }
}

/// A conflict as users and programs see it; its JSON keys are a promise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ConflictItem {
    /// The contested path; its name may be shortened where no record tells it.
    pub(crate) path: String,
    /// The size of what has that path now, if a synced file has.
    pub(crate) path_bytes: Option<u64>,
    /// Where this machine's version is kept; `None`: a policy chose between the two.
    pub(crate) copy: Option<String>,
    /// The size of the copy.
    pub(crate) bytes: Option<u64>,
    /// The machine that kept it.
    pub(crate) device: Option<String>,
    /// When the copy was last modified, as it stands in its name (UTC).
    pub(crate) modified: Option<String>,
    /// Whether it waits for the user.
    pub(crate) open: bool,
    /// When the two met, RFC 3339; `None`: another machine's, or of before there were records.
    pub(crate) at: Option<String>,
    /// The policy in force then.
    pub(crate) policy: Option<String>,
    /// The rule that decided.
    pub(crate) reason: Option<String>,
    /// The version of the machine that kept the copy.
    pub(crate) local: VersionItem,
    /// The account's version.
    pub(crate) remote: VersionItem,
    /// How it ended: `local`, `remote`, `both` or `by_hand`.
    pub(crate) outcome: Option<Cow<'static, str>>,
    /// When it ended, RFC 3339.
    pub(crate) closed_at: Option<String>,
    /// Who ended it: a policy, or a user.
    pub(crate) closed_by: Option<String>,
}

/// Conflicts that are open, by path; with `closed` also those that ended.
pub(crate) fn list(dir: &Path, closed: bool) -> Result<Vec<ConflictItem>, Report> {
    let items = ask(dir, |journal: &Journal| {
        let synced = journal.synced()?;
        let known = known(journal, &synced, closed)?;
        let size = |path: &str| {
            node_at(&synced, path)
                .and_then(SyncedNode::file)
                .map(|file| file.size)
        };
        Ok(known.into_iter().map(|known| item(known, size)).collect())
    })?;
    Ok(items.unwrap_or_default())
}

/// How many conflicts wait for the user.
pub(crate) fn open_count(journal: &Journal) -> Result<u64, JournalError> {
    Ok(crate::text::len(&known(journal, &journal.synced()?, false)?))
}

/// Contested paths of open conflicts, each with its copy.
pub(in crate::engine) fn open_paths(
    journal: &Journal,
    synced: &SyncedTree,
) -> Result<Vec<(String, Option<String>)>, JournalError> {
    let known = known(journal, synced, false)?.into_iter();
    Ok(known
        .map(|known| (known.conflict.path, known.conflict.copy))
        .collect())
}

fn item(known: Known, size: impl Fn(&str) -> Option<u64>) -> ConflictItem {
    let Known { id, conflict, named } = known;
    let on_record = |text: String| id.map(|_| text);
    let (device, modified) = named.unzip();
    let end = conflict.end.clone();
    ConflictItem {
        path_bytes: size(&conflict.path),
        bytes: conflict.copy.as_deref().and(conflict.local.size),
        path: conflict.path,
        open: conflict.end.is_none(),
        copy: conflict.copy,
        device,
        modified,
        at: id.and_then(|_| clock::shown(conflict.at)),
        policy: on_record(conflict.policy),
        reason: on_record(conflict.reason),
        local: VersionItem::of(conflict.local),
        remote: VersionItem::of(conflict.remote),
        outcome: end.as_ref().map(|end| Cow::Borrowed(end.outcome.word())),
        closed_at: end.as_ref().and_then(|end| clock::shown(end.at)),
        closed_by: end.and_then(|end| end.by),
    }
}
