//! What each of the three trees says of a path, as values and in words: the answer to `syncd why`. Pure.
//!
//! Keys are a promise: added, never renamed (`docs/control-api.md`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use planner::id::RemoteId;
use planner::path::RelPath;
use planner::tree::{LocalFile, LocalKind, LocalNode, Standing, SyncedNode, SyncedTree};
use serde::{Deserialize, Serialize};
use state::Absence;

use super::{clock, words};
use crate::text::size;

/// What is known of a path. Keys are a promise: added, never renamed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Why {
    /// The pair.
    pub(crate) pair: String,
    /// Below the pair's folder.
    pub(crate) path: String,
    /// As `filestatus` says it.
    pub(crate) status: String,
    /// Why, as `filestatus` says it.
    pub(crate) reason: String,
    /// What both sides agreed on.
    pub(crate) synced: SyncedSays,
    /// What the disk shows now.
    pub(crate) local: LocalSays,
    /// What is known of the account.
    pub(crate) remote: RemoteSays,
    /// The rules that decide, the deciding one first; none where nothing can be decided now.
    pub(crate) rules: Vec<RuleItem>,
    /// What the next pass does about it, as far as is known now.
    pub(crate) steps: Vec<StepItem>,
    /// What keeps it from being in sync.
    pub(crate) held: Vec<HoldItem>,
}

/// What the journal says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SyncedSays {
    /// `file`, `folder` or `nothing`.
    pub(crate) kind: Cow<'static, str>,
    /// Where it was when both sides agreed, if that is another path.
    pub(crate) path: Option<String>,
    /// Bytes.
    pub(crate) bytes: Option<u64>,
    /// BLAKE3, in hex.
    pub(crate) blake3: Option<String>,
    /// Its id in the account.
    pub(crate) id: Option<String>,
    /// In words.
    pub(crate) text: String,
}

/// What the disk says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LocalSays {
    /// `file`, `folder`, `other` or `nothing`.
    pub(crate) kind: Cow<'static, str>,
    /// Bytes.
    pub(crate) bytes: Option<u64>,
    /// When it was last changed, RFC 3339.
    pub(crate) modified: Option<String>,
    /// The ignore rule that matches it.
    pub(crate) ignored: Option<String>,
    /// In words.
    pub(crate) text: String,
}

/// What is known of the account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RemoteSays {
    /// `as_agreed`, `published`, `missing`, `in_trash`, `lost` or `unknown`.
    pub(crate) state: Cow<'static, str>,
    /// When the account was last looked at, RFC 3339.
    pub(crate) looked_at: Option<String>,
    /// That many seconds ago.
    pub(crate) age: Option<u64>,
    /// In words.
    pub(crate) text: String,
}

/// A rule of the planner.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RuleItem {
    /// Its name.
    pub(crate) rule: Cow<'static, str>,
    /// As a sentence.
    pub(crate) reason: Cow<'static, str>,
}

/// A step that would be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct StepItem {
    /// `local` or `remote`.
    pub(crate) side: Cow<'static, str>,
    /// What it is.
    pub(crate) kind: String,
    /// What it is done to.
    pub(crate) path: String,
    /// Where that goes.
    pub(crate) to: Option<String>,
    /// Bytes.
    pub(crate) bytes: Option<u64>,
    /// The rule behind it.
    pub(crate) rule: Cow<'static, str>,
}

/// What keeps it from being in sync.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct HoldItem {
    /// `skipped`, `held`, `unproved`, `failed` or `drift`.
    pub(crate) kind: String,
    /// In words.
    pub(crate) reason: String,
    /// Since when, RFC 3339; none if the last pass did not say so yet.
    pub(crate) since: Option<String>,
}

/// What the journal says.
pub(super) fn synced(synced: &SyncedTree, node: Option<&SyncedNode>, path: &RelPath) -> SyncedSays {
    let Some(node) = node else {
        return SyncedSays {
            kind: "nothing".into(),
            text: "both sides never agreed on anything at this path".to_owned(),
            ..SyncedSays::default()
        };
    };
    let was = synced
        .path(node.id)
        .filter(|was| was != path)
        .map(|was| was.to_string());
    let mut says = SyncedSays {
        kind: "folder".into(),
        id: Some(node.remote().get().to_string()),
        text: "both sides agreed on a folder".to_owned(),
        ..SyncedSays::default()
    };
    if let Some(file) = node.file() {
        says.kind = "file".into();
        says.bytes = Some(file.size);
        says.blake3 = file
            .hash
            .map(|hash| blake3::Hash::from(hash.0).to_hex().to_string());
        let unverified = if file.hash.is_none() {
            ", believed by its size"
        } else {
            ""
        };
        says.text = format!("both sides agreed on a file of {}{unverified}", size(file.size));
    }
    if let Some(was) = &was {
        says.text.push_str(&format!(" at {was}"));
    }
    says.path = was;
    says
}

