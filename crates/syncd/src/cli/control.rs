//! The command line's end of the control socket: one request, one answer, and three kinds of none. Nobody there is not the
//! same as a refusal.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::report::{Kind, Report};
use crate::service::control::wire::{Failure, FailureItem};

/// The server waits at most five seconds for a journal; a reload may take some more.
const TIME: Duration = Duration::from_secs(30);

/// Largest answer, bytes: ten thousand lines of history with long paths.
const ANSWER_MAX: usize = 64 << 20;

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// No service runs.
    #[error("nobody answers at {}", .0.display())]
    NoService(PathBuf),
    /// The service answers, and does not do it.
    #[error("{}", .0.message)]
    Refused(FailureItem),
    /// Something is there, and no answer came from it that could be understood.
    #[error("{0}")]
    Broken(String),
}

impl Trouble {
    /// As it is told to the user, about something that only a service can do.
    pub(crate) fn report(&self) -> Report {
        match self {
            Self::NoService(_) => Report::new(
                Kind::NotRunning,
                "syncd is not running",
                self.to_string(),
                "start it with \"syncd\"; \"syncd --once\" makes a single pass without it",
            ),
            Self::Refused(item) => {
                let kind = match item.kind.as_str() {
                    "busy" | "too_many" => Kind::Busy,
                    "bad_request" | "usage" | "no_such_pair" => Kind::Usage,
                    "not_found" => Kind::NotFound,
                    "local_folder" => Kind::LocalFolder,
                    _ => Kind::Refused,
                };
                // The words are a report's line already, or a sentence without a full stop.
                Report::new(kind, item.message.trim_end_matches('.'), "", "")
            }
            Self::Broken(_) => Report::new(
                Kind::Refused,
                "the running syncd does not answer",
                self.to_string(),
                "look at its log; if it hangs, restart it",
            ),
        }
    }
}

/// The way to a running service.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    socket: PathBuf,
}

impl Control {
    /// To that of this configuration.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            socket: config.socket.clone(),
        }
    }

    /// Asks.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, Option<&str>)],
    ) -> Result<T, Trouble> {
        self.get_within(path, parameters, TIME)
    }

    /// Asks something that takes its time.
    pub(crate) fn get_within<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, Option<&str>)],
        time: Duration,
    ) -> Result<T, Trouble> {
        answered(self.send(Method::GET, &address(path, parameters), Bytes::new(), time)?)
    }

    /// Tells, about a pair or all.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        pair: Option<&str>,
        body: &impl Serialize,
    ) -> Result<T, Trouble> {
        let body = serde_json::to_vec(body).map_err(|error| Trouble::Broken(error.to_string()))?;
        let address = address(path, &[("pair", pair)]);
        answered(self.send(Method::POST, &address, body.into(), TIME)?)
    }

    /// Listens: the data of every event goes to `each`, until it breaks off or the service ends.
    pub(crate) fn listen(
        &self,
        path: &str,
        parameters: &[(&str, Option<&str>)],
        mut each: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), Trouble> {
        let address = address(path, parameters);
        runtime()?.block_on(async {
            let asked = exchange(&self.socket, Method::GET, &address, Bytes::new());
            let in_time = tokio::time::timeout(TIME, asked).await;
            let (mut body, connection) = in_time.unwrap_or_else(|_| Err(too_long()))?;
            let listening = async {
                let mut text = Vec::new();
                while let Some(frame) = body.frame().await {
                    // The service may be gone from one moment to the next: that is an end, too.
                    let Ok(frame) = frame else { break };
                    text.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                    if data_of(&mut text).iter().any(|data| each(data).is_break()) {
                        break;
                    }
                    if text.len() > ANSWER_MAX {
                        return Err(Trouble::Broken("an event has no end".to_owned()));
                    }
                }
                Ok(())
            };
            beside(connection, listening).await
        })
    }

    fn send(&self, method: Method, address: &str, body: Bytes, time: Duration) -> Result<Bytes, Trouble> {
        let asked = async {
            let (body, connection) = exchange(&self.socket, method, address, body).await?;
            let collected = beside(connection, Limited::new(body, ANSWER_MAX).collect()).await;
            let collected = collected.map_err(|error| Trouble::Broken(error.to_string()))?;
            Ok(collected.to_bytes())
        };
        let in_time = runtime()?.block_on(async { tokio::time::timeout(time, asked).await });
        in_time.unwrap_or_else(|_| Err(too_long()))
    }
}

