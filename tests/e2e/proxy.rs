//! Ways to a server other than straight: proxies with and without a password, of the configuration and of the environment,
//! exceptions from them, IPv6. Proxies are this file's own, on loopback, and note what they were asked.
//!
//! `cloud.test` is known to no resolver: what reaches it went through a proxy. `0.0.0.0` is this machine, but no loopback address,
//! so it is reached both ways.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::checker::assert_same;
use crate::network::{Secure, says};
use crate::world::settings::quoted;
use crate::world::{Dialect, Machine, World};

/// `ann` with the password `s3cret`, as a proxy is told.
const ANN: &str = "Basic YW5uOnMzY3JldA==";

/// How a proxy is spoken to.
#[derive(Clone, Copy)]
enum Speaks {
    /// HTTP; it lets everybody through.
    Http,
    /// HTTP; it lets nobody through.
    Refusal,
    /// SOCKS 5, names resolved by the proxy.
    Socks,
}

/// A proxy that takes every host for this machine.
struct Proxy {
    port: u16,
    /// The head of what it was asked, a connection each; for SOCKS the host.
    asked: Arc<Mutex<Vec<String>>>,
    /// All bytes that passed from clients.
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// What is for port 80 goes to that port instead.
    fn start(speaks: Speaks, behind: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            passed: Arc::default(),
        };
        let (asked, passed) = (Arc::clone(&proxy.asked), Arc::clone(&proxy.passed));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (asked, passed) = (Arc::clone(&asked), Arc::clone(&passed));
                // A client that hangs up is no concern of a proxy.
                std::thread::spawn(move || serve(speaks, behind, stream?, &asked, passed));
            }
        });
        proxy
    }

    fn url(&self, scheme: &str, user: &str) -> String {
        format!("{scheme}://{user}127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    speaks: Speaks,
    behind: u16,
    client: TcpStream,
    asked: &Mutex<Vec<String>>,
    passed: Arc<Mutex<Vec<u8>>>,
) -> io::Result<()> {
    let mut from = BufReader::new(client.try_clone()?);
    let mut to = client;
    let (head, port) = match speaks {
        Speaks::Socks => greeted(&mut from, &mut to)?,
        Speaks::Http | Speaks::Refusal => {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                // A connection that was opened beforehand and never needed asks nothing.
                if from.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let target = head
                .strip_prefix("CONNECT ")
                .and_then(|rest| rest.split(' ').next());
            let port = target.and_then(|target| target.rsplit(':').next()?.parse().ok());
            (head, port.unwrap_or(80))
        }
    };
    asked.lock().unwrap().push(head.clone());
    if matches!(speaks, Speaks::Refusal) {
        return to.write_all(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
        );
    }
    let mut server = TcpStream::connect(("127.0.0.1", if port == 80 { behind } else { port }))?;
    match speaks {
        Speaks::Socks => to.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?,
        _ if head.starts_with("CONNECT ") => to.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?,
        // As it came: a server takes a whole address, too.
        Speaks::Http | Speaks::Refusal => server.write_all(head.as_bytes())?,
    }
    let mut back = server.try_clone()?;
    std::thread::spawn(move || {
        let _ = io::copy(&mut back, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes)?;
        if count == 0 {
            return server.shutdown(Shutdown::Write);
        }
        passed.lock().unwrap().extend_from_slice(&bytes[..count]);
        server.write_all(&bytes[..count])?;
    }
}

/// The begin of SOCKS 5 (RFC 1928), for a name: that name and port.
fn greeted(from: &mut impl Read, to: &mut impl Write) -> io::Result<(String, u16)> {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        from.read_exact(&mut bytes).map(|()| bytes)
    };
    let methods = take(2)?;
    take(usize::from(methods[1]))?;
    to.write_all(&[5, 0])?;
    let request = take(5)?;
    assert_eq!(request[..4], [5, 1, 0, 3], "a connection to a name");
    let name = take(usize::from(request[4]))?;
    let port = take(2)?;
    let port = u16::from_be_bytes([port[0], port[1]]);
    Ok((String::from_utf8(name).unwrap(), port))
}

/// A machine with a file, and another in the account, that knows the account by this address.
fn machine(world: &World, api_url: &str) -> Machine {
    world.cloud.web_create("there.txt", b"there");
    let mut machine = world.machine("d1");
    machine.write("here.txt", "here");
    machine.configure(|settings| {
        settings.account.insert("api_url".into(), quoted(api_url));
        settings.account.insert("allow_http".into(), "true".into());
    });
    machine
}

fn through(machine: &mut Machine, proxy: &str) {
    machine.configure(|settings| {
        settings.account.insert("proxy".into(), quoted(proxy));
    });
}

fn syncs(world: &World, machine: &Machine) {
    machine.settle(3, false);
    assert_same(&machine.tree(), &world.cloud.tree());
}

#[test]
fn a_proxy_with_a_password_carries_calls_to_a_name_that_only_it_knows() {
    let world = World::start(Dialect::Document);
    let proxy = Proxy::start(Speaks::Http, world.cloud.port());
    let mut machine = machine(&world, "http://cloud.test/api/v2/");
    through(&mut machine, &proxy.url("http", "ann:s3cret@"));
    syncs(&world, &machine);
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    for head in &asked {
        assert!(head.starts_with("POST http://cloud.test/api/v2/"), "{head}");
        assert!(
            head.to_lowercase()
                .contains(&format!("proxy-authorization: {ANN}").to_lowercase()),
            "{head}"
        );
    }
}

#[test]
fn through_a_proxy_tls_is_with_the_server_and_the_proxy_reads_no_key() {
    let world = World::start(Dialect::Document);
    let secure = Secure::start(&world, "cloud.test", 2999);
    let proxy = Proxy::start(Speaks::Http, 1);
    let mut machine = machine(&world, &secure.url("cloud.test"));
    secure.trusted_by(&world, &mut machine);
    through(&mut machine, &proxy.url("http", "ann:s3cret@"));
    syncs(&world, &machine);
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    for head in &asked {
        assert!(head.starts_with("CONNECT cloud.test:"), "{head}");
        assert!(head.contains(ANN), "{head}");
    }
    let passed = proxy.passed.lock().unwrap();
    assert!(!passed.is_empty());
    for secret in world
        .cloud
        .keys()
        .iter()
        .map(String::as_str)
        .chain(["access_token", "here.txt"])
    {
        let found = passed
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "the proxy read {secret}");
    }
}

