//! What the benches share: whether one is asked for, its options, a service that runs, and a table.
//!
//! A bench measures and prints; it judges nothing. What must be right it asserts: a wrong result has no time.

use std::fmt;
use std::time::{Duration, Instant};

use crate::world::Machine;
use crate::world::machine::Running;
use crate::world::process::signal;
use crate::world::socket::Socket;

/// A bench that waits longer than this for something measures nothing.
const LIMIT: Duration = Duration::from_secs(3600);

/// Whether `cargo bench` runs this; `cargo test --all-targets` does not want to wait for it.
pub(crate) fn is_asked_for() -> bool {
    let asked = std::env::args().any(|arg| arg == "--bench");
    if !asked {
        println!("a bench: \"cargo bench -p syncd --bench NAME\" runs it");
    }
    asked
}

/// A number: of the argument `--NAME N`, of the variable `SYNCD_BENCH_NAME`, or that one.
pub(crate) fn option(name: &str, usual: u64) -> u64 {
    text_option(name).map_or(usual, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("--{name} takes a number, not {text:?}"))
    })
}

/// The same as text, such as `10m`.
pub(crate) fn text_option(name: &str) -> Option<String> {
    let flag = format!("--{name}");
    let args: Vec<String> = std::env::args().collect();
    let given = args
        .windows(2)
        .find(|pair| pair[0] == flag)
        .map(|pair| pair[1].clone());
    let variable = format!("SYNCD_BENCH_{}", name.to_uppercase().replace('-', "_"));
    given.or_else(|| std::env::var(variable).ok())
}

/// A line of a table.
pub(crate) fn row(what: &str, value: impl fmt::Display) {
    println!("  {what:<44} {value}");
}

/// Looks until it is so, and answers how long that took from `since`.
pub(crate) fn until(
    service: &mut Running,
    since: Instant,
    look: Duration,
    mut come: impl FnMut() -> bool,
) -> Duration {
    while !come() {
        assert!(since.elapsed() < LIMIT, "it does not come:\n{}", service.output());
        if let Some(status) = service.ended() {
            panic!("syncd ended: {status}\n{}", service.output());
        }
        std::thread::sleep(look);
    }
    since.elapsed()
}

/// Starts the service, waits until it says that both sides are the same, and answers how long that took.
pub(crate) fn start(machine: &Machine) -> (Running, Duration) {
    let since = Instant::now();
    let mut service = machine.spawn(&[]);
    let took = until(&mut service, since, Duration::from_millis(200), || {
        in_sync(machine).unwrap_or(false)
    });
    (service, took)
}

/// Ends it.
pub(crate) fn end(service: Running) {
    signal(service.pid(), rustix::process::Signal::TERM);
    service.wait().expect(0);
}

fn in_sync(machine: &Machine) -> Option<bool> {
    let answer = Socket::connect(&machine.state.join("control.sock"))
        .ok()?
        .ask("GET", "/v1/status")
        .ok()?;
    answer.json().pointer("/pairs/0/in_sync")?.as_bool()
}
