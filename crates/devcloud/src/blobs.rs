//! File contents on disk: one blob per MD5 and size, written to a temporary file first and renamed into place.
//!
//! Content streams through; it is never whole in memory. All disk work runs on the blocking pool.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use md5::{Digest as _, Md5};

/// Bytes gathered before they go to the disk.
const CHUNK: usize = 256 * 1024;

/// The folder of blobs.
pub(crate) struct Blobs {
    root: PathBuf,
    temporary: PathBuf,
    next: AtomicU64,
}

impl Blobs {
    /// Opens the folder; unfinished uploads of an earlier run are dropped.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let root = data.join("blobs");
        let temporary = data.join("incoming");
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        fs::create_dir_all(&temporary)?;
        fs::create_dir_all(&root)?;
        Ok(Self {
            root,
            temporary,
            next: AtomicU64::new(0),
        })
    }

    /// Where a content lies.
    pub(crate) fn path(&self, md5: &str, size: i64) -> PathBuf {
        self.root
            .join(md5.get(..2).unwrap_or("00"))
            .join(format!("{md5}-{size}"))
    }

    /// Starts a temporary file.
    pub(crate) fn writer(&self) -> io::Result<Writer> {
        let path = self
            .temporary
            .join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let file = File::create(&path)?;
        Ok(Writer {
            file,
            blob: Incoming { path },
            md5: Md5::new(),
            size: 0,
            pending: Vec::new(),
        })
    }

    /// Moves a finished content into its place; equal content is stored once.
    pub(crate) fn keep(&self, content: &Content) -> io::Result<()> {
        let target = self.path(&content.md5, content.size);
        if target.exists() {
            return Ok(());
        }
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&content.blob.path, target)
    }

    /// Removes a content nobody uses any more.
    pub(crate) fn remove(&self, md5: &str, size: i64) {
        if let Err(error) = fs::remove_file(self.path(md5, size)) {
            tracing::debug!(%error, "a blob could not be removed");
        }
    }

    /// The whole of a content, for tests' oracles.
    pub(crate) fn read(&self, md5: &str, size: i64) -> io::Result<Vec<u8>> {
        fs::read(self.path(md5, size))
    }

    /// Stores bytes that are in memory already.
    pub(crate) fn store(&self, bytes: &[u8]) -> io::Result<Content> {
        let mut writer = self.writer()?;
        writer.write(bytes)?;
        writer.finish()
    }
}

/// A temporary file; it goes with this value unless it was moved into place.
#[derive(Debug)]
pub(crate) struct Incoming {
    path: PathBuf,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "an unfinished upload could not be removed");
        }
    }
}

/// A content received whole, not yet in its place.
#[derive(Debug)]
pub(crate) struct Content {
    blob: Incoming,
    pub(crate) md5: String,
    pub(crate) size: i64,
}

impl Content {
    /// Cuts the content to fewer bytes, as a server does that stored less than it got.
    pub(crate) fn cut(mut self, size: i64) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(&self.blob.path)?;
        file.set_len(size.unsigned_abs())?;
        let mut md5 = Md5::new();
        let mut reader = io::BufReader::with_capacity(CHUNK, file);
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            md5.update(buffer.get(..read).unwrap_or_default());
        }
        self.md5 = hex(&md5.finalize());
        self.size = size;
        Ok(self)
    }
}

/// Writes a content, hashing on the way.
pub(crate) struct Writer {
    file: File,
    blob: Incoming,
    md5: Md5,
    size: i64,
    pending: Vec<u8>,
}

impl Writer {
    /// Takes bytes; the disk is touched off the async threads, a chunk at a time.
    pub(crate) async fn push(mut self, bytes: &[u8]) -> io::Result<Self> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() < CHUNK {
            return Ok(self);
        }
        off_thread(move || self.flush().map(|()| self)).await
    }

    /// Ends the content.
    pub(crate) async fn end(self) -> io::Result<Content> {
        off_thread(move || self.finish()).await
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(bytes);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.md5.update(&self.pending);
        self.file.write_all(&self.pending)?;
        self.size = self
            .size
            .saturating_add(i64::try_from(self.pending.len()).unwrap_or(i64::MAX));
        self.pending.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Content> {
        self.flush()?;
        Ok(Content {
            md5: hex(&self.md5.finalize()),
            size: self.size,
            blob: self.blob,
        })
    }
}

/// Runs disk work on the blocking pool.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    digits
        .filter_map(|d| char::from_digit(u32::from(d), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_contents_are_stored_once_and_leave_no_temporary_file() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        for _ in 0..2 {
            let content = blobs.store(b"hello").unwrap();
            assert_eq!(content.md5, "5d41402abc4b2a76b9719d911017c592");
            blobs.keep(&content).unwrap();
        }
        assert_eq!(
            blobs.read("5d41402abc4b2a76b9719d911017c592", 5).unwrap(),
            b"hello"
        );
        assert_eq!(fs::read_dir(data.path().join("incoming")).unwrap().count(), 0);
    }

    #[test]
    fn a_cut_content_has_the_hash_of_what_is_left() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path()).unwrap();
        let cut = blobs.store(b"hello!").unwrap().cut(5).unwrap();
        assert_eq!(
            (cut.md5.as_str(), cut.size),
            ("5d41402abc4b2a76b9719d911017c592", 5)
        );
    }
}
