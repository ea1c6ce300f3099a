//! A simulated world: machines with the real engine, one account, people at all of them.
//!
//! A history is lived in one thread on a paused clock, so it is the same each time. Real are planner, engine, journal and
//! the API's types, parsers and retries; simulated are the disk, the account and time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::engine::{Setup, Sink, run};
use crate::summary::PairSummary;

use super::account::{Dialect, Faults, SimAccount};
use super::base::Base;
use super::check;
use super::disk::{self, Disk, Event, Killed};
use super::history::{Deed, History, Step};
use super::ledger::Ledger;
use super::machine::{Broken, Workshop};
use super::machine::{HICCUPS, Machine, OFTEN, SHUT, Service};
use super::rng::Rng;
use super::time;
use super::web;

/// System calls of a pass within which something may happen to it.
const CALLS: usize = 900;

/// Passes of every machine after which all is at rest. Counted looks and conflicts take some.
const ROUNDS: usize = 12;

/// Of a thousand calls in one of the database's bad moments, where these come as often as they may.
const HICCUPS_OFTEN: u16 = 400;

/// Nobody watches.
struct Quiet;

impl Sink for Quiet {
    fn phase(&self, _pair: &str, _phase: &'static str) {}
    fn totals(&self, _files: u64, _bytes: u64) {}
    fn step_done(&self, _line: &str) {}
    fn bytes(&self, _done: u64) {}
    fn file_done(&self) {}
}

/// How a life ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What was violated, if anything.
    pub(crate) violation: Option<String>,
    /// Passes made.
    pub(crate) passes: u64,
    /// Those of them that decided about a part.
    pub(crate) parts: u64,
    /// Calls the account answered, and calls of the disks.
    pub(crate) calls: (u64, u64),
    /// What happened, if it was asked for.
    pub(crate) story: String,
}

/// Lives a history.
pub(crate) fn live(workshop: &Workshop, history: &History, told: bool) -> Result<Ended, Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Broken(error.to_string()))?;
    let ended = runtime.block_on(async {
        // The timers' ticks began a moment before the clock stood still, nobody knows how long: from the first one on all
        // times are whole ticks.
        tokio::time::sleep(Duration::from_millis(1)).await;
        time::begin(history.seed);
        let world = World::new(workshop, history, told)?;
        let violation = match AssertUnwindSafe(world.live(history)).catch_unwind().await {
            Ok(result) => result.err(),
            Err(panic) => Some(format!("panic: {}", said(&*panic))),
        };
        Ok(Ended {
            violation,
            passes: *world.passes.borrow(),
            parts: *world.parts.borrow(),
            calls: (world.account.calls(), world.disk.calls()),
            story: world.story.take(),
        })
    });
    disk::set(None);
    time::end();
    ended
}

/// The words of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without words".to_owned())
}

/// All that takes part.
pub(crate) struct World {
    machines: Vec<Machine>,
    pub(crate) disk: Rc<Disk>,
    pub(crate) account: SimAccount,
    /// Where in it the pair is.
    pub(crate) base: Base,
    pub(crate) ledger: Rc<RefCell<Ledger>>,
    /// Paths that each machine held in its last calm pass.
    held: RefCell<BTreeMap<usize, BTreeSet<String>>>,
    passes: RefCell<u64>,
    parts: RefCell<u64>,
    /// Folders may be shut for a pass.
    shuts: bool,
    hiccups: Hiccups,
    told: bool,
    story: RefCell<String>,
}

/// How the account's database is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hiccups {
    /// Sound.
    Never,
    /// It hiccups in some steps, in some calls.
    Sometimes,
    /// Whenever it may.
    Often,
}

/// How one pass of the real engine ended.
pub(crate) enum Passed {
    /// It came to its end.
    Whole(Box<PairSummary>),
    /// Its process was killed.
    Killed,
}

impl World {
    fn new(workshop: &Workshop, history: &History, told: bool) -> Result<Self, Broken> {
        let mut rng = Rng::new(history.seed ^ 0xD15C);
        let disk = Disk::new(history.machines, rng.draw(), history.tick_ns);
        let disk = Rc::new(disk.map_err(|error| Broken(error.to_string()))?);
        disk::set(Some(Rc::clone(&disk)));
        let dialect = rng.pick(&Dialect::ALL).copied().unwrap_or(Dialect::Document);
        let account = SimAccount::new(dialect, rng.draw());
        let base = Base::of(history.seed);
        if base == Base::Folder {
            account.mkdir(None, base.name());
        }
        let machines = (0..history.machines).map(|number| workshop.machine(number, history.seed));
        Ok(Self {
            machines: machines.collect::<Result<_, _>>()?,
            disk,
            account,
            base,
            ledger: Rc::default(),
            held: RefCell::default(),
            passes: RefCell::new(0),
            parts: RefCell::new(0),
            shuts: history.seed >= SHUT,
            hiccups: match history.seed {
                OFTEN.. => Hiccups::Often,
                HICCUPS.. => Hiccups::Sometimes,
                _ => Hiccups::Never,
            },
            told,
            story: RefCell::default(),
        })
    }

