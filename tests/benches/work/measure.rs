//! One run of a process, measured: time, processor, memory, and what it asked of the server.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::usage::number_in;
use crate::world::Cloud;
use crate::world::machine::Running;
use crate::world::process::stat;

/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(2);

/// Ticks of the kernel's accounts in a second.
const TICKS: u64 = 100;

/// What a run cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) wall: Duration,
    /// Of it and its children, in the kernel too; in steps of 10 ms.
    pub(crate) cpu: Duration,
    /// The most memory it was seen to hold, in bytes.
    pub(crate) peak: u64,
    /// What it asked.
    pub(crate) asked: Asked,
}

/// What was asked of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Requests by endpoint.
    pub(crate) endpoints: BTreeMap<String, u64>,
    /// Bytes of files sent.
    pub(crate) up: u64,
    /// Bytes of files fetched.
    pub(crate) down: u64,
}

impl Asked {
    /// Since the server started.
    pub(crate) fn now(cloud: &Cloud) -> Self {
        let totals = cloud.control.totals();
        Self {
            endpoints: totals.by_endpoint,
            up: totals.bytes_in,
            down: totals.bytes_out,
        }
    }

    /// Since then.
    pub(crate) fn since(cloud: &Cloud, before: &Self) -> Self {
        let now = Self::now(cloud);
        let endpoints = now.endpoints.into_iter().filter_map(|(endpoint, count)| {
            let count = count - before.endpoints.get(&endpoint).copied().unwrap_or(0);
            (count > 0).then_some((endpoint, count))
        });
        Self {
            endpoints: endpoints.collect(),
            up: now.up - before.up,
            down: now.down - before.down,
        }
    }

    /// All of them.
    pub(crate) fn requests(&self) -> u64 {
        self.endpoints.values().sum()
    }

    /// Of one endpoint.
    pub(crate) fn at(&self, endpoint: &str) -> u64 {
        self.endpoints.get(endpoint).copied().unwrap_or(0)
    }

    /// Of those that change something.
    pub(crate) fn mutating(&self) -> u64 {
        let calls = ["upload", "edit", "move", "delete", "copy"].map(|call| format!("/file/{call}"));
        let folders = ["create", "edit", "move", "delete"].map(|call| format!("/folder/{call}"));
        calls.iter().chain(&folders).map(|call| self.at(call)).sum()
    }
}

/// Processor time of all children of this process that have ended.
fn of_children() -> Duration {
    let stat = stat(std::process::id());
    // Fields 16 and 17 of proc_pid_stat(5).
    let ticks: u64 = [13, 14]
        .map(|at: usize| stat[at].parse::<u64>().unwrap())
        .iter()
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// The most memory that a process held so far; 0: it has ended.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    number_in(&status, "VmHWM:") * 1024
}

/// Measures until `ended` says so.
fn watched(cloud: &Cloud, start: impl FnOnce() -> Child) -> (Cost, Child) {
    let (asked, cpu, begun) = (Asked::now(cloud), of_children(), Instant::now());
    let mut child = start();
    let mut most = 0;
    while !child.ended() {
        most = most.max(peak(child.pid()));
        std::thread::sleep(LOOK);
    }
    let wall = begun.elapsed();
    let cost = Cost {
        wall,
        cpu: of_children().saturating_sub(cpu),
        peak: most,
        asked: Asked::since(cloud, &asked),
    };
    (cost, child)
}

enum Child {
    Syncd(Running),
    Other(std::process::Child),
}

impl Child {
    fn ended(&mut self) -> bool {
        match self {
            Self::Syncd(running) => running.ended().is_some(),
            Self::Other(child) => child.try_wait().unwrap().is_some(),
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Syncd(running) => running.pid(),
            Self::Other(child) => child.id(),
        }
    }
}

/// A run of syncd that must end well; and what it said on standard error.
pub(crate) fn syncd(cloud: &Cloud, start: impl FnOnce() -> Running) -> (Cost, String) {
    let (cost, child) = watched(cloud, || Child::Syncd(start()));
    let Child::Syncd(running) = child else {
        unreachable!()
    };
    (cost, running.wait().expect(0).stderr)
}

/// A run of another program that must end well.
pub(crate) fn other(cloud: &Cloud, command: &mut Command) -> Cost {
    let (cost, child) = watched(cloud, || {
        let child = command.spawn();
        Child::Other(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    });
    let Child::Other(mut child) = child else {
        unreachable!()
    };
    let status = child.wait().unwrap();
    assert!(status.success(), "{command:?}: {status}");
    cost
}

impl std::ops::Add for Cost {
    type Output = Self;

    /// One after the other.
    fn add(self, next: Self) -> Self {
        let mut asked = self.asked;
        for (endpoint, count) in next.asked.endpoints {
            *asked.endpoints.entry(endpoint).or_default() += count;
        }
        asked.up += next.asked.up;
        asked.down += next.asked.down;
        Self {
            wall: self.wall + next.wall,
            cpu: self.cpu + next.cpu,
            peak: self.peak.max(next.peak),
            asked,
        }
    }
}
