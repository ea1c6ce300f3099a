//! `GET /v1/events`: what happens, as server-sent events, for as long as the client listens.
//!
//! A client that reads too slowly is told how many events it missed; nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::service::desk::{Desk, Event};

/// A comment so often, so that a client that went away is noticed, and one that waits knows that it is heard.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Listening {
    events: Receiver<Event>,
    pair: Option<String>,
    stop: CancellationToken,
    greeted: bool,
    over: bool,
}

/// Pieces of the answer's body. Ends with the service.
pub(super) fn listen(
    desk: &Arc<dyn Desk>,
    pair: Option<&str>,
    stop: CancellationToken,
) -> impl Stream<Item = Bytes> + Send + use<> {
    let listening = Listening {
        events: desk.events(),
        pair: pair.map(str::to_owned),
        stop,
        greeted: false,
        over: false,
    };
    stream::unfold(listening, |mut listening| async move {
        let piece = listening.next().await?;
        Some((piece, listening))
    })
}

impl Listening {
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            // The client knows now that it misses nothing from here on.
            self.greeted = true;
            return Some(Bytes::from_static(b": listening\n\n"));
        }
        if self.over {
            return None;
        }
        let quiet = tokio::time::sleep(KEEP_ALIVE);
        tokio::pin!(quiet);
        loop {
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Ok(event) if self.wants(&event) => return Some(piece(&event)),
                    Ok(_) => {}
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

    /// Events about no pair are about all.
    fn wants(&self, event: &Event) -> bool {
        match (&self.pair, &event.pair) {
            (Some(wanted), Some(about)) => wanted == about,
            (None, _) | (_, None) => true,
        }
    }
}

/// JSON has no bare line breaks, so one line of data is enough.
fn piece(event: &Event) -> Bytes {
    let data = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!(
        "id: {}\nevent: {}\ndata: {data}\n\n",
        event.seq, event.kind
    ))
}

fn missed(number: u64) -> Bytes {
    Bytes::from(format!("event: missed\ndata: {{\"missed\":{number}}}\n\n"))
}