    /// Machines there are.
    pub(crate) fn machines(&self) -> usize {
        self.machines.len()
    }

    /// Whether a machine held this path, or a folder above it, in its last calm pass.
    pub(crate) fn is_held(&self, machine: usize, path: &str) -> bool {
        let held = self.held.borrow();
        held.get(&machine).is_some_and(|held| {
            let above = path.match_indices('/').map(|(at, _)| at);
            let mut paths = above.filter_map(|at| path.get(..at)).chain([path]);
            paths.any(|path| held.contains(path))
        })
    }

    /// Takes something down, if somebody listens.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if self.told {
            let line = what();
            let mut story = self.story.borrow_mut();
            story.push_str(&line);
            story.push('\n');
        }
    }

    fn tell_state(&self) {
        for said in self.ledger.borrow_mut().said() {
            self.tell(|| format!("  {said}"));
        }
        self.tell(|| {
            let mut text = format!("  account {}", check::shown_account(self));
            for number in 0..self.machines() {
                text += &format!("\n  disk {number}  {}", check::shown(&self.disk.files(number)));
                let odd = self.disk.odd(number);
                if !odd.is_empty() {
                    text += &format!("  odd {odd:?}");
                }
                let mut own = self.disk.own(number);
                own.retain(|path, _| {
                    !path.ends_with('/') && !path.starts_with("trash/") && path != "root-id"
                });
                if !own.is_empty() {
                    text += &format!("  ours {}", check::shown(&own));
                }
            }
            text
        });
    }

    fn tell_pass(&self, machine: usize, pass: &PairSummary) {
        self.tell(|| {
            format!(
                "  {machine}: up {} down {} moved {} gone {}/{} conflicts {:?} held {:?} unproved {:?} failed {:?} stop {:?} error {:?}",
                pass.uploaded,
                pass.downloaded,
                pass.moved,
                pass.deleted_local,
                pass.deleted_remote,
                pass.conflicts,
                pass.held,
                pass.unproved,
                pass.failed,
                pass.stop,
                pass.error
            )
        });
    }

    async fn live(&self, history: &History) -> Result<(), String> {
        let mut chance = Rng::new(history.seed ^ 0xACC7);
        let (ledger, account, base) = (Rc::clone(&self.ledger), self.account.clone(), self.base);
        let users = RefCell::new(Rng::new(chance.draw()));
        self.disk.on_user(Rc::new(move |disk, machine| {
            let (mut rng, mut ledger) = (users.borrow_mut(), ledger.borrow_mut());
            if rng.one_in(4) {
                web::disturb(&account, base, &mut ledger, &mut rng);
            } else {
                disk.disturb(machine, &mut ledger, &mut rng);
            }
        }));
        self.tell(|| format!("a world of {:?}", self.account.dialect()));
        if self.told {
            self.ledger.borrow_mut().listen();
        }
        for step in &history.steps {
            self.tell(|| format!("{:?} ({})", step.deed, step.seed));
            self.step(*step).await?;
            self.tell_state();
        }
        self.tell(|| "rest".to_owned());
        self.account.set_faults(Faults::default());
        self.account.set_max_latency_ms(0);
        self.account.flush_late();
        if self.base == Base::Top {
            // As the message says where there is no folder to compare others with.
            self.account.mkdir(None, "new folder");
        }
        self.rest().await?;
        check::all(self)?;
        self.settled().await?;
        let mut rng = Rng::new(history.seed ^ 0xDE1);
        self.delete_one(&mut rng).await
    }

    async fn step(&self, step: Step) -> Result<(), String> {
        let mut rng = Rng::new(step.seed);
        match step.deed {
            Deed::Disk(machine) => {
                for _ in 0..=rng.below(4) {
                    self.disk
                        .disturb(machine, &mut self.ledger.borrow_mut(), &mut rng);
                }
            }
            Deed::Web => {
                for _ in 0..=rng.below(3) {
                    web::disturb(&self.account, self.base, &mut self.ledger.borrow_mut(), &mut rng);
                }
            }
            Deed::Pass(machine) => {
                self.trouble(&mut rng);
                let user = self.meddle(machine, Rng::new(rng.draw()));
                let pass = self.troubled(machine, &mut rng);
                let (passed, ()) = futures_util::future::join(pass, user).await;
                passed?;
            }
            Deed::Both(one, other) => {
                self.trouble(&mut rng);
                let (mut first, mut second) = (Rng::new(rng.draw()), Rng::new(rng.draw()));
                let passes = futures_util::future::join(
                    self.troubled(one, &mut first),
                    self.troubled(other, &mut second),
                );
                let (one, other) = passes.await;
                one.and(other)?;
            }
            Deed::Wait(seconds) => {
                // Whatever is still on its way arrives within minutes.
                self.account.flush_late();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
        }
        Ok(())
    }

    /// Faults of the account and the wire for one step.
    fn trouble(&self, rng: &mut Rng) {
        self.account
            .set_max_latency_ms([0, 20, 400].get(rng.below(3)).copied().unwrap_or(0));
        let often = if self.hiccups == Hiccups::Often {
            HICCUPS_OFTEN
        } else {
            0
        };
        if rng.one_in(2) {
            self.account.set_faults(Faults {
                hiccup: often,
                ..Faults::default()
            });
            return;
        }
        let mut fault = || {
            let often = [0, 0, 20, 150].get(rng.below(4)).copied();
            often.unwrap_or(0)
        };
        self.account.set_faults(Faults {
            drop_before: fault(),
            drop_after: fault(),
            empty_body: fault(),
            cut_json: fault(),
            http_500_before: fault(),
            rate_limited: fault(),
            upload_truncated: fault(),
            short_download: fault(),
            token_loss: fault() / 4,
            listing_reordered: fault(),
            late_upload: fault(),
            late_orphan: fault(),
            hiccup: if self.hiccups == Hiccups::Never {
                0
            } else {
                fault().max(often)
            },
        });
    }

    /// Somebody goes on working while a pass is made.
    async fn meddle(&self, machine: usize, mut rng: Rng) {
        if rng.one_in(2) {
            return;
        }
        for _ in 0..=rng.below(3) {
            let wait = [3, 150, 2_000, 40_000].get(rng.below(4)).copied().unwrap_or(3);
            let wait = u64::try_from(rng.below(wait)).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let mut ledger = self.ledger.borrow_mut();
            if rng.one_in(2) {
                web::disturb(&self.account, self.base, &mut ledger, &mut rng);
            } else {
                self.disk.disturb(machine, &mut ledger, &mut rng);
            }
        }
    }

    /// A pass that may be killed at a call or at a moment, whose calls may fail, during whose calls users act.
    async fn troubled(&self, machine: usize, rng: &mut Rng) -> Result<(), String> {
        let mut events = BTreeMap::new();
        let at = |rng: &mut Rng| u64::try_from(rng.below(CALLS)).unwrap_or(0);
        if rng.one_in(2) {
            for _ in 0..=rng.below(3) {
                events.insert(at(rng), Event::User);
            }
        }
        if rng.one_in(5) {
            events.insert(at(rng), Event::Fail);
        }
        if rng.one_in(4) {
            events.insert(at(rng), Event::Kill);
        }
        let limit = if rng.one_in(6) {
            let most = [200, 3_000, 60_000].get(rng.below(3)).copied().unwrap_or(200);
            Duration::from_millis(u64::try_from(rng.below(most)).unwrap_or(0))
        } else {
            Duration::from_secs(1_000_000)
        };
        if self.shuts
            && rng.one_in(3)
            && let Some(name) = self.disk.shut_one(machine, rng)
        {
            self.tell(|| format!("  {machine} may not look into {name}"));
        }
        let passed = self.pass(machine, events, limit, false).await;
        self.disk.open_all(machine);
        match passed? {
            Passed::Killed => self.tell(|| format!("  {machine} was killed")),
            Passed::Whole(summary) => self.tell_pass(machine, &summary),
        }
        Ok(())
    }

    /// One pass in a process of its own.
    async fn pass(
        &self,
        machine: usize,
        events: BTreeMap<u64, Event>,
        limit: Duration,
        calm: bool,
    ) -> Result<Passed, String> {
        *self.passes.borrow_mut() += 1;
        let Some(at) = self.machines.get(machine) else {
            return Ok(Passed::Killed);
        };
        let before = check::in_reach(self, machine);
        self.disk.begin(machine, events);
        let pair = at.config.pairs.first().ok_or("no pair")?;
        let known = at.service.take();
        if known.is_some() {
            // One process does not do two things in one moment: to its client a failure just now would be the same one.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let Service {
            mut recall,
            client,
            wire,
        } = match known {
            Some(service) => service,
            None => at.process(machine, &self.account)?,
        };
        let look = at.look(calm);
        let setup = Setup {
            config: at.config.clone(),
            client: client.clone(),
            stop: CancellationToken::new(),
        };
        let pass = run(&setup, pair, Arc::new(Quiet), &mut recall, look);
        let pass = AssertUnwindSafe(pass).catch_unwind();
        let ended = tokio::time::timeout(limit, Box::pin(pass)).await;
        self.disk.kill(machine);
        let lives = matches!(ended, Ok(Ok(_))) && at.is_service();
        if lives {
            *at.service.borrow_mut() = Some(Service { recall, client, wire });
        } else {
            wire.cut();
        }
        check::stayed(self, machine, &before)?;
        check::whole(self, machine)?;
        match ended {
            Err(_) => Ok(Passed::Killed),
            Ok(Err(panic)) if panic.is::<Killed>() => Ok(Passed::Killed),
            Ok(Err(panic)) => Err(format!("machine {machine} panicked: {}", said(&*panic))),
            Ok(Ok(summary)) => {
                let summary = summary.unwrap_or_default();
                let part = summary.decided.is_some_and(|(decided, all)| decided < all);
                *self.parts.borrow_mut() += u64::from(part);
                Ok(Passed::Whole(Box::new(summary)))
            }
        }
    }

    /// A pass without trouble.
    pub(crate) async fn calm(&self, machine: usize) -> Result<PairSummary, String> {
        match self
            .pass(machine, BTreeMap::new(), Duration::from_secs(10_000_000), true)
            .await?
        {
            Passed::Whole(summary) => {
                self.tell_pass(machine, &summary);
                if summary.stop.is_some() || summary.error.is_some() {
                    return Err(format!("machine {machine} cannot go on: {summary:#?}"));
                }
                let held = summary.held.iter().map(|item| item.path.clone()).collect();
                self.held.borrow_mut().insert(machine, held);
                Ok(*summary)
            }
            Passed::Killed => Err(format!("machine {machine} does not come to an end")),
        }
    }

    /// Nobody changes anything any more: passes until nothing is done.
    async fn rest(&self) -> Result<(), String> {
        let mut last = Vec::new();
        let services = self.machines.iter().any(Machine::is_service);
        let mut quiet = 0;
        if services {
            // A service lists each folder in its turn, not at once.
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
        for _ in 0..ROUNDS {
            let mut done = false;
            last.clear();
            self.account.reset_mutations();
            for machine in 0..self.machines() {
                let summary = self.calm(machine).await?;
                done |= summary.uploaded
                    + summary.downloaded
                    + summary.moved
                    + summary.deleted_local
                    + summary.deleted_remote
                    > 0
                    || !summary.unproved.is_empty();
                last.push(summary);
            }
            self.tell_state();
            if done || self.account.mutations() > 0 {
                quiet = 0;
            } else {
                quiet += 1;
                // A service may have made a folder, which nobody counts, before it was its turn to be listed.
                if !services || quiet == 2 {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
        Err(format!("no rest after {ROUNDS} rounds: {last:#?}"))
    }

    /// A day later the leftovers are swept, and then nothing costs a call that changes something.
    async fn settled(&self) -> Result<(), String> {
        tokio::time::sleep(Duration::from_secs(26 * 3_600)).await;
        for machine in 0..self.machines() {
            self.calm(machine).await?;
        }
        check::no_leftovers(self)?;
        self.account.reset_mutations();
        for machine in 0..self.machines() {
            self.calm(machine).await?;
        }
        match self.account.mutations() {
            0 => check::all(self),
            some => Err(format!("a settled world cost {some} calls that change something")),
        }
    }

    /// What a user deletes in a settled world is gone everywhere, stays gone, and nothing else goes.
    async fn delete_one(&self, rng: &mut Rng) -> Result<(), String> {
        let machine = rng.below(self.machines());
        let there: Vec<_> = check::contents(&self.disk.files(machine))
            .filter(|content| !self.ledger.borrow().copied.contains(content))
            .collect();
        let Some(content) = rng.pick(&there).copied() else {
            return Ok(());
        };
        self.tell(|| format!("content {content} is deleted on {machine}"));
        self.disk.delete(machine, content);
        self.ledger.borrow_mut().burn([content]);
        self.rest().await?;
        let back = (0..self.machines())
            .map(|number| self.disk.files(number))
            .chain([check::account(self)])
            .any(|files| check::contents(&files).any(|other| other == content));
        if back {
            return Err(format!("content {content} was deleted and is back"));
        }
        check::all(self)
    }
}
