//! Reports about what the engine met before or instead of a pass: journal, local folder, remote folder, another plan.

use std::path::Path;

use state::JournalError;

use crate::config::PairConfig;
use crate::engine::SafetyStop;
use crate::local::LocalError;

use super::{Kind, Report};

/// What happened to a pass that did not begin.
const NOT_SYNCED: &str = "not synced";
/// What happened to one that had begun, when its journal failed.
const BROKEN_OFF: &str = "not synced to the end";

/// What a pass that did not begin says about the user's files.
const UNTOUCHED: &str = "Nothing was changed on either side.";

/// What one that had begun says.
const BEGUN: &str = "What was done before this stays done, and the next run goes on from there.";

impl Report {
    /// The same from within a pass: it cannot say that nothing was changed.
    pub(crate) fn in_a_pass(mut self) -> Self {
        if self.data.as_deref() == Some(UNTOUCHED) {
            if self.kind == Kind::State && self.happened == NOT_SYNCED {
                BROKEN_OFF.clone_into(&mut self.happened);
            }
            self.data(BEGUN)
        } else {
            self
        }
    }

    /// The journal of this pair cannot be used.
    pub(crate) fn from_journal(error: &JournalError, pair: &str) -> Self {
        let told = |kind, cause: String, next: &str| Self::new(kind, NOT_SYNCED, cause, next).data(UNTOUCHED);
        let rebuild = format!(
            "\"syncd rebuild {pair}\" keeps it aside and makes a new one from both sides, without deleting anything"
        );
        match error {
            JournalError::Locked { pid } => {
                let by = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
                told(
                    Kind::Busy,
                    format!("another syncd holds this pair{by}"),
                    "wait until it has ended, or stop it, then run this again",
                )
            }
            JournalError::Newer { found, known } => told(
                Kind::State,
                format!("the journal has version {found}, this syncd knows up to {known}"),
                &format!("use the newer syncd that wrote it; or {rebuild}"),
            ),
            JournalError::NotWritable { path, cause } => told(
                Kind::State,
                format!("the state directory is not writable: {cause}"),
                "make it writable for this user, or set state_dir to a folder that is",
            )
            .at(path.display().to_string()),
            JournalError::Full { .. } => told(
                Kind::State,
                "no space is left for the journal".to_owned(),
                "free some space on the disk of the state directory, then run this again",
            ),
            JournalError::Damaged { .. } => told(Kind::State, error.to_string(), &rebuild),
            JournalError::Torn { .. } | JournalError::NoSuchIntent { .. } | JournalError::Sql { .. } => told(
                Kind::State,
                error.to_string(),
                "check the disk of the state directory; if this comes again, report it with the log",
            ),
        }
    }

    /// The journal cannot be used by a command that only asks it, or tells it something.
    pub(crate) fn from_journal_command(error: &JournalError, pair: &str) -> Self {
        Self {
            happened: "the journal of the pair cannot be used".to_owned(),
            ..Self::from_journal(error, pair)
        }
    }

    /// A command about this pair met what stops its passes.
    pub(crate) fn from_stop(stop: &SafetyStop, pair: &str) -> Self {
        let next = stop.next(pair);
        Self::new(Kind::SafetyStop, "stopped for safety", stop.to_string(), next)
            .at(pair)
            .data(UNTOUCHED)
    }

    /// The pair has no journal yet, so there is nothing that the command could be about.
    pub(crate) fn never_synced(pair: &str) -> Self {
        Self::new(
            Kind::State,
            "nothing to do",
            "this pair was never synced: it has no journal",
            format!("\"syncd --once {pair}\" syncs it; if its journal was lost, \"syncd rebuild {pair}\" makes a new one"),
        )
        .at(pair)
        .data(UNTOUCHED)
    }

    /// The local folder, or our own area in it, cannot be used.
    pub(crate) fn from_root(root: &Path, error: &LocalError) -> Self {
        let next = match error {
            LocalError::Missing(_) => {
                "make the folder, or mount its disk, or correct `local` in the configuration"
            }
            LocalError::NotAFolder(_) => "set `local` to a folder",
            LocalError::Denied { .. } => "give this user the permission to read and write it",
            LocalError::NoSpace { .. } => "free some space on its disk, then run this again",
            LocalError::Rules { .. } => {
                "correct the rule; until then nothing is synced, so that nothing is taken wrongly"
            }
            LocalError::Damaged { .. }
            | LocalError::Changed { .. }
            | LocalError::Occupied { .. }
            | LocalError::NotEmpty { .. }
            | LocalError::Unnameable { .. }
            | LocalError::Vanished { .. }
            | LocalError::Io { .. } => "look at the folder and its disk, then run this again",
        };
        Self::new(Kind::LocalFolder, NOT_SYNCED, error.to_string(), next)
            .at(root.display().to_string())
            .data(UNTOUCHED)
    }

    /// The folder of a pair in the account cannot be used.
    pub(crate) fn remote_root(pair: &PairConfig, why: &str) -> Self {
        let next = "look at `remote` of this pair, and at the folder on the web site";
        Self::new(
            Kind::Server,
            NOT_SYNCED,
            format!("its folder in the account: {why}"),
            next,
        )
        .at(pair.name.clone())
        .data(UNTOUCHED)
    }

    /// The plan is not the one that was asked for.
    pub(crate) fn other_plan(expected: &str, found: &str) -> Self {
        let cause = format!("the plan now has the digest {found}, not {expected}");
        Self::new(
            Kind::OtherPlan,
            "not run",
            cause,
            "look at the plan again with --dry-run",
        )
        .data(UNTOUCHED)
    }
}
