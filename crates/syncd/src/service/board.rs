//! A running service as those who ask see it: all pairs, and what can be wanted of them.
//!
//! Nothing here works on a pair: it notes what is wanted and rings. A question about one pair never waits for another.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::desk::{Desk, Event, Refusal, ServiceState};
use super::events::Events;
use super::limiter::Limiter;
use super::pause::{self, Pause};
use super::pauses::Paused;
use super::prepare::{Ground, ground};
use super::slate::Slate;
use crate::config::load::{Choice, Env};
use crate::config::{Config, PairConfig};
use crate::engine::now;
use crate::exit::Exit;
use crate::text::count;

/// A reload that is not begun yet; more are refused.
const RELOADS: usize = 1;

/// The service, for everybody who asks.
pub(crate) struct Board {
    since: i64,
    state_dir: PathBuf,
    choice: Choice,
    env: Env,
    events: Arc<Events>,
    slates: Mutex<Vec<Arc<Slate>>>,
    limiter: Limiter,
    config: Mutex<Arc<Config>>,
    reloads: mpsc::Sender<Ground>,
    stop: CancellationToken,
}

impl Board {
    /// A service without pairs. The other end gets configurations that were read again and can be used.
    pub(crate) fn new(
        (choice, env): (Choice, Env),
        config: &Config,
        client: api::Client,
        stop: CancellationToken,
    ) -> (Self, mpsc::Receiver<Ground>) {
        let (reloads, receiver) = mpsc::channel(RELOADS);
        let board = Self {
            since: now(),
            state_dir: config.state_dir.clone(),
            choice,
            env,
            events: Arc::default(),
            slates: Mutex::default(),
            limiter: Limiter::new(client, config.limits.clone()),
            config: Mutex::new(Arc::new(config.clone())),
            reloads,
            stop,
        };
        (board, receiver)
    }

    fn slates(&self) -> Vec<Arc<Slate>> {
        self.slates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn chosen(&self, pair: Option<&str>) -> Result<Vec<Arc<Slate>>, Refusal> {
        let slates = self.slates();
        let Some(name) = pair else {
            return Ok(slates);
        };
        match slates.into_iter().find(|slate| slate.name() == name) {
            Some(slate) => Ok(vec![slate]),
            None => Err(Refusal::NoSuchPair(name.to_owned())),
        }
    }

    /// These are the pairs now, in their order; one that was there keeps what is known of it.
    pub(crate) fn seat(&self, pairs: &[PairConfig], config: &Config) -> Vec<Arc<Slate>> {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config.clone());
        let known = self.slates();
        let slate = |pair: &PairConfig| {
            let same = known.iter().find(|slate| slate.name() == pair.name);
            same.cloned().unwrap_or_else(|| {
                let dir = config.pair_dir(&pair.name);
                Arc::new(Slate::new(&pair.name, dir, Arc::clone(&self.events)))
            })
        };
        let slates: Vec<_> = pairs.iter().map(slate).collect();
        // Before any of them begins.
        let closed = self.limiter.closed();
        slates.iter().for_each(|slate| slate.set_closed(closed.clone()));
        self.slates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&slates);
        slates
    }

    /// From now on this is the account.
    pub(crate) fn connect(&self, client: api::Client, config: &Config) {
        self.limiter.connect(client, config.limits.clone());
    }

    /// Lets the windows of the limits begin and end, until the service does.
    pub(crate) async fn follow(self: Arc<Self>) {
        let follow = self.limiter.follow(|closed| {
            for slate in self.slates() {
                slate.set_closed(closed.clone());
            }
        });
        tokio::select! {
            never = follow => match never {},
            () = self.stop.cancelled() => {}
        }
    }

    /// This happened to the service itself.
    pub(crate) fn tell(&self, kind: &'static str, text: &str) {
        self.events.tell(None, kind, text);
    }

    /// Whether the server refused the credentials: the client that heard it does not try them again.
    pub(crate) fn is_shut_out(&self) -> bool {
        self.slates().iter().any(|slate| slate.exit() == Exit::NoAccess)
    }

    /// Whoever waits for something may have it by now: looks again.
    pub(crate) fn nudge(&self) {
        for slate in self.slates() {
            if matches!(slate.glance().0, "offline" | "stopped" | "failed") {
                slate.ask();
            }
        }
    }

    /// Whether all pairs' loops showed that they live, within that time.
    pub(crate) fn is_alive(&self, within: Duration) -> bool {
        self.slates().iter().all(|slate| slate.silent_for() <= within)
    }

    /// One line for the service manager.
    pub(crate) fn headline(&self) -> String {
        let slates = self.slates();
        let seen: Vec<_> = slates
            .iter()
            .map(|slate| (slate.name(), slate.glance()))
            .collect();
        let agreed = seen.iter().filter(|(_, (_, in_sync))| *in_sync).count();
        let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut line = format!(
            "{}, {} in sync",
            count(number(seen.len()), "pair", "pairs"),
            number(agreed)
        );
        for (name, (phase, _)) in seen {
            if matches!(phase, "paused" | "offline" | "stopped" | "failed") {
                line.push_str("; ");
                line.push_str(name);
                line.push_str(" is ");
                line.push_str(phase);
            }
        }
        line
    }
}

