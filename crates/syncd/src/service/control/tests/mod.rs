//! The control socket as a client sees it: a service of values in this process, and real connections.

mod bounds;
mod documents;
mod endpoints;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::serve;
use crate::config::Config;
use crate::config::testing::config;
use crate::service::desk::{Desk, Doing, Event, PairState, Queue, Refusal, ServiceState};

/// A service that is only values. It writes down what it was told.
pub(crate) struct Values {
    /// In force.
    pub(crate) config: Arc<Config>,
    events: broadcast::Sender<Event>,
    told: Mutex<Vec<String>>,
    in_sync: AtomicBool,
    passes: AtomicU64,
}

impl Values {
    fn known(&self, pair: Option<&str>) -> Result<Vec<String>, Refusal> {
        let all: Vec<String> = self.config.pairs.iter().map(|pair| pair.name.clone()).collect();
        match pair {
            None => Ok(all),
            Some(name) if all.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
            Some(name) => Err(Refusal::NoSuchPair(name.to_owned())),
        }
    }

    fn tell(&self, what: String) {
        self.told.lock().unwrap().push(what);
    }

    /// What it was told since the last question.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn happen(&self, seq: u64, pair: Option<&str>) {
        let event = Event {
            seq,
            at: 5,
            pair: pair.map(str::to_owned),
            kind: "step",
            text: "uploaded\na".into(),
        };
        let _ = self.events.send(event);
    }
}

impl Desk for Values {
    fn status(&self, pair: Option<&str>) -> Result<ServiceState, Refusal> {
        let state = |name: String| PairState {
            name,
            phase: "idle",
            in_sync: self.in_sync.load(Ordering::SeqCst),
            queue: Queue { files: 2, bytes: 30 },
            watch: "watching".into(),
            ..PairState::default()
        };
        Ok(ServiceState {
            v: 1,
            running: true,
            pid: 7,
            version: "0.1.0",
            since: 1_700_000_000,
            limits: crate::service::desk::LimitsState {
                windows: vec!["every day".to_owned()],
                ..Default::default()
            },
            pairs: self.known(pair)?.into_iter().map(state).collect(),
        })
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    fn sync(&self, pair: Option<&str>) -> Result<Vec<(String, u64)>, Refusal> {
        self.tell(format!("sync {pair:?}"));
        let pass = self.passes.load(Ordering::SeqCst) + 1;
        Ok(self.known(pair)?.into_iter().map(|name| (name, pass)).collect())
    }

    fn passed(&self, _: &str) -> Result<u64, Refusal> {
        Ok(self.passes.load(Ordering::SeqCst))
    }

    fn pause(&self, pair: Option<&str>, seconds: Option<u64>) -> Result<(), Refusal> {
        self.known(pair)?;
        if seconds == Some(0) {
            return Err(Refusal::Bad("a pause of no time".into()));
        }
        self.tell(format!("pause {pair:?} {seconds:?}"));
        Ok(())
    }

    fn resume(&self, pair: Option<&str>) -> Result<(), Refusal> {
        if pair == Some("other") {
            return Err(Refusal::Busy);
        }
        self.tell(format!("resume {pair:?}"));
        Ok(())
    }

    fn reload(&self) -> Result<(), Refusal> {
        Err(Refusal::Failed("config.toml:3: not TOML".into()))
    }

    fn stop(&self) {
        self.tell("stop".into());
    }

    fn limit(&self, upload: Option<u64>, download: Option<u64>) -> Result<(), Refusal> {
        self.tell(format!("limit {upload:?} {download:?}"));
        Ok(())
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    fn pair_dir(&self, pair: &str) -> Result<PathBuf, Refusal> {
        self.known(Some(pair)).map(|_| self.config.pair_dir(pair))
    }
}

/// A service that listens, for as long as this lives.
pub(crate) struct World {
    _home: tempfile::TempDir,
    /// The service.
    pub(crate) desk: Arc<Values>,
    path: PathBuf,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// A response.
#[derive(Debug)]
struct Said {
    status: u16,
    head: String,
    body: String,
}

impl Said {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no status in {text:?}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    fn kind(&self) -> String {
        self.json()["error"]["kind"].as_str().unwrap().to_owned()
    }
}

impl World {
    /// Two pairs, `main` and `other`.
    pub(crate) fn new() -> Self {
        Self::with(&["main", "other"])
    }

    fn with(names: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/control.sock");
        let mut config = config(home.path(), names);
        config.socket = path.clone();
        let desk = Arc::new(Values {
            config: Arc::new(config),
            events: broadcast::channel(4).0,
            told: Mutex::default(),
            in_sync: AtomicBool::new(true),
            passes: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(Arc::clone(&desk) as Arc<dyn Desk>, &path, stop.clone()).unwrap());
        Self {
            _home: home,
            desk,
            path,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.path).await.unwrap()
    }

    /// One request on a connection of its own.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Said {
        let mut stream = self.connect().await;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: syncd\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Said::parse(&rest(&mut stream).await)
    }

    async fn get(&self, path: &str) -> Said {
        self.ask("GET", path, "").await
    }

    /// Ends the service.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
        assert!(!self.path.exists(), "the socket is removed");
    }
}

/// Everything until the other side closes.
async fn rest(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is an end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

/// Reads until this text was there; what was read.
async fn until(stream: &mut UnixStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let reading = async {
        while !text.contains(wanted) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap();
    text
}
