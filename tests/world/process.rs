//! A running process as the kernel sees it, and signals to it.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Fields of its `stat` from the third on, which is its state: what is before may hold blanks.
pub(crate) fn stat(pid: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = text.rsplit_once(')').unwrap().1;
    after.split_whitespace().map(str::to_owned).collect()
}

/// Whether it is stopped.
pub(crate) fn is_stopped(pid: u32) -> bool {
    stat(pid)[0] == "T"
}

/// Sends a signal.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}
