//! The program `syncd-sim`: lives many histories of simulated worlds.

use std::process::ExitCode;

fn main() -> ExitCode {
    syncd::simulate()
}