impl Desk for Board {
    fn status(&self, pair: Option<&str>) -> Result<ServiceState, Refusal> {
        let chosen = self.chosen(pair)?;
        Ok(ServiceState {
            v: 1,
            running: true,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
            since: self.since,
            pairs: chosen.iter().map(|slate| slate.state()).collect(),
            limits: self.limiter.state(),
        })
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.listen()
    }

    fn sync(&self, pair: Option<&str>) -> Result<Vec<(String, u64)>, Refusal> {
        let mut begun = Vec::new();
        for slate in self.chosen(pair)? {
            let by = match slate.paused() {
                None => {
                    begun.push((slate.name().to_owned(), slate.ask()));
                    continue;
                }
                Some(Paused::ByUser(_)) => String::new(),
                Some(Paused::ByWindow(closed)) => format!(" by the window {} of the limits", closed.window),
            };
            if pair.is_some() {
                let name = slate.name();
                return Err(Refusal::Failed(format!(
                    "the pair \"{name}\" is paused{by}; \"syncd resume {name}\" ends that"
                )));
            }
        }
        Ok(begun)
    }

    fn passed(&self, pair: &str) -> Result<u64, Refusal> {
        let chosen = self.chosen(Some(pair))?;
        Ok(chosen.first().map_or(0, |slate| slate.passed()))
    }

