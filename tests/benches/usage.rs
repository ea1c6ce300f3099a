//! What a process has used, as the kernel counts it.

use std::fs;
use std::time::Duration;

use crate::world::process::stat;

/// Ticks of the kernel's accounts in a second: the same on every Linux, whatever its own clock does.
const TICKS: u64 = 100;

/// What a process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Of all its threads, in the kernel too.
    pub(crate) cpu: Duration,
    /// Memory now, in bytes.
    pub(crate) resident: u64,
    /// The most it ever was, in bytes.
    pub(crate) peak: u64,
}

/// What a process has used.
pub(crate) fn usage(pid: u32) -> Usage {
    let stat = stat(pid);
    let ticks = |at: usize| stat[at].parse::<u64>().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    Usage {
        // Fields 14 and 15 of proc_pid_stat(5).
        cpu: Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS),
        resident: number_in(&status, "VmRSS:") * 1024,
        peak: number_in(&status, "VmHWM:") * 1024,
    }
}

/// The number after such a word, at the beginning of a line; 0: none.
pub(crate) fn number_in(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}
