//! Which limits hold now: those of the configuration, of a window of it, or of `syncd limit`; and their way to the client.
//!
//! The clock is looked at again at least once a minute, for it may be set, and a machine may sleep through an edge.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::ZonedDateTime;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::desk::LimitsState;
use crate::config::Limits;
use crate::engine::on_the_wall;

/// Longest time between two looks at the clock, where there are windows.
const LOOK: Duration = Duration::from_secs(60);

/// A window that pauses the pairs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Closed {
    /// Its times and days, for people.
    pub(crate) window: String,
    /// When no window pauses them any more, seconds since 1970; 0: not within a week.
    pub(crate) until: i64,
}

struct Inner {
    client: api::Client,
    limits: Limits,
    /// What `syncd limit` said.
    upload: Option<u64>,
    download: Option<u64>,
}

/// The limits of a process.
pub(crate) struct Limiter {
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Limiter {
    /// Sets what holds now.
    pub(crate) fn new(client: api::Client, limits: Limits) -> Self {
        let inner = Inner {
            client,
            limits,
            upload: None,
            download: None,
        };
        inner.set(&on_the_wall());
        Self {
            inner: Mutex::new(inner),
            changed: Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Plain values: a panic elsewhere leaves nothing half written.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this is the client, and this the configuration; what `syncd limit` said is over.
    pub(crate) fn connect(&self, client: api::Client, limits: Limits) {
        let mut inner = self.inner();
        *inner = Inner {
            client,
            limits,
            upload: None,
            download: None,
        };
        inner.set(&on_the_wall());
        drop(inner);
        self.changed.notify_one();
    }

    /// These rates hold from now on, whatever the configuration says; `None` leaves one as it is.
    pub(crate) fn limit(&self, upload: Option<u64>, download: Option<u64>) {
        let mut inner = self.inner();
        inner.upload = upload.or(inner.upload);
        inner.download = download.or(inner.download);
        inner.set(&on_the_wall());
    }

    /// What holds now.
    pub(crate) fn state(&self) -> LimitsState {
        self.inner().state(&on_the_wall())
    }

    /// The window that pauses the pairs now.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.inner().closed(&on_the_wall())
    }

    /// Sets what holds, whenever that changes, and tells which window pauses the pairs. Never ends.
    pub(crate) async fn follow(&self, tell: impl Fn(Option<Closed>)) -> std::convert::Infallible {
        loop {
            let now = on_the_wall();
            let (closed, wait) = {
                let inner = self.inner();
                inner.set(&now);
                (inner.closed(&now), inner.wait(&now))
            };
            tell(closed);
            let edge = async {
                match wait {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = edge => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

impl Inner {
    fn rates(&self, now: &ZonedDateTime) -> (u64, u64) {
        let force = self.limits.at(now);
        let upload = self.upload.unwrap_or(force.upload);
        (upload, self.download.unwrap_or(force.download))
    }

    fn set(&self, now: &ZonedDateTime) {
        let (upload, download) = self.rates(now);
        self.client.set_bandwidth(upload, download);
    }

    fn closed(&self, now: &ZonedDateTime) -> Option<Closed> {
        let window = self.limits.at(now).pause?.shown();
        let open = self
            .limits
            .next_change(now, |a, b| a.pause.is_some() == b.pause.is_some());
        Some(Closed {
            window,
            until: open.map_or(0, jiff::Timestamp::as_second),
        })
    }

    /// Until the next edge, as far as that can be relied on; `None`: there are no windows.
    fn wait(&self, now: &ZonedDateTime) -> Option<Duration> {
        if self.limits.windows.is_empty() {
            return None;
        }
        let edge = self.limits.next_change(now, |a, b| a == b);
        let left = edge.and_then(|edge| Duration::try_from(edge.duration_since(now.timestamp())).ok());
        Some(left.map_or(LOOK, |left| left.min(LOOK)))
    }

    fn state(&self, now: &ZonedDateTime) -> LimitsState {
        let (upload, download) = self.rates(now);
        LimitsState {
            upload,
            download,
            by_command: self.upload.is_some() || self.download.is_some(),
            ..configured(&self.limits, now)
        }
    }
}

/// What the configuration alone says for this time.
pub(crate) fn configured(limits: &Limits, now: &ZonedDateTime) -> LimitsState {
    let force = limits.at(now);
    let until = limits.next_change(now, |a, b| {
        (a.upload, a.download, a.pause.is_some()) == (b.upload, b.download, b.pause.is_some())
    });
    LimitsState {
        upload: force.upload,
        download: force.download,
        by_command: false,
        windows: force.windows.iter().map(|window| window.shown()).collect(),
        pause: force.pause.is_some(),
        until: until.map(jiff::Timestamp::as_second),
    }
}
