//! How often a random test is tried, and with what: one rule for all crates.

use proptest::test_runner::{Config, RngSeed};

/// Where the cases of a normal run begin: the same each time, so that it is red only by what was changed.
const SEED: u64 = 1;

/// So many cases in a normal run. `PROPTEST_CASES` asks for another number, and for other cases in each run;
/// `PROPTEST_RNG_SEED` for those of that seed. Nothing is written down: a failure shows its input, which becomes a named
/// test.
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
