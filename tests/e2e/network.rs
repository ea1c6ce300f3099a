//! A network that is not there, or not what it says: a server that goes away and comes back, a name nobody knows, a
//! certificate nobody trusts. Each ends with the promised exit code and a line that says what to do; nothing has changed,
//! and the next run is fine.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::checker::{assert_equal, assert_same};
use crate::samples::bytes;
use crate::world::mounts::{in_own_mounts, mount};
use crate::world::settings::quoted;
use crate::world::{Cloud, Dialect, Entry, Machine, Run, Tree, World, disk};

/// A server that can be stopped and started again where it was, and one machine.
struct Site {
    _folder: tempfile::TempDir,
    data: PathBuf,
    dialect: Dialect,
    port: u16,
    cloud: Option<Cloud>,
    machine: Machine,
}

impl Site {
    fn new(dialect: Dialect) -> Self {
        let folder = tempfile::Builder::new().prefix("syncd-e2e-").tempdir().unwrap();
        let data = folder.path().join("cloud");
        let cloud = Cloud::start(&data, dialect, 1);
        let machine = Machine::new(&folder.path().join("d1"), "d1", &cloud, "/");
        Self {
            _folder: folder,
            data,
            dialect,
            port: cloud.port(),
            cloud: Some(cloud),
            machine,
        }
    }

    fn cloud(&self) -> &Cloud {
        self.cloud.as_ref().unwrap()
    }

    /// The server goes: its connections break, its port is closed.
    fn stop(&mut self) {
        self.cloud = None;
    }

    /// It is back, with all it had stored.
    fn start(&mut self) {
        self.cloud = Some(Cloud::start_on(&self.data, self.dialect, 1, self.port));
    }
}

/// What a run of a user says that cannot reach its server: exit code 1, one line with these parts, nothing changed here.
#[track_caller]
pub(crate) fn says(machine: &Machine, parts: &[&str]) -> Run {
    let before = disk::everything(&machine.local);
    let run = machine.run(&["--once"]).expect(1);
    assert_eq!(disk::everything(&machine.local), before, "{run:?}");
    let said = run.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("Next: ")).collect();
    assert_eq!(lines.len(), 1, "one line says what to do: {run:?}");
    for part in parts {
        assert!(lines[0].contains(part), "no {part:?} in: {}", lines[0]);
    }
    assert!(!said.contains("panicked"), "{run:?}");
    let json = machine.once(&[]).expect(1).json();
    assert!(json.to_string().contains("next"), "{json}");
    run
}

#[test]
fn a_server_gone_before_a_run_is_told_and_the_next_run_is_fine() {
    let mut site = Site::new(Dialect::V4);
    site.machine.write("a.txt", "one");
    site.cloud().web_create("b.txt", b"two");
    site.machine.sync();
    site.machine.write("a.txt", "edited while offline");
    site.machine.remove("b.txt");
    site.machine.write("c.txt", "new while offline");
    let there = site.cloud().tree();
    site.stop();
    says(&site.machine, &["127.0.0.1", "cannot be reached", "again later"]);
    site.start();
    assert_equal(&there, &site.cloud().tree());
    site.machine.settle(3, false);
    assert_same(&site.machine.tree(), &site.cloud().tree());
    let paths: Vec<String> = site.machine.tree().into_keys().collect();
    assert_eq!(paths, ["a.txt", "c.txt"]);
}

/// Files for both directions, and what both sides hold in the end.
fn load(site: &Site) -> Tree {
    let mut meant = Tree::new();
    for number in 0..30u64 {
        let (here, there) = (format!("up/{number}.bin"), format!("down/{number}.bin"));
        let content = site.machine.write(&here, bytes(30_000, number));
        meant.insert(here, Entry::File(content));
        let content = site.cloud().web_create(&there, &bytes(30_000, 100 + number));
        meant.insert(there, Entry::File(content));
    }
    for (name, seed) in [("up/large.bin", 200), ("down/large.bin", 201)] {
        let large = bytes(9 << 20, seed);
        let content = if seed == 200 {
            site.machine.write(name, &large)
        } else {
            site.cloud().web_create(name, &large)
        };
        meant.insert(name.to_owned(), Entry::File(content));
    }
    for folder in ["up", "down"] {
        meant.insert(folder.to_owned(), Entry::Folder);
    }
    meant
}

