//! A file of this disk as the source of an upload (design D6).
//!
//! The stream can be opened again and again; each time it gives exactly the version the scan saw, or ends with an error of
//! kind [`CHANGED`], which makes the upload void. Memory: one piece per stream, read where blocking is allowed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use planner::path::RelPath;
use planner::tree::LocalFile;

use super::error::LocalError;
use super::hash::{self, CHUNK};
use super::root::Root;
use super::sys;

/// The kind of the error by which a stream ends whose file is not as the scan saw it. No read of a file gives it.
pub(crate) const CHANGED: io::ErrorKind = io::ErrorKind::InvalidData;

/// The bytes of a file; what an upload body is opened from.
pub(crate) type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// A source of `path` as `seen`, that can be opened repeatedly.
pub(crate) fn open_for_upload(
    root: &Root,
    path: RelPath,
    seen: LocalFile,
) -> impl FnMut() -> BoxFuture<'static, io::Result<ByteStream>> + Send + 'static {
    let source = Arc::new(Source {
        root: root.clone(),
        path,
        seen,
    });
    move || {
        let source = Arc::clone(&source);
        Box::pin(async move {
            // A small file is read as it is opened: changing threads once more would cost more than that.
            let state = blocking(move || {
                let reading = source.open()?;
                Ok(if reading.is_small() {
                    State::Read(reading.next()?)
                } else {
                    State::Open(reading)
                })
            })
            .await?;
            Ok(stream::try_unfold(state, |state| async move {
                let next = match state {
                    State::Open(reading) => blocking(move || reading.next()).await?,
                    State::Read(next) => next,
                };
                Ok(next.map(|(piece, rest)| (piece, rest.map_or(State::Read(None), State::Open))))
            })
            .boxed())
        })
    }
}

/// How far a stream is.
enum State {
    /// This comes next.
    Read(Option<(Bytes, Option<Reading>)>),
    /// It is read on from here.
    Open(Reading),
}

struct Source {
    root: Root,
    path: RelPath,
    seen: LocalFile,
}

struct Reading {
    source: Arc<Source>,
    file: OwnedFd,
    left: u64,
}

impl Source {
    fn open(self: Arc<Self>) -> io::Result<Reading> {
        let file = self
            .root
            .file(&self.path)
            .map_err(|cause| told(&LocalError::at(&self.path, "opening it", cause)))?;
        self.check(&file)?;
        let left = self.seen.size;
        Ok(Reading {
            source: self,
            file,
            left,
        })
    }

    fn check(&self, file: &OwnedFd) -> io::Result<()> {
        let meta = sys::look_fd(file.as_fd())
            .map_err(|cause| told(&LocalError::at(&self.path, "looking at it", cause)))?;
        hash::same_version(&self.path, &self.seen, &meta).map_err(|error| told(&error))
    }
}

impl Reading {
    /// One piece is all of it.
    fn is_small(&self) -> bool {
        usize::try_from(self.left).is_ok_and(|left| left <= CHUNK)
    }

    /// The next piece. The last one is held back until the file was looked at once more.
    fn next(mut self) -> io::Result<Option<(Bytes, Option<Self>)>> {
        let wanted = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let mut piece = vec![0; wanted];
        let count = sys::read(self.file.as_fd(), &mut piece)
            .map_err(|cause| told(&LocalError::at(&self.source.path, "reading it", cause)))?;
        piece.truncate(count);
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        if self.left > 0 && count == 0 {
            return Err(told(&hash::changed(&self.source.path)));
        }
        if self.left > 0 {
            return Ok(Some((Bytes::from(piece), Some(self))));
        }
        self.source.check(&self.file)?;
        Ok((count > 0).then(|| (Bytes::from(piece), None)))
    }
}

