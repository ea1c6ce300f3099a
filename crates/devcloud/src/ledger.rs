//! The ledger: what was asked of the server, counted. Tests prove with it how much work a client makes.
//!
//! Every API request and every GET of a link gets a sequence number when it arrives and an entry when it ends, also
//! when its connection went away. `/_dev` never appears here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// Entries kept; totals count on. Bounds the memory of a server that runs for days.
const ENTRIES_MAX: usize = 200_000;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Looks at something.
    Read,
    /// May change something.
    Mutate,
    /// The side-effect-free `folder/move` of folder 0.
    Probe,
    /// Signs in or out.
    Login,
    /// GET of a download link.
    Download,
    /// No known endpoint.
    Unknown,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Number of the request since the server started; reset does not touch it.
    pub seq: u64,
    /// When it arrived, by the server's clock.
    pub at_ms: i64,
    /// `/folder/listing`, or `GET /download` for a link.
    pub endpoint: String,
    /// What it is for.
    pub class: Class,
    /// Ids of files touched.
    pub files: Vec<u64>,
    /// Ids of folders touched.
    pub folders: Vec<u64>,
    /// Bytes of request content: of an upload, the file's.
    pub bytes_in: u64,
    /// Bytes of a download's body handed to the network.
    pub bytes_out: u64,
    /// HTTP status; 0: the connection was dropped.
    pub http: u16,
    /// `success`, the text of the error, or what else happened.
    pub result: String,
    /// Names of the faults that struck.
    pub faults: Vec<String>,
}

/// Sums over the entries since the last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// Of each class.
    pub by_class: BTreeMap<Class, u64>,
    /// Of each endpoint.
    pub by_endpoint: BTreeMap<String, u64>,
    /// Bytes of files received.
    pub bytes_in: u64,
    /// Bytes of files sent.
    pub bytes_out: u64,
}

impl Totals {
    /// Requests of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> u64 {
        self.by_class.get(&class).copied().unwrap_or(0)
    }

    /// Requests of an endpoint, such as `/folder/listing`.
    #[must_use]
    pub fn at(&self, endpoint: &str) -> u64 {
        self.by_endpoint.get(endpoint).copied().unwrap_or(0)
    }
}

/// The ledger as it is read.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerReport {
    /// Version of this form.
    pub v: u32,
    /// Sums since the last reset.
    pub totals: Totals,
    /// Entries since the last reset, by sequence number; the oldest go when there are too many.
    pub entries: Vec<Entry>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    totals: Totals,
    entries: VecDeque<Entry>,
}

/// The running ledger.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Inner>);

impl Ledger {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an entry; it is written when the guard goes.
    pub(crate) fn open(self: &Arc<Self>, at_ms: i64, endpoint: &str, class: Class) -> Open {
        let seq = {
            let mut inner = self.inner();
            inner.next = inner.next.saturating_add(1);
            inner.next
        };
        let entry = Entry {
            seq,
            at_ms,
            endpoint: endpoint.to_owned(),
            class,
            files: Vec::new(),
            folders: Vec::new(),
            bytes_in: 0,
            bytes_out: 0,
            http: 0,
            result: "aborted".to_owned(),
            faults: Vec::new(),
        };
        Open {
            ledger: Arc::clone(self),
            entry,
        }
    }

    fn write(&self, entry: Entry) {
        let mut inner = self.inner();
        let totals = &mut inner.totals;
        totals.requests = totals.requests.saturating_add(1);
        bump(totals.by_class.entry(entry.class).or_default());
        bump(totals.by_endpoint.entry(entry.endpoint.clone()).or_default());
        totals.bytes_in = totals.bytes_in.saturating_add(entry.bytes_in);
        totals.bytes_out = totals.bytes_out.saturating_add(entry.bytes_out);
        inner.entries.push_back(entry);
        if inner.entries.len() > ENTRIES_MAX {
            inner.entries.pop_front();
        }
    }

    /// What was asked since the last reset, of requests after `since`.
    pub(crate) fn report(&self, since: u64) -> LedgerReport {
        let inner = self.inner();
        let mut entries: Vec<Entry> = inner.entries.iter().filter(|e| e.seq > since).cloned().collect();
        entries.sort_by_key(|entry| entry.seq);
        LedgerReport {
            v: 1,
            totals: inner.totals.clone(),
            entries,
        }
    }

    /// Sums alone.
    pub(crate) fn totals(&self) -> Totals {
        self.inner().totals.clone()
    }

    /// Forgets entries and sums; sequence numbers go on.
    pub(crate) fn reset(&self) {
        let mut inner = self.inner();
        inner.entries.clear();
        inner.totals = Totals::default();
    }
}

fn bump(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// An entry of a request that is still running.
pub(crate) struct Open {
    ledger: Arc<Ledger>,
    pub(crate) entry: Entry,
}

impl Open {
    /// The request's number.
    pub(crate) fn seq(&self) -> u64 {
        self.entry.seq
    }

    /// Notes a file.
    pub(crate) fn file(&mut self, id: i64) {
        if let Ok(id) = u64::try_from(id)
            && !self.entry.files.contains(&id)
        {
            self.entry.files.push(id);
        }
    }

    /// Notes a folder.
    pub(crate) fn folder(&mut self, id: i64) {
        if let Ok(id) = u64::try_from(id)
            && !self.entry.folders.contains(&id)
        {
            self.entry.folders.push(id);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.ledger.write(self.entry.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_when_its_request_ends_whatever_happens() {
        let ledger = Arc::new(Ledger::default());
        drop(ledger.open(5, "/folder/listing", Class::Read));
        let mut open = ledger.open(6, "/file/upload", Class::Mutate);
        open.entry.bytes_in = 9;
        open.file(3);
        open.file(3);
        drop(open);
        let report = ledger.report(0);
        assert_eq!(report.totals.of(Class::Read), 1);
        assert_eq!((report.totals.at("/file/upload"), report.totals.bytes_in), (1, 9));
        let last = report.entries.last().unwrap();
        assert_eq!((last.seq, last.files.as_slice()), (2, [3].as_slice()));
        ledger.reset();
        assert_eq!(ledger.totals().requests, 0);
        drop(ledger.open(7, "/authorize", Class::Login));
        assert_eq!(ledger.report(0).entries.first().unwrap().seq, 3);
    }
}
