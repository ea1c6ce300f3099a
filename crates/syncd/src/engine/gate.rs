//! The safety stops that a plan can run into (design §6). Pure.
//!
//! Never here: a way around. A stop is lifted by the user alone.

use std::fmt;

/// Why a pair pauses and waits for the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SafetyStop {
    /// The API address in the configuration is not the journal's.
    OtherApi {
        /// The journal's.
        journal: String,
        /// The configuration's.
        configured: String,
    },
    /// The credentials belong to another account than the journal's.
    OtherAccount {
        /// The journal's.
        journal: String,
        /// The one that signed in.
        found: String,
    },
    /// The local folder was synced before and is not there now.
    RootMissing(String),
    /// `.syncd/root-id` is missing from a folder that was synced before.
    MarkerMissing,
    /// `.syncd/root-id` is another's, or damaged.
    MarkerForeign(String),
    /// `.syncd/root-id` is older than the journal: a restored backup or snapshot.
    MarkerOlder {
        /// The marker's generation.
        found: u64,
        /// The journal's.
        journal: u64,
    },
    /// The local folder is another one than was synced last, a copy of it, and not all on record is in it.
    RootCopied {
        /// Where it is.
        path: String,
        /// What is not as it was.
        differs: String,
        /// Some of the paths.
        examples: Vec<String>,
    },
    /// The remote folder is in the trash, deleted or not found.
    RemoteRootGone(String),
    /// Rows that were synced answer "not found": the server went back in time.
    LostRows(usize),
    /// Too many deletions at once.
    Brake(Brake),
    /// The journal cannot be read.
    JournalDamaged(String),
}

/// How many deletions in one direction set the brake off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Brake {
    /// Deletions that would be made on this machine (else in the account).
    pub(crate) here: bool,
    /// Deletions planned now plus those of the last hour.
    pub(crate) count: usize,
    /// Synced files as counted at the start of that hour.
    pub(crate) of: usize,
    /// The limit in percent.
    pub(crate) percent: u8,
    /// Some of the paths.
    pub(crate) examples: Vec<String>,
}

/// Deletions below this number never set the brake off (design §6).
const ALWAYS_ALLOWED: usize = 10;

/// Looks at one direction: planned deletions together with those of the last hour, against the synced files at the
/// start of that hour. `None`: the plan may pass.
pub(crate) fn brake(
    here: bool,
    planned: usize,
    last_hour: usize,
    synced: usize,
    percent: u8,
) -> Option<Brake> {
    if planned == 0 || percent >= 100 {
        return None;
    }
    let count = planned.saturating_add(last_hour);
    let too_many = count.saturating_mul(100) > synced.saturating_mul(usize::from(percent));
    (count > ALWAYS_ALLOWED && too_many).then(|| Brake {
        here,
        count,
        of: synced,
        percent,
        examples: Vec::new(),
    })
}

