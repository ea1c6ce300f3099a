//! The way to the desktop: one call of `org.freedesktop.Notifications` on the user's session bus. A connection for each
//! notification, for they are rare.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::Notice;
use super::wire::{self, Answer, Call, FIXED, Out};
use crate::config::load::Env;

/// Connecting and the calls get so long: a desktop that hangs must not hold the next notification up for ever.
const TIME: Duration = Duration::from_secs(10);

/// Longest line while signing in, bytes.
const LINE_MAX: usize = 512;

/// Messages that are passed over while an answer is waited for: the bus sends one or two of its own.
const OTHERS_MAX: usize = 64;

const BUS: Call<'static> = Call {
    service: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    member: "Hello",
    signature: "",
};

const NOTIFY: Call<'static> = Call {
    service: "org.freedesktop.Notifications",
    path: "/org/freedesktop/Notifications",
    member: "Notify",
    signature: "susssasa{sv}i",
};

/// The desktop was not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untold {
    #[error("there is no session bus")]
    NoBus,
    #[error("it took too long")]
    TooLong,
    #[error("the session bus: {0}")]
    Io(#[from] io::Error),
    #[error("the session bus says something that is not understood")]
    Odd,
    #[error("the session bus refuses: {0}")]
    Refused(String),
}

/// Shows it.
pub(super) async fn show(env: &Env, notice: &Notice) -> Result<(), Untold> {
    let place = place(env).ok_or(Untold::NoBus)?;
    let told = tokio::time::timeout(TIME, tell(&place, notice)).await;
    told.map_err(|_| Untold::TooLong)?
}

/// Where a bus listens.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    Path(String),
    Abstract(Vec<u8>),
}

/// The user's session bus: the first address that is one on this machine.
fn place(env: &Env) -> Option<Place> {
    let Some(addresses) = env.get("DBUS_SESSION_BUS_ADDRESS") else {
        let run = env.get("XDG_RUNTIME_DIR").filter(|run| run.starts_with('/'))?;
        return Some(Place::Path(format!("{run}/bus")));
    };
    let unix = addresses
        .split(';')
        .filter_map(|address| address.strip_prefix("unix:"));
    let mut places = unix.flat_map(|address| address.split(',')).filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = percent(value)?;
        match key {
            "path" => Some(Place::Path(String::from_utf8(value).ok()?)),
            "abstract" => Some(Place::Abstract(value)),
            _ => None,
        }
    });
    places.next()
}

/// `%20` and the like.
fn percent(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(out)
}

async fn connect(place: &Place) -> io::Result<UnixStream> {
    match place {
        Place::Path(path) => UnixStream::connect(path).await,
        Place::Abstract(name) => {
            // Nobody waits for a connection on this machine: it is there or refused.
            let stream = StdStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        }
    }
}

async fn tell(place: &Place, notice: &Notice) -> Result<(), Untold> {
    let mut bus = connect(place).await?;
    sign_in(&mut bus).await?;
    ask(&mut bus, 1, BUS, &Out::default()).await?;
    ask(&mut bus, 2, NOTIFY, &body(notice)).await
}

/// The kernel tells the bus who this is; the words only say that it is meant so.
async fn sign_in(bus: &mut UnixStream) -> Result<(), Untold> {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let uid: String = uid.bytes().map(|digit| format!("{digit:02x}")).collect();
    bus.write_all(format!("\0AUTH EXTERNAL {uid}\r\n").as_bytes())
        .await?;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") && line.len() < LINE_MAX {
        line.push(bus.read_u8().await?);
    }
    if !line.starts_with(b"OK ") {
        let said = String::from_utf8_lossy(&line);
        return Err(Untold::Refused(crate::text::shown(said.trim())));
    }
    Ok(bus.write_all(b"BEGIN\r\n").await?)
}

/// Calls, and waits for the answer.
async fn ask(bus: &mut UnixStream, serial: u32, call: Call<'_>, body: &Out) -> Result<(), Untold> {
    bus.write_all(&wire::call(serial, call, body)).await?;
    for _ in 0..OTHERS_MAX {
        let mut fixed = [0; FIXED];
        bus.read_exact(&mut fixed).await?;
        let mut rest = vec![0; wire::rest(&fixed).ok_or(Untold::Odd)?];
        bus.read_exact(&mut rest).await?;
        match wire::answer(&fixed, &rest).ok_or(Untold::Odd)? {
            Answer::Return(of) if of == serial => return Ok(()),
            Answer::Error(of, name) if of == serial => {
                return Err(Untold::Refused(crate::text::shown(&name)));
            }
            Answer::Return(_) | Answer::Error(..) | Answer::Other => {}
        }
    }
    Err(Untold::Odd)
}

