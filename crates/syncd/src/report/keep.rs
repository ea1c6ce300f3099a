//! Reports about a choice between two versions of a file that could not be carried out (`syncd conflicts keep`).

use planner::path::RelPath;

use super::{Kind, Report};
use crate::config::PairConfig;
use crate::engine::conflicts::KeepError;
use crate::local::LocalError;

/// What becomes of the two versions then.
const BOTH_STAY: &str = "Both versions are where they were.";

impl Report {
    /// Why the conflict at `path` was not settled.
    pub(crate) fn from_keep(pair: &PairConfig, path: &RelPath, error: &KeepError) -> Self {
        let told =
            |kind, cause: String, next: &str| Self::new(kind, "not settled", cause, next).data(BOTH_STAY);
        let at = |report: Self, path: &str| report.at(pair.local.join(path).display().to_string());
        let by_hand = "compare the two again, then delete or rename what you do not want, \
            or keep both with \"syncd conflicts keep both\"";
        match error {
            KeepError::Journal(error) => Self::from_journal_command(error, &pair.name).at(pair.name.clone()),
            KeepError::Unknown => {
                let next = "look with \"syncd conflicts list\"";
                at(
                    Self::new(Kind::NotFound, "not settled", error.to_string(), next),
                    path.as_str(),
                )
            }
            KeepError::Several(_) => {
                let next = "name the copy whose version is to get the name";
                at(told(Kind::Usage, error.to_string(), next), path.as_str())
            }
            KeepError::OtherMachine(_) => {
                let next = "run it on that machine, or rename the files yourself";
                at(told(Kind::LocalFolder, error.to_string(), next), path.as_str())
            }
            KeepError::Changed { path } => at(
                told(
                    Kind::LocalFolder,
                    "it changed since the conflict".to_owned(),
                    by_hand,
                ),
                path,
            ),
            KeepError::Gone { path } => at(
                told(Kind::LocalFolder, "it is not there any more".to_owned(), by_hand),
                path,
            ),
            KeepError::NoFile { path } => {
                at(told(Kind::LocalFolder, "it is no file".to_owned(), by_hand), path)
            }
            KeepError::Interrupted => {
                let next = "run \"syncd --once\", then this again";
                at(told(Kind::State, error.to_string(), next), path.as_str())
            }
            KeepError::OtherFolder => {
                let next = "run \"syncd --once\": it says what is wrong with the folder";
                at(told(Kind::LocalFolder, error.to_string(), next), "")
            }
            KeepError::Disk(error) => Self::kept_half_way(pair, error),
        }
    }

    /// The disk refused something: what was done so far moved one file to the trash at most.
    fn kept_half_way(pair: &PairConfig, error: &LocalError) -> Self {
        let next = "look at the folder and its disk, then run it again; \"syncd restore --list\" shows what is in the trash";
        Self::new(Kind::LocalFolder, "not settled", error.to_string(), next)
            .at(pair.local.display().to_string())
            .data("Nothing was overwritten; a version that has left its place is in .syncd/trash.")
    }
}
