//! SIGINT and SIGTERM for commands that run for a while.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both, heard from when this was made.
pub(crate) struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Begins to listen. Where there can be no handlers a signal ends the process, as a power cut would.
    pub(crate) fn listen() -> Self {
        let interrupt = signal(SignalKind::interrupt());
        let terminate = signal(SignalKind::terminate());
        Self(interrupt.ok().zip(terminate.ok()))
    }

    /// The next one, of either kind.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some((interrupt, terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            None => std::future::pending().await,
        }
    }
}
