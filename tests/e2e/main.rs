//! End-to-end suites: the built `syncd` against a real devcloud on loopback, from the command line to the bytes.
//!
//! They prove wiring, doors, kills and budgets; what can be shown lower down is shown there. Nothing here looks into
//! syncd. One binary, so that it is linked once:
//!
//!     cargo test -p syncd --test e2e                      the normal run
//!     SYNCD_TEST_FULL=1 cargo test --release -p syncd --test e2e transfer      3,000 files, every dialect
//!     SYNCD_TEST_FULL=1 cargo test --release -p syncd --test e2e faults        the same under faults
//!     SYNCD_TEST_KILLS=200 cargo test --release -p syncd --test e2e kill       200 kills
//!     SYNCD_TEST_MIB=2048 cargo test --release -p syncd --test e2e memory      a file of 2 GiB

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test ends at the first surprise, and says where"
)]

mod bad_input;
mod basic;
mod budgets;
mod clock;
mod conflicts;
mod copies;
mod devices;
mod doctor;
mod documents;
mod dry_run;
mod editors;
mod faults;
mod full_disk;
mod histories;
mod init;
mod keyring;
mod kill;
mod limits;
mod logs;
mod memory;
mod moves;
mod names;
mod network;
mod notices;
mod proxy;
mod races;
mod recovery;
mod remote;
mod requests;
mod selective;
mod service;
mod service_proofs;
mod transfer;
mod unit;
mod unsyncable;
mod versions;
mod why;
mod widths;

#[path = "../checker.rs"]
mod checker;
#[path = "../samples.rs"]
mod samples;
#[path = "../shell_blocks.rs"]
mod shell_blocks;
#[path = "../world.rs"]
mod world;
