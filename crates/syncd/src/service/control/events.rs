//! `GET /v1/events` and `GET /v1/log?follow=true`: what happens, as server-sent events, for as long as the client listens.
//!
//! A client that reads too slowly is told how much it missed; nobody waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::recent;
use super::wire::LogLine;
use crate::service::desk::{Desk, Event};

/// A comment so often, so that a client that went away is noticed, and one that waits knows that it is heard.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// As a piece of the stream; `None`: not for this client.
type Told<T> = Box<dyn Fn(&T) -> Option<Bytes> + Send>;

struct Feed<T> {
    /// Told first.
    before: VecDeque<Bytes>,
    new: Receiver<T>,
    told: Told<T>,
    stop: CancellationToken,
    over: bool,
}

/// What happens in the service, of one pair or all: pieces of the answer's body. Ends with the service.
pub(super) fn listen(
    desk: &Arc<dyn Desk>,
    pair: Option<&str>,
    stop: CancellationToken,
) -> impl Stream<Item = Bytes> + Send + use<> {
    let pair = pair.map(str::to_owned);
    let told = move |event: &Event| {
        // Events about no pair are about all.
        let wanted = match (&pair, &event.pair) {
            (Some(wanted), Some(about)) => wanted == about,
            (None, _) | (_, None) => true,
        };
        wanted.then(|| piece(event.seq, event.kind, event))
    };
    feed([], desk.events(), Box::new(told), stop)
}

/// So many lines of the log, and all that follow.
pub(super) fn log(limit: usize, stop: CancellationToken) -> impl Stream<Item = Bytes> + Send + use<> {
    let (lines, new) = recent::follow(limit);
    let told = |line: &LogLine| piece(line.seq, "line", line);
    let before: Vec<_> = lines.iter().map(told).collect();
    feed(before, new, Box::new(move |line| Some(told(line))), stop)
}

fn feed<T: Clone + Send + 'static>(
    before: impl IntoIterator<Item = Bytes>,
    new: Receiver<T>,
    told: Told<T>,
    stop: CancellationToken,
) -> impl Stream<Item = Bytes> + Send {
    // The client knows now that it misses nothing from here on.
    let greeting = Bytes::from_static(b": listening\n\n");
    let feed = Feed {
        before: std::iter::once(greeting).chain(before).collect(),
        new,
        told,
        stop,
        over: false,
    };
    stream::unfold(feed, |mut feed| async move {
        let piece = feed.next().await?;
        Some((piece, feed))
    })
}

impl<T: Clone> Feed<T> {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(piece) = self.before.pop_front() {
            return Some(piece);
        }
        if self.over {
            return None;
        }
        let quiet = tokio::time::sleep(KEEP_ALIVE);
        tokio::pin!(quiet);
        loop {
            tokio::select! {
                biased;
                new = self.new.recv() => match new {
                    Ok(new) => if let Some(piece) = (self.told)(&new) {
                        return Some(piece);
                    },
                    Err(RecvError::Lagged(number)) => return Some(missed(number)),
                    Err(RecvError::Closed) => return None,
                },
                () = self.stop.cancelled() => {
                    self.over = true;
                    return Some(Bytes::from_static(b": the service ends\n\n"));
                }
                () = &mut quiet => return Some(Bytes::from_static(b": nothing new\n\n")),
            }
        }
    }
}

/// JSON has no bare line breaks, so one line of data is enough.
fn piece(seq: u64, kind: &str, value: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(value).unwrap_or_default();
    Bytes::from(format!("id: {seq}\nevent: {kind}\ndata: {data}\n\n"))
}

fn missed(number: u64) -> Bytes {
    Bytes::from(format!("event: missed\ndata: {{\"missed\":{number}}}\n\n"))
}
