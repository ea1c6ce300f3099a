//! Every request's way: which endpoint, what strikes it, the work, the answer, the entry in the ledger.
//!
//! The work runs in a task of its own: a client that hangs up does not stop a server that has the whole request.
//! `/_dev` goes past all of it: no faults, no quirks, no ledger.

mod account;
pub(crate) mod call;
mod dev;
mod file;
mod folder;
pub(crate) mod import;
mod receive;
mod rows;
mod site;
mod strike;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, Response, header};
use tokio::sync::oneshot;

use crate::faults::{Dice, Fault, Target};
use crate::ledger::Class;
use crate::params::{Given, Params};
use crate::quirk_table::Quirk;
use crate::reply::{Failure, Outcome, dropped, plain, render};
use crate::routes::call::Call;
use crate::world::{World, lock};

/// Where the API begins.
const API: &str = "/api/v2";

/// The endpoints of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authorize,
    Disable,
    AccountInfo,
    AccountPackage,
    Upload,
    Download,
    ImportAdd,
    ImportStatus,
    FileInfo,
    FileEdit,
    FileDelete,
    FileMove,
    FileCopy,
    FolderCreate,
    FolderListing,
    FolderInfo,
    FolderEdit,
    FolderDelete,
    FolderMove,
}

const ENDPOINTS: [(Endpoint, &str, Class); 19] = [
    (Endpoint::Authorize, "/authorize", Class::Login),
    (Endpoint::Disable, "/disable_access_token", Class::Login),
    (Endpoint::AccountInfo, "/account/info", Class::Read),
    (Endpoint::AccountPackage, "/account/package", Class::Read),
    (Endpoint::Upload, "/file/upload", Class::Mutate),
    (Endpoint::Download, "/file/download", Class::Read),
    (Endpoint::ImportAdd, "/file/url_upload_add", Class::Mutate),
    (Endpoint::ImportStatus, "/file/url_upload_status", Class::Read),
    (Endpoint::FileInfo, "/file/info", Class::Read),
    (Endpoint::FileEdit, "/file/edit", Class::Mutate),
    (Endpoint::FileDelete, "/file/delete", Class::Mutate),
    (Endpoint::FileMove, "/file/move", Class::Mutate),
    (Endpoint::FileCopy, "/file/copy", Class::Mutate),
    (Endpoint::FolderCreate, "/folder/create", Class::Mutate),
    (Endpoint::FolderListing, "/folder/listing", Class::Read),
    (Endpoint::FolderInfo, "/folder/info", Class::Read),
    (Endpoint::FolderEdit, "/folder/edit", Class::Mutate),
    (Endpoint::FolderDelete, "/folder/delete", Class::Mutate),
    (Endpoint::FolderMove, "/folder/move", Class::Mutate),
];

/// What a path below the API names.
enum Named {
    Known(Endpoint, &'static str, Class),
    /// The controller exists, the action does not.
    NoAction(String),
    Nothing(String),
}

/// The path is lower-cased; extra segments are ignored.
fn named(path: &str) -> Named {
    let lower = path.to_ascii_lowercase();
    let mut segments = lower.split('/').filter(|segment| !segment.is_empty());
    let (first, second) = (segments.next().unwrap_or_default(), segments.next());
    let short = format!("/{first}");
    let long = format!("/{first}/{}", second.unwrap_or_default());
    let found = ENDPOINTS
        .iter()
        .find(|(_, path, _)| *path == short || *path == long);
    if let Some((endpoint, path, class)) = found {
        return Named::Known(*endpoint, path, *class);
    }
    if matches!(first, "file" | "folder" | "account") {
        Named::NoAction(long)
    } else {
        Named::Nothing(long)
    }
}

/// Answers any request. A response marked [`crate::reply::Dropped`] must not be sent.
pub(crate) async fn dispatch(world: Arc<World>, peer: SocketAddr, request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/_dev") {
        return dev::answer(&world, rest, request).await;
    }
    world.housekeeping();
    if !world.latency.is_zero() {
        tokio::time::sleep(world.latency).await;
    }
    let rest = path
        .get(..API.len())
        .filter(|start| start.eq_ignore_ascii_case(API));
    let rest = rest
        .and_then(|_| path.get(API.len()..))
        .filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some(rest) = rest else {
        return site::answer(&world, peer, request).await;
    };
    world.running.fetch_add(1, Ordering::Relaxed);
    let (send, receive) = oneshot::channel();
    let named = named(rest);
    let shared = Arc::clone(&world);
    world.spawn(async move {
        let response = api(&shared, peer, named, request).await;
        shared.running.fetch_sub(1, Ordering::Relaxed);
        // Whoever asked may be gone; the work is done all the same.
        drop(send.send(response));
    });
    receive.await.unwrap_or_else(|_| dropped())
}

