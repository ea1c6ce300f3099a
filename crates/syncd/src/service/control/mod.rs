//! The control socket: HTTP/1.1 and JSON over a Unix socket, for everybody on this machine who may ask (interface §3,
//! `docs/control-api.md`).
//!
//! Everything is bounded: connections, headers, bodies, and the time for each. Who asks is known from the kernel; another
//! user than this process's own, or root, gets a 403 and nothing else. What is absent: the state of the service (`desk`
//! knows it), any decision. Read [`serve`], then `routes`.

pub(crate) mod answers;
mod events;
mod fault;
mod meanwhile;
mod metrics;
pub(crate) mod pairs;
mod patient;
pub(crate) mod recent;
mod request;
pub(crate) mod restoring;
mod routes;
mod socket;
#[cfg(test)]
pub(crate) mod tests;
mod waiting;
pub(crate) mod wire;

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::fault::Fault;
use self::patient::Patient;
use self::routes::Caller;
use self::socket::Socket;
use crate::service::desk::Desk;

/// Connections at once; a desktop and some scripts have a handful.
const CONNECTIONS_MAX: usize = 64;

/// A head must be here within this time; so long may a connection idle, too.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// Largest head in bytes: a path of 4 KiB, percent-encoded.
const HEAD_MAX: usize = 16 * 1024;

/// Most header lines.
const HEADERS_MAX: usize = 32;

/// After an error of `accept` (no file descriptors left): such an error does not go away at once.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// At the end, answers under way get so long.
const LEAVE: Duration = Duration::from_secs(1);

/// Binds the socket, and answers what serves it until `stop`, then removes it. Bound when this returns: whoever is told
/// afterwards that the service is ready can connect. Within a runtime.
///
/// # Errors
/// The socket cannot be bound; the words name it and say whether another service answers there.
pub(crate) fn serve(
    desk: Arc<dyn Desk>,
    path: &Path,
    stop: CancellationToken,
) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let socket = Socket::bind(path)?;
    let own = rustix::process::geteuid().as_raw();
    Ok(run(socket, desk, own, stop))
}

async fn run(socket: Socket, desk: Arc<dyn Desk>, own: u32, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = socket.accept() => match accepted {
                Ok(stream) => match admit(&stream, own, connections.len()) {
                    Ok(uid) => {
                        let (desk, stop) = (Arc::clone(&desk), stop.clone());
                        connections.spawn(connection(stream, Caller { desk, uid, stop }));
                    }
                    Err(fault) => turn_away(stream, &fault),
                },
                Err(error) => {
                    tracing::warn!(%error, "the control socket accepts nobody just now");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    drop(socket);
    let _ = tokio::time::timeout(LEAVE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

/// The client's user, if there is room and that one may ask.
fn admit(stream: &UnixStream, own: u32, connections: usize) -> Result<u32, Fault> {
    let uid = socket::admitted(stream, own).map_err(|uid| {
        tracing::warn!(uid, "another user was turned away from the control socket");
        Fault::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this is another user's service",
        )
    })?;
    if connections >= CONNECTIONS_MAX {
        let message = format!("{CONNECTIONS_MAX} connections are open");
        return Err(Fault::new(StatusCode::SERVICE_UNAVAILABLE, "too_many", message));
    }
    Ok(uid)
}

/// Answers without having read anything, and closes. A fresh socket has room for so little, so nobody waits.
fn turn_away(stream: UnixStream, fault: &Fault) {
    let body = fault.text();
    let answer = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        fault.status,
        body.len()
    );
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write_all(answer.as_bytes());
    }
}

async fn connection(stream: UnixStream, caller: Caller) {
    let stop = caller.stop.clone();
    let answer = service_fn(move |request| {
        let caller = caller.clone();
        async move { Ok::<_, Infallible>(routes::answer(&caller, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream)), answer);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the control socket ended early");
    }
}
