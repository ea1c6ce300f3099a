//! A file's bytes from the account, whole or not at all: where the connection breaks they go on, if what comes then fits to
//! what came before (`wire.md` §6.2). The only proof of a whole file is its exact length; the API offers no hash.

use std::ops::ControlFlow;

use api::{ApiError, FileRow};

use super::desk::Desk;
use super::fault::{Fault, call};
use crate::engine::Sink;

/// Tries in a row that bring no new byte, before a file fails.
const TRIES: u32 = 4;

/// Where a download stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Bytes that are there.
    pub(super) at: u64,
    /// The last of them.
    pub(super) tail: Vec<u8>,
}

/// Why a download ended early.
#[derive(Debug)]
pub(super) enum Stopped {
    /// What is there is not the start of this version, or cannot be gone on from: begin again.
    StartOver,
    /// It failed.
    Failed(Fault),
}

/// Fetches what is missing of a file. `take` gets each new byte once, in order.
pub(super) async fn fetch(
    desk: &Desk,
    row: &FileRow,
    path: &str,
    standing: &mut Standing,
    sink: &dyn Sink,
    mut take: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Stopped> {
    let mut idle: u32 = 0;
    while standing.at < row.size {
        let before = standing.at;
        match once(desk, row, standing, sink, &mut take).await {
            Ok(()) => return Ok(()),
            Err(Broke::Other) => return Err(Stopped::StartOver),
            Err(Broke::Taking(fault)) => return Err(Stopped::Failed(fault)),
            Err(Broke::Call(error)) => {
                idle = if standing.at > before {
                    0
                } else {
                    idle.saturating_add(1)
                };
                if idle >= TRIES || !error.is_transient() && !is_broken(&error) {
                    return Err(Stopped::Failed(call(path, "not downloaded")(error)));
                }
                tokio::time::sleep(desk.pause.saturating_mul(idle)).await;
            }
        }
    }
    Ok(())
}

/// A length or a page that another try may set right.
const fn is_broken(error: &ApiError) -> bool {
    matches!(error, ApiError::DownloadBroken { .. })
}

enum Broke {
    Call(ApiError),
    Other,
    Taking(Fault),
}

async fn once(
    desk: &Desk,
    row: &FileRow,
    standing: &mut Standing,
    sink: &dyn Sink,
    take: &mut impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Broke> {
    let overlap = u64::try_from(standing.tail.len()).unwrap_or(u64::MAX);
    let from = standing.at.saturating_sub(overlap);
    let mut body = match desk.client.download(row.id, row.size, from).await {
        Err(ApiError::RangeIgnored) => return Err(Broke::Other),
        opened => opened.map_err(Broke::Call)?,
    };
    let known = standing.tail.clone();
    let mut expected = known.as_slice();
    while let Some(piece) = body.chunk().await.map_err(Broke::Call)? {
        let (old, new) = piece.split_at(expected.len().min(piece.len()));
        let (head, rest) = expected.split_at(old.len());
        if old != head {
            return Err(Broke::Other);
        }
        expected = rest;
        if new.is_empty() {
            continue;
        }
        take(new).map_err(Broke::Taking)?;
        let length = u64::try_from(new.len()).unwrap_or(u64::MAX);
        sink.bytes(length);
        standing.at = standing.at.saturating_add(length);
        remember(&mut standing.tail, new);
    }
    Ok(())
}

/// Keeps the last bytes.
fn remember(tail: &mut Vec<u8>, new: &[u8]) {
    let keep = usize::try_from(crate::local::deliver::OVERLAP).unwrap_or(usize::MAX);
    if let Some(last) = new.len().checked_sub(keep).and_then(|skip| new.get(skip..)) {
        tail.clear();
        tail.extend_from_slice(last);
        return;
    }
    tail.extend_from_slice(new);
    let spare = tail.len().saturating_sub(keep);
    tail.drain(..spare);
}

/// Hands a file's bytes on as they come. What was handed on cannot be taken back: a server that cannot go on where it broke
/// ends it.
pub(crate) async fn pour(
    desk: &Desk,
    row: &FileRow,
    path: &str,
    sink: &dyn Sink,
    mut on: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<(), Fault> {
    let mut over = false;
    let mut standing = Standing::default();
    let poured = fetch(desk, row, path, &mut standing, sink, |bytes| {
        over = on(bytes).is_break();
        // A reader that went away is no fault; it only ends the work.
        if over {
            Err(Fault::Dead { path: String::new() })
        } else {
            Ok(())
        }
    })
    .await;
    match poured {
        Ok(()) => Ok(()),
        Err(_) if over => Ok(()),
        Err(Stopped::Failed(fault)) => Err(fault),
        Err(Stopped::StartOver) => Err(call(path, "not shown to the end")(ApiError::RangeIgnored)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_remembered() {
        let keep = usize::try_from(crate::local::deliver::OVERLAP).unwrap();
        let mut tail = Vec::new();
        let mut all = Vec::new();
        for length in [3, keep - 1, 5, 2 * keep + 1, 7] {
            let piece: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            all.extend_from_slice(&piece);
            remember(&mut tail, &piece);
            assert_eq!(tail, all[all.len().saturating_sub(keep)..]);
        }
    }
}
