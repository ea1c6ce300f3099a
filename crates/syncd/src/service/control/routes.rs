//! From a question to an answer. Everything that blocks runs where it may; a journal that a pass holds is asked again for a
//! few seconds.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::{self, Settling};
use super::fault::Fault;
use super::request::{self, Ask, Asked, Decide, Route, Tell};
use super::restoring::{self, Restoring};
use super::wire::{Done, Empty, Files, Keep, Limiting, Log, Pausing, Restore, SyncItem, Syncs, VERSION};
use super::{events, meanwhile, metrics, recent, waiting};
use crate::blocking;
use crate::config::Config;
use crate::report::{Kind, Report};
use crate::service::desk::Desk;

/// A journal is free between passes; a client waits so long for that before it is told to come again.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Between two tries.
const BUSY_AGAIN: Duration = Duration::from_millis(100);

/// A look at the account that is asked for is waited for so long.
const ASK_TIME: Duration = Duration::from_secs(20);

/// Lines of history of each pair where nothing is said, and at most.
const HISTORY: (u32, u32) = (50, 10_000);

/// Lines of the log where nothing is said.
const LOG: u32 = 200;

/// What every answer's body is.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// Who asks whom.
#[derive(Clone)]
pub(super) struct Caller {
    /// The one who knows.
    pub(super) desk: Arc<dyn Desk>,
    /// The client's user.
    pub(super) uid: u32,
    /// Ends long answers.
    pub(super) stop: CancellationToken,
}