impl SafetyStop {
    /// The stable word for it, as the journal and JSON name it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::OtherApi { .. } => "other_api",
            Self::OtherAccount { .. } => "other_account",
            Self::RootMissing(_) => "root_missing",
            Self::MarkerMissing => "marker_missing",
            Self::MarkerForeign(_) => "marker_foreign",
            Self::MarkerOlder { .. } => "marker_older",
            Self::RootCopied { .. } => "root_copied",
            Self::RemoteRootGone(_) => "remote_root_gone",
            Self::LostRows(_) => "lost_rows",
            Self::Brake(_) => "brake",
            Self::JournalDamaged(_) => "journal_damaged",
        }
    }

    /// Some of the paths it is about.
    pub(crate) fn examples(&self) -> &[String] {
        match self {
            Self::Brake(brake) => &brake.examples,
            Self::RootCopied { examples, .. } => examples,
            Self::OtherApi { .. }
            | Self::OtherAccount { .. }
            | Self::RootMissing(_)
            | Self::MarkerMissing
            | Self::MarkerForeign(_)
            | Self::MarkerOlder { .. }
            | Self::RemoteRootGone(_)
            | Self::LostRows(_)
            | Self::JournalDamaged(_) => &[],
        }
    }

    /// What the user can do about it, in one sentence that names the pair.
    pub(crate) fn next(&self, pair: &str) -> String {
        let text = match self {
            Self::OtherApi { .. } => {
                "set api_url back, or give the new site its own pair name so that it gets its own journal"
            }
            Self::OtherAccount { .. } => {
                "use the credentials of the journal's account, or give the other account its own pair name"
            }
            Self::RootMissing(_) => "mount or restore the folder, or take the pair out of the configuration",
            Self::MarkerMissing | Self::MarkerForeign(_) => {
                return format!(
                    "check that the right folder is mounted there; if it is, and its .syncd/root-id cannot be had \
                     back, \"syncd rebuild {pair}\" merges both sides without deleting anything"
                );
            }
            Self::MarkerOlder { .. } => {
                return format!(
                    "this folder looks like a restored backup; put the current one back, or run \"syncd approve \
                     {pair}\": the next run then merges both sides without deleting anything"
                );
            }
            Self::RootCopied { path, .. } => {
                return format!(
                    "if the copy was broken off, copy the folder again; to go on with it as it is, \"syncd relocate {pair} \
                     {path}\": what is missing in it then comes back, and of what differs both versions stay"
                );
            }
            Self::RemoteRootGone(_) => {
                return format!(
                    "restore the folder on the web site; or change `remote` of the pair, then run \"syncd rebuild \
                     {pair}\", which merges it with the folder here without deleting anything"
                );
            }
            Self::LostRows(_) => {
                return format!(
                    "wait for the site to be repaired, or ask its operator; nothing is deleted meanwhile; \"syncd \
                     approve {pair}\" takes them as not there: what is here is then uploaded anew"
                );
            }
            Self::Brake(_) => {
                return format!(
                    "look at both sides; if the deletions are meant, \"syncd approve {pair}\" lets them through, \
                     once, else restore the files"
                );
            }
            Self::JournalDamaged(_) => {
                return format!(
                    "run \"syncd rebuild {pair}\": it keeps the damaged journal aside and makes a new one from both \
                     sides, without deleting anything"
                );
            }
        };
        text.to_owned()
    }
}

impl fmt::Display for SafetyStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherApi { journal, configured } => {
                write!(
                    f,
                    "this pair was synced with {journal}, but the configuration says {configured}"
                )
            }
            Self::OtherAccount { journal, found } => {
                write!(
                    f,
                    "this pair was synced with account {journal}, but the credentials are those of account {found}"
                )
            }
            Self::RootMissing(path) => {
                write!(f, "the local folder {path} was synced before and is not there")
            }
            Self::MarkerMissing => write!(
                f,
                "the local folder was synced before, but its .syncd/root-id is missing"
            ),
            Self::MarkerForeign(why) => write!(
                f,
                "the .syncd/root-id of the local folder is not this pair's ({why})"
            ),
            Self::MarkerOlder { found, journal } => write!(
                f,
                "the .syncd/root-id of the local folder is of generation {found}, the journal of generation {journal}"
            ),
            Self::RootCopied { path, differs, .. } => write!(
                f,
                "the local folder {path} is a copy of the one that was synced last, and not a whole one: {differs}"
            ),
            Self::RemoteRootGone(why) => write!(f, "the remote folder of this pair is gone ({why})"),
            Self::LostRows(count) => {
                write!(
                    f,
                    "the server went back: {count} synced items are unknown to it, though they were not deleted"
                )
            }
            Self::Brake(brake) => write!(
                f,
                "{} of {} synced files would be deleted {} within an hour, more than max_delete_percent = {} allows",
                brake.count,
                brake.of,
                if brake.here {
                    "on this machine"
                } else {
                    "in the account"
                },
                brake.percent
            ),
            Self::JournalDamaged(why) => write!(f, "the journal cannot be read ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_deletions_always_pass_and_the_eleventh_is_measured() {
        assert_eq!(brake(true, 10, 0, 10, 50), None);
        assert!(brake(true, 11, 0, 21, 50).is_some());
        assert_eq!(brake(true, 11, 0, 22, 50), None);
    }

    #[test]
    fn deletions_of_the_last_hour_count() {
        assert_eq!(brake(false, 5, 0, 20, 50), None);
        assert!(brake(false, 5, 6, 20, 50).is_some());
        assert_eq!(
            brake(false, 0, 100, 20, 50),
            None,
            "a plan without deletions passes"
        );
    }

    #[test]
    fn a_hundred_percent_is_no_brake() {
        assert_eq!(brake(true, 1000, 0, 1000, 100), None);
    }
}