#[test]
fn a_socks_proxy_is_given_the_name_to_resolve() {
    let world = World::start(Dialect::Document);
    let proxy = Proxy::start(Speaks::Socks, world.cloud.port());
    let mut machine = machine(&world, "http://cloud.test/api/v2/");
    through(&mut machine, &proxy.url("socks5h", ""));
    syncs(&world, &machine);
    let asked = proxy.asked();
    assert!(
        !asked.is_empty() && asked.iter().all(|name| name == "cloud.test"),
        "{asked:?}"
    );
}

#[test]
fn without_a_setting_the_environments_proxy_serves() {
    let world = World::start(Dialect::Document);
    let proxy = Proxy::start(Speaks::Http, world.cloud.port());
    let mut machine = machine(&world, "http://cloud.test/api/v2/");
    machine.env("HTTP_PROXY", &proxy.url("http", "ann:s3cret@"));
    syncs(&world, &machine);
    let asked = proxy.asked();
    assert!(
        !asked.is_empty() && asked.iter().all(|head| head.contains("cloud.test")),
        "{asked:?}"
    );
}

#[test]
fn what_no_proxy_names_is_reached_straight_whoever_named_the_proxy() {
    let world = World::start(Dialect::Document);
    let proxy = Proxy::start(Speaks::Http, world.cloud.port());
    let mut machine = machine(&world, &format!("http://0.0.0.0:{}/api/v2/", world.cloud.port()));
    through(&mut machine, &proxy.url("http", ""));
    syncs(&world, &machine);
    let asked = proxy.asked().len();
    assert!(asked > 0, "without an exception it goes through the proxy");
    machine.env("NO_PROXY", "example.com,0.0.0.0");
    machine.write("more.txt", "more");
    syncs(&world, &machine);
    machine.configure(|settings| {
        settings.account.remove("proxy");
    });
    machine.env("HTTP_PROXY", &proxy.url("http", ""));
    machine.write("still more.txt", "still more");
    syncs(&world, &machine);
    assert_eq!(proxy.asked().len(), asked, "{:?}", proxy.asked());
}

#[test]
fn loopback_never_goes_through_a_proxy() {
    let world = World::start(Dialect::Document);
    let mut machine = machine(&world, &world.cloud.api_url());
    through(&mut machine, "http://127.0.0.1:1");
    machine.env("ALL_PROXY", "http://127.0.0.1:1");
    syncs(&world, &machine);
}

#[test]
fn a_proxy_that_lets_nobody_through_is_named_and_its_password_is_not() {
    let world = World::start(Dialect::Document);
    let proxy = Proxy::start(Speaks::Refusal, 1);
    let mut machine = machine(&world, "https://cloud.test/api/v2/");
    // The other one is not there.
    for url in [
        proxy.url("http", "ann:s3cret@"),
        "http://ann:s3cret@127.0.0.1:1".to_owned(),
    ] {
        through(&mut machine, &url);
        let run = says(&machine, &["the proxy does not let it through", "account.proxy"]);
        assert!(!run.said().contains("s3cret"), "{run:?}");
    }
    assert!(!proxy.asked().is_empty());
}

/// Lets connections to an IPv6 port through to that port.
fn over_ipv6(behind: u16) -> u16 {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            std::thread::spawn(move || -> io::Result<()> {
                let (mut client, mut server) = (client?, TcpStream::connect(("127.0.0.1", behind))?);
                let (mut to, mut back) = (client.try_clone()?, server.try_clone()?);
                std::thread::spawn(move || {
                    let _ = io::copy(&mut back, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
                io::copy(&mut client, &mut server)?;
                server.shutdown(Shutdown::Write)
            });
        }
    });
    port
}

#[test]
fn a_server_is_reached_by_ipv6_with_and_without_tls() {
    let world = World::start(Dialect::Document);
    let machine = machine(
        &world,
        &format!("http://[::1]:{}/api/v2/", over_ipv6(world.cloud.port())),
    );
    syncs(&world, &machine);
    let world = World::start(Dialect::Document);
    let secure = Secure::start(&world, "::1", 2999);
    let port = over_ipv6(secure.port());
    let mut machine = self::machine(&world, &format!("https://[::1]:{port}/api/v2/"));
    secure.trusted_by(&world, &mut machine);
    syncs(&world, &machine);
}
