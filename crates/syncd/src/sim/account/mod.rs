//! A whole account of the File Upload API v2 in memory, behind [`api::transport::Transport`]: three dialects, faults,
//! virtual latency, a web user, and the truth for oracles.
//!
//! It answers as devcloud does where the engine can tell the difference (a test compares them). Everything that happens
//! follows from the seed, the order of the calls and the runtime's paused clock: no system clock, no system randomness,
//! no unordered map. Start reading at [`SimAccount`], then `transport.rs` (a call's way), `calls/` (its work).

mod answer;
mod calls;
mod clock;
mod dialect;
mod faults;
mod names;
mod races;
mod request;
mod rows;
mod state;
mod store;
mod transport;
mod web;

#[cfg(test)]
mod compare;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use dialect::Dialect;
pub(crate) use faults::Faults;
pub(crate) use transport::SimTransport;

use state::State;
use store::RowState;

/// The account. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct SimAccount(Arc<Mutex<State>>);

impl SimAccount {
    /// An empty account without faults and latency. Everything random in it follows from the seed.
    pub(crate) fn new(dialect: Dialect, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State::new(dialect, seed))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every step under the lock is whole, so a panic elsewhere leaves nothing half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of its API.
    pub(crate) fn api_url() -> String {
        format!("{}/api/v2/", rows::BASE)
    }

    /// Both keys that it lets in.
    pub(crate) fn keys() -> (String, String) {
        calls::keys()
    }

    /// The dialect it speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        self.state().dialect
    }

    /// A machine's way to it.
    pub(crate) fn transport(&self) -> Arc<SimTransport> {
        Arc::new(SimTransport::new(self.clone()))
    }

    /// What goes wrong from the next call on.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Longest wait before and after the work of a call, in milliseconds of the runtime's clock; 0: none.
    pub(crate) fn set_max_latency_ms(&self, ms: u64) {
        self.state().max_latency_ms = ms;
    }

    /// Everything that is still on its way arrives. Answers how much that was.
    pub(crate) fn flush_late(&self) -> usize {
        let mut state = self.state();
        let late = state.late();
        state.do_late(u64::MAX);
        late
    }

    /// Files that can be reached from the root: path, id, bytes; in order of path.
    pub(crate) fn live(&self) -> Vec<(String, u64, Vec<u8>)> {
        let state = self.state();
        let (_, files) = state.store.reachable(None);
        let row = |(path, file): (String, &store::File)| (path, file.id, file.content.to_vec());
        files.into_iter().map(row).collect()
    }

    /// Folders that can be reached from the root: path, id; in order of path.
    pub(crate) fn live_folders(&self) -> Vec<(String, u64)> {
        let state = self.state();
        let (folders, _) = state.store.reachable(None);
        folders.into_iter().map(|(path, row)| (path, row.id)).collect()
    }

    /// Files in the trash: id, bytes.
    pub(crate) fn trash(&self) -> Vec<(u64, Vec<u8>)> {
        self.in_state(RowState::Trash)
    }

    /// Files that are active and cannot be reached: below a trashed folder, in a ring, in limbo, in a folder that never
    /// was. Id, bytes.
    pub(crate) fn hidden(&self) -> Vec<(u64, Vec<u8>)> {
        let mut active = self.in_state(RowState::Active);
        let live = self.files_below(None);
        active.retain(|(id, _)| !live.iter().any(|(other, _)| other == id));
        active
    }

    /// The name of a file, whatever its state.
    pub(crate) fn name_of(&self, id: u64) -> Option<String> {
        self.state()
            .store
            .file(id)
            .map(|file| String::from_utf8_lossy(&file.name).into_owned())
    }

    fn in_state(&self, wanted: RowState) -> Vec<(u64, Vec<u8>)> {
        let state = self.state();
        let files = state.store.files().filter(|file| file.state == wanted);
        files.map(|file| (file.id, file.content.to_vec())).collect()
    }

    /// Bytes that a client trashed without having seen them: they changed between its look and its call.
    pub(crate) fn raced(&self) -> Vec<Vec<u8>> {
        let state = self.state();
        state.races.lost().iter().map(|bytes| bytes.to_vec()).collect()
    }

    /// Whether these bytes are half of an upload that was ever taken for the whole.
    pub(crate) fn is_half(&self, bytes: &[u8]) -> bool {
        self.state().halves.contains(bytes)
    }

    /// Calls that may have changed something since the last reset, struck ones included.
    pub(crate) fn mutations(&self) -> u64 {
        self.state().mutations
    }

    /// Counts them anew.
    pub(crate) fn reset_mutations(&self) {
        self.state().mutations = 0;
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }
}