fn runtime() -> Result<Runtime, Trouble> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::Broken(error.to_string()))
}

fn too_long() -> Trouble {
    Trouble::Broken("it took too long".to_owned())
}

/// Takes the whole events from the front of what came, and answers their data.
fn data_of(text: &mut Vec<u8>) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
        let event: Vec<u8> = text.drain(..end.saturating_add(2)).collect();
        let event = String::from_utf8_lossy(&event);
        let data = event.lines().filter_map(|line| line.strip_prefix("data: "));
        found.extend(data.map(str::to_owned));
    }
    found
}

/// Path and parameters.
fn address(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// What moves the bytes; nothing comes unless it runs.
type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>>>>;

/// Waits for something, with the connection running beside it. The connection may end first: what it brought is with the
/// other half then.
async fn beside<T>(mut connection: Connection, wanted: impl Future<Output = T>) -> T {
    tokio::pin!(wanted);
    tokio::select! {
        got = &mut wanted => got,
        _ = &mut connection => wanted.await,
    }
}

/// Asks: the body of a good answer, which is still to come, and the connection that brings it.
async fn exchange(
    socket: &Path,
    method: Method,
    address: &str,
    body: Bytes,
) -> Result<(Incoming, Connection), Trouble> {
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        if nobody.contains(&error.kind()) {
            Trouble::NoService(socket.to_owned())
        } else {
            Trouble::Broken(format!("{}: {error}", socket.display()))
        }
    })?;
    let broken = |error: &dyn std::error::Error| Trouble::Broken(error.to_string());
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| broken(&error))?;
    let mut connection: Connection = Box::pin(connection);
    let request = Request::builder()
        .method(method)
        .uri(address)
        .header(HOST, "syncd")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|error| broken(&error))?;
    let asking = sender.send_request(request);
    tokio::pin!(asking);
    let response = tokio::select! {
        response = &mut asking => response,
        _ = &mut connection => asking.await,
    };
    let (head, body) = response.map_err(|error| broken(&error))?.into_parts();
    if head.status.is_success() {
        return Ok((body, connection));
    }
    let body = beside(connection, Limited::new(body, ANSWER_MAX).collect()).await;
    let body = body
        .map_err(|error| Trouble::Broken(error.to_string()))?
        .to_bytes();
    Err(match serde_json::from_slice::<Failure>(&body) {
        Ok(failure) => Trouble::Refused(failure.error),
        Err(_) => Trouble::Broken(format!("it answers {}", head.status)),
    })
}

fn answered<T: DeserializeOwned>(body: Bytes) -> Result<T, Trouble> {
    serde_json::from_slice(&body)
        .map_err(|error| Trouble::Broken(format!("its answer cannot be understood ({error})")))
}

/// What a journal answers: directly, or through the service that holds it at this moment. Without a service the one who
/// holds it is named.
pub(crate) fn journal<T>(
    config: &Config,
    directly: impl FnOnce() -> Result<T, Report>,
    through: impl FnOnce(&Control) -> Result<T, Trouble>,
) -> Result<T, Report> {
    match directly() {
        Err(report) if report.kind == Kind::Busy => match through(&Control::of(config)) {
            Ok(answer) => Ok(answer),
            Err(Trouble::NoService(_)) => Err(report),
            Err(trouble) => Err(trouble.report()),
        },
        answered => answered,
    }
}

/// The user decided something about a pair: a service that runs looks at it now. Without one the next pass will.
pub(crate) fn look_now(config: &Config, pair: &str) {
    let asked: Result<serde_json::Value, _> =
        Control::of(config).post("/v1/sync", Some(pair), &serde_json::json!({}));
    if let Err(trouble) = asked {
        tracing::debug!(%trouble, "no look at once");
    }
}