#[test]
fn a_network_that_goes_in_the_middle_of_a_run_and_stays_away_ends_it_and_the_next_one_goes_on() {
    let mut site = Site::new(Dialect::V4);
    let meant = load(&site);
    // Gone a little later in each run; the last one is let through.
    for requests in [2, 6, 15, 30, 50] {
        let mark = site.cloud().mark();
        let mut running = site.machine.spawn_once(&[]);
        running.watch(|_| site.cloud().since(&mark).requests >= requests);
        site.stop();
        let run = running.wait();
        assert!([1, 3].contains(&run.code), "{run:?}");
        assert!(!run.said().contains("panicked"), "{run:?}");
        site.start();
        // What is here is still here, whole; nothing was taken for deleted.
        for (path, entry) in site.machine.tree() {
            assert_eq!(Some(&entry), meant.get(&path), "{path} after {run:?}");
        }
        for (path, entry) in site.cloud().tree() {
            let interim = path.contains("syncd-up-");
            assert!(
                interim || meant.get(&path) == Some(&entry),
                "{path} in the account after {run:?}"
            );
        }
    }
    site.machine.settle(6, false);
    assert_equal(&meant, &site.machine.tree());
    assert_same(&site.machine.tree(), &site.cloud().tree());
}

#[test]
fn a_server_restarted_in_the_middle_of_a_run_is_waited_for() {
    let mut site = Site::new(Dialect::V4);
    let meant = load(&site);
    let mut codes = Vec::new();
    for requests in [5, 20, 40] {
        let mark = site.cloud().mark();
        let mut running = site.machine.spawn_once(&[]);
        running.watch(|_| site.cloud().since(&mark).requests >= requests);
        site.stop();
        site.start();
        let run = running.wait();
        // What was under way may have failed by name; the run itself goes on.
        assert!([0, 3].contains(&run.code), "{run:?}");
        codes.push(run.code);
    }
    site.machine.settle(6, false);
    assert_equal(&meant, &site.machine.tree());
    assert_same(&site.machine.tree(), &site.cloud().tree());
}

#[test]
fn a_server_that_takes_calls_and_never_answers_is_given_up_in_time() {
    let mut site = Site::new(Dialect::V4);
    site.machine.write("a.txt", "one");
    // The kernel takes connections for a listener that nobody asks.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    site.machine.configure(|settings| {
        settings.account.insert(
            "api_url".into(),
            quoted(&format!("http://127.0.0.1:{port}/api/v2/")),
        );
        settings.timing.insert("request_timeout".into(), quoted("500ms"));
    });
    let begun = Instant::now();
    says(&site.machine, &["127.0.0.1", "in time", "timing.request_timeout"]);
    assert!(begun.elapsed() < Duration::from_secs(120));
    let url = site.cloud().api_url();
    site.machine.configure(|settings| {
        settings.account.insert("api_url".into(), quoted(&url));
        settings.timing.insert("request_timeout".into(), quoted("20s"));
    });
    site.machine.sync();
    assert_same(&site.machine.tree(), &site.cloud().tree());
}

#[test]
fn a_name_that_is_not_known_is_told_as_such() {
    in_own_mounts("network::a_name_that_is_not_known_is_told_as_such", || {
        let mut site = Site::new(Dialect::V4);
        site.machine.write("a.txt", "one");
        // This machine asks nobody for names, so nothing leaves it.
        let names = site.data.join("nsswitch.conf");
        std::fs::write(&names, "hosts: files\n").unwrap();
        mount(
            &["--bind", names.to_str().unwrap()],
            Path::new("/etc/nsswitch.conf"),
        );
        let url = site.cloud().api_url();
        let lost = format!("https://cloud.invalid:{}/api/v2/", site.port);
        site.machine.configure(|settings| {
            settings.account.insert("api_url".into(), quoted(&lost));
        });
        says(&site.machine, &["cloud.invalid", "name is not found", "api_url"]);
        site.machine.configure(|settings| {
            settings.account.insert("api_url".into(), quoted(&url));
        });
        site.machine.sync();
        assert_same(&site.machine.tree(), &site.cloud().tree());
    });
}

