//! The program `syncd`: hands over to the library and passes its exit code on.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A service's passes need much memory for a moment, and it waits for most of its life: what it does not need is given back.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    syncd::run()
}
