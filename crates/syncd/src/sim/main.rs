//! The program `syncd-sim`: lives many histories of simulated worlds.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A history is mostly small values that live for a moment.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    syncd::simulate()
}
