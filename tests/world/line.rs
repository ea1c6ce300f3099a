//! The line between a machine and the server: a forwarder on a port of its own that can be cut, or go dead without a word.
//!
//! Downloads do not pass it: their links name the server's own address.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::{self, AddressFamily, SocketType};

/// Between two looks of its threads.
const LOOK: Duration = Duration::from_millis(10);

/// Everything passes.
const WHOLE: u8 = 0;
/// Nobody listens, and connections are broken.
const CUT: u8 = 1;
/// Nothing passes any more, and whoever wants to connect gets no answer.
const DEAD: u8 = 2;
/// It is taken down.
const GONE: u8 = 3;
/// Connections are taken, and nothing passes.
const MUTE: u8 = 4;

/// A forwarder.
pub(crate) struct Line {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// The server's.
    port: u16,
    wanted: AtomicU8,
    /// What the line is; follows `wanted`.
    is: AtomicU8,
    connections: Mutex<Vec<TcpStream>>,
}

impl Line {
    /// A line to a port of loopback.
    pub(crate) fn to(port: u16) -> Self {
        let listener = listener();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            port,
            wanted: AtomicU8::new(WHOLE),
            is: AtomicU8::new(WHOLE),
            connections: Mutex::default(),
        });
        let for_thread = Arc::clone(&shared);
        Self {
            port: own,
            shared,
            thread: Some(thread::spawn(move || listen(&for_thread, listener, own))),
        }
    }

    /// The address of the API through it.
    pub(crate) fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v2/", self.port)
    }

    fn set(&self, wanted: u8) {
        self.shared.wanted.store(wanted, Ordering::SeqCst);
        while self.shared.is.load(Ordering::SeqCst) != wanted {
            thread::sleep(LOOK);
        }
    }

    /// Breaks all connections; new ones are refused.
    pub(crate) fn cut(&self) {
        self.set(CUT);
    }

    /// From now on nothing passes, and nobody is told.
    pub(crate) fn deaden(&self) {
        self.set(DEAD);
    }

    /// From now on nothing passes, and whoever connects is let in: a server that hangs.
    pub(crate) fn mute(&self) {
        self.set(MUTE);
    }

    /// Everything passes again; what hung in a dead line is broken off.
    pub(crate) fn mend(&self) {
        self.set(CUT);
        self.set(WHOLE);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.wanted.store(GONE, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// On a port that the kernel gives to no client: one that is free for a moment must be free again later.
fn listener() -> TcpListener {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() * 31;
    loop {
        // Below 32768, where Linux begins to hand them out.
        let port = 12_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let address = (Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap());
        if let Ok(listener) = TcpListener::bind(address) {
            return listener;
        }
    }
}

fn listen(shared: &Arc<Shared>, listener: TcpListener, own: u16) {
    let mut open = Some(listener);
    let mut deaf = None;
    loop {
        let wanted = shared.wanted.load(Ordering::SeqCst);
        match wanted {
            CUT | GONE => {
                (open, deaf) = (None, None);
                for connection in shared.connections.lock().unwrap().drain(..) {
                    let _ = connection.shutdown(Shutdown::Both);
                }
                shared.is.store(wanted, Ordering::SeqCst);
                if wanted == GONE {
                    return;
                }
            }
            DEAD => {
                open = None;
                deaf.get_or_insert_with(|| be_deaf(own));
                shared.is.store(wanted, Ordering::SeqCst);
            }
            _ => {
                // What was in the queue of a deaf port may hold it for another moment.
                open = open.or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, own)).ok());
                if let Some(listener) = &open {
                    listener.set_nonblocking(true).unwrap();
                    shared.is.store(wanted, Ordering::SeqCst);
                    while let Ok((from, _)) = listener.accept() {
                        connect(shared, from);
                    }
                }
            }
        }
        thread::sleep(LOOK);
    }
}

/// A port whose queue is full for as long as this is kept: the kernel drops what else comes, as a network does that is
/// not there.
fn be_deaf(port: u16) -> (OwnedFd, Vec<TcpStream>) {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    net::sockopt::set_socket_reuseaddr(&socket, true).unwrap();
    net::bind(&socket, &address).unwrap();
    net::listen(&socket, 0).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address.into(), 20 * LOOK) {
        waiting.push(stream);
    }
    (socket, waiting)
}

fn connect(shared: &Arc<Shared>, from: TcpStream) {
    let Ok(to) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.port)) else {
        return;
    };
    from.set_nonblocking(false).unwrap();
    let mut connections = shared.connections.lock().unwrap();
    for (one, other) in [(&from, &to), (&to, &from)] {
        one.set_nodelay(true).unwrap();
        let (read, write) = (one.try_clone().unwrap(), other.try_clone().unwrap());
        let shared = Arc::clone(shared);
        thread::spawn(move || pump(&shared, read, write));
        connections.push(one.try_clone().unwrap());
    }
}

/// Forwards one way until an end closes.
fn pump(shared: &Shared, mut read: TcpStream, mut write: TcpStream) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = match read.read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        while matches!(shared.is.load(Ordering::SeqCst), DEAD | MUTE) {
            thread::sleep(LOOK);
        }
        if write.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = read.shutdown(Shutdown::Both);
    let _ = write.shutdown(Shutdown::Both);
}
