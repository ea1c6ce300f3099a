//! A disk and an account that are only values, and a plan carried out on them: what tests of the planner run on.
//!
//! It is strict: a step whose precondition does not hold is an error, never a guess. Contents are numbers; a file's size
//! follows from its number, so that different contents often have equal sizes and only hashes tell them apart.

mod account;
mod disk;
mod machine;
mod perform;
mod record;
mod rng;
mod user;

pub(crate) use account::{Account, Row, url};
pub(crate) use disk::{Disk, Inode, Kind, Node};
pub(crate) use machine::{Decision, Machine, Trouble};
pub(crate) use perform::Pass;
pub(crate) use rng::Rng;
pub(crate) use user::{Habit, Ledger, disturb_account, disturb_disk};

use proptest::test_runner::Config;

use crate::cases::cases_or;
use crate::content::ContentHash;

/// What a file holds. 0 is the empty file.
pub(crate) type Bytes = u64;

/// The size of a content: 1 to 3, so that equal sizes are common.
pub(crate) fn size_of(bytes: Bytes) -> u64 {
    if bytes == 0 { 0 } else { 1 + bytes % 3 }
}

/// The hash of a content.
pub(crate) fn hash_of(bytes: Bytes) -> ContentHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&bytes.to_le_bytes());
    ContentHash(hash)
}

/// How many cases a property is tried with in a normal run; it takes seconds.
const CASES: u32 = 10_000;

/// How often a property is tried, and with what.
pub(crate) fn cases() -> Config {
    cases_or(CASES)
}
