//! The body of an upload: multipart framing by hand, hashed and counted on the way.
//!
//! Framed by hand because the file's name must be raw UTF-8 in `filename="…"` (PHP ignores `filename*`), fields
//! first, file last, with a length known beforehand (wire.md §6.1). The closing boundary is withheld until the
//! source has ended at exactly the declared size: a source that is shorter, longer, or fails at its end never
//! becomes a whole body, so the server stores nothing. Memory: one piece at a time, and for a large file some that wait to
//! be hashed.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use md5::Digest as _;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::ApiError;
use crate::limit::Throttle;

/// Bytes as a caller gives them. It may end with an error instead of an end, for example after a last look at the
/// file's stamps: then the upload is void.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Largest piece handed to the network at once; larger ones are cut, and a bandwidth limit cuts finer.
const PIECE_MAX: usize = 256 * 1024;

type Opener = Box<dyn FnMut() -> BoxFuture<'static, io::Result<ByteStream>> + Send>;

/// Where an upload's bytes come from.
pub struct UploadBody(Source);

enum Source {
    Once(Option<ByteStream>),
    Reopen(Opener),
}

impl UploadBody {
    /// Bytes that can be read once: the upload is tried once.
    pub fn from_stream(stream: impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(Source::Once(Some(stream.boxed())))
    }

    /// A reader that can be read once.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::from_stream(tokio_util::io::ReaderStream::with_capacity(reader, PIECE_MAX))
    }

    /// Bytes that can be read again from the start: definite failures (session ended, server busy) are repeated.
    pub fn reopen(open: impl FnMut() -> BoxFuture<'static, io::Result<ByteStream>> + Send + 'static) -> Self {
        Self(Source::Reopen(Box::new(open)))
    }

    /// Bytes in memory.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self::reopen(move || {
            let bytes = bytes.clone();
            Box::pin(async move { Ok(stream::iter([Ok(bytes)]).boxed()) })
        })
    }

    /// Whether another attempt could be made after this one.
    pub(crate) const fn can_reopen(&self) -> bool {
        matches!(self.0, Source::Reopen(_))
    }

    pub(crate) async fn open(&mut self) -> io::Result<ByteStream> {
        match &mut self.0 {
            Source::Once(stream) => stream
                .take()
                .ok_or_else(|| io::Error::other("this source was read already")),
            Source::Reopen(open) => open().await,
        }
    }
}

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashes {
    /// BLAKE3 of the file.
    pub blake3: [u8; 32],
    /// MD5 of the file.
    pub md5: [u8; 16],
    /// Its bytes.
    pub bytes: u64,
}

/// What the sender of a body sees of its progress.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Bytes of the file handed over, for the caller.
    progress: Arc<AtomicU64>,
    start: Instant,
    /// Milliseconds after `start` of the last sign of life.
    active_ms: AtomicU64,
    whole: AtomicBool,
    outcome: Mutex<Option<Result<Hashes, ApiError>>>,
}

impl Meter {
    pub(crate) fn new(progress: Arc<AtomicU64>) -> Arc<Self> {
        progress.store(0, Ordering::Relaxed);
        Arc::new(Self {
            progress,
            start: Instant::now(),
            active_ms: AtomicU64::new(0),
            whole: AtomicBool::new(false),
            outcome: Mutex::new(None),
        })
    }

    fn alive(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.active_ms.store(elapsed, Ordering::Relaxed);
    }

