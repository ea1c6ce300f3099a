//! The service from its start to its end: locks, pairs, signals, and what the service manager is told.
//!
//! Each pair has a thread of its own, so that none waits for another's disk or journal; their requests share one runtime
//! and one client. Nothing here decides anything about a file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::control;
use super::desk::{Desk, Event};
use super::instance::{self, Instance};
use super::logs::Logs;
use super::notices;
use super::pair::Life;
use super::prepare::{Ground, client, ground, same_access};
use super::ready::Ready;
use crate::config::load::{Choice, Env};
use crate::config::{Log, PairConfig};
use crate::report::{Kind, Report};

/// Pairs get so long to end, of the 10 s that a service has.
const END: Duration = Duration::from_secs(9);

/// A pair whose loop broke off (a bug) is begun again after this.
const AGAIN: Duration = Duration::from_secs(60);

/// A service that can start: nothing it needs before asking the server is missing, and no other one runs on this state.
pub(crate) struct Service {
    choice: Choice,
    env: Env,
    ground: Ground,
    client: api::Client,
    _instance: Instance,
}

/// Prepares a service.
pub(crate) fn prepare(choice: &Choice, env: &Env) -> Result<Service, Report> {
    let ground = ground(choice, env)?;
    if !ground.config.pairs.iter().any(|pair| pair.enabled) {
        return Err(Report::new(
            Kind::Config,
            "there is nothing to do",
            "no pair is enabled",
            "set enabled = true for one",
        ));
    }
    let instance = instance::take(&ground.config.state_dir)?;
    let client = client(&ground.config, ground.credentials.clone())?;
    Ok(Service {
        choice: choice.clone(),
        env: env.clone(),
        ground,
        client,
        _instance: instance,
    })
}

/// A pair that lives.
struct Member {
    pair: PairConfig,
    stop: CancellationToken,
    /// Cancelled by its thread's end.
    ended: CancellationToken,
}

/// All that live.
struct Crew {
    board: Arc<Board>,
    logs: Logs,
    ground: Ground,
    client: api::Client,
    beat: Option<Duration>,
    members: Vec<Member>,
    threads: JoinSet<()>,
}

impl Service {
    /// How it logs.
    pub(crate) fn log(&self) -> &Log {
        &self.ground.config.log
    }

    /// Runs until it is told to end.
    ///
    /// # Errors
    /// It cannot listen to signals.
    pub(crate) async fn run(self, logs: Logs) -> Result<(), Report> {
        let mut signals = Signals::new()?;
        let ready = Ready::of(&self.env);
        let stop = CancellationToken::new();
        let (board, mut reloads) = Board::new(
            (self.choice, self.env),
            &self.ground.config,
            self.client.clone(),
            stop.clone(),
        );
        let mut crew = Crew {
            board: Arc::new(board),
            logs,
            ground: self.ground,
            client: self.client,
            // A pair shows itself twice while the manager is told once.
            beat: ready.beat().map(|beat| beat / 2),
            members: Vec::new(),
            threads: JoinSet::new(),
        };
        let socket = crew.ground.config.socket.clone();
        let desk: Arc<dyn Desk> = Arc::<Board>::clone(&crew.board);
        let served =
            control::serve(desk, &socket, stop.clone()).map_err(|error| no_socket(&socket, &error))?;
        crew.threads.spawn(served);
        let listening = crew.board.events();
        let desk: Arc<dyn Desk> = Arc::<Board>::clone(&crew.board);
        crew.threads.spawn(Arc::clone(&crew.board).follow());
        crew.threads
            .spawn(notices::tell(desk, crew.board.events(), stop.clone()));
        crew.seat(false);
        let headline = crew.board.headline();
        tracing::info!(
            pid = std::process::id(),
            version = env!("CARGO_PKG_VERSION"),
            "syncd runs: {headline}"
        );
        ready.ready(&headline);
        watch_over(&mut crew, &mut signals, &mut reloads, listening, &ready, &stop).await;
        tracing::info!("syncd ends");
        ready.stopping();
        crew.board.tell("ending", "the service ends");
        crew.end().await;
        tracing::info!("syncd has ended");
        Ok(())
    }
}

/// Without its socket nobody could ask the service or stop it properly: it does not start.
fn no_socket(path: &Path, error: &std::io::Error) -> Report {
    let next = "end the process that uses it, or set control.socket to a place in a folder of your own";
    Report::new(
        Kind::State,
        "the control socket cannot be made",
        error.to_string(),
        next,
    )
    .at(path.display().to_string())
}

/// The signals that a service heeds.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Report> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let next = "free memory or file descriptors";
                Report::new(Kind::Internal, "cannot start", error.to_string(), next)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// Everything that happens to the service between its start and its end.
