//! Starts and stops the server. Owns the listener, every connection and every background task; none outlives it.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Account;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::control::Control;
use crate::dialect::{Dialect, Quirks};
use crate::error::Error;
use crate::faults::Faults;
use crate::reply::Dropped;
use crate::routes;
use crate::store::Store;
use crate::world::World;

/// The account's id where nobody asks for another.
const USUAL_ACCOUNT: u64 = 158_642;

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Directory of everything it keeps; made when missing.
    pub data: PathBuf,
    /// Where it listens; port 0: any.
    pub listen: SocketAddr,
    /// Preset of quirks.
    pub dialect: Dialect,
    /// Switches that differ from the preset: `("Q07", true)`.
    pub quirks: Vec<(String, bool)>,
    /// Knobs of quirks and faults: `("Q03.tries", "5")`.
    pub knobs: Vec<(String, String)>,
    /// Probabilities of faults: `("drop-after", 0.1)`.
    pub faults: Vec<(String, f64)>,
    /// Added to every answer.
    pub latency: Duration,
    /// What chance is made of.
    pub seed: u64,
    /// The account's id, if the directory is new.
    pub account: u64,
}

impl Options {
    /// A `document` server without faults on any port of 127.0.0.1.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dialect: Dialect::Document,
            quirks: Vec::new(),
            knobs: Vec::new(),
            faults: Vec::new(),
            latency: Duration::ZERO,
            seed: 0,
            account: USUAL_ACCOUNT,
        }
    }

    /// The same in another dialect.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }
}

/// A running server. Dropping it stops it.
pub struct Server {
    world: Arc<World>,
    address: SocketAddr,
    api_url: String,
}

impl Server {
    /// Starts; answers come from tasks of the current runtime.
    ///
    /// # Errors
    /// The directory, the address, or a name or value among the options cannot be used.
    pub async fn start(options: Options) -> Result<Self, Error> {
        fs::create_dir_all(&options.data).map_err(|source| Error::data(&options.data, source))?;
        let blobs = Blobs::open(&options.data).map_err(|source| Error::data(&options.data, source))?;
        let store = Store::open(&options.data.join("devcloud.sqlite"))?;
        let account = Account::load(&store, options.account)?;
        let addr = options.listen;
        let listener = TcpListener::bind(addr)
            .await
            .map_err(|source| Error::Listen { addr, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| Error::Listen { addr, source })?;
        let world = Arc::new(World {
            store: Mutex::new(store),
            blobs,
            quirks: Mutex::new(Arc::new(Quirks::preset(options.dialect))),
            faults: Mutex::new(Faults::default()),
            ledger: Arc::default(),
            clock: Clock::default(),
            account,
            seed: options.seed,
            latency: options.latency,
            base: format!("http://{address}"),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            recent: Mutex::new(VecDeque::new()),
            running: AtomicUsize::new(0),
            next_look: AtomicI64::new(i64::MIN),
            http: fetcher()?,
        });
        let control = Control(Arc::clone(&world));
        for (quirk, on) in &options.quirks {
            control.set_quirk(quirk, *on)?;
        }
        for (knob, value) in &options.knobs {
            control.set_knob(knob, value)?;
        }
        for (fault, p) in &options.faults {
            control.set_fault(fault, *p)?;
        }
        let open_imports = world.store().open_imports()?;
        for import in open_imports {
            routes::import::start(&world, import);
        }
        let shared = Arc::clone(&world);
        world.spawn(async move { accept(&shared, &listener).await });
        Ok(Self {
            api_url: format!("{}/api/v2/", world.base),
            world,
            address,
        })
    }

    /// `http://127.0.0.1:PORT/api/v2/`.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// First key of the account: 64 characters.
    #[must_use]
    pub fn key1(&self) -> &str {
        &self.world.account.key1
    }

    /// Second key of the account: 64 characters.
    #[must_use]
    pub fn key2(&self) -> &str {
        &self.world.account.key2
    }

    /// User name of the account.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.world.account.username
    }

    /// Password of the account.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.world.account.password
    }

    /// What steers it.
    #[must_use]
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.world))
    }

    /// Stops: connections are closed, work in progress is abandoned, everything stored stays.
    pub async fn shutdown(self) {
        self.world.stop.cancel();
        self.world.tasks.close();
        self.world.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.world.stop.cancel();
    }
}

/// The client that fetches imports.
fn fetcher() -> Result<reqwest::Client, Error> {
    // Only plain http is spoken: any provider will do, and no root certificate is needed. The machine may have none.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none());
    builder
        .build()
        .map_err(|error| Error::data("http client", io::Error::other(error)))
}

/// After a failed accept (too many open files), a moment passes before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn accept(world: &Arc<World>, listener: &TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let shared = Arc::clone(world);
                world.spawn(async move { serve(shared, stream, peer).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(world: Arc<World>, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay refused");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let world = Arc::clone(&world);
        async move {
            let response = routes::dispatch(world, peer, request.map(Body::new)).await;
            // An error here makes hyper close the connection without a byte of answer.
            if response.extensions().get::<Dropped>().is_some() {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "dropped on purpose",
                ));
            }
            Ok(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection ended");
    }
}