/// The answer to a request; errors are answers too.
pub(super) async fn answer(caller: &Caller, request: Request<Incoming>) -> Response<AnswerBody> {
    let (parts, body) = request.into_parts();
    let answered = match Asked::read(&parts.method, &parts.uri) {
        Ok(asked) => match request::body(body).await {
            Ok(body) => route(caller, &asked, &body).await,
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    answered.unwrap_or_else(|fault| {
        let body = fault.body().boxed_unsync();
        let mut response = with_type(body, "application/json");
        *response.status_mut() = fault.status;
        if let Some(allow) = fault.allow {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    })
}

async fn route(caller: &Caller, asked: &Asked, body: &[u8]) -> Result<Response<AnswerBody>, Fault> {
    let desk = &caller.desk;
    let pair = asked.pair();
    if let Some(name) = pair {
        desk.pair_dir(name)?;
    }
    match asked.route {
        Route::Status => json(&desk.status(pair)?),
        Route::Events => Ok(stream(events::listen(desk, pair, caller.stop.clone()))),
        Route::Metrics => Ok(with_type(
            Full::from(metrics::text(&desk.status(None)?)).boxed_unsync(),
            metrics::CONTENT_TYPE,
        )),
        Route::Log => {
            let limit = u32::try_from(recent::LINES_MAX).unwrap_or(u32::MAX);
            let limit = asked.number("limit", LOG, limit)?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            if asked.flag("follow")? {
                return Ok(stream(events::log(limit, caller.stop.clone())));
            }
            let lines = recent::last(limit);
            json(&Log { v: VERSION, lines })
        }
        Route::Wait => {
            let otherwise = u32::try_from(waiting::WAIT.as_secs()).unwrap_or(u32::MAX);
            let seconds = asked.number("timeout", otherwise, u32::MAX)?;
            let at_most = Duration::from_secs(u64::from(seconds));
            json(&waiting::wait(desk, pair, at_most).await?)
        }
        Route::Ask(what) => journal(caller, what, asked).await,
        Route::Decide(what) => decided(caller, what, pair, body).await,
        Route::Tell(what) => tell(caller, what, pair, body).await,
    }
}

/// What the service itself is told. Some of it writes a small file, or reads the configuration.
async fn tell(
    caller: &Caller,
    what: Tell,
    pair: Option<&str>,
    body: &[u8],
) -> Result<Response<AnswerBody>, Fault> {
    let desk = Arc::clone(&caller.desk);
    let pair = pair.map(str::to_owned);
    let told = match what {
        Tell::Sync => {
            request::json::<Empty>(body)?;
            let pairs = desk.sync(pair.as_deref())?.into_iter();
            let pairs = pairs.map(|(name, pass)| SyncItem { name, pass }).collect();
            return json(&Syncs { v: VERSION, pairs });
        }
        Tell::Pause => {
            let pausing: Pausing = request::json(body)?;
            blocking::run(move || desk.pause(pair.as_deref(), pausing.seconds)).await
        }
        Tell::Limit => {
            let limiting: Limiting = request::json(body)?;
            if limiting == Limiting::default() {
                return Err(Fault::bad("neither \"upload\" nor \"download\" is there"));
            }
            Some(desk.limit(limiting.upload, limiting.download))
        }
        Tell::Resume => {
            request::json::<Empty>(body)?;
            blocking::run(move || desk.resume(pair.as_deref())).await
        }
        Tell::Reload => {
            request::json::<Empty>(body)?;
            blocking::run(move || desk.reload()).await
        }
        Tell::Stop => {
            request::json::<Empty>(body)?;
            desk.stop();
            Some(Ok(()))
        }
    };
    told.ok_or_else(broken_off)??;
    json(&Done {
        v: VERSION,
        done: true,
    })
}

/// What a journal answers.
async fn journal(caller: &Caller, what: Ask, asked: &Asked) -> Result<Response<AnswerBody>, Fault> {
    let pair = asked.pair().map(str::to_owned);
    match what {
        Ask::Problems => json(&ask(caller, move |config| answers::problems(config, pair.as_deref())).await?),
        Ask::History => {
            let limit = asked.number("limit", HISTORY.0, HISTORY.1)?;
            json(
                &ask(caller, move |config| {
                    answers::history(config, pair.as_deref(), limit)
                })
                .await?,
            )
        }
        Ask::Conflicts => {
            let all = asked.flag("all")?;
            json(
                &ask(caller, move |config| {
                    answers::conflicts(config, pair.as_deref(), all)
                })
                .await?,
            )
        }
        Ask::Held => json(&ask(caller, move |config| answers::held(config, pair.as_deref())).await?),
        Ask::File => {
            let path = path_of(asked)?;
            let file = match meanwhile::doing(&caller.desk, pair.as_deref(), &path) {
                Some(file) => file,
                None => {
                    let (name, at) = (pair.clone(), path.clone());
                    let asked = ask(caller, move |config| answers::file(config, name.as_deref(), &at)).await;
                    match asked {
                        // A long pass holds the journal: what the one before it found is known all the same.
                        Err(fault) if fault.is_busy() => {
                            meanwhile::found(&caller.desk, pair.as_deref(), &path).ok_or(fault)?
                        }
                        asked => asked?,
                    }
                }
            };
            json(&Files {
                v: VERSION,
                files: vec![file],
            })
        }
        Ask::Why => {
            let path = path_of(asked)?;
            if asked.flag("ask")? {
                // Whatever comes of that look is what is known then.
                waiting::look(&caller.desk, pair.as_deref(), ASK_TIME).await?;
            }
            json(&ask(caller, move |config| answers::why(config, pair.as_deref(), &path)).await?)
        }
    }
}

fn path_of(asked: &Asked) -> Result<String, Fault> {
    let path = asked.text("path").map(str::to_owned);
    path.ok_or_else(|| Fault::bad("the parameter \"path\" is missing"))
}

/// What the user decides; the pair is looked at afterwards.
async fn decided(
    caller: &Caller,
    what: Decide,
    pair: Option<&str>,
    body: &[u8],
) -> Result<Response<AnswerBody>, Fault> {
    let pair = pair.map(str::to_owned);
    let by = format!("uid {}, over the control socket", caller.uid);
    match what {
        Decide::Approve => {
            request::json::<Empty>(body)?;
            let approved = ask(caller, move |config| {
                answers::approve(config, pair.as_deref(), &by)
            })
            .await?;
            for pair in &approved.pairs {
                look_now(caller, &pair.name);
            }
            json(&approved)
        }
        Decide::Keep => {
            let Keep { keep, path } = request::json(body)?;
            let wish = Settling {
                pair,
                path,
                which: keep,
                by,
            };
            let kept = ask(caller, move |config| answers::keep(config, &wish)).await?;
            look_now(caller, &kept.pair);
            json(&kept)
        }
        Decide::Restore => {
            let Restore { path, date } = request::json(body)?;
            let date = date.map(|text| text.parse()).transpose();
            let date = date.map_err(|_| Fault::bad("\"date\" is a day such as \"2026-11-24\""))?;
            let wish = Restoring {
                pair,
                path: Some(path),
                date,
            };
            let restored = ask(caller, move |config| restoring::restore(config, &wish)).await?;
            if let Some(file) = restored.files.first() {
                look_now(caller, &file.pair);
            }
            json(&restored)
        }
    }
}

/// Puts a question to the journal, again while a pass has it.
async fn ask<T: Send + 'static>(
    caller: &Caller,
    question: impl Fn(&Config) -> Result<T, Report> + Send + Sync + 'static,
) -> Result<T, Fault> {
    let question = Arc::new(question);
    let end = Instant::now() + BUSY_WAIT;
    loop {
        let (config, question) = (caller.desk.config(), Arc::clone(&question));
        let asked = blocking::run(move || question(&config)).await;
        match asked.ok_or_else(broken_off)? {
            Err(report) if report.kind == Kind::Busy && Instant::now() < end => {
                tokio::time::sleep(BUSY_AGAIN).await;
            }
            answered => return Ok(answered?),
        }
    }
}

/// The user decided something: the next pass should not wait for its time. What it says is seen in the status.
fn look_now(caller: &Caller, pair: &str) {
    if let Err(refusal) = caller.desk.sync(Some(pair)) {
        tracing::debug!(%refusal, "no look after a decision of the user");
    }
}

fn broken_off() -> Fault {
    Fault::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the work was broken off",
    )
}

fn stream(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response<AnswerBody> {
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    with_type(StreamBody::new(frames).boxed_unsync(), "text/event-stream")
}

fn json(value: &impl Serialize) -> Result<Response<AnswerBody>, Fault> {
    let text = serde_json::to_string(value)
        .map_err(|error| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()))?;
    Ok(with_type(
        Full::from(text + "\n").boxed_unsync(),
        "application/json",
    ))
}

fn with_type(body: AnswerBody, what: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(what));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