async fn watch_over(
    crew: &mut Crew,
    signals: &mut Signals,
    reloads: &mut mpsc::Receiver<Ground>,
    mut listening: broadcast::Receiver<Event>,
    ready: &Ready,
    stop: &CancellationToken,
) {
    let mut told = crew.board.headline();
    let mut beats = ready.beat().map(interval);
    loop {
        let beat = async {
            match &mut beats {
                Some(beats) => beats.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = signals.interrupt.recv() => stop.cancel(),
            _ = signals.terminate.recv() => stop.cancel(),
            () = stop.cancelled() => return,
            _ = signals.hangup.recv() => {
                ready.reloading();
                // Why not was said.
                if crew.board.reload().is_err() {
                    ready.ready(&told);
                }
            }
            Some(ground) = reloads.recv() => {
                crew.reload(ground);
                told = crew.board.headline();
                ready.ready(&told);
            }
            event = listening.recv() => {
                let now = match event {
                    Ok(event) if event.kind == "step" => continue,
                    Ok(_) | Err(RecvError::Lagged(_)) => crew.board.headline(),
                    Err(RecvError::Closed) => return,
                };
                if now != told {
                    ready.status(&now);
                    told = now;
                }
            }
            // Threads of pairs that left.
            Some(_) = crew.threads.join_next() => {}
            _ = beat => {
                let within = ready.beat().unwrap_or_default().saturating_mul(2);
                if crew.board.is_alive(within) {
                    ready.alive();
                }
            }
        }
    }
}

impl Crew {
    /// Brings those who live in step with the configuration. `anew`: what all of them share has changed.
    fn seat(&mut self, anew: bool) {
        let enabled = self.ground.config.pairs.iter().filter(|pair| pair.enabled);
        let pairs: Vec<_> = enabled.cloned().collect();
        let slates = self.board.seat(&pairs, &self.ground.config);
        let mut before = std::mem::take(&mut self.members);
        for (pair, slate) in pairs.into_iter().zip(slates) {
            let known = before.iter().position(|member| member.pair.name == pair.name);
            let known = known.map(|at| before.swap_remove(at));
            let (same, left) = match known {
                Some(member) if !anew && member.pair == pair => (Some(member), None),
                Some(member) => (None, Some(member)),
                None => (None, None),
            };
            if let Some(same) = same {
                self.members.push(same);
                continue;
            }
            let after = left.map(|member| {
                member.stop.cancel();
                member.ended
            });
            let life = Life {
                config: self.ground.config.clone(),
                pair: pair.clone(),
                client: self.client.clone(),
                slate,
                stop: CancellationToken::new(),
                beat: self.beat,
            };
            tracing::info!(pair = pair.name, local = %pair.local.display(), "syncing");
            let member = self.start(life, after);
            self.members.push(member);
        }
        for member in before {
            tracing::info!(pair = member.pair.name, "not synced any more");
            member.stop.cancel();
        }
    }

    /// Starts a pair's thread; it begins once the one before it has ended.
    fn start(&mut self, life: Life, after: Option<CancellationToken>) -> Member {
        let member = Member {
            pair: life.pair.clone(),
            stop: life.stop.clone(),
            ended: CancellationToken::new(),
        };
        let (runtime, ended) = (Handle::current(), member.ended.clone().drop_guard());
        self.threads.spawn_blocking(move || {
            // Last, however this ends.
            let _ended = ended;
            if let Some(after) = after {
                runtime.block_on(after.cancelled());
            }
            while catch_unwind(AssertUnwindSafe(|| runtime.block_on(life.live()))).is_err() {
                tracing::error!(
                    pair = life.pair.name,
                    "a bug ended the work on this pair; nothing is lost, and it is begun again in a minute"
                );
                let stopped = runtime.block_on(async {
                    tokio::select! {
                        () = life.stop.cancelled() => true,
                        () = sleep(AGAIN) => false,
                    }
                });
                if stopped {
                    break;
                }
            }
        });
        member
    }

    /// Goes on with another configuration. Pairs that it does not change are not disturbed.
    fn reload(&mut self, ground: Ground) {
        let known = same_access(&self.ground, &ground) && !self.board.is_shut_out();
        if !known {
            match client(&ground.config, ground.credentials.clone()) {
                Ok(client) => self.client = client,
                Err(report) => {
                    tracing::error!(
                        "the configuration is not reloaded, the old one stays in force: {}",
                        report.line()
                    );
                    return;
                }
            }
        }
        self.logs.apply(&ground.config.log);
        self.board.connect(self.client.clone(), &ground.config);
        let (old, new) = (&self.ground.config, &ground.config);
        let anew = !known || old.device_name != new.device_name;
        self.ground = ground;
        self.seat(anew);
        self.board.nudge();
        tracing::info!("the configuration is reloaded");
        self.board.tell("reloaded", "the configuration is reloaded");
    }

    /// Ends all pairs: each after its running step, or in time.
    async fn end(mut self) {
        for member in &self.members {
            member.stop.cancel();
        }
        let all = async { while self.threads.join_next().await.is_some() {} };
        if timeout(END, all).await.is_err() {
            tracing::warn!("not all work has ended; the next start finishes or undoes what was half done");
        }
    }
}
