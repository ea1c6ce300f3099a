//! The bytes of both sides, for a check: read on this disk, downloaded from the account, hashed, and kept nowhere.
//!
//! Never here: a byte written. What cannot be read or fetched is told, and the rest goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use planner::content::ContentHash;
use planner::id::{FileId, LocalKey, RemoteId};
use planner::tree::{LocalFile, LocalKind, LocalNode};

use crate::engine::hands::joined;
use crate::engine::observe::RemoteSeen;
use crate::engine::open::{Halt, Session};
use crate::engine::whereabouts::whereabouts;
use crate::local::hash;
use crate::local::scan::Scan;
use crate::remote::account::Account;
use crate::remote::apply::Failure;
use crate::remote::translate;

/// Files read or fetched at once.
const AT_ONCE: usize = 4;

/// Downloads of one file, before it is told as one that cannot be fetched.
const TRIES: usize = 3;

/// Reads every recorded file on this disk and puts its hash into the scan; what cannot be read stays without. Answers how
/// many bytes were read.
pub(super) async fn disk(session: &Session, scan: &mut Scan) -> u64 {
    let recorded = whereabouts(&session.synced, &scan.tree);
    let jobs: Vec<_> = recorded
        .into_iter()
        .filter_map(|(_, place)| {
            let key = place.entry()?;
            let seen = scan.tree.nodes.get(key)?.file()?.clone();
            let path = scan.path(key)?;
            let root = session.root.clone();
            Some(async move {
                let read = crate::blocking::run(move || hash::hash_file(&root, &path, &seen));
                (key, joined(read.await))
            })
        })
        .collect();
    let mut bytes = 0_u64;
    let mut read = stream::iter(jobs).buffer_unordered(AT_ONCE);
    while let Some((key, hashed)) = read.next().await {
        match hashed {
            Ok(hashed) => {
                bytes = bytes.saturating_add(hashed.size);
                learn(scan, key, hashed.hash);
            }
            Err(error) => {
                scan.troubles.entry(key).or_insert_with(|| error.to_string());
            }
        }
        if session.stop.is_cancelled() {
            break;
        }
    }
    bytes
}

fn learn(scan: &mut Scan, key: LocalKey, hash: ContentHash) {
    let Some(node) = scan.tree.nodes.get(key).cloned() else {
        return;
    };
    let Some(file) = node.file().cloned() else { return };
    let file = LocalFile {
        hash: Some(hash),
        ..file
    };
    scan.tree.nodes.insert(LocalNode {
        kind: LocalKind::File(file),
        ..node
    });
}

/// What was downloaded.
#[derive(Debug, Default)]
pub(super) struct Downloads {
    /// BLAKE3 of each file.
    pub(super) hashes: BTreeMap<FileId, ContentHash>,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Local paths of those that could not be had, and why.
    pub(super) failed: Vec<(String, String)>,
}

/// Downloads every recorded file of the account that has the size on record; any other differs without it.
pub(super) async fn account(session: &Session, seen: &RemoteSeen) -> Result<Downloads, Halt> {
    let wanted: Vec<(FileId, u64, String)> = session
        .synced
        .iter()
        .filter_map(|node| {
            let base = node.file()?;
            let row = seen.tree.nodes.get(RemoteId::File(base.remote))?.file()?;
            let path = session.synced.path(node.id)?.to_string();
            (row.size == base.size).then_some((base.remote, base.size, path))
        })
        .collect();
    let total = wanted
        .iter()
        .map(|(_, size, _)| *size)
        .fold(0, u64::saturating_add);
    session
        .sink
        .totals(u64::try_from(wanted.len()).unwrap_or(u64::MAX), total);
    let jobs = wanted.into_iter().map(|(file, size, path)| {
        let (account, sink) = (Arc::clone(&session.account), Arc::clone(&session.sink));
        async move {
            let fetched = fetch(&account, file, size).await;
            sink.bytes(size);
            sink.file_done();
            (file, size, path, fetched)
        }
    });
    let mut out = Downloads::default();
    let mut fetching = stream::iter(jobs.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
    while let Some((file, size, path, fetched)) = fetching.next().await {
        match fetched {
            Ok(hash) => {
                out.bytes = out.bytes.saturating_add(size);
                out.hashes.insert(file, hash);
            }
            Err(Failure::Fatal(error)) => return Err(session.fatal(&error)),
            Err(failure) => out
                .failed
                .push((path, format!("could not be downloaded: {failure}"))),
        }
        if session.stop.is_cancelled() {
            break;
        }
    }
    Ok(out)
}

/// BLAKE3 of a file of the account. A download that breaks off begins again.
async fn fetch(account: &Account, file: FileId, size: u64) -> Result<ContentHash, Failure> {
    let mut last = Failure::Later("the download did not work".to_owned());
    for _ in 0..TRIES {
        match whole(account, file, size).await {
            Ok(hash) => return Ok(hash),
            Err(failure @ Failure::Later(_)) => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

async fn whole(account: &Account, file: FileId, size: u64) -> Result<ContentHash, Failure> {
    let wire = translate::wire_file(file).map_err(Failure::of_safe_call)?;
    let mut body = account
        .client
        .download(wire, size, 0)
        .await
        .map_err(Failure::of_safe_call)?;
    let mut hasher = blake3::Hasher::new();
    while let Some(piece) = body.chunk().await.map_err(Failure::of_safe_call)? {
        hasher.update(&piece);
    }
    if hasher.count() != size {
        return Err(Failure::Later(format!("{} of {size} bytes came", hasher.count())));
    }
    Ok(ContentHash(hasher.finalize().into()))
}
