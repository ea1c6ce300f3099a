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

pub(crate) use account::Account;
pub(crate) use disk::{Disk, Inode, Kind};
pub(crate) use machine::{Decision, Machine, Trouble};
pub(crate) use perform::Pass;
pub(crate) use rng::Rng;
pub(crate) use user::{Habit, Ledger, disturb_account, disturb_disk};

use proptest::test_runner::{Config, RngSeed};

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

/// How many cases a property is tried with in a normal run.
const CASES: u32 = 10_000;

/// Where the normal run starts: always at the same cases, so that it is red only by what was changed.
const SEED: u64 = 1;

/// How often a property is tried, and with what.
///
/// The normal run takes seconds and is the same each time. `PROPTEST_CASES` asks for so many cases, and for others in
/// each run; `PROPTEST_RNG_SEED` for those of that seed. Nothing is written down: a failure shows its input, which
/// becomes a named test.
pub(crate) fn cases() -> Config {
    cases_or(CASES)
}

/// As [`cases`], where the normal run tries another number.
pub(crate) fn cases_or(normal: u32) -> Config {
    let is_set = |name| std::env::var_os(name).is_some();
    let mut config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if !is_set("PROPTEST_CASES") {
        config.cases = normal;
        if !is_set("PROPTEST_RNG_SEED") {
            config.rng_seed = RngSeed::Fixed(SEED);
        }
    }
    config
}