/// Puts a question about a path as the user means it: a place on this disk, or else one below a pair's folder.
pub(crate) fn either<T>(path: &Path, ask: impl Fn(&str) -> Result<T, Report>) -> Result<T, Report> {
    let odd = || {
        Report::new(
            Kind::NotFound,
            "nothing is known of it",
            "its name is not UTF-8",
            "",
        )
        .at(path.display().to_string())
    };
    let given = path.to_str().ok_or_else(odd)?;
    let on_disk = std::path::absolute(path).ok();
    let on_disk = on_disk.as_deref().and_then(Path::to_str).unwrap_or(given);
    match ask(on_disk) {
        Err(report) if report.kind == Kind::NotFound && path.is_relative() => ask(given),
        answered => answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_there_is_not_a_refusal() {
        let home = tempfile::tempdir().unwrap();
        let config = crate::config::testing::config(home.path(), &["main"]);
        let control = Control::of(&config);
        let said = control.get::<serde_json::Value>("/v1/status", &[]).unwrap_err();
        assert_eq!(said, Trouble::NoService(config.socket.clone()));
        assert_eq!(said.report().kind, Kind::NotRunning);
        // What a kill leaves.
        std::fs::create_dir_all(config.socket.parent().unwrap()).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&config.socket).unwrap());
        let said = control.get::<serde_json::Value>("/v1/status", &[]).unwrap_err();
        assert!(matches!(said, Trouble::NoService(_)), "{said}");
        let busy = || Err(Report::new(Kind::Busy, "held", "", ""));
        let said = journal::<()>(&config, busy, |_| Err(said.clone())).unwrap_err();
        assert_eq!(said.happened, "held", "who holds it is named");
    }

    #[test]
    fn a_refusal_has_the_exit_code_of_its_kind() {
        let exit = |kind: &str| {
            let item = FailureItem {
                kind: kind.into(),
                message: "no. Next: look.".into(),
            };
            let report = Trouble::Refused(item).report();
            assert_eq!(report.line(), "no. Next: look.");
            report.exit().code()
        };
        assert_eq!(
            ["busy", "no_such_pair", "failed", "not_found"].map(exit),
            [6, 2, 1, 1]
        );
    }

    #[test]
    fn parameters_are_encoded() {
        let address = address("/v1/file", &[("pair", None), ("path", Some("a b/ä&c"))]);
        assert_eq!(address, "/v1/file?path=a+b%2F%C3%A4%26c");
    }

    #[test]
    fn whole_events_are_taken_from_what_came() {
        let mut text = b": listening\n\nid: 1\nevent: line\ndata: {\"a\":1}\n\nid: 2\ndata: b".to_vec();
        assert_eq!(data_of(&mut text), ["{\"a\":1}"]);
        text.extend_from_slice(b"c\n\n");
        assert_eq!(data_of(&mut text), ["bc"]);
        assert!(text.is_empty());
    }

    #[test]
    fn a_path_is_meant_on_this_disk_before_it_is_meant_in_a_pair() {
        let asked = std::cell::RefCell::new(Vec::new());
        let answer = either(Path::new("docs/a"), |path| {
            asked.borrow_mut().push(path.to_owned());
            if path == "docs/a" {
                Ok(7)
            } else {
                Err(Report::new(Kind::NotFound, "", "", ""))
            }
        });
        assert_eq!(answer.unwrap(), 7);
        let here = std::env::current_dir().unwrap().join("docs/a");
        assert_eq!(asked.into_inner(), [here.to_str().unwrap(), "docs/a"]);
    }

    #[tokio::test]
    async fn a_service_answers_refuses_and_stands_in_for_a_journal_that_it_holds() {
        use crate::service::control::answers;
        use crate::service::control::tests::World;
        use crate::service::control::wire::{Done, Problems};

        let world = World::new();
        let config = (*world.desk.config).clone();
        let asking = tokio::task::spawn_blocking(move || {
            let control = Control::of(&config);
            let status: serde_json::Value = control.get("/v1/status", &[("pair", Some("main"))]).unwrap();
            assert_eq!(status["pairs"][0]["name"], "main");
            let done: Done = control.post("/v1/resume", None, &serde_json::json!({})).unwrap();
            assert!(done.done);
            let refused = control
                .get::<Done>("/v1/status", &[("pair", Some("none"))])
                .unwrap_err();
            assert_eq!(refused.report().exit().code(), 2, "{refused}");
            let other = control.get::<Done>("/v1/status", &[]).unwrap_err();
            assert!(matches!(other, Trouble::Broken(_)), "{other}");

            // A pass has the journal when the command looks, and not any more when the service does.
            let dir = config.pair_dir("main");
            let held = std::cell::Cell::new(Some(state::Journal::open(&dir).unwrap()));
            let found: Problems = journal(
                &config,
                || answers::problems(&config, Some("main")),
                |control| {
                    drop(held.take());
                    control.get("/v1/problems", &[("pair", Some("main"))])
                },
            )
            .unwrap();
            assert_eq!(found.pairs.len(), 1);
            look_now(&config, "main");
        });
        asking.await.unwrap();
        assert_eq!(world.desk.told(), ["resume None", "sync Some(\"main\")"]);
        world.end().await;
    }
}
