//! One version of a file from the account to the staging area, checked to the last byte (design D2).
//!
//! Never here: a byte written anywhere but in staging, or a short, long or error page taken for the file.

use planner::content::ContentHash;
use planner::id::{FileId, ShortUrl};
use planner::name::LocalName;

use super::Sink;
use super::hands::joined;
use crate::local::staging::{Staged, StagedFile, Staging};
use crate::local::{LocalError, Root};
use crate::remote::account::Account;
use crate::remote::apply::Failure;
use crate::remote::translate;

/// What is to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Which file.
    pub(crate) file: FileId,
    /// Its size in bytes, as its row says.
    pub(crate) size: u64,
    /// Its version, as its row says.
    pub(crate) short_url: Option<ShortUrl>,
    /// Its hash, where it is known: other bytes are not this version.
    pub(crate) hash: Option<ContentHash>,
    /// Free space that must remain, in bytes.
    pub(crate) min_free: u64,
}

/// A version that lies in the staging area, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fetched {
    /// Its staging file.
    pub(crate) staged: Staged,
    /// Its version.
    pub(crate) short_url: Option<ShortUrl>,
}

/// The staging name of a version. One version has one, so an interrupted download is found again.
fn staging_name(file: FileId, size: u64) -> Option<LocalName> {
    LocalName::new(format!("{file}-{size}.part"))
}

/// Downloads begun again from the start or from where they broke, before the file fails in this pass.
const TRIES: usize = 3;

/// Bytes asked for again when a download goes on, and compared with those that came before (`wire.md` §6.2).
const OVERLAP: usize = 64 * 1024;

/// Fetches a version. Where it breaks off it goes on, if what comes then fits to what came before.
pub(crate) async fn fetch(
    account: &Account,
    root: &Root,
    wanted: &Wanted,
    sink: &dyn Sink,
) -> Result<Fetched, Failure> {
    let name = staging_name(wanted.file, wanted.size)
        .ok_or_else(|| Failure::Later("its staging name is none".to_owned()))?;
    room(root, wanted)?;
    let mut part = Part::begin(root, &name).await?;
    let mut last = Failure::Later("the download did not work".to_owned());
    let mut other = None;
    for _ in 0..TRIES {
        match part.go_on(account, root, wanted, sink).await {
            Ok(()) => {
                let staged = part.finish().await?;
                if staged.size != wanted.size {
                    last = Failure::Later(format!("{} of {} bytes came", staged.size, wanted.size));
                } else if wanted.hash.is_some_and(|hash| hash != staged.hash) && other != Some(staged.hash) {
                    // Equal size, other bytes: a bad transfer, or, if it comes so twice, an edit that no listing could
                    // show (design D2, history H42).
                    other = Some(staged.hash);
                    last = Failure::Later("other bytes came than this version has".to_owned());
                } else {
                    return Ok(Fetched {
                        staged,
                        short_url: wanted.short_url.clone(),
                    });
                }
                part = Part::begin(root, &name).await?;
            }
            Err(Broke::GoOn(failure)) => last = failure,
            Err(Broke::StartOver(failure)) => {
                last = failure;
                part = Part::begin(root, &name).await?;
            }
            Err(Broke::End(failure)) => return Err(failure),
        }
    }
    remove(root, &name).await;
    Err(last)
}

/// How a try ended.
enum Broke {
    /// What came so far is good; the rest may be asked for.
    GoOn(Failure),
    /// What came so far is not to be trusted.
    StartOver(Failure),
    /// Another try is of no use.
    End(Failure),
}

/// A download under way.
struct Part {
    staged: StagedFile,
    /// The last bytes that came, at most [`OVERLAP`].
    tail: Vec<u8>,
}

impl Part {
    /// An empty staging file. What an earlier try left is of no use.
    async fn begin(root: &Root, name: &LocalName) -> Result<Self, Failure> {
        let (root, name) = (root.clone(), name.clone());
        let begin = move || {
            Staging::remove(&root, &name)?;
            Staging::create(&root, &name)
        };
        let staged = joined(crate::blocking::run(begin).await).map_err(local)?;
        Ok(Self {
            staged,
            tail: Vec::new(),
        })
    }