    fn pause(&self, pair: Option<&str>, seconds: Option<u64>) -> Result<(), Refusal> {
        let until = match seconds {
            None => 0,
            Some(0) => return Err(Refusal::Bad("a pause takes at least a second".to_owned())),
            Some(seconds) => now().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)),
        };
        for slate in self.chosen(pair)? {
            pause::write(slate.dir(), Pause::until(until))
                .map_err(|error| Refusal::Failed(format!("the pause cannot be noted: {error}")))?;
            slate.set_paused(Some(until));
        }
        Ok(())
    }

    fn resume(&self, pair: Option<&str>) -> Result<(), Refusal> {
        for slate in self.chosen(pair)? {
            pause::clear(slate.dir())
                .map(|_| ())
                .map_err(|error| Refusal::Failed(format!("the end of the pause cannot be noted: {error}")))?;
            slate.resume();
        }
        Ok(())
    }

    fn reload(&self) -> Result<(), Refusal> {
        let refused = |why: String| {
            tracing::error!("the configuration is not reloaded, the old one stays in force: {why}");
            Refusal::Failed(why)
        };
        let ground = ground(&self.choice, &self.env).map_err(|report| refused(report.line()))?;
        if ground.config.state_dir != self.state_dir {
            return Err(refused("state_dir can change only with a restart".to_owned()));
        }
        if !ground.config.pairs.iter().any(|pair| pair.enabled) {
            return Err(refused("no pair is enabled".to_owned()));
        }
        self.reloads
            .try_send(ground)
            // Another reload is not done yet.
            .map_err(|_| Refusal::Busy)
    }

    fn stop(&self) {
        self.stop.cancel();
    }

    fn limit(&self, upload: Option<u64>, download: Option<u64>) -> Result<(), Refusal> {
        self.limiter.limit(upload, download);
        Ok(())
    }

    fn pair_dir(&self, pair: &str) -> Result<PathBuf, Refusal> {
        let chosen = self.chosen(Some(pair))?;
        let dir = chosen.first().map(|slate| slate.dir().to_owned());
        dir.ok_or_else(|| Refusal::NoSuchPair(pair.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::service::prepare::client;

    struct House {
        home: tempfile::TempDir,
        config: PathBuf,
        board: Board,
        reloads: mpsc::Receiver<Ground>,
        stop: CancellationToken,
    }

    fn text(home: &Path, pairs: &[&str]) -> String {
        let at = |name: &str| home.join(name).display().to_string();
        let mut text = format!(
            "state_dir = \"{}\"\n[account]\napi_url = \"https://a.example/api/v2/\"\ncredentials_file = \"{}\"\n",
            at("state"),
            at("credentials.toml")
        );
        for pair in pairs {
            text.push_str(&format!(
                "[[sync]]\nname = \"{pair}\"\nlocal = \"{}\"\nremote = \"/{pair}\"\n",
                at(pair)
            ));
        }
        text
    }

    fn house(pairs: &[&str]) -> House {
        let home = tempfile::tempdir().unwrap();
        let credentials = home.path().join("credentials.toml");
        fs::write(&credentials, "key1 = \"a\"\nkey2 = \"b\"\n").unwrap();
        fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
        let config = home.path().join("config.toml");
        fs::write(&config, text(home.path(), pairs)).unwrap();
        let env = Env::of(home.path().to_str().unwrap(), &[]);
        let choice = Choice {
            file: Some(config.clone()),
            profile: None,
        };
        let ground = ground(&choice, &env).unwrap();
        let client = client(&ground.config, ground.credentials.clone()).unwrap();
        let stop = CancellationToken::new();
        let (board, reloads) = Board::new((choice, env), &ground.config, client, stop.clone());
        board.seat(&ground.config.pairs, &ground.config);
        House {
            home,
            config,
            board,
            reloads,
            stop,
        }
    }

    #[tokio::test]
    async fn a_question_is_about_one_pair_or_all_and_a_name_nobody_knows_is_told() {
        let House { board, .. } = house(&["one", "two"]);
        let names: Vec<_> = board
            .status(None)
            .unwrap()
            .pairs
            .into_iter()
            .map(|pair| pair.name)
            .collect();
        assert_eq!(names, ["one", "two"]);
        let names = |state: ServiceState| state.pairs.into_iter().map(|pair| pair.name).collect::<Vec<_>>();
        assert_eq!(names(board.status(None).unwrap()), ["one", "two"]);
        assert_eq!(names(board.status(Some("two")).unwrap()), ["two"]);
        assert!(board.pair_dir("one").unwrap().ends_with("state/pairs/one"));
        let unknown = || Refusal::NoSuchPair("three".into());
        assert_eq!(board.status(Some("three")), Err(unknown()));
        assert_eq!(board.sync(Some("three")), Err(unknown()));
        assert_eq!(board.passed("three"), Err(unknown()));
        assert_eq!(board.pause(Some("three"), None), Err(unknown()));
        assert_eq!(board.resume(Some("three")), Err(unknown()));
        assert_eq!(board.pair_dir("three"), Err(unknown()));
    }

    #[tokio::test]
    async fn a_pause_survives_a_restart_and_is_told_to_who_asks_for_a_pass() {
        let House { home, board, .. } = house(&["one", "two"]);
        let mut events = board.events();
        board.pause(Some("one"), None).unwrap();
        board.pause(Some("two"), Some(3600)).unwrap();
        let kept = |name: &str| pause::read(&home.path().join("state/pairs").join(name)).map(Pause::moment);
        assert_eq!(kept("one"), Some(0));
        assert!(kept("two").is_some_and(|until| until > now() + 3000));
        let event = events.try_recv().unwrap();
        assert_eq!((event.kind, event.pair.as_deref()), ("paused", Some("one")));
        assert!(matches!(board.sync(Some("one")), Err(Refusal::Failed(_))));
        assert_eq!(board.sync(None).unwrap(), []);
        // Another process finds it as it was.
        let again = Slate::new("one", board.pair_dir("one").unwrap(), Arc::default());
        assert_eq!(again.paused(), Some(Paused::ByUser(0)));
        board.resume(None).unwrap();
        assert_eq!((kept("one"), kept("two")), (None, None));
        assert_eq!(
            board.sync(None).unwrap(),
            [("one".to_owned(), 1), ("two".to_owned(), 1)]
        );
        assert!(matches!(board.pause(None, Some(0)), Err(Refusal::Bad(_))));
    }

    #[tokio::test]
    async fn a_reload_hands_on_what_can_be_used_and_says_what_cannot() {
        let House {
            home,
            config,
            board,
            mut reloads,
            ..
        } = house(&["one"]);
        fs::write(&config, "nonsense = 1\n").unwrap();
        let refused = board.reload().unwrap_err().to_string();
        assert!(refused.contains("nonsense"), "{refused}");
        let elsewhere = text(home.path(), &["one"]).replace("/state\"", "/other\"");
        fs::write(&config, elsewhere).unwrap();
        assert!(board.reload().unwrap_err().to_string().contains("restart"));
        let disabled = text(home.path(), &["one"]) + "enabled = false\n";
        fs::write(&config, disabled).unwrap();
        assert!(board.reload().unwrap_err().to_string().contains("no pair"));
        assert!(reloads.try_recv().is_err());
        fs::write(&config, text(home.path(), &["one", "two"])).unwrap();
        board.reload().unwrap();
        assert_eq!(board.reload(), Err(Refusal::Busy));
        let ground = reloads.try_recv().unwrap();
        let before = board.slates();
        let after = board.seat(&ground.config.pairs, &ground.config);
        assert_eq!(after.len(), 2);
        let same = before.first().zip(after.first());
        assert!(
            same.is_some_and(|(a, b)| Arc::ptr_eq(a, b)),
            "what is known of it stays"
        );
    }

    #[tokio::test]
    async fn a_window_holds_from_the_start_and_a_reload_ends_what_the_command_said() {
        let House {
            home, config, board, ..
        } = house(&["one"]);
        let window = "[[limits.window]]\nupload = 7\npause = true\n";
        fs::write(&config, text(home.path(), &["one", "two"]) + window).unwrap();
        let ground = ground(&board.choice, &board.env).unwrap();
        board.limit(Some(1000), None).unwrap();
        let client = client(&ground.config, ground.credentials.clone()).unwrap();
        board.connect(client, &ground.config);
        board.seat(&ground.config.pairs, &ground.config);
        let state = board.status(None).unwrap();
        assert_eq!(
            (state.limits.upload, state.limits.by_command, state.limits.pause),
            (7, false, true)
        );
        assert_eq!(
            (state.limits.windows, state.limits.until),
            (vec!["every day".to_owned()], None)
        );
        assert!(state.pairs.iter().all(|pair| pair.paused_by == Some("window")));
        let refused = board.sync(Some("one")).unwrap_err().to_string();
        assert!(
            refused.contains("by the window every day of the limits"),
            "{refused}"
        );
        board.resume(Some("one")).unwrap();
        assert_eq!(board.sync(None).unwrap(), [("one".to_owned(), 1)]);
        board.limit(None, Some(9)).unwrap();
        let limits = board.status(None).unwrap().limits;
        assert_eq!((limits.upload, limits.download, limits.by_command), (7, 9, true));
    }

    #[tokio::test(start_paused = true)]
    async fn one_pair_that_shows_no_life_is_enough_not_to_be_alive() {
        let House { board, .. } = house(&["one", "two"]);
        let within = Duration::from_secs(10);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(board.is_alive(within));
        if let [one, _] = &*board.slates() {
            one.beat();
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!board.is_alive(within));
        board.slates().iter().for_each(|slate| slate.beat());
        assert!(board.is_alive(within));
    }

    #[tokio::test]
    async fn who_asks_for_an_end_gets_it() {
        let House { board, stop, .. } = house(&["one"]);
        assert_eq!(board.headline(), "1 pair, 0 in sync");
        board.limit(Some(1000), None).unwrap();
        let limits = board.status(None).unwrap().limits;
        assert_eq!(
            (limits.upload, limits.download, limits.by_command),
            (1000, 0, true)
        );
        board.stop();
        assert!(stop.is_cancelled());
    }
}
