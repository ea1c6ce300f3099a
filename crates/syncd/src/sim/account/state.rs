//! What the account is between calls: rows, faults, counters, and what is still on its way.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::calls::{self, Incoming};
use super::clock::Clock;
use super::dialect::Dialect;
use super::faults::{Fault, Faults, Kind, Struck};
use super::races::Races;
use super::request::Request;
use super::store::Store;
use crate::sim::rng::Rng;

/// Keeps the choices of late work apart from those of the call it came from.
const LATE_SEED: u64 = 0x006c_6174_652d_776f;

/// How long a bad moment of the database lasts, and how far apart two are, in seconds: shorter, and longer, than
/// `confirm_after`, or nothing could be told from it.
const HICCUPS_LAST_S: u64 = 5;
const HICCUPS_APART_S: u64 = 60;

/// What is done some calls after it was asked for.
#[derive(Debug)]
enum Late {
    /// A file that was taken and not yet stored.
    Upload(Incoming),
    /// A call whose sender went away.
    Request(Request),
}

/// The account, behind one lock; nobody holds it across an await.
#[derive(Debug)]
pub(super) struct State {
    pub(super) dialect: Dialect,
    pub(super) store: Store,
    pub(super) races: Races,
    pub(super) faults: Faults,
    /// Halves of uploads that were taken for the whole: files of their own from then on.
    pub(super) halves: BTreeSet<Bytes>,
    /// Longest wait before and after the work, in milliseconds; 0: no wait at all.
    pub(super) max_latency_ms: u64,
    /// Calls that arrived.
    pub(super) calls: u64,
    /// Those of them that may change something, since the last reset.
    pub(super) mutations: u64,
    seed: u64,
    clock: Clock,
    late: Vec<(u64, Late)>,
    /// When the last bad moment of the database began.
    hiccups_since: Option<u64>,
}

/// A call that arrived: its choices and what strikes it.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) dice: Rng,
    pub(super) struck: Struck,
    /// Milliseconds to wait before the work, after it, and within a download's body.
    pub(super) before_ms: u64,
    pub(super) after_ms: u64,
    pub(super) within_ms: u64,
    /// Whether a refusal of an upload comes before its body was taken.
    pub(super) early: bool,
}

impl Arrival {
    /// After how many further calls the work is done if the sender goes away before it; none: never.
    pub(super) fn orphan(&mut self, most: u64) -> Option<u64> {
        let calls = self.dice.under(most).saturating_add(1);
        self.struck.by(Fault::LateOrphan).then_some(calls)
    }
}

impl State {
    /// An empty account.
    pub(super) fn new(dialect: Dialect, seed: u64) -> Self {
        Self {
            dialect,
            store: Store::default(),
            races: Races::default(),
            faults: Faults::default(),
            halves: BTreeSet::new(),
            max_latency_ms: 0,
            calls: 0,
            mutations: 0,
            seed,
            clock: Clock::default(),
            late: Vec::new(),
            hiccups_since: None,
        }
    }

    /// Seconds since 1970.
    pub(super) fn now(&mut self) -> u64 {
        self.clock.now()
    }

    /// Takes a call; what was late until now is done first.
    pub(super) fn arrive(&mut self, kind: Kind) -> Arrival {
        self.calls = self.calls.saturating_add(1);
        if kind.may_change() {
            self.mutations = self.mutations.saturating_add(1);
        }
        self.do_late(self.calls);
        let mut dice = Rng::of_call(self.seed, self.calls);
        let struck = self.faults.draw(&mut dice, kind);
        let bound = self.max_latency_ms.saturating_add(1);
        let [before_ms, after_ms, within_ms] = [(); 3].map(|()| dice.under(bound));
        let early = dice.coin();
        let struck = if self.may_hiccup() {
            self.faults.draw_hiccup(&mut dice, kind, struck)
        } else {
            struck
        };
        Arrival {
            dice,
            struck,
            before_ms,
            after_ms,
            within_ms,
            early,
        }
    }

    /// Whether the database is in one of its bad moments, or one may begin.
    fn may_hiccup(&mut self) -> bool {
        if self.faults.hiccup == 0 {
            return false;
        }
        let now = self.now();
        let began = *self.hiccups_since.get_or_insert(now);
        if now.saturating_sub(began) > HICCUPS_APART_S {
            self.hiccups_since = Some(now);
            return true;
        }
        now.saturating_sub(began) <= HICCUPS_LAST_S
    }

    /// Stores a file only after so many further calls.
    pub(super) fn put_off_upload(&mut self, calls: u64, incoming: Incoming) {
        let due = self.calls.saturating_add(calls);
        self.late.push((due, Late::Upload(incoming)));
    }

    /// Works on a call only after so many further ones.
    pub(super) fn put_off_request(&mut self, calls: u64, request: Request) {
        let due = self.calls.saturating_add(calls);
        self.late.push((due, Late::Request(request)));
    }

    /// How much is still on its way.
    pub(super) fn late(&self) -> usize {
        self.late.len()
    }

    /// Does what is due by the number of calls.
    pub(super) fn do_late(&mut self, calls: u64) {
        if self.late.is_empty() {
            return;
        }
        let (due, rest) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(due, _)| *due <= calls);
        self.late = rest;
        let now = self.now();
        for (at, work) in due {
            match work {
                Late::Upload(incoming) => {
                    incoming.store(self, now);
                }
                Late::Request(request) => {
                    let mut dice = Rng::of_call(self.seed ^ LATE_SEED, at);
                    calls::perform(self, &request, &mut dice, Struck::default(), now);
                }
            }
        }
    }
}