    /// Asks for what is missing and writes it down.
    async fn go_on(
        &mut self,
        account: &Account,
        root: &Root,
        wanted: &Wanted,
        sink: &dyn Sink,
    ) -> Result<(), Broke> {
        let tail = std::mem::take(&mut self.tail);
        let overlap = u64::try_from(tail.len()).unwrap_or(u64::MAX);
        let from = self.staged.offset().saturating_sub(overlap);
        if self.staged.offset() >= wanted.size {
            return Ok(());
        }
        let file =
            translate::wire_file(wanted.file).map_err(|error| Broke::End(Failure::of_safe_call(error)))?;
        let mut body = match account.client.download(file, wanted.size, from).await {
            Ok(body) => body,
            Err(error @ api::ApiError::RangeIgnored) => return Err(Broke::StartOver(later(error))),
            Err(error) => {
                self.tail = tail;
                let failure = Failure::of_safe_call(error);
                return Err(if matches!(failure, Failure::Later(_)) {
                    Broke::GoOn(failure)
                } else {
                    Broke::End(failure)
                });
            }
        };
        // It may have waited long for its turn behind others, which filled the disk.
        room(root, wanted).map_err(Broke::End)?;
        let mut expected = tail.as_slice();
        loop {
            let piece = match body.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(()),
                Err(error) => {
                    if self.tail.is_empty() {
                        self.tail = tail;
                    }
                    return Err(match Failure::of_safe_call(error) {
                        failure @ Failure::Fatal(_) => Broke::End(failure),
                        Failure::Stale(why)
                        | Failure::Refused(why)
                        | Failure::Unknown(why)
                        | Failure::Later(why)
                        | Failure::Held(why) => Broke::GoOn(Failure::Later(why)),
                    });
                }
            };
            let known = expected.len().min(piece.len());
            let (old, new) = piece.split_at(known);
            let (head, rest) = expected.split_at(known);
            if old != head {
                let why = "the server sent other bytes than before".to_owned();
                return Err(Broke::StartOver(Failure::Later(why)));
            }
            expected = rest;
            sink.bytes(u64::try_from(new.len()).unwrap_or(u64::MAX));
            self.take(&tail, new).map_err(|error| Broke::End(local(error)))?;
        }
    }

    /// Writes bytes down and remembers the last ones. Pieces are small: a write of a few hundred KiB to the page cache.
    fn take(&mut self, before: &[u8], new: &[u8]) -> Result<(), LocalError> {
        if new.is_empty() {
            return Ok(());
        }
        self.staged.write(new)?;
        if self.tail.is_empty() {
            self.tail.extend_from_slice(before);
        }
        self.tail.extend_from_slice(new);
        let spare = self.tail.len().saturating_sub(OVERLAP);
        self.tail.drain(..spare);
        Ok(())
    }

    async fn finish(self) -> Result<Staged, Failure> {
        joined(crate::blocking::run(move || self.staged.finish()).await).map_err(local)
    }
}

fn later(error: api::ApiError) -> Failure {
    Failure::Later(error.to_string())
}

fn room(root: &Root, wanted: &Wanted) -> Result<(), Failure> {
    let free = root
        .free_bytes()
        .map_err(|error| Failure::Later(error.to_string()))?;
    if free < wanted.size.saturating_add(wanted.min_free) {
        return Err(Failure::Held(format!(
            "not downloaded: it has {} bytes, only {free} are free here, and min_free = {} must remain",
            wanted.size, wanted.min_free
        )));
    }
    Ok(())
}

/// The disk refused.
pub(crate) fn local(error: LocalError) -> Failure {
    super::hands::local_failure(&error)
}

/// Drops a staging file that is of no use any more.
pub(crate) async fn remove(root: &Root, name: &LocalName) {
    let (root, name) = (root.clone(), name.clone());
    // What stays behind is dropped at the next start.
    let _ = crate::blocking::run(move || Staging::remove(&root, &name)).await;
}
