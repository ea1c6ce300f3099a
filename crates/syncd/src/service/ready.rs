//! What systemd is told (`sd_notify(3)`): ready, reloading, stopping, a line of status, and that we are alive.
//!
//! Without `NOTIFY_SOCKET` nothing is told. A message that cannot be sent is dropped: a service works without one.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::config::load::Env;

/// The way to whoever started this process.
#[derive(Debug)]
pub(crate) struct Ready {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Ready {
    /// As the environment says.
    pub(crate) fn of(env: &Env) -> Self {
        Self {
            to: env.get("NOTIFY_SOCKET").and_then(target),
            watchdog: watchdog(env, std::process::id()),
        }
    }

    /// How often it wants to hear that we are alive: half of what it waits for. `None`: not at all.
    pub(crate) const fn beat(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Started.
    pub(crate) fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", line(status)));
    }

    /// Reads its configuration again; [`ready`](Self::ready) ends that.
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        // By the time it is known which reload is meant (`Type=notify-reload`).
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// About to end.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// A line for `systemctl status`.
    pub(crate) fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", line(status)));
    }

    /// Alive.
    pub(crate) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        if let Some((socket, to)) = &self.to
            && let Err(error) = socket.send_to_addr(message.as_bytes(), to)
        {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}

/// A message is lines: a status is one.
fn line(status: &str) -> String {
    status.replace('\n', " ")
}

fn target(name: &str) -> Option<(UnixDatagram, SocketAddr)> {
    let to = match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    // A manager that does not read must not stop a service.
    socket.set_nonblocking(true).ok()?;
    Some((socket, to.ok()?))
}

fn watchdog(env: &Env, own_pid: u32) -> Option<Duration> {
    if env
        .get("WATCHDOG_PID")
        .is_some_and(|pid| pid != own_pid.to_string())
    {
        return None;
    }
    let micros: u64 = env.get("WATCHDOG_USEC")?.parse().ok()?;
    (micros > 1).then(|| Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_to_the_socket_that_the_environment_names() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let ready = Ready::of(&Env::of("/", &[("NOTIFY_SOCKET", path.to_str().unwrap())]));
        ready.ready("two\nlines");
        ready.alive();
        ready.reloading();
        ready.stopping();
        let mut bytes = [0; 256];
        let mut next = || {
            let read = manager.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..read]).into_owned()
        };
        assert_eq!(next(), "READY=1\nSTATUS=two lines");
        assert_eq!(next(), "WATCHDOG=1");
        let reloading = next();
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0, "{reloading}");
        assert_eq!(next(), "STOPPING=1\nSTATUS=stopping");
    }

    #[test]
    fn without_a_socket_or_with_nobody_there_nothing_happens() {
        Ready::of(&Env::of("/", &[])).ready("");
        Ready::of(&Env::of("/", &[("NOTIFY_SOCKET", "/nowhere/notify")])).ready("");
        Ready::of(&Env::of("/", &[("NOTIFY_SOCKET", "@no-such-manager")])).ready("");
    }

    #[test]
    fn the_watchdog_is_told_twice_in_its_time_and_only_by_whom_it_watches() {
        let of = |vars: &[(&str, &str)]| watchdog(&Env::of("/", vars), 7);
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[("WATCHDOG_USEC", "3000000")]),
            Some(Duration::from_millis(1500))
        );
        let pid = |pid| of(&[("WATCHDOG_USEC", "2000"), ("WATCHDOG_PID", pid)]);
        assert_eq!((pid("7"), pid("8")), (Some(Duration::from_millis(1)), None));
        assert_eq!(of(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(of(&[("WATCHDOG_USEC", "often")]), None);
    }
}
