//! What travels over the control socket, as values: requests, and answers that both the server and the command line write.
//! The keys are a promise: added, never renamed (interface §1, `docs/control-api.md`).
//!
//! Must never be in one: keys, tokens, addresses of downloads.

use serde::{Deserialize, Serialize};

use crate::engine::between::{HeldItem, HistoryItem, ProblemItem};
use crate::engine::conflicts::ConflictItem;
use crate::engine::says::Why;

/// Version of the keys.
pub(crate) const VERSION: u8 = 1;

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The only key.
    pub(crate) error: FailureItem,
}

/// Kind and words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FailureItem {
    /// A stable word.
    pub(crate) kind: String,
    /// For people.
    pub(crate) message: String,
}

/// It is done, or begun where it takes time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Always true.
    pub(crate) done: bool,
}

/// Passes that were asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Syncs {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Pairs that look now.
    pub(crate) pairs: Vec<SyncItem>,
}

/// One pair that looks now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SyncItem {
    /// The pair.
    pub(crate) name: String,
    /// The number of the pass.
    pub(crate) pass: u64,
}

/// How waiting ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Waited {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Every pair that was waited for is in sync, after a look that began after the question.
    pub(crate) in_sync: bool,
    /// The time was over before that.
    pub(crate) timed_out: bool,
    /// The pairs.
    pub(crate) pairs: Vec<WaitedItem>,
}

/// One pair that was waited for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct WaitedItem {
    /// The pair.
    pub(crate) name: String,
    /// It is in sync.
    pub(crate) in_sync: bool,
    /// What it does.
    pub(crate) phase: String,
}

/// What is not in sync.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Problems {
    /// Version of the keys.
    pub(crate) v: u8,
    /// By pair.
    pub(crate) pairs: Vec<PairProblems>,
}

/// What of one pair is not in sync.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PairProblems {
    /// The pair.
    pub(crate) name: String,
    /// By path.
    pub(crate) problems: Vec<ProblemItem>,
}

/// What passes did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct History {
    /// Version of the keys.
    pub(crate) v: u8,
    /// By pair.
    pub(crate) pairs: Vec<PairHistory>,
}

/// What passes over one pair did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PairHistory {
    /// The pair.
    pub(crate) name: String,
    /// Newest first.
    pub(crate) history: Vec<HistoryItem>,
}

/// Two versions that met.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Conflicts {
    /// Version of the keys.
    pub(crate) v: u8,
    /// By pair.
    pub(crate) pairs: Vec<PairConflicts>,
}

/// The conflicts of one pair.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PairConflicts {
    /// The pair.
    pub(crate) name: String,
    /// By path.
    pub(crate) conflicts: Vec<ConflictItem>,
}

/// A conflict that the user settles.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keep {
    /// Which version has the name in the end.
    pub(crate) keep: Which,
    /// The contested path, or that of a copy: absolute, or below the pair's folder.
    pub(crate) path: String,
}

/// Which of two versions.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Which {
    /// This machine's version.
    Local,
    /// The account's version.
    Remote,
    /// Both.
    Both,
}

/// Conflicts that are settled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Version of the keys.
    pub(crate) v: u8,
    /// The pair.
    pub(crate) pair: String,
    /// What the user chose.
    pub(crate) kept: Which,
    /// What was settled.
    pub(crate) conflicts: Vec<KeptItem>,
}

/// One that is settled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct KeptItem {
    /// The contested path.
    pub(crate) path: String,
    /// Where this machine's version was kept.
    pub(crate) copy: String,
    /// Where the other version is now, below the pair's folder.
    pub(crate) trash: Option<String>,
}

/// What safety stops hold, or let through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Approvals {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Pairs that hold something.
    pub(crate) pairs: Vec<PairHeld>,
}

/// What the last stop of one pair holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PairHeld {
    /// The pair.
    pub(crate) name: String,
    /// It is let through now.
    pub(crate) approved: bool,
    /// Deletions on this machine.
    pub(crate) delete_local: usize,
    /// Deletions in the account.
    pub(crate) delete_remote: usize,
    /// Rows that the server lost.
    pub(crate) lost_rows: usize,
    /// The folder here is older than the journal.
    pub(crate) older_folder: bool,
    /// By path.
    pub(crate) held: Vec<HeldItem>,
}

/// What is to come back from the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    /// Where the file, or everything in the folder, was: absolute, or below the pair's folder.
    pub(crate) path: String,
    /// The version that was taken away on this day (`YYYY-MM-DD`, UTC); without it the newest.
    #[serde(default)]
    pub(crate) date: Option<String>,
}

/// What is, or was, in the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Restored {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Files.
    pub(crate) files: Vec<RestoredItem>,
}

/// One file of a trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RestoredItem {
    /// The pair.
    pub(crate) pair: String,
    /// Where it was, or is again.
    pub(crate) path: String,
    /// The day it was taken away.
    pub(crate) date: String,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Where it is, or was, below the pair's folder.
    pub(crate) trash: String,
    /// It is back.
    pub(crate) restored: bool,
    /// Why it is not.
    pub(crate) error: Option<String>,
}

/// How files and folders are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Files {
    /// Version of the keys.
    pub(crate) v: u8,
    /// In the order in which they were asked for.
    pub(crate) files: Vec<FileItem>,
}

/// How one file or folder is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FileItem {
    /// The pair it belongs to.
    pub(crate) pair: String,
    /// Below the pair's folder.
    pub(crate) path: String,
    /// `synced`, `uploading`, `waiting`, `conflict`, `skipped`, `ignored`, `held`, `unproved`, `failed` or `drift`.
    pub(crate) status: String,
    /// Why, in words.
    pub(crate) reason: String,
    /// Since when, RFC 3339, where that is known.
    pub(crate) since: Option<String>,
}

/// Why files and folders are as they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Whys {
    /// Version of the keys.
    pub(crate) v: u8,
    /// In the order in which they were asked for.
    pub(crate) why: Vec<Why>,
}

/// How long to pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pausing {
    /// Seconds; without it until `resume`.
    #[serde(default)]
    pub(crate) seconds: Option<u64>,
}

/// New limits of bandwidth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limiting {
    /// Bytes a second, 0 for none; without it the limit stays.
    #[serde(default)]
    pub(crate) upload: Option<u64>,
    /// The same downwards.
    #[serde(default)]
    pub(crate) download: Option<u64>,
}

/// Where nothing can be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

/// A line of the log that is followed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// Grows by one with each line.
    pub(crate) seq: u64,
    /// As text, whatever the log's format.
    pub(crate) line: String,
}

/// The last lines of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Log {
    /// Version of the keys.
    pub(crate) v: u8,
    /// Oldest first.
    pub(crate) lines: Vec<String>,
}
