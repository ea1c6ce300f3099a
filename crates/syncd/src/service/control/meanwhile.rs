//! How a file is while a pass holds its pair's journal: what is being done, and what the pass before found. Nothing is
//! guessed: where neither says anything of the path, there is no answer.

use std::path::Path;
use std::sync::Arc;

use super::pairs::{named, place};
use super::wire::FileItem;
use crate::service::desk::{Desk, PairState};

/// Lists of a pass in which a path has a reason.
const KINDS: [&str; 5] = ["failed", "held", "unproved", "drift", "skipped"];

/// The path is being worked on just now.
pub(super) fn doing(desk: &Arc<dyn Desk>, pair: Option<&str>, path: &str) -> Option<FileItem> {
    first(desk, pair, path, |state, place| {
        let doing = state.now.iter().find(|doing| doing.path == place)?;
        let status = if doing.text.starts_with("upload ") {
            "uploading"
        } else {
            "waiting"
        };
        Some((status, format!("just now: {}", doing.text)))
    })
}

/// What the last pass said of the path.
pub(super) fn found(desk: &Arc<dyn Desk>, pair: Option<&str>, path: &str) -> Option<FileItem> {
    first(desk, pair, path, |state, place| {
        let last = state.last_pass.as_ref()?;
        KINDS.iter().find_map(|kind| {
            let mut items = last.get(kind)?.as_array()?.iter();
            let item = items.find(|item| item.get("path").and_then(|path| path.as_str()) == Some(place))?;
            let reason = item.get("reason")?.as_str()?;
            Some((
                *kind,
                format!("{reason}; so the last pass found it, and another one is under way"),
            ))
        })
    })
}

/// The first pair that has something to say.
fn first(
    desk: &Arc<dyn Desk>,
    pair: Option<&str>,
    path: &str,
    ask: impl Fn(&PairState, &str) -> Option<(&'static str, String)>,
) -> Option<FileItem> {
    let config = desk.config();
    named(&config, pair).ok()?.into_iter().find_map(|pair| {
        let place = place(&pair.local, Path::new(path))?.to_string();
        let state = desk.status(Some(&pair.name)).ok()?.pairs.into_iter().next()?;
        let (status, reason) = ask(&state, &place)?;
        Some(FileItem {
            pair: pair.name.clone(),
            path: place,
            status: status.to_owned(),
            reason,
            since: None,
        })
    })
}