    fn finish(&self, outcome: Result<Hashes, ApiError>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// How the source ended; none while it has not.
    pub(crate) fn outcome(&self) -> Option<Result<Hashes, ApiError>> {
        self.outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every byte, closing boundary included, was handed to the network.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// Ends when nothing moved for `stall` while sending, or `answer` after the last byte.
    pub(crate) async fn overdue(&self, stall: Duration, answer: Duration) {
        loop {
            let bound = if self.is_whole() { answer } else { stall };
            let active = Duration::from_millis(self.active_ms.load(Ordering::Relaxed));
            let idle = self.start.elapsed().saturating_sub(active);
            if idle >= bound {
                return;
            }
            // Looking at least once per stall bound notices the end of sending in time.
            tokio::time::sleep(
                bound
                    .saturating_sub(idle)
                    .min(stall)
                    .max(Duration::from_millis(1)),
            )
            .await;
        }
    }
}

/// Everything around the file's bytes.
pub(crate) struct Frame {
    pub(crate) content_type: String,
    head: Bytes,
    tail: Bytes,
}

impl Frame {
    /// Fields, then the file's part. The name must hold no CR, LF or NUL.
    pub(crate) fn new(fields: &[(&str, &str)], filename: &str) -> Self {
        let boundary = format!(
            "----syncd{:016x}{:016x}",
            rand::random::<u64>(),
            rand::random::<u64>()
        );
        let mut head = String::new();
        for (name, value) in fields {
            // Writing to a String cannot fail.
            let _ = write!(
                head,
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        let escaped = filename.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(
            head,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"upload_file\"; filename=\"{escaped}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            head: head.into(),
            tail: format!("\r\n--{boundary}--\r\n").into(),
        }
    }

    /// Bytes of the whole body for a file of this size; none if that does not fit.
    pub(crate) fn length(&self, size: u64) -> Option<u64> {
        let around = u64::try_from(self.head.len().checked_add(self.tail.len())?).ok()?;
        size.checked_add(around)
    }
}

/// From this size on a file is hashed beside the sending: MD5 alone takes as long as a fast network. Below it, a thread
/// would cost more than it saves.
const ASIDE_FROM: u64 = 8 * 1024 * 1024;
/// Pieces that wait to be hashed.
const ASIDE_PIECES: usize = 8;

/// Both hashes of what was seen.
#[derive(Default)]
struct Digests {
    blake3: blake3::Hasher,
    md5: md5::Md5,
}

impl Digests {
    fn update(&mut self, piece: &[u8]) {
        self.blake3.update(piece);
        self.md5.update(piece);
    }

    fn finish(self, bytes: u64) -> Hashes {
        Hashes {
            blake3: self.blake3.finalize().into(),
            md5: self.md5.finalize().into(),
            bytes,
        }
    }
}

/// Where a body is hashed.
enum Hashing {
    /// Between two pieces.
    Here(Box<Digests>),
    /// On a thread of its own, in order, until no more pieces come.
    Aside(mpsc::Sender<Bytes>, JoinHandle<Digests>),
}

impl Hashing {
    fn of(size: u64) -> Self {
        if size < ASIDE_FROM {
            return Self::Here(Box::default());
        }
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(ASIDE_PIECES);
        let work = tokio::task::spawn_blocking(move || {
            let mut digests = Digests::default();
            while let Some(piece) = waiting.blocking_recv() {
                digests.update(&piece);
            }
            digests
        });
        Self::Aside(pieces, work)
    }

    async fn update(&mut self, piece: &Bytes) -> io::Result<()> {
        match self {
            Self::Here(digests) => {
                digests.update(piece);
                Ok(())
            }
            Self::Aside(pieces, _) => pieces.send(piece.clone()).await.map_err(|_| broke_off()),
        }
    }

    async fn finish(self, bytes: u64) -> io::Result<Hashes> {
        match self {
            Self::Here(digests) => Ok(digests.finish(bytes)),
            Self::Aside(pieces, work) => {
                drop(pieces);
                let digests = work.await.map_err(|_| broke_off())?;
                Ok(digests.finish(bytes))
            }
        }
    }
}

fn broke_off() -> io::Error {
    io::Error::other("hashing broke off")
}

struct Sending {
    source: ByteStream,
    /// The rest of a piece that was larger than `PIECE_MAX`.
    rest: Bytes,
    hashing: Hashing,
    seen: u64,
    size: u64,
    throttle: Arc<Throttle>,
    meter: Arc<Meter>,
    tail: Bytes,
}

/// The body: head, the source's bytes, tail.
pub(crate) fn framed(
    frame: Frame,
    source: ByteStream,
    size: u64,
    throttle: Arc<Throttle>,
    meter: Arc<Meter>,
) -> ByteStream {
    let sending = Sending {
        source,
        rest: Bytes::new(),
        hashing: Hashing::of(size),
        seen: 0,
        size,
        throttle,
        meter,
        tail: frame.tail,
    };
    let file = stream::try_unfold(Some(sending), |state| async move {
        match state {
            Some(sending) => sending.next().await,
            None => Ok(None),
        }
    });
    stream::iter([Ok(frame.head)]).chain(file).boxed()
}

impl Sending {
    /// The next piece, and what is left after it; nothing is left after the tail.
    async fn next(mut self) -> io::Result<Option<(Bytes, Option<Self>)>> {
        while self.rest.is_empty() {
            match self.source.next().await {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Err(self.failed(&error)),
                None => return self.end().await,
            }
        }
        let most = usize::try_from(self.throttle.piece())
            .unwrap_or(usize::MAX)
            .min(PIECE_MAX);
        let piece = self.rest.split_to(self.rest.len().min(most));
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.seen = self.seen.saturating_add(length);
        if self.seen > self.size {
            return Err(self.changed());
        }
        let meter = Arc::clone(&self.meter);
        self.throttle.take(length, || meter.alive()).await;
        if let Err(error) = self.hashing.update(&piece).await {
            return Err(self.failed(&error));
        }
        self.meter.alive();
        self.meter.progress.fetch_add(length, Ordering::Relaxed);
        Ok(Some((piece, Some(self))))
    }

    async fn end(self) -> io::Result<Option<(Bytes, Option<Self>)>> {
        if self.seen != self.size {
            return Err(self.changed());
        }
        let Self {
            hashing,
            meter,
            tail,
            seen,
            ..
        } = self;
        let hashes = hashing
            .finish(seen)
            .await
            .map_err(|error| source_failed(&meter, &error))?;
        meter.finish(Ok(hashes));
        meter.alive();
        meter.whole.store(true, Ordering::Relaxed);
        Ok(Some((tail, None)))
    }

    fn changed(&self) -> io::Error {
        self.meter.finish(Err(ApiError::SourceChanged {
            declared: self.size,
            seen: self.seen,
        }));
        io::Error::other("the source changed while it was read")
    }

    fn failed(&self, error: &io::Error) -> io::Error {
        source_failed(&self.meter, error)
    }
}

/// A source that cannot be read to its end makes the upload void.
fn source_failed(meter: &Meter, error: &io::Error) -> io::Error {
    meter.finish(Err(ApiError::Source {
        kind: error.kind(),
        cause: error.to_string(),
    }));
    io::Error::other("the source failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body of these pieces comes to: all its bytes, or nothing, and what the sender knows of it.
    async fn sent(pieces: Vec<io::Result<Bytes>>, size: u64) -> (Option<Vec<u8>>, Arc<Meter>) {
        let meter = Meter::new(Arc::default());
        let frame = Frame::new(&[("folder_id", "7")], "a.bin");
        let (length, source) = (frame.length(size).unwrap(), stream::iter(pieces).boxed());
        let mut body = framed(frame, source, size, Arc::default(), Arc::clone(&meter));
        let mut all = Vec::new();
        while let Some(piece) = body.next().await {
            match piece {
                Ok(piece) => all.extend_from_slice(&piece),
                Err(_) => return (None, meter),
            }
        }
        assert_eq!(u64::try_from(all.len()).unwrap(), length);
        (Some(all), meter)
    }

    /// Hashed between two pieces, and aside.
    const SIZES: [u64; 3] = [1, ASIDE_FROM - 1, ASIDE_FROM + 1];

    fn pieces(size: u64) -> (Vec<io::Result<Bytes>>, Vec<u8>) {
        let whole: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let pieces = whole
            .chunks(700_001)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)));
        (pieces.collect(), whole)
    }

    #[tokio::test]
    async fn both_hashes_are_those_of_the_bytes_wherever_they_are_made() {
        for size in SIZES {
            let (pieces, whole) = pieces(size);
            let (body, meter) = sent(pieces, size).await;
            let hashes = meter.outcome().unwrap().unwrap();
            assert_eq!(hashes.blake3, *blake3::hash(&whole).as_bytes(), "{size}");
            assert_eq!(hashes.md5, <[u8; 16]>::from(md5::Md5::digest(&whole)), "{size}");
            assert_eq!(hashes.bytes, size);
            assert!(meter.is_whole() && body.is_some());
        }
    }

    #[tokio::test]
    async fn a_source_that_ends_early_late_or_badly_is_never_a_whole_body() {
        for size in SIZES {
            let (mut short, _) = pieces(size);
            let last = short.pop().unwrap();
            let (mut long, _) = pieces(size);
            long.push(Ok(Bytes::from_static(b"x")));
            let (mut bad, _) = pieces(size);
            bad.pop();
            bad.push(Err(io::Error::other("gone")));
            assert!(last.is_ok());
            for pieces in [short, long, bad] {
                let (body, meter) = sent(pieces, size).await;
                assert!(body.is_none() && !meter.is_whole(), "{size}");
                assert!(meter.outcome().unwrap().is_err(), "{size}");
            }
        }
    }
}