/// Name, what it replaces, icon, title, text, actions, hints, and how long it stays: as the desktop likes.
fn body(notice: &Notice) -> Out {
    let mut out = Out::default();
    out.text("syncd");
    out.number(0);
    out.text("");
    out.text(&notice.title);
    out.text(&escaped(&notice.body));
    out.array(4, |_| {});
    out.array(8, |out| {
        out.several();
        out.text("urgency");
        out.signature("y");
        out.byte(if notice.urgent { 2 } else { 1 });
    });
    out.signed(-1);
    out
}

/// A desktop may read markup in a text, and names of files come from strangers.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    fn notice() -> Notice {
        Notice {
            title: "stopped".into(),
            body: "<b>many</b> & more".into(),
            urgent: true,
        }
    }

    fn env_of(path: &std::path::Path) -> Env {
        Env::of(
            "/",
            &[(
                "DBUS_SESSION_BUS_ADDRESS",
                &format!("unix:path={},guid=1", path.display()),
            )],
        )
    }

    async fn message(stream: &mut UnixStream) -> Vec<u8> {
        let mut fixed = [0; FIXED];
        stream.read_exact(&mut fixed).await.unwrap();
        let mut rest = vec![0; wire::rest(&fixed).unwrap()];
        stream.read_exact(&mut rest).await.unwrap();
        rest
    }

    /// A bus with one client: greets it, and answers the second call with this message. What that call held.
    async fn bus(listener: UnixListener, answer: &[u8]) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.unwrap());
        }
        assert!(line.starts_with(b"\0AUTH EXTERNAL "));
        stream.write_all(b"OK 1234\r\n").await.unwrap();
        let mut begin = [0; 7];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"BEGIN\r\n");
        message(&mut stream).await;
        let hello =
            b"l\x02\x01\x01\x00\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x05\x01u\x00\x01\x00\x00\x00";
        let signal = b"l\x04\x01\x01\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00";
        stream
            .write_all(&[&hello[..], &signal[..]].concat())
            .await
            .unwrap();
        let asked = message(&mut stream).await;
        stream.write_all(answer).await.unwrap();
        String::from_utf8_lossy(&asked).into_owned()
    }

    #[tokio::test]
    async fn the_desktop_is_told_in_text_that_is_no_markup() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("bus");
        let listener = UnixListener::bind(&path).unwrap();
        let shown = b"l\x02\x01\x01\x04\x00\x00\x00\x03\x00\x00\x00\x08\x00\x00\x00\x05\x01u\x00\x02\x00\x00\x00\x07\x00\x00\x00";
        let (env, notice) = (env_of(&path), notice());
        let (asked, told) = tokio::join!(bus(listener, shown), show(&env, &notice));
        told.unwrap();
        for part in [
            "org.freedesktop.Notifications",
            "Notify",
            "stopped",
            "&lt;b&gt;many&lt;/b&gt; &amp; more",
            "urgency",
        ] {
            assert!(asked.contains(part), "{part}: {asked:?}");
        }
    }

    #[tokio::test]
    async fn without_a_desktop_nothing_happens_and_the_reason_is_known() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("bus");
        let told = show(&Env::of("/", &[]), &notice()).await;
        assert!(matches!(told, Err(Untold::NoBus)));
        let told = show(&env_of(&path), &notice()).await;
        assert!(matches!(told, Err(Untold::Io(_))));
        let listener = UnixListener::bind(&path).unwrap();
        let refused = b"l\x03\x01\x01\x00\x00\x00\x00\x03\x00\x00\x00\x14\x00\x00\x00\x05\x01u\x00\x02\x00\x00\x00\x04\x01s\x00\x03\x00\x00\x00a.b\x00\x00\x00\x00\x00";
        let (env, notice) = (env_of(&path), notice());
        let (_, told) = tokio::join!(bus(listener, refused), show(&env, &notice));
        assert_eq!(told.unwrap_err().to_string(), "the session bus refuses: a.b");
    }

    #[test]
    fn the_bus_is_the_one_that_the_environment_names() {
        let of = |vars: &[(&str, &str)]| place(&Env::of("/", vars));
        let path = |path: &str| Some(Place::Path(path.into()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("XDG_RUNTIME_DIR", "/run/user/7")]), path("/run/user/7/bus"));
        let named = |address| {
            of(&[
                ("XDG_RUNTIME_DIR", "/run/user/7"),
                ("DBUS_SESSION_BUS_ADDRESS", address),
            ])
        };
        assert_eq!(named("tcp:host=a;unix:guid=1,path=/a%20b"), path("/a b"));
        assert_eq!(
            named("unix:abstract=/tmp/x"),
            Some(Place::Abstract(b"/tmp/x".to_vec()))
        );
        assert_eq!((named("tcp:host=a"), named("unix:path=%2")), (None, None));
    }
}
