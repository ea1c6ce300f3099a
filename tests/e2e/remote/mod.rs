//! `syncd remote` as a user runs it: every endpoint in every dialect, transfers that are cut or disturbed, hostile names,
//! wrong uses with the very words that the user sees.

mod endpoints;
mod names;
mod transfer;
mod wrong;

use crate::world::{Dialect, Machine, Run, World};

/// Tries of a command in a dialect with random faults.
const TRIES: usize = 8;

/// A world whose machine has no pair at all.
fn alone(dialect: Dialect) -> (World, Machine) {
    let world = World::start(dialect);
    let mut machine = world.machine("hand");
    machine.configure(|settings| settings.sync.clear());
    (world, machine)
}

/// `syncd remote ARGS`.
fn remote(machine: &Machine, args: &[&str]) -> Run {
    let args: Vec<&str> = ["remote"].into_iter().chain(args.iter().copied()).collect();
    machine.run(&args)
}

/// The same with what it reads from standard input.
fn remote_reading(machine: &mut Machine, input: &str, args: &[&str]) -> Run {
    let script = format!("printf '%s\\n' '{input}' | \"$0\" \"$@\"");
    machine.run_through(vec!["/bin/sh".to_owned(), "-c".to_owned(), script]);
    let run = remote(machine, args);
    machine.run_through(Vec::new());
    run
}

/// The same, to its good end: where the server errs at random, after some tries.
#[track_caller]
fn good(dialect: Dialect, machine: &Machine, args: &[&str]) -> Run {
    let mut run = remote(machine, args);
    for _ in 0..TRIES {
        if run.code == 0 || dialect != Dialect::Hostile {
            break;
        }
        run = remote(machine, args);
    }
    run.expect(0)
}