/// What the disk says.
pub(super) fn local(
    entry: Option<&LocalNode>,
    node: Option<&SyncedNode>,
    ignored: Option<String>,
) -> LocalSays {
    let mut says = match entry.map(|entry| (entry, &entry.kind)) {
        None => LocalSays {
            kind: "nothing".into(),
            text: match node {
                Some(_) => {
                    "nothing is there now; if it lies elsewhere in the folder, it counts as moved".to_owned()
                }
                None => "nothing is there".to_owned(),
            },
            ..LocalSays::default()
        },
        Some((_, LocalKind::Folder(_))) => LocalSays {
            kind: "folder".into(),
            text: "a folder is there".to_owned(),
            ..LocalSays::default()
        },
        Some((_, LocalKind::Other(odd))) => LocalSays {
            kind: "other".into(),
            text: words::odd_text(*odd).to_owned(),
            ..LocalSays::default()
        },
        Some((_, LocalKind::File(file))) => LocalSays {
            kind: "file".into(),
            bytes: Some(file.size),
            modified: clock::shown(file.stamp.mtime_ns.div_euclid(1_000_000_000)),
            text: of_file(file, node),
            ..LocalSays::default()
        },
    };
    if let Some(rule) = &ignored {
        says.text.push_str(&format!("; ignored: {rule}"));
    }
    says.ignored = ignored;
    says
}

fn of_file(file: &LocalFile, node: Option<&SyncedNode>) -> String {
    let bytes = size(file.size);
    let Some(agreed) = node.and_then(SyncedNode::file) else {
        return format!("a file of {bytes} is there");
    };
    if file.size != agreed.size {
        format!("a file of {bytes} is there: another size than was agreed on")
    } else if agreed.stamp == Some(file.stamp) {
        format!("a file of {bytes} is there, with the times of when it was last compared")
    } else if file.hash.is_some() && file.hash == agreed.hash {
        format!("a file of {bytes} is there, byte for byte what was agreed on")
    } else {
        format!("a file of {bytes} is there, written or touched since it was last compared")
    }
}

/// What is known of the account since the last look at it.
pub(super) fn remote(
    node: Option<&SyncedNode>,
    absences: &BTreeMap<RemoteId, Absence>,
    looked_at: Option<i64>,
    now: i64,
) -> RemoteSays {
    let age = looked_at.map(|at| u64::try_from(now.saturating_sub(at)).unwrap_or(0));
    let absence = node.and_then(|node| absences.get(&node.remote()));
    let (state, text) = match (node, absence) {
        _ if looked_at.is_none() => ("unknown", "the account was never looked at".to_owned()),
        (None, _) => (
            "unknown",
            "nothing that was agreed on is at this path; what the account has there besides, only a look tells".to_owned(),
        ),
        (Some(_), Some(absence)) => missing(absence),
        (Some(node), None) if node.standing == Standing::Published => (
            "published",
            "it was sent, and no look at the account has shown it yet".to_owned(),
        ),
        (Some(_), None) => ("as_agreed", "the last look at the account showed it as agreed".to_owned()),
    };
    RemoteSays {
        state: state.into(),
        looked_at: looked_at.and_then(clock::shown),
        age,
        text,
    }
}

fn missing(absence: &Absence) -> (&'static str, String) {
    let since = |at: i64| clock::shown(at).unwrap_or_default();
    match (absence.trashed_at, absence.lost_at) {
        (Some(at), _) => (
            "in_trash",
            format!("it was seen in the account's trash, {}", since(at)),
        ),
        (None, Some(at)) => (
            "lost",
            format!("the server does not know it any more, since {}", since(at)),
        ),
        (None, None) => (
            "missing",
            format!(
                "it is missing there since {}, and nothing proves that it was deleted",
                since(absence.missed_at)
            ),
        ),
    }
}
