//! `/_dev`: the control handle over HTTP. GET reads, POST changes. Loopback only by where the server listens.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::control::Control;
use crate::error::Error;
use crate::params::{Given, Params};
use crate::reply::plain;
use crate::web::WebAction;
use crate::world::{World, lock};

/// A web user's file comes whole and encoded; larger ones are put in process.
const BODY_MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Change {
    dialect: Option<String>,
    quirks: BTreeMap<String, bool>,
    faults: BTreeMap<String, f64>,
    knobs: BTreeMap<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ClockChange {
    offset_ms: Option<i64>,
    advance_ms: Option<i64>,
    advance_seconds: Option<i64>,
}

/// Answers a request below `/_dev`.
pub(super) async fn answer(world: &Arc<World>, rest: &str, request: Request<Body>) -> Response<Body> {
    let post = request.method() == Method::POST;
    let mut query = Params::default();
    query.add_form(request.uri().query().unwrap_or_default().as_bytes());
    let Ok(body) = Limited::new(request.into_body(), BODY_MAX).collect().await else {
        return worded(Err(Error::Refused("the body is too large or broken".to_owned())));
    };
    let body = body.to_bytes();
    if rest == "/content" {
        return content(world, &query);
    }
    worded(handled(world, rest, post, &query, &body))
}

fn handled(world: &Arc<World>, rest: &str, post: bool, query: &Params, body: &[u8]) -> Result<Value, Error> {
    match (rest, post) {
        ("/ledger", false) => {
            let since = match query.given("since") {
                Given::Number(since) => u64::try_from(since).unwrap_or(0),
                Given::Blank | Given::Null | Given::LoudNull | Given::Text => 0,
            };
            Ok(json!(world.ledger.report(since)))
        }
        ("/ledger", true) => {
            world.ledger.reset();
            Ok(json!({"reset": true}))
        }
        ("/quirks", true) | ("/faults", true) => {
            change(world, parsed(body)?)?;
            handled(world, rest, false, query, body)
        }
        ("/quirks", false) => Ok(world.quirks().report()),
        ("/faults", false) => Ok(lock(&world.faults).report()),
        ("/clock", true) => {
            set_clock(world, &parsed(body)?);
            handled(world, rest, false, query, body)
        }
        ("/clock", false) => {
            let now = world.clock.now();
            let date = crate::clock::date(now);
            Ok(json!({"now_ms": world.clock.now_ms(), "offset_ms": world.clock.offset_ms(), "date": date}))
        }
        ("/tree", false) => Ok(json!(world.tree()?)),
        ("/web" | "/tree", true) => Ok(json!({"id": world.web(parsed::<WebAction>(body)?)?})),
        _ => Err(Error::Unknown(format!(
            "nothing at /_dev{rest}: ledger, quirks, faults, clock, tree, web (POST), content?file=ID"
        ))),
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Error::Unknown(error.to_string()))
}

fn change(world: &Arc<World>, change: Change) -> Result<(), Error> {
    if let Some(dialect) = change.dialect {
        Control(Arc::clone(world)).set_dialect(dialect.parse()?);
    }
    for (quirk, on) in change.quirks {
        world.change_quirks(|quirks| quirks.set(&quirk, on))?;
    }
    for (fault, p) in change.faults {
        lock(&world.faults).set(&fault, p)?;
    }
    for (knob, value) in change.knobs {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        world.set_knob(&knob, &text)?;
    }
    Ok(())
}

fn set_clock(world: &World, change: &ClockChange) {
    if let Some(offset) = change.offset_ms {
        world.clock.set_offset_ms(offset);
    }
    let seconds = change.advance_seconds.unwrap_or(0).saturating_mul(1000);
    world
        .clock
        .advance_ms(change.advance_ms.unwrap_or(0).saturating_add(seconds));
    world.look_soon();
    world.housekeeping();
}

fn content(world: &Arc<World>, query: &Params) -> Response<Body> {
    let Given::Number(id) = query.given("file") else {
        return worded(Err(Error::Unknown("content?file=ID".to_owned())));
    };
    match Control(Arc::clone(world)).content(u64::try_from(id).unwrap_or(0)) {
        Ok(bytes) => plain(200, "application/octet-stream", bytes),
        Err(error) => worded(Err(error)),
    }
}

fn worded(result: Result<Value, Error>) -> Response<Body> {
    match result {
        Ok(value) => plain(200, "application/json", value.to_string()),
        Err(error) => {
            let status = match &error {
                Error::Database(_) | Error::Data { .. } | Error::Listen { .. } => 500,
                Error::Unknown(_) | Error::Refused(_) => 400,
            };
            plain(
                status,
                "application/json",
                json!({"error": error.to_string()}).to_string(),
            )
        }
    }
}