async fn api(world: &Arc<World>, peer: SocketAddr, named: Named, request: Request<Body>) -> Response<Body> {
    let now_ms = world.clock.now_ms();
    let (endpoint, path, class) = match &named {
        Named::Known(endpoint, path, class) => (Some(*endpoint), *path, *class),
        Named::NoAction(path) | Named::Nothing(path) => (None, path.as_str(), Class::Unknown),
    };
    let open = world.ledger.open(now_ms, path, class);
    let mut dice = Dice::new(world.seed, open.seq());
    let target = if endpoint == Some(Endpoint::Upload) {
        Target::Upload
    } else {
        Target::Call
    };
    let faults = lock(&world.faults).draw(&mut dice, target);
    let (parts, body) = request.into_parts();
    let mut params = Params::default();
    params.add_form(parts.uri.query().unwrap_or_default().as_bytes());
    let mut call = Call {
        world: Arc::clone(world),
        quirks: world.quirks(),
        params,
        dice,
        faults,
        open,
        ip: peer.ip().to_string(),
        cookie: session_cookie(&parts.headers),
        now: now_ms.div_euclid(1000),
    };
    call.open.entry.faults = call.faults.iter().map(|fault| fault.name().to_owned()).collect();
    let outcome = match endpoint {
        Some(Endpoint::Upload) => uploaded(&mut call, &parts, body).await,
        Some(endpoint) => worked(&mut call, endpoint, &parts, body).await,
        None => {
            receive::drain(world, body);
            strike::before(&mut call, &parts).await.and(Err(unknown(&named)))
        }
    };
    finish(call, outcome)
}

fn unknown(named: &Named) -> Failure {
    match named {
        Named::NoAction(path) => Failure::NoMethod(format!("No method found for {path}.")),
        Named::Known(..) | Named::Nothing(_) => {
            Failure::Page(404, "<html><body><h1>Not Found</h1></body></html>")
        }
    }
}

fn session_cookie(headers: &header::HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs
        .filter(|(name, _)| *name == "filehosting")
        .map(|(_, value)| value.to_owned())
        .next()
}

/// An upload is struck before its body is read: a refused one is not stored first.
async fn uploaded(call: &mut Call, parts: &Parts, body: Body) -> Outcome {
    if let Err(failure) = strike::before(call, parts).await {
        receive::drain(&call.world, body);
        return Err(failure);
    }
    let received = receive::receive(call, Endpoint::Upload, &parts.headers, body).await?;
    strike::during(call, Endpoint::Upload)?;
    upload::upload(call, received).await
}

/// Any other call: its few parameters are read first, so that the ledger knows what it was even if it is struck.
async fn worked(call: &mut Call, endpoint: Endpoint, parts: &Parts, body: Body) -> Outcome {
    receive::receive(call, endpoint, &parts.headers, body).await?;
    if endpoint == Endpoint::FolderMove && call.params.given("folder_id") == Given::Number(0) {
        call.open.entry.class = Class::Probe;
    }
    strike::before(call, parts).await?;
    strike::during(call, endpoint)?;
    match endpoint {
        Endpoint::Authorize => account::authorize(call),
        Endpoint::Disable => account::disable(call),
        Endpoint::AccountInfo => account::info(call),
        Endpoint::AccountPackage => account::limits(call),
        Endpoint::Upload => upload::upload(call, None).await,
        Endpoint::Download => file::link(call),
        Endpoint::ImportAdd => import::add(call),
        Endpoint::ImportStatus => import::status(call),
        Endpoint::FileInfo => file::info(call),
        Endpoint::FileEdit => file::edit(call),
        Endpoint::FileDelete => file::delete(call).await,
        Endpoint::FileMove => file::shift(call).await,
        Endpoint::FileCopy => file::copy(call),
        Endpoint::FolderCreate => folder::create(call),
        Endpoint::FolderListing => folder::listing(call).await,
        Endpoint::FolderInfo => folder::info(call),
        Endpoint::FolderEdit => folder::edit(call),
        Endpoint::FolderDelete => folder::delete(call),
        Endpoint::FolderMove => folder::shift(call),
    }
}

/// Words the outcome, lets strike what strikes after the work, and writes the ledger before anybody hears of it.
fn finish(mut call: Call, outcome: Outcome) -> Response<Body> {
    let rendered = render(outcome, &call.quirks, &mut call.dice, call.now);
    let mut response = rendered.response;
    call.open.entry.result = rendered.result;
    if call.faults.contains(&Fault::EmptyBody) {
        response = plain(200, "text/html", "");
    }
    if call.faults.contains(&Fault::CutJson) {
        response = strike::cut(response);
    }
    if call.faults.contains(&Fault::DropAfter) || strike::loses_answer(&mut call) {
        response = dropped();
    }
    let gone = response.extensions().get::<crate::reply::Dropped>().is_some();
    call.open.entry.http = if gone { 0 } else { response.status().as_u16() };
    response
}

/// Whether a quirk that must be on for an endpoint to exist is off.
pub(crate) fn without_imports(call: &Call) -> Result<(), Failure> {
    if call.on(Quirk::NoUrlUpload) {
        return Err(Failure::NoMethod(
            "No method found for the requested action.".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_lower_cased_and_extra_segments_ignored() {
        assert!(matches!(
            named("/Folder/LISTING/x/y"),
            Named::Known(Endpoint::FolderListing, ..)
        ));
        assert!(matches!(
            named("/authorize/more"),
            Named::Known(Endpoint::Authorize, ..)
        ));
        assert!(matches!(named("/file/nothing"), Named::NoAction(_)));
        assert!(matches!(named("/elsewhere"), Named::Nothing(_)));
    }
}