/// A failure in the words of a stream; its kind tells what to do.
fn told(error: &LocalError) -> io::Error {
    let kind = match error {
        LocalError::Changed { .. } | LocalError::Vanished { .. } => CHANGED,
        LocalError::Denied { .. } => io::ErrorKind::PermissionDenied,
        LocalError::Missing(_)
        | LocalError::NotAFolder(_)
        | LocalError::Occupied { .. }
        | LocalError::NotEmpty { .. }
        | LocalError::NoSpace { .. }
        | LocalError::Unnameable { .. }
        | LocalError::Damaged { .. }
        | LocalError::Rules { .. }
        | LocalError::Io { .. } => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.to_string())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let broke_off = || io::Error::other("reading broke off");
    crate::blocking::run(work).await.ok_or_else(broke_off)?
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    async fn all(mut stream: ByteStream) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await {
            let piece = piece?;
            assert!(piece.len() <= CHUNK && !piece.is_empty());
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn the_same_bytes_come_each_time_it_is_opened() {
        let disk = Disk::new();
        for text in [
            String::new(),
            String::from("one"),
            "x".repeat(CHUNK),
            "y".repeat(2 * CHUNK + 1),
        ] {
            disk.write("a", &text);
            let mut open = open_for_upload(&disk.root, path("a"), disk.seen_file("a"));
            for _ in 0..2 {
                assert_eq!(all(open().await.unwrap()).await.unwrap(), text.as_bytes());
            }
        }
    }

    #[tokio::test]
    async fn d6_a_file_that_changes_while_it_is_read_voids_the_upload() {
        let disk = Disk::new();
        disk.write("a", &"x".repeat(2 * CHUNK));
        let mut open = open_for_upload(&disk.root, path("a"), disk.seen_file("a"));
        let mut stream = open().await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        disk.write_keeping_mtime("a", &"y".repeat(2 * CHUNK));
        assert_eq!(all(stream).await.unwrap_err().kind(), CHANGED);
        assert_eq!(
            open().await.err().map(|error| error.kind()),
            Some(CHANGED),
            "nor is it opened again"
        );
    }

    #[tokio::test]
    async fn a_file_that_shrinks_or_grows_while_it_is_read_voids_the_upload() {
        for length in [0, CHUNK + 5, 3 * CHUNK] {
            let disk = Disk::new();
            disk.write("a", &"x".repeat(2 * CHUNK));
            let mut open = open_for_upload(&disk.root, path("a"), disk.seen_file("a"));
            let mut stream = open().await.unwrap();
            assert!(stream.next().await.unwrap().is_ok());
            let file = std::fs::File::options().write(true).open(disk.at("a")).unwrap();
            file.set_len(u64::try_from(length).unwrap()).unwrap();
            assert_eq!(all(stream).await.unwrap_err().kind(), CHANGED, "{length}");
        }
    }

    #[tokio::test]
    async fn a_file_replaced_by_a_rename_while_it_is_read_voids_the_upload() {
        let disk = Disk::new();
        disk.write("a", &"x".repeat(CHUNK + 1));
        let mut open = open_for_upload(&disk.root, path("a"), disk.seen_file("a"));
        let stream = open().await.unwrap();
        disk.save_by_rename("a", "two");
        // The old version got a new change time when it lost its name: there is a newer one to upload.
        assert_eq!(all(stream).await.unwrap_err().kind(), CHANGED);
    }

    #[tokio::test]
    async fn a_small_file_is_the_version_that_was_seen_or_is_not_opened() {
        let disk = Disk::new();
        disk.write("a", "one");
        let mut open = open_for_upload(&disk.root, path("a"), disk.seen_file("a"));
        let stream = open().await.unwrap();
        disk.save_by_rename("a", "two");
        // It was read, and looked at before and after that, when it was opened.
        assert_eq!(all(stream).await.unwrap(), b"one");
        assert_eq!(open().await.err().map(|error| error.kind()), Some(CHANGED));
    }

    #[tokio::test]
    async fn d4_a_link_in_the_files_place_is_not_uploaded() {
        let disk = Disk::new();
        disk.write("a", "one");
        disk.write("secret", "one");
        let mut open = open_for_upload(&disk.root, path("a"), disk.seen_file("a"));
        disk.replace_by_link("a", "secret");
        assert_eq!(open().await.err().map(|error| error.kind()), Some(CHANGED));
    }
}