// ---- certificates

/// A certificate authority of its own, and a server that speaks TLS before a devcloud.
pub(crate) struct Secure {
    ca: CertifiedIssuer<'static, KeyPair>,
    port: u16,
    _runtime: Runtime,
}

impl Secure {
    /// For that name, and valid until that year.
    pub(crate) fn start(world: &World, name: &str, until: i32) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &ca).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, behind) = (TlsAcceptor::from(Arc::new(config)), world.cloud.port());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that refuses the certificate ends here.
                    let Ok(mut outer) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut inner = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                });
            }
        });
        Self {
            ca,
            port,
            _runtime: runtime,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its API, by that host.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/api/v2/", self.port)
    }

    /// The machine trusts its root besides the system's.
    pub(crate) fn trusted_by(&self, world: &World, machine: &mut Machine) {
        let file = world.join("ca.pem");
        std::fs::write(&file, self.ca.pem()).unwrap();
        machine.configure(|settings| {
            let file = quoted(file.to_str().unwrap());
            settings.account.insert("ca_file".into(), file);
        });
    }

    /// A machine that asks this server.
    fn machine(&self, world: &World, trusts: bool) -> Machine {
        let mut machine = world.machine("d1");
        machine.write("here.txt", "here");
        machine.configure(|settings| {
            let url = quoted(&self.url("127.0.0.1"));
            settings.account.insert("api_url".into(), url);
        });
        if trusts {
            self.trusted_by(world, &mut machine);
        }
        machine
    }
}

/// Refused before a word was said to the server.
#[track_caller]
fn refused(world: &World, machine: &Machine, parts: &[&str]) {
    let mark = world.cloud.mark();
    let there = world.cloud.tree();
    says(machine, parts);
    assert_eq!(
        world.cloud.since(&mark).requests,
        0,
        "something was sent all the same"
    );
    assert_equal(&there, &world.cloud.tree());
}

#[test]
fn a_certificate_that_is_trusted_serves() {
    let world = World::start(Dialect::Document);
    let secure = Secure::start(&world, "127.0.0.1", 2999);
    let machine = secure.machine(&world, true);
    machine.sync();
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_until_the_user_trusts_its_root() {
    let world = World::start(Dialect::Document);
    world.cloud.web_create("there.txt", b"there");
    let secure = Secure::start(&world, "127.0.0.1", 2999);
    let mut machine = secure.machine(&world, false);
    refused(
        &world,
        &machine,
        &["127.0.0.1", "no secure connection", "ca_file"],
    );
    secure.trusted_by(&world, &mut machine);
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let world = World::start(Dialect::Document);
    let secure = Secure::start(&world, "cloud.example.org", 2999);
    let machine = secure.machine(&world, true);
    refused(
        &world,
        &machine,
        &["127.0.0.1", "no secure connection", "intercepts"],
    );
}

#[test]
fn a_certificate_that_has_expired_is_refused_and_the_clock_is_named() {
    let world = World::start(Dialect::Document);
    let secure = Secure::start(&world, "127.0.0.1", 2001);
    let machine = secure.machine(&world, true);
    refused(&world, &machine, &["127.0.0.1", "no secure connection", "clock"]);
}

#[test]
fn a_server_that_speaks_no_tls_is_told_from_one_that_is_not_there() {
    let world = World::start(Dialect::Document);
    let mut machine = world.machine("d1");
    machine.write("here.txt", "here");
    machine.configure(|settings| {
        let url = format!("https://127.0.0.1:{}/api/v2/", world.cloud.port());
        settings.account.insert("api_url".into(), quoted(&url));
    });
    refused(&world, &machine, &["127.0.0.1", "no secure connection"]);
}

#[test]
fn a_server_that_speaks_tls_is_no_use_with_plain_http() {
    let world = World::start(Dialect::Document);
    let secure = Secure::start(&world, "127.0.0.1", 2999);
    let mut machine = secure.machine(&world, true);
    machine.configure(|settings| {
        let url = format!("http://127.0.0.1:{}/api/v2/", secure.port);
        settings.account.insert("api_url".into(), quoted(&url));
    });
    refused(&world, &machine, &["127.0.0.1"]);
}
